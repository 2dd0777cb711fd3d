/* SPDX-License-Identifier: BSD-3-Clause */
/* End-to-end credits (InfiniBand architecture vol. 1, chapter 9.7.7.2), where both ends agreed on
 * them: each answer tells the requester how many receive buffers wait beyond the messages counted
 * in it. Message numbers are 24 bits wide, as PSNs are. */
#include "rc.h"

#include "rc_priv.h"

#define CODE_UNLIMITED 31u

/* What a credit code stands for (table 46). */
static const uint16_t credits[CODE_UNLIMITED] = {0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96,
    128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576,
    32768};

/* The syndrome of an ACK: the largest code that promises no buffer too many. */
uint8_t
rc_credit_syndrome(struct rc_qp *qp)
{
	uint8_t code = CODE_UNLIMITED - 1;
	int32_t free;

	if (!qp->flow_control)
		return AETH_ACK_UNLIMITED;
	/* The message being received has its buffer already, but is not counted yet. */
	free = seq32_diff(qp->recv_limit, qp->recv_count) + rc_responder_in_send(qp);
	while (code > 0 && credits[code] > free)
		code--;
	qp->credit_none_told = code == 0;
	return code;
}

/* More buffers: a peer that was told there is none waits for news. */
void
rc_credit_raised(struct rc_qp *qp)
{
	if (qp->credit_none_told)
		rc_ack_now(qp);
}

/* What the peer's ACK says. It never takes back what it granted. */
void
rc_credit_received(struct rc_qp *qp, uint8_t syndrome, uint32_t msn)
{
	uint32_t code = syndrome & 0x1f, limit;

	if (syndrome >> 5 != 0)
		return;
	if (code == CODE_UNLIMITED) {
		qp->credit_limited = false;
		return;
	}
	limit = psn_add(msn, credits[code]);
	if (psn_diff(limit, qp->credit_limit) > 0)
		qp->credit_limit = limit;
}

static bool
kind_takes_buffer(uint8_t kind)
{
	return kind == RC_SEND || kind == RC_SEND_IMM || kind == RC_SEND_INV ||
	       kind == RC_WRITE_IMM;
}

/* How far the message under the cursor is beyond the last one the peer has a buffer for. */
int32_t
rc_credit_beyond(const struct rc_qp *qp)
{
	uint32_t i, number = psn_add(qp->run_number, qp->at_msg);

	for (i = 0; i < qp->at_run; i++)
		number = psn_add(number, qp->run[(qp->run_head + i) & (RC_RUNS_MAX - 1)].count);
	return psn_diff(number, qp->credit_limit);
}

/* May the packet under the cursor leave? One message beyond the limit may, to learn of new buffers:
 * its first packet, and the rest once that was taken. */
bool
rc_credit_may_leave(const struct rc_qp *qp)
{
	int32_t beyond = rc_credit_beyond(qp);

	if (beyond <= 0 || !kind_takes_buffer(rc_runs_cursor(qp)->kind))
		return true;
	/* If all before it was taken, it is the first one beyond, whatever number the peer's ACKs
	 * had: nothing else would ever bring news. */
	if (beyond > 1 && qp->snd != qp->una)
		return false;
	return qp->at_packet == 0 ||
	       psn_diff(qp->una, psn_add(qp->snd, PSN_MASK + 1 - qp->at_packet)) > 0;
}
