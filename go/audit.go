package apiseal

import "log/slog"

// Audit hears of every use of a key, on the goroutine that used it (or a worker of [FieldCipher.EncryptLines]) and before
// the call returns. It may be called by several goroutines at once. A panic in it is caught and ends nothing.
type Audit interface {
	Event(Event)
}

// AuditFunc is a function that serves as an [Audit].
type AuditFunc func(Event)

// Event calls the function.
func (f AuditFunc) Event(event Event) { f(event) }

// Event is one use of one key under one rule in one call. It holds no value, no secret and no value of a context.
type Event struct {
	// Operation is what was done: "encrypt", "decrypt", "decrypt_some", "diagnose", "sign", "verify".
	Operation string
	// Policy is the id of the policy or profile.
	Policy string
	// Rule is the path of the rule, or empty.
	Rule string
	// KeyID is the id of the key, or empty if none was chosen.
	KeyID string
	// ContextNames are the names of the context's pairs, or of a signing key's scope.
	ContextNames []string
	// ContextTag is 8 bytes that are equal for equal keys and contexts, or nil.
	ContextTag []byte
	// Count is the number of values or signatures.
	Count uint64
	// AcceptedPlain is the number of clear values that the rule's "migrate" let through.
	AcceptedPlain uint64
	// Failure is 0, or why it failed.
	Failure Code
}

// LogValue tells a structured log what the event holds.
func (e Event) LogValue() slog.Value {
	fields := []slog.Attr{slog.String("operation", e.Operation), slog.String("policy", e.Policy), slog.Uint64("count", e.Count)}
	if e.Rule != "" {
		fields = append(fields, slog.String("rule", e.Rule))
	}
	if e.KeyID != "" {
		fields = append(fields, slog.String("key_id", e.KeyID))
	}
	if e.AcceptedPlain > 0 {
		fields = append(fields, slog.Uint64("accepted_plain", e.AcceptedPlain))
	}
	if e.Failure != 0 {
		fields = append(fields, slog.String("failure", e.Failure.String()))
	}
	return slog.GroupValue(fields...)
}
