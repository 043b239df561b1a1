package apiseal

// #include "bridge.h"
import "C"

import (
	"log/slog"
	"strings"
	"time"
	"unsafe"
)

// Verified is a message whose signature, freshness, digest and nonce hold. It tells what was covered, and nothing else of the
// message. What it tells outlives Close; to sign the response to it, it must be open.
type Verified struct {
	object
	proofs     []Proof
	bodyProved bool
}

// Proof is what one signature proves.
type Proof struct {
	// KeyID is the id of the key in our ring.
	KeyID string
	// Principal is whose key it is, or empty. That this principal may do what the message asks for is for the application to
	// check.
	Principal string
	// Label is that of the signature, which carries no meaning. Tag and Nonce are empty if there are none.
	Label, Tag, Nonce string
	// Base is what was signed, for a log that explains it. It holds header values.
	Base string
	// Created is when the signature was created.
	Created time.Time
	// Components are the covered components: identifiers with their values.
	Components []Header
	// Scope are the pairs of the key's context or scope.
	Scope Context
}

// Component gives the value of a covered component: a name, for example "@method" or "content-type", or an identifier with
// parameters, for example `"@query-param";name="id"`. Nobody vouches for what is not there.
func (p *Proof) Component(id string) (value string, ok bool) {
	if !strings.HasPrefix(id, `"`) {
		id = `"` + id + `"`
	}
	for _, component := range p.Components {
		if component.Name == id {
			return component.Value, true
		}
	}
	return "", false
}

func newVerified(pointer unsafe.Pointer, facts *facts) *Verified {
	v := new(Verified)
	v.own("Verified", pointer, func(p unsafe.Pointer) { C.apiseal_verified_free((*C.apiseal_verified)(p)) })
	v.read(facts)
	return v
}

func (v *Verified) read(facts *facts) {
	v.bodyProved = facts.number() != 0
	v.proofs = make([]Proof, facts.number())
	for at := range v.proofs {
		own := &v.proofs[at]
		own.KeyID, own.Principal, own.Label = facts.text(), facts.text(), facts.text()
		own.Tag, own.Nonce, own.Base = facts.text(), facts.text(), facts.text()
		own.Created = seconds(facts.number())
		own.Components = facts.headers()
		own.Scope = Context{}
		for _, pair := range facts.headers() {
			own.Scope[pair.Name] = pair.Value
		}
	}
}

// Proofs are the signatures that the profile demanded, mostly one.
func (v *Verified) Proofs() []Proof { return v.proofs }

// Proof is the first of them.
func (v *Verified) Proof() *Proof {
	if v == nil || len(v.proofs) == 0 {
		return &Proof{}
	}
	return &v.proofs[0]
}

// KeyID is that of the first signature.
func (v *Verified) KeyID() string { return v.Proof().KeyID }

// Principal is that of the first signature.
func (v *Verified) Principal() string { return v.Proof().Principal }

// Component is that of the first signature.
func (v *Verified) Component(id string) (value string, ok bool) { return v.Proof().Component(id) }

// BodyProved tells whether every byte of the content that was verified is covered by a digest that holds, or there was none.
// If not, nobody vouches for it.
func (v *Verified) BodyProved() bool { return v != nil && v.bodyProved }

// LogValue tells a structured log who signed, and when.
func (v *Verified) LogValue() slog.Value {
	own := v.Proof()
	return slog.GroupValue(slog.String("key_id", own.KeyID), slog.String("principal", own.Principal), slog.Time("created", own.Created))
}
