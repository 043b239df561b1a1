package apiseal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"
)

// raceDetector tells whether it runs.
var raceDetector bool

// TestTheContextOfACallIsItsOwn: calls of one goroutine share a frame, which keeps the context of the last one. What a cipher
// encrypts is decrypted by a call that has no frame, under a context that is made anew.
func TestTheContextOfACallIsItsOwn(t *testing.T) {
	cipher, closed := orderCipher(t), orderCipher(t)
	_ = closed.Close()
	// A server that reads every request into the same memory, and gives out strings of it.
	memory := []byte("acme-1")
	borrowed := unsafe.String(&memory[0], len(memory))
	choices := []func() Context{
		func() Context { return Context{"purpose": "orders"} },
		func() Context { return Context{"purpose": "orders", "tenant": ""} },
		func() Context { return Context{"purpose": "orders", "": "tenant"} },
		func() Context { return Context{"purpose": "tenant", "tenant": "orders"} },
		func() Context { return Context{"purpose": "orders", "tenant": borrowed} },
		func() Context { return Context{"purpose": "orders", "tenant": borrowed, "zone": borrowed} },
		func() Context { return Context{"purpose": "orders", "tenant": "acme-1"} },
		func() Context { return Context{"tenant": borrowed} },
		func() Context { return nil },
	}
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for range 2000 {
		memory[5] = byte('0' + random.IntN(3))
		context := choices[random.IntN(len(choices))]()
		if random.IntN(4) == 0 {
			// A call that ends before it begins.
			if _, err := closed.Encrypt(order, choices[random.IntN(len(choices))]()); !errors.Is(err, ErrClosed) {
				t.Fatal(err)
			}
		}
		sealed, err := cipher.Encrypt(order, context)
		if _, bad := context[""]; bad || context["purpose"] == "" {
			if !errors.Is(err, ErrContext) {
				t.Fatalf("%v: %v", context, err)
			}
			refused++
			continue
		}
		if err != nil {
			t.Fatalf("%v: %v", context, err)
		}
		fresh := Context{}
		for name, value := range context {
			fresh[name] = string([]byte(value))
		}
		opened, _, err := cipher.DecryptMigrating(sealed, fresh)
		if err != nil || !bytes.Equal(opened, order) {
			t.Fatalf("%v: %v", context, err)
		}
		other := choices[random.IntN(len(choices))]()
		same := len(other) == len(fresh)
		for name, value := range other {
			same = same && fresh[name] == value
		}
		if _, err := cipher.Decrypt(sealed, other); (err == nil) != same {
			t.Fatalf("%v under %v: %v", context, other, err)
		}
	}
	if refused < 100 {
		t.Fatalf("%d were refused", refused)
	}
}

// TestACallerWhoChangesStringsHarmsNobodyElse: what a frame keeps is what C was given, not what the caller's map says later.
func TestACallerWhoChangesStringsHarmsNobodyElse(t *testing.T) {
	if raceDetector {
		t.Skip("the race is the caller's, and on purpose")
	}
	cipher := orderCipher(t)
	memory := []byte("acme-1")
	borrowed := unsafe.String(&memory[0], len(memory))
	var ends atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !ends.Load() {
			memory[5] ^= '1' ^ '2'
		}
	}()
	for range 20_000 {
		_, _ = cipher.Encrypt(order, Context{"purpose": "orders", "tenant": borrowed})
		for _, tenant := range []string{"acme-1", "acme-2"} {
			sound := Context{"purpose": "orders", "tenant": tenant}
			sealed := must[[]byte](t)(cipher.Encrypt(order, sound))
			if _, _, err := cipher.DecryptMigrating(sealed, sound); err != nil {
				t.Fatalf("%v: %v", sound, err)
			}
		}
	}
	ends.Store(true)
	<-ended
}

// TestOnlyWhatWasAcceptedIsKept: and nothing of it once another context takes its place.
func TestOnlyWhatWasAcceptedIsKept(t *testing.T) {
	cipher := orderCipher(t)
	f := newFrame()
	defer f.done()
	crypt := func(context Context) error {
		_, err := cipher.cryptIn(f, f.stated(context), 0, nil, order)
		f.in = f.in[:0]
		return err
	}
	first, long := Context{"purpose": "orders", "patient": "4711"}, Context{"purpose": strings.Repeat("x", 1000), "zone": "1234567890"}
	if err := crypt(first); err != nil || !f.keeps(first) || f.keeps(tenant) || f.keeps(nil) || f.keeps(Context{}) {
		t.Fatal(err)
	}
	// A longer one is made anew on every call.
	if err := crypt(long); err != nil || f.keeps(long) || f.keeps(first) || bytes.Contains(f.keptC(), []byte("4711")) {
		t.Fatal(err)
	}
	if err := crypt(first); err != nil || !f.keeps(first) {
		t.Fatal(err)
	}
	for _, refused := range []Context{nil, {"patient": "4711"}, first.With("", "x"), first.With("a", strings.Repeat("x", 1025))} {
		if err := crypt(refused); !errors.Is(err, ErrContext) || f.keeps(refused) || f.keeps(first) {
			t.Fatalf("%v: %v", refused, err)
		}
	}
}

func TestNothingOfACallStaysInItsFrame(t *testing.T) {
	cipher := orderCipher(t)
	sealed := must[[]byte](t)(cipher.Encrypt(order, tenant))
	for _, size := range []int{10, 1000, 5000, 70_000} {
		f := newFrame()
		opened := must[[]byte](t)(cipher.cryptIn(f, f.stated(tenant), 1, nil, sealed))
		if !bytes.Equal(opened, order) {
			t.Fatalf("%s", opened)
		}
		document := unsafe.Slice((*byte)(f.own.document.data), f.own.document.cap)
		if bytes.Contains(document[:f.own.document.len], []byte("4111")) {
			t.Error("the document stays where it came out")
		}
		f.text(strings.Repeat("secret", size/6))
		before := f.in
		f.text(strings.Repeat("secret", size))
		f.done()
		own := unsafe.Slice((*byte)(unsafe.Pointer(f.own)), unsafe.Sizeof(*f.own))
		if bytes.Contains(own, []byte("secret")) || bytes.Contains(before[:cap(before)], []byte("secret")) {
			t.Errorf("records of %d bytes stay", size)
		}
	}
}
