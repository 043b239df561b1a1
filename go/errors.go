package apiseal

// #include "bridge.h"
import "C"

import (
	"errors"
	"log/slog"
	"math"
	"strconv"
	"strings"
)

// The kinds of errors, for errors.Is. Those of signatures stand under [ErrSignature] as well.
var (
	// ErrArgument: a mistake of the caller.
	ErrArgument = errors.New("apiseal: invalid argument")
	// ErrClosed: the object was closed, or never made. It is an ErrArgument too.
	ErrClosed = errors.New("apiseal: closed")
	// ErrContext: the context is missing, empty, too long or outside the key's scope.
	ErrContext = errors.New("apiseal: context")
	// ErrPolicy: the policy is not valid, or the document does not fit it.
	ErrPolicy = errors.New("apiseal: policy")
	// ErrNoMatch: a required rule matched nothing. An ErrPolicy too.
	ErrNoMatch = errors.New("apiseal: no match")
	// ErrNotEncrypted: a clear value stands where a token must be. An ErrPolicy too.
	ErrNotEncrypted = errors.New("apiseal: not encrypted")
	// ErrAlreadyEncrypted: a token stands where a clear value must be. An ErrPolicy too.
	ErrAlreadyEncrypted = errors.New("apiseal: already encrypted")
	// ErrDocument: the document is malformed or larger than a limit.
	ErrDocument = errors.New("apiseal: document")
	// ErrLimit: a limit was reached. An ErrDocument too, or an ErrSignature for messages.
	ErrLimit = errors.New("apiseal: limit")
	// ErrKeyring: a keyring or key is not valid, is not there or does not allow the operation.
	ErrKeyring = errors.New("apiseal: keyring")
	// ErrUnknownKey: the ring has no such key. An ErrKeyring too.
	ErrUnknownKey = errors.New("apiseal: unknown key")
	// ErrKeyState: the key's state or validity does not allow this. An ErrKeyring too.
	ErrKeyState = errors.New("apiseal: key state")
	// ErrToken: an encrypted value is malformed; no key was tried.
	ErrToken = errors.New("apiseal: malformed token")
	// ErrRejected: wrong key, context, place or bound value, or altered. Deliberately one error.
	ErrRejected = errors.New("apiseal: rejected")
	// ErrSignature: a message is not signed as it must be, or is not what was signed.
	ErrSignature = errors.New("apiseal: signature")
	// ErrSignatureMissing: the message has no signature for the profile.
	ErrSignatureMissing = errors.New("apiseal: signature missing")
	// ErrNotCovered: a component that the profile demands is not covered.
	ErrNotCovered = errors.New("apiseal: not covered")
	// ErrSignatureInvalid: the signature does not belong to the message and the key.
	ErrSignatureInvalid = errors.New("apiseal: signature invalid")
	// ErrSignatureTime: the signature is too old, has expired or comes from the future.
	ErrSignatureTime = errors.New("apiseal: signature time")
	// ErrDigest: the content is not the one that was signed.
	ErrDigest = errors.New("apiseal: digest")
	// ErrReplayed: the message was accepted before.
	ErrReplayed = errors.New("apiseal: replayed")
	// ErrReplayStore: the replay store is full or cannot tell. The peer gets 503.
	ErrReplayStore = errors.New("apiseal: replay store")
	// ErrInternal: the random source failed, or a promise of the library was broken.
	ErrInternal = errors.New("apiseal: internal")
)

// Error is what the library itself refuses with. It holds no text of a document beyond member names in the path, and no secret.
// Its text is for a log, never for a peer: see HTTPStatus. A line that fails is a [*LineError], a response a [*ResponseError],
// and errors of readers, writers and connections are given as they are.
type Error struct {
	// Code is the number of the error.
	Code Code
	// Message is one sentence: what is wrong, where, and what to change.
	Message string
	// Path is the normalized path (RFC 9535) of the value concerned, or empty.
	Path string
	// Offset is the byte offset into the text that was given, or -1.
	Offset int64
	// KeyID is the id of the key concerned, or empty.
	KeyID string
	// HTTPStatus is what to answer a peer whose message was refused: 401 and nothing more, 503 where the replay store cannot
	// decide, 500 where the service itself failed.
	HTTPStatus int

	cause error
}

// Error gives the sentence, and the code behind it.
func (e *Error) Error() string {
	code := " [" + strconv.FormatUint(uint64(e.Code), 10) + "]"
	return "apiseal: " + strings.TrimSuffix(e.Message, code) + code
}

// Unwrap gives the error of a function of the caller, one that makes contexts or signs, if that is why the call failed.
func (e *Error) Unwrap() error { return e.cause }

// Is tells whether the error is of a kind.
func (e *Error) Is(kind error) bool {
	between := func(from, to Code) bool { return from <= e.Code && e.Code <= to }
	switch kind {
	case ErrArgument:
		return between(100, 109)
	case ErrContext:
		return between(200, 209)
	case ErrPolicy:
		return between(210, 229)
	case ErrNoMatch:
		return e.Code == CodeNoMatch
	case ErrNotEncrypted:
		return e.Code == CodeNotEncrypted
	case ErrAlreadyEncrypted:
		return e.Code == CodeAlreadyEncrypted
	case ErrDocument:
		return between(300, 319)
	case ErrLimit:
		return between(310, 319) || e.Code == CodeLimitMessage
	case ErrKeyring:
		return between(400, 419)
	case ErrUnknownKey:
		return e.Code == CodeUnknownKey
	case ErrKeyState:
		return e.Code == CodeKeyState
	case ErrToken:
		return e.Code == CodeMalformedToken
	case ErrRejected:
		return e.Code == CodeRejected
	case ErrSignature:
		return between(600, 629)
	case ErrSignatureMissing:
		return e.Code == CodeSignatureMissing
	case ErrNotCovered:
		return e.Code == CodeNotCovered
	case ErrSignatureInvalid:
		return e.Code == CodeSignatureInvalid
	case ErrSignatureTime:
		return e.Code == CodeSignatureExpired || e.Code == CodeSignatureFuture
	case ErrDigest:
		return between(CodeDigestMissing, CodeDigestAlgorithm)
	case ErrReplayed:
		return e.Code == CodeReplayed
	case ErrReplayStore:
		return e.Code == CodeReplayFull || e.Code == CodeReplayUnavailable
	case ErrInternal:
		return between(900, 901)
	}
	return false
}

// LogValue tells a structured log what the error holds.
func (e *Error) LogValue() slog.Value {
	fields := []slog.Attr{slog.Uint64("code", uint64(e.Code)), slog.String("name", e.Code.String()), slog.String("message", e.Message)}
	if e.Path != "" {
		fields = append(fields, slog.String("path", e.Path))
	}
	if e.Offset >= 0 {
		fields = append(fields, slog.Int64("offset", e.Offset))
	}
	if e.KeyID != "" {
		fields = append(fields, slog.String("key_id", e.KeyID))
	}
	return slog.GroupValue(fields...)
}

// failed turns an error of the C ABI into one of Go, and frees it.
func failed(status C.apiseal_status, own *C.apiseal_error) error {
	if own == nil {
		return &Error{Code: Code(status), Message: "the library could not say more", Offset: -1, HTTPStatus: 500}
	}
	f := newFrame()
	defer f.done()
	C.bridge_error(own, f.room(), &f.own.result)
	facts := f.facts()
	e := &Error{Code: Code(facts.number()), HTTPStatus: int(facts.number()), Offset: -1}
	if offset := facts.number(); offset <= math.MaxInt64 {
		e.Offset = int64(offset)
	}
	e.Message, e.Path, e.KeyID = facts.text(), facts.text(), facts.text()
	return e
}

// invalid is a mistake of the caller that Go notices before the library does.
func invalid(message string) error {
	return &Error{Code: CodeInvalidArgument, Message: message, Offset: -1, HTTPStatus: 500}
}
