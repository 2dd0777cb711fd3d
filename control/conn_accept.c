/* SPDX-License-Identifier: BSD-3-Clause */
/* The passive side of the handshake: REQ with Hello, listener, a slot of its session, neighbour,
 * poll thread, REP with its answer, RTU or the first data, accept queue. */
#include <string.h>
#include <sys/socket.h>

#include "conn.h"
#include "daemon_priv.h"
#include "log.h"
#include "san_err.h"

#define NUMBERS_KEPT 8u /* one in so many */

/* Why a REQ is rejected: CM reason, counter, and what the log says. */
static void
reject(struct daemon *d, const struct cm_event *ev, uint16_t reason, uint64_t *counter)
{
	(*counter)++;
	log_debug("REQ for service %llx rejected: %s", (unsigned long long)ev->msg.service_id,
	    cm_rej_name(reason));
	if (reason == CM_REJ_INVALID_MTU)
		(void)cm_reject_mtu(
		    d->netio.cm, ev->id, roce_pmtu_code(netio_pmtu(d, &ev->local)), loop_now());
	else
		(void)cm_reject(d->netio.cm, ev->id, reason, NULL, 0, loop_now());
}

static struct listener *
listener_for(struct daemon *d, const struct cm_event *ev)
{
	struct listener_target to = {.ip = ev->local, .port = (uint16_t)ev->msg.service_id};

	switch (ev->msg.service_id & ~0xffffull) {
	case CM_SID_SDP:
		to.type = SHM_TYPE_STREAM;
		break;
	case CM_SID_TCP:
		to.type = SHM_TYPE_SEQPACKET;
		break;
	default:
		return NULL;
	}
	return listener_find(d, &to);
}

/* 0, or the reason to reject with; the counter to go with it. */
static uint16_t
request_check(struct daemon *d, uint8_t type, const struct cm_event *ev, struct conn_hello *hello,
    struct neigh_route *route, uint64_t **counter)
{
	uint32_t pmtu = roce_pmtu_from_code(ev->msg.pmtu_code);

	*counter = &d->count.rej_path;
	if (!san_ip_equal(&ev->msg.src_gid, &ev->peer) ||
	    !san_ip_equal(&ev->msg.dst_gid, &ev->local))
		return CM_REJ_INVALID_GID;
	if (neigh_route(d->netio.neigh, &ev->local, &ev->peer, route) != 0)
		return CM_REJ_NO_RESOURCES;
	*counter = &d->count.rej_hello;
	if (!conn_hello_read(type, ev, hello))
		return CM_REJ_UNSUPPORTED;
	*counter = &d->count.rej_mtu;
	if (pmtu == 0 || pmtu > d->netio.port[route->port].pmtu)
		return CM_REJ_INVALID_MTU;
	return 0;
}

/* The last connection numbers are for our own connects, and for one attempt of a listener at a
 * time: strangers shall not hold them all. */
static bool
numbers_left(const struct listener *l, const struct conn_table *t)
{
	return l->pending == 0 || t->free_count > t->size / NUMBERS_KEPT;
}

/* The child's sock and connection, both new; NULL when something ran out. */
static struct conn *
child_create(struct listener *l)
{
	struct session *s = l->sock->session;
	int slot = session_slot_find(s);
	struct conn *c = NULL;
	struct sock *k;

	if (slot < 0 || !numbers_left(l, &s->daemon->conns))
		return NULL;
	k = sock_create(s, (uint32_t)slot);
	if (k == NULL)
		return NULL;
	k->used = true;
	k->type = l->sock->type;
	sock_slot(k)->type = k->type;
	if (conn_create(k, &c) != 0) {
		sock_app_died(k); /* the sweep frees it */
		return NULL;
	}
	return c;
}

/* No slot, connection or memory. While half-open attempts hold some, the oldest goes unless it is
 * young, and the REQ is not answered: an honest peer repeats it. */
static void
no_room(struct daemon *d, struct listener *l, const struct cm_event *ev)
{
	struct sock *oldest = TAILQ_FIRST(&l->opening);

	if (oldest == NULL) {
		reject(d, ev, CM_REJ_NO_RESOURCES, &d->count.rej_resources);
		return;
	}
	d->count.req_ignored++;
	(void)cm_ignore(d->netio.cm, ev->id, loop_now());
	if (san_time_reached(san_time_add(oldest->born, NETIO_HALF_OPEN_GRACE), loop_now()))
		conn_fail(oldest->conn, SAN_ETIMEDOUT, "made room for a newer connection");
}

static void
addresses_set(struct sock *k, const struct cm_event *ev, uint16_t peer_port, uint16_t family)
{
	memcpy(k->local.ip, ev->local.b, sizeof k->local.ip);
	memcpy(k->peer.ip, ev->peer.b, sizeof k->peer.ip);
	k->local.port = (uint16_t)ev->msg.service_id;
	k->peer.port = peer_port;
	k->local.family = k->peer.family = family;
}

static void
child_begin(struct conn *c, struct listener *l, const struct cm_event *ev,
    const struct conn_hello *hello, const struct neigh_route *route)
{
	struct daemon *d = c->daemon;

	c->cm_id = ev->id;
	cm_own(d->netio.cm, ev->id, c->cookie);
	conn_cm_enter(c, CONN_CM_LIVE);
	c->route = *route;
	c->routed = true;
	c->poll = pollers_of_port(d, route->port);
	c->peer_qpn = ev->msg.qpn;
	c->sq_psn = ev->msg.psn;
	c->peer_retry_count = ev->msg.retry_count;
	c->peer_rnr_retry = ev->msg.rnr_retry;
	c->pmtu = roce_pmtu_from_code(ev->msg.pmtu_code);
	conn_hello_agree(c, hello, &ev->msg);
	c->credits = sdp_initial_credits(d->config.rx_ring_bytes, c->pmtu);
	addresses_set(c->sock, ev, hello->port, l->sock->local.family);
	listener_child_add(l, c->sock);
	sock_publish_connecting(c->sock, c->poll);
	loop_timer_set(d->loop, &c->deadline,
	    san_time_add(loop_now(), SAN_DURATION_MS(d->config.connect_timeout_ms)));
	conn_resolve(c);
}

void
conn_request(struct daemon *d, const struct cm_event *ev)
{
	struct listener *l = listener_for(d, ev);
	struct neigh_route route;
	struct conn_hello hello;
	uint64_t *counter;
	struct conn *c;
	uint16_t reason;

	if (l == NULL) {
		reject(d, ev, CM_REJ_INVALID_SERVICE_ID, &d->count.rej_no_listener);
		return;
	}
	reason = request_check(d, l->sock->type, ev, &hello, &route, &counter);
	if (reason != 0) {
		l->refused++;
		reject(d, ev, reason, counter);
		return;
	}
	if (listener_full(l)) {
		l->refused++;
		reject(d, ev, CM_REJ_CONSUMER, &d->count.rej_backlog);
		return;
	}
	c = child_create(l);
	if (c == NULL) {
		l->refused++;
		no_room(d, l, ev);
		return;
	}
	child_begin(c, l, ev, &hello, &route);
}

void
conn_accept_opened(struct conn *c)
{
	struct daemon *d = c->daemon;
	uint8_t priv[CONN_HELLO_MAX];
	size_t len = conn_hello_write(c, priv);
	struct cm_qp qp;

	conn_qp(c, &qp);
	qp.retry_count = c->peer_retry_count;
	conn_setup_enter(c, CONN_SETUP_REP_SENT);
	if (cm_accept(d->netio.cm, c->cm_id, c->cookie, &qp, priv, len, loop_now()) != 0) {
		conn_cm_enter(c, CONN_CM_GONE);
		conn_fail(c, SAN_ECONNRESET, "the peer gave up during the handshake");
	}
}

void
conn_accept_established(struct conn *c)
{
	struct sock *k = c->sock;

	if (c->setup != CONN_SETUP_REP_SENT) {
		c->daemon->count.stale_events++;
		return;
	}
	conn_setup_end(c);
	conn_setup_enter(c, CONN_SETUP_OPEN);
	c->established = true;
	conn_msg_publish(c);
	c->daemon->count.accepts++;
	sock_publish_connected(k);
	listener_child_ready(k->parent, k);
}
