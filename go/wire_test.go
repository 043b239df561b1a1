package apiseal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What is signed is what net/http sends, over HTTP/1.1 and HTTP/2.

// including is apiseal-v1 with more components.
func including(t *testing.T, list string, components ...string) *Profile {
	t.Helper()
	text := fmt.Sprintf(`{"apiseal_profile": 1, "extends": "apiseal-v1", "id": "wire", %q: ["%s"]}`, list, strings.Join(components, `", "`))
	return must[*Profile](t)(ParseProfile(text))
}

// covering are a signer and a verifier that cover headers where they are.
func (s *shop) covering(t *testing.T, headers ...string) (*Signer, *Verifier) {
	t.Helper()
	profile := including(t, "if_present", headers...)
	verifier := must[*Verifier](t)(NewVerifier(s.ring, profile, must[*Replay](t)(UncheckedReplay())))
	return must[*Signer](t)(NewSigner(s.ring, profile, WithKey("acme-req"))), verifier
}

func TestHeadersThatNetHTTPAddsAreCovered(t *testing.T) {
	shop := newShop(t)
	added := including(t, "require", "user-agent", "content-length")
	dated := including(t, "require_response", "date")
	client := must[*Signer](t)(NewSigner(shop.ring, added, WithKey("acme-req")))
	service := must[*Signer](t)(NewSigner(shop.ring, dated, WithKey("acme-res")))
	protects := must[*Protector](t)(NewProtector(shop.fields, client))
	replay := must[*Replay](t)(UncheckedReplay())
	requests := must[*Verifier](t)(NewVerifier(shop.ring, added, replay))
	responses := must[*Verifier](t)(NewVerifier(shop.ring, dated, replay))
	var refused refusals
	handler := requests.Handler(echo(t), WithSignedResponses(service), WithRefused(refused.note))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		state := func(*http.Request) (Context, error) { return tenant, nil }
		for name, transport := range map[string]*Transport{
			"signed":    client.Transport(base, WithVerifiedResponses(responses)),
			"protected": protects.Transport(base, state, WithVerifiedResponses(responses)),
		} {
			for _, agents := range [][]string{nil, {"shop/1"}, {"shop/1", "unsent"}} {
				for _, body := range []string{string(order), ""} {
					request := must[*http.Request](t)(http.NewRequest("POST", server.URL, strings.NewReader(body)))
					request.Header.Set("Content-Type", "application/json")
					if agents != nil {
						request.Header["User-Agent"] = agents
					}
					response, err := transport.RoundTrip(request)
					if err != nil || response.StatusCode != 201 {
						t.Fatalf("%s %v %q: %v %v, the service says %v", name, agents, body, response, err, refused.taken())
					}
				}
			}
		}
	})
}

func TestARequestWithoutAUserAgentStaysOne(t *testing.T) {
	client, requests := newShop(t).covering(t, "user-agent")
	handler := requests.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if agents, there := r.Header["User-Agent"]; there {
			t.Errorf("%q", agents)
		}
	}))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		request := must[*http.Request](t)(http.NewRequest("GET", server.URL, nil))
		request.Header.Set("User-Agent", "")
		response, err := client.Transport(base).RoundTrip(request)
		if err != nil || response.StatusCode != 200 {
			t.Fatal(response, err)
		}
	})
}

func TestCookiesInAnySpellingAreCovered(t *testing.T) {
	client, requests := newShop(t).covering(t, "cookie")
	handler := requests.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, cookie := range r.Cookies() {
			fmt.Fprint(w, cookie.Name, "=", cookie.Value, " ")
		}
	}))
	servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
		for _, cookies := range [][]string{{"a=1; b=2"}, {"a=1;b=2"}, {"a=1", "b=2"}, {" a=1 ;; b=2; "}} {
			request := must[*http.Request](t)(http.NewRequest("GET", server.URL, nil))
			request.Header["Cookie"] = cookies
			response, err := client.Transport(base).RoundTrip(request)
			if _, got := answer(t, response, err); got != "a=1 b=2 " {
				t.Errorf("%q: %d %q", cookies, response.StatusCode, got)
			}
		}
	})
}

func TestAResponseIsSignedAsItIsSent(t *testing.T) {
	shop := newShop(t)
	for name, own := range map[string]struct {
		method string
		next   http.HandlerFunc
		status int
		header map[string]string
	}{
		"not modified, with a type and a length": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "7")
			w.Header().Set("Etag", `"a"`)
			w.WriteHeader(304)
		}, 304, map[string]string{"Etag": `"a"`, "Content-Type": "", "Content-Length": ""}},
		"no content, with a length": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "7")
			w.WriteHeader(204)
		}, 204, map[string]string{"Content-Length": ""}},
		"HEAD that says nothing of the content": {"HEAD", func(http.ResponseWriter, *http.Request) {}, 200,
			map[string]string{"Content-Length": ""}},
		"an announced trailer": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			fmt.Fprint(w, "a")
			w.Header().Set("X-Sum", "1")
		}, 200, map[string]string{"Trailer": "", "X-Sum": ""}},
	} {
		var refused refusals
		handler := shop.verifier(t).Handler(own.next, WithSignedResponses(shop.service), WithRefused(refused.note))
		servers(t, handler, func(t *testing.T, server *httptest.Server, base *http.Transport) {
			client := &http.Client{Transport: shop.client.Transport(base, WithVerifiedResponses(shop.responses))}
			request := must[*http.Request](t)(http.NewRequest(own.method, server.URL, nil))
			response, err := client.Do(request)
			if err != nil || response.StatusCode != own.status || len(response.Trailer) > 0 {
				t.Fatalf("%s: %v %v, the service says %v", name, response, err, refused.taken())
			}
			for header, value := range own.header {
				if got := response.Header.Get(header); got != value {
					t.Errorf("%s: %s is %q", name, header, got)
				}
			}
		})
	}
}

func TestAProofBelongsToItsResponseAlone(t *testing.T) {
	shop := newShop(t)
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	ask := func(ctx context.Context, transport http.RoundTripper) *http.Response {
		request := must[*http.Request](t)(http.NewRequestWithContext(ctx, "GET", plain.URL, nil))
		return must[*http.Response](t)((&http.Client{Transport: transport}).Do(request))
	}
	signs := shop.client.Transport(nil)
	server := httptest.NewServer(shop.verifier(t).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, transport := range []http.RoundTripper{http.DefaultTransport, signs} {
			if proved, ok := FromResponse(ask(r.Context(), transport)); ok {
				t.Errorf("a response that nobody signed is proved by %s", proved.KeyID())
			}
		}
	}), WithSignedResponses(shop.service)))
	defer server.Close()
	client := &http.Client{Transport: shop.client.Transport(nil, WithVerifiedResponses(shop.responses))}
	proved := must[*http.Response](t)(client.Get(server.URL))
	if own, ok := FromResponse(proved); !ok || own.KeyID() != "acme-res" {
		t.Fatal("the response is not proved")
	}
	if _, ok := FromResponse(ask(proved.Request.Context(), http.DefaultTransport)); ok {
		t.Error("a proof was handed on to another response")
	}
	if _, ok := FromContext(proved.Request.Context()); ok {
		t.Error("the proof of a response is taken for that of a request")
	}
}

func TestContentThatEndsTooEarlyIsNotSent(t *testing.T) {
	shop := newShop(t)
	for _, stated := range []int64{1, 100} {
		request := must[*http.Request](t)(http.NewRequest("POST", "http://shop.example", io.NopCloser(strings.NewReader("12345"))))
		request.ContentLength = stated
		sent := roundTrip(func(*http.Request) (*http.Response, error) { t.Error("it was sent"); return nil, nil })
		if _, err := shop.client.Transport(sent).RoundTrip(request); !errors.Is(err, ErrArgument) {
			t.Errorf("%d: %v", stated, err)
		}
	}
}

func TestTheZoneOfAnAddressIsNotSent(t *testing.T) {
	for authority, want := range map[string]string{
		"[fe80::1%lo]:81": "[fe80::1]:81", "[fe80::1%lo]": "[fe80::1]", "[::1]:81": "[::1]:81", "a.example:81": "a.example:81", "a%b": "a%b",
	} {
		r := &http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: authority}}
		if got := sentMessage(r, nil).Authority; got != want {
			t.Errorf("%s: %s", authority, got)
		}
	}
}

func TestAnyLimitOfContentHolds(t *testing.T) {
	shop := newShop(t)
	for limit, want := range map[int64]int{math.MaxInt64: 201, math.MaxInt64 - 1: 201, 2: 201, 1: 413, 0: 413, -1: 413} {
		server := httptest.NewServer(shop.verifier(t).Handler(echo(t), WithMaxBody(limit)))
		request := must[*http.Request](t)(http.NewRequest("POST", server.URL, strings.NewReader("{}")))
		request.Header.Set("Content-Type", "application/json")
		response, err := shop.client.Transport(nil).RoundTrip(request)
		if err != nil || response.StatusCode != want {
			t.Errorf("%d: %v %v", limit, response, err)
		}
		server.Close()
	}
	outer := http.MaxBytesHandler(shop.verifier(t).Handler(echo(t)), 1)
	server := httptest.NewServer(outer)
	defer server.Close()
	client := &http.Client{Transport: shop.client.Transport(nil)}
	response, err := client.Post(server.URL, "application/json", strings.NewReader("{}"))
	if err != nil || response.StatusCode != 413 {
		t.Error(response, err)
	}
}

// saying is a server that writes this to whoever connects, and waits.
func saying(t *testing.T, text string) string {
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	done := make(chan struct{})
	t.Cleanup(func() { close(done); _ = listener.Close() })
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		_, _ = connection.Read(make([]byte, 4096))
		_, _ = io.WriteString(connection, text)
		<-done
	}()
	return "http://" + listener.Addr().String()
}

func TestAConnectionThatFailsIsNoRefusal(t *testing.T) {
	shop := newShop(t)
	for name, length := range map[string]int64{"a promise": 10, "more than there is memory": math.MaxInt64 - 1} {
		address := saying(t, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nx", length))
		transport := shop.client.Transport(nil, WithVerifiedResponses(shop.responses), WithMaxBody(math.MaxInt64))
		_, err := (&http.Client{Transport: transport, Timeout: 200 * time.Millisecond}).Get(address)
		var refused *ResponseError
		var failed net.Error
		if errors.As(err, &refused) || !errors.As(err, &failed) || !failed.Timeout() {
			t.Errorf("%s: %v", name, err)
		}
	}
}
