/* SPDX-License-Identifier: BSD-3-Clause */
/* Snapshots of sockets, listeners and sessions. A socket's cursor is its place: session *
 * SAN_SOCKS_MAX + slot. */
#include <string.h>

#include "daemon_priv.h"
#include "poll_thread.h"
#include "san_err.h"
#include "view.h"

_Static_assert(VIEW_NAME_MAX == sizeof((struct session *)0)->program, "names fit");

/* The next socket at or after the cursor; the cursor is moved behind it. */
static struct sock *
sock_next(struct daemon *d, uint32_t *cursor)
{
	while (*cursor < SAN_SESSIONS_MAX * SAN_SOCKS_MAX) {
		struct session *s = d->session[*cursor / SAN_SOCKS_MAX];
		uint32_t slot = *cursor % SAN_SOCKS_MAX;

		if (s == NULL || slot >= s->region.geo.socks || s->sock_count == 0) {
			*cursor = (*cursor / SAN_SOCKS_MAX + 1) * SAN_SOCKS_MAX;
			continue;
		}
		(*cursor)++;
		if (s->slots[slot].sock != NULL)
			return s->slots[slot].sock;
	}
	return NULL;
}

/* A process that holds the slot, 0 if none does. */
static pid_t
holder_pid(const struct session *s, uint32_t slot)
{
	for (uint32_t i = 0; i < SAN_ATTACH_MAX; i++) {
		uint64_t word;

		if (s->attach[i] == NULL)
			continue;
		word = atomic_load_explicit(
		    &region_attach(&s->region, i)->holds[slot / 64], memory_order_relaxed);
		if (word >> (slot % 64) & 1)
			return s->attach[i]->pid;
	}
	return 0;
}

/* The conversation of control and peer, while there is no wire side to ask. */
static struct view_socket
handshake_view(const struct conn *c)
{
	bool over = c->setup == CONN_SETUP_OPEN || c->setup == CONN_SETUP_ENDED;

	return (struct view_socket){
	    .active = c->active,
	    .port = c->route.port,
	    .qpn = c->qpn,
	    .peer_qpn = c->peer_qpn,
	    .pmtu = c->pmtu,
	    .setup_state = over ? "done" : conn_setup_name(c->setup),
	    .wire_state = c->setup == CONN_SETUP_ENDED ? "DEAD" : "OPENING",
	    .deadline = conn_setup_text(c->setup),
	    .cc.algorithm = "",
	};
}

static const char *
wire_deadline(const struct poll_conn_view *w)
{
	if (w->state == SDP_STATE_LINGER)
		return "the peer's DREP";
	if (w->state > SDP_STATE_OPEN && w->state < SDP_STATE_LINGER && w->deadline_in.ns > 0)
		return "the peer's DisConn";
	return "";
}

static struct view_congestion
congestion_view(const struct poll_conn_view *w)
{
	return (struct view_congestion){.algorithm = cc_algo_word(w->congestion),
	    .outstanding = w->outstanding,
	    .window = w->window,
	    .rate = w->cc.rate,
	    .rtt_base = w->cc.base,
	    .rtt_queue = w->cc.queue,
	    .marked_ppm = w->cc.marked_ppm,
#define X(name) .name = w->name,
	    VIEW_QP_COUNTER_LIST(X)
#undef X
	};
}

static struct view_socket
wire_view(const struct conn *c)
{
	struct view_socket v = handshake_view(c);
	struct poll_conn_view w;

	if (c->poll_state == CONN_POLL_NONE || c->poll_state == CONN_POLL_OPENING ||
	    poll_conn_read(c->poll, c->index, &w) != 0)
		return v;
	return (struct view_socket){.active = v.active,
	    .port = v.port,
	    .qpn = v.qpn,
	    .peer_qpn = v.peer_qpn,
	    .pmtu = v.pmtu,
	    .setup_state = v.setup_state,
	    .wire_state = sdp_state_name(w.state),
	    .deadline = v.deadline[0] != '\0' ? v.deadline : wire_deadline(&w),
	    .tx_queued = w.tx_queued,
	    .rx_queued = w.rx_queued,
	    .tx_bytes = w.tx_bytes,
	    .rx_bytes = w.rx_bytes,
	    .tx_messages = w.tx_messages,
	    .rx_messages = w.rx_messages,
	    .retransmits = w.retransmits,
	    .rtt = w.rtt,
	    .cc = congestion_view(&w),
	    .credits_local = w.credits_local,
	    .credits_peer = w.credits_peer,
	    .rdma_reads = w.rdma_reads,
	    .rdma_writes = w.rdma_writes,
	    .keys = w.keys,
#define X(name) .name = w.name,
	    VIEW_ZCOPY_COUNTER_LIST(X)
#undef X
	};
}

const char *
view_type_name(uint8_t type)
{
	switch ((enum shm_type)type) {
#define X(name, value, text)  \
	case SHM_TYPE_##name: \
		return #name;
		SHM_TYPE_LIST(X)
#undef X
	}
	return "?";
}

void
view_socket_take(const struct sock *k, struct view_socket *out)
{
	static const struct view_socket none = {
	    .wire_state = "DEAD", .setup_state = "done", .deadline = "", .cc.algorithm = ""};

	*out = k->conn != NULL ? wire_view(k->conn) : none;
	if (k->conn != NULL)
		conn_features_text(k->conn, out->features, sizeof out->features);
	out->ident = k->ident;
	out->session = k->session->id;
	out->slot = k->slot;
	out->type = view_type_name(k->type);
	out->pid = holder_pid(k->session, k->slot);
	memcpy(out->program, k->session->program, sizeof out->program);
	out->app_state = app_state_name(k->app.state);
	if (k->app.state == APP_STATE_CLOSED)
		out->deadline = "upcalls of a process";
	out->local = k->local;
	out->peer = k->peer;
	out->err = k->err;
	out->why = k->why;
	out->age = san_time_since(loop_now(), k->born);
}

bool
view_socket_next(struct daemon *d, uint32_t *cursor, struct view_socket *out)
{
	struct sock *k = sock_next(d, cursor);

	while (k != NULL && k->listener != NULL)
		k = sock_next(d, cursor);
	if (k == NULL)
		return false;
	view_socket_take(k, out);
	return true;
}

bool
view_listener_next(struct daemon *d, uint32_t *cursor, struct view_listener *out)
{
	struct sock *k = sock_next(d, cursor);

	while (k != NULL && k->listener == NULL)
		k = sock_next(d, cursor);
	if (k == NULL)
		return false;
	memset(out, 0, sizeof *out);
	out->ident = k->ident;
	out->session = k->session->id;
	out->slot = k->slot;
	out->type = view_type_name(k->type);
	out->pid = holder_pid(k->session, k->slot);
	memcpy(out->program, k->session->program, sizeof out->program);
	out->local = k->local;
	out->backlog = k->listener->backlog;
	out->queued = listener_queued(k->listener);
	out->pending = k->listener->pending;
	out->accepted = k->listener->accepted;
	out->refused = k->listener->refused;
	return true;
}

static void
pids_fill(struct view_session *v, const struct session *s)
{
	for (uint32_t i = 0; i < SAN_ATTACH_MAX; i++) {
		if (s->attach[i] == NULL)
			continue;
		if (v->pid_count < VIEW_PIDS_MAX)
			v->pid[v->pid_count] = s->attach[i]->pid;
		v->pid_count++;
	}
}

bool
view_session_next(struct daemon *d, uint32_t *cursor, struct view_session *out)
{
	struct session *s;

	while (*cursor < SAN_SESSIONS_MAX && d->session[*cursor] == NULL)
		(*cursor)++;
	if (*cursor >= SAN_SESSIONS_MAX)
		return false;
	s = d->session[(*cursor)++];
	memset(out, 0, sizeof *out);
	out->session = s->id;
	out->uid = s->uid;
	memcpy(out->program, s->program, sizeof out->program);
	pids_fill(out, s);
	out->sockets = s->sock_count - s->listener_count;
	out->listeners = s->listener_count;
	out->slots = s->region.geo.socks;
	out->region_bytes = s->region.bytes;
	out->resident_bytes = region_resident_bytes(&s->region);
	out->ending = s->state != SESSION_LIVE;
	out->age = san_time_since(loop_now(), s->born);
	return true;
}
