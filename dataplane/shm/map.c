/* SPDX-License-Identifier: BSD-3-Clause */
#include "map.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "san_err.h"
#include "sys.h"

static bool
ring_size_ok(uint32_t n)
{
	return n >= SAN_RING_MIN && n <= SAN_RING_MAX && (n & (n - 1)) == 0;
}

/* [off, off + len) lies behind the header and inside the region, aligned to a line. */
static bool
range_ok(uint64_t off, uint64_t len, uint64_t bytes)
{
	return off % SHM_LINE == 0 && off >= sizeof(struct shm_region) && off <= bytes &&
	       len <= bytes - off;
}

static bool
heap_ok(const struct shm_region *r, uint64_t bytes)
{
	return r->heap_bytes % SAN_HEAP_CHUNK == 0 &&
	       r->heap_bytes <= (uint64_t)SAN_HEAP_CHUNKS * SAN_HEAP_CHUNK &&
	       range_ok(r->heap_off, r->heap_bytes, bytes);
}

static int
verify(const struct shm_region *r, uint64_t bytes)
{
	uint64_t rings;

	if (r->magic != SHM_MAGIC)
		return SAN_EPROTO;
	if (r->version != SHM_VERSION)
		return SAN_EVERSION;
	if (r->bytes != bytes || !ring_size_ok(r->tx_ring_bytes) || !ring_size_ok(r->rx_ring_bytes))
		return SAN_EPROTO;
	if (r->socks < 2 || r->socks > SAN_SOCKS_MAX || r->socks % 2 != 0 || r->polls == 0 ||
	    r->polls > SAN_POLLS_MAX)
		return SAN_EPROTO;
	rings = shm_slot_rings(r->tx_ring_bytes, r->rx_ring_bytes);
	if (!range_ok(r->sock_off, r->socks * sizeof(struct shm_sock), bytes) ||
	    !range_ok(r->ring_off, r->socks * rings, bytes) ||
	    !range_ok(r->attach_off, SAN_ATTACH_MAX * sizeof(struct shm_attach), bytes) ||
	    (r->heap_bytes != 0 && !heap_ok(r, bytes)))
		return SAN_EPROTO;
	return 0;
}

/* The size of a sealed memfd that cannot shrink under us, 0 if it is none. */
static uint64_t
sealed_bytes(int memfd)
{
	struct stat st;
	long seals = syscall(SYS_fcntl, memfd, F_GET_SEALS, 0);

	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(memfd, &st) != 0 ||
	    st.st_size < (off_t)sizeof(struct shm_region))
		return 0;
	return (uint64_t)st.st_size;
}

static void
adopt(struct shm_map *m, struct shm_region *r)
{
	uint8_t *base = (uint8_t *)r;

	m->region = r;
	m->bytes = r->bytes;
	m->socks = r->socks;
	m->polls = r->polls;
	m->tx_ring_bytes = r->tx_ring_bytes;
	m->rx_ring_bytes = r->rx_ring_bytes;
	m->heap_bytes = r->heap_bytes;
	m->heap = r->heap_bytes != 0 ? base + r->heap_off : NULL;
	m->spin_us = r->spin_us;
	m->session = r->session;
	m->rings = base + r->ring_off;
	m->sock = (struct shm_sock *)(void *)(base + r->sock_off);
	m->attach = (struct shm_attach *)(void *)(base + r->attach_off);
}

int
shm_map_open(struct shm_map *m, int memfd)
{
	uint64_t bytes = sealed_bytes(memfd);
	bool reuse = m->region != NULL && m->bytes == bytes;
	void *at;
	int err;

	if (bytes == 0)
		return SAN_EPROTO;
	at = mmap(reuse ? m->region : NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE | (reuse ? MAP_FIXED : 0), memfd, 0);
	if (at == MAP_FAILED)
		return SAN_ENOMEM;
	err = verify(at, bytes);
	if (err == 0) {
		adopt(m, at);
		return 0;
	}
	if (reuse)
		shm_map_close(m);
	else
		munmap(at, bytes);
	return err;
}

void
shm_map_close(struct shm_map *m)
{
	/* On failure the old mapping stays, which is as harmless. */
	if (m->region != NULL)
		mmap(m->region, m->bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}
