package apiseal

// #include "bridge.h"
import "C"

import (
	"fmt"
	"io"
	"runtime/cgo"
	"sync"
	"time"
	"unsafe"
)

// What the library calls. A panic must not unwind through C: each function answers with a failure instead.

//export apisealGoRelease
func apisealGoRelease(handle C.uintptr_t) { cgo.Handle(handle).Delete() }

//export apisealGoNow
func apisealGoNow(handle C.uintptr_t) (now C.uint64_t) {
	defer func() {
		if recover() != nil {
			now = 0
		}
	}()
	return C.uint64_t(max(0, cgo.Handle(handle).Value().(func() time.Time)().Unix()))
}

//export apisealGoEvent
func apisealGoEvent(handle C.uintptr_t, event *C.apiseal_event) {
	defer func() { _ = recover() }()
	own := Event{
		Operation:     copied(event.operation),
		Policy:        copied(event.policy),
		Rule:          copied(event.rule),
		KeyID:         copied(event.key_id),
		Count:         uint64(event.count),
		AcceptedPlain: uint64(event.accepted_plain),
		Failure:       Code(event.failure),
	}
	if event.context_tag.data != nil {
		own.ContextTag = []byte(copied(event.context_tag))
	}
	for _, name := range unsafe.Slice(event.context_names, event.context_names_len) {
		own.ContextNames = append(own.ContextNames, copied(name))
	}
	cgo.Handle(handle).Value().(Audit).Event(own)
}

//export apisealGoClaim
func apisealGoClaim(handle C.uintptr_t, claim *C.apiseal_claim) (outcome C.uint32_t) {
	defer func() {
		if recover() != nil {
			outcome = C.uint32_t(Unknown)
		}
	}()
	own := Claim{
		Nonce:     copied(claim.nonce),
		Principal: copied(claim.principal),
		Created:   seconds(uint64(claim.created)),
		Skew:      time.Duration(claim.skew) * time.Second,
		Until:     seconds(uint64(claim.until)),
		Now:       seconds(uint64(claim.now)),
	}
	copy(own.Scope[:], copied(claim.scope))
	return C.uint32_t(cgo.Handle(handle).Value().(ReplayStore).Claim(own))
}

// apisealGoSign gives the handle of why it failed, or 0.
//
//export apisealGoSign
func apisealGoSign(handle C.uintptr_t, base C.apiseal_bytes, into *C.uint8_t, capacity C.size_t, length *C.size_t) (why C.uintptr_t) {
	because := func(err error) C.uintptr_t { return C.uintptr_t(cgo.NewHandle(err)) }
	defer func() {
		if cause := recover(); cause != nil {
			why = because(fmt.Errorf("it panicked: %v", cause))
		}
	}()
	signature, err := cgo.Handle(handle).Value().(func([]byte) ([]byte, error))([]byte(copied(base)))
	if err != nil {
		return because(err)
	}
	if len(signature) > int(capacity) {
		return because(fmt.Errorf("a signature has at most %d bytes, and it gave %d", capacity, len(signature)))
	}
	*length = C.size_t(copy(unsafe.Slice((*byte)(into), capacity), signature))
	return 0
}

// failedSigning is failed where an external signer may be the reason.
func (f *frame) failedSigning(status C.apiseal_status) error {
	err := failed(status, f.own.result.error)
	if f.own.result.why != 0 {
		handle := cgo.Handle(f.own.result.why)
		defer handle.Delete()
		if own, ok := err.(*Error); ok {
			own.cause = handle.Value().(error)
			own.Message = "the external signer failed: " + own.cause.Error()
		}
	}
	return err
}

//export apisealGoDecode
func apisealGoDecode(handle C.uintptr_t, coding, content C.apiseal_bytes, into *C.uint8_t, capacity C.size_t) (length C.ptrdiff_t) {
	defer func() {
		if recover() != nil {
			length = -1
		}
	}()
	decode := cgo.Handle(handle).Value().(func(string, []byte, int) ([]byte, error))
	decoded, err := decode(copied(coding), []byte(copied(content)), int(capacity))
	if err != nil || uint64(len(decoded)) > uint64(capacity) {
		return -1
	}
	return C.ptrdiff_t(copy(unsafe.Slice((*byte)(into), capacity), decoded))
}

// source is where lines come from, and what went wrong there. The library reads from one thread at a time, but not always
// the same.
type source struct {
	reader io.Reader
	lock   sync.Mutex
	err    error
}

func (s *source) failure() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.err == io.EOF {
		return nil
	}
	return s.err
}

// read fills at least one byte; 0 at the end, -1 on failure.
func (s *source) read(into []byte) (length int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	defer func() {
		if cause := recover(); cause != nil {
			s.err = fmt.Errorf("apiseal: the reader panicked: %v", cause)
			length = -1
		}
	}()
	for tries := 0; s.err == nil; tries++ {
		length, s.err = s.reader.Read(into)
		if length > 0 {
			return length
		}
		if tries == 100 {
			s.err = io.ErrNoProgress
		}
	}
	if s.err == io.EOF {
		return 0
	}
	return -1
}

//export apisealGoRead
func apisealGoRead(handle C.uintptr_t, into *C.uint8_t, capacity C.size_t) C.ptrdiff_t {
	return C.ptrdiff_t(cgo.Handle(handle).Value().(*source).read(unsafe.Slice((*byte)(into), capacity)))
}

// contextMaker is a function of the caller, and what it gave.
type contextMaker struct {
	make    func(*Verified) (Context, error)
	context Context
	err     error
}

//export apisealGoMakeContext
func apisealGoMakeContext(handle C.uintptr_t, records *C.uint8_t, length C.size_t, madeLength *C.size_t) (made *C.uint8_t) {
	own := cgo.Handle(handle).Value().(*contextMaker)
	defer func() {
		if cause := recover(); cause != nil {
			own.err, made = fmt.Errorf("apiseal: the function that makes the context panicked: %v", cause), nil
		}
	}()
	verified := &Verified{}
	verified.read(&facts{text_: string(unsafe.Slice((*byte)(records), length))})
	own.context, own.err = own.make(verified)
	if own.err != nil {
		return nil
	}
	f := newFrame()
	defer f.done()
	f.context(own.context)
	*madeLength = C.size_t(len(f.in))
	return (*C.uint8_t)(C.CBytes(f.in))
}

func seconds(unix uint64) time.Time { return time.Unix(int64(unix), 0) }
