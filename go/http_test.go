package apiseal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// shop is a service and its client, who share keys for messages and for fields.
type shop struct {
	ring   *Keyring
	fields *FieldCipher
	// client signs requests, service responses.
	client, service *Signer
	responses       *Verifier
}

func newShop(t testing.TB) *shop {
	t.Helper()
	var entries []RingEntry
	for id, direction := range map[string]Direction{"acme-req": Requests, "acme-res": Responses} {
		secret := bytes.Repeat([]byte(id[7:8]), 32)
		key := must[*Key](t)(RawKey(id, HMACSHA256, secret, direction, KeyOptions{Principal: "ACME", Profiles: []string{"apiseal-v1", "wire"}}))
		entries = append(entries, RingEntry{key, false})
	}
	s := &shop{ring: must[*Keyring](t)(NewKeyring("", 0, entries...)), fields: orderCipher(t)}
	s.client = must[*Signer](t)(NewSigner(s.ring, nil, WithKey("acme-req")))
	s.service = must[*Signer](t)(NewSigner(s.ring, nil, WithKey("acme-res")))
	s.responses = must[*Verifier](t)(NewVerifier(s.ring, nil, must[*Replay](t)(UncheckedReplay())))
	return s
}

// verifier is that of the service. Its store of nonces was there before the test began.
func (s *shop) verifier(t testing.TB, options ...VerifierOption) *Verifier {
	t.Helper()
	earlier := WithClock(func() time.Time { return time.Now().Add(-time.Hour) })
	replay := must[*Replay](t)(NewMemoryReplay(1000, WithQuota(900), earlier))
	return must[*Verifier](t)(NewVerifier(s.ring, nil, replay, options...))
}

// servers are real ones: HTTP/1.1 in clear and under TLS, HTTP/2 under TLS.
func servers(t *testing.T, handler http.Handler, run func(*testing.T, *httptest.Server, *http.Transport)) {
	for _, kind := range []string{"HTTP/1.1", "HTTP/1.1 TLS", "HTTP/2"} {
		t.Run(kind, func(t *testing.T) {
			server := httptest.NewUnstartedServer(handler)
			server.EnableHTTP2 = kind == "HTTP/2"
			if kind == "HTTP/1.1" {
				server.Start()
			} else {
				server.StartTLS()
			}
			defer server.Close()
			transport := server.Client().Transport.(*http.Transport)
			transport.ForceAttemptHTTP2 = server.EnableHTTP2
			run(t, server, transport)
		})
	}
}

// echo answers with what it got and what was proved.
func echo(t *testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verified, ok := FromContext(r.Context())
		if !ok {
			t.Error("nothing is in the context")
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength {
			t.Errorf("%d bytes of %d: %v", len(body), r.ContentLength, err)
		}
		path, _ := verified.Component("@path")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Proved", fmt.Sprintf("%s %s %s %s", r.Proto, verified.KeyID(), verified.Principal(), path))
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(body)
	})
}

func answer(t testing.TB, response *http.Response, err error) (*http.Response, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response, string(must[[]byte](t)(io.ReadAll(response.Body)))
}

func TestASignedExchange(t *testing.T) {
	shop := newShop(t)
	handler := shop.verifier(t).Handler(echo(t), WithSignedResponses(shop.service))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		client := &http.Client{Transport: shop.client.Transport(base, WithVerifiedResponses(shop.responses))}
		for _, method := range []string{"GET", "HEAD", "DELETE", "POST", "PUT"} {
			sent := ""
			request := must[*http.Request](t)(http.NewRequest(method, server.URL+"/orders%2F7?x=1&y=%20", nil))
			if strings.HasPrefix(method, "P") {
				sent = `{"amount": 1.10, "note": "ü"}`
				request = must[*http.Request](t)(http.NewRequest(method, request.URL.String(), strings.NewReader(sent)))
				request.Header.Set("Content-Type", "application/json")
			}
			request.Header.Set("Authorization", "Bearer token")
			before := request.Header.Clone()
			response, got := answer(t, must[*http.Response](t)(client.Do(request)), nil)
			if (response.ProtoMajor == 2) != server.EnableHTTP2 {
				t.Fatal(response.Proto)
			}
			proved := fmt.Sprintf("%s acme-req ACME /orders%%2F7", response.Proto)
			if response.StatusCode != 201 || got != sent || response.Header.Get("X-Proved") != proved {
				t.Fatalf("%s: %d %q %v", method, response.StatusCode, got, response.Header)
			}
			verified, ok := FromResponse(response)
			if !ok || verified.KeyID() != "acme-res" {
				t.Fatalf("%s: the response is not proved", method)
			}
			if fmt.Sprint(before) != fmt.Sprint(request.Header) {
				t.Fatalf("%s: the request was changed: %v", method, request.Header)
			}
		}
	})
}

func TestAProtectedExchange(t *testing.T) {
	shop := newShop(t)
	protects := must[*Protector](t)(NewProtector(shop.fields, shop.client))
	answers := must[*Protector](t)(NewProtector(shop.fields, shop.service))
	accepts := must[*Acceptor](t)(NewAcceptor(shop.fields, shop.verifier(t)))
	opens := must[*Acceptor](t)(NewAcceptor(shop.fields, shop.responses))
	// The context of the service is made of what was proved, and is the one that the client states.
	context := func(verified *Verified) (Context, error) {
		return Context{"purpose": "orders", "tenant": verified.Principal()}, nil
	}
	stated := func(*http.Request) (Context, error) { return Context{"purpose": "orders", "tenant": "ACME"}, nil }
	handler := accepts.Handler(echo(t), context, WithProtectedResponses(answers))
	var wire sync.Map
	watched := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		wire.Store(r.Method, string(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, r)
	})
	servers(t, watched, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		client := &http.Client{Transport: protects.Transport(base, stated, WithAcceptedResponses(opens))}
		response, got := answer(t, must[*http.Response](t)(client.Post(server.URL+"/orders", "application/json", bytes.NewReader(order))), nil)
		if response.StatusCode != 201 || got != string(order) {
			t.Fatalf("%d %s", response.StatusCode, got)
		}
		if sent, _ := wire.Load("POST"); strings.Contains(sent.(string), "4111") || !strings.Contains(sent.(string), "as1.") {
			t.Fatalf("on the wire was %s", sent)
		}
		response, got = answer(t, must[*http.Response](t)(client.Get(server.URL+"/orders")), nil)
		if _, ok := FromResponse(response); !ok || got != "" {
			t.Fatalf("%s", got)
		}
	})
}

// refusals takes note of why requests were refused.
type refusals struct {
	lock sync.Mutex
	last error
}

func (r *refusals) note(_ *http.Request, err error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.last = err
}

func (r *refusals) taken() error {
	r.lock.Lock()
	defer r.lock.Unlock()
	last := r.last
	r.last = nil
	return last
}

func TestWhatIsRefusedGetsAStatusAndNothingMore(t *testing.T) {
	shop := newShop(t)
	var refused refusals
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was reached") })
	handler := shop.verifier(t).Handler(next, WithRefused(refused.note), WithMaxBody(1000), WithSignedResponses(shop.service))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		change := func(change func(*http.Request)) *http.Response {
			client := &http.Client{Transport: shop.client.Transport(roundTrip(func(r *http.Request) (*http.Response, error) {
				change(r)
				return base.RoundTrip(r)
			}))}
			response, body := answer(t, must[*http.Response](t)(client.Post(server.URL+"/a", "application/json", strings.NewReader("{}"))), nil)
			if body != http.StatusText(response.StatusCode)+"\n" || response.Header.Get("Signature") != "" {
				t.Errorf("the peer is told %q", body)
			}
			return response
		}
		body := func(text string) func(*http.Request) {
			return func(r *http.Request) {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			}
		}
		for name, own := range map[string]struct {
			change func(*http.Request)
			status int
			kind   error
		}{
			"no signature":      {func(r *http.Request) { r.Header.Del("Signature-Input"); r.Header.Del("Signature") }, 401, ErrSignatureMissing},
			"method":            {func(r *http.Request) { r.Method = "PUT" }, 401, ErrSignatureInvalid},
			"path":              {func(r *http.Request) { r.URL.Path = "/b" }, 401, ErrSignatureInvalid},
			"query":             {func(r *http.Request) { r.URL.RawQuery = "x=1" }, 401, ErrSignatureInvalid},
			"authority":         {func(r *http.Request) { r.Host = "other.example" }, 401, ErrSignatureInvalid},
			"content":           {body(`[]`), 401, ErrDigest},
			"more content":      {body(`{} `), 401, ErrDigest},
			"no content":        {func(r *http.Request) { r.Body, r.ContentLength = http.NoBody, 0 }, 401, ErrDigest},
			"chunked content":   {func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("[]")), -1 }, 401, ErrDigest},
			"a steering header": {func(r *http.Request) { r.Header.Set("X-Http-Method-Override", "PUT") }, 401, ErrNotCovered},
			"a signed header":   {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 401, ErrSignatureInvalid},
			"a trailer":         {func(r *http.Request) { r.ContentLength, r.Trailer = -1, http.Header{"X-Late": {"1"}} }, 401, ErrSignature},
			"too much":          {body(strings.Repeat(" ", 1001)), 413, errTooLong},
			"too much, chunked": {func(r *http.Request) { body(strings.Repeat(" ", 1001))(r); r.ContentLength = -1 }, 413, errTooLong},
		} {
			response := change(own.change)
			if err := refused.taken(); response.StatusCode != own.status || !errors.Is(err, own.kind) {
				t.Errorf("%s: %d %v", name, response.StatusCode, err)
			}
		}
	})
}

// roundTrip is a function that serves as a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAMessageIsAcceptedOnce(t *testing.T) {
	shop := newShop(t)
	var refused refusals
	handler := shop.verifier(t).Handler(echo(t), WithRefused(refused.note))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		var copied *http.Request
		client := &http.Client{Transport: shop.client.Transport(roundTrip(func(r *http.Request) (*http.Response, error) {
			copied = r.Clone(context.Background())
			copied.Body, _ = r.GetBody()
			return base.RoundTrip(r)
		}))}
		request := must[*http.Request](t)(http.NewRequest("POST", server.URL+"/a", strings.NewReader("{}")))
		request.Header.Set("Content-Type", "application/json")
		// A request that is sent again by its caller is signed anew.
		for range 3 {
			request.Body, _ = request.GetBody()
			if response, _ := answer(t, must[*http.Response](t)(client.Do(request)), nil); response.StatusCode != 201 {
				t.Fatal(refused.taken())
			}
		}
		response, _ := answer(t, must[*http.Response](t)(base.RoundTrip(copied)), nil)
		if err := refused.taken(); response.StatusCode != 401 || !errors.Is(err, ErrReplayed) {
			t.Fatalf("%d %v", response.StatusCode, err)
		}
	})
}

func TestRedirectsAreSignedAnew(t *testing.T) {
	shop := newShop(t)
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusTemporaryRedirect)
			return
		}
		echo(t).ServeHTTP(w, r)
	})
	handler := shop.verifier(t).Handler(next, WithSignedResponses(shop.service))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		client := &http.Client{Transport: shop.client.Transport(base, WithVerifiedResponses(shop.responses))}
		response, got := answer(t, must[*http.Response](t)(client.Post(server.URL+"/old", "application/json", strings.NewReader("{}"))), nil)
		if got != "{}" || !strings.HasSuffix(response.Header.Get("X-Proved"), "/new") {
			t.Fatalf("%s %v", got, response.Header)
		}
	})
}

func TestResponsesAreCheckedByTheClient(t *testing.T) {
	shop := newShop(t)
	signed := shop.verifier(t).Handler(echo(t), WithSignedResponses(shop.service))
	for name, own := range map[string]struct {
		change func(http.ResponseWriter, *httptest.ResponseRecorder)
		kind   error
	}{
		"unsigned": {func(_ http.ResponseWriter, r *httptest.ResponseRecorder) {
			r.Header().Del("Signature")
			r.Header().Del("Signature-Input")
		}, ErrSignatureMissing},
		"status":  {func(_ http.ResponseWriter, r *httptest.ResponseRecorder) { r.Code = 200 }, ErrSignatureInvalid},
		"content": {func(_ http.ResponseWriter, r *httptest.ResponseRecorder) { r.Body = bytes.NewBufferString("[]") }, ErrDigest},
		"too long": {func(_ http.ResponseWriter, r *httptest.ResponseRecorder) {
			r.Header().Set("Content-Length", "2000")
			r.Body = bytes.NewBuffer(make([]byte, 2000))
		}, errTooLong},
		"type": {func(w http.ResponseWriter, _ *httptest.ResponseRecorder) { w.Header().Set("Content-Type", "text/html") }, ErrSignatureInvalid},
	} {
		proxy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			signed.ServeHTTP(recorder, r)
			own.change(w, recorder)
			for name, values := range recorder.Header() {
				if w.Header().Get(name) == "" {
					w.Header()[name] = values
				}
			}
			w.WriteHeader(recorder.Code)
			_, _ = w.Write(recorder.Body.Bytes())
		})
		servers(t, proxy, func(t *testing.T, server *httptest.Server, base *http.Transport) {
			client := &http.Client{Transport: shop.client.Transport(base, WithVerifiedResponses(shop.responses), WithMaxBody(1000))}
			response, err := client.Post(server.URL, "application/json", strings.NewReader("{}"))
			var refused *ResponseError
			if response != nil || !errors.As(err, &refused) || !errors.Is(err, own.kind) {
				t.Errorf("%s: %v", name, err)
			} else if want := map[bool]int{true: 200, false: 201}[name == "status"]; refused.StatusCode != want {
				t.Errorf("%s: %d", name, refused.StatusCode)
			}
		})
	}
}
