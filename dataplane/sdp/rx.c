/* SPDX-License-Identifier: BSD-3-Clause */
/* What the peer's messages mean. Each is checked, then obeyed; a message that breaks the protocol
 * changes nothing and ends the connection. Payload goes into the rx ring, which credits keep from
 * overflowing; a peer that sends beyond its credits is a peer that breaks the protocol. */
#include "sdp_priv.h"

#include "san_err.h"

/* Flow control modes (annex A4.6). We never send SrcAvail, and refuse every one we get: the mode
 * only decides which are legal. */
enum rx_mode { RX_COMBINED, RX_BUFFERED, RX_PIPELINED };

/* ModeChange byte 0: S bit, then mode, then reserved. */
#define MODE_TO_BUFFERED  0x00
#define MODE_TO_COMBINED  0x10
#define MODE_TO_PIPELINED 0x20

static const struct sdp_rx_verdict nothing = {false, SDP_FSM_OPEN};

static struct sdp_rx_verdict
happened(enum sdp_fsm_event ev)
{
	return (struct sdp_rx_verdict){true, ev};
}

static struct sdp_rx_verdict
reset(struct sdp_session *s, int cause)
{
	s->cause = cause;
	return happened(SDP_FSM_RESET);
}

static struct sdp_rx_verdict
violation(struct sdp_session *s)
{
	s->counters.rx_violations++;
	return reset(s, SAN_EPROTO);
}

static struct sdp_rx_verdict
take_payload(struct sdp_session *s, const struct sdp_msg *m)
{
	uint32_t room = s->rx.size - (s->rx_produced - s->rx_consumed);

	if (s->peer_disconn || m->payload_len > room)
		return violation(s);
	/* As TCP: data for a program that has gone is answered with a reset. */
	if (s->program_closed)
		return happened(SDP_FSM_ABORT);
	s->counters.rx_data++;
	byte_ring_write(&s->rx, s->rx_produced, m->payload, m->payload_len);
	s->rx_produced += m->payload_len;
	sdp_credit_room_changed(s);
	s->events |= SDP_EV_RX_DATA;
	return nothing;
}

static struct sdp_rx_verdict
receive_data(struct sdp_session *s, const struct sdp_msg *m)
{
	struct sdp_rx_verdict v = nothing;
	bool present = m->h.flags & SDP_FLAG_OOB_PRES;

	if (m->payload_len == 0) {
		if (present)
			return violation(s);
		s->counters.rx_credit++;
	} else if (s->sendsm_due) {
		return violation(s); /* a source waits for the answer to its SrcAvail */
	} else {
		v = take_payload(s, m);
		if (v.event)
			return v;
	}
	if (present)
		s->rx_urgent = s->rx_produced;
	if (m->h.flags & (SDP_FLAG_OOB_PRES | SDP_FLAG_OOB_PEND))
		s->events |= SDP_EV_URGENT;
	return v;
}

/* Refused, as the standard lets a sink do: what came inline is kept, the rest shall come as Data.
 */
static struct sdp_rx_verdict
receive_src_avail(struct sdp_session *s, const struct sdp_msg *m)
{
	struct sdp_rx_verdict v = nothing;

	if (s->sendsm_due || s->rx_mode == RX_BUFFERED || s->peer_disconn)
		return violation(s);
	if (s->rx_mode == RX_COMBINED && (m->payload_len == 0 || m->payload_len >= m->ext.size))
		return violation(s);
	if (s->rx_mode == RX_PIPELINED && m->payload_len != 0)
		return violation(s);
	if (m->payload_len != 0)
		v = take_payload(s, m);
	else if (s->program_closed)
		v = happened(SDP_FSM_ABORT);
	if (!v.event)
		s->sendsm_due = true;
	return v;
}

static struct sdp_rx_verdict
receive_mode_change(struct sdp_session *s, const struct sdp_msg *m)
{
	/* A change the peer's sink half asks of our source half (S bit) can only lead out of
	 * Buffered, where we never are. */
	if (s->rx_mode == RX_COMBINED && m->ext.mode == MODE_TO_BUFFERED && !s->sendsm_due)
		s->rx_mode = RX_BUFFERED;
	else if (s->rx_mode == RX_COMBINED && m->ext.mode == MODE_TO_PIPELINED)
		s->rx_mode = RX_PIPELINED;
	else if (s->rx_mode == RX_PIPELINED && m->ext.mode == MODE_TO_COMBINED)
		s->rx_mode = RX_COMBINED;
	else
		return violation(s);
	return nothing;
}

static struct sdp_rx_verdict
receive_disconn(struct sdp_session *s)
{
	if (s->peer_disconn)
		return violation(s);
	s->peer_disconn = true;
	rc_ack_now(&s->qp); /* the peer's close waits for it */
	return happened(SDP_FSM_DISCONN);
}

/* long: dispatch */
static struct sdp_rx_verdict
obey(struct sdp_session *s, const struct sdp_msg *m)
{
	if (m->h.mid == SDP_DATA)
		return receive_data(s, m);
	s->counters.rx_control++;
	if (m->h.flags & SDP_FLAG_OOB_PRES)
		return violation(s);
	switch ((enum sdp_mid)m->h.mid) {
	case SDP_DISCONN:
		return receive_disconn(s);
	case SDP_ABORT_CONN:
		return reset(s, SAN_ECONNRESET);
	case SDP_SRC_AVAIL:
		return receive_src_avail(s, m);
	case SDP_MODE_CHANGE:
		return receive_mode_change(s, m);
	case SDP_CH_RCV_BUF:
		s->ch_rcv_buf_due = true;
		return nothing;
	case SDP_SRC_AVAIL_CANCEL: /* our SendSm, due or sent, is the answer to both */
	case SDP_SEND_SM:
	case SDP_CH_RCV_BUF_ACK:
	case SDP_SUSP_COMM:
	case SDP_SUSP_COMM_ACK:
		s->counters.rx_ignored++;
		return nothing;
	case SDP_RDMA_WR_COMPL: /* answers to adverts we never make */
	case SDP_RDMA_RD_COMPL:
	case SDP_SINK_AVAIL: /* Pipelined mode of our source half, which we never enter */
	case SDP_SINK_AVAIL_CANCEL:
	case SDP_SINK_CANCEL_ACK:
	case SDP_HELLO:
	case SDP_HELLO_ACK:
	case SDP_DATA:
		break;
	}
	return violation(s);
}

struct sdp_rx_verdict
sdp_rx_message(struct sdp_session *s, const struct rc_in *in, struct san_time now)
{
	struct sdp_rx_verdict v;
	struct sdp_msg m;

	if (s->deaf) {
		s->counters.rx_discarded++;
		return nothing;
	}
	if (!in->first || !in->last)
		return nothing; /* our buffers are one packet long: the rest of this message is
				   refused by the QP */
	if (in->imm || sdp_msg_decode(in->payload, in->len, &m) != 0 ||
	    m.h.mseq != s->mseq_received + 1 || !sdp_credit_received(s, &m.h))
		return violation(s);
	s->mseq_received++;
	rc_tag_arrived(&s->qp, s->mseq_confirmed, now);
	v = obey(s, &m);
	rc_recv_limit(&s->qp, sdp_credit_limit(s));
	return v;
}
