package main

/*
#cgo CFLAGS: -I${SRCDIR}/..
#include "apiseal.h"
#include <stdlib.h>
#include <time.h>

// The C ABI by itself: many calls in one crossing, each with its context, each result new memory that is freed.
static int crypt_all(int decrypts, const apiseal_cipher *cipher, const apiseal_pair *context, size_t pairs,
                     const apiseal_bytes *documents, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        apiseal_buffer out;
        apiseal_status status = decrypts ? apiseal_decrypt(cipher, context, pairs, documents[at], &out, NULL)
                                         : apiseal_encrypt(cipher, context, pairs, documents[at], &out, NULL);
        apiseal_buffer_free(&out);
        if (status != APISEAL_OK) {
            return (int)status;
        }
    }
    return 0;
}

// The same under a context that is made once, into memory that is used again.
static int crypt_all_into(int decrypts, const apiseal_cipher *cipher, const apiseal_context *context,
                          apiseal_buffer *out, const apiseal_bytes *documents, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        apiseal_status status = decrypts ? apiseal_decrypt_into(cipher, context, documents[at], out, NULL)
                                         : apiseal_encrypt_into(cipher, context, documents[at], out, NULL);
        if (status != APISEAL_OK) {
            return (int)status;
        }
    }
    return 0;
}

static apiseal_cipher *make(const char *file, size_t len, const char *rules, size_t rules_len)
{
    apiseal_bytes ring_bytes = {(const uint8_t *)file, len}, rules_bytes = {(const uint8_t *)rules, rules_len};
    apiseal_keyring *ring;
    apiseal_policy *policy;
    apiseal_cipher *cipher = NULL;
    if (apiseal_hazmat_keyring_read_clear(ring_bytes, apiseal_str("bench"), 0, &ring, NULL) == APISEAL_OK &&
        apiseal_policy_from_json(rules_bytes, &policy, NULL) == APISEAL_OK) {
        if (apiseal_cipher_new(ring, policy, NULL, &cipher, NULL) != APISEAL_OK) {
            cipher = NULL;
        }
        apiseal_policy_free(policy);
    }
    apiseal_keyring_free(ring);
    return cipher;
}

static void nothing(void) {}

// Nanoseconds of processor time of all threads of the program.
static uint64_t processor_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
*/
import "C"

import "unsafe"

// crossing does the job of a cipher in C, many times in one crossing.
type crossing struct {
	cipher  *C.apiseal_cipher
	context *C.apiseal_pair
	pairs   C.size_t
	// made is the same context, made once.
	made   *C.apiseal_context
	buffer *C.apiseal_buffer
}

func newCrossing(ring []byte, policy string, context map[string]string) *crossing {
	file, rules := C.CString(string(ring)), C.CString(policy)
	defer C.free(unsafe.Pointer(file))
	defer C.free(unsafe.Pointer(rules))
	c := &crossing{cipher: C.make(file, C.size_t(len(ring)), rules, C.size_t(len(policy)))}
	if c.cipher == nil {
		panic("the cipher of the C ABI cannot be made")
	}
	size := C.size_t(unsafe.Sizeof(C.apiseal_pair{}))
	c.context = (*C.apiseal_pair)(C.malloc(size * C.size_t(len(context))))
	for name, value := range context {
		pairs := unsafe.Slice(c.context, c.pairs+1)
		pairs[c.pairs] = C.apiseal_pair{name: C.apiseal_str(C.CString(name)), value: C.apiseal_str(C.CString(value))}
		c.pairs++
	}
	if C.apiseal_context_new(c.context, c.pairs, &c.made, nil) != 0 {
		panic("the context of the C ABI cannot be made")
	}
	c.buffer = (*C.apiseal_buffer)(C.calloc(1, C.size_t(unsafe.Sizeof(C.apiseal_buffer{}))))
	return c
}

// batch copies documents to C, for the life of the program.
func batch(documents [][]byte) []C.apiseal_bytes {
	size := C.size_t(unsafe.Sizeof(C.apiseal_bytes{}))
	list := unsafe.Slice((*C.apiseal_bytes)(C.malloc(size*C.size_t(len(documents)))), len(documents))
	for at, document := range documents {
		list[at] = C.apiseal_bytes{data: (*C.uint8_t)(C.CBytes(document)), len: C.size_t(len(document))}
	}
	return list
}

func (c *crossing) run(decrypts int, list []C.apiseal_bytes) {
	if status := C.crypt_all(C.int(decrypts), c.cipher, c.context, c.pairs, &list[0], C.size_t(len(list))); status != 0 {
		panic(status)
	}
}

func (c *crossing) runInto(decrypts int, list []C.apiseal_bytes) {
	if status := C.crypt_all_into(C.int(decrypts), c.cipher, c.made, c.buffer, &list[0], C.size_t(len(list))); status != 0 {
		panic(status)
	}
}

// processorTime is that of all threads, in nanoseconds: the garbage collector counts, other programs do not.
func processorTime() float64 { return float64(C.processor_time()) }

// nothing is a crossing by itself.
func nothing() { C.nothing() }
