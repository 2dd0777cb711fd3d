/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes, readiness, wake objects: the Linux half of the provider. */
#include "loop_priv.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic unsigned long polls;

static bool
is_san(uint32_t ip)
{
	return (ip & 0xffffff00u) == (LOOP_HERE & 0xffffff00u) ||
	       (ip & 0xffffff00u) == (LOOP_BOTH & 0xffffff00u);
}

static bool
is_here(uint32_t ip)
{
	return is_san(ip) && (ip & 0xff) >= 1 && (ip & 0xff) <= 9;
}

/* 0 = data may come; else what recv has to say when there is none. */
static int
recv_obstacle(struct loop_sock *k, ssize_t *n)
{
	int error = k->error;

	*n = -1;
	if (k->phase == IDLE || k->phase == LISTENING)
		return WSAENOTCONN;
	if (k->phase == PENDING)
		return WSAEWOULDBLOCK;
	k->error = 0;
	if (error != 0)
		return error;
	if (k->eof || k->dead || k->shut_rd || k->phase == FAILED)
		*n = 0;
	return WSAEWOULDBLOCK;
}

static size_t
copy_out(struct loop_sock *k, const struct iovec *iov, int count, uint32_t most, bool discard)
{
	uint32_t at = k->head, end = k->head + most;

	for (int i = 0; i < count && at != end; i++)
		for (size_t j = 0; j < iov[i].iov_len && at != end; j++, at++)
			if (!discard)
				((uint8_t *)iov[i].iov_base)[j] = k->ring[at % LOOP_RING];
	return at - k->head;
}

static ssize_t
recv_urgent(struct loop_sock *k, const struct iovec *iov, bool peek, LPINT err)
{
	if (k->phase != CONNECTED)
		return loop_fail(err, WSAENOTCONN);
	if (!k->urgent || k->urgent_taken)
		return loop_fail(err, WSAEINVAL);
	*(uint8_t *)iov->iov_base = k->ring[k->urgent_at % LOOP_RING];
	k->urgent_taken = !peek;
	return 1;
}

/* Reading stops before the urgent byte and leaves it out unless it is wanted inline. */
static uint32_t
readable(struct loop_sock *k)
{
	int32_t ahead = (int32_t)(k->urgent_at - k->head);

	if (!k->urgent || ahead < 0 || ahead >= (int32_t)loop_unread(k))
		return loop_unread(k);
	if (ahead > 0)
		return (uint32_t)ahead;
	if (!k->oob_inline)
		k->head++;
	k->urgent &= !k->oob_inline;
	return loop_unread(k);
}

static ssize_t
recv_locked(struct loop_sock *k, const struct iovec *iov, int count, int flags, LPINT err)
{
	size_t want = 0;
	ssize_t n;

	for (int i = 0; i < count; i++)
		want += iov[i].iov_len;
	if ((flags & SAN_RECV_OOB) != 0)
		return recv_urgent(k, iov, (flags & SAN_RECV_PEEK) != 0, err);
	if (k->phase != CONNECTED || readable(k) == 0) {
		*err = recv_obstacle(k, &n);
		return n;
	}
	if (want == 0)
		return 0;
	n = (ssize_t)copy_out(k, iov, count, readable(k), (flags & SAN_RECV_DISCARD) != 0);
	if ((flags & SAN_RECV_PEEK) != 0)
		return n;
	k->head += (uint32_t)n;
	if (k->peer != NULL)
		loop_news(k->peer);
	return n;
}

ssize_t
loop_recv(SOCKET s, const struct iovec *iov, int count, int flags, LPINT err)
{
	struct loop_sock *k;
	ssize_t n;

	pthread_mutex_lock(&loop_lock);
	k = loop_find(s);
	n = k != NULL ? recv_locked(k, iov, count, flags, err) : loop_fail(err, WSAENOTSOCK);
	pthread_mutex_unlock(&loop_lock);
	return n;
}

static int
send_obstacle(struct loop_sock *k)
{
	int error = k->error;

	if (k->phase == IDLE || k->phase == LISTENING)
		return WSAENOTCONN;
	if (k->phase == PENDING)
		return WSAEWOULDBLOCK;
	k->error = 0;
	if (error != 0)
		return error;
	return k->dead || k->shut_wr || k->phase == FAILED ? WSAESHUTDOWN : 0;
}

static ssize_t
send_locked(struct loop_sock *k, const struct iovec *iov, int count, int flags, LPINT err)
{
	struct loop_sock *peer = k->peer;
	size_t want = 0, done = 0;

	*err = send_obstacle(k);
	if (*err != 0)
		return -1;
	for (int i = 0; i < count; i++)
		want += iov[i].iov_len;
	if (peer == NULL) { /* it closed: our bytes find nobody, its host answers with a reset */
		k->error = WSAESHUTDOWN;
		k->dead = true;
		loop_news(k);
		return (ssize_t)want;
	}
	if (want > 0 && loop_room(k) == 0)
		return loop_fail(err, WSAEWOULDBLOCK);
	for (int i = 0; i < count; i++)
		for (size_t j = 0; j < iov[i].iov_len && loop_room(k) > 0; j++, done++)
			peer->ring[peer->tail++ % LOOP_RING] = ((uint8_t *)iov[i].iov_base)[j];
	if (peer->shut_rd)
		peer->head = peer->tail;
	if ((flags & SAN_SEND_OOB) != 0 && done == want && done > 0) {
		peer->urgent = true;
		peer->urgent_taken = false;
		peer->urgent_at = peer->tail - 1;
	}
	loop_news(peer);
	return (ssize_t)done;
}

ssize_t
loop_send(SOCKET s, const struct iovec *iov, int count, int flags, LPINT err)
{
	struct loop_sock *k;
	ssize_t n;

	pthread_mutex_lock(&loop_lock);
	k = loop_find(s);
	n = k != NULL ? send_locked(k, iov, count, flags, err) : loop_fail(err, WSAENOTSOCK);
	pthread_mutex_unlock(&loop_lock);
	return n;
}

static short
connected_bits(const struct loop_sock *k)
{
	bool no_in = k->eof || k->dead || k->shut_rd, no_out = k->dead || k->shut_wr;
	short bits = 0;

	if (loop_unread(k) > 0 || no_in)
		bits |= POLLIN;
	if (no_in)
		bits |= POLLRDHUP;
	if (no_in && no_out)
		bits |= POLLHUP;
	if (no_out || k->peer == NULL || loop_room(k) >= LOOP_RING / 3)
		bits |= POLLOUT;
	if (k->urgent && !k->urgent_taken)
		bits |= POLLPRI;
	if (k->error != 0)
		bits |= POLLERR;
	return bits;
}

static short
bits_locked(SOCKET s)
{
	struct loop_sock *k = loop_find(s);

	if (k == NULL)
		return POLLNVAL;
	switch (k->phase) {
	case CONNECTED:
		return connected_bits(k);
	case LISTENING:
		return k->queued > 0 ? POLLIN : 0;
	case FAILED:
		return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP;
	case IDLE:
		return POLLOUT | POLLHUP;
	case PENDING:
	case FREE:
		break;
	}
	return 0;
}

short
loop_poll(SOCKET s)
{
	short bits;

	atomic_fetch_add_explicit(&polls, 1, memory_order_relaxed);
	pthread_mutex_lock(&loop_lock);
	bits = bits_locked(s);
	pthread_mutex_unlock(&loop_lock);
	return bits;
}

/* Sleeps while the word is `seq`. 0, or an errno. */
static int
sleep_on(struct loop_sock *k, uint32_t seq, const struct timespec *until)
{
	int op = FUTEX_WAIT_PRIVATE;

	if (until != NULL)
		op = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG;
	if (syscall(SYS_futex, &k->seq, op, seq, until, NULL, FUTEX_BITSET_MATCH_ANY) == 0)
		return 0;
	return errno;
}

int
loop_wait(SOCKET s, short events, const struct timespec *until, LPINT err)
{
	struct loop_sock *k = &loop_all[s % LOOP_SOCKS];

	for (;;) {
		uint32_t seq = atomic_load(&k->seq);
		short bits = loop_poll(s);
		int rc;

		if ((bits & POLLNVAL) != 0)
			return loop_fail(err, WSAENOTSOCK);
		bits &= (short)(events | POLLERR | POLLHUP);
		if (bits != 0)
			return bits;
		rc = sleep_on(k, seq, until);
		if (rc == ETIMEDOUT)
			return 0;
		if (rc == EINTR)
			return loop_fail(err, WSAEINTR);
	}
}

static int
loop_shutdown(SOCKET s, int how, LPINT err)
{
	struct loop_sock *k;

	pthread_mutex_lock(&loop_lock);
	k = loop_find(s);
	if (k == NULL || k->phase != CONNECTED || k->dead) {
		pthread_mutex_unlock(&loop_lock);
		return loop_fail(err, k == NULL ? WSAENOTSOCK : WSAENOTCONN);
	}
	if (how != SHUT_RD) {
		k->shut_wr = true;
		if (k->peer != NULL) {
			k->peer->eof = true;
			loop_news(k->peer);
		}
	}
	if (how != SHUT_WR)
		k->shut_rd = true;
	loop_news(k);
	pthread_mutex_unlock(&loop_lock);
	return 0;
}

static int
loop_drain(SOCKET s, const struct timespec *until, LPINT err)
{
	struct timespec now;
	struct loop_sock *k = loop_find(s);

	while (k != NULL && k->peer != NULL && loop_unread(k->peer) > 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (until != NULL &&
		    (now.tv_sec > until->tv_sec ||
			(now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec)))
			return loop_fail(err, WSAETIMEDOUT);
		usleep(1000);
	}
	return 0;
}

static int
loop_get_sock_name(SOCKET s, struct sockaddr *name, socklen_t *len, LPINT err)
{
	struct loop_sock *k = loop_find(s);

	if (k == NULL || k->phase == IDLE)
		return loop_fail(err, WSAENOTCONN);
	loop_addr_out(k->af, k->local_ip, k->local_port, name, len);
	return 0;
}

static int
loop_get_peer_name(SOCKET s, struct sockaddr *name, socklen_t *len, LPINT err)
{
	struct loop_sock *k = loop_find(s);

	if (k == NULL || k->phase != CONNECTED || k->dead)
		return loop_fail(err, WSAENOTCONN);
	loop_addr_out(k->af, k->peer_ip, k->peer_port, name, len);
	return 0;
}

static int
loop_take_error(SOCKET s)
{
	struct loop_sock *k = loop_find(s);
	int error = k != NULL ? k->error : WSAENOTSOCK;

	if (k != NULL)
		k->error = 0;
	return error;
}

static int
loop_queue(SOCKET s, uint32_t *in, uint32_t *out, uint32_t *left, int *at_mark, LPINT err)
{
	struct loop_sock *k;

	pthread_mutex_lock(&loop_lock);
	k = loop_find(s);
	if (k != NULL) {
		*in = k->phase == LISTENING ? k->queued : loop_unread(k);
		*out = k->peer != NULL ? loop_unread(k->peer) : 0;
		*left = loop_room(k);
		*at_mark = k->urgent && k->urgent_at == k->head;
	}
	pthread_mutex_unlock(&loop_lock);
	return k != NULL ? 0 : loop_fail(err, WSAENOTSOCK);
}

static int
loop_set_flag(SOCKET s, uint32_t flag, int on, LPINT err)
{
	return 0;
}

static uint32_t
loop_ident(SOCKET s)
{
	return (uint32_t)(s % LOOP_SOCKS);
}

static int
loop_alive(void)
{
	return 1;
}

static struct san_wake *
loop_wake_create(LPINT err)
{
	struct san_wake *w = NULL;

	*err = WSAENOBUFS;
	pthread_mutex_lock(&loop_lock);
	for (int i = 0; i < 64 && w == NULL && !loop_script.no_wakes; i++)
		if (!loop_wake_all[i].used)
			w = &loop_wake_all[i];
	if (w != NULL)
		*w = (struct san_wake){true, eventfd(0, EFD_CLOEXEC), false};
	pthread_mutex_unlock(&loop_lock);
	return w;
}

static void
loop_wake_destroy(struct san_wake *w)
{
	pthread_mutex_lock(&loop_lock);
	for (int i = 0; i < LOOP_SOCKS; i++)
		loop_all[i].wakes &= ~(UINT64_C(1) << (w - loop_wake_all));
	w->used = false;
	syscall(SYS_close, w->fd);
	pthread_mutex_unlock(&loop_lock);
}

static int
loop_wake_fd(const struct san_wake *w)
{
	return w->fd;
}

static void
loop_wake_arm(struct san_wake *w, int armed)
{
	pthread_mutex_lock(&loop_lock);
	w->armed = armed != 0;
	pthread_mutex_unlock(&loop_lock);
}

static int
loop_wake_add(struct san_wake *w, SOCKET s, short events, LPINT err)
{
	struct loop_sock *k;

	pthread_mutex_lock(&loop_lock);
	k = loop_find(s);
	if (k != NULL)
		k->wakes |= UINT64_C(1) << (w - loop_wake_all);
	pthread_mutex_unlock(&loop_lock);
	return k != NULL ? 0 : loop_fail(err, WSAENOTSOCK);
}

static void
loop_wake_remove(struct san_wake *w, SOCKET s)
{
	struct loop_sock *k;

	pthread_mutex_lock(&loop_lock);
	k = loop_find(s);
	if (k != NULL)
		k->wakes &= ~(UINT64_C(1) << (w - loop_wake_all));
	pthread_mutex_unlock(&loop_lock);
}

static int
loop_relax(uint32_t *state)
{
	return ++*state < 20;
}

static int
route(const struct sockaddr *sa, bool any)
{
	uint32_t ip;
	uint16_t port;

	if (!loop_addr_in(sa, &ip, &port) || !(is_san(ip) || (any && ip == 0)) ||
	    loop_script.route < 0)
		return 0;
	return loop_script.route == 0 ? 1 : loop_script.route;
}

static int
loop_route_connect(const struct sockaddr *dst, socklen_t len)
{
	return route(dst, false);
}

static int
loop_route_listen(const struct sockaddr *local, socklen_t len)
{
	return route(local, true);
}

static int
loop_is_local(const struct sockaddr *addr, socklen_t len)
{
	uint32_t ip;
	uint16_t port;

	return loop_addr_in(addr, &ip, &port) && is_here(ip);
}

/* A child has its own copy of everything: good enough to see that the switch goes on working. */
static int
loop_fork_before(LPINT err)
{
	pthread_mutex_lock(&loop_lock);
	return 0;
}

static void
loop_fork_after(void)
{
	pthread_mutex_unlock(&loop_lock);
}

static int
loop_own_fd(int fd)
{
	return -1;
}

const struct san_linux_table loop_linux_table = {
    .version = SAN_LINUX_VERSION,
    .size = sizeof(struct san_linux_table),
    .sanSend = loop_send,
    .sanRecv = loop_recv,
    .sanPoll = loop_poll,
    .sanWait = loop_wait,
    .sanShutdown = loop_shutdown,
    .sanClose = loop_close,
    .sanDrain = loop_drain,
    .sanGetSockName = loop_get_sock_name,
    .sanGetPeerName = loop_get_peer_name,
    .sanTakeError = loop_take_error,
    .sanQueue = loop_queue,
    .sanSetFlag = loop_set_flag,
    .sanIdent = loop_ident,
    .sanAlive = loop_alive,
    .sanWakeCreate = loop_wake_create,
    .sanWakeDestroy = loop_wake_destroy,
    .sanWakeFd = loop_wake_fd,
    .sanWakeArm = loop_wake_arm,
    .sanWakeAdd = loop_wake_add,
    .sanWakeRemove = loop_wake_remove,
    .sanRelax = loop_relax,
    .sanOwnFd = loop_own_fd,
    .sanRouteConnect = loop_route_connect,
    .sanRouteListen = loop_route_listen,
    .sanIsLocal = loop_is_local,
    .sanForkBefore = loop_fork_before,
    .sanForkParent = loop_fork_after,
    .sanForkChild = loop_fork_after,
};

unsigned
loop_socks(void)
{
	unsigned n = 0;

	for (int i = 0; i < LOOP_SOCKS; i++)
		n += loop_all[i].phase != FREE;
	return n;
}

unsigned
loop_wakes(void)
{
	unsigned n = 0;

	for (int i = 0; i < 64; i++)
		n += loop_wake_all[i].used;
	return n;
}

unsigned long
loop_polls(void)
{
	return atomic_load(&polls);
}

void
loop_reset(void)
{
	memset(&loop_script, 0, sizeof loop_script);
}
