/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA beside a stream: records of the slot's second pair of rings (shm/record.h) become requests
 * of the engine, in their place among the stream's bytes; answers to READs become records in the
 * ring back. The program is not believed: positions, records and what they ask for are checked. */
#include "flow.h"

#include "poll_priv.h"
#include "record.h"
#include "ring.h"
#include "san_err.h"
#include "seq.h"
#include "waiters.h"

static struct byte_ring
ring_of(const struct poll *p, const struct flow *f, bool answers)
{
	const struct poll_session *s = &p->session[f->session];
	uint8_t *at = poll_rings(s, f->ref.slot) + s->tx_ring_bytes + s->rx_ring_bytes;

	return (struct byte_ring){answers ? at + SAN_RDMA_RING : at, SAN_RDMA_RING};
}

bool
flow_rdma_produced(struct flow *f, uint32_t tail)
{
	uint32_t used;

	if (!engine_is_stream(&f->engine) || seq32_diff(tail, f->rdma_tail) < 0 ||
	    shm_ring_used(f->rdma_head, tail, SAN_RDMA_RING, &used) != 0)
		return false;
	f->rdma_tail = tail;
	return true;
}

bool
flow_rdma_consumed(struct flow *f, uint32_t head)
{
	if (head - f->rdma_rx_head > f->rdma_rx_tail - f->rdma_rx_head)
		return false;
	f->rdma_rx_head = head;
	return true;
}

/* Keep a place for the answer to a READ; false: not now. */
static bool
answer_place(const struct poll *p, const struct flow *f, const struct shm_tx_record *r,
    struct sdp_rdma_request *req)
{
	const struct shm_rx_record answer = {
	    .kind = SHM_RX_READ_DATA, .len = r->len, .tag = r->tag};
	uint32_t used = f->rdma_rx_next - f->rdma_rx_head;

	if (used + shm_record_bytes(r->len) > SAN_RDMA_RING)
		return false;
	req->ring = ring_of(p, f, true);
	req->pos = f->rdma_rx_next + SHM_RECORD_HEAD;
	shm_rx_record_put(&req->ring, f->rdma_rx_next, &answer);
	return true;
}

/* `next`: where the record behind it begins. */
static int
record_post(const struct poll *p, struct flow *f, const struct shm_tx_record *r, uint32_t next)
{
	bool read = r->op == SHM_TX_READ;
	struct sdp_rdma_request req = {
	    .va = r->va,
	    .key = r->key,
	    .len = r->len,
	    .pos = f->rdma_next + SHM_RECORD_HEAD,
	    .ring = ring_of(p, f, false),
	    .cookie = next,
	    .op = read ? SDP_RDMA_READ : SDP_RDMA_WRITE,
	};
	int err;

	if (read && !answer_place(p, f, r, &req))
		return SAN_EAGAIN;
	err = sdp_rdma_post(&f->engine.sdp, &req);
	if (err == SAN_EOPNOTSUPP)
		return SAN_EPROTO; /* the slot's read_depth said so */
	if (err != 0)
		return SAN_EAGAIN;
	f->rdma_next = next;
	if (read)
		f->rdma_rx_next += shm_record_bytes(r->len);
	return 0;
}

int
flow_rdma_push(struct poll *p, struct flow *f)
{
	static const struct shm_tx_limits limits = {
	    .write = SAN_RDMA_RING / 4 - SHM_RECORD_HEAD,
	    .read = SAN_RDMA_RING / 8,
	    .beside = true,
	};
	struct byte_ring ring = ring_of(p, f, false);
	struct shm_tx_record r;
	int bytes, err;

	while ((bytes = shm_tx_record_get(&ring, f->rdma_next, f->rdma_tail, &limits, &r)) > 0) {
		if (seq32_diff(r.after, f->tx_told) < 0)
			return SAN_EPROTO;
		/* Its bytes came between our looks at the two positions. */
		if (seq32_diff(r.after, f->tx_tail) > 0)
			return SAN_EAGAIN;
		flow_tx_give(p, f, r.after);
		err =
		    f->hostile ? SAN_EPROTO : record_post(p, f, &r, f->rdma_next + (uint32_t)bytes);
		if (err != 0)
			return err;
	}
	return bytes;
}

uint32_t
flow_rdma_tell(struct flow *f)
{
	uint32_t head = f->rdma_head, tail = f->rdma_rx_tail;
	struct sdp_rdma_done d;

	while (sdp_rdma_take(&f->engine.sdp, &d)) {
		head = d.cookie;
		if (d.op == SDP_RDMA_READ)
			tail += shm_record_bytes(d.len);
	}
	if (head == f->rdma_head)
		return 0;
	f->rdma_head = head;
	f->rdma_rx_tail = tail;
	/* Release: the answers before it, and that the engine has read the records before the other
	 * one. Pairs with the program's acquire. */
	atomic_store_explicit(&f->sock->rdma_rx_tail, tail, memory_order_release);
	atomic_store_explicit(&f->sock->rdma_head, head, memory_order_release);
	return SHM_WAIT_OUT;
}
