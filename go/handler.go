package apiseal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
)

// Handler verifies every request before next sees it, which gets the exact bytes that were verified, and what they prove by
// [FromContext]. Every other request gets a plain 401 (503 where the replay store cannot decide) and no reason.
//
// The head is verified before content is read, so that only who has a key can make the service buffer any. What a request
// proves is open while next runs.
func (v *Verifier) Handler(next http.Handler, options ...HandlerOption) http.Handler {
	h := &handler{next: next, verifier: v}
	h.settings.maxBody = DefaultMaxBody
	for _, option := range options {
		option.handler(&h.settings)
	}
	return h
}

// Handler verifies every request and decrypts its fields before next sees it, under the context that make makes of what was
// proved. A request without content is verified. next gets the content as it was before it was protected, without the
// Content-Digest, which was that of the encrypted one. Content of up to 64 KiB is read before the head is verified. Else as
// [Verifier.Handler].
func (a *Acceptor) Handler(next http.Handler, make func(*Verified) (Context, error), options ...HandlerOption) http.Handler {
	h := a.verifier.Handler(next, options...).(*handler)
	if make == nil {
		make = func(*Verified) (Context, error) { return nil, errNoMake }
	}
	h.acceptor, h.make = a, make
	return h
}

type handler struct {
	next     http.Handler
	verifier *Verifier
	acceptor *Acceptor
	make     func(*Verified) (Context, error)
	settings httpSettings
}

// ServeHTTP is that of [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	accepted, err := h.accept(w, r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	verified := accepted.verified
	defer verified.Close()
	own := r.WithContext(NewContext(r.Context(), verified))
	own.Body, own.ContentLength = io.NopCloser(bytes.NewReader(accepted.body)), int64(len(accepted.body))
	own.TransferEncoding = nil
	if accepted.opened {
		own.Header = r.Header.Clone()
		own.Header.Del("Content-Digest")
		own.Header.Set("Content-Length", strconv.Itoa(len(accepted.body)))
	}
	if h.settings.signer == nil && h.settings.protector == nil {
		h.next.ServeHTTP(w, own)
		return
	}
	recorder := &recorder{writer: w, method: r.Method, limit: h.settings.maxBody}
	before := w.Header().Clone()
	h.next.ServeHTTP(recorder, own)
	if err := h.respond(recorder, &accepted); err != nil {
		// What next says of a response that nobody gets is not for the peer.
		clear(w.Header())
		maps.Copy(w.Header(), before)
		h.refuse(w, r, &statusError{http.StatusInternalServerError, err})
	}
}

// accepted is a request that may pass.
type accepted struct {
	verified *Verified
	body     []byte
	// opened: the body was decrypted.
	opened  bool
	context Context
}

// statusError is an error with what the peer gets.
type statusError struct {
	status int
	cause  error
}

func (e *statusError) Error() string { return e.cause.Error() }
func (e *statusError) Unwrap() error { return e.cause }

// refuse answers with a status and its name, and tells the reason to whom it concerns.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusUnauthorized
	var own *Error
	var stated *statusError
	if errors.As(err, &stated) {
		status = stated.status
	} else if errors.As(err, &own) && own.HTTPStatus != 0 {
		status = own.HTTPStatus
	}
	if h.settings.refused != nil {
		if stated != nil {
			err = stated.cause
		}
		h.settings.refused(r, err)
	}
	if status == http.StatusRequestEntityTooLarge {
		// The rest is not worth reading.
		w.Header().Set("Connection", "close")
	}
	http.Error(w, http.StatusText(status), status)
}

// accept reads and verifies a request, and opens it.
func (h *handler) accept(w http.ResponseWriter, r *http.Request) (accepted, error) {
	var spool *Spool
	// Of short content the acceptor verifies the head once and not twice.
	if isLong := r.ContentLength < 0 || r.ContentLength > 1<<16; isLong || h.acceptor == nil && r.ContentLength != 0 {
		var err error
		if spool, err = h.verifier.Spool(requestMessage(r, nil)); err != nil {
			return accepted{}, err
		}
		defer spool.Close()
	}
	body, err := readBody(r.Body, r.ContentLength, h.settings.maxBody)
	if isTooLong(err) {
		return accepted{}, &statusError{http.StatusRequestEntityTooLarge, err}
	}
	if err != nil {
		return accepted{}, &statusError{http.StatusBadRequest, err}
	}
	message := requestMessage(r, body)
	if h.acceptor != nil && len(body) > 0 {
		document, verified, context, err := h.acceptor.acceptWith(message, h.make)
		return accepted{verified: verified, body: document, opened: true, context: context}, err
	}
	verified, err := h.verify(spool, message)
	if err != nil {
		return accepted{}, err
	}
	own := accepted{verified: verified, body: body}
	if h.acceptor != nil && h.settings.protector != nil {
		if own.context, err = h.make(verified); err != nil {
			_ = verified.Close()
			return accepted{}, &statusError{http.StatusUnauthorized, fmt.Errorf("no context was made: %w", err)}
		}
	}
	return own, nil
}

// verify goes on with the head that was verified, if there is one. Trailers, which came after it, are judged with the rest.
func (h *handler) verify(spool *Spool, message *Message) (*Verified, error) {
	if spool == nil || len(message.Trailers) > 0 {
		return h.verifier.Verify(message)
	}
	if _, err := spool.Write(message.Body); err != nil {
		return nil, err
	}
	return spool.Finish()
}

// respond signs what was recorded, and sends it.
func (h *handler) respond(recorder *recorder, request *accepted) error {
	message, err := recorder.message()
	if err != nil {
		return err
	}
	lines, body := []Header(nil), message.Body
	if h.settings.protector != nil && len(body) > 0 {
		protected, err := h.settings.protector.ProtectResponse(message, request.verified, request.context)
		if err != nil {
			return err
		}
		defer protected.Signed.Close()
		lines, body = protected.Headers, protected.Body
	} else {
		signer := h.settings.signer
		if signer == nil {
			signer = h.settings.protector.signer
		}
		signed, err := signer.SignResponse(message, request.verified)
		if err != nil {
			return err
		}
		defer signed.Close()
		lines = signed.Headers
	}
	recorder.send(lines, body)
	return nil
}
