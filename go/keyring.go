package apiseal

// #include "bridge.h"
import "C"

import "unsafe"

// Keyring holds keys. What it holds is replaced as a whole and only by [Keyring.Replace]; every cipher, signer and verifier
// that was made with it uses the new keys from then on.
type Keyring struct{ object }

func newKeyring(status C.apiseal_status, out *C.apiseal_keyring, own *C.apiseal_error) (*Keyring, error) {
	if status != 0 {
		return nil, failed(status, own)
	}
	r := new(Keyring)
	r.own("Keyring", unsafe.Pointer(out), func(p unsafe.Pointer) { C.apiseal_keyring_free((*C.apiseal_keyring)(p)) })
	return r, nil
}

// GenerateKeyring makes a ring with one random key for fields.
func GenerateKeyring(suite Suite) (*Keyring, error) {
	var out *C.apiseal_keyring
	var own *C.apiseal_error
	status := C.apiseal_keyring_generate(lendText(string(suite)), &out, &own)
	return newKeyring(status, out, own)
}

// RingEntry is a key of a ring, and whether it is the one for new encryptions or signatures of its purpose and scope.
type RingEntry struct {
	Key     *Key
	Primary bool
}

// NewKeyring makes a ring of these keys, which may be closed afterwards. The name may be empty; rev is the number of its
// revision, 0 for a new ring.
func NewKeyring(name string, rev uint64, entries ...RingEntry) (*Keyring, error) {
	var uses uses
	defer uses.end()
	keys := make([]C.apiseal_ring_entry, len(entries))
	for at, entry := range entries {
		keys[at] = C.apiseal_ring_entry{key: (*C.apiseal_key)(of(&uses, entry.Key)), primary: C.bool(entry.Primary)}
	}
	if uses.err != nil {
		return nil, uses.err
	}
	var pins pins
	defer pins.Unpin()
	first, length := pinned(&pins, keys)
	var out *C.apiseal_keyring
	var own *C.apiseal_error
	status := C.apiseal_keyring_new(lendText(name), C.uint64_t(rev), first, length, &out, &own)
	return newKeyring(status, out, own)
}

// WithKey gives a ring of the next revision, with one key more, which is not primary.
func (r *Keyring) WithKey(key *Key) (*Keyring, error) {
	var uses uses
	defer uses.end()
	ring, own := of(&uses, r), of(&uses, key)
	if uses.err != nil {
		return nil, uses.err
	}
	var out *C.apiseal_keyring
	var failure *C.apiseal_error
	status := C.apiseal_keyring_with_key((*C.apiseal_keyring)(ring), (*C.apiseal_key)(own), &out, &failure)
	return newKeyring(status, out, failure)
}

// Promote gives a ring of the next revision, in which this key is primary in the place of the one that was.
func (r *Keyring) Promote(keyID string) (*Keyring, error) {
	return r.next(func(ring *C.apiseal_keyring, out **C.apiseal_keyring, own **C.apiseal_error) C.apiseal_status {
		return C.apiseal_keyring_promote(ring, lendText(keyID), out, own)
	})
}

// Retire gives a ring of the next revision, in which this key only decrypts or verifies.
func (r *Keyring) Retire(keyID string) (*Keyring, error) {
	return r.next(func(ring *C.apiseal_keyring, out **C.apiseal_keyring, own **C.apiseal_error) C.apiseal_status {
		return C.apiseal_keyring_retire(ring, lendText(keyID), out, own)
	})
}

// Disable gives a ring of the next revision, in which this key does nothing.
func (r *Keyring) Disable(keyID string) (*Keyring, error) {
	return r.next(func(ring *C.apiseal_keyring, out **C.apiseal_keyring, own **C.apiseal_error) C.apiseal_status {
		return C.apiseal_keyring_disable(ring, lendText(keyID), out, own)
	})
}

func (r *Keyring) next(make func(*C.apiseal_keyring, **C.apiseal_keyring, **C.apiseal_error) C.apiseal_status) (*Keyring, error) {
	pointer, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.handle.leave()
	var out *C.apiseal_keyring
	var own *C.apiseal_error
	status := make((*C.apiseal_keyring)(pointer), &out, &own)
	return newKeyring(status, out, own)
}

// Replace gives the ring the keys of another one, which must not be of a lower revision. Calls that run go on with the old
// keys; all that begin later use the new ones.
func (r *Keyring) Replace(newer *Keyring) error {
	var uses uses
	defer uses.end()
	ring, next := of(&uses, r), of(&uses, newer)
	if uses.err != nil {
		return uses.err
	}
	var own *C.apiseal_error
	if status := C.apiseal_keyring_replace((*C.apiseal_keyring)(ring), (*C.apiseal_keyring)(next), &own); status != 0 {
		return failed(status, own)
	}
	return nil
}

// ExportContext gives the key of one context, for a service or partner that shall hold nothing else.
func (r *Keyring) ExportContext(keyID string, context Context) (*Key, error) {
	pointer, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.handle.leave()
	var pins pins
	defer pins.Unpin()
	pairs, length := pins.context(context)
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_keyring_export_context((*C.apiseal_keyring)(pointer), lendText(keyID), pairs, length, &out, &own)
	return newKey(status, out, own)
}

// ExportMessageContext gives the key of the fields in the messages of one principal and one direction, for a partner who is to
// protect or accept them and to hold nothing else. The context is that of [Protector.Protect].
func (r *Keyring) ExportMessageContext(keyID string, context Context, principal string, direction Direction) (*Key, error) {
	pointer, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.handle.leave()
	var pins pins
	defer pins.Unpin()
	pairs, length := pins.context(context)
	var out *C.apiseal_key
	var own *C.apiseal_error
	status := C.apiseal_keyring_export_message_context((*C.apiseal_keyring)(pointer), lendText(keyID), pairs, length,
		lendText(principal), lendText(string(direction)), &out, &own)
	return newKey(status, out, own)
}

// Keys gives the keys of the ring.
func (r *Keyring) Keys() ([]*Key, error) {
	pointer, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.handle.leave()
	ring := (*C.apiseal_keyring)(pointer)
	keys := make([]*Key, 0, C.apiseal_keyring_len(ring))
	for at := range cap(keys) {
		var out *C.apiseal_key
		var own *C.apiseal_error
		status := C.apiseal_keyring_key(ring, C.size_t(at), &out, &own)
		key, err := newKey(status, out, own)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Rev is the number of the revision; 0 after Close.
func (r *Keyring) Rev() uint64 {
	pointer, err := r.use()
	if err != nil {
		return 0
	}
	defer r.handle.leave()
	return uint64(C.apiseal_keyring_rev((*C.apiseal_keyring)(pointer)))
}
