/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets sent again for nothing: the first copy was late, not lost. The peer says so (it counts
 * what comes twice), or its answer comes sooner than one to the second copy can. Then congestion
 * control forgets the loss, and the next hole is given more time: the reordering window, which a
 * network that keeps the order never needs. As RFC 8985, with the peer's count for the blocks of
 * RFC 2883. */
#include "rc.h"

#include "rc_priv.h"

/* The window grows by a quarter of the least round trip per mistake, to one round trip at most, and
 * is forgotten after so many recoveries without one. */
#define REORDER_PART	 4u
#define REORDER_STEPS	 32u
#define REORDER_PERSISTS 16u

struct san_duration
rc_reorder_window(const struct rc_qp *qp)
{
	uint64_t ns = (uint64_t)qp->rtt_least / REORDER_PART * qp->reorder_steps;

	return (struct san_duration){ns < qp->srtt ? ns : qp->srtt};
}

void
rc_undo_open(struct rc_qp *qp)
{
	rc_rto_settle(qp);
	qp->repeats = 0;
	qp->duplicates_then = qp->duplicates_now;
}

void
rc_undo_close(struct rc_qp *qp)
{
	if (qp->repeats != 0 && qp->reorder_persists != 0 && --qp->reorder_persists == 0)
		qp->reorder_steps = 0;
}

void
rc_undo(struct rc_qp *qp, struct san_time now)
{
	qp->counters.mistakes += qp->repeats;
	if (rc_rto_late(qp)) {
		rc_rto_undo(qp, now); /* it was the answer that was late */
	} else if (qp->probing == 0) {
		if (qp->reorder_steps < REORDER_STEPS)
			qp->reorder_steps++;
		qp->reorder_persists = REORDER_PERSISTS;
	}
	rc_undo_open(qp);
	cc_undo(&qp->cc, now);
	rc_requester_resume(qp);
	rc_board_absolve(qp, now);
}

void
rc_undo_told(struct rc_qp *qp, uint16_t duplicates, struct san_time now)
{
	/* One that was told earlier and comes later says less. */
	if ((int16_t)(duplicates - qp->duplicates_now) > 0)
		qp->duplicates_now = duplicates;
	if (qp->repeats != 0 && (uint16_t)(qp->duplicates_now - qp->duplicates_then) >= qp->repeats)
		rc_undo(qp, now);
}
