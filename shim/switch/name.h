/* SPDX-License-Identifier: BSD-3-Clause */
/* Socket addresses. A companion has its socket's family, so that an IPv4 peer of an AF_INET6 socket
 * is ::ffff:a.b.c.d to program and provider alike, as in the kernel. */
#ifndef SAND_SWITCH_NAME_H
#define SAND_SWITCH_NAME_H

#include <stdbool.h>
#include <sys/socket.h>

/* Room for either family, and its length. */
struct name {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* True if `addr` is an IPv4 or IPv6 address of the socket's own domain, complete. */
bool name_valid(int domain, const struct sockaddr *addr, socklen_t len);
bool name_is_wildcard(const struct name *n);
unsigned name_port(const struct name *n);
/* The kernel's idea of the local address of fd. */
struct name name_of_kernel(int fd);

int sw_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int sw_getpeername(int fd, struct sockaddr *addr, socklen_t *len);

#endif
