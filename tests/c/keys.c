/* Keys and keyrings: made, imported, handed to partners, rotated under a running cipher, kept in a file. */
#include "check.h"

static const char DOCUMENT[] = "{\"id\": 7, \"pan\": \"4111\"}";
static const char POLICY[] = "{\"apiseal_policy\":1,\"id\":\"t\",\"rules\":[{\"path\":\"$.pan\",\"bind\":[\"$.id\"],\"keys\":\"any\"}]}";
static const char SECRET[] = "0123456789abcdef0123456789abcdef";
static const char PEM[] = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                          "-----END PUBLIC KEY-----\n";
static const char JWK[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"a\"}";

static apiseal_pair acme[] = {
    {{(const uint8_t *)"purpose", 7}, {(const uint8_t *)"orders", 6}},
    {{(const uint8_t *)"tenant", 6}, {(const uint8_t *)"acme", 4}},
};
static apiseal_pair bank[] = {
    {{(const uint8_t *)"purpose", 7}, {(const uint8_t *)"orders", 6}},
    {{(const uint8_t *)"tenant", 6}, {(const uint8_t *)"bank", 4}},
};

static apiseal_keyring *ring_of(apiseal_key *key, bool primary)
{
    apiseal_ring_entry entry = {key, primary};
    apiseal_keyring *ring;
    OK(apiseal_keyring_new(apiseal_str("tests"), 3, &entry, 1, &ring, NULL));
    apiseal_key_free(key);
    return ring;
}

static apiseal_cipher *cipher_of(const apiseal_keyring *ring)
{
    apiseal_policy *policy;
    apiseal_cipher *cipher;
    OK(apiseal_policy_from_json(apiseal_str(POLICY), &policy, NULL));
    OK(apiseal_cipher_new(ring, policy, NULL, &cipher, NULL));
    apiseal_policy_free(policy);
    return cipher;
}

static void public_keys(void)
{
    apiseal_key *pem, *jwk, *jwks, *raw, *secret;
    apiseal_buffer text, same;
    char set[256];
    snprintf(set, sizeof set, "{\"keys\":[%s]}", JWK);
    OK(apiseal_key_from_pem(apiseal_str("k"), apiseal_str("ed25519"), apiseal_str(PEM), &pem, NULL));
    OK(apiseal_key_from_jwk(apiseal_str("k"), apiseal_str("ed25519"), apiseal_str(JWK), &jwk, NULL));
    OK(apiseal_key_from_jwks(apiseal_str("k"), apiseal_str("ed25519"), apiseal_str(set), apiseal_str("a"), &jwks, NULL));
    CHECK(is(apiseal_key_id(pem), "k") && is(apiseal_key_purpose(pem), "sig-raw") && is(apiseal_key_suite(pem), "ed25519"));
    OK(apiseal_key_to_jwk(pem, &text, NULL));
    CHECK(holds(apiseal_buffer_bytes(&text), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
    OK(apiseal_key_to_jwk(jwk, &same, NULL));
    CHECK(holds(apiseal_buffer_bytes(&same), "\"kid\":\"a\"") && holds(apiseal_buffer_bytes(&text), "\"kid\":\"k\""));
    apiseal_buffer_free(&same);
    apiseal_buffer_free(&text);
    CHECK(apiseal_key_from_jwks(apiseal_str("k"), apiseal_str("ed25519"), apiseal_str(set), apiseal_str("b"), &raw, NULL) ==
          APISEAL_E_UNKNOWN_KEY);
    CHECK(raw == NULL);
    OK(apiseal_key_raw_public(apiseal_str("k"), apiseal_str("ed25519"), apiseal_str("\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a"),
                              &raw, NULL));
    /* A secret key tells its public part and nothing else; a shared secret has none. */
    OK(apiseal_key_raw(apiseal_str("k"), apiseal_str("ed25519"), apiseal_str(SECRET), &secret, NULL));
    OK(apiseal_key_to_jwk(secret, &text, NULL));
    CHECK(holds(apiseal_buffer_bytes(&text), "\"x\":") && !holds(apiseal_buffer_bytes(&text), "\"d\":"));
    apiseal_buffer_free(&text);
    apiseal_key_free(secret);
    OK(apiseal_key_raw(apiseal_str("k"), apiseal_str("hmac-sha256"), apiseal_str(SECRET), &secret, NULL));
    CHECK(apiseal_key_to_jwk(secret, &text, NULL) == APISEAL_E_INVALID_ARGUMENT && text.data == NULL);
    apiseal_key_free(secret);
    apiseal_key_free(raw);
    apiseal_key_free(jwks);
    apiseal_key_free(jwk);
    apiseal_key_free(pem);
}

/* One root serves all; a partner holds the key of one context. */
static void partners(void)
{
    apiseal_key *root, *exported, *derived;
    OK(apiseal_key_import(apiseal_str("root"), apiseal_str("seal"), apiseal_str("aes-256-gcm"), apiseal_str(SECRET), &root, NULL));
    OK(apiseal_key_derived(apiseal_str("d"), root, acme, 2, &derived, NULL));
    CHECK(is(apiseal_key_id(derived), "d") && apiseal_key_principal(derived).data == NULL);
    apiseal_key_free(derived);
    apiseal_key_options about = {0};
    about.scope = acme;
    about.scope_len = 1;
    about.expires = UINT64_C(4000000000);
    about.principal = apiseal_str("ACME");
    OK(apiseal_key_with(root, &about, &derived, NULL));
    CHECK(apiseal_key_expires(derived) == UINT64_C(4000000000) && apiseal_key_created(derived) > 1700000000);
    CHECK(is(apiseal_key_principal(derived), "ACME") && is(apiseal_key_state(derived), "active"));
    apiseal_key_free(root);
    root = apiseal_key_clone(derived);
    apiseal_key_free(derived);

    apiseal_keyring *ring = ring_of(root, true);
    apiseal_cipher *cipher = cipher_of(ring);
    apiseal_buffer sealed, opened;
    OK(apiseal_encrypt(cipher, acme, 2, apiseal_str(DOCUMENT), &sealed, NULL));
    OK(apiseal_keyring_export_context(ring, apiseal_str("root"), acme, 2, &exported, NULL));
    apiseal_keyring *own = ring_of(exported, true);
    apiseal_cipher *partner = cipher_of(own);
    OK(apiseal_decrypt(partner, acme, 2, apiseal_buffer_bytes(&sealed), &opened, NULL));
    CHECK(was(&opened, DOCUMENT));
    CHECK(apiseal_decrypt(partner, bank, 2, apiseal_buffer_bytes(&sealed), &opened, NULL) == APISEAL_E_CONTEXT_SCOPE);
    CHECK(apiseal_encrypt(partner, bank, 2, apiseal_str(DOCUMENT), &opened, NULL) != APISEAL_OK && opened.data == NULL);
    apiseal_key *none;
    CHECK(apiseal_keyring_export_context(ring, apiseal_str("nobody"), acme, 2, &none, NULL) == APISEAL_E_UNKNOWN_KEY);
    CHECK(none == NULL);
    apiseal_buffer_free(&sealed);
    apiseal_cipher_free(partner);
    apiseal_keyring_free(own);

    /* The key of messages that a principal sends is for those alone. */
    OK(apiseal_keyring_export_message_context(ring, apiseal_str("root"), acme, 2, apiseal_str("ACME"), apiseal_str("req"),
                                              &exported, NULL));
    own = ring_of(exported, true);
    partner = cipher_of(own);
    CHECK(apiseal_encrypt(partner, acme, 2, apiseal_str(DOCUMENT), &sealed, NULL) != APISEAL_OK);
    CHECK(apiseal_keyring_export_message_context(ring, apiseal_str("root"), acme, 2, apiseal_str("ACME"), apiseal_str("up"),
                                                 &none, NULL) == APISEAL_E_INVALID_ARGUMENT);
    apiseal_cipher_free(partner);
    apiseal_keyring_free(own);
    apiseal_cipher_free(cipher);
    apiseal_keyring_free(ring);
}

/* What is told of a key holds for a cipher that runs. */
static void rotation(void)
{
    apiseal_keyring *ring, *newer;
    OK(apiseal_keyring_generate(apiseal_str("chacha20-poly1305"), &ring, NULL));
    apiseal_cipher *cipher = cipher_of(ring);
    apiseal_buffer sealed, opened;
    OK(apiseal_encrypt(cipher, acme, 2, apiseal_str(DOCUMENT), &sealed, NULL));
    apiseal_key *old, *key;
    OK(apiseal_keyring_key(ring, 0, &old, NULL));
    CHECK(apiseal_keyring_key(ring, 1, &key, NULL) == APISEAL_E_INVALID_ARGUMENT && key == NULL);
    OK(apiseal_key_generate(apiseal_str("next"), apiseal_str("seal"), apiseal_str("chacha20-poly1305"), &key, NULL));
    OK(apiseal_keyring_with_key(ring, key, &newer, NULL));
    OK(apiseal_keyring_replace(ring, newer, NULL));
    apiseal_keyring_free(newer);
    OK(apiseal_keyring_promote(ring, apiseal_str("next"), &newer, NULL));
    OK(apiseal_keyring_replace(ring, newer, NULL));
    apiseal_keyring_free(newer);
    apiseal_error *error;
    OK(apiseal_keyring_retire(ring, apiseal_key_id(old), &newer, NULL));
    OK(apiseal_keyring_replace(ring, newer, NULL));
    OK(apiseal_decrypt(cipher, acme, 2, apiseal_buffer_bytes(&sealed), &opened, NULL));
    CHECK(was(&opened, DOCUMENT));
    apiseal_keyring *last;
    OK(apiseal_keyring_disable(newer, apiseal_key_id(old), &last, NULL));
    OK(apiseal_keyring_replace(ring, last, NULL));
    CHECK(apiseal_decrypt(cipher, acme, 2, apiseal_buffer_bytes(&sealed), &opened, &error) == APISEAL_E_KEY_STATE);
    CHECK(is(apiseal_key_id(old), apiseal_error_key_id(error)));
    apiseal_error_free(error);
    /* Case 75: no way back. */
    CHECK(apiseal_keyring_replace(ring, newer, NULL) == APISEAL_E_KEYRING_ROLLBACK);
    apiseal_buffer_free(&sealed);
    apiseal_key_free(old);
    apiseal_key_free(key);
    apiseal_keyring_free(last);
    apiseal_keyring_free(newer);
    apiseal_cipher_free(cipher);
    apiseal_keyring_free(ring);
}

static void files(const char *path)
{
    apiseal_key *key;
    OK(apiseal_key_generate(apiseal_str("k"), apiseal_str("seal"), apiseal_str("aes-256-gcm"), &key, NULL));
    apiseal_keyring *ring = ring_of(key, true), *loaded;
    apiseal_wrap wrap = {{NULL, 0}, {(const uint8_t *)SECRET, 32}}, wrong = {{NULL, 0}, {(const uint8_t *)SECRET + 1, 32}};
    OK(apiseal_keyring_save(ring, apiseal_str(path), apiseal_str("tests"), &wrap, NULL));
    OK(apiseal_keyring_load(apiseal_str(path), apiseal_str("tests"), &wrap, 3, &loaded, NULL));
    CHECK(apiseal_keyring_rev(loaded) == 3 && apiseal_keyring_len(loaded) == 1);
    apiseal_keyring_free(loaded);
    CHECK(apiseal_keyring_load(apiseal_str(path), apiseal_str("tests"), &wrap, 4, &loaded, NULL) == APISEAL_E_KEYRING_ROLLBACK);
    CHECK(apiseal_keyring_load(apiseal_str(path), apiseal_str("other"), &wrap, 0, &loaded, NULL) == APISEAL_E_KEYRING_UNLOCK);
    CHECK(apiseal_keyring_load(apiseal_str(path), apiseal_str("tests"), &wrong, 0, &loaded, NULL) == APISEAL_E_KEYRING_UNLOCK);
    CHECK(loaded == NULL);
    CHECK(apiseal_keyring_load(apiseal_str("/nowhere/ring"), apiseal_str("tests"), &wrap, 0, &loaded, NULL) != APISEAL_OK);
    CHECK(remove(path) == 0);

    apiseal_buffer clear;
    OK(apiseal_hazmat_keyring_write_clear(ring, apiseal_str("tests"), &clear, NULL));
    CHECK(clear.wipe && holds(apiseal_buffer_bytes(&clear), "\"secret\""));
    OK(apiseal_hazmat_keyring_read_clear(apiseal_buffer_bytes(&clear), apiseal_str("tests"), 0, &loaded, NULL));
    apiseal_keyring_free(loaded);
    /* A clear file is never taken for a sealed one. */
    CHECK(apiseal_keyring_open(apiseal_buffer_bytes(&clear), apiseal_str("tests"), &wrap, 0, &loaded, NULL) ==
          APISEAL_E_KEYRING_FILE);
    apiseal_buffer_free(&clear);
    apiseal_keyring_free(ring);
}

int main(int argc, char **argv)
{
    (void)argc;
    char path[1024];
    CHECK(snprintf(path, sizeof path, "%s.ring", argv[0]) < (int)sizeof path);
    public_keys();
    partners();
    rotation();
    files(path);
    return 0;
}
