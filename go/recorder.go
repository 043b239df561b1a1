package apiseal

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// recorder keeps a response until it is signed. It has no Unwrap, by which a handler could send what is not signed.
type recorder struct {
	writer http.ResponseWriter
	method string
	limit  int64
	// status is 0 before WriteHeader; sent is the header as it was then.
	status  int
	sent    http.Header
	body    bytes.Buffer
	tooLong bool
}

// Header is that of [http.ResponseWriter].
func (r *recorder) Header() http.Header { return r.writer.Header() }

// WriteHeader is that of [http.ResponseWriter]. Informational responses go out at once.
func (r *recorder) WriteHeader(status int) {
	if status < 100 || status > 999 {
		// As net/http does.
		panic(fmt.Sprintf("apiseal: invalid WriteHeader code %d", status))
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		r.writer.WriteHeader(status)
		return
	}
	if r.status == 0 {
		r.status, r.sent = status, r.writer.Header().Clone()
	}
}

// Write is that of [http.ResponseWriter].
func (r *recorder) Write(data []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if !r.mayHaveBody() {
		return 0, http.ErrBodyNotAllowed
	}
	if r.tooLong || int64(r.body.Len()+len(data)) > r.limit {
		r.tooLong = true
		return 0, fmt.Errorf("apiseal: a response that is signed may have %d bytes", r.limit)
	}
	return r.body.Write(data)
}

// SetReadDeadline is for [http.ResponseController].
func (r *recorder) SetReadDeadline(deadline time.Time) error {
	return http.NewResponseController(r.writer).SetReadDeadline(deadline)
}

// SetWriteDeadline is for [http.ResponseController].
func (r *recorder) SetWriteDeadline(deadline time.Time) error {
	return http.NewResponseController(r.writer).SetWriteDeadline(deadline)
}

func (r *recorder) mayHaveBody() bool {
	return r.status != http.StatusNoContent && r.status != http.StatusNotModified
}

// message is the response as it will be on the wire.
func (r *recorder) message() (*Message, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if r.tooLong {
		return nil, fmt.Errorf("the response has more than the %d bytes that may be buffered", r.limit)
	}
	r.complete()
	body := r.body.Bytes()
	if r.method == http.MethodHead {
		body = nil
	}
	return &Message{Status: r.status, Headers: headerLines(r.sent), Body: body}, nil
}

// complete adds to the header what net/http would add, and takes out what it would not send: it signs nothing after us.
func (r *recorder) complete() {
	body := r.body.Bytes()
	if _, stated := r.sent["Date"]; !stated {
		r.sent.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if _, stated := r.sent["Content-Type"]; !stated && len(body) > 0 && r.sent.Get("Content-Encoding") == "" {
		r.sent.Set("Content-Type", http.DetectContentType(body))
	}
	r.sent.Del("Trailer")
	if !r.mayHaveBody() {
		r.sent.Del("Content-Length")
		if r.status == http.StatusNotModified {
			r.sent.Del("Content-Type")
		}
		return
	}
	// The response to HEAD tells the length of what was not written, if the handler knows it.
	if r.method != http.MethodHead || r.sent.Get("Content-Length") == "" && len(body) > 0 {
		r.sent.Set("Content-Length", strconv.Itoa(len(body)))
	}
}

// send sends the response with these lines.
func (r *recorder) send(lines []Header, body []byte) {
	header := r.writer.Header()
	clear(header)
	for name, values := range r.sent {
		header[name] = values
	}
	for _, line := range lines {
		if line.Name == "content-length" {
			header.Set(line.Name, line.Value)
		} else {
			header.Add(line.Name, line.Value)
		}
	}
	r.writer.WriteHeader(r.status)
	// Whether the peer is still there is not for a handler to know.
	_, _ = r.writer.Write(body)
}
