package apiseal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
)

// Transport signs every request, and encrypts fields if it is that of a [Protector]. It is made for [http.Client]: redirects
// and requests that are sent again are signed anew, and the request of the caller is never changed.
//
// A request that net/http sends again by itself, because a connection was lost before the response, carries the same nonce:
// had it arrived, the service refuses the second one with 401. Content is read whole before it is sent.
type Transport struct {
	base      http.RoundTripper
	signer    *Signer
	protector *Protector
	make      func(*http.Request) (Context, error)
	settings  httpSettings
}

// Transport signs what base sends; nil stands for [http.DefaultTransport].
func (s *Signer) Transport(base http.RoundTripper, options ...TransportOption) *Transport {
	if base == nil {
		base = http.DefaultTransport
	}
	t := &Transport{base: base, signer: s}
	t.settings.maxBody = DefaultMaxBody
	for _, option := range options {
		option.transport(&t.settings)
	}
	return t
}

// Transport encrypts the fields of what base sends under the context that make makes, and signs it. A request without content
// is signed. Else as [Signer.Transport].
func (p *Protector) Transport(base http.RoundTripper, make func(*http.Request) (Context, error), options ...TransportOption) *Transport {
	t := p.signer.Transport(base, options...)
	t.protector, t.make = p, make
	return t
}

// ResponseError is a response that was refused. http.Client puts it into a *url.Error.
type ResponseError struct {
	// StatusCode is what the response says; nobody vouches for it. 401 and 503 are what services answer that refuse a
	// request, and are not signed.
	StatusCode int
	// Err is why the response was refused.
	Err error
}

// Error tells the status and the reason.
func (e *ResponseError) Error() string {
	return fmt.Sprintf("apiseal: the response, which says %d, was refused: %v", e.StatusCode, e.Err)
}

// Unwrap gives the reason.
func (e *ResponseError) Unwrap() error { return e.Err }

// CloseIdleConnections is for [http.Client.CloseIdleConnections].
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// RoundTrip is that of [http.RoundTripper].
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	own, signed, context, err := t.sign(request)
	if err != nil {
		return nil, err
	}
	defer signed.Close()
	response, err := t.base.RoundTrip(own)
	if err != nil || t.settings.verifier == nil && t.settings.acceptor == nil {
		return response, err
	}
	if err := t.check(request, response, signed, context); err != nil {
		return nil, &ResponseError{StatusCode: response.StatusCode, Err: err}
	}
	return response, nil
}

// sign reads the content, and makes the request that is sent.
func (t *Transport) sign(request *http.Request) (*http.Request, *Signed, Context, error) {
	body, err := readAll(request.Body)
	if err != nil {
		return nil, nil, nil, err
	}
	if request.URL == nil {
		return nil, nil, nil, invalid("the request has no URL")
	}
	own := request.Clone(request.Context())
	if own.Header == nil {
		own.Header = http.Header{}
	}
	if (t.settings.verifier != nil || t.settings.acceptor != nil) && own.Header.Get("Accept-Encoding") == "" {
		// Else net/http asks for gzip and takes it off, and the digest is that of what was sent.
		own.Header.Set("Accept-Encoding", "identity")
	}
	message := sentMessage(own, body)
	var context Context
	if t.protector != nil && t.make != nil {
		if context, err = t.make(request); err != nil {
			return nil, nil, nil, err
		}
	}
	var signed *Signed
	var lines []Header
	if t.protector != nil && len(body) > 0 {
		protected, err := t.protector.Protect(message, context)
		if err != nil {
			return nil, nil, nil, err
		}
		signed, lines, body = protected.Signed, protected.Headers, protected.Body
	} else {
		if signed, err = t.signer.Sign(message); err != nil {
			return nil, nil, nil, err
		}
		lines = signed.Headers
	}
	for _, line := range lines {
		own.Header.Add(line.Name, line.Value)
	}
	own.TransferEncoding, own.ContentLength = nil, int64(len(body))
	own.Body, own.GetBody = http.NoBody, nil
	if len(body) > 0 {
		own.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		own.Body, _ = own.GetBody()
	}
	return own, signed, context, nil
}

// readAll reads and closes the content of a request of ours.
func readAll(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	data, err := io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}

// notSent are the names that net/http takes from elsewhere than the header.
var notSent = []string{"host", "content-length", "transfer-encoding", "trailer"}

// sentMessage is a request as net/http will send it.
func sentMessage(r *http.Request, body []byte) *Message {
	m := &Message{Method: r.Method, Scheme: r.URL.Scheme, Authority: r.Host, Target: r.URL.RequestURI(), Body: body}
	if m.Method == "" {
		m.Method = http.MethodGet
	}
	if m.Authority == "" {
		m.Authority = r.URL.Host
	}
	m.Headers = slices.DeleteFunc(headerLines(r.Header), func(line Header) bool { return slices.Contains(notSent, line.Name) })
	m.Trailers = headerLines(r.Trailer)
	return m
}

// check verifies a response and opens it. Its body is read and closed, whatever comes of it.
func (t *Transport) check(request *http.Request, response *http.Response, signed *Signed, context Context) error {
	if response.StatusCode == http.StatusSwitchingProtocols {
		return errors.Join(invalid("another protocol is not verified"), response.Body.Close())
	}
	length := response.ContentLength
	if request.Method == http.MethodHead {
		length = 0
	}
	body, err := readBody(response.Body, length, t.settings.maxBody)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.Uncompressed {
		return invalid("the transport below took off a content coding, and the digest is that of what was sent")
	}
	message := responseMessage(response, body)
	var verified *Verified
	if acceptor := t.settings.acceptor; acceptor == nil {
		verified, err = t.settings.verifier.VerifyResponse(message, signed)
	} else if len(body) == 0 {
		verified, err = acceptor.verifier.VerifyResponse(message, signed)
	} else {
		body, verified, err = acceptor.AcceptResponse(message, signed, context)
		response.Header.Del("Content-Digest")
	}
	if err != nil {
		return err
	}
	if len(body) > 0 {
		response.ContentLength = int64(len(body))
		response.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	// What it tells is all that a response is good for.
	_ = verified.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.TransferEncoding = nil
	response.Request = request.WithContext(NewContext(request.Context(), verified))
	return nil
}
