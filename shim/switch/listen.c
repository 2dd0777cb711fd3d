/* SPDX-License-Identifier: BSD-3-Clause */
#include "listen.h"
#include "abi.h"
#include "companion.h"
#include "deadline.h"
#include "ep_set.h"
#include "kern.h"
#include "option.h"
#include "poll_set.h"
#include "provider.h"
#include "restart.h"
#include "sw_lock.h"
#include "sw_log.h"

#include <fcntl.h>

/* A listener needs its port number before the provider is told. */
static int
port_ensure(int fd, int domain, struct name *local)
{
	struct sockaddr_storage any = {.ss_family = (sa_family_t)domain};
	int rc;

	*local = name_of_kernel(fd);
	if (local->len == 0 || name_port(local) != 0)
		return 0;
	rc = KERN(bind(fd, (struct sockaddr *)&any,
	    domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)));
	*local = name_of_kernel(fd);
	return rc;
}

/* The kernel's half must never block an accept() that the SAN could answer. */
static void
kernel_half_nonblocking(int fd)
{
	(void)KERN(fcntl64(fd, F_SETFL, KERN(fcntl64(fd, F_GETFL)) | O_NONBLOCK));
}

static int
companion_listen(struct sw_sock *s, int fd, const struct name *local, int backlog)
{
	SOCKET san = atomic_load(&s->listener);
	bool fresh = san == INVALID_SOCKET;
	int err = 0;

	if (fresh)
		san = companion_open(s, fd, local);
	if (san == INVALID_SOCKET)
		return -EADDRNOTAVAIL;
	if (provider_wsp->lpWSPListen(san, backlog, &err) != 0) {
		s->why = SOCK_WHY_LISTEN_FAILED;
		sw_log("fd %d: %s: error %d", fd, sock_why_text(s->why), err);
		if (fresh)
			companion_close(san, true);
		return fresh ? -sw_errno(err) : 0;
	}
	if (fresh) {
		kernel_half_nonblocking(fd);
		atomic_store_explicit(&s->listener, san, memory_order_release);
		sock_event(s, SOCK_EV_LISTEN_DONE);
		ep_sock_moved(s);
	}
	return 0;
}

static int
route_of(const struct name *local)
{
	if (provider_start() == NULL)
		return SHM_ACTION_TCP;
	return provider_san->sanRouteListen((const struct sockaddr *)&local->addr, local->len);
}

/* Kernel first: it polices ports. Under a SAN-only rule the kernel just holds the port. */
static int
listen_both(struct sw_sock *s, int fd, int backlog)
{
	struct name local;
	int action, rc = port_ensure(fd, s->domain, &local);

	if (rc < 0)
		return rc;
	action = route_of(&local);
	s->san_only = action == SHM_ACTION_SAN_ONLY;
	if (!s->san_only)
		rc = KERN(listen(fd, backlog));
	if (rc < 0 || action == SHM_ACTION_TCP)
		return rc;
	rc = companion_listen(s, fd, &local, backlog);
	return s->san_only ? rc : 0;
}

static int
listen_judge(struct sw_sock *s, int fd, int backlog)
{
	switch (sock_state(s)) {
	case SOCK_PLAIN:
	case SOCK_LISTENING:
		return listen_both(s, fd, backlog);
	case SOCK_CONNECTING:
	case SOCK_CONNECTED:
		return -EINVAL;
	case SOCK_FAILED:
	case SOCK_KERNEL:
	case SOCK_STATES:
		break;
	}
	return KERN(listen(fd, backlog));
}

int
sw_listen(int fd, int backlog)
{
	struct sw_sock *s;
	int rc;

	sw_lock();
	s = sock_at(fd);
	if (s == NULL)
		s = sock_adopt(fd);
	rc = s != NULL ? listen_judge(s, fd, backlog) : KERN(listen(fd, backlog));
	sw_unlock();
	return rc;
}

void
listen_stop(struct sw_sock *s)
{
	SOCKET san = atomic_exchange(&s->listener, INVALID_SOCKET);

	if (san == INVALID_SOCKET)
		return;
	sock_event(s, SOCK_EV_RESET);
	companion_close(san, true);
}

/* The program's descriptor for an accepted connection is a kernel socket that never connects. It is
 * made before the connection is taken, so that a process out of descriptors leaves the connection
 * in the queue, as Linux does. */
static int
placeholder_make(int domain, int flags)
{
	return KERN(socket(domain, SOCK_STREAM | (flags & (SOCK_NONBLOCK | SOCK_CLOEXEC)), 0));
}

static int
accepted_publish(struct sw_sock *listener, int listener_fd, int fd, SOCKET san, int flags)
{
	struct sw_sock *s;

	sw_lock();
	s = sock_track(fd, listener->domain, (flags & SOCK_NONBLOCK) != 0);
	if (s != NULL) {
		s->claimed = true;
		sock_event(s, SOCK_EV_ACCEPTED);
		atomic_store_explicit(&s->file.san, san, memory_order_release);
		option_inherit(listener, listener_fd, s, fd);
	}
	sw_unlock();
	if (s == NULL)
		companion_close(san, true);
	return s == NULL ? -ENOMEM : fd;
}

static int
accept_san(struct sw_sock *s, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	SOCKET listener = atomic_load_explicit(&s->listener, memory_order_acquire), san;
	INT peer_len = len != NULL ? (INT)*len : 0;
	int err = 0, here;

	if (listener == INVALID_SOCKET || (provider_san->sanPoll(listener) & POLLIN) == 0)
		return -EAGAIN;
	here = placeholder_make(s->domain, flags);
	if (here < 0)
		return here;
	san = provider_wsp->lpWSPAccept(
	    listener, addr, addr != NULL ? &peer_len : NULL, NULL, 0, &err);
	if (san == INVALID_SOCKET) {
		(void)KERN(close(here));
		return err == WSAECONNABORTED ? -ECONNABORTED : -EAGAIN;
	}
	if (addr != NULL && len != NULL)
		*len = (socklen_t)peer_len;
	err = accepted_publish(s, fd, here, san, flags);
	if (err < 0)
		(void)KERN(close(here));
	return err;
}

static int
accept_kernel(struct sw_sock *s, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return s->san_only ? -EAGAIN : KERN(accept4(fd, addr, len, flags));
}

/* Both queues get their turn; -EAGAIN only when both are empty. */
static int
accept_either(struct sw_sock *s, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	bool san_first = (s->turn++ & 1) == 0;
	int rc = san_first ? accept_san(s, fd, addr, len, flags)
			   : accept_kernel(s, fd, addr, len, flags);

	if (rc != -EAGAIN)
		return rc;
	return san_first ? accept_kernel(s, fd, addr, len, flags)
			 : accept_san(s, fd, addr, len, flags);
}

int
sw_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct sw_sock *s = sock_at(fd);
	struct timespec store, *until;
	struct sock_ref ref;
	int rc;

	if (s == NULL || sock_state(s) != SOCK_LISTENING ||
	    (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0)
		return KERN(accept4(fd, addr, len, flags));
	ref = sock_ref(s);
	until = deadline_in(s->recv_ns, &store);
	while ((rc = accept_either(s, fd, addr, len, flags)) == -EAGAIN) {
		if (atomic_load(&s->nonblock))
			return rc;
		rc = poll_wait_file(fd, &s->file, POLLIN, until);
		if (rc == 0)
			return -EAGAIN;
		if (rc == -EINTR && (until != NULL || !restart_wanted()))
			return rc;
		if (!sock_ref_valid(ref) || sock_at(fd) != s)
			return -EBADF;
		if (sock_state(s) != SOCK_LISTENING)
			return -EINVAL;
	}
	return rc;
}
