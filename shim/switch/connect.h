/* SPDX-License-Identifier: BSD-3-Clause */
/* connect(): SAN or kernel, once per socket and by rule; waits for the SAN's answer; falls back to
 * kernel TCP where the answer leaves hope. */
#ifndef SAND_SWITCH_CONNECT_H
#define SAND_SWITCH_CONNECT_H

#include "sock.h"

int sw_connect(int fd, const struct sockaddr *addr, socklen_t len);
/* Takes notice of a SAN connect that has finished; starts the kernel's where that is due. Cheap
 * when there is nothing to do. Afterwards the socket may have left the switch: look fd up again.
 * sw_lock is not held. */
void connect_progress(int fd, struct sock_ref ref);
/* Waits for the outcome of a connect under way: 0, or -errno as connect() reports it. */
int connect_wait(int fd, struct sock_ref ref);

#endif
