/* SPDX-License-Identifier: BSD-3-Clause */
#include "rdma.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>

#include "daemon_link.h"
#include "heap.h"
#include "mem.h"
#include "sock.h"
#include "wsp_err.h"
#include "wsp_sys.h"

#define DESC_MAGIC 0x53414e44u /* "SAND" */

/* In use while refs is not 0. */
struct exposed {
	struct rdma_desc desc;
	DWORD rights;
	uint32_t slot;
	uint32_t refs; /* registrations not given back */
};

static struct {
	uint32_t top; /* entries from here on were never used */
	uint32_t of[SAN_SOCKS_MAX];
	struct exposed at[RDMA_EXPOSED_MAX];
} table; /* prov.lock */

/* --- descriptors --- */

void
rdma_desc_put(uint8_t to[RDMA_DESC_BYTES], const struct rdma_desc *d)
{
	uint32_t magic = htobe32(DESC_MAGIC), key = htobe32(d->key);
	uint64_t va = htobe64(d->va), len = htobe64(d->len);

	memcpy(to, &magic, 4);
	memcpy(to + 4, &va, 8);
	memcpy(to + 12, &len, 8);
	memcpy(to + 20, &key, 4);
}

bool
rdma_desc_get(const void *from, size_t len, struct rdma_desc *d)
{
	const uint8_t *at = from;
	uint32_t magic, key;

	if (from == NULL || len != RDMA_DESC_BYTES)
		return false;
	memcpy(&magic, at, 4);
	memcpy(&d->va, at + 4, 8);
	memcpy(&d->len, at + 12, 8);
	memcpy(&key, at + 20, 4);
	d->va = be64toh(d->va);
	d->len = be64toh(d->len);
	d->key = be32toh(key);
	return be32toh(magic) == DESC_MAGIC && d->va + d->len >= d->va;
}

void
rdma_foreign(uint8_t desc[RDMA_DESC_BYTES], uint64_t addr, uint64_t len, uint32_t key)
{
	const struct rdma_desc d = {.va = addr, .len = len, .key = key};

	rdma_desc_put(desc, &d);
}

int
rdma_named(
    const uint8_t desc[RDMA_DESC_BYTES], uint64_t *addr, uint64_t *len, uint32_t *key, LPINT err)
{
	struct rdma_desc d;

	if (!rdma_desc_get(desc, RDMA_DESC_BYTES, &d))
		return wsp_fail(err, WSAEINVAL);
	*addr = d.va;
	*len = d.len;
	*key = d.key;
	return 0;
}

/* --- the table --- */

static struct exposed *
entry_free(void)
{
	for (uint32_t i = 0; i < table.top; i++)
		if (table.at[i].refs == 0)
			return &table.at[i];
	return table.top < RDMA_EXPOSED_MAX ? &table.at[table.top++] : NULL;
}

static struct exposed *
entry_same(uint32_t slot, uint64_t va, uint64_t len, DWORD rights)
{
	for (uint32_t i = 0; i < table.top && table.of[slot] != 0; i++) {
		struct exposed *e = &table.at[i];

		if (e->refs != 0 && e->slot == slot && e->desc.va == va && e->desc.len == len &&
		    e->rights == rights)
			return e;
	}
	return NULL;
}

/* The daemon gets a way into this process's memory for this range; it checks every access. */
static int
tell_daemon(uint32_t slot, struct exposed *e)
{
	struct proto_mem m = {.va = e->desc.va, .len = e->desc.len, .off = PROTO_MEM_OUTSIDE};
	int fd = -1, err;

	if (!heap_offset(m.va, m.len, &m.off)) {
		fd = sys_open("/proc/self/mem", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return WSAENOBUFS;
	}
	if ((e->rights & MEM_READ) != 0)
		m.rights |= PROTO_MEM_READ;
	if ((e->rights & MEM_WRITE) != 0)
		m.rights |= PROTO_MEM_WRITE;
	err = link_mem_add(slot, &m, fd, &e->desc.key);
	if (fd >= 0)
		sys_close(fd);
	return err == SAN_ETIMEDOUT ? WSAENETDOWN : wsp_err_from_san(err);
}

/* prov.lock held. */
static int
expose_locked(SOCKET s, uint64_t va, uint64_t len, DWORD rights, struct rdma_desc *d)
{
	uint32_t slot = prov_slot(s);
	struct exposed *e;
	int err;

	if (!prov_is_open(s))
		return WSAENOTSOCK;
	if (prov_gone())
		return WSAENETDOWN;
	if (sock_phase(s) != SOCK_CONNECTED)
		return WSAENOTCONN;
	e = entry_same(slot, va, len, rights);
	if (e == NULL) {
		e = entry_free();
		if (e == NULL)
			return WSAENOBUFS;
		*e = (struct exposed){
		    .desc = {.va = va, .len = len}, .rights = rights, .slot = slot};
		err = tell_daemon(slot, e);
		if (err != 0)
			return err;
		table.of[slot]++;
	}
	e->refs++;
	*d = e->desc;
	return 0;
}

int
rdma_expose(SOCKET s, void *buf, size_t len, DWORD rights, struct rdma_desc *d)
{
	int err;

	if (rights == 0 || (rights & ~(DWORD)MEM_READWRITE) != 0)
		return WSAEINVAL;
	if (!mem_mapped(buf, len))
		return WSAEFAULT;
	prov_lock();
	err = expose_locked(s, (uintptr_t)buf, len, rights, d);
	prov_unlock();
	return err;
}

/* prov.lock held. 0, or why it is not sure that the daemon has let go. */
static int
forget(struct exposed *e)
{
	e->refs = 0;
	table.of[e->slot]--;
	return prov_gone() ? 0 : link_mem_del(e->slot, e->desc.key);
}

int
rdma_withdraw(SOCKET s, const struct rdma_desc *d)
{
	uint32_t slot = prov_slot(s);
	int err = WSAEINVAL;

	prov_lock();
	for (uint32_t i = 0; i < table.top && prov_is_open(s); i++) {
		struct exposed *e = &table.at[i];

		if (e->refs == 0 || e->slot != slot || e->desc.va != d->va ||
		    e->desc.len != d->len || e->desc.key != d->key)
			continue;
		err = 0;
		/* A daemon that does not answer is stuck: it has our memory until it dies. */
		if (--e->refs == 0 && forget(e) == SAN_ETIMEDOUT)
			err = WSAENETDOWN;
		break;
	}
	prov_unlock();
	return err;
}

void
rdma_slot_end(uint32_t slot)
{
	bool stuck = false;

	for (uint32_t i = 0; i < table.top && table.of[slot] != 0; i++) {
		struct exposed *e = &table.at[i];

		if (e->refs == 0 || e->slot != slot)
			continue;
		if (!stuck) {
			stuck = forget(e) == SAN_ETIMEDOUT;
			continue;
		}
		e->refs = 0;
		table.of[slot]--;
	}
}

bool
rdma_overlaps_locked(const void *addr, size_t len)
{
	uint64_t at = (uintptr_t)addr;
	bool found = false;

	for (uint32_t i = 0; i < table.top && !found; i++) {
		const struct exposed *e = &table.at[i];

		found = e->refs != 0 && (e->desc.va - at < len || at - e->desc.va < e->desc.len);
	}
	return found;
}

bool
rdma_overlaps(const void *addr, size_t len)
{
	bool found;

	prov_lock();
	found = rdma_overlaps_locked(addr, len);
	prov_unlock();
	return found;
}

void
rdma_forked(void)
{
	memset(&table, 0, sizeof table);
}
