/* SPDX-License-Identifier: BSD-3-Clause */
#include "heap.h"

#include <sys/mman.h>

#include "mem.h"
#include "rdma.h"

static bool
bit(const _Atomic uint64_t *map, uint32_t chunk)
{
	return (atomic_load_explicit(&map[chunk / 64], memory_order_relaxed) >> chunk % 64 & 1) !=
	       0;
}

static void
bit_set(_Atomic uint64_t *map, uint32_t chunk, bool on)
{
	uint64_t mask = UINT64_C(1) << chunk % 64;

	if (on)
		atomic_fetch_or_explicit(&map[chunk / 64], mask, memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&map[chunk / 64], ~mask, memory_order_relaxed);
}

static uint32_t
chunks(void)
{
	return (uint32_t)(prov.map.heap_bytes / SAN_HEAP_CHUNK);
}

/* ref_lock held. The first of so many free ones in a row, chunks() if there are none. */
static uint32_t
run_find(const struct shm_region *r, uint32_t want)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < chunks(); i++) {
		run = bit(r->heap_used, i) ? 0 : run + 1;
		if (run == want)
			return i + 1 - want;
	}
	return chunks();
}

/* ref_lock held. */
static void
run_take(struct shm_region *r, uint32_t first, uint32_t count)
{
	bit_set(r->heap_first, first, true);
	for (uint32_t i = 0; i < count; i++)
		bit_set(r->heap_used, first + i, true);
}

/* ref_lock held. Up to the next one's first, or to what is free. */
static uint32_t
run_length(const struct shm_region *r, uint32_t first)
{
	uint32_t n = 1;

	while (
	    first + n < chunks() && bit(r->heap_used, first + n) && !bit(r->heap_first, first + n))
		n++;
	return n;
}

/* prov.lock held. */
static void *
alloc_locked(size_t len, LPINT err)
{
	struct shm_region *r = prov.map.region;
	uint32_t want = (uint32_t)((len + SAN_HEAP_CHUNK - 1) / SAN_HEAP_CHUNK), first;

	if (shm_lock_take(&r->ref_lock, prov_self(), PROV_LOCK_LIMIT_MS) != 0) {
		*err = WSAENOBUFS; /* its owner is stopped */
		return NULL;
	}
	first = run_find(r, want);
	if (first < chunks())
		run_take(r, first, want);
	shm_lock_drop(&r->ref_lock);
	*err = first < chunks() ? 0 : WSAENOBUFS;
	return first < chunks() ? prov.map.heap + (size_t)first * SAN_HEAP_CHUNK : NULL;
}

void *
heap_alloc(size_t len, LPINT err)
{
	void *at = NULL;

	prov_lock();
	*err = prov_usable();
	if (*err == 0 && len == 0)
		*err = WSAEINVAL;
	else if (*err == 0 && len > prov.map.heap_bytes)
		*err = WSAENOBUFS;
	if (*err == 0)
		at = alloc_locked(len, err);
	prov_unlock();
	return at;
}

/* ref_lock held. Is it what heap_alloc returned? Its chunk then. */
static bool
is_ours(const struct shm_region *r, const void *at, uint32_t *first)
{
	size_t off = (uintptr_t)at - (uintptr_t)prov.map.heap;

	if (prov.map.heap == NULL || off >= prov.map.heap_bytes || off % SAN_HEAP_CHUNK != 0)
		return false;
	*first = (uint32_t)(off / SAN_HEAP_CHUNK);
	return bit(r->heap_first, *first) && bit(r->heap_used, *first);
}

/* prov.lock and ref_lock held. */
static int
free_locked(struct shm_region *r, void *at)
{
	uint32_t first, n;

	if (!is_ours(r, at, &first))
		return WSAEINVAL;
	n = run_length(r, first);
	if (mem_overlaps(at, (size_t)n * SAN_HEAP_CHUNK) ||
	    rdma_overlaps_locked(at, (size_t)n * SAN_HEAP_CHUNK))
		return WSAEFAULT;
	/* Give the pages back; whether that works or not, what comes next is not promised zeros. */
	(void)madvise(at, (size_t)n * SAN_HEAP_CHUNK, MADV_REMOVE);
	bit_set(r->heap_first, first, false);
	for (uint32_t i = 0; i < n; i++)
		bit_set(r->heap_used, first + i, false);
	return 0;
}

int
heap_free(void *at, LPINT err)
{
	struct shm_region *r;

	prov_lock();
	*err = prov_usable();
	r = prov.map.region;
	if (*err == 0 && shm_lock_take(&r->ref_lock, prov_self(), PROV_LOCK_LIMIT_MS) != 0)
		*err = WSAENOBUFS;
	if (*err == 0) {
		*err = free_locked(r, at);
		shm_lock_drop(&r->ref_lock);
	}
	prov_unlock();
	return *err == 0 ? 0 : SOCKET_ERROR;
}

bool
heap_in_use(void)
{
	for (uint32_t i = 0; i < chunks(); i++)
		if (bit(prov.map.region->heap_used, i))
			return true;
	return false;
}

bool
heap_offset(uint64_t at, uint64_t len, uint64_t *off)
{
	uint64_t heap = (uintptr_t)prov.map.heap;

	if (prov.map.heap == NULL || at - heap >= prov.map.heap_bytes ||
	    len > prov.map.heap_bytes - (at - heap))
		return false;
	*off = at - (uintptr_t)prov.map.region;
	return true;
}
