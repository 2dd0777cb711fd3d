/* SPDX-License-Identifier: BSD-3-Clause */
#include "event.h"

#include <poll.h>
#include <signal.h>

#include "address.h"
#include "op.h"
#include "ready.h"
#include "sock.h"
#include "stream.h"
#include "table.h"
#include "wake.h"
#include "wsp_sys.h"

/* How long the thread sleeps at most when no event comes: only the daemon's death needs it. */
#define EVENT_LOOK_MS 500

static struct {
	/* prov.lock */
	bool running;
	pthread_t thread;
	struct san_wake *wake;
	/* Of the thread that is to run; written under prov.lock. One that finds another number here
	 * has been stopped, perhaps by itself inside an upcall, and touches nothing any more. */
	_Atomic uintptr_t generation;
} events;

static int
event_fd(WSAEVENT ev)
{
	return (int)(intptr_t)ev;
}

static void
event_reset(WSAEVENT ev)
{
	struct pollfd p = {event_fd(ev), POLLIN, 0};
	uint64_t count;

	if (sys_poll(&p, 1, 0) > 0)
		(void)!sys_read(p.fd, &count, sizeof count);
}

/* Which FD_* of this socket are due and were not enumerated yet. */
static int32_t
due(SOCKET s, const struct wsp_sock *ws)
{
	enum sock_phase phase = sock_phase(s);
	int32_t bits = 0;
	int error;

	if (ws->news_asked && address_news(ws->news_generation, &error))
		bits |= FD_ADDRESS_LIST_CHANGE;
	if (ws->listener)
		return (ready_poll(s) & POLLIN) != 0 ? bits | FD_ACCEPT : bits;
	if (!ws->connect_told && (phase == SOCK_CONNECTED || phase == SOCK_FAILED))
		bits |= FD_CONNECT;
	return bits;
}

/* prov.lock held. Signal what is due and was not signalled since the last enumeration. */
static void
signal_due(SOCKET s, struct wsp_sock *ws)
{
	int32_t fresh = due(s, ws) & ws->event_mask & ~ws->event_told;

	if (fresh == 0 || ws->event == NULL)
		return;
	ws->event_told |= fresh;
	sys_event_signal(event_fd(ws->event));
}

/* prov.lock held. */
static void
look_at_all(void)
{
	for (uint32_t slot = 0; slot < prov.map.socks; slot++) {
		struct wsp_sock *ws = &prov.socks[slot];
		SOCKET s = atomic_load_explicit(&ws->descr, memory_order_acquire);

		if (s == 0 || ws->event_mask == 0)
			continue;
		signal_due(s, ws);
		if ((ws->event_mask & ~ws->event_told) != 0)
			(void)wake_add_locked(events.wake, s, POLLIN | POLLOUT);
		/* Once more, now that a change would wake us. */
		signal_due(s, ws);
	}
}

/* Arm, look, and only then sleep. */
static void *
event_thread(void *generation)
{
	prov_lock();
	while (events.generation == (uintptr_t)generation) {
		struct san_wake *wake = events.wake;
		struct pollfd p = {wake_fd(wake), POLLIN, 0};

		wake_arm(wake, 1);
		look_at_all();
		op_watch_arm(wake);
		prov_unlock();
		op_watch_run();
		if (events.generation != (uintptr_t)generation)
			return NULL;
		(void)sys_poll(&p, 1, EVENT_LOOK_MS);
		prov_lock();
		if (events.generation != (uintptr_t)generation)
			break;
		wake_arm(wake, 0);
		event_reset((WSAEVENT)(intptr_t)p.fd);
	}
	prov_unlock();
	return NULL;
}

/* prov.lock held. The program's signals are none of this thread's business. */
static int
start_locked(void)
{
	sigset_t all, old;
	int err;

	if (events.running)
		return 0;
	err = wake_create_locked(&events.wake);
	if (err != 0)
		return err;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(
	    &events.thread, NULL, event_thread, (void *)atomic_load(&events.generation));
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err != 0)
		return WSAENOBUFS;
	events.running = true;
	return 0;
}

static void
poke(void)
{
	if (events.running)
		wake_poke(events.wake);
}

int
event_start(void)
{
	int err;

	prov_lock();
	err = prov_usable();
	if (err == 0)
		err = start_locked();
	prov_unlock();
	return err;
}

void
event_poke(void)
{
	prov_lock();
	poke();
	prov_unlock();
}

void
event_stop(void)
{
	struct san_wake *wake;
	pthread_t thread;
	bool running;

	prov_lock();
	running = events.running;
	thread = events.thread;
	wake = events.wake;
	events.generation++;
	events.running = false;
	events.wake = NULL;
	if (running)
		wake_poke(wake);
	prov_unlock();
	if (!running)
		return;
	/* The last WSPCleanup may be an upcall's. */
	if (pthread_equal(thread, pthread_self()))
		pthread_detach(thread);
	else
		pthread_join(thread, NULL);
	wake_destroy(wake);
}

void
event_forked(void)
{
	events.running = false;
	events.generation++;
	events.wake = NULL; /* dead, like all the parent's: its descriptors go with exec or exit */
}

int
wsp_event_select(SOCKET s, WSAEVENT ev, LONG mask, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);

	if (ws == NULL)
		return SOCKET_ERROR;
	if ((mask & ~(FD_ACCEPT | FD_CONNECT | FD_ADDRESS_LIST_CHANGE)) != 0)
		return wsp_fail(err, WSAEINVAL);
	*err = 0;
	prov_lock();
	if (!prov_is_open(s)) {
		*err = WSAENOTSOCK;
	} else {
		/* Without an event object it only makes the socket non-blocking: the switch looks
		 * for itself. */
		ws->event = mask != 0 ? ev : NULL;
		ws->event_mask = ev != NULL ? mask : 0;
		ws->event_told = 0;
		ws->nonblocking = true;
		if (ws->event_mask != 0) {
			*err = start_locked();
			signal_due(s, ws);
			poke();
		}
	}
	prov_unlock();
	return *err != 0 ? SOCKET_ERROR : 0;
}

int
wsp_enum_network_events(SOCKET s, WSAEVENT ev, LPWSANETWORKEVENTS out, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);

	if (ws == NULL)
		return SOCKET_ERROR;
	if (out == NULL)
		return wsp_fail(err, WSAEINVAL);
	*out = (WSANETWORKEVENTS){0};
	prov_lock();
	if (!prov_is_open(s)) {
		prov_unlock();
		return wsp_fail(err, WSAENOTSOCK);
	}
	if (ev != NULL)
		event_reset(ev);
	out->lNetworkEvents = due(s, ws);
	if ((out->lNetworkEvents & FD_CONNECT) != 0) {
		ws->connect_told = true;
		if (sock_phase(s) == SOCK_FAILED)
			out->iErrorCode[FD_CONNECT_BIT] = sock_failure(s);
	}
	if ((out->lNetworkEvents & FD_ADDRESS_LIST_CHANGE) != 0) {
		(void)address_news(
		    ws->news_generation, &out->iErrorCode[FD_ADDRESS_LIST_CHANGE_BIT]);
		ws->news_asked = false;
	}
	/* FD_ACCEPT is told again only after an accept, or when one more connection comes. */
	ws->event_told &= ~(out->lNetworkEvents & ~FD_ACCEPT);
	prov_unlock();
	return 0;
}

void
event_accept_done(SOCKET listener, bool taken)
{
	struct wsp_sock *ws = &prov.socks[prov_slot(listener)];

	prov_lock();
	if (prov_is_open(listener) && ws->event_mask != 0) {
		/* Reset before a successful accept returns: a signal seen after it is a new one. */
		if (taken)
			event_reset(ws->event);
		ws->event_told &= ~FD_ACCEPT;
		signal_due(listener, ws);
		poke();
	}
	prov_unlock();
}
