/* SPDX-License-Identifier: BSD-3-Clause */
#include "record.h"

#include "ring.h"
#include "san_err.h"

void
shm_tx_record_put(const struct byte_ring *tx, uint32_t pos, const struct shm_tx_record *record)
{
	byte_ring_write(tx, pos, record, sizeof *record);
}

void
shm_rx_record_put(const struct byte_ring *rx, uint32_t pos, const struct shm_rx_record *record)
{
	byte_ring_write(rx, pos, record, sizeof *record);
}

/* Bytes between the positions: 0 = nothing, SAN_EPROTO, else at least a header. */
static int
filled(const struct byte_ring *ring, uint32_t head, uint32_t tail)
{
	uint32_t used;

	if (((head | tail) & 7) != 0 || shm_ring_used(head, tail, ring->size, &used) != 0)
		return SAN_EPROTO;
	if (used != 0 && used < SHM_RECORD_HEAD)
		return SAN_EPROTO;
	return (int)used; /* at most SAN_RING_MAX */
}

static bool
tx_record_valid(const struct shm_tx_record *r, const struct shm_tx_limits *limits)
{
	if ((r->flags & ~SHM_TX_FLAGS) != 0 || r->zero != 0 || r->zero2 != 0 ||
	    (r->after != 0 && !limits->beside))
		return false;
	switch (r->op) {
	case SHM_TX_SEND:
		return !limits->beside && r->len <= limits->send && r->key == 0 && r->va == 0;
	case SHM_TX_WRITE:
		return r->len <= limits->write;
	case SHM_TX_READ:
		return r->len <= limits->read;
	default:
		return false;
	}
}

int
shm_tx_record_get(const struct byte_ring *tx, uint32_t head, uint32_t tail,
    const struct shm_tx_limits *limits, struct shm_tx_record *out)
{
	int used = filled(tx, head, tail);
	uint32_t bytes;

	if (used <= 0)
		return used;
	byte_ring_read(tx, head, out, sizeof *out);
	if (!tx_record_valid(out, limits))
		return SAN_EPROTO;
	bytes = shm_record_bytes(shm_tx_payload(out));
	return bytes <= (uint32_t)used ? (int)bytes : SAN_EPROTO;
}

int
shm_rx_record_get(
    const struct byte_ring *rx, uint32_t head, uint32_t tail, struct shm_rx_record *out)
{
	int used = filled(rx, head, tail);
	uint32_t payload, bytes;

	if (used <= 0)
		return used;
	byte_ring_read(rx, head, out, sizeof *out);
	/* What was written into registered memory may be longer than any ring. */
	payload = out->kind == SHM_RX_MESSAGE && (out->flags & SHM_RX_WRITTEN) != 0 ? 0 : out->len;
	if ((out->kind != SHM_RX_MESSAGE && out->kind != SHM_RX_READ_DATA) ||
	    payload > shm_record_max(rx->size))
		return SAN_EPROTO;
	bytes = shm_record_bytes(payload);
	return bytes <= (uint32_t)used ? (int)bytes : SAN_EPROTO;
}
