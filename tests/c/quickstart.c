/* Encrypts one field of a JSON document, decrypts it again, and signs and verifies a request. */
#include <apiseal.h>
#include <stdio.h>
#include <stdlib.h>

/* It takes the address of the error: C does not say in which order the arguments of a call are evaluated. */
static void check(apiseal_status status, apiseal_error **error)
{
    if (status != APISEAL_OK) {
        fprintf(stderr, "%s: %s\n", apiseal_error_name(*error), apiseal_error_message(*error));
        apiseal_error_free(*error);
        exit(1);
    }
}

static void fields(void)
{
    apiseal_error *error;
    apiseal_keyring *ring;
    apiseal_policy *policy;
    apiseal_cipher *cipher;
    check(apiseal_keyring_generate(apiseal_str("aes-256-gcm"), &ring, &error), &error);
    check(apiseal_policy_from_json(
              apiseal_str("{\"apiseal_policy\": 1, \"id\": \"orders.v1\", \"rules\":"
                          " [{\"path\": \"$.card.number\", \"bind\": [\"$.id\"]}]}"),
              &policy, &error),
          &error);
    check(apiseal_cipher_new(ring, policy, NULL, &cipher, &error), &error);

    apiseal_pair context[] = {
        {apiseal_str("purpose"), apiseal_str("orders")},
        {apiseal_str("tenant"), apiseal_str("acme")},
    };
    apiseal_bytes document = apiseal_str("{\"id\": 7, \"card\": {\"number\": \"4111111111111111\"}, \"total\": 1.10}");
    apiseal_buffer sealed, opened;
    check(apiseal_encrypt(cipher, context, 2, document, &sealed, &error), &error);
    printf("%.*s\n", (int)sealed.len, (const char *)sealed.data);
    check(apiseal_decrypt(cipher, context, 2, apiseal_buffer_bytes(&sealed), &opened, &error), &error);
    printf("%.*s\n", (int)opened.len, (const char *)opened.data);

    /* In another context nothing opens. */
    context[1].value = apiseal_str("umbrella");
    apiseal_buffer none;
    if (apiseal_decrypt(cipher, context, 2, apiseal_buffer_bytes(&sealed), &none, &error) != APISEAL_E_REJECTED) {
        exit(1);
    }
    printf("%s\n", apiseal_error_message(error));
    apiseal_error_free(error);

    apiseal_buffer_free(&sealed);
    apiseal_buffer_free(&opened);
    apiseal_cipher_free(cipher);
    apiseal_policy_free(policy);
    apiseal_keyring_free(ring);
}

static void signatures(void)
{
    apiseal_error *error;
    apiseal_key *plain, *key;
    check(apiseal_key_raw(apiseal_str("acme-1"), apiseal_str("hmac-sha256"),
                          apiseal_str("0123456789abcdef0123456789abcdef"), &plain, &error),
          &error);
    apiseal_key_options about = {0};
    about.principal = apiseal_str("acme");
    about.direction = apiseal_str("req");
    check(apiseal_key_with(plain, &about, &key, &error), &error);

    apiseal_ring_entry entry = {key, false};
    apiseal_keyring *ring;
    apiseal_profile *profile;
    apiseal_signer *signer;
    check(apiseal_keyring_new(apiseal_str(""), 0, &entry, 1, &ring, &error), &error);
    check(apiseal_profile_v1(&profile, &error), &error);
    check(apiseal_signer_new(ring, profile, NULL, NULL, &signer, &error), &error);

    apiseal_header lines[4] = {{apiseal_str("content-type"), apiseal_str("application/json")}};
    apiseal_message request = {0};
    request.method = apiseal_str("POST");
    request.scheme = apiseal_str("https");
    request.authority = apiseal_str("api.example");
    request.target = apiseal_str("/orders?x=1");
    request.headers = lines;
    request.headers_len = 1;
    request.body = apiseal_str("{\"amount\": 7}");
    apiseal_signed *made;
    check(apiseal_sign(signer, &request, &made, &error), &error);
    request.headers_len += apiseal_signed_headers(made, lines + 1, 3);
    for (size_t at = 1; at < request.headers_len; at++) {
        printf("%.*s: %.*s\n", (int)lines[at].name.len, (const char *)lines[at].name.data, (int)lines[at].value.len,
               (const char *)lines[at].value.data);
    }

    /* A service keeps nonces: apiseal_replay_memory(), or a store that its processes share. */
    apiseal_replay *replay;
    check(apiseal_replay_unchecked(&replay, &error), &error);
    apiseal_verifier *verifier;
    apiseal_verified *verified;
    check(apiseal_verifier_new(ring, profile, replay, NULL, NULL, &verifier, &error), &error);
    check(apiseal_verify(verifier, &request, &verified, &error), &error);
    apiseal_bytes principal = apiseal_verified_principal(verified, 0);
    apiseal_bytes path = apiseal_verified_component(verified, 0, apiseal_str("@path"));
    printf("%.*s may ask for %.*s\n", (int)principal.len, (const char *)principal.data, (int)path.len,
           (const char *)path.data);

    apiseal_verified_free(verified);
    apiseal_verifier_free(verifier);
    apiseal_replay_free(replay);
    apiseal_signed_free(made);
    apiseal_signer_free(signer);
    apiseal_profile_free(profile);
    apiseal_keyring_free(ring);
    apiseal_key_free(key);
    apiseal_key_free(plain);
}

int main(void)
{
    fields();
    signatures();
    return 0;
}
