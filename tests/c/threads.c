/*
 * Objects are used from several threads at once, keys are replaced meanwhile, and after fork() parent and child make
 * different salts. Callbacks are released exactly once.
 */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 200 };

static const char DOCUMENT[] = "{\"id\": 1, \"pan\": \"4111\"}";

typedef struct {
    atomic_int events, claims, released;
} counters;

static void on_event(void *data, const apiseal_event *event)
{
    CHECK(event->failure == 0 && event->count == 1 && event->context_tag.len == 8);
    atomic_fetch_add(&((counters *)data)->events, 1);
}

static void on_release(void *data)
{
    atomic_fetch_add(&((counters *)data)->released, 1);
}

/* Knows one nonce. */
static apiseal_outcome on_claim(void *data, const apiseal_claim *claim)
{
    CHECK(claim->scope.len == 32 && claim->nonce.len == 22 && claim->until > claim->now);
    return atomic_fetch_add(&((counters *)data)->claims, 1) == 0 ? APISEAL_OUTCOME_FIRST : APISEAL_OUTCOME_SEEN;
}

/* A store that was made before today answers for today. */
static uint64_t on_the_eve(void *data)
{
    (void)data;
    return (uint64_t)time(NULL) - 86400;
}

static apiseal_keyring *generated(void)
{
    apiseal_keyring *ring;
    OK(apiseal_keyring_generate(apiseal_str("aes-256-gcm"), &ring, NULL));
    return ring;
}

static apiseal_pair context[] = {{{(const uint8_t *)"purpose", 7}, {(const uint8_t *)"tests", 5}}};

static void *work(void *data)
{
    const apiseal_cipher *cipher = data;
    for (int round = 0; round < ROUNDS; round++) {
        apiseal_buffer sealed, opened;
        OK(apiseal_encrypt(cipher, context, 1, apiseal_str(DOCUMENT), &sealed, NULL));
        OK(apiseal_decrypt(cipher, context, 1, apiseal_buffer_bytes(&sealed), &opened, NULL));
        CHECK(opened.len == strlen(DOCUMENT) && memcmp(opened.data, DOCUMENT, opened.len) == 0);
        apiseal_buffer_free(&sealed);
        apiseal_buffer_free(&opened);
        apiseal_buffer_free(&opened);
    }
    return NULL;
}

static void threads(void)
{
    counters counted = {0};
    apiseal_keyring *ring = generated();
    apiseal_policy *policy;
    apiseal_cipher *cipher;
    OK(apiseal_policy_from_json(apiseal_str("{\"apiseal_policy\":1,\"id\":\"t\",\"rules\":[{\"path\":\"$.pan\",\"bind\":[]}]}"),
                                &policy, NULL));
    apiseal_options options = {0};
    options.audit.event = on_event;
    options.audit.data = &counted;
    options.audit.release = on_release;
    OK(apiseal_cipher_new(ring, policy, &options, &cipher, NULL));
    apiseal_policy_free(policy);

    pthread_t workers[THREADS];
    for (int at = 0; at < THREADS; at++) {
        CHECK(pthread_create(&workers[at], NULL, work, cipher) == 0);
    }
    /* The old key stays in the ring, so that what is on its way still opens. */
    for (int round = 0; round < 20; round++) {
        apiseal_key *key;
        apiseal_keyring *more, *newer;
        OK(apiseal_key_generate(apiseal_str(""), apiseal_str("seal"), apiseal_str("aes-256-gcm"), &key, NULL));
        OK(apiseal_keyring_with_key(ring, key, &more, NULL));
        OK(apiseal_keyring_promote(more, apiseal_key_id(key), &newer, NULL));
        OK(apiseal_keyring_replace(ring, newer, NULL));
        apiseal_key_free(key);
        apiseal_keyring_free(more);
        apiseal_keyring_free(newer);
    }
    for (int at = 0; at < THREADS; at++) {
        CHECK(pthread_join(workers[at], NULL) == 0);
    }
    CHECK(apiseal_keyring_len(ring) == 21 && apiseal_keyring_rev(ring) > 20);
    CHECK(counted.events == 2 * THREADS * ROUNDS && counted.released == 0);

    /* Case 36. */
    apiseal_buffer sealed;
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    OK(apiseal_encrypt(cipher, context, 1, apiseal_str(DOCUMENT), &sealed, NULL));
    if (child == 0) {
        CHECK(write(ends[1], sealed.data, sealed.len) == (ssize_t)sealed.len);
        _exit(0);
    }
    int status;
    char other[4096];
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    ssize_t len = read(ends[0], other, sizeof other);
    CHECK(len == (ssize_t)sealed.len && memcmp(other, sealed.data, sealed.len) != 0);
    apiseal_buffer_free(&sealed);

    apiseal_cipher *again = apiseal_cipher_clone(cipher);
    apiseal_cipher_free(cipher);
    CHECK(counted.released == 0);
    apiseal_cipher_free(again);
    CHECK(counted.released == 1);
    apiseal_keyring_free(ring);
}

typedef struct {
    const apiseal_verifier *verifier;
    const apiseal_signer *signer;
    const apiseal_message *request;
    atomic_int *accepted;
} copies;

static void *verify_copies(void *data)
{
    const copies *own = data;
    for (int round = 0; round < ROUNDS; round++) {
        apiseal_verified *verified;
        apiseal_signed *made;
        apiseal_status status = apiseal_verify(own->verifier, own->request, &verified, NULL);
        CHECK(status == APISEAL_OK || status == APISEAL_E_REPLAYED);
        atomic_fetch_add(own->accepted, status == APISEAL_OK);
        apiseal_verified_free(verified);
        apiseal_message clear = *own->request;
        clear.headers_len = 0;
        OK(apiseal_sign(own->signer, &clear, &made, NULL));
        apiseal_signed_free(made);
    }
    return NULL;
}

/* Case 46: of all copies that several threads verify at once one is accepted. */
static void in_parallel(const apiseal_keyring *ring, const apiseal_profile *profile, const apiseal_signer *signer,
                        const apiseal_message *request)
{
    apiseal_replay *store;
    apiseal_verifier *verifier;
    atomic_int accepted = 0;
    OK(apiseal_replay_memory(10, 0, (apiseal_clock){on_the_eve, NULL, NULL}, &store, NULL));
    OK(apiseal_verifier_new(ring, profile, store, NULL, NULL, &verifier, NULL));
    copies own = {verifier, signer, request, &accepted};
    pthread_t workers[THREADS];
    for (int at = 0; at < THREADS; at++) {
        CHECK(pthread_create(&workers[at], NULL, verify_copies, &own) == 0);
    }
    for (int at = 0; at < THREADS; at++) {
        CHECK(pthread_join(workers[at], NULL) == 0);
    }
    CHECK(accepted == 1);
    apiseal_verifier_free(verifier);
    apiseal_replay_free(store);
}

/* Of many copies one is accepted; a call that fails releases what it was given. */
static void replay(void)
{
    counters counted = {0};
    apiseal_key *plain, *key;
    apiseal_keyring *ring;
    apiseal_profile *profile;
    apiseal_signer *signer;
    apiseal_replay *store;
    apiseal_verifier *verifier;
    apiseal_signed *made;
    OK(apiseal_key_raw(apiseal_str("k"), apiseal_str("hmac-sha256"), apiseal_str("0123456789abcdef0123456789abcdef"), &plain,
                       NULL));
    apiseal_key_options about = {0};
    about.direction = apiseal_str("req");
    OK(apiseal_key_with(plain, &about, &key, NULL));
    apiseal_ring_entry entry = {key, false};
    OK(apiseal_keyring_new(apiseal_str(""), 0, &entry, 1, &ring, NULL));
    OK(apiseal_profile_v1(&profile, NULL));
    OK(apiseal_signer_new(ring, profile, NULL, NULL, &signer, NULL));
    apiseal_replay_store callbacks = {on_claim, &counted, on_release};
    OK(apiseal_replay_callback(callbacks, &store, NULL));
    OK(apiseal_verifier_new(ring, profile, store, NULL, NULL, &verifier, NULL));

    apiseal_header lines[4];
    apiseal_message request = {0};
    request.method = apiseal_str("GET");
    request.scheme = apiseal_str("https");
    request.authority = apiseal_str("api.example");
    request.target = apiseal_str("/");
    request.headers = lines;
    OK(apiseal_sign(signer, &request, &made, NULL));
    request.headers_len = apiseal_signed_headers(made, lines, 4);
    CHECK(request.headers_len == 2);
    for (int copy = 0; copy < 5; copy++) {
        apiseal_verified *verified;
        apiseal_status status = apiseal_verify(verifier, &request, &verified, NULL);
        CHECK(status == (copy == 0 ? APISEAL_OK : APISEAL_E_REPLAYED));
        CHECK((verified != NULL) == (copy == 0));
        apiseal_verified_free(verified);
    }

    in_parallel(ring, profile, signer, &request);

    apiseal_cipher *none;
    apiseal_options options = {0};
    options.audit.event = on_event;
    options.audit.data = &counted;
    options.audit.release = on_release;
    CHECK(apiseal_cipher_new(ring, NULL, &options, &none, NULL) == APISEAL_E_INVALID_ARGUMENT && none == NULL);
    CHECK(counted.released == 1);
    apiseal_replay_free(store);
    CHECK(counted.released == 1);
    apiseal_verifier_free(verifier);
    CHECK(counted.released == 2 && counted.claims == 5);

    apiseal_signed_free(made);
    apiseal_signer_free(signer);
    apiseal_profile_free(profile);
    apiseal_keyring_free(ring);
    apiseal_key_free(key);
    apiseal_key_free(plain);
}

int main(void)
{
    threads();
    replay();
    return 0;
}
