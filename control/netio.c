/* SPDX-License-Identifier: BSD-3-Clause */
#include "netio.h"

#include <string.h>

#include "daemon_priv.h"
#include "frame.h"
#include "log.h"
#include "san_err.h"

#define HOP_LIMIT     64
#define PKEY_BASE     0x7fffu /* the default partition, without the bit for full membership */
#define REPEAT_MAX_MS 100u    /* first repeat: a lost REQ on a LAN must not be felt */
#define REPEAT_MIN_MS 20u
#define REPEATS_MAX   15u /* as many as a REQ can announce */
#define BACKOFF_MAX   3u  /* intervals double this often */
#define PENDING_MAX   4096u
#define NEIGH_RETRIES 3

/* --- opening ---------------------------------------------------------------------------------- */

/* How long `repeats` repeats take, and the wait behind the last, with a first interval of 1. */
static uint32_t
repeats_span(uint32_t repeats)
{
	uint32_t span = 0;

	for (uint32_t i = 0; i <= repeats; i++)
		span += 1u << (i < BACKOFF_MAX ? i : BACKOFF_MAX);
	return span;
}

static uint32_t
repeat_first_ms(uint32_t timeout)
{
	uint32_t least = timeout / repeats_span(REPEATS_MAX) + 1, every = timeout / 8;

	if (every > REPEAT_MAX_MS)
		every = REPEAT_MAX_MS;
	if (every < REPEAT_MIN_MS)
		every = REPEAT_MIN_MS;
	return every > least ? every : least;
}

/* As few as reach beyond the time a connect may take. */
static uint8_t
repeats_within(uint32_t timeout, uint32_t every)
{
	uint32_t n = 0;

	while (n < REPEATS_MAX && repeats_span(n) * every <= timeout)
		n++;
	return (uint8_t)n;
}

static struct cm_limits
cm_limits(const struct san_config *c)
{
	uint32_t timeout = c->connect_timeout_ms, every = repeat_first_ms(timeout);
	uint8_t repeats = repeats_within(timeout, every);
	uint32_t pending = (c->connections_max + 1) / 2; /* the rest is for our own connects */

	if (pending > PENDING_MAX)
		pending = PENDING_MAX;
	return (struct cm_limits){
	    /* Handles rest in time-wait longer than the connections they belonged to. */
	    .conns_max = 2 * c->connections_max,
	    .pending_max = pending,
	    .pending_peer_max = (pending + 1) / 2,
	    .pending_grace = NETIO_HALF_OPEN_GRACE,
	    .req_interval = SAN_DURATION_MS(every),
	    .req_retries = repeats,
	    .rep_interval = SAN_DURATION_MS(every),
	    .rep_retries = repeats,
	    .backoff_max = BACKOFF_MAX,
	    .dreq_interval = SAN_DURATION_MS(c->dreq_interval_ms),
	    .dreq_retries = (uint8_t)c->dreq_retries,
	    .timewait = SAN_DURATION_MS(c->timewait_ms),
	    .pending_timeout = SAN_DURATION_MS(timeout),
	};
}

static void
cm_due(struct loop_timer *t)
{
	struct daemon *d = t->owner;

	cm_deadline_expire(d->netio.cm, loop_now());
	netio_pump(d);
}

static void
neigh_due(struct loop_timer *t)
{
	struct daemon *d = t->owner;

	neigh_deadline_expire(d->netio.neigh, loop_now());
	netio_pump(d);
}

int
netio_open(struct daemon *d)
{
	const struct cm_limits cm = cm_limits(&d->config);
	const struct neigh_limits neigh = {
	    .entries_max = SAN_NEIGH_MAX,
	    .retry_interval = SAN_DURATION_MS(200),
	    .retries = NEIGH_RETRIES,
	    .reachable = SAN_DURATION_S(30),
	};
	struct netio *n = &d->netio;

	TAILQ_INIT(&n->waiting);
	TAILQ_INIT(&n->waiting_free);
	for (uint32_t i = 0; i < NETIO_WAITING_MAX; i++)
		TAILQ_INSERT_TAIL(&n->waiting_free, &n->waiting_space[i], list);
	n->cm_timer = (struct loop_timer){.handle = cm_due, .owner = d};
	n->neigh_timer = (struct loop_timer){.handle = neigh_due, .owner = d};
	/* A random GUID: after a restart peers must not take us for the QPs they still remember. */
	n->cm = cm_create(&cm, nonce_u64(&d->nonce) | 1, (struct prng){nonce_u64(&d->nonce)});
	n->neigh = neigh_create(&neigh, (struct prng){nonce_u64(&d->nonce)});
	return n->cm == NULL || n->neigh == NULL ? SAN_ENOMEM : 0;
}

void
netio_close(struct daemon *d)
{
	struct netio *n = &d->netio;

	loop_timer_clear(d->loop, &n->cm_timer);
	loop_timer_clear(d->loop, &n->neigh_timer);
	if (n->cm != NULL)
		cm_destroy(n->cm);
	if (n->neigh != NULL)
		neigh_destroy(n->neigh);
	n->cm = NULL;
	n->neigh = NULL;
}

void
netio_port_update(struct daemon *d, uint16_t port, const struct netio_port *state)
{
	const struct config_port *c = &d->config.port[port];
	struct neigh_port p = {
	    .up = state->up,
	    .vlan = state->vlan,
	    .mtu = state->mtu,
	    .addr_count = c->addr_count,
	    .gateway4 = c->gateway4,
	    .gateway6 = c->gateway6,
	};

	d->netio.port[port] = *state;
	memcpy(p.mac, state->mac, sizeof p.mac);
	for (uint32_t i = 0; i < c->addr_count; i++)
		p.addr[i] = (struct neigh_addr){c->addr[i].ip, c->addr[i].bits};
	neigh_port_set(d->netio.neigh, port, &p, loop_now());
	netio_pump(d);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void
frame_send(struct daemon *d, uint16_t port, struct frame *f)
{
	struct poll_cmd cmd = {.type = POLL_CMD_FRAME_TX, .port = port, .frame = f};

	d->count.frames_tx++;
	pollers_put(d, pollers_of_port(d, port), &cmd);
}

void
netio_path(const struct daemon *d, const struct neigh_route *route, const struct san_ip *dst,
    struct roce_path *out)
{
	const struct netio_port *port = &d->netio.port[route->port];

	*out = (struct roce_path){
	    .src = route->src,
	    .dst = *dst,
	    .vlan = port->vlan,
	    .sport = roce_sport(MAD_QP, MAD_QP),
	    .tclass = (uint8_t)(d->config.dscp << 2 | (d->config.ecn ? ROCE_ECN_ECT0 : 0)),
	    .hop_limit = HOP_LIMIT,
	};
	memcpy(out->smac, port->mac, sizeof out->smac);
	/* What is for this host carries our own MAC twice: the poll thread loops it back. */
	memcpy(out->dmac, port->mac, sizeof out->dmac);
}

uint32_t
netio_pmtu(const struct daemon *d, const struct san_ip *own)
{
	uint16_t port;

	return neigh_is_local(d->netio.neigh, own, &port) ? d->netio.port[port].pmtu : 0;
}

static void
mad_send(struct daemon *d, const struct neigh_route *route, const struct san_ip *dst,
    const uint8_t mac[6], const uint8_t *mad)
{
	struct frame *f = frame_alloc();
	struct roce_path path;
	struct roce_tx tx = {
	    .opcode = ROCE_UD_SEND_ONLY,
	    .dest_qp = MAD_QP,
	    .psn = d->netio.ud_psn++ & 0xffffffu,
	    .ext = {.qkey = MAD_QKEY, .src_qp = MAD_QP},
	    .seg_count = 1,
	};
	int len;

	if (f == NULL) {
		d->count.frames_nobuf++;
		return;
	}
	tx.seg[0].base = mad;
	tx.seg[0].len = MAD_LEN;
	netio_path(d, route, dst, &path);
	path.tclass &= (uint8_t)~ROCE_ECN_MASK; /* marked or not, nobody would slow down */
	if (!route->local)
		memcpy(path.dmac, mac, sizeof path.dmac);
	len = roce_encode(frame_data(f), frame_capacity(f), &path, &tx);
	if (len < 0) {
		d->count.frames_nobuf++;
		frame_free(f);
		return;
	}
	frame_set_len(f, (uint32_t)len);
	d->count.mads_tx++;
	frame_send(d, route->port, f);
}

static void
mad_wait(struct daemon *d, const struct neigh_route *route, const struct cm_out *out)
{
	struct netio_waiting *w = TAILQ_FIRST(&d->netio.waiting_free);

	if (w == NULL) {
		d->count.mads_unresolved++;
		return;
	}
	TAILQ_REMOVE(&d->netio.waiting_free, w, list);
	w->route = *route;
	w->dst = out->dst;
	memcpy(w->mad, out->mad, sizeof w->mad);
	TAILQ_INSERT_TAIL(&d->netio.waiting, w, list);
}

static void
mad_out(struct daemon *d, const struct cm_out *out)
{
	struct neigh_route route;
	uint8_t mac[6] = {0};
	int known = 1;

	if (neigh_route(d->netio.neigh, &out->src, &out->dst, &route) != 0) {
		d->count.mads_unresolved++;
		return;
	}
	if (!route.local)
		known = neigh_resolve(d->netio.neigh, route.port, &route.next_hop, mac, loop_now());
	if (known > 0)
		mad_send(d, &route, &out->dst, mac, out->mad);
	else if (known == 0)
		mad_wait(d, &route, out);
	else
		d->count.mads_unresolved++;
}

/* mac NULL: the neighbour did not answer. */
static void
mads_waiting_go(struct daemon *d, uint16_t port, const struct san_ip *ip, const uint8_t *mac)
{
	struct netio_waiting *w, *next;

	TAILQ_FOREACH_SAFE(w, &d->netio.waiting, list, next) {
		if (w->route.port != port || !san_ip_equal(&w->route.next_hop, ip))
			continue;
		TAILQ_REMOVE(&d->netio.waiting, w, list);
		if (mac != NULL)
			mad_send(d, &w->route, &w->dst, mac, w->mad);
		else
			d->count.mads_unresolved++;
		TAILQ_INSERT_TAIL(&d->netio.waiting_free, w, list);
	}
}

static void
neigh_frame_out(struct daemon *d, const struct neigh_out *out)
{
	struct frame *f = frame_alloc();

	if (f == NULL || frame_capacity(f) < out->len) {
		d->count.frames_nobuf++;
		if (f != NULL)
			frame_free(f);
		return;
	}
	memcpy(frame_data(f), out->frame, out->len);
	frame_set_len(f, out->len);
	frame_send(d, out->port, f);
}

/* --- the pump --------------------------------------------------------------------------------- */

static void
neigh_event_handle(struct daemon *d, const struct neigh_event *ev)
{
	bool resolved = ev->type == NEIGH_EV_RESOLVED;

	mads_waiting_go(d, ev->port, &ev->ip, resolved ? ev->mac : NULL);
	if (resolved)
		conn_neigh_resolved(d, ev->port, &ev->ip, ev->mac);
	else
		conn_neigh_failed(d, ev->port, &ev->ip);
}

static bool
pump_once(struct daemon *d)
{
	struct neigh_out frame;
	struct neigh_event neigh;
	struct cm_event cm;
	struct cm_out mad;
	bool any = false;

	while (neigh_out_take(d->netio.neigh, &frame)) {
		neigh_frame_out(d, &frame);
		any = true;
	}
	while (cm_out_take(d->netio.cm, &mad)) {
		mad_out(d, &mad);
		any = true;
	}
	/* One event at a time: its handler calls the engine, whose queues are short. */
	if (neigh_event_take(d->netio.neigh, &neigh)) {
		neigh_event_handle(d, &neigh);
		any = true;
	}
	if (cm_event_take(d->netio.cm, &cm)) {
		conn_cm_event(d, &cm);
		any = true;
	}
	return any;
}

void
netio_pump(struct daemon *d)
{
	struct netio *n = &d->netio;

	if (n->pumping)
		return;
	n->pumping = true;
	while (pump_once(d))
		;
	n->pumping = false;
	loop_timer_set(d->loop, &n->cm_timer, cm_deadline(n->cm));
	loop_timer_set(d->loop, &n->neigh_timer, neigh_deadline(n->neigh));
}

/* --- receiving -------------------------------------------------------------------------------- */

static void
mad_in(struct daemon *d, uint16_t port, const struct roce_pkt *p)
{
	uint16_t own;

	d->count.mads_rx++;
	if (p->dest_qp != MAD_QP || p->ext.src_qp != MAD_QP || p->ext.qkey != MAD_QKEY ||
	    p->opcode != ROCE_UD_SEND_ONLY || (p->pkey & PKEY_BASE) != PKEY_BASE ||
	    !neigh_is_local(d->netio.neigh, &p->dst, &own) ||
	    cm_mad_receive(
		d->netio.cm, port, &p->src, &p->dst, p->payload, p->payload_len, loop_now()) != 0)
		d->count.mads_ignored++;
}

void
netio_frame_receive(struct daemon *d, uint16_t port, struct frame *f)
{
	struct roce_pkt p;
	enum roce_verdict v = roce_decode(frame_data(f), frame_len(f), &p);

	d->count.frames_rx++;
	if (v == ROCE_OK)
		mad_in(d, port, &p);
	else if (v != ROCE_ARP && v != ROCE_ICMP)
		d->count.frames_ignored++;
	else if (neigh_frame_receive(
		     d->netio.neigh, port, frame_data(f), frame_len(f), loop_now()) != 0)
		d->count.frames_ignored++;
	frame_free(f);
	netio_pump(d);
}
