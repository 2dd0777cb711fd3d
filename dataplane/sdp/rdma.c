/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA of the program's beside its stream: a bounded queue of requests, each behind the bytes that
 * were produced before it. Bytes behind a request wait until it is posted, as they leave in that
 * order and arrive so; behind a READ, which says nothing before its answer is here, bytes and
 * WRITEs wait until it is done. RDMA needs none of the peer's buffers, hence no credits. */
#include "sdp_priv.h"

#include "san_err.h"

_Static_assert((SDP_RDMA_MAX & (SDP_RDMA_MAX - 1)) == 0, "slots are indexed by masking");

static struct sdp_rdma_slot *
slot_at(const struct sdp_session *s, uint32_t i)
{
	return &s->lent->rdma.slot[i & (SDP_RDMA_MAX - 1)];
}

static void
hold_set(struct sdp_session *s)
{
	struct sdp_rdma *q = &s->lent->rdma;

	q->hold = q->done;
	while (q->hold != q->posted && slot_at(s, q->hold)->r.op != SDP_RDMA_READ)
		q->hold++;
}

int
sdp_rdma_queue(struct sdp_session *s, const struct sdp_rdma_request *r)
{
	struct sdp_rdma *q = &s->lent->rdma;

	if (!s->rdma) {
		s->rdma = true;
		q->taken = q->done = q->posted = q->tail = q->hold = 0;
		q->writes = q->reads = 0;
	}
	if (q->tail - q->taken == SDP_RDMA_MAX)
		return SAN_EAGAIN;
	*slot_at(s, q->tail++) = (struct sdp_rdma_slot){*r, s->tx_produced};
	return 0;
}

bool
sdp_rdma_finished(struct sdp_session *s, struct sdp_rdma_done *out)
{
	struct sdp_rdma *q = &s->lent->rdma;
	const struct sdp_rdma_request *r = &slot_at(s, q->taken)->r;

	if (q->taken == q->done)
		return false;
	*out = (struct sdp_rdma_done){.cookie = r->cookie, .len = r->len, .op = r->op};
	q->taken++;
	return true;
}

bool
sdp_rdma_unfinished(const struct sdp_session *s)
{
	return s->lent->rdma.done != s->lent->rdma.tail;
}

bool
sdp_rdma_holds(const struct sdp_session *s)
{
	return s->lent->rdma.hold != s->lent->rdma.tail;
}

uint32_t
sdp_rdma_end(const struct sdp_session *s)
{
	return sdp_rdma_holds(s) ? slot_at(s, s->lent->rdma.hold)->after : s->tx_produced;
}

/* What is posted while the peer has as many READs as it takes would keep everything else waiting.
 */
static bool
read_may_go(const struct sdp_session *s)
{
	const struct sdp_rdma *q = &s->lent->rdma;
	uint32_t under_way = q->posted - q->hold + (s->reading ? s->lent->zcopy.sink.reads : 0);

	return under_way < s->qp.initiator_depth;
}

bool
sdp_rdma_plan(const struct sdp_session *s, struct rc_run *m)
{
	const struct sdp_rdma *q = &s->lent->rdma;
	const struct sdp_rdma_slot *slot = slot_at(s, q->posted);

	if (q->posted == q->tail || seq32_diff(s->tx_posted, slot->after) < 0 ||
	    (slot->r.op == SDP_RDMA_WRITE ? q->hold != q->posted : !read_may_go(s)))
		return false;
	m->kind = slot->r.op == SDP_RDMA_WRITE ? RC_WRITE : RC_READ;
	m->what = SDP_WHAT_RDMA;
	m->len = slot->r.len;
	m->tag = q->posted;
	return true;
}

void
sdp_rdma_posted(struct sdp_session *s)
{
	s->lent->rdma.posted++;
	hold_set(s);
}

void
sdp_rdma_fill(const struct sdp_session *s, const struct rc_chunk *c, struct roce_tx *out)
{
	const struct sdp_rdma_request *r = &slot_at(s, c->run->tag + c->index)->r;
	uint32_t at = (r->pos + c->offset) & (r->ring.size - 1), first = r->ring.size - at;

	out->ext.va = r->va + c->offset;
	out->ext.rkey = r->key;
	if (r->op == SDP_RDMA_READ || c->len == 0)
		return;
	out->seg[0].base = r->ring.base + at;
	out->seg[0].len = c->len < first ? c->len : first;
	out->seg[1].base = r->ring.base;
	out->seg[1].len = c->len - out->seg[0].len;
	out->seg_count = c->len > first ? 2 : 1;
}

void
sdp_rdma_arrived(struct sdp_session *s, const struct rc_in *in)
{
	const struct sdp_rdma_request *r = &slot_at(s, in->op.tag + in->op_index)->r;

	byte_ring_write(&r->ring, r->pos + in->offset, in->payload, in->len);
}

void
sdp_rdma_reaped(struct sdp_session *s, uint32_t count)
{
	struct sdp_rdma *q = &s->lent->rdma;

	for (; count > 0; count--)
		*(slot_at(s, q->done++)->r.op == SDP_RDMA_READ ? &q->reads : &q->writes) += 1;
	hold_set(s);
}

void
sdp_rdma_far(struct sdp_session *s, const struct rc_in *in)
{
	s->lent->far = in->far;
	s->lent->far_last = in->last;
	s->far = true;
}
