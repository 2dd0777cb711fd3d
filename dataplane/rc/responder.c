/* SPDX-License-Identifier: BSD-3-Clause */
/* The receiving half: one PSN is expected; everything else is a duplicate or a gap. What arrives in
 * order is checked in the standard's sequence (chapter 9.7.4), done, and counted as arrived; what
 * may not be done is refused with the NAK the standard has for it, which ends the connection. */
#include "rc.h"

#include <string.h>

#include "rc_priv.h"
#include "san_err.h"

/* What a request opcode is. SEND and WRITE are also the values of rc_qp.in_message. */
enum {
	SEND = 1 << 0,
	WRITE = 1 << 1,
	FIRST = 1 << 2,
	LAST = 1 << 3,
	IMM = 1 << 4,
	INV = 1 << 5,
	ANSWER = 1 << 6, /* READ, atomic: answered by more than an ACK */
	ONLY = FIRST | LAST,
};

static const uint8_t shapes[32] = {
    [ROCE_RC_SEND_FIRST] = SEND | FIRST,
    [ROCE_RC_SEND_MIDDLE] = SEND,
    [ROCE_RC_SEND_LAST] = SEND | LAST,
    [ROCE_RC_SEND_LAST_IMM] = SEND | LAST | IMM,
    [ROCE_RC_SEND_ONLY] = SEND | ONLY,
    [ROCE_RC_SEND_ONLY_IMM] = SEND | ONLY | IMM,
    [ROCE_RC_WRITE_FIRST] = WRITE | FIRST,
    [ROCE_RC_WRITE_MIDDLE] = WRITE,
    [ROCE_RC_WRITE_LAST] = WRITE | LAST,
    [ROCE_RC_WRITE_LAST_IMM] = WRITE | LAST | IMM,
    [ROCE_RC_WRITE_ONLY] = WRITE | ONLY,
    [ROCE_RC_WRITE_ONLY_IMM] = WRITE | ONLY | IMM,
    [ROCE_RC_READ_REQ] = ANSWER | ONLY,
    [ROCE_RC_CMP_SWAP] = ANSWER | ONLY,
    [ROCE_RC_FETCH_ADD] = ANSWER | ONLY,
    [ROCE_RC_SEND_LAST_INV] = SEND | LAST | INV,
    [ROCE_RC_SEND_ONLY_INV] = SEND | ONLY | INV,
};

/* A receive buffer: a SEND's first packet takes one, and the last of a WRITE with immediate data.
 */
static bool
takes_buffer(uint8_t shape)
{
	return (shape & (SEND | FIRST)) == (SEND | FIRST) ||
	       (shape & (WRITE | IMM)) == (WRITE | IMM);
}

/* A message begun must be finished, one not begun cannot go on. */
static bool
in_sequence(const struct rc_qp *qp, uint8_t shape)
{
	if (shape & FIRST)
		return qp->in_message == 0;
	return qp->in_message != 0 && (shape & qp->in_message) != 0;
}

static bool
send_fits(const struct rc_qp *qp, uint8_t shape, uint32_t len)
{
	uint32_t room = shape & FIRST ? qp->recv_size : qp->message_room;

	if (shape & LAST ? len > qp->pmtu || (len == 0 && (shape & FIRST) == 0) : len != qp->pmtu)
		return false;
	return len <= room;
}

static bool
write_fits(const struct rc_qp *qp, uint8_t shape, const struct roce_pkt *p)
{
	uint32_t left = shape & FIRST ? p->ext.dma_len : qp->message_room;

	if (left > RC_MESSAGE_MAX)
		return false;
	if (shape & LAST)
		return p->payload_len == left && left <= qp->pmtu;
	return p->payload_len == qp->pmtu && left > qp->pmtu;
}

/* 0, or the NAK this in-order request earns by its form. */
static uint8_t
request_check(const struct rc_qp *qp, uint8_t shape, const struct roce_pkt *p)
{
	if (shape == 0 || !in_sequence(qp, shape))
		return AETH_NAK_INVALID;
	if (shape & ANSWER)
		return rc_resource_check(qp, p);
	if (takes_buffer(shape) &&
	    (qp->recv_closed || seq32_diff(qp->recv_limit, qp->recv_count) <= 0))
		return (uint8_t)(AETH_RNR | (qp->params.min_rnr_timer & 0x1f));
	if (shape & SEND ? !send_fits(qp, shape, p->payload_len) : !write_fits(qp, shape, p))
		return AETH_NAK_INVALID;
	return 0;
}

static uint8_t
far_write(
    const struct rc_qp *qp, uint64_t va, uint32_t len, const struct roce_pkt *p, struct rc_in *in)
{
	if (qp->mrs == NULL ||
	    !rc_mr_far(qp->mrs, qp->pd, qp->write_key, va, len, RC_ACCESS_REMOTE_WRITE))
		return AETH_NAK_ACCESS;
	in->far = (struct rc_far){
	    .bytes = p->payload, .len = p->payload_len, .key = qp->write_key, .va = va};
	in->last = shapes[p->opcode & 31] & LAST;
	return 0;
}

/* The key was good for the whole message when it began; it must still be for each packet. Of an
 * empty message neither address nor key is looked at. */
static uint8_t
write_execute(struct rc_qp *qp, uint8_t shape, const struct roce_pkt *p, struct rc_in *in)
{
	uint32_t at = qp->message_len, len = p->payload_len;
	uint8_t *to;

	if (shape & FIRST) {
		qp->write_va = p->ext.va;
		qp->write_key = p->ext.rkey;
		at = 0;
		len = p->ext.dma_len;
	}
	if (len == 0)
		return 0;
	to = rc_region(qp, qp->write_key, qp->write_va + at, len, RC_ACCESS_REMOTE_WRITE);
	if (to == NULL)
		return far_write(qp, qp->write_va + at, len, p, in);
	memcpy(to, p->payload, p->payload_len);
	return 0;
}

/* What a request does to our memory. 0, or the NAK it earns. */
static uint8_t
request_execute(
    struct rc_qp *qp, uint8_t shape, const struct roce_pkt *p, uint64_t *value, struct rc_in *in)
{
	if (shape & WRITE)
		return write_execute(qp, shape, p, in);
	if (shape & ANSWER)
		return rc_resource_execute(qp, p, value);
	if (shape & INV &&
	    (qp->mrs == NULL || rc_mr_invalidate(qp->mrs, qp->pd, p->ext.rkey, true) != 0))
		return AETH_NAK_ACCESS;
	return 0;
}

void
rc_responder_refuse(struct rc_qp *qp, uint8_t syndrome)
{
	rc_ack_refuse(qp, syndrome);
	if ((syndrome & 0xe0) == AETH_RNR) {
		qp->counters.rnr_sent++;
		return;
	}
	qp->counters.refused++;
	rc_fail(qp, SAN_EPROTO);
}

bool
rc_responder_in_send(const struct rc_qp *qp)
{
	return qp->in_message == SEND;
}

void
rc_refuse(struct rc_qp *qp, const struct rc_in *in)
{
	if (!rc_may(qp, RC_MAY_HEAR))
		return;
	qp->expected = psn_add(qp->expected, PSN_MASK);
	if (in->last)
		qp->msn = psn_add(qp->msn, PSN_MASK);
	rc_ack_refuse(qp, AETH_NAK_OPERATION);
	rc_fail(qp, SAN_EIO);
}

static void
message_advance(struct rc_qp *qp, uint8_t shape, const struct roce_pkt *p)
{
	if (shape & FIRST) {
		qp->message_len = 0;
		qp->message_room = shape & SEND ? qp->recv_size : p->ext.dma_len;
	}
	qp->message_len += p->payload_len;
	qp->message_room -= p->payload_len;
	qp->in_message = shape & LAST ? 0 : shape & (SEND | WRITE);
	if (shape & LAST)
		qp->msn = psn_add(qp->msn, 1);
}

/* What of it is the owner's business. */
static void
request_report(const struct rc_qp *qp, uint8_t shape, const struct roce_pkt *p, struct rc_in *in)
{
	if (shape & SEND) {
		in->first = shape & FIRST;
		in->payload = p->payload;
		in->len = p->payload_len;
	} else if (shape & IMM) {
		in->write_imm = in->first = true;
		in->write_len = qp->message_len;
	} else {
		return;
	}
	in->delivered = true;
	in->last = shape & LAST;
	in->se = in->last && p->se;
	in->imm = shape & IMM;
	in->inv = shape & INV;
	if (in->imm)
		in->imm_data = p->ext.imm;
	if (in->inv)
		in->inv_key = p->ext.rkey;
}

static void
request_accept(struct rc_qp *qp, uint8_t shape, const struct roce_pkt *p, struct san_time now,
    struct rc_in *in)
{
	qp->expected = psn_add(qp->expected, 1);
	qp->recv_count += takes_buffer(shape);
	message_advance(qp, shape, p);
	request_report(qp, shape, p, in);
	rc_ack_accepted(qp, p->payload_len, p->ackreq, now);
}

/* A READ or atomic: its answer will say that it arrived. */
static void
answer_accept(struct rc_qp *qp, const struct roce_pkt *p, uint64_t value)
{
	qp->expected = psn_add(qp->expected, rc_resource_remember(qp, p, value));
	qp->msn = psn_add(qp->msn, 1);
	rc_ack_in_order(qp);
}

static void
receive_expected(struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in)
{
	uint8_t shape = shapes[p->opcode & 31];
	uint8_t refusal = request_check(qp, shape, p);
	uint64_t value;

	if (refusal == 0)
		refusal = request_execute(qp, shape, p, &value, in);
	if (refusal != 0) {
		rc_responder_refuse(qp, refusal);
		return;
	}
	qp->counters.rx_requests++;
	if (shape & ANSWER)
		answer_accept(qp, p, value);
	else
		request_accept(qp, shape, p, now, in);
}

/* Done already, but the answer seems to have been lost. */
static void
receive_again(struct rc_qp *qp, const struct roce_pkt *p)
{
	qp->counters.rx_duplicates++;
	if (shapes[p->opcode & 31] & ANSWER) {
		rc_resource_duplicate(qp, p);
		return;
	}
	qp->duplicates++;
	rc_ack_duplicate(qp, p->psn);
}

/* Something before it is missing. */
static void
receive_early(struct rc_qp *qp, const struct roce_pkt *p, struct rc_in *in)
{
	if (rc_kept_has(qp, RC_EARLY_REQUEST, p->psn)) {
		qp->counters.rx_duplicates++;
		qp->duplicates++;
		rc_ack_now(qp);
		return;
	}
	qp->counters.rx_gaps++;
	in->early = shapes[p->opcode & 31] != 0 && rc_kept_wants(qp, RC_EARLY_REQUEST, p->psn);
	rc_ack_gap(qp);
}

void
rc_responder_receive(
    struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in)
{
	int32_t ahead = psn_diff(p->psn, qp->expected);

	in->valid = true;
	if (ahead == 0) {
		receive_expected(qp, p, now, in);
	} else if (ahead < 0) {
		receive_again(qp, p);
	} else {
		receive_early(qp, p, in);
	}
}

void
rc_recv_limit(struct rc_qp *qp, uint32_t limit)
{
	if (seq32_diff(limit, qp->recv_limit) <= 0)
		return;
	qp->recv_limit = limit;
	rc_credit_raised(qp);
}

void
rc_recv_close(struct rc_qp *qp, bool closed)
{
	qp->recv_closed = closed;
}

void
rc_recv_size(struct rc_qp *qp, uint32_t size)
{
	qp->recv_size = size;
}
