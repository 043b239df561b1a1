package apiseal

// #include "bridge.h"
import "C"

// Header is one header or trailer line, as it was received.
type Header struct{ Name, Value string }

// Message is a request or a response as it is on the wire. Nothing is decoded or normalised. For net/http, see
// [Signer.Transport] and [Verifier.Handler], which make it by themselves.
type Message struct {
	// Status is 0 for a request.
	Status int
	// HTTP2: it came by HTTP/2 or later, where names in upper case are malformed.
	HTTP2 bool
	// Method, Scheme ("https" or "http") and Target, as it was received, are those of a request. Authority is that of HTTP/2;
	// empty where the Host header tells it.
	Method, Scheme, Authority, Target string
	// Headers and Trailers are the lines in their order.
	Headers, Trailers []Header
	// Body is the content, after transfer coding and before content coding.
	Body []byte
}

// carrying is the message with these lines too.
func (m Message) carrying(lines []Header) *Message {
	m.Headers = append(m.Headers[:len(m.Headers):len(m.Headers)], lines...)
	return &m
}

// message puts a message but for its body; an error for a status that C could not hold.
func (f *frame) message(m *Message) error {
	if m == nil {
		return invalid("there is no message")
	}
	if m.Status < 0 || m.Status > 999 {
		return invalid("a status has three digits")
	}
	f.number(uint64(m.Status))
	f.flag(m.HTTP2)
	f.text(m.Method)
	f.text(m.Scheme)
	f.text(m.Authority)
	f.text(m.Target)
	f.lines(m.Headers)
	f.lines(m.Trailers)
	return nil
}

func (f *frame) lines(lines []Header) {
	f.number(uint64(len(lines)))
	for _, line := range lines {
		f.text(line.Name)
		f.text(line.Value)
	}
}
