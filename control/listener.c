/* SPDX-License-Identifier: BSD-3-Clause */
#include "listener.h"

#include <stdlib.h>
#include <string.h>

#include "daemon_priv.h"
#include "san_err.h"
#include "wake.h"

#define ENTRY 4u /* bytes of a slot number in the ring */

_Static_assert(SAN_SOCKS_MAX / 2 <= SAN_RING_MIN / ENTRY, "all children of a session fit");

static struct listener_bucket *
bucket_of(struct daemon *d, uint16_t port)
{
	return &d->listeners[port % LISTENER_BUCKETS];
}

static struct san_ip
local_ip(const struct sock *k)
{
	struct san_ip ip;

	memcpy(ip.b, k->local.ip, sizeof ip.b);
	return ip;
}

/* Two listeners collide when some connection would fit both equally well or one hides behind a
 * wildcard. */
static bool
addresses_overlap(const struct sock *a, const struct sock *b)
{
	struct san_ip x = local_ip(a), y = local_ip(b);

	return a->type == b->type && a->local.port == b->local.port &&
	       (san_ip_is_any(&x) || san_ip_is_any(&y) || san_ip_equal(&x, &y));
}

int
listener_open(struct sock *k, uint32_t backlog)
{
	struct daemon *d = k->session->daemon;
	struct listener *l, *other;

	LIST_FOREACH(other, bucket_of(d, k->local.port), bucket)
		if (other->sock->session != k->session && addresses_overlap(other->sock, k))
			return SAN_EADDRINUSE;
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return SAN_ENOMEM;
	l->sock = k;
	TAILQ_INIT(&l->opening);
	TAILQ_INIT(&l->ready);
	listener_backlog_set(l, backlog);
	LIST_INSERT_HEAD(bucket_of(d, k->local.port), l, bucket);
	k->listener = l;
	k->session->listener_count++;
	return 0;
}

/* As Linux: one more than asked for may wait, and a backlog of 0 is not nothing. */
void
listener_backlog_set(struct listener *l, uint32_t backlog)
{
	uint32_t most = l->sock->session->region.geo.rx_ring_bytes / ENTRY;

	if (most > SAN_BACKLOG_MAX)
		most = SAN_BACKLOG_MAX;
	l->backlog = backlog < most ? backlog + 1 : most;
}

/* The program's read position. One that makes no sense counts as "nothing was read". */
static uint32_t
head_read(const struct listener *l)
{
	struct session *s = l->sock->session;
	uint32_t head;

	head = atomic_load_explicit(&sock_slot(l->sock)->rx_head, memory_order_acquire);
	if (l->tail - head <= s->region.geo.rx_ring_bytes && head % ENTRY == 0)
		return head;
	s->daemon->count.hostile_slots++;
	return l->tail - s->region.geo.rx_ring_bytes;
}

bool
listener_child_waits(const struct sock *child)
{
	return child->parent != NULL && child->ready &&
	       (int32_t)(child->queue_pos - head_read(child->parent)) >= 0;
}

uint32_t
listener_queued(const struct listener *l)
{
	return (l->tail - head_read(l)) / ENTRY;
}

bool
listener_full(const struct listener *l)
{
	return listener_queued(l) >= l->backlog;
}

/* Children that a process has taken are its own from now on. */
static void
children_taken(struct listener *l)
{
	uint32_t head = head_read(l);
	struct sock *k;

	while ((k = TAILQ_FIRST(&l->ready)) != NULL && (int32_t)(k->queue_pos - head) < 0)
		listener_child_remove(k);
}

static void
children_reset(struct sock_list *children)
{
	struct sock *child;

	while ((child = TAILQ_FIRST(children)) != NULL) {
		listener_child_remove(child);
		child->reset = true;
		sock_app_died(child);
	}
}

void
listener_close(struct sock *k)
{
	struct listener *l = k->listener;

	children_taken(l);
	LIST_REMOVE(l, bucket);
	children_reset(&l->opening);
	children_reset(&l->ready);
	k->listener = NULL;
	k->session->listener_count--;
	free(l);
}

static bool
listener_takes(const struct listener *l, const struct listener_target *to, bool exact)
{
	struct san_ip own = local_ip(l->sock);

	if (l->sock->local.port != to->port || l->sock->type != to->type)
		return false;
	if (exact)
		return san_ip_equal(&own, &to->ip);
	/* [::] takes both families, 0.0.0.0 only its own. */
	return san_ip_is_any(&own) && (!san_ip_is_v4(&own) || san_ip_is_v4(&to->ip));
}

/* Of several listeners of one family the one with room whose turn it is; a full one only if all
 * are. */
static struct listener *
listener_pick(struct listener_bucket *b, const struct listener_target *to, bool exact)
{
	struct listener *l, *found = NULL;

	LIST_FOREACH(l, b, bucket)
		if (listener_takes(l, to, exact) &&
		    (found == NULL ||
			listener_queued(l) + l->pending < listener_queued(found) + found->pending))
			found = l;
	return found;
}

struct listener *
listener_find(struct daemon *d, const struct listener_target *to)
{
	struct listener_bucket *b = bucket_of(d, to->port);
	struct listener *l = listener_pick(b, to, true);

	if (l == NULL)
		l = listener_pick(b, to, false);
	if (l != NULL)
		children_taken(l);
	return l;
}

void
listener_child_add(struct listener *l, struct sock *child)
{
	child->parent = l;
	child->ready = false;
	l->pending++;
	TAILQ_INSERT_TAIL(&l->opening, child, queued);
}

void
listener_child_ready(struct listener *l, struct sock *child)
{
	struct session *s = l->sock->session;
	uint32_t number = child->slot, mask = s->region.geo.rx_ring_bytes - 1;

	memcpy(region_rx_ring(&s->region, l->sock->slot) + (l->tail & mask), &number, ENTRY);
	child->queue_pos = l->tail;
	child->ready = true;
	TAILQ_REMOVE(&l->opening, child, queued);
	TAILQ_INSERT_TAIL(&l->ready, child, queued);
	l->pending--;
	l->accepted++;
	l->tail += ENTRY;
	/* release: slot number and the child's slot are complete */
	atomic_store_explicit(&sock_slot(l->sock)->rx_tail, l->tail, memory_order_release);
	wake_sock(s, l->sock->slot, true, false);
}

void
listener_child_remove(struct sock *child)
{
	struct listener *l = child->parent;

	if (l == NULL)
		return;
	if (!child->ready)
		l->pending--;
	TAILQ_REMOVE(child->ready ? &l->ready : &l->opening, child, queued);
	child->parent = NULL;
	sock_sweep_later(child);
}
