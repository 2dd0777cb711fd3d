/* SPDX-License-Identifier: BSD-3-Clause */
#include "conn.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "daemon_priv.h"
#include "log.h"
#include "san_err.h"

#define RESOLVE_AGAIN  SAN_DURATION_MS(200)
#define MIN_RNR_TIMER  12u /* code of 0.64 ms */
#define LINGER_MARGIN  SAN_DURATION_MS(500)
#define DISCONN_LINGER 2u

static const char *const setup_name[] = {
#define X(name, text) #name,
    CONN_SETUP_LIST(X)
#undef X
};
static const char *const cm_name[] = {
#define X(name, text) #name,
    CONN_CM_LIST(X)
#undef X
};
static const char *const poll_name[] = {
#define X(name, text) #name,
    CONN_POLL_LIST(X)
#undef X
};
static const char *const setup_text[] = {
#define X(name, text) text,
    CONN_SETUP_LIST(X)
#undef X
};

/* --- the table -------------------------------------------------------------------------------- */

void
conn_table_init(struct conn_table *t, uint32_t size, struct nonce *nonce)
{
	memset(t, 0, sizeof *t);
	TAILQ_INIT(&t->resolving);
	t->size = t->free_count = size;
	for (uint32_t i = 0; i < size; i++) {
		t->free[i] = (uint16_t)i;
		/* Peers of the daemon that ran before us must not take new QPs for old ones. */
		t->generation[i] = (uint8_t)nonce_u64(nonce);
	}
}

static void on_deadline(struct loop_timer *t);
static void on_resolve_again(struct loop_timer *t);

void
conn_number(struct conn *c)
{
	struct daemon *d = c->daemon;
	uint8_t generation = d->conns.generation[c->index - CONN_INDEX_FIRST]++;

	c->qpn = (uint32_t)generation << 16 | c->index;
	c->rq_psn = (uint32_t)nonce_u64(&d->nonce) & 0xffffffu;
}

int
conn_create(struct sock *k, struct conn **out)
{
	struct daemon *d = k->session->daemon;
	struct conn_table *t = &d->conns;
	struct conn *c;
	uint32_t place;

	if (t->free_count == 0)
		return SAN_ELIMIT;
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return SAN_ENOMEM;
	place = t->free[t->free_head];
	t->free_head = (t->free_head + 1) % t->size;
	t->free_count--;
	c->daemon = d;
	c->index = CONN_INDEX_FIRST + place;
	c->cookie = ++t->serial << 16 | place;
	conn_number(c);
	c->deadline = (struct loop_timer){.handle = on_deadline, .owner = c};
	c->resolve_again = (struct loop_timer){.handle = on_resolve_again, .owner = c};
	c->sock = k;
	k->conn = c;
	t->conn[place] = c;
	*out = c;
	return 0;
}

static void
conn_free(struct conn *c)
{
	struct daemon *d = c->daemon;
	struct conn_table *t = &d->conns;
	uint32_t place = c->index - CONN_INDEX_FIRST;

	loop_timer_clear(d->loop, &c->deadline);
	loop_timer_clear(d->loop, &c->resolve_again);
	t->conn[place] = NULL;
	t->free[(t->free_head + t->free_count++) % t->size] = (uint16_t)place;
	free(c);
}

struct conn *
conn_find(struct daemon *d, uint32_t index)
{
	if (index < CONN_INDEX_FIRST || index - CONN_INDEX_FIRST >= d->conns.size)
		return NULL;
	return d->conns.conn[index - CONN_INDEX_FIRST];
}

struct conn *
conn_find_cookie(struct daemon *d, uint64_t cookie)
{
	struct conn *c = conn_find(d, CONN_INDEX_FIRST + (uint32_t)(cookie & 0xffff));

	return c != NULL && c->cookie == cookie ? c : NULL;
}

void
conn_table_fini(struct conn_table *t)
{
	for (uint32_t i = 0; i < t->size; i++) {
		free(t->conn[i]);
		t->conn[i] = NULL;
	}
}

void
conn_setup_enter(struct conn *c, enum conn_setup next)
{
	log_debug("connection %06x: %s -> %s", c->qpn, setup_name[c->setup], setup_name[next]);
	c->setup = next;
}

void
conn_cm_enter(struct conn *c, enum conn_cm next)
{
	log_debug("connection %06x: CM %s -> %s", c->qpn, cm_name[c->cm], cm_name[next]);
	c->cm = next;
}

void
conn_poll_enter(struct conn *c, enum conn_poll next)
{
	log_debug("connection %06x: poll thread %s -> %s", c->qpn, poll_name[c->poll_state],
	    poll_name[next]);
	c->poll_state = next;
}

const char *
conn_setup_name(enum conn_setup s)
{
	return setup_name[s];
}

const char *
conn_setup_text(enum conn_setup s)
{
	return setup_text[s];
}

/* --- the neighbour ---------------------------------------------------------------------------- */

static void
resolving_leave(struct conn *c)
{
	loop_timer_clear(c->daemon->loop, &c->resolve_again);
	if (c->resolving)
		TAILQ_REMOVE(&c->daemon->conns.resolving, c, waiting);
	c->resolving = false;
}

static void
resolving_join(struct conn *c)
{
	c->resolving = true;
	TAILQ_INSERT_TAIL(&c->daemon->conns.resolving, c, waiting);
}

static void
resolved(struct conn *c, const uint8_t mac[6])
{
	resolving_leave(c);
	memcpy(c->dmac, mac, sizeof c->dmac);
	if (c->active)
		conn_connect_resolved(c);
	else
		conn_open(c);
}

void
conn_resolve(struct conn *c)
{
	struct daemon *d = c->daemon;
	uint8_t mac[6];
	int known;

	if (c->route.local) {
		resolved(c, d->netio.port[c->route.port].mac);
		return;
	}
	known = neigh_resolve(d->netio.neigh, c->route.port, &c->route.next_hop, mac, loop_now());
	if (known > 0)
		resolved(c, mac);
	else if (known == 0)
		resolving_join(c);
	else
		loop_timer_set(d->loop, &c->resolve_again, san_time_add(loop_now(), RESOLVE_AGAIN));
	netio_pump(d);
}

static void
on_resolve_again(struct loop_timer *t)
{
	struct conn *c = t->owner;

	if (c->routed)
		conn_resolve(c);
	else
		conn_connect_route(c);
}

static bool
next_hop_is(const struct conn *c, uint16_t port, const struct san_ip *ip)
{
	return !c->route.local && c->route.port == port && san_ip_equal(&c->route.next_hop, ip);
}

/* A neighbour that moved: connections that are up must follow. */
static void
path_update(struct conn *c, const uint8_t mac[6])
{
	struct poll_cmd cmd = {.type = POLL_CMD_CONN_PATH, .conn = c->index};

	if (c->poll_state != CONN_POLL_OPEN || memcmp(c->dmac, mac, sizeof c->dmac) == 0)
		return;
	memcpy(c->dmac, mac, sizeof c->dmac);
	memcpy(cmd.path.dmac, mac, sizeof cmd.path.dmac);
	pollers_put(c->daemon, c->poll, &cmd);
}

void
conn_neigh_resolved(struct daemon *d, uint16_t port, const struct san_ip *ip, const uint8_t mac[6])
{
	struct conn *c, *next;

	TAILQ_FOREACH_SAFE(c, &d->conns.resolving, waiting, next)
		if (next_hop_is(c, port, ip))
			resolved(c, mac);
	for (uint32_t i = 0; i < d->conns.size; i++)
		if (d->conns.conn[i] != NULL && next_hop_is(d->conns.conn[i], port, ip))
			path_update(d->conns.conn[i], mac);
}

/* Not an error yet: the connect times out when its own time is over, as the program was promised.
 */
void
conn_neigh_failed(struct daemon *d, uint16_t port, const struct san_ip *ip)
{
	struct conn *c, *next;

	TAILQ_FOREACH_SAFE(c, &d->conns.resolving, waiting, next) {
		if (!next_hop_is(c, port, ip))
			continue;
		resolving_leave(c);
		loop_timer_set(d->loop, &c->resolve_again, san_time_add(loop_now(), RESOLVE_AGAIN));
	}
}

static const char *
overdue_text(const struct conn *c)
{
	if (!c->routed)
		return "the port's link is down";
	if (c->setup == CONN_SETUP_RESOLVING)
		return "no neighbour answers for the peer's address";
	return "the peer does not answer";
}

static void
on_deadline(struct loop_timer *t)
{
	struct conn *c = t->owner;

	conn_fail(c, SAN_ETIMEDOUT, overdue_text(c));
}

void
conn_setup_end(struct conn *c)
{
	resolving_leave(c);
	loop_timer_clear(c->daemon->loop, &c->deadline);
}

/* --- the poll thread -------------------------------------------------------------------------- */

static struct rc_params
rc_params(const struct conn *c)
{
	const struct san_config *cfg = &c->daemon->config;

	return (struct rc_params){
	    .retry_count = c->active ? (uint8_t)cfg->retry_count : c->peer_retry_count,
	    .rnr_retry = c->peer_rnr_retry,
	    .min_rnr_timer = MIN_RNR_TIMER,
	    .window_packets = (uint16_t)cfg->window_packets,
	    .rto_initial = SAN_DURATION_US(cfg->rto_initial_us),
	    .rto_min = SAN_DURATION_US(cfg->rto_min_us),
	    .rto_max = SAN_DURATION_MS(cfg->rto_max_ms),
	    .give_up = SAN_DURATION_MS(cfg->give_up_ms),
	    .ack_delay = SAN_DURATION_US(cfg->ack_delay_us),
	};
}

/* Longer than the CM engine tries: its answer, not this, should end LINGER. */
static struct san_duration
linger_timeout(const struct san_config *cfg)
{
	uint64_t ms = (uint64_t)cfg->dreq_interval_ms * (cfg->dreq_retries + DISCONN_LINGER);

	return (struct san_duration){SAN_DURATION_MS(ms).ns + LINGER_MARGIN.ns};
}

void
conn_open(struct conn *c)
{
	struct daemon *d = c->daemon;
	struct sock *k = c->sock;
	struct poll_cmd cmd = {.type = POLL_CMD_CONN_OPEN, .port = c->route.port, .conn = c->index};
	struct sdp_open *o = &cmd.open.open;
	struct san_ip peer;

	memcpy(peer.b, k->peer.ip, sizeof peer.b);
	cmd.open.sock = (struct sock_ref){
	    (uint16_t)k->session->id, (uint16_t)k->slot, k->session->slots[k->slot].gen};
	netio_path(d, &c->route, &peer, &cmd.open.path);
	memcpy(cmd.open.path.dmac, c->dmac, sizeof cmd.open.path.dmac);
	cmd.open.path.sport = roce_sport(c->qpn, c->peer_qpn);
	cmd.open.type = k->type;
	cmd.open.msg.send_max = c->msg.send_max;
	cmd.open.msg.flow_control = c->msg.flow_control;
	o->active = c->active;
	o->qpn = c->qpn;
	o->peer_qpn = c->peer_qpn;
	o->rq_psn = c->rq_psn;
	o->sq_psn = c->sq_psn;
	o->pmtu = o->local_rcv_size = c->pmtu;
	o->peer_rcv_size = c->peer_rcv_size < c->pmtu ? c->peer_rcv_size : c->pmtu;
	o->local_credits = c->credits;
	o->peer_credits = c->peer_credits;
	o->features = c->features;
	o->initiator_depth = c->initiator_depth;
	o->responder_resources = c->responder_resources;
	o->zcopy_threshold = d->config.zcopy_threshold;
	o->rc = rc_params(c);
	o->cc = conn_cc_params(d, c->route.port);
	o->disconn_timeout = SAN_DURATION_MS(d->config.disconn_timeout_ms);
	o->linger_timeout = linger_timeout(&d->config);
	conn_poll_enter(c, CONN_POLL_OPENING);
	conn_setup_enter(c, CONN_SETUP_OPENING);
	pollers_put(d, c->poll, &cmd);
}

void
conn_opened(struct daemon *d, const struct poll_event *ev)
{
	struct conn *c = conn_find(d, ev->conn);

	if (c == NULL || c->poll_state != CONN_POLL_OPENING) {
		d->count.stale_events++;
		return;
	}
	if (ev->ev.err != 0) {
		conn_poll_enter(c, CONN_POLL_NONE);
		if (c->setup == CONN_SETUP_ENDED)
			conn_let_go(c);
		else
			conn_fail(c, SAN_ENOBUFS, "the poll thread has no room for the connection");
		return;
	}
	conn_poll_enter(c, CONN_POLL_OPEN);
	if (c->setup == CONN_SETUP_ENDED)
		conn_poll_close(c, SDP_CLOSE_ABORT); /* given up meanwhile */
	else if (c->active)
		conn_connect_opened(c);
	else
		conn_accept_opened(c);
	netio_pump(d);
}

static const char *
dead_text(const struct conn *c, int err, enum sdp_violation v)
{
	if (v == SDP_VIOLATION_NONE)
		return san_err_text(err);
	log_notice(
	    "connection %06x ended, a message of the peer: %s", c->qpn, sdp_violation_text(v));
	return sdp_violation_text(v);
}

/* The wire side is finished. */
static void
dead(struct conn *c, int err, enum sdp_violation v)
{
	const char *why = dead_text(c, err, v);
	struct sock *k = c->sock;

	conn_poll_enter(c, CONN_POLL_DEAD);
	if (c->setup != CONN_SETUP_OPEN && c->setup != CONN_SETUP_ENDED)
		conn_fail(
		    c, err != 0 ? err : SAN_ECONNRESET, "the peer went away during the handshake");
	if (c->cm == CONN_CM_LIVE)
		conn_disconnect(c);
	if (k != NULL) {
		if (err != 0 && k->err == 0) {
			k->err = err;
			k->why = why;
		}
		sock_wire_dead(k);
	}
	conn_let_go(c);
}

void
conn_event(struct daemon *d, const struct poll_event *ev)
{
	struct conn *c = conn_find(d, ev->conn);

	if (c == NULL || c->poll_state != CONN_POLL_OPEN) {
		d->count.stale_events++;
		return;
	}
	if ((ev->ev.bits & SDP_EV_ESTABLISHED) && c->setup == CONN_SETUP_REP_SENT) {
		cm_data_arrived(d->netio.cm, c->cm_id, loop_now());
		netio_pump(d);
	}
	if ((ev->ev.bits & SDP_EV_EOF) && c->sock != NULL)
		sock_wire_eof(c->sock);
	if (ev->ev.bits & SDP_EV_WANT_DREQ)
		conn_want_disconnect(c);
	if (ev->ev.bits & SDP_EV_DEAD)
		dead(c, ev->ev.err, ev->ev.violation);
	netio_pump(d);
}

void
conn_freed(struct daemon *d, const struct poll_event *ev)
{
	struct conn *c = conn_find(d, ev->conn);

	if (c == NULL || c->poll_state != CONN_POLL_RELEASING) {
		d->count.stale_events++;
		return;
	}
	conn_poll_enter(c, CONN_POLL_FREED);
	conn_let_go(c);
}

/* --- letting go ------------------------------------------------------------------------------- */

/* The poll thread may forget it once the program, too, has no use for what it says. */
static bool
releasable(const struct conn *c)
{
	return c->poll_state == CONN_POLL_DEAD &&
	       (c->sock == NULL || c->sock->app.state == APP_STATE_GONE || !c->established);
}

static void
sock_detach(struct conn *c)
{
	struct sock *k = c->sock;
	bool never_open = c->poll_state == CONN_POLL_NONE;

	k->conn = NULL;
	c->sock = NULL;
	if (never_open)
		sock_wire_dead(k);
	sock_sweep_later(k);
}

void
conn_let_go(struct conn *c)
{
	struct poll_cmd release = {.type = POLL_CMD_CONN_RELEASE, .conn = c->index};
	bool ended = c->setup == CONN_SETUP_ENDED;

	if (releasable(c)) {
		if (c->sock != NULL)
			history_look(c->sock); /* the last counters */
		conn_poll_enter(c, CONN_POLL_RELEASING);
		pollers_put(c->daemon, c->poll, &release);
	}
	if (c->sock != NULL &&
	    (c->poll_state == CONN_POLL_FREED || (ended && c->poll_state == CONN_POLL_NONE)))
		sock_detach(c);
	if (c->sock == NULL && (c->cm == CONN_CM_NONE || c->cm == CONN_CM_GONE) &&
	    (c->poll_state == CONN_POLL_NONE || c->poll_state == CONN_POLL_FREED))
		conn_free(c);
}
