/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem.h"

#include <string.h>

#include "wsp_sys.h"

#define INDEX_BITS 12 /* of a handle; the rest is the entry's generation */
_Static_assert(MEM_MAX == 1u << INDEX_BITS, "every masked index is one");

/* An entry of the table. In use while refs is not 0. */
struct range {
	uintptr_t at;
	size_t len;
	uintptr_t gen; /* of its handle: never 0, another one with each new use */
	DWORD rights;
	uint32_t refs; /* registrations not given back */
	uint32_t uses; /* operations */
	uint32_t slot;
	uint32_t next; /* index + 1: the slot's next one, or the next free one */
};

static struct {
	pthread_mutex_t lock;
	uint32_t free;	/* index + 1 of the first that was used and given back */
	uint32_t fresh; /* from here on never used */
	uint32_t count;
	uint32_t first[SAN_SOCKS_MAX]; /* index + 1, by slot */
	struct range range[MEM_MAX];
} mem = {.lock = PTHREAD_MUTEX_INITIALIZER};

static HANDLE
handle_of(const struct range *r)
{
	return (HANDLE)(r->gen << INDEX_BITS | (uintptr_t)(r - mem.range));
}

/* Lock held. NULL: no handle of this slot. */
static struct range *
range_of(uint32_t slot, HANDLE handle)
{
	struct range *r = &mem.range[(uintptr_t)handle & (MEM_MAX - 1)];

	return r->refs != 0 && r->slot == slot && handle_of(r) == handle ? r : NULL;
}

/* Lock held. */
static struct range *
entry_new(uint32_t slot)
{
	struct range *r;

	if (mem.free != 0) {
		r = &mem.range[mem.free - 1];
		mem.free = r->next;
	} else if (mem.fresh < MEM_MAX) {
		r = &mem.range[mem.fresh++];
	} else {
		return NULL;
	}
	r->gen++;
	r->uses = 0;
	r->slot = slot;
	r->next = mem.first[slot];
	mem.first[slot] = (uint32_t)(r - mem.range) + 1;
	mem.count++;
	return r;
}

/* Lock held. */
static void
entry_free(struct range *r)
{
	uint32_t index = (uint32_t)(r - mem.range) + 1;
	uint32_t *link = &mem.first[r->slot];

	while (*link != index)
		link = &mem.range[*link - 1].next;
	*link = r->next;
	r->refs = 0;
	r->next = mem.free;
	mem.free = index;
	mem.count--;
}

/* Lock held. */
static struct range *
same(uint32_t slot, uintptr_t at, size_t len, DWORD rights)
{
	for (uint32_t i = mem.first[slot]; i != 0; i = mem.range[i - 1].next) {
		struct range *r = &mem.range[i - 1];

		if (r->at == at && r->len == len && r->rights == rights)
			return r;
	}
	return NULL;
}

int
mem_register(uint32_t slot, const void *buf, size_t len, DWORD rights, HANDLE *handle)
{
	struct range *r;

	if (rights == 0 || (rights & ~(DWORD)MEM_READWRITE) != 0)
		return WSAEINVAL;
	if (!mem_mapped(buf, len))
		return WSAEFAULT;
	pthread_mutex_lock(&mem.lock);
	r = same(slot, (uintptr_t)buf, len, rights);
	if (r == NULL) {
		r = entry_new(slot);
		if (r != NULL) {
			r->at = (uintptr_t)buf;
			r->len = len;
			r->rights = rights;
			r->refs = 0;
		}
	}
	if (r != NULL) {
		r->refs++;
		*handle = handle_of(r);
	}
	pthread_mutex_unlock(&mem.lock);
	return r != NULL ? 0 : WSAENOBUFS;
}

int
mem_deregister(uint32_t slot, HANDLE handle)
{
	struct range *r;
	bool known;

	pthread_mutex_lock(&mem.lock);
	r = range_of(slot, handle);
	/* Of several registrations all but the last may go while it is in use. */
	known = r != NULL && (r->uses == 0 || r->refs > 1);
	if (known && --r->refs == 0)
		entry_free(r);
	pthread_mutex_unlock(&mem.lock);
	return known ? 0 : WSAEINVAL;
}

/* Lock held. */
static bool
contains(const struct range *r, uintptr_t at, size_t len, DWORD right)
{
	return (r->rights & right) != 0 && at >= r->at && len <= r->len &&
	       at - r->at <= r->len - len;
}

int
mem_hold(uint32_t slot, HANDLE handle, const void *buf, size_t len, DWORD right, uint32_t *use)
{
	struct range *r;
	int err = WSAEFAULT;

	*use = 0;
	pthread_mutex_lock(&mem.lock);
	if (handle != NULL) {
		r = range_of(slot, handle);
		if (r == NULL)
			err = WSAEINVAL;
		else if (contains(r, (uintptr_t)buf, len, right))
			*use = (uint32_t)(r - mem.range) + 1;
	} else {
		for (uint32_t i = mem.first[slot]; i != 0 && *use == 0; i = r->next) {
			r = &mem.range[i - 1];
			if (contains(r, (uintptr_t)buf, len, right))
				*use = i;
		}
	}
	if (*use != 0) {
		mem.range[*use - 1].uses++;
		err = 0;
	}
	pthread_mutex_unlock(&mem.lock);
	return err;
}

void
mem_drop(uint32_t use)
{
	if (use == 0)
		return;
	pthread_mutex_lock(&mem.lock);
	mem.range[use - 1].uses--;
	pthread_mutex_unlock(&mem.lock);
}

void
mem_slot_end(uint32_t slot)
{
	pthread_mutex_lock(&mem.lock);
	while (mem.first[slot] != 0)
		entry_free(&mem.range[mem.first[slot] - 1]);
	pthread_mutex_unlock(&mem.lock);
}

bool
mem_overlaps(const void *addr, size_t len)
{
	uintptr_t at = (uintptr_t)addr;
	bool found = false;

	pthread_mutex_lock(&mem.lock);
	for (uint32_t i = 0; i < mem.fresh && !found; i++) {
		const struct range *r = &mem.range[i];

		found = r->refs != 0 && r->at - at < len;
		found = found || (r->refs != 0 && at - r->at < r->len);
	}
	pthread_mutex_unlock(&mem.lock);
	return found;
}

bool
mem_mapped(const void *addr, size_t len)
{
	const uintptr_t page = 4096;
	uintptr_t at = (uintptr_t)addr & ~(page - 1), end = (uintptr_t)addr + len;
	unsigned char resident[256];

	if (addr == NULL || len == 0 || end < (uintptr_t)addr)
		return false;
	while (at < end) {
		size_t left = end - at, most = sizeof resident * page;
		size_t n = left < most ? left : most;

		if (sys_mincore((void *)at, n, resident) != 0)
			return false;
		at += n;
	}
	return true;
}

uint32_t
mem_count(void)
{
	uint32_t n;

	pthread_mutex_lock(&mem.lock);
	n = mem.count;
	pthread_mutex_unlock(&mem.lock);
	return n;
}

void
mem_forked(void)
{
	pthread_mutex_init(&mem.lock, NULL);
	/* Generations stay: a handle of the parent's is none here. */
	for (uint32_t i = 0; i < mem.fresh; i++)
		mem.range[i].refs = 0;
	memset(mem.first, 0, sizeof mem.first);
	mem.free = mem.count = 0;
	for (uint32_t i = 0; i < mem.fresh; i++) {
		mem.range[i].next = mem.free;
		mem.free = i + 1;
	}
}
