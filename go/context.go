package apiseal

// #include "bridge.h"
import "C"

import (
	"maps"
	"strings"
)

// Context is what an encryption belongs to: names and values that are stated on every call and stored nowhere, at least a
// "purpose". A tenant or an environment stands here; what identifies a record belongs into the policy's "bind".
type Context map[string]string

// With gives a context with one pair more, or another value.
func (c Context) With(name, value string) Context {
	more := make(Context, len(c)+1)
	maps.Copy(more, c)
	more[name] = value
	return more
}

// pair is a name and a value of a context.
type pair struct{ name, value string }

// kept lends the records of a context; none if the frame keeps it from its last call, as it does in a service that states
// the same one again and again.
func (f *frame) kept(c Context) C.bridge_records {
	if f.keeps(c) {
		return C.bridge_records{}
	}
	f.own.kept, f.pairs = false, f.pairs[:0]
	for name, value := range c {
		// Copied: some servers give out strings whose memory the next request changes.
		f.pairs = append(f.pairs, pair{strings.Clone(name), strings.Clone(value)})
	}
	f.context(c)
	return f.records()
}

func (f *frame) keeps(c Context) bool {
	if !f.own.kept || len(f.pairs) != len(c) {
		return false
	}
	for _, own := range f.pairs {
		if value, there := c[own.name]; !there || value != own.value {
			return false
		}
	}
	return true
}

func (f *frame) context(c Context) {
	f.number(uint64(len(c)))
	for name, value := range c {
		f.text(name)
		f.text(value)
	}
}
