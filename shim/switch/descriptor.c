/* SPDX-License-Identifier: BSD-3-Clause */
#include "descriptor.h"
#include "companion.h"
#include "connect.h"
#include "deadline.h"
#include "ep_set.h"
#include "family.h"
#include "kern.h"
#include "listen.h"
#include "provider.h"
#include "sw_lock.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

int
sw_socket(int domain, int type, int protocol)
{
	int fd = KERN(socket(domain, type, protocol));

	if (fd < 0 || (domain != AF_INET && domain != AF_INET6) ||
	    (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != SOCK_STREAM ||
	    (protocol != 0 && protocol != IPPROTO_TCP))
		return fd;
	sw_lock();
	(void)sock_track(fd, domain, (type & SOCK_NONBLOCK) != 0);
	sw_unlock();
	return fd;
}

/* --- close --- */

/* SO_LINGER {1, n}: everything sent is acknowledged or n seconds pass, unless unread data makes it
 * a reset anyway. */
static void
linger_wait(SOCKET san, uint32_t seconds)
{
	struct timespec store, *until = deadline_in((uint64_t)seconds * 1000000000u, &store);
	uint32_t in = 0, out, room;
	int mark, err;

	if (provider_san->sanQueue(san, &in, &out, &room, &mark, &err) != 0 || in > 0)
		return;
	if (provider_san->sanShutdown(san, SHUT_WR, &err) == 0)
		(void)provider_san->sanDrain(san, until, &err);
}

/* What is left to do for the last reference once nobody can find the file any more. Without
 * sw_lock: may linger. */
struct ending {
	SOCKET san, listener;
	bool reset;
	uint32_t linger_s;
};

/* sw_lock is held. */
static struct ending
sock_end(struct sw_sock *s)
{
	struct ending end = {
	    .san = atomic_load(&s->file.san), .listener = atomic_load(&s->listener)};

	end.reset = (s->linger && s->linger_s == 0) || sock_state(s) == SOCK_CONNECTING;
	end.linger_s = s->linger ? s->linger_s : 0;
	ep_sock_forget(s);
	sock_free(s);
	return end;
}

static struct ending
file_drop(struct sw_file *file)
{
	struct ending none = {.san = INVALID_SOCKET, .listener = INVALID_SOCKET};

	if (file == NULL || file->refs > 0)
		return none;
	if (file->kind == SW_SOCK)
		return sock_end((struct sw_sock *)file);
	ep_free((struct sw_epoll *)file);
	return none;
}

static void
ending_run(const struct ending *end)
{
	companion_close(end->listener, true);
	if (end->san == INVALID_SOCKET || end->san == SOCK_SAN_FAILED)
		return;
	if (end->linger_s > 0)
		linger_wait(end->san, end->linger_s);
	companion_close(end->san, end->reset);
}

/* Takes fd out of the switch. The child of a vfork() borrows its parent's memory, so what it closes
 * must stay. */
static struct ending
descriptor_forget(int fd)
{
	struct ending end = {.san = INVALID_SOCKET, .listener = INVALID_SOCKET};

	if (fdtab_get(fd) == NULL || !family_is_mine())
		return end;
	sw_lock();
	end = file_drop(fdtab_take(fd));
	sw_unlock();
	return end;
}

/* The lowest of the provider's own descriptors from fd on, -1: none. To the program they do not
 * exist: servers close whatever they find open before they begin. */
static int
spared(int fd)
{
	return provider_san != NULL ? provider_san->sanOwnFd(fd) : -1;
}

/* The kernel's half goes between ours: its number is out of the table before it can be given out
 * again, and a thread that the end of the companion wakes finds the descriptor closed. */
int
sw_close(int fd)
{
	struct ending end;
	int rc;

	if (fdtab_get(fd) == NULL)
		return fd >= 0 && spared(fd) == fd ? -EBADF : KERN(close(fd));
	end = descriptor_forget(fd);
	rc = KERN(close(fd));
	ending_run(&end);
	return rc;
}

/* The ranges between those that are spared. */
static int
kernel_close_range(unsigned first, unsigned last, int flags)
{
	int rc = 0;

	for (int own; rc == 0 && first < FDTAB_MAX; first = (unsigned)own + 1) {
		own = spared((int)first);
		if (own < 0 || (unsigned)own > last)
			break;
		if (first < (unsigned)own)
			rc = KERN(close_range(first, (unsigned)own - 1, flags));
	}
	return rc == 0 && first <= last ? KERN(close_range(first, last, flags)) : rc;
}

int
sw_close_range(unsigned first, unsigned last, int flags)
{
	if (first > last || (flags & CLOSE_RANGE_CLOEXEC) != 0)
		return KERN(close_range(first, last, flags));
	if (first < FDTAB_MAX)
		for (int fd = fdtab_next((int)first); fd >= 0 && (unsigned)fd <= last;
		     fd = fdtab_next(fd + 1))
			(void)sw_close(fd);
	return kernel_close_range(first, last, flags);
}

/* --- dup --- */

/* `copy` now names what fd names. */
static int
descriptor_share(int fd, int copy)
{
	struct sw_file *file;

	if (copy < 0 || fdtab_get(fd) == NULL || !family_is_mine())
		return copy;
	sw_lock();
	file = fdtab_get(fd);
	if (file != NULL)
		(void)fdtab_set(copy, file);
	sw_unlock();
	return copy;
}

int
sw_dup(int fd)
{
	return descriptor_share(fd, KERN(dup(fd)));
}

/* The kernel replaces `target` in one step; ours is forgotten before, when it is certain that the
 * step will be taken. */
int
sw_dup3(int fd, int target, int flags)
{
	struct ending end = {.san = INVALID_SOCKET, .listener = INVALID_SOCKET};
	int rc;

	if (fd == target)
		return KERN(dup3(fd, target, flags));
	if (fdtab_get(target) != NULL && KERN(fcntl64(fd, F_GETFD)) >= 0)
		end = descriptor_forget(target);
	rc = descriptor_share(fd, KERN(dup3(fd, target, flags)));
	ending_run(&end);
	return rc;
}

int
sw_dup2(int fd, int target)
{
	return fd == target ? KERN(dup2(fd, target)) : sw_dup3(fd, target, 0);
}

/* --- shutdown --- */

int
sw_shutdown(int fd, int how)
{
	struct sw_sock *s = sock_at(fd);
	int err = 0;

	if (s != NULL)
		connect_progress(fd, sock_ref(s));
	if (s == NULL || how < SHUT_RD || how > SHUT_RDWR)
		return KERN(shutdown(fd, how));
	if (sock_state(s) == SOCK_CONNECTED)
		return provider_san->sanShutdown(atomic_load(&s->file.san), how, &err) == 0
			   ? 0
			   : -sw_errno(err);
	if (sock_state(s) == SOCK_LISTENING && how != SHUT_WR) {
		sw_lock();
		listen_stop(s);
		ep_sock_moved(s);
		sw_unlock();
	}
	return KERN(shutdown(fd, how));
}

/* --- fcntl, ioctl --- */

/* A listener's kernel half is always non-blocking; the program's own flag is ours. */
static int
flags_set(int fd, struct sw_sock *s, long flags)
{
	long kernel = sock_state(s) == SOCK_LISTENING ? flags | O_NONBLOCK : flags;
	int rc = KERN(fcntl64(fd, F_SETFL, kernel));

	if (rc == 0)
		atomic_store(&s->nonblock, (flags & O_NONBLOCK) != 0);
	return rc;
}

static int
flags_get(int fd, const struct sw_sock *s)
{
	int flags = KERN(fcntl64(fd, F_GETFL));

	if (flags < 0 || sock_state(s) != SOCK_LISTENING)
		return flags;
	return atomic_load(&s->nonblock) ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
}

int
sw_fcntl(int fd, int cmd, void *arg)
{
	struct sw_sock *s = sock_at(fd);

	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return descriptor_share(fd, KERN(fcntl64(fd, cmd, arg)));
	if (s != NULL && cmd == F_SETFL)
		return flags_set(fd, s, (long)arg);
	if (s != NULL && cmd == F_GETFL)
		return flags_get(fd, s);
	return KERN(fcntl64(fd, cmd, arg));
}

/* 0 with *value set, -ENOTTY for a request that the kernel answers. */
static int
queue_ioctl(SOCKET san, unsigned long request, int *value)
{
	uint32_t in, out, room;
	int mark, err;

	if (request != FIONREAD && request != SIOCOUTQ && request != SIOCATMARK)
		return -ENOTTY;
	if (provider_san->sanQueue(san, &in, &out, &room, &mark, &err) != 0)
		return -sw_errno(err);
	*value = request == FIONREAD ? (int)in : request == SIOCOUTQ ? (int)out : mark;
	return 0;
}

int
sw_ioctl(int fd, unsigned long request, void *arg)
{
	struct sw_sock *s = sock_at(fd);
	int rc = -ENOTTY;

	if (s != NULL && request == FIONBIO && arg != NULL) {
		rc = flags_get(fd, s);
		return flags_set(
		    fd, s, *(int *)arg != 0 ? rc | O_NONBLOCK : rc & ~(long)O_NONBLOCK);
	}
	if (s != NULL && sock_state(s) == SOCK_CONNECTED && arg != NULL)
		rc = queue_ioctl(atomic_load(&s->file.san), request, arg);
	return rc != -ENOTTY ? rc : KERN(ioctl(fd, request, arg));
}
