/* Records, as bridge.h describes them: how C reads and writes them. */
#ifndef APISEAL_RECORDS_H
#define APISEAL_RECORDS_H

#include "bridge.h"

#include <stdlib.h>

/* Memory that ran out ends the program, as it does in Go. */
static inline void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory) {
        abort();
    }
    return memory;
}

/* Records that go in. Go wrote them, so their lengths are right. */

typedef struct {
    const uint8_t *at, *end;
} reader;

static inline reader reading(bridge_records records)
{
    reader own = {records.data, records.data ? records.data + records.len : records.data};
    return own;
}

static inline uint64_t next_number(reader *from)
{
    uint64_t number = 0;
    if ((size_t)(from->end - from->at) < sizeof number) {
        abort();
    }
    memcpy(&number, from->at, sizeof number);
    from->at += sizeof number;
    return number;
}

static inline apiseal_bytes next(reader *from)
{
    apiseal_bytes bytes = {NULL, 0};
    uint32_t len;
    if ((size_t)(from->end - from->at) < sizeof len) {
        abort();
    }
    memcpy(&len, from->at, sizeof len);
    from->at += sizeof len;
    if (len == BRIDGE_ABSENT) {
        return bytes;
    }
    if ((size_t)(from->end - from->at) < len) {
        abort();
    }
    bytes.data = from->at;
    bytes.len = len;
    from->at += len;
    return bytes;
}

/* A function of Go, as apiseal_explain_options takes it. */
ptrdiff_t bridge_decode(void *data, apiseal_bytes coding, apiseal_bytes content, uint8_t *into, size_t capacity);

/* Names and values. As many as usual are on the stack. */

typedef struct {
    size_t len;
    apiseal_pair *items, *heap;
    apiseal_pair few[32];
} pairs;

static inline void next_pairs(reader *from, pairs *into)
{
    into->len = (size_t)next_number(from);
    into->heap = into->len > 32 ? allocate(into->len, sizeof *into->heap) : NULL;
    into->items = into->heap ? into->heap : into->few;
    for (size_t at = 0; at < into->len; at++) {
        into->items[at].name = next(from);
        into->items[at].value = next(from);
    }
}

static inline void free_pairs(pairs *own)
{
    free(own->heap);
}

typedef struct {
    size_t len;
    apiseal_header *items, *heap;
    apiseal_header few[48];
} lines;

static inline void next_lines(reader *from, lines *into)
{
    into->len = (size_t)next_number(from);
    into->heap = into->len > 48 ? allocate(into->len, sizeof *into->heap) : NULL;
    into->items = into->heap ? into->heap : into->few;
    for (size_t at = 0; at < into->len; at++) {
        into->items[at].name = next(from);
        into->items[at].value = next(from);
    }
}

typedef struct {
    lines headers, trailers;
    apiseal_message message;
} message;

static inline void read_message(bridge_records records, apiseal_bytes body, message *into)
{
    reader from = reading(records);
    into->message.status = (uint16_t)next_number(&from);
    into->message.http2 = next_number(&from) != 0;
    into->message.method = next(&from);
    into->message.scheme = next(&from);
    into->message.authority = next(&from);
    into->message.target = next(&from);
    next_lines(&from, &into->headers);
    next_lines(&from, &into->trailers);
    into->message.headers = into->headers.items;
    into->message.headers_len = into->headers.len;
    into->message.trailers = into->trailers.items;
    into->message.trailers_len = into->trailers.len;
    into->message.body = body;
}

static inline void free_message(message *own)
{
    free(own->headers.heap);
    free(own->trailers.heap);
}

/* Records that come out: into the room while there is some, else into memory of their own. */

typedef struct {
    uint8_t *data, *heap;
    size_t len, cap;
} writer;

static inline writer writing(bridge_room room)
{
    writer own = {room.data, NULL, 0, room.cap};
    return own;
}

static inline void put(writer *into, const void *data, size_t len)
{
    if (into->cap - into->len < len) {
        size_t cap = 2 * (into->len + len);
        uint8_t *more = allocate(cap, 1);
        if (into->len) {
            memcpy(more, into->data, into->len);
        }
        bridge_records_free(into->heap, into->len);
        into->data = into->heap = more;
        into->cap = cap;
    }
    if (len) {
        memcpy(into->data + into->len, data, len);
    }
    into->len += len;
}

static inline void put_number(writer *into, uint64_t number)
{
    put(into, &number, sizeof number);
}

static inline void put_bytes(writer *into, apiseal_bytes bytes)
{
    uint32_t len = (uint32_t)bytes.len;
    put(into, &len, sizeof len);
    put(into, bytes.data, bytes.len);
}

static inline void put_optional(writer *into, apiseal_bytes bytes)
{
    uint32_t absent = BRIDGE_ABSENT;
    if (bytes.data) {
        put_bytes(into, bytes);
    } else {
        put(into, &absent, sizeof absent);
    }
}

static inline void put_lines(writer *into, const apiseal_header *items, size_t len)
{
    put_number(into, len);
    for (size_t at = 0; at < len; at++) {
        put_bytes(into, items[at].name);
        put_bytes(into, items[at].value);
    }
}

static inline void written(const writer *own, bridge_result *result)
{
    if (own->heap) {
        result->records = own->heap;
        result->records_len = own->len;
    } else {
        result->len = own->len;
    }
}

#endif
