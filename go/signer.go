package apiseal

// #include "bridge.h"
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// Signer signs messages. Make one and share it.
type Signer struct{ object }

// NewSigner makes a signer of a ring and a profile, nil for apiseal-v1; both may be closed afterwards.
func NewSigner(ring *Keyring, profile *Profile, options ...SignerOption) (*Signer, error) {
	var own settings
	for _, option := range options {
		option.signer(&own)
	}
	profile, done, err := profile.orV1()
	if err != nil {
		return nil, err
	}
	defer done()
	var uses uses
	defer uses.end()
	keys, rules := of(&uses, ring), of(&uses, profile)
	if uses.err != nil {
		return nil, uses.err
	}
	settings := own.taken()
	var external C.uintptr_t
	if own.external != nil {
		external = C.uintptr_t(cgo.NewHandle(own.external))
	}
	var result C.bridge_result
	status := C.bridge_signer_new((*C.apiseal_keyring)(keys), (*C.apiseal_profile)(rules), lendText(own.keyID),
		lendText(own.label), C.bool(own.debugToken), external, &settings, &result)
	if status != 0 {
		return nil, failed(status, result.error)
	}
	return newSigner(result.object), nil
}

func newSigner(pointer unsafe.Pointer) *Signer {
	s := new(Signer)
	s.own("Signer", pointer, func(p unsafe.Pointer) { C.apiseal_signer_free((*C.apiseal_signer)(p)) })
	return s
}

// clone is another reference to the same signer, which outlives this one.
func (s *Signer) clone() (*Signer, error) {
	pointer, err := s.use()
	if err != nil {
		return nil, err
	}
	defer s.handle.leave()
	return newSigner(unsafe.Pointer(C.apiseal_signer_clone((*C.apiseal_signer)(pointer)))), nil
}

// Signed is a signature. What it tells outlives Close; to verify the response to a request, it must be open.
type Signed struct {
	object
	// Headers are the lines that must be added to the message.
	Headers []Header
	// Base is what was signed. It holds header values.
	Base string
	// Nonce is empty if there is none.
	Nonce string
	// Ignored tells, in sentences for a person, what an Accept-Signature field asked for and did not get.
	Ignored []string
}

// Sign signs a request.
func (s *Signer) Sign(request *Message) (*Signed, error) {
	return s.sign(request, nil, C.apiseal_bytes{})
}

// SignAccepting signs a request and covers besides what the value of an Accept-Signature field asks for, as far as the
// profile allows it.
func (s *Signer) SignAccepting(request *Message, acceptSignature string) (*Signed, error) {
	return s.sign(request, nil, lendText(acceptSignature))
}

// SignResponse signs the one final response to a verified request.
func (s *Signer) SignResponse(response *Message, request *Verified) (*Signed, error) {
	if request == nil {
		return nil, invalid("a response is signed for a verified request only")
	}
	return s.sign(response, request, C.apiseal_bytes{})
}

func (s *Signer) sign(message *Message, request *Verified, accept C.apiseal_bytes) (*Signed, error) {
	var uses uses
	defer uses.end()
	var answered unsafe.Pointer
	pointer := of(&uses, s)
	if request != nil {
		answered = of(&uses, request)
	}
	if uses.err != nil {
		return nil, uses.err
	}
	f := newFrame()
	defer f.done()
	if err := f.message(message); err != nil {
		return nil, err
	}
	status := C.bridge_sign((*C.apiseal_signer)(pointer), f.records(), lend(message.Body), (*C.apiseal_verified)(answered),
		accept, f.room(), &f.own.result)
	if status != 0 {
		return nil, f.failedSigning(status)
	}
	signed := new(Signed)
	signed.own("Signed", f.own.result.object, func(p unsafe.Pointer) { C.apiseal_signed_free((*C.apiseal_signed)(p)) })
	signed.read(f.facts())
	return signed, nil
}

func (s *Signed) read(facts *facts) {
	s.Headers = facts.headers()
	s.Base, s.Nonce = facts.text(), facts.text()
	for range facts.number() {
		s.Ignored = append(s.Ignored, facts.text())
	}
}
