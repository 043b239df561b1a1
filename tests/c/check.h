/* What the programs of these tests check by: they end at the first thing that is not so. */
#ifndef CHECK_H
#define CHECK_H

#include <apiseal.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)
#define OK(call) CHECK((call) == APISEAL_OK)

/* Whether bytes are this text. */
static inline int is(apiseal_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && (bytes.len == 0 || memcmp(bytes.data, text, bytes.len) == 0);
}

/* The same for a buffer, which is freed. */
static inline int was(apiseal_buffer *buffer, const char *text)
{
    int same = is(apiseal_buffer_bytes(buffer), text);
    apiseal_buffer_free(buffer);
    return same;
}

/* Whether bytes hold this text. */
static inline int holds(apiseal_bytes bytes, const char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0; at + len <= bytes.len; at++) {
        if (memcmp(bytes.data + at, text, len) == 0) {
            return 1;
        }
    }
    return 0;
}

#endif
