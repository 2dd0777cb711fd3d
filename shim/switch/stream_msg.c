/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls that are made of several sends or receives, or carry more than bytes. */
#include "deadline.h"
#include "kern.h"
#include "stream.h"

#include <unistd.h>

#define COPY_BYTES 16384 /* on the stack of whatever thread calls sendfile() */

/* A stream socket names no sender, carries no ancillary data and marks nothing but urgent bytes. */
ssize_t
sw_recvmsg(struct fdtab_stream st, int fd, struct msghdr *msg, int flags)
{
	ssize_t n;

	if (msg->msg_iovlen > STREAM_IOV_MAX)
		return -EMSGSIZE;
	n = sw_recv(st, fd, msg->msg_iov, (int)msg->msg_iovlen, flags);
	if (n < 0)
		return n;
	msg->msg_namelen = 0;
	msg->msg_controllen = 0;
	msg->msg_flags = flags & (MSG_OOB | MSG_TRUNC);
	return n;
}

ssize_t
sw_sendmsg(struct fdtab_stream st, int fd, const struct msghdr *msg, int flags)
{
	if (msg->msg_iovlen > STREAM_IOV_MAX)
		return -EMSGSIZE;
	return sw_send(st, fd, msg->msg_iov, (int)msg->msg_iovlen, flags);
}

int
sw_recvmmsg(struct fdtab_stream st, int fd, struct mmsghdr *msgs, unsigned count, int flags,
    const struct timespec *timeout)
{
	struct timespec store, *until = deadline_after(timeout, &store);
	unsigned done = 0;

	while (done < count) {
		struct timespec left = {1, 0};
		ssize_t n = sw_recvmsg(st, fd, &msgs[done].msg_hdr, flags & ~MSG_WAITFORONE);

		if (n < 0)
			return done > 0 ? (int)done : (int)n;
		msgs[done++].msg_len = (unsigned)n;
		if ((flags & MSG_WAITFORONE) != 0)
			flags |= MSG_DONTWAIT;
		if (until != NULL)
			left = deadline_left(until);
		if (n == 0 || (left.tv_sec == 0 && left.tv_nsec == 0))
			break;
	}
	return (int)done;
}

int
sw_sendmmsg(struct fdtab_stream st, int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	unsigned done;

	for (done = 0; done < count; done++) {
		ssize_t n = sw_sendmsg(st, fd, &msgs[done].msg_hdr, flags);

		if (n < 0)
			return done > 0 ? (int)done : (int)n;
		msgs[done].msg_len = (unsigned)n;
	}
	return (int)done;
}

/* Copies `count` bytes from position `at`; returns how many the SAN took, or -errno when that is
 * none. */
static ssize_t
file_copy(struct fdtab_stream st, int fd, int from, off64_t at, size_t count)
{
	char buf[COPY_BYTES];
	size_t done = 0;
	ssize_t got, sent = 0;

	while (done < count) {
		size_t ask = count - done < sizeof buf ? count - done : sizeof buf;

		got = pread64(from, buf, ask, at + (off64_t)done);
		if (got <= 0)
			return done > 0 || got == 0 ? (ssize_t)done : -errno;
		sent =
		    sw_write(st, fd, buf, (size_t)got, (size_t)got < count - done ? MSG_MORE : 0);
		if (sent < 0)
			return done > 0 ? (ssize_t)done : sent;
		done += (size_t)sent;
		if (sent < got)
			break;
	}
	return (ssize_t)done;
}

ssize_t
sw_sendfile(struct fdtab_stream st, int fd, int from, off64_t *offset, size_t count)
{
	off64_t at = offset != NULL ? *offset : lseek64(from, 0, SEEK_CUR);
	ssize_t n;

	if (at < 0)
		return offset != NULL || errno == ESPIPE ? -EINVAL : -errno;
	n = file_copy(st, fd, from, at, count);
	if (n <= 0)
		return n;
	if (offset != NULL)
		*offset = at + n;
	else
		(void)lseek64(from, at + n, SEEK_SET);
	return n;
}
