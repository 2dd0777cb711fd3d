/* SPDX-License-Identifier: BSD-3-Clause */
/* From the engine to the program's slot and to control, once per touched flow and iteration: first
 * all words, then one fence for all, then whoever waits is woken. */
#include "flow.h"

#include "poll_priv.h"
#include "ring.h"
#include "waiters.h"

_Static_assert((int)POLL_COUNT_sdp_length - SDP_VIOLATION_LENGTH ==
		   (int)POLL_COUNT_sdp_ended - SDP_VIOLATION_ENDED,
    "the sdp_* counters are in the order of the violations");

#define EVENTS_FOR_CONTROL (SDP_EV_ESTABLISHED | SDP_EV_EOF | SDP_EV_WANT_DREQ | SDP_EV_DEAD)

static void
control_tell(struct poll *p, struct flow *f)
{
	struct poll_event ev = {
	    .type = POLL_EV_CONN_EVENT, .port = f->port, .conn = f->index, .sock = f->ref};

	if (f->events == 0)
		return;
	ev.ev.bits = f->events;
	ev.ev.err = engine_error(&f->engine);
	if (engine_is_stream(&f->engine))
		ev.ev.violation = sdp_violation(&f->engine.sdp);
	if (poll_event_put(p, &ev))
		f->events = 0;
	else
		flow_touch(p, f); /* again in the next iteration */
}

static uint32_t
wire_flags(const struct flow *f, uint32_t events)
{
	uint32_t flags = f->wire_flags;

	if ((events & SDP_EV_EOF) != 0)
		flags |= SHM_WIRE_EOF;
	if ((events & SDP_EV_URGENT) != 0)
		flags |= SHM_WIRE_URGENT;
	if (engine_error(&f->engine) != 0)
		flags |= SHM_WIRE_ERROR;
	if (engine_state(&f->engine) == SDP_STATE_DEAD)
		flags |= SHM_WIRE_DEAD;
	if (engine_quiet(&f->engine))
		flags |= SHM_WIRE_QUIET;
	return flags;
}

/* Returns the SHM_WAIT_* bits that apply. */
static uint32_t
rx_tell(struct poll *p, struct flow *f)
{
	uint32_t tail = engine_rx_produced(&f->engine);

	if ((f->app_flags & SHM_APP_SHUT_RD) != 0 && (f->rx_dropped || f->rx_tail == f->rx_head)) {
		/* Nobody reads any more, and what was shown has been read: take the rest away. */
		f->rx_dropped = true;
		if (tail != f->rx_tail) {
			engine_rx_consumed(&f->engine, tail, p->now);
			flow_touch(p, f); /* the peer may be due credits */
		}
		f->rx_bytes += tail - f->rx_tail;
		f->rx_tail = f->rx_head = tail;
		return 0;
	}
	if (tail == f->rx_tail)
		return 0;
	f->rx_bytes += tail - f->rx_tail;
	f->rx_tail = tail;
	/* Release: the bytes before it. Pairs with the program's acquire. */
	atomic_store_explicit(&f->sock->rx_tail, tail, memory_order_release);
	return SHM_WAIT_IN;
}

static uint32_t
tx_tell(struct flow *f)
{
	uint32_t head = engine_tx_released(&f->engine);

	if (head == f->tx_head)
		return 0;
	f->tx_bytes += head - f->tx_head;
	f->tx_head = head;
	/* Release: the engine has read the bytes before it. Pairs with the program's acquire. */
	atomic_store_explicit(&f->sock->tx_head, head, memory_order_release);
	return shm_ring_writable(f->tx_tail - head, f->tx_size) ? SHM_WAIT_OUT : 0;
}

static uint32_t
flags_tell(struct flow *f, uint32_t events)
{
	uint32_t flags = wire_flags(f, events), fresh = flags & ~f->wire_flags;

	if ((events & SDP_EV_URGENT) != 0)
		atomic_store_explicit(
		    &f->sock->urg_pos, sdp_urgent_pos(&f->engine.sdp), memory_order_relaxed);
	if (fresh == 0)
		return (events & SDP_EV_URGENT) != 0 ? SHM_WAIT_IN : 0;
	if ((fresh & SHM_WIRE_ERROR) != 0)
		atomic_store_explicit(
		    &f->sock->wire_err, engine_error(&f->engine), memory_order_relaxed);
	f->wire_flags = flags;
	/* Release: positions, urg_pos and wire_err. Pairs with the program's acquire. */
	atomic_store_explicit(&f->sock->wire_flags, flags, memory_order_release);
	return (fresh & (SHM_WIRE_ERROR | SHM_WIRE_DEAD)) != 0 ? SHM_WAIT_ALL : SHM_WAIT_IN;
}

static void
violation_count(struct poll *p, const struct flow *f)
{
	enum sdp_violation v = SDP_VIOLATION_NONE;

	if (engine_is_stream(&f->engine))
		v = sdp_violation(&f->engine.sdp);
	if (v != SDP_VIOLATION_NONE)
		poll_count(p,
		    (enum poll_counter)((int)POLL_COUNT_sdp_length - SDP_VIOLATION_LENGTH + (int)v),
		    1);
}

/* All words of one flow; returns who may be waiting for the change. */
static uint32_t
flow_tell(struct poll *p, struct flow *f)
{
	bool malformed;
	uint32_t events = engine_events_take(&f->engine, &malformed), bits;

	f->events |= events & EVENTS_FOR_CONTROL;
	if (malformed) {
		poll_count(p, POLL_COUNT_hostile_record, 1);
		f->hostile = true;
		flow_hot_remove(p, f);
	}
	if ((events & SDP_EV_DEAD) != 0)
		violation_count(p, f);
	if (engine_quiet(&f->engine) || engine_error(&f->engine) != 0)
		flow_mem_drop(p, f); /* before anybody is told */
	control_tell(p, f);
	if (!f->sock)
		return 0;
	bits = rx_tell(p, f);
	bits |= tx_tell(f);
	if (rdma_rings_pending(&f->rdma)) {
		bits |= flow_rdma_tell(f);
		flow_rdma_more(p, f);
	}
	bits |= flags_tell(f, events);
	if (bits != 0)
		p->program_runnable = true;
	return bits;
}

static void
flow_wake(struct poll *p, struct flow *f, uint32_t bits)
{
	const struct poll_session *s = &p->session[f->session];
	uint32_t taken = shm_waiters_take(f->sock, bits);
	struct shm_waiters_woken woken;

	if (taken == 0)
		return;
	woken = shm_waiters_wake(f->sock, taken, s->wakes, s->wake_fds);
	poll_count(p, POLL_COUNT_futex_wakes, woken.futexes);
	poll_count(p, POLL_COUNT_eventfd_wakes, woken.events);
}

/* What is left to do for a flow after its news are out. */
static void
flow_settle(struct poll *p, struct flow *f)
{
	flow_frames_drop(f);
	if (flow_sweep(p, f))
		return;
	flow_timer_set(p, f);
	f->view_stale = true;
	if (!f->hot || san_time_since(p->now, f->view_at).ns >= FLOW_VIEW_EVERY.ns)
		flow_view_write(p, f);
	if (f->sock && !f->hot && !f->hostile && !flow_need_set(p, f)) {
		p->work++;
		flow_traffic(p, f);
	}
}

#define TELL_BATCH 64u

void
flow_tell_all(struct poll *p)
{
	struct flow *batch[TELL_BATCH];
	uint32_t bits[TELL_BATCH];
	struct flow_dirty todo = STAILQ_HEAD_INITIALIZER(todo);

	/* Who is touched from here on has its turn in the next iteration. */
	STAILQ_CONCAT(&todo, &p->dirty);
	while (!STAILQ_EMPTY(&todo)) {
		unsigned n = 0;

		while (n < TELL_BATCH && !STAILQ_EMPTY(&todo)) {
			struct flow *f = STAILQ_FIRST(&todo);

			STAILQ_REMOVE_HEAD(&todo, dirty_next);
			f->dirty = false;
			batch[n] = f;
			bits[n++] = flow_tell(p, f);
		}
		/* Pairs with the fence in shm_waiters_arm. */
		atomic_thread_fence(memory_order_seq_cst);
		for (unsigned i = 0; i < n; i++) {
			if (bits[i] != 0)
				flow_wake(p, batch[i], bits[i]);
			flow_settle(p, batch[i]);
		}
	}
}
