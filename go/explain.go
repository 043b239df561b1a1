package apiseal

// #include "bridge.h"
import "C"

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"runtime/cgo"
	"unsafe"
)

// ExplainOptions is what an explanation may use. Nil and the zero value stand for the usual.
type ExplainOptions struct {
	// Authorities are names that clients may have used, for example "api.example".
	Authorities []string
	// Decode undoes a content coding, and gives at most so many bytes. Nil undoes gzip and deflate.
	Decode func(coding string, content []byte, most int) ([]byte, error)
	// Verifications is how many signatures may be checked; 0 stands for 2000.
	Verifications uint32
	// Bytes is how many bytes may be built, read or hashed; 0 stands for 32 MiB.
	Bytes uint64
	// Decoded is how many bytes Decode may give; 0 stands for 8 MiB.
	Decoded uint64
}

// Explanation is what was found out about a message that does not verify. It tells values of the message: for a log, never
// for the peer.
type Explanation struct {
	// Text is what was found and what to do, in a sentence or two.
	Text string
	// Verifies: the message verifies as it is, its nonce left aside.
	Verifies bool
	// Code is why it does not verify; Remaining why it would not even with the changes. 0 if it does or would.
	Code, Remaining Code
	// Changes make the message verify together, mostly one; none if no known change does.
	Changes []Change
	// Base is what the message as it was received would be signed as; empty if the signature was not looked at.
	Base string
	// SignedBase is the same with the changes; empty if there are none.
	SignedBase string
}

// Change is a change that makes the message verify.
type Change struct {
	// Kind is for example "authority" or "header-merged".
	Kind string
	// Component is what was changed.
	Component string
	// Signed and Received are its values when it was signed and as it was received; empty if it was not there or cannot be
	// told.
	Signed, Received string
	// Remedy is what to do about it, in words.
	Remedy string
}

// String gives the text.
func (e *Explanation) String() string { return e.Text }

// Explain finds the change, of those that are known to happen on the way, that makes a request verify. It tries nothing for an
// unknown key, keeps to a budget, claims no nonce and changes no verdict. The options may be nil.
func (v *Verifier) Explain(request *Message, options *ExplainOptions) (*Explanation, error) {
	return v.explain(request, nil, nil, options)
}

// ExplainResponse does the same for the response to a request that was signed here.
func (v *Verifier) ExplainResponse(response *Message, request *Signed, options *ExplainOptions) (*Explanation, error) {
	if request == nil {
		return nil, invalid("a response is explained with its request")
	}
	return v.explain(response, request, nil, options)
}

// ExplainResponseToVerified does the same for the response to a request that was verified as it was sent.
func (v *Verifier) ExplainResponseToVerified(response *Message, request *Verified, options *ExplainOptions) (*Explanation, error) {
	if request == nil {
		return nil, invalid("a response is explained with its request")
	}
	return v.explain(response, nil, request, options)
}

func (v *Verifier) explain(message *Message, sent *Signed, relayed *Verified, options *ExplainOptions) (*Explanation, error) {
	var uses uses
	defer uses.end()
	var own, other unsafe.Pointer
	pointer := of(&uses, v)
	if sent != nil {
		own = of(&uses, sent)
	}
	if relayed != nil {
		other = of(&uses, relayed)
	}
	if uses.err != nil {
		return nil, uses.err
	}
	f := newFrame()
	defer f.done()
	if err := f.message(message); err != nil {
		return nil, err
	}
	may, decode := newFrame(), cgo.NewHandle(options.decode())
	defer may.done()
	defer decode.Delete()
	may.explainOptions(options)
	status := C.bridge_explain((*C.apiseal_verifier)(pointer), f.records(), lend(message.Body), (*C.apiseal_signed)(own),
		(*C.apiseal_verified)(other), may.records(), C.uintptr_t(decode), f.room(), &f.own.result)
	if status != 0 {
		return nil, failed(status, f.own.result.error)
	}
	facts := f.facts()
	e := &Explanation{Text: facts.text(), Verifies: facts.number() != 0, Code: Code(facts.number()), Remaining: Code(facts.number())}
	e.Base, e.SignedBase = facts.text(), facts.text()
	for range facts.number() {
		e.Changes = append(e.Changes, Change{Kind: facts.text(), Component: facts.text(), Signed: facts.text(),
			Received: facts.text(), Remedy: facts.text()})
	}
	return e, nil
}

func (o *ExplainOptions) decode() func(string, []byte, int) ([]byte, error) {
	if o == nil || o.Decode == nil {
		return decode
	}
	return o.Decode
}

func (f *frame) explainOptions(options *ExplainOptions) {
	if options == nil {
		options = &ExplainOptions{}
	}
	f.number(uint64(options.Verifications))
	f.number(options.Bytes)
	f.number(options.Decoded)
	f.number(uint64(len(options.Authorities)))
	for _, authority := range options.Authorities {
		f.text(authority)
	}
}

// decode undoes what the standard library can.
func decode(coding string, content []byte, most int) ([]byte, error) {
	var reader io.Reader
	var err error
	switch coding {
	case "gzip", "x-gzip":
		reader, err = gzip.NewReader(bytes.NewReader(content))
	case "deflate":
		reader, err = zlib.NewReader(bytes.NewReader(content))
	default:
		return nil, errors.ErrUnsupported
	}
	if err != nil {
		return nil, err
	}
	decoded, err := io.ReadAll(io.LimitReader(reader, int64(most)+1))
	if err == nil && len(decoded) > most {
		err = io.ErrShortBuffer
	}
	return decoded, err
}
