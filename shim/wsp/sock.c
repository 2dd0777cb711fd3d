/* SPDX-License-Identifier: BSD-3-Clause */
#include "sock.h"

#include <netinet/in.h>
#include <string.h>

#include "addr.h"
#include "bytes.h"
#include "daemon_link.h"
#include "mem.h"
#include "op.h"
#include "rdma.h"
#include "waiters.h"
#include "wake.h"
#include "wsp_err.h"

#define LOOKS_MAX 1000u /* of a few microseconds, each for something the daemon did */

enum sock_phase
sock_phase(SOCKET s)
{
	struct shm_sock *k = prov_shm(s);
	/* Acquire pairs with the control thread's release of the state, behind addresses and
	 * errors. */
	uint32_t state = atomic_load_explicit(&k->state, memory_order_acquire);

	switch (state) {
	case SHM_STATE_FREE:
		if (atomic_load_explicit(&k->cmd_seq, memory_order_relaxed) == 0)
			return SOCK_IDLE;
		return prov_gone() ? SOCK_FAILED : SOCK_PENDING;
	case SHM_STATE_CONNECTING:
		return prov_gone() ? SOCK_FAILED : SOCK_PENDING;
	case SHM_STATE_CONNECTED:
		return SOCK_CONNECTED;
	case SHM_STATE_LISTENING:
		return prov_gone() ? SOCK_FAILED : SOCK_LISTENING;
	default:
		return SOCK_FAILED;
	}
}

int
sock_failure(SOCKET s)
{
	int err = atomic_load_explicit(&prov_shm(s)->ctl_err, memory_order_relaxed);

	if (prov_gone() || err == 0)
		return WSAENETDOWN;
	return wsp_err_from_san(err);
}

/* --- slots --- */

static struct shm_attach *
own_attach(void)
{
	return &prov.map.attach[prov.attach];
}

void
sock_hold(uint32_t slot)
{
	atomic_fetch_or_explicit(
	    &own_attach()->holds[slot / 64], UINT64_C(1) << slot % 64, memory_order_release);
}

static void
unhold(uint32_t slot)
{
	atomic_fetch_and_explicit(
	    &own_attach()->holds[slot / 64], ~(UINT64_C(1) << slot % 64), memory_order_release);
}

static bool
in_another_row(uint32_t slot)
{
	for (uint32_t i = 0; i < SAN_ATTACH_MAX; i++) {
		uint64_t word = atomic_load_explicit(
		    &prov.map.attach[i].holds[slot / 64], memory_order_acquire);

		if (i != prov.attach && (word & UINT64_C(1) << slot % 64) != 0)
			return true;
	}
	return false;
}

/* Looks again if a hold went from one row to another meanwhile: it may have been missed in both.
 * Never one that is there taken for none; after too many moves, none for one: then the slot ends
 * with the process. */
static bool
held_by_others(uint32_t slot)
{
	_Atomic uint32_t *moves = &prov.map.region->hold_moves;

	if (atomic_load_explicit(&prov.alone, memory_order_relaxed) != 0)
		return false;
	for (uint32_t tries = 0; tries < LOOKS_MAX; tries++) {
		uint32_t before = atomic_load_explicit(moves, memory_order_acquire);

		if (in_another_row(slot))
			return true;
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(moves, memory_order_relaxed) == before)
			return false;
	}
	return true;
}

/* Everything a program writes, as a new slot has it. The daemon does not look before the first
 * command. */
static void
slot_clear(struct shm_sock *k, bool message)
{
	k->type = message ? SHM_TYPE_SEQPACKET : SHM_TYPE_STREAM;
	atomic_store_explicit(&k->tx_tail, 0, memory_order_relaxed);
	atomic_store_explicit(&k->tx_urg, 0, memory_order_relaxed);
	atomic_store_explicit(&k->tx_urg_seq, 0, memory_order_relaxed);
	atomic_store_explicit(&k->tx_lock, 0, memory_order_relaxed);
	memset(k->tx_priv, 0, sizeof k->tx_priv);
	atomic_store_explicit(&k->rx_head, 0, memory_order_relaxed);
	atomic_store_explicit(&k->rx_lock, 0, memory_order_relaxed);
	memset(k->rx_priv, 0, sizeof k->rx_priv);
	atomic_store_explicit(&k->waiters, 0, memory_order_relaxed);
	atomic_store_explicit(&k->poll_mask, 0, memory_order_relaxed);
	atomic_store_explicit(&k->need, 0, memory_order_relaxed);
	atomic_store_explicit(&k->cmd_seq, 0, memory_order_relaxed);
	atomic_store_explicit(&k->cmd_lock, 0, memory_order_relaxed);
}

/* Mark a free slot ours. Our holds bit goes first: if we die in between, the daemon finds a held
 * slot that was never taken, not a taken one nobody holds. */
static bool
slot_try(uint32_t slot, bool message)
{
	struct shm_sock *k = &prov.map.sock[slot];
	uint32_t flags = 0;

	/* Acquire pairs with the daemon's release when it made the slot FREE. */
	if (atomic_load_explicit(&k->app_flags, memory_order_acquire) != 0 ||
	    atomic_load_explicit(&k->state, memory_order_acquire) != SHM_STATE_FREE)
		return false;
	sock_hold(slot);
	if (!atomic_compare_exchange_strong_explicit(
		&k->app_flags, &flags, SHM_APP_TAKEN, memory_order_acq_rel, memory_order_relaxed)) {
		unhold(slot);
		return false;
	}
	slot_clear(k, message);
	return true;
}

/* A free slot of the lower half, -1 when all are taken. Slots are used in turn, so that a late
 * packet or a stale descriptor meets a young slot as late as possible. */
static int
slot_take(bool message)
{
	struct shm_region *r = prov.map.region;
	uint32_t half = prov.map.socks / 2, hint, slot = 0;
	int locked = shm_lock_take(&r->ref_lock, prov_self(), PROV_LOCK_LIMIT_MS);
	bool found = false;

	hint = atomic_load_explicit(&r->alloc_hint, memory_order_relaxed);
	for (uint32_t i = 0; i < half && !found; i++) {
		slot = (hint + i) % half;
		found = slot_try(slot, message);
	}
	if (found)
		atomic_store_explicit(&r->alloc_hint, slot + 1, memory_order_relaxed);
	if (locked == 0)
		shm_lock_drop(&r->ref_lock);
	return found ? (int)slot : -1;
}

/* The program is done with the socket, this process not yet: upcalls are owed. Whoever is the last
 * of the family says CLOSED, here or in slot_release. */
static void
slot_close(uint32_t slot, bool abort)
{
	struct shm_sock *k = &prov.map.sock[slot];
	struct shm_region *r = prov.map.region;
	bool last;
	int locked;

	if (prov_gone())
		return;
	locked = shm_lock_take(&r->ref_lock, prov_self(), PROV_LOCK_LIMIT_MS);
	last = !held_by_others(slot);
	if (last)
		atomic_fetch_or_explicit(&k->app_flags,
		    SHM_APP_CLOSED | (abort ? SHM_APP_ABORT : 0), memory_order_release);
	if (locked == 0)
		shm_lock_drop(&r->ref_lock);
	if (last)
		prov_ring(slot);
}

/* This process lets go of the slot. Without the lock (its owner is stopped for seconds) all that
 * can happen is that two processes both think they are the last one, which says CLOSED twice. */
static void
slot_release(uint32_t slot, bool abort)
{
	struct shm_sock *k = &prov.map.sock[slot];
	struct shm_region *r = prov.map.region;
	bool ring = false;
	int locked;

	if (prov_gone())
		return;
	locked = shm_lock_take(&r->ref_lock, prov_self(), PROV_LOCK_LIMIT_MS);
	if (!held_by_others(slot)) {
		ring = slot >= prov.map.socks / 2 ||
		       atomic_load_explicit(&k->cmd_seq, memory_order_relaxed) != 0;
		/* CLOSED before our holds bit goes, so that dying in between closes the socket,
		 * too. A slot the daemon never heard of is free again at once. */
		if (ring)
			atomic_fetch_or_explicit(&k->app_flags,
			    SHM_APP_CLOSED | (abort ? SHM_APP_ABORT : 0), memory_order_release);
	}
	unhold(slot);
	if (!ring && !held_by_others(slot))
		atomic_store_explicit(&k->app_flags, 0, memory_order_release);
	if (locked == 0)
		shm_lock_drop(&r->ref_lock);
	if (ring)
		prov_ring(slot);
}

/* As slot_release, of a slot that was given away: who took it may have closed it before, or will,
 * or never comes. That is for the daemon to sort out. */
static void
slot_let_go(uint32_t slot)
{
	if (prov_gone())
		return;
	unhold(slot);
	if (!held_by_others(slot))
		link_let_go(slot);
}

/* --- descriptors --- */

static SOCKET
reserve(uint32_t slot, uint16_t af, bool message)
{
	struct wsp_sock *ws = &prov.socks[slot];
	uint64_t gen = ws->gen + 1;

	atomic_store_explicit(&ws->descr, 0, memory_order_relaxed);
	ws->gen = gen;
	ws->handle = INVALID_SOCKET;
	op_slot_new(slot);
	ws->event = NULL;
	ws->event_mask = ws->event_told = 0;
	ws->deferred = 0;
	ws->af = af;
	ws->message = message;
	ws->news_asked = false;
	ws->bound_set = ws->nonblocking = ws->debug = ws->connect_told = ws->listener = false;
	ws->given_away = false;
	atomic_store_explicit(&ws->given, 0, memory_order_relaxed);
	memset(&ws->bound, 0, sizeof ws->bound);
	atomic_store_explicit(&ws->wakes, 0, memory_order_relaxed);
	prov.open++;
	return (SOCKET)gen << PROV_SLOT_BITS | slot;
}

int
sock_reserve(uint16_t af, bool message, SOCKET *s)
{
	int slot = slot_take(message);

	if (slot < 0)
		return WSAENOBUFS;
	*s = reserve((uint32_t)slot, af, message);
	return 0;
}

void
sock_reserve_accepted(uint32_t slot, const struct wsp_sock *listener, SOCKET *s)
{
	*s = reserve(slot, listener->af, listener->message);
	prov.socks[slot].nonblocking = listener->nonblocking;
	prov.socks[slot].debug = listener->debug;
}

void
sock_reserve_taken(uint32_t slot, uint16_t af, bool message, SOCKET *s)
{
	*s = reserve(slot, af, message);
	prov.socks[slot].connect_told = true;
	prov.socks[slot].listener = sock_phase(*s) == SOCK_LISTENING;
}

void
sock_publish(SOCKET s, SOCKET handle)
{
	struct wsp_sock *ws = &prov.socks[prov_slot(s)];

	ws->handle = handle;
	atomic_store_explicit(&ws->descr, s, memory_order_release);
}

void
sock_abandon(SOCKET s)
{
	slot_release(prov_slot(s), true);
	prov.open--;
}

SOCKET
sock_open(SOCKET s, SOCKET handle, uint32_t epoch, LPINT err)
{
	prov_lock();
	if (prov.epoch != epoch) { /* the slot went with everything else */
		*err = WSANOTINITIALISED;
		s = INVALID_SOCKET;
	} else if (handle == INVALID_SOCKET) {
		*err = *err != 0 ? *err : WSAENOBUFS;
		sock_abandon(s);
		s = INVALID_SOCKET;
	} else {
		sock_publish(s, handle);
	}
	prov_unlock();
	return s;
}

/* --- close --- */

void
sock_wake(SOCKET s)
{
	shm_waiters_wake_futex(prov_shm(s));
	wake_fire_local(
	    atomic_load_explicit(&prov.socks[prov_slot(s)].wakes, memory_order_relaxed));
}

/* No thread of this process is inside the socket's rings any more once both locks were ours: every
 * one that comes later finds the descriptor stale. A lock not given up within its limit belongs to
 * a stopped process, or to a call that this thread's own signal handler interrupted; close does not
 * wait for either. */
static void
quiesce(struct shm_sock *k)
{
	struct prov_hold h;

	if (prov_hold(&h, &k->tx_lock) == 0)
		prov_release(&h);
	if (prov_hold(&h, &k->rx_lock) == 0)
		prov_release(&h);
}

static bool
has_unread(SOCKET s)
{
	struct shm_sock *k = prov_shm(s);

	return sock_phase(s) == SOCK_CONNECTED &&
	       atomic_load_explicit(&k->rx_head, memory_order_relaxed) !=
		   atomic_load_explicit(&k->rx_tail, memory_order_acquire);
}

bool
sock_give(SOCKET s)
{
	struct wsp_sock *ws = &prov.socks[prov_slot(s)];
	SOCKET expected = s;

	if (!atomic_compare_exchange_strong_explicit(
		&ws->descr, &expected, 0, memory_order_acq_rel, memory_order_relaxed))
		return false;
	atomic_store_explicit(&ws->given, s, memory_order_relaxed);
	return true;
}

void
sock_leave(SOCKET s)
{
	struct wsp_sock *ws = &prov.socks[prov_slot(s)];

	sock_wake(s);
	quiesce(prov_shm(s));
	prov_lock();
	wake_forget(prov_slot(s), atomic_load_explicit(&ws->wakes, memory_order_relaxed));
	prov_unlock();
}

bool
sock_take_back(uint32_t slot, SOCKET *s)
{
	struct wsp_sock *ws = &prov.socks[slot];
	SOCKET given = atomic_exchange_explicit(&ws->given, 0, memory_order_relaxed);

	if (given != 0)
		atomic_store_explicit(&ws->descr, given, memory_order_release);
	*s = atomic_load_explicit(&ws->descr, memory_order_relaxed);
	return *s != 0;
}

static int
given_close(SOCKET s)
{
	struct wsp_sock *ws = &prov.socks[prov_slot(s)];
	bool given;

	prov_lock();
	given = atomic_load_explicit(&ws->given, memory_order_relaxed) == s;
	if (given) {
		atomic_store_explicit(&ws->given, 0, memory_order_relaxed);
		ws->given_away = true;
		ws->event_mask = 0;
		rdma_slot_end(prov_slot(s));
	}
	prov_unlock();
	if (!given)
		return WSAENOTSOCK;
	if (!op_close(prov_slot(s)))
		sock_finish(prov_slot(s));
	return 0;
}

int
sock_close(SOCKET s, enum san_close_how how)
{
	struct wsp_sock *ws = &prov.socks[prov_slot(s)];
	SOCKET expected = s;
	uint32_t deferred;
	bool abort;

	if (s == 0 ||
	    (!prov_is_open(s) && atomic_load_explicit(&ws->given, memory_order_relaxed) != s))
		return WSAENOTSOCK;
	if (prov_life() == LIFE_WIPED)
		return WSAENETDOWN;
	if (!prov_is_open(s))
		return given_close(s);
	/* Of several threads closing, the one that wins this goes on. */
	if (!atomic_compare_exchange_strong_explicit(
		&ws->descr, &expected, 0, memory_order_acq_rel, memory_order_relaxed))
		return WSAENOTSOCK;
	sock_wake(s);
	quiesce(prov_shm(s));

	prov_lock();
	wake_forget(prov_slot(s), atomic_load_explicit(&ws->wakes, memory_order_relaxed));
	/* What stands behind RDMA that is given up must not arrive as if it had been done. */
	abort = how == SAN_CLOSE_RESET || ws->message || has_unread(s) || op_rdma(prov_slot(s));
	ws->abort = abort;
	/* Before the first completion: a peer could still write into what is exposed. */
	rdma_slot_end(prov_slot(s));
	if (op_used(prov_slot(s)))
		slot_close(prov_slot(s), abort);
	deferred = ws->deferred;
	if (deferred != 0)
		slot_release(deferred - 1, true);
	ws->event_mask = 0;
	prov_unlock();

	if (!op_close(prov_slot(s)))
		sock_finish(prov_slot(s));
	return 0;
}

void
sock_finish(uint32_t slot)
{
	struct wsp_sock *ws = &prov.socks[slot];
	SOCKET handle = ws->handle;
	int ignored = 0;

	mem_slot_end(slot);
	/* The handle goes before the slot: from then on the slot may be another socket's. */
	prov.up.lpWPUCloseSocketHandle(handle, &ignored);
	prov_lock();
	ws->handle = INVALID_SOCKET;
	if (ws->given_away)
		slot_let_go(slot);
	else
		slot_release(slot, ws->abort);
	prov.open--;
	prov_unlock();
}

/* --- mailbox and addresses --- */

int
sock_command(
    SOCKET s, uint32_t cmd, uint32_t arg, const struct shm_addr *local, const struct shm_addr *peer)
{
	struct shm_sock *k = prov_shm(s);

	if (shm_lock_take(&k->cmd_lock, prov_self(), PROV_LOCK_LIMIT_MS) != 0)
		return WSAENETDOWN;
	k->cmd = cmd;
	k->cmd_arg = arg;
	k->local = *local;
	k->peer = *peer;
	/* Release: the poll thread acquires cmd_seq, then copies the fields. */
	atomic_fetch_add_explicit(&k->cmd_seq, 1, memory_order_release);
	shm_lock_drop(&k->cmd_lock);
	prov_ring(s);
	return 0;
}

int
sock_addr_in(const struct sockaddr *sa, socklen_t len, uint16_t af, struct shm_addr *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct san_ip ip;

	if (sa == NULL || len < sizeof sa->sa_family)
		return WSAEFAULT;
	memset(out, 0, sizeof *out);
	if (sa->sa_family == AF_INET && (af == AF_INET || af == AF_UNSPEC)) {
		if (len < sizeof in)
			return WSAEFAULT;
		memcpy(&in, sa, sizeof in);
		ip = san_ip_v4(ntohl(in.sin_addr.s_addr));
		out->port = ntohs(in.sin_port);
	} else if (sa->sa_family == AF_INET6 && (af == AF_INET6 || af == AF_UNSPEC)) {
		if (len < sizeof in6)
			return WSAEFAULT;
		memcpy(&in6, sa, sizeof in6);
		memcpy(ip.b, &in6.sin6_addr, sizeof ip.b);
		out->port = ntohs(in6.sin6_port);
	} else {
		return WSAEAFNOSUPPORT;
	}
	memcpy(out->ip, ip.b, sizeof out->ip);
	out->family = san_ip_is_v4(&ip) ? AF_INET : AF_INET6;
	return 0;
}

void
sock_addr_out(const struct shm_addr *a, uint16_t af, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
	const void *from = &in;
	socklen_t full = sizeof in;

	if (af == AF_INET) {
		memcpy(&in.sin_addr, a->ip + 12, sizeof in.sin_addr);
	} else {
		memcpy(&in6.sin6_addr, a->ip, sizeof in6.sin6_addr);
		from = &in6;
		full = sizeof in6;
	}
	memcpy(sa, from, *len < full ? *len : full);
	*len = full;
}
