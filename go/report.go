package apiseal

// #include "bridge.h"
import "C"

import (
	"math"
	"unsafe"
)

// Location is where a value stands.
type Location struct {
	// Path is the normalized path (RFC 9535).
	Path string
	// Start and End are the byte offsets of the first byte of the value and behind the last one.
	Start, End int
}

// Locate finds values by a JSONPath query (RFC 9535).
func Locate(document []byte, query string, options ...CipherOption) ([]Location, error) {
	limits := limitsOf(options)
	var out C.apiseal_locations
	var own *C.apiseal_error
	if status := C.apiseal_locate(lend(document), lendText(query), &limits, &out, &own); status != 0 {
		return nil, failed(status, own)
	}
	defer C.apiseal_locations_free(&out)
	found := make([]Location, 0, out.len)
	for _, item := range unsafe.Slice(out.items, out.len) {
		found = append(found, Location{Path: copied(item.path), Start: int(item.start), End: int(item.end)})
	}
	return found, nil
}

func limitsOf(options []CipherOption) C.apiseal_limits {
	var own settings
	for _, option := range options {
		option.cipher(&own)
	}
	return own.limits.lent()
}

// Sighting is an encrypted value or a header.
type Sighting struct {
	Location
	// Part is "token", "field" or "header".
	Part string
	// KeyID, Suite and Mode are empty where the string does not tell them.
	KeyID, Suite, Mode string
	// TokenLen is the number of characters of the string.
	TokenLen int
	// Authenticated: it opened under the keys and the context at hand.
	Authenticated bool
}

// Inspect lists what is encrypted and under which key, without a key: a census, no proof.
func Inspect(document []byte, options ...CipherOption) ([]Sighting, error) {
	limits := limitsOf(options)
	var out C.apiseal_sightings
	var own *C.apiseal_error
	if status := C.apiseal_inspect(lend(document), &limits, &out, &own); status != 0 {
		return nil, failed(status, own)
	}
	return takenSightings(&out), nil
}

// Inspect is the function Inspect, and tells of each whether it opens under this cipher and context.
func (c *FieldCipher) Inspect(document []byte, context Context) ([]Sighting, error) {
	pointer, err := c.use()
	if err != nil {
		return nil, err
	}
	defer c.handle.leave()
	var pins pins
	defer pins.Unpin()
	pairs, length := pins.context(context)
	var out C.apiseal_sightings
	var own *C.apiseal_error
	if status := C.apiseal_cipher_inspect((*C.apiseal_cipher)(pointer), pairs, length, lend(document), &out, &own); status != 0 {
		return nil, failed(status, own)
	}
	return takenSightings(&out), nil
}

func takenSightings(out *C.apiseal_sightings) []Sighting {
	defer C.apiseal_sightings_free(out)
	found := make([]Sighting, 0, out.len)
	for _, item := range unsafe.Slice(out.items, out.len) {
		found = append(found, Sighting{
			Location: Location{Path: copied(item.path), Start: int(item.start), End: int(item.end)},
			Part:     copied(item.part), KeyID: copied(item.key_id), Suite: copied(item.suite), Mode: copied(item.mode),
			TokenLen: int(item.token_len), Authenticated: bool(item.authenticated),
		})
	}
	return found
}

// Finding is how far one position, or a document of layout "document" as a whole, came.
type Finding struct {
	// Path is the normalized path; empty for the document as a whole.
	Path string
	// KeyID is the key that the string names, or empty.
	KeyID string
	// Stage is "syntax", "key", "commitment", "set", "ciphertext" or "opens".
	Stage string
	// Fault is what stopped it, where that is public; else 0.
	Fault Code
	// Candidate is which of the candidate contexts it commits to; -1 if none.
	Candidate int
}

// Diagnose tells the local caller why a document is refused: which position, at which step, and whether it belongs to one of
// at most 64 candidate contexts. Never for a peer.
func (c *FieldCipher) Diagnose(document []byte, context Context, candidates ...Context) ([]Finding, error) {
	pointer, err := c.use()
	if err != nil {
		return nil, err
	}
	defer c.handle.leave()
	var pins pins
	defer pins.Unpin()
	pairs, length := pins.context(context)
	others := make([]C.apiseal_candidate, len(candidates))
	for at, candidate := range candidates {
		others[at].pairs, others[at].len = pins.context(candidate)
	}
	first, count := pinned(&pins, others)
	var out C.apiseal_findings
	var own *C.apiseal_error
	status := C.apiseal_diagnose((*C.apiseal_cipher)(pointer), pairs, length, first, count, lend(document), &out, &own)
	if status != 0 {
		return nil, failed(status, own)
	}
	defer C.apiseal_findings_free(&out)
	found := make([]Finding, 0, out.len)
	for _, item := range unsafe.Slice(out.items, out.len) {
		finding := Finding{Path: copied(item.path), KeyID: copied(item.key_id), Stage: copied(item.stage), Fault: Code(item.fault), Candidate: -1}
		if uint64(item.candidate) <= math.MaxInt32 {
			finding.Candidate = int(item.candidate)
		}
		found = append(found, finding)
	}
	return found, nil
}

// Opened is one protected position.
type Opened struct {
	// Path is the normalized path.
	Path string
	// Value is the exact JSON text of the value; nil if it does not open.
	Value []byte
	// Failure is 0, or why it does not open.
	Failure Code
}

// DecryptLenient tries every protected position. isBound tells whether the values were authenticated together with what
// they are bound to.
func (c *FieldCipher) DecryptLenient(document []byte, context Context) (opened []Opened, isBound bool, err error) {
	pointer, err := c.use()
	if err != nil {
		return nil, false, err
	}
	defer c.handle.leave()
	var pins pins
	defer pins.Unpin()
	pairs, length := pins.context(context)
	var out C.apiseal_opened_list
	var bound C.bool
	var own *C.apiseal_error
	status := C.apiseal_decrypt_lenient((*C.apiseal_cipher)(pointer), pairs, length, lend(document), &out, &bound, &own)
	if status != 0 {
		return nil, false, failed(status, own)
	}
	return takenOpened(&out), bool(bound), nil
}

// Partial is a document of which some values were decrypted.
type Partial struct {
	// Document has these values in place; it cannot be decrypted further.
	Document []byte
	// Opened are the values.
	Opened []Opened
	// Bound tells whether they were authenticated together with what they are bound to.
	Bound bool
}

// DecryptPartial decrypts only the positions that these queries select; each query must select at least one.
func (c *FieldCipher) DecryptPartial(document []byte, context Context, queries ...string) (Partial, error) {
	pointer, err := c.use()
	if err != nil {
		return Partial{}, err
	}
	defer c.handle.leave()
	var pins pins
	defer pins.Unpin()
	pairs, length := pins.context(context)
	paths, count := pins.texts(queries)
	var out C.apiseal_buffer
	var list C.apiseal_opened_list
	var bound C.bool
	var own *C.apiseal_error
	status := C.apiseal_decrypt_partial((*C.apiseal_cipher)(pointer), pairs, length, paths, count, lend(document), &out, &list, &bound, &own)
	if status != 0 {
		return Partial{}, failed(status, own)
	}
	return Partial{Document: taken(out), Opened: takenOpened(&list), Bound: bool(bound)}, nil
}

func takenOpened(out *C.apiseal_opened_list) []Opened {
	defer C.apiseal_opened_list_free(out)
	found := make([]Opened, 0, out.len)
	for _, item := range unsafe.Slice(out.items, out.len) {
		opened := Opened{Path: copied(item.path), Failure: Code(item.failure)}
		if item.value.data != nil {
			opened.Value = []byte(copied(item.value))
		}
		found = append(found, opened)
	}
	return found
}
