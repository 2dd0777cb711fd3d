/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion met on the way to us, told to who caused it: DCQCN's notification point. A packet with
 * data that was marked CE is answered with a CNP, not more often than once in an interval, and, if
 * both ends know of it, with BECN in the next ACK. Knows nothing of what the peer does about it. */
#include "rc.h"
#include "rc_priv.h"

static bool
marked_ce(const struct roce_pkt *p)
{
	return (p->tclass & ROCE_ECN_MASK) == ROCE_ECN_CE;
}

/* What came answers us, and says that our packets, or those we asked for, met congestion. */
bool
rc_notify_about_us(const struct rc_qp *qp, const struct roce_pkt *p)
{
	switch (p->opcode) {
	case ROCE_RC_ACK:
		return p->becn && (qp->features & RC_FEATURE_ECN_ECHO) != 0;
	case ROCE_RC_READ_RESP_FIRST:
	case ROCE_RC_READ_RESP_MIDDLE:
	case ROCE_RC_READ_RESP_LAST:
	case ROCE_RC_READ_RESP_ONLY:
		return marked_ce(p);
	default:
		return false;
	}
}

/* A mark on an ACK says nothing: nobody can send fewer of them. */
void
rc_notify_received(struct rc_qp *qp, const struct roce_pkt *p, struct san_time now)
{
	if (!marked_ce(p) || p->opcode == ROCE_RC_ACK || qp->error != 0)
		return;
	qp->counters.rx_ce++;
	qp->echo_due = true;
	qp->cnp_due |= !san_time_before(now, qp->cnp_from);
}

/* BECN of the ACK being made. */
bool
rc_notify_echo(struct rc_qp *qp)
{
	bool echo = qp->echo_due && (qp->features & RC_FEATURE_ECN_ECHO) != 0;

	qp->echo_due = false;
	return echo;
}

void
rc_notify_emit(struct rc_qp *qp, struct roce_tx *out, struct san_time now)
{
	rc_ack_init_tx(qp, out, ROCE_CNP, 0);
	qp->counters.tx_cnps++;
	qp->cnp_due = false;
	qp->cnp_from = san_time_add(now, SAN_DURATION_US(qp->params.cnp_interval_us));
}
