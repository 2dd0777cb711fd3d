/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session has to say, in which order, and the bytes of each message: made from the tx ring
 * and the numbers of the moment each time the packet leaves, so nothing is kept but positions. A
 * header sent again may grant more than the first copy did, never less; only what the first copy
 * granted counts as known to the peer. */
#include "sdp_priv.h"

#include "san_err.h"

/* While this many packets are under way a message that does not fill a packet waits for company. */
#define TX_CORK_PACKETS 16u

#define CREDITS_DATA	3 /* least number that allows a message of the kind */
#define CREDITS_CONTROL 2
#define CREDITS_UPDATE	1

static const struct {
	uint8_t mid, flags, ext_len;
	bool se;
} message[SDP_WHAT_COUNT] = {
    [SDP_WHAT_DATA] = {SDP_DATA, 0, 0, false},
    [SDP_WHAT_DATA_PEND] = {SDP_DATA, SDP_FLAG_OOB_PEND, 0, true},
    [SDP_WHAT_DATA_OOB] = {SDP_DATA, SDP_FLAG_OOB_PRES, 0, true},
    [SDP_WHAT_DATA_OOB_PEND] = {SDP_DATA, SDP_FLAG_OOB_PRES | SDP_FLAG_OOB_PEND, 0, true},
    [SDP_WHAT_SRC_AVAIL] = {SDP_SRC_AVAIL, 0, 16, false},
    [SDP_WHAT_SRC_AVAIL_CANCEL] = {SDP_SRC_AVAIL_CANCEL, 0, 0, true},
    [SDP_WHAT_RD_COMPL] = {SDP_RDMA_RD_COMPL, 0, 4, true},
    [SDP_WHAT_ABORT] = {SDP_ABORT_CONN, 0, 0, true},
    [SDP_WHAT_SENDSM] = {SDP_SEND_SM, 0, 0, true},
    [SDP_WHAT_CH_RCV_BUF_ACK] = {SDP_CH_RCV_BUF_ACK, 0, 4, false},
    [SDP_WHAT_CH_RCV_BUF] = {SDP_CH_RCV_BUF, 0, 4, false},
    [SDP_WHAT_DISCONN] = {SDP_DISCONN, 0, 0, false},
};

/* The next data message, or several equal ones; false if there is none to send now. */
static bool
plan_data(const struct sdp_session *s, uint32_t packets_max, struct rc_run *m)
{
	uint32_t avail = sdp_tx_end(s) - s->tx_posted,
		 credits = (uint32_t)sdp_credits(s) - (CREDITS_DATA - 1);
	uint32_t size = s->tx_payload_max, n, to_urgent = s->tx_urgent - s->tx_posted;
	bool urgent = s->urgent_due && to_urgent - 1 < avail;

	m->what = SDP_WHAT_DATA;
	m->count = 1;
	if (urgent && to_urgent <= size) {
		m->what = s->urgent_announced ? SDP_WHAT_DATA_OOB : SDP_WHAT_DATA_OOB_PEND;
		m->len = to_urgent;
	} else if (avail < size) {
		m->len = avail;
		if (rc_in_flight(&s->qp) >= TX_CORK_PACKETS)
			return false;
	} else if (urgent && !s->urgent_announced) {
		m->what = SDP_WHAT_DATA_PEND;
		m->len = size;
	} else {
		n = (urgent ? to_urgent - 1 : avail) / size;
		if (n > credits)
			n = credits;
		if (n > packets_max)
			n = packets_max;
		m->count = (uint16_t)n;
		m->len = size;
	}
	m->len += SDP_BSDH_LEN;
	return true;
}

/* What is due and may leave now: DisConn is behind all data, and RDMA is done before it, since the
 * peer's DREQ that it leads to may overtake the last acknowledgement; larger buffers are asked for
 * only by who could use them; SendSm promises that nothing of the peer is being read. */
static uint32_t
due_now(const struct sdp_session *s)
{
	uint32_t due = s->due, waiting = s->tx_produced - s->tx_posted;

	if (waiting != 0 || (s->rdma && sdp_rdma_unfinished(s)))
		due &= ~(uint32_t)SDP_DUE(DISCONN);
	if (waiting <= s->tx_payload_max)
		due &= ~(uint32_t)SDP_DUE(CH_RCV_BUF);
	if (s->reading && s->lent->zcopy.sink.reads != 0)
		due &= ~(uint32_t)SDP_DUE(SENDSM);
	return due;
}

static bool
plan_control(const struct sdp_session *s, struct rc_run *m)
{
	uint32_t due = s->due == 0 ? 0 : due_now(s);

	if (due == 0)
		return false;
	m->what = (uint8_t)__builtin_ctz(due);
	m->len = SDP_BSDH_LEN + message[m->what].ext_len;
	if (m->what == SDP_WHAT_RD_COMPL)
		m->pos = s->rx_produced - s->lent->zcopy.sink.told;
	else if (m->what == SDP_WHAT_SENDSM)
		m->pos = s->mseq_received;
	m->what |= s->odd;
	return true;
}

static bool
plan_payload(const struct sdp_session *s, uint32_t packets_max, struct rc_run *m)
{
	if (sdp_tx_end(s) == s->tx_posted || s->tx_at == SDP_TX_ADVERT || s->tx_at == SDP_TX_CANCEL)
		return false;
	return (s->advertising && sdp_source_plan(s, m)) || plan_data(s, packets_max, m);
}

/* What to post next: control first, READs, RDMA and data in order, DisConn behind all that, a
 * credit update if nothing else carries the news. */
static bool
plan(const struct sdp_session *s, uint32_t packets_max, struct rc_run *m)
{
	int32_t credits = sdp_credits(s);
	uint32_t room = rc_window_room(&s->qp);

	if (room == 0)
		return false;
	*m = (struct rc_run){
	    .kind = RC_SEND, .count = 1, .pos = s->tx_posted, .tag = s->mseq_posted + 1};
	if (credits >= CREDITS_CONTROL && plan_control(s, m))
		;
	else if (s->reading && sdp_sink_plan(s, m))
		;
	else if (s->rdma && sdp_rdma_plan(s, m))
		;
	else if (credits >= CREDITS_DATA &&
		 plan_payload(s, packets_max < room ? packets_max : room, m))
		;
	else if (credits >= CREDITS_UPDATE && !s->deaf && sdp_credit_update_due(s))
		m->len = SDP_BSDH_LEN;
	else
		return false;
	m->se = message[m->what & SDP_WHAT_MASK].se;
	return rc_post_fits(&s->qp, m);
}

bool
sdp_tx_wants(const struct sdp_session *s)
{
	struct rc_run m;

	return rc_unsent(&s->qp) == 0 && plan(s, 1, &m);
}

static void
note_control(struct sdp_session *s, const struct rc_run *m, struct san_time now)
{
	unsigned what = m->what & SDP_WHAT_MASK;

	s->due &= (uint16_t) ~(1u << what);
	switch (what) {
	case SDP_WHAT_SRC_AVAIL_CANCEL:
		sdp_source_cancel_posted(s, m, now);
		break;
	case SDP_WHAT_RD_COMPL:
		sdp_sink_told(s, m->pos);
		break;
	case SDP_WHAT_SENDSM:
		sdp_sink_let_go(s);
		break;
	case SDP_WHAT_CH_RCV_BUF:
		s->resize_asked = true;
		break;
	default:
		break;
	}
}

static void
note_data(struct sdp_session *s, const struct rc_run *m)
{
	if (m->what == SDP_WHAT_DATA_PEND)
		s->urgent_announced = true;
	else if (m->what != SDP_WHAT_DATA)
		s->urgent_due = s->urgent_announced = false;
	s->tx_posted += m->count * (m->len - SDP_BSDH_LEN);
}

static void
note_posted(struct sdp_session *s, const struct rc_run *m, struct san_time now)
{
	if (m->what == SDP_WHAT_READ) {
		sdp_sink_posted(s, m);
		return;
	}
	if (m->what == SDP_WHAT_RDMA) {
		sdp_rdma_posted(s);
		return;
	}
	s->mseq_posted += m->count;
	if (m->what <= SDP_WHAT_DATA_OOB_PEND) {
		note_data(s, m);
		return;
	}
	s->odd ^= SDP_WHAT_ODD;
	if ((m->what & SDP_WHAT_MASK) == SDP_WHAT_SRC_AVAIL)
		sdp_source_posted(s, m);
	else
		note_control(s, m, now);
}

static void
note_stall(struct sdp_session *s)
{
	bool stalled = sdp_tx_end(s) != s->tx_posted && sdp_credits(s) < CREDITS_DATA &&
		       s->tx_at != SDP_TX_ADVERT && s->tx_at != SDP_TX_CANCEL;

	s->counters.credit_stalls += stalled && !s->stalled;
	s->stalled = stalled;
}

/* Post as much as one step allows; false if there is nothing to say. Everything posted before must
 * have left: bytes gather in the ring, where later ones can join them, not in the send queue. */
static bool
post_next(struct sdp_session *s, uint32_t packets_max, struct san_time now)
{
	struct rc_run m;

	if (rc_unsent(&s->qp) != 0)
		return false;
	if (!plan(s, packets_max, &m)) {
		note_stall(s);
		return false;
	}
	if ((m.what & SDP_WHAT_MASK) == SDP_WHAT_SRC_AVAIL && !sdp_source_open(s))
		return true; /* what waits will be sent as Data */
	if (rc_post(&s->qp, &m) != 0)
		return false;
	note_posted(s, &m, now);
	return true;
}

static void
count_sent(struct sdp_session *s, const struct rc_run *run)
{
	if (run->what > SDP_WHAT_DATA_OOB_PEND)
		s->counters.tx_control++;
	else if (run->len == SDP_BSDH_LEN)
		s->counters.tx_credit++;
	else
		s->counters.tx_data++;
}

static void
message_ext(const struct sdp_session *s, const struct rc_run *run, struct sdp_ext *ext)
{
	switch (run->what & SDP_WHAT_MASK) {
	case SDP_WHAT_SRC_AVAIL:
		sdp_source_ext(s, ext);
		break;
	case SDP_WHAT_RD_COMPL:
		ext->size = run->pos;
		break;
	case SDP_WHAT_CH_RCV_BUF: /* asks for all a packet holds */
		ext->size = s->qp.pmtu;
		break;
	default: /* ChRcvBufAck: what we have */
		ext->size = s->rx_payload_max + SDP_BSDH_LEN;
		break;
	}
}

/* Put the header in front of the ring's bytes. */
static void
message_fill(struct sdp_session *s, const struct rc_chunk *c, struct roce_tx *out)
{
	const struct rc_run *run = c->run;
	unsigned what = run->what & SDP_WHAT_MASK;
	uint32_t ack = s->mseq_received, limit = s->rx_limit, payload, at, first;
	struct sdp_bsdh h = {
	    .mid = message[what].mid,
	    .flags = message[what].flags,
	    .len = run->len,
	    .mseq = run->tag + c->index,
	};
	struct sdp_ext ext;

	if (what == SDP_WHAT_SENDSM)
		ack = run->pos;
	else if (s->ack_held)
		ack = s->lent->zcopy.sink.cancel_mseq - 1;
	h.mseq_ack = ack;
	h.bufs = (uint16_t)(limit - ack > UINT16_MAX ? UINT16_MAX : limit - ack);
	if (message[what].ext_len != 0)
		message_ext(s, run, &ext);
	out->inline_len = (uint8_t)sdp_msg_encode_header(out->inline_bytes, &h, &ext);
	if (!c->again) {
		s->announced = limit;
		s->disconn_sent |= what == SDP_WHAT_DISCONN;
		count_sent(s, run);
	}
	payload = run->len - out->inline_len;
	if (payload == 0)
		return;
	at = (run->pos + c->index * payload) & (s->tx.size - 1);
	first = s->tx.size - at < payload ? s->tx.size - at : payload;
	out->seg[0].base = s->tx.base + at;
	out->seg[0].len = first;
	out->seg_count = 1;
	if (first < payload) {
		out->seg[1].base = s->tx.base;
		out->seg[1].len = payload - first;
		out->seg_count = 2;
	}
}

size_t
sdp_tx_emit(struct sdp_session *s, struct roce_tx *out, size_t max, struct san_time now)
{
	struct rc_chunk chunk;
	size_t n = 0;
	enum rc_out kind;

	while (n < max) {
		kind = rc_emit(&s->qp, &out[n], &chunk, now);
		if (kind == RC_OUT_NONE) {
			if (!post_next(s, (uint32_t)(max - n), now))
				break;
			continue;
		}
		if (kind == RC_OUT_REQUEST && chunk.run->kind == RC_SEND)
			message_fill(s, &chunk, &out[n]);
		else if (kind == RC_OUT_REQUEST && chunk.run->what == SDP_WHAT_READ)
			sdp_sink_fill(s, &chunk, &out[n]);
		else if (kind == RC_OUT_REQUEST && chunk.run->what == SDP_WHAT_RDMA)
			sdp_rdma_fill(s, &chunk, &out[n]);
		n++;
	}
	return n;
}

/* Whatever is under way already asks the same question. */
void
sdp_tx_probe(struct sdp_session *s)
{
	const struct rc_run probe = {.kind = RC_PROBE, .count = 1, .what = SDP_WHAT_PROBE};

	if (rc_unsent(&s->qp) == 0 && rc_in_flight(&s->qp) == 0)
		rc_post(&s->qp, &probe);
}

void
sdp_tx_release(struct sdp_session *s, uint32_t pos)
{
	/* What was read has overtaken the acknowledgement of what was sent. */
	if (seq32_diff(pos, s->tx_released) <= 0)
		return;
	s->tx_released = pos;
	s->events |= SDP_EV_TX_ROOM;
	if (pos == s->tx_produced)
		s->events |= SDP_EV_TX_DRAINED;
}

struct sdp_tx_done
sdp_tx_reap(struct sdp_session *s)
{
	struct sdp_tx_done done = {false, false};
	uint32_t first, count;
	struct rc_run run;
	unsigned what;

	while (rc_reap(&s->qp, &run, &first, &count)) {
		done.progress = true;
		what = run.what & SDP_WHAT_MASK;
		if (what <= SDP_WHAT_SRC_AVAIL)
			sdp_tx_release(s, run.pos + (first + count) * (run.len - SDP_BSDH_LEN -
									  message[what].ext_len));
		else if (what == SDP_WHAT_READ)
			sdp_sink_reaped(s, count);
		else if (what == SDP_WHAT_RDMA)
			sdp_rdma_reaped(s, count);
		else if (what == SDP_WHAT_DISCONN)
			done.disconn = s->disconn_acked = true;
	}
	return done;
}

struct sdp_rx_verdict
sdp_tx_answered(struct sdp_session *s, const struct rc_in *in)
{
	if (in->op.what == SDP_WHAT_READ)
		return sdp_sink_arrived(s, in);
	sdp_rdma_arrived(s, in);
	return sdp_rx_nothing;
}
