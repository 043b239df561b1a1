package apiseal

// #include "bridge.h"
import "C"

import (
	"encoding/binary"
	"maps"
	"unsafe"
)

// Context is what an encryption belongs to: names and values that are stated on every call and stored in no document, at least
// a "purpose". A tenant or an environment stands here; what identifies a record belongs into the policy's "bind".
type Context map[string]string

// With gives a context with one pair more, or another value.
func (c Context) With(name, value string) Context {
	more := make(Context, len(c)+1)
	maps.Copy(more, c)
	more[name] = value
	return more
}

// stated lends the records of a context; none if C has it from the last call, as it does in a service that states the same one
// again and again. The caller's strings are read once: some servers give out strings whose memory the next request changes.
func (f *frame) stated(c Context) C.bridge_records {
	if f.keeps(c) {
		return C.bridge_records{}
	}
	f.context(c)
	return f.records()
}

// keep notes that C has the context of these records.
func (f *frame) keep(context C.bridge_records) {
	if context.data != nil && int(context.len) <= len(f.own.kept) {
		f.own.kept_len = C.size_t(copy(f.keptC(), unsafe.Slice((*byte)(context.data), context.len)))
	}
}

// forget is called before C makes another context.
func (f *frame) forget() {
	clear(f.keptC()[:f.own.kept_len])
	f.own.kept_len = 0
}

func (f *frame) keeps(c Context) bool {
	left := f.keptC()[:f.own.kept_len]
	if len(left) == 0 || binary.NativeEndian.Uint64(left) != uint64(len(c)) {
		return false
	}
	left = left[8:]
	next := func() []byte {
		end := 4 + binary.NativeEndian.Uint32(left)
		text := left[4:end]
		left = left[end:]
		return text
	}
	for len(left) > 0 {
		value, there := c[string(next())]
		if own := next(); !there || value != string(own) {
			return false
		}
	}
	return true
}

func (f *frame) keptC() []byte { return unsafe.Slice((*byte)(&f.own.kept[0]), len(f.own.kept)) }

func (f *frame) context(c Context) {
	f.number(uint64(len(c)))
	for name, value := range c {
		f.text(name)
		f.text(value)
	}
}
