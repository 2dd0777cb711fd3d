/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of a connected SAN socket: blocking behaviour, flags and errors of Linux TCP over the
 * provider's non-blocking copies. The data path: one table look-up, no lock, no allocation, no
 * system call unless it must wait. */
#ifndef SAND_SWITCH_STREAM_H
#define SAND_SWITCH_STREAM_H

#include "fdtab.h"

#include <sys/socket.h>
#include <sys/uio.h>

#define STREAM_IOV_MAX 1024 /* the kernel's UIO_MAXIOV */

ssize_t sw_recv(struct fdtab_stream st, int fd, const struct iovec *iov, int count, int flags);
ssize_t sw_send(struct fdtab_stream st, int fd, const struct iovec *iov, int count, int flags);

ssize_t sw_sendmsg(struct fdtab_stream st, int fd, const struct msghdr *msg, int flags);
ssize_t sw_recvmsg(struct fdtab_stream st, int fd, struct msghdr *msg, int flags);
int sw_recvmmsg(struct fdtab_stream st, int fd, struct mmsghdr *msgs, unsigned count, int flags,
    const struct timespec *timeout);
int sw_sendmmsg(struct fdtab_stream st, int fd, struct mmsghdr *msgs, unsigned count, int flags);

/* sendfile() into the SAN by a copy loop. */
ssize_t sw_sendfile(struct fdtab_stream st, int fd, int from, off64_t *offset, size_t count);

static inline ssize_t
sw_read(struct fdtab_stream st, int fd, void *buf, size_t len, int flags)
{
	struct iovec iov = {buf, len};

	return sw_recv(st, fd, &iov, 1, flags);
}

static inline ssize_t
sw_write(struct fdtab_stream st, int fd, const void *buf, size_t len, int flags)
{
	struct iovec iov = {(void *)buf, len};

	return sw_send(st, fd, &iov, 1, flags);
}

#endif
