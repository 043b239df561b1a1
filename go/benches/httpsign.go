package main

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"github.com/yaronf/httpsign"
)

// httpsignPeer signs and verifies the same components and parameters, digest included, with yaronf/httpsign. It keeps no nonces.
type httpsignPeer struct {
	body     []byte
	fields   httpsign.Fields
	verifier *httpsign.Verifier
}

func newHTTPSign(body []byte) *httpsignPeer {
	fields := httpsign.Headers("@method", "@authority", "@path", "@query", "content-digest", "content-type")
	config := httpsign.NewVerifyConfig().SetKeyID("client").SetAllowedTags([]string{tag}).SetNotOlderThan(5 * time.Minute)
	verifier, err := httpsign.NewHMACSHA256Verifier(secret, config, fields)
	must(err)
	return &httpsignPeer{body, fields, verifier}
}

const tag = "apiseal-req-v1"

func (p *httpsignPeer) request() *http.Request {
	request, err := http.NewRequest("POST", "https://api.example/v2/orders?state=open", bytes.NewReader(p.body))
	must(err)
	request.Header = http.Header{"User-Agent": {"client/1.4.2 (linux; x86_64)"}, "Accept": {"application/json"},
		"Accept-Encoding": {"gzip"}, "Content-Type": {"application/json"}}
	return request
}

// sign has a signer for each request, because the nonce is part of its configuration.
func (p *httpsignPeer) sign() *http.Request {
	request := p.request()
	digest, err := httpsign.GenerateContentDigestHeader(&request.Body, []string{httpsign.DigestSha256})
	must(err)
	request.Header.Set("Content-Digest", digest)
	config := httpsign.NewSignConfig().SetKeyID("client").SetNonce(nonce()).SetTag(tag).SignAlg(false)
	signer, err := httpsign.NewHMACSHA256Signer(secret, config, p.fields)
	must(err)
	input, signature, err := httpsign.SignRequest("sig", *signer, request)
	must(err)
	request.Header.Set("Signature-Input", input)
	request.Header.Set("Signature", signature)
	return request
}

func (p *httpsignPeer) verify(request *http.Request) {
	request.Body = io.NopCloser(bytes.NewReader(p.body))
	must(httpsign.VerifyRequest("sig", *p.verifier, request))
	must(httpsign.ValidateContentDigestHeader(request.Header.Values("Content-Digest"), &request.Body, []string{httpsign.DigestSha256}))
}
