/* SPDX-License-Identifier: BSD-3-Clause */
#include "handover.h"

#include <stdlib.h>

#include "daemon_priv.h"
#include "san_err.h"

#define CLAIMS_MAX 1024u

static struct shm_attach *
row_of(const struct session *s, uint32_t attach)
{
	return region_attach(&s->region, attach);
}

static bool
holds(const struct session *s, uint32_t attach, uint32_t slot)
{
	return (atomic_load_explicit(&row_of(s, attach)->holds[slot / 64], memory_order_acquire) >>
		       slot % 64 &
		   1) != 0;
}

/* Release: whoever sees that it is held sees all that stands in the slot. */
static void
hold(const struct sock *k, uint32_t attach)
{
	atomic_fetch_or_explicit(&row_of(k->session, attach)->holds[k->slot / 64],
	    UINT64_C(1) << k->slot % 64, memory_order_release);
	session_holds_moved(k->session);
}

static void
unhold(const struct sock *k, uint32_t attach)
{
	atomic_fetch_and_explicit(&row_of(k->session, attach)->holds[k->slot / 64],
	    ~(UINT64_C(1) << k->slot % 64), memory_order_release);
}

/* Nobody comes for it any more: if no process has it, the last one is gone. */
static void
ended(struct sock *k)
{
	handover_drop(k);
	if (!session_slot_held(k->session, k->slot))
		sock_app_died(k);
}

static void
on_limit(struct loop_timer *t)
{
	struct sock *k = t->owner;

	if (k->handover.ticket != 0)
		k->session->daemon->count.handovers_late++;
	k->session->daemon->count.offers_late += k->handover.claims;
	ended(k);
}

void
handover_init(struct sock *k)
{
	k->handover.limit = (struct loop_timer){.handle = on_limit, .owner = k};
}

void
handover_drop(struct sock *k)
{
	if (!handover_pending(k))
		return;
	k->handover.ticket = 0;
	k->handover.claims = 0;
	TAILQ_REMOVE(&k->session->daemon->leaving, k, handover.entry);
	unhold(k, SHM_ATTACH_DAEMON);
	loop_timer_clear(k->session->daemon->loop, &k->handover.limit);
}

bool
handover_pending(const struct sock *k)
{
	return k->handover.ticket != 0 || k->handover.claims != 0;
}

static bool
is_for(const struct sock *k, const struct attach *a, const struct proto_msg *ask)
{
	const struct handover *h = &k->handover;

	if (k->session->uid != a->uid)
		return false;
	if (ask->offer.key != 0)
		return h->claims != 0 && h->key == ask->offer.key;
	return ask->arg != 0 && h->ticket == ask->arg && h->to == a->pid;
}

struct sock *
handover_find(struct attach *a, const struct proto_msg *ask)
{
	struct sock *k;

	TAILQ_FOREACH(k, &a->daemon->leaving, handover.entry)
		if (is_for(k, a, ask))
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

/* The socket in that slot, if the process has it and it can go; else why not. */
static int
giveable(struct session *s, uint32_t attach, uint32_t slot, struct sock **out)
{
	if (slot >= s->region.geo.socks || !holds(s, attach, slot))
		return SAN_EPERM;
	*out = s->slots[slot].sock;
	return *out != NULL && movable(*out) ? 0 : SAN_ENOTCONN;
}

/* While it is on its way no process takes itself for the last one that has it. Called before the
 * ticket or the first claim is there. */
static void
on_its_way(struct sock *k)
{
	if (!handover_pending(k))
		TAILQ_INSERT_TAIL(&k->session->daemon->leaving, k, handover.entry);
	hold(k, SHM_ATTACH_DAEMON);
	loop_timer_set(
	    k->session->daemon->loop, &k->handover.limit, san_time_add(loop_now(), HANDOVER_LIMIT));
}

int
handover_give(struct attach *a, uint32_t slot, pid_t to, uint32_t *ticket)
{
	struct sock *k;
	int err = giveable(a->session, a->id, slot, &k);

	if (err == 0 && (to <= 0 || is_stranger(a->session, to)))
		err = SAN_EINVAL;
	if (err == 0 && handover_pending(k))
		err = SAN_EALREADY;
	if (err != 0)
		return err;
	on_its_way(k);
	do
		k->handover.ticket = arc4random();
	while (k->handover.ticket == 0);
	k->handover.to = to;
	a->daemon->count.handovers++;
	*ticket = k->handover.ticket;
	return 0;
}

/* Whom the connection speaks for: the same user may trace that process anyway. */
static struct session *
spoken_for(const struct attach *a, const struct proto_msg *ask)
{
	struct session *s = session_find(a->daemon, ask->session);

	if (s == NULL || s->uid != a->uid || ask->attach >= SAN_ATTACH_MAX ||
	    s->attach[ask->attach] == NULL)
		return NULL;
	return s;
}

int
handover_offer(struct attach *a, const struct proto_msg *ask)
{
	struct session *s = spoken_for(a, ask);
	struct sock *k = NULL;
	int err = s == NULL ? SAN_EPERM : giveable(s, ask->attach, ask->arg, &k);

	if (err != 0)
		return err;
	if (ask->offer.key == 0)
		return SAN_EINVAL;
	if (k->type == SHM_TYPE_SEQPACKET)
		return SAN_EOPNOTSUPP;
	if (k->handover.ticket != 0 ||
	    (k->handover.claims != 0 && k->handover.key != ask->offer.key))
		return SAN_EALREADY;
	if (k->handover.claims == CLAIMS_MAX)
		return SAN_ELIMIT;
	on_its_way(k);
	k->handover.key = ask->offer.key;
	k->handover.note = ask->offer.note;
	k->handover.claims++;
	a->daemon->count.offers++;
	return 0;
}

void
handover_withdraw(struct attach *a, const struct proto_msg *ask)
{
	struct session *s = spoken_for(a, ask);
	struct sock *k = NULL;

	/* It may have closed the socket already. */
	if (s != NULL && ask->arg < s->region.geo.socks)
		k = s->slots[ask->arg].sock;
	if (k == NULL || k->handover.claims == 0 || k->handover.key != ask->offer.key)
		return;
	if (k->handover.claims > 1)
		k->handover.claims--;
	else
		ended(k);
}

int
handover_take(struct attach *a, const struct proto_msg *ask, struct proto_msg *out)
{
	struct sock *k = handover_find(a, ask);

	if (k == NULL)
		return SAN_ENOENT;
	if (k->session != a->session)
		return SAN_EPERM;
	hold(k, a->id);
	out->arg = k->slot;
	out->offer.note = k->handover.note;
	if (k->handover.claims <= 1)
		handover_drop(k);
	else
		k->handover.claims--;
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
