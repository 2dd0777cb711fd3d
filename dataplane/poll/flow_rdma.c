/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA beside a stream: the slot's second pair of rings (rdma_rings.h), each record in its place
 * among the stream's bytes. */
#include "flow.h"

#include "poll_priv.h"
#include "san_err.h"
#include "waiters.h"

void
flow_rdma_init(const struct poll *p, struct flow *f)
{
	const struct poll_session *s = &p->session[f->session];

	rdma_rings_init(&f->rdma, poll_rings(s, f->ref.slot) + s->tx_ring_bytes + s->rx_ring_bytes,
	    SAN_RDMA_RING);
}

int
flow_rdma_push(struct poll *p, struct flow *f)
{
	struct shm_tx_record r;
	int bytes, err;

	while ((bytes = rdma_rings_next(&f->rdma, f->tx_told, f->tx_tail, &r)) > 0) {
		flow_tx_give(p, f, r.after);
		err = f->hostile ? SAN_EPROTO
				 : rdma_rings_post(&f->rdma, &f->engine.sdp, &r, (uint32_t)bytes);
		if (err != 0)
			return err;
	}
	return bytes;
}

uint32_t
flow_rdma_tell(struct flow *f)
{
	if (!rdma_rings_done(&f->rdma, &f->engine.sdp))
		return 0;
	/* Release: the answers before it, and that the engine has read the records before the other
	 * one. Pairs with the program's acquire. */
	atomic_store_explicit(&f->sock->rdma_rx_tail, f->rdma.rx_tail, memory_order_release);
	atomic_store_explicit(&f->sock->rdma_head, f->rdma.head, memory_order_release);
	return SHM_WAIT_OUT;
}
