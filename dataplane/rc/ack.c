/* SPDX-License-Identifier: BSD-3-Clause */
/* What we owe the peer's requester: an ACK, gathered over several packets, or one NAK per gap.
 * Nothing is sent from here while a packet is being received: answers leave with the next emission,
 * after the data has reached the program, and a packet that fills a gap meanwhile takes the NAK
 * back. */
#include "rc.h"

#include "rc_priv.h"

void
rc_ack_init(struct rc_qp *qp)
{
	qp->ack_at = SAN_TIME_NEVER;
}

void
rc_ack_in_order(struct rc_qp *qp)
{
	qp->gap_reported = false;
	qp->nak_syndrome = 0;
}

void
rc_ack_accepted(struct rc_qp *qp, uint32_t bytes, bool ackreq, struct san_time now)
{
	rc_ack_in_order(qp);
	qp->ack_packets++;
	qp->ack_bytes += bytes;
	/* A full packet that asks is the end of a window, which may be a single packet. */
	if (qp->ack_packets >= RC_ACK_PACKETS ||
	    (ackreq && (qp->ack_bytes >= RC_ACK_BYTES || bytes == qp->pmtu)))
		qp->ack_due = true;
	else if (qp->ack_at.ns == UINT64_MAX)
		qp->ack_at = san_time_add(now, san_short_long(qp->params.ack_delay));
}

void
rc_ack_gap(struct rc_qp *qp)
{
	if (qp->gap_reported)
		return;
	qp->gap_reported = true;
	qp->nak_syndrome = AETH_NAK_SEQ;
	qp->ack_due = true;
}

/* RNR or a fatal NAK for the expected packet. What follows an RNR'd packet is no gap. */
void
rc_ack_refuse(struct rc_qp *qp, uint8_t syndrome)
{
	qp->gap_reported = true;
	qp->nak_syndrome = syndrome;
	qp->ack_due = true;
}

void
rc_ack_now(struct rc_qp *qp)
{
	qp->ack_due |= qp->error == 0;
}

/* Its acknowledgement seems to have been lost. */
void
rc_ack_duplicate(struct rc_qp *qp, uint32_t psn)
{
	if (qp->resource_used != 0 && rc_resource_ack_limit(qp, psn, &qp->dup_ack))
		qp->dup_ack_due = true;
	else
		rc_ack_now(qp);
}

static void
ack_clear(struct rc_qp *qp)
{
	qp->nak_syndrome = 0;
	qp->ack_due = qp->dup_ack_due = false;
	qp->ack_packets = 0;
	qp->ack_bytes = 0;
	qp->ack_at = SAN_TIME_NEVER;
}

void
rc_ack_answered(struct rc_qp *qp)
{
	if (qp->nak_syndrome == 0)
		ack_clear(qp);
}

bool
rc_ack_ready(const struct rc_qp *qp, struct san_time now)
{
	return qp->ack_due || qp->dup_ack_due || san_time_reached(qp->ack_at, now);
}

void
rc_ack_init_tx(struct rc_qp *qp, struct roce_tx *out, uint8_t opcode, uint32_t psn)
{
	out->opcode = opcode;
	out->se = out->ackreq = out->becn = false;
	out->inline_len = 0;
	out->seg_count = 0;
	out->dest_qp = qp->peer_qpn;
	out->psn = psn;
	out->ext.syndrome = rc_credit_syndrome(qp);
	out->ext.msn = qp->msn;
}

void
rc_ack_emit(struct rc_qp *qp, struct roce_tx *out)
{
	if (qp->dup_ack_due) {
		rc_ack_init_tx(qp, out, ROCE_RC_ACK, qp->dup_ack);
		qp->counters.tx_acks++;
		qp->dup_ack_due = false;
		return;
	}
	/* A NAK names the packet we want and thereby acknowledges all before. */
	if (qp->nak_syndrome != 0) {
		rc_ack_init_tx(qp, out, ROCE_RC_ACK, qp->expected);
		out->ext.syndrome = qp->nak_syndrome;
		qp->counters.tx_naks++;
	} else {
		rc_ack_init_tx(qp, out, ROCE_RC_ACK, psn_add(qp->expected, PSN_MASK));
		qp->counters.tx_acks++;
	}
	if (qp->error == 0)
		rc_kept_tell(qp, out);
	out->becn = rc_notify_echo(qp);
	ack_clear(qp);
}
