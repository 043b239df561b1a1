package apiseal

// #include "bridge.h"
import "C"

import (
	"fmt"
	"log/slog"
)

// Wrap is what a keyring file is sealed under. It does not print.
type Wrap struct {
	// A function: fmt asks no methods of what stands in an unexported field of somebody's, and prints all but this.
	secret func() (passphrase, key []byte)
}

// Passphrase seals a keyring under a passphrase (Argon2id). The bytes are used where they are, not copied.
func Passphrase(passphrase []byte) Wrap {
	return Wrap{func() ([]byte, []byte) { return passphrase, nil }}
}

// WrappingKey seals a keyring under 32 bytes from a secret store. The bytes are used where they are, not copied.
func WrappingKey(key []byte) Wrap { return Wrap{func() ([]byte, []byte) { return nil, key }} }

// String hides the secret.
func (Wrap) String() string { return "apiseal.Wrap(REDACTED)" }

// Format hides the secret, whatever the verb.
func (w Wrap) Format(f fmt.State, _ rune) { fmt.Fprint(f, w.String()) }

// LogValue hides the secret.
func (w Wrap) LogValue() slog.Value { return slog.StringValue(w.String()) }

// lent must be unpinned after the call.
func (w Wrap) lent(p *pins) *C.apiseal_wrap {
	if w.secret == nil {
		return &C.apiseal_wrap{}
	}
	passphrase, key := w.secret()
	return &C.apiseal_wrap{passphrase: p.bytes(passphrase), key: p.bytes(key)}
}

// OpenKeyring opens the bytes of a sealed keyring file. The name is the one that the ring must have, empty if it has none; a
// ring of a lower revision than minRev is refused.
func OpenKeyring(file []byte, name string, wrap Wrap, minRev uint64) (*Keyring, error) {
	var pins pins
	defer pins.Unpin()
	var out *C.apiseal_keyring
	var own *C.apiseal_error
	status := C.apiseal_keyring_open(lend(file), lendText(name), wrap.lent(&pins), C.uint64_t(minRev), &out, &own)
	return newKeyring(status, out, own)
}

// LoadKeyring opens a sealed keyring file. One that others than its owner can read is refused.
func LoadKeyring(path, name string, wrap Wrap, minRev uint64) (*Keyring, error) {
	var pins pins
	defer pins.Unpin()
	var out *C.apiseal_keyring
	var own *C.apiseal_error
	status := C.apiseal_keyring_load(lendText(path), lendText(name), wrap.lent(&pins), C.uint64_t(minRev), &out, &own)
	return newKeyring(status, out, own)
}

// Seal gives the ring as the bytes of a sealed keyring file.
func (r *Keyring) Seal(name string, wrap Wrap) ([]byte, error) {
	pointer, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.handle.leave()
	var pins pins
	defer pins.Unpin()
	var out C.apiseal_buffer
	var own *C.apiseal_error
	if status := C.apiseal_keyring_seal((*C.apiseal_keyring)(pointer), lendText(name), wrap.lent(&pins), &out, &own); status != 0 {
		return nil, failed(status, own)
	}
	return taken(out), nil
}

// Save writes a sealed keyring file with mode 0600, all or nothing; a file that is there is replaced.
func (r *Keyring) Save(path, name string, wrap Wrap) error {
	pointer, err := r.use()
	if err != nil {
		return err
	}
	defer r.handle.leave()
	var pins pins
	defer pins.Unpin()
	var own *C.apiseal_error
	if status := C.apiseal_keyring_save((*C.apiseal_keyring)(pointer), lendText(path), lendText(name), wrap.lent(&pins), &own); status != 0 {
		return failed(status, own)
	}
	return nil
}

// HazmatReadClearKeyring reads the bytes of a keyring file in clear.
func HazmatReadClearKeyring(file []byte, name string, minRev uint64) (*Keyring, error) {
	var out *C.apiseal_keyring
	var own *C.apiseal_error
	status := C.apiseal_hazmat_keyring_read_clear(lend(file), lendText(name), C.uint64_t(minRev), &out, &own)
	return newKeyring(status, out, own)
}

// HazmatWriteClear gives the ring as the bytes of a keyring file in clear: whoever reads them has every key.
func (r *Keyring) HazmatWriteClear(name string) ([]byte, error) {
	pointer, err := r.use()
	if err != nil {
		return nil, err
	}
	defer r.handle.leave()
	var out C.apiseal_buffer
	var own *C.apiseal_error
	if status := C.apiseal_hazmat_keyring_write_clear((*C.apiseal_keyring)(pointer), lendText(name), &out, &own); status != 0 {
		return nil, failed(status, own)
	}
	return taken(out), nil
}

// Version is that of the library that is linked.
func Version() string { return C.GoString(C.apiseal_version()) }
