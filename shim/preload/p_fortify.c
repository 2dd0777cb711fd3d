/* SPDX-License-Identifier: BSD-3-Clause */
/* What _FORTIFY_SOURCE turns calls into: the same calls with the true size of the buffer. */
#include "interpose.h"
#include "poll_set.h"

#include <stdlib.h>
#include <unistd.h>

ssize_t __read_chk(int fd, void *buf, size_t len, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags, struct sockaddr *addr,
    socklen_t *addr_len);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
    const sigset_t *mask, size_t size);
_Noreturn void __chk_fail(void);

static void
check(size_t need, size_t have)
{
	if (need > have)
		__chk_fail();
}

INTERPOSE ssize_t
__read_chk(int fd, void *buf, size_t len, size_t size)
{
	check(len, size);
	return read(fd, buf, len);
}

INTERPOSE ssize_t
__recv_chk(int fd, void *buf, size_t len, size_t size, int flags)
{
	check(len, size);
	return recv(fd, buf, len, flags);
}

INTERPOSE ssize_t
__recvfrom_chk(int fd, void *buf, size_t len, size_t size, int flags, struct sockaddr *addr,
    socklen_t *addr_len)
{
	check(len, size);
	return recvfrom(fd, buf, len, flags, addr, addr_len);
}

INTERPOSE int
__poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
	check(count, size / sizeof *fds);
	return RESULT(sw_poll(fds, count, timeout));
}

INTERPOSE int
__ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
    size_t size)
{
	check(count, size / sizeof *fds);
	return RESULT(sw_ppoll(fds, count, timeout, mask));
}
