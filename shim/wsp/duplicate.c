/* SPDX-License-Identifier: BSD-3-Clause */
#include "duplicate.h"

#include <netinet/in.h>
#include <string.h>

#include "daemon_link.h"
#include "heap.h"
#include "op.h"
#include "sock.h"
#include "wsp_err.h"
#include "wsp_sys.h"

static void
info_fill(const struct wsp_sock *ws, uint32_t ticket, LPWSAPROTOCOL_INFOW info)
{
	*info = (WSAPROTOCOL_INFOW){
	    .iVersion = 2,
	    .iAddressFamily = ws->af,
	    .iMaxSockAddr =
		ws->af == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6),
	    .iMinSockAddr = sizeof(struct sockaddr_in),
	    .iSocketType = ws->message ? SOCK_SEQPACKET : SOCK_STREAM,
	    .iProtocol = IPPROTO_TCP,
	    .dwProviderReserved = ticket,
	};
}

/* prov.lock held. */
static int
giveable(SOCKET s, const struct wsp_sock *ws)
{
	enum sock_phase phase;

	if (!prov_is_open(s))
		return WSAENOTSOCK;
	phase = sock_phase(s);
	if (phase != SOCK_CONNECTED && phase != SOCK_LISTENING)
		return WSAENOTCONN;
	/* Whoever goes on must find all sends in the ring, and no connection beside the queue. */
	return op_sends(prov_slot(s)) || ws->deferred != 0 ? WSAEINVAL : 0;
}

/* prov.lock held. */
static int
give(SOCKET s, struct wsp_sock *ws, DWORD pid, LPWSAPROTOCOL_INFOW info)
{
	uint32_t ticket;
	int err = giveable(s, ws);

	if (err != 0)
		return err;
	err = link_hand(prov_slot(s), pid, &ticket);
	if (err != 0)
		return err == SAN_EALREADY ? WSAEINVAL : wsp_err_from_san(err);
	if (!sock_give(s))
		return WSAENOTSOCK; /* closed meanwhile: nobody will come for the ticket */
	info_fill(ws, ticket, info);
	return 0;
}

int
duplicate_socket(SOCKET s, DWORD pid, LPWSAPROTOCOL_INFOW info, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);

	if (ws == NULL)
		return SOCKET_ERROR;
	if (info == NULL || pid == 0)
		return wsp_fail(err, WSAEINVAL);
	prov_lock();
	*err = give(s, ws, pid, info);
	prov_unlock();
	if (*err != 0)
		return SOCKET_ERROR;
	sock_leave(s);
	op_give(prov_slot(s));
	return 0;
}

/* prov.lock held. 0 and a descriptor: one that is valid already, or one to be published. */
static int
take(uint16_t af, bool message, struct link_claim *c, SOCKET *s, bool *valid)
{
	int err = prov_usable();

	if (err != 0)
		return err;
	err = link_take(c);
	if (err == SAN_EPERM && prov.open == 0 && !heap_in_use())
		err = link_join(c);
	else if (err == SAN_EPERM)
		err = SAN_EINVAL;
	if (err != 0)
		return wsp_err_from_san(err);
	*valid = sock_take_back(c->slot, s);
	if (!*valid)
		sock_reserve_taken(c->slot, af, message, s);
	return 0;
}

static SOCKET
claim(uint16_t af, bool message, struct link_claim *c, LPINT err)
{
	SOCKET s = INVALID_SOCKET, handle;
	uint32_t epoch;
	bool valid = false;

	prov_lock();
	epoch = prov.epoch;
	*err = take(af, message, c, &s, &valid);
	prov_unlock();
	if (*err != 0)
		return INVALID_SOCKET;
	if (valid)
		return s;
	handle = prov.up.lpWPUCreateSocketHandle(0, (DWORD_PTR)s, err);
	return sock_open(s, handle, epoch, err);
}

SOCKET
duplicate_take(uint16_t af, bool message, DWORD ticket, LPINT err)
{
	struct link_claim c = {.ticket = ticket};

	return claim(af, message, &c, err);
}

/* --- offers --- */

static int
offerable(const struct san_offer *o)
{
	const struct wsp_sock *ws;
	int err = 0;

	ws = prov_find(o->s, &err);
	if (ws == NULL)
		return err;
	if (o->key == 0)
		return WSAEINVAL;
	if (ws->message)
		return WSAEOPNOTSUPP;
	return prov_gone() ? WSAENETDOWN : giveable(o->s, ws);
}

int
offer_make(struct san_offer *offers, int count)
{
	int fd, made = 0;

	prov_lock();
	/* From here on other processes may hold our slots: locks become real ones. */
	atomic_store_explicit(&prov.alone, 0, memory_order_relaxed);
	fd = prov.starts > 0 ? link_offers_open() : SAN_ENETDOWN;
	for (struct san_offer *o = offers; o < offers + count; o++) {
		o->err = offerable(o);
		if (o->err == 0 && fd < 0)
			o->err = WSAENETDOWN;
		if (o->err == 0)
			o->err = wsp_err_from_san(link_offer(fd, prov_slot(o->s), o->key, o->note));
		made += o->err == 0;
	}
	if (fd >= 0)
		sys_close(fd);
	prov_unlock();
	return made;
}

void
offer_withdraw(const struct san_offer *offers, int count)
{
	int fd;

	prov_lock();
	fd = prov.starts > 0 ? link_offers_open() : -1;
	for (const struct san_offer *o = offers; fd >= 0 && o < offers + count; o++)
		if (o->err == 0)
			link_withdraw(fd, prov_slot(o->s), o->key);
	if (fd >= 0)
		sys_close(fd);
	prov_unlock();
}

SOCKET
offer_claim(int af, uint64_t key, uint32_t *note, LPINT err)
{
	struct link_claim c = {.key = key};
	SOCKET s;

	if (key == 0 || (af != AF_INET && af != AF_INET6)) {
		*err = WSAEINVAL;
		return INVALID_SOCKET;
	}
	s = claim((uint16_t)af, false, &c, err);
	*note = c.note;
	return s;
}
