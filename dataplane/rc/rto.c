/* SPDX-License-Identifier: BSD-3-Clause */
/* The retransmission timer: round-trip estimate (RFC 6298 arithmetic, Karn's rule), exponential
 * back-off with a cap, and how long to try. Armed exactly while packets are outstanding and no RNR
 * pause runs. */
#include "rc.h"

#include "rc_priv.h"

/* The timer waits this part of the time longer than the slowest answer took. */
#define FLOOR_MARGIN 4u
#define RTT_MAX	     0x7fffffffu /* 2.1 s: whoever takes longer is not waited for by estimate */

/* RNR NAK timer codes, in units of 10 us (InfiniBand architecture vol. 1, table 45). */
static const uint32_t rnr_10us[32] = {65536, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192,
    256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768,
    49152};

uint64_t
rc_rnr_ns(uint8_t code)
{
	return rnr_10us[code & 0x1f] * UINT64_C(10000);
}

void
rc_rto_init(struct rc_qp *qp, struct san_duration initial, struct san_time now)
{
	qp->rto = san_short(initial);
	qp->progress_at = now;
	qp->rto_at = qp->rnr_until = SAN_TIME_NEVER;
}

static struct san_duration
rto_now(const struct rc_qp *qp)
{
	uint32_t least = qp->rto_floor * RC_LATE_US;
	struct san_duration d = SAN_DURATION_US(least > qp->rto.us ? least : qp->rto.us),
			    max = san_short_long(qp->params.rto_max);

	d.ns <<= qp->backoff;
	return d.ns > max.ns ? max : d;
}

/* Nothing was heard for two round trips and the time an ACK may be held back (RFC 8985, 7): the
 * last packet is sent again, once, to learn what became of it. What is being repeated says it by
 * itself.
 */
static bool
tail_worth(const struct rc_qp *qp, struct san_duration *after)
{
	after->ns = 2 * (uint64_t)qp->srtt + san_short_long(qp->params.ack_delay).ns;
	return qp->srtt != 0 && !qp->tail_asked && qp->probing == 0 && qp->snd == qp->high;
}

void
rc_rto_restart(struct rc_qp *qp, struct san_time now)
{
	struct san_duration rto = rto_now(qp), tail;

	qp->tail_next = tail_worth(qp, &tail) && tail.ns < rto.ns;
	qp->rto_at = san_time_add(now, qp->tail_next ? tail : rto);
}

void
rc_rto_stop(struct rc_qp *qp)
{
	qp->rto_at = qp->rnr_until = SAN_TIME_NEVER;
	qp->timing = false;
}

void
rc_rto_sent(struct rc_qp *qp, bool again, bool ackreq, struct san_time now)
{
	if (!again && qp->una == qp->high)
		qp->progress_at = now;
	/* What is repeated may have waited for its pace: an answer is overdue from here on. */
	if (qp->rto_at.ns == UINT64_MAX || qp->snd == qp->una)
		rc_rto_restart(qp, now);
	if (ackreq && !again && !qp->timing) {
		qp->timing = true;
		qp->timed_psn = qp->snd;
		qp->timed_at = now;
	}
}

static void
rtt_take(struct rc_qp *qp, uint32_t r)
{
	uint32_t delta = r > qp->srtt ? r - qp->srtt : qp->srtt - r;

	if (qp->rtt_least == 0 || r < qp->rtt_least)
		qp->rtt_least = r;
	if (qp->srtt == 0) {
		qp->srtt = r;
		qp->rttvar = r / 2;
		return;
	}
	qp->rttvar += delta / 4 - qp->rttvar / 4;
	qp->srtt += r / 8 - qp->srtt / 8;
}

/* A real ACK, even one that an implied acknowledgement made stale, ends the measurement. */
void
rc_rto_acked(struct rc_qp *qp, uint32_t psn, struct san_time now)
{
	struct san_duration r;
	struct san_short rto;

	if (!qp->timing || psn_diff(psn, qp->timed_psn) < 0 || psn_diff(psn, qp->high) >= 0)
		return;
	qp->timing = false;
	r = san_time_since(now, qp->timed_at);
	cc_rtt(&qp->cc, r);
	rtt_take(qp, r.ns < RTT_MAX ? (uint32_t)r.ns : RTT_MAX);
	rto = san_short((struct san_duration){qp->srtt + 4 * (uint64_t)qp->rttvar});
	qp->rto = rto.us < qp->params.rto_min.us ? qp->params.rto_min : rto;
}

/* The last repeat could have been answered long since: whoever answers now was away. Else it may
 * have been the first answer that was lost. */
bool
rc_rto_absent(const struct rc_qp *qp, struct san_time now)
{
	uint64_t left = san_time_since(qp->rto_at, now).ns, all = rto_now(qp).ns;

	return qp->retries != 0 && all > left && all - left > 2 * (uint64_t)qp->srtt;
}

static uint16_t
late_units(struct san_duration d)
{
	uint32_t units = san_short(d).us / RC_LATE_US + 1;

	return units < UINT16_MAX ? (uint16_t)units : UINT16_MAX;
}

void
rc_rto_heard(struct rc_qp *qp, struct san_time now)
{
	if (qp->retries != 0)
		qp->late =
		    rc_rto_absent(qp, now) ? late_units(san_time_since(now, qp->progress_at)) : 1;
	qp->retries = qp->backoff = 0;
	qp->tail_asked = qp->tail_due = false;
	qp->progress_at = now;
	if (qp->una == qp->high) {
		qp->rto_at = SAN_TIME_NEVER;
		qp->probing = 0; /* nothing is under way that an answer could free the window for */
	} else {
		rc_rto_restart(qp, now);
	}
}

void
rc_rto_progress(struct rc_qp *qp, struct san_time now)
{
	qp->nak_taken = false;
	qp->rnr_retries = 0;
	qp->rnr_until = SAN_TIME_NEVER;
	rc_rto_heard(qp, now);
}

bool
rc_rto_late(const struct rc_qp *qp)
{
	return qp->retries != 0 || qp->late != 0;
}

/* Whoever was late once, because something else had its processor, will be again. */
void
rc_rto_undo(struct rc_qp *qp, struct san_time now)
{
	uint32_t units;

	if (qp->retries != 0)
		rc_rto_heard(qp, now);
	units = qp->late + qp->late / FLOOR_MARGIN + 1u;
	if (units > UINT16_MAX)
		units = UINT16_MAX;
	if (units > qp->rto_floor)
		qp->rto_floor = (uint16_t)units;
	qp->late = 0;
}

void
rc_rto_settle(struct rc_qp *qp)
{
	if (qp->late != 0)
		qp->rto_floor /= 2;
	qp->late = 0;
}

enum rc_overdue
rc_rto_expired(struct rc_qp *qp, struct san_time now)
{
	if (qp->tail_next) {
		qp->tail_asked = true;
		rc_rto_restart(qp, now);
		return RC_OVERDUE_TAIL;
	}
	qp->counters.timeouts++;
	if (qp->params.give_up.us != 0) {
		if (san_time_since(now, qp->progress_at).ns >=
		    san_short_long(qp->params.give_up).ns)
			return RC_OVERDUE_GIVE_UP;
	} else if (qp->retries >= qp->params.retry_count) {
		return RC_OVERDUE_GIVE_UP;
	}
	if (qp->retries < UINT8_MAX)
		qp->retries++;
	if (rto_now(qp).ns < san_short_long(qp->params.rto_max).ns)
		qp->backoff++;
	/* One packet is enough to learn whether anybody is there; a window full would only feed
	 * congestion. */
	qp->probing = 1;
	qp->nak_taken = false;
	rc_rto_restart(qp, now);
	return RC_OVERDUE_REPEAT;
}
