/* SPDX-License-Identifier: BSD-3-Clause */
/* What the peer's messages mean. Each is checked, then obeyed; a message that breaks the protocol
 * changes nothing and ends the connection. Payload goes into the rx ring, which credits keep from
 * overflowing; a peer that sends beyond its credits is a peer that breaks the protocol. */
#include "sdp_priv.h"

#include "san_err.h"

const struct sdp_rx_verdict sdp_rx_nothing = {false, false, SDP_FSM_OPEN};

static struct sdp_rx_verdict
happened(enum sdp_fsm_event ev)
{
	return (struct sdp_rx_verdict){.event = true, .what = ev};
}

static struct sdp_rx_verdict
reset(struct sdp_session *s, int cause)
{
	s->cause = (int8_t)cause;
	return happened(SDP_FSM_RESET);
}

struct sdp_rx_verdict
sdp_rx_violation(struct sdp_session *s, enum sdp_violation what)
{
	s->counters.rx_violations++;
	s->violation = (uint8_t)what;
	return reset(s, SAN_EPROTO);
}

static struct sdp_rx_verdict
take_payload(struct sdp_session *s, const struct sdp_msg *m)
{
	uint32_t room = s->rx.size - (s->rx_produced - s->rx_consumed);

	if (m->payload_len > room)
		return sdp_rx_violation(s, SDP_VIOLATION_OVERRUN);
	/* As TCP: data for a program that has gone is answered with a reset. */
	if (s->program_closed)
		return happened(SDP_FSM_ABORT);
	s->counters.rx_data++;
	byte_ring_write(&s->rx, s->rx_produced, m->payload, m->payload_len);
	s->rx_produced += m->payload_len;
	s->events |= SDP_EV_RX_DATA;
	return sdp_rx_nothing;
}

/* OOB_PEND alone, however early it comes, says nothing a program could use: where the byte is, is
 * known when it is here. */
static struct sdp_rx_verdict
take_data(struct sdp_session *s, const struct sdp_msg *m)
{
	struct sdp_rx_verdict v = take_payload(s, m);

	if (!v.event && (m->h.flags & SDP_FLAG_OOB_PRES) != 0) {
		s->rx_urgent = s->rx_produced;
		s->events |= SDP_EV_URGENT;
	}
	return v;
}

/* What came inline is data; what did not, we read, or ask to be sent as Data. */
static struct sdp_rx_verdict
take_src_avail(struct sdp_session *s, const struct sdp_msg *m)
{
	struct sdp_rx_verdict v = sdp_rx_nothing;

	if (m->payload_len >= m->ext.size)
		return sdp_rx_violation(s, SDP_VIOLATION_INLINE);
	if (m->payload_len != 0)
		v = take_payload(s, m);
	else if (s->program_closed)
		v = happened(SDP_FSM_ABORT);
	if (v.event)
		return v;
	s->rx_at = s->rx_at == SDP_RX_COMBINED ? SDP_RX_COMBINED_ADVERT : SDP_RX_PIPELINED_ADVERT;
	sdp_sink_begin(s, m->ext.va + m->payload_len, m->ext.rkey, m->ext.size - m->payload_len);
	return v;
}

void
sdp_rx_answered(struct sdp_session *s)
{
	if (s->rx_at == SDP_RX_COMBINED_ADVERT)
		s->rx_at = SDP_RX_COMBINED;
	else if (s->rx_at == SDP_RX_PIPELINED_ADVERT)
		s->rx_at = SDP_RX_PIPELINED;
}

static struct sdp_rx_verdict
take_disconn(struct sdp_session *s)
{
	s->rx_at = SDP_RX_ENDED;
	s->peer_disconn = true;
	rc_ack_now(&s->qp); /* the peer's close waits for it */
	return happened(SDP_FSM_DISCONN);
}

/* What our ChRcvBuf led to. A peer may refuse by naming the size it has. */
static struct sdp_rx_verdict
take_resize_ack(struct sdp_session *s, uint32_t size)
{
	if (!s->resize_asked)
		return sdp_rx_violation(s, SDP_VIOLATION_UNASKED);
	if (size < s->tx_payload_max + SDP_BSDH_LEN)
		return sdp_rx_violation(s, SDP_VIOLATION_SIZE);
	s->resize_asked = false;
	s->tx_payload_max = (uint16_t)((size < s->qp.pmtu ? size : s->qp.pmtu) - SDP_BSDH_LEN);
	return sdp_rx_nothing;
}

/* A message the rules allow; kinds they never do are not among the cases. */
static struct sdp_rx_verdict
obey(struct sdp_session *s, enum sdp_kind kind, const struct sdp_msg *m)
{
	switch ((unsigned)kind) {
	case SDP_KIND_SRC_AVAIL:
	case SDP_KIND_SRC_AVAIL_BARE:
		return take_src_avail(s, m);
	case SDP_KIND_SRC_AVAIL_CANCEL:
		sdp_sink_cancelled(s, m->h.mseq);
		break;
	case SDP_KIND_SEND_SM:
		sdp_source_refused(s, m);
		break;
	case SDP_KIND_RDMA_RD_COMPL:
		return sdp_source_completed(s, m);
	case SDP_KIND_TO_BUFFERED:
		s->rx_at = SDP_RX_BUFFERED;
		break;
	case SDP_KIND_TO_COMBINED:
		s->rx_at = s->rx_at == SDP_RX_PIPELINED ? SDP_RX_COMBINED : SDP_RX_COMBINED_ADVERT;
		break;
	case SDP_KIND_TO_PIPELINED:
		s->rx_at = s->rx_at == SDP_RX_COMBINED ? SDP_RX_PIPELINED : SDP_RX_PIPELINED_ADVERT;
		break;
	case SDP_KIND_CH_RCV_BUF:
		s->due |= SDP_DUE(CH_RCV_BUF_ACK);
		break;
	case SDP_KIND_CH_RCV_BUF_ACK:
		return take_resize_ack(s, m->ext.size);
	case SDP_KIND_DISCONN:
		return take_disconn(s);
	case SDP_KIND_ABORT_CONN:
		return reset(s, SAN_ECONNRESET);
	default:
		break;
	}
	return sdp_rx_nothing;
}

static struct sdp_rx_verdict
judge(struct sdp_session *s, enum sdp_kind kind, const struct sdp_msg *m)
{
	enum sdp_rule rule = sdp_rule_of(kind, (enum sdp_rx_at)s->rx_at, (enum sdp_tx_at)s->tx_at);

	if (kind == SDP_KIND_DATA && rule == SDP_RULE_TAKE)
		return take_data(s, m);
	if (rule != SDP_RULE_TAKE && rule != SDP_RULE_SKIP)
		return sdp_rx_violation(s, (enum sdp_violation)rule);
	if ((m->h.flags & SDP_FLAG_OOB_PRES) != 0)
		return sdp_rx_violation(s, SDP_VIOLATION_URGENT);
	if (kind == SDP_KIND_UPDATE) {
		s->counters.rx_credit++;
		return sdp_rx_nothing;
	}
	s->counters.rx_control++;
	s->counters.rx_ignored += rule == SDP_RULE_SKIP;
	return rule == SDP_RULE_TAKE ? obey(s, kind, m) : sdp_rx_nothing;
}

/* What could not be decoded. */
static enum sdp_violation
garbage(const struct rc_in *in)
{
	if (in->len < SDP_BSDH_LEN)
		return SDP_VIOLATION_LENGTH;
	return sdp_rule_of(sdp_kind_of_mid(in->payload[0]), SDP_RX_COMBINED, SDP_TX_PLAIN) ==
		       SDP_RULE_MID
		   ? SDP_VIOLATION_MID
		   : SDP_VIOLATION_LENGTH;
}

/* 0 and a message that may be judged, or why it may not. */
static enum sdp_violation
admit(struct sdp_session *s, const struct rc_in *in, struct sdp_msg *m)
{
	if (in->imm || in->inv)
		return SDP_VIOLATION_CARRIAGE;
	if (sdp_msg_decode(in->payload, in->len, m) != 0)
		return garbage(in);
	if (m->h.mseq != s->mseq_received + 1)
		return SDP_VIOLATION_MSEQ;
	return sdp_credit_received(s, &m->h) ? SDP_VIOLATION_NONE : SDP_VIOLATION_MSEQ_ACK;
}

struct sdp_rx_verdict
sdp_rx_message(struct sdp_session *s, const struct rc_in *in, struct san_time now)
{
	struct sdp_rx_verdict v;
	enum sdp_violation bad;
	struct sdp_msg m;

	if (s->deaf) {
		s->counters.rx_discarded++;
		return sdp_rx_nothing;
	}
	if (!in->first || !in->last)
		return sdp_rx_nothing; /* our buffers are one packet long: the rest of this message
				   is refused by the QP */
	bad = admit(s, in, &m);
	if (bad != SDP_VIOLATION_NONE)
		return sdp_rx_violation(s, bad);
	s->mseq_received++;
	rc_tag_arrived(&s->qp, s->mseq_confirmed, now);
	v = judge(s, sdp_kind_of(&m), &m);
	sdp_credit_renew(s);
	rc_recv_limit(&s->qp, s->rx_limit);
	return v;
}
