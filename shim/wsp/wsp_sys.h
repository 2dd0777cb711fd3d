/* SPDX-License-Identifier: BSD-3-Clause */
/* The system calls of the provider, made directly (see dataplane/shm/sys.h): in a preloaded library
 * libc's own names lead back into the switch. */
#ifndef SAND_WSP_SYS_H
#define SAND_WSP_SYS_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "sys.h"

static inline int
sys_socket(int domain, int type, int protocol)
{
	return (int)syscall(SYS_socket, domain, type, protocol);
}

static inline int
sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)syscall(SYS_connect, fd, addr, len);
}

static inline ssize_t
sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return syscall(SYS_sendmsg, fd, msg, flags);
}

static inline ssize_t
sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return syscall(SYS_recvmsg, fd, msg, flags);
}

static inline int
sys_poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
	struct timespec ts = {wait_ms / 1000, wait_ms % 1000 * 1000000L};

	return (int)syscall(SYS_ppoll, fds, count, wait_ms < 0 ? NULL : &ts, NULL, 0);
}

static inline int
sys_epoll_create(void)
{
	return (int)syscall(SYS_epoll_create1, EPOLL_CLOEXEC);
}

static inline int
sys_epoll_ctl(int ep, int op, int fd, struct epoll_event *ev)
{
	return (int)syscall(SYS_epoll_ctl, ep, op, fd, ev);
}

static inline int
sys_mincore(void *at, size_t len, unsigned char *resident)
{
	return (int)syscall(SYS_mincore, at, len, resident);
}

/* Move a descriptor out of the way of programs that count on small numbers, or that close a range
 * of them: below the limit most of them use, above what they open themselves. Returns the new one,
 * or fd itself if there is no room. */
static inline int
sys_fd_hide(int fd)
{
	struct rlimit lim = {0, 0};
	long top = 1024, high;

	if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &lim) == 0 && lim.rlim_cur < 1024)
		top = (long)lim.rlim_cur;
	high = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, top > 128 ? top - 96 : top / 2);
	if (high < 0)
		return fd;
	sys_close(fd);
	return (int)high;
}

#endif
