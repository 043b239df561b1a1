package apiseal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// manyOrders are documents of every size, so that results fit, do not fit, and are copied by themselves.
func manyOrders(count int) []byte {
	policy := strings.Repeat("x", count)
	return []byte(fmt.Sprintf(`{"id": %d, "card": {"number": "%s"}, "note": "%s"}`, count, policy, strings.Repeat("n", count%977)))
}

func TestRoundTripsOfEverySize(t *testing.T) {
	cipher := orderCipher(t)
	for _, size := range []int{1, 2, 100, 300, 700, 1000, 1400, 5000, 20_000, 43_000, 60_000, 65_000, 66_000, 200_000, 3_000_000} {
		clear := manyOrders(size)
		sealed := must[[]byte](t)(cipher.Encrypt(clear, tenant))
		opened := must[[]byte](t)(cipher.Decrypt(sealed, tenant))
		if !bytes.Equal(opened, clear) {
			t.Fatalf("%d bytes differ", size)
		}
		// What is appended comes behind what is there, whether it fits or not.
		for _, room := range []int{0, 3, 2*size + 4096} {
			dst := append(make([]byte, 0, 3+room), "abc"...)
			dst = must[[]byte](t)(cipher.AppendEncrypt(dst, clear, tenant))
			opened := must[[]byte](t)(cipher.AppendDecrypt([]byte("abc"), dst[3:], tenant))
			if string(dst[:3]) != "abc" || string(opened[:3]) != "abc" || !bytes.Equal(opened[3:], clear) {
				t.Fatalf("%d bytes differ", size)
			}
		}
	}
}

func TestAFailureLeavesWhatWasThere(t *testing.T) {
	cipher := orderCipher(t)
	dst := append(make([]byte, 0, 4096), "abc"...)
	out, err := cipher.AppendEncrypt(dst, []byte("{}"), tenant)
	if string(out) != "abc" || !errors.Is(err, ErrNoMatch) || !errors.Is(err, ErrPolicy) {
		t.Fatalf("%s %v", out, err)
	}
	if strings.Trim(string(dst[3:4096]), "\x00") != "" {
		t.Fatal("something was written")
	}
}

func TestErrorsTellWhere(t *testing.T) {
	cipher := orderCipher(t)
	sealed := must[[]byte](t)(cipher.Encrypt(order, tenant))
	for name, own := range map[string]struct {
		err  error
		kind error
		want Error
	}{
		"another context": {second(cipher.Decrypt(sealed, another)), ErrRejected, Error{Code: CodeRejected, Offset: -1}},
		"another id":      {second(cipher.Decrypt(bytes.Replace(sealed, []byte("7"), []byte("8"), 1), tenant)), ErrRejected, Error{Code: CodeRejected, Offset: -1}},
		"not encrypted":   {second(cipher.Decrypt(order, tenant)), ErrNotEncrypted, Error{Code: CodeNotEncrypted, Path: "$['card']['number']", Offset: -1}},
		"encrypted":       {second(cipher.Encrypt(sealed, tenant)), ErrAlreadyEncrypted, Error{Code: CodeAlreadyEncrypted, Path: "$['card']['number']", Offset: -1}},
		"malformed":       {second(cipher.Encrypt([]byte(`{"id": 7,}`), tenant)), ErrDocument, Error{Code: CodeMalformedJson, Offset: 9}},
		"no purpose":      {second(cipher.Encrypt(order, Context{"tenant": "acme"})), ErrContext, Error{Code: CodeContextMissing, Offset: -1}},
		"no context":      {second(cipher.Encrypt(order, nil)), ErrContext, Error{Code: CodeContextEmpty, Offset: -1}},
		"long context":    {second(cipher.Encrypt(order, tenant.With("a", strings.Repeat("x", 1025)))), ErrContext, Error{Code: CodeContextTooLong, Offset: -1}},
		"not text":        {second(cipher.Encrypt(order, tenant.With("a", "\xff"))), ErrArgument, Error{Code: CodeInvalidArgument, Offset: -1}},
		"a limit":         {second(orderCipher(t, WithLimits(Limits{Field: 10})).Encrypt(order, tenant)), ErrLimit, Error{Code: CodeLimitField, Path: "$['card']['number']", Offset: -1}},
	} {
		var got *Error
		if !errors.As(own.err, &got) || !errors.Is(own.err, own.kind) {
			t.Errorf("%s: %v", name, own.err)
		} else if got.Code != own.want.Code || got.Path != own.want.Path || got.Offset != own.want.Offset {
			t.Errorf("%s: %+v", name, got)
		} else if strings.Contains(got.Error(), "4111") || !strings.Contains(got.Error(), fmt.Sprint(uint32(got.Code))) {
			t.Errorf("%s: %v", name, got)
		}
	}
	// The most pairs that fit, and more than that.
	many := Context{"purpose": "orders"}
	for at := range 40 {
		if at == 31 {
			must[[]byte](t)(cipher.Encrypt(order, many))
		}
		many[fmt.Sprint("name", at)] = "value"
	}
	wantCode(t, second(cipher.Encrypt(order, many)), CodeContextTooLong)
}

func second[T any](_ T, err error) error { return err }

func TestKeysAreRotatedWhileACipherRuns(t *testing.T) {
	old := must[*Key](t)(GenerateKey("k1", Seal, AES256GCM))
	ring := must[*Keyring](t)(NewKeyring("orders", 0, RingEntry{old, true}))
	policy := must[*Policy](t)(ParsePolicy(orders))
	cipher := must[*FieldCipher](t)(NewFieldCipher(ring, policy))
	sealed := must[[]byte](t)(cipher.Encrypt(order, tenant))

	next := must[*Key](t)(GenerateKey("k2", Seal, ChaCha20Poly1305))
	added := must[*Keyring](t)(ring.WithKey(next))
	promoted := must[*Keyring](t)(added.Promote("k2"))
	if err := ring.Replace(promoted); err != nil {
		t.Fatal(err)
	}
	again := must[[]byte](t)(cipher.Encrypt(order, tenant))
	seen := must[[]Sighting](t)(cipher.Inspect(again, tenant))
	if len(seen) != 1 || seen[0].KeyID != "k2" || !seen[0].Authenticated || seen[0].Part != "token" || seen[0].Path != "$['card']['number']" {
		t.Fatalf("%+v", seen)
	}
	must[[]byte](t)(cipher.Decrypt(sealed, tenant))
	moved, report, err := cipher.Reencrypt(sealed, tenant, cipher, another, Reencryption{})
	if err != nil || report.Opened != 1 || report.LeftClear != 0 || !bytes.Equal(must[[]byte](t)(cipher.Decrypt(moved, another)), order) {
		t.Fatal(report, err)
	}
	disabled := must[*Keyring](t)(must[*Keyring](t)(promoted.Retire("k1")).Disable("k1"))
	if err := ring.Replace(disabled); err != nil || ring.Rev() != promoted.Rev()+2 {
		t.Fatal(err)
	}
	if err := second(cipher.Decrypt(sealed, tenant)); !errors.Is(err, ErrKeyState) {
		t.Fatal(err)
	}
	wantCode(t, ring.Replace(added), CodeKeyringRollback)
}

func TestKeyringFiles(t *testing.T) {
	ring := must[*Keyring](t)(GenerateKeyring(AES256GCM))
	secret := WrappingKey(bytes.Repeat([]byte{7}, 32))
	path := t.TempDir() + "/ring.json"
	if err := ring.Save(path, "orders", secret); err != nil {
		t.Fatal(err)
	}
	loaded := must[*Keyring](t)(LoadKeyring(path, "orders", secret, 0))
	if len(must[[]*Key](t)(loaded.Keys())) != 1 {
		t.Fatal("a key is missing")
	}
	wantCode(t, second(LoadKeyring(path, "staging", secret, 0)), CodeKeyringUnlock)
	wantCode(t, second(LoadKeyring(path, "orders", secret, 9)), CodeKeyringRollback)
	if err := second(LoadKeyring(path+"x", "orders", secret, 0)); err == nil {
		t.Fatal("a file that is not there was loaded")
	}
	sealed := must[[]byte](t)(ring.Seal("orders", secret))
	must[*Keyring](t)(OpenKeyring(sealed, "orders", secret, 0))
	wantCode(t, second(OpenKeyring(sealed, "orders", WrappingKey(make([]byte, 32)), 0)), CodeKeyringUnlock)
	clear := must[[]byte](t)(ring.HazmatWriteClear("orders"))
	must[*Keyring](t)(HazmatReadClearKeyring(clear, "orders", 0))
}

func TestDerivedAndExportedKeys(t *testing.T) {
	root := must[*Key](t)(GenerateKey("root", Sig, HMACSHA256))
	context := Context{"partner": "acme", "dir": "req"}
	derived := must[*Key](t)(must[*Key](t)(DeriveKey("acme", root, context)).With(KeyOptions{Principal: "ACME", Direction: Requests,
		Expires: time.Unix(4_000_000_000, 0)}))
	ring := must[*Keyring](t)(NewKeyring("", 0, RingEntry{root, true}, RingEntry{derived, false}))
	if info := derived.Info(); info.Principal != "ACME" || info.Expires.Unix() != 4_000_000_000 || info.Created.IsZero() || info.Suite != HMACSHA256 {
		t.Fatalf("%+v", info)
	}
	exported := must[*Key](t)(must[*Key](t)(ring.ExportContext("acme", context)).With(KeyOptions{Principal: "ACME", Direction: Requests}))
	partner := must[*Keyring](t)(NewKeyring("", 0, RingEntry{exported, false}))
	request := orderRequest()
	signed := must[*Signed](t)(must[*Signer](t)(NewSigner(partner, nil)).Sign(request))
	verifier := must[*Verifier](t)(NewVerifier(ring, nil, must[*Replay](t)(UncheckedReplay()), WithScope(context)))
	verified := must[*Verified](t)(verifier.Verify(request.carrying(signed.Headers)))
	if verified.Principal() != "ACME" || verified.Proof().Scope["partner"] != "acme" {
		t.Fatalf("%+v", verified.Proof())
	}
}

func TestPublicKeys(t *testing.T) {
	secret := must[*Key](t)(RawKey("me", Ed25519, bytes.Repeat([]byte{3}, 32), Requests, KeyOptions{}))
	jwk := must[[]byte](t)(secret.PublicJWK())
	for name, public := range map[string]*Key{
		"jwk":  must[*Key](t)(KeyFromJWK("me", Ed25519, jwk, Requests, KeyOptions{Principal: "ME"})),
		"jwks": must[*Key](t)(KeyFromJWKS("me", Ed25519, []byte(`{"keys":[`+strings.Replace(string(jwk), `"kid":"me"`, `"kid":"ext"`, 1)+`]}`), "ext", Requests, KeyOptions{Principal: "ME"})),
	} {
		own := secret
		if name == "jwks" {
			own = must[*Key](t)(secret.With(KeyOptions{ExternalKeyID: "ext"}))
		}
		signer := must[*Signer](t)(NewSigner(must[*Keyring](t)(NewKeyring("", 0, RingEntry{own, false})), nil))
		verifier := must[*Verifier](t)(NewVerifier(must[*Keyring](t)(NewKeyring("", 0, RingEntry{public, false})), nil, must[*Replay](t)(UncheckedReplay())))
		request := orderRequest()
		verified := must[*Verified](t)(verifier.Verify(request.carrying(must[*Signed](t)(signer.Sign(request)).Headers)))
		if verified.Principal() != "ME" {
			t.Errorf("%s: %+v", name, verified.Proof())
		}
	}
	wantCode(t, second(KeyFromPEM("me", Ed25519, []byte("no key"), Requests, KeyOptions{})), CodeKeyImport)
	pem := "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
	if info := must[*Key](t)(KeyFromPEM("pem", Ed25519, []byte(pem), Requests, KeyOptions{})).Info(); info.ID != "pem" || info.Suite != Ed25519 {
		t.Errorf("%+v", info)
	}
}

func TestSingleValues(t *testing.T) {
	ring := must[*Keyring](t)(GenerateKeyring(ChaCha20Poly1305))
	emails := must[*ValueCipher](t)(NewValueCipher(ring, "users.email"))
	users, row := Context{"purpose": "users"}, BoundJSON("users.id", "7")
	token := must[string](t)(emails.EncryptText("ada@example.com", users, row))
	if text := must[string](t)(emails.DecryptText(token, users, row)); text != "ada@example.com" {
		t.Fatal(text)
	}
	if length := must[int](t)(MaxTokenLen(len(`"ada@example.com"`))); len(token) > length || length > 300 {
		t.Fatal(length)
	}
	wantCode(t, second(emails.DecryptText(token, users, BoundJSON("users.id", "8"))), CodeRejected)
	wantCode(t, second(emails.DecryptText(token, users, BoundText("users.id", "7"))), CodeRejected)
	wantCode(t, second(emails.DecryptText(token, users)), CodeRejected)
	value := must[string](t)(emails.Encrypt([]byte("1.10"), users))
	if text := must[[]byte](t)(emails.Decrypt(value, users)); string(text) != "1.10" {
		t.Fatalf("%s", text)
	}
	if empty := must[string](t)(emails.DecryptText(must[string](t)(emails.EncryptText("", users)), users)); empty != "" {
		t.Fatal(empty)
	}
	long := strings.Repeat("é", 100_000)
	if text := must[string](t)(emails.DecryptText(must[string](t)(emails.EncryptText(long, users)), users)); text != long {
		t.Fatal("a long text differs")
	}
	wantCode(t, second(MaxTokenLen(-1)), CodeInvalidArgument)
	wantCode(t, second(NewValueCipher(ring, "")), CodeInvalidArgument)
}

func TestReports(t *testing.T) {
	cipher := orderCipher(t)
	sealed := must[[]byte](t)(cipher.Encrypt(order, tenant))
	found := must[[]Location](t)(Locate(sealed, "$..number"))
	if len(found) != 1 || found[0].Path != "$['card']['number']" || !bytes.HasPrefix(sealed[found[0].Start:found[0].End], []byte(`"as1.`)) {
		t.Fatalf("%+v", found)
	}
	if none := must[[]Location](t)(Locate(order, "$.nothing")); len(none) != 0 {
		t.Fatalf("%+v", none)
	}
	wantCode(t, second(Locate(order, "$.id", WithLimits(Limits{Depth: 1}))), CodeLimitDepth)
	if seen := must[[]Sighting](t)(Inspect(sealed)); len(seen) != 1 || seen[0].Authenticated || seen[0].TokenLen != found[0].End-found[0].Start-2 {
		t.Fatalf("%+v", seen)
	}
	findings := must[[]Finding](t)(cipher.Diagnose(sealed, another, Context{"purpose": "x"}, tenant))
	if len(findings) != 1 || findings[0].Stage != "commitment" || findings[0].Candidate != 1 {
		t.Fatalf("%+v", findings)
	}
	opened, isBound, err := cipher.DecryptLenient(sealed, tenant)
	if err != nil || !isBound || len(opened) != 1 || string(opened[0].Value) != `"4111111111111111"` {
		t.Fatalf("%+v %v", opened, err)
	}
	opened, _, err = cipher.DecryptLenient(sealed, another)
	if err != nil || opened[0].Failure != CodeRejected || opened[0].Value != nil {
		t.Fatalf("%+v %v", opened, err)
	}
	partial := must[Partial](t)(cipher.DecryptPartial(sealed, tenant, "$.card.number"))
	if !bytes.Equal(partial.Document, order) || len(partial.Opened) != 1 || !partial.Bound {
		t.Fatalf("%+v", partial)
	}
	if err := second(cipher.DecryptPartial(sealed, tenant, "$.nothing")); err == nil {
		t.Fatal("a query may match nothing")
	}
	policy := must[*Policy](t)(ParsePolicy([]byte(orders)))
	if lint := must[[]string](t)(policy.Lint(order)); policy.ID() != "orders.v1" || !strings.Contains(strings.Join(lint, "\n"), "card") {
		t.Fatalf("%q", lint)
	}
	migrating := must[*Policy](t)(ParsePolicy(`{"apiseal_policy": 1, "id": "m", "rules": [{"path": "$.card.number", "bind": ["$.id"], "types": ["string"], "migrate": {"accept_plain": true, "until": "2999-01-01"}}]}`))
	mixed := must[*FieldCipher](t)(NewFieldCipher(must[*Keyring](t)(GenerateKeyring(AES256GCM)), migrating))
	clear, plain, err := mixed.DecryptMigrating(order, tenant)
	if err != nil || !bytes.Equal(clear, order) || len(plain) != 1 || plain[0] != "$['card']['number']" {
		t.Fatalf("%s %q %v", clear, plain, err)
	}
}

func TestRedaction(t *testing.T) {
	policy := must[*Policy](t)(ParsePolicy(`{"apiseal_policy": 1, "id": "r", "rules": [{"path": "$..pan", "bind": [], "mask": {"keep_last": 4}}]}`))
	redactor := must[*Redactor](t)(NewRedactor(policy))
	masked, readable, err := redactor.Redact([]byte(`{"pan": "4111111111111111"}`))
	if string(masked) != `{"pan": "****1111"}` || !readable || err != nil {
		t.Fatalf("%s %v %v", masked, readable, err)
	}
	masked, readable, err = redactor.Redact([]byte(`{"pan": "4111111`))
	if strings.Contains(string(masked), "4111") || readable || err != nil {
		t.Fatalf("%s %v %v", masked, readable, err)
	}
}

func TestLines(t *testing.T) {
	cipher := orderCipher(t)
	var source bytes.Buffer
	for at := range 5000 {
		fmt.Fprintf(&source, "{\"id\": %d, \"card\": {\"number\": \"%d\"}}\n", at, at)
		if at%1000 == 0 {
			source.WriteString("\n")
		}
	}
	whole := source.Bytes()
	for _, threads := range []int{0, 1, 2} {
		for name, reader := range map[string]io.Reader{
			"whole": bytes.NewReader(whole), "late errors": iotest.DataErrReader(bytes.NewReader(whole)), "halves": iotest.HalfReader(bytes.NewReader(whole)),
		} {
			var sealed, opened bytes.Buffer
			if err := cipher.EncryptLines(&sealed, reader, tenant, LineOptions{Threads: threads}); err != nil {
				t.Fatal(name, err)
			}
			if err := cipher.DecryptLines(&opened, &sealed, tenant, LineOptions{Threads: threads}); err != nil {
				t.Fatal(name, err)
			}
			if !bytes.Equal(opened.Bytes(), whole) {
				t.Fatalf("%s, %d threads: the lines differ", name, threads)
			}
		}
	}
}

func TestLinesThatFail(t *testing.T) {
	cipher := orderCipher(t)
	source := string(order) + "\n{}\n" + string(order) + "\n{"
	var out bytes.Buffer
	err := cipher.EncryptLines(&out, strings.NewReader(source), tenant, LineOptions{})
	var line *LineError
	if !errors.As(err, &line) || line.Number != 2 || line.Code != CodeNoMatch || !errors.Is(err, ErrNoMatch) || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%v %q", err, out.String())
	}
	var numbers []uint64
	out.Reset()
	err = cipher.EncryptLines(&out, strings.NewReader(source), tenant, LineOptions{Failed: func(e *LineError) error {
		numbers = append(numbers, e.Number)
		return nil
	}})
	if err != nil || fmt.Sprint(numbers) != "[2 4]" || strings.Count(out.String(), "as1.") != 2 {
		t.Fatalf("%v %v %q", err, numbers, out.String())
	}
	stop := errors.New("stop")
	if err := cipher.EncryptLines(io.Discard, strings.NewReader(source), tenant, LineOptions{Failed: func(*LineError) error { return stop }}); err != stop {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 2} {
		options := LineOptions{Threads: threads}
		broken := iotest.ErrReader(stop)
		if err := cipher.EncryptLines(io.Discard, io.MultiReader(strings.NewReader(source[:50]), broken), tenant, options); err != stop {
			t.Fatal(err)
		}
		if err := cipher.EncryptLines(failingWriter{stop}, strings.NewReader(source), tenant, options); err != stop {
			t.Fatal(err)
		}
		if err := cipher.EncryptLines(failingWriter{nil}, strings.NewReader(source), tenant, options); err != io.ErrShortWrite {
			t.Fatal(err)
		}
		stuck := readerFunc(func([]byte) (int, error) { return 0, nil })
		if err := cipher.EncryptLines(io.Discard, stuck, tenant, options); err != io.ErrNoProgress {
			t.Fatal(err)
		}
	}
	if err := cipher.EncryptLines(io.Discard, strings.NewReader(source), tenant, LineOptions{MaxLine: 5}); !errors.Is(err, ErrLimit) {
		t.Fatal(err)
	}
	wantCode(t, cipher.EncryptLines(io.Discard, strings.NewReader(source), tenant, LineOptions{Threads: -1}), CodeInvalidArgument)
	wantCode(t, cipher.EncryptLines(io.Discard, strings.NewReader(source), nil, LineOptions{}), CodeContextEmpty)
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestAnAlteredTokenNeverOpens(t *testing.T) {
	cipher := orderCipher(t)
	sealed := must[[]byte](t)(cipher.Encrypt(order, tenant))
	random := rand.New(rand.NewPCG(1, 2))
	token := must[[]Location](t)(Locate(sealed, "$.card.number"))[0]
	for range 2000 {
		changed := bytes.Clone(sealed)
		changed[token.Start+1+random.IntN(token.End-token.Start-2)] ^= byte(1 + random.IntN(255))
		opened, err := cipher.Decrypt(changed, tenant)
		if err == nil || opened != nil {
			t.Fatalf("%s opens", changed)
		}
	}
}
