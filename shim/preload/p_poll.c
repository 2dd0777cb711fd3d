/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for several descriptors. */
#include "interpose.h"
#include "ep_set.h"
#include "ep_wait.h"
#include "poll_set.h"

INTERPOSE int
poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return RESULT(sw_poll(fds, count, timeout));
}

INTERPOSE int
ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
	return RESULT(sw_ppoll(fds, count, timeout, mask));
}

INTERPOSE int
select(int nfds, fd_set *restrict rd, fd_set *restrict wr, fd_set *restrict ex,
    struct timeval *restrict timeout)
{
	return RESULT(sw_select(nfds, rd, wr, ex, timeout));
}

INTERPOSE int
pselect(int nfds, fd_set *restrict rd, fd_set *restrict wr, fd_set *restrict ex,
    const struct timespec *restrict timeout, const sigset_t *restrict mask)
{
	return RESULT(sw_pselect(nfds, rd, wr, ex, timeout, mask));
}

INTERPOSE int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return RESULT(sw_epoll_ctl(epfd, op, fd, event));
}

INTERPOSE int
epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	return RESULT(sw_epoll_pwait(epfd, events, max, timeout, NULL));
}

INTERPOSE int
epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
	return RESULT(sw_epoll_pwait(epfd, events, max, timeout, mask));
}

INTERPOSE int
epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout,
    const sigset_t *mask)
{
	return RESULT(sw_epoll_pwait2(epfd, events, max, timeout, mask));
}

ALSO(poll) int __poll(struct pollfd *fds, nfds_t count, int timeout);
ALSO(select) int __select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout);
