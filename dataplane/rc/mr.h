/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory a peer may reach by key: regions with bounds, access rights and a protection domain
 * (InfiniBand architecture vol. 1, chapters 10.6 and 9.4). The table is plain memory of one thread,
 * which alone registers, invalidates and looks up. It allocates nothing; what a region's bytes are,
 * and that they stay mapped until the region is deregistered, is the owner's business. */
#ifndef SAND_RC_MR_H
#define SAND_RC_MR_H

#include <stdbool.h>
#include <stdint.h>

#include "prng.h"

/* What a peer may do. X(name, bit, text) */
#define RC_ACCESS_LIST(X)                        \
	X(REMOTE_WRITE, 0, "RDMA WRITE")         \
	X(REMOTE_READ, 1, "RDMA READ")           \
	X(REMOTE_ATOMIC, 2, "CmpSwap, FetchAdd") \
	X(INVALIDATE, 3, "SEND with Invalidate")

enum rc_access {
#define X(name, bit, text) RC_ACCESS_##name = 1u << bit,
	RC_ACCESS_LIST(X)
#undef X
};

struct rc_mr {
	uint64_t va, len; /* as the peer addresses it */
	uint8_t *base;	  /* where its first byte is here; NULL: far, only its owner reaches it */
	uint32_t key;	  /* 0 = slot free: never a valid key */
	uint32_t pd;
	uint32_t access;    /* RC_ACCESS_* */
	bool valid;	    /* false: invalidated, but not yet deregistered */
	uint8_t generation; /* of the slot's newest key */
	uint32_t next_free;
};

/* Keys are slot number << 8 | generation, both hard to guess by accident: a stale key is refused.
 */
struct rc_mrs {
	struct rc_mr *mr;
	uint32_t count; /* power of two */
	uint32_t used, free_head, free_tail;
	struct prng prng;
};

/* `mr`: `count` slots, the owner's, power of two up to 2^24. 0 or SAN_EINVAL. */
int rc_mrs_init(struct rc_mrs *t, struct rc_mr *mr, uint32_t count, struct prng seed);
/* 0, SAN_ENOBUFS (table full), SAN_EINVAL (wraps around, an unknown access bit, or atomics wanted
 * where what is 8-byte aligned for the peer is not so here, or of far memory). */
int rc_mr_register(struct rc_mrs *t, uint32_t pd, uint64_t va, uint8_t *base, uint64_t len,
    uint32_t access, uint32_t *key);
/* 0 or SAN_ENOENT. From its return on nothing of ours touches the memory. */
int rc_mr_deregister(struct rc_mrs *t, uint32_t key);
/* The key stops working; the slot stays taken until it is deregistered. SAN_ENOENT; SAN_EPERM: not
 * of this domain, or not to be invalidated by a peer (`remote`). */
int rc_mr_invalidate(struct rc_mrs *t, uint32_t pd, uint32_t key, bool remote);
/* Is all of [va, va + len) far memory that may be used in all ways of `access`? */
bool rc_mr_far(
    const struct rc_mrs *t, uint32_t pd, uint32_t key, uint64_t va, uint64_t len, uint32_t access);
/* Where [va, va + len) is, or NULL unless the whole of it may be used in all ways of `access`. */
uint8_t *rc_mr_find(
    const struct rc_mrs *t, uint32_t pd, uint32_t key, uint64_t va, uint64_t len, uint32_t access);

#endif
