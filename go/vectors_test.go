package apiseal

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// The vectors are those of the repository, one set for all languages.

func load(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "tests", "vectors", name))
	if err != nil {
		t.Fatalf("run the tests in the repository: %v", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// must gives the value of a call that must not fail.
func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// at is a clock that stands still.
func at(unix int64) ClockOption { return WithClock(func() time.Time { return time.Unix(unix, 0) }) }

type vectorKey struct {
	Kid, Purpose, Suite, Secret, State string
	Primary                            bool
	Scope                              Context
	Principal, Direction               string
	Profiles                           []string
}

func (k vectorKey) entry(t testing.TB, raw bool) RingEntry {
	t.Helper()
	secret := must[[]byte](t)(hex.DecodeString(k.Secret))
	about := KeyOptions{State: State(k.State), Scope: k.Scope, Principal: k.Principal, Profiles: k.Profiles}
	if raw {
		return RingEntry{must[*Key](t)(RawKey(k.Kid, Suite(k.Suite), secret, Direction(k.Direction), about)), k.Primary}
	}
	if k.Purpose == "" {
		k.Purpose = "seal"
	}
	key := must[*Key](t)(HazmatKeyFromSecret(k.Kid, Purpose(k.Purpose), Suite(k.Suite), secret))
	return RingEntry{must[*Key](t)(key.With(about)), k.Primary}
}

func ringOf(t testing.TB, keys []vectorKey, raw bool) (*Keyring, error) {
	t.Helper()
	var entries []RingEntry
	for _, key := range keys {
		entries = append(entries, key.entry(t, raw))
	}
	return NewKeyring("", 0, entries...)
}

type fieldVector struct {
	Name      string
	Keys      []vectorKey
	Context   Context
	Policy    json.RawMessage
	Document  string
	Encrypted string
	Now       int64
}

// policyText is the policy, which stands there as JSON or as its text.
func (v *fieldVector) policyText() string {
	var text string
	if json.Unmarshal(v.Policy, &text) == nil {
		return text
	}
	return string(v.Policy)
}

func (v *fieldVector) cipher(t testing.TB) *FieldCipher {
	t.Helper()
	ring := must[*Keyring](t)(ringOf(t, v.Keys, false))
	policy := must[*Policy](t)(ParsePolicy(v.policyText()))
	return must[*FieldCipher](t)(NewFieldCipher(ring, policy, at(v.Now)))
}

func fieldVectors(t testing.TB) []fieldVector {
	var file struct{ Cases []fieldVector }
	load(t, "fields.json", &file)
	return file.Cases
}

func TestFieldVectors(t *testing.T) {
	for _, vector := range fieldVectors(t) {
		t.Run(vector.Name, func(t *testing.T) {
			cipher := vector.cipher(t)
			opened := must[[]byte](t)(cipher.Decrypt([]byte(vector.Encrypted), vector.Context))
			if string(opened) != vector.Document {
				t.Fatalf("decrypted %s", opened)
			}
			sealed := must[[]byte](t)(cipher.Encrypt([]byte(vector.Document), vector.Context))
			if string(sealed) == vector.Encrypted {
				t.Fatal("two encryptions are alike")
			}
			again := must[[]byte](t)(cipher.Decrypt(sealed, vector.Context))
			if string(again) != vector.Document {
				t.Fatalf("decrypted %s", again)
			}
		})
	}
}

// run does what the vector asks for. Its context is a list of pairs, in which a name may stand twice as none of a Context
// can: the records are put by hand then.
func (v *negativeVector) run(t testing.TB) ([]byte, error) {
	ring, err := ringOf(t, v.Keys, false)
	if err != nil {
		return nil, err
	}
	policy, err := ParsePolicy(v.Policy)
	if err != nil {
		return nil, err
	}
	cipher, err := NewFieldCipher(ring, policy, at(v.Now))
	if err != nil {
		return nil, err
	}
	document := []byte(v.Document.Text)
	if v.Document.Base64 != "" {
		document = must[[]byte](t)(base64.StdEncoding.DecodeString(v.Document.Base64))
	}
	context := Context{}
	for _, pair := range v.Context {
		context[pair[0]] = pair[1]
	}
	if len(context) != len(v.Context) {
		f := newFrame()
		defer f.done()
		f.number(uint64(len(v.Context)))
		for _, pair := range v.Context {
			f.text(pair[0])
			f.text(pair[1])
		}
		if v.Operation == "encrypt" {
			return cipher.cryptIn(f, f.records(), 0, nil, document)
		}
		return cipher.cryptIn(f, f.records(), 1, nil, document)
	}
	if v.Operation == "encrypt" {
		return cipher.Encrypt(document, context)
	}
	return cipher.Decrypt(document, context)
}

type negativeVector struct {
	Case, What, Operation, Policy string
	Now                           int64
	Keys                          []vectorKey
	Context                       [][2]string
	Document                      struct{ Text, Base64 string }
	Expected                      struct {
		Code  Code
		Error string
		Ok    any
	}
}

func TestNegativeVectors(t *testing.T) {
	var file struct{ Cases []negativeVector }
	load(t, "negative.json", &file)
	for _, vector := range file.Cases {
		out, err := vector.run(t)
		if want := vector.Expected.Code; want != 0 {
			var own *Error
			if !errors.As(err, &own) || own.Code != want || own.Code.String() != vector.Expected.Error {
				t.Errorf("%s, %s: %v, not %d", vector.Case, vector.What, err, want)
			}
			if out != nil {
				t.Errorf("%s, %s: there is a result", vector.Case, vector.What)
			}
		} else if err != nil {
			t.Errorf("%s, %s: %v", vector.Case, vector.What, err)
		} else if text, ok := vector.Expected.Ok.(string); ok && vector.Operation == "decrypt" && text != string(out) {
			t.Errorf("%s, %s: %s", vector.Case, vector.What, out)
		}
	}
	if len(file.Cases) < 200 {
		t.Fatal("vectors are missing")
	}
}

func TestJSONPathVectors(t *testing.T) {
	var file struct {
		Tests []struct {
			Name            string
			Selector        string
			InvalidSelector bool            `json:"invalid_selector"`
			Document        json.RawMessage `json:"document"`
			DocumentText    *string         `json:"document_text"`
			ResultPaths     []string        `json:"result_paths"`
			ResultTexts     []string        `json:"result_texts"`
		}
	}
	load(t, "jsonpath.json", &file)
	ran := 0
	for _, vector := range file.Tests {
		document := []byte(vector.Document)
		if vector.DocumentText != nil {
			document = []byte(*vector.DocumentText)
		}
		if vector.InvalidSelector {
			_, err := Locate([]byte("{}"), vector.Selector)
			var own *Error
			if !errors.As(err, &own) || own.Code != CodeInvalidPath {
				t.Errorf("%s: %v", vector.Name, err)
			}
			continue
		}
		found, err := Locate(document, vector.Selector)
		if err != nil {
			t.Errorf("%s: %v", vector.Name, err)
			continue
		}
		var paths, texts []string
		for _, location := range found {
			paths = append(paths, location.Path)
			texts = append(texts, string(document[location.Start:location.End]))
		}
		same := func(a, b []string) bool {
			slices.Sort(a)
			slices.Sort(b)
			return slices.Equal(a, b)
		}
		if !same(paths, vector.ResultPaths) || vector.ResultTexts != nil && !same(texts, vector.ResultTexts) {
			t.Errorf("%s: %v %v", vector.Name, paths, texts)
		}
		ran++
	}
	if ran < 100 {
		t.Fatal("vectors are missing")
	}
}

func TestKeyringVectors(t *testing.T) {
	var file struct {
		Ring  string
		Cases []struct {
			Name, File, Passphrase string
			WrappingKey            string `json:"wrapping_key"`
		}
	}
	load(t, "keyring.json", &file)
	for _, vector := range file.Cases {
		wrap := Passphrase([]byte(vector.Passphrase))
		if vector.WrappingKey != "" {
			wrap = WrappingKey(must[[]byte](t)(hex.DecodeString(vector.WrappingKey)))
		}
		ring := must[*Keyring](t)(OpenKeyring([]byte(vector.File), file.Ring, wrap, 0))
		keys := must[[]*Key](t)(ring.Keys())
		info := keys[0].Info()
		if len(keys) != 1 || info.ID != "k1" || info.Purpose != Seal || info.Suite != AES256GCM || info.State != Active {
			t.Errorf("%s: %v", vector.Name, info)
		}
		_, err := OpenKeyring([]byte(vector.File), "other", wrap, 0)
		var own *Error
		if !errors.As(err, &own) || own.Code != CodeKeyringUnlock {
			t.Errorf("%s: %v", vector.Name, err)
		}
	}
	if len(file.Cases) == 0 {
		t.Fatal("vectors are missing")
	}
}
