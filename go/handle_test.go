package apiseal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const orders = `{"apiseal_policy": 1, "id": "orders.v1", "rules": [{"path": "$.card.number", "bind": ["$.id"]}]}`

var (
	order   = []byte(`{"id": 7, "card": {"number": "4111111111111111"}, "total": 1.10}`)
	tenant  = Context{"purpose": "orders", "tenant": "acme"}
	another = Context{"purpose": "orders", "tenant": "bank"}
)

func orderCipher(t testing.TB, options ...CipherOption) *FieldCipher {
	t.Helper()
	ring := must[*Keyring](t)(GenerateKeyring(AES256GCM))
	policy := must[*Policy](t)(ParsePolicy(orders))
	cipher := must[*FieldCipher](t)(NewFieldCipher(ring, policy, options...))
	// What a cipher was made of may go.
	_ = ring.Close()
	_ = policy.Close()
	t.Cleanup(func() { _ = cipher.Close() })
	return cipher
}

func TestACloseIsIdempotentAndALaterUseIsAnError(t *testing.T) {
	cipher := orderCipher(t)
	must[[]byte](t)(cipher.Encrypt(order, tenant))
	for range 3 {
		if err := cipher.Close(); err != nil {
			t.Fatal(err)
		}
	}
	out, err := cipher.Encrypt(order, tenant)
	if out != nil || !errors.Is(err, ErrClosed) || !errors.Is(err, ErrArgument) {
		t.Fatalf("%s %v", out, err)
	}
}

func TestNilAndZeroObjectsAreErrors(t *testing.T) {
	policy := must[*Policy](t)(ParsePolicy(orders))
	replay := must[*Replay](t)(UncheckedReplay())
	for name, call := range map[string]func() error{
		"nil ring":   func() error { _, err := NewFieldCipher(nil, policy); return err },
		"zero ring":  func() error { _, err := NewFieldCipher(new(Keyring), policy); return err },
		"nil policy": func() error { _, err := NewFieldCipher(must[*Keyring](t)(GenerateKeyring(AES256GCM)), nil); return err },
		"nil signer": func() error { _, err := NewSigner(nil, nil); return err },
		"nil replay": func() error {
			_, err := NewVerifier(must[*Keyring](t)(GenerateKeyring(AES256GCM)), nil, nil)
			return err
		},
		"nil verifier":   func() error { _, err := NewVerifier(nil, nil, replay); return err },
		"nil key":        func() error { _, err := NewKeyring("", 0, RingEntry{}); return err },
		"zero cipher":    func() error { _, err := new(FieldCipher).Encrypt(order, tenant); return err },
		"nil root":       func() error { _, err := DeriveKey("a", nil, tenant); return err },
		"zero protector": func() error { _, err := new(Protector).Protect(&Message{}, tenant); return err },
		"nil store":      func() error { _, err := NewReplay(nil); return err },
		"zero spool":     func() error { _, err := new(Spool).Write(nil); return err },
		"zero wrap": func() error {
			return must[*Keyring](t)(GenerateKeyring(AES256GCM)).Save(t.TempDir()+"/ring", "", Wrap{})
		},
		"finished spool": func() error { _, err := new(Spool).Finish(); return err },
	} {
		if err := call(); !errors.Is(err, ErrArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if new(Keyring).Close() != nil || new(Acceptor).Close() != nil || new(Spool).Close() != nil {
		t.Error("closing nothing fails")
	}
	var nobody *Verified
	if nobody.BodyProved() || nobody.Principal() != "" {
		t.Error("nobody proves something")
	}
}

func TestClosingWhileCallsRun(t *testing.T) {
	for range 20 {
		cipher := orderCipher(t)
		sealed := must[[]byte](t)(cipher.Encrypt(order, tenant))
		var group sync.WaitGroup
		for range 8 {
			group.Add(1)
			go func() {
				defer group.Done()
				for {
					opened, err := cipher.Decrypt(sealed, tenant)
					if err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
					if !bytes.Equal(opened, order) {
						t.Errorf("%s", opened)
						return
					}
				}
			}()
		}
		time.Sleep(time.Millisecond)
		_ = cipher.Close()
		group.Wait()
	}
}

// counter counts the objects that the library released with their clock.
type counter struct {
	lock     sync.Mutex
	released int
}

func TestTheGarbageCollectorClosesWhatNobodyDoes(t *testing.T) {
	ring := must[*Keyring](t)(GenerateKeyring(AES256GCM))
	policy := must[*Policy](t)(ParsePolicy(orders))
	var count counter
	const all = 50
	for range all {
		probe := &struct{ filler [64]byte }{}
		runtime.AddCleanup(probe, func(count *counter) {
			count.lock.Lock()
			defer count.lock.Unlock()
			count.released++
		}, &count)
		// The library holds the clock, and the clock the probe: it goes when the cipher is freed.
		clock := WithClock(func() time.Time { return time.Unix(1_800_000_000+int64(probe.filler[0]), 0) })
		cipher := must[*FieldCipher](t)(NewFieldCipher(ring, policy, clock))
		must[[]byte](t)(cipher.Encrypt(order, tenant))
	}
	for range 100 {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
		count.lock.Lock()
		released := count.released
		count.lock.Unlock()
		// The last one may still be on the stack.
		if released >= all-1 {
			return
		}
	}
	t.Fatalf("%d of %d were freed", count.released, all)
}

func TestACopyIsTheSameObject(t *testing.T) {
	ring := must[*Keyring](t)(GenerateKeyring(AES256GCM))
	service := func() struct{ cipher FieldCipher } {
		policy := must[*Policy](t)(ParsePolicy(orders))
		return struct{ cipher FieldCipher }{*must[*FieldCipher](t)(NewFieldCipher(ring, policy))}
	}()
	for range 5 {
		runtime.GC()
		time.Sleep(2 * time.Millisecond)
		must[[]byte](t)(service.cipher.Encrypt(order, tenant))
	}
	other := service
	_ = other.cipher.Close()
	if _, err := service.cipher.Encrypt(order, tenant); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestNothingPrintsWhatIsInside(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	key := must[*Key](t)(HazmatKeyFromSecret("k1", Seal, AES256GCM, secret))
	ring := must[*Keyring](t)(NewKeyring("", 0, RingEntry{key, true}))
	policy := must[*Policy](t)(ParsePolicy(orders))
	cipher := must[*FieldCipher](t)(NewFieldCipher(ring, policy))
	for _, own := range []any{key, *key, ring, *ring, policy, cipher, *cipher, new(Keyring), Passphrase(secret), WrappingKey(secret)} {
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("an object", "own", own)
		for _, text := range []string{fmt.Sprint(own), fmt.Sprintf("%v %+v %#v %s %q %x %d", own, own, own, own, own, own, own), log.String()} {
			if strings.Contains(text, string(secret)) || strings.Contains(text, "0x") || strings.Contains(text, fmt.Sprintf("%x", secret)) ||
				!strings.Contains(text, "REDACTED") {
				t.Errorf("%T prints %s", own, text)
			}
		}
	}
	// Of what stands in unexported fields, fmt asks no methods.
	for _, own := range []any{struct{ wrap Wrap }{Passphrase(secret)}, struct{ wrap Wrap }{WrappingKey(secret)}, struct{ cipher FieldCipher }{*cipher}} {
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("a service", "own", own)
		text := fmt.Sprintf("%v %+v %#v %s %x %d", own, own, own, own, own, own) + log.String()
		for _, shown := range []string{string(secret), fmt.Sprintf("%x", secret), fmt.Sprint(secret)[1:20], "0x30, 0x31"} {
			if strings.Contains(text, shown) {
				t.Errorf("%T prints %s", own, text)
			}
		}
	}
	if text, err := json.Marshal(map[string]any{"key": key}); err == nil {
		t.Errorf("a key is marshalled as %s", text)
	}
	if text, err := json.Marshal(Passphrase(secret)); err != nil || bytes.Contains(text, secret) {
		t.Errorf("a passphrase is marshalled as %s", text)
	}
}
