/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two ends tell each other in the private data of REQ and REP. Streams: SDP's Hello and
 * HelloAck. Message mode: the IP-CM header of the RDMA port spaces in a REQ, then in both our own
 * words, which other peers do not know and do without. */
#include <string.h>

#include "conn.h"
#include "daemon_priv.h"
#include "ip_cm.h"
#include "msg_hello.h"
#include "record.h"
#include "sdp_msg.h"

#define REQ_PRIV 92u
#define REP_PRIV 196u

static struct san_ip
peer_ip(const struct conn *c)
{
	struct san_ip ip;

	memcpy(ip.b, c->sock->peer.ip, sizeof ip.b);
	return ip;
}

static size_t
stream_request(const struct conn *c, uint8_t *priv)
{
	struct sdp_hello hello = {
	    .bufs = c->credits,
	    .version = SDP_VERSION,
	    .max_adverts = 1,
	    .des_rem_rcv_size = c->pmtu,
	    .local_rcv_size = c->pmtu,
	    .local_port = c->sock->local.port,
	    .src = c->route.src,
	    .dst = peer_ip(c),
	};

	hello.has_offer = conn_offer(c, &hello.offer);
	sdp_hello_encode(priv, &hello);
	return SDP_HELLO_LEN;
}

static size_t
stream_answer(const struct conn *c, uint8_t *priv)
{
	struct sdp_hello_ack ack = {
	    .bufs = c->credits,
	    .version = SDP_VERSION,
	    .max_adverts = 1,
	    .act_rcv_size = c->pmtu,
	};

	ack.has_offer = conn_offer(c, &ack.offer);
	sdp_hello_ack_encode(priv, &ack);
	return SDP_HELLOACK_LEN;
}

static uint32_t
own_msg_max(const struct conn *c)
{
	return shm_record_max(c->daemon->config.rx_ring_bytes);
}

static size_t
message_write(const struct conn *c, uint8_t *priv)
{
	size_t len = c->active ? REQ_PRIV : REP_PRIV;
	struct feature_offer offer;

	memset(priv, 0, len);
	if (c->active) {
		const struct ip_cm header = {
		    .src_port = c->sock->local.port, .src = c->route.src, .dst = peer_ip(c)};

		ip_cm_encode(priv, &header);
	}
	msg_hello_encode(
	    priv + (c->active ? MSG_HELLO_REQ_OFF : MSG_HELLO_REP_OFF), own_msg_max(c));
	if (conn_offer(c, &offer))
		feature_offer_encode(
		    priv + (c->active ? FEATURE_REQ_OFF : FEATURE_REP_OFF), &offer);
	return len;
}

size_t
conn_hello_write(const struct conn *c, uint8_t priv[CONN_HELLO_MAX])
{
	if (c->sock->type == SHM_TYPE_SEQPACKET)
		return message_write(c, priv);
	return c->active ? stream_request(c, priv) : stream_answer(c, priv);
}

static bool
stream_read(const struct cm_event *ev, struct conn_hello *out)
{
	struct sdp_hello hello;
	struct sdp_hello_ack ack;

	if (ev->type == CM_EV_REQ) {
		if (sdp_hello_decode(ev->msg.priv, ev->msg.priv_len, &hello) != 0)
			return false;
		*out = (struct conn_hello){.port = hello.local_port,
		    .rcv_size = hello.local_rcv_size,
		    .credits = hello.bufs,
		    .offered = hello.has_offer,
		    .offer = hello.offer};
		return true;
	}
	if (sdp_hello_ack_decode(ev->msg.priv, ev->msg.priv_len, &ack) != 0)
		return false;
	*out = (struct conn_hello){.rcv_size = ack.act_rcv_size,
	    .credits = ack.bufs,
	    .offered = ack.has_offer,
	    .offer = ack.offer};
	return true;
}

/* Peers that are not Sand put what they like behind the header. */
static bool
message_read(const struct cm_event *ev, struct conn_hello *out)
{
	bool req = ev->type == CM_EV_REQ;
	size_t own = req ? MSG_HELLO_REQ_OFF : MSG_HELLO_REP_OFF,
	       features = req ? FEATURE_REQ_OFF : FEATURE_REP_OFF;
	struct ip_cm header;

	*out = (struct conn_hello){0};
	if (req) {
		if (ip_cm_decode(ev->msg.priv, ev->msg.priv_len, &header) != 0 ||
		    !san_ip_equal(&header.src, &ev->peer) || !san_ip_equal(&header.dst, &ev->local))
			return false;
		out->port = header.src_port;
	}
	if (ev->msg.priv_len >= own + MSG_HELLO_LEN)
		out->msg_max = msg_hello_decode(ev->msg.priv + own);
	if (ev->msg.priv_len >= features + FEATURE_OFFER_LEN)
		out->offered = feature_offer_decode(ev->msg.priv + features, &out->offer);
	return true;
}

bool
conn_hello_read(uint8_t type, const struct cm_event *ev, struct conn_hello *out)
{
	return type == SHM_TYPE_SEQPACKET ? message_read(ev, out) : stream_read(ev, out);
}

uint8_t
conn_reads(const struct conn *c)
{
	return c->sock->type == SHM_TYPE_SEQPACKET ? CONN_READS : SDP_READS_MAX;
}

static void
reads_agree(struct conn *c, const struct cm_msg *msg)
{
	uint8_t most = conn_reads(c);
	struct cm_qp own = {.responder_resources = most, .initiator_depth = most};

	cm_qp_meet(&own, msg);
	c->responder_resources = own.responder_resources;
	c->initiator_depth = own.initiator_depth;
}

/* The longest message each way. */
static void
message_agree(struct conn *c, const struct conn_hello *theirs, const struct cm_msg *msg)
{
	uint32_t most = shm_record_max(c->daemon->config.tx_ring_bytes);

	c->msg.flow_control = msg->flow_control != 0;
	c->msg.send_max = theirs->msg_max != 0 && theirs->msg_max < most ? theirs->msg_max : most;
}

void
conn_hello_agree(struct conn *c, const struct conn_hello *theirs, const struct cm_msg *msg)
{
	c->peer_rcv_size = theirs->rcv_size;
	c->peer_credits = theirs->credits;
	conn_agree(c, theirs->offered, &theirs->offer);
	reads_agree(c, msg);
	if (c->sock->type == SHM_TYPE_SEQPACKET)
		message_agree(c, theirs, msg);
}

void
conn_msg_publish(const struct conn *c)
{
	struct shm_sock *slot = sock_slot(c->sock);

	if (c->sock->type == SHM_TYPE_SEQPACKET)
		slot->msg_max = c->msg.send_max;
	slot->read_depth = c->initiator_depth;
}
