/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions as a poll thread serves them: whose doorbells to look at, and what a rung slot wants.
 * A doorbell is only a hint to look: what is found there decides, so a stale one does no harm. */
#include "poll_priv.h"

#include <stddef.h>
#include <string.h>

#include "doorbell.h"
#include "san_err.h"

#define FLAGS_FOR_CONTROL (SHM_APP_SHUT_WR | SHM_APP_SHUT_RD | SHM_APP_CLOSED | SHM_APP_ABORT)

int
poll_session_add(struct poll *p, const struct poll_cmd *cmd)
{
	struct poll_session *s;
	struct shm_region *region = cmd->session.base;

	if (cmd->session.session >= SAN_SESSIONS_MAX || cmd->session.socks > SAN_SOCKS_MAX)
		return SAN_EINVAL;
	s = &p->session[cmd->session.session];
	if (s->base)
		return SAN_EEXIST;
	s->slots = p->slots + (size_t)cmd->session.session * SAN_SOCKS_MAX;
	memset(s->slots, 0, cmd->session.socks * sizeof s->slots[0]);
	s->base = cmd->session.base;
	s->sock = (struct shm_sock *)(s->base + cmd->session.sock_off);
	s->doorbell = &region->doorbell[p->index];
	s->wakes = region->wake;
	s->wake_fds = cmd->session.wake_fds;
	s->ring_off = cmd->session.ring_off;
	s->socks = cmd->session.socks;
	s->tx_ring_bytes = cmd->session.tx_ring_bytes;
	s->rx_ring_bytes = cmd->session.rx_ring_bytes;
	s->flows = 0;
	s->live_at = (uint16_t)p->live_count;
	p->live[p->live_count++] = cmd->session.session;
	atomic_store_explicit(
	    &s->doorbell->cpu, p->params.core_shared ? p->params.cpu : -1, memory_order_relaxed);
	return 0;
}

void
poll_session_del(struct poll *p, uint16_t session)
{
	struct poll_session *s, *moved;
	struct flow *f;

	if (session >= SAN_SESSIONS_MAX || !p->session[session].base)
		return;
	s = &p->session[session];
	LIST_FOREACH(f, &p->all, all_next) {
		if (f->session == session)
			flow_detach(p, f);
	}
	moved = &p->session[p->live[--p->live_count]];
	p->live[s->live_at] = p->live[p->live_count];
	moved->live_at = s->live_at;
	*s = (struct poll_session){0};
}

/* The slot rings again by itself in the next iteration: control had no room for its event. */
static void
ring_again(struct poll_session *s, uint32_t slot)
{
	uint32_t word = slot / 64;

	atomic_fetch_or_explicit(
	    &s->doorbell->bits[word], UINT64_C(1) << slot % 64, memory_order_relaxed);
	atomic_fetch_or_explicit(
	    &s->doorbell->summary[word / 64], UINT64_C(1) << word % 64, memory_order_relaxed);
}

/* A new command in the mailbox, to control. True if there was one. */
static bool
mailbox_look(
    struct poll *p, struct poll_session *s, struct poll_slot *slot, const struct sock_ref *ref)
{
	struct shm_sock *k = &s->sock[ref->slot];
	/* Acquire pairs with the program's release after it filled the mailbox. */
	uint32_t seq = atomic_load_explicit(&k->cmd_seq, memory_order_acquire);
	struct poll_event ev = {.type = POLL_EV_SOCK_CMD, .sock = *ref};

	if (seq == slot->cmd_seen)
		return false;
	ev.cmd.seq = seq;
	ev.cmd.cmd = k->cmd;
	ev.cmd.arg = k->cmd_arg;
	ev.cmd.type = k->type;
	ev.cmd.local = k->local;
	ev.cmd.peer = k->peer;
	if (poll_event_put(p, &ev))
		slot->cmd_seen = seq;
	else
		ring_again(s, ref->slot);
	return true;
}

static bool
flags_look(
    struct poll *p, struct poll_session *s, struct poll_slot *slot, const struct sock_ref *ref)
{
	/* Acquire pairs with the program's fetch_or. */
	uint32_t flags = atomic_load_explicit(&s->sock[ref->slot].app_flags, memory_order_acquire) &
			 FLAGS_FOR_CONTROL;
	struct poll_event ev = {.type = POLL_EV_SOCK_FLAGS, .sock = *ref};

	if (flags == slot->flags_seen)
		return false;
	ev.app_flags = flags;
	ev.conn = slot->flow;
	if (poll_event_put(p, &ev))
		slot->flags_seen = flags;
	else
		ring_again(s, ref->slot);
	return true;
}

static void
slot_rung(struct poll *p, uint16_t session, uint32_t number)
{
	struct poll_session *s = &p->session[session];
	struct poll_slot *slot = &s->slots[number];
	struct shm_sock *k = &s->sock[number];
	struct sock_ref ref = {.session = session, .slot = (uint16_t)number};
	struct flow *f = slot->flow ? flow_find(p, slot->flow) : NULL;
	bool news = false;

	/* Acquire pairs with control's release when it hands the slot out again. */
	ref.gen = atomic_load_explicit(&k->gen, memory_order_acquire);
	if (ref.gen != slot->gen) {
		slot->gen = ref.gen;
		slot->cmd_seen = atomic_load_explicit(&k->cmd_done, memory_order_relaxed);
		slot->flags_seen = 0;
	}
	if (f && f->ref.gen == ref.gen) {
		flow_rung(p, f);
		flow_traffic(p, f);
		news = true;
	}
	news |= mailbox_look(p, s, slot, &ref);
	news |= flags_look(p, s, slot, &ref);
	if (!news)
		poll_count(p, POLL_COUNT_stale_doorbell, 1);
}

void
poll_bells_serve(struct poll *p)
{
	uint32_t slots[POLL_BELLS_MAX];

	for (uint32_t i = 0; i < p->live_count; i++) {
		uint16_t session = p->live[i];
		struct poll_session *s = &p->session[session];
		unsigned n;

		if (!shm_doorbell_pending(s->doorbell))
			continue;
		n = shm_doorbell_serve(s->doorbell, s->socks, slots, POLL_BELLS_MAX);
		for (unsigned j = 0; j < n; j++)
			slot_rung(p, session, slots[j]);
		poll_count(p, POLL_COUNT_doorbells, n);
		p->work += n;
	}
}

void
poll_bells_nap(struct poll *p)
{
	atomic_store_explicit(&p->sleeping, 1, memory_order_relaxed);
	/* Pairs with the fence in poll_cmd_put; programs' side is in shm_doorbell_nap. */
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < p->live_count; i++)
		shm_doorbell_nap(p->session[p->live[i]].doorbell);
}

void
poll_bells_awake(struct poll *p)
{
	for (uint32_t i = 0; i < p->live_count; i++)
		shm_doorbell_awake(p->session[p->live[i]].doorbell);
	atomic_store_explicit(&p->sleeping, 0, memory_order_relaxed);
}
