/* SPDX-License-Identifier: BSD-3-Clause */
#include "wake.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "daemon_link.h"
#include "waiters.h"
#include "wsp_err.h"
#include "wsp_sys.h"

#define WAKE_CHECK_MS \
	10u /* a thread that sleeps often asks at most this often whether the daemon lives */

struct san_wake {
	uint32_t index;
	int event;		/* the daemon writes it */
	int ep;			/* what the program polls */
	_Atomic uint32_t dead;	/* of another process or another attachment: only to be destroyed */
	_Atomic uint32_t poked; /* the eventfd was written by wake_poke */
	pthread_mutex_t lock;	/* the fields below; may be taken under prov.lock */
	uint32_t sleepers;	/* threads between wake_arm(1) and wake_arm(0) */
	uint64_t checked_ms;
	bool unwatched; /* the dead connection was taken out of the epoll set */
};

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

static struct shm_wake *
shared(const struct san_wake *w)
{
	return &prov.map.region->wake[w->index];
}

static int
watch(int ep, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.fd = fd};

	return sys_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

/* prov.lock held. */
static int
make(struct san_wake *w)
{
	int err;

	if (prov_usable() != 0)
		return WSAENETDOWN;
	err = link_wake_new(&w->index, &w->event);
	if (err != 0)
		return err == SAN_ETIMEDOUT ? WSAENETDOWN : wsp_err_from_san(err);
	w->ep = sys_epoll_create();
	if (w->ep >= 0)
		w->ep = sys_fd_hide(w->ep);
	if (w->ep < 0 || watch(w->ep, w->event, EPOLLIN) != 0 ||
	    watch(w->ep, prov.fd, EPOLLRDHUP) != 0 || prov.wakes[w->index] != NULL) {
		if (w->ep >= 0)
			sys_close(w->ep);
		sys_close(w->event);
		link_wake_free(w->index);
		return WSAENOBUFS;
	}
	prov.wakes[w->index] = w;
	return 0;
}

int
wake_create_locked(struct san_wake **out)
{
	struct san_wake *w = calloc(1, sizeof *w);
	int err;

	if (w == NULL)
		return WSAENOBUFS;
	pthread_mutex_init(&w->lock, NULL);
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

void
wake_destroy(struct san_wake *w)
{
	if (w == NULL)
		return;
	prov_lock();
	if (atomic_load_explicit(&w->dead, memory_order_relaxed) == 0) {
		prov.wakes[w->index] = NULL;
		atomic_store_explicit(&shared(w)->armed, 0, memory_order_relaxed);
		for (uint32_t i = 0; i < prov.map.socks; i++)
			wake_forget(i, prov.socks[i].wakes & UINT64_C(1) << w->index);
		link_wake_free(w->index);
	}
	prov_unlock();
	sys_close(w->ep);
	sys_close(w->event);
	free(w);
}

int
wake_fd(const struct san_wake *w)
{
	return w->ep;
}

/* The connection to the daemon in our epoll set stays ready once it is hung up: take it out when
 * that is known. */
static void
check_alive(struct san_wake *w)
{
	uint64_t now = prov_now_ms();

	if (w->unwatched || (!prov_gone() && now - w->checked_ms < WAKE_CHECK_MS))
		return;
	w->checked_ms = now;
	if (!prov_check_alive()) {
		sys_epoll_ctl(w->ep, EPOLL_CTL_DEL, prov.fd, NULL);
		w->unwatched = true;
	}
}

static void
sleeper_gone(struct san_wake *w)
{
	uint64_t count;

	/* While others sleep the object stays as it is: whoever was woken together with us looks
	 * for itself, because only the last to leave drains the eventfd. */
	if (--w->sleepers != 0)
		return;
	if (atomic_exchange_explicit(&shared(w)->armed, 0, memory_order_relaxed) == 0 ||
	    atomic_exchange_explicit(&w->poked, 0, memory_order_relaxed) != 0)
		(void)!sys_read(w->event, &count, sizeof count);
}

void
wake_arm(struct san_wake *w, int armed)
{
	int saved = errno;

	if (atomic_load_explicit(&w->dead, memory_order_relaxed) != 0)
		return;
	pthread_mutex_lock(&w->lock);
	if (armed) {
		check_alive(w);
		w->sleepers++;
		atomic_store_explicit(&shared(w)->armed, 1, memory_order_relaxed);
		/* Pairs with the fence in shm_wake_fire. */
		atomic_thread_fence(memory_order_seq_cst);
	} else if (w->sleepers > 0) {
		sleeper_gone(w);
	}
	pthread_mutex_unlock(&w->lock);
	errno = saved;
}

int
wake_add_locked(struct san_wake *w, SOCKET s, short events)
{
	struct wsp_sock *ws = &prov.socks[prov_slot(s)];
	uint64_t bit = UINT64_C(1) << w->index;

	if (!prov_is_open(s))
		return WSAENOTSOCK;
	__atomic_fetch_or(&ws->wakes, bit, __ATOMIC_RELAXED);
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
	if (atomic_load_explicit(&w->dead, memory_order_relaxed) != 0)
		return wsp_fail(err, WSAENETDOWN);
	/* Usual: known to each other already, only the daemon's flags may have to be set again. */
	if ((__atomic_load_n(&ws->wakes, __ATOMIC_RELAXED) & bit) != 0) {
		shm_waiters_arm(prov_shm(s), wait_bits(events));
		return 0;
	}
	prov_lock();
	*err = wake_add_locked(w, s, events);
	prov_unlock();
	return *err != 0 ? SOCKET_ERROR : 0;
}

void
wake_poke(struct san_wake *w)
{
	atomic_store_explicit(&w->poked, 1, memory_order_relaxed);
	sys_event_signal(w->event);
}

void
wake_forget(uint32_t slot, uint64_t mask)
{
	if (mask == 0)
		return;
	__atomic_fetch_and(&prov.socks[slot].wakes, ~mask, __ATOMIC_RELAXED);
	atomic_fetch_and_explicit(&prov.map.sock[slot].poll_mask, ~mask, memory_order_relaxed);
}

void
wake_remove(struct san_wake *w, SOCKET s)
{
	prov_lock();
	if (s != 0 && prov_is_open(s) && atomic_load_explicit(&w->dead, memory_order_relaxed) == 0)
		wake_forget(prov_slot(s), UINT64_C(1) << w->index);
	prov_unlock();
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
