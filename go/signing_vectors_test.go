package apiseal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// vectorMessage is a message of the vectors. Bytes that are no text stand as their base64.
type vectorMessage struct {
	Status                            int
	HTTP2                             bool
	Method, Scheme, Authority, Target string
	Headers, Trailers                 [][2]vectorText
	Body                              vectorText
}

type vectorText string

func (t *vectorText) UnmarshalJSON(data []byte) error {
	var coded struct{ Base64 string }
	if json.Unmarshal(data, (*string)(t)) == nil {
		return nil
	}
	if err := json.Unmarshal(data, &coded); err != nil {
		return err
	}
	bytes, err := base64.StdEncoding.DecodeString(coded.Base64)
	*t = vectorText(bytes)
	return err
}

func (m *vectorMessage) message(more ...[2]vectorText) *Message {
	own := &Message{Status: m.Status, HTTP2: m.HTTP2, Method: m.Method, Scheme: m.Scheme, Authority: m.Authority,
		Target: m.Target, Body: []byte(m.Body)}
	for _, line := range append(append([][2]vectorText{}, m.Headers...), more...) {
		own.Headers = append(own.Headers, Header{string(line[0]), string(line[1])})
	}
	for _, line := range m.Trailers {
		own.Trailers = append(own.Trailers, Header{string(line[0]), string(line[1])})
	}
	return own
}

// parties are a signer and a verifier with the same keys and clock.
func parties(t testing.TB, ring *Keyring, profile *Profile, now int64, options ...SignerOption) (*Signer, *Verifier) {
	t.Helper()
	replay := must[*Replay](t)(UncheckedReplay())
	signer := must[*Signer](t)(NewSigner(ring, profile, append(options, at(now))...))
	return signer, must[*Verifier](t)(NewVerifier(ring, profile, replay, at(now)))
}

func sameLines(lines []Header, want [][2]vectorText) bool {
	if len(lines) != len(want) {
		return false
	}
	for at, line := range lines {
		if line.Name != string(want[at][0]) || line.Value != string(want[at][1]) {
			return false
		}
	}
	return true
}

func wantCode(t testing.TB, err error, code Code) {
	t.Helper()
	var own *Error
	if !errors.As(err, &own) || own.Code != code {
		t.Fatalf("%v, not %s", err, code)
	}
}

func TestSignedMessages(t *testing.T) {
	var file struct {
		Now   int64
		Keys  map[string]string
		Cases []struct {
			What, Suite                string
			Profile                    *string
			Message, Request, Response *vectorMessage
			Signed                     struct {
				Adds [][2]vectorText
				Base string
			}
		}
	}
	load(t, "signing/messages.json", &file)
	if len(file.Cases) < 20 {
		t.Fatal("vectors are missing")
	}
	for _, vector := range file.Cases {
		t.Run(vector.What, func(t *testing.T) {
			var profile *Profile
			id := "apiseal-v1"
			if vector.Profile != nil {
				profile = must[*Profile](t)(ParseProfile(*vector.Profile))
				id = profile.ID()
			}
			var keys []vectorKey
			for kid, direction := range map[string]string{"client": "req", "service": "res"} {
				keys = append(keys, vectorKey{Kid: kid, Suite: vector.Suite, Secret: file.Keys[kid], Direction: direction, Profiles: []string{id}})
			}
			ring := must[*Keyring](t)(ringOf(t, keys, true))
			label := strings.SplitN(string(vector.Signed.Adds[len(vector.Signed.Adds)-1][1]), "=", 2)[0]
			if vector.Message != nil {
				signer, verifier := parties(t, ring, profile, file.Now, WithKey("client"), WithLabel(label))
				verified := must[*Verified](t)(verifier.Verify(vector.Message.message(vector.Signed.Adds...)))
				if verified.KeyID() != "client" || verified.Proof().Base != vector.Signed.Base {
					t.Fatalf("%s", verified.Proof().Base)
				}
				for _, component := range verified.Proof().Components {
					if value, ok := verified.Component(component.Name); !ok || value != component.Value {
						t.Fatalf("%v is not found", component)
					}
				}
				signed := must[*Signed](t)(signer.Sign(vector.Message.message()))
				must[*Verified](t)(verifier.Verify(vector.Message.message().carrying(signed.Headers)))
				// Only a profile without a nonce gives the same signature again.
				hasNonce := vector.Profile == nil || strings.Contains(*vector.Profile, "nonce")
				if sameLines(signed.Headers, vector.Signed.Adds) == hasNonce {
					t.Fatalf("%v", signed.Headers)
				}
				return
			}
			signer, verifier := parties(t, ring, profile, file.Now)
			request := must[*Verified](t)(verifier.Verify(vector.Request.message()))
			response := vector.Response.message(vector.Signed.Adds...)
			verified := must[*Verified](t)(verifier.VerifyResponseToVerified(response, request))
			if verified.KeyID() != "service" || verified.Proof().Base != vector.Signed.Base {
				t.Fatalf("%s", verified.Proof().Base)
			}
			// The nonce is that of the request: the same bytes come out.
			again := must[*Verified](t)(verifier.Verify(vector.Request.message()))
			signed := must[*Signed](t)(signer.SignResponse(vector.Response.message(), again))
			if !sameLines(signed.Headers, vector.Signed.Adds) {
				t.Fatalf("%v", signed.Headers)
			}
			response.Status++
			again = must[*Verified](t)(verifier.Verify(vector.Request.message()))
			_, err := verifier.VerifyResponseToVerified(response, again)
			wantCode(t, err, CodeSignatureInvalid)
		})
	}
}

func TestNegativeMessages(t *testing.T) {
	var file struct {
		Now   int64
		Keys  []vectorKey
		Cases []struct {
			Case, What string
			Message    *vectorMessage
			Expected   struct{ Code Code }
		}
	}
	load(t, "signing/negative.json", &file)
	if len(file.Cases) < 190 {
		t.Fatal("vectors are missing")
	}
	ring := must[*Keyring](t)(ringOf(t, file.Keys, true))
	_, verifier := parties(t, ring, nil, file.Now, WithKey(file.Keys[0].Kid))
	for _, vector := range file.Cases {
		_, err := verifier.Verify(vector.Message.message())
		var own *Error
		if errors.As(err, &own); (err == nil) != (vector.Expected.Code == 0) || own != nil && own.Code != vector.Expected.Code {
			t.Errorf("%s, %s: %v, not %d", vector.Case, vector.What, err, vector.Expected.Code)
		}
	}
}
