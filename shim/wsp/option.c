/* SPDX-License-Identifier: BSD-3-Clause */
/* Options, control codes, names and hints. The options are a table: what is not in it is
 * WSAENOPROTOOPT. */
#include <string.h>

#include <netinet/in.h>

#include "address.h"
#include "extension.h"
#include "msg.h"
#include "rdma.h"
#include "sock.h"
#include "stream.h"
#include "table.h"

#define WSD_SO_DEBUG 0x0001

/* --- socket options --- */

struct option {
	int level, name;
	uint32_t (*get)(SOCKET s);
	void (*set)(SOCKET s, uint32_t value); /* NULL: read only */
};

/* A stream has no message limit. */
static uint32_t
get_max_msg(SOCKET s)
{
	return prov.socks[prov_slot(s)].message ? msg_max(s) : UINT32_MAX;
}

static uint32_t
get_max_rdma(SOCKET s)
{
	return RDMA_MAX;
}

static uint32_t
get_rdma_threshold(SOCKET s)
{
	return RDMA_THRESHOLD;
}

static uint32_t
get_debug(SOCKET s)
{
	return prov.socks[prov_slot(s)].debug;
}

static void
set_debug(SOCKET s, uint32_t value)
{
	prov.socks[prov_slot(s)].debug = value != 0;
}

static uint32_t
get_inline(SOCKET s)
{
	return stream_inline(s);
}

static void
set_inline(SOCKET s, uint32_t value)
{
	stream_set_inline(s, value != 0);
}

/* Winsock's level, or Linux's: both names are SOL_SOCKET to their programs. */
static const struct option options[] = {
    {WSD_SOL_SOCKET, WSD_SO_DEBUG, get_debug, set_debug},
    {WSD_SOL_SOCKET, SO_MAX_MSG_SIZE, get_max_msg, NULL},
    {WSD_SOL_SOCKET, SO_MAX_RDMA_SIZE, get_max_rdma, NULL},
    {WSD_SOL_SOCKET, SO_RDMA_THRESHOLD_SIZE, get_rdma_threshold, NULL},
    {SOL_SOCKET, SO_OOBINLINE, get_inline, set_inline},
};

static const struct option *
option_find(int level, int name, LPINT err)
{
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if ((options[i].level == level ||
			(level == SOL_SOCKET && options[i].level == WSD_SOL_SOCKET)) &&
		    options[i].name == name)
			return &options[i];
	*err = level == WSD_SOL_SOCKET || level == SOL_SOCKET ? WSAENOPROTOOPT : WSAEINVAL;
	return NULL;
}

int
wsp_get_sock_opt(SOCKET s, int level, int name, char *val, LPINT len, LPINT err)
{
	const struct option *o;
	uint32_t value;

	if (prov_find(s, err) == NULL)
		return SOCKET_ERROR;
	o = option_find(level, name, err);
	if (o == NULL)
		return SOCKET_ERROR;
	if (val == NULL || len == NULL || *len < (INT)sizeof value)
		return wsp_fail(err, WSAEFAULT);
	prov_lock();
	value = o->get(s);
	prov_unlock();
	memcpy(val, &value, sizeof value);
	*len = sizeof value;
	return 0;
}

int
wsp_set_sock_opt(SOCKET s, int level, int name, const char *val, int len, LPINT err)
{
	const struct option *o;
	uint32_t value;

	if (prov_find(s, err) == NULL)
		return SOCKET_ERROR;
	o = option_find(level, name, err);
	if (o == NULL)
		return SOCKET_ERROR;
	if (o->set == NULL)
		return wsp_fail(err, WSAENOPROTOOPT);
	if (val == NULL || len < (int)sizeof value)
		return wsp_fail(err, WSAEFAULT);
	memcpy(&value, val, sizeof value);
	prov_lock();
	o->set(s, value);
	prov_unlock();
	return 0;
}

/* --- control codes --- */

int
wsp_ioctl(SOCKET s, DWORD code, LPVOID in, DWORD in_len, LPVOID out, DWORD out_len, LPDWORD bytes,
    LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID tid, LPINT err)
{
	*err = 0;
	switch (code) {
	case SIO_GET_EXTENSION_FUNCTION_POINTER:
		/* The socket is not looked at: WSD switches pass none here. */
		*err = extension_find(in, in_len, out, out_len, bytes);
		break;
	case SIO_ADDRESS_LIST_QUERY:
		if (prov_find(s, err) != NULL)
			*err = address_list(out, out_len, bytes);
		break;
	case SIO_ADDRESS_LIST_CHANGE:
		if (prov_find(s, err) != NULL)
			*err = address_change(s, ov);
		break;
	default:
		if (prov_find(s, err) != NULL)
			*err = WSAEOPNOTSUPP;
		break;
	}
	return *err != 0 ? SOCKET_ERROR : 0;
}

/* --- names, hints --- */

int
wsp_get_sock_name(SOCKET s, struct sockaddr *name, socklen_t *len, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);
	enum sock_phase phase;
	struct shm_addr a;

	if (ws == NULL)
		return SOCKET_ERROR;
	phase = sock_phase(s);
	if (phase == SOCK_CONNECTED || phase == SOCK_LISTENING) {
		a = prov_shm(s)->ctl_local;
	} else {
		prov_lock();
		a = ws->bound;
		prov_unlock();
	}
	sock_addr_out(&a, ws->af, name, len);
	return 0;
}

int
wsp_get_peer_name(SOCKET s, struct sockaddr *name, socklen_t *len, LPINT err)
{
	struct wsp_sock *ws = prov_find(s, err);
	struct shm_addr a;

	if (ws == NULL)
		return SOCKET_ERROR;
	/* A broken connection has no peer any more, as a TCP socket in state CLOSE. */
	if (sock_phase(s) != SOCK_CONNECTED ||
	    (atomic_load_explicit(&prov_shm(s)->wire_flags, memory_order_relaxed) &
		SHM_WIRE_ERROR) != 0)
		return wsp_fail(err, WSAENOTCONN);
	a = prov_shm(s)->ctl_peer;
	sock_addr_out(&a, ws->af, name, len);
	return 0;
}

int
wsp_set_flag(SOCKET s, uint32_t flag, int on, LPINT err)
{
	const uint32_t known = SHM_APP_NODELAY | SHM_APP_CORK | SHM_APP_KEEPALIVE;
	struct shm_sock *k = prov_shm(s);

	if (prov_find(s, err) == NULL)
		return SOCKET_ERROR;
	if (flag == 0 || (flag & ~known) != 0)
		return wsp_fail(err, WSAEINVAL);
	if (on)
		atomic_fetch_or_explicit(&k->app_flags, flag, memory_order_release);
	else
		atomic_fetch_and_explicit(&k->app_flags, ~flag, memory_order_release);
	/* What a cork held back leaves now; a keepalive timer starts. Nothing else needs to be
	 * looked at. */
	if (flag != SHM_APP_NODELAY && sock_phase(s) == SOCK_CONNECTED)
		prov_ring(s);
	return 0;
}

uint32_t
wsp_ident(SOCKET s)
{
	int unused;

	if (prov_find(s, &unused) == NULL)
		return 0;
	return atomic_load_explicit(&prov_shm(s)->ident, memory_order_relaxed);
}

int
wsp_alive(void)
{
	int usable;

	prov_lock();
	usable = prov_usable() == 0 && prov_check_alive();
	prov_unlock();
	return usable;
}
