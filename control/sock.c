/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"
#include "daemon_priv.h"
#include "log.h"
#include "san_err.h"
#include "wake.h"

/* How long a process may keep a closed slot marked as held; and how often we look meanwhile. */
#define UPCALLS_DEADLINE SAN_DURATION_S(10)
#define UPCALLS_LOOK	 SAN_DURATION_MS(100)

static void upcalls_look(struct loop_timer *t);

struct sock *
sock_create(struct session *s, uint32_t slot)
{
	struct daemon *d = s->daemon;
	struct sock *k = calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	k->record = history_record_create();
	if (k->record == NULL) {
		free(k);
		return NULL;
	}
	san_check(s->slots[slot].sock == NULL);
	k->session = s;
	k->slot = slot;
	k->ident = ++d->ident_last;
	k->born = loop_now();
	k->why = "";
	k->upcalls = (struct loop_timer){.handle = upcalls_look, .owner = k};
	handover_init(k);
	app_fsm_init(&k->app);
	s->slots[slot].sock = k;
	s->sock_count++;
	d->sock_count++;
	TAILQ_INSERT_TAIL(&d->socks, k, all);
	atomic_store_explicit(&sock_slot(k)->ident, k->ident, memory_order_relaxed);
	return k;
}

struct shm_sock *
sock_slot(const struct sock *k)
{
	return region_sock(&k->session->region, k->slot);
}

static uint32_t
app_flags_read(const struct sock *k)
{
	/* acquire pairs with the program's release: what it wrote before closing is seen */
	return atomic_load_explicit(&sock_slot(k)->app_flags, memory_order_acquire);
}

bool
sock_has_unread(const struct sock *k)
{
	struct shm_sock *slot = sock_slot(k);

	return atomic_load_explicit(&slot->rx_tail, memory_order_acquire) !=
	       atomic_load_explicit(&slot->rx_head, memory_order_relaxed);
}

/* --- publishing ------------------------------------------------------------------------------- */

static void
state_publish(struct sock *k, enum shm_state state)
{
	/* release: everything the program may read once it sees the state */
	atomic_store_explicit(&sock_slot(k)->state, state, memory_order_release);
}

void
sock_publish_connecting(struct sock *k, uint32_t poll)
{
	atomic_store_explicit(&sock_slot(k)->poll_id, poll, memory_order_relaxed);
	/* Before CONN_OPEN goes out: a program that sets a flag after the poll thread looked rings
	 * the right one. */
	atomic_thread_fence(memory_order_seq_cst);
	state_publish(k, SHM_STATE_CONNECTING);
}

static void
addresses_publish(struct sock *k)
{
	sock_slot(k)->ctl_local = k->local;
	sock_slot(k)->ctl_peer = k->peer;
}

void
sock_publish_connected(struct sock *k)
{
	if (!app_fsm_held(&k->app))
		return;
	addresses_publish(k);
	state_publish(k, SHM_STATE_CONNECTED);
	wake_sock(k->session, k->slot, false, true);
}

void
sock_publish_listening(struct sock *k)
{
	addresses_publish(k);
	state_publish(k, SHM_STATE_LISTENING);
	wake_sock(k->session, k->slot, false, true);
}

void
sock_publish_failed(struct sock *k, int err, const char *why)
{
	k->err = err;
	k->why = why;
	if (!app_fsm_held(&k->app))
		return;
	atomic_store_explicit(&sock_slot(k)->ctl_err, err, memory_order_relaxed);
	state_publish(k, SHM_STATE_FAILED);
	wake_sock(k->session, k->slot, true, true);
}

/* --- the app side ----------------------------------------------------------------------------- */

static void
close_wire(struct sock *k, bool died)
{
	struct daemon *d = k->session->daemon;
	uint32_t flags = app_flags_read(k);

	k->aborted = k->reset || (flags & SHM_APP_ABORT) != 0 ||
		     (died && k->conn != NULL && sock_has_unread(k));
	/* Who closes and is gone at once may be seen to be gone first. */
	if (died && !k->reset && (flags & SHM_APP_CLOSED) == 0) {
		k->record->died = true;
		d->count.closes_died++;
	}
	if (k->aborted)
		d->count.closes_abort++;
	else
		d->count.closes_graceful++;
	state_publish(k, SHM_STATE_CLOSING);
	listener_child_remove(k);
	if (k->listener != NULL)
		listener_close(k);
	if (k->conn != NULL)
		conn_close(k->conn, k->aborted ? SDP_CLOSE_ABORT : SDP_CLOSE_GRACEFUL);
	sock_sweep_later(k);
}

static void
sock_step(struct sock *k, enum app_event event)
{
	struct daemon *d = k->session->daemon;
	enum app_state before = k->app.state;
	enum app_action action = app_fsm(&k->app, event);

	log_debug("socket %u: %s + %s -> %s, %s", k->ident, app_state_name(before),
	    app_event_name(event), app_state_name(k->app.state), app_action_name(action));
	switch (action) {
	case APP_ACTION_NONE:
		break;
	case APP_ACTION_CLOSE_WIRE:
		close_wire(k, event == APP_EVENT_APP_DIED);
		break;
	case APP_ACTION_SWEEP:
		sock_sweep_later(k);
		break;
	case APP_ACTION_ILLEGAL:
	case APP_ACTION_COUNT:
		d->count.illegal_app_events++;
		return;
	}
	history_event(k->record, event, loop_now());
	if (!app_fsm_held(&k->app))
		handover_drop(k);
	/* An end of the program's interest may be what the connection waits for. */
	if (k->app.state == APP_STATE_GONE) {
		loop_timer_clear(d->loop, &k->upcalls);
		if (k->conn != NULL)
			conn_let_go(k->conn);
	}
}

static void
upcalls_check(struct sock *k)
{
	struct daemon *d = k->session->daemon;
	struct san_time now = loop_now();

	if (!session_slot_held(k->session, k->slot)) {
		sock_step(k, APP_EVENT_UPCALLS_DONE);
	} else if (san_time_reached(k->closed_until, now)) {
		d->count.upcalls_overdue++;
		sock_step(k, APP_EVENT_UPCALLS_DONE);
	} else {
		loop_timer_set(d->loop, &k->upcalls, san_time_add(now, UPCALLS_LOOK));
	}
}

static void
upcalls_look(struct loop_timer *t)
{
	upcalls_check(t->owner);
}

static void
flags_act(struct sock *k, uint32_t app_flags)
{
	if (!app_fsm_held(&k->app))
		return;
	if (app_flags & SHM_APP_SHUT_WR)
		sock_step(k, APP_EVENT_SHUT);
	if ((app_flags & SHM_APP_CLOSED) == 0)
		return;
	sock_step(k, APP_EVENT_CLOSE);
	k->closed_until = san_time_add(loop_now(), UPCALLS_DEADLINE);
	upcalls_check(k);
}

void
sock_app_died(struct sock *k)
{
	if (k->app.state != APP_STATE_GONE)
		sock_step(k, APP_EVENT_APP_DIED);
}

void
sock_wire_eof(struct sock *k)
{
	sock_step(k, APP_EVENT_WIRE_EOF);
}

void
sock_wire_dead(struct sock *k)
{
	sock_step(k, APP_EVENT_WIRE_DEAD);
}

/* --- doorbells -------------------------------------------------------------------------------- */

/* The session a poll thread means, if slot and generation are those we know. */
static struct session *
slot_find(struct daemon *d, uint32_t session, uint32_t slot, uint32_t gen)
{
	struct session *s = session_find(d, session);

	if (s == NULL || s->state == SESSION_QUIET) {
		d->count.stale_events++;
		return NULL;
	}
	if (slot >= s->region.geo.socks) {
		d->count.hostile_slots++;
		return NULL;
	}
	if (s->slots[slot].gen != gen) {
		d->count.stale_events++;
		return NULL;
	}
	return s;
}

void
sock_flags(struct daemon *d, uint32_t session, uint32_t slot, uint32_t gen, uint32_t app_flags)
{
	struct session *s = slot_find(d, session, slot, gen);

	if (s == NULL)
		return;
	if (s->slots[slot].sock != NULL)
		flags_act(s->slots[slot].sock, app_flags);
	else if ((app_flags & SHM_APP_CLOSED) && slot < s->region.geo.socks / 2)
		session_slot_reset(s, slot); /* closed before any command */
}

static bool
addr_family_ok(const struct shm_addr *a)
{
	return a->family == AF_INET || a->family == AF_INET6;
}

static void
command_connect(struct sock *k, const struct poll_event *ev)
{
	struct daemon *d = k->session->daemon;

	d->count.connects++;
	k->local = ev->cmd.local;
	k->peer = ev->cmd.peer;
	if (!addr_family_ok(&k->peer) || k->peer.port == 0) {
		d->count.connects_failed++;
		sock_publish_failed(k, SAN_EINVAL, "the peer's address is not valid");
		return;
	}
	conn_connect(k);
}

static int
listen_begin(struct sock *k, uint32_t backlog)
{
	struct daemon *d = k->session->daemon;
	struct san_ip ip;
	uint16_t port;
	int number;

	memcpy(ip.b, k->local.ip, sizeof ip.b);
	if (!addr_family_ok(&k->local))
		return SAN_EAFNOSUPPORT;
	if (!san_ip_is_any(&ip) && !neigh_is_local(d->netio.neigh, &ip, &port))
		return SAN_EADDRNOTAVAIL;
	number = portnum_take(&d->portnum, k->local.port);
	if (number < 0)
		return number;
	k->local.port = (uint16_t)number;
	k->port_held = true;
	return listener_open(k, backlog);
}

static void
command_listen(struct sock *k, const struct poll_event *ev)
{
	struct daemon *d = k->session->daemon;
	int err;

	d->count.listens++;
	if (k->listener != NULL) {
		listener_backlog_set(k->listener, ev->cmd.arg);
		return;
	}
	k->local = ev->cmd.local;
	err = listen_begin(k, ev->cmd.arg);
	if (err == 0) {
		sock_publish_listening(k);
		return;
	}
	d->count.listens_failed++;
	sock_publish_failed(k, err, san_err_text(err));
}

static void
command_run(struct sock *k, const struct poll_event *ev)
{
	bool fresh = k->conn == NULL && k->listener == NULL && k->err == 0 && !k->used;

	if (fresh && ev->cmd.type > SHM_TYPE_SEQPACKET) {
		sock_publish_failed(k, SAN_EINVAL, "no such type of socket");
		return;
	}
	if (fresh)
		k->type = (uint8_t)ev->cmd.type;
	if (ev->cmd.cmd == SHM_CMD_CONNECT && fresh && app_fsm_held(&k->app)) {
		k->used = true;
		command_connect(k, ev);
	} else if (ev->cmd.cmd == SHM_CMD_LISTEN && (fresh || k->listener != NULL) &&
		   app_fsm_held(&k->app)) {
		k->used = true;
		command_listen(k, ev);
	} else {
		k->session->daemon->count.bad_commands++;
	}
}

static void
slot_publish_nomem(struct session *s, uint32_t slot)
{
	struct shm_sock *k = region_sock(&s->region, slot);

	atomic_store_explicit(&k->ctl_err, SAN_ENOMEM, memory_order_relaxed);
	atomic_store_explicit(&k->state, SHM_STATE_FAILED, memory_order_release);
	wake_sock(s, slot, true, true);
}

void
sock_command(struct daemon *d, const struct poll_event *ev)
{
	struct session *s = slot_find(d, ev->sock.session, ev->sock.slot, ev->sock.gen);
	struct session_slot *own;

	if (s == NULL)
		return;
	own = &s->slots[ev->sock.slot];
	if (own->cmd_seen == ev->cmd.seq)
		return;
	own->cmd_seen = ev->cmd.seq;
	if (own->sock == NULL && ev->sock.slot >= s->region.geo.socks / 2)
		d->count.bad_commands++; /* the daemon's half: nothing was accepted there */
	else if (own->sock == NULL && sock_create(s, ev->sock.slot) == NULL)
		slot_publish_nomem(s, ev->sock.slot);
	else
		command_run(own->sock, ev);
	atomic_store_explicit(
	    &region_sock(&s->region, ev->sock.slot)->cmd_done, ev->cmd.seq, memory_order_release);
}

void
sock_look(struct daemon *d, struct session *s, uint32_t slot)
{
	struct shm_sock *k = region_sock(&s->region, slot);
	struct poll_event ev = {.type = POLL_EV_SOCK_CMD};

	ev.sock = (struct sock_ref){(uint16_t)s->id, (uint16_t)slot, s->slots[slot].gen};
	/* acquire pairs with the program's release of cmd_seq after it filled the mailbox */
	ev.cmd.seq = atomic_load_explicit(&k->cmd_seq, memory_order_acquire);
	ev.cmd.cmd = k->cmd;
	ev.cmd.arg = k->cmd_arg;
	ev.cmd.type = k->type;
	ev.cmd.local = k->local;
	ev.cmd.peer = k->peer;
	sock_command(d, &ev);
	sock_flags(d, s->id, slot, s->slots[slot].gen,
	    atomic_load_explicit(&k->app_flags, memory_order_acquire));
}

/* --- the sweep -------------------------------------------------------------------------------- */

void
sock_sweep_later(struct sock *k)
{
	struct daemon *d = k->session->daemon;

	if (k->on_sweep)
		return;
	k->on_sweep = true;
	TAILQ_INSERT_TAIL(&d->sweep, k, swept);
}

/* App side GONE, wire side finished and released by the poll thread, nobody's child, nobody's
 * parent. */
static bool
sock_finished(const struct sock *k)
{
	return k->app.state == APP_STATE_GONE && k->conn == NULL && k->parent == NULL &&
	       k->listener == NULL;
}

static void
sock_free(struct sock *k)
{
	struct session *s = k->session;
	struct daemon *d = s->daemon;

	loop_timer_clear(d->loop, &k->upcalls);
	if (k->port_held)
		portnum_release(&d->portnum, k->local.port);
	TAILQ_REMOVE(&d->socks, k, all);
	d->sock_count--;
	s->slots[k->slot].sock = NULL;
	s->sock_count--;
	history_add(&d->history, k);
	session_slot_reset(s, k->slot);
	free(k);
	session_end_if_idle(s);
}

void
sock_sweep(struct daemon *d)
{
	struct sock *k;

	while ((k = TAILQ_FIRST(&d->sweep)) != NULL) {
		TAILQ_REMOVE(&d->sweep, k, swept);
		k->on_sweep = false;
		if (sock_finished(k))
			sock_free(k);
	}
}
