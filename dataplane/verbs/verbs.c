/* SPDX-License-Identifier: BSD-3-Clause */
/* The public face: joins queue pair, send queue and receive queue, and ends them together. */
#include "verbs.h"

#include <string.h>

#include "san_err.h"
#include "verbs_priv.h"

static bool
power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static bool
open_valid(const struct verbs_open *o)
{
	const struct verbs_early *e = &o->early;

	if (!power_of_two(o->send_count) || (o->direct_max == 0 && !power_of_two(o->recv_count)))
		return false;
	return e->ring.size == 0 ||
	       (power_of_two(e->ring.size) && e->message_max <= e->ring.size / 2);
}

int
verbs_init(struct verbs *v, const struct verbs_open *o, struct san_time now)
{
	struct rc_open rc = o->rc;
	int err;

	if (!open_valid(o))
		return SAN_EINVAL;
	memset(v, 0, sizeof *v);
	rc.recv_size = o->direct_max != 0 ? o->direct_max : o->early.message_max;
	rc.recv_limit = 0;
	err = rc_init(&v->qp, &rc, now);
	if (err != 0)
		return err;
	v->send = o->send;
	v->sq.mask = o->send_count - 1;
	v->reads = o->rc.initiator_depth > 0;
	v->recv = o->recv;
	v->rq.mask = o->recv_count - 1;
	v->early = o->early;
	v->direct = o->direct_max != 0;
	verbs_recv_announce(v);
	return 0;
}

/* What the oldest send shall say: why the connection ended, if that is known to be its fault. */
static uint8_t
send_fault(const struct verbs *v, bool response)
{
	switch (rc_error(&v->qp)) {
	case SAN_ETIMEDOUT:
		return VERBS_STATUS_RETRY;
	case SAN_EPROTO:
		return response ? VERBS_STATUS_PROTOCOL : VERBS_STATUS_FLUSHED;
	default:
		break;
	}
	switch (v->qp.fatal) {
	case AETH_NAK_INVALID:
		return VERBS_STATUS_INVALID;
	case AETH_NAK_ACCESS:
		return VERBS_STATUS_ACCESS;
	case AETH_NAK_OPERATION:
		return VERBS_STATUS_OPERATION;
	default:
		return (v->qp.fatal & 0xe0) == AETH_RNR ? VERBS_STATUS_RNR : VERBS_STATUS_PROTOCOL;
	}
}

static bool
is_response(const struct roce_pkt *p)
{
	return p != NULL && p->opcode >= ROCE_RC_READ_RESP_FIRST && p->opcode <= ROCE_RC_ATOMIC_ACK;
}

/* If the queue pair failed, everything completes. `p`: the packet that did it, NULL = none. */
static void
settle(struct verbs *v, const struct roce_pkt *p)
{
	if (v->error != 0 || rc_error(&v->qp) == 0)
		return;
	v->error = rc_error(&v->qp);
	verbs_send_flush(v, send_fault(v, is_response(p)));
	verbs_recv_flush(v, p != NULL && v->error == SAN_EPROTO && verbs_recv_overrun(v, p)
				? VERBS_STATUS_LENGTH
				: VERBS_STATUS_FLUSHED);
}

struct verbs_heard
verbs_receive(struct verbs *v, const struct roce_pkt *p, struct san_time now)
{
	struct verbs_heard heard = {0};
	struct rc_in in;

	if (v->error != 0)
		return heard;
	rc_receive(&v->qp, p, now, &in);
	heard.valid = in.valid;
	heard.early = in.early;
	heard.far = in.far;
	heard.last = in.last;
	if (in.delivered && v->direct)
		heard.piece = verbs_recv_piece(&in);
	else if (in.delivered)
		verbs_recv_delivered(v, &in);
	if (in.response)
		verbs_send_answered(v, &in);
	verbs_send_reap(v);
	settle(v, p);
	if (v->error == 0)
		verbs_send_pump(v);
	return heard;
}

void
verbs_far_refuse(struct verbs *v, bool last)
{
	const struct rc_in in = {.last = last};

	rc_refuse(&v->qp, &in);
	settle(v, NULL);
}

void
verbs_answer_refuse(struct verbs *v, struct roce_tx *out)
{
	rc_answer_refuse(&v->qp, out);
	settle(v, NULL);
}

bool
verbs_emit(struct verbs *v, struct roce_tx *out, struct san_time now)
{
	struct rc_chunk chunk;

	if (v->error == SAN_ECANCELED)
		return false;
	switch (rc_emit(&v->qp, out, &chunk, now)) {
	case RC_OUT_REQUEST:
		verbs_send_fill(v, &chunk, out);
		return true;
	case RC_OUT_RESPONSE:
		return true;
	case RC_OUT_NONE:
		break;
	}
	return false;
}

struct san_time
verbs_deadline(const struct verbs *v)
{
	return v->error != 0 ? SAN_TIME_NEVER : rc_deadline(&v->qp);
}

void
verbs_deadline_expire(struct verbs *v, struct san_time now)
{
	if (v->error != 0)
		return;
	rc_deadline_expire(&v->qp, now);
	settle(v, NULL);
}

void
verbs_stop(struct verbs *v)
{
	if (v->error != 0)
		return;
	v->error = SAN_ECANCELED;
	rc_stop(&v->qp);
	verbs_send_flush(v, VERBS_STATUS_FLUSHED);
	verbs_recv_flush(v, VERBS_STATUS_FLUSHED);
}

int
verbs_error(const struct verbs *v)
{
	return v->error;
}

const char *
verbs_op_name(uint8_t op)
{
	static const char *const names[] = {
#define X(name, kind, text) #name,
	    VERBS_OP_LIST(X)
#undef X
	};

	return op < VERBS_OP_COUNT ? names[op] : "?";
}

const char *
verbs_status_name(uint8_t status)
{
	static const char *const names[] = {
#define X(name, text) #name,
	    VERBS_STATUS_LIST(X)
#undef X
	};

	return status < VERBS_STATUS_COUNT ? names[status] : "?";
}

const char *
verbs_status_text(uint8_t status)
{
	static const char *const texts[] = {
#define X(name, text) text,
	    VERBS_STATUS_LIST(X)
#undef X
	};

	return status < VERBS_STATUS_COUNT ? texts[status] : "?";
}
