package apiseal

import (
	"bytes"
	"compress/gzip"
	"errors"
	"testing"
)

// compressed is a request as a proxy forwards it that compresses content on its own.
func compressed(t *testing.T, request *Message) *Message {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(request.Body); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	own := request.carrying([]Header{{"content-encoding", "gzip"}})
	own.Body = packed.Bytes()
	return own
}

func TestExplainUndoesContentCodings(t *testing.T) {
	shop := newShop(t)
	request := orderRequest()
	signed := must[*Signed](t)(shop.client.Sign(request))
	received := compressed(t, request.carrying(signed.Headers))
	verifier := shop.verifier(t)
	told := must[*Explanation](t)(verifier.Explain(received, nil))
	if len(told.Changes) != 1 || told.Changes[0].Kind != "content-encoded" || told.Remaining != 0 {
		t.Errorf("%+v", told)
	}
	// A decoder of one's own is asked instead, and what it cannot do is not found.
	asked := 0
	options := &ExplainOptions{Decode: func(coding string, content []byte, most int) ([]byte, error) {
		asked++
		if coding != "gzip" || !bytes.Equal(content, received.Body) || most <= 0 {
			t.Errorf("%s of %d bytes, at most %d", coding, len(content), most)
		}
		return nil, errors.ErrUnsupported
	}}
	told = must[*Explanation](t)(verifier.Explain(received, options))
	if asked == 0 || len(told.Changes) != 0 || told.Remaining == 0 {
		t.Errorf("asked %d times: %+v", asked, told)
	}
	options.Decode = func(string, []byte, int) ([]byte, error) { panic("boom") }
	told = must[*Explanation](t)(verifier.Explain(received, options))
	if len(told.Changes) != 0 {
		t.Errorf("%+v", told)
	}
	// Nor within a budget that leaves nothing to decode.
	told = must[*Explanation](t)(verifier.Explain(received, &ExplainOptions{Decoded: 1}))
	if len(told.Changes) != 0 {
		t.Errorf("%+v", told)
	}
}

func TestExplainTriesAuthorities(t *testing.T) {
	shop := newShop(t)
	request := orderRequest()
	signed := must[*Signed](t)(shop.client.Sign(request))
	received := request.carrying(signed.Headers)
	received.Authority = "backend:8080"
	verifier := shop.verifier(t)
	options := &ExplainOptions{Authorities: []string{"other.example", request.Authority}}
	told := must[*Explanation](t)(verifier.Explain(received, options))
	if len(told.Changes) != 1 || told.Changes[0].Kind != "authority" || told.Changes[0].Signed != request.Authority {
		t.Errorf("%+v", told)
	}
}

func TestHedgedSalts(t *testing.T) {
	cipher := orderCipher(t, WithHedgedSalts())
	sealed := must[[]byte](t)(cipher.Encrypt(order, tenant))
	if again := must[[]byte](t)(cipher.Encrypt(order, tenant)); bytes.Equal(sealed, again) {
		t.Error("salts are fresh, hedged or not")
	}
	if opened := must[[]byte](t)(cipher.Decrypt(sealed, tenant)); !bytes.Equal(opened, order) {
		t.Errorf("%s", opened)
	}
}

func TestKeysOfMessages(t *testing.T) {
	ring := must[*Keyring](t)(GenerateKeyring(AES256GCM))
	keys := must[[]*Key](t)(ring.Keys())
	id := keys[0].Info().ID
	key := must[*Key](t)(ring.ExportMessageContext(id, tenant, "ACME", Requests))
	if info := key.Info(); info.ID != id {
		t.Errorf("%+v", info)
	}
	_, err := ring.ExportMessageContext("none", tenant, "ACME", Requests)
	wantCode(t, err, CodeUnknownKey)
}
