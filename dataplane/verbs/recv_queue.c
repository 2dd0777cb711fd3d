/* SPDX-License-Identifier: BSD-3-Clause */
/* The receive queue: which receive a message goes into, and what the queue pair may let the peer
 * begin. A message that finds no receive waits in early.c; one and the other are never both in
 * store, since a receive that is posted takes the oldest waiting message at once. */
#include "check.h"
#include "san_err.h"
#include "verbs_priv.h"

static struct verbs_recv_slot *
slot_at(const struct verbs *v, uint32_t at)
{
	return &v->recv[at & v->rq.mask];
}

static bool
early_kept(const struct verbs *v)
{
	return v->early.ring.size > 0;
}

/* The receive's own words complete what the message said. */
static void
slot_complete(struct verbs *v, struct verbs_recv_slot *s)
{
	s->done.cookie = s->wr.cookie;
	s->done.recv = true;
	s->done.status = VERBS_STATUS_OK;
	if (!s->done.write && s->done.len > s->room)
		s->done.status = VERBS_STATUS_LENGTH;
	v->rq.done++;
}

static void
early_match(struct verbs *v)
{
	while (v->rq.done != v->rq.tail && verbs_early_take(v, slot_at(v, v->rq.done)))
		slot_complete(v, slot_at(v, v->rq.done));
}

void
verbs_recv_announce(struct verbs *v)
{
	uint32_t posted = v->rq.tail - v->rq.done;

	if (v->direct)
		return;
	/* The message that is arriving has, or will take, the first of them; the size of its
	 * buffer stays what it was when it began. */
	if (v->in_message) {
		if (posted > 1)
			rc_recv_limit(&v->qp, v->begun + posted - 1);
		return;
	}
	if (posted > 0)
		rc_recv_limit(&v->qp, v->begun + posted);
	else if (early_kept(v) && verbs_early_room(v))
		rc_recv_limit(&v->qp, v->begun + 1);
	if (!early_kept(v))
		rc_recv_size(&v->qp, posted > 0 ? slot_at(v, v->rq.done)->room : 0);
}

static void
message_begin(struct verbs *v)
{
	v->begun++;
	v->in_message = true;
	v->to_early = v->rq.done == v->rq.tail;
	v->message_len = 0;
	san_check(!v->to_early || early_kept(v));
}

static void
message_end(struct verbs *v, const struct rc_in *in)
{
	struct verbs_done done = {
	    .imm = in->imm,
	    .inv = in->inv,
	    .write = in->write_imm,
	    .value = in->inv   ? in->inv_key
		     : in->imm ? in->imm_data
			       : 0,
	    .len = in->write_imm ? in->write_len : v->message_len,
	};

	v->in_message = false;
	if (v->to_early) {
		verbs_early_finish(v, &done);
		early_match(v);
	} else {
		slot_at(v, v->rq.done)->done = done;
		slot_complete(v, slot_at(v, v->rq.done));
	}
	verbs_recv_announce(v);
}

void
verbs_recv_delivered(struct verbs *v, const struct rc_in *in)
{
	const struct verbs_recv_slot *s;

	if (in->first)
		message_begin(v);
	if (v->to_early) {
		verbs_early_append(v, in);
	} else {
		s = slot_at(v, v->rq.done);
		verbs_sge_scatter(s->wr.sge, s->wr.sge_count, v->message_len, in->payload, in->len);
	}
	v->message_len += in->len;
	if (in->last)
		message_end(v, in);
}

struct verbs_piece
verbs_recv_piece(const struct rc_in *in)
{
	return (struct verbs_piece){
	    .any = true,
	    .first = in->first,
	    .last = in->last,
	    .solicited = in->se,
	    .imm = in->imm,
	    .write = in->write_imm,
	    .imm_data = in->imm ? in->imm_data : 0,
	    .payload = in->payload,
	    .len = in->write_imm ? in->write_len : in->len,
	};
}

void
verbs_recv_allow(struct verbs *v, uint32_t limit, bool closed)
{
	rc_recv_close(&v->qp, closed);
	rc_recv_limit(&v->qp, limit);
}

int
verbs_post_recv(struct verbs *v, const struct verbs_recv *wr)
{
	struct verbs_recv_slot *s;
	uint64_t room;

	if (v->direct)
		return SAN_EOPNOTSUPP;
	if (wr->sge_count > VERBS_SGE_MAX)
		return SAN_EINVAL;
	if (v->rq.tail - v->rq.head > v->rq.mask)
		return SAN_ENOBUFS;
	room = verbs_sge_total(wr->sge, wr->sge_count);
	s = slot_at(v, v->rq.tail++);
	s->wr = *wr;
	s->room = room > RC_MESSAGE_MAX ? RC_MESSAGE_MAX : (uint32_t)room;
	early_match(v);
	if (v->error != 0)
		verbs_recv_flush(v, VERBS_STATUS_FLUSHED);
	else
		verbs_recv_announce(v);
	return 0;
}

bool
verbs_recv_overrun(const struct verbs *v, const struct roce_pkt *p)
{
	uint32_t so_far = v->in_message ? v->message_len : 0;
	bool send = p->opcode <= ROCE_RC_SEND_ONLY_IMM || p->opcode == ROCE_RC_SEND_LAST_INV ||
		    p->opcode == ROCE_RC_SEND_ONLY_INV;

	return send && v->rq.done != v->rq.tail &&
	       so_far + p->payload_len > slot_at(v, v->rq.done)->room;
}

void
verbs_recv_flush(struct verbs *v, uint8_t status)
{
	struct verbs_recv_slot *s;

	v->in_message = false;
	for (; v->rq.done != v->rq.tail; v->rq.done++) {
		s = slot_at(v, v->rq.done);
		s->done =
		    (struct verbs_done){.cookie = s->wr.cookie, .recv = true, .status = status};
		status = VERBS_STATUS_FLUSHED;
	}
}

bool
verbs_recv_take(struct verbs *v, struct verbs_done *out)
{
	if (v->rq.head == v->rq.done)
		return false;
	*out = slot_at(v, v->rq.head++)->done;
	return true;
}
