/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets out: engines are asked for packets only while there is a buffer and a place in the port's
 * queue for each, so a packet an engine handed out is never lost here. What the NIC does not take
 * stays in the queue, in order. */
#include "poll_priv.h"

#include <string.h>

#include <rte_mbuf.h>

#include "port.h"

#define EMIT_BATCH 8u

static void
queue_flush(struct poll *p, uint16_t port)
{
	struct poll_port *q = &p->port[port];
	uint16_t sent;

	if (q->count == 0)
		return;
	sent = port_tx(port, q->queue, q->count);
	if (sent == q->count) {
		q->count = 0;
		p->work++;
		return;
	}
	poll_count(p, POLL_COUNT_tx_full, 1);
	if (sent == 0)
		return;
	p->work++;
	q->count -= sent;
	memmove(q->queue, q->queue + sent, q->count * sizeof q->queue[0]);
}

void
poll_tx_flush(struct poll *p)
{
	for (uint16_t port = 0; port < SAN_PORTS_MAX; port++)
		queue_flush(p, port);
}

static uint32_t
loop_room(const struct poll *p)
{
	return POLL_LOOP - (p->loop.tail - p->loop.head);
}

static void
loop_put(struct poll *p, uint16_t port, struct frame *f)
{
	uint32_t at = p->loop.tail++ & (POLL_LOOP - 1);

	p->loop.frame[at] = f;
	p->loop.port[at] = port;
	port_capture_frames(port, &f, 1, true);
	poll_count(p, POLL_COUNT_loop_frames, 1);
	p->work++;
}

static void
sent_count(struct poll *p, const struct frame *f)
{
	poll_count(p, POLL_COUNT_tx_frames, 1);
	poll_count(p, POLL_COUNT_tx_bytes, frame_len(f));
}

/* There is room, the caller has looked. */
static void
queue_put(struct poll *p, uint16_t port, struct frame *f)
{
	struct poll_port *q = &p->port[port];

	q->queue[q->count++] = f;
	if (q->count >= POLL_TX_BURST)
		queue_flush(p, port);
}

static bool
frame_is_local(struct frame *f)
{
	const uint8_t *eth = frame_data(f);

	return frame_len(f) >= 14 && memcmp(eth, eth + 6, 6) == 0;
}

void
poll_tx_frame(struct poll *p, uint16_t port, struct frame *f)
{
	bool up = port < SAN_PORTS_MAX && p->port[port].up, local = up && frame_is_local(f);

	if (up && !local && p->port[port].count == POLL_TXQ)
		queue_flush(p, port);
	if (!up || (local ? loop_room(p) == 0 : p->port[port].count == POLL_TXQ)) {
		poll_count(p, POLL_COUNT_tx_dropped, 1);
		frame_free(f);
		return;
	}
	sent_count(p, f);
	if (local)
		loop_put(p, port, f);
	else
		queue_put(p, port, f);
}

void
poll_tx_drop(struct poll *p, uint16_t port)
{
	struct poll_port *q = &p->port[port];

	poll_count(p, POLL_COUNT_tx_dropped, q->count);
	while (q->count > 0)
		frame_free(q->queue[--q->count]);
}

void
poll_tx_free(struct poll *p)
{
	for (uint16_t port = 0; port < SAN_PORTS_MAX; port++)
		poll_tx_drop(p, port);
	while (p->loop.head != p->loop.tail)
		frame_free(p->loop.frame[p->loop.head++ & (POLL_LOOP - 1)]);
	while (p->stashed > 0)
		frame_free(p->stash[--p->stashed]);
}

static void
stash_fill(struct poll *p)
{
	struct frame *f;

	while (p->stashed < POLL_STASH && (f = frame_alloc()) != NULL)
		p->stash[p->stashed++] = f;
	if (p->stashed == 0)
		poll_count(p, POLL_COUNT_tx_nombuf, 1);
}

/* Packets this flow may be asked for now. */
static uint32_t
emit_room(struct poll *p, const struct flow *f)
{
	uint32_t room = f->loop ? loop_room(p) : POLL_TXQ - p->port[f->port].count;

	if (!p->port[f->port].up)
		return 0;
	if (p->stashed < EMIT_BATCH)
		stash_fill(p);
	return RTE_MIN(RTE_MIN(room, p->stashed), EMIT_BATCH);
}

/* The payload of an answer to a READ of memory that is not in the region; false: there is none, the
 * packet says so, and nothing may follow it. */
static bool
far_read(struct poll *p, struct flow *f, struct roce_tx *tx)
{
	if (tx->seg_count == 0 || tx->seg[0].base || tx->seg[0].len == 0)
		return true;
	tx->seg[0].base = p->far;
	if (flow_far_read(p, tx->ext.rkey, tx->ext.va, p->far, tx->seg[0].len))
		return true;
	engine_answer_refuse(&f->engine, tx, p->now);
	return false;
}

static void
packet_send(struct poll *p, struct flow *f, const struct roce_tx *tx)
{
	struct frame *frame = p->stash[--p->stashed];
	int len = roce_encode(frame_data(frame), frame_capacity(frame), &f->path, tx);

	if (len < 0) { /* the pool's frames are smaller than the path MTU control agreed to */
		poll_count(p, POLL_COUNT_tx_dropped, 1);
		p->stashed++;
		return;
	}
	frame_set_len(frame, (uint32_t)len);
	sent_count(p, frame);
	if (f->loop)
		loop_put(p, f->port, frame);
	else
		queue_put(p, f->port, frame);
}

/* Returns packets sent; *more if there are more to send. */
static uint32_t
flow_emit(struct poll *p, struct flow *f, uint32_t budget, bool *more)
{
	struct roce_tx tx[EMIT_BATCH];
	uint32_t sent = 0;

	*more = true;
	while (sent < budget) {
		uint32_t room = RTE_MIN(emit_room(p, f), budget - sent);
		size_t n;

		if (room == 0)
			break;
		n = engine_emit(&f->engine, tx, room, p->now);
		for (size_t i = 0; i < n; i++) {
			bool good = far_read(p, f, &tx[i]);

			packet_send(p, f, &tx[i]);
			if (!good)
				n = i + 1;
		}
		sent += (uint32_t)n;
		if (n < room) {
			*more = false;
			break;
		}
	}
	if (sent != 0 || !*more)
		flow_touch(p, f);
	return sent;
}

static void
active_add(struct poll *p)
{
	struct flow *f;

	STAILQ_FOREACH(f, &p->dirty, dirty_next) {
		if (!f->active && engine_has_work(&f->engine, p->now)) {
			f->active = true;
			TAILQ_INSERT_TAIL(&p->active, f, active_next);
		}
	}
}

void
poll_emit(struct poll *p)
{
	uint32_t budget = POLL_EMIT_MAX;
	struct flow *f, *last;
	bool more;

	active_add(p);
	last = TAILQ_LAST(&p->active, flow_list);
	while (budget > 0 && (f = TAILQ_FIRST(&p->active)) != NULL) {
		budget -= flow_emit(p, f, RTE_MIN(budget, POLL_EMIT_FLOW), &more);
		TAILQ_REMOVE(&p->active, f, active_next);
		if (more)
			TAILQ_INSERT_TAIL(&p->active, f, active_next);
		else
			f->active = false;
		if (f == last)
			break;
	}
	poll_tx_flush(p);
}
