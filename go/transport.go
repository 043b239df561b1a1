package apiseal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
	body, err := t.received(request, response)
	if err != nil && !isTooLong(err) {
		// The connection failed, which net/http tells, and http.Client asks of a timeout.
		return nil, err
	}
	if err == nil {
		err = t.check(request, response, body, signed, context)
	}
	if err != nil {
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
	if stated := request.ContentLength; stated > 0 && stated != int64(len(body)) {
		return nil, nil, nil, invalid(fmt.Sprintf("the content has %d bytes, and ContentLength says %d", len(body), stated))
	}
	own := request.Clone(request.Context())
	complete(own)
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
		// net/http takes it from the request.
		if line.Name != "content-length" {
			own.Header.Add(line.Name, line.Value)
		}
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

// complete writes into the header what net/http would send in another spelling or add, where it is the same over HTTP/1.1 and
// HTTP/2: what is signed must be what is sent.
func complete(own *http.Request) {
	if own.Header == nil {
		own.Header = http.Header{}
	}
	if agents, stated := own.Header["User-Agent"]; !stated {
		own.Header.Set("User-Agent", "Go-http-client/1.1")
	} else if len(agents) > 1 {
		own.Header["User-Agent"] = agents[:1]
	}
	// HTTP/2 takes cookies apart, and servers put them together again.
	if cookies := own.Header["Cookie"]; len(cookies) > 0 {
		var pairs []string
		for pair := range strings.SplitSeq(strings.Join(cookies, ";"), ";") {
			if pair = strings.TrimSpace(pair); pair != "" {
				pairs = append(pairs, pair)
			}
		}
		own.Header.Set("Cookie", strings.Join(pairs, "; "))
	}
}

// notSent are the names that net/http takes from elsewhere than the header.
var notSent = []string{"host", "content-length", "transfer-encoding", "trailer"}

// sentMessage is a request that was completed as net/http will send it, but for two headers that nobody can know here: Host,
// which is none in HTTP/2, and the Accept-Encoding of a transport that decompresses.
func sentMessage(r *http.Request, body []byte) *Message {
	m := &Message{Method: r.Method, Scheme: r.URL.Scheme, Authority: r.Host, Target: r.URL.RequestURI(), Body: body}
	if m.Method == "" {
		m.Method = http.MethodGet
	}
	if m.Authority == "" {
		m.Authority = r.URL.Host
	}
	m.Authority = withoutZone(m.Authority)
	m.Headers = slices.DeleteFunc(headerLines(r.Header), func(line Header) bool {
		return slices.Contains(notSent, line.Name) || line == Header{"user-agent", ""}
	})
	if len(body) > 0 || slices.Contains(statesLength, m.Method) {
		m.Headers = append(m.Headers, Header{"content-length", strconv.Itoa(len(body))})
	}
	m.Trailers = headerLines(r.Trailer)
	return m
}

// statesLength are the methods whose requests state that they have no content.
var statesLength = []string{http.MethodPost, http.MethodPut, http.MethodPatch}

// withoutZone takes out the zone of an IPv6 address, which is for this machine alone (RFC 6874, section 4).
func withoutZone(authority string) string {
	address, port, found := strings.Cut(authority, "]")
	if before, _, zoned := strings.Cut(address, "%"); found && zoned && strings.HasPrefix(before, "[") {
		return before + "]" + port
	}
	return authority
}

// received reads the content of a response, which is closed whatever comes of it.
func (t *Transport) received(request *http.Request, response *http.Response) ([]byte, error) {
	if response.StatusCode == http.StatusSwitchingProtocols {
		return nil, response.Body.Close()
	}
	length := response.ContentLength
	if request.Method == http.MethodHead {
		length = 0
	}
	body, err := readBody(response.Body, length, t.settings.maxBody)
	if closed := response.Body.Close(); err == nil {
		err = closed
	}
	return body, err
}

// check verifies a response and opens it.
func (t *Transport) check(request *http.Request, response *http.Response, body []byte, signed *Signed, context Context) (err error) {
	if response.StatusCode == http.StatusSwitchingProtocols {
		return invalid("another protocol is not verified")
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
	prove(response, request, verified)
	return nil
}
