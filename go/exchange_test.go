package apiseal

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What one language seals or signs, the others open and verify. scripts/test-go builds both peers: APISEAL_EXCHANGE speaks
// for the core, APISEAL_DRIVER for C, and for Python in
// scripts/test-python.

// peer is a program that answers on its standard output.
type peer struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func startPeer(t *testing.T, variable string) *peer {
	t.Helper()
	program := os.Getenv(variable)
	if program == "" {
		t.Skipf("%s is not set: scripts/test-go builds the other side", variable)
	}
	command := exec.Command(program)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("%s: %v", program, err)
		}
	})
	return &peer{in, bufio.NewReader(out)}
}

// core asks the core a question, as tests/support/exchange.rs describes them.
func (p *peer) core(t *testing.T, question map[string]any) map[string]any {
	t.Helper()
	if err := json.NewEncoder(p.in).Encode(question); err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(must[[]byte](t)(p.out.ReadBytes('\n')), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// driver asks tests/c/driver.c, which describes its frames, or python/tests/driver.py.
func (p *peer) driver(t *testing.T, words ...string) []string {
	t.Helper()
	frame := binary.LittleEndian.AppendUint32(nil, uint32(len(words)))
	for _, word := range words {
		frame = append(binary.LittleEndian.AppendUint32(frame, uint32(len(word))), word...)
	}
	if _, err := p.in.Write(frame); err != nil {
		t.Fatal(err)
	}
	number := func() uint32 {
		var own [4]byte
		if _, err := io.ReadFull(p.out, own[:]); err != nil {
			t.Fatal(err)
		}
		return binary.LittleEndian.Uint32(own[:])
	}
	answer := make([]string, number())
	for at := range answer {
		word := make([]byte, number())
		if _, err := io.ReadFull(p.out, word); err != nil {
			t.Fatal(err)
		}
		answer[at] = string(word)
	}
	return answer
}

// words are a list as the driver reads it.
func words(items ...string) []string { return append([]string{strconv.Itoa(len(items))}, items...) }

func (v *fieldVector) words(operation, document string) []string {
	all := []string{operation, strconv.FormatInt(v.Now, 10), v.policyText(), strconv.Itoa(len(v.Context))}
	for name, value := range v.Context {
		all = append(all, name, value)
	}
	all = append(all, document, strconv.Itoa(len(v.Keys)))
	for _, key := range v.Keys {
		secret, _ := hex.DecodeString(key.Secret)
		primary := map[bool]string{true: "1", false: "0"}[key.Primary]
		all = append(all, "root", key.Kid, "seal", key.Suite, string(secret), key.State, primary, "", "", "", strconv.Itoa(len(key.Scope)))
		for name, value := range key.Scope {
			all = append(all, name, value)
		}
	}
	return all
}

func TestDocumentsGoToTheCoreAndBack(t *testing.T) {
	core := startPeer(t, "APISEAL_EXCHANGE")
	for _, vector := range fieldVectors(t) {
		cipher := vector.cipher(t)
		var keys []map[string]any
		for _, key := range vector.Keys {
			keys = append(keys, map[string]any{"kid": key.Kid, "suite": key.Suite, "secret": key.Secret, "state": key.State,
				"primary": key.Primary, "scope": key.Scope})
		}
		ask := func(operation string, document []byte) []byte {
			answer := core.core(t, map[string]any{"op": operation, "policy": json.RawMessage(vector.policyText()),
				"context": vector.Context, "now": vector.Now, "keys": keys, "document": base64.StdEncoding.EncodeToString(document)})
			text, ok := answer["ok"].(string)
			if !ok {
				t.Fatalf("%s: %v", vector.Name, answer)
			}
			return must[[]byte](t)(base64.StdEncoding.DecodeString(text))
		}
		byCore := ask("encrypt", []byte(vector.Document))
		if opened := must[[]byte](t)(cipher.Decrypt(byCore, vector.Context)); string(opened) != vector.Document {
			t.Errorf("%s: %s", vector.Name, opened)
		}
		byGo := must[[]byte](t)(cipher.Encrypt([]byte(vector.Document), vector.Context))
		if opened := ask("decrypt", byGo); string(opened) != vector.Document {
			t.Errorf("%s: %s", vector.Name, opened)
		}
	}
}

func TestDocumentsGoToADriverAndBack(t *testing.T) {
	c := startPeer(t, "APISEAL_DRIVER")
	for _, vector := range fieldVectors(t) {
		cipher := vector.cipher(t)
		byC := c.driver(t, vector.words("encrypt", vector.Document)...)
		if byC[0] != "ok" {
			t.Fatalf("%s: %q", vector.Name, byC)
		}
		if opened := must[[]byte](t)(cipher.Decrypt([]byte(byC[1]), vector.Context)); string(opened) != vector.Document {
			t.Errorf("%s: %s", vector.Name, opened)
		}
		byGo := must[[]byte](t)(cipher.Encrypt([]byte(vector.Document), vector.Context))
		if opened := c.driver(t, vector.words("decrypt", string(byGo))...); opened[0] != "ok" || opened[1] != vector.Document {
			t.Errorf("%s: %q", vector.Name, opened)
		}
	}
}

func TestKeyringsGoToTheCore(t *testing.T) {
	core := startPeer(t, "APISEAL_EXCHANGE")
	secret := bytes.Repeat([]byte{0x11}, 32)
	ring := must[*Keyring](t)(GenerateKeyring(ChaCha20Poly1305))
	sealed := must[[]byte](t)(ring.Seal("exchange", WrappingKey(secret)))
	answer := core.core(t, map[string]any{"op": "keyring_open", "file": string(sealed), "ring": "exchange", "wrapping_key": hex.EncodeToString(secret)})
	if text := fmt.Sprint(answer["ok"]); !strings.Contains(text, "suite:chacha20-poly1305") {
		t.Fatal(answer)
	}
}

// peerRing is the ring of a peer that both sides know.
func peerRing(t *testing.T, profiles ...string) *Keyring {
	t.Helper()
	key := must[*Key](t)(RawKey("peer", HMACSHA256, bytes.Repeat([]byte{9}, 32), Requests, KeyOptions{Profiles: profiles}))
	return must[*Keyring](t)(NewKeyring("", 0, RingEntry{key, false}))
}

// capture keeps the last request that a handler was sent, as it was received.
type capture struct {
	lock sync.Mutex
	last *Message
	next http.Handler
}

func (c *capture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.lock.Lock()
	c.last = requestMessage(r, body)
	c.lock.Unlock()
	c.next.ServeHTTP(w, r)
}

func (c *capture) received() *Message {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.last
}

// TestRequestsOfOtherLanguagesOverHTTP: the core and the driver sign what a server of net/http verifies, and verify what a client of
// net/http signs.
func TestRequestsOfOtherLanguagesOverHTTP(t *testing.T) {
	core, c := startPeer(t, "APISEAL_EXCHANGE"), startPeer(t, "APISEAL_DRIVER")
	components := []string{"@method", "@authority", "@path", "@query", "content-type", "content-digest"}
	quoted := make([]string, len(components))
	for at, component := range components {
		quoted[at] = `"` + component + `"`
	}
	interop := must[*Profile](t)(ParseProfile(`{"apiseal_profile": 1, "id": "interop", "extends": "rfc9421", "require": [` + strings.Join(quoted, ", ") + `]}`))
	v1 := must[*Profile](t)(ProfileV1())
	now := time.Now().Unix()
	clock := strconv.FormatInt(now, 10)
	body := `{"amount": 1.10}`
	ofC := func() []string {
		return words("raw", "peer", "sig", "hmac-sha256", strings.Repeat("\x09", 32), "", "0", "", "req", "", "0")[1:]
	}
	forC := func(m *Message) []string {
		all := []string{"0", map[bool]string{true: "1", false: "0"}[m.HTTP2], m.Method, m.Scheme, m.Authority, m.Target, strconv.Itoa(len(m.Headers))}
		for _, line := range m.Headers {
			all = append(all, line.Name, line.Value)
		}
		return append(all, "0", string(m.Body))
	}
	forCore := func(m *Message) map[string]any {
		var lines [][2]string
		for _, line := range m.Headers {
			lines = append(lines, [2]string{line.Name, line.Value})
		}
		return map[string]any{"method": m.Method, "scheme": m.Scheme, "authority": m.Authority, "target": m.Target, "headers": lines,
			"body": base64.StdEncoding.EncodeToString(m.Body)}
	}
	question := func(operation string, m *Message) map[string]any {
		return map[string]any{"op": operation, "now": now, "alg": "hmac-sha256", "secret": strings.Repeat("09", 32), "keyid": "peer",
			"label": "sig", "components": components, "message": forCore(m)}
	}
	peers := map[string]struct {
		profile *Profile
		sign    func(*Message) []Header
		verify  func(*Message) error
	}{
		"the core": {interop, func(m *Message) (lines []Header) {
			answer := core.core(t, question("http_sign", m))
			items, ok := answer["ok"].([]any)
			if !ok {
				t.Fatal(answer)
			}
			for _, item := range items {
				lines = append(lines, Header{item.([]any)[0].(string), item.([]any)[1].(string)})
			}
			return lines
		}, func(m *Message) error {
			if answer := core.core(t, question("http_verify", m)); answer["ok"] == nil {
				return fmt.Errorf("%v", answer)
			}
			return nil
		}},
		"the driver": {v1, func(m *Message) (lines []Header) {
			all := append([]string{"sign", clock, "", "peer", "sig"}, forC(m)...)
			answer := c.driver(t, append(append(all, "1"), ofC()...)...)
			if answer[0] != "ok" {
				t.Fatal(answer)
			}
			for at := 1; at+1 < len(answer); at += 2 {
				lines = append(lines, Header{answer[at], answer[at+1]})
			}
			return lines
		}, func(m *Message) error {
			all := append([]string{"verify", clock, ""}, forC(m)...)
			if answer := c.driver(t, append(append(all, "1"), ofC()...)...); answer[0] != "ok" {
				return fmt.Errorf("%q", answer)
			}
			return nil
		}},
	}
	for name, own := range peers {
		var profiles []string
		if own.profile == interop {
			profiles = []string{"interop"}
		}
		ring := peerRing(t, profiles...)
		var refused refusals
		verifier := must[*Verifier](t)(NewVerifier(ring, own.profile, must[*Replay](t)(UncheckedReplay())))
		capture := &capture{next: verifier.Handler(echo(t), WithRefused(refused.note))}
		servers(t, capture, func(t *testing.T, server *httptest.Server, base *http.Transport) {
			request := must[*http.Request](t)(http.NewRequest("POST", server.URL+"/orders%2F7?x=1", strings.NewReader(body)))
			request.Header.Set("Content-Type", "application/json")
			signed := request.Clone(request.Context())
			for _, line := range own.sign(sentMessage(request, []byte(body))) {
				signed.Header.Add(line.Name, line.Value)
			}
			if response, got := answer(t, must[*http.Response](t)(base.RoundTrip(signed)), nil); response.StatusCode != 201 || got != body {
				t.Fatalf("%s signs: %d %v", name, response.StatusCode, refused.taken())
			}
			signer := must[*Signer](t)(NewSigner(ring, own.profile))
			client := &http.Client{Transport: signer.Transport(base)}
			if response, _ := answer(t, must[*http.Response](t)(client.Post(request.URL.String(), "application/json", strings.NewReader(body))), nil); response.StatusCode != 201 {
				t.Fatal(refused.taken())
			}
			received := capture.received()
			if err := own.verify(received); err != nil {
				t.Fatalf("%s verifies: %v", name, err)
			}
			received.Target = "/orders"
			if own.verify(received) == nil {
				t.Fatalf("%s verifies what was changed", name)
			}
		})
	}
}
