/* SPDX-License-Identifier: BSD-3-Clause */
/* The send queue: requests in the order of posting, first waiting for room in the queue pair, then
 * with it, then done. A request's place in the queue is its message's tag, so that every packet,
 * answer and acknowledgement leads back to it. */
#include <string.h>

#include "check.h"
#include "san_err.h"
#include "verbs_priv.h"

#define ATOMIC_LEN 8u

static const uint8_t op_kind[VERBS_OP_COUNT] = {
#define X(name, kind, text) kind,
    VERBS_OP_LIST(X)
#undef X
};

static struct verbs_send_slot *
slot_at(const struct verbs *v, uint32_t at)
{
	return &v->send[at & v->sq.mask];
}

/* Hand the queue pair what it has room for. */
void
verbs_send_pump(struct verbs *v)
{
	while (v->sq_posted != v->sq.tail) {
		const struct verbs_send_slot *s = slot_at(v, v->sq_posted);
		struct rc_run m = {
		    .kind = op_kind[s->wr.op],
		    .len = s->len,
		    .count = 1,
		    .tag = v->sq_posted,
		    .se = s->wr.solicited,
		    .fence = s->wr.fence,
		};

		if (rc_post(&v->qp, &m) != 0)
			return;
		v->sq_posted++;
	}
}

static bool
is_atomic(uint8_t op)
{
	return op == VERBS_CMP_SWAP || op == VERBS_FETCH_ADD;
}

static int
send_check(const struct verbs *v, const struct verbs_send *wr, uint64_t len)
{
	if (wr->op >= VERBS_OP_COUNT || wr->sge_count > VERBS_SGE_MAX)
		return SAN_EINVAL;
	if (!v->reads && (wr->op == VERBS_READ || is_atomic(wr->op)))
		return SAN_EOPNOTSUPP;
	if (is_atomic(wr->op) && (len != ATOMIC_LEN || wr->va % ATOMIC_LEN != 0))
		return SAN_EINVAL;
	if (len > RC_MESSAGE_MAX)
		return SAN_EMSGSIZE;
	if (v->sq.tail - v->sq.head > v->sq.mask)
		return SAN_ENOBUFS;
	return 0;
}

int
verbs_post_send(struct verbs *v, const struct verbs_send *wr)
{
	uint64_t len = verbs_sge_total(wr->sge, wr->sge_count);
	struct verbs_send_slot *s;
	int err = send_check(v, wr, len);

	if (err != 0)
		return err;
	s = slot_at(v, v->sq.tail++);
	s->wr = *wr;
	s->len = (uint32_t)len;
	s->status = VERBS_STATUS_OK;
	if (v->error != 0)
		verbs_send_flush(v, VERBS_STATUS_FLUSHED);
	else
		verbs_send_pump(v);
	return 0;
}

void
verbs_send_fill(const struct verbs *v, const struct rc_chunk *chunk, struct roce_tx *out)
{
	const struct verbs_send_slot *s = slot_at(v, chunk->run->tag + chunk->index);

	/* Which of these the packet has a header for follows from its opcode. */
	out->ext.va = s->wr.va + chunk->offset;
	out->ext.rkey = s->wr.op == VERBS_SEND_INV ? s->wr.imm : s->wr.rkey;
	out->ext.imm = s->wr.imm;
	out->ext.swap_add = s->wr.swap_add;
	out->ext.compare = s->wr.compare;
	if (s->wr.op == VERBS_READ || is_atomic(s->wr.op))
		return;
	verbs_sge_gather(s->wr.sge, s->wr.sge_count, chunk->offset, chunk->len, out);
}

void
verbs_send_answered(struct verbs *v, const struct rc_in *in)
{
	const struct verbs_send_slot *s = slot_at(v, in->op.tag + in->op_index);
	uint8_t old[ATOMIC_LEN];

	memcpy(old, &in->value, sizeof old);
	if (is_atomic(s->wr.op))
		verbs_sge_scatter(s->wr.sge, s->wr.sge_count, 0, old, sizeof old);
	else
		verbs_sge_scatter(s->wr.sge, s->wr.sge_count, in->offset, in->payload, in->len);
}

void
verbs_send_reap(struct verbs *v)
{
	uint32_t first, count;
	struct rc_run run;

	while (rc_reap(&v->qp, &run, &first, &count)) {
		san_check(run.tag + first == v->sq.done);
		v->sq.done += count;
	}
}

void
verbs_send_flush(struct verbs *v, uint8_t status)
{
	for (; v->sq.done != v->sq.tail; v->sq.done++) {
		slot_at(v, v->sq.done)->status = status;
		status = VERBS_STATUS_FLUSHED;
	}
	v->sq_posted = v->sq.tail;
}

bool
verbs_send_take(struct verbs *v, struct verbs_done *out)
{
	const struct verbs_send_slot *s = slot_at(v, v->sq.head);

	if (v->sq.head == v->sq.done)
		return false;
	*out = (struct verbs_done){
	    .cookie = s->wr.cookie, .status = s->status, .op = s->wr.op, .len = s->len};
	v->sq.head++;
	return true;
}

bool
verbs_send_idle(const struct verbs *v)
{
	return v->sq.done == v->sq.tail;
}
