/* SPDX-License-Identifier: BSD-3-Clause */
/* WSPAccept. The daemon has finished the handshake when it puts a child's slot number into the
 * listener's rx ring; so a rejected child is reset, and a deferred one is kept beside the ring. */
#include <string.h>

#include "event.h"
#include "ring.h"
#include "sock.h"
#include "table.h"

/* The next slot number of the ring, marked as held by us before the ring gives it up. rx_lock held.
 * 0, WSAEWOULDBLOCK, or WSAENETDOWN for a number no daemon would have written. */
static int
ring_pop(SOCKET listener, uint32_t *slot)
{
	struct shm_sock *k = prov_shm(listener);
	struct byte_ring ring = shm_map_rx(&prov.map, prov_slot(listener));
	uint32_t head = atomic_load_explicit(&k->rx_head, memory_order_relaxed), used;
	/* Acquire pairs with the control thread's release behind the number. */
	uint32_t tail = atomic_load_explicit(&k->rx_tail, memory_order_acquire);

	if (shm_ring_used(head, tail, ring.size, &used) != 0)
		return WSAENETDOWN;
	if (used < sizeof *slot)
		return WSAEWOULDBLOCK;
	byte_ring_read(&ring, head, slot, sizeof *slot);
	if (*slot < prov.map.socks / 2 || *slot >= prov.map.socks)
		return WSAENETDOWN;
	sock_hold(*slot);
	atomic_store_explicit(&k->rx_head, head + (uint32_t)sizeof *slot, memory_order_release);
	return 0;
}

/* The next child, with a descriptor reserved. prov.lock held. */
static int
child_take(SOCKET listener, struct wsp_sock *ws, SOCKET *child)
{
	struct prov_hold hold;
	uint32_t slot = 0;
	int err;

	if (!prov_is_open(listener))
		return WSAENOTSOCK;
	switch (sock_phase(listener)) {
	case SOCK_LISTENING:
		break;
	case SOCK_FAILED:
		return prov_gone() ? WSAENETDOWN : WSAEINVAL;
	case SOCK_IDLE:
	case SOCK_PENDING:
	case SOCK_CONNECTED:
		return WSAEINVAL;
	}
	if (ws->deferred != 0) {
		slot = ws->deferred - 1;
		ws->deferred = 0;
	} else {
		err = prov_hold(&hold, &prov_shm(listener)->rx_lock);
		if (err != 0)
			return WSAEWOULDBLOCK;
		err = ring_pop(listener, &slot);
		prov_release(&hold);
		if (err != 0)
			return err;
	}
	sock_reserve_accepted(slot, ws, child);
	return 0;
}

static void
addr_give(const struct shm_addr *a, uint16_t af, struct sockaddr *addr, LPINT addrlen)
{
	socklen_t len;

	if (addr == NULL || addrlen == NULL)
		return;
	len = *addrlen > 0 ? (socklen_t)*addrlen : 0;
	sock_addr_out(a, af, addr, &len);
	*addrlen = (INT)len;
}

/* Ask the switch. Nothing is locked: it may call us, even close the listener. */
static int
condition_ask(SOCKET child, LPCONDITIONPROC cond, DWORD_PTR data)
{
	const struct shm_sock *k = prov_shm(child);
	uint16_t af = prov.socks[prov_slot(child)].af;
	struct sockaddr_storage peer, local;
	socklen_t peer_len = sizeof peer, local_len = sizeof local;
	struct shm_addr a;
	WSABUF caller, callee;
	GROUP group = 0;

	if (cond == NULL)
		return CF_ACCEPT;
	a = k->ctl_peer;
	sock_addr_out(&a, af, (struct sockaddr *)&peer, &peer_len);
	a = k->ctl_local;
	sock_addr_out(&a, af, (struct sockaddr *)&local, &local_len);
	caller = (WSABUF){peer_len, (char *)&peer};
	callee = (WSABUF){local_len, (char *)&local};
	return cond(&caller, NULL, NULL, NULL, &callee, NULL, &group, data);
}

/* CF_DEFER: beside the ring, unless the listener was closed meanwhile or another thread deferred
 * one as well. */
static void
child_defer(SOCKET listener, struct wsp_sock *ws, SOCKET child)
{
	prov_lock();
	if (prov_is_open(listener) && ws->deferred == 0) {
		ws->deferred = prov_slot(child) + 1;
		prov.open--; /* the reserved descriptor; the slot stays held */
	} else {
		sock_abandon(child);
	}
	prov_unlock();
}

SOCKET
wsp_accept(
    SOCKET s, struct sockaddr *addr, LPINT addrlen, LPCONDITIONPROC cond, DWORD_PTR data, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);
	struct shm_addr peer;
	SOCKET child;
	uint32_t epoch;
	int answer;

	if (ws == NULL)
		return INVALID_SOCKET;
	if (addr != NULL && addrlen == NULL) {
		*err = WSAEFAULT;
		return INVALID_SOCKET;
	}
	prov_lock();
	epoch = prov.epoch;
	*err = child_take(s, ws, &child);
	prov_unlock();
	if (*err == WSAEWOULDBLOCK)
		event_accept_done(s, false);
	if (*err != 0)
		return INVALID_SOCKET;

	answer = condition_ask(child, cond, data);
	if (answer == CF_DEFER) {
		child_defer(s, ws, child);
		*err = WSATRY_AGAIN;
		return INVALID_SOCKET;
	}
	if (answer != CF_ACCEPT) {
		prov_lock();
		sock_abandon(child);
		prov_unlock();
		*err = WSAECONNREFUSED;
		return INVALID_SOCKET;
	}
	peer = prov_shm(child)->ctl_peer;
	child =
	    sock_open(child, prov.up.lpWPUCreateSocketHandle(0, (DWORD_PTR)child, err), epoch, err);
	if (child == INVALID_SOCKET)
		return INVALID_SOCKET;
	event_accept_done(s, true);
	addr_give(&peer, ws->af, addr, addrlen);
	return child;
}
