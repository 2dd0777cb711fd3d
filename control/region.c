/* SPDX-License-Identifier: BSD-3-Clause */
#include "region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "san_err.h"

#define PAGE 4096u

static size_t
page_up(size_t n)
{
	return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static bool
ring_size_ok(uint32_t n)
{
	return n >= SAN_RING_MIN && n <= SAN_RING_MAX && (n & (n - 1)) == 0;
}

static size_t
slot_rings_bytes(const struct region_geometry *geo)
{
	return shm_slot_rings(geo->tx_ring_bytes, geo->rx_ring_bytes);
}

static int
layout(struct region *r, const struct region_geometry *geo)
{
	if (geo->socks < 2 || geo->socks > SAN_SOCKS_MAX || geo->socks % 2 != 0 ||
	    geo->polls == 0 || geo->polls > SAN_POLLS_MAX || !ring_size_ok(geo->tx_ring_bytes) ||
	    !ring_size_ok(geo->rx_ring_bytes) || geo->heap_bytes % SAN_HEAP_CHUNK != 0 ||
	    geo->heap_bytes / SAN_HEAP_CHUNK > SAN_HEAP_CHUNKS)
		return SAN_EINVAL;
	r->geo = *geo;
	r->sock_off = page_up(sizeof(struct shm_region));
	r->attach_off = page_up(r->sock_off + geo->socks * sizeof(struct shm_sock));
	r->ring_off = page_up(r->attach_off + SAN_ATTACH_MAX * sizeof(struct shm_attach));
	r->heap_off = r->ring_off + geo->socks * slot_rings_bytes(geo);
	r->bytes = r->heap_off + geo->heap_bytes;
	return 0;
}

static void
header_fill(const struct region *r)
{
	struct shm_region *h = region_header(r);

	h->magic = SHM_MAGIC;
	h->version = SHM_VERSION;
	h->bytes = r->bytes;
	h->socks = r->geo.socks;
	h->tx_ring_bytes = r->geo.tx_ring_bytes;
	h->rx_ring_bytes = r->geo.rx_ring_bytes;
	h->polls = r->geo.polls;
	h->sock_off = r->sock_off;
	h->ring_off = r->ring_off;
	h->attach_off = r->attach_off;
	h->heap_off = r->heap_off;
	h->heap_bytes = r->geo.heap_bytes;
}

int
region_create(struct region *r, const struct region_geometry *geo)
{
	int err = layout(r, geo);

	if (err != 0)
		return err;
	err = SAN_ENOMEM;
	r->fd = memfd_create("sand-region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (r->fd < 0)
		return errno == EMFILE || errno == ENFILE ? SAN_ELIMIT : SAN_ENOMEM;
	if (ftruncate(r->fd, (off_t)r->bytes) != 0)
		goto close_fd;
	/* Sealed before anybody else has it: nobody can shrink it below the daemon's feet. */
	if (fcntl(r->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		goto close_fd;
	r->base =
	    mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, r->fd, 0);
	if (r->base == MAP_FAILED)
		goto close_fd;
	header_fill(r);
	return 0;
close_fd:
	close(r->fd);
	return err;
}

void
region_destroy(struct region *r)
{
	munmap(r->base, r->bytes);
	close(r->fd);
}

struct shm_region *
region_header(const struct region *r)
{
	return (struct shm_region *)(void *)r->base;
}

struct shm_sock *
region_sock(const struct region *r, uint32_t slot)
{
	san_check(slot < r->geo.socks);
	return (struct shm_sock *)(void *)(r->base + r->sock_off) + slot;
}

struct shm_attach *
region_attach(const struct region *r, uint32_t attach)
{
	san_check(attach < SAN_ATTACH_MAX);
	return (struct shm_attach *)(void *)(r->base + r->attach_off) + attach;
}

static size_t
rings_at(const struct region *r, uint32_t slot)
{
	san_check(slot < r->geo.socks);
	return r->ring_off + slot * slot_rings_bytes(&r->geo);
}

uint8_t *
region_rx_ring(const struct region *r, uint32_t slot)
{
	return r->base + rings_at(r, slot) + r->geo.tx_ring_bytes;
}

void
region_rings_release(struct region *r, uint32_t slot)
{
	/* A failure only leaves memory in use; the next release of the slot tries again. */
	(void)fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)rings_at(r, slot),
	    (off_t)slot_rings_bytes(&r->geo));
}

uint64_t
region_resident_bytes(const struct region *r)
{
	struct stat st;

	return fstat(r->fd, &st) == 0 ? (uint64_t)st.st_blocks * 512u : 0;
}
