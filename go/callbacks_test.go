package apiseal

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// journal keeps events.
type journal struct {
	lock   sync.Mutex
	events []Event
}

func (j *journal) Event(event Event) {
	j.lock.Lock()
	defer j.lock.Unlock()
	j.events = append(j.events, event)
}

func TestAuditHearsOfEveryUse(t *testing.T) {
	var journal journal
	cipher := orderCipher(t, WithAudit(&journal))
	sealed := must[[]byte](t)(cipher.Encrypt(order, tenant))
	must[[]byte](t)(cipher.Decrypt(sealed, tenant))
	_, err := cipher.Decrypt(sealed, another)
	wantCode(t, err, CodeRejected)
	if len(journal.events) != 3 {
		t.Fatalf("%v", journal.events)
	}
	first, last := journal.events[0], journal.events[2]
	if first.Operation != "encrypt" || first.Policy != "orders.v1" || first.Count != 1 || first.KeyID == "" || first.Failure != 0 ||
		len(first.ContextNames) != 2 || len(first.ContextTag) != 8 || !bytes.Equal(first.ContextTag, journal.events[1].ContextTag) {
		t.Errorf("%+v", first)
	}
	if last.Operation != "decrypt" || last.Failure != CodeRejected {
		t.Errorf("%+v", last)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("used", "event", last)
	if !strings.Contains(log.String(), "event.failure=Rejected") || strings.Contains(log.String(), "acme") {
		t.Error(log.String())
	}
}

func TestPanicsOfCallbacksDoNotCross(t *testing.T) {
	boom := func() { panic("boom") }
	cipher := orderCipher(t, WithAudit(AuditFunc(func(Event) { boom() })), WithClock(func() time.Time { boom(); return time.Time{} }))
	sealed := must[[]byte](t)(cipher.Encrypt(order, tenant))
	must[[]byte](t)(cipher.Decrypt(sealed, tenant))

	shop := newShop(t)
	request := orderRequest()
	signed := must[*Signed](t)(shop.client.Sign(request))
	replay := must[*Replay](t)(NewReplay(outcome(99)))
	verifier := must[*Verifier](t)(NewVerifier(shop.ring, nil, replay))
	_, err := verifier.Verify(request.carrying(signed.Headers))
	wantCode(t, err, CodeReplayUnavailable)

	accepts := must[*Acceptor](t)(NewAcceptor(shop.fields, shop.verifier(t)))
	protects := must[*Protector](t)(NewProtector(shop.fields, shop.client))
	protected := must[*Protected](t)(protects.Protect(request, tenant))
	_, _, err = accepts.AcceptWith(protected.message(request), func(*Verified) (Context, error) { boom(); return nil, nil })
	if err == nil || !strings.Contains(err.Error(), "boom") {
		t.Fatal(err)
	}
	broken := readerFunc(func([]byte) (int, error) { boom(); return 0, nil })
	var out bytes.Buffer
	if err := cipher.EncryptLines(&out, broken, tenant, LineOptions{}); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Fatal(err)
	}
}

func orderRequest() *Message {
	return &Message{Method: "POST", Scheme: "https", Authority: "api.example", Target: "/orders",
		Headers: []Header{{"content-type", "application/json"}}, Body: order}
}

// message is what is sent in the place of the clear message.
func (p *Protected) message(clear *Message) *Message {
	own := *clear.carrying(p.Headers)
	own.Body = p.Body
	return &own
}

func TestAClockIsAsked(t *testing.T) {
	shop := newShop(t)
	request := orderRequest()
	signer := must[*Signer](t)(NewSigner(shop.ring, nil, WithKey("acme-req"), at(1_800_000_000)))
	signed := must[*Signed](t)(signer.Sign(request))
	for now, code := range map[int64]Code{1_800_000_000: 0, 1_800_000_301: CodeSignatureExpired, 1_799_999_900: CodeSignatureFuture} {
		verifier := must[*Verifier](t)(NewVerifier(shop.ring, nil, must[*Replay](t)(UncheckedReplay()), at(now)))
		verified, err := verifier.Verify(request.carrying(signed.Headers))
		if code != 0 {
			wantCode(t, err, code)
			if !errors.Is(err, ErrSignatureTime) || !errors.Is(err, ErrSignature) {
				t.Error(err)
			}
		} else if err != nil || verified.Proof().Created.Unix() != 1_800_000_000 {
			t.Error(err)
		}
	}
}

func TestAStoreOfOnesOwnClaimsEachNonceOnce(t *testing.T) {
	shop := newShop(t)
	store := &claims{}
	verifier := must[*Verifier](t)(NewVerifier(shop.ring, nil, must[*Replay](t)(NewReplay(store))))
	request := orderRequest()
	message := request.carrying(must[*Signed](t)(shop.client.Sign(request)).Headers)
	var group sync.WaitGroup
	var lock sync.Mutex
	accepted := 0
	for range 16 {
		group.Add(1)
		go func() {
			defer group.Done()
			_, err := verifier.Verify(message)
			lock.Lock()
			defer lock.Unlock()
			if err == nil {
				accepted++
			} else if !errors.Is(err, ErrReplayed) {
				t.Error(err)
			}
		}()
	}
	group.Wait()
	last := store.last
	if accepted != 1 || last.Principal != "ACME" || last.Nonce == "" || last.Scope == [32]byte{} || !last.Until.After(last.Created) || last.Skew != 30*time.Second {
		t.Errorf("%d %+v", accepted, last)
	}
	// A message that fails claims nothing.
	message.Body = []byte("{}")
	before := store.count
	if _, err := verifier.Verify(message); !errors.Is(err, ErrDigest) || store.count != before {
		t.Error(err)
	}
}

type claims struct {
	lock  sync.Mutex
	seen  map[string]bool
	last  Claim
	count int
}

func (c *claims) Claim(claim Claim) Outcome {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.last = claim
	c.count++
	key := string(claim.Scope[:]) + claim.Nonce
	if c.seen[key] {
		return Seen
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.seen[key] = true
	return First
}

func TestAnExternalSigner(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key := must[*Key](t)(RawPublicKey("hsm", Ed25519, public, Requests, KeyOptions{Principal: "ACME"}))
	ring := must[*Keyring](t)(NewKeyring("", 0, RingEntry{key, false}))
	verifier := must[*Verifier](t)(NewVerifier(ring, nil, must[*Replay](t)(UncheckedReplay())))
	sign := func(base []byte) ([]byte, error) { return ed25519.Sign(private, base), nil }
	signer := must[*Signer](t)(NewSigner(ring, nil, WithKey("hsm"), WithExternalSigner(sign)))
	request := orderRequest()
	signed := must[*Signed](t)(signer.Sign(request))
	must[*Verified](t)(verifier.Verify(request.carrying(signed.Headers)))
	for name, own := range map[string]struct {
		sign  func([]byte) ([]byte, error)
		tells string
	}{
		"fails":  {func([]byte) ([]byte, error) { return nil, context.DeadlineExceeded }, "the external signer failed: context deadline exceeded"},
		"panics": {func([]byte) ([]byte, error) { panic("boom") }, "the external signer failed: it panicked: boom"},
		"short":  {func([]byte) ([]byte, error) { return []byte("x"), nil }, ""},
		"long":   {func([]byte) ([]byte, error) { return make([]byte, 1<<20), nil }, "a signature has at most 1024 bytes, and it gave 1048576"},
	} {
		signer := must[*Signer](t)(NewSigner(ring, nil, WithKey("hsm"), WithExternalSigner(own.sign)))
		protector := must[*Protector](t)(NewProtector(orderCipher(t), signer))
		_, signing := signer.Sign(request)
		_, protecting := protector.Protect(request, tenant)
		for _, err := range []error{signing, protecting} {
			wantCode(t, err, CodeExternalSigner)
			if !strings.Contains(err.Error(), own.tells) || errors.Is(err, context.DeadlineExceeded) != (name == "fails") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	// A failure is told to the call that it belongs to.
	nested := must[*Signer](t)(NewSigner(ring, nil, WithKey("hsm"), WithExternalSigner(func(base []byte) ([]byte, error) {
		failing := must[*Signer](t)(NewSigner(ring, nil, WithKey("hsm"), WithExternalSigner(func([]byte) ([]byte, error) { return nil, io.EOF })))
		if _, err := failing.Sign(request); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		return sign(base)
	})))
	must[*Signed](t)(nested.Sign(request))
}

func TestACallbackMayUseAndCloseWhatCallsIt(t *testing.T) {
	var cipher *FieldCipher
	nested := false
	hook := AuditFunc(func(Event) {
		if !nested {
			nested = true
			// The stack grows, so that it moves, while the library holds what it was lent.
			deep(100)
			must[[]byte](t)(cipher.Encrypt(order, tenant))
			runtime.GC()
			_ = cipher.Close()
		}
	})
	cipher = orderCipher(t, WithAudit(hook))
	sealed := must[[]byte](t)(cipher.Encrypt(order, tenant))
	if !bytes.Contains(sealed, []byte("as1.")) {
		t.Fatalf("%s", sealed)
	}
	_, err := cipher.Encrypt(order, tenant)
	if !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

func deep(levels int) int {
	var filler [1024]byte
	if levels == 0 {
		return 0
	}
	filler[levels%1024] = 1
	return deep(levels-1) + int(filler[7])
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(into []byte) (int, error) { return f(into) }
