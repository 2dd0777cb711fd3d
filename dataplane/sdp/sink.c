/* SPDX-License-Identifier: BSD-3-Clause */
/* Our sink half reading what the peer advertised: RDMA READs straight into the rx ring, as far as
 * its free part that is not promised as buffers reaches, and RdmaRdCompl as they are done. A
 * SrcAvail is refused when there is no such room, or reading was not agreed on. A cancel is
 * answered by SendSm when no READ is under way any more; until then it is not acknowledged. */
#include "sdp_priv.h"

#include "check.h"

#define READ_MAX     65536u
#define READ_QUARTER 4u /* of the room an empty ring has for reading: several READs at once */

void
sdp_sink_init(struct sdp_session *s, const struct sdp_open *o)
{
	s->lent->zcopy.sink = (struct sdp_sink){.depth = o->initiator_depth};
}

/* A READ takes a request of its own, and its answer is never longer than half the window. */
static uint32_t
read_max(const struct sdp_session *s)
{
	uint32_t packets = s->qp.read_packets, n = packets * s->qp.pmtu;
	uint32_t piece = (s->rx.size - sdp_credit_lendable(s)) / READ_QUARTER;

	if (n > READ_MAX)
		n = READ_MAX;
	return n < piece ? n : piece;
}

/* The next READ's bytes; 0: not now. Small ones wait for room, but for the last. */
static uint32_t
read_next(const struct sdp_session *s)
{
	const struct sdp_sink *k = &s->lent->zcopy.sink;
	uint32_t n = k->end - k->asked, most = read_max(s);

	if (n > most)
		n = most;
	return n <= sdp_credit_free(s) ? n : 0;
}

static void
refuse(struct sdp_session *s)
{
	s->due |= SDP_DUE(SENDSM);
	if (s->zcopy)
		s->lent->zcopy.counters.rx_refused++;
}

void
sdp_sink_begin(struct sdp_session *s, uint64_t va, uint32_t key, uint32_t left)
{
	struct sdp_sink *k;

	if (!s->zcopy || s->lent->zcopy.sink.depth == 0) {
		refuse(s);
		return;
	}
	k = &s->lent->zcopy.sink;
	s->lent->zcopy.counters.rx_adverts++;
	sdp_credit_reserve(s);
	sdp_credit_renew(s);
	k->va = va;
	k->key = key;
	k->start = k->told = k->asked = s->rx_produced;
	k->end = k->start + left;
	k->cancelled = false;
	/* A SendSm that is due already, for a cancel before, would be taken for this one's. */
	if ((s->due & SDP_DUE(SENDSM)) == 0 && read_next(s) != 0)
		s->reading = true;
	else
		refuse(s);
}

/* Whatever is not asked for yet stays with the peer. */
void
sdp_sink_cancelled(struct sdp_session *s, uint32_t mseq)
{
	struct sdp_sink *k;

	s->due |= SDP_DUE(SENDSM);
	if (!s->reading)
		return;
	k = &s->lent->zcopy.sink;
	if (!k->cancelled) {
		k->cancelled = s->ack_held = true;
		k->cancel_mseq = mseq;
	}
}

bool
sdp_sink_plan(const struct sdp_session *s, struct rc_run *m)
{
	const struct sdp_sink *k = &s->lent->zcopy.sink;
	uint32_t n;

	if (k->cancelled || k->reads >= k->depth)
		return false;
	n = read_next(s);
	if (n == 0)
		return false;
	m->kind = RC_READ;
	m->what = SDP_WHAT_READ;
	m->pos = k->asked;
	m->len = n;
	return true;
}

void
sdp_sink_posted(struct sdp_session *s, const struct rc_run *m)
{
	s->lent->zcopy.sink.asked += m->len;
	s->lent->zcopy.sink.reads++;
	s->lent->zcopy.counters.reads++;
}

void
sdp_sink_fill(const struct sdp_session *s, const struct rc_chunk *c, struct roce_tx *out)
{
	const struct sdp_sink *k = &s->lent->zcopy.sink;
	uint32_t pos = c->run->pos + c->index * c->run->len + c->offset;

	out->ext.va = k->va + (uint32_t)(pos - k->start);
	out->ext.rkey = k->key;
}

/* Answers come in the order of the READs: the bytes continue what is in the ring. */
struct sdp_rx_verdict
sdp_sink_arrived(struct sdp_session *s, const struct rc_in *in)
{
	uint32_t pos = in->op.pos + in->op_index * in->op.len + in->offset;

	if (s->deaf)
		return sdp_rx_nothing;
	if (s->program_closed)
		return (struct sdp_rx_verdict){.event = true, .what = SDP_FSM_ABORT};
	san_check(s->reading && pos == s->rx_produced);
	byte_ring_write(&s->rx, pos, in->payload, in->len);
	s->rx_produced += in->len;
	s->lent->zcopy.counters.rx_bytes += in->len;
	s->events |= SDP_EV_RX_DATA;
	return sdp_rx_nothing;
}

void
sdp_sink_reaped(struct sdp_session *s, uint32_t reads)
{
	s->lent->zcopy.sink.reads -= (uint8_t)reads;
	if (!s->deaf)
		s->due |= SDP_DUE(RD_COMPL);
}

/* Nothing of the SrcAvail is with the peer any more: Data may come. */
static void
over(struct sdp_session *s)
{
	s->reading = false;
	sdp_rx_answered(s);
}

void
sdp_sink_let_go(struct sdp_session *s)
{
	s->ack_held = false;
	over(s);
}

void
sdp_sink_told(struct sdp_session *s, uint32_t bytes)
{
	struct sdp_sink *k = &s->lent->zcopy.sink;

	k->told += bytes;
	/* A cancel that came meanwhile is still answered by SendSm, and not acknowledged before. */
	if (k->told == k->end)
		over(s);
}
