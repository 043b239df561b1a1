package apiseal

// #include "bridge.h"
import "C"

import "unsafe"

// ValueCipher encrypts single values under a label, for example "users.email": for a database column or a header.
type ValueCipher struct{ object }

// NewValueCipher makes a cipher for a label of 1 to 1024 bytes. The ring may be closed afterwards.
func NewValueCipher(ring *Keyring, label string, options ...CipherOption) (*ValueCipher, error) {
	var own settings
	for _, option := range options {
		option.cipher(&own)
	}
	var uses uses
	defer uses.end()
	keys := of(&uses, ring)
	if uses.err != nil {
		return nil, uses.err
	}
	settings := own.taken()
	var result C.bridge_result
	status := C.bridge_value_cipher_new((*C.apiseal_keyring)(keys), lendText(label), &settings, &result)
	if status != 0 {
		return nil, failed(status, result.error)
	}
	c := new(ValueCipher)
	c.own("ValueCipher", result.object, func(p unsafe.Pointer) { C.apiseal_value_cipher_free((*C.apiseal_value_cipher)(p)) })
	return c, nil
}

// Bound is a clear value beside an encrypted one, which must be the same on decryption: what identifies the row. It is made
// by [BoundJSON] and [BoundText].
type Bound struct {
	label, value string
	isText       bool
}

// BoundJSON binds a JSON value, given by its text: 42, or "a" with its quotes.
func BoundJSON(label, json string) Bound { return Bound{label: label, value: json} }

// BoundText binds a text as it is.
func BoundText(label, text string) Bound { return Bound{label: label, value: text, isText: true} }

// Encrypt encrypts a JSON value, given by its text, to a token.
func (c *ValueCipher) Encrypt(json []byte, context Context, bound ...Bound) (token string, err error) {
	sealed, err := c.value(C.BRIDGE_VALUE_ENCRYPT, json, context, bound)
	return string(sealed), err
}

// EncryptText encrypts a text, given as it is, to a token.
func (c *ValueCipher) EncryptText(text string, context Context, bound ...Bound) (token string, err error) {
	sealed, err := c.value(C.BRIDGE_VALUE_ENCRYPT_TEXT, unsafe.Slice(unsafe.StringData(text), len(text)), context, bound)
	return string(sealed), err
}

// Decrypt decrypts a token to the exact JSON text of the value.
func (c *ValueCipher) Decrypt(token string, context Context, bound ...Bound) ([]byte, error) {
	return c.value(C.BRIDGE_VALUE_DECRYPT, unsafe.Slice(unsafe.StringData(token), len(token)), context, bound)
}

// DecryptText decrypts a token of a text to the text.
func (c *ValueCipher) DecryptText(token string, context Context, bound ...Bound) (string, error) {
	text, err := c.value(C.BRIDGE_VALUE_DECRYPT_TEXT, unsafe.Slice(unsafe.StringData(token), len(token)), context, bound)
	return string(text), err
}

func (c *ValueCipher) value(operation C.int, value []byte, context Context, bound []Bound) ([]byte, error) {
	pointer, err := c.use()
	if err != nil {
		return nil, err
	}
	defer c.handle.leave()
	f := newFrame()
	defer f.done()
	f.context(context)
	f.number(uint64(len(bound)))
	for _, own := range bound {
		f.text(own.label)
		f.text(own.value)
		f.flag(own.isText)
	}
	status := C.bridge_value(operation, (*C.apiseal_value_cipher)(pointer), f.records(), lend(value),
		&f.own.document, &f.own.result)
	if status != 0 {
		return nil, failed(status, f.own.result.error)
	}
	return f.document(nil), nil
}

// MaxTokenLen is the number of characters that the token of a value of valueLen bytes has at most under the default padding,
// whatever the key id: the size of a database column. Strings count with quotes and escapes.
func MaxTokenLen(valueLen int) (int, error) {
	if valueLen < 0 {
		return 0, invalid("the length of a value is negative")
	}
	var out C.size_t
	var own *C.apiseal_error
	if status := C.apiseal_max_token_len(C.size_t(valueLen), &out, &own); status != 0 {
		return 0, failed(status, own)
	}
	return int(out), nil
}
