package apiseal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	apiseal "github.com/apiseal/apiseal/go"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func Example() {
	err := func() error {
		ring, err := apiseal.GenerateKeyring(apiseal.AES256GCM) // or apiseal.LoadKeyring
		if err != nil {
			return err
		}
		policy, err := apiseal.ParsePolicy(`{"apiseal_policy": 1, "id": "orders.v1",
			"rules": [{"path": "$.orders[*].card.number", "bind": ["2/id"], "types": ["string"]}]}`)
		if err != nil {
			return err
		}
		cipher, err := apiseal.NewFieldCipher(ring, policy)
		if err != nil {
			return err
		}
		defer cipher.Close()

		context := apiseal.Context{"purpose": "orders", "tenant": "acme"}
		document := []byte(`{"orders": [{"id": 7, "card": {"number": "4111111111111111"}, "total": 1.10}]}`)
		sealed, err := cipher.Encrypt(document, context)
		if err != nil {
			return err
		}
		opened, err := cipher.Decrypt(sealed, context)
		if err != nil {
			return err
		}
		fmt.Println(bytes.Equal(opened, document))

		// The card of order 7 does not open as the card of order 8.
		moved := bytes.Replace(sealed, []byte(`"id": 7`), []byte(`"id": 8`), 1)
		_, err = cipher.Decrypt(moved, context)
		fmt.Println(errors.Is(err, apiseal.ErrRejected))
		return nil
	}()
	check(err)
	// Output:
	// true
	// true
}

// signingRing is the keyring of both sides of the examples; a client has the key for requests alone.
func signingRing() *apiseal.Keyring {
	root, err := apiseal.GenerateKey("signing", apiseal.Sig, apiseal.HMACSHA256)
	check(err)
	entries := []apiseal.RingEntry{{Key: root}}
	for id, direction := range map[string]apiseal.Direction{"acme-req": apiseal.Requests, "acme-res": apiseal.Responses} {
		key, err := apiseal.DeriveKey(id, root, apiseal.Context{"partner": "acme", "dir": string(direction)})
		check(err)
		key, err = key.With(apiseal.KeyOptions{Principal: "ACME", Direction: direction})
		check(err)
		entries = append(entries, apiseal.RingEntry{Key: key})
	}
	ring, err := apiseal.NewKeyring("", 0, entries...)
	check(err)
	return ring
}

// yesterday is the clock of stores that the examples need to have been there before.
func yesterday() time.Time { return time.Now().Add(-24 * time.Hour) }

func ExampleVerifier_Handler() {
	logger := slog.New(slog.DiscardHandler) // slog.Default()
	ring := signingRing()
	serverRing, clientRing := ring, ring

	// A service.
	replay, err := apiseal.NewMemoryReplay(100_000, apiseal.WithClock(yesterday)) // leave the clock out
	check(err)
	verifier, err := apiseal.NewVerifier(serverRing, nil, replay)
	check(err)
	responses, err := apiseal.NewSigner(serverRing, nil, apiseal.WithKey("acme-res"))
	check(err)
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verified, _ := apiseal.FromContext(r.Context())
		path, _ := verified.Component("@path")
		fmt.Fprintf(w, "%s may ask for %s", verified.Principal(), path)
	})
	handler := verifier.Handler(orders, apiseal.WithSignedResponses(responses),
		apiseal.WithRefused(func(r *http.Request, err error) { logger.Warn("refused", "remote", r.RemoteAddr, "err", err) }))
	server := httptest.NewServer(handler)
	defer server.Close()

	// A client.
	signer, err := apiseal.NewSigner(clientRing, nil, apiseal.WithKey("acme-req"))
	check(err)
	none, err := apiseal.UncheckedReplay() // a response is bound to its request
	check(err)
	answers, err := apiseal.NewVerifier(clientRing, nil, none)
	check(err)
	client := &http.Client{Transport: signer.Transport(http.DefaultTransport, apiseal.WithVerifiedResponses(answers))}
	response, err := client.Post(server.URL+"/orders", "application/json", strings.NewReader(`{"amount": 149.90}`))
	check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(err)
	fmt.Printf("%s\n", text)

	// A request that nobody signed.
	response, err = http.Get(server.URL + "/orders")
	check(err)
	defer response.Body.Close()
	fmt.Println(response.Status)
	// Output:
	// ACME may ask for /orders
	// 401 Unauthorized
}

func ExampleProtector_Transport() {
	fields, err := apiseal.GenerateKeyring(apiseal.AES256GCM)
	check(err)
	policy, err := apiseal.ParsePolicy(`{"apiseal_policy": 1, "id": "orders.v1", "rules": [{"path": "$.card", "bind": ["$.id"]}]}`)
	check(err)
	cipher, err := apiseal.NewFieldCipher(fields, policy)
	check(err)
	ring := signingRing()
	replay, err := apiseal.NewMemoryReplay(100_000, apiseal.WithClock(yesterday))
	check(err)
	verifier, err := apiseal.NewVerifier(ring, nil, replay)
	check(err)
	signer, err := apiseal.NewSigner(ring, nil, apiseal.WithKey("acme-req"))
	check(err)
	orders := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		check(err)
		fmt.Printf("the service reads %s\n", body)
	})

	// The service decrypts under a context that is made of what was proved.
	acceptor, err := apiseal.NewAcceptor(cipher, verifier)
	check(err)
	handler := acceptor.Handler(orders, func(verified *apiseal.Verified) (apiseal.Context, error) {
		return apiseal.Context{"purpose": "orders", "tenant": verified.Principal()}, nil
	})

	// The client states the same context.
	protector, err := apiseal.NewProtector(cipher, signer)
	check(err)
	transport := protector.Transport(http.DefaultTransport, func(*http.Request) (apiseal.Context, error) {
		return apiseal.Context{"purpose": "orders", "tenant": "ACME"}, nil
	})
	client := &http.Client{Transport: transport}

	server := httptest.NewServer(handler)
	defer server.Close()
	response, err := client.Post(server.URL, "application/json", strings.NewReader(`{"id": 7, "card": "4111111111111111"}`))
	check(err)
	check(response.Body.Close())
	// Output:
	// the service reads {"id": 7, "card": "4111111111111111"}
}

func ExampleFieldCipher_EncryptLines() {
	ring, err := apiseal.GenerateKeyring(apiseal.AES256GCM)
	check(err)
	policy, err := apiseal.ParsePolicy(`{"apiseal_policy": 1, "id": "orders.v1", "rules": [{"path": "$.card", "bind": ["$.id"]}]}`)
	check(err)
	cipher, err := apiseal.NewFieldCipher(ring, policy)
	check(err)
	context := apiseal.Context{"purpose": "orders"}
	source := strings.NewReader("{\"id\": 1, \"card\": \"4111\"}\n{\"id\": 2}\n{\"id\": 3, \"card\": \"5500\"}\n")

	var sealed bytes.Buffer
	options := apiseal.LineOptions{Threads: 2, Failed: func(line *apiseal.LineError) error {
		fmt.Println(line)
		return nil // goes on without the line; an error would end the run
	}}
	check(cipher.EncryptLines(&sealed, source, context, options))
	check(cipher.DecryptLines(os.Stdout, &sealed, context, apiseal.LineOptions{}))
	// Output:
	// apiseal: line 2: a required rule matched nothing: rule `$.card`; say "occurs": "optional" if that is right [211]
	// {"id": 1, "card": "4111"}
	// {"id": 3, "card": "5500"}
}

func ExampleKeyring_Replace() {
	folder, err := os.MkdirTemp("", "apiseal")
	check(err)
	defer os.RemoveAll(folder)
	path := folder + "/ring.json"
	wrap := apiseal.WrappingKey(make([]byte, 32)) // 32 bytes from your secret store
	first, err := apiseal.GenerateKey("k2026", apiseal.Seal, apiseal.AES256GCM)
	check(err)
	ring, err := apiseal.NewKeyring("orders", 0, apiseal.RingEntry{Key: first, Primary: true})
	check(err)

	// Add the new key, and let every service load the ring before the next step.
	next, err := apiseal.GenerateKey("k2027", apiseal.Seal, apiseal.AES256GCM)
	check(err)
	added, err := ring.WithKey(next)
	check(err)
	// Then promote it: new documents use it, the old key goes on decrypting.
	promoted, err := added.Promote("k2027")
	check(err)
	check(promoted.Save(path, "orders", wrap))

	// A running service takes the new ring; its ciphers use it from then on.
	newer, err := apiseal.LoadKeyring(path, "orders", wrap, ring.Rev())
	check(err)
	check(ring.Replace(newer))

	keys, err := ring.Keys()
	check(err)
	fmt.Println(len(keys), keys[1].Info().ID, keys[1])
	// Output:
	// 2 k2027 apiseal.Key(REDACTED)
}

func ExampleValueCipher() {
	ring, err := apiseal.GenerateKeyring(apiseal.AES256GCM)
	check(err)

	emails, err := apiseal.NewValueCipher(ring, "users.email")
	check(err)
	row, context := apiseal.BoundJSON("users.id", "7"), apiseal.Context{"purpose": "users"}
	token, err := emails.EncryptText("ada@example.com", context, row)
	check(err)
	email, err := emails.DecryptText(token, context, row)
	check(err)

	fmt.Println(email)
	// Output:
	// ada@example.com
}

func ExampleRedactor() {
	policy, err := apiseal.ParsePolicy(`{"apiseal_policy": 1, "id": "orders.v1",
		"rules": [{"path": "$..pan", "bind": [], "mask": {"keep_last": 4}}]}`)
	check(err)
	redactor, err := apiseal.NewRedactor(policy)
	check(err)
	masked, _, err := redactor.Redact([]byte(`{"pan": "4111111111111111"}`))
	check(err)
	fmt.Printf("%s\n", masked)
	// Output:
	// {"pan": "****1111"}
}

// SharedReplay keeps nonces where all processes find them. SetNX is what such a store offers: it sets a key that is not there,
// for a time, and tells whether it did.
type SharedReplay struct {
	SetNX func(key string, until time.Time) (bool, error)
}

// Claim is that of [apiseal.ReplayStore].
func (s *SharedReplay) Claim(claim apiseal.Claim) apiseal.Outcome {
	isNew, err := s.SetNX(fmt.Sprintf("nonce:%x:%s", claim.Scope, claim.Nonce), claim.Until)
	switch {
	case err != nil:
		return apiseal.Unknown
	case isNew:
		return apiseal.First
	default:
		return apiseal.Seen
	}
}

func ExampleNewReplay() {
	seen := map[string]bool{}
	store := &SharedReplay{SetNX: func(key string, _ time.Time) (bool, error) {
		isNew := !seen[key]
		seen[key] = true
		return isNew, nil
	}}

	replay, err := apiseal.NewReplay(store)
	check(err)
	ring := signingRing()
	verifier, err := apiseal.NewVerifier(ring, nil, replay)
	check(err)

	signer, err := apiseal.NewSigner(ring, nil, apiseal.WithKey("acme-req"))
	check(err)
	message := &apiseal.Message{Method: "GET", Scheme: "https", Authority: "api.example", Target: "/orders"}
	signed, err := signer.Sign(message)
	check(err)
	message.Headers = append(message.Headers, signed.Headers...)
	_, err = verifier.Verify(message)
	check(err)
	_, err = verifier.Verify(message)
	fmt.Println(errors.Is(err, apiseal.ErrReplayed))
	// Output:
	// true
}

func ExampleVerifier_Explain() {
	ring := signingRing()
	signer, err := apiseal.NewSigner(ring, nil, apiseal.WithKey("acme-req"))
	check(err)
	message := &apiseal.Message{Method: "GET", Scheme: "https", Authority: "api.example", Target: "/orders"}
	signed, err := signer.Sign(message)
	check(err)
	message.Headers = append(message.Headers, signed.Headers...)
	message.Authority = "backend:8080"
	replay, err := apiseal.UncheckedReplay()
	check(err)
	verifier, err := apiseal.NewVerifier(ring, nil, replay)
	check(err)

	told, err := verifier.Explain(message, &apiseal.ExplainOptions{Authorities: []string{"api.example"}})
	check(err)
	fmt.Println(told.Changes[0].Kind, told.Changes[0].Received, told.Changes[0].Signed)
	// Output:
	// authority backend:8080 api.example
}
