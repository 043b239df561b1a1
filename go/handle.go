package apiseal

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// handle counts who uses an object of the library, so that it is freed by the last of them and never before.
type handle struct {
	pointer unsafe.Pointer
	free    func(unsafe.Pointer)
	// users are the calls that run, and one for the owner until it closes.
	users  atomic.Int64
	closed atomic.Bool
}

// enter begins a use; false if the object was closed.
func (h *handle) enter() bool {
	for !h.closed.Load() {
		users := h.users.Load()
		if users == 0 {
			return false
		}
		if h.users.CompareAndSwap(users, users+1) {
			return true
		}
	}
	return false
}

// leave ends a use.
func (h *handle) leave() {
	if h.users.Add(-1) == 0 {
		h.free(h.pointer)
	}
}

func (h *handle) close() {
	if h.closed.CompareAndSwap(false, true) {
		h.leave()
	}
}

// object is what all types of the package have in common. Its zero value is one that was closed.
type object struct {
	handle *handle
	name   string
}

// own makes o the owner of pointer; the garbage collector closes what its user does not.
func (o *object) own(name string, pointer unsafe.Pointer, free func(unsafe.Pointer)) {
	o.name = name
	o.handle = &handle{pointer: pointer, free: free}
	o.handle.users.Store(1)
	runtime.AddCleanup(o, (*handle).close, o.handle)
}

// Close frees what the object holds outside of Go's heap, secrets wiped. Calls that run end as they would have; later ones
// give ErrClosed. It may be called more than once, and always gives nil.
func (o *object) Close() error {
	if o.handle != nil {
		o.handle.close()
	}
	return nil
}

// use gives the pointer; after a nil error call o.handle.leave.
func (o *object) use() (unsafe.Pointer, error) {
	if o.handle == nil {
		return nil, closed("an object was never made")
	}
	if !o.handle.enter() {
		return nil, closed("the " + o.name + " was closed")
	}
	return o.handle.pointer, nil
}

func closed(message string) error {
	return &Error{Code: CodeInvalidArgument, Message: message, Offset: -1, HTTPStatus: 500, cause: ErrClosed}
}

// String gives the type: what is inside is not for a log.
func (o object) String() string {
	if o.name == "" {
		return "apiseal.REDACTED"
	}
	return "apiseal." + o.name + "(REDACTED)"
}

// Format prints the type whatever the verb: what is inside is not for a log.
func (o object) Format(f fmt.State, _ rune) { fmt.Fprint(f, o.String()) }

// LogValue tells a structured log the type: what is inside is not for it.
func (o object) LogValue() slog.Value { return slog.StringValue(o.String()) }

// MarshalText refuses: an object is not to be written anywhere.
func (o object) MarshalText() ([]byte, error) {
	return nil, invalid("a " + o.name + " cannot be marshalled")
}
