/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting on an epoll instance that has SAN members. */
#ifndef SAND_SWITCH_EP_WAIT_H
#define SAND_SWITCH_EP_WAIT_H

#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

/* As the system calls of that name; a set without SAN members goes straight to the kernel. */
int sw_epoll_pwait(
    int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask);
int sw_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout,
    const sigset_t *mask);

#endif
