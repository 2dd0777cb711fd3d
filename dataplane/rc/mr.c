/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of memory regions: a slot per region, found by the upper bits of its key, its
 * generation in the lower eight. Free slots queue up, so that a number comes back as late as it
 * can. */
#include "mr.h"

#include <stddef.h>

#include "san_err.h"

#define SLOTS_MAX (1u << 24)
#define NO_SLOT	  UINT32_MAX

#define X(name, bit, text) | RC_ACCESS_##name
static const uint32_t access_all = 0 RC_ACCESS_LIST(X);
#undef X

int
rc_mrs_init(struct rc_mrs *t, struct rc_mr *mr, uint32_t count, struct prng seed)
{
	uint32_t first, i;

	if (mr == NULL || count == 0 || count > SLOTS_MAX || (count & (count - 1)) != 0)
		return SAN_EINVAL;
	*t = (struct rc_mrs){.mr = mr, .count = count, .prng = seed};
	first = prng_below(&t->prng, count);
	for (i = 0; i < count; i++)
		mr[i] = (struct rc_mr){
		    .generation = (uint8_t)prng_below(&t->prng, 256),
		    .next_free = (i + 1) & (count - 1),
		};
	t->free_head = first;
	t->free_tail = (first + count - 1) & (count - 1);
	mr[t->free_tail].next_free = NO_SLOT;
	return 0;
}

static bool
region_valid(uint64_t va, const uint8_t *base, uint64_t len, uint32_t access)
{
	if (va + len < va || (access & ~access_all) != 0)
		return false;
	/* What is aligned for the peer must be aligned here: processors are atomic only then. */
	return (access & RC_ACCESS_REMOTE_ATOMIC) == 0 ||
	       (base != NULL && ((va ^ (uintptr_t)base) & 7) == 0);
}

int
rc_mr_register(struct rc_mrs *t, uint32_t pd, uint64_t va, uint8_t *base, uint64_t len,
    uint32_t access, uint32_t *key)
{
	uint32_t slot = t->free_head;
	struct rc_mr *mr;

	if (!region_valid(va, base, len, access))
		return SAN_EINVAL;
	if (slot == NO_SLOT)
		return SAN_ENOBUFS;
	mr = &t->mr[slot];
	t->free_head = mr->next_free;
	if (t->free_head == NO_SLOT)
		t->free_tail = NO_SLOT;
	t->used++;
	if (++mr->generation == 0 && slot == 0)
		mr->generation = 1; /* no region has key 0 */
	*mr = (struct rc_mr){
	    .va = va,
	    .len = len,
	    .base = base,
	    .key = slot << 8 | mr->generation,
	    .pd = pd,
	    .access = access,
	    .valid = true,
	    .generation = mr->generation,
	};
	*key = mr->key;
	return 0;
}

static struct rc_mr *
region_by_key(const struct rc_mrs *t, uint32_t key)
{
	uint32_t slot = key >> 8;

	return key != 0 && slot < t->count && t->mr[slot].key == key ? &t->mr[slot] : NULL;
}

int
rc_mr_deregister(struct rc_mrs *t, uint32_t key)
{
	struct rc_mr *mr = region_by_key(t, key);
	uint32_t slot = key >> 8;

	if (mr == NULL)
		return SAN_ENOENT;
	*mr = (struct rc_mr){.generation = mr->generation, .next_free = NO_SLOT};
	if (t->free_tail == NO_SLOT)
		t->free_head = slot;
	else
		t->mr[t->free_tail].next_free = slot;
	t->free_tail = slot;
	t->used--;
	return 0;
}

int
rc_mr_invalidate(struct rc_mrs *t, uint32_t pd, uint32_t key, bool remote)
{
	struct rc_mr *mr = region_by_key(t, key);

	if (mr == NULL || !mr->valid)
		return SAN_ENOENT;
	if (mr->pd != pd || (remote && (mr->access & RC_ACCESS_INVALIDATE) == 0))
		return SAN_EPERM;
	mr->valid = false;
	return 0;
}

/* The region, if all of [va, va + len) may be used so. */
static const struct rc_mr *
region_for(
    const struct rc_mrs *t, uint32_t pd, uint32_t key, uint64_t va, uint64_t len, uint32_t access)
{
	const struct rc_mr *mr = region_by_key(t, key);

	if (mr == NULL || !mr->valid || mr->pd != pd || (mr->access & access) != access)
		return NULL;
	return va >= mr->va && len <= mr->len && va - mr->va <= mr->len - len ? mr : NULL;
}

uint8_t *
rc_mr_find(
    const struct rc_mrs *t, uint32_t pd, uint32_t key, uint64_t va, uint64_t len, uint32_t access)
{
	const struct rc_mr *mr = region_for(t, pd, key, va, len, access);

	return mr != NULL && mr->base != NULL ? mr->base + (va - mr->va) : NULL;
}

bool
rc_mr_far(
    const struct rc_mrs *t, uint32_t pd, uint32_t key, uint64_t va, uint64_t len, uint32_t access)
{
	const struct rc_mr *mr = region_for(t, pd, key, va, len, access);

	return mr != NULL && mr->base == NULL;
}
