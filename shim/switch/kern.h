/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel as the switch and the preload library reach it: libc's own functions, behind the
 * interposed names. Whoever links the switch provides kern_resolve(): the preload library looks
 * them up behind itself, a test names them. */
#ifndef SAND_SWITCH_KERN_H
#define SAND_SWITCH_KERN_H

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* X(result, name, arguments) */
#define KERN_LIST(X)                                                                               \
	X(int, socket, (int, int, int))                                                            \
	X(int, bind, (int, const struct sockaddr *, socklen_t))                                    \
	X(int, listen, (int, int))                                                                 \
	X(int, accept4, (int, struct sockaddr *, socklen_t *, int))                                \
	X(int, connect, (int, const struct sockaddr *, socklen_t))                                 \
	X(ssize_t, send, (int, const void *, size_t, int))                                         \
	X(ssize_t, sendto, (int, const void *, size_t, int, const struct sockaddr *, socklen_t))   \
	X(ssize_t, sendmsg, (int, const struct msghdr *, int))                                     \
	X(int, sendmmsg, (int, struct mmsghdr *, unsigned, int))                                   \
	X(ssize_t, recv, (int, void *, size_t, int))                                               \
	X(ssize_t, recvfrom, (int, void *, size_t, int, struct sockaddr *, socklen_t *))           \
	X(ssize_t, recvmsg, (int, struct msghdr *, int))                                           \
	X(int, recvmmsg, (int, struct mmsghdr *, unsigned, int, struct timespec *))                \
	X(ssize_t, read, (int, void *, size_t))                                                    \
	X(ssize_t, write, (int, const void *, size_t))                                             \
	X(ssize_t, readv, (int, const struct iovec *, int))                                        \
	X(ssize_t, writev, (int, const struct iovec *, int))                                       \
	X(ssize_t, sendfile64, (int, int, off64_t *, size_t))                                      \
	X(ssize_t, splice, (int, off64_t *, int, off64_t *, size_t, unsigned))                     \
	X(int, poll, (struct pollfd *, nfds_t, int))                                               \
	X(int, ppoll, (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))        \
	X(int, select, (int, fd_set *, fd_set *, fd_set *, struct timeval *))                      \
	X(int, pselect,                                                                            \
	    (int, fd_set *, fd_set *, fd_set *, const struct timespec *, const sigset_t *))        \
	X(int, epoll_ctl, (int, int, int, struct epoll_event *))                                   \
	X(int, epoll_pwait, (int, struct epoll_event *, int, int, const sigset_t *))               \
	X(int, epoll_pwait2,                                                                       \
	    (int, struct epoll_event *, int, const struct timespec *, const sigset_t *))           \
	X(int, fcntl64, (int, int, ...))                                                           \
	X(int, ioctl, (int, unsigned long, ...))                                                   \
	X(int, getsockopt, (int, int, int, void *, socklen_t *))                                   \
	X(int, setsockopt, (int, int, int, const void *, socklen_t))                               \
	X(int, getsockname, (int, struct sockaddr *, socklen_t *))                                 \
	X(int, getpeername, (int, struct sockaddr *, socklen_t *))                                 \
	X(int, shutdown, (int, int))                                                               \
	X(int, close, (int))                                                                       \
	X(int, dup, (int))                                                                         \
	X(int, dup2, (int, int))                                                                   \
	X(int, dup3, (int, int, int))                                                              \
	X(int, close_range, (unsigned, unsigned, int))                                             \
	X(long, syscall, (long, ...))                                                              \
	X(FILE *, fdopen, (int, const char *))                                                     \
	X(pid_t, fork, (void))                                                                     \
	X(pid_t, _Fork, (void))                                                                    \
	X(int, execve, (const char *, char *const *, char *const *))                               \
	X(int, execvpe, (const char *, char *const *, char *const *))                              \
	X(int, fexecve, (int, char *const *, char *const *))                                       \
	X(int, execveat, (int, const char *, char *const *, char *const *, int))                   \
	X(int, posix_spawn,                                                                        \
	    (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, \
		char *const *, char *const *))                                                     \
	X(int, posix_spawnp,                                                                       \
	    (pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, \
		char *const *, char *const *))

struct kern {
#define X(result, name, arguments) result(*name) arguments;
	KERN_LIST(X)
#undef X
};

extern _Atomic(const struct kern *) kern_table;

/* Fills kern_table and returns it; callable at any time, from any thread, before any constructor.
 */
const struct kern *kern_resolve(void);

static inline const struct kern *
kern(void)
{
	const struct kern *k = atomic_load_explicit(&kern_table, memory_order_acquire);

	return __builtin_expect(k != NULL, 1) ? k : kern_resolve();
}

/* Inside the switch a failure is -errno, as the kernel itself says it. */
static inline ssize_t
kern_result(ssize_t result)
{
	return result == -1 ? -errno : result;
}

#define KERN(call) ((int)kern_result(kern()->call))

#endif
