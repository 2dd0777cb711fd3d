/* SPDX-License-Identifier: BSD-3-Clause */
/* SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash for tables that strangers fill, and numbers
 * that strangers cannot foresee although they see others of them. */
#ifndef SAND_BASE_SIPHASH_H
#define SAND_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k[2]; /* secret */
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

/* Numbers for names that must not be guessed: one key, a count. */
struct nonce {
	struct siphash_key key;
	uint64_t count;
};

static inline uint64_t
nonce_u64(struct nonce *n)
{
	n->count++;
	return siphash(&n->key, &n->count, sizeof n->count);
}

#endif
