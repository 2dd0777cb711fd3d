/* SPDX-License-Identifier: BSD-3-Clause */
/* The active side of the handshake: route, neighbour, REQ with Hello, REP with its answer, poll
 * thread, RTU. */
#include <string.h>
#include <sys/socket.h>

#include "conn.h"
#include "daemon_priv.h"
#include "san_err.h"

#define LINK_AGAIN SAN_DURATION_MS(20)
#define STALE_MAX  3

/* The sock's own address, and its port number. */
static int
local_set(struct sock *k, const struct neigh_route *route)
{
	struct daemon *d = k->session->daemon;
	int number = portnum_take(&d->portnum, k->local.family == 0 ? 0 : k->local.port);

	if (number < 0)
		return SAN_EADDRNOTAVAIL;
	k->port_held = true;
	k->local.port = (uint16_t)number;
	k->local.family = k->peer.family;
	memcpy(k->local.ip, route->src.b, sizeof k->local.ip);
	return 0;
}

static int
route_find(struct conn *c)
{
	struct daemon *d = c->daemon;
	struct sock *k = c->sock;
	struct san_ip src, dst;
	int err;

	memcpy(src.b, k->local.ip, sizeof src.b);
	memcpy(dst.b, k->peer.ip, sizeof dst.b);
	err = neigh_route(d->netio.neigh, k->local.family == 0 ? NULL : &src, &dst, &c->route);
	return err != 0 ? err : local_set(k, &c->route);
}

static void
pmtu_set(struct conn *c, uint32_t pmtu)
{
	c->pmtu = pmtu;
	c->credits = sdp_initial_credits(c->daemon->config.rx_ring_bytes, pmtu);
}

void
conn_connect_route(struct conn *c)
{
	struct daemon *d = c->daemon;
	int err = route_find(c);

	if (err == SAN_ENETDOWN) {
		/* The link may come back before the connect's time is over. */
		loop_timer_set(d->loop, &c->resolve_again, san_time_add(loop_now(), LINK_AGAIN));
		return;
	}
	if (err != 0) {
		conn_fail(c, err, san_err_text(err));
		return;
	}
	c->routed = true;
	c->poll = pollers_of_port(d, c->route.port);
	pmtu_set(c, d->netio.port[c->route.port].pmtu);
	sock_publish_connecting(c->sock, c->poll);
	conn_resolve(c);
}

void
conn_connect(struct sock *k)
{
	struct daemon *d = k->session->daemon;
	struct conn *c = NULL;
	int err = conn_create(k, &c);

	if (err != 0) {
		d->count.connects_failed++;
		sock_publish_failed(k, err, san_err_text(err));
		return;
	}
	c->active = true;
	c->initiator_depth = c->responder_resources = conn_reads(c);
	c->stale_left = STALE_MAX;
	sock_publish_connecting(k, 0);
	loop_timer_set(d->loop, &c->deadline,
	    san_time_add(loop_now(), SAN_DURATION_MS(d->config.connect_timeout_ms)));
	conn_connect_route(c);
}

void
conn_qp(const struct conn *c, struct cm_qp *qp)
{
	bool stream = c->sock->type == SHM_TYPE_STREAM;

	*qp = (struct cm_qp){
	    .qpn = c->qpn,
	    .psn = c->rq_psn,
	    .retry_count = (uint8_t)c->daemon->config.retry_count,
	    .rnr_retry = 7,
	    .pmtu_code = roce_pmtu_code(c->pmtu),
	    .flow_control = !stream, /* SDP has credits of its own */
	    .responder_resources = c->responder_resources,
	    .initiator_depth = c->initiator_depth,
	};
}

void
conn_connect_resolved(struct conn *c)
{
	struct daemon *d = c->daemon;
	struct sock *k = c->sock;
	bool stream = k->type == SHM_TYPE_STREAM;
	uint8_t priv[CONN_HELLO_MAX];
	struct san_ip peer;
	struct cm_qp qp;
	size_t len;
	int64_t id;

	memcpy(peer.b, k->peer.ip, sizeof peer.b);
	len = conn_hello_write(c, priv);
	conn_qp(c, &qp);
	conn_setup_enter(c, CONN_SETUP_REQ_SENT);
	id = cm_connect(d->netio.cm, c->cookie, c->route.port, &c->route.src, &peer,
	    (stream ? CM_SID_SDP : CM_SID_TCP) | k->peer.port, &qp, priv, len, loop_now());
	if (id < 0) {
		conn_fail(c, SAN_ENOBUFS, "the connection manager has no room for another connect");
		return;
	}
	c->cm_id = (uint32_t)id;
	conn_cm_enter(c, CONN_CM_LIVE);
	netio_pump(d);
}

static bool
renumber(struct conn *c)
{
	if (c->stale_left == 0)
		return false;
	c->stale_left--;
	conn_number(c);
	return true;
}

static bool
pmtu_lower(struct conn *c, const struct cm_msg *rej)
{
	uint32_t pmtu = rej->ari_len > 0 ? roce_pmtu_from_code(rej->ari[0]) : 0;

	if (pmtu == 0 || pmtu >= c->pmtu)
		return false;
	pmtu_set(c, pmtu);
	return true;
}

bool
conn_connect_again(struct conn *c, const struct cm_event *ev)
{
	bool can = false;

	if (c->setup != CONN_SETUP_REQ_SENT)
		return false;
	if (ev->reason == CM_REJ_STALE_CONN)
		can = renumber(c);
	else if (ev->reason == CM_REJ_INVALID_MTU)
		can = pmtu_lower(c, &ev->msg);
	if (!can)
		return false;
	c->daemon->count.connects_again++;
	conn_cm_enter(c, CONN_CM_NONE);
	conn_connect_resolved(c);
	return true;
}

/* Say no to a REP and give up. */
static void
refuse(struct conn *c, uint16_t reason, int err, const char *why)
{
	(void)cm_reject(c->daemon->netio.cm, c->cm_id, reason, NULL, 0, loop_now());
	conn_cm_enter(c, CONN_CM_GONE);
	conn_fail(c, err, why);
}

void
conn_reply(struct conn *c, const struct cm_event *ev)
{
	struct conn_hello hello;

	if (c->setup != CONN_SETUP_REQ_SENT) {
		c->daemon->count.stale_events++;
		return;
	}
	if (!conn_hello_read(c->sock->type, ev, &hello)) {
		refuse(c, CM_REJ_CONSUMER, SAN_ETIMEDOUT, "the peer's answer is not valid");
		return;
	}
	c->peer_qpn = ev->msg.qpn;
	c->sq_psn = ev->msg.psn;
	c->peer_rnr_retry = ev->msg.rnr_retry;
	conn_hello_agree(c, &hello, &ev->msg);
	conn_open(c);
}

void
conn_connect_opened(struct conn *c)
{
	struct daemon *d = c->daemon;

	if (cm_confirm(d->netio.cm, c->cm_id, loop_now()) != 0) {
		conn_cm_enter(c, CONN_CM_GONE);
		conn_fail(c, SAN_ECONNRESET, "the peer gave up during the handshake");
		return;
	}
	conn_setup_end(c);
	conn_setup_enter(c, CONN_SETUP_OPEN);
	c->established = true;
	conn_msg_publish(c);
	d->count.connects_ok++;
	sock_publish_connected(c->sock);
}
