/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets, names and connections: the WSP half of the provider. */
#include "loop.h"
#include "loop_priv.h"

#include <arpa/inet.h>
#include <linux/futex.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct loop_script loop_script;
struct loop_sock loop_all[LOOP_SOCKS];
struct san_wake loop_wake_all[64];
pthread_mutex_t loop_lock = PTHREAD_MUTEX_INITIALIZER;

static WSPUPCALLTABLEEX up;
static uint16_t next_port = 40000;

int
loop_fail(LPINT err, int code)
{
	*err = code;
	return SOCKET_ERROR;
}

struct loop_sock *
loop_find(SOCKET s)
{
	struct loop_sock *k = &loop_all[s % LOOP_SOCKS];

	return k->phase != FREE && s / LOOP_SOCKS == k->gen ? k : NULL;
}

static SOCKET
name_of(const struct loop_sock *k)
{
	return (SOCKET)k->gen * LOOP_SOCKS + (SOCKET)(k - loop_all);
}

void
loop_news(struct loop_sock *k)
{
	const uint64_t one = 1;

	atomic_fetch_add(&k->seq, 1);
	syscall(SYS_futex, &k->seq, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	for (int i = 0; i < 64; i++)
		if ((k->wakes >> i & 1) != 0 && loop_wake_all[i].armed) {
			loop_wake_all[i].armed = false;
			(void)!syscall(SYS_write, loop_wake_all[i].fd, &one, sizeof one);
		}
}

static struct loop_sock *
sock_new(int af)
{
	for (int i = 0; i < LOOP_SOCKS; i++) {
		struct loop_sock *k = &loop_all[i];
		uint32_t gen = k->gen;

		if (k->phase != FREE)
			continue;
		memset(k, 0, sizeof *k);
		k->gen = gen + 1;
		k->phase = IDLE;
		k->af = af;
		return k;
	}
	return NULL;
}

bool
loop_addr_in(const struct sockaddr *sa, uint32_t *ip, uint16_t *port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	*port = ntohs(v4->sin_port);
	if (sa->sa_family == AF_INET) {
		*ip = ntohl(v4->sin_addr.s_addr);
		return true;
	}
	memcpy(ip, v6->sin6_addr.s6_addr + 12, 4);
	*ip = ntohl(*ip);
	return IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

void
loop_addr_out(int af, uint32_t ip, uint16_t port, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	socklen_t full = af == AF_INET ? sizeof v4 : sizeof v6;

	ip = htonl(ip);
	memcpy(&v4.sin_addr, &ip, 4);
	v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(v6.sin6_addr.s6_addr + 12, &ip, 4);
	memcpy(sa, af == AF_INET ? (void *)&v4 : (void *)&v6, *len < full ? *len : full);
	*len = full;
}

uint32_t
loop_unread(const struct loop_sock *k)
{
	return k->tail - k->head;
}

/* What the peer's ring still takes. */
uint32_t
loop_room(const struct loop_sock *k)
{
	return k->peer != NULL ? LOOP_RING - loop_unread(k->peer) : 0;
}

static void
broken(struct loop_sock *k, int error)
{
	k->error = error;
	k->dead = true;
	k->peer = NULL;
	k->head = k->tail; /* a reset throws unread data away, as on Linux */
	loop_news(k);
}

static SOCKET
loop_socket(int af, int type, int proto, LPWSAPROTOCOL_INFOW info, GROUP g, DWORD flags, LPINT err)
{
	struct loop_sock *k;

	*err = loop_script.socket_error;
	if (*err != 0)
		return INVALID_SOCKET;
	pthread_mutex_lock(&loop_lock);
	k = sock_new(af);
	pthread_mutex_unlock(&loop_lock);
	if (k == NULL) {
		*err = WSAENOBUFS;
		return INVALID_SOCKET;
	}
	(void)up.lpWPUCreateSocketHandle(0, 0, err);
	return name_of(k);
}

static int
loop_bind(SOCKET s, const struct sockaddr *name, int len, LPINT err)
{
	struct loop_sock *k = loop_find(s);

	if (loop_script.bind_error != 0)
		return loop_fail(err, loop_script.bind_error);
	if (k == NULL)
		return loop_fail(err, WSAENOTSOCK);
	if (name->sa_family != k->af)
		return loop_fail(err, WSAEAFNOSUPPORT);
	loop_addr_in(name, &k->local_ip, &k->local_port);
	k->bound = true;
	return 0;
}

static struct loop_sock *
listener_at(uint32_t ip, uint16_t port)
{
	for (int i = 0; i < LOOP_SOCKS; i++)
		if (loop_all[i].phase == LISTENING && loop_all[i].local_port == port &&
		    (loop_all[i].local_ip == ip || loop_all[i].local_ip == 0))
			return &loop_all[i];
	return NULL;
}

static int
loop_listen(SOCKET s, int backlog, LPINT err)
{
	struct loop_sock *k = loop_find(s);

	if (loop_script.listen_error != 0)
		return loop_fail(err, loop_script.listen_error);
	if (k == NULL)
		return loop_fail(err, WSAENOTSOCK);
	if (!k->bound)
		return loop_fail(err, WSAEINVAL);
	k->phase = LISTENING;
	k->limit = backlog < 1 ? 1 : backlog > 128 ? 128 : (unsigned)backlog;
	return 0;
}

static void
pair(struct loop_sock *a, struct loop_sock *b)
{
	a->peer = b;
	b->peer = a;
	a->phase = b->phase = CONNECTED;
	b->local_ip = a->peer_ip;
	b->local_port = a->peer_port;
	b->peer_ip = a->local_ip;
	b->peer_port = a->local_port;
}

static void
connect_finish(struct loop_sock *k, int wsa)
{
	struct loop_sock *l = listener_at(k->peer_ip, k->peer_port), *child;

	if (wsa == 0 && l == NULL)
		wsa = WSAECONNRESET;
	if (wsa == 0 && l->queued >= l->limit)
		wsa = WSAECONNREFUSED;
	child = wsa == 0 ? sock_new(l->af) : NULL;
	if (child == NULL) {
		k->phase = FAILED;
		k->failure = k->error = wsa != 0 ? wsa : WSAENOBUFS;
	} else {
		pair(k, child);
		l->backlog[l->queued++] = child;
		loop_news(l);
	}
	loop_news(k);
}

static int
loop_connect(SOCKET s, const struct sockaddr *name, int len, LPWSABUF caller, LPWSABUF callee,
    LPQOS sqos, LPQOS gqos, LPINT err)
{
	struct loop_sock *k = loop_find(s);

	if (k == NULL)
		return loop_fail(err, WSAENOTSOCK);
	if (name->sa_family != k->af)
		return loop_fail(err, WSAEAFNOSUPPORT);
	pthread_mutex_lock(&loop_lock);
	loop_addr_in(name, &k->peer_ip, &k->peer_port);
	if (k->local_ip == 0)
		k->local_ip = LOOP_HERE;
	if (k->local_port == 0)
		k->local_port = next_port++;
	k->phase = PENDING;
	if (!loop_script.connect_holds)
		connect_finish(k, loop_script.connect_error);
	pthread_mutex_unlock(&loop_lock);
	return loop_fail(err, WSAEWOULDBLOCK);
}

void
loop_release(int wsa)
{
	pthread_mutex_lock(&loop_lock);
	for (int i = 0; i < LOOP_SOCKS; i++)
		if (loop_all[i].phase == PENDING)
			connect_finish(&loop_all[i], wsa);
	pthread_mutex_unlock(&loop_lock);
}

static SOCKET
loop_accept(
    SOCKET s, struct sockaddr *addr, LPINT len, LPCONDITIONPROC cond, DWORD_PTR data, LPINT err)
{
	struct loop_sock *l, *child = NULL;

	*err = WSAEWOULDBLOCK;
	pthread_mutex_lock(&loop_lock);
	l = loop_find(s);
	if (l == NULL || l->phase != LISTENING)
		*err = WSAENOTSOCK;
	else if (l->queued > 0) {
		child = l->backlog[0];
		memmove(l->backlog, l->backlog + 1, --l->queued * sizeof child);
	}
	if (child != NULL && addr != NULL && len != NULL) {
		socklen_t size = (socklen_t)*len;

		loop_addr_out(l->af, child->peer_ip, child->peer_port, addr, &size);
		*len = (INT)size;
	}
	pthread_mutex_unlock(&loop_lock);
	if (child == NULL)
		return INVALID_SOCKET;
	(void)up.lpWPUCreateSocketHandle(0, 0, err);
	return name_of(child);
}

static int
loop_event_select(SOCKET s, WSAEVENT ev, LONG mask, LPINT err)
{
	return 0;
}

static int
loop_enum(SOCKET s, WSAEVENT ev, LPWSANETWORKEVENTS out, LPINT err)
{
	struct loop_sock *k = loop_find(s);

	memset(out, 0, sizeof *out);
	if (k == NULL)
		return loop_fail(err, WSAENOTSOCK);
	if (!k->told && (k->phase == CONNECTED || k->phase == FAILED)) {
		k->told = true;
		out->lNetworkEvents = FD_CONNECT;
		out->iErrorCode[FD_CONNECT_BIT] = k->failure;
	}
	return 0;
}

static void
close_locked(struct loop_sock *k, bool reset)
{
	struct loop_sock *peer = k->peer;

	for (unsigned i = 0; i < k->queued; i++)
		close_locked(k->backlog[i], true);
	if (peer != NULL && (reset || loop_unread(k) > 0)) {
		broken(peer, WSAECONNRESET);
	} else if (peer != NULL) {
		peer->peer = NULL;
		peer->eof = true;
		loop_news(peer);
	}
	k->phase = FREE;
	k->gen++;
	loop_news(k);
}

int
loop_close(SOCKET s, enum san_close_how how, LPINT err)
{
	struct loop_sock *k;

	pthread_mutex_lock(&loop_lock);
	k = loop_find(s);
	if (k != NULL)
		close_locked(k, how == SAN_CLOSE_RESET);
	pthread_mutex_unlock(&loop_lock);
	if (k == NULL)
		return loop_fail(err, WSAENOTSOCK);
	return up.lpWPUCloseSocketHandle(0, err);
}

static int
loop_close_socket(SOCKET s, LPINT err)
{
	return loop_close(s, SAN_CLOSE_GRACEFUL, err);
}

static int
loop_set_sock_opt(SOCKET s, int level, int name, const char *val, int len, LPINT err)
{
	struct loop_sock *k = loop_find(s);
	int on;

	memcpy(&on, val, sizeof on);
	if (k != NULL && level == SOL_SOCKET && name == SO_OOBINLINE)
		k->oob_inline = on != 0;
	return 0;
}

static int
loop_ioctl(SOCKET s, DWORD code, LPVOID in, DWORD in_len, LPVOID out, DWORD out_len, LPDWORD bytes,
    LPWSAOVERLAPPED ov, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, LPWSATHREADID tid, LPINT err)
{
	const struct san_linux_table *table = &loop_linux_table;

	memcpy(out, &table, sizeof table);
	return 0;
}

int
WSPStartupEx(WORD version, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, LPWSPUPCALLTABLEEX upcalls,
    LPWSPPROC_TABLE procs)
{
	if (loop_script.startup_error != 0)
		return loop_script.startup_error;
	up = *upcalls;
	*procs = (WSPPROC_TABLE){
	    .lpWSPAccept = loop_accept,
	    .lpWSPBind = loop_bind,
	    .lpWSPCloseSocket = loop_close_socket,
	    .lpWSPConnect = loop_connect,
	    .lpWSPEnumNetworkEvents = loop_enum,
	    .lpWSPEventSelect = loop_event_select,
	    .lpWSPIoctl = loop_ioctl,
	    .lpWSPListen = loop_listen,
	    .lpWSPSetSockOpt = loop_set_sock_opt,
	    .lpWSPSocket = loop_socket,
	};
	return 0;
}
