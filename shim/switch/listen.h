/* SPDX-License-Identifier: BSD-3-Clause */
/* listen() and accept(): the kernel's listener and the SAN's behind one descriptor. */
#ifndef SAND_SWITCH_LISTEN_H
#define SAND_SWITCH_LISTEN_H

#include "sock.h"

int sw_listen(int fd, int backlog);
int sw_accept(int fd, struct sockaddr *addr, socklen_t *len, int flags);
/* Ends the SAN side of a listener; threads blocked in accept() find out. sw_lock. */
void listen_stop(struct sw_sock *s);

#endif
