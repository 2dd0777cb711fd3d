/* SPDX-License-Identifier: BSD-3-Clause */
/* The picture of a flow that control may read at any time, behind a seqlock. The only place in
 * poll/ that reads inside the engine's struct, and it only reads. */
#include "flow.h"

#include <string.h>

#include "poll_priv.h"
#include "san_err.h"
#include "seq.h"

#define READ_TRIES 8

static void
zcopy_view(const struct sdp_zcopy_counters *c, struct poll_conn_view *v)
{
	if (c == NULL)
		return;
	v->zcopy_offers = c->tx_adverts;
	v->zcopy_refused = c->tx_refused;
	v->zcopy_cancels = c->tx_cancelled;
	v->zcopy_tx = c->tx_bytes;
	v->zcopy_offered = c->rx_adverts;
	v->zcopy_denied = c->rx_refused;
	v->zcopy_reads = c->reads;
	v->zcopy_rx = c->rx_bytes;
}

/* What only the engine itself counts. */
static void
engine_view(const struct engine *e, struct poll_conn_view *v)
{
	const struct sdp_session *s = &e->sdp.s;
	const struct sdp_counters *c = &s->counters;

	if (!engine_is_stream(e)) {
		v->tx_messages = e->msg.counters.tx_messages;
		v->rx_messages = e->msg.counters.rx_messages;
		v->rdma_reads = e->msg.counters.reads;
		v->rdma_writes = e->msg.counters.writes;
		return;
	}
	v->tx_messages = (uint64_t)c->tx_data + c->tx_credit + c->tx_control;
	v->rx_messages = (uint64_t)c->rx_data + c->rx_credit + c->rx_control;
	v->credits_local = s->announced - s->mseq_received;
	v->credits_peer = s->tx_limit - s->mseq_posted;
	zcopy_view(sdp_zcopy_counters(&e->sdp), v);
	if (s->rdma) {
		v->rdma_reads = s->lent->rdma.reads;
		v->rdma_writes = s->lent->rdma.writes;
	}
}

static void
view_init(const struct poll *p, const struct flow *f, struct poll_conn_view *v)
{
	const struct rc_qp *qp = engine_qp(&f->engine);
	const struct rc_counters *r = &qp->counters;
	struct san_time deadline = engine_deadline(&f->engine);

	*v = (struct poll_conn_view){.qpn = f->qpn,
	    .peer_qpn = qp->peer_qpn,
	    .pmtu = qp->pmtu,
	    .state = engine_state(&f->engine),
	    .err = engine_error(&f->engine),
	    .tx_queued = f->tx_tail - engine_tx_released(&f->engine),
	    .rx_queued = f->rx_tail - f->rx_head,
	    .tx_bytes = f->tx_bytes,
	    .rx_bytes = f->rx_bytes,
	    .tx_packets = (uint64_t)r->tx_requests + r->tx_responses + r->tx_acks + r->tx_naks,
	    .rx_packets = (uint64_t)r->rx_requests + r->rx_duplicates + r->rx_gaps +
			  r->rx_responses + r->rx_acks,
	    .retransmits = r->tx_repeats,
	    .psn_next = qp->nxt,
	    .psn_unacked = qp->una,
	    .psn_expected = qp->expected,
	    .outstanding = rc_in_flight(qp),
	    .window = rc_window(qp),
	    .congestion = qp->cc.algo,
	    .keys = f->key_count,
	    .rtt = {qp->srtt},
#define X(name, text) .name = r->name,
	    POLL_QP_COUNTER_LIST(X)
#undef X
	};
	engine_view(&f->engine, v);
	cc_look(&qp->cc, &v->cc);
	if (deadline.ns != UINT64_MAX)
		v->deadline_in = san_time_since(deadline, p->now);
}

static void
sum_up(struct poll *p, struct flow *f, const struct poll_conn_view *v)
{
	uint32_t retransmits = (uint32_t)v->retransmits;

	poll_count(p, POLL_COUNT_retransmits, retransmits - f->summed.retransmits);
	f->summed.retransmits = retransmits;
#define X(name, text)                                               \
	poll_count(p, POLL_COUNT_##name, v->name - f->summed.name); \
	f->summed.name = v->name;
	POLL_QP_COUNTER_LIST(X)
	POLL_ZCOPY_COUNTER_LIST(X)
#undef X
}

void
flow_view_write(struct poll *p, struct flow *f)
{
	struct poll_conn_view v;
	uint32_t word[sizeof f->view.word / sizeof f->view.word[0]] = {0};
	uint32_t seq = atomic_load_explicit(&f->view.seq, memory_order_relaxed);

	view_init(p, f, &v);
	memcpy(word, &v, sizeof v);
	atomic_store_explicit(&f->view.seq, seq + 1, memory_order_relaxed);
	/* The odd number is out before any word. Pairs with the reader's fence. */
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 0; i < sizeof word / sizeof word[0]; i++)
		atomic_store_explicit(&f->view.word[i], word[i], memory_order_relaxed);
	/* Release: all words are out before the even number. */
	atomic_store_explicit(&f->view.seq, seq + 2, memory_order_release);
	atomic_store_explicit(&f->view_valid, true, memory_order_relaxed);
	sum_up(p, f, &v);
	f->view_at = p->now;
	f->view_stale = false;
}

int
flow_view_read(const struct flow *f, struct poll_conn_view *out)
{
	uint32_t word[sizeof f->view.word / sizeof f->view.word[0]];

	if (!atomic_load_explicit(&f->view_valid, memory_order_relaxed))
		return SAN_ENOENT;
	for (unsigned try = 0; try < READ_TRIES; try++) {
		uint32_t seq = atomic_load_explicit(&f->view.seq, memory_order_acquire);

		for (unsigned i = 0; i < sizeof word / sizeof word[0]; i++)
			word[i] = atomic_load_explicit(&f->view.word[i], memory_order_relaxed);
		/* Words were read before the number is read again. */
		atomic_thread_fence(memory_order_acquire);
		if ((seq & 1) == 0 &&
		    atomic_load_explicit(&f->view.seq, memory_order_relaxed) == seq) {
			memcpy(out, word, sizeof *out);
			return 0;
		}
	}
	return SAN_EAGAIN;
}
