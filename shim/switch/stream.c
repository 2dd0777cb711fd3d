/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream.h"
#include "connect.h"
#include "deadline.h"
#include "kern.h"
#include "provider.h"
#include "restart.h"
#include "sock.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define IOV_LIMIT STREAM_IOV_MAX

/* Verdicts beside what the program gets to see (bytes >= 0, -errno). */
#define AGAIN	  (-10000) /* the obstacle is gone: repeat the copy */
#define TO_KERNEL (-10001) /* the socket fell back meanwhile: the kernel's socket is meant */

/* One blocking call: what is done so far and how long it may still take. */
struct call {
	struct fdtab_stream st;
	struct sock_ref ref;
	int fd, flags;
	size_t done;
	bool timed; /* `store` holds the time limit */
	struct timespec store;
};

static struct sw_sock *
sock_of(struct fdtab_stream st)
{
	return (struct sw_sock *)st.file;
}

static size_t
iov_bytes(const struct iovec *iov, int count)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

/* `to` becomes what is left of `from` behind the first `skip` bytes; returns its count. */
static int
iov_rest(struct iovec *to, const struct iovec *from, int count, size_t skip)
{
	int n = 0;

	for (int i = 0; i < count; i++) {
		size_t cut = skip < from[i].iov_len ? skip : from[i].iov_len;

		skip -= cut;
		if (cut == from[i].iov_len)
			continue;
		to[n].iov_base = (char *)from[i].iov_base + cut;
		to[n++].iov_len = from[i].iov_len - cut;
	}
	return n;
}

static bool
call_blocks(const struct call *c)
{
	return (c->flags & MSG_DONTWAIT) == 0 && !atomic_load(&c->ref.sock->nonblock);
}

/* Done bytes win over an error; the program meets the error at its next call. */
static ssize_t
call_end(const struct call *c, ssize_t rc)
{
	return c->done > 0 ? (ssize_t)c->done : rc;
}

/* AGAIN, or what to return. */
static ssize_t
call_sleep(struct call *c, short events, uint64_t limit_ns)
{
	const struct timespec *until = NULL;
	int err = 0, bits;

	if (!call_blocks(c))
		return call_end(c, -EAGAIN);
	pthread_testcancel();
	if (limit_ns != 0 && !c->timed) {
		deadline_in(limit_ns, &c->store);
		c->timed = true;
	}
	if (c->timed)
		until = &c->store;
	bits = provider_san->sanWait(c->st.san, events, until, &err);
	if (bits == 0)
		return call_end(c, -EAGAIN);
	/* Linux never restarts a call with a time limit. */
	if (bits < 0 && err == WSAEINTR)
		return !c->timed && restart_wanted() ? AGAIN : call_end(c, -EINTR);
	if (bits < 0)
		return call_end(c, -EBADF);
	return AGAIN;
}

/* A call that meets a connect under way waits for its end first. AGAIN, TO_KERNEL, or what to
 * return. */
static ssize_t
call_settle(struct call *c)
{
	struct sw_sock *s = c->ref.sock;
	int rc;

	connect_progress(c->fd, c->ref);
	if (!sock_ref_valid(c->ref) || sock_state(s) == SOCK_KERNEL)
		return TO_KERNEL;
	if (sock_state(s) == SOCK_CONNECTING && !call_blocks(c))
		return -EAGAIN;
	if (sock_state(s) != SOCK_CONNECTING)
		return AGAIN;
	rc = connect_wait(c->fd, c->ref);
	if (rc == -EBADF)
		return TO_KERNEL;
	return rc == 0 ? AGAIN : rc;
}

/* What a failed connect leaves behind, as on Linux: its error once, then end of stream or EPIPE. */
static ssize_t
failed_answer(struct call *c, int afterwards)
{
	int error;

	if (!sock_ref_valid(c->ref) || sock_state(c->ref.sock) != SOCK_FAILED)
		return call_end(c, fdtab_get(c->fd) == c->st.file ? -ENOTCONN : -EBADF);
	error = atomic_exchange(&c->ref.sock->error, 0);
	return error != 0 ? -error : afterwards;
}

static ssize_t
recv_trouble(struct call *c, int wsa)
{
	if (sock_state(c->ref.sock) == SOCK_CONNECTING)
		return call_settle(c);
	switch (wsa) {
	case WSAEWOULDBLOCK:
		if ((c->flags & MSG_OOB) != 0)
			return -EAGAIN;
		return call_sleep(c, POLLIN, c->ref.sock->recv_ns);
	case WSAENOTSOCK:
		return failed_answer(c, 0);
	default:
		return call_end(c, -sw_errno(wsa));
	}
}

/* More is wanted than a peek can see: nothing wakes us for bytes behind bytes that stay, so look
 * again shortly. */
static void
peek_pause(void)
{
	static const struct timespec pause = {0, 200000};

	nanosleep(&pause, NULL);
}

static int
recv_flags(int flags)
{
	int san = 0;

	if ((flags & MSG_PEEK) != 0)
		san |= SAN_RECV_PEEK;
	if ((flags & MSG_OOB) != 0)
		san |= SAN_RECV_OOB;
	if ((flags & MSG_TRUNC) != 0)
		san |= SAN_RECV_DISCARD;
	return san;
}

/* Goes on from a first copy that gave n and err. An error is reported once, so nothing is asked
 * twice. */
static ssize_t
recv_loop(struct call *c, const struct iovec *iov, int count, size_t want, ssize_t n, int err)
{
	struct iovec rest[IOV_LIMIT];
	bool peek = (c->flags & MSG_PEEK) != 0;
	int left;

	for (;;) {
		if (n < 0) {
			n = recv_trouble(c, err);
			if (n != AGAIN)
				return n;
		} else if (peek && n > 0 && (size_t)n < want && call_blocks(c) &&
			   (provider_san->sanPoll(c->st.san) & (POLLRDHUP | POLLERR)) == 0) {
			peek_pause();
		} else {
			c->done = peek ? (size_t)n : c->done + (size_t)n;
			if (n == 0 || c->done >= want || peek)
				return (ssize_t)c->done;
		}
		left = iov_rest(rest, iov, count, c->done);
		n = provider_san->sanRecv(c->st.san, rest, left, recv_flags(c->flags), &err);
	}
}

static void
received_count(struct sw_sock *s, ssize_t n, int flags)
{
	if (n > 0 && (flags & MSG_PEEK) == 0 &&
	    __builtin_expect(atomic_load_explicit(&s->edge, memory_order_relaxed), 0))
		atomic_fetch_add_explicit(&s->received, (uint32_t)n, memory_order_relaxed);
}

/* Bytes a blocking call waits for. */
static size_t
recv_want(const struct sw_sock *s, size_t bytes, int flags)
{
	if ((flags & MSG_WAITALL) != 0)
		return bytes;
	return s->low_water < bytes ? s->low_water : bytes;
}

/* Not inlined: its vector would cost the fast path a large frame. */
__attribute__((noinline)) static ssize_t
recv_slow(struct call *c, const struct iovec *iov, int count, size_t want, ssize_t n, int err)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};

	c->ref = sock_ref(sock_of(c->st));
	n = recv_loop(c, iov, count, want, n, err);
	return n == TO_KERNEL ? kern_result(kern()->recvmsg(c->fd, &msg, c->flags)) : n;
}

ssize_t
sw_recv(struct fdtab_stream st, int fd, const struct iovec *iov, int count, int flags)
{
	struct sw_sock *s = sock_of(st);
	struct call c;
	size_t want;
	ssize_t n;
	int err;

	if (count < 0 || count > IOV_LIMIT)
		return -EINVAL;
	if ((flags & MSG_ERRQUEUE) != 0)
		return -EAGAIN;
	if ((flags & MSG_OOB) != 0 && s->oob_inline)
		return -EINVAL;
	want = (flags & MSG_OOB) != 0 ? 1 : recv_want(s, iov_bytes(iov, count), flags);
	n = provider_san->sanRecv(st.san, iov, count, recv_flags(flags), &err);
	if (__builtin_expect(n < 0 || (n > 0 && (size_t)n < want), 0)) {
		c = (struct call){.st = st, .fd = fd, .flags = flags};
		n = recv_slow(&c, iov, count, want, n, err);
	}
	received_count(s, n, flags);
	return n;
}

static ssize_t
broken_pipe(int flags)
{
	if ((flags & MSG_NOSIGNAL) == 0)
		raise(SIGPIPE);
	return -EPIPE;
}

static ssize_t
send_trouble(struct call *c, int wsa)
{
	ssize_t rc;

	if (sock_state(c->ref.sock) == SOCK_CONNECTING)
		return call_settle(c);
	switch (wsa) {
	case WSAEWOULDBLOCK:
		atomic_fetch_add_explicit(&c->ref.sock->refused, 1, memory_order_relaxed);
		return call_sleep(c, POLLOUT, c->ref.sock->send_ns);
	case WSAENOTCONN:
		rc = -EPIPE;
		break;
	case WSAENOTSOCK:
		rc = failed_answer(c, -EPIPE);
		break;
	default:
		rc = call_end(c, -sw_errno(wsa));
		break;
	}
	return rc == -EPIPE ? broken_pipe(c->flags) : rc;
}

static int
send_flags(int flags)
{
	return ((flags & MSG_OOB) != 0 ? SAN_SEND_OOB : 0) |
	       ((flags & MSG_MORE) != 0 ? SAN_SEND_MORE : 0);
}

static ssize_t
send_loop(struct call *c, const struct iovec *iov, int count, size_t bytes, ssize_t n, int err)
{
	struct iovec rest[IOV_LIMIT];
	ssize_t rc;
	int left;

	for (;;) {
		if (n >= 0) {
			c->done += (size_t)n;
			if (c->done >= bytes)
				return (ssize_t)c->done;
			err = WSAEWOULDBLOCK;
		}
		rc = send_trouble(c, err);
		if (rc != AGAIN)
			return rc;
		left = iov_rest(rest, iov, count, c->done);
		n = provider_san->sanSend(c->st.san, rest, left, send_flags(c->flags), &err);
	}
}

__attribute__((noinline)) static ssize_t
send_slow(struct call *c, const struct iovec *iov, int count, size_t bytes, ssize_t n, int err)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};

	c->ref = sock_ref(sock_of(c->st));
	n = send_loop(c, iov, count, bytes, n, err);
	return n == TO_KERNEL ? kern_result(kern()->sendmsg(c->fd, &msg, c->flags)) : n;
}

ssize_t
sw_send(struct fdtab_stream st, int fd, const struct iovec *iov, int count, int flags)
{
	struct call c;
	size_t bytes;
	ssize_t n;
	int err;

	if (count < 0 || count > IOV_LIMIT)
		return -EINVAL;
	bytes = iov_bytes(iov, count);
	n = provider_san->sanSend(st.san, iov, count, send_flags(flags), &err);
	if (__builtin_expect(n >= 0 && (size_t)n == bytes, 1))
		return n;
	c = (struct call){.st = st, .fd = fd, .flags = flags};
	return send_slow(&c, iov, count, bytes, n, err);
}
