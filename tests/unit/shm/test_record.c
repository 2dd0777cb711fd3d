/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "prng.h"
#include "record.h"
#include "san_err.h"

enum { RING = 4096 };

static uint8_t bytes[RING];
static const struct byte_ring ring = {bytes, RING};
static const struct shm_tx_limits limits = {
    .send = RING / 4 - 32,
    .write = RING / 4 - 32,
    .read = RING / 8,
};

static int
tx_get(uint32_t head, uint32_t tail)
{
	struct shm_tx_record r;

	return shm_tx_record_get(&ring, head, tail, &limits, &r);
}

/* A record at `pos`, and where the next one goes. */
static uint32_t
tx_put(uint32_t pos, uint8_t op, uint32_t len)
{
	const struct shm_tx_record r = {.op = op, .len = len};

	shm_tx_record_put(&ring, pos, &r);
	return pos + shm_record_bytes(shm_tx_payload(&r));
}

static void
sizes(void **state)
{
	assert_int_equal(shm_record_bytes(0), 32);
	assert_int_equal(shm_record_bytes(1), 40);
	assert_int_equal(shm_record_bytes(8), 40);
	assert_int_equal(shm_record_bytes(9), 48);
	assert_int_equal(shm_record_bytes(shm_record_max(RING)), RING / 4);
	assert_int_equal(shm_read_max(RING), RING / 8);
}

/* A stream of random records, produced and consumed at random, starting where positions and ring
 * wrap at once; the model is a queue of what was put. */
static void
what_goes_in_comes_out(void **state)
{
	struct prng prng = {1};
	struct shm_tx_record queue[RING / SHM_RECORD_HEAD];
	uint32_t head = 0xffffffc8u, tail = head, first = 0, last = 0;
	struct shm_tx_record got;

	for (int step = 0; step < 100000; step++) {
		struct shm_tx_record r = {.op = (uint8_t)(1 + prng_below(&prng, 3)),
		    .flags = (uint8_t)prng_below(&prng, 4),
		    .tag = (uint32_t)prng_u64(&prng),
		    .len = prng_below(&prng, RING / 8 + 1)};
		uint32_t size = shm_record_bytes(shm_tx_payload(&r));

		if (r.op != SHM_TX_SEND)
			r.va = prng_u64(&prng);
		if (prng_below(&prng, 2) == 0 && tail - head + size <= RING) {
			shm_tx_record_put(&ring, tail, &r);
			tail += size;
			queue[last++ % (RING / SHM_RECORD_HEAD)] = r;
		} else if (first != last) {
			const struct shm_tx_record *want =
			    &queue[first++ % (RING / SHM_RECORD_HEAD)];
			int n = shm_tx_record_get(&ring, head, tail, &limits, &got);

			assert_int_equal(n, shm_record_bytes(shm_tx_payload(want)));
			assert_memory_equal(&got, want, sizeof got);
			head += (uint32_t)n;
		} else {
			assert_int_equal(tx_get(head, tail), 0);
		}
	}
	assert_true(tail < head || tail > 1u << 20); /* it went round */
}

static void
positions_are_refused(void **state)
{
	uint32_t tail = tx_put(64, SHM_TX_SEND, 8);

	assert_int_equal(tx_get(64, tail), 40);
	assert_int_equal(tx_get(64, 64), 0);
	assert_int_equal(tx_get(64, tail - 8), SAN_EPROTO);	 /* inside the record */
	assert_int_equal(tx_get(64, 64 + 24), SAN_EPROTO);	 /* inside its header */
	assert_int_equal(tx_get(64, tail + 4), SAN_EPROTO);	 /* no multiple of 8 */
	assert_int_equal(tx_get(64, 56), SAN_EPROTO);		 /* backwards */
	assert_int_equal(tx_get(64, 64 + RING + 8), SAN_EPROTO); /* more than there is */
}

static void
records_are_refused(void **state)
{
	static const struct shm_tx_record bad[] = {
	    {.op = 0},
	    {.op = 4},
	    {.op = SHM_TX_SEND, .flags = 4},
	    {.op = SHM_TX_SEND, .zero = 1},
	    {.op = SHM_TX_SEND, .zero2 = 1},
	    {.op = SHM_TX_SEND, .key = 1},
	    {.op = SHM_TX_SEND, .va = 1},
	    {.op = SHM_TX_SEND, .len = RING / 4 - 31},
	    {.op = SHM_TX_WRITE, .len = RING / 4 - 31},
	    {.op = SHM_TX_WRITE, .len = UINT32_MAX},
	    {.op = SHM_TX_READ, .len = RING / 8 + 1},
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		shm_tx_record_put(&ring, 0, &bad[i]);
		assert_int_equal(tx_get(0, RING), SAN_EPROTO);
	}
}

static void
rx_records_are_checked_too(void **state)
{
	struct shm_rx_record r = {.kind = SHM_RX_MESSAGE, .len = 100}, got;

	shm_rx_record_put(&ring, RING - 8, &r);
	assert_int_equal(shm_rx_record_get(&ring, RING - 8, RING - 8 + 136, &got), 136);
	assert_memory_equal(&got, &r, sizeof got);
	assert_int_equal(shm_rx_record_get(&ring, RING - 8, RING - 8 + 128, &got), SAN_EPROTO);
	r.flags = SHM_RX_IMM | SHM_RX_WRITTEN;
	shm_rx_record_put(&ring, 0, &r);
	assert_int_equal(shm_rx_record_get(&ring, 0, 32, &got), 32);
	/* Registered memory is larger than a ring may be. */
	r.len = 1u << 30;
	shm_rx_record_put(&ring, 0, &r);
	assert_int_equal(shm_rx_record_get(&ring, 0, 32, &got), 32);
	r.kind = SHM_RX_READ_DATA;
	shm_rx_record_put(&ring, 0, &r);
	assert_int_equal(shm_rx_record_get(&ring, 0, 32, &got), SAN_EPROTO);
	r.kind = 3;
	shm_rx_record_put(&ring, 0, &r);
	assert_int_equal(shm_rx_record_get(&ring, 0, RING, &got), SAN_EPROTO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(what_goes_in_comes_out),
	    cmocka_unit_test(positions_are_refused),
	    cmocka_unit_test(records_are_refused),
	    cmocka_unit_test(rx_records_are_checked_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
