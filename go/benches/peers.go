package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// sealer encrypts and decrypts one value. What it is bound to is up to the caller.
type sealer interface {
	seal(value, bound []byte) string
	open(token string, bound []byte) []byte
}

// tree does what one writes first: encoding/json, a walk, a sealer for each value, encoding/json again. It commits to no key,
// keeps neither the spelling of numbers nor the order of members nor white space, and lets duplicate names pass.
type tree struct {
	paths [][]string
	sealer
}

func (t *tree) run(document []byte, change func(value any, bound []byte) any) []byte {
	var root map[string]any
	if err := json.Unmarshal(document, &root); err != nil {
		panic(err)
	}
	id, _ := root["id"].(string)
	for _, path := range t.paths {
		at := root
		for _, name := range path[:len(path)-1] {
			at = at[name].(map[string]any)
		}
		last := path[len(path)-1]
		at[last] = change(at[last], []byte(strings.Join(path, "/")+"\x00"+id))
	}
	out, err := json.Marshal(root)
	if err != nil {
		panic(err)
	}
	return out
}

func (t *tree) encrypt(document []byte) []byte {
	return t.run(document, func(value any, bound []byte) any {
		text, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		return t.seal(text, bound)
	})
}

func (t *tree) decrypt(document []byte) []byte {
	return t.run(document, func(value any, bound []byte) any {
		var own any
		if err := json.Unmarshal(t.open(value.(string), bound), &own); err != nil {
			panic(err)
		}
		return own
	})
}

// byHand is AES-256-GCM of the standard library, with one key and random nonces.
type byHand struct{ gcm cipher.AEAD }

func newByHand() *byHand {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return &byHand{gcm}
}

func (s *byHand) seal(value, bound []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.gcm.Seal(nil, nil, value, bound))
}

func (s *byHand) open(token string, bound []byte) []byte {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		panic(err)
	}
	value, err := s.gcm.Open(nil, nil, sealed, bound)
	if err != nil {
		panic(err)
	}
	return value
}

// byTink is an AEAD of Tink.
type byTink struct{ aead tink.AEAD }

func newByTink() *byTink {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		panic(err)
	}
	own, err := aead.New(handle)
	if err != nil {
		panic(err)
	}
	return &byTink{own}
}

func (s *byTink) seal(value, bound []byte) string {
	sealed, err := s.aead.Encrypt(value, bound)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed)
}

func (s *byTink) open(token string, bound []byte) []byte {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		panic(err)
	}
	value, err := s.aead.Decrypt(sealed, bound)
	if err != nil {
		panic(err)
	}
	return value
}

// byJose makes a JWE of each value. Its compact form binds nothing beside it.
type byJose struct {
	key       []byte
	encrypter jose.Encrypter
}

func newByJose() *byJose {
	key := make([]byte, 32)
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil)
	if err != nil {
		panic(err)
	}
	return &byJose{key, encrypter}
}

func (s *byJose) seal(value, _ []byte) string {
	object, err := s.encrypter.Encrypt(value)
	if err != nil {
		panic(err)
	}
	token, err := object.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

func (s *byJose) open(token string, _ []byte) []byte {
	object, err := jose.ParseEncryptedCompact(token, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		panic(err)
	}
	value, err := object.Decrypt(s.key)
	if err != nil {
		panic(err)
	}
	return value
}

// signByHand is what a signature of the same components costs at least with the standard library: no policy, no checks of the
// message, the components in one fixed list.
func signByHand(method, authority, path, query, contentType string, body []byte) (input, signature, digest string) {
	sum := sha256.Sum256(body)
	digest = "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	parameters := fmt.Sprintf(`("@method" "@authority" "@path" "@query" "content-type" "content-digest");created=%d;nonce="%s";keyid="client";tag="apiseal-req-v1"`,
		time.Now().Unix(), nonce())
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "\"@method\": %s\n\"@authority\": %s\n\"@path\": %s\n\"@query\": %s\n\"content-type\": %s\n\"content-digest\": %s\n\"@signature-params\": %s",
		method, authority, path, query, contentType, digest, parameters)
	return "sig=" + parameters, "sig=:" + base64.StdEncoding.EncodeToString(mac.Sum(nil)) + ":", digest
}

func nonce() string {
	var bytes [16]byte
	_, _ = rand.Read(bytes[:])
	return base64.RawURLEncoding.EncodeToString(bytes[:])
}

// As long as yaronf/httpsign demands; the others take half of it as well.
var secret = []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
