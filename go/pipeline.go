package apiseal

// #include "bridge.h"
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// Protector encrypts the fields of messages and signs them. Its clock is that of the cipher.
type Protector struct {
	object
	signer *Signer
}

// NewProtector makes a protector of a cipher and a signer, which may be closed afterwards. The signer's profile must demand a
// digest, a nonce and responses that are bound by it.
func NewProtector(cipher *FieldCipher, signer *Signer) (*Protector, error) {
	var uses uses
	defer uses.end()
	fields, signs := of(&uses, cipher), of(&uses, signer)
	if uses.err != nil {
		return nil, uses.err
	}
	var out *C.apiseal_protector
	var own *C.apiseal_error
	status := C.apiseal_protector_new((*C.apiseal_cipher)(fields), (*C.apiseal_signer)(signs), &out, &own)
	if status != 0 {
		return nil, failed(status, own)
	}
	p := new(Protector)
	p.own("Protector", unsafe.Pointer(out), func(p unsafe.Pointer) { C.apiseal_protector_free((*C.apiseal_protector)(p)) })
	var err error
	p.signer, err = signer.clone()
	return p, err
}

// Close frees the protector; see the package on objects.
func (p *Protector) Close() error {
	if p.signer == nil {
		return nil
	}
	_ = p.signer.Close()
	return p.object.Close()
}

// Protected is what goes out in the place of the clear message.
type Protected struct {
	// Body is to be sent byte for byte: whoever parses and prints it again breaks the digest.
	Body []byte
	// Headers are the lines that belong to it. "content-length", which is there if the clear message has it, takes the place
	// of that line.
	Headers []Header
	// Signed verifies the response. Closing it frees what the protection holds.
	Signed *Signed
}

// Protect encrypts the fields of a request and signs the result. The principal of the signing key and the direction are added
// to the context.
func (p *Protector) Protect(request *Message, context Context) (*Protected, error) {
	return p.protect(request, nil, context)
}

// ProtectResponse does the same for the one final response to a verified request.
func (p *Protector) ProtectResponse(response *Message, request *Verified, context Context) (*Protected, error) {
	if request == nil {
		return nil, invalid("a response is protected for a verified request only")
	}
	return p.protect(response, request, context)
}

func (p *Protector) protect(message *Message, request *Verified, context Context) (*Protected, error) {
	var uses uses
	defer uses.end()
	var answered unsafe.Pointer
	pointer := of(&uses, p)
	if request != nil {
		answered = of(&uses, request)
	}
	if uses.err != nil {
		return nil, uses.err
	}
	f, pairs := newFrame(), newFrame()
	defer f.done()
	defer pairs.done()
	if err := f.message(message); err != nil {
		return nil, err
	}
	pairs.context(context)
	status := C.bridge_protect((*C.apiseal_protector)(pointer), f.records(), lend(message.Body),
		(*C.apiseal_verified)(answered), pairs.records(), f.room(), &f.own.result)
	if status != 0 {
		return nil, f.failedSigning(status)
	}
	// The signature is a part of the protected message, and is freed with it.
	whole := (*C.apiseal_protected)(f.own.result.object)
	signed := new(Signed)
	signed.own("Signed", unsafe.Pointer(f.own.result.part), func(unsafe.Pointer) { C.apiseal_protected_free(whole) })
	made := &Protected{Signed: signed}
	made.Body = append(made.Body, unsafe.Slice((*byte)(f.own.result.body), f.own.result.body_len)...)
	facts := f.facts()
	made.Headers = facts.headers()
	signed.read(facts)
	return made, nil
}

// Acceptor verifies messages and decrypts their fields. Its clock is that of the cipher.
type Acceptor struct {
	object
	verifier *Verifier
}

// NewAcceptor makes an acceptor of a cipher and a verifier, which may be closed afterwards. The verifier's profile must demand
// a digest, a nonce and responses that are bound by it.
func NewAcceptor(cipher *FieldCipher, verifier *Verifier) (*Acceptor, error) {
	var uses uses
	defer uses.end()
	fields, verifies := of(&uses, cipher), of(&uses, verifier)
	if uses.err != nil {
		return nil, uses.err
	}
	var out *C.apiseal_acceptor
	var own *C.apiseal_error
	status := C.apiseal_acceptor_new((*C.apiseal_cipher)(fields), (*C.apiseal_verifier)(verifies), &out, &own)
	if status != 0 {
		return nil, failed(status, own)
	}
	a := new(Acceptor)
	a.own("Acceptor", unsafe.Pointer(out), func(p unsafe.Pointer) { C.apiseal_acceptor_free((*C.apiseal_acceptor)(p)) })
	var err error
	a.verifier, err = verifier.clone()
	return a, err
}

// Close frees the acceptor; see the package on objects.
func (a *Acceptor) Close() error {
	if a.verifier == nil {
		return nil
	}
	_ = a.verifier.Close()
	return a.object.Close()
}

// Accept verifies a request, claims its nonce, and only then decrypts its fields. The principal of the key that signed and the
// direction are added to the context. document is the content as it was before it was protected.
func (a *Acceptor) Accept(request *Message, context Context) (document []byte, verified *Verified, err error) {
	return a.accept(request, nil, context, nil)
}

var errNoMake = invalid("there is no function that makes the context")

// AcceptWith does the same with a context that is made of what was proved, before anything is decrypted. An error of make
// refuses the message, and is what errors.Is and errors.As find. What make is given has no response: use what AcceptWith
// gives.
func (a *Acceptor) AcceptWith(request *Message, make func(*Verified) (Context, error)) (document []byte, verified *Verified, err error) {
	if make == nil {
		return nil, nil, errNoMake
	}
	document, verified, _, err = a.acceptWith(request, make)
	return document, verified, err
}

// acceptWith tells the context that was made, too.
func (a *Acceptor) acceptWith(request *Message, make func(*Verified) (Context, error)) ([]byte, *Verified, Context, error) {
	maker := &contextMaker{make: make}
	document, verified, err := a.accept(request, nil, nil, maker)
	if maker.err != nil && err != nil {
		refused := &Error{Code: CodeContextEmpty, Message: "no context was made: " + maker.err.Error(), Offset: -1, HTTPStatus: 401, cause: maker.err}
		return nil, nil, nil, refused
	}
	return document, verified, maker.context, err
}

// AcceptResponse does the same as Accept for the response to a request that was signed here, once for each.
func (a *Acceptor) AcceptResponse(response *Message, request *Signed, context Context) (document []byte, verified *Verified, err error) {
	if request == nil {
		return nil, nil, invalid("a response is accepted with its request")
	}
	return a.accept(response, request, context, nil)
}

func (a *Acceptor) accept(message *Message, sent *Signed, context Context, maker *contextMaker) ([]byte, *Verified, error) {
	var uses uses
	defer uses.end()
	var own unsafe.Pointer
	pointer := of(&uses, a)
	if sent != nil {
		own = of(&uses, sent)
	}
	if uses.err != nil {
		return nil, nil, uses.err
	}
	f, pairs := newFrame(), newFrame()
	defer f.done()
	defer pairs.done()
	if err := f.message(message); err != nil {
		return nil, nil, err
	}
	pairs.context(context)
	var made C.uintptr_t
	if maker != nil {
		handle := cgo.NewHandle(maker)
		defer handle.Delete()
		made = C.uintptr_t(handle)
	}
	status := C.bridge_accept((*C.apiseal_acceptor)(pointer), f.records(), lend(message.Body), (*C.apiseal_signed)(own),
		pairs.records(), made, &f.own.document, f.room(), &f.own.result)
	if status != 0 {
		return nil, nil, failed(status, f.own.result.error)
	}
	return f.document(nil), newVerified(f.own.result.object, f.facts()), nil
}
