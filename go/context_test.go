package apiseal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"unsafe"
)

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
