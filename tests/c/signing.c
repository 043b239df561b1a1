/* Signatures from elsewhere, responses, what a verifier asks for, nonces in memory, and callbacks that call the library again. */
#include "check.h"

enum { NOW = 1800000000 };

static const char SEED[] = "fedcba9876543210fedcba9876543210";
static const char SECRET[] = "0123456789abcdef0123456789abcdef";
static const char OTHER[] = "000102030405060708090a0b0c0d0e0f";
static const char PROFILE[] = "{\"apiseal_profile\":1,\"id\":\"p\",\"extends\":\"rfc9421\",\"require\":[\"@method\",\"@path\"],"
                              "\"require_response\":[\"@status\"],\"request_tag\":\"q\",\"response_tag\":\"r\"}";

static uint64_t now(void *data)
{
    return *(uint64_t *)data;
}

static apiseal_profile *strict(void)
{
    apiseal_profile *made, *profile;
    OK(apiseal_profile_v1(&made, NULL));
    profile = apiseal_profile_clone(made);
    apiseal_profile_free(made);
    CHECK(is(apiseal_profile_id(profile), "apiseal-v1"));
    return profile;
}

static apiseal_key *named(apiseal_key *plain, const char *direction, const char *profile)
{
    apiseal_bytes profiles = apiseal_str(profile);
    apiseal_key_options about = {0};
    apiseal_key *key;
    about.principal = apiseal_str("acme");
    about.direction = apiseal_str(direction);
    about.profiles = &profiles;
    about.profiles_len = 1;
    OK(apiseal_key_with(plain, &about, &key, NULL));
    apiseal_key_free(plain);
    return key;
}

static apiseal_key *key_of(const char *id, const char *suite, const char *secret, const char *direction, const char *profile)
{
    apiseal_key *plain;
    OK(apiseal_key_raw(apiseal_str(id), apiseal_str(suite), apiseal_str(secret), &plain, NULL));
    return named(plain, direction, profile);
}

static apiseal_keyring *ring_of(apiseal_key *first, apiseal_key *second)
{
    apiseal_ring_entry entries[] = {{first, false}, {second, false}};
    apiseal_keyring *ring;
    OK(apiseal_keyring_new(apiseal_str(""), 0, entries, second ? 2 : 1, &ring, NULL));
    apiseal_key_free(first);
    apiseal_key_free(second);
    return ring;
}

static apiseal_message get(apiseal_header *lines, size_t len)
{
    apiseal_message message = {0};
    message.method = apiseal_str("GET");
    message.scheme = apiseal_str("https");
    message.authority = apiseal_str("api.example");
    message.target = apiseal_str("/orders/7");
    message.headers = lines;
    message.headers_len = len;
    return message;
}

/* An external signer that has one signature. */
typedef struct {
    apiseal_bytes base;
    uint8_t signature[64];
    size_t len;
    int status, asked, released;
} module;

static int32_t sign_outside(void *data, apiseal_bytes base, uint8_t *signature, size_t capacity, size_t *len)
{
    module *own = data;
    CHECK(capacity >= 64 && base.len == own->base.len && memcmp(base.data, own->base.data, base.len) == 0);
    own->asked++;
    memcpy(signature, own->signature, 64);
    *len = own->len;
    return own->status;
}

static void release(void *data)
{
    ((module *)data)->released++;
}

/* The bytes of "sig=:…:". */
static void decode(apiseal_bytes field, uint8_t *out)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    int have = 0;
    for (size_t at = 5; field.data[at] != ':' && field.data[at] != '='; at++) {
        bits = bits << 6 | (uint32_t)(strchr(ALPHABET, field.data[at]) - ALPHABET);
        have += 6;
        if (have >= 8) {
            have -= 8;
            *out++ = (uint8_t)(bits >> have);
        }
    }
}

static void external(void)
{
    uint64_t time = NOW;
    apiseal_options options = {0};
    options.clock.now = now;
    options.clock.data = &time;
    apiseal_profile *profile;
    OK(apiseal_profile_from_json(apiseal_str(PROFILE), &profile, NULL));

    /* The private key, somewhere else. */
    apiseal_key *secret = key_of("hsm", "ed25519", SEED, "req", "p"), *public;
    apiseal_buffer jwk;
    OK(apiseal_key_to_jwk(secret, &jwk, NULL));
    OK(apiseal_key_from_jwk(apiseal_str("hsm"), apiseal_str("ed25519"), apiseal_buffer_bytes(&jwk), &public, NULL));
    apiseal_buffer_free(&jwk);
    apiseal_keyring *elsewhere = ring_of(secret, NULL);
    apiseal_keyring *here = ring_of(named(public, "req", "p"), key_of("shared", "hmac-sha256", SECRET, "req", "p"));
    apiseal_signer *signer;
    apiseal_signed *expected;
    apiseal_header lines[4], others[4];
    apiseal_message message = get(NULL, 0);
    OK(apiseal_signer_new(elsewhere, profile, NULL, &options, &signer, NULL));
    OK(apiseal_sign(signer, &message, &expected, NULL));
    CHECK(apiseal_signed_headers(expected, lines, 4) == 2 && apiseal_signed_nonce(expected).data == NULL);
    apiseal_signer_free(signer);

    module hsm = {apiseal_signed_base(expected), {0}, 64, 0, 0, 0};
    decode(lines[1].value, hsm.signature);
    apiseal_signer_options about = {0};
    about.external.sign = sign_outside;
    about.external.data = &hsm;
    about.external.release = release;
    OK(apiseal_signer_new(here, profile, &about, &options, &signer, NULL));
    apiseal_signer *again = apiseal_signer_clone(signer);
    apiseal_signer_free(signer);
    apiseal_signed *made;
    OK(apiseal_sign(again, &message, &made, NULL));
    CHECK(apiseal_signed_headers(made, others, 4) == 2 && hsm.asked == 1);
    CHECK(others[1].value.len == lines[1].value.len && memcmp(others[1].value.data, lines[1].value.data, lines[1].value.len) == 0);
    apiseal_signed_free(made);

    /* What fails, tells too much or does not verify is not sent. */
    hsm.status = -1;
    CHECK(apiseal_sign(again, &message, &made, NULL) == APISEAL_E_EXTERNAL_SIGNER && made == NULL);
    hsm.status = 0;
    hsm.len = SIZE_MAX;
    CHECK(apiseal_sign(again, &message, &made, NULL) == APISEAL_E_EXTERNAL_SIGNER && made == NULL);
    hsm.len = 63;
    CHECK(apiseal_sign(again, &message, &made, NULL) == APISEAL_E_EXTERNAL_SIGNER && made == NULL);
    hsm.len = 64;
    hsm.signature[0] ^= 1;
    CHECK(apiseal_sign(again, &message, &made, NULL) == APISEAL_E_EXTERNAL_SIGNER && made == NULL);
    CHECK(hsm.asked == 5 && hsm.released == 0);
    apiseal_signer_free(again);
    CHECK(hsm.released == 1);
    about.key_id = apiseal_str("shared");
    OK(apiseal_signer_new(here, profile, &about, &options, &signer, NULL));
    CHECK(apiseal_sign(signer, &message, &made, NULL) == APISEAL_E_NOT_SIGNABLE && hsm.asked == 5);
    apiseal_signer_free(signer);

    apiseal_signed_free(expected);
    apiseal_keyring_free(elsewhere);
    apiseal_keyring_free(here);
    apiseal_profile_free(profile);
}

/* A client and a service with a store in memory. */
static void responses(void)
{
    uint64_t time = NOW;
    apiseal_options options = {0};
    apiseal_clock clock = {now, &time, NULL};
    apiseal_replay *made, *store;
    apiseal_profile *profile = strict();
    apiseal_keyring *ring =
        ring_of(key_of("c", "hmac-sha256", SECRET, "req", "apiseal-v1"), key_of("s", "hmac-sha256", OTHER, "res", "apiseal-v1"));
    apiseal_signer *signer;
    apiseal_verifier *first, *verifier;
    OK(apiseal_replay_memory(2, 1, clock, &made, NULL));
    store = apiseal_replay_clone(made);
    apiseal_replay_free(made);
    time += 100;
    options.clock = clock;
    OK(apiseal_signer_new(ring, profile, NULL, &options, &signer, NULL));
    OK(apiseal_verifier_new(ring, profile, store, NULL, &options, &first, NULL));
    verifier = apiseal_verifier_clone(first);
    apiseal_verifier_free(first);

    /* What the service asks for, the client covers, as far as it can. */
    apiseal_buffer asked;
    OK(apiseal_verifier_accept_signature(verifier, apiseal_str("mine"), &asked, NULL));
    CHECK(holds(apiseal_buffer_bytes(&asked), "mine=(\"@method\" \"@authority\" \"@path\" \"@query\")"));
    apiseal_buffer_free(&asked);
    apiseal_header lines[4] = {{apiseal_str("x-a"), apiseal_str("1")}};
    apiseal_message request = get(lines, 1);
    apiseal_signed *sent;
    OK(apiseal_sign_accepting(signer, &request, apiseal_str("mine=(\"x-a\" \"x-b\");nonce=\"theirs\""), &sent, NULL));
    CHECK(holds(apiseal_signed_ignored(sent, 0), "\"x-b\"") && holds(apiseal_signed_ignored(sent, 1), "nonce"));
    CHECK(apiseal_signed_ignored(sent, 2).data == NULL && apiseal_signed_nonce(sent).len == 22);
    request.headers_len += apiseal_signed_headers(sent, lines + 1, 3);

    apiseal_verified *verified, *none;
    OK(apiseal_verify(verifier, &request, &verified, NULL));
    CHECK(apiseal_verified_len(verified) == 1 && is(apiseal_verified_key_id(verified, 0), "c"));
    CHECK(is(apiseal_verified_label(verified, 0), "mine") && is(apiseal_verified_tag(verified, 0), "apiseal-req-v1"));
    CHECK(apiseal_verified_created(verified, 0) == NOW + 100 && apiseal_verified_nonce(verified, 0).len == 22);
    CHECK(is(apiseal_verified_component(verified, 0, apiseal_str("x-a")), "1"));
    CHECK(apiseal_verified_component(verified, 0, apiseal_str("x-b")).data == NULL);
    apiseal_header covered[8];
    CHECK(apiseal_verified_components(verified, 0, covered, 8) == 5 && is(covered[4].value, "1"));
    CHECK(apiseal_verified_scope(verified, 0, covered, 8) == 0);
    /* There is no second proof. */
    CHECK(apiseal_verified_key_id(verified, 1).data == NULL && apiseal_verified_created(verified, 1) == 0);
    CHECK(apiseal_verify(verifier, &request, &none, NULL) == APISEAL_E_REPLAYED && none == NULL);
    /* One nonce is this principal's share. */
    apiseal_signed *second;
    apiseal_header more[4];
    apiseal_message another = get(more, 0);
    apiseal_error *error;
    OK(apiseal_sign(signer, &another, &second, NULL));
    another.headers_len = apiseal_signed_headers(second, more, 4);
    CHECK(apiseal_verify(verifier, &another, &none, &error) == APISEAL_E_REPLAY_FULL && apiseal_error_http_status(error) == 503);
    apiseal_error_free(error);

    apiseal_header answer[4];
    apiseal_message response = {0};
    apiseal_signed *answered, *twice;
    response.status = 404;
    response.headers = answer;
    OK(apiseal_sign_response(signer, &response, verified, &answered, NULL));
    response.headers_len = apiseal_signed_headers(answered, answer, 4);
    CHECK(apiseal_sign_response(signer, &response, verified, &twice, NULL) == APISEAL_E_NOT_SIGNABLE && twice == NULL);
    CHECK(apiseal_verify_response(verifier, &response, second, &none, NULL) == APISEAL_E_RESPONSE_MISMATCH && none == NULL);
    apiseal_message changed = response;
    changed.status = 200;
    CHECK(apiseal_verify_response(verifier, &changed, sent, &none, NULL) == APISEAL_E_SIGNATURE_INVALID);
    apiseal_explanation *why;
    apiseal_changes changes;
    OK(apiseal_explain_response(verifier, &changed, sent, NULL, &why, NULL));
    OK(apiseal_explanation_changes(why, &changes, NULL));
    CHECK(changes.len == 1 && is(changes.items[0].kind, "status") && is(changes.items[0].signed_value, "404"));
    CHECK(holds(apiseal_explanation_signed_base(why), "\"@status\": 404"));
    apiseal_changes_free(&changes);
    apiseal_explanation_free(why);
    CHECK(apiseal_verify_response_unbound(verifier, &response, &request, &none, NULL) == APISEAL_E_RESPONSE_MISMATCH);
    apiseal_verified *accepted;
    OK(apiseal_verify_response(verifier, &response, sent, &accepted, NULL));
    CHECK(is(apiseal_verified_key_id(accepted, 0), "s"));
    CHECK(apiseal_verify_response(verifier, &response, sent, &none, NULL) == APISEAL_E_REPLAYED);

    apiseal_texts remarks;
    OK(apiseal_profile_lint(profile, &request, &remarks, NULL));
    apiseal_texts_free(&remarks);
    apiseal_verified_free(accepted);
    apiseal_verified_free(verified);
    apiseal_signed_free(answered);
    apiseal_signed_free(second);
    apiseal_signed_free(sent);
    apiseal_verifier_free(verifier);
    apiseal_signer_free(signer);
    apiseal_replay_free(store);
    apiseal_keyring_free(ring);
    apiseal_profile_free(profile);
}

/* What callbacks work on that call the library again. */
typedef struct {
    apiseal_keyring *ring;
    const apiseal_verifier *verifier;
    const apiseal_message *request;
    int depth, events, claims;
} nested;

static void heard(void *data, const apiseal_event *event)
{
    nested *own = data;
    own->events++;
    /* Keys may be exchanged while one is in use. */
    apiseal_keyring *newer;
    apiseal_key *key;
    OK(apiseal_key_generate(apiseal_str(""), apiseal_str("seal"), apiseal_str("aes-256-gcm"), &key, NULL));
    OK(apiseal_keyring_with_key(own->ring, key, &newer, NULL));
    OK(apiseal_keyring_replace(own->ring, newer, NULL));
    apiseal_key_free(key);
    apiseal_keyring_free(newer);
    CHECK(is(event->operation, "verify"));
}

static apiseal_outcome claims(void *data, const apiseal_claim *claim)
{
    nested *own = data;
    CHECK(claim->principal.len == 4);
    own->claims++;
    if (own->depth++ > 0) {
        return APISEAL_OUTCOME_FIRST;
    }
    /* The same message, verified while its own nonce is being claimed. */
    apiseal_verified *inner;
    OK(apiseal_verify(own->verifier, own->request, &inner, NULL));
    apiseal_verified_free(inner);
    return APISEAL_OUTCOME_SEEN;
}

static void callbacks(void)
{
    apiseal_profile *profile = strict();
    nested own = {ring_of(key_of("c", "hmac-sha256", SECRET, "req", "apiseal-v1"), NULL), NULL, NULL, 0, 0, 0};
    apiseal_replay_store store = {claims, &own, NULL};
    apiseal_options options = {0};
    apiseal_replay *replay;
    apiseal_signer *signer;
    apiseal_verifier *verifier;
    apiseal_signed *made;
    apiseal_header lines[4];
    apiseal_message request = get(lines, 0);
    options.audit.event = heard;
    options.audit.data = &own;
    OK(apiseal_replay_callback(store, &replay, NULL));
    OK(apiseal_signer_new(own.ring, profile, NULL, NULL, &signer, NULL));
    OK(apiseal_verifier_new(own.ring, profile, replay, NULL, &options, &verifier, NULL));
    OK(apiseal_sign(signer, &request, &made, NULL));
    request.headers_len = apiseal_signed_headers(made, lines, 4);
    own.verifier = verifier;
    own.request = &request;
    apiseal_verified *none;
    CHECK(apiseal_verify(verifier, &request, &none, NULL) == APISEAL_E_REPLAYED && none == NULL);
    CHECK(own.claims == 2 && own.events == 2 && apiseal_keyring_len(own.ring) == 3);

    apiseal_signed_free(made);
    apiseal_verifier_free(verifier);
    apiseal_signer_free(signer);
    apiseal_replay_free(replay);
    apiseal_keyring_free(own.ring);
    apiseal_profile_free(profile);
}

int main(void)
{
    external();
    responses();
    callbacks();
    return 0;
}
