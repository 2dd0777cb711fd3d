/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool.h"

#include <string.h>
#include <sys/mman.h>

static void **
link_of(const struct pool *p, void *object)
{
	return (void **)((char *)object + p->link);
}

void *
pool_get(struct pool *p)
{
	void *object = p->free;

	if (object != NULL) {
		p->free = *link_of(p, object);
		return object;
	}
	if (p->base == NULL) {
		void *base = mmap(NULL, p->size * p->limit, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (base == MAP_FAILED)
			return NULL;
		p->base = base;
	}
	return p->used < p->limit ? p->base + p->size * p->used++ : NULL;
}

void
pool_put(struct pool *p, void *object)
{
	*link_of(p, object) = p->free;
	p->free = object;
}
