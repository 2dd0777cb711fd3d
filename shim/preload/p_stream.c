/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes in and out. */
#include "interpose.h"
#include "rights.h"
#include "stream.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

INTERPOSE ssize_t
send(int fd, const void *buf, size_t len, int flags)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return kern()->send(fd, buf, len, flags);
	return result(sw_write(st, fd, buf, len, flags));
}

INTERPOSE ssize_t
write(int fd, const void *buf, size_t len)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return kern()->write(fd, buf, len);
	return result(sw_write(st, fd, buf, len, 0));
}

INTERPOSE ssize_t
writev(int fd, const struct iovec *iov, int count)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return kern()->writev(fd, iov, count);
	return result(sw_send(st, fd, iov, count, 0));
}

/* A connected stream socket ignores the address. */
INTERPOSE ssize_t
sendto(
    int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addr_len)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return kern()->sendto(fd, buf, len, flags, addr, addr_len);
	return result(sw_write(st, fd, buf, len, flags));
}

INTERPOSE ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return result(rights_send(fd, msg, flags));
	return result(sw_sendmsg(st, fd, msg, flags));
}

INTERPOSE int
sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return RESULT(rights_send_many(fd, msgs, count, flags));
	return RESULT(sw_sendmmsg(st, fd, msgs, count, flags));
}

INTERPOSE ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return kern()->recv(fd, buf, len, flags);
	return result(sw_read(st, fd, buf, len, flags));
}

INTERPOSE ssize_t
read(int fd, void *buf, size_t len)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return kern()->read(fd, buf, len);
	return result(sw_read(st, fd, buf, len, 0));
}

INTERPOSE ssize_t
readv(int fd, const struct iovec *iov, int count)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return kern()->readv(fd, iov, count);
	return result(sw_recv(st, fd, iov, count, 0));
}

/* A stream has no sender's address: Linux leaves *addr alone and sets its length to 0. */
INTERPOSE ssize_t
recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return kern()->recvfrom(fd, buf, len, flags, addr, addr_len);
	if (addr != NULL && addr_len != NULL)
		*addr_len = 0;
	return result(sw_read(st, fd, buf, len, flags));
}

INTERPOSE ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return result(rights_receive(fd, msg, flags));
	return result(sw_recvmsg(st, fd, msg, flags));
}

INTERPOSE int
recvmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags, struct timespec *timeout)
{
	struct fdtab_stream st = fdtab_stream(fd);

	if (st.file == NULL)
		return RESULT(rights_receive_many(fd, msgs, count, flags, timeout));
	return RESULT(sw_recvmmsg(st, fd, msgs, count, flags, timeout));
}

INTERPOSE ssize_t
sendfile64(int to, int from, off64_t *offset, size_t count)
{
	struct fdtab_stream st = fdtab_stream(to);

	if (st.file == NULL)
		return kern()->sendfile64(to, from, offset, count);
	return result(sw_sendfile(st, to, from, offset, count));
}

/* EINVAL is what a file system without splice says; programs then copy by themselves. */
INTERPOSE ssize_t
splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t len, unsigned flags)
{
	if (fdtab_stream(from).file != NULL || fdtab_stream(to).file != NULL)
		return result(-EINVAL);
	return kern()->splice(from, from_at, to, to_at, len, flags);
}

ALSO(read) ssize_t __read(int fd, void *buf, size_t len);
ALSO(write) ssize_t __write(int fd, const void *buf, size_t len);
ALSO(send) ssize_t __send(int fd, const void *buf, size_t len, int flags);
ALSO(sendfile64) ssize_t sendfile(int to, int from, off64_t *offset, size_t count);
