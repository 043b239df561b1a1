package apiseal

// #include "bridge.h"
import "C"

import "unsafe"

// FieldCipher encrypts and decrypts the fields of JSON documents under one policy. Make one and share it.
type FieldCipher struct{ object }

// NewFieldCipher makes a cipher of a ring and a policy, which may be closed afterwards. It uses the keys that
// [Keyring.Replace] gives the ring later.
func NewFieldCipher(ring *Keyring, policy *Policy, options ...CipherOption) (*FieldCipher, error) {
	var own settings
	for _, option := range options {
		option.cipher(&own)
	}
	var uses uses
	defer uses.end()
	keys, rules := of(&uses, ring), of(&uses, policy)
	if uses.err != nil {
		return nil, uses.err
	}
	settings := own.taken()
	var result C.bridge_result
	status := C.bridge_cipher_new((*C.apiseal_keyring)(keys), (*C.apiseal_policy)(rules), &settings, &result)
	if status != 0 {
		return nil, failed(status, result.error)
	}
	return newFieldCipher(result.object), nil
}

func newFieldCipher(pointer unsafe.Pointer) *FieldCipher {
	c := new(FieldCipher)
	c.own("FieldCipher", pointer, func(p unsafe.Pointer) { C.apiseal_cipher_free((*C.apiseal_cipher)(p)) })
	return c
}

// Encrypt encrypts what the policy selects. All other bytes stay as they are.
func (c *FieldCipher) Encrypt(document []byte, context Context) ([]byte, error) {
	return c.crypt(C.BRIDGE_ENCRYPT, nil, document, context)
}

// Decrypt decrypts what the policy selects, all or nothing. The bytes are those that were encrypted.
func (c *FieldCipher) Decrypt(document []byte, context Context) ([]byte, error) {
	return c.crypt(C.BRIDGE_DECRYPT, nil, document, context)
}

// AppendEncrypt appends the encrypted document to dst, and gives the longer slice; on failure dst as it was. A loop that gives the
// same buffer again spares an allocation a call.
func (c *FieldCipher) AppendEncrypt(dst, document []byte, context Context) ([]byte, error) {
	return c.crypt(C.BRIDGE_ENCRYPT, dst, document, context)
}

// AppendDecrypt appends the decrypted document to dst, and gives the longer slice; on failure dst as it was.
func (c *FieldCipher) AppendDecrypt(dst, document []byte, context Context) ([]byte, error) {
	return c.crypt(C.BRIDGE_DECRYPT, dst, document, context)
}

func (c *FieldCipher) crypt(operation C.int, dst, document []byte, context Context) ([]byte, error) {
	f := newFrame()
	defer f.done()
	return c.cryptIn(f, f.stated(context), operation, dst, document)
}

// cryptIn takes the records of the context, or none for the one that the frame keeps.
func (c *FieldCipher) cryptIn(f *frame, context C.bridge_records, operation C.int, dst, document []byte) ([]byte, error) {
	pointer, err := c.use()
	if err != nil {
		return dst, err
	}
	defer c.handle.leave()
	if context.data != nil {
		f.forget()
	}
	C.bridge_crypt(operation, (*C.apiseal_cipher)(pointer), context, lend(document), (*C.bridge_call)(unsafe.Pointer(f.own)))
	if f.own.status != 0 {
		return dst, failed(f.own.status, f.own.result.error)
	}
	f.keep(context)
	return f.document(dst), nil
}

// DecryptMigrating is Decrypt, and tells the paths of clear values that a rule's "migrate" let through: these were not
// authenticated.
func (c *FieldCipher) DecryptMigrating(document []byte, context Context) (clear []byte, acceptedPlain []string, err error) {
	pointer, err := c.use()
	if err != nil {
		return nil, nil, err
	}
	defer c.handle.leave()
	var pins pins
	defer pins.Unpin()
	pairs, length := pins.context(context)
	var out C.apiseal_buffer
	var accepted C.apiseal_texts
	var own *C.apiseal_error
	status := C.apiseal_decrypt_migrating((*C.apiseal_cipher)(pointer), pairs, length, lend(document), &out, &accepted, &own)
	if status != 0 {
		return nil, nil, failed(status, own)
	}
	return taken(out), takenTexts(&accepted), nil
}

// Reencryption says how a document is encrypted anew. Its zero value is the strict way.
type Reencryption struct {
	// LeaveClear: values that the new policy does not protect may stay in clear.
	LeaveClear bool
	// SealClear: values that were in clear may be encrypted.
	SealClear bool
}

// Reencrypted tells what a re-encryption did.
type Reencrypted struct {
	// Opened is the number of values that were decrypted.
	Opened uint64
	// LeftClear is how many of them stayed in clear.
	LeftClear uint64
}

// Reencrypt decrypts by this cipher and context and encrypts by another, in one step: nothing decrypted leaves but what
// options allow.
func (c *FieldCipher) Reencrypt(document []byte, from Context, to *FieldCipher, toContext Context, options Reencryption) ([]byte, Reencrypted, error) {
	var uses uses
	defer uses.end()
	old, next := of(&uses, c), of(&uses, to)
	if uses.err != nil {
		return nil, Reencrypted{}, uses.err
	}
	var pins pins
	defer pins.Unpin()
	fromPairs, fromLength := pins.context(from)
	toPairs, toLength := pins.context(toContext)
	how := C.apiseal_reencryption{leave_clear: C.bool(options.LeaveClear), seal_clear: C.bool(options.SealClear)}
	var out C.apiseal_buffer
	var report C.apiseal_reencrypted
	var own *C.apiseal_error
	status := C.apiseal_reencrypt((*C.apiseal_cipher)(old), fromPairs, fromLength, (*C.apiseal_cipher)(next), toPairs, toLength,
		&how, lend(document), &out, &report, &own)
	if status != 0 {
		return nil, Reencrypted{}, failed(status, own)
	}
	return taken(out), Reencrypted{Opened: uint64(report.opened), LeftClear: uint64(report.left_clear)}, nil
}
