/*
 * What a proxy module does: the head of a request is verified before the content arrives, the content is kept until its
 * digest holds, and only then decrypted. NDJSON goes through a reader.
 */
#include "check.h"

static apiseal_keyring *ring_with(const char *purpose, const char *suite)
{
    apiseal_keyring *ring;
    apiseal_key *plain, *key;
    apiseal_key_options about = {0};
    if (strcmp(purpose, "seal") == 0) {
        OK(apiseal_keyring_generate(apiseal_str(suite), &ring, NULL));
        return ring;
    }
    OK(apiseal_key_raw(apiseal_str("gateway"), apiseal_str(suite), apiseal_str("0123456789abcdef0123456789abcdef"), &plain,
                       NULL));
    about.principal = apiseal_str("gateway");
    about.direction = apiseal_str("req");
    OK(apiseal_key_with(plain, &about, &key, NULL));
    apiseal_ring_entry entry = {key, false};
    OK(apiseal_keyring_new(apiseal_str(""), 0, &entry, 1, &ring, NULL));
    apiseal_key_free(plain);
    apiseal_key_free(key);
    return ring;
}

/* A request in pieces of `step` bytes; gives the status of the last call. */
static apiseal_status in_pieces(const apiseal_verifier *verifier, const apiseal_message *request, apiseal_bytes content,
                                size_t step, apiseal_verified **verified)
{
    apiseal_message head = *request;
    apiseal_spool *spool;
    *verified = NULL;
    head.body.len = 0;
    apiseal_status status = apiseal_spool_begin(verifier, &head, &spool, NULL);
    for (size_t at = 0; status == APISEAL_OK && at < content.len; at += step) {
        apiseal_bytes piece = {content.data + at, content.len - at < step ? content.len - at : step};
        status = apiseal_spool_write(spool, piece, NULL);
    }
    if (status != APISEAL_OK) {
        apiseal_spool_free(spool);
        return status;
    }
    return apiseal_spool_finish(spool, verified, NULL);
}

typedef struct {
    const char *text;
    size_t at;
    int fails;
} source;

static ptrdiff_t read_some(void *data, uint8_t *into, size_t capacity)
{
    source *from = data;
    size_t left = strlen(from->text) - from->at;
    size_t len = left < capacity ? left : capacity;
    len = len < 50 ? len : 50;
    if (len == 0 && from->fails) {
        return -1;
    }
    memcpy(into, from->text + from->at, len);
    from->at += len;
    return (ptrdiff_t)len;
}

static void ndjson(const apiseal_cipher *cipher, const apiseal_pair *context)
{
    static const char TEXT[] = "{\"pan\":\"1\"}\n\n{\"none\":1}\n{\"pan\":\"2\"}\n{\"pan\":";
    for (size_t threads = 1; threads < 4; threads++) {
        source from = {TEXT, 0, 0};
        apiseal_reader reader = {read_some, &from, NULL};
        apiseal_line_options options = {threads, 0};
        apiseal_lines *lines;
        apiseal_block block;
        size_t done = 0, failed = 0;
        OK(apiseal_encrypt_lines(cipher, context, 1, &options, reader, &lines, NULL));
        do {
            OK(apiseal_lines_next(lines, &block, NULL));
            for (size_t at = 0; at < block.len; at++) {
                if (block.items[at].failure == 0) {
                    for (size_t byte = 0; byte < block.items[at].text.len; byte++) {
                        done += block.items[at].text.data[byte] == '\n';
                    }
                } else {
                    CHECK(block.items[at].number == (failed == 0 ? 3 : 5));
                    CHECK(block.items[at].failure == (failed == 0 ? APISEAL_E_NO_MATCH : APISEAL_E_MALFORMED_JSON));
                    CHECK(block.items[at].message.len > 0);
                    failed++;
                }
            }
            if (block.len == 0) {
                break;
            }
            apiseal_block_free(&block);
        } while (1);
        CHECK(done == 3 && failed == 2);
        apiseal_lines_free(lines);

        source broken = {TEXT, 0, 1};
        reader.data = &broken;
        OK(apiseal_decrypt_lines(cipher, context, 1, &options, reader, &lines, NULL));
        apiseal_status status;
        do {
            status = apiseal_lines_next(lines, &block, NULL);
            CHECK(status == APISEAL_E_CONTENT_SINK || (status == APISEAL_OK && block.len > 0));
            apiseal_block_free(&block);
        } while (status == APISEAL_OK);
        apiseal_lines_free(lines);
    }
}

/* Undoes what packs every content to one word. */
static ptrdiff_t unpack(void *data, apiseal_bytes coding, apiseal_bytes content, uint8_t *into, size_t capacity)
{
    const apiseal_bytes *clear = data;
    if (coding.len != 4 || content.len != 6 || clear->len > capacity) {
        return -1;
    }
    memcpy(into, clear->data, clear->len);
    return (ptrdiff_t)clear->len;
}

int main(void)
{
    apiseal_keyring *seal = ring_with("seal", "chacha20-poly1305"), *sign = ring_with("sig-raw", "hmac-sha256");
    apiseal_policy *policy;
    apiseal_cipher *cipher;
    OK(apiseal_policy_from_json(apiseal_str("{\"apiseal_policy\":1,\"id\":\"t\",\"rules\":[{\"path\":\"$.pan\",\"bind\":[]}]}"),
                                &policy, NULL));
    OK(apiseal_cipher_new(seal, policy, NULL, &cipher, NULL));
    apiseal_pair context = {apiseal_str("purpose"), apiseal_str("payments")};
    apiseal_buffer sealed;
    OK(apiseal_encrypt(cipher, &context, 1, apiseal_str("{\"id\": 7, \"pan\": \"4111\"}"), &sealed, NULL));

    apiseal_profile *profile;
    apiseal_signer *signer;
    OK(apiseal_profile_v1(&profile, NULL));
    OK(apiseal_signer_new(sign, profile, NULL, NULL, &signer, NULL));
    apiseal_header lines[4] = {{apiseal_str("content-type"), apiseal_str("application/json")}};
    apiseal_message request = {0};
    request.method = apiseal_str("POST");
    request.scheme = apiseal_str("https");
    request.authority = apiseal_str("api.example");
    request.target = apiseal_str("/payments");
    request.headers = lines;
    request.headers_len = 1;
    request.body = apiseal_buffer_bytes(&sealed);
    apiseal_signed *made;
    OK(apiseal_sign(signer, &request, &made, NULL));
    request.headers_len += apiseal_signed_headers(made, lines + 1, 3);

    /* The proxy talks to us as backend:8080. */
    apiseal_origin origin = {apiseal_str("backend:8080"), apiseal_str("https"), apiseal_str("api.example")};
    apiseal_verifier_options behind = {&origin, 1, NULL, 0};
    request.scheme = apiseal_str("http");
    request.authority = apiseal_str("backend:8080");
    for (size_t step = 1; step < 64; step += 9) {
        apiseal_replay *store;
        apiseal_verifier *verifier;
        apiseal_verified *verified;
        apiseal_clock clock = {0};
        OK(apiseal_replay_unchecked(&store, NULL));
        OK(apiseal_verifier_new(sign, profile, store, &behind, NULL, &verifier, NULL));
        apiseal_bytes content = request.body, changed = request.body;
        OK(in_pieces(verifier, &request, content, step, &verified));
        CHECK(apiseal_verified_body_proved(verified));
        apiseal_bytes authority = apiseal_verified_component(verified, 0, apiseal_str("@authority"));
        CHECK(authority.len == 11 && memcmp(authority.data, "api.example", 11) == 0);
        apiseal_buffer opened;
        OK(apiseal_decrypt(cipher, &context, 1, content, &opened, NULL));
        CHECK(opened.len == strlen("{\"id\": 7, \"pan\": \"4111\"}"));
        apiseal_buffer_free(&opened);
        apiseal_verified_free(verified);

        changed.len -= 1;
        CHECK(in_pieces(verifier, &request, changed, step, &verified) == APISEAL_E_DIGEST_MISMATCH && verified == NULL);

        /* Without the origin the signature fails, and the reason is told. */
        apiseal_verifier *direct;
        apiseal_explanation *found;
        apiseal_changes changes;
        apiseal_buffer text;
        OK(apiseal_verifier_new(sign, profile, store, NULL, NULL, &direct, NULL));
        apiseal_bytes client = apiseal_str("api.example");
        apiseal_explain_options tried = {.authorities = &client, .authorities_len = 1};
        OK(apiseal_explain(direct, &request, &tried, &found, NULL));
        CHECK(!apiseal_explanation_verifies(found) && apiseal_explanation_code(found) == APISEAL_E_SIGNATURE_INVALID);
        CHECK(apiseal_explanation_remaining(found) == 0);
        OK(apiseal_explanation_changes(found, &changes, NULL));
        CHECK(changes.len == 1 && changes.items[0].signed_value.len == 11);
        CHECK(memcmp(changes.items[0].signed_value.data, "api.example", 11) == 0);
        OK(apiseal_explanation_text(found, &text, NULL));
        CHECK(text.len > 40 && apiseal_explanation_base(found).len > 0);
        apiseal_buffer_free(&text);
        apiseal_changes_free(&changes);
        apiseal_explanation_free(found);

        /* A proxy packed the content on its way: with a decoder that is told. */
        apiseal_message packed = request;
        apiseal_header more[8];
        memcpy(more, request.headers, request.headers_len * sizeof *more);
        more[request.headers_len].name = apiseal_str("content-encoding");
        more[request.headers_len].value = apiseal_str("gzip");
        packed.headers = more;
        packed.headers_len = request.headers_len + 1;
        packed.body = apiseal_str("packed");
        tried.decode = unpack;
        tried.data = &request.body;
        OK(apiseal_explain(verifier, &packed, &tried, &found, NULL));
        OK(apiseal_explanation_changes(found, &changes, NULL));
        CHECK(changes.len == 1 && changes.items[0].kind.len == 15 && !memcmp(changes.items[0].kind.data, "content-encoded", 15));
        apiseal_changes_free(&changes);
        apiseal_explanation_free(found);
        tried.decode = NULL;
        OK(apiseal_explain(verifier, &packed, &tried, &found, NULL));
        CHECK(apiseal_explanation_remaining(found) != 0);
        apiseal_explanation_free(found);
        apiseal_verifier_free(direct);
        apiseal_verifier_free(verifier);
        apiseal_replay_free(store);

        /* A store in memory does not answer for what was signed before it was made. */
        OK(apiseal_replay_memory(10, 0, clock, &store, NULL));
        OK(apiseal_verifier_new(sign, profile, store, &behind, NULL, &verifier, NULL));
        CHECK(in_pieces(verifier, &request, content, step, &verified) == APISEAL_E_REPLAY_UNAVAILABLE);
        apiseal_verifier_free(verifier);
        apiseal_replay_free(store);
    }
    ndjson(cipher, &context);

    apiseal_signed_free(made);
    apiseal_signer_free(signer);
    apiseal_profile_free(profile);
    apiseal_buffer_free(&sealed);
    apiseal_cipher_free(cipher);
    apiseal_policy_free(policy);
    apiseal_keyring_free(seal);
    apiseal_keyring_free(sign);
    return 0;
}
