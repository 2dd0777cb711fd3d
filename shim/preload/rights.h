/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages over the kernel's sockets that carry descriptors (SCM_RIGHTS): SAN sockets among them go
 * along. All return as system calls do: a value, or -errno; -EOPNOTSUPP: one of the sockets cannot
 * go, nothing was sent. */
#ifndef SAND_PRELOAD_RIGHTS_H
#define SAND_PRELOAD_RIGHTS_H

#include <sys/socket.h>

ssize_t rights_send(int fd, const struct msghdr *msg, int flags);
int rights_send_many(int fd, struct mmsghdr *msgs, unsigned count, int flags);
ssize_t rights_receive(int fd, struct msghdr *msg, int flags);
int rights_receive_many(
    int fd, struct mmsghdr *msgs, unsigned count, int flags, struct timespec *timeout);

#endif
