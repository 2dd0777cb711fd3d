/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow.h"

#include <stddef.h>
#include <string.h>

#include "poll_priv.h"
#include "san_err.h"

struct flow *
flow_find(struct poll *p, uint32_t index)
{
	if (index < FLOW_INDEX_FIRST || index >= p->flow_limit || !p->flows[index].used)
		return NULL;
	return &p->flows[index];
}

void
flow_path_set(struct flow *f, const uint8_t dmac[6])
{
	memcpy(f->path.dmac, dmac, sizeof f->path.dmac);
	f->loop = memcmp(f->path.dmac, f->path.smac, sizeof f->path.dmac) == 0;
}

/* The slot a CONN_OPEN names, NULL if it is not to be had. */
static struct poll_slot *
open_slot(struct poll *p, const struct poll_cmd *cmd, int *err)
{
	const struct sock_ref *ref = &cmd->open.sock;
	struct poll_session *s;

	*err = SAN_EINVAL;
	if (cmd->conn < FLOW_INDEX_FIRST || cmd->conn >= p->flow_limit ||
	    (cmd->open.open.qpn & 0xffff) != cmd->conn || cmd->port >= SAN_PORTS_MAX ||
	    ref->session >= SAN_SESSIONS_MAX)
		return NULL;
	s = &p->session[ref->session];
	if (!s->base || ref->slot >= s->socks)
		return NULL;
	*err = SAN_ENETDOWN;
	if (!p->port[cmd->port].up)
		return NULL;
	*err = SAN_EEXIST;
	if (p->flows[cmd->conn].used || s->slots[ref->slot].flow)
		return NULL;
	*err = 0;
	return &s->slots[ref->slot];
}

static void
flow_init(struct poll *p, struct flow *f, const struct poll_cmd *cmd)
{
	const struct poll_session *s = &p->session[cmd->open.sock.session];

	memset(f, 0, offsetof(struct flow, engine));
	f->used = true;
	f->index = cmd->conn;
	f->qpn = cmd->open.open.qpn;
	f->port = cmd->port;
	f->ref = cmd->open.sock;
	f->session = f->ref.session;
	f->sock = &s->sock[f->ref.slot];
	f->path = cmd->open.path;
	flow_path_set(f, cmd->open.path.dmac);
	f->tx_size = s->tx_ring_bytes;
	if (engine_is_stream(&f->engine))
		flow_rdma_init(p, f);
	f->active_at = f->heard_at = p->now;
	f->timer.want = SAN_TIME_NEVER;
}

static void
rings_of(
    const struct poll *p, const struct sock_ref *ref, struct byte_ring *tx, struct byte_ring *rx)
{
	const struct poll_session *s = &p->session[ref->session];
	uint8_t *rings = poll_rings(s, ref->slot);

	*tx = (struct byte_ring){rings, s->tx_ring_bytes};
	*rx = (struct byte_ring){rings + s->tx_ring_bytes, s->rx_ring_bytes};
}

static int
stream_open(struct poll *p, struct flow *f, const struct poll_cmd *cmd)
{
	struct sdp_open open = cmd->open.open;

	f->engine.type = SHM_TYPE_STREAM;
	rings_of(p, &cmd->open.sock, &open.tx, &open.rx);
	open.pool = &p->recovery;
	open.lent = &p->lent[cmd->conn];
	open.mrs = &p->mrs;
	open.zcopy = open.zcopy_threshold != 0 &&
		     (open.initiator_depth != 0 || open.responder_resources != 0);
	return sdp_conn_init(&f->engine.sdp, &open, p->now);
}

/* A protection domain is a connection: its QPN, which no two have. */
static int
message_open(struct poll *p, struct flow *f, const struct poll_cmd *cmd)
{
	const struct sdp_open *o = &cmd->open.open;
	struct poll_msg_store *store = &p->stores[cmd->conn];
	struct msg_open open = {
	    .rc = {.qpn = o->qpn,
		.peer_qpn = o->peer_qpn,
		.rq_psn = o->rq_psn,
		.sq_psn = o->sq_psn,
		.pmtu = o->pmtu,
		.features = o->features,
		.flow_control = cmd->open.msg.flow_control,
		.mrs = &p->mrs,
		.pd = o->qpn,
		.resources = store->resource,
		.resource_count = o->responder_resources,
		.initiator_depth = o->initiator_depth,
		.pool = &p->recovery,
		.params = o->rc,
		.cc = o->cc},
	    .slots = store->slot,
	    .send_max = cmd->open.msg.send_max,
	    .linger_timeout = o->linger_timeout,
	};

	if (open.rc.resource_count > POLL_MSG_RESOURCES)
		return SAN_EINVAL;
	f->engine.type = SHM_TYPE_SEQPACKET;
	rings_of(p, &cmd->open.sock, &open.tx, &open.rx);
	return msg_conn_init(&f->engine.msg, &open, p->now);
}

int
flow_open(struct poll *p, const struct poll_cmd *cmd)
{
	struct poll_session *s;
	struct poll_slot *slot;
	struct flow *f;
	int err;

	slot = open_slot(p, cmd, &err);
	if (!slot)
		return err;
	s = &p->session[cmd->open.sock.session];
	f = &p->flows[cmd->conn];
	err = cmd->open.type == SHM_TYPE_STREAM ? stream_open(p, f, cmd) : message_open(p, f, cmd);
	if (err)
		return err;
	flow_init(p, f, cmd);
	slot->flow = f->index;
	s->flows++;
	LIST_INSERT_HEAD(&p->all, f, all_next);
	atomic_fetch_add_explicit(&p->flow_count, 1, memory_order_relaxed);
	flow_view_write(p, f);
	flow_rung(p, f); /* what its program did before we knew of it */
	flow_traffic(p, f);
	return 0;
}

void
flow_detach(struct poll *p, struct flow *f)
{
	struct poll_session *s = &p->session[f->session];

	if (!f->sock)
		return;
	/* DEAD at once: the engine touches the rings no more. */
	engine_port_down(&f->engine, p->now);
	flow_mem_drop(p, f);
	flow_hot_remove(p, f);
	f->sock = NULL;
	s->slots[f->ref.slot].flow = 0;
	s->flows--;
	flow_touch(p, f);
}

void
flow_touch(struct poll *p, struct flow *f)
{
	if (f->dirty)
		return;
	f->dirty = true;
	STAILQ_INSERT_TAIL(&p->dirty, f, dirty_next);
}

void
flow_traffic(struct poll *p, struct flow *f)
{
	f->active_at = p->now;
	if (!f->hot)
		flow_hot_add(p, f);
	flow_touch(p, f);
}

void
flow_active_remove(struct poll *p, struct flow *f)
{
	if (!f->active)
		return;
	f->active = false;
	TAILQ_REMOVE(&p->active, f, active_next);
}

void
flow_close(struct poll *p, struct flow *f, enum sdp_close_how how)
{
	if (f->sock && !f->hostile) {
		flow_uncork(p, f);
		flow_look(p, f); /* its last bytes */
	}
	f->closed = true;
	flow_mem_drop(p, f);
	/* RDMA that its program gave up: what stands behind it must not arrive as if it was done.
	 */
	if (rdma_rings_pending(&f->rdma))
		how = SDP_CLOSE_ABORT;
	engine_close(&f->engine, how, p->now);
}

/* ---- time ---- */

static struct san_time
keepalive_at(const struct poll *p, const struct flow *f)
{
	if ((f->app_flags & SHM_APP_KEEPALIVE) == 0)
		return SAN_TIME_NEVER;
	return san_time_add(f->heard_at, p->params.keepalive);
}

void
flow_timer_set(struct poll *p, struct flow *f)
{
	struct san_time at = san_time_min(engine_deadline(&f->engine), keepalive_at(p, f));

	if (f->corked)
		at = san_time_min(at, san_time_add(f->corked_at, FLOW_CORK_MAX));
	wheel_set(&p->wheel, &f->timer, at);
}

static void
flow_expire(struct poll *p, struct flow *f)
{
	if (san_time_reached(engine_deadline(&f->engine), p->now))
		engine_deadline_expire(&f->engine, p->now);
	if (san_time_reached(keepalive_at(p, f), p->now)) {
		f->heard_at = p->now; /* the next probe in another interval */
		engine_keepalive(&f->engine, p->now);
		poll_count(p, POLL_COUNT_keepalives, 1);
	}
	if (f->corked && san_time_reached(san_time_add(f->corked_at, FLOW_CORK_MAX), p->now))
		flow_uncork(p, f);
	flow_touch(p, f);
}

void
flow_timers_expire(struct poll *p)
{
	struct wheel_timer *t;

	for (unsigned i = 0; i < POLL_TIMERS_MAX && (t = wheel_due(&p->wheel, p->now)) != NULL;
	     i++) {
		flow_expire(p, (struct flow *)((char *)t - offsetof(struct flow, timer)));
		p->work++;
	}
}

/* ---- the end ---- */

void
flow_frames_drop(struct flow *f)
{
	struct frame *frame;

	while ((frame = engine_frame_drop(&f->engine)) != NULL)
		frame_free(frame);
}

bool
flow_sweep(struct poll *p, struct flow *f)
{
	struct poll_event ev = {
	    .type = POLL_EV_CONN_FREED, .port = f->port, .conn = f->index, .sock = f->ref};
	struct poll_session *s = &p->session[f->session];

	if (!f->released || f->events != 0 || engine_state(&f->engine) != SDP_STATE_DEAD)
		return false;
	if (!poll_event_put(p, &ev)) {
		flow_touch(p, f);
		return false;
	}
	flow_view_write(p, f); /* counts the last retransmits */
	atomic_store_explicit(&f->view_valid, false, memory_order_relaxed);
	flow_active_remove(p, f);
	flow_hot_remove(p, f);
	wheel_remove(&p->wheel, &f->timer);
	if (f->sock) {
		s->slots[f->ref.slot].flow = 0;
		s->flows--;
	}
	LIST_REMOVE(f, all_next);
	f->used = false;
	atomic_fetch_sub_explicit(&p->flow_count, 1, memory_order_relaxed);
	poll_count(p, POLL_COUNT_conns_freed, 1);
	return true;
}
