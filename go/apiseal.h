/*
 * apiseal: encrypts chosen fields of JSON documents and signs HTTP requests.
 *
 * This file is generated; do not edit it. It is the manual of the C ABI, and this chapter is what holds for every
 * function. docs/c.md has a quickstart; docs/format.md, docs/policy.md and docs/signing.md tell what is done.
 *
 * Results. A function that can fail gives an apiseal_status: 0, or one of the codes APISEAL_E_…, which are for ever
 * (docs/errors.md). Its last argument takes an error object with the reason; pass NULL if you do not want it. It is set
 * by every call, to NULL on success. Free it with apiseal_error_free(). Nothing is kept by thread.
 *
 * All or nothing. A call that fails leaves nothing in its results: objects are NULL, buffers and lists are empty.
 * Results are never read: they need no initial value, and one that is still in use is lost. Only the buffers of
 * apiseal_…_into() are read, whose memory is used again.
 *
 * Objects are opaque, and made and freed by functions of their name. They are shared by reference: freeing one that a
 * cipher was made of is fine. apiseal_…_clone() gives another reference. Every _free takes NULL.
 *
 * Bytes that go in are lent for the call. A NULL pointer is legal exactly where its length is 0. Texts are UTF-8 and need
 * no NUL at the end; apiseal_str() makes one of a C string. Bytes that come out in an apiseal_buffer or in a list belong
 * to you until you free it; what is not meant for the world is wiped then. Bytes that a getter gives live as long as the object.
 *
 * Threads. Objects may be used by any number of threads at once, but for apiseal_lines and apiseal_spool, which are for
 * one thread at a time. Freeing is for the last user. After fork() parent and child go on with their own copies; salts
 * and nonces come from the system on every call and differ.
 *
 * Callbacks may be called by any thread and by several at once. They may call the library again, with any object. They must
 * return: neither longjmp nor a C++ exception may leave them. What they are given lives for the call only.
 *
 * Panics of the library do not pass: they become APISEAL_E_INTERNAL.
 *
 * Invalid pointers, lengths that are too long and objects that were freed are the one thing that is not caught.
 */

#ifndef APISEAL_H
#define APISEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define APISEAL_VERSION "0.1.0"
#define APISEAL_VERSION_NUMBER 1000

#if defined(__GNUC__)
#define APISEAL_MUST_USE __attribute__((warn_unused_result))
#else
#define APISEAL_MUST_USE
#endif

/**
 * Verifies messages and decrypts their fields. Immutable, shared by reference. The clock is that of the cipher.
 */
typedef struct apiseal_acceptor apiseal_acceptor;

/**
 * Encrypts and decrypts under one policy. Immutable, shared by reference, used by any number of threads at once.
 */
typedef struct apiseal_cipher apiseal_cipher;

/**
 * A context that is made once and used many times. Immutable.
 */
typedef struct apiseal_context apiseal_context;

/**
 * What went wrong and where. It holds no text of a document beyond member names in the path, and no secret.
 */
typedef struct apiseal_error apiseal_error;

/**
 * What was found. Immutable. It tells values of the message: never for the peer.
 */
typedef struct apiseal_explanation apiseal_explanation;

/**
 * A key with its secret. Immutable, shared by reference.
 */
typedef struct apiseal_key apiseal_key;

/**
 * A keyring. What it holds is replaced as a whole and only by apiseal_keyring_replace(); every cipher, signer and
 * verifier that was made with it uses the new keys from then on.
 */
typedef struct apiseal_keyring apiseal_keyring;

/**
 * Lines on their way, read as they are pulled. For one thread at a time.
 */
typedef struct apiseal_lines apiseal_lines;

/**
 * A policy. Immutable, shared by reference.
 */
typedef struct apiseal_policy apiseal_policy;

/**
 * A profile. Immutable, shared by reference.
 */
typedef struct apiseal_profile apiseal_profile;

/**
 * What goes out in the place of the clear message.
 */
typedef struct apiseal_protected apiseal_protected;

/**
 * Encrypts the fields of messages and signs them. Immutable, shared by reference. The clock is that of the cipher.
 */
typedef struct apiseal_protector apiseal_protector;

/**
 * Masks what a policy protects. Immutable, shared by reference. It needs no key.
 */
typedef struct apiseal_redactor apiseal_redactor;

/**
 * A replay store, shared by reference.
 */
typedef struct apiseal_replay apiseal_replay;

/**
 * A signature: the header lines to be added, and what the response must answer. Immutable, but for the note that a
 * response was accepted: one for each.
 */
typedef struct apiseal_signed apiseal_signed;

/**
 * Signs messages. Immutable, shared by reference, used by any number of threads at once.
 */
typedef struct apiseal_signer apiseal_signer;

/**
 * Content on its way. For one thread at a time.
 */
typedef struct apiseal_spool apiseal_spool;

/**
 * Encrypts single values under a label, for example "users.email". Immutable, shared by reference.
 */
typedef struct apiseal_value_cipher apiseal_value_cipher;

/**
 * A message whose signature, freshness, digest and nonce hold. It holds what was covered, not the content, which stays
 * with the caller. Immutable, but for the note that it was answered.
 */
typedef struct apiseal_verified apiseal_verified;

/**
 * Verifies messages. Immutable, shared by reference, used by any number of threads at once.
 */
typedef struct apiseal_verifier apiseal_verifier;

/**
 * Bytes that belong to the caller, who frees them with apiseal_buffer_free(). What is not meant for the world is wiped then.
 */
typedef struct apiseal_buffer {
    /**
     * The first byte; NULL in an empty buffer.
     */
    uint8_t *data;
    /**
     * Number of bytes.
     */
    size_t len;
    /**
     * Number of bytes that are allocated; for the library.
     */
    size_t cap;
    /**
     * They are wiped when they are freed; for the library.
     */
    bool wipe;
} apiseal_buffer;

/**
 * 0, or one of the codes APISEAL_E_…, which are for ever. docs/errors.md explains each.
 */
typedef uint32_t apiseal_status;

/**
 * Called once with `data` when the library needs it no more; also if the call fails that `data` was given to.
 */
typedef void (*apiseal_release)(void *data);

/**
 * Seconds since 1970-01-01T00:00:00Z. With `now` NULL the system's clock is used.
 */
typedef struct apiseal_clock {
    /**
     * Tells the time.
     */
    uint64_t (*now)(void *data);
    /**
     * Given to `now`.
     */
    void *data;
    /**
     * May be NULL.
     */
    apiseal_release release;
} apiseal_clock;

/**
 * Bytes that are lent for one call, or by an object as long as it lives. `data` may be NULL only if `len` is 0.
 * Text is UTF-8 without a NUL at its end; apiseal_str() makes it of a C string.
 */
typedef struct apiseal_bytes {
    /**
     * The first byte.
     */
    const uint8_t *data;
    /**
     * Number of bytes.
     */
    size_t len;
} apiseal_bytes;

/**
 * One use of one key under one rule in one call. It holds no value, no secret and no value of a context.
 */
typedef struct apiseal_event {
    /**
     * What was done: "encrypt", "decrypt", "decrypt_some", "diagnose", "sign", "verify".
     */
    struct apiseal_bytes operation;
    /**
     * Id of the policy or profile.
     */
    struct apiseal_bytes policy;
    /**
     * Path of the rule; `data` is NULL if there is none.
     */
    struct apiseal_bytes rule;
    /**
     * Id of the key; `data` is NULL if none was chosen.
     */
    struct apiseal_bytes key_id;
    /**
     * Names of the context's pairs, or of a signing key's scope.
     */
    const struct apiseal_bytes *context_names;
    /**
     * How many.
     */
    size_t context_names_len;
    /**
     * 8 bytes that are equal for equal keys and contexts; `data` is NULL if there are none.
     */
    struct apiseal_bytes context_tag;
    /**
     * Number of values or signatures.
     */
    uint64_t count;
    /**
     * Number of clear values that the rule's `migrate` let through.
     */
    uint64_t accepted_plain;
    /**
     * 0, or why it failed.
     */
    apiseal_status failure;
} apiseal_event;

/**
 * Hears of every use of a key, on the thread that used it and before the call returns.
 */
typedef struct apiseal_audit {
    /**
     * Takes note of an event, which lives for this call only. NULL: nobody listens.
     */
    void (*event)(void *data,
                  const struct apiseal_event *event);
    /**
     * Given to `event`.
     */
    void *data;
    /**
     * May be NULL.
     */
    apiseal_release release;
} apiseal_audit;

/**
 * Limits of the work on one document, inclusive. 0 stands for the default.
 */
typedef struct apiseal_limits {
    /**
     * Bytes of a document, clear or encrypted. Default 64 MiB, at most 1 GiB.
     */
    size_t document;
    /**
     * Bytes of the JSON text of one protected value. Default 16 MiB, or `document` if that is less.
     */
    size_t field;
    /**
     * Open objects and arrays at any place. Default 128.
     */
    size_t depth;
    /**
     * Protected values in a document. Default and maximum 2^20.
     */
    size_t fields;
    /**
     * Bytes of an encoded position. Default 4 KiB.
     */
    size_t position;
    /**
     * Bytes of the bound members of one value. Default 64 KiB, or `document` if that is less.
     */
    size_t bound;
} apiseal_limits;

/**
 * Settings of ciphers, signers and verifiers. All zero, or no options at all, means the defaults: the system's clock,
 * nobody who listens, the default limits. Each call that is given callbacks takes `data` over by itself: two objects
 * that share one `data` call `release` twice.
 */
typedef struct apiseal_options {
    /**
     * Where the time comes from.
     */
    struct apiseal_clock clock;
    /**
     * Who hears of every use of a key.
     */
    struct apiseal_audit audit;
    /**
     * Limits of documents; not used by signers and verifiers.
     */
    struct apiseal_limits limits;
    /**
     * Mixes key and content into every salt, so that a repeating random source reveals no more than equality; not used by
     * signers and verifiers.
     */
    bool hedged_salts;
} apiseal_options;

/**
 * A name and a value, UTF-8 each. A context has 1 to 32 pairs; encryption and decryption demand the name "purpose".
 */
typedef struct apiseal_pair {
    /**
     * 1 to 1024 bytes.
     */
    struct apiseal_bytes name;
    /**
     * At most 1024 bytes.
     */
    struct apiseal_bytes value;
} apiseal_pair;

/**
 * Several texts.
 */
typedef struct apiseal_texts {
    /**
     * The first one; NULL in an empty list.
     */
    const struct apiseal_bytes *items;
    /**
     * How many.
     */
    size_t len;
    /**
     * What they belong to; for the library.
     */
    void *owner;
} apiseal_texts;

/**
 * A change that makes the message verify.
 */
typedef struct apiseal_change {
    /**
     * What kind of change it is, for example "authority" or "header-merged".
     */
    struct apiseal_bytes kind;
    /**
     * The component that was changed.
     */
    struct apiseal_bytes component;
    /**
     * Its value when it was signed; `data` is NULL if it was not there or cannot be told.
     */
    struct apiseal_bytes signed_value;
    /**
     * Its value as it was received; `data` is NULL if it is not there or cannot be told.
     */
    struct apiseal_bytes received;
    /**
     * What to do about it, in words.
     */
    struct apiseal_bytes remedy;
} apiseal_change;

/**
 * Changes that make a message verify together, mostly one.
 */
typedef struct apiseal_changes {
    /**
     * The first one; NULL in an empty list.
     */
    const struct apiseal_change *items;
    /**
     * How many.
     */
    size_t len;
    /**
     * What they belong to; for the library.
     */
    void *owner;
} apiseal_changes;

/**
 * One header or trailer line, as it was received.
 */
typedef struct apiseal_header {
    /**
     * The name, UTF-8.
     */
    struct apiseal_bytes name;
    /**
     * The value.
     */
    struct apiseal_bytes value;
} apiseal_header;

/**
 * A request or a response. Nothing is copied, decoded or normalised.
 */
typedef struct apiseal_message {
    /**
     * 0 for a request; the status of a response.
     */
    uint16_t status;
    /**
     * It came by HTTP/2 or later, where names in upper case are malformed.
     */
    bool http2;
    /**
     * Method of a request.
     */
    struct apiseal_bytes method;
    /**
     * "https" or "http".
     */
    struct apiseal_bytes scheme;
    /**
     * ":authority" of HTTP/2; empty where the Host header tells it.
     */
    struct apiseal_bytes authority;
    /**
     * The request target as it was received; ":path" of HTTP/2.
     */
    struct apiseal_bytes target;
    /**
     * The header lines in their order.
     */
    const struct apiseal_header *headers;
    /**
     * How many.
     */
    size_t headers_len;
    /**
     * The trailer lines in their order.
     */
    const struct apiseal_header *trailers;
    /**
     * How many.
     */
    size_t trailers_len;
    /**
     * The content, after transfer coding and before content coding.
     */
    struct apiseal_bytes body;
} apiseal_message;

/**
 * Undoes a content coding ("gzip", "deflate", "br"): writes at most `capacity` bytes to `into` and gives their number; a
 * negative number if it cannot, or if there would be more.
 */
typedef ptrdiff_t (*apiseal_decode)(void *data,
                                    struct apiseal_bytes coding,
                                    struct apiseal_bytes content,
                                    uint8_t *into,
                                    size_t capacity);

/**
 * What an explanation may use. All zero: nothing but the message, and the usual budget. It lives for the call only.
 */
typedef struct apiseal_explain_options {
    /**
     * Authorities that clients may have used, for example "api.example".
     */
    const struct apiseal_bytes *authorities;
    /**
     * How many.
     */
    size_t authorities_len;
    /**
     * Undoes content codings: the library has no decoder of its own. May be NULL.
     */
    apiseal_decode decode;
    /**
     * Given to `decode`.
     */
    void *data;
    /**
     * Signatures that may be checked; 0: 2000.
     */
    uint32_t verifications;
    /**
     * Bytes that may be built, read or hashed; 0: 32 MiB.
     */
    uint64_t bytes;
    /**
     * Bytes that `decode` may give; 0: 8 MiB.
     */
    uint64_t decoded;
} apiseal_explain_options;

/**
 * What is said of a key beside its secret. All zero leaves it as it is.
 */
typedef struct apiseal_key_options {
    /**
     * "active", "decrypt-only", "verify-only" or "disabled"; empty: as it is.
     */
    struct apiseal_bytes state;
    /**
     * From when on it is used, in Unix seconds; 0: no limit.
     */
    uint64_t not_before;
    /**
     * From when on it is used no more, in Unix seconds; 0: no limit.
     */
    uint64_t expires;
    /**
     * Pairs that must stand in every context.
     */
    const struct apiseal_pair *scope;
    /**
     * How many.
     */
    size_t scope_len;
    /**
     * Whose signatures it verifies; empty: nobody's.
     */
    struct apiseal_bytes principal;
    /**
     * Profiles that it serves; empty: apiseal-v1.
     */
    const struct apiseal_bytes *profiles;
    /**
     * How many.
     */
    size_t profiles_len;
    /**
     * "req" or "res" for keys that sign; else empty.
     */
    struct apiseal_bytes direction;
    /**
     * How messages of a foreign peer call the key; empty: by its id.
     */
    struct apiseal_bytes external_keyid;
} apiseal_key_options;

/**
 * A key and whether it is the one for new encryptions or signatures of its purpose and scope.
 */
typedef struct apiseal_ring_entry {
    /**
     * The key.
     */
    const struct apiseal_key *key;
    /**
     * It is primary.
     */
    bool primary;
} apiseal_ring_entry;

/**
 * What a keyring file is sealed under: a passphrase (Argon2id) or a wrapping key of 32 bytes, one of the two.
 */
typedef struct apiseal_wrap {
    /**
     * A passphrase, not empty; or empty.
     */
    struct apiseal_bytes passphrase;
    /**
     * 32 bytes; or empty.
     */
    struct apiseal_bytes key;
} apiseal_wrap;

/**
 * A line that failed, or a stretch of lines that did not.
 */
typedef struct apiseal_line {
    /**
     * Lines that are done, with their line ends; empty for a line that failed.
     */
    struct apiseal_bytes text;
    /**
     * Number in the source of the line that failed, from 1; else 0.
     */
    uint64_t number;
    /**
     * 0, or why the line failed.
     */
    apiseal_status failure;
    /**
     * The error in words, without any data of the line; else empty.
     */
    struct apiseal_bytes message;
} apiseal_line;

/**
 * Results of many lines, in the order of the source.
 */
typedef struct apiseal_block {
    /**
     * The first one; NULL in an empty list.
     */
    const struct apiseal_line *items;
    /**
     * How many.
     */
    size_t len;
    /**
     * What they belong to; for the library.
     */
    void *owner;
} apiseal_block;

/**
 * How lines are worked on. 0 stands for the default.
 */
typedef struct apiseal_line_options {
    /**
     * Worker threads. Default 1: the thread that pulls does all the work.
     */
    size_t threads;
    /**
     * Bytes that a line may have without its end. Default 64 MiB.
     */
    size_t max_line;
} apiseal_line_options;

/**
 * Where lines come from.
 */
typedef struct apiseal_reader {
    /**
     * Writes at most `capacity` bytes to `into` and gives their number; 0 at the end, a negative number on failure. Never
     * called twice at once, but by different threads.
     */
    ptrdiff_t (*read)(void *data,
                      uint8_t *into,
                      size_t capacity);
    /**
     * Given to `read`.
     */
    void *data;
    /**
     * May be NULL.
     */
    apiseal_release release;
} apiseal_reader;

/**
 * Makes the context of what was proved, before anything is decrypted: writes at most `capacity` pairs to `into` and gives
 * their number; 0 refuses the message. What the pairs point to must live until the call that asked returns.
 */
typedef size_t (*apiseal_make_context)(void *data,
                                       const struct apiseal_verified *verified,
                                       struct apiseal_pair *into,
                                       size_t capacity);

/**
 * How a document is encrypted anew. All zero is the strict way.
 */
typedef struct apiseal_reencryption {
    /**
     * Values that the new policy does not protect may stay in clear.
     */
    bool leave_clear;
    /**
     * Values that were in clear may be encrypted.
     */
    bool seal_clear;
} apiseal_reencryption;

/**
 * What a re-encryption did.
 */
typedef struct apiseal_reencrypted {
    /**
     * Number of values that were decrypted.
     */
    uint64_t opened;
    /**
     * How many of them stayed in clear.
     */
    uint64_t left_clear;
} apiseal_reencrypted;

/**
 * What a replay store answers.
 */
typedef uint32_t apiseal_outcome;

/**
 * One nonce to be claimed.
 */
typedef struct apiseal_claim {
    /**
     * 32 bytes that keep nonces of different keys and profiles apart.
     */
    struct apiseal_bytes scope;
    /**
     * The nonce as it stands in the message.
     */
    struct apiseal_bytes nonce;
    /**
     * Whose key signed; the key id where the key names no principal.
     */
    struct apiseal_bytes principal;
    /**
     * When the signature was created, in Unix seconds.
     */
    uint64_t created;
    /**
     * How far clocks may differ, in seconds.
     */
    uint64_t skew;
    /**
     * Until when the nonce must be remembered, in Unix seconds.
     */
    uint64_t until;
    /**
     * Now, in Unix seconds.
     */
    uint64_t now;
} apiseal_claim;

/**
 * Where nonces are kept. One operation, atomic: of many parallel claims of one nonce exactly one is answered
 * APISEAL_OUTCOME_FIRST. A store never forgets a nonce before its time, not even when it is full.
 */
typedef struct apiseal_replay_store {
    /**
     * Claims a nonce. It is called only after signature and digest hold.
     */
    apiseal_outcome (*claim)(void *data,
                             const struct apiseal_claim *claim);
    /**
     * Given to `claim`.
     */
    void *data;
    /**
     * May be NULL.
     */
    apiseal_release release;
} apiseal_replay_store;

/**
 * Where a value stands.
 */
typedef struct apiseal_location {
    /**
     * Normalized path.
     */
    struct apiseal_bytes path;
    /**
     * Byte offset of the first byte of the value.
     */
    size_t start;
    /**
     * Byte offset behind the last one.
     */
    size_t end;
} apiseal_location;

/**
 * Places in a document, in document order.
 */
typedef struct apiseal_locations {
    /**
     * The first one; NULL in an empty list.
     */
    const struct apiseal_location *items;
    /**
     * How many.
     */
    size_t len;
    /**
     * What they belong to; for the library.
     */
    void *owner;
} apiseal_locations;

/**
 * An encrypted value or a header.
 */
typedef struct apiseal_sighting {
    /**
     * Normalized path.
     */
    struct apiseal_bytes path;
    /**
     * Byte offset of its first byte.
     */
    size_t start;
    /**
     * Byte offset behind its last byte.
     */
    size_t end;
    /**
     * "token", "field" or "header".
     */
    struct apiseal_bytes part;
    /**
     * Id of the key; `data` is NULL where the string does not tell it.
     */
    struct apiseal_bytes key_id;
    /**
     * Suite; `data` is NULL where the string does not tell it.
     */
    struct apiseal_bytes suite;
    /**
     * Position mode; `data` is NULL where the string does not tell it.
     */
    struct apiseal_bytes mode;
    /**
     * Characters of the string.
     */
    size_t token_len;
    /**
     * It opened under the keys and the context at hand.
     */
    bool authenticated;
} apiseal_sighting;

/**
 * Encrypted values in document order.
 */
typedef struct apiseal_sightings {
    /**
     * The first one; NULL in an empty list.
     */
    const struct apiseal_sighting *items;
    /**
     * How many.
     */
    size_t len;
    /**
     * What they belong to; for the library.
     */
    void *owner;
} apiseal_sightings;

/**
 * How far one position, or a document of layout "document" as a whole, came.
 */
typedef struct apiseal_finding {
    /**
     * Normalized path; `data` is NULL for the document as a whole.
     */
    struct apiseal_bytes path;
    /**
     * The key that the string names; `data` is NULL if it names none.
     */
    struct apiseal_bytes key_id;
    /**
     * "syntax", "key", "commitment", "set", "ciphertext" or "opens".
     */
    struct apiseal_bytes stage;
    /**
     * What stopped it, where that is public; else 0.
     */
    apiseal_status fault;
    /**
     * Which of the candidate contexts it commits to, from 0; SIZE_MAX if none.
     */
    size_t candidate;
} apiseal_finding;

/**
 * What a diagnosis found. It holds no plaintext.
 */
typedef struct apiseal_findings {
    /**
     * The first one; NULL in an empty list.
     */
    const struct apiseal_finding *items;
    /**
     * How many.
     */
    size_t len;
    /**
     * What they belong to; for the library.
     */
    void *owner;
} apiseal_findings;

/**
 * A context to be tried.
 */
typedef struct apiseal_candidate {
    /**
     * Its pairs.
     */
    const struct apiseal_pair *pairs;
    /**
     * How many.
     */
    size_t len;
} apiseal_candidate;

/**
 * Signs outside of this process: an HSM, a KMS, an agent.
 */
typedef struct apiseal_external_signer {
    /**
     * Signs `base`, writes at most `capacity` bytes to `signature` and their number to `len`: R and S of Ed25519, r and
     * s of fixed size for ECDSA. Anything but 0 is a failure.
     */
    int32_t (*sign)(void *data,
                    struct apiseal_bytes base,
                    uint8_t *signature,
                    size_t capacity,
                    size_t *len);
    /**
     * Given to `sign`.
     */
    void *data;
    /**
     * May be NULL.
     */
    apiseal_release release;
} apiseal_external_signer;

/**
 * Which key signs, and under which label. All zero: the only active key that serves the profile, else the primary one;
 * the label "sig".
 */
typedef struct apiseal_signer_options {
    /**
     * Id of a key; may be empty.
     */
    struct apiseal_bytes key_id;
    /**
     * Label of the signature; may be empty.
     */
    struct apiseal_bytes label;
    /**
     * Sends a debug token along, by which the verifier with the same secret names the lines that differ.
     */
    bool debug_token;
    /**
     * Signs in the place of the key, of which the ring has the public part under `key_id`. `sign` may be NULL.
     */
    struct apiseal_external_signer external;
} apiseal_signer_options;

/**
 * One protected position.
 */
typedef struct apiseal_opened {
    /**
     * Normalized path.
     */
    struct apiseal_bytes path;
    /**
     * The exact JSON text of the value; `data` is NULL if it does not open.
     */
    struct apiseal_bytes value;
    /**
     * 0, or why it does not open.
     */
    apiseal_status failure;
} apiseal_opened;

/**
 * Protected positions in document order.
 */
typedef struct apiseal_opened_list {
    /**
     * The first one; NULL in an empty list.
     */
    const struct apiseal_opened *items;
    /**
     * How many.
     */
    size_t len;
    /**
     * What they belong to; for the library.
     */
    void *owner;
} apiseal_opened_list;

/**
 * A clear value beside a protected one, which must be the same on decryption: what identifies the row.
 */
typedef struct apiseal_bound {
    /**
     * 1 to 1024 bytes.
     */
    struct apiseal_bytes label;
    /**
     * The JSON text of the value, for example 42 or "a" with its quotes; with `is_text` the text itself.
     */
    struct apiseal_bytes value;
    /**
     * `value` is a text as it is, not JSON.
     */
    bool is_text;
} apiseal_bound;

/**
 * An authority as it is received, and the origin that clients know it by.
 */
typedef struct apiseal_origin {
    /**
     * As the proxy sends it, for example "backend:8080".
     */
    struct apiseal_bytes received;
    /**
     * "https" or "http".
     */
    struct apiseal_bytes scheme;
    /**
     * As clients call it, for example "api.example".
     */
    struct apiseal_bytes authority;
} apiseal_origin;

/**
 * Settings of a verifier. All zero: messages come straight from clients, and any key of the ring may sign.
 */
typedef struct apiseal_verifier_options {
    /**
     * For services behind a proxy. Once one is stated, every other authority is refused.
     */
    const struct apiseal_origin *origins;
    /**
     * How many.
     */
    size_t origins_len;
    /**
     * Pairs that must stand in the context or scope of a key.
     */
    const struct apiseal_pair *scope;
    /**
     * How many.
     */
    size_t scope_len;
} apiseal_verifier_options;

/**
 * Nobody claimed the nonce before; from now on it is taken.
 */
#define APISEAL_OUTCOME_FIRST 0

/**
 * The nonce was claimed before.
 */
#define APISEAL_OUTCOME_SEEN 1

/**
 * The store, or the principal's share of it, is full. Nothing was claimed and nothing forgotten.
 */
#define APISEAL_OUTCOME_FULL 2

/**
 * The store cannot tell. Every other number is taken for this one.
 */
#define APISEAL_OUTCOME_UNKNOWN 3

/**
 * Success.
 */
#define APISEAL_OK 0

/**
 * A limit, a value or another argument of the call is out of its stated range.
 */
#define APISEAL_E_INVALID_ARGUMENT 100

/**
 * A query is not a valid RFC 9535 JSONPath.
 */
#define APISEAL_E_INVALID_PATH 101

/**
 * A key id does not match `[A-Za-z0-9_-]{1,32}`, or is the reserved `_`.
 */
#define APISEAL_E_INVALID_KEY_ID 102

/**
 * The context has no pair `purpose`, which encryption and decryption demand.
 */
#define APISEAL_E_CONTEXT_MISSING 200

/**
 * The context has no pair, or a pair has an empty name.
 */
#define APISEAL_E_CONTEXT_EMPTY 201

/**
 * Two pairs of the context have the same name.
 */
#define APISEAL_E_CONTEXT_DUPLICATE 202

/**
 * More than 32 pairs, or a name or value over 1024 bytes.
 */
#define APISEAL_E_CONTEXT_TOO_LONG 203

/**
 * The context lacks a pair that the key's scope demands.
 */
#define APISEAL_E_CONTEXT_SCOPE 204

/**
 * A name begins with `apiseal.`, which the library keeps for itself.
 */
#define APISEAL_E_CONTEXT_RESERVED 205

/**
 * The policy file is malformed, contradicts itself or leaves a required choice open.
 */
#define APISEAL_E_POLICY_FILE 210

/**
 * A required rule matched nothing in the document.
 */
#define APISEAL_E_NO_MATCH 211

/**
 * A rule with `exactly`, `at_least` or `each` matched another number of values.
 */
#define APISEAL_E_OCCURS 212

/**
 * A clear value stands where an encrypted one must be.
 */
#define APISEAL_E_NOT_ENCRYPTED 213

/**
 * A string to be encrypted already begins like one of our tokens.
 */
#define APISEAL_E_ALREADY_ENCRYPTED 214

/**
 * The value has none of the types that the rule allows.
 */
#define APISEAL_E_TYPE_MISMATCH 215

/**
 * A member that the ciphertext is to be bound to is not in the document.
 */
#define APISEAL_E_BOUND_MISSING 216

/**
 * A bound member stands twice, or overlaps a protected value or the header.
 */
#define APISEAL_E_BOUND_CONFLICT 217

/**
 * Two rules select one value, or one protected value lies inside another.
 */
#define APISEAL_E_OVERLAP 218

/**
 * A filter looks at a protected value, so that it would select otherwise after encryption.
 */
#define APISEAL_E_FILTER_VISITS_PROTECTED 219

/**
 * A token, field string or header stands where no rule selects it.
 */
#define APISEAL_E_UNSELECTED_TOKEN 220

/**
 * An encrypted string of the other layout stands at a rule's position.
 */
#define APISEAL_E_LAYOUT_MISMATCH 221

/**
 * The token's mode is not the one that the rule's `position` asks for.
 */
#define APISEAL_E_MODE_MISMATCH 222

/**
 * The document to be encrypted already has a member with the header's name.
 */
#define APISEAL_E_HEADER_PRESENT 223

/**
 * Layout `document` needs an object as the root.
 */
#define APISEAL_E_ROOT_NOT_OBJECT 224

/**
 * The key is not one that the rule allows.
 */
#define APISEAL_E_KEY_NOT_ALLOWED 225

/**
 * Re-encryption: a decrypted value, or a part of it, would stay in clear under the new policy.
 */
#define APISEAL_E_LEFT_CLEAR 226

/**
 * The document is not one I-JSON text (RFC 8259, RFC 7493).
 */
#define APISEAL_E_MALFORMED_JSON 300

/**
 * A member name stands twice in one object.
 */
#define APISEAL_E_DUPLICATE_NAME 301

/**
 * A line of NDJSON holds a protected value of several lines, so that its decryption would be more than one line.
 */
#define APISEAL_E_LINE_BREAK 302

/**
 * The document, or the encrypted document, is larger than the limit.
 */
#define APISEAL_E_LIMIT_DOCUMENT 310

/**
 * Containers are nested deeper than the limit.
 */
#define APISEAL_E_LIMIT_DEPTH 311

/**
 * A value to be encrypted is larger than the limit.
 */
#define APISEAL_E_LIMIT_FIELD 312

/**
 * More values are selected than the limit allows.
 */
#define APISEAL_E_LIMIT_FIELDS 313

/**
 * The encoded position of a value is longer than 4 KiB.
 */
#define APISEAL_E_LIMIT_POSITION 314

/**
 * The bound members of a value are larger than the limit.
 */
#define APISEAL_E_LIMIT_BOUND 315

/**
 * The associated data of all values together exceeds eight times the document limit.
 */
#define APISEAL_E_LIMIT_ASSOCIATED_DATA 316

/**
 * Evaluating the queries visits more nodes than the budget allows.
 */
#define APISEAL_E_LIMIT_VISITS 317

/**
 * The keyring file is malformed or contradicts itself.
 */
#define APISEAL_E_KEYRING_FILE 400

/**
 * No key of the ring has this id.
 */
#define APISEAL_E_UNKNOWN_KEY 401

/**
 * The key's state or validity does not allow the operation.
 */
#define APISEAL_E_KEY_STATE 402

/**
 * The key serves another purpose.
 */
#define APISEAL_E_KEY_PURPOSE 403

/**
 * The suite in the token is not the one that the ring pins to the key.
 */
#define APISEAL_E_KEY_SUITE 404

/**
 * Two keys of the ring share their id or their secret.
 */
#define APISEAL_E_KEY_DUPLICATE 405

/**
 * The passphrase or wrapping key is wrong, the ring has another name, or the file was altered.
 */
#define APISEAL_E_KEYRING_UNLOCK 406

/**
 * The keyring's revision is lower than the caller demands.
 */
#define APISEAL_E_KEYRING_ROLLBACK 407

/**
 * No primary key fits the context, or the ring has no key that may encrypt.
 */
#define APISEAL_E_NO_PRIMARY 408

/**
 * The keyring file can be read by others than its owner.
 */
#define APISEAL_E_KEYRING_PERMISSIONS 409

/**
 * The parameters of the keyring's wrap are outside the accepted range.
 */
#define APISEAL_E_KEYRING_WRAP 410

/**
 * A key in PEM or JWK form is malformed, weak or of an unknown kind.
 */
#define APISEAL_E_KEY_IMPORT 411

/**
 * A token, field string or header is malformed; no key was tried.
 */
#define APISEAL_E_MALFORMED_TOKEN 500

/**
 * Wrong key, context, place or bound value, or an altered ciphertext: deliberately one code and one text.
 */
#define APISEAL_E_REJECTED 501

/**
 * The message has no signature for the profile, or a label stands in one of the two fields only.
 */
#define APISEAL_E_SIGNATURE_MISSING 600

/**
 * `Signature-Input` or `Signature` is not a valid structured field, or holds what no signature may hold.
 */
#define APISEAL_E_SIGNATURE_MALFORMED 601

/**
 * More signatures fit the profile than it allows.
 */
#define APISEAL_E_SIGNATURE_AMBIGUOUS 602

/**
 * A component that the profile demands is not covered by the signature.
 */
#define APISEAL_E_NOT_COVERED 603

/**
 * A component or component parameter is covered that the profile does not allow.
 */
#define APISEAL_E_COMPONENT_NOT_ALLOWED 604

/**
 * A covered component is not in the message, or stands there in a way that has no single value.
 */
#define APISEAL_E_COMPONENT_MISSING 605

/**
 * The HTTP message is ambiguous or malformed.
 */
#define APISEAL_E_MALFORMED_MESSAGE 606

/**
 * A signature parameter is missing or has a wrong type or form.
 */
#define APISEAL_E_SIGNATURE_PARAMETERS 607

/**
 * The signature is older than the profile allows, or has expired.
 */
#define APISEAL_E_SIGNATURE_EXPIRED 608

/**
 * The signature was created in the future.
 */
#define APISEAL_E_SIGNATURE_FUTURE 609

/**
 * The algorithm is not the one that the ring pins to the key, or the profile does not allow it.
 */
#define APISEAL_E_SIGNATURE_ALGORITHM 610

/**
 * The signature does not belong to the message and the key.
 */
#define APISEAL_E_SIGNATURE_INVALID 611

/**
 * The message has content, and no digest of it is covered.
 */
#define APISEAL_E_DIGEST_MISSING 612

/**
 * The content is not the one that the digest was made of.
 */
#define APISEAL_E_DIGEST_MISMATCH 613

/**
 * The digest field is malformed, or holds no digest of an algorithm that is accepted.
 */
#define APISEAL_E_DIGEST_ALGORITHM 614

/**
 * The nonce was accepted before.
 */
#define APISEAL_E_REPLAYED 615

/**
 * The replay store, or the principal's share of it, is full; answer 503.
 */
#define APISEAL_E_REPLAY_FULL 616

/**
 * The replay store cannot tell whether the nonce is new; answer 503.
 */
#define APISEAL_E_REPLAY_UNAVAILABLE 617

/**
 * The response does not belong to the request, or no request is at hand.
 */
#define APISEAL_E_RESPONSE_MISMATCH 618

/**
 * The received authority is not in the map of origins.
 */
#define APISEAL_E_ORIGIN_UNKNOWN 619

/**
 * The signing profile is malformed or contradicts itself.
 */
#define APISEAL_E_PROFILE_FILE 620

/**
 * Headers, components, signatures or content exceed a limit of the profile.
 */
#define APISEAL_E_LIMIT_MESSAGE 621

/**
 * The external signer failed, or gave a signature of a wrong length.
 */
#define APISEAL_E_EXTERNAL_SIGNER 622

/**
 * A message that cannot be signed under the profile: a response of 1xx, or a second response to one request.
 */
#define APISEAL_E_NOT_SIGNABLE 623

/**
 * The sink that content is spooled into failed.
 */
#define APISEAL_E_CONTENT_SINK 624

/**
 * The random source failed.
 */
#define APISEAL_E_RANDOM 900

/**
 * A promise of the library itself was broken; please report it.
 */
#define APISEAL_E_INTERNAL 901

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Every program that includes the header refers to this symbol: one of another ABI does not link.
 */
extern const uint8_t apiseal_abi_1;

/**
 * Frees the bytes, wiped if they are secret, and empties the buffer. NULL and an empty buffer are accepted, also again.
 */
void apiseal_buffer_free(struct apiseal_buffer *buffer);

/**
 * A cipher of a ring and a policy, which stay the caller's. `options` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_cipher_new(const struct apiseal_keyring *ring,
                                  const struct apiseal_policy *policy,
                                  const struct apiseal_options *options,
                                  struct apiseal_cipher **out,
                                  struct apiseal_error **err);

/**
 * Encrypts what the policy selects. All other bytes stay as they are.
 */
APISEAL_MUST_USE
apiseal_status apiseal_encrypt(const struct apiseal_cipher *cipher,
                               const struct apiseal_pair *context,
                               size_t context_len,
                               struct apiseal_bytes document,
                               struct apiseal_buffer *out,
                               struct apiseal_error **err);

/**
 * Decrypts what the policy selects, all or nothing. The bytes are those that were encrypted.
 */
APISEAL_MUST_USE
apiseal_status apiseal_decrypt(const struct apiseal_cipher *cipher,
                               const struct apiseal_pair *context,
                               size_t context_len,
                               struct apiseal_bytes document,
                               struct apiseal_buffer *out,
                               struct apiseal_error **err);

/**
 * As apiseal_encrypt(), for many documents: under a context that was made once, into a buffer whose memory is used again.
 * `buffer` must be empty, which `{0}` is, or hold an earlier result, which is lost. A failure leaves it empty. A document that
 * lies in the buffer is refused, and stays as it is.
 */
APISEAL_MUST_USE
apiseal_status apiseal_encrypt_into(const struct apiseal_cipher *cipher,
                                    const struct apiseal_context *context,
                                    struct apiseal_bytes document,
                                    struct apiseal_buffer *buffer,
                                    struct apiseal_error **err);

/**
 * As apiseal_decrypt(), for many documents: under a context that was made once, into a buffer whose memory is used again.
 * `buffer` must be empty, which `{0}` is, or hold an earlier result, which is lost. A failure leaves it empty. A document that
 * lies in the buffer is refused, and stays as it is. What the buffer held before may stay in its memory until that is freed.
 */
APISEAL_MUST_USE
apiseal_status apiseal_decrypt_into(const struct apiseal_cipher *cipher,
                                    const struct apiseal_context *context,
                                    struct apiseal_bytes document,
                                    struct apiseal_buffer *buffer,
                                    struct apiseal_error **err);

/**
 * As apiseal_decrypt(), and tells the paths of clear values that a rule's `migrate` let through: these were not
 * authenticated.
 */
APISEAL_MUST_USE
apiseal_status apiseal_decrypt_migrating(const struct apiseal_cipher *cipher,
                                         const struct apiseal_pair *context,
                                         size_t context_len,
                                         struct apiseal_bytes document,
                                         struct apiseal_buffer *out,
                                         struct apiseal_texts *accepted_plain,
                                         struct apiseal_error **err);

/**
 * Another reference to the same cipher, to be freed by itself. NULL gives NULL.
 */
struct apiseal_cipher *apiseal_cipher_clone(const struct apiseal_cipher *cipher);

/**
 * Frees a cipher; NULL is accepted.
 */
void apiseal_cipher_free(struct apiseal_cipher *cipher);

/**
 * Makes a context of names and values, which are copied.
 */
APISEAL_MUST_USE
apiseal_status apiseal_context_new(const struct apiseal_pair *pairs,
                                   size_t pairs_len,
                                   struct apiseal_context **out,
                                   struct apiseal_error **err);

/**
 * A copy of a context, to be freed by itself. NULL gives NULL.
 */
struct apiseal_context *apiseal_context_clone(const struct apiseal_context *context);

/**
 * Frees a context; NULL is accepted.
 */
void apiseal_context_free(struct apiseal_context *context);

/**
 * Frees an error; NULL is accepted.
 */
void apiseal_error_free(struct apiseal_error *error);

/**
 * The code; 0 if the error is NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_error_code(const struct apiseal_error *error);

/**
 * Name of the code, for example "NoMatch"; never NULL but for a NULL error. The text lives as long as the error.
 */
const char *apiseal_error_name(const struct apiseal_error *error);

/**
 * One sentence for a log: what is wrong, where, and what to change. Never for a peer. The text lives as long as the
 * error.
 */
const char *apiseal_error_message(const struct apiseal_error *error);

/**
 * Normalized path (RFC 9535) of the value concerned, or NULL. The text lives as long as the error.
 */
const char *apiseal_error_path(const struct apiseal_error *error);

/**
 * Id of the key concerned, or NULL. The text lives as long as the error.
 */
const char *apiseal_error_key_id(const struct apiseal_error *error);

/**
 * Byte offset into the text that was given, or UINT64_MAX if there is none.
 */
uint64_t apiseal_error_offset(const struct apiseal_error *error);

/**
 * What to answer a peer whose message was refused: 401 and nothing more, 503 where the replay store cannot decide, 500
 * where the service itself failed. 0 if the error is NULL.
 */
uint16_t apiseal_error_http_status(const struct apiseal_error *error);

/**
 * Frees the changes with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
 */
void apiseal_changes_free(struct apiseal_changes *list);

/**
 * Finds the change, of those that are known to happen on the way, that makes a request verify. It tries nothing for an
 * unknown key, keeps to a budget, claims no nonce and changes no verdict. `options` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_explain(const struct apiseal_verifier *verifier,
                               const struct apiseal_message *message,
                               const struct apiseal_explain_options *options,
                               struct apiseal_explanation **out,
                               struct apiseal_error **err);

/**
 * The same for the response to a request that was signed here. `options` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_explain_response(const struct apiseal_verifier *verifier,
                                        const struct apiseal_message *message,
                                        const struct apiseal_signed *request,
                                        const struct apiseal_explain_options *options,
                                        struct apiseal_explanation **out,
                                        struct apiseal_error **err);

/**
 * The same for the response to a request that was verified as it was sent. `options` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_explain_response_to_verified(const struct apiseal_verifier *verifier,
                                                    const struct apiseal_message *message,
                                                    const struct apiseal_verified *request,
                                                    const struct apiseal_explain_options *options,
                                                    struct apiseal_explanation **out,
                                                    struct apiseal_error **err);

/**
 * What was found and what to do, in a sentence or two.
 */
APISEAL_MUST_USE
apiseal_status apiseal_explanation_text(const struct apiseal_explanation *explanation,
                                        struct apiseal_buffer *out,
                                        struct apiseal_error **err);

/**
 * The changes; none if the message verifies as it is, or no known change makes it verify.
 */
APISEAL_MUST_USE
apiseal_status apiseal_explanation_changes(const struct apiseal_explanation *explanation,
                                           struct apiseal_changes *out,
                                           struct apiseal_error **err);

/**
 * Whether the message verifies as it is, its nonce left aside.
 */
bool apiseal_explanation_verifies(const struct apiseal_explanation *explanation);

/**
 * Why the message does not verify; 0 if it does.
 */
apiseal_status apiseal_explanation_code(const struct apiseal_explanation *explanation);

/**
 * Why the message would not verify even with the changes; 0 if it would.
 */
apiseal_status apiseal_explanation_remaining(const struct apiseal_explanation *explanation);

/**
 * The signature base of the message as it was received; `data` is NULL if the signature was not looked at. It holds
 * header values, and lives as long as the explanation.
 */
struct apiseal_bytes apiseal_explanation_base(const struct apiseal_explanation *explanation);

/**
 * The signature base with the change; `data` is NULL if none was found. It lives as long as the explanation.
 */
struct apiseal_bytes apiseal_explanation_signed_base(const struct apiseal_explanation *explanation);

/**
 * Frees an explanation; NULL is accepted.
 */
void apiseal_explanation_free(struct apiseal_explanation *explanation);

/**
 * Makes a key with a random secret. `purpose` is "seal" or "sig"; `suite` "aes-256-gcm", "chacha20-poly1305" or
 * "hmac-sha256". An empty `key_id` gives a random one. For `scope`, state and validity see apiseal_key_with().
 */
APISEAL_MUST_USE
apiseal_status apiseal_key_generate(struct apiseal_bytes key_id,
                                    struct apiseal_bytes purpose_name,
                                    struct apiseal_bytes suite_name,
                                    struct apiseal_key **out,
                                    struct apiseal_error **err);

/**
 * A key that is derived from the root for one context: the one that a partner or a service for one tenant holds. The
 * root must be in the ring as well.
 */
APISEAL_MUST_USE
apiseal_status apiseal_key_derived(struct apiseal_bytes key_id,
                                   const struct apiseal_key *root,
                                   const struct apiseal_pair *context,
                                   size_t context_len,
                                   struct apiseal_key **out,
                                   struct apiseal_error **err);

/**
 * A root key with a secret of 32 bytes that came from elsewhere: random bytes, never a password.
 */
APISEAL_MUST_USE
apiseal_status apiseal_key_import(struct apiseal_bytes key_id,
                                  struct apiseal_bytes purpose_name,
                                  struct apiseal_bytes suite_name,
                                  struct apiseal_bytes secret_bytes,
                                  struct apiseal_key **out,
                                  struct apiseal_error **err);

/**
 * A key for messages that is used as it is: an HMAC secret of 32 to 64 bytes, or the secret of an Ed25519 or ECDSA
 * key. It needs a direction (see apiseal_key_with()).
 */
APISEAL_MUST_USE
apiseal_status apiseal_key_raw(struct apiseal_bytes key_id,
                               struct apiseal_bytes suite_name,
                               struct apiseal_bytes secret_bytes,
                               struct apiseal_key **out,
                               struct apiseal_error **err);

/**
 * A public key that only verifies, as its raw bytes. It needs a direction (see apiseal_key_with()).
 */
APISEAL_MUST_USE
apiseal_status apiseal_key_raw_public(struct apiseal_bytes key_id,
                                      struct apiseal_bytes suite_name,
                                      struct apiseal_bytes public_bytes,
                                      struct apiseal_key **out,
                                      struct apiseal_error **err);

/**
 * A public key in PEM (SubjectPublicKeyInfo).
 */
APISEAL_MUST_USE
apiseal_status apiseal_key_from_pem(struct apiseal_bytes key_id,
                                    struct apiseal_bytes suite_name,
                                    struct apiseal_bytes pem,
                                    struct apiseal_key **out,
                                    struct apiseal_error **err);

/**
 * A public key as a JWK (RFC 7517).
 */
APISEAL_MUST_USE
apiseal_status apiseal_key_from_jwk(struct apiseal_bytes key_id,
                                    struct apiseal_bytes suite_name,
                                    struct apiseal_bytes jwk,
                                    struct apiseal_key **out,
                                    struct apiseal_error **err);

/**
 * The public key of a JWK set whose "kid" is `external`; messages call it so.
 */
APISEAL_MUST_USE
apiseal_status apiseal_key_from_jwks(struct apiseal_bytes key_id,
                                     struct apiseal_bytes suite_name,
                                     struct apiseal_bytes jwks,
                                     struct apiseal_bytes external,
                                     struct apiseal_key **out,
                                     struct apiseal_error **err);

/**
 * A key with a stated secret and no date of creation, for test vectors. Other keys are made by apiseal_key_import().
 */
APISEAL_MUST_USE
apiseal_status apiseal_hazmat_key_from_secret(struct apiseal_bytes key_id,
                                              struct apiseal_bytes purpose_name,
                                              struct apiseal_bytes suite_name,
                                              struct apiseal_bytes secret_bytes,
                                              struct apiseal_key **out,
                                              struct apiseal_error **err);

/**
 * The same key with another state, validity, scope, principal, profiles, direction or external id.
 */
APISEAL_MUST_USE
apiseal_status apiseal_key_with(const struct apiseal_key *key,
                                const struct apiseal_key_options *options,
                                struct apiseal_key **out,
                                struct apiseal_error **err);

/**
 * Id of the key. It lives as long as the key.
 */
struct apiseal_bytes apiseal_key_id(const struct apiseal_key *key);

/**
 * Purpose of the key: "seal", "sig", "sig-raw" and others. It lives for ever.
 */
struct apiseal_bytes apiseal_key_purpose(const struct apiseal_key *key);

/**
 * Suite or algorithm of the key. It lives for ever.
 */
struct apiseal_bytes apiseal_key_suite(const struct apiseal_key *key);

/**
 * State of the key. It lives for ever.
 */
struct apiseal_bytes apiseal_key_state(const struct apiseal_key *key);

/**
 * Principal of the key; `data` is NULL if it has none. It lives as long as the key.
 */
struct apiseal_bytes apiseal_key_principal(const struct apiseal_key *key);

/**
 * When the key was made, in Unix seconds.
 */
uint64_t apiseal_key_created(const struct apiseal_key *key);

/**
 * When the key ends, in Unix seconds; 0 if it does not.
 */
uint64_t apiseal_key_expires(const struct apiseal_key *key);

/**
 * The public key as a JWK, for the peer.
 */
APISEAL_MUST_USE
apiseal_status apiseal_key_to_jwk(const struct apiseal_key *key,
                                  struct apiseal_buffer *out,
                                  struct apiseal_error **err);

/**
 * Another reference to the same key, to be freed by itself. NULL gives NULL.
 */
struct apiseal_key *apiseal_key_clone(const struct apiseal_key *key);

/**
 * Frees a key; NULL is accepted.
 */
void apiseal_key_free(struct apiseal_key *key);

/**
 * A ring with one random key for fields. `suite` is "aes-256-gcm" or "chacha20-poly1305".
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_generate(struct apiseal_bytes suite_name,
                                        struct apiseal_keyring **out,
                                        struct apiseal_error **err);

/**
 * A ring of these keys. `name` may be empty; `rev` is the number of its revision, 0 for a new ring.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_new(struct apiseal_bytes name,
                                   uint64_t rev,
                                   const struct apiseal_ring_entry *entries,
                                   size_t entries_len,
                                   struct apiseal_keyring **out,
                                   struct apiseal_error **err);

/**
 * A ring of the next revision, with one key more, which is not primary.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_with_key(const struct apiseal_keyring *ring,
                                        const struct apiseal_key *key,
                                        struct apiseal_keyring **out,
                                        struct apiseal_error **err);

/**
 * A ring of the next revision, in which this key is primary in the place of the one that was.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_promote(const struct apiseal_keyring *ring,
                                       struct apiseal_bytes key_id,
                                       struct apiseal_keyring **out,
                                       struct apiseal_error **err);

/**
 * A ring of the next revision, in which this key only decrypts or verifies.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_retire(const struct apiseal_keyring *ring,
                                      struct apiseal_bytes key_id,
                                      struct apiseal_keyring **out,
                                      struct apiseal_error **err);

/**
 * A ring of the next revision, in which this key does nothing.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_disable(const struct apiseal_keyring *ring,
                                       struct apiseal_bytes key_id,
                                       struct apiseal_keyring **out,
                                       struct apiseal_error **err);

/**
 * Gives the ring the keys of another one, which must not be of a lower revision. Calls that run go on with the old
 * keys; all that begin later use the new ones. `newer` stays the caller's.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_replace(const struct apiseal_keyring *ring,
                                       const struct apiseal_keyring *newer,
                                       struct apiseal_error **err);

/**
 * The key of one context, for a service or partner that shall hold nothing else.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_export_context(const struct apiseal_keyring *ring,
                                              struct apiseal_bytes key_id,
                                              const struct apiseal_pair *context,
                                              size_t context_len,
                                              struct apiseal_key **out,
                                              struct apiseal_error **err);

/**
 * The key of the fields in the messages of one principal and one direction ("req" or "res"), by itself: for a partner who is
 * to protect or accept them and to hold nothing else. The context is that of apiseal_protect().
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_export_message_context(const struct apiseal_keyring *ring,
                                                      struct apiseal_bytes key_id,
                                                      const struct apiseal_pair *context,
                                                      size_t context_len,
                                                      struct apiseal_bytes principal,
                                                      struct apiseal_bytes direction,
                                                      struct apiseal_key **out,
                                                      struct apiseal_error **err);

/**
 * One key of the ring, by its place from 0 to apiseal_keyring_len() - 1.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_key(const struct apiseal_keyring *ring,
                                   size_t at,
                                   struct apiseal_key **out,
                                   struct apiseal_error **err);

/**
 * Number of keys.
 */
size_t apiseal_keyring_len(const struct apiseal_keyring *ring);

/**
 * Number of the revision.
 */
uint64_t apiseal_keyring_rev(const struct apiseal_keyring *ring);

/**
 * Another reference to the same ring, to be freed by itself. NULL gives NULL.
 */
struct apiseal_keyring *apiseal_keyring_clone(const struct apiseal_keyring *keyring);

/**
 * Frees a ring; NULL is accepted.
 */
void apiseal_keyring_free(struct apiseal_keyring *keyring);

/**
 * Opens the bytes of a sealed keyring file. `name` is the name that the ring must have; empty if it has none. A ring of a
 * lower revision than `min_rev` is refused.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_open(struct apiseal_bytes file,
                                    struct apiseal_bytes name,
                                    const struct apiseal_wrap *wrap,
                                    uint64_t min_rev,
                                    struct apiseal_keyring **out,
                                    struct apiseal_error **err);

/**
 * The ring as the bytes of a sealed keyring file.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_seal(const struct apiseal_keyring *ring,
                                    struct apiseal_bytes name,
                                    const struct apiseal_wrap *wrap,
                                    struct apiseal_buffer *out,
                                    struct apiseal_error **err);

/**
 * Opens a sealed keyring file. One that others than its owner can read is refused.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_load(struct apiseal_bytes path,
                                    struct apiseal_bytes name,
                                    const struct apiseal_wrap *wrap,
                                    uint64_t min_rev,
                                    struct apiseal_keyring **out,
                                    struct apiseal_error **err);

/**
 * Writes a sealed keyring file with mode 0600, all or nothing; a file that is there is replaced.
 */
APISEAL_MUST_USE
apiseal_status apiseal_keyring_save(const struct apiseal_keyring *ring,
                                    struct apiseal_bytes path,
                                    struct apiseal_bytes name,
                                    const struct apiseal_wrap *wrap,
                                    struct apiseal_error **err);

/**
 * Reads the bytes of a keyring file in clear.
 */
APISEAL_MUST_USE
apiseal_status apiseal_hazmat_keyring_read_clear(struct apiseal_bytes file,
                                                 struct apiseal_bytes name,
                                                 uint64_t min_rev,
                                                 struct apiseal_keyring **out,
                                                 struct apiseal_error **err);

/**
 * The ring as the bytes of a keyring file in clear: whoever reads them has every key.
 */
APISEAL_MUST_USE
apiseal_status apiseal_hazmat_keyring_write_clear(const struct apiseal_keyring *ring,
                                                  struct apiseal_bytes name,
                                                  struct apiseal_buffer *out,
                                                  struct apiseal_error **err);

/**
 * Frees them with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
 */
void apiseal_block_free(struct apiseal_block *list);

/**
 * Encrypts each line that `reader` gives. `options` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_encrypt_lines(const struct apiseal_cipher *cipher,
                                     const struct apiseal_pair *context,
                                     size_t context_len,
                                     const struct apiseal_line_options *options,
                                     struct apiseal_reader reader,
                                     struct apiseal_lines **out,
                                     struct apiseal_error **err);

/**
 * Decrypts each line that `reader` gives. `options` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_decrypt_lines(const struct apiseal_cipher *cipher,
                                     const struct apiseal_pair *context,
                                     size_t context_len,
                                     const struct apiseal_line_options *options,
                                     struct apiseal_reader reader,
                                     struct apiseal_lines **out,
                                     struct apiseal_error **err);

/**
 * The next results, which wait for the reader if they must; no items at the end. A line that fails does not stop the
 * others. APISEAL_E_CONTENT_SINK if the reader failed: that ends the lines.
 */
APISEAL_MUST_USE
apiseal_status apiseal_lines_next(struct apiseal_lines *lines,
                                  struct apiseal_block *out,
                                  struct apiseal_error **err);

/**
 * Frees lines that were pulled to their end or not; NULL is accepted.
 */
void apiseal_lines_free(struct apiseal_lines *lines);

/**
 * Frees the texts with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
 */
void apiseal_texts_free(struct apiseal_texts *list);

/**
 * A protector of a cipher and a signer, which stay the caller's. The signer's profile must demand a digest, a nonce and
 * responses that are bound by it.
 */
APISEAL_MUST_USE
apiseal_status apiseal_protector_new(const struct apiseal_cipher *cipher,
                                     const struct apiseal_signer *signer,
                                     struct apiseal_protector **out,
                                     struct apiseal_error **err);

/**
 * An acceptor of a cipher and a verifier, which stay the caller's. The verifier's profile must demand a digest, a nonce
 * and responses that are bound by it.
 */
APISEAL_MUST_USE
apiseal_status apiseal_acceptor_new(const struct apiseal_cipher *cipher,
                                    const struct apiseal_verifier *verifier,
                                    struct apiseal_acceptor **out,
                                    struct apiseal_error **err);

/**
 * Encrypts the fields of a request and signs the result. The principal of the signing key and the direction are added to
 * the context.
 */
APISEAL_MUST_USE
apiseal_status apiseal_protect(const struct apiseal_protector *protector,
                               const struct apiseal_message *message,
                               const struct apiseal_pair *context,
                               size_t context_len,
                               struct apiseal_protected **out,
                               struct apiseal_error **err);

/**
 * The same for the one final response to a verified request.
 */
APISEAL_MUST_USE
apiseal_status apiseal_protect_response(const struct apiseal_protector *protector,
                                        const struct apiseal_message *message,
                                        const struct apiseal_verified *request,
                                        const struct apiseal_pair *context,
                                        size_t context_len,
                                        struct apiseal_protected **out,
                                        struct apiseal_error **err);

/**
 * The content to be sent, byte for byte: whoever parses and prints it again breaks the digest. It lives as long as the
 * object.
 */
struct apiseal_bytes apiseal_protected_body(const struct apiseal_protected *protected_);

/**
 * Writes at most `capacity` header lines that belong to it to `into`, and gives their number: at most 5. "content-length",
 * which is there if the clear message has it, takes the place of that line. They live as long as the object.
 */
size_t apiseal_protected_headers(const struct apiseal_protected *protected_,
                                 struct apiseal_header *into,
                                 size_t capacity);

/**
 * The signature, to verify the response by. It belongs to the object: do not free it.
 */
const struct apiseal_signed *apiseal_protected_signed(const struct apiseal_protected *protected_);

/**
 * Verifies a request, claims its nonce, and only then decrypts its fields. The principal of the key that signed and the
 * direction are added to the context. `document` is the content as it was before it was protected.
 */
APISEAL_MUST_USE
apiseal_status apiseal_accept(const struct apiseal_acceptor *acceptor,
                              const struct apiseal_message *message,
                              const struct apiseal_pair *context,
                              size_t context_len,
                              struct apiseal_buffer *document,
                              struct apiseal_verified **verified,
                              struct apiseal_error **err);

/**
 * The same with a context that `make` makes of what was proved.
 */
APISEAL_MUST_USE
apiseal_status apiseal_accept_with(const struct apiseal_acceptor *acceptor,
                                   const struct apiseal_message *message,
                                   apiseal_make_context make,
                                   void *data,
                                   struct apiseal_buffer *document,
                                   struct apiseal_verified **verified,
                                   struct apiseal_error **err);

/**
 * The same for the response to a request that was signed here, once for each.
 */
APISEAL_MUST_USE
apiseal_status apiseal_accept_response(const struct apiseal_acceptor *acceptor,
                                       const struct apiseal_message *message,
                                       const struct apiseal_signed *request,
                                       const struct apiseal_pair *context,
                                       size_t context_len,
                                       struct apiseal_buffer *document,
                                       struct apiseal_verified **verified,
                                       struct apiseal_error **err);

/**
 * Another reference to the same protector, to be freed by itself. NULL gives NULL.
 */
struct apiseal_protector *apiseal_protector_clone(const struct apiseal_protector *protector);

/**
 * Frees a protector; NULL is accepted.
 */
void apiseal_protector_free(struct apiseal_protector *protector);

/**
 * Another reference to the same acceptor, to be freed by itself. NULL gives NULL.
 */
struct apiseal_acceptor *apiseal_acceptor_clone(const struct apiseal_acceptor *acceptor);

/**
 * Frees an acceptor; NULL is accepted.
 */
void apiseal_acceptor_free(struct apiseal_acceptor *acceptor);

/**
 * Frees a protected message; NULL is accepted.
 */
void apiseal_protected_free(struct apiseal_protected *protected_);

/**
 * Reads a policy (docs/policy.md).
 */
APISEAL_MUST_USE
apiseal_status apiseal_policy_from_json(struct apiseal_bytes json,
                                        struct apiseal_policy **out,
                                        struct apiseal_error **err);

/**
 * Id of the policy. It lives as long as the policy.
 */
struct apiseal_bytes apiseal_policy_id(const struct apiseal_policy *policy);

/**
 * Another reference to the same policy, to be freed by itself. NULL gives NULL.
 */
struct apiseal_policy *apiseal_policy_clone(const struct apiseal_policy *policy);

/**
 * Frees a policy; NULL is accepted.
 */
void apiseal_policy_free(struct apiseal_policy *policy);

/**
 * The strict default, apiseal-v1.
 */
APISEAL_MUST_USE
apiseal_status apiseal_profile_v1(struct apiseal_profile **out,
                                  struct apiseal_error **err);

/**
 * Reads a profile: apiseal-v1 with more, or plain RFC 9421 for a foreign peer.
 */
APISEAL_MUST_USE
apiseal_status apiseal_profile_from_json(struct apiseal_bytes json,
                                         struct apiseal_profile **out,
                                         struct apiseal_error **err);

/**
 * Tells, in sentences for a person, what a message that is signed under the profile leaves unprotected, and which of its
 * headers proxies are known to change.
 */
APISEAL_MUST_USE
apiseal_status apiseal_profile_lint(const struct apiseal_profile *profile,
                                    const struct apiseal_message *message,
                                    struct apiseal_texts *out,
                                    struct apiseal_error **err);

/**
 * Id of the profile. It lives as long as the profile.
 */
struct apiseal_bytes apiseal_profile_id(const struct apiseal_profile *profile);

/**
 * Another reference to the same profile, to be freed by itself. NULL gives NULL.
 */
struct apiseal_profile *apiseal_profile_clone(const struct apiseal_profile *profile);

/**
 * Frees a profile; NULL is accepted.
 */
void apiseal_profile_free(struct apiseal_profile *profile);

/**
 * A redactor of a policy, which stays the caller's.
 */
APISEAL_MUST_USE
apiseal_status apiseal_redactor_new(const struct apiseal_policy *policy,
                                    struct apiseal_redactor **out,
                                    struct apiseal_error **err);

/**
 * Masks the protected values of a clear or encrypted document. Of a document that cannot be read nothing is shown:
 * `unreadable` is set then, if it is not NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_redact(const struct apiseal_redactor *redactor,
                              struct apiseal_bytes document,
                              struct apiseal_buffer *out,
                              bool *unreadable,
                              struct apiseal_error **err);

/**
 * Another reference to the same redactor, to be freed by itself. NULL gives NULL.
 */
struct apiseal_redactor *apiseal_redactor_clone(const struct apiseal_redactor *redactor);

/**
 * Frees a redactor; NULL is accepted.
 */
void apiseal_redactor_free(struct apiseal_redactor *redactor);

/**
 * Decrypts by one cipher and context and encrypts by another, in one step: nothing decrypted leaves but what `options`
 * allow. `options` and `report` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_reencrypt(const struct apiseal_cipher *from,
                                 const struct apiseal_pair *from_context,
                                 size_t from_context_len,
                                 const struct apiseal_cipher *to,
                                 const struct apiseal_pair *to_context,
                                 size_t to_context_len,
                                 const struct apiseal_reencryption *options,
                                 struct apiseal_bytes document,
                                 struct apiseal_buffer *out,
                                 struct apiseal_reencrypted *report,
                                 struct apiseal_error **err);

/**
 * A store in the memory of this process, of at most `capacity` nonces, of which one principal may use at most `quota`; 0:
 * all of them. It does not answer for signatures that were created before it was made. An all-zero `clock` is the
 * system's.
 */
APISEAL_MUST_USE
apiseal_status apiseal_replay_memory(size_t capacity,
                                     size_t quota,
                                     struct apiseal_clock clock,
                                     struct apiseal_replay **out,
                                     struct apiseal_error **err);

/**
 * A store of the caller: Redis, a database.
 */
APISEAL_MUST_USE
apiseal_status apiseal_replay_callback(struct apiseal_replay_store store,
                                       struct apiseal_replay **out,
                                       struct apiseal_error **err);

/**
 * No check at all: every copy of a message is accepted while it is fresh. For verifiers of responses, and for services
 * where repeating a message changes nothing.
 */
APISEAL_MUST_USE
apiseal_status apiseal_replay_unchecked(struct apiseal_replay **out,
                                        struct apiseal_error **err);

/**
 * Another reference to the same store, to be freed by itself. NULL gives NULL.
 */
struct apiseal_replay *apiseal_replay_clone(const struct apiseal_replay *replay);

/**
 * Frees a store; NULL is accepted.
 */
void apiseal_replay_free(struct apiseal_replay *replay);

/**
 * Frees the places with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
 */
void apiseal_locations_free(struct apiseal_locations *list);

/**
 * Finds values by a JSONPath query (RFC 9535). `limits` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_locate(struct apiseal_bytes document,
                              struct apiseal_bytes query,
                              const struct apiseal_limits *limits,
                              struct apiseal_locations *out,
                              struct apiseal_error **err);

/**
 * Frees them with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
 */
void apiseal_sightings_free(struct apiseal_sightings *list);

/**
 * Lists what is encrypted and under which key, without a key: a census, no proof. `limits` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_inspect(struct apiseal_bytes document,
                               const struct apiseal_limits *limits,
                               struct apiseal_sightings *out,
                               struct apiseal_error **err);

/**
 * As apiseal_inspect(), and tells of each whether it opens under this cipher and context.
 */
APISEAL_MUST_USE
apiseal_status apiseal_cipher_inspect(const struct apiseal_cipher *cipher,
                                      const struct apiseal_pair *context,
                                      size_t context_len,
                                      struct apiseal_bytes document,
                                      struct apiseal_sightings *out,
                                      struct apiseal_error **err);

/**
 * Frees the findings with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
 */
void apiseal_findings_free(struct apiseal_findings *list);

/**
 * Tells the local caller why a document is refused: which position, at which step, and whether it belongs to one of at most
 * 64 candidate contexts. Never for a peer.
 */
APISEAL_MUST_USE
apiseal_status apiseal_diagnose(const struct apiseal_cipher *cipher,
                                const struct apiseal_pair *context,
                                size_t context_len,
                                const struct apiseal_candidate *candidates,
                                size_t candidates_len,
                                struct apiseal_bytes document,
                                struct apiseal_findings *out,
                                struct apiseal_error **err);

/**
 * Explains, in sentences for a person, what each rule of a policy does to a sample document and which values that look
 * sensitive stay in clear. An empty `sample` stands for none.
 */
APISEAL_MUST_USE
apiseal_status apiseal_policy_lint(const struct apiseal_policy *policy,
                                   struct apiseal_bytes sample,
                                   struct apiseal_texts *out,
                                   struct apiseal_error **err);

/**
 * A signer of a ring and a profile, which stay the caller's. `signer_options` and `options` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_signer_new(const struct apiseal_keyring *ring,
                                  const struct apiseal_profile *profile,
                                  const struct apiseal_signer_options *signer_options,
                                  const struct apiseal_options *options,
                                  struct apiseal_signer **out,
                                  struct apiseal_error **err);

/**
 * Signs a request.
 */
APISEAL_MUST_USE
apiseal_status apiseal_sign(const struct apiseal_signer *signer,
                            const struct apiseal_message *message,
                            struct apiseal_signed **out,
                            struct apiseal_error **err);

/**
 * Signs a request and covers besides what the value of an Accept-Signature field asks for, as far as the profile allows
 * it.
 */
APISEAL_MUST_USE
apiseal_status apiseal_sign_accepting(const struct apiseal_signer *signer,
                                      const struct apiseal_message *message,
                                      struct apiseal_bytes accept_signature,
                                      struct apiseal_signed **out,
                                      struct apiseal_error **err);

/**
 * Signs the one final response to a verified request.
 */
APISEAL_MUST_USE
apiseal_status apiseal_sign_response(const struct apiseal_signer *signer,
                                     const struct apiseal_message *message,
                                     const struct apiseal_verified *request,
                                     struct apiseal_signed **out,
                                     struct apiseal_error **err);

/**
 * Writes at most `capacity` lines that must be added to the message to `into`, and gives their number: at most 4. They live
 * as long as the signature.
 */
size_t apiseal_signed_headers(const struct apiseal_signed *signed_,
                              struct apiseal_header *into,
                              size_t capacity);

/**
 * The signature base, to see what was signed. It holds header values, and lives as long as the signature.
 */
struct apiseal_bytes apiseal_signed_base(const struct apiseal_signed *signed_);

/**
 * The nonce; `data` is NULL if there is none. It lives as long as the signature.
 */
struct apiseal_bytes apiseal_signed_nonce(const struct apiseal_signed *signed_);

/**
 * One sentence about what an Accept-Signature field asked for and did not get, by its place from 0; `data` is NULL behind
 * the last one. It lives as long as the signature.
 */
struct apiseal_bytes apiseal_signed_ignored(const struct apiseal_signed *signed_,
                                            size_t at);

/**
 * Frees a signature; NULL is accepted.
 */
void apiseal_signed_free(struct apiseal_signed *signed_);

/**
 * Another reference to the same signer, to be freed by itself. NULL gives NULL.
 */
struct apiseal_signer *apiseal_signer_clone(const struct apiseal_signer *signer);

/**
 * Frees a signer; NULL is accepted.
 */
void apiseal_signer_free(struct apiseal_signer *signer);

/**
 * Frees the positions with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
 */
void apiseal_opened_list_free(struct apiseal_opened_list *list);

/**
 * Tries every protected position. `is_bound` (may be NULL) tells whether the values were authenticated together with what
 * they are bound to.
 */
APISEAL_MUST_USE
apiseal_status apiseal_decrypt_lenient(const struct apiseal_cipher *cipher,
                                       const struct apiseal_pair *context,
                                       size_t context_len,
                                       struct apiseal_bytes document,
                                       struct apiseal_opened_list *out,
                                       bool *is_bound,
                                       struct apiseal_error **err);

/**
 * Decrypts only the positions that these queries select; each query must select at least one. `document_out` gets the
 * document with these values in place; it cannot be decrypted further. `is_bound` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_decrypt_partial(const struct apiseal_cipher *cipher,
                                       const struct apiseal_pair *context,
                                       size_t context_len,
                                       const struct apiseal_bytes *paths,
                                       size_t paths_len,
                                       struct apiseal_bytes document,
                                       struct apiseal_buffer *document_out,
                                       struct apiseal_opened_list *out,
                                       bool *is_bound,
                                       struct apiseal_error **err);

/**
 * Verifies the head of a request. The content follows by apiseal_spool_write(): keep it where nobody reads it until
 * apiseal_spool_finish() gives its verdict. Nothing is claimed before. `message` has no body.
 */
APISEAL_MUST_USE
apiseal_status apiseal_spool_begin(const struct apiseal_verifier *verifier,
                                   const struct apiseal_message *message,
                                   struct apiseal_spool **out,
                                   struct apiseal_error **err);

/**
 * Takes the next piece of the content, as it was received.
 */
APISEAL_MUST_USE
apiseal_status apiseal_spool_write(struct apiseal_spool *spool,
                                   struct apiseal_bytes piece,
                                   struct apiseal_error **err);

/**
 * Checks the digest and claims the nonce. The spool is freed, whatever comes of it; set your pointer to NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_spool_finish(struct apiseal_spool *spool,
                                    struct apiseal_verified **out,
                                    struct apiseal_error **err);

/**
 * Frees a spool that was not finished; NULL is accepted.
 */
void apiseal_spool_free(struct apiseal_spool *spool);

/**
 * A cipher for a label of 1 to 1024 bytes. `options` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_value_cipher_new(const struct apiseal_keyring *ring,
                                        struct apiseal_bytes label,
                                        const struct apiseal_options *options,
                                        struct apiseal_value_cipher **out,
                                        struct apiseal_error **err);

/**
 * Encrypts a JSON value, given by its text, to a token.
 */
APISEAL_MUST_USE
apiseal_status apiseal_value_encrypt(const struct apiseal_value_cipher *cipher,
                                     const struct apiseal_pair *context,
                                     size_t context_len,
                                     const struct apiseal_bound *bound_values,
                                     size_t bound_len,
                                     struct apiseal_bytes value,
                                     struct apiseal_buffer *out,
                                     struct apiseal_error **err);

/**
 * Encrypts a text, given as it is, to a token.
 */
APISEAL_MUST_USE
apiseal_status apiseal_value_encrypt_text(const struct apiseal_value_cipher *cipher,
                                          const struct apiseal_pair *context,
                                          size_t context_len,
                                          const struct apiseal_bound *bound_values,
                                          size_t bound_len,
                                          struct apiseal_bytes text,
                                          struct apiseal_buffer *out,
                                          struct apiseal_error **err);

/**
 * Decrypts a token to the exact JSON text of the value.
 */
APISEAL_MUST_USE
apiseal_status apiseal_value_decrypt(const struct apiseal_value_cipher *cipher,
                                     const struct apiseal_pair *context,
                                     size_t context_len,
                                     const struct apiseal_bound *bound_values,
                                     size_t bound_len,
                                     struct apiseal_bytes token,
                                     struct apiseal_buffer *out,
                                     struct apiseal_error **err);

/**
 * Decrypts a token of a text to the text.
 */
APISEAL_MUST_USE
apiseal_status apiseal_value_decrypt_text(const struct apiseal_value_cipher *cipher,
                                          const struct apiseal_pair *context,
                                          size_t context_len,
                                          const struct apiseal_bound *bound_values,
                                          size_t bound_len,
                                          struct apiseal_bytes token,
                                          struct apiseal_buffer *out,
                                          struct apiseal_error **err);

/**
 * Most characters that the token of a value of `value_len` bytes has under the default padding, whatever the key id: the
 * size of a database column. Strings count with quotes and escapes.
 */
APISEAL_MUST_USE
apiseal_status apiseal_max_token_len(size_t value_len,
                                     size_t *out,
                                     struct apiseal_error **err);

/**
 * Another reference to the same cipher, to be freed by itself. NULL gives NULL.
 */
struct apiseal_value_cipher *apiseal_value_cipher_clone(const struct apiseal_value_cipher *value_cipher);

/**
 * Frees a cipher; NULL is accepted.
 */
void apiseal_value_cipher_free(struct apiseal_value_cipher *value_cipher);

/**
 * Number of signatures that the profile demanded; the functions below take their place, from 0.
 */
size_t apiseal_verified_len(const struct apiseal_verified *verified);

/**
 * Whether every byte of the content that was verified is covered by a digest that holds, or there was none. If not, nobody
 * vouches for it.
 */
bool apiseal_verified_body_proved(const struct apiseal_verified *verified);

/**
 * Id of the key in our ring. Like all texts here it lives as long as the verdict.
 */
struct apiseal_bytes apiseal_verified_key_id(const struct apiseal_verified *verified,
                                             size_t at);

/**
 * Whose key it is; `data` is NULL if nobody's. That this principal may do what the message asks for is for the
 * application to check.
 */
struct apiseal_bytes apiseal_verified_principal(const struct apiseal_verified *verified,
                                                size_t at);

/**
 * The label of the signature, which carries no meaning.
 */
struct apiseal_bytes apiseal_verified_label(const struct apiseal_verified *verified,
                                            size_t at);

/**
 * The tag; `data` is NULL if there is none.
 */
struct apiseal_bytes apiseal_verified_tag(const struct apiseal_verified *verified,
                                          size_t at);

/**
 * The nonce; `data` is NULL if there is none.
 */
struct apiseal_bytes apiseal_verified_nonce(const struct apiseal_verified *verified,
                                            size_t at);

/**
 * The signature base, for a log that explains what was signed. It holds header values.
 */
struct apiseal_bytes apiseal_verified_base(const struct apiseal_verified *verified,
                                           size_t at);

/**
 * When the signature was created, in Unix seconds.
 */
uint64_t apiseal_verified_created(const struct apiseal_verified *verified,
                                  size_t at);

/**
 * The value of a covered component: a name, for example "@method", or an identifier with parameters, for example
 * ""@query-param";name="id"". `data` is NULL if nobody vouches for it.
 */
struct apiseal_bytes apiseal_verified_component(const struct apiseal_verified *verified,
                                                size_t at,
                                                struct apiseal_bytes id);

/**
 * Writes at most `capacity` covered components with their values to `into`, and gives how many there are.
 */
size_t apiseal_verified_components(const struct apiseal_verified *verified,
                                   size_t at,
                                   struct apiseal_header *into,
                                   size_t capacity);

/**
 * Writes at most `capacity` pairs of the key's context or scope to `into`, and gives how many there are.
 */
size_t apiseal_verified_scope(const struct apiseal_verified *verified,
                              size_t at,
                              struct apiseal_header *into,
                              size_t capacity);

/**
 * Frees a verdict; NULL is accepted.
 */
void apiseal_verified_free(struct apiseal_verified *verified);

/**
 * A verifier of a ring, a profile and a replay store, which stay the caller's. There is no default store.
 * `verifier_options` and `options` may be NULL.
 */
APISEAL_MUST_USE
apiseal_status apiseal_verifier_new(const struct apiseal_keyring *ring,
                                    const struct apiseal_profile *profile,
                                    const struct apiseal_replay *replay,
                                    const struct apiseal_verifier_options *verifier_options,
                                    const struct apiseal_options *options,
                                    struct apiseal_verifier **out,
                                    struct apiseal_error **err);

/**
 * Verifies a request whose content is at hand: signature, freshness, content, and last of all its nonce. On failure answer
 * the peer with apiseal_error_http_status() and nothing more.
 */
APISEAL_MUST_USE
apiseal_status apiseal_verify(const struct apiseal_verifier *verifier,
                              const struct apiseal_message *message,
                              struct apiseal_verified **out,
                              struct apiseal_error **err);

/**
 * Verifies the response to a request that was signed here, once for each.
 */
APISEAL_MUST_USE
apiseal_status apiseal_verify_response(const struct apiseal_verifier *verifier,
                                       const struct apiseal_message *message,
                                       const struct apiseal_signed *request,
                                       struct apiseal_verified **out,
                                       struct apiseal_error **err);

/**
 * Verifies the response to a request that was signed elsewhere and verified as it was sent, once for each.
 */
APISEAL_MUST_USE
apiseal_status apiseal_verify_response_to_verified(const struct apiseal_verifier *verifier,
                                                   const struct apiseal_message *message,
                                                   const struct apiseal_verified *request,
                                                   struct apiseal_verified **out,
                                                   struct apiseal_error **err);

/**
 * Verifies the response to any request; only for profiles that do not bind responses by the nonce.
 */
APISEAL_MUST_USE
apiseal_status apiseal_verify_response_unbound(const struct apiseal_verifier *verifier,
                                               const struct apiseal_message *message,
                                               const struct apiseal_message *request,
                                               struct apiseal_verified **out,
                                               struct apiseal_error **err);

/**
 * The value of an Accept-Signature field that asks for what the profile demands of requests.
 */
APISEAL_MUST_USE
apiseal_status apiseal_verifier_accept_signature(const struct apiseal_verifier *verifier,
                                                 struct apiseal_bytes label,
                                                 struct apiseal_buffer *out,
                                                 struct apiseal_error **err);

/**
 * Another reference to the same verifier, to be freed by itself. NULL gives NULL.
 */
struct apiseal_verifier *apiseal_verifier_clone(const struct apiseal_verifier *verifier);

/**
 * Frees a verifier; NULL is accepted.
 */
void apiseal_verifier_free(struct apiseal_verifier *verifier);

/**
 * Version of the library, for example "0.1.0"; APISEAL_VERSION is that of the header.
 */
const char *apiseal_version(void);

/* Bytes of a C string, without its NUL. NULL gives no bytes. */
static inline apiseal_bytes apiseal_str(const char *text)
{
    apiseal_bytes bytes;
    bytes.data = (const uint8_t *)text;
    bytes.len = text ? strlen(text) : 0;
    return bytes;
}

/* Lends the bytes of a buffer. */
static inline apiseal_bytes apiseal_buffer_bytes(const apiseal_buffer *buffer)
{
    apiseal_bytes bytes;
    bytes.data = buffer->data;
    bytes.len = buffer->len;
    return bytes;
}

/* Ties every object file to this ABI: a library of another one does not link. */
#if defined(__GNUC__)
__attribute__((used))
#endif
static const uint8_t *const apiseal_abi = &apiseal_abi_1;

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* APISEAL_H */
