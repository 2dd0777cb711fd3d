/* SPDX-License-Identifier: BSD-3-Clause */
#include "rdma_rings.h"

#include "ring.h"
#include "san_err.h"
#include "seq.h"

void
rdma_rings_init(struct rdma_rings *r, uint8_t *base, uint32_t size)
{
	*r = (struct rdma_rings){.tx = {base, size}, .rx = {base + size, size}};
}

bool
rdma_rings_produced(struct rdma_rings *r, uint32_t tail)
{
	uint32_t used;

	if (seq32_diff(tail, r->tail) < 0 || shm_ring_used(r->head, tail, r->tx.size, &used) != 0)
		return false;
	r->tail = tail;
	return true;
}

bool
rdma_rings_consumed(struct rdma_rings *r, uint32_t head)
{
	if (head - r->rx_head > r->rx_tail - r->rx_head)
		return false;
	r->rx_head = head;
	return true;
}

int
rdma_rings_next(const struct rdma_rings *r, uint32_t told, uint32_t tail, struct shm_tx_record *out)
{
	const struct shm_tx_limits limits = {
	    .write = shm_record_max(r->tx.size),
	    .read = shm_read_max(r->rx.size),
	    .beside = true,
	};
	int bytes = shm_tx_record_get(&r->tx, r->next, r->tail, &limits, out);

	if (bytes <= 0)
		return bytes;
	if (seq32_diff(out->after, told) < 0)
		return SAN_EPROTO;
	/* Its bytes came between the owner's looks at the two positions. */
	return seq32_diff(out->after, tail) > 0 ? SAN_EAGAIN : bytes;
}

/* Keep a place for the answer to a READ; false: not now. */
static bool
answer_place(const struct rdma_rings *r, const struct shm_tx_record *record)
{
	const struct shm_rx_record answer = {
	    .kind = SHM_RX_READ_DATA, .len = record->len, .tag = record->tag};
	uint32_t used = r->rx_next - r->rx_head;

	if (used + shm_record_bytes(record->len) > r->rx.size)
		return false;
	shm_rx_record_put(&r->rx, r->rx_next, &answer);
	return true;
}

int
rdma_rings_post(
    struct rdma_rings *r, struct sdp_conn *c, const struct shm_tx_record *record, uint32_t bytes)
{
	bool read = record->op == SHM_TX_READ;
	struct sdp_rdma_request req = {
	    .va = record->va,
	    .key = record->key,
	    .len = record->len,
	    .pos = (read ? r->rx_next : r->next) + SHM_RECORD_HEAD,
	    .ring = read ? r->rx : r->tx,
	    .cookie = r->next + bytes,
	    .op = read ? SDP_RDMA_READ : SDP_RDMA_WRITE,
	};
	int err;

	if (read && !answer_place(r, record))
		return SAN_EAGAIN;
	err = sdp_rdma_post(c, &req);
	if (err == SAN_EOPNOTSUPP)
		return SAN_EPROTO; /* the slot's read_depth said so */
	if (err != 0)
		return SAN_EAGAIN;
	r->next += bytes;
	if (read)
		r->rx_next += shm_record_bytes(record->len);
	return 0;
}

bool
rdma_rings_done(struct rdma_rings *r, struct sdp_conn *c)
{
	uint32_t head = r->head;
	struct sdp_rdma_done d;

	while (sdp_rdma_take(c, &d)) {
		r->head = d.cookie;
		if (d.op == SDP_RDMA_READ)
			r->rx_tail += shm_record_bytes(d.len);
	}
	return r->head != head;
}
