/* SPDX-License-Identifier: BSD-3-Clause */
#include "handover.h"

#include <stdlib.h>

#include "daemon_priv.h"
#include "san_err.h"

static bool
holds(const struct attach *a, uint32_t slot)
{
	const struct shm_attach *row = region_attach(&a->session->region, a->id);

	return (atomic_load_explicit(&row->holds[slot / 64], memory_order_acquire) >> slot % 64 &
		   1) != 0;
}

/* Nobody came for it: if the giver has let go, the last process is gone. */
static void
on_limit(struct loop_timer *t)
{
	struct sock *k = t->owner;

	k->session->daemon->count.handovers_late++;
	handover_drop(k);
	if (!session_slot_held(k->session, k->slot))
		sock_app_died(k);
}

void
handover_init(struct sock *k)
{
	k->handover.limit = (struct loop_timer){.handle = on_limit, .owner = k};
}

void
handover_drop(struct sock *k)
{
	k->handover.ticket = 0;
	loop_timer_clear(k->session->daemon->loop, &k->handover.limit);
}

bool
handover_pending(const struct sock *k)
{
	return k->handover.ticket != 0;
}

struct sock *
handover_find(struct attach *a, uint32_t ticket)
{
	struct sock *k;

	TAILQ_FOREACH(k, &a->daemon->socks, all)
		if (ticket != 0 && k->handover.ticket == ticket && k->handover.to == a->pid &&
		    k->session->uid == a->uid)
			return k;
	a->daemon->count.handovers_refused++;
	return NULL;
}

/* A process that we know, of another user. One we do not know may be a child that has not said a
 * word yet. */
static bool
is_stranger(const struct session *mine, pid_t pid)
{
	const struct attach *a;

	TAILQ_FOREACH(a, &mine->daemon->attach_server.attaches, all)
		if (a->pid == pid && a->uid != mine->uid)
			return true;
	return false;
}

static bool
movable(const struct sock *k)
{
	return app_fsm_held(&k->app) &&
	       (k->listener != NULL || (k->conn != NULL && k->conn->setup == CONN_SETUP_OPEN));
}

int
handover_give(struct attach *a, uint32_t slot, pid_t to, uint32_t *ticket)
{
	struct daemon *d = a->daemon;
	struct sock *k;

	if (slot >= a->session->region.geo.socks || !holds(a, slot))
		return SAN_EPERM;
	if (to <= 0 || is_stranger(a->session, to))
		return SAN_EINVAL;
	k = a->session->slots[slot].sock;
	if (k == NULL || !movable(k))
		return SAN_ENOTCONN;
	if (handover_pending(k))
		return SAN_EALREADY;
	do
		k->handover.ticket = arc4random();
	while (k->handover.ticket == 0);
	k->handover.to = to;
	loop_timer_set(d->loop, &k->handover.limit, san_time_add(loop_now(), HANDOVER_LIMIT));
	d->count.handovers++;
	*ticket = k->handover.ticket;
	return 0;
}

int
handover_take(struct attach *a, uint32_t ticket, uint32_t *slot)
{
	struct sock *k = handover_find(a, ticket);
	struct shm_attach *row = region_attach(&a->session->region, a->id);

	if (k == NULL)
		return SAN_ENOENT;
	if (k->session != a->session)
		return SAN_EPERM;
	/* Release: whoever sees that it is held sees all that stands in the slot. */
	atomic_fetch_or_explicit(
	    &row->holds[k->slot / 64], UINT64_C(1) << k->slot % 64, memory_order_release);
	handover_drop(k);
	*slot = k->slot;
	return 0;
}

void
handover_let_go(struct attach *a, uint32_t slot)
{
	struct sock *k = slot < a->session->region.geo.socks ? a->session->slots[slot].sock : NULL;

	if (k != NULL && !handover_pending(k) && !session_slot_held(a->session, slot))
		sock_flags(
		    a->daemon, a->session->id, slot, a->session->slots[slot].gen, SHM_APP_CLOSED);
}
