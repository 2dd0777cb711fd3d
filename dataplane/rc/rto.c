/* SPDX-License-Identifier: BSD-3-Clause */
/* The retransmission timer: round-trip estimate (RFC 6298 arithmetic, Karn's rule), exponential
 * back-off with a cap, and how long to try. Armed exactly while packets are outstanding and no RNR
 * pause runs. */
#include "rc.h"

#include "rc_priv.h"

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
	qp->rto = initial;
	qp->progress_at = now;
	qp->rto_at = qp->rnr_until = SAN_TIME_NEVER;
}

static struct san_duration
rto_now(const struct rc_qp *qp)
{
	struct san_duration d = {qp->rto.ns << qp->backoff},
			    max = san_short_long(qp->params.rto_max);

	return d.ns > max.ns ? max : d;
}

void
rc_rto_restart(struct rc_qp *qp, struct san_time now)
{
	qp->rto_at = san_time_add(now, rto_now(qp));
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

/* A real ACK, even one that an implied acknowledgement made stale, ends the measurement. */
void
rc_rto_acked(struct rc_qp *qp, uint32_t psn, struct san_time now)
{
	uint64_t r, delta, min;

	if (!qp->timing || psn_diff(psn, qp->timed_psn) < 0 || psn_diff(psn, qp->high) >= 0)
		return;
	qp->timing = false;
	r = san_time_since(now, qp->timed_at).ns;
	cc_rtt(&qp->cc, (struct san_duration){r});
	if (qp->srtt.ns == 0) {
		qp->srtt.ns = r;
		qp->rttvar.ns = r / 2;
	} else {
		delta = r > qp->srtt.ns ? r - qp->srtt.ns : qp->srtt.ns - r;
		qp->rttvar.ns += delta / 4 - qp->rttvar.ns / 4;
		qp->srtt.ns += r / 8 - qp->srtt.ns / 8;
	}
	r = qp->srtt.ns + 4 * qp->rttvar.ns;
	min = san_short_long(qp->params.rto_min).ns;
	qp->rto.ns = r < min ? min : r;
}

void
rc_rto_progress(struct rc_qp *qp, struct san_time now)
{
	qp->retries = qp->rnr_retries = qp->backoff = 0;
	qp->probing = qp->nak_taken = false;
	qp->progress_at = now;
	qp->rnr_until = SAN_TIME_NEVER;
	if (qp->una == qp->high)
		qp->rto_at = SAN_TIME_NEVER;
	else
		rc_rto_restart(qp, now);
}

bool
rc_rto_expired(struct rc_qp *qp, struct san_time now)
{
	qp->counters.timeouts++;
	if (qp->params.give_up.us != 0) {
		if (san_time_since(now, qp->progress_at).ns >=
		    san_short_long(qp->params.give_up).ns)
			return false;
	} else if (qp->retries >= qp->params.retry_count) {
		return false;
	}
	if (qp->retries < UINT8_MAX)
		qp->retries++;
	if (rto_now(qp).ns < san_short_long(qp->params.rto_max).ns)
		qp->backoff++;
	/* One packet is enough to learn whether anybody is there; a window full would only feed
	 * congestion. */
	qp->probing = true;
	qp->nak_taken = false;
	rc_rto_restart(qp, now);
	return true;
}
