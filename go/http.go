package apiseal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// DefaultMaxBody is how many bytes of content handlers and transports read from a peer, and buffer for one.
const DefaultMaxBody = 10 << 20

// HandlerOption is a setting of [Verifier.Handler] and [Acceptor.Handler].
type HandlerOption interface{ handler(*httpSettings) }

// TransportOption is a setting of [Signer.Transport] and [Protector.Transport].
type TransportOption interface{ transport(*httpSettings) }

// HTTPOption is a setting of handlers and transports.
type HTTPOption interface {
	HandlerOption
	TransportOption
}

// WithMaxBody sets how many bytes of content are read from the peer; a handler answers longer requests with 413. Responses
// that are signed or verified are buffered up to the same number.
func WithMaxBody(bytes int64) HTTPOption {
	return forHTTP(func(s *httpSettings) { s.maxBody = bytes })
}

// WithSignedResponses signs the responses to verified requests. They are buffered whole: what [http.Flusher] and
// [http.Hijacker] promise is not there, trailers are left out, and 1xx responses pass unsigned.
func WithSignedResponses(signer *Signer) HandlerOption {
	return forHandler(func(s *httpSettings) { s.signer = signer })
}

// WithProtectedResponses encrypts the fields of responses under the context of the request, and signs them. A response without
// content is signed. Else as [WithSignedResponses].
func WithProtectedResponses(protector *Protector) HandlerOption {
	return forHandler(func(s *httpSettings) { s.protector = protector })
}

// WithRefused tells of every request that was refused and every response that could not be signed, and why: for a log. The
// peer gets a status and nothing more.
func WithRefused(tell func(*http.Request, error)) HandlerOption {
	return forHandler(func(s *httpSettings) { s.refused = tell })
}

// WithVerifiedResponses verifies every response. One that is not signed for its request is a [*ResponseError].
func WithVerifiedResponses(verifier *Verifier) TransportOption {
	return forTransport(func(s *httpSettings) { s.verifier = verifier })
}

// WithAcceptedResponses verifies every response and decrypts its fields under the context of the request. A response without
// content is verified. Else as [WithVerifiedResponses].
func WithAcceptedResponses(acceptor *Acceptor) TransportOption {
	return forTransport(func(s *httpSettings) { s.acceptor = acceptor })
}

type httpSettings struct {
	maxBody   int64
	signer    *Signer
	protector *Protector
	refused   func(*http.Request, error)
	verifier  *Verifier
	acceptor  *Acceptor
}

type forHTTP func(*httpSettings)

func (o forHTTP) handler(s *httpSettings)   { o(s) }
func (o forHTTP) transport(s *httpSettings) { o(s) }

type forHandler func(*httpSettings)

func (o forHandler) handler(s *httpSettings) { o(s) }

type forTransport func(*httpSettings)

func (o forTransport) transport(s *httpSettings) { o(s) }

type contextKey struct{}

type responseKey struct{}

// responseProof belongs to the one response that carries the request: contexts are handed on to other requests.
type responseProof struct {
	request  *http.Request
	verified *Verified
}

// NewContext carries what was verified.
func NewContext(ctx context.Context, verified *Verified) context.Context {
	return context.WithValue(ctx, contextKey{}, verified)
}

// FromContext gives what a handler's request proved: `apiseal.FromContext(r.Context())`.
func FromContext(ctx context.Context) (*Verified, bool) {
	verified, ok := ctx.Value(contextKey{}).(*Verified)
	return verified, ok
}

// FromResponse gives what a response proved that a transport verified; false for every other response.
func FromResponse(response *http.Response) (*Verified, bool) {
	if response == nil || response.Request == nil {
		return nil, false
	}
	proof, ok := response.Request.Context().Value(responseKey{}).(*responseProof)
	if !ok || proof.request != response.Request {
		return nil, false
	}
	return proof.verified, true
}

// prove makes verified what FromResponse gives.
func prove(response *http.Response, request *http.Request, verified *Verified) {
	proof := &responseProof{verified: verified}
	proof.request = request.WithContext(context.WithValue(request.Context(), responseKey{}, proof))
	response.Request = proof.request
}

// requestMessage is a request as a server of net/http received it. Its trailers are there once the content was read.
func requestMessage(r *http.Request, body []byte) *Message {
	m := &Message{HTTP2: r.ProtoMajor >= 2, Method: r.Method, Scheme: "http", Target: r.RequestURI, Body: body}
	if r.TLS != nil {
		m.Scheme = "https"
	}
	m.Headers = headerLines(r.Header)
	// net/http takes these out of the header.
	if m.HTTP2 {
		m.Authority = r.Host
	} else {
		m.Headers = append(m.Headers, Header{"host", r.Host})
	}
	if len(r.TransferEncoding) > 0 {
		m.Headers = append(m.Headers, Header{"transfer-encoding", strings.Join(r.TransferEncoding, ", ")})
	}
	m.Trailers = headerLines(r.Trailer)
	return m
}

// responseMessage is a response as a client of net/http received it.
func responseMessage(r *http.Response, body []byte) *Message {
	m := &Message{Status: r.StatusCode, HTTP2: r.ProtoMajor >= 2, Headers: headerLines(r.Header), Body: body}
	if len(r.TransferEncoding) > 0 {
		m.Headers = append(m.Headers, Header{"transfer-encoding", strings.Join(r.TransferEncoding, ", ")})
	}
	m.Trailers = headerLines(r.Trailer)
	return m
}

// headerLines are the lines of a header. Their names are in lower case, as HTTP/2 demands. The lines of one name keep their
// order, which counts; that of the names does not.
func headerLines(header http.Header) []Header {
	lines := make([]Header, 0, len(header)+2)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			lines = append(lines, Header{strings.ToLower(name), value})
		}
	}
	return lines
}

var errTooLong = errors.New("apiseal: the content is longer than WithMaxBody allows")

// tooLong: the peer sent more than is read. As with net/http's own limit, errors.As finds a *http.MaxBytesError.
func tooLong(limit int64) error {
	return fmt.Errorf("%w: %w", errTooLong, &http.MaxBytesError{Limit: limit})
}

func isTooLong(err error) bool {
	var own *http.MaxBytesError
	return errors.As(err, &own)
}

// readBody reads content of at most limit bytes. No more memory is made than a peer has sent, but for the first megabyte.
func readBody(body io.Reader, length, limit int64) ([]byte, error) {
	if body == nil || body == http.NoBody {
		return nil, nil
	}
	if length > limit {
		return nil, tooLong(limit)
	}
	var into bytes.Buffer
	if length > 0 {
		// A byte more lets the reader see the end without growing the buffer.
		into.Grow(int(min(length, 1<<20)) + bytes.MinRead)
	}
	// The largest number has none above it.
	if _, err := into.ReadFrom(io.LimitReader(body, max(limit, limit+1))); err != nil {
		return nil, err
	}
	if int64(into.Len()) > limit {
		return nil, tooLong(limit)
	}
	return into.Bytes(), nil
}
