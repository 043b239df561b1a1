package apiseal

// #include "bridge.h"
import "C"

import "unsafe"

// Policy says which values of a document are encrypted, and what each is bound to.
type Policy struct{ object }

// ParsePolicy reads a policy (docs/policy.md).
func ParsePolicy[T string | []byte](json T) (*Policy, error) {
	var out *C.apiseal_policy
	var own *C.apiseal_error
	if status := C.apiseal_policy_from_json(lend([]byte(json)), &out, &own); status != 0 {
		return nil, failed(status, own)
	}
	p := new(Policy)
	p.own("Policy", unsafe.Pointer(out), func(p unsafe.Pointer) { C.apiseal_policy_free((*C.apiseal_policy)(p)) })
	return p, nil
}

// ID is the id of the policy; empty after Close.
func (p *Policy) ID() string {
	pointer, err := p.use()
	if err != nil {
		return ""
	}
	defer p.handle.leave()
	return copied(C.apiseal_policy_id((*C.apiseal_policy)(pointer)))
}

// Lint explains, in sentences for a person, what each rule does to a sample document and which values that look sensitive
// stay in clear. The sample may be nil.
func (p *Policy) Lint(sample []byte) ([]string, error) {
	pointer, err := p.use()
	if err != nil {
		return nil, err
	}
	defer p.handle.leave()
	var out C.apiseal_texts
	var own *C.apiseal_error
	if status := C.apiseal_policy_lint((*C.apiseal_policy)(pointer), lend(sample), &out, &own); status != 0 {
		return nil, failed(status, own)
	}
	return takenTexts(&out), nil
}

// Redactor masks what a policy protects, for logs. It needs no key.
type Redactor struct{ object }

// NewRedactor makes a redactor of a policy, which may be closed afterwards.
func NewRedactor(policy *Policy) (*Redactor, error) {
	var uses uses
	defer uses.end()
	rules := of(&uses, policy)
	if uses.err != nil {
		return nil, uses.err
	}
	var out *C.apiseal_redactor
	var own *C.apiseal_error
	if status := C.apiseal_redactor_new((*C.apiseal_policy)(rules), &out, &own); status != 0 {
		return nil, failed(status, own)
	}
	r := new(Redactor)
	r.own("Redactor", unsafe.Pointer(out), func(p unsafe.Pointer) { C.apiseal_redactor_free((*C.apiseal_redactor)(p)) })
	return r, nil
}

// Redact masks the protected values of a clear or encrypted document. Of a document that cannot be read nothing is shown,
// and readable is false.
func (r *Redactor) Redact(document []byte) (masked []byte, readable bool, err error) {
	pointer, err := r.use()
	if err != nil {
		return nil, false, err
	}
	defer r.handle.leave()
	f := newFrame()
	defer f.done()
	var unreadable C.bool
	status := C.bridge_redact((*C.apiseal_redactor)(pointer), lend(document), &f.own.document, &unreadable, &f.own.result)
	if status != 0 {
		return nil, false, failed(status, f.own.result.error)
	}
	return f.document(nil), !bool(unreadable), nil
}
