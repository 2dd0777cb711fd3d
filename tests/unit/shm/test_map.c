/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "map.h"
#include "prng.h"
#include "san_err.h"

enum { SOCKS = 8, RING = 16384 };

static size_t
sock_off(void)
{
	return (sizeof(struct shm_region) + 63) & ~(size_t)63;
}

static size_t
attach_off(void)
{
	return sock_off() + SOCKS * sizeof(struct shm_sock);
}

static size_t
ring_off(void)
{
	return attach_off() + SAN_ATTACH_MAX * sizeof(struct shm_attach);
}

static size_t
region_bytes(void)
{
	return ring_off() + SOCKS * shm_slot_rings(RING, RING);
}

static struct shm_region *
good_region(int *fd, int seals)
{
	struct shm_region *r;

	*fd = memfd_create("test", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(*fd, (off_t)region_bytes()), 0);
	r = mmap(NULL, region_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	assert_ptr_not_equal(r, MAP_FAILED);
	r->magic = SHM_MAGIC;
	r->version = SHM_VERSION;
	r->bytes = region_bytes();
	r->socks = SOCKS;
	r->tx_ring_bytes = r->rx_ring_bytes = RING;
	r->polls = 2;
	r->sock_off = sock_off();
	r->attach_off = attach_off();
	r->ring_off = ring_off();
	if (seals != 0)
		assert_int_equal(fcntl(*fd, F_ADD_SEALS, seals), 0);
	return r;
}

static void
good_region_opens(void **state)
{
	struct shm_map m = {0};
	struct shm_region *r;
	struct byte_ring tx, rx;
	int fd;

	r = good_region(&fd, F_SEAL_SHRINK);
	r->spin_us = 17;
	assert_int_equal(shm_map_open(&m, fd), 0);
	assert_int_equal(m.socks, SOCKS);
	assert_int_equal(m.spin_us, 17);
	tx = shm_map_tx(&m, SOCKS - 1);
	rx = shm_map_rx(&m, SOCKS - 1);
	assert_ptr_equal(tx.base + RING, rx.base);
	assert_ptr_equal(rx.base + RING, shm_map_rdma_tx(&m, SOCKS - 1).base);
	rx = shm_map_rdma_rx(&m, SOCKS - 1);
	assert_ptr_equal(rx.base + SAN_RDMA_RING, (uint8_t *)m.region + region_bytes());
	m.sock[3].tx_tail = 99; /* the same memory, seen from the other mapping */
	assert_int_equal(((struct shm_sock *)(void *)((uint8_t *)r + sock_off()))[3].tx_tail, 99);
	r->socks = 4000; /* too late: the geometry was copied */
	assert_int_equal(m.socks, SOCKS);
	/* Closed: the addresses stay, empty and private. Opened again: the same place. */
	void *at = m.region;
	shm_map_close(&m);
	assert_int_equal(m.sock[3].tx_tail, 0);
	m.sock[3].tx_tail = 5;
	r->socks = SOCKS;
	assert_int_equal(shm_map_open(&m, fd), 0);
	assert_ptr_equal(m.region, at);
	assert_int_equal(m.sock[3].tx_tail, 99);
	munmap(m.region, m.bytes);
	munmap(r, region_bytes());
	close(fd);
}

static void
bad_regions_are_refused(void **state)
{
	static const struct {
		size_t off;
		unsigned width;
		uint64_t value;
		int err;
	} bad[] = {
#define F(field) offsetof(struct shm_region, field), sizeof(((struct shm_region *)0)->field)
	    {F(magic), 0, SAN_EPROTO}, {F(version), SHM_VERSION + 1, SAN_EVERSION},
	    {F(version), 0, SAN_EVERSION}, {F(bytes), 0, SAN_EPROTO},
	    {F(bytes), UINT64_MAX, SAN_EPROTO}, {F(socks), 0, SAN_EPROTO},
	    {F(socks), 7, SAN_EPROTO}, {F(socks), 16384, SAN_EPROTO}, {F(socks), 10, SAN_EPROTO},
	    {F(tx_ring_bytes), 0, SAN_EPROTO}, {F(tx_ring_bytes), 16383, SAN_EPROTO},
	    {F(rx_ring_bytes), 8192, SAN_EPROTO}, {F(rx_ring_bytes), 1u << 31, SAN_EPROTO},
	    {F(polls), 0, SAN_EPROTO}, {F(polls), 9, SAN_EPROTO}, {F(sock_off), 0, SAN_EPROTO},
	    {F(sock_off), 8, SAN_EPROTO}, {F(sock_off), UINT64_MAX - 63, SAN_EPROTO},
	    {F(ring_off), 1u << 30, SAN_EPROTO}, {F(attach_off), UINT64_MAX - 63, SAN_EPROTO},
	    {F(attach_off), 100, SAN_EPROTO}, {F(heap_bytes), 4096, SAN_EPROTO},
	    {F(heap_bytes), SAN_HEAP_CHUNK, SAN_EPROTO}, {F(heap_bytes), UINT64_MAX, SAN_EPROTO}};

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct shm_map m = {0};
		struct shm_region *r;
		int fd;

		r = good_region(&fd, F_SEAL_SHRINK);
		memcpy((uint8_t *)r + bad[i].off, &bad[i].value, bad[i].width);
		assert_int_equal(shm_map_open(&m, fd), bad[i].err);
		assert_null(m.region);
		munmap(r, region_bytes());
		close(fd);
	}
}

static void
not_a_sealed_memfd(void **state)
{
	struct shm_map m = {0};
	struct shm_region *r;
	int fd, pipes[2];

	r = good_region(&fd, 0);
	assert_int_equal(shm_map_open(&m, fd), SAN_EPROTO);
	munmap(r, region_bytes());
	close(fd);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(shm_map_open(&m, pipes[0]), SAN_EPROTO);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(shm_map_open(&m, -1), SAN_EPROTO);
	fd = memfd_create("small", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	assert_int_equal(shm_map_open(&m, fd), SAN_EPROTO);
	close(fd);
}

/* Random headers: whatever opens must only describe memory inside the region. */
static void
random_headers_never_reach_outside(void **state)
{
	struct prng prng = {4711};
	struct shm_region *r, good;
	unsigned opened = 0;
	int fd;

	r = good_region(&fd, F_SEAL_SHRINK);
	good = *r;
	for (int round = 0; round < 20000; round++) {
		struct shm_map m = {0};
		uint8_t *end;

		*r = good;
		for (uint32_t n = prng_below(&prng, 3); n > 0; n--) {
			/* the constants before daemon_name, in aligned words, usually small steps
			 */
			uint32_t at =
			    prng_below(&prng, offsetof(struct shm_region, daemon_name) / 4) * 4;
			uint32_t word;

			memcpy(&word, (uint8_t *)r + at, 4);
			word += prng_below(&prng, 3) == 0 ? (uint32_t)prng_u64(&prng)
							  : (prng_below(&prng, 5) - 2) * 64;
			memcpy((uint8_t *)r + at, &word, 4);
		}
		if (shm_map_open(&m, fd) != 0)
			continue;
		opened++;
		end = (uint8_t *)m.region + region_bytes();
		assert_true((uint8_t *)(m.sock + m.socks) <= end);
		assert_true((uint8_t *)(m.attach + SAN_ATTACH_MAX) <= end);
		assert_true(shm_map_rx(&m, m.socks - 1).base + m.rx_ring_bytes <= end);
		assert_true(m.heap == NULL || m.heap + m.heap_bytes <= end);
		munmap(m.region, m.bytes);
	}
	assert_in_range(opened, 100, 19900); /* both ways out were taken */
	munmap(r, region_bytes());
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good_region_opens),
	    cmocka_unit_test(bad_regions_are_refused), cmocka_unit_test(not_a_sealed_memfd),
	    cmocka_unit_test(random_headers_never_reach_outside)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
