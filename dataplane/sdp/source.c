/* SPDX-License-Identifier: BSD-3-Clause */
/* Our source half offering to be read: one SrcAvail at a time over bytes that wait in the tx ring,
 * up to the ring's end, because a region is contiguous. While it waits nothing with payload is
 * sent. The bytes are released as the peer says it has read them; what it refuses, or has not read
 * when it answers a cancel, is sent as Data: for tx.c those bytes have waited all the time. */
#include "sdp_priv.h"

#include "mr.h"
#include "san_err.h"

#define CANCEL_PATIENCE SAN_DURATION_S(5)
#define REFUSALS_MAX	10u
#define SRC_AVAIL_EXT	16u

void
sdp_source_init(struct sdp_session *s, const struct sdp_open *o)
{
	if (o->mrs == NULL || o->responder_resources == 0 || s->tx_payload_max <= SRC_AVAIL_EXT)
		return;
	/* What fits into the message itself is not worth one. */
	s->lent->zcopy.source = (struct sdp_source){
	    .mrs = o->mrs,
	    .threshold = o->zcopy_threshold < o->pmtu ? o->pmtu : o->zcopy_threshold,
	};
	s->advertising = o->zcopy_threshold != 0;
}

/* Bytes that wait and lie in one piece. */
static uint32_t
offer(const struct sdp_session *s)
{
	uint32_t waiting = sdp_tx_end(s) - s->tx_posted,
		 to_end = s->tx.size - (s->tx_posted & (s->tx.size - 1));

	return waiting < to_end ? waiting : to_end;
}

bool
sdp_source_plan(const struct sdp_session *s, struct rc_run *m)
{
	const struct sdp_source *src = &s->lent->zcopy.source;

	if (s->tx_at != SDP_TX_PLAIN || s->urgent_due || offer(s) < src->threshold ||
	    (src->refusals != 0 && seq32_diff(s->tx_posted, src->not_before) < 0))
		return false;
	m->what = (uint8_t)(SDP_WHAT_SRC_AVAIL | s->odd);
	m->len = SDP_BSDH_LEN + s->tx_payload_max;
	return true;
}

bool
sdp_source_open(struct sdp_session *s)
{
	struct sdp_source *src = &s->lent->zcopy.source;
	uint32_t len = offer(s), pos = s->tx_posted;

	src->pos = pos;
	src->end = pos + len;
	if (rc_mr_register(src->mrs, s->qp.qpn, pos, s->tx.base + (pos & (s->tx.size - 1)), len,
		RC_ACCESS_REMOTE_READ, &src->key) == 0)
		return true;
	s->advertising = false; /* the table is full: never mind */
	return false;
}

void
sdp_source_posted(struct sdp_session *s, const struct rc_run *m)
{
	struct sdp_source *src = &s->lent->zcopy.source;

	s->tx_at = SDP_TX_ADVERT;
	src->mseq = m->tag;
	s->tx_posted += m->len - SDP_BSDH_LEN - SRC_AVAIL_EXT;
	s->lent->zcopy.counters.tx_adverts++;
}

void
sdp_source_ext(const struct sdp_session *s, struct sdp_ext *ext)
{
	const struct sdp_source *src = &s->lent->zcopy.source;

	ext->size = src->end - src->pos;
	ext->rkey = src->key;
	ext->va = src->pos;
}

void
sdp_source_cancel(struct sdp_session *s)
{
	if (s->tx_at == SDP_TX_ADVERT)
		s->due |= SDP_DUE(SRC_AVAIL_CANCEL);
}

void
sdp_source_cancel_posted(struct sdp_session *s, const struct rc_run *m, struct san_time now)
{
	s->tx_at = SDP_TX_CANCEL;
	s->lent->zcopy.source.cancel_mseq = m->tag;
	s->lent->zcopy.source.answer_by = san_time_add(now, CANCEL_PATIENCE);
	s->lent->zcopy.counters.tx_cancelled++;
}

/* The SrcAvail is over, read or not. */
static void
over(struct sdp_session *s)
{
	rc_mr_deregister(s->lent->zcopy.source.mrs, s->lent->zcopy.source.key);
	s->due &= (uint16_t)~SDP_DUE(SRC_AVAIL_CANCEL);
	s->tx_at = s->tx_at == SDP_TX_CANCEL ? SDP_TX_CANCELLED : SDP_TX_PLAIN;
}

struct sdp_rx_verdict
sdp_source_completed(struct sdp_session *s, const struct sdp_msg *m)
{
	struct sdp_source *src = &s->lent->zcopy.source;
	uint32_t bytes = m->ext.size, left = src->end - s->tx_posted;

	if (seq32_diff(m->h.mseq_ack, src->mseq) < 0)
		return sdp_rx_violation(s, SDP_VIOLATION_UNASKED);
	if (bytes == 0 || bytes > left)
		return sdp_rx_violation(s, SDP_VIOLATION_SIZE);
	s->tx_posted += bytes;
	s->lent->zcopy.counters.tx_bytes += bytes;
	sdp_tx_release(s, s->tx_posted);
	/* It was read as an ordinary one. */
	if (s->urgent_due && seq32_diff(s->tx_urgent, s->tx_posted) <= 0)
		s->urgent_due = s->urgent_announced = false;
	if (bytes == left) {
		src->refusals = 0;
		over(s);
	}
	return (struct sdp_rx_verdict){.progress = true};
}

/* SendSm answers the SrcAvail, or the cancel, or with luck both; one that is older than either is
 * about what is over already. */
void
sdp_source_refused(struct sdp_session *s, const struct sdp_msg *m)
{
	struct sdp_source *src = &s->lent->zcopy.source;
	bool cancel = s->tx_at >= SDP_TX_CANCEL;

	if (s->tx_at != SDP_TX_CANCELLED) {
		if (seq32_diff(m->h.mseq_ack, src->mseq) < 0) {
			s->counters.rx_ignored++;
			return;
		}
		/* Each refusal in a row doubles what is sent before the peer is bothered again. */
		if (!cancel && src->refusals < REFUSALS_MAX)
			src->refusals++;
		src->not_before = s->tx_posted + (src->threshold << src->refusals);
		s->lent->zcopy.counters.tx_refused++;
		over(s);
	}
	if (cancel && seq32_diff(m->h.mseq_ack, src->cancel_mseq) >= 0)
		s->tx_at = SDP_TX_PLAIN;
}

struct san_time
sdp_source_deadline(const struct sdp_session *s)
{
	return s->tx_at == SDP_TX_CANCEL && !s->deaf ? s->lent->zcopy.source.answer_by
						     : SAN_TIME_NEVER;
}

void
sdp_source_fini(struct sdp_session *s)
{
	if (s->tx_at == SDP_TX_ADVERT || s->tx_at == SDP_TX_CANCEL)
		over(s);
}
