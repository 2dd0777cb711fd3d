/* SPDX-License-Identifier: BSD-3-Clause */
#include "duplicate.h"

#include <netinet/in.h>
#include <string.h>

#include "daemon_link.h"
#include "heap.h"
#include "op.h"
#include "sock.h"
#include "wsp_err.h"

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
give(SOCKET s, struct wsp_sock *ws, DWORD pid, LPWSAPROTOCOL_INFOW info)
{
	enum sock_phase phase;
	uint32_t ticket;
	int err;

	if (!prov_is_open(s))
		return WSAENOTSOCK;
	phase = sock_phase(s);
	if (phase != SOCK_CONNECTED && phase != SOCK_LISTENING)
		return WSAENOTCONN;
	/* Whoever goes on must find all sends in the ring, and no connection beside the queue. */
	if (op_sends(prov_slot(s)) || ws->deferred != 0)
		return WSAEINVAL;
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
take(uint16_t af, bool message, DWORD ticket, SOCKET *s, bool *valid)
{
	uint32_t slot;
	int err = prov_usable();

	if (err != 0)
		return err;
	err = link_take(ticket, &slot);
	if (err == SAN_EPERM && prov.open == 0 && !heap_in_use())
		err = link_join(ticket, &slot);
	else if (err == SAN_EPERM)
		err = SAN_EINVAL;
	if (err != 0)
		return wsp_err_from_san(err);
	*valid = sock_take_back(slot, s);
	if (!*valid)
		sock_reserve_taken(slot, af, message, s);
	return 0;
}

SOCKET
duplicate_take(uint16_t af, bool message, DWORD ticket, LPINT err)
{
	SOCKET s = INVALID_SOCKET, handle;
	uint32_t epoch;
	bool valid = false;

	prov_lock();
	epoch = prov.epoch;
	*err = take(af, message, ticket, &s, &valid);
	prov_unlock();
	if (*err != 0)
		return INVALID_SOCKET;
	if (valid)
		return s;
	handle = prov.up.lpWPUCreateSocketHandle(0, (DWORD_PTR)s, err);
	return sock_open(s, handle, epoch, err);
}
