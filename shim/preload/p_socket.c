/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets: their making, names, options and end. */
#include "interpose.h"
#include "companion.h"
#include "connect.h"
#include "descriptor.h"
#include "listen.h"
#include "name.h"
#include "option.h"

INTERPOSE int
socket(int domain, int type, int protocol)
{
	return RESULT(sw_socket(domain, type, protocol));
}

INTERPOSE int
bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return RESULT(sw_bind(fd, addr, len));
}

INTERPOSE int
listen(int fd, int backlog)
{
	return RESULT(sw_listen(fd, backlog));
}

INTERPOSE int
accept(int fd, struct sockaddr *restrict addr, socklen_t *restrict len)
{
	return RESULT(sw_accept(fd, addr, len, 0));
}

INTERPOSE int
accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict len, int flags)
{
	return RESULT(sw_accept(fd, addr, len, flags));
}

INTERPOSE int
connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return RESULT(sw_connect(fd, addr, len));
}

INTERPOSE int
getsockname(int fd, struct sockaddr *restrict addr, socklen_t *restrict len)
{
	return RESULT(sw_getsockname(fd, addr, len));
}

INTERPOSE int
getpeername(int fd, struct sockaddr *restrict addr, socklen_t *restrict len)
{
	return RESULT(sw_getpeername(fd, addr, len));
}

INTERPOSE int
getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{
	return RESULT(sw_getsockopt(fd, level, name, value, len));
}

INTERPOSE int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return RESULT(sw_setsockopt(fd, level, name, value, len));
}

INTERPOSE int
shutdown(int fd, int how)
{
	return RESULT(sw_shutdown(fd, how));
}

ALSO(connect) int __connect(int fd, const struct sockaddr *addr, socklen_t len);
