/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a ring in message mode, walked from any position to any other: a record that is
 * taken lies between the two, keeps to the limits and encodes to the same bytes. */
#include "fuzz.h"
#include "record.h"

enum { RING = 1024 };

static const struct shm_tx_limits limits = {.send = 200, .write = RING / 4 - 32, .read = RING / 8};

static void
check_tx(const struct byte_ring *ring, uint32_t at, const struct shm_tx_record *r, uint32_t bytes,
    uint32_t left)
{
	uint8_t was[SHM_RECORD_HEAD], again[SHM_RECORD_HEAD];

	promise(bytes <= left && bytes % 8 == 0 && bytes >= SHM_RECORD_HEAD);
	promise(r->len <= limits.write && bytes <= RING / 4);
	byte_ring_read(ring, at, was, sizeof was);
	shm_tx_record_put(ring, at, r);
	byte_ring_read(ring, at, again, sizeof again);
	promise(memcmp(was, again, sizeof was) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[RING];
	const struct byte_ring ring = {bytes, RING};
	struct script s = {data, size};
	uint32_t head = script_u32(&s), tail = head + script_byte(&s) * 8u + script_byte(&s) / 128u;
	struct shm_tx_record tx;
	struct shm_rx_record rx;
	int n;

	memset(bytes, 0, sizeof bytes);
	script_bytes(&s, bytes, sizeof bytes);
	for (uint32_t at = head; (n = shm_tx_record_get(&ring, at, tail, &limits, &tx)) > 0;
	     at += (uint32_t)n)
		check_tx(&ring, at, &tx, (uint32_t)n, tail - at);
	for (uint32_t at = head; (n = shm_rx_record_get(&ring, at, tail, &rx)) > 0;
	     at += (uint32_t)n)
		promise((uint32_t)n <= tail - at &&
			((rx.kind == SHM_RX_MESSAGE && (rx.flags & SHM_RX_WRITTEN) != 0) ||
			    rx.len <= shm_record_max(RING)));
	return 0;
}
