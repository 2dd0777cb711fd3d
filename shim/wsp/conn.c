/* SPDX-License-Identifier: BSD-3-Clause */
/* Making, connecting, shutting and closing sockets: the WSP functions in front of sock.h. */
#include <netinet/in.h>

#include "duplicate.h"
#include "ready.h"
#include "sock.h"
#include "table.h"

#define LISTEN_LIMIT_MS \
	2000u /* the control thread answers in microseconds unless it is in trouble */

static int
socket_arguments(int af, int type, int proto)
{
	if (af != AF_INET && af != AF_INET6)
		return WSAEAFNOSUPPORT;
	if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
		return WSAESOCKTNOSUPPORT;
	return proto == 0 || proto == IPPROTO_TCP ? 0 : WSAEPROTONOSUPPORT;
}

SOCKET
wsp_socket(int af, int type, int proto, LPWSAPROTOCOL_INFOW info, GROUP g, DWORD flags, LPINT err)
{
	SOCKET s = INVALID_SOCKET, handle;
	uint32_t epoch;

	*err = socket_arguments(af, type, proto);
	if (*err != 0)
		return INVALID_SOCKET;
	if (info != NULL && info->dwProviderReserved != 0)
		return duplicate_take(
		    (uint16_t)af, type == SOCK_SEQPACKET, info->dwProviderReserved, err);
	prov_lock();
	epoch = prov.epoch;
	*err = prov_usable();
	if (*err == 0)
		*err = sock_reserve((uint16_t)af, type == SOCK_SEQPACKET, &s);
	prov_unlock();
	if (*err != 0)
		return INVALID_SOCKET;

	handle = prov.up.lpWPUCreateSocketHandle(0, (DWORD_PTR)s, err);
	return sock_open(s, handle, epoch, err);
}

int
wsp_bind(SOCKET s, const struct sockaddr *name, int namelen, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);
	struct shm_addr a;

	if (ws == NULL)
		return SOCKET_ERROR;
	*err = sock_addr_in(name, namelen > 0 ? (socklen_t)namelen : 0, ws->af, &a);
	if (*err != 0)
		return SOCKET_ERROR;
	prov_lock();
	if (!prov_is_open(s))
		*err = WSAENOTSOCK;
	else if (ws->bound_set || sock_phase(s) != SOCK_IDLE)
		*err = WSAEINVAL;
	else {
		ws->bound = a;
		ws->bound_set = true;
	}
	prov_unlock();
	return *err != 0 ? SOCKET_ERROR : 0;
}

/* prov.lock held. 0 with the command's number. */
static int
listen_command(SOCKET s, struct wsp_sock *ws, int backlog, uint32_t *cmd_seq)
{
	static const struct shm_addr none;
	enum sock_phase phase = sock_phase(s);
	int err;

	if (!prov_is_open(s))
		return WSAENOTSOCK;
	if (prov_gone())
		return WSAENETDOWN;
	if (phase == SOCK_CONNECTED)
		return WSAEISCONN;
	if (!ws->bound_set || (phase != SOCK_IDLE && phase != SOCK_LISTENING))
		return WSAEINVAL;
	if (backlog < 1)
		backlog = 1;
	if (backlog > SAN_BACKLOG_MAX)
		backlog = SAN_BACKLOG_MAX;
	ws->listener = true;
	err = sock_command(s, SHM_CMD_LISTEN, (uint32_t)backlog, &ws->bound, &none);
	*cmd_seq = atomic_load_explicit(&prov_shm(s)->cmd_seq, memory_order_relaxed);
	return err;
}

int
wsp_listen(SOCKET s, int backlog, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);
	uint32_t cmd_seq = 0;

	if (ws == NULL)
		return SOCKET_ERROR;
	prov_lock();
	*err = listen_command(s, ws, backlog, &cmd_seq);
	prov_unlock();
	if (*err != 0)
		return SOCKET_ERROR;
	if (ready_wait_phase(s, cmd_seq, LISTEN_LIMIT_MS, err) != 0)
		return SOCKET_ERROR;
	return sock_phase(s) == SOCK_LISTENING ? 0 : wsp_fail(err, sock_failure(s));
}

static int
connect_command(SOCKET s, struct wsp_sock *ws, const struct shm_addr *peer)
{
	if (!prov_is_open(s))
		return WSAENOTSOCK;
	if (prov_gone())
		return WSAENETDOWN;
	switch (sock_phase(s)) {
	case SOCK_IDLE:
		return sock_command(s, SHM_CMD_CONNECT, 0, &ws->bound, peer);
	case SOCK_PENDING:
		return WSAEALREADY;
	case SOCK_CONNECTED:
		return WSAEISCONN;
	case SOCK_LISTENING:
	case SOCK_FAILED:
		break;
	}
	return WSAEINVAL;
}

int
wsp_connect(SOCKET s, const struct sockaddr *name, int namelen, LPWSABUF caller, LPWSABUF callee,
    LPQOS sqos, LPQOS gqos, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);
	struct shm_addr peer;

	if (ws == NULL)
		return SOCKET_ERROR;
	*err = sock_addr_in(name, namelen > 0 ? (socklen_t)namelen : 0, ws->af, &peer);
	if (*err != 0)
		return SOCKET_ERROR;
	prov_lock();
	*err = connect_command(s, ws, &peer);
	prov_unlock();
	/* The handshake goes on in the daemon; its end is FD_CONNECT, or POLLOUT. */
	return wsp_fail(err, *err != 0 ? *err : WSAEWOULDBLOCK);
}

int
wsp_close(SOCKET s, enum san_close_how how, LPINT err)
{
	int code = sock_close(s, how);

	return code != 0 ? wsp_fail(err, code) : 0;
}

int
wsp_close_socket(SOCKET s, LPINT err)
{
	return wsp_close(s, SAN_CLOSE_GRACEFUL, err);
}

int
wsp_shutdown(SOCKET s, int how, LPINT err)
{
	static const uint32_t flags[] = {
	    [SHUT_RD] = SHM_APP_SHUT_RD,
	    [SHUT_WR] = SHM_APP_SHUT_WR,
	    [SHUT_RDWR] = SHM_APP_SHUT_RD | SHM_APP_SHUT_WR,
	};
	struct shm_sock *k = prov_shm(s);
	struct prov_hold hold;

	if (prov_find(s, err) == NULL)
		return SOCKET_ERROR;
	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return wsp_fail(err, WSAEINVAL);
	if (prov.socks[prov_slot(s)].message) /* half a close does not exist below the switch */
		return wsp_fail(err, WSAEOPNOTSUPP);
	if (sock_phase(s) != SOCK_CONNECTED)
		return wsp_fail(err, WSAENOTCONN);
	/* A send that runs at this moment in another thread ends first: nothing is produced behind
	 * SHUT_WR. Not getting the lock (stopped sibling, own signal handler) does not keep us from
	 * shutting. */
	if (prov_hold(&hold, &k->tx_lock) == 0) {
		atomic_fetch_or_explicit(&k->app_flags, flags[how], memory_order_release);
		prov_release(&hold);
	} else {
		atomic_fetch_or_explicit(&k->app_flags, flags[how], memory_order_release);
	}
	prov_ring(s);
	sock_wake(s);
	return 0;
}
