/* SPDX-License-Identifier: BSD-3-Clause */
#include "msg_conn.h"

#include <string.h>

#include "msg_priv.h"
#include "ring.h"
#include "san_err.h"
#include "seq.h"

static bool
ring_valid(const struct byte_ring *r)
{
	return r->base != NULL && r->size >= 1024 && (r->size & (r->size - 1)) == 0;
}

int
msg_conn_init(struct msg_conn *c, const struct msg_open *o, struct san_time now)
{
	struct verbs_open v = {
	    .rc = o->rc,
	    .send = o->slots,
	    .send_count = MSG_SLOTS,
	    .direct_max = shm_record_max(o->rx.size),
	};
	int err;

	if (!ring_valid(&o->tx) || !ring_valid(&o->rx))
		return SAN_EINVAL;
	memset(c, 0, sizeof *c);
	err = verbs_init(&c->v, &v, now);
	if (err != 0)
		return err;
	c->tx = o->tx;
	c->rx = o->rx;
	c->limits.write = shm_record_max(o->tx.size);
	c->limits.send = o->send_max < c->limits.write ? o->send_max : c->limits.write;
	c->limits.read = shm_read_max(o->rx.size);
	c->linger_timeout = o->linger_timeout;
	c->linger_at = SAN_TIME_NEVER;
	c->usual = shm_record_bytes(shm_record_max(o->rx.size)) << 4;
	msg_rx_allow(c);
	return 0;
}

/* ---- how it ends ---- */

/* From here on neither ring nor registered memory is touched. */
static void
conn_enter(struct msg_conn *c, enum msg_state next, int err)
{
	if (c->error == 0)
		c->error = err;
	if (verbs_error(&c->v) == 0)
		verbs_stop(&c->v);
	c->state = (uint8_t)next;
	c->linger_at = SAN_TIME_NEVER;
	if (next == MSG_STATE_DEAD)
		c->events |= MSG_EV_DEAD;
}

static void
linger(struct msg_conn *c, int err, struct san_time now)
{
	conn_enter(c, MSG_STATE_LINGER, err);
	c->events |= MSG_EV_WANT_DREQ;
	c->linger_at = san_time_add(now, c->linger_timeout);
}

void
msg_close(struct msg_conn *c, struct san_time now)
{
	if (c->state == MSG_STATE_OPEN)
		linger(c, SAN_ECONNABORTED, now);
}

void
msg_dreq_received(struct msg_conn *c, struct san_time now)
{
	(void)now;
	if (c->state != MSG_STATE_DEAD)
		conn_enter(c, MSG_STATE_DEAD, SAN_ECONNRESET);
}

void
msg_dreq_finished(struct msg_conn *c, struct san_time now)
{
	(void)now;
	if (c->state == MSG_STATE_LINGER)
		conn_enter(c, MSG_STATE_DEAD, c->error);
}

void
msg_port_down(struct msg_conn *c, struct san_time now)
{
	(void)now;
	if (c->state != MSG_STATE_DEAD)
		conn_enter(c, MSG_STATE_DEAD, SAN_ENETDOWN);
}

/* ---- packets and time ---- */

/* After anything that may have completed, freed or broken something. */
static void
settle(struct msg_conn *c, struct san_time now)
{
	if (c->state != MSG_STATE_OPEN)
		return;
	msg_tx_reap(c);
	if (verbs_error(&c->v) != 0) {
		linger(c, verbs_error(&c->v), now);
	} else if (!msg_tx_pump(c)) {
		c->events |= MSG_EV_MALFORMED;
		linger(c, SAN_EPROTO, now);
	}
}

bool
msg_packet_receive(struct msg_conn *c, const struct roce_pkt *p, void *frame, struct san_time now)
{
	struct verbs_heard heard;

	if (c->state != MSG_STATE_OPEN)
		return false;
	heard = verbs_receive(&c->v, p, now);
	c->far = heard.far;
	c->far_last = heard.last;
	if (heard.valid && !c->established) {
		c->established = true;
		c->events |= MSG_EV_ESTABLISHED;
	}
	if (heard.piece.any)
		msg_rx_piece(c, &heard.piece);
	settle(c, now);
	return heard.early && frame != NULL && c->state == MSG_STATE_OPEN &&
	       rc_keep(&c->v.qp, p, frame, now) == 0;
}

bool
msg_far_write(struct msg_conn *c, struct rc_far *out)
{
	*out = c->far;
	c->far.bytes = NULL;
	return out->bytes != NULL;
}

void
msg_far_refuse(struct msg_conn *c, struct san_time now)
{
	if (c->state != MSG_STATE_OPEN)
		return;
	verbs_far_refuse(&c->v, c->far_last);
	settle(c, now);
}

void
msg_answer_refuse(struct msg_conn *c, struct roce_tx *out, struct san_time now)
{
	verbs_answer_refuse(&c->v, out);
	settle(c, now);
}

void *
msg_frame_next(struct msg_conn *c)
{
	return rc_kept_next(&c->v.qp);
}

void *
msg_frame_drop(struct msg_conn *c)
{
	return c->state == MSG_STATE_OPEN ? rc_kept_drop(&c->v.qp) : rc_fini(&c->v.qp);
}

/* After a failure there may be a NAK to send, which says so. */
size_t
msg_emit(struct msg_conn *c, struct roce_tx *out, size_t max, struct san_time now)
{
	size_t n = 0;

	if (c->state == MSG_STATE_DEAD)
		return 0;
	while (n < max) {
		memset(&out[n], 0, sizeof out[n]);
		if (!verbs_emit(&c->v, &out[n], now))
			break;
		n++;
	}
	return n;
}

bool
msg_has_work(const struct msg_conn *c, struct san_time now)
{
	return c->state != MSG_STATE_DEAD && verbs_error(&c->v) != SAN_ECANCELED &&
	       rc_has_work(&c->v.qp, now);
}

struct san_time
msg_deadline(const struct msg_conn *c)
{
	return c->state == MSG_STATE_OPEN ? verbs_deadline(&c->v) : c->linger_at;
}

void
msg_deadline_expire(struct msg_conn *c, struct san_time now)
{
	if (c->state == MSG_STATE_OPEN) {
		verbs_deadline_expire(&c->v, now);
		settle(c, now);
	} else if (san_time_reached(c->linger_at, now)) {
		conn_enter(c, MSG_STATE_DEAD, c->error);
	}
}

int
msg_tx_produced(struct msg_conn *c, uint32_t pos, struct san_time now)
{
	uint32_t used;

	if (seq32_diff(pos, c->tx_produced) < 0 ||
	    shm_ring_used(c->tx_released, pos, c->tx.size, &used) != 0)
		return SAN_EPROTO;
	c->tx_produced = pos;
	settle(c, now);
	return 0;
}

int
msg_rx_consumed(struct msg_conn *c, uint32_t pos, struct san_time now)
{
	if (pos - c->rx_consumed > msg_rx_produced(c) - c->rx_consumed)
		return SAN_EPROTO;
	c->rx_consumed = pos;
	if (c->state == MSG_STATE_OPEN)
		msg_rx_allow(c);
	settle(c, now); /* a READ may have waited for room */
	return 0;
}

void
msg_keepalive(struct msg_conn *c, struct san_time now)
{
	const struct verbs_send probe = {.op = VERBS_WRITE, .cookie = c->tx_posted};

	if (c->state != MSG_STATE_OPEN || !verbs_send_idle(&c->v))
		return;
	(void)verbs_post_send(&c->v, &probe); /* the queue is empty: there is room */
	settle(c, now);
}

uint32_t
msg_events_take(struct msg_conn *c)
{
	uint32_t events = c->events;

	c->events = 0;
	return events;
}

uint32_t
msg_tx_released(const struct msg_conn *c)
{
	return c->tx_released;
}

int
msg_error(const struct msg_conn *c)
{
	return c->error;
}

enum msg_state
msg_state(const struct msg_conn *c)
{
	return (enum msg_state)c->state;
}
