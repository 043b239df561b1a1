package apiseal

// #include "bridge.h"
import "C"

import (
	"runtime/cgo"
	"time"
)

// CipherOption is a setting of [NewFieldCipher] and [NewValueCipher].
type CipherOption interface{ cipher(*settings) }

// SignerOption is a setting of [NewSigner].
type SignerOption interface{ signer(*settings) }

// VerifierOption is a setting of [NewVerifier].
type VerifierOption interface{ verifier(*settings) }

// Option is a setting of ciphers, signers and verifiers.
type Option interface {
	CipherOption
	SignerOption
	VerifierOption
}

// ClockOption is a setting of all that asks for the time.
type ClockOption interface {
	Option
	ReplayOption
}

// WithClock tells the time in the place of the system's clock. A clock that panics reads 1970.
func WithClock(now func() time.Time) ClockOption {
	return everywhere(func(s *settings) { s.clock = now })
}

// WithAudit tells hook of every use of a key.
func WithAudit(hook Audit) Option { return everywhere(func(s *settings) { s.audit = hook }) }

// WithLimits sets the limits of the work on one document.
func WithLimits(limits Limits) CipherOption {
	return forCipher(func(s *settings) { s.limits = limits })
}

// WithHedgedSalts mixes key and document into the salts of encryption, against a random source that is weak.
func WithHedgedSalts() CipherOption {
	return forCipher(func(s *settings) { s.hedged = true })
}

// WithKey signs with the key of this id. Without it, the only active key that serves the profile signs, else the primary
// one.
func WithKey(keyID string) SignerOption { return forSigner(func(s *settings) { s.keyID = keyID }) }

// WithLabel sets the label of the signature, which carries no meaning. Without it, it is "sig".
func WithLabel(label string) SignerOption { return forSigner(func(s *settings) { s.label = label }) }

// WithDebugToken sends four keyed bytes for each line of what is signed, by which the verifier with the same secret names the
// lines that differ.
func WithDebugToken() SignerOption { return forSigner(func(s *settings) { s.debugToken = true }) }

// WithExternalSigner signs outside of the library: an HSM, a KMS, an agent. The ring has the public part under the id that
// [WithKey] states. Signatures are R and S of Ed25519, r and s of fixed size for ECDSA. An error of sign is found by errors.Is and
// errors.As in that of the call.
func WithExternalSigner(sign func(base []byte) (signature []byte, err error)) SignerOption {
	return forSigner(func(s *settings) { s.external = sign })
}

// WithOrigin maps an authority as it is received behind a proxy, for example "backend:8080", to the origin that clients
// know. It may be given several times; once it is, every other authority is refused. X-Forwarded headers are never looked
// at.
func WithOrigin(received, scheme, authority string) VerifierOption {
	return forVerifier(func(s *settings) { s.origins = append(s.origins, [3]string{received, scheme, authority}) })
}

// WithScope demands pairs of the context or scope of a key.
func WithScope(scope Context) VerifierOption {
	return forVerifier(func(s *settings) { s.scope = scope })
}

// Limits of the work on one document, inclusive. 0 stands for the default.
type Limits struct {
	// Document is the number of bytes, clear or encrypted. Default 64 MiB, at most 1 GiB.
	Document int
	// Field is the number of bytes of the JSON text of one protected value. Default 16 MiB.
	Field int
	// Depth is the number of open objects and arrays at any place. Default 128.
	Depth int
	// Fields is the number of protected values. Default and maximum 2^20.
	Fields int
	// Position is the number of bytes of an encoded position. Default 4 KiB.
	Position int
	// Bound is the number of bytes of the bound members of one value. Default 64 KiB.
	Bound int
}

func (l Limits) lent() C.apiseal_limits {
	// A negative limit is out of range, whatever its number.
	of := func(limit int) C.size_t { return C.size_t(limit) }
	return C.apiseal_limits{document: of(l.Document), field: of(l.Field), depth: of(l.Depth), fields: of(l.Fields),
		position: of(l.Position), bound: of(l.Bound)}
}

type settings struct {
	clock      func() time.Time
	audit      Audit
	limits     Limits
	hedged     bool
	keyID      string
	label      string
	debugToken bool
	external   func([]byte) ([]byte, error)
	origins    [][3]string
	scope      Context
	quota      int
}

// taken hands the callbacks over; the library releases them when it needs them no more.
func (s *settings) taken() C.bridge_options {
	options := C.bridge_options{limits: s.limits.lent(), hedged_salts: C.bool(s.hedged), clock: s.takenClock()}
	if s.audit != nil {
		options.audit = C.uintptr_t(cgo.NewHandle(s.audit))
	}
	return options
}

// takenClock hands the clock over; 0 stands for that of the system.
func (s *settings) takenClock() C.uintptr_t {
	if s.clock == nil {
		return 0
	}
	return C.uintptr_t(cgo.NewHandle(s.clock))
}

type everywhere func(*settings)

func (o everywhere) cipher(s *settings)   { o(s) }
func (o everywhere) signer(s *settings)   { o(s) }
func (o everywhere) verifier(s *settings) { o(s) }
func (o everywhere) replay(s *settings)   { o(s) }

type forCipher func(*settings)

func (o forCipher) cipher(s *settings) { o(s) }

type forSigner func(*settings)

func (o forSigner) signer(s *settings) { o(s) }

type forVerifier func(*settings)

func (o forVerifier) verifier(s *settings) { o(s) }
