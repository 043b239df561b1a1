package apiseal

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// handle counts the calls that use an object of the library, so that it is freed by the last of them and never before.
type handle struct {
	pointer unsafe.Pointer
	free    func(unsafe.Pointer)
	// users is the number of calls that run, and marks above it.
	users atomic.Int64
	// forgotten frees the object of a handle that nobody has any more.
	forgotten runtime.Cleanup
}

const (
	closedMark int64 = 1 << 62
	freedMark  int64 = 1<<62 | 1<<61
)

// enter begins a use; false if the object was closed.
func (h *handle) enter() bool {
	if h.users.Add(1) < closedMark {
		return true
	}
	h.leave()
	return false
}

// leave ends a use.
func (h *handle) leave() {
	if h.users.Add(-1) == closedMark {
		h.end()
	}
}

func (h *handle) close() {
	if h.users.Or(closedMark) == 0 {
		h.end()
	}
}

// end frees the object. Whoever enters too late makes the count come to nothing a second time.
func (h *handle) end() {
	if h.users.CompareAndSwap(closedMark, freedMark) {
		h.forgotten.Stop()
		h.free(h.pointer)
		runtime.KeepAlive(h)
	}
}

// object is what all types of the package have in common. Its zero value is one that was closed.
type object struct {
	handle *handle
	name   string
}

// own makes o the owner of pointer, together with its copies; the garbage collector frees what its user does not.
func (o *object) own(name string, pointer unsafe.Pointer, free func(unsafe.Pointer)) {
	o.name = name
	o.handle = &handle{pointer: pointer, free: free}
	o.handle.forgotten = runtime.AddCleanup(o.handle, free, pointer)
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
	if h := o.handle; h != nil && h.enter() {
		return h.pointer, nil
	}
	return nil, o.unusable()
}

func (o *object) unusable() error {
	if o.handle == nil {
		return closed("an object was never made")
	}
	return closed("the " + o.name + " was closed")
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
