package apiseal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// outcome is a store that always answers the same.
type outcome Outcome

func (o outcome) Claim(Claim) Outcome {
	if o == 99 {
		panic("the store is down")
	}
	return Outcome(o)
}

func TestAStoreThatCannotTellAnswers503(t *testing.T) {
	shop := newShop(t)
	for store, want := range map[outcome]struct {
		status int
		kind   error
	}{
		outcome(First): {201, nil}, outcome(Seen): {401, ErrReplayed}, outcome(Full): {503, ErrReplayStore},
		outcome(Unknown): {503, ErrReplayStore}, 7: {503, ErrReplayStore}, 99: {503, ErrReplayStore},
	} {
		var refused refusals
		replay := must[*Replay](t)(NewReplay(store))
		verifier := must[*Verifier](t)(NewVerifier(shop.ring, nil, replay))
		server := httptest.NewServer(verifier.Handler(echo(t), WithRefused(refused.note)))
		client := &http.Client{Transport: shop.client.Transport(nil)}
		response, _ := answer(t, must[*http.Response](t)(client.Get(server.URL)), nil)
		if err := refused.taken(); response.StatusCode != want.status || want.kind != nil && !errors.Is(err, want.kind) {
			t.Errorf("%d: %d %v", store, response.StatusCode, err)
		}
		server.Close()
	}
}

func TestContentOfUnknownLengthPasses(t *testing.T) {
	shop := newShop(t)
	var refused refusals
	handler := shop.verifier(t).Handler(echo(t), WithRefused(refused.note))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		long := `"` + strings.Repeat("x", 300_000) + `"`
		client := &http.Client{Transport: shop.client.Transport(roundTrip(func(r *http.Request) (*http.Response, error) {
			own := r.Clone(r.Context())
			own.ContentLength = -1
			return base.RoundTrip(own)
		}))}
		response, got := answer(t, must[*http.Response](t)(client.Post(server.URL, "application/json", strings.NewReader(long))), nil)
		if response.StatusCode != 201 || got != long {
			t.Errorf("%d, %d bytes: %v", response.StatusCode, len(got), refused.taken())
		}
	})
}

func TestBehindAProxyTheOriginIsStated(t *testing.T) {
	shop := newShop(t)
	var refused refusals
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer server.Close()
	backend := must[*url.URL](t)(url.Parse(server.URL))
	// The client asks for https://api.example; a proxy sends that to the backend, and rewrites Host.
	client := &http.Client{Transport: shop.client.Transport(roundTrip(func(r *http.Request) (*http.Response, error) {
		own := r.Clone(r.Context())
		own.URL.Scheme, own.URL.Host, own.Host = "http", backend.Host, backend.Host
		return http.DefaultTransport.RoundTrip(own)
	}))}
	for status, options := range map[int][]VerifierOption{
		201: {WithOrigin(backend.Host, "https", "api.example"), WithOrigin("other:1", "https", "other.example")},
		401: {WithOrigin("other:1", "https", "other.example")},
	} {
		handler = shop.verifier(t, options...).Handler(echo(t), WithRefused(refused.note))
		response, _ := answer(t, must[*http.Response](t)(client.Get("https://api.example/orders")), nil)
		if response.StatusCode != status {
			t.Errorf("%d: %v", response.StatusCode, refused.taken())
		}
	}
}

func TestAHandlerWhoseResponseIsSigned(t *testing.T) {
	shop := newShop(t)
	long := strings.Repeat("x", 600)
	for name, own := range map[string]struct {
		handle func(*testing.T, http.ResponseWriter)
		status int
		body   string
	}{
		"nothing at all":  {func(*testing.T, http.ResponseWriter) {}, 200, ""},
		"a sniffed type":  {func(_ *testing.T, w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) }, 200, "<html>"},
		"several writes":  {func(_ *testing.T, w http.ResponseWriter) { fmt.Fprint(w, "a"); fmt.Fprint(w, "b") }, 200, "ab"},
		"no content":      {func(_ *testing.T, w http.ResponseWriter) { w.WriteHeader(204) }, 204, ""},
		"twice":           {func(_ *testing.T, w http.ResponseWriter) { w.WriteHeader(202); w.WriteHeader(500) }, 202, ""},
		"too late a name": {func(_ *testing.T, w http.ResponseWriter) { w.WriteHeader(200); w.Header().Set("X-Late", "1") }, 200, ""},
		"hints":           {func(_ *testing.T, w http.ResponseWriter) { w.WriteHeader(103); fmt.Fprint(w, "a") }, 200, "a"},
		"a wrong length":  {func(_ *testing.T, w http.ResponseWriter) { w.Header().Set("Content-Length", "7"); fmt.Fprint(w, "a") }, 200, "a"},
		"a body with 204": {func(t *testing.T, w http.ResponseWriter) {
			w.WriteHeader(204)
			if _, err := w.Write([]byte("a")); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Error(err)
			}
		}, 204, ""},
		"no flushing": {func(t *testing.T, w http.ResponseWriter) {
			if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
				t.Error(err)
			}
			if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
				t.Error(err)
			}
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Error(err)
			}
		}, 200, ""},
		"too much": {func(t *testing.T, w http.ResponseWriter) {
			fmt.Fprint(w, long)
			if _, err := fmt.Fprint(w, long); err == nil {
				t.Error("there was no end")
			}
		}, 500, ""},
		"what cannot be signed": {func(_ *testing.T, w http.ResponseWriter) { w.Header()["Bad_Name"] = []string{"1"} }, 500, ""},
	} {
		next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { own.handle(t, w) })
		handler := shop.verifier(t).Handler(next, WithSignedResponses(shop.service), WithMaxBody(1000))
		servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
			client := &http.Client{Transport: shop.client.Transport(base, WithVerifiedResponses(shop.responses))}
			response, err := client.Get(server.URL)
			if own.status == 500 {
				var refused *ResponseError
				if !errors.As(err, &refused) || refused.StatusCode != 500 {
					t.Errorf("%s: %v", name, err)
				}
				return
			}
			response, got := answer(t, response, err)
			if response.StatusCode != own.status || got != own.body || response.Header.Get("X-Late") != "" {
				t.Errorf("%s: %d %s %v", name, response.StatusCode, got, response.Header)
			}
		})
	}
}

func TestTheResponseToHEADTellsALength(t *testing.T) {
	shop := newShop(t)
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stated" {
			w.Header().Set("Content-Length", "1234")
			return
		}
		fmt.Fprint(w, "some content")
	})
	handler := shop.verifier(t).Handler(next, WithSignedResponses(shop.service))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		client := &http.Client{Transport: shop.client.Transport(base, WithVerifiedResponses(shop.responses))}
		for path, length := range map[string]string{"/stated": "1234", "/written": "12"} {
			response, body := answer(t, must[*http.Response](t)(client.Head(server.URL+path)), nil)
			if response.Header.Get("Content-Length") != length || body != "" {
				t.Errorf("%s: %v %q", path, response.Header, body)
			}
		}
	})
}

// closing tells whether it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestATransportClosesContentWhateverComesOfIt(t *testing.T) {
	shop := newShop(t)
	broken := errors.New("broken")
	transport := shop.client.Transport(roundTrip(func(*http.Request) (*http.Response, error) { return nil, broken }))
	for name, own := range map[string]struct {
		change func(*http.Request)
		kind   error
	}{
		"nothing":   {func(*http.Request) {}, broken},
		"no URL":    {func(r *http.Request) { r.URL = nil }, ErrArgument},
		"no type":   {func(r *http.Request) { r.Header.Del("Content-Type") }, ErrSignature},
		"two types": {func(r *http.Request) { r.Header.Add("Content-Type", "text/plain") }, ErrSignature},
		"a bad read": {func(r *http.Request) {
			r.Body.(*closing).Reader = readerFunc(func([]byte) (int, error) { return 0, broken })
		}, broken},
		"no header map": {func(r *http.Request) { r.Header = nil }, ErrSignature},
	} {
		body := &closing{Reader: strings.NewReader("{}")}
		request := must[*http.Request](t)(http.NewRequest("POST", "https://api.example/a", body))
		request.Header.Set("Content-Type", "application/json")
		own.change(request)
		if response, err := transport.RoundTrip(request); response != nil || !errors.Is(err, own.kind) || !body.closed {
			t.Errorf("%s: %v, closed %v", name, err, body.closed)
		}
	}
}

func TestHeadersOfOuterHandlersStay(t *testing.T) {
	shop := newShop(t)
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Inner", "1")
		w.Header().Set("X-Outer", "changed")
		w.Header()["Bad_Name"] = []string{"1"}
	})
	inner := shop.verifier(t).Handler(next, WithSignedResponses(shop.service))
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Outer", "1")
		inner.ServeHTTP(w, r)
	})
	servers(t, outer, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		for status, transport := range map[int]http.RoundTripper{401: base, 500: shop.client.Transport(base)} {
			response := must[*http.Response](t)((&http.Client{Transport: transport}).Get(server.URL))
			if h := response.Header; response.StatusCode != status || h.Get("X-Outer") != "1" || h.Get("X-Inner") != "" || h.Get("Bad_Name") != "" {
				t.Errorf("%d %v", response.StatusCode, h)
			}
		}
	})
}

func TestAStatusThatIsNoneEndsTheHandler(t *testing.T) {
	shop := newShop(t)
	for _, status := range []int{0, 99, 1000} {
		next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			defer func() {
				if recover() == nil {
					t.Errorf("%d was taken", status)
				}
			}()
			w.WriteHeader(status)
		})
		server := httptest.NewServer(shop.verifier(t).Handler(next, WithSignedResponses(shop.service)))
		must[*http.Response](t)((&http.Client{Transport: shop.client.Transport(nil)}).Get(server.URL))
		server.Close()
	}
}

func TestAnAcceptorWithoutAContextRefuses(t *testing.T) {
	shop := newShop(t)
	accepts := must[*Acceptor](t)(NewAcceptor(shop.fields, shop.verifier(t)))
	answers := must[*Protector](t)(NewProtector(shop.fields, shop.service))
	protects := must[*Protector](t)(NewProtector(shop.fields, shop.client))
	var refused refusals
	server := httptest.NewServer(accepts.Handler(echo(t), nil, WithProtectedResponses(answers), WithRefused(refused.note)))
	defer server.Close()
	client := &http.Client{Transport: protects.Transport(nil, func(*http.Request) (Context, error) { return tenant, nil })}
	for _, body := range []string{"", string(order)} {
		response := must[*http.Response](t)(client.Post(server.URL, "application/json", strings.NewReader(body)))
		if err := refused.taken(); response.StatusCode != 401 || !errors.Is(err, errNoMake) {
			t.Errorf("%q: %d %v", body, response.StatusCode, err)
		}
	}
}

func TestAPanicOfAHandlerSendsNothing(t *testing.T) {
	shop := newShop(t)
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half of")
		panic(http.ErrAbortHandler)
	})
	handler := shop.verifier(t).Handler(next, WithSignedResponses(shop.service))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		client := &http.Client{Transport: shop.client.Transport(base)}
		if response, err := client.Get(server.URL); err == nil {
			t.Errorf("%s", response.Status)
		}
	})
}

func TestManyRequestsAtOnce(t *testing.T) {
	shop := newShop(t)
	handler := shop.verifier(t).Handler(echo(t), WithSignedResponses(shop.service))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		client := &http.Client{Transport: shop.client.Transport(base, WithVerifiedResponses(shop.responses))}
		var group sync.WaitGroup
		for worker := range 8 {
			group.Add(1)
			go func() {
				defer group.Done()
				for at := range 20 {
					sent := fmt.Sprintf(`{"worker": %d, "at": %d, "long": "%s"}`, worker, at, strings.Repeat("x", at*500))
					response, err := client.Post(server.URL+"/a", "application/json", strings.NewReader(sent))
					if err != nil {
						t.Error(err)
						return
					}
					if _, got := answer(t, response, nil); got != sent {
						t.Errorf("%s became %s", sent, got)
					}
				}
			}()
		}
		group.Wait()
	})
}

func TestSpooledContent(t *testing.T) {
	shop := newShop(t)
	request := orderRequest()
	message := request.carrying(must[*Signed](t)(shop.client.Sign(request)).Headers)
	verifier := shop.verifier(t)
	for name, own := range map[string]struct {
		pieces []string
		kind   error
	}{
		"less":     {[]string{string(order[:10])}, ErrDigest},
		"another":  {[]string{strings.Replace(string(order), "7", "8", 1)}, ErrDigest},
		"the same": {[]string{string(order[:10]), "", string(order[10:])}, nil},
	} {
		spool := must[*Spool](t)(verifier.Spool(message))
		for _, piece := range own.pieces {
			if _, err := io.WriteString(spool, piece); err != nil {
				t.Fatal(name, err)
			}
		}
		verified, err := spool.Finish()
		if own.kind != nil && !errors.Is(err, own.kind) || own.kind == nil && (err != nil || !verified.BodyProved()) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := spool.Write(nil); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if _, err := spool.Finish(); !errors.Is(err, ErrClosed) || spool.Close() != nil {
			t.Error(err)
		}
	}
	spool := must[*Spool](t)(verifier.Spool(message))
	_, _ = spool.Write(order)
	if _, err := spool.Finish(); !errors.Is(err, ErrReplayed) {
		t.Error(err)
	}
	message.Target = "/other"
	if _, err := verifier.Spool(message); !errors.Is(err, ErrSignatureInvalid) {
		t.Error(err)
	}
}

func TestAnAcceptedRequestHasNoTraceOfItsEncryption(t *testing.T) {
	shop := newShop(t)
	protects := must[*Protector](t)(NewProtector(shop.fields, shop.client))
	accepts := must[*Acceptor](t)(NewAcceptor(shop.fields, shop.verifier(t)))
	stated := func(*http.Request) (Context, error) { return tenant, nil }
	for name, own := range map[string]struct {
		context Context
		err     error
		status  int
		kind    error
	}{
		"the same context":  {tenant, nil, 200, nil},
		"another context":   {another, nil, 401, ErrRejected},
		"no context at all": {nil, nil, 401, ErrContext},
		"a refusal":         {nil, io.ErrNoProgress, 401, io.ErrNoProgress},
	} {
		var refused refusals
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if string(body) != string(order) || r.Header.Get("Content-Digest") != "" || r.Header.Get("Content-Length") != fmt.Sprint(len(order)) {
				t.Errorf("%s %v", body, r.Header)
			}
		})
		handler := accepts.Handler(next, func(*Verified) (Context, error) { return own.context, own.err }, WithRefused(refused.note))
		server := httptest.NewServer(handler)
		client := &http.Client{Transport: protects.Transport(nil, stated)}
		response, _ := answer(t, must[*http.Response](t)(client.Post(server.URL, "application/json", bytes.NewReader(order))), nil)
		if err := refused.taken(); response.StatusCode != own.status || own.kind != nil && !errors.Is(err, own.kind) {
			t.Errorf("%s: %d %v", name, response.StatusCode, err)
		}
		server.Close()
	}
}
