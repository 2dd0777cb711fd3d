/* SPDX-License-Identifier: BSD-3-Clause */
/* poll() and select() over descriptors of both kinds: look at the SAN's first, spin a little
 * without forgetting the kernel's, then sleep in the kernel with a wake object that stands for all
 * SAN sockets of the set. */
#ifndef SAND_SWITCH_POLL_SET_H
#define SAND_SWITCH_POLL_SET_H

#include <poll.h>
#include <signal.h>
#include <sys/select.h>
#include <time.h>

/* As ppoll(2) with a point in time (CLOCK_MONOTONIC, NULL: never; {0, 0}: just look). */
int poll_wait(struct pollfd *fds, nfds_t count, const struct timespec *until, const sigset_t *mask);

/* The same for one descriptor that must go on naming `file`: POLLNVAL as soon as it does not. */
struct sw_file;
int poll_wait_file(int fd, struct sw_file *file, short events, const struct timespec *until);

/* As the system calls of that name; a set without a descriptor of the switch goes straight to the
 * kernel. */
int sw_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int sw_ppoll(
    struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
int sw_select(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout);
int sw_pselect(int nfds, fd_set *rd, fd_set *wr, fd_set *ex, const struct timespec *timeout,
    const sigset_t *mask);

#endif
