/* SPDX-License-Identifier: BSD-3-Clause */
/* The wake object of a thread that sleeps in poll() or select(): made at its first sleep, kept
 * until it ends. */
#ifndef SAND_SWITCH_WAITER_H
#define SAND_SWITCH_WAITER_H

#include <sand/san.h>
#include <stdbool.h>

/* The calling thread's, with its eventfd; NULL and -1 when there is none to be had. */
struct san_wake *waiter_get(int *fd);
/* In the child of a fork: its one thread has none yet. */
void waiter_forget(void);

/* How long to sleep: what is left until then (NULL: for ever), in slices of 1 ms when no wake
 * object can end the sleep. */
const struct timespec *waiter_time(
    bool has_wake, const struct timespec *until, struct timespec *store);
/* A wake's eventfd, made non-blocking: reading it empty must never wait. */
int waiter_fd(const struct san_wake *wake);
void waiter_drain(int fd);

#endif
