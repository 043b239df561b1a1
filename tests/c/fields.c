/* What the library does with documents beside plain encryption: parts, values, other keys, logs, and what is in a document. */
#include "check.h"

static const char DOCUMENT[] = "{\"id\": 7, \"pan\": \"4111\", \"note\": null}";
static const char POLICY[] = "{\"apiseal_policy\":1,\"id\":\"t\",\"rules\":[{\"path\":\"$.pan\",\"bind\":[\"$.id\"],"
                             "\"types\":[\"string\"],\"mask\":{\"keep_last\":4}},{\"path\":\"$.note\",\"bind\":[\"$.id\"]}]}";
static const char LOOSE[] = "{\"apiseal_policy\":1,\"id\":\"m\",\"rules\":[{\"path\":\"$.pan\",\"bind\":[],\"types\":[\"string\"],"
                            "\"migrate\":{\"accept_plain\":true,\"until\":\"2999-01-01\"}}]}";

static apiseal_pair context[] = {{{(const uint8_t *)"purpose", 7}, {(const uint8_t *)"tests", 5}}};
static apiseal_pair other[] = {{{(const uint8_t *)"purpose", 7}, {(const uint8_t *)"other", 5}}};

static apiseal_policy *policy_of(const char *text)
{
    apiseal_policy *policy;
    OK(apiseal_policy_from_json(apiseal_str(text), &policy, NULL));
    return policy;
}

static apiseal_cipher *cipher_of(const apiseal_keyring *ring, const char *text, const apiseal_options *options)
{
    apiseal_policy *policy = policy_of(text);
    apiseal_cipher *cipher;
    OK(apiseal_cipher_new(ring, policy, options, &cipher, NULL));
    apiseal_policy_free(policy);
    return cipher;
}

static void parts(const apiseal_cipher *cipher, apiseal_bytes sealed)
{
    apiseal_opened_list opened;
    bool is_bound;
    OK(apiseal_decrypt_lenient(cipher, context, 1, sealed, &opened, &is_bound, NULL));
    CHECK(opened.len == 2 && is(opened.items[0].path, "$['pan']") && is(opened.items[0].value, "\"4111\""));
    CHECK(is(opened.items[1].value, "null") && opened.items[1].failure == APISEAL_OK);
    apiseal_opened_list_free(&opened);
    CHECK(opened.items == NULL && opened.len == 0);
    OK(apiseal_decrypt_lenient(cipher, other, 1, sealed, &opened, &is_bound, NULL));
    CHECK(opened.len == 2 && opened.items[0].value.data == NULL && opened.items[0].failure == APISEAL_E_REJECTED);
    apiseal_opened_list_free(&opened);

    apiseal_bytes path = apiseal_str("$['note']");
    apiseal_buffer document;
    OK(apiseal_decrypt_partial(cipher, context, 1, &path, 1, sealed, &document, &opened, &is_bound, NULL));
    CHECK(opened.len == 1 && is(opened.items[0].path, "$['note']"));
    CHECK(holds(apiseal_buffer_bytes(&document), "\"note\": null") && holds(apiseal_buffer_bytes(&document), "as1."));
    apiseal_buffer_free(&document);
    apiseal_opened_list_free(&opened);
    CHECK(apiseal_decrypt_partial(cipher, other, 1, &path, 1, sealed, &document, &opened, &is_bound, NULL) ==
          APISEAL_E_REJECTED);
    CHECK(document.data == NULL && opened.items == NULL);
}

/* What an error tells: where, of which key, and no value. */
static void errors(const apiseal_cipher *cipher, apiseal_bytes sealed)
{
    apiseal_buffer out;
    apiseal_error *error;
    CHECK(apiseal_decrypt(cipher, other, 1, sealed, &out, &error) == APISEAL_E_REJECTED && out.data == NULL);
    /* Of what is rejected nobody is told more; apiseal_diagnose() is for the owner of the keys. */
    CHECK(apiseal_error_code(error) == APISEAL_E_REJECTED && apiseal_error_path(error) == NULL);
    CHECK(apiseal_error_key_id(error) == NULL && apiseal_error_offset(error) == UINT64_MAX);
    CHECK(strcmp(apiseal_error_name(error), "Rejected") == 0 && strstr(apiseal_error_message(error), "4111") == NULL);
    apiseal_error_free(error);
    CHECK(apiseal_encrypt(cipher, context, 1, apiseal_str("{\"id\": 7,}"), &out, &error) == APISEAL_E_MALFORMED_JSON);
    CHECK(apiseal_error_offset(error) == 9 && apiseal_error_path(error) == NULL && apiseal_error_key_id(error) == NULL);
    apiseal_error_free(error);
    /* Without a place for it there is no error object. */
    CHECK(apiseal_encrypt(cipher, context, 1, apiseal_str("{"), &out, NULL) == APISEAL_E_MALFORMED_JSON);
    CHECK(apiseal_encrypt(cipher, NULL, 0, apiseal_str(DOCUMENT), &out, NULL) == APISEAL_E_CONTEXT_EMPTY);
    CHECK(apiseal_encrypt(cipher, NULL, 1, apiseal_str(DOCUMENT), &out, NULL) == APISEAL_E_INVALID_ARGUMENT);
}

/* What is no text is told before any other fault of a context, wherever it stands. */
static void contexts(const apiseal_cipher *cipher)
{
    apiseal_bytes text = apiseal_str("x"), none = {NULL, 0}, broken = {(const uint8_t *)"\xff", 1};
    apiseal_pair pairs[40];
    apiseal_buffer out;
    for (size_t at = 0; at < 40; at++) {
        pairs[at].name = pairs[at].value = text;
    }
    CHECK(apiseal_encrypt(cipher, pairs, 40, apiseal_str(DOCUMENT), &out, NULL) == APISEAL_E_CONTEXT_TOO_LONG);
    pairs[0].name = none;
    CHECK(apiseal_encrypt(cipher, pairs, 40, apiseal_str(DOCUMENT), &out, NULL) == APISEAL_E_CONTEXT_EMPTY);
    pairs[39].name = broken;
    CHECK(apiseal_encrypt(cipher, pairs, 40, apiseal_str(DOCUMENT), &out, NULL) == APISEAL_E_INVALID_ARGUMENT);
}

/* The memory of a buffer is used again, whatever it held. */
static void buffers(const apiseal_cipher *cipher)
{
    apiseal_buffer sealed = {0}, out = {0};
    apiseal_context *own, *wrong;
    OK(apiseal_context_new(other, 1, &wrong, NULL));
    CHECK(apiseal_context_new(NULL, 0, &own, NULL) == APISEAL_E_CONTEXT_EMPTY && own == NULL);
    OK(apiseal_context_new(context, 1, &own, NULL));
    OK(apiseal_encrypt_into(cipher, own, apiseal_str(DOCUMENT), &sealed, NULL));
    for (int round = 0; round < 3; round++) {
        OK(apiseal_decrypt_into(cipher, own, apiseal_buffer_bytes(&sealed), &out, NULL));
        CHECK(is(apiseal_buffer_bytes(&out), DOCUMENT));
        CHECK(apiseal_decrypt_into(cipher, wrong, apiseal_buffer_bytes(&sealed), &out, NULL) == APISEAL_E_REJECTED);
        CHECK(out.data == NULL && out.len == 0);
        OK(apiseal_encrypt_into(cipher, own, apiseal_str(DOCUMENT), &out, NULL));
        OK(apiseal_encrypt_into(cipher, own, apiseal_str(DOCUMENT), &sealed, NULL));
        CHECK(holds(apiseal_buffer_bytes(&out), "as1.") && holds(apiseal_buffer_bytes(&sealed), "as1."));
    }
    apiseal_buffer_free(&sealed);
    apiseal_buffer_free(&out);
    apiseal_context_free(own);
    apiseal_context_free(wrong);
}

static void inspection(const apiseal_cipher *cipher, apiseal_bytes sealed)
{
    apiseal_sightings seen;
    OK(apiseal_inspect(sealed, NULL, &seen, NULL));
    CHECK(seen.len == 2 && is(seen.items[0].path, "$['pan']") && is(seen.items[0].part, "token"));
    CHECK(is(seen.items[0].suite, "aes-256-gcm") && seen.items[0].key_id.len > 0 && !seen.items[0].authenticated);
    CHECK(seen.items[0].end - seen.items[0].start == seen.items[0].token_len + 2);
    apiseal_sightings_free(&seen);
    OK(apiseal_cipher_inspect(cipher, context, 1, sealed, &seen, NULL));
    CHECK(seen.len == 2 && seen.items[0].authenticated && seen.items[1].authenticated);
    apiseal_sightings_free(&seen);
    CHECK(apiseal_cipher_inspect(cipher, other, 1, sealed, &seen, NULL) == APISEAL_E_REJECTED && seen.items == NULL);
    /* Nothing there: nothing to be freed. */
    OK(apiseal_inspect(apiseal_str("{}"), NULL, &seen, NULL));
    CHECK(seen.len == 0 && seen.items == NULL && seen.owner == NULL);
    apiseal_sightings_free(&seen);

    apiseal_locations places;
    OK(apiseal_locate(apiseal_str(DOCUMENT), apiseal_str("$.none"), NULL, &places, NULL));
    CHECK(places.len == 0 && places.items == NULL);

    apiseal_candidate candidates[] = {{other, 1}, {context, 1}};
    apiseal_findings found;
    OK(apiseal_diagnose(cipher, other, 1, candidates, 2, sealed, &found, NULL));
    CHECK(found.len == 2 && is(found.items[0].stage, "commitment") && found.items[0].candidate == 1);
    apiseal_findings_free(&found);
}

static void values(const apiseal_keyring *ring)
{
    apiseal_value_cipher *made, *cipher;
    OK(apiseal_value_cipher_new(ring, apiseal_str("users.email"), NULL, &made, NULL));
    cipher = apiseal_value_cipher_clone(made);
    apiseal_value_cipher_free(made);
    apiseal_bound row = {apiseal_str("users.id"), apiseal_str("7"), false};
    apiseal_buffer token, opened;
    size_t longest;
    OK(apiseal_value_encrypt_text(cipher, context, 1, &row, 1, apiseal_str("ada@example.com"), &token, NULL));
    OK(apiseal_max_token_len(strlen("\"ada@example.com\""), &longest, NULL));
    CHECK(token.len <= longest);
    OK(apiseal_value_decrypt_text(cipher, context, 1, &row, 1, apiseal_buffer_bytes(&token), &opened, NULL));
    CHECK(was(&opened, "ada@example.com"));
    OK(apiseal_value_decrypt(cipher, context, 1, &row, 1, apiseal_buffer_bytes(&token), &opened, NULL));
    CHECK(was(&opened, "\"ada@example.com\""));
    row.value = apiseal_str("8");
    CHECK(apiseal_value_decrypt(cipher, context, 1, &row, 1, apiseal_buffer_bytes(&token), &opened, NULL) ==
          APISEAL_E_REJECTED);
    apiseal_buffer_free(&token);
    /* An empty text is a value like any other. */
    OK(apiseal_value_encrypt_text(cipher, context, 1, NULL, 0, apiseal_str(""), &token, NULL));
    OK(apiseal_value_decrypt_text(cipher, context, 1, NULL, 0, apiseal_buffer_bytes(&token), &opened, NULL));
    CHECK(opened.len == 0 && opened.data == NULL);
    apiseal_buffer_free(&opened);
    apiseal_buffer_free(&token);
    OK(apiseal_value_encrypt(cipher, context, 1, NULL, 0, apiseal_str("1E400"), &token, NULL));
    OK(apiseal_value_decrypt(cipher, context, 1, NULL, 0, apiseal_buffer_bytes(&token), &opened, NULL));
    CHECK(was(&opened, "1E400"));
    CHECK(apiseal_value_decrypt_text(cipher, context, 1, NULL, 0, apiseal_buffer_bytes(&token), &opened, NULL) != APISEAL_OK);
    CHECK(opened.data == NULL);
    apiseal_buffer_free(&token);
    apiseal_value_cipher_free(cipher);
}

/* To another context, and out of clear text. */
static void changes(const apiseal_keyring *ring, const apiseal_cipher *cipher, apiseal_bytes sealed)
{
    apiseal_buffer out, opened;
    apiseal_reencrypted report;
    OK(apiseal_reencrypt(cipher, context, 1, cipher, other, 1, NULL, sealed, &out, &report, NULL));
    CHECK(report.opened == 2 && report.left_clear == 0);
    OK(apiseal_decrypt(cipher, other, 1, apiseal_buffer_bytes(&out), &opened, NULL));
    CHECK(was(&opened, DOCUMENT));
    CHECK(apiseal_decrypt(cipher, context, 1, apiseal_buffer_bytes(&out), &opened, NULL) == APISEAL_E_REJECTED);
    apiseal_buffer_free(&out);

    apiseal_cipher *loose = cipher_of(ring, LOOSE, NULL);
    apiseal_texts plain;
    OK(apiseal_decrypt_migrating(loose, context, 1, apiseal_str(DOCUMENT), &out, &plain, NULL));
    CHECK(was(&out, DOCUMENT) && plain.len == 1 && is(plain.items[0], "$['pan']"));
    apiseal_texts_free(&plain);
    OK(apiseal_encrypt(loose, context, 1, apiseal_str(DOCUMENT), &out, NULL));
    OK(apiseal_decrypt_migrating(loose, context, 1, apiseal_buffer_bytes(&out), &opened, &plain, NULL));
    CHECK(was(&opened, DOCUMENT) && plain.len == 0 && plain.items == NULL);
    apiseal_buffer_free(&out);
    apiseal_cipher_free(loose);
}

static void logs(void)
{
    apiseal_policy *made = policy_of(POLICY), *policy = apiseal_policy_clone(made);
    apiseal_redactor *first, *redactor;
    apiseal_texts remarks;
    apiseal_policy_free(made);
    CHECK(is(apiseal_policy_id(policy), "t"));
    OK(apiseal_policy_lint(policy, apiseal_str("{\"id\": 7, \"pan\": \"4111\", \"note\": 1, \"ssn\": \"1\"}"), &remarks, NULL));
    CHECK(remarks.len > 0);
    apiseal_texts_free(&remarks);

    OK(apiseal_redactor_new(policy, &first, NULL));
    redactor = apiseal_redactor_clone(first);
    apiseal_redactor_free(first);
    apiseal_policy_free(policy);
    apiseal_buffer out;
    bool unreadable;
    OK(apiseal_redact(redactor, apiseal_str("{\"id\": 7, \"pan\": \"4111111111111111\"}"), &out, &unreadable, NULL));
    CHECK(was(&out, "{\"id\": 7, \"pan\": \"****1111\"}") && !unreadable);
    OK(apiseal_redact(redactor, apiseal_str("{\"pan\": \"4111111"), &out, &unreadable, NULL));
    CHECK(was(&out, "{\"redacted\":\"unreadable\"}") && unreadable);
    apiseal_redactor_free(redactor);
}

int main(void)
{
    apiseal_keyring *made, *ring;
    apiseal_options options = {0};
    OK(apiseal_keyring_generate(apiseal_str("aes-256-gcm"), &made, NULL));
    ring = apiseal_keyring_clone(made);
    apiseal_keyring_free(made);
    options.hedged_salts = true;
    apiseal_cipher *cipher = cipher_of(ring, POLICY, &options);
    apiseal_buffer sealed;
    OK(apiseal_encrypt(cipher, context, 1, apiseal_str(DOCUMENT), &sealed, NULL));
    apiseal_bytes bytes = apiseal_buffer_bytes(&sealed);
    parts(cipher, bytes);
    errors(cipher, bytes);
    contexts(cipher);
    buffers(cipher);
    inspection(cipher, bytes);
    values(ring);
    changes(ring, cipher, bytes);
    logs();
    apiseal_buffer_free(&sealed);

    options.limits.document = 16;
    apiseal_cipher *small = cipher_of(ring, POLICY, &options);
    CHECK(apiseal_encrypt(small, context, 1, apiseal_str(DOCUMENT), &sealed, NULL) == APISEAL_E_LIMIT_DOCUMENT);
    apiseal_cipher_free(small);
    apiseal_cipher_free(cipher);
    apiseal_keyring_free(ring);
    return 0;
}
