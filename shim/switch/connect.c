/* SPDX-License-Identifier: BSD-3-Clause */
#include "connect.h"
#include "abi.h"
#include "companion.h"
#include "deadline.h"
#include "ep_set.h"
#include "kern.h"
#include "provider.h"
#include "restart.h"
#include "sw_lock.h"
#include "sw_log.h"

#include <fcntl.h>
#include <string.h>

/* From now on the kernel alone: nothing of the socket stays behind unless another descriptor names
 * it too. */
static void
kernel_chosen(struct sw_sock *s, int fd, enum sock_why why)
{
	s->why = (uint8_t)why;
	sw_log("fd %d: kernel TCP: %s", fd, sock_why_text(why));
	atomic_store(&s->file.san, INVALID_SOCKET);
	sock_event(s, SOCK_EV_KERNEL_CHOSEN);
	ep_sock_moved(s);
	if (s->file.refs != 1)
		return;
	ep_sock_forget(s);
	fdtab_take(fd);
	sock_free(s);
}

static void
connect_refused(struct sw_sock *s, int error)
{
	atomic_store(&s->error, error);
	atomic_store_explicit(&s->file.san, SOCK_SAN_FAILED, memory_order_release);
	s->claimed = false;
	sock_event(s, SOCK_EV_CONNECT_REFUSED);
	ep_sock_moved(s);
}

/* The three answers after which kernel TCP would fail as well (close contract of WSD: no retry). */
static bool
failure_is_final(const struct sw_sock *s, int wsa)
{
	return s->san_only || wsa == WSAECONNRESET || wsa == WSAECONNREFUSED ||
	       wsa == WSAEHOSTUNREACH;
}

static int
kernel_connect_start(int fd, const struct sw_sock *s)
{
	int flags = KERN(fcntl64(fd, F_GETFL)), rc;

	(void)KERN(fcntl64(fd, F_SETFL, flags | O_NONBLOCK));
	rc = KERN(connect(fd, (const struct sockaddr *)&s->peer, s->peer_len));
	(void)KERN(fcntl64(fd, F_SETFL, flags));
	return rc;
}

/* The companion is closed already. When the kernel cannot even start, the program gets the SAN's
 * error: it is the one that says something about the destination. */
static void
connect_failed(struct sw_sock *s, int fd, int wsa)
{
	int rc;

	if (failure_is_final(s, wsa)) {
		connect_refused(s, sw_errno_connect(wsa));
		return;
	}
	rc = kernel_connect_start(fd, s);
	if (rc == 0 || rc == -EINPROGRESS)
		kernel_chosen(s, fd, SOCK_WHY_CONNECT_FAILED);
	else
		connect_refused(s, sw_errno_connect(wsa));
}

/* Returns a companion that has begun to connect, or INVALID_SOCKET after the state says what became
 * of it. */
static SOCKET
companion_connect(struct sw_sock *s, int fd)
{
	struct name local = name_of_kernel(fd);
	SOCKET san = companion_open(s, fd, &local);
	int err = 0;

	if (san == INVALID_SOCKET) {
		if (s->san_only)
			connect_refused(s, ENETUNREACH);
		else
			kernel_chosen(s, fd, s->why);
		return INVALID_SOCKET;
	}
	if (provider_wsp->lpWSPConnect(san, (const struct sockaddr *)&s->peer, (int)s->peer_len,
		NULL, NULL, NULL, NULL, &err) == 0 ||
	    err == WSAEWOULDBLOCK)
		return san;
	companion_close(san, true);
	connect_failed(s, fd, err);
	return INVALID_SOCKET;
}

static void
connect_begin(struct sw_sock *s, int fd, const struct sockaddr *addr, socklen_t len)
{
	const struct provider *p = provider_start();
	SOCKET san;
	int action;

	if (p == NULL) {
		kernel_chosen(s, fd, SOCK_WHY_NO_PROVIDER);
		return;
	}
	action = p->san->sanRouteConnect(addr, len);
	if (action == SHM_ACTION_TCP) {
		kernel_chosen(s, fd, SOCK_WHY_NO_RULE);
		return;
	}
	s->san_only = action == SHM_ACTION_SAN_ONLY;
	memcpy(&s->peer, addr, len);
	s->peer_len = len;
	s->claimed = false;
	san = companion_connect(s, fd);
	if (san == INVALID_SOCKET)
		return;
	atomic_store_explicit(&s->file.san, san, memory_order_release);
	sock_event(s, SOCK_EV_CONNECT_STARTED);
	ep_sock_moved(s);
}

/* The provider's verdict once sanPoll shows that there is one. */
static int
connect_result(SOCKET san)
{
	WSANETWORKEVENTS events = {0};
	int err = 0;

	if (provider_wsp->lpWSPEnumNetworkEvents(san, NULL, &events, &err) != 0)
		return err;
	return (events.lNetworkEvents & FD_CONNECT) != 0 ? events.iErrorCode[FD_CONNECT_BIT] : 0;
}

void
connect_progress(int fd, struct sock_ref ref)
{
	struct sw_sock *s = ref.sock;
	SOCKET san;
	int wsa;

	if (sock_state(s) != SOCK_CONNECTING)
		return;
	san = atomic_load_explicit(&s->file.san, memory_order_acquire);
	if ((provider_san->sanPoll(san) & (POLLOUT | POLLERR | POLLHUP)) == 0)
		return;
	sw_lock();
	fd = fdtab_number(&s->file, fd); /* an epoll member's own may be closed, its dup not */
	if (fd >= 0 && sock_ref_valid(ref) && sock_state(s) == SOCK_CONNECTING) {
		wsa = connect_result(san);
		if (wsa == 0) {
			sock_event(s, SOCK_EV_CONNECT_DONE);
		} else {
			companion_close(san, true);
			connect_failed(s, fd, wsa);
		}
	}
	sw_unlock();
}

/* The failed attempt is reported once, by connect() or by SO_ERROR; then the socket is as good as
 * new. */
static int
failure_report(struct sw_sock *s)
{
	int error = atomic_exchange(&s->error, 0);

	s->claimed = true;
	return error != 0 ? -error : -ECONNABORTED;
}

int
connect_wait(int fd, struct sock_ref ref)
{
	struct sw_sock *s = ref.sock;
	struct timespec until_store, *until = deadline_in(s->send_ns, &until_store);
	int err = 0, rc;

	while (connect_progress(fd, ref), sock_ref_valid(ref) && sock_state(s) == SOCK_CONNECTING) {
		rc = provider_san->sanWait(atomic_load(&s->file.san), POLLOUT, until, &err);
		if (rc < 0 && err == WSAEINTR && (until != NULL || !restart_wanted()))
			return -EINTR;
		if (rc == 0)
			return -EINPROGRESS;
	}
	if (fdtab_get(fd) != &s->file || !sock_ref_valid(ref))
		return -EBADF; /* closed by another thread, or the kernel's: the caller knows which
				*/
	if (sock_state(s) == SOCK_FAILED)
		return failure_report(s);
	if (sock_state(s) == SOCK_KERNEL)
		return KERN(connect(fd, (const struct sockaddr *)&s->peer, s->peer_len));
	s->claimed = true;
	return 0;
}

static void
connect_undo(struct sw_sock *s)
{
	companion_close(atomic_exchange(&s->file.san, INVALID_SOCKET), true);
	atomic_store(&s->error, 0);
	sock_event(s, SOCK_EV_RESET);
	ep_sock_moved(s);
}

enum verdict {
	ASK_KERNEL,
	WAIT,
	STARTED,
	ANSWER,
};

/* What connect() means in the socket's state; `answer` is set for ANSWER. */
static enum verdict
connect_judge(struct sw_sock *s, int fd, const struct sockaddr *addr, socklen_t len, int *answer)
{
	if (addr != NULL && len >= sizeof addr->sa_family && addr->sa_family == AF_UNSPEC) {
		if (sock_state(s) != SOCK_LISTENING)
			connect_undo(s);
		return ASK_KERNEL;
	}
	if (!name_valid(s->domain, addr, len))
		return ASK_KERNEL;
	switch (sock_state(s)) {
	case SOCK_CONNECTED:
		*answer = s->claimed ? -EISCONN : 0;
		s->claimed = true;
		return ANSWER;
	case SOCK_CONNECTING:
		return WAIT;
	case SOCK_FAILED:
		if (!s->claimed) {
			*answer = failure_report(s);
			return ANSWER;
		}
		/* fall through */
	case SOCK_PLAIN:
		connect_begin(s, fd, addr, len);
		return STARTED;
	case SOCK_LISTENING:
	case SOCK_KERNEL:
	case SOCK_STATES:
		break;
	}
	return ASK_KERNEL;
}

int
sw_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sock_ref ref = {NULL, 0};
	struct sw_sock *s = sock_at(fd);
	enum verdict verdict = ASK_KERNEL;
	int rc = 0;

	if (s != NULL)
		connect_progress(fd, sock_ref(s));
	sw_lock();
	s = sock_at(fd);
	if (s == NULL && addr != NULL &&
	    (addr->sa_family == AF_INET || addr->sa_family == AF_INET6))
		s = sock_adopt(fd);
	if (s != NULL) {
		ref = sock_ref(s);
		verdict = connect_judge(s, fd, addr, len, &rc);
	}
	sw_unlock();
	if (verdict == ANSWER)
		return rc;
	if (verdict == ASK_KERNEL || sock_at(fd) != s || sock_state(s) == SOCK_KERNEL)
		return KERN(connect(fd, addr, len));
	if (atomic_load(&s->nonblock) && sock_state(s) != SOCK_FAILED)
		return verdict == WAIT ? -EALREADY : -EINPROGRESS;
	rc = connect_wait(fd, ref);
	return rc == -EBADF && sock_at(fd) == NULL ? KERN(connect(fd, addr, len)) : rc;
}
