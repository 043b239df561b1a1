package apiseal

// #include "bridge.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// pins lends arrays of bytes to calls that are not worth a function of the bridge.
type pins struct{ runtime.Pinner }

func (p *pins) bytes(data []byte) C.apiseal_bytes {
	own := lend(data)
	if own.data != nil {
		p.Pin(own.data)
	}
	return own
}

func (p *pins) text(text string) C.apiseal_bytes {
	own := lendText(text)
	if own.data != nil {
		p.Pin(own.data)
	}
	return own
}

func (p *pins) texts(texts []string) (*C.apiseal_bytes, C.size_t) {
	own := make([]C.apiseal_bytes, len(texts))
	for at, text := range texts {
		own[at] = p.text(text)
	}
	return pinned(p, own)
}

func (p *pins) context(context Context) (*C.apiseal_pair, C.size_t) {
	own := make([]C.apiseal_pair, 0, len(context))
	for name, value := range context {
		own = append(own, C.apiseal_pair{name: p.text(name), value: p.text(value)})
	}
	return pinned(p, own)
}

// pinned lends an array; NULL if it is empty.
func pinned[T any](p *pins, items []T) (*T, C.size_t) {
	if len(items) == 0 {
		return nil, 0
	}
	first := unsafe.SliceData(items)
	p.Pin(first)
	return first, C.size_t(len(items))
}

// user is any object of the package.
type user interface {
	use() (unsafe.Pointer, error)
	release()
}

func (o *object) release() { o.handle.leave() }

// uses keeps several objects from being freed while a call runs.
type uses struct {
	users []user
	err   error
}

// of gives the pointer of an object; nil after an error.
func of[T any, P interface {
	*T
	user
}](u *uses, own P) unsafe.Pointer {
	if u.err != nil {
		return nil
	}
	if own == nil {
		u.err = closed("an argument is nil")
		return nil
	}
	pointer, err := own.use()
	if err != nil {
		u.err = err
		return nil
	}
	u.users = append(u.users, own)
	return pointer
}

func (u *uses) end() {
	for _, own := range u.users {
		own.release()
	}
}

// takenTexts copies a list of texts, and frees it.
func takenTexts(list *C.apiseal_texts) []string {
	texts := make([]string, 0, list.len)
	for _, text := range unsafe.Slice(list.items, list.len) {
		texts = append(texts, copied(text))
	}
	C.apiseal_texts_free(list)
	return texts
}
