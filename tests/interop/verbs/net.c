/* SPDX-License-Identifier: BSD-3-Clause */
#include "net.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ep.h"
#include "ip_cm.h"
#include "san_err.h"

#define PORT	   0
#define HOP_LIMIT  64
#define BURST	   64
#define LINGER	   SAN_DURATION_MS(300)
#define LINGER_BAD SAN_DURATION_S(8) /* a peer's second DREQ comes after some 6 s */

static const struct cm_limits cm_limits = {
    .conns_max = 64,
    .pending_max = 32,
    .pending_peer_max = 32,
    .req_interval = SAN_DURATION_MS(250),
    .req_retries = 40,
    .rep_interval = SAN_DURATION_MS(250),
    .rep_retries = 40,
    .dreq_interval = SAN_DURATION_MS(250),
    .dreq_retries = 12,
    .timewait = SAN_DURATION_S(1),
    .pending_timeout = SAN_DURATION_S(10),
};

static const struct neigh_limits neigh_limits = {
    .entries_max = 64,
    .retry_interval = SAN_DURATION_MS(200),
    .retries = 10,
    .reachable = SAN_DURATION_S(30),
};

static void
port_set(struct net *n)
{
	const struct net_options *o = n->options;
	struct neigh_port p = {
	    .up = true, .vlan = ROCE_VLAN_NONE, .mtu = n->nic.mtu, .addr_count = o->addr_count};

	memcpy(p.mac, n->nic.mac, sizeof p.mac);
	memcpy(p.addr, o->addr, sizeof p.addr);
	neigh_port_set(n->neigh, PORT, &p, nic_now());
}

int
net_open(struct net *n, const struct net_options *o)
{
	memset(n, 0, sizeof *n);
	n->options = o;
	n->prng.state = o->seed;
	n->nic.loss_ppm = o->loss_ppm;
	n->nic.prng.state = prng_u64(&n->prng);
	if (nic_open(&n->nic, o->interface, o->pcap) != 0)
		return -1;
	n->cm = cm_create(&cm_limits, prng_u64(&n->prng) | 1, (struct prng){prng_u64(&n->prng)});
	n->neigh = neigh_create(&neigh_limits, (struct prng){prng_u64(&n->prng)});
	if (n->cm == NULL || n->neigh == NULL ||
	    rc_mrs_init(
		&n->regions, n->region, NET_REGIONS_MAX, (struct prng){prng_u64(&n->prng)}) != 0) {
		fprintf(stderr, "out of memory\n");
		return -1;
	}
	n->kill_at =
	    o->kill_after.ns == 0 ? SAN_TIME_NEVER : san_time_add(nic_now(), o->kill_after);
	port_set(n);
	return 0;
}

void
net_close(struct net *n)
{
	cm_destroy(n->cm);
	neigh_destroy(n->neigh);
	nic_close(&n->nic);
}

void
net_say(const struct net *n, const char *format, ...)
{
	va_list args;

	if (!n->options->verbose)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

struct san_time
net_patience(const struct net *n)
{
	return san_time_add(nic_now(), n->options->patience);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void
path_fill(const struct net *n, const struct neigh_route *route, const struct san_ip *dst,
    const uint8_t mac[6], struct roce_path *out)
{
	*out = (struct roce_path){
	    .src = route->src,
	    .dst = *dst,
	    .vlan = ROCE_VLAN_NONE,
	    .sport = roce_sport(MAD_QP, MAD_QP),
	    .hop_limit = HOP_LIMIT,
	};
	memcpy(out->smac, n->nic.mac, sizeof out->smac);
	memcpy(out->dmac, mac, sizeof out->dmac);
}

static void
packet_send(struct net *n, const struct roce_path *path, const struct roce_tx *tx)
{
	uint8_t frame[SAN_FRAME_MAX];
	int len = roce_encode(frame, sizeof frame, path, tx);

	if (len > 0)
		nic_send(&n->nic, frame, (uint32_t)len);
}

static void
mad_send(
    struct net *n, const struct neigh_route *route, const struct cm_out *out, const uint8_t mac[6])
{
	struct roce_path path;
	struct roce_tx tx = {
	    .opcode = ROCE_UD_SEND_ONLY,
	    .dest_qp = MAD_QP,
	    .psn = n->ud_psn++ & 0xffffffu,
	    .ext = {.qkey = MAD_QKEY, .src_qp = MAD_QP},
	    .seg_count = 1,
	    .seg[0] = {out->mad, MAD_LEN},
	};

	path_fill(n, route, &out->dst, mac, &path);
	packet_send(n, &path, &tx);
}

/* No room, no way: as good as lost, the connection manager repeats it. */
static void
mad_out(struct net *n, const struct cm_out *out)
{
	struct neigh_route route;
	uint8_t mac[6];
	int known;

	if (neigh_route(n->neigh, &out->src, &out->dst, &route) != 0)
		return;
	known = neigh_resolve(n->neigh, PORT, &route.next_hop, mac, nic_now());
	if (known > 0)
		mad_send(n, &route, out, mac);
	for (int i = 0; known == 0 && i < NET_WAITING_MAX; i++) {
		if (n->waiting[i].used)
			continue;
		n->waiting[i].used = true;
		n->waiting[i].route = route;
		n->waiting[i].out = *out;
		return;
	}
}

static void
neigh_event(struct net *n, const struct neigh_event *ev)
{
	for (int i = 0; i < NET_WAITING_MAX; i++) {
		if (!n->waiting[i].used || !san_ip_equal(&n->waiting[i].route.next_hop, &ev->ip))
			continue;
		n->waiting[i].used = false;
		if (ev->type == NEIGH_EV_RESOLVED)
			mad_send(n, &n->waiting[i].route, &n->waiting[i].out, ev->mac);
	}
}

/* At most a burst each, so that arriving packets have their turn. True if more is left. */
static bool
eps_emit(struct net *n)
{
	struct roce_tx tx = {0};
	bool more = false;

	for (int i = 0; i < NET_EPS_MAX; i++) {
		struct ep *e = n->ep[i];
		int left = BURST;

		if (e == NULL || !e->ready)
			continue;
		while (left > 0 && verbs_emit(&e->verbs, &tx, nic_now())) {
			packet_send(n, &e->path, &tx);
			left--;
		}
		more |= left == 0;
	}
	return more;
}

/* --- what the connection manager says --------------------------------------------------------- */

static void
request_arrived(struct net *n, const struct cm_event *ev)
{
	struct ip_cm header;
	uint16_t reason = 0;

	if (n->listen_port == 0 || ev->msg.service_id != (CM_SID_TCP | n->listen_port))
		reason = CM_REJ_INVALID_SERVICE_ID;
	else if (ip_cm_decode(ev->msg.priv, ev->msg.priv_len, &header) != 0 ||
		 !san_ip_equal(&header.src, &ev->peer) || !san_ip_equal(&header.dst, &ev->local))
		reason = CM_REJ_UNSUPPORTED;
	else if (n->request_count == NET_REQUESTS_MAX)
		reason = CM_REJ_NO_RESOURCES;
	net_say(n, "REQ for service %llx: %s", (unsigned long long)ev->msg.service_id,
	    reason == 0 ? "taken" : cm_rej_name(reason));
	if (reason != 0)
		cm_reject(n->cm, ev->id, reason, NULL, 0, nic_now());
	else
		n->request[n->request_count++] = *ev;
}

static void
cm_event(struct net *n, const struct cm_event *ev)
{
	uint64_t at = ev->cookie - 1;

	if (ev->type == CM_EV_REQ)
		request_arrived(n, ev);
	else if (at < NET_EPS_MAX && n->ep[at] != NULL)
		ep_cm_event(n->ep[at], ev);
}

bool
net_request_take(struct net *n, struct cm_event *out, struct san_time until)
{
	while (n->request_count == 0 && !san_time_reached(until, nic_now()))
		net_step(n, until);
	if (n->request_count == 0)
		return false;
	*out = n->request[0];
	n->request_count--;
	memmove(n->request, n->request + 1, n->request_count * sizeof *n->request);
	return true;
}

/* --- receiving -------------------------------------------------------------------------------- */

static void
packet_arrived(struct net *n, const struct roce_pkt *p)
{
	struct verbs_heard heard;
	uint16_t port;

	if (!neigh_is_local(n->neigh, &p->dst, &port))
		return;
	if (p->dest_qp == MAD_QP) {
		if (p->opcode == ROCE_UD_SEND_ONLY && p->ext.qkey == MAD_QKEY)
			cm_mad_receive(
			    n->cm, PORT, &p->src, &p->dst, p->payload, p->payload_len, nic_now());
		return;
	}
	for (int i = 0; i < NET_EPS_MAX; i++) {
		struct ep *e = n->ep[i];

		if (e == NULL || !e->ready || e->qpn != p->dest_qp ||
		    !san_ip_equal(&e->path.dst, &p->src))
			continue;
		heard = verbs_receive(&e->verbs, p, nic_now());
		if (heard.valid)
			cm_data_arrived(n->cm, e->cm_id, nic_now());
	}
}

static void
frame_arrived(struct net *n, uint8_t *frame, uint32_t len)
{
	struct roce_pkt p;
	enum roce_verdict v = roce_decode(frame, len, &p);

	if (v == ROCE_OK)
		packet_arrived(n, &p);
	else if (v == ROCE_ARP || v == ROCE_ICMP)
		neigh_frame_receive(n->neigh, PORT, frame, len, nic_now());
	else if (v != ROCE_NOT_OURS)
		net_say(n, "frame of %u bytes dropped: %s", len, roce_verdict_text(v));
}

/* --- the step --------------------------------------------------------------------------------- */

/* Carry what the engines have to say; one event at a time, for its handler calls them again. */
static bool
engines_pump(struct net *n)
{
	struct neigh_out frame;
	struct neigh_event neigh;
	struct cm_event cm;
	struct cm_out mad;
	bool any = false;

	while (neigh_out_take(n->neigh, &frame))
		nic_send(&n->nic, frame.frame, frame.len);
	while (cm_out_take(n->cm, &mad)) {
		mad_out(n, &mad);
		any = true;
	}
	if (neigh_event_take(n->neigh, &neigh)) {
		neigh_event(n, &neigh);
		any = true;
	}
	if (cm_event_take(n->cm, &cm)) {
		cm_event(n, &cm);
		any = true;
	}
	return any;
}

static struct san_time
next_deadline(const struct net *n)
{
	struct san_time at = san_time_min(cm_deadline(n->cm), neigh_deadline(n->neigh));

	for (int i = 0; i < NET_EPS_MAX; i++)
		if (n->ep[i] != NULL && n->ep[i]->ready)
			at = san_time_min(at, verbs_deadline(&n->ep[i]->verbs));
	return san_time_min(at, n->kill_at);
}

static void
deadlines_expire(struct net *n)
{
	struct san_time now = nic_now();

	cm_deadline_expire(n->cm, now);
	neigh_deadline_expire(n->neigh, now);
	for (int i = 0; i < NET_EPS_MAX; i++)
		if (n->ep[i] != NULL && n->ep[i]->ready)
			verbs_deadline_expire(&n->ep[i]->verbs, now);
	if (san_time_reached(n->kill_at, now)) {
		printf("ended abruptly, as asked\n");
		fflush(NULL);
		_exit(0); /* no goodbye to the peer: that is the point */
	}
}

void
net_step(struct net *n, struct san_time until)
{
	uint8_t frame[SAN_FRAME_MAX];
	bool more;
	uint32_t len;

	while (engines_pump(n))
		;
	more = eps_emit(n);
	len = nic_receive(&n->nic, frame);
	if (len == 0 && !more) {
		nic_wait(&n->nic, san_time_min(until, next_deadline(n)));
		len = nic_receive(&n->nic, frame);
	}
	for (int i = 0; len > 0 && i < BURST; i++) {
		frame_arrived(n, frame, len);
		while (engines_pump(n))
			;
		len = nic_receive(&n->nic, frame);
	}
	if (len > 0)
		frame_arrived(n, frame, len);
	deadlines_expire(n);
	while (engines_pump(n))
		;
	eps_emit(n);
}

void
net_linger(struct net *n)
{
	struct san_time until =
	    san_time_add(nic_now(), n->options->loss_ppm > 0 ? LINGER_BAD : LINGER);

	while (!san_time_reached(until, nic_now()))
		net_step(n, until);
}

int
net_path(struct net *n, const struct san_ip *src, const struct san_ip *dst, struct roce_path *out)
{
	struct san_time until = net_patience(n);
	struct neigh_route route;
	uint8_t mac[6];
	int known = neigh_route(n->neigh, src, dst, &route);

	if (known != 0)
		return known;
	if (route.local)
		return SAN_EADDRINUSE;
	for (;;) {
		known = neigh_resolve(n->neigh, PORT, &route.next_hop, mac, nic_now());
		if (known != 0)
			break;
		if (san_time_reached(until, nic_now()))
			return SAN_EHOSTUNREACH;
		net_step(n, until);
	}
	if (known < 0)
		return known;
	path_fill(n, &route, dst, mac, out);
	return 0;
}
