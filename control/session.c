/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "daemon_priv.h"
#include "log.h"
#include "rules.h"
#include "san_err.h"

#define WORDS (SAN_SOCKS_MAX / 64)

static int
session_place(const struct daemon *d)
{
	for (uint32_t i = 0; i < d->config.sessions_max && i < SAN_SESSIONS_MAX; i++)
		if (d->session[i] == NULL)
			return (int)i;
	return -1;
}

static struct region_geometry
geometry(const struct daemon *d)
{
	uint32_t socks = (2 * d->config.sockets_per_program + 63) & ~63u;

	return (struct region_geometry){
	    .socks = socks < SAN_SOCKS_MAX ? socks : SAN_SOCKS_MAX,
	    .tx_ring_bytes = d->config.tx_ring_bytes,
	    .rx_ring_bytes = d->config.rx_ring_bytes,
	    .polls = d->pollers.count,
	    .heap_bytes = d->config.rdma_heap_bytes / SAN_HEAP_CHUNK * SAN_HEAP_CHUNK,
	};
}

static void
announce(struct session *s)
{
	struct poll_cmd cmd = {.type = POLL_CMD_SESSION_ADD};

	cmd.session.base = s->region.base;
	cmd.session.session = (uint16_t)s->id;
	cmd.session.socks = s->region.geo.socks;
	cmd.session.tx_ring_bytes = s->region.geo.tx_ring_bytes;
	cmd.session.rx_ring_bytes = s->region.geo.rx_ring_bytes;
	cmd.session.sock_off = s->region.sock_off;
	cmd.session.ring_off = s->region.ring_off;
	cmd.session.wake_fds = s->wake_fds;
	pollers_put_all(s->daemon, &cmd);
}

int
session_create(struct daemon *d, uid_t uid, const char *program, struct session **out)
{
	struct region_geometry geo = geometry(d);
	int err = SAN_ENOMEM, place = session_place(d);
	struct session *s;

	if (place < 0)
		return SAN_ELIMIT;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return SAN_ENOMEM;
	s->slots = calloc(geo.socks, sizeof s->slots[0]);
	if (s->slots == NULL)
		goto free_session;
	err = region_create(&s->region, &geo);
	if (err != 0)
		goto free_slots;
	s->daemon = d;
	s->id = (uint32_t)place;
	s->uid = uid;
	s->born = loop_now();
	strlcpy(s->program, program, sizeof s->program);
	memset(s->wake_fds, 0xff, sizeof s->wake_fds);
	region_header(&s->region)->session = s->id;
	rules_publish(d, region_header(&s->region));
	d->session[place] = s;
	d->session_count++;
	announce(s);
	*out = s;
	return 0;
free_slots:
	free(s->slots);
free_session:
	free(s);
	return err;
}

static void
session_enter(struct session *s, enum session_state next)
{
	s->state = next;
}

struct session *
session_find(struct daemon *d, uint32_t id)
{
	return id < SAN_SESSIONS_MAX ? d->session[id] : NULL;
}

int
session_attach_place(const struct session *s)
{
	for (int i = 0; i < SHM_ATTACH_DAEMON; i++)
		if (s->attach[i] == NULL)
			return i;
	return -1;
}

void
session_holds_moved(const struct session *s)
{
	/* Release: the copies go before. */
	atomic_fetch_add_explicit(&region_header(&s->region)->hold_moves, 1, memory_order_acq_rel);
}

void
session_attach_add(struct session *s, struct attach *a)
{
	san_check(s->attach[a->id] == NULL);
	if (s->state == SESSION_ENDING) /* a socket on its way kept it, and came to this process */
		session_enter(s, SESSION_LIVE);
	s->attach[a->id] = a;
	s->attach_count++;
}

/* What the live processes hold, all in one bitmap. */
static void
holds_collect(const struct session *s, uint64_t bits[WORDS])
{
	memset(bits, 0, WORDS * sizeof bits[0]);
	for (uint32_t i = 0; i < SAN_ATTACH_MAX; i++) {
		struct shm_attach *row;

		if (s->attach[i] == NULL)
			continue;
		row = region_attach(&s->region, i);
		/* acquire pairs with the program's release when it marks a slot it took from an
		 * accept queue */
		for (uint32_t w = 0; w < WORDS; w++)
			bits[w] |= atomic_load_explicit(&row->holds[w], memory_order_acquire);
	}
}

bool
session_slot_held(const struct session *s, uint32_t slot)
{
	for (uint32_t i = 0; i < SAN_ATTACH_MAX; i++)
		if (s->attach[i] != NULL &&
		    (atomic_load_explicit(
			 &region_attach(&s->region, i)->holds[slot / 64], memory_order_acquire) >>
			    (slot % 64) &
			1) != 0)
			return true;
	return false;
}

/* A slot of the programs' half that was taken but never became a socket. */
static bool
slot_is_orphan(const struct session *s, uint32_t slot)
{
	uint32_t flags;

	if (slot >= s->region.geo.socks / 2)
		return false;
	flags =
	    atomic_load_explicit(&region_sock(&s->region, slot)->app_flags, memory_order_relaxed);
	return (flags & SHM_APP_TAKEN) != 0;
}

/* Close every slot that no live process holds. Slots waiting in an accept queue belong to the
 * listener. */
static void
orphans_close(struct session *s, const uint64_t dead[WORDS])
{
	uint64_t held[WORDS];

	holds_collect(s, held);
	for (uint32_t slot = 0; slot < s->region.geo.socks; slot++) {
		struct sock *k = s->slots[slot].sock;

		if (held[slot / 64] >> (slot % 64) & 1)
			continue;
		if (k == NULL) {
			if ((dead[slot / 64] >> (slot % 64) & 1) && slot_is_orphan(s, slot))
				session_slot_reset(s, slot);
		} else if (handover_pending(k) && !s->daemon->stopping) {
			continue;
		} else if (k->parent == NULL || (k->ready && !listener_child_waits(k))) {
			sock_app_died(k);
		}
	}
}

void
session_attach_gone(struct session *s, struct attach *a)
{
	struct shm_attach *row = region_attach(&s->region, a->id);
	uint64_t dead[WORDS];

	for (uint32_t w = 0; w < WORDS; w++)
		dead[w] = atomic_exchange_explicit(&row->holds[w], 0, memory_order_acquire);
	s->attach[a->id] = NULL;
	s->attach_count--;
	session_wakes_update(s);
	orphans_close(s, dead);
	if (s->attach_count == 0)
		session_enter(s, SESSION_ENDING);
	session_end_if_idle(s);
}

int
session_slot_find(const struct session *s)
{
	for (uint32_t slot = s->region.geo.socks / 2; slot < s->region.geo.socks; slot++)
		if (s->slots[slot].sock == NULL)
			return (int)slot;
	return -1;
}

/* Every word a program or a poll thread left behind. The locks are reset too: whoever held one is
 * gone. */
static void
slot_clear(struct shm_sock *k)
{
	k->type = SHM_TYPE_STREAM;
	k->msg_max = k->read_depth = 0;
	atomic_store_explicit(&k->tx_tail, 0, memory_order_relaxed);
	atomic_store_explicit(&k->tx_urg, 0, memory_order_relaxed);
	atomic_store_explicit(&k->tx_urg_seq, 0, memory_order_relaxed);
	atomic_store_explicit(&k->tx_lock, 0, memory_order_relaxed);
	atomic_store_explicit(&k->rdma_tail, 0, memory_order_relaxed);
	memset(k->tx_priv, 0, sizeof k->tx_priv);
	atomic_store_explicit(&k->rx_head, 0, memory_order_relaxed);
	atomic_store_explicit(&k->rx_lock, 0, memory_order_relaxed);
	atomic_store_explicit(&k->rdma_rx_head, 0, memory_order_relaxed);
	memset(k->rx_priv, 0, sizeof k->rx_priv);
	atomic_store_explicit(&k->rx_tail, 0, memory_order_relaxed);
	atomic_store_explicit(&k->tx_head, 0, memory_order_relaxed);
	atomic_store_explicit(&k->wire_flags, 0, memory_order_relaxed);
	atomic_store_explicit(&k->wire_err, 0, memory_order_relaxed);
	atomic_store_explicit(&k->urg_pos, 0, memory_order_relaxed);
	atomic_store_explicit(&k->rdma_head, 0, memory_order_relaxed);
	atomic_store_explicit(&k->rdma_rx_tail, 0, memory_order_relaxed);
	atomic_store_explicit(&k->waiters, 0, memory_order_relaxed);
	atomic_store_explicit(&k->poll_mask, 0, memory_order_relaxed);
	atomic_store_explicit(&k->need, 0, memory_order_relaxed);
	atomic_store_explicit(&k->ctl_err, 0, memory_order_relaxed);
	atomic_store_explicit(&k->poll_id, 0, memory_order_relaxed);
	atomic_store_explicit(&k->ident, 0, memory_order_relaxed);
	atomic_store_explicit(&k->cmd_seq, 0, memory_order_relaxed);
	atomic_store_explicit(&k->cmd_done, 0, memory_order_relaxed);
	atomic_store_explicit(&k->cmd_lock, 0, memory_order_relaxed);
}

void
session_slot_reset(struct session *s, uint32_t slot)
{
	struct shm_sock *k = region_sock(&s->region, slot);
	struct session_slot *own = &s->slots[slot];

	slot_clear(k);
	region_rings_release(&s->region, slot);
	own->cmd_seen = 0;
	own->gen++;
	atomic_store_explicit(&k->gen, own->gen, memory_order_relaxed);
	atomic_store_explicit(&k->state, SHM_STATE_FREE, memory_order_release);
	/* Last: a program may take the slot as soon as TAKEN is gone; pairs with its acquire of
	 * app_flags. */
	atomic_store_explicit(&k->app_flags, 0, memory_order_release);
}

int
session_wake_take(struct session *s)
{
	for (int i = 0; i < SAN_WAKES_MAX; i++) {
		if (s->wakes_used >> i & 1)
			continue;
		if (s->wake_fds[i] < 0) {
			int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

			if (fd < 0)
				return errno == ENOMEM ? SAN_ENOMEM : SAN_ELIMIT;
			/* Poll threads read it once a program named the index, which it learns from
			 * our reply. */
			__atomic_store_n(&s->wake_fds[i], fd, __ATOMIC_RELEASE);
		}
		s->wakes_used |= 1ull << i;
		return i;
	}
	return SAN_ELIMIT;
}

void
session_wakes_update(struct session *s)
{
	s->wakes_used = 0;
	for (uint32_t i = 0; i < SAN_ATTACH_MAX; i++)
		if (s->attach[i] != NULL)
			s->wakes_used |= s->attach[i]->wakes;
}

void
session_end_if_idle(struct session *s)
{
	struct poll_cmd cmd = {.type = POLL_CMD_SESSION_DEL};

	if (s->state != SESSION_ENDING || s->sock_count > 0)
		return;
	session_enter(s, SESSION_QUIET);
	s->polls_pending = s->daemon->pollers.count;
	cmd.session.session = (uint16_t)s->id;
	pollers_put_all(s->daemon, &cmd);
}

void
session_poll_gone(struct session *s)
{
	san_check(s->state == SESSION_QUIET && s->polls_pending > 0);
	if (--s->polls_pending == 0)
		session_destroy(s);
}

void
session_destroy(struct session *s)
{
	log_debug("session %u (%s) ended", s->id, s->program);
	s->daemon->session[s->id] = NULL;
	s->daemon->session_count--;
	for (uint32_t i = 0; i < SAN_WAKES_MAX; i++)
		if (s->wake_fds[i] >= 0)
			close(s->wake_fds[i]);
	region_destroy(&s->region);
	free(s->slots);
	free(s);
}
