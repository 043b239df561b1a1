/*
 * Does what it is told on standard input through the C ABI, for tests/c/test_c.py: the shared vectors, and exchange with
 * the other languages. A frame is a count and so many strings; a string is a length and its bytes. Numbers are 32 bits,
 * the lowest byte first; numbers within a frame are decimal texts. The answer is "ok" and results, or "error", the code
 * and the sentence.
 */
#include <apiseal.h>
#include <stdio.h>
#include <stdlib.h>

/* The frame at hand, and how far it was read. */
static apiseal_bytes *frame;
static size_t frame_len, frame_at;

/* The answer so far. */
static apiseal_bytes answer[4096];
static size_t answer_len;

static void fail(const char *why)
{
    fprintf(stderr, "driver: %s\n", why);
    exit(2);
}

static int read_number(uint32_t *number)
{
    uint8_t bytes[4];
    if (fread(bytes, 1, 4, stdin) != 4) {
        return 0;
    }
    *number = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return 1;
}

static int read_frame(void)
{
    uint32_t count, len;
    if (!read_number(&count)) {
        return 0;
    }
    frame = calloc(count ? count : 1, sizeof *frame);
    frame_len = count;
    frame_at = 0;
    for (size_t at = 0; at < count; at++) {
        if (!read_number(&len)) {
            fail("the frame is cut");
        }
        /* Exactly as many bytes as there are: whoever reads further is caught by the sanitizer. */
        uint8_t *data = malloc(len ? len : 1);
        if (fread(data, 1, len, stdin) != len) {
            fail("the string is cut");
        }
        frame[at].data = data;
        frame[at].len = len;
    }
    return 1;
}

static void free_frame(void)
{
    for (size_t at = 0; at < frame_len; at++) {
        free((void *)frame[at].data);
    }
    free(frame);
}

static apiseal_bytes next(void)
{
    if (frame_at >= frame_len) {
        fail("the frame is too short");
    }
    return frame[frame_at++];
}

static uint64_t next_number(void)
{
    apiseal_bytes text = next();
    uint64_t number = 0;
    for (size_t at = 0; at < text.len; at++) {
        number = number * 10 + (uint64_t)(text.data[at] - '0');
    }
    return number;
}

static void say(apiseal_bytes bytes)
{
    if (answer_len >= sizeof answer / sizeof *answer) {
        fail("the answer is too long");
    }
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1);
    if (bytes.len) {
        memcpy(copy, bytes.data, bytes.len);
    }
    answer[answer_len].data = copy;
    answer[answer_len++].len = bytes.len;
}

static void say_number(uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    say(apiseal_str(text));
}

static void write_number(size_t number)
{
    uint8_t bytes[4] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16), (uint8_t)(number >> 24)};
    fwrite(bytes, 1, 4, stdout);
}

static void write_answer(void)
{
    write_number(answer_len);
    for (size_t at = 0; at < answer_len; at++) {
        write_number(answer[at].len);
        fwrite(answer[at].data, 1, answer[at].len, stdout);
        free((void *)answer[at].data);
    }
    answer_len = 0;
    fflush(stdout);
}

/*
 * Turns the answer into an error if there is one, and frees it. It takes the address: C does not say whether an argument
 * `error` would be read before or after the call that sets it.
 */
static int failed(apiseal_status status, apiseal_error **place)
{
    apiseal_error *error = *place;
    if (status == APISEAL_OK) {
        if (error) {
            fail("an error came with success");
        }
        return 0;
    }
    if (!error || apiseal_error_code(error) != status) {
        fail("status and error differ");
    }
    say(apiseal_str("error"));
    say_number(status);
    say(apiseal_str(apiseal_error_message(error)));
    apiseal_error_free(error);
    return 1;
}

/* Pieces of frames. */

typedef struct {
    apiseal_pair pairs[64];
    size_t len;
} pairs;

static void next_pairs(pairs *into)
{
    into->len = next_number();
    if (into->len > 64) {
        fail("too many pairs");
    }
    for (size_t at = 0; at < into->len; at++) {
        into->pairs[at].name = next();
        into->pairs[at].value = next();
    }
}

typedef struct {
    apiseal_header headers[256], trailers[16];
    apiseal_message message;
} message;

static size_t next_lines(apiseal_header *into, size_t capacity)
{
    size_t len = next_number();
    if (len > capacity) {
        fail("too many lines");
    }
    for (size_t at = 0; at < len; at++) {
        into[at].name = next();
        into[at].value = next();
    }
    return len;
}

static void next_message(message *into)
{
    memset(&into->message, 0, sizeof into->message);
    into->message.status = (uint16_t)next_number();
    into->message.http2 = next_number() != 0;
    into->message.method = next();
    into->message.scheme = next();
    into->message.authority = next();
    into->message.target = next();
    into->message.headers = into->headers;
    into->message.headers_len = next_lines(into->headers, 256);
    into->message.trailers = into->trailers;
    into->message.trailers_len = next_lines(into->trailers, 16);
    into->message.body = next();
}

/* One key: kind, id, purpose, suite, secret, state, primary, principal, direction, profile, scope. */
static int next_key(apiseal_ring_entry *into)
{
    apiseal_error *error;
    apiseal_key *plain, *key;
    apiseal_bytes kind = next(), id = next(), purpose = next(), suite = next(), secret = next();
    apiseal_status status = kind.len == 3 /* raw */
                                ? apiseal_key_raw(id, suite, secret, &plain, &error)
                                : apiseal_hazmat_key_from_secret(id, purpose, suite, secret, &plain, &error);
    apiseal_key_options about;
    memset(&about, 0, sizeof about);
    about.state = next();
    into->primary = next_number() != 0;
    about.principal = next();
    about.direction = next();
    apiseal_bytes profile = next();
    about.profiles = &profile;
    about.profiles_len = profile.len ? 1 : 0;
    pairs scope;
    next_pairs(&scope);
    about.scope = scope.pairs;
    about.scope_len = scope.len;
    if (failed(status, &error)) {
        return 0;
    }
    status = apiseal_key_with(plain, &about, &key, &error);
    apiseal_key_free(plain);
    into->key = key;
    return !failed(status, &error);
}

/* NULL after a failure, which is the answer then. */
static apiseal_keyring *next_ring(void)
{
    apiseal_ring_entry entries[64];
    size_t len = next_number(), made = 0;
    if (len > 64) {
        fail("too many keys");
    }
    while (made < len && next_key(&entries[made])) {
        made++;
    }
    apiseal_keyring *ring = NULL;
    if (made == len) {
        apiseal_error *error;
        apiseal_status status = apiseal_keyring_new(apiseal_str(""), 0, entries, len, &ring, &error);
        if (failed(status, &error)) {
            ring = NULL;
        }
    }
    for (size_t at = 0; at < made; at++) {
        apiseal_key_free((apiseal_key *)entries[at].key);
    }
    return ring;
}

static uint64_t now;

static uint64_t tell_now(void *data)
{
    return *(const uint64_t *)data;
}

static apiseal_options options(void)
{
    apiseal_options options;
    memset(&options, 0, sizeof options);
    options.clock.now = tell_now;
    options.clock.data = &now;
    return options;
}

static apiseal_profile *next_profile(void)
{
    apiseal_error *error;
    apiseal_profile *profile;
    apiseal_bytes json = next();
    apiseal_status status =
        json.len ? apiseal_profile_from_json(json, &profile, &error) : apiseal_profile_v1(&profile, &error);
    return failed(status, &error) ? NULL : profile;
}

/* What can be asked for. */

static void crypt(int encrypts)
{
    apiseal_error *error;
    apiseal_policy *policy = NULL;
    apiseal_cipher *cipher = NULL;
    pairs context;
    now = next_number();
    apiseal_bytes json = next();
    next_pairs(&context);
    apiseal_bytes document = next();
    apiseal_keyring *ring = next_ring();
    apiseal_options own = options();
    apiseal_buffer out;
    if (ring && !failed(apiseal_policy_from_json(json, &policy, &error), &error) &&
        !failed(apiseal_cipher_new(ring, policy, &own, &cipher, &error), &error)) {
        apiseal_status status =
            encrypts ? apiseal_encrypt(cipher, context.pairs, context.len, document, &out, &error)
                     : apiseal_decrypt(cipher, context.pairs, context.len, document, &out, &error);
        if (!failed(status, &error)) {
            say(apiseal_str("ok"));
            say(apiseal_buffer_bytes(&out));
        }
        apiseal_buffer_free(&out);
    }
    apiseal_cipher_free(cipher);
    apiseal_policy_free(policy);
    apiseal_keyring_free(ring);
}

static void locate(void)
{
    apiseal_error *error;
    apiseal_locations found;
    apiseal_bytes document = next(), query = next();
    if (!failed(apiseal_locate(document, query, NULL, &found, &error), &error)) {
        say(apiseal_str("ok"));
        for (size_t at = 0; at < found.len; at++) {
            say(found.items[at].path);
            say_number(found.items[at].start);
            say_number(found.items[at].end);
        }
    }
    apiseal_locations_free(&found);
}

static void describe(const apiseal_keyring *ring)
{
    say(apiseal_str("ok"));
    for (size_t at = 0; at < apiseal_keyring_len(ring); at++) {
        apiseal_error *error;
        apiseal_key *key;
        if (apiseal_keyring_key(ring, at, &key, &error) != APISEAL_OK) {
            fail("a key is missing");
        }
        say(apiseal_key_id(key));
        say(apiseal_key_purpose(key));
        say(apiseal_key_suite(key));
        say(apiseal_key_state(key));
        apiseal_key_free(key);
    }
}

static void keyring_open(void)
{
    apiseal_error *error;
    apiseal_keyring *ring;
    apiseal_bytes file = next(), name = next();
    apiseal_wrap wrap = {next(), next()};
    if (!failed(apiseal_keyring_open(file, name, &wrap, 0, &ring, &error), &error)) {
        describe(ring);
    }
    apiseal_keyring_free(ring);
}

static void keyring_seal(void)
{
    apiseal_error *error;
    apiseal_buffer file;
    apiseal_bytes name = next();
    apiseal_wrap wrap = {next(), next()};
    apiseal_keyring *ring = next_ring();
    if (ring && !failed(apiseal_keyring_seal(ring, name, &wrap, &file, &error), &error)) {
        say(apiseal_str("ok"));
        say(apiseal_buffer_bytes(&file));
        apiseal_buffer_free(&file);
    }
    apiseal_keyring_free(ring);
}

static void say_signed(const apiseal_signed *made)
{
    apiseal_header lines[3];
    size_t len = apiseal_signed_headers(made, lines, 3);
    say(apiseal_str("ok"));
    for (size_t at = 0; at < len; at++) {
        say(lines[at].name);
        say(lines[at].value);
    }
}

static void say_verified(const apiseal_verified *verified)
{
    apiseal_header components[64];
    say(apiseal_str("ok"));
    say(apiseal_verified_key_id(verified, 0));
    say(apiseal_verified_principal(verified, 0));
    say(apiseal_verified_base(verified, 0));
    say_number(apiseal_verified_body_proved(verified));
    size_t len = apiseal_verified_components(verified, 0, components, 64);
    for (size_t at = 0; at < len && at < 64; at++) {
        apiseal_bytes value = apiseal_verified_component(verified, 0, components[at].name);
        if (value.len != components[at].value.len || memcmp(value.data, components[at].value.data, value.len) != 0) {
            fail("a component has two values");
        }
    }
}

static void sign(void)
{
    apiseal_error *error;
    apiseal_signer *signer = NULL;
    apiseal_signed *made = NULL;
    static message request;
    now = next_number();
    apiseal_profile *profile = next_profile();
    apiseal_signer_options which;
    memset(&which, 0, sizeof which);
    which.key_id = next();
    which.label = next();
    next_message(&request);
    apiseal_options own = options();
    apiseal_keyring *ring = profile ? next_ring() : NULL;
    if (ring && !failed(apiseal_signer_new(ring, profile, &which, &own, &signer, &error), &error) &&
        !failed(apiseal_sign(signer, &request.message, &made, &error), &error)) {
        say_signed(made);
    }
    apiseal_signed_free(made);
    apiseal_signer_free(signer);
    apiseal_profile_free(profile);
    apiseal_keyring_free(ring);
}

/* `responds`: a response follows the request. It is to be signed (1), or verified (2). */
static void verify(int responds)
{
    apiseal_error *error;
    apiseal_replay *replay = NULL;
    apiseal_verifier *verifier = NULL;
    apiseal_verified *verified = NULL, *answered = NULL;
    apiseal_signer *signer = NULL;
    apiseal_signed *made = NULL;
    static message request, response;
    now = next_number();
    apiseal_profile *profile = next_profile();
    next_message(&request);
    if (responds) {
        next_message(&response);
    }
    apiseal_options own = options();
    apiseal_keyring *ring = profile ? next_ring() : NULL;
    if (ring && !failed(apiseal_replay_unchecked(&replay, &error), &error) &&
        !failed(apiseal_verifier_new(ring, profile, replay, NULL, &own, &verifier, &error), &error) &&
        !failed(apiseal_verify(verifier, &request.message, &verified, &error), &error)) {
        if (responds == 0) {
            say_verified(verified);
        } else if (responds == 1) {
            if (!failed(apiseal_signer_new(ring, profile, NULL, &own, &signer, &error), &error) &&
                !failed(apiseal_sign_response(signer, &response.message, verified, &made, &error), &error)) {
                say_signed(made);
            }
        } else if (!failed(apiseal_verify_response_to_verified(verifier, &response.message, verified, &answered, &error),
                           &error)) {
            say_verified(answered);
        }
    }
    apiseal_signed_free(made);
    apiseal_signer_free(signer);
    apiseal_verified_free(answered);
    apiseal_verified_free(verified);
    apiseal_verifier_free(verifier);
    apiseal_replay_free(replay);
    apiseal_profile_free(profile);
    apiseal_keyring_free(ring);
}

static int asks(apiseal_bytes op, const char *name)
{
    return op.len == strlen(name) && memcmp(op.data, name, op.len) == 0;
}

int main(void)
{
    while (read_frame()) {
        apiseal_bytes op = next();
        if (asks(op, "encrypt") || asks(op, "decrypt")) {
            crypt(asks(op, "encrypt"));
        } else if (asks(op, "locate")) {
            locate();
        } else if (asks(op, "keyring_open")) {
            keyring_open();
        } else if (asks(op, "keyring_seal")) {
            keyring_seal();
        } else if (asks(op, "sign")) {
            sign();
        } else if (asks(op, "verify")) {
            verify(0);
        } else if (asks(op, "sign_response")) {
            verify(1);
        } else if (asks(op, "verify_response")) {
            verify(2);
        } else {
            fail("there is no such operation");
        }
        write_answer();
        free_frame();
    }
    return 0;
}
