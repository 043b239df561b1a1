package apiseal

// #include "bridge.h"
import "C"

import "unsafe"

// Profile is what signatures must cover and state.
type Profile struct{ object }

// ProfileV1 is the strict default, apiseal-v1. Signers and verifiers take it if they are given nil.
func ProfileV1() (*Profile, error) {
	var out *C.apiseal_profile
	var own *C.apiseal_error
	status := C.apiseal_profile_v1(&out, &own)
	return newProfile(status, out, own)
}

// ParseProfile reads a profile: apiseal-v1 with more, or plain RFC 9421 for a foreign peer (docs/signing.md).
func ParseProfile[T string | []byte](json T) (*Profile, error) {
	var out *C.apiseal_profile
	var own *C.apiseal_error
	status := C.apiseal_profile_from_json(lend([]byte(json)), &out, &own)
	return newProfile(status, out, own)
}

func newProfile(status C.apiseal_status, out *C.apiseal_profile, own *C.apiseal_error) (*Profile, error) {
	if status != 0 {
		return nil, failed(status, own)
	}
	p := new(Profile)
	p.own("Profile", unsafe.Pointer(out), func(p unsafe.Pointer) { C.apiseal_profile_free((*C.apiseal_profile)(p)) })
	return p, nil
}

// orV1 gives the profile, or apiseal-v1 in the place of nil, which done closes.
func (p *Profile) orV1() (own *Profile, done func(), err error) {
	if p != nil {
		return p, func() {}, nil
	}
	own, err = ProfileV1()
	if err != nil {
		return nil, nil, err
	}
	return own, func() { _ = own.Close() }, nil
}

// ID is the id of the profile; empty after Close.
func (p *Profile) ID() string {
	pointer, err := p.use()
	if err != nil {
		return ""
	}
	defer p.handle.leave()
	return copied(C.apiseal_profile_id((*C.apiseal_profile)(pointer)))
}

// Lint tells, in sentences for a person, what a message that is signed under the profile leaves unprotected, and which of
// its headers proxies are known to change.
func (p *Profile) Lint(message *Message) ([]string, error) {
	pointer, err := p.use()
	if err != nil {
		return nil, err
	}
	defer p.handle.leave()
	f := newFrame()
	defer f.done()
	if err := f.message(message); err != nil {
		return nil, err
	}
	var out C.apiseal_texts
	var own *C.apiseal_error
	status := C.bridge_profile_lint((*C.apiseal_profile)(pointer), f.records(), lend(message.Body), &out, &own)
	if status != 0 {
		return nil, failed(status, own)
	}
	return takenTexts(&out), nil
}
