/*
 * What Go calls: one function a job, so that one crossing does it. Whatever goes in and out is flat, so that Go lends
 * memory without pointers in it, and nothing needs to be pinned.
 *
 * A record is a length of 32 bits in the machine's order and so many bytes; ABSENT for what is not there. A number is 64
 * bits. Contexts, messages and facts are sequences of them: records.h and records.go agree on which.
 */
#ifndef APISEAL_BRIDGE_H
#define APISEAL_BRIDGE_H

#include "apiseal.h"

#define BRIDGE_ABSENT UINT32_MAX

/* Records that go in, lent for the call. */
typedef struct {
    const uint8_t *data;
    size_t len;
} bridge_records;

/* Room for records that come out, lent for the call. */
typedef struct {
    uint8_t *data;
    size_t cap;
} bridge_room;

/* What a job gives. */
typedef struct {
    apiseal_error *error;
    /* New objects, which are the caller's. */
    void *object;
    /* Length of the records in the room; they are in `records` instead if that is not NULL. */
    size_t len;
    uint8_t *records;
    size_t records_len;
    /* Lent by the object. */
    const uint8_t *body;
    size_t body_len;
    const void *part;
    /* The Go handle of why an external signer failed, which is the caller's; 0 if none did. */
    uintptr_t why;
} bridge_result;

/* Why the external signer of the last call on this thread failed; 0 the next time. */
uintptr_t bridge_take_why(void);

/*
 * The memory of a call, and what the next one may use of it. It is C's: nobody looks for pointers of Go in it, neither the
 * garbage collector nor the checks of a crossing.
 */
typedef struct {
    apiseal_status status;
    bridge_result result;
    uint8_t in[4096];
    uint8_t out[4096];
    /* A document that came out, whose memory is used again. */
    apiseal_buffer document;
    /* The context of the last document, and its records if Go knows it by them. */
    apiseal_context *context;
    size_t kept_len;
    uint8_t kept[1024];
} bridge_frame;

/* A frame as a call takes it, of a type that cgo cannot look into. */
typedef struct bridge_call bridge_call;

bridge_frame *bridge_frame_new(void);
void bridge_frame_free(bridge_frame *frame);

/* Numbers of Go handles; 0 stands for none. */
typedef struct {
    uintptr_t clock;
    uintptr_t audit;
    apiseal_limits limits;
    bool hedged_salts;
} bridge_options;

enum { BRIDGE_ENCRYPT, BRIDGE_DECRYPT };

/* Without records of a context it is the one that is kept in the frame. The status is in the frame too: cgo has less to do. */
void bridge_crypt(int operation, const apiseal_cipher *cipher, bridge_records context, apiseal_bytes document,
                  bridge_call *call);

enum { BRIDGE_VALUE_ENCRYPT, BRIDGE_VALUE_ENCRYPT_TEXT, BRIDGE_VALUE_DECRYPT, BRIDGE_VALUE_DECRYPT_TEXT };

apiseal_status bridge_value(int operation, const apiseal_value_cipher *cipher, bridge_records context_and_bound,
                            apiseal_bytes value, apiseal_buffer *out, bridge_result *result);

apiseal_status bridge_redact(const apiseal_redactor *redactor, apiseal_bytes document, apiseal_buffer *out,
                             bool *unreadable, bridge_result *result);

/* `request` NULL signs a request; `accept` is the value of an Accept-Signature field, NULL if there is none. */
apiseal_status bridge_sign(const apiseal_signer *signer, bridge_records message, apiseal_bytes body,
                           const apiseal_verified *request, apiseal_bytes accept, bridge_room facts,
                           bridge_result *result);

/* A request, or the response to one of the two; or to `unbound`, if it has records. */
apiseal_status bridge_verify(const apiseal_verifier *verifier, bridge_records message, apiseal_bytes body,
                             const apiseal_signed *sent, const apiseal_verified *relayed, bridge_records unbound,
                             bridge_room facts, bridge_result *result);

/* The facts of a verdict that came by another way. */
void bridge_verified_facts(const apiseal_verified *verified, bridge_room facts, bridge_result *result);

/* A request, or the response to `request`. */
apiseal_status bridge_protect(const apiseal_protector *protector, bridge_records message, apiseal_bytes body,
                              const apiseal_verified *request, bridge_records context, bridge_room facts,
                              bridge_result *result);

/* A request, or the response to `sent`. With `make`, a handle of a Go function, the context is made of what was proved. */
apiseal_status bridge_accept(const apiseal_acceptor *acceptor, bridge_records message, apiseal_bytes body,
                             const apiseal_signed *sent, bridge_records context, uintptr_t make, apiseal_buffer *document,
                             bridge_room facts, bridge_result *result);

/* The head of a request whose content follows. */
apiseal_status bridge_spool_begin(const apiseal_verifier *verifier, bridge_records message, bridge_result *result);

apiseal_status bridge_explain(const apiseal_verifier *verifier, bridge_records message, apiseal_bytes body,
                              const apiseal_signed *sent, const apiseal_verified *relayed, bridge_records options,
                              uintptr_t decode, bridge_room facts, bridge_result *result);

apiseal_status bridge_profile_lint(const apiseal_profile *profile, bridge_records message, apiseal_bytes body,
                                   apiseal_texts *out, apiseal_error **error);

/* Reads an error into records and frees it. */
void bridge_error(apiseal_error *error, bridge_room facts, bridge_result *result);

/* Frees records, wiped. */
void bridge_records_free(uint8_t *records, size_t len);

/* Objects with callbacks. */
apiseal_status bridge_cipher_new(const apiseal_keyring *ring, const apiseal_policy *policy, const bridge_options *options,
                                 bridge_result *result);
apiseal_status bridge_value_cipher_new(const apiseal_keyring *ring, apiseal_bytes label, const bridge_options *options,
                                       bridge_result *result);
apiseal_status bridge_signer_new(const apiseal_keyring *ring, const apiseal_profile *profile, apiseal_bytes key_id,
                                 apiseal_bytes label, bool debug_token, uintptr_t external,
                                 const bridge_options *options, bridge_result *result);
/* `settings`: origins (received, scheme, authority), then pairs of the scope. */
apiseal_status bridge_verifier_new(const apiseal_keyring *ring, const apiseal_profile *profile,
                                   const apiseal_replay *replay, bridge_records settings, const bridge_options *options,
                                   bridge_result *result);
apiseal_status bridge_replay_memory(size_t capacity, size_t quota, uintptr_t clock, bridge_result *result);
apiseal_status bridge_replay_store(uintptr_t store, bridge_result *result);
apiseal_status bridge_lines(int operation, const apiseal_cipher *cipher, bridge_records context, size_t threads,
                            size_t max_line, uintptr_t reader, bridge_result *result);

#endif
