/* SPDX-License-Identifier: BSD-3-Clause */
/* The receiving half: one PSN is expected; everything else is a duplicate or a gap. Accepted are
 * SENDs that fit a posted buffer and RDMA WRITEs of length 0; there is no memory a peer could read,
 * write or swap in, so whatever asks for that is refused as the standard says, which ends the
 * connection. */
#include "rc.h"

#include "rc_priv.h"
#include "san_err.h"

/* How a request opcode relates to messages. */
struct shape {
	bool send, first, last, imm;
	uint8_t refusal; /* NAK, or 0 if acceptable */
};

static struct shape
request_shape(const struct roce_pkt *p)
{
	bool empty = p->payload_len == 0 && p->ext.dma_len == 0;

	switch (p->opcode) {
	case ROCE_RC_SEND_FIRST:
		return (struct shape){.send = true, .first = true};
	case ROCE_RC_SEND_MIDDLE:
		return (struct shape){.send = true};
	case ROCE_RC_SEND_LAST:
		return (struct shape){.send = true, .last = true};
	case ROCE_RC_SEND_LAST_IMM:
		return (struct shape){.send = true, .last = true, .imm = true};
	case ROCE_RC_SEND_ONLY:
		return (struct shape){.send = true, .first = true, .last = true};
	case ROCE_RC_SEND_ONLY_IMM:
		return (struct shape){.send = true, .first = true, .last = true, .imm = true};
	case ROCE_RC_WRITE_ONLY: /* neither address nor key of an empty one is looked at */
		return (struct shape){
		    .first = true, .last = true, .refusal = empty ? 0 : AETH_NAK_ACCESS};
	case ROCE_RC_WRITE_ONLY_IMM: /* takes a receive buffer like a SEND */
		return (struct shape){.send = true,
		    .first = true,
		    .last = true,
		    .imm = true,
		    .refusal = empty ? 0 : AETH_NAK_ACCESS};
	case ROCE_RC_WRITE_FIRST:
		return (struct shape){.first = true, .refusal = AETH_NAK_ACCESS};
	case ROCE_RC_SEND_LAST_INV: /* the key to invalidate cannot exist */
		return (struct shape){.send = true, .last = true, .refusal = AETH_NAK_ACCESS};
	case ROCE_RC_SEND_ONLY_INV:
		return (struct shape){
		    .send = true, .first = true, .last = true, .refusal = AETH_NAK_ACCESS};
	default: /* READ and atomics: no responder resources were negotiated; the rest: reserved or
		    out of place */
		return (struct shape){.first = true, .last = true, .refusal = AETH_NAK_INVALID};
	}
}

/* 0, or the NAK this in-order request earns. */
static uint8_t
request_check(const struct rc_qp *qp, const struct shape *s, const struct roce_pkt *p)
{
	if (s->first == qp->in_message)
		return AETH_NAK_INVALID; /* a message begun must be finished, one not begun cannot
					    go on */
	if (s->refusal != 0)
		return s->refusal;
	if (!s->send)
		return 0;
	if (s->last ? p->payload_len > qp->pmtu || (!s->first && p->payload_len == 0)
		    : p->payload_len != qp->pmtu)
		return AETH_NAK_INVALID;
	if (s->first && seq32_diff(qp->recv_limit, qp->recv_count) <= 0)
		return (uint8_t)(AETH_RNR | (qp->params.min_rnr_timer & 0x1f));
	if (qp->message_len + p->payload_len > qp->recv_size)
		return AETH_NAK_INVALID;
	return 0;
}

static void
request_refuse(struct rc_qp *qp, uint8_t syndrome)
{
	rc_ack_refuse(qp, syndrome);
	if ((syndrome & 0xe0) == AETH_RNR) {
		qp->counters.rnr_sent++;
		return;
	}
	qp->counters.refused++;
	rc_fail(qp, SAN_EPROTO);
}

static void
request_accept(struct rc_qp *qp, const struct shape *s, const struct roce_pkt *p,
    struct san_time now, struct rc_in *in)
{
	qp->counters.rx_requests++;
	qp->expected = psn_add(qp->expected, 1);
	if (s->last)
		qp->msn = psn_add(qp->msn, 1);
	if (s->send) {
		qp->recv_count += s->first;
		qp->in_message = !s->last;
		qp->message_len = s->last ? 0 : qp->message_len + p->payload_len;
		in->delivered = true;
		in->first = s->first;
		in->last = s->last;
		in->imm = s->imm;
		in->payload = p->payload;
		in->len = p->payload_len;
	}
	rc_ack_accepted(qp, p->payload_len, p->ackreq, now);
}

void
rc_responder_receive(
    struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in)
{
	int32_t ahead = psn_diff(p->psn, qp->expected);
	struct shape s;
	uint8_t refusal;

	in->valid = true;
	if (ahead < 0) {
		/* Done already, but the answer seems to have been lost: acknowledge what we have.
		 */
		qp->counters.rx_duplicates++;
		rc_ack_now(qp);
		return;
	}
	if (ahead > 0) {
		qp->counters.rx_gaps++;
		rc_ack_gap(qp);
		return;
	}
	s = request_shape(p);
	refusal = request_check(qp, &s, p);
	if (refusal != 0)
		request_refuse(qp, refusal);
	else
		request_accept(qp, &s, p, now, in);
}

void
rc_recv_limit(struct rc_qp *qp, uint32_t limit)
{
	if (seq32_diff(limit, qp->recv_limit) > 0)
		qp->recv_limit = limit;
}
