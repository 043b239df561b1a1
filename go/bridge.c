/* The jobs of bridge.h. */
#include "records.h"

#include "_cgo_export.h"

void bridge_records_free(uint8_t *records, size_t len)
{
    volatile uint8_t *at = records;
    for (size_t left = records ? len : 0; left > 0; left--) {
        *at++ = 0;
    }
    free(records);
}

bridge_frame *bridge_frame_new(void)
{
    return allocate(1, sizeof(bridge_frame));
}

void bridge_frame_free(bridge_frame *frame)
{
    apiseal_buffer_free(&frame->document);
    apiseal_context_free(frame->context);
    bridge_records_free((uint8_t *)frame, sizeof *frame);
}

/* A document that comes out in memory of its own takes the place of an earlier one. */
static void give(const apiseal_buffer *made, apiseal_buffer *out)
{
    apiseal_buffer_free(out);
    *out = *made;
}

/* A context that Go makes: its records are kept until the call that asked returns. */

typedef struct {
    uintptr_t make;
    uint8_t *records;
    size_t len;
} maker;

static size_t make_context(void *data, const apiseal_verified *verified, apiseal_pair *into, size_t capacity)
{
    maker *own = data;
    bridge_result facts;
    bridge_room none = {NULL, 0};
    bridge_verified_facts(verified, none, &facts);
    own->records = apisealGoMakeContext(own->make, facts.records, facts.records_len, &own->len);
    bridge_records_free(facts.records, facts.records_len);
    if (!own->records) {
        return 0;
    }
    bridge_records records = {own->records, own->len};
    reader from = reading(records);
    size_t len = (size_t)next_number(&from);
    for (size_t at = 0; at < len && at < capacity; at++) {
        into[at].name = next(&from);
        into[at].value = next(&from);
    }
    return len;
}

/* The jobs. */

/* The context of the frame is made anew. */
static apiseal_status keep_context(bridge_records records, bridge_frame *frame)
{
    reader from = reading(records);
    pairs own;
    next_pairs(&from, &own);
    apiseal_context_free(frame->context);
    apiseal_status status = apiseal_context_new(own.items, own.len, &frame->context, &frame->result.error);
    free_pairs(&own);
    return status;
}

void bridge_crypt(int operation, const apiseal_cipher *cipher, bridge_records context, apiseal_bytes document,
                  bridge_call *call)
{
    bridge_frame *frame = (bridge_frame *)call;
    apiseal_error **err = &frame->result.error;
    frame->status = context.data ? keep_context(context, frame) : APISEAL_OK;
    if (frame->status != APISEAL_OK) {
        return;
    }
    frame->status = operation == BRIDGE_ENCRYPT
                        ? apiseal_encrypt_into(cipher, frame->context, document, &frame->document, err)
                        : apiseal_decrypt_into(cipher, frame->context, document, &frame->document, err);
}

apiseal_status bridge_value(int operation, const apiseal_value_cipher *cipher, bridge_records context_and_bound,
                            apiseal_bytes value, apiseal_buffer *out, bridge_result *result)
{
    reader from = reading(context_and_bound);
    pairs own;
    apiseal_buffer buffer;
    apiseal_error **err = &result->error;
    memset(result, 0, sizeof *result);
    next_pairs(&from, &own);
    size_t len = (size_t)next_number(&from);
    apiseal_bound *bound = allocate(len, sizeof *bound);
    for (size_t at = 0; at < len; at++) {
        bound[at].label = next(&from);
        bound[at].value = next(&from);
        bound[at].is_text = next_number(&from) != 0;
    }
    apiseal_status status = APISEAL_E_INVALID_ARGUMENT;
    switch (operation) {
    case BRIDGE_VALUE_ENCRYPT:
        status = apiseal_value_encrypt(cipher, own.items, own.len, bound, len, value, &buffer, err);
        break;
    case BRIDGE_VALUE_ENCRYPT_TEXT:
        status = apiseal_value_encrypt_text(cipher, own.items, own.len, bound, len, value, &buffer, err);
        break;
    case BRIDGE_VALUE_DECRYPT:
        status = apiseal_value_decrypt(cipher, own.items, own.len, bound, len, value, &buffer, err);
        break;
    case BRIDGE_VALUE_DECRYPT_TEXT:
        status = apiseal_value_decrypt_text(cipher, own.items, own.len, bound, len, value, &buffer, err);
        break;
    }
    if (status == APISEAL_OK) {
        give(&buffer, out);
    }
    free(bound);
    free_pairs(&own);
    return status;
}

apiseal_status bridge_redact(const apiseal_redactor *redactor, apiseal_bytes document, apiseal_buffer *out,
                             bool *unreadable, bridge_result *result)
{
    apiseal_buffer buffer;
    memset(result, 0, sizeof *result);
    apiseal_status status = apiseal_redact(redactor, document, &buffer, unreadable, &result->error);
    if (status == APISEAL_OK) {
        give(&buffer, out);
    }
    return status;
}

static void put_signed(writer *into, const apiseal_signed *made)
{
    apiseal_header headers[8];
    size_t ignored = 0;
    put_lines(into, headers, apiseal_signed_headers(made, headers, 8));
    put_bytes(into, apiseal_signed_base(made));
    put_optional(into, apiseal_signed_nonce(made));
    while (apiseal_signed_ignored(made, ignored).data) {
        ignored++;
    }
    put_number(into, ignored);
    for (size_t at = 0; at < ignored; at++) {
        put_bytes(into, apiseal_signed_ignored(made, at));
    }
}

apiseal_status bridge_sign(const apiseal_signer *signer, bridge_records records, apiseal_bytes body,
                           const apiseal_verified *request, apiseal_bytes accept, bridge_room facts,
                           bridge_result *result)
{
    message own;
    apiseal_signed *made;
    apiseal_status status;
    memset(result, 0, sizeof *result);
    read_message(records, body, &own);
    if (request) {
        status = apiseal_sign_response(signer, &own.message, request, &made, &result->error);
    } else if (accept.data) {
        status = apiseal_sign_accepting(signer, &own.message, accept, &made, &result->error);
    } else {
        status = apiseal_sign(signer, &own.message, &made, &result->error);
    }
    result->why = bridge_take_why();
    if (status == APISEAL_OK) {
        writer into = writing(facts);
        put_signed(&into, made);
        written(&into, result);
        result->object = made;
    }
    free_message(&own);
    return status;
}

typedef size_t (*list_of_proof)(const apiseal_verified *verified, size_t at, apiseal_header *into, size_t capacity);

static void put_list(writer *into, const apiseal_verified *verified, size_t at, list_of_proof list)
{
    apiseal_header few[48], *items = few, *heap = NULL;
    size_t len = list(verified, at, few, 48);
    if (len > 48) {
        items = heap = allocate(len, sizeof *heap);
        list(verified, at, items, len);
    }
    put_lines(into, items, len);
    free(heap);
}

static void put_verified(writer *into, const apiseal_verified *verified)
{
    size_t len = apiseal_verified_len(verified);
    put_number(into, apiseal_verified_body_proved(verified));
    put_number(into, len);
    for (size_t at = 0; at < len; at++) {
        put_bytes(into, apiseal_verified_key_id(verified, at));
        put_optional(into, apiseal_verified_principal(verified, at));
        put_bytes(into, apiseal_verified_label(verified, at));
        put_optional(into, apiseal_verified_tag(verified, at));
        put_optional(into, apiseal_verified_nonce(verified, at));
        put_bytes(into, apiseal_verified_base(verified, at));
        put_number(into, apiseal_verified_created(verified, at));
        put_list(into, verified, at, apiseal_verified_components);
        put_list(into, verified, at, apiseal_verified_scope);
    }
}

void bridge_verified_facts(const apiseal_verified *verified, bridge_room facts, bridge_result *result)
{
    writer into = writing(facts);
    memset(result, 0, sizeof *result);
    put_verified(&into, verified);
    written(&into, result);
}

apiseal_status bridge_verify(const apiseal_verifier *verifier, bridge_records records, apiseal_bytes body,
                             const apiseal_signed *sent, const apiseal_verified *relayed, bridge_records unbound,
                             bridge_room facts, bridge_result *result)
{
    message own, request;
    apiseal_verified *verified;
    apiseal_status status;
    apiseal_bytes none = {NULL, 0};
    memset(result, 0, sizeof *result);
    read_message(records, body, &own);
    if (sent) {
        status = apiseal_verify_response(verifier, &own.message, sent, &verified, &result->error);
    } else if (relayed) {
        status = apiseal_verify_response_to_verified(verifier, &own.message, relayed, &verified, &result->error);
    } else if (unbound.data) {
        read_message(unbound, none, &request);
        status =
            apiseal_verify_response_unbound(verifier, &own.message, &request.message, &verified, &result->error);
        free_message(&request);
    } else {
        status = apiseal_verify(verifier, &own.message, &verified, &result->error);
    }
    if (status == APISEAL_OK) {
        writer into = writing(facts);
        put_verified(&into, verified);
        written(&into, result);
        result->object = verified;
    }
    free_message(&own);
    return status;
}

apiseal_status bridge_protect(const apiseal_protector *protector, bridge_records records, apiseal_bytes body,
                              const apiseal_verified *request, bridge_records context, bridge_room facts,
                              bridge_result *result)
{
    message own;
    pairs pairs;
    apiseal_protected *made;
    reader from = reading(context);
    memset(result, 0, sizeof *result);
    read_message(records, body, &own);
    next_pairs(&from, &pairs);
    apiseal_status status =
        request ? apiseal_protect_response(protector, &own.message, request, pairs.items, pairs.len, &made,
                                           &result->error)
                : apiseal_protect(protector, &own.message, pairs.items, pairs.len, &made, &result->error);
    result->why = bridge_take_why();
    if (status == APISEAL_OK) {
        apiseal_header headers[8];
        apiseal_bytes content = apiseal_protected_body(made);
        const apiseal_signed *signed_ = apiseal_protected_signed(made);
        writer into = writing(facts);
        put_lines(&into, headers, apiseal_protected_headers(made, headers, 8));
        put_signed(&into, signed_);
        written(&into, result);
        result->object = made;
        result->part = signed_;
        result->body = content.data;
        result->body_len = content.len;
    }
    free_pairs(&pairs);
    free_message(&own);
    return status;
}

apiseal_status bridge_accept(const apiseal_acceptor *acceptor, bridge_records records, apiseal_bytes body,
                             const apiseal_signed *sent, bridge_records context, uintptr_t make, apiseal_buffer *document,
                             bridge_room facts, bridge_result *result)
{
    message own;
    pairs pairs;
    maker maker = {make, NULL, 0};
    apiseal_buffer buffer;
    apiseal_verified *verified;
    apiseal_status status;
    reader from = reading(context);
    memset(result, 0, sizeof *result);
    read_message(records, body, &own);
    pairs.heap = NULL;
    if (!make) {
        next_pairs(&from, &pairs);
    }
    if (make) {
        status = apiseal_accept_with(acceptor, &own.message, make_context, &maker, &buffer, &verified, &result->error);
    } else if (sent) {
        status = apiseal_accept_response(acceptor, &own.message, sent, pairs.items, pairs.len, &buffer, &verified,
                                         &result->error);
    } else {
        status = apiseal_accept(acceptor, &own.message, pairs.items, pairs.len, &buffer, &verified, &result->error);
    }
    if (status == APISEAL_OK) {
        writer into = writing(facts);
        give(&buffer, document);
        put_verified(&into, verified);
        written(&into, result);
        result->object = verified;
    }
    bridge_records_free(maker.records, maker.len);
    free_pairs(&pairs);
    free_message(&own);
    return status;
}

apiseal_status bridge_spool_begin(const apiseal_verifier *verifier, bridge_records records, bridge_result *result)
{
    message own;
    apiseal_bytes none = {NULL, 0};
    memset(result, 0, sizeof *result);
    read_message(records, none, &own);
    apiseal_status status =
        apiseal_spool_begin(verifier, &own.message, (apiseal_spool **)&result->object, &result->error);
    free_message(&own);
    return status;
}

static apiseal_status put_explanation(writer *into, const apiseal_explanation *told, apiseal_error **err)
{
    apiseal_buffer text;
    apiseal_changes changes;
    apiseal_status status = apiseal_explanation_text(told, &text, err);
    if (status != APISEAL_OK) {
        return status;
    }
    put_bytes(into, apiseal_buffer_bytes(&text));
    apiseal_buffer_free(&text);
    put_number(into, apiseal_explanation_verifies(told));
    put_number(into, apiseal_explanation_code(told));
    put_number(into, apiseal_explanation_remaining(told));
    put_optional(into, apiseal_explanation_base(told));
    put_optional(into, apiseal_explanation_signed_base(told));
    status = apiseal_explanation_changes(told, &changes, err);
    if (status != APISEAL_OK) {
        return status;
    }
    put_number(into, changes.len);
    for (size_t at = 0; at < changes.len; at++) {
        put_bytes(into, changes.items[at].kind);
        put_bytes(into, changes.items[at].component);
        put_optional(into, changes.items[at].signed_value);
        put_optional(into, changes.items[at].received);
        put_bytes(into, changes.items[at].remedy);
    }
    apiseal_changes_free(&changes);
    return APISEAL_OK;
}

apiseal_status bridge_explain(const apiseal_verifier *verifier, bridge_records records, apiseal_bytes body,
                              const apiseal_signed *sent, const apiseal_verified *relayed, bridge_records options,
                              uintptr_t decode, bridge_room facts, bridge_result *result)
{
    message own;
    apiseal_explanation *told;
    apiseal_status status;
    reader from = reading(options);
    apiseal_explain_options may = {.decode = bridge_decode, .data = (void *)decode};
    may.verifications = (uint32_t)next_number(&from);
    may.bytes = next_number(&from);
    may.decoded = next_number(&from);
    may.authorities_len = (size_t)next_number(&from);
    apiseal_bytes *authorities = allocate(may.authorities_len, sizeof *authorities);
    for (size_t at = 0; at < may.authorities_len; at++) {
        authorities[at] = next(&from);
    }
    may.authorities = authorities;
    memset(result, 0, sizeof *result);
    read_message(records, body, &own);
    if (sent) {
        status = apiseal_explain_response(verifier, &own.message, sent, &may, &told, &result->error);
    } else if (relayed) {
        status = apiseal_explain_response_to_verified(verifier, &own.message, relayed, &may, &told, &result->error);
    } else {
        status = apiseal_explain(verifier, &own.message, &may, &told, &result->error);
    }
    if (status == APISEAL_OK) {
        writer into = writing(facts);
        status = put_explanation(&into, told, &result->error);
        written(&into, result);
        apiseal_explanation_free(told);
    }
    free(authorities);
    free_message(&own);
    return status;
}

apiseal_status bridge_profile_lint(const apiseal_profile *profile, bridge_records records, apiseal_bytes body,
                                   apiseal_texts *out, apiseal_error **error)
{
    message own;
    read_message(records, body, &own);
    apiseal_status status = apiseal_profile_lint(profile, &own.message, out, error);
    free_message(&own);
    return status;
}

void bridge_error(apiseal_error *error, bridge_room facts, bridge_result *result)
{
    writer into = writing(facts);
    memset(result, 0, sizeof *result);
    put_number(&into, apiseal_error_code(error));
    put_number(&into, apiseal_error_http_status(error));
    put_number(&into, apiseal_error_offset(error));
    put_bytes(&into, apiseal_str(apiseal_error_message(error)));
    put_optional(&into, apiseal_str(apiseal_error_path(error)));
    put_optional(&into, apiseal_str(apiseal_error_key_id(error)));
    written(&into, result);
    apiseal_error_free(error);
}
