package apiseal

// #include "bridge.h"
import "C"

import "unsafe"

// Verifier verifies messages. Make one and share it.
type Verifier struct{ object }

// NewVerifier makes a verifier of a ring, a profile, nil for apiseal-v1, and a replay store; all of them may be closed
// afterwards. Responses need no replay store: [UncheckedReplay].
func NewVerifier(ring *Keyring, profile *Profile, replay *Replay, options ...VerifierOption) (*Verifier, error) {
	var own settings
	for _, option := range options {
		option.verifier(&own)
	}
	profile, done, err := profile.orV1()
	if err != nil {
		return nil, err
	}
	defer done()
	var uses uses
	defer uses.end()
	keys, rules, nonces := of(&uses, ring), of(&uses, profile), of(&uses, replay)
	if uses.err != nil {
		return nil, uses.err
	}
	settings := own.taken()
	f := newFrame()
	defer f.done()
	f.number(uint64(len(own.origins)))
	for _, origin := range own.origins {
		f.text(origin[0])
		f.text(origin[1])
		f.text(origin[2])
	}
	f.context(own.scope)
	status := C.bridge_verifier_new((*C.apiseal_keyring)(keys), (*C.apiseal_profile)(rules), (*C.apiseal_replay)(nonces),
		f.records(), &settings, &f.own.result)
	if status != 0 {
		return nil, failed(status, f.own.result.error)
	}
	return newVerifier(f.own.result.object), nil
}

func newVerifier(pointer unsafe.Pointer) *Verifier {
	v := new(Verifier)
	v.own("Verifier", pointer, func(p unsafe.Pointer) { C.apiseal_verifier_free((*C.apiseal_verifier)(p)) })
	return v
}

// clone is another reference to the same verifier, which outlives this one.
func (v *Verifier) clone() (*Verifier, error) {
	pointer, err := v.use()
	if err != nil {
		return nil, err
	}
	defer v.handle.leave()
	return newVerifier(unsafe.Pointer(C.apiseal_verifier_clone((*C.apiseal_verifier)(pointer)))), nil
}

// Verify verifies a request whose content is at hand: signature, freshness, content, and last of all its nonce. On failure
// answer the peer with [Error.HTTPStatus] and nothing more.
func (v *Verifier) Verify(request *Message) (*Verified, error) {
	return v.verify(request, nil, nil, nil)
}

// VerifyResponse verifies the response to a request that was signed here, once for each.
func (v *Verifier) VerifyResponse(response *Message, request *Signed) (*Verified, error) {
	if request == nil {
		return nil, invalid("a response is verified with its request")
	}
	return v.verify(response, request, nil, nil)
}

// VerifyResponseToVerified verifies the response to a request that was signed elsewhere and verified as it was sent, once
// for each.
func (v *Verifier) VerifyResponseToVerified(response *Message, request *Verified) (*Verified, error) {
	if request == nil {
		return nil, invalid("a response is verified with its request")
	}
	return v.verify(response, nil, request, nil)
}

// VerifyResponseUnbound verifies the response to any request; only for profiles that do not bind responses by the nonce.
func (v *Verifier) VerifyResponseUnbound(response, request *Message) (*Verified, error) {
	if request == nil {
		return nil, invalid("a response is verified with its request")
	}
	return v.verify(response, nil, nil, request)
}

func (v *Verifier) verify(message *Message, sent *Signed, relayed *Verified, unbound *Message) (*Verified, error) {
	var uses uses
	defer uses.end()
	var own, other unsafe.Pointer
	pointer := of(&uses, v)
	if sent != nil {
		own = of(&uses, sent)
	}
	if relayed != nil {
		other = of(&uses, relayed)
	}
	if uses.err != nil {
		return nil, uses.err
	}
	f := newFrame()
	defer f.done()
	if err := f.message(message); err != nil {
		return nil, err
	}
	var records C.bridge_records
	if unbound != nil {
		request := newFrame()
		defer request.done()
		if err := request.message(unbound); err != nil {
			return nil, err
		}
		records = request.records()
	}
	status := C.bridge_verify((*C.apiseal_verifier)(pointer), f.records(), lend(message.Body), (*C.apiseal_signed)(own),
		(*C.apiseal_verified)(other), records, f.room(), &f.own.result)
	if status != 0 {
		return nil, failed(status, f.own.result.error)
	}
	return newVerified(f.own.result.object, f.facts()), nil
}

// AcceptSignature gives the value of an Accept-Signature field that asks for what the profile demands of requests.
func (v *Verifier) AcceptSignature(label string) (string, error) {
	pointer, err := v.use()
	if err != nil {
		return "", err
	}
	defer v.handle.leave()
	var out C.apiseal_buffer
	var own *C.apiseal_error
	if status := C.apiseal_verifier_accept_signature((*C.apiseal_verifier)(pointer), lendText(label), &out, &own); status != 0 {
		return "", failed(status, own)
	}
	return string(taken(out)), nil
}
