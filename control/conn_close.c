/* SPDX-License-Identifier: BSD-3-Clause */
/* How a connection ends as far as the control thread has a hand in it: the program closed, the
 * handshake failed, the CM exchanged DREQ and DREP. What the wire does meanwhile is the poll
 * thread's. */
#include <string.h>

#include "check.h"
#include "conn.h"
#include "daemon_priv.h"
#include "san_err.h"

void
conn_poll_close(struct conn *c, enum sdp_close_how how)
{
	struct poll_cmd cmd = {.type = POLL_CMD_CONN_CLOSE, .conn = c->index};

	cmd.close.how = how;
	pollers_put(c->daemon, c->poll, &cmd);
}

static void
poll_tell(struct conn *c, enum poll_cmd_type type)
{
	const struct poll_cmd cmd = {.type = (uint16_t)type, .conn = c->index};

	if (c->poll_state == CONN_POLL_OPEN)
		pollers_put(c->daemon, c->poll, &cmd);
}

/* The engine does not know the connection any more: nobody will answer a DREQ. */
static void
on_forgotten(struct conn *c)
{
	conn_cm_enter(c, CONN_CM_GONE);
	poll_tell(c, POLL_CMD_CONN_DREQ_DONE);
}

void
conn_disconnect(struct conn *c)
{
	struct daemon *d = c->daemon;

	conn_cm_enter(c, CONN_CM_DISCONNECTING);
	if (cm_disconnect(d->netio.cm, c->cm_id, loop_now()) != 0)
		on_forgotten(c);
	netio_pump(d);
}

/* Stop a handshake wherever it stands. The peer, if it waits for us, is told so. */
static void
abandon(struct conn *c)
{
	struct daemon *d = c->daemon;

	san_check(c->setup != CONN_SETUP_OPEN && c->setup != CONN_SETUP_ENDED);
	conn_setup_end(c);
	conn_setup_enter(c, CONN_SETUP_ENDED);
	if (c->cm == CONN_CM_LIVE) {
		conn_cm_enter(c, CONN_CM_GONE);
		(void)cm_disconnect(d->netio.cm, c->cm_id, loop_now());
	}
	if (c->poll_state == CONN_POLL_OPEN)
		conn_poll_close(c, SDP_CLOSE_ABORT);
}

void
conn_close(struct conn *c, enum sdp_close_how how)
{
	struct daemon *d = c->daemon;

	if (c->setup == CONN_SETUP_OPEN) {
		if (c->poll_state == CONN_POLL_OPEN)
			conn_poll_close(c, how);
	} else if (c->setup != CONN_SETUP_ENDED) {
		if (c->active)
			d->count.connects_cancelled++;
		abandon(c);
	}
	/* The caller still holds the sock: what follows from this happens in conn_let_go, later. */
}

static void
connect_failed_count(struct daemon *d, int err)
{
	switch (err) {
	case SAN_ENOLISTENER:
	case SAN_ECONNREFUSED:
		d->count.connects_refused++;
		break;
	case SAN_ETIMEDOUT:
		d->count.connects_timedout++;
		break;
	default:
		d->count.connects_failed++;
	}
}

void
conn_fail(struct conn *c, int err, const char *why)
{
	struct daemon *d = c->daemon;
	struct sock *k = c->sock;

	if (c->setup == CONN_SETUP_ENDED)
		return;
	abandon(c);
	if (c->active) {
		connect_failed_count(d, err);
		sock_publish_failed(k, err, why);
	} else {
		/* Nobody has seen the child yet, so nobody will close it. */
		d->count.accept_lost++;
		k->err = err;
		k->why = why;
		k->reset = true;
		sock_app_died(k);
		return; /* c may be gone */
	}
	conn_let_go(c);
}

void
conn_want_disconnect(struct conn *c)
{
	if (c->setup == CONN_SETUP_REP_SENT)
		conn_fail(c, SAN_ECONNRESET, "the peer went away during the handshake");
	else if (c->cm == CONN_CM_LIVE)
		conn_disconnect(c);
	else if (c->cm == CONN_CM_GONE || c->cm == CONN_CM_TIMEWAIT)
		poll_tell(c, POLL_CMD_CONN_DREQ_DONE); /* there is nobody to disconnect from */
}

/* Reasons a peer gives, as the program sees them. What says "not this way" becomes TIMEDOUT, so
 * that the switch may try kernel TCP. */
static int
reject_err(uint16_t reason)
{
	switch (reason) {
	case CM_REJ_INVALID_SERVICE_ID:
		return SAN_ENOLISTENER;
	case CM_REJ_CONSUMER:
	case CM_REJ_NO_RESOURCES:
	case CM_REJ_NO_QP:
		return SAN_ECONNREFUSED;
	default:
		return SAN_ETIMEDOUT;
	}
}

/* REJ or silence: the engine has dropped its handle. */
static void
on_given_up(struct conn *c, int err, const char *why)
{
	conn_cm_enter(c, CONN_CM_GONE);
	if (c->setup == CONN_SETUP_OPEN)
		poll_tell(c, POLL_CMD_CONN_DREQ); /* the peer takes back what it had agreed to */
	else if (c->setup == CONN_SETUP_ENDED)
		conn_let_go(c);
	else
		conn_fail(c, err, why);
}

static void
on_dreq(struct conn *c)
{
	conn_cm_enter(c, CONN_CM_TIMEWAIT);
	poll_tell(c, POLL_CMD_CONN_DREQ);
	if (c->setup != CONN_SETUP_OPEN)
		conn_fail(c, SAN_ECONNRESET, "the peer disconnected during the handshake");
}

static void
on_dreq_done(struct conn *c)
{
	conn_cm_enter(c, CONN_CM_TIMEWAIT);
	poll_tell(c, POLL_CMD_CONN_DREQ_DONE);
}

static void
on_gone(struct conn *c)
{
	conn_cm_enter(c, CONN_CM_GONE);
	conn_let_go(c);
}

void
conn_cm_event(struct daemon *d, const struct cm_event *ev)
{
	struct conn *c;

	if (ev->type == CM_EV_REQ) {
		conn_request(d, ev);
		return;
	}
	c = conn_find_cookie(d, ev->cookie);
	if (c == NULL || c->cm_id != ev->id || c->cm == CONN_CM_GONE) {
		d->count.stale_events++;
		return;
	}
	switch (ev->type) {
	case CM_EV_REQ:
		break;
	case CM_EV_REP:
		conn_reply(c, ev);
		break;
	case CM_EV_ESTABLISHED:
		conn_accept_established(c);
		break;
	case CM_EV_REJECTED:
		if (!conn_connect_again(c, ev))
			on_given_up(c, reject_err(ev->reason), cm_rej_name(ev->reason));
		break;
	case CM_EV_TIMEDOUT:
		on_given_up(c, SAN_ETIMEDOUT, "the peer does not answer");
		break;
	case CM_EV_DREQ:
		on_dreq(c);
		break;
	case CM_EV_DREQ_DONE:
		on_dreq_done(c);
		break;
	case CM_EV_GONE:
		on_gone(c);
		break;
	}
}
