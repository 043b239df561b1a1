/* Both jobs in one call: a request is protected by a client and accepted by a service, and the answer goes back so. */
#include "check.h"

static const char ORDER[] = "{\"id\": 7, \"pan\": \"4111\", \"total\": 1.10}";
static const char RECEIPT[] = "{\"id\": 8, \"pan\": \"1111\"}";

static apiseal_key *signing_key(const char *id, const char *secret, const char *direction)
{
    apiseal_key *plain, *key;
    apiseal_key_options about = {0};
    OK(apiseal_key_raw(apiseal_str(id), apiseal_str("hmac-sha256"), apiseal_str(secret), &plain, NULL));
    about.principal = apiseal_str(id);
    about.direction = apiseal_str(direction);
    OK(apiseal_key_with(plain, &about, &key, NULL));
    apiseal_key_free(plain);
    return key;
}

/* The tenant is whoever signed. */
static size_t context_of(void *data, const apiseal_verified *verified, apiseal_pair *into, size_t capacity)
{
    CHECK(capacity >= 2);
    CHECK(is(apiseal_verified_component(verified, 0, apiseal_str("@path")), "/orders"));
    into[0].name = apiseal_str("purpose");
    into[0].value = apiseal_str("orders");
    into[1].name = apiseal_str("tenant");
    into[1].value = apiseal_verified_principal(verified, 0);
    ++*(int *)data;
    return 2;
}

int main(void)
{
    apiseal_key *seal, *acme = signing_key("acme", "0123456789abcdef0123456789abcdef", "req"),
                      *service = signing_key("service", "fedcba9876543210fedcba9876543210", "res");
    OK(apiseal_key_generate(apiseal_str(""), apiseal_str("seal"), apiseal_str("aes-256-gcm"), &seal, NULL));
    apiseal_ring_entry entries[] = {{seal, true}, {acme, false}, {service, false}};
    apiseal_keyring *ring;
    apiseal_policy *policy;
    apiseal_cipher *cipher;
    apiseal_profile *profile;
    apiseal_signer *signer;
    apiseal_replay *replay;
    apiseal_verifier *verifier;
    apiseal_protector *protector;
    apiseal_acceptor *acceptor;
    OK(apiseal_keyring_new(apiseal_str(""), 0, entries, 3, &ring, NULL));
    OK(apiseal_policy_from_json(apiseal_str("{\"apiseal_policy\":1,\"id\":\"t\",\"rules\":[{\"path\":\"$.pan\",\"bind\":[\"$.id\"]}]}"),
                                &policy, NULL));
    OK(apiseal_cipher_new(ring, policy, NULL, &cipher, NULL));
    OK(apiseal_profile_v1(&profile, NULL));
    OK(apiseal_signer_new(ring, profile, NULL, NULL, &signer, NULL));
    OK(apiseal_replay_unchecked(&replay, NULL));
    OK(apiseal_verifier_new(ring, profile, replay, NULL, NULL, &verifier, NULL));
    OK(apiseal_protector_new(cipher, signer, &protector, NULL));
    OK(apiseal_acceptor_new(cipher, verifier, &acceptor, NULL));

    apiseal_pair context[] = {
        {apiseal_str("purpose"), apiseal_str("orders")},
        {apiseal_str("tenant"), apiseal_str("acme")},
    };
    apiseal_header lines[6] = {{apiseal_str("content-type"), apiseal_str("application/json")}};
    apiseal_message request = {0};
    request.method = apiseal_str("POST");
    request.scheme = apiseal_str("https");
    request.authority = apiseal_str("api.example");
    request.target = apiseal_str("/orders");
    request.headers = lines;
    request.headers_len = 1;
    request.body = apiseal_str(ORDER);
    apiseal_protected *sent;
    OK(apiseal_protect(protector, &request, context, 2, &sent, NULL));
    request.body = apiseal_protected_body(sent);
    request.headers_len += apiseal_protected_headers(sent, lines + 1, 5);

    /* The service. */
    apiseal_buffer document;
    apiseal_verified *verified;
    int asked = 0;
    OK(apiseal_accept_with(acceptor, &request, context_of, &asked, &document, &verified, NULL));
    CHECK(asked == 1 && was(&document, ORDER));
    apiseal_verified *none;
    context[1].value = apiseal_str("bank");
    CHECK(apiseal_accept(acceptor, &request, context, 2, &document, &none, NULL) == APISEAL_E_REJECTED);
    CHECK(none == NULL && document.data == NULL);
    context[1].value = apiseal_str("acme");

    apiseal_header answers[6] = {{apiseal_str("content-type"), apiseal_str("application/json")}};
    apiseal_message response = {0};
    apiseal_protected *answered;
    response.status = 201;
    response.headers = answers;
    response.headers_len = 1;
    response.body = apiseal_str(RECEIPT);
    OK(apiseal_protect_response(protector, &response, verified, context, 2, &answered, NULL));
    response.body = apiseal_protected_body(answered);
    response.headers_len += apiseal_protected_headers(answered, answers + 1, 5);

    /* The client again: one answer to one request. */
    const apiseal_signed *own = apiseal_protected_signed(sent);
    apiseal_verified *accepted;
    OK(apiseal_accept_response(acceptor, &response, own, context, 2, &document, &accepted, NULL));
    CHECK(was(&document, RECEIPT));
    CHECK(apiseal_accept_response(acceptor, &response, own, context, 2, &document, &none, NULL) == APISEAL_E_REPLAYED);

    apiseal_verified_free(accepted);
    apiseal_verified_free(verified);
    apiseal_protected_free(answered);
    apiseal_protected_free(sent);
    apiseal_acceptor_free(acceptor);
    apiseal_protector_free(protector);
    apiseal_verifier_free(verifier);
    apiseal_replay_free(replay);
    apiseal_signer_free(signer);
    apiseal_profile_free(profile);
    apiseal_cipher_free(cipher);
    apiseal_policy_free(policy);
    apiseal_keyring_free(ring);
    apiseal_key_free(seal);
    apiseal_key_free(acme);
    apiseal_key_free(service);
    return 0;
}
