package apiseal

// #include "bridge.h"
import "C"

import (
	"log/slog"
	"time"
	"unsafe"
)

// Suite is the algorithm that a key is pinned to.
type Suite string

// The suites.
const (
	// AES256GCM encrypts fields.
	AES256GCM Suite = "aes-256-gcm"
	// ChaCha20Poly1305 encrypts fields.
	ChaCha20Poly1305 Suite = "chacha20-poly1305"
	// HMACSHA256 signs messages; whoever verifies could have signed as well.
	HMACSHA256 Suite = "hmac-sha256"
	// Ed25519 signs messages.
	Ed25519 Suite = "ed25519"
	// ECDSAP256 signs messages.
	ECDSAP256 Suite = "ecdsa-p256-sha256"
)

// Purpose is what a key is for.
type Purpose string

// The purposes.
const (
	// Seal keys encrypt fields.
	Seal Purpose = "seal"
	// Sig keys are the roots that keys for messages are derived from.
	Sig Purpose = "sig"
)

// State is what a key may do.
type State string

// The states.
const (
	Active      State = "active"
	DecryptOnly State = "decrypt-only"
	VerifyOnly  State = "verify-only"
	Disabled    State = "disabled"
)

// Direction is what a key for messages signs.
type Direction string

// The directions.
const (
	Requests  Direction = "req"
	Responses Direction = "res"
)

// Key is a key with its secret. It is immutable: With… gives another one.
type Key struct{ object }

func newKey(status C.apiseal_status, out *C.apiseal_key, own *C.apiseal_error) (*Key, error) {
	if status != 0 {
		return nil, failed(status, own)
	}
	k := new(Key)
	k.own("Key", unsafe.Pointer(out), func(p unsafe.Pointer) { C.apiseal_key_free((*C.apiseal_key)(p)) })
	return k, nil
}

// GenerateKey makes a key with a random secret. An empty keyID gives a random one.
func GenerateKey(keyID string, purpose Purpose, suite Suite) (*Key, error) {
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_key_generate(lendText(keyID), lendText(string(purpose)), lendText(string(suite)), &out, &own)
	return newKey(status, out, own)
}

// DeriveKey derives the key of one context from a root: the one that a partner or a service for one tenant holds. The root
// must be in the ring as well.
func DeriveKey(keyID string, root *Key, context Context) (*Key, error) {
	var uses uses
	defer uses.end()
	pointer := of(&uses, root)
	if uses.err != nil {
		return nil, uses.err
	}
	var pins pins
	defer pins.Unpin()
	pairs, length := pins.context(context)
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_key_derived(lendText(keyID), (*C.apiseal_key)(pointer), pairs, length, &out, &own)
	return newKey(status, out, own)
}

// ImportKey makes a root key of a secret of 32 bytes that came from elsewhere: random bytes, never a password.
func ImportKey(keyID string, purpose Purpose, suite Suite, secret []byte) (*Key, error) {
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_key_import(lendText(keyID), lendText(string(purpose)), lendText(string(suite)), lend(secret), &out, &own)
	return newKey(status, out, own)
}

// RawKey makes a key for messages that is used as it is: an HMAC secret of 32 to 64 bytes, or the secret of an Ed25519 or
// ECDSA key.
func RawKey(keyID string, suite Suite, secret []byte, direction Direction, about KeyOptions) (*Key, error) {
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_key_raw(lendText(keyID), lendText(string(suite)), lend(secret), &out, &own)
	return directed(status, out, own, direction, about)
}

// RawPublicKey makes a key that only verifies, of the raw bytes of a public key.
func RawPublicKey(keyID string, suite Suite, public []byte, direction Direction, about KeyOptions) (*Key, error) {
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_key_raw_public(lendText(keyID), lendText(string(suite)), lend(public), &out, &own)
	return directed(status, out, own, direction, about)
}

// KeyFromPEM reads a public key in PEM (SubjectPublicKeyInfo).
func KeyFromPEM(keyID string, suite Suite, pem []byte, direction Direction, about KeyOptions) (*Key, error) {
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_key_from_pem(lendText(keyID), lendText(string(suite)), lend(pem), &out, &own)
	return directed(status, out, own, direction, about)
}

// KeyFromJWK reads a public key as a JWK (RFC 7517).
func KeyFromJWK(keyID string, suite Suite, jwk []byte, direction Direction, about KeyOptions) (*Key, error) {
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_key_from_jwk(lendText(keyID), lendText(string(suite)), lend(jwk), &out, &own)
	return directed(status, out, own, direction, about)
}

// KeyFromJWKS reads the public key of a JWK set whose "kid" is external; messages call it so.
func KeyFromJWKS(keyID string, suite Suite, jwks []byte, external string, direction Direction, about KeyOptions) (*Key, error) {
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_key_from_jwks(lendText(keyID), lendText(string(suite)), lend(jwks), lendText(external), &out, &own)
	return directed(status, out, own, direction, about)
}

// HazmatKeyFromSecret makes a key with a stated secret and no date of creation, for test vectors. Other keys are made by
// [ImportKey].
func HazmatKeyFromSecret(keyID string, purpose Purpose, suite Suite, secret []byte) (*Key, error) {
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_hazmat_key_from_secret(lendText(keyID), lendText(string(purpose)), lendText(string(suite)), lend(secret), &out, &own)
	return newKey(status, out, own)
}

// directed makes a key for messages what its caller says of it; such a key is of no use before.
func directed(status C.apiseal_status, out *C.apiseal_key, own *C.apiseal_error, direction Direction, about KeyOptions) (*Key, error) {
	plain, err := newKey(status, out, own)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	about.Direction = direction
	return plain.With(about)
}

// KeyOptions is what is said of a key beside its secret. What is zero stays as it is.
type KeyOptions struct {
	State State
	// NotBefore is when the key is used from; Expires is when it is used no more.
	NotBefore, Expires time.Time
	// Scope are pairs that must stand in every context.
	Scope Context
	// Principal is whose signatures it verifies.
	Principal string
	// Profiles are those that it serves; apiseal-v1 if there are none.
	Profiles []string
	// Direction is for keys that sign.
	Direction Direction
	// ExternalKeyID is how messages of a foreign peer call the key.
	ExternalKeyID string
}

// With gives the same key with other options.
func (k *Key) With(about KeyOptions) (*Key, error) {
	pointer, err := k.use()
	if err != nil {
		return nil, err
	}
	defer k.handle.leave()
	var pins pins
	defer pins.Unpin()
	options := C.apiseal_key_options{
		state:          pins.text(string(about.State)),
		not_before:     unix(about.NotBefore),
		expires:        unix(about.Expires),
		principal:      pins.text(about.Principal),
		direction:      pins.text(string(about.Direction)),
		external_keyid: pins.text(about.ExternalKeyID),
	}
	options.scope, options.scope_len = pins.context(about.Scope)
	options.profiles, options.profiles_len = pins.texts(about.Profiles)
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_key_with((*C.apiseal_key)(pointer), &options, &out, &own)
	return newKey(status, out, own)
}

// unix is 0, which stands for no limit, for the zero time.
func unix(at time.Time) C.uint64_t {
	if at.IsZero() {
		return 0
	}
	return C.uint64_t(max(1, at.Unix()))
}

// KeyInfo is what a key tells of itself beside its secret.
type KeyInfo struct {
	ID        string
	Purpose   Purpose
	Suite     Suite
	State     State
	Principal string
	// Created is the zero time if it is not known; Expires if the key does not.
	Created, Expires time.Time
}

// Info tells what the key is; the zero value after Close.
func (k *Key) Info() KeyInfo {
	pointer, err := k.use()
	if err != nil {
		return KeyInfo{}
	}
	defer k.handle.leave()
	key := (*C.apiseal_key)(pointer)
	at := func(unix C.uint64_t) time.Time {
		if unix == 0 {
			return time.Time{}
		}
		return seconds(uint64(unix))
	}
	return KeyInfo{
		ID:        copied(C.apiseal_key_id(key)),
		Purpose:   Purpose(copied(C.apiseal_key_purpose(key))),
		Suite:     Suite(copied(C.apiseal_key_suite(key))),
		State:     State(copied(C.apiseal_key_state(key))),
		Principal: copied(C.apiseal_key_principal(key)),
		Created:   at(C.apiseal_key_created(key)),
		Expires:   at(C.apiseal_key_expires(key)),
	}
}

// LogValue tells a structured log what the info holds.
func (i KeyInfo) LogValue() slog.Value {
	return slog.GroupValue(slog.String("key_id", i.ID), slog.String("purpose", string(i.Purpose)),
		slog.String("suite", string(i.Suite)), slog.String("state", string(i.State)))
}

// PublicJWK gives the public key as a JWK, for the peer.
func (k *Key) PublicJWK() ([]byte, error) {
	pointer, err := k.use()
	if err != nil {
		return nil, err
	}
	defer k.handle.leave()
	var out C.apiseal_buffer
	var own *C.apiseal_error
	if status := C.apiseal_key_to_jwk((*C.apiseal_key)(pointer), &out, &own); status != 0 {
		return nil, failed(status, own)
	}
	return taken(out), nil
}
