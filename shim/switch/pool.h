/* SPDX-License-Identifier: BSD-3-Clause */
/* Type-stable memory: objects of one size in one reserved stretch of address space. Never unmapped,
 * so a reader that races with a close sees a stale object of the right type, never foreign memory;
 * and an address tells whether it is one of ours. sw_lock is held for get and put. */
#ifndef SAND_SWITCH_POOL_H
#define SAND_SWITCH_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool {
	size_t size;	    /* of one object */
	size_t link;	    /* offset of a void * in it that only the pool touches */
	size_t limit;	    /* objects */
	char *_Atomic base; /* set once; readers of pool_owns hold no lock */
	size_t used;	    /* objects ever handed out */
	void *free;
};

/* NULL without memory. New objects are zero; recycled ones keep their content. */
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *object);

static inline bool
pool_owns(const struct pool *p, uint64_t address)
{
	uint64_t base = (uintptr_t)atomic_load_explicit(&p->base, memory_order_relaxed);

	return base != 0 && address >= base && address < base + p->size * p->limit;
}

#endif
