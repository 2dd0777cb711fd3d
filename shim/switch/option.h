/* SPDX-License-Identifier: BSD-3-Clause */
/* Socket options. The kernel's socket keeps every option and answers for it; what has a meaning on
 * the SAN's data path is learned from it here, by one table. */
#ifndef SAND_SWITCH_OPTION_H
#define SAND_SWITCH_OPTION_H

#include "sock.h"

/* Learns every option from the kernel's socket. sw_lock. */
void option_load_all(struct sw_sock *s, int fd);
/* The program has just set this option on the kernel's socket. sw_lock. */
void option_changed(struct sw_sock *s, int fd, int level, int name);
/* Hands a new companion what was set before it existed. */
void option_apply(struct sw_sock *s, int fd, SOCKET san);
/* An accepted socket gets what the program had set on its listener, on the kernel's placeholder as
 * well. sw_lock. */
void option_inherit(const struct sw_sock *listener, int listener_fd, struct sw_sock *s, int fd);

int sw_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int sw_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

#endif
