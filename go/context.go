package apiseal

import "maps"

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

func (f *frame) context(c Context) {
	f.number(uint64(len(c)))
	for name, value := range c {
		f.text(name)
		f.text(value)
	}
}
