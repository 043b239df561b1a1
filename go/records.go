package apiseal

// #include "bridge.h"
import "C"

import (
	"encoding/binary"
	"runtime"
	"sync"
	"unsafe"
)

// frame is the memory of one call: what goes into it and what comes out. It is used again by other calls, so that most calls
// cost no allocation but that of their result.
type frame struct {
	own *C.bridge_frame
	// in is memory of C, and of Go if that is not enough.
	in []byte
}

var frames = sync.Pool{New: func() any {
	f := &frame{own: C.bridge_frame_new()}
	f.in = f.inC()
	runtime.AddCleanup(f, func(own *C.bridge_frame) { C.bridge_frame_free(own) }, f.own)
	return f
}}

func newFrame() *frame { return frames.Get().(*frame) }

func (f *frame) inC() []byte { return unsafe.Slice((*byte)(&f.own.in[0]), len(f.own.in))[:0] }

func (f *frame) outC() []byte { return unsafe.Slice((*byte)(&f.own.out[0]), len(f.own.out)) }

// done wipes what was written, and gives the frame back.
func (f *frame) done() {
	clear(f.in)
	clear(f.outC()[:min(int(f.own.result.len), len(f.own.out))])
	f.in, f.own.result = f.inC(), C.bridge_result{}
	if f.own.document.cap > 1<<16 {
		C.apiseal_buffer_free(&f.own.document)
	}
	frames.Put(f)
}

// document appends the document that came out to dst. What is secret of it is wiped where it was.
func (f *frame) document(dst []byte) []byte {
	own := &f.own.document
	made := unsafe.Slice((*byte)(own.data), own.len)
	if dst == nil && len(made) > 0 {
		// Cheaper than append: the memory is just as long as it is.
		dst = make([]byte, len(made))
		copy(dst, made)
	} else {
		dst = append(dst, made...)
	}
	if own.wipe {
		clear(made)
	}
	return dst
}

// records lends what was put.
func (f *frame) records() C.bridge_records {
	return C.bridge_records{data: (*C.uint8_t)(unsafe.SliceData(f.in)), len: C.size_t(len(f.in))}
}

// room lends the memory for facts.
func (f *frame) room() C.bridge_room {
	return C.bridge_room{data: &f.own.out[0], cap: C.size_t(len(f.own.out))}
}

// facts copies the records that came out.
func (f *frame) facts() *facts {
	own := f.own.result.records
	if own == nil {
		return &facts{text_: string(f.outC()[:f.own.result.len])}
	}
	text := string(unsafe.Slice((*byte)(own), f.own.result.records_len))
	C.bridge_records_free(own, f.own.result.records_len)
	return &facts{text_: text}
}

// grow makes room for more. What moves is wiped where it was.
func (f *frame) grow(count int) {
	if cap(f.in)-len(f.in) < count {
		more := append(make([]byte, 0, 2*(len(f.in)+count)), f.in...)
		clear(f.in)
		f.in = more
	}
}

func (f *frame) number(number uint64) {
	f.grow(8)
	f.in = binary.NativeEndian.AppendUint64(f.in, number)
}

func (f *frame) flag(flag bool) {
	if flag {
		f.number(1)
	} else {
		f.number(0)
	}
}

// text puts a record. Nothing is longer than 4 GiB but what the library refuses, which is cut to that.
func (f *frame) text(text string) {
	text = text[:min(len(text), C.BRIDGE_ABSENT-1)]
	f.grow(4 + len(text))
	f.in = append(binary.NativeEndian.AppendUint32(f.in, uint32(len(text))), text...)
}

// facts are records that came out.
type facts struct{ text_ string }

func (f *facts) number() uint64 {
	number := binary.NativeEndian.Uint64([]byte(f.text_[:8]))
	f.text_ = f.text_[8:]
	return number
}

// optional gives a record, and whether there is one.
func (f *facts) optional() (string, bool) {
	length := binary.NativeEndian.Uint32([]byte(f.text_[:4]))
	f.text_ = f.text_[4:]
	if length == C.BRIDGE_ABSENT {
		return "", false
	}
	text := f.text_[:length]
	f.text_ = f.text_[length:]
	return text, true
}

func (f *facts) text() string {
	text, _ := f.optional()
	return text
}

func (f *facts) headers() []Header {
	headers := make([]Header, f.number())
	for at := range headers {
		headers[at] = Header{Name: f.text(), Value: f.text()}
	}
	return headers
}

// lend gives bytes to a call. They must not be changed by others while it runs.
func lend(data []byte) C.apiseal_bytes {
	if len(data) == 0 {
		return C.apiseal_bytes{}
	}
	return C.apiseal_bytes{data: (*C.uint8_t)(unsafe.SliceData(data)), len: C.size_t(len(data))}
}

func lendText(text string) C.apiseal_bytes {
	if text == "" {
		return C.apiseal_bytes{}
	}
	return C.apiseal_bytes{data: (*C.uint8_t)(unsafe.StringData(text)), len: C.size_t(len(text))}
}

// copied copies bytes that the library lends.
func copied(bytes C.apiseal_bytes) string {
	return string(unsafe.Slice((*byte)(bytes.data), bytes.len))
}

// taken copies bytes that are ours, and frees them.
func taken(own C.apiseal_buffer) []byte {
	data := append([]byte(nil), unsafe.Slice((*byte)(own.data), own.len)...)
	C.apiseal_buffer_free(&own)
	return data
}
