/* Those functions of bridge.h that make objects which call Go. */
#include "records.h"

#include "_cgo_export.h"

/* Functions of Go. */

static void release(void *data)
{
    apisealGoRelease((uintptr_t)data);
}

static uint64_t now(void *data)
{
    return apisealGoNow((uintptr_t)data);
}

static void event(void *data, const apiseal_event *event)
{
    apisealGoEvent((uintptr_t)data, (apiseal_event *)event);
}

static apiseal_outcome claim(void *data, const apiseal_claim *claim)
{
    return apisealGoClaim((uintptr_t)data, (apiseal_claim *)claim);
}

/* The library asks a signer on the thread of the call that signs, and takes a status from it and no reason. */
static _Thread_local uintptr_t why;

static int32_t sign(void *data, apiseal_bytes base, uint8_t *signature, size_t capacity, size_t *len)
{
    why = apisealGoSign((uintptr_t)data, base, signature, capacity, len);
    return why ? 1 : 0;
}

uintptr_t bridge_take_why(void)
{
    uintptr_t taken = why;
    why = 0;
    return taken;
}

static ptrdiff_t read_lines(void *data, uint8_t *into, size_t capacity)
{
    return apisealGoRead((uintptr_t)data, into, capacity);
}

ptrdiff_t bridge_decode(void *data, apiseal_bytes coding, apiseal_bytes content, uint8_t *into, size_t capacity)
{
    return apisealGoDecode((uintptr_t)data, coding, content, into, capacity);
}

static apiseal_clock clock_of(uintptr_t handle)
{
    apiseal_clock clock = {handle ? now : NULL, (void *)handle, handle ? release : NULL};
    return clock;
}

static apiseal_options options_of(const bridge_options *own)
{
    apiseal_options options = {clock_of(own->clock), {NULL, NULL, NULL}, own->limits, own->hedged_salts};
    if (own->audit) {
        options.audit.event = event;
        options.audit.data = (void *)own->audit;
        options.audit.release = release;
    }
    return options;
}

apiseal_status bridge_cipher_new(const apiseal_keyring *ring, const apiseal_policy *policy, const bridge_options *options,
                                 bridge_result *result)
{
    apiseal_options own = options_of(options);
    memset(result, 0, sizeof *result);
    return apiseal_cipher_new(ring, policy, &own, (apiseal_cipher **)&result->object, &result->error);
}

apiseal_status bridge_value_cipher_new(const apiseal_keyring *ring, apiseal_bytes label, const bridge_options *options,
                                       bridge_result *result)
{
    apiseal_options own = options_of(options);
    memset(result, 0, sizeof *result);
    return apiseal_value_cipher_new(ring, label, &own, (apiseal_value_cipher **)&result->object, &result->error);
}

apiseal_status bridge_signer_new(const apiseal_keyring *ring, const apiseal_profile *profile, apiseal_bytes key_id,
                                 apiseal_bytes label, bool debug_token, uintptr_t external,
                                 const bridge_options *options, bridge_result *result)
{
    apiseal_options own = options_of(options);
    apiseal_signer_options which = {key_id, label, debug_token, {NULL, NULL, NULL}};
    if (external) {
        which.external.sign = sign;
        which.external.data = (void *)external;
        which.external.release = release;
    }
    memset(result, 0, sizeof *result);
    return apiseal_signer_new(ring, profile, &which, &own, (apiseal_signer **)&result->object, &result->error);
}

apiseal_status bridge_verifier_new(const apiseal_keyring *ring, const apiseal_profile *profile,
                                   const apiseal_replay *replay, bridge_records settings, const bridge_options *options,
                                   bridge_result *result)
{
    reader from = reading(settings);
    pairs scope;
    apiseal_options own = options_of(options);
    apiseal_verifier_options which;
    memset(result, 0, sizeof *result);
    which.origins_len = (size_t)next_number(&from);
    apiseal_origin *origins = allocate(which.origins_len, sizeof *origins);
    for (size_t at = 0; at < which.origins_len; at++) {
        origins[at].received = next(&from);
        origins[at].scheme = next(&from);
        origins[at].authority = next(&from);
    }
    next_pairs(&from, &scope);
    which.origins = origins;
    which.scope = scope.items;
    which.scope_len = scope.len;
    apiseal_status status = apiseal_verifier_new(ring, profile, replay, &which, &own,
                                                 (apiseal_verifier **)&result->object, &result->error);
    free_pairs(&scope);
    free(origins);
    return status;
}

apiseal_status bridge_replay_memory(size_t capacity, size_t quota, uintptr_t clock, bridge_result *result)
{
    memset(result, 0, sizeof *result);
    return apiseal_replay_memory(capacity, quota, clock_of(clock), (apiseal_replay **)&result->object, &result->error);
}

apiseal_status bridge_replay_store(uintptr_t store, bridge_result *result)
{
    apiseal_replay_store own = {claim, (void *)store, release};
    memset(result, 0, sizeof *result);
    return apiseal_replay_callback(own, (apiseal_replay **)&result->object, &result->error);
}

apiseal_status bridge_lines(int operation, const apiseal_cipher *cipher, bridge_records context, size_t threads,
                            size_t max_line, uintptr_t source, bridge_result *result)
{
    reader from = reading(context);
    pairs own;
    apiseal_line_options options = {threads, max_line};
    apiseal_reader reader = {read_lines, (void *)source, release};
    apiseal_lines **out = (apiseal_lines **)&result->object;
    memset(result, 0, sizeof *result);
    next_pairs(&from, &own);
    apiseal_status status =
        operation == BRIDGE_ENCRYPT
            ? apiseal_encrypt_lines(cipher, own.items, own.len, &options, reader, out, &result->error)
            : apiseal_decrypt_lines(cipher, own.items, own.len, &options, reader, out, &result->error);
    free_pairs(&own);
    return status;
}
