/* SPDX-License-Identifier: BSD-3-Clause */
/* Both directions of the conversation with the control thread, and who wakes whom. */
#include "poll_thread.h"

#include <sys/eventfd.h>

#include "poll_priv.h"
#include "san_err.h"

/* One control thread, however many poll threads. */
static _Atomic uint32_t control_sleeping;
static int control_fd = -1;

/* ---- control's side ---- */

int
poll_cmd_put(unsigned poll, const struct poll_cmd *cmd)
{
	struct poll *p = poll_get(poll);

	if (!p)
		return SAN_EINVAL;
	if (rte_ring_sp_enqueue_elem(p->cmds, (void *)(uintptr_t)cmd, sizeof *cmd) != 0)
		return SAN_EAGAIN;
	/* Pairs with the fence in poll_bells_nap: either it sees the command, or we see it sleep.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&p->sleeping, memory_order_relaxed))
		eventfd_write(p->doorbell_fd, 1);
	return 0;
}

bool
poll_event_get(unsigned poll, struct poll_event *event)
{
	struct poll *p = poll_get(poll);

	return p && rte_ring_sc_dequeue_elem(p->events, event, sizeof *event) == 0;
}

int
poll_control_fd(void)
{
	if (control_fd < 0)
		control_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return control_fd;
}

bool
poll_control_sleeping(bool sleeping)
{
	eventfd_t ignored;

	atomic_store_explicit(&control_sleeping, sleeping, memory_order_relaxed);
	if (!sleeping) {
		eventfd_read(control_fd, &ignored);
		return true;
	}
	/* Pairs with the fence in poll_control_wake. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned i = 0; i < SAN_POLLS_MAX; i++) {
		struct poll *p = poll_get(i);

		if (p && !rte_ring_empty(p->events)) {
			atomic_store_explicit(&control_sleeping, 0, memory_order_relaxed);
			return false;
		}
	}
	return true;
}

int
poll_doorbell_fd(unsigned poll)
{
	struct poll *p = poll_get(poll);

	return p ? p->doorbell_fd : -1;
}

/* ---- the poll thread's side ---- */

bool
poll_event_put(struct poll *p, const struct poll_event *event)
{
	if (rte_ring_sp_enqueue_elem(p->events, (void *)(uintptr_t)event, sizeof *event) != 0) {
		poll_count(p, POLL_COUNT_event_ring_full, 1);
		return false;
	}
	p->told_control = true;
	return true;
}

uint32_t
poll_event_room(struct poll *p)
{
	return rte_ring_free_count(p->events);
}

void
poll_control_wake(struct poll *p)
{
	if (!p->told_control)
		return;
	p->told_control = false;
	/* Pairs with the fence in poll_control_sleeping. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&control_sleeping, memory_order_relaxed) &&
	    atomic_exchange_explicit(&control_sleeping, 0, memory_order_relaxed)) {
		eventfd_write(control_fd, 1);
		poll_count(p, POLL_COUNT_control_wakes, 1);
		p->program_runnable = true; /* control may share the processor, too */
	}
}
