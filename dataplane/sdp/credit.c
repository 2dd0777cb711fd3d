/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow control by posted buffers (SDP annex A4.5): every message uses one buffer of its receiver, a
 * message with payload may be sent only while three are left, and the last one only for a message
 * that grants the other side more. Here a buffer is room in the rx ring, counted so that the two
 * buffers payload can never take need none: granting room / buffer + 2 never promises more than the
 * ring holds. A part of the ring that is reserved for reading in place is never promised. */
#include "sdp_priv.h"

#define CREDIT_RESERVE 2u /* buffers payload can never use */

uint16_t
sdp_initial_credits(uint32_t ring_size, uint32_t rcv_size)
{
	uint32_t n;

	if (rcv_size <= SDP_BSDH_LEN)
		return 0;
	n = ring_size / (rcv_size - SDP_BSDH_LEN) + CREDIT_RESERVE;
	return n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
}

/* What READs under way will bring has its place already. */
static uint32_t
room(const struct sdp_session *s)
{
	uint32_t to_come = s->reading ? s->lent->zcopy.sink.asked - s->rx_produced : 0;

	return s->rx.size - (s->rx_produced - s->rx_consumed) - to_come;
}

/* Buffers once posted stay posted: what READs or a reserve take away later must be left over. */
void
sdp_credit_renew(struct sdp_session *s)
{
	uint32_t lend = room(s), n, limit;

	if (lend > sdp_credit_lendable(s))
		lend = sdp_credit_lendable(s);
	n = lend / s->rx_payload_max + CREDIT_RESERVE;
	limit = s->mseq_received + (n > UINT16_MAX ? UINT16_MAX : n);
	if (seq32_diff(limit, s->rx_limit) > 0)
		s->rx_limit = limit;
}

void
sdp_credit_reserve(struct sdp_session *s)
{
	uint32_t half = s->rx.size / 2;

	/* Fewer than two buffers would be too few to live on: see sdp_credit_update_due. */
	if (half / s->rx_payload_max < 2)
		return;
	s->reserved = true;
	s->rx_buffers = half / s->rx_payload_max;
}

uint32_t
sdp_credit_free(const struct sdp_session *s)
{
	uint32_t lent = (s->rx_limit - s->mseq_received - CREDIT_RESERVE) * s->rx_payload_max;

	return room(s) > lent ? room(s) - lent : 0;
}

/* An update costs the peer a buffer, so it must be worth more than that: two sides answering update
 * with update would never come to rest. Half a ring is worth one in any case; less is if the peer
 * cannot send data. */
bool
sdp_credit_update_due(const struct sdp_session *s)
{
	uint32_t half = s->rx_buffers / 2, eighth = s->rx_buffers / 8;
	int32_t gain = seq32_diff(s->rx_limit, s->announced);
	int32_t left = seq32_diff(s->announced, s->mseq_received);

	if (gain < 2 || (s->peer_disconn && s->disconn_sent))
		return false;
	if ((uint32_t)gain >= half && !s->peer_disconn)
		return true;
	return left <= (int32_t)CREDIT_RESERVE && (uint32_t)gain >= eighth;
}

/* Buffers once posted stay posted, so the limit never falls: a header that says less is older than
 * one seen already, because the message before it was repeated with a younger one. */
bool
sdp_credit_received(struct sdp_session *s, const struct sdp_bsdh *h)
{
	uint32_t limit = h->mseq_ack + h->bufs;

	if (seq32_diff(h->mseq_ack, s->mseq_posted) > 0)
		return false;
	if (seq32_diff(h->mseq_ack, s->mseq_confirmed) > 0)
		s->mseq_confirmed = h->mseq_ack;
	if (seq32_diff(limit, s->tx_limit) > 0)
		s->tx_limit = limit;
	return true;
}
