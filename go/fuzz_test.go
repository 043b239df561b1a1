package apiseal

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Seeds run as plain tests, and so does what stands in testdata/fuzz. scripts/fuzz-go looks for more.

// isOurs: whatever fails fails with an error of the package, and gives nothing.
func isOurs(t *testing.T, err error) {
	t.Helper()
	var own *Error
	if !errors.As(err, &own) || own.Code.String() == "" || own.Message == "" || own.Code == CodeInternal {
		t.Fatalf("%v", err)
	}
}

func FuzzDocument(f *testing.F) {
	f.Add(order, "acme")
	f.Add([]byte(`{"id":null,"card":{"number":{"a":[1e400,"\u0000"]}}}`), "")
	f.Add([]byte(`{"id":1,"id":1}`), "\xff")
	f.Add([]byte(nil), strings.Repeat("x", 1025))
	for _, vector := range fieldVectors(f) {
		f.Add([]byte(vector.Document), "acme")
		f.Add([]byte(vector.Encrypted), "acme")
	}
	cipher := orderCipher(f)
	f.Fuzz(func(t *testing.T, document []byte, tenant string) {
		context := Context{"purpose": "orders", "tenant": tenant}
		sealed, err := cipher.Encrypt(document, context)
		if err != nil {
			isOurs(t, err)
			return
		}
		opened, err := cipher.Decrypt(sealed, context)
		if err != nil || !bytes.Equal(opened, document) {
			t.Fatalf("%q became %q: %v", document, opened, err)
		}
		if _, err := cipher.Decrypt(sealed, context.With("more", "")); err == nil {
			t.Fatal("another context opens")
		}
	})
}

func FuzzSealed(f *testing.F) {
	for _, vector := range fieldVectors(f) {
		f.Add([]byte(vector.Encrypted))
	}
	cipher := orderCipher(f)
	sealed := must[[]byte](f)(cipher.Encrypt(order, tenant))
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, document []byte) {
		opened, err := cipher.Decrypt(document, tenant)
		if err != nil {
			isOurs(t, err)
		} else if !bytes.Contains(opened, []byte("4111111111111111")) {
			t.Fatalf("%q opened as %q", document, opened)
		}
		for _, call := range []func() error{
			func() error { return second(cipher.Inspect(document, tenant)) },
			func() error { return second(Inspect(document)) },
			func() error { return second(cipher.Diagnose(document, tenant, another)) },
			func() error { return second(Locate(document, "$..number")) },
		} {
			if err := call(); err != nil {
				isOurs(t, err)
			}
		}
	})
}

func FuzzPolicy(f *testing.F) {
	f.Add(orders)
	for _, vector := range fieldVectors(f) {
		f.Add(vector.policyText())
	}
	ring := must[*Keyring](f)(GenerateKeyring(AES256GCM))
	f.Fuzz(func(t *testing.T, text string) {
		policy, err := ParsePolicy(text)
		if err != nil {
			isOurs(t, err)
			return
		}
		defer policy.Close()
		cipher, err := NewFieldCipher(ring, policy)
		if err != nil {
			isOurs(t, err)
			return
		}
		defer cipher.Close()
		if sealed, err := cipher.Encrypt(order, tenant); err != nil {
			isOurs(t, err)
		} else if opened, err := cipher.Decrypt(sealed, tenant); err != nil || !bytes.Equal(opened, order) {
			t.Fatalf("%q: %v", opened, err)
		}
	})
}

func FuzzKeyring(f *testing.F) {
	ring := must[*Keyring](f)(GenerateKeyring(AES256GCM))
	f.Add(must[[]byte](f)(ring.HazmatWriteClear("orders")))
	f.Fuzz(func(t *testing.T, file []byte) {
		ring, err := HazmatReadClearKeyring(file, "orders", 0)
		if err != nil {
			isOurs(t, err)
			return
		}
		defer ring.Close()
		for _, key := range must[[]*Key](t)(ring.Keys()) {
			if key.Info().ID == "" {
				t.Fatal("a key has no id")
			}
		}
	})
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(string(order)+"\n\n{}\r\n"+string(order)), 1, 0)
	f.Add([]byte("\n"), 2, 7)
	cipher := orderCipher(f)
	f.Fuzz(func(t *testing.T, source []byte, threads, most int) {
		var sealed, opened bytes.Buffer
		failures := 0
		options := LineOptions{Threads: threads % 3, MaxLine: most % 1000, Failed: func(*LineError) error { failures++; return nil }}
		if err := cipher.EncryptLines(&sealed, bytes.NewReader(source), tenant, options); err != nil {
			isOurs(t, err)
			return
		}
		if err := cipher.DecryptLines(&opened, &sealed, tenant, LineOptions{}); err != nil {
			t.Fatal(err)
		}
		if failures == 0 && !bytes.Equal(opened.Bytes(), source) {
			t.Fatalf("%q became %q", source, opened.Bytes())
		}
	})
}

// FuzzHandler: of all that net/http takes for a request, only the one that was signed passes, and only once.
func FuzzHandler(f *testing.F) {
	shop := newShop(f)
	signed := must[*Signed](f)(shop.client.Sign(&Message{Method: "GET", Scheme: "http", Authority: "a", Target: "/x?y"}))
	var head strings.Builder
	head.WriteString("GET /x?y HTTP/1.1\r\nHost: a\r\n")
	for _, line := range signed.Headers {
		head.WriteString(line.Name + ": " + line.Value + "\r\n")
	}
	f.Add([]byte(head.String() + "\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n"))
	f.Add([]byte("GET http://b/ HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}"))
	verifier := shop.verifier(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		passed := false
		next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true })
		recorder := httptest.NewRecorder()
		verifier.Handler(next, WithMaxBody(100), WithSignedResponses(shop.service)).ServeHTTP(recorder, request)
		if passed {
			if request.RequestURI != "/x?y" || request.Method != "GET" || recorder.Code != 200 || recorder.Header().Get("Signature") == "" {
				t.Fatalf("%q passes", data)
			}
		} else if code := recorder.Code; code != 401 && code != 413 && code != 400 {
			t.Fatalf("%q gets %d", data, code)
		}
	})
}

// FuzzMessage: whatever a message holds, it is judged and nothing breaks.
func FuzzMessage(f *testing.F) {
	f.Add("POST", "https", "api.example", "/orders?x=1", "content-type", "application/json", []byte("{}"), 0)
	f.Add("", "", "", "", "\x00", "\r\n", []byte(nil), 204)
	f.Add("GET", "ftp", "a:b", "//", "signature-input", `sig=("@method");created=1`, []byte("x"), 999)
	shop := newShop(f)
	verifier := must[*Verifier](f)(NewVerifier(shop.ring, nil, must[*Replay](f)(UncheckedReplay())))
	f.Fuzz(func(t *testing.T, method, scheme, authority, target, name, value string, body []byte, status int) {
		message := &Message{Method: method, Scheme: scheme, Authority: authority, Target: target, Headers: []Header{{name, value}}, Body: body, Status: status}
		if _, err := verifier.Verify(message); err == nil {
			t.Fatal("a message without a signature verifies")
		} else {
			isOurs(t, err)
		}
		if _, err := verifier.Explain(message, &ExplainOptions{Authorities: []string{authority}}); err != nil {
			isOurs(t, err)
		}
		signed, err := shop.client.Sign(message)
		if err != nil {
			isOurs(t, err)
			return
		}
		defer signed.Close()
		verified, err := verifier.Verify(message.carrying(signed.Headers))
		if err != nil {
			t.Fatalf("what was signed does not verify: %v", err)
		}
		_ = verified.Close()
	})
}
