package apiseal

// #include "bridge.h"
import "C"

import (
	"sync"
	"unsafe"
)

// Spool takes content that arrives in pieces. Keep the pieces where nobody reads them until Finish gives its verdict. Its zero
// value is one that was closed.
type Spool struct {
	lock    sync.Mutex
	spool   object
	pointer *C.apiseal_spool
}

// Spool verifies the head of a request; its content follows by Write. Nothing is claimed before Finish. The body of the
// message is not looked at.
func (v *Verifier) Spool(head *Message) (*Spool, error) {
	pointer, err := v.use()
	if err != nil {
		return nil, err
	}
	defer v.handle.leave()
	f := newFrame()
	defer f.done()
	if err := f.message(head); err != nil {
		return nil, err
	}
	if status := C.bridge_spool_begin((*C.apiseal_verifier)(pointer), f.records(), &f.own.result); status != 0 {
		return nil, failed(status, f.own.result.error)
	}
	s := &Spool{pointer: (*C.apiseal_spool)(f.own.result.object)}
	s.spool.own("Spool", f.own.result.object, func(p unsafe.Pointer) { C.apiseal_spool_free((*C.apiseal_spool)(p)) })
	return s, nil
}

// Write takes the next piece of the content, as it was received. It gives the length of the piece, or an error.
func (s *Spool) Write(piece []byte) (int, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if _, err := s.spool.use(); err != nil {
		return 0, err
	}
	defer s.spool.handle.leave()
	var own *C.apiseal_error
	if status := C.apiseal_spool_write(s.pointer, lend(piece), &own); status != 0 {
		return 0, failed(status, own)
	}
	return len(piece), nil
}

// Finish checks the digest and claims the nonce. The spool is closed, whatever comes of it.
func (s *Spool) Finish() (*Verified, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if _, err := s.spool.use(); err != nil {
		return nil, err
	}
	// The library frees the spool, so the handle must not.
	s.spool.handle.free = func(unsafe.Pointer) {}
	defer s.spool.handle.leave()
	defer s.spool.handle.close()
	var out *C.apiseal_verified
	var own *C.apiseal_error
	if status := C.apiseal_spool_finish(s.pointer, &out, &own); status != 0 {
		return nil, failed(status, own)
	}
	f := newFrame()
	defer f.done()
	C.bridge_verified_facts(out, f.room(), &f.own.result)
	return newVerified(unsafe.Pointer(out), f.facts()), nil
}

// Close frees a spool that is not to be finished. It may be called more than once.
func (s *Spool) Close() error {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.spool.Close()
}
