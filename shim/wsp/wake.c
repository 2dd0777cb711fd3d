/* SPDX-License-Identifier: BSD-3-Clause */
#include "wake.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "daemon_link.h"
#include "hangup.h"
#include "own_fd.h"
#include "waiters.h"
#include "wsp_err.h"
#include "wsp_sys.h"

struct san_wake {
	uint32_t index;
	int event;	       /* the daemon writes it, whoever sleeps polls it */
	_Atomic uint32_t dead; /* of another process or another attachment: only to be destroyed */
};

static struct shm_wake *
shared(const struct san_wake *w)
{
	return &prov.map.region->wake[w->index];
}

static bool
is_dead(const struct san_wake *w)
{
	return atomic_load_explicit(&w->dead, memory_order_relaxed) != 0;
}

/* Errors and hang-ups come with either direction. */
static uint32_t
wait_bits(short events)
{
	uint32_t bits = 0;

	if ((events & ~POLLOUT) != 0 || events == 0)
		bits |= SHM_WAIT_IN_POLL;
	if ((events & POLLOUT) != 0)
		bits |= SHM_WAIT_OUT_POLL;
	return bits;
}

/* prov.lock held. */
static int
make(struct san_wake *w)
{
	int err = prov_usable() != 0 ? SAN_ENETDOWN : link_wake_new(&w->index, &w->event);

	if (err != 0)
		return err == SAN_ETIMEDOUT ? WSAENETDOWN : wsp_err_from_san(err);
	if (prov.wakes[w->index] != NULL) { /* a daemon that gives one twice */
		sys_close(w->event);
		return WSAENOBUFS;
	}
	atomic_store_explicit(&shared(w)->armed, 0, memory_order_relaxed);
	prov.wakes[w->index] = w;
	own_fd_add(w->event);
	hangup_watch(w->index, prov.fd, w->event);
	return 0;
}

int
wake_create_locked(struct san_wake **out)
{
	struct san_wake *w = calloc(1, sizeof *w);
	int err;

	if (w == NULL)
		return WSAENOBUFS;
	err = make(w);
	if (err != 0)
		free(w);
	else
		*out = w;
	return err;
}

struct san_wake *
wake_create(LPINT err)
{
	struct san_wake *w = NULL;

	prov_lock();
	*err = wake_create_locked(&w);
	prov_unlock();
	return w;
}

/* prov.lock held. */
static void
unlink_from_slots(struct san_wake *w)
{
	uint64_t bit = UINT64_C(1) << w->index;

	for (uint32_t slot = 0; slot < prov.map.socks; slot++)
		if ((atomic_load_explicit(&prov.socks[slot].wakes, memory_order_relaxed) & bit) !=
		    0)
			wake_forget(slot, bit);
}

void
wake_destroy(struct san_wake *w)
{
	if (w == NULL)
		return;
	prov_lock();
	if (!is_dead(w)) {
		prov.wakes[w->index] = NULL;
		atomic_store_explicit(&shared(w)->armed, 0, memory_order_relaxed);
		unlink_from_slots(w);
		hangup_unwatch(w->index);
		link_wake_free(w->index);
	}
	prov_unlock();
	own_fd_drop(w->event);
	sys_close(w->event);
	free(w);
}

int
wake_fd(const struct san_wake *w)
{
	return w->event;
}

void
wake_arm(struct san_wake *w, int armed)
{
	if (is_dead(w))
		return;
	if (!armed) {
		atomic_store_explicit(&shared(w)->armed, 0, memory_order_relaxed);
		return;
	}
	(void)prov_check_alive();
	atomic_store_explicit(&shared(w)->armed, 1, memory_order_relaxed);
	/* Pairs with the fence in shm_wake_fire. */
	atomic_thread_fence(memory_order_seq_cst);
}

int
wake_add_locked(struct san_wake *w, SOCKET s, short events)
{
	struct wsp_sock *ws = &prov.socks[prov_slot(s)];
	uint64_t bit = UINT64_C(1) << w->index;

	if (!prov_is_open(s))
		return WSAENOTSOCK;
	atomic_fetch_or_explicit(&ws->wakes, bit, memory_order_relaxed);
	atomic_fetch_or_explicit(&prov_shm(s)->poll_mask, bit, memory_order_relaxed);
	shm_waiters_arm(prov_shm(s), wait_bits(events));
	return 0;
}

int
wake_add(struct san_wake *w, SOCKET s, short events, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);
	uint64_t bit = UINT64_C(1) << w->index;

	if (ws == NULL)
		return SOCKET_ERROR;
	if (is_dead(w))
		return wsp_fail(err, WSAENETDOWN);
	/* Usual: known to each other already, only the daemon's flags may have to be set again. */
	if ((atomic_load_explicit(&ws->wakes, memory_order_relaxed) & bit) != 0) {
		shm_waiters_arm(prov_shm(s), wait_bits(events));
		return 0;
	}
	prov_lock();
	*err = wake_add_locked(w, s, events);
	prov_unlock();
	return *err != 0 ? SOCKET_ERROR : 0;
}

void
wake_forget(uint32_t slot, uint64_t mask)
{
	if (mask == 0)
		return;
	atomic_fetch_and_explicit(&prov.socks[slot].wakes, ~mask, memory_order_relaxed);
	atomic_fetch_and_explicit(&prov.map.sock[slot].poll_mask, ~mask, memory_order_relaxed);
}

void
wake_remove(struct san_wake *w, SOCKET s)
{
	prov_lock();
	if (s != 0 && prov_is_open(s) && !is_dead(w))
		wake_forget(prov_slot(s), UINT64_C(1) << w->index);
	prov_unlock();
}

void
wake_poke(struct san_wake *w)
{
	int saved = errno;

	sys_event_signal(w->event);
	errno = saved;
}

void
wake_fire_local(uint64_t mask)
{
	if (mask == 0)
		return;
	prov_lock();
	while (mask != 0) {
		unsigned i = (unsigned)__builtin_ctzll(mask);

		mask &= mask - 1;
		if (prov.wakes[i] != NULL)
			shm_wake_fire(shared(prov.wakes[i]), prov.wakes[i]->event);
	}
	prov_unlock();
}

void
wake_orphan_all(void)
{
	for (unsigned i = 0; i < SAN_WAKES_MAX; i++) {
		if (prov.wakes[i] != NULL)
			atomic_store_explicit(&prov.wakes[i]->dead, 1, memory_order_relaxed);
		prov.wakes[i] = NULL;
	}
}
