package apiseal

// #include "bridge.h"
import "C"

import (
	"encoding/binary"
	"sync"
	"unsafe"
)

// frame is the memory of one call: what goes into it and what comes out. It is used again by other calls, so that a call
// costs no allocation but that of its result.
type frame struct {
	in     []byte
	result C.bridge_result
	out    [4096]byte
}

var frames = sync.Pool{New: func() any { return &frame{in: make([]byte, 0, 1024)} }}

func newFrame() *frame { return frames.Get().(*frame) }

// done wipes what was written, and gives the frame back.
func (f *frame) done() {
	clear(f.in)
	clear(f.out[:min(int(f.result.len), len(f.out))])
	f.in, f.result = f.in[:0], C.bridge_result{}
	if cap(f.in) <= 1<<16 {
		frames.Put(f)
	}
}

// records lends what was put.
func (f *frame) records() C.bridge_records {
	return C.bridge_records{data: (*C.uint8_t)(unsafe.SliceData(f.in)), len: C.size_t(len(f.in))}
}

// room lends the memory for facts.
func (f *frame) room() C.bridge_room {
	return C.bridge_room{data: (*C.uint8_t)(&f.out[0]), cap: C.size_t(len(f.out))}
}

// facts copies the records that came out.
func (f *frame) facts() *facts {
	own := f.result.records
	if own == nil {
		return &facts{text_: string(f.out[:f.result.len])}
	}
	text := string(unsafe.Slice((*byte)(own), f.result.records_len))
	C.bridge_records_free(own, f.result.records_len)
	return &facts{text_: text}
}

func (f *frame) number(number uint64) { f.in = binary.NativeEndian.AppendUint64(f.in, number) }

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
