/* SPDX-License-Identifier: BSD-3-Clause */
/* The provider's socket beside the kernel's: made at connect() or listen(), never earlier. */
#ifndef SAND_SWITCH_COMPANION_H
#define SAND_SWITCH_COMPANION_H

#include "name.h"
#include "sock.h"

/* A companion bound to `local` (an unset or wildcard address without port: not bound).
 * INVALID_SOCKET with s->why set. */
SOCKET companion_open(struct sw_sock *s, int fd, const struct name *local);
/* Ends it; always succeeds. INVALID_SOCKET and SOCK_SAN_FAILED are allowed. */
void companion_close(SOCKET san, bool reset);

/* bind() of an address that only the SAN has goes through the kernel too: IP_FREEBIND. */
int sw_bind(int fd, const struct sockaddr *addr, socklen_t len);

#endif
