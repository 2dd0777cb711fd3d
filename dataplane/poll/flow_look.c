/* SPDX-License-Identifier: BSD-3-Clause */
/* From the program's words to the engine. Every word is read once into a copy, checked, and the
 * copy is used. A program that writes nonsense has its connection reset, and is not listened to
 * again. */
#include "flow.h"

#include "poll_priv.h"
#include "san_err.h"
#include "seq.h"

static void
hostile(struct poll *p, struct flow *f, enum poll_counter counter)
{
	poll_count(p, counter, 1);
	f->hostile = true;
	flow_hot_remove(p, f);
	engine_close(&f->engine, SDP_CLOSE_ABORT, p->now);
	flow_touch(p, f);
}

/* How far the engine shall go: with the cork in, only whole packets. Records are never corked. */
static uint32_t
tx_target(struct poll *p, struct flow *f, uint32_t tail)
{
	uint32_t target = tail, whole;

	if (!engine_is_stream(&f->engine))
		return tail;
	whole = sdp_payload_max(&f->engine.sdp);
	if ((f->app_flags & (SHM_APP_CORK | SHM_APP_SHUT_WR)) == SHM_APP_CORK)
		target = f->tx_told + (tail - f->tx_told) / whole * whole;
	if (target == tail) {
		f->corked = false;
	} else if (!f->corked) {
		f->corked = true;
		f->corked_at = p->now;
	}
	return target;
}

/* MSG_OOB: the position may be ahead of the bytes we have seen; then it is for later. */
static void
urgent_look(struct flow *f)
{
	/* Acquire pairs with the program's release after it set tx_urg. */
	uint32_t seq = atomic_load_explicit(&f->sock->tx_urg_seq, memory_order_acquire);
	uint32_t pos;

	if (seq == f->urg_seq || !engine_is_stream(&f->engine))
		return;
	pos = atomic_load_explicit(&f->sock->tx_urg, memory_order_relaxed);
	if (seq32_diff(pos, f->tx_told) > 0)
		return;
	f->urg_seq = seq;
	sdp_tx_urgent(&f->engine.sdp, pos);
}

void
flow_tx_give(struct poll *p, struct flow *f, uint32_t pos)
{
	if (pos == f->tx_told)
		return;
	f->tx_told = pos;
	if (engine_tx_produced(&f->engine, pos, p->now) != 0)
		hostile(p, f, POLL_COUNT_hostile_tx_pos);
	else
		urgent_look(f);
}

/* To the engine: RDMA whose turn it is, and the bytes that no other RDMA is ahead of. */
static void
tx_push(struct poll *p, struct flow *f, bool uncork)
{
	int err = f->rdma.next == f->rdma.tail ? 0 : flow_rdma_push(p, f);

	if (f->hostile)
		return;
	if (err == SAN_EPROTO)
		hostile(p, f, POLL_COUNT_hostile_record);
	else if (err == 0)
		flow_tx_give(p, f, uncork ? f->tx_tail : tx_target(p, f, f->tx_tail));
}

static bool
tx_look(struct poll *p, struct flow *f)
{
	/* Acquire pairs with the program's release after it wrote the bytes. */
	uint32_t tail = atomic_load_explicit(&f->sock->tx_tail, memory_order_acquire);
	/* Behind tx_tail, so that no byte is seen without the RDMA before it. */
	uint32_t rdma = atomic_load_explicit(&f->sock->rdma_tail, memory_order_acquire);

	if (tail == f->tx_tail && rdma == f->rdma.tail)
		return false;
	/* Checked against what the engine released, as the engine itself does, since with the cork
	 * in it is told less. */
	if (seq32_diff(tail, f->tx_tail) < 0 ||
	    tail - engine_tx_released(&f->engine) > f->tx_size) {
		hostile(p, f, POLL_COUNT_hostile_tx_pos);
		return true;
	}
	f->tx_tail = tail;
	if (rdma != f->rdma.tail &&
	    (!engine_is_stream(&f->engine) || !rdma_rings_produced(&f->rdma, rdma)))
		hostile(p, f, POLL_COUNT_hostile_record);
	else
		tx_push(p, f, false);
	return true;
}

static bool
rx_look(struct poll *p, struct flow *f)
{
	/* Acquire pairs with the program's release after it copied the bytes out. */
	uint32_t head = atomic_load_explicit(&f->sock->rx_head, memory_order_acquire);

	if (head == f->rx_head)
		return false;
	/* It cannot have read more than it was shown. */
	if (head - f->rx_head > f->rx_tail - f->rx_head ||
	    engine_rx_consumed(&f->engine, head, p->now) != 0) {
		hostile(p, f, POLL_COUNT_hostile_rx_pos);
		return true;
	}
	f->rx_head = head;
	return true;
}

/* Answers to READs were taken: flow_tell looks whether there is room for more. */
static bool
rdma_rx_look(struct poll *p, struct flow *f)
{
	/* Acquire pairs with the program's release after it copied them out. */
	uint32_t head = atomic_load_explicit(&f->sock->rdma_rx_head, memory_order_acquire);

	if (head == f->rdma.rx_head)
		return false;
	if (!rdma_rings_consumed(&f->rdma, head))
		hostile(p, f, POLL_COUNT_hostile_rx_pos);
	return true;
}

bool
flow_look(struct poll *p, struct flow *f)
{
	bool moved = tx_look(p, f);

	if (!f->hostile && !f->rx_dropped)
		moved |= rx_look(p, f);
	if (!f->hostile)
		moved |= rdma_rx_look(p, f);
	return moved || f->hostile;
}

void
flow_uncork(struct poll *p, struct flow *f)
{
	if (!f->corked)
		return;
	f->corked = false;
	tx_push(p, f, true);
}

/* Half a close goes behind everything, and so waits for what the engine cannot take yet. */
static void
shut_look(struct poll *p, struct flow *f)
{
	if ((f->app_flags & SHM_APP_SHUT_WR) == 0 || f->shut || !engine_is_stream(&f->engine) ||
	    f->rdma.next != f->rdma.tail)
		return;
	f->shut = true;
	sdp_shut(&f->engine.sdp, p->now);
}

void
flow_rdma_more(struct poll *p, struct flow *f)
{
	uint32_t next = f->rdma.next;

	if (f->hostile || next == f->rdma.tail)
		return;
	tx_push(p, f, false);
	if (f->hostile || f->rdma.next == next)
		return;
	shut_look(p, f);
	flow_touch(p, f);
}

void
flow_rung(struct poll *p, struct flow *f)
{
	if (!f->sock || f->hostile)
		return;
	/* Acquire pairs with the program's fetch_or: positions from before a SHUT_WR are seen. */
	f->app_flags = atomic_load_explicit(&f->sock->app_flags, memory_order_acquire);
	if (flow_look(p, f))
		f->active_at = p->now;
	if (f->hostile)
		return;
	if ((f->app_flags & SHM_APP_CORK) == 0 || (f->app_flags & SHM_APP_SHUT_WR) != 0)
		flow_uncork(p, f);
	urgent_look(f);
	shut_look(p, f);
}

/* ---- looking without being asked ---- */

void
flow_hot_add(struct poll *p, struct flow *f)
{
	struct flow *old;

	if (!f->sock || f->hostile)
		return;
	if (p->hot_count < FLOW_HOT_MAX) {
		p->hot[p->hot_count] = f;
		f->hot = (uint8_t)++p->hot_count;
		return;
	}
	/* Full: one that was quiet in this iteration makes room, if the hand points to such. */
	old = p->hot[p->hot_hand % FLOW_HOT_MAX];
	p->hot_hand++;
	if (old->active_at.ns == p->now.ns)
		return;
	flow_hot_remove(p, old);
	flow_touch(p, old);
	p->hot[p->hot_count] = f;
	f->hot = (uint8_t)++p->hot_count;
}

void
flow_hot_remove(struct poll *p, struct flow *f)
{
	struct flow *last;

	if (!f->hot)
		return;
	last = p->hot[--p->hot_count];
	p->hot[f->hot - 1] = last;
	last->hot = f->hot;
	f->hot = 0;
}

bool
flow_need_set(struct poll *p, struct flow *f)
{
	/* All read: the program owes us no news about rx_head. */
	bool unread = f->rx_tail != f->rx_head || f->rdma.rx_tail != f->rdma.rx_head;
	uint32_t need = SHM_NEED_TX | (unread ? SHM_NEED_RX : 0);

	if ((atomic_load_explicit(&f->sock->need, memory_order_relaxed) & need) != need)
		atomic_fetch_or_explicit(&f->sock->need, need, memory_order_relaxed);
	/* Pairs with the program's fence between publishing and looking at `need`. */
	atomic_thread_fence(memory_order_seq_cst);
	return !flow_look(p, f);
}

static bool
quiet(const struct poll *p, const struct flow *f)
{
	uint64_t since = san_time_since(p->now, f->active_at).ns;

	if (f->tx_told != f->tx_head || rdma_rings_pending(&f->rdma))
		return since >= FLOW_HOT_WAITING.ns;
	return since >= p->hot_idle.ns;
}

void
flow_hot_look(struct poll *p)
{
	for (uint32_t i = p->hot_count; i-- > 0;) {
		struct flow *f = p->hot[i];

		if (flow_look(p, f)) {
			p->work++;
			flow_traffic(p, f);
		} else if (quiet(p, f)) {
			if (f->view_stale)
				flow_view_write(p, f);
			if (flow_need_set(p, f))
				flow_hot_remove(p, f);
			else
				flow_traffic(p, f);
		}
	}
}
