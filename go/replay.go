package apiseal

// #include "bridge.h"
import "C"

import (
	"runtime/cgo"
	"time"
	"unsafe"
)

// Outcome is what a replay store answers. Every other number is taken for Unknown.
type Outcome uint32

// The outcomes.
const (
	// First: nobody claimed the nonce before; from now on it is taken.
	First Outcome = C.APISEAL_OUTCOME_FIRST
	// Seen: the nonce was claimed before.
	Seen Outcome = C.APISEAL_OUTCOME_SEEN
	// Full: the store, or the principal's share of it, is full. Nothing was claimed and nothing forgotten.
	Full Outcome = C.APISEAL_OUTCOME_FULL
	// Unknown: the store cannot tell.
	Unknown Outcome = C.APISEAL_OUTCOME_UNKNOWN
)

// Claim is one nonce to be claimed.
type Claim struct {
	// Scope keeps nonces of different keys and profiles apart.
	Scope [32]byte
	// Nonce is as it stands in the message.
	Nonce string
	// Principal is whose key signed; the key id where the key names no principal.
	Principal string
	// Created is when the signature was created.
	Created time.Time
	// Skew is how far clocks may differ.
	Skew time.Duration
	// Until is until when the nonce must be remembered.
	Until time.Time
	// Now is the time by the verifier's clock.
	Now time.Time
}

// ReplayStore keeps nonces where all processes of a service find them: Redis, a database. One operation, atomic: of many
// parallel claims of one nonce exactly one is First. A store never forgets a nonce before its time, not even when it is
// full. It is called by several goroutines at once, and only after signature and digest hold. A panic is taken for Unknown.
type ReplayStore interface {
	Claim(Claim) Outcome
}

// Replay is what a verifier asks whether a message came before. There is no default.
type Replay struct{ object }

// ReplayOption is a setting of [NewMemoryReplay]: [WithQuota] or [WithClock].
type ReplayOption interface{ replay(*settings) }

type forReplay func(*settings)

func (o forReplay) replay(s *settings) { o(s) }

// WithQuota bounds the nonces that one principal may use, so that it cannot fill the store for all.
func WithQuota(nonces int) ReplayOption { return forReplay(func(s *settings) { s.quota = nonces }) }

// NewMemoryReplay makes a store in the memory of this process, of at most capacity nonces. It does not answer for
// signatures that were created before it was made.
func NewMemoryReplay(capacity int, options ...ReplayOption) (*Replay, error) {
	var own settings
	for _, option := range options {
		option.replay(&own)
	}
	if capacity < 0 || own.quota < 0 {
		return nil, invalid("capacity and quota of a replay store cannot be negative")
	}
	var result C.bridge_result
	status := C.bridge_replay_memory(C.size_t(capacity), C.size_t(own.quota), own.takenClock(), &result)
	return newReplay(status, &result)
}

// NewReplay makes a store of one's own.
func NewReplay(store ReplayStore) (*Replay, error) {
	if store == nil {
		return nil, invalid("there is no replay store")
	}
	var result C.bridge_result
	status := C.bridge_replay_store(C.uintptr_t(cgo.NewHandle(store)), &result)
	return newReplay(status, &result)
}

// UncheckedReplay is no check at all: every copy of a message is accepted while it is fresh. For verifiers of responses, and
// for services where repeating a message changes nothing.
func UncheckedReplay() (*Replay, error) {
	var out *C.apiseal_replay
	var result C.bridge_result
	status := C.apiseal_replay_unchecked(&out, &result.error)
	result.object = unsafe.Pointer(out)
	return newReplay(status, &result)
}

func newReplay(status C.apiseal_status, result *C.bridge_result) (*Replay, error) {
	if status != 0 {
		return nil, failed(status, result.error)
	}
	r := new(Replay)
	r.own("Replay", result.object, func(p unsafe.Pointer) { C.apiseal_replay_free((*C.apiseal_replay)(p)) })
	return r, nil
}
