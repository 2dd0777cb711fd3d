/* SPDX-License-Identifier: BSD-3-Clause */
#include "name.h"
#include "connect.h"
#include "kern.h"
#include "provider.h"
#include "sock.h"

#include <arpa/inet.h>

bool
name_valid(int domain, const struct sockaddr *addr, socklen_t len)
{
	if (addr == NULL || len < sizeof(sa_family_t) || addr->sa_family != domain)
		return false;
	return (domain == AF_INET && len >= sizeof(struct sockaddr_in)) ||
	       (domain == AF_INET6 && len >= sizeof(struct sockaddr_in6));
}

bool
name_is_wildcard(const struct name *n)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&n->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&n->addr;

	if (n->addr.ss_family == AF_INET)
		return v4->sin_addr.s_addr == htonl(INADDR_ANY);
	return n->addr.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

unsigned
name_port(const struct name *n)
{
	/* The port is at the same place in both families. */
	return ntohs(((const struct sockaddr_in *)&n->addr)->sin_port);
}

struct name
name_of_kernel(int fd)
{
	struct name n = {.len = sizeof n.addr};

	if (KERN(getsockname(fd, (struct sockaddr *)&n.addr, &n.len)) < 0)
		n.len = 0;
	return n;
}

typedef int name_get(SOCKET s, struct sockaddr *name, socklen_t *len, LPINT err);

static int
name_from_san(SOCKET san, name_get *get, struct sockaddr *addr, socklen_t *len)
{
	int err = 0;

	if (addr == NULL || len == NULL)
		return -EFAULT;
	if ((int)*len < 0)
		return -EINVAL;
	return get(san, addr, len, &err) == 0 ? 0 : -sw_errno(err);
}

int
sw_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sw_sock *s = sock_at(fd);
	SOCKET san;
	int rc;

	if (s == NULL)
		return KERN(getsockname(fd, addr, len));
	connect_progress(fd, sock_ref(s));
	san = atomic_load(&s->file.san);
	if (san == INVALID_SOCKET || san == SOCK_SAN_FAILED)
		return KERN(getsockname(fd, addr, len));
	rc = name_from_san(san, provider_san->sanGetSockName, addr, len);
	return rc == -ENOTCONN ? KERN(getsockname(fd, addr, len)) : rc;
}

int
sw_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sw_sock *s = sock_at(fd);

	if (s != NULL)
		connect_progress(fd, sock_ref(s));
	if (s == NULL || sock_state(s) != SOCK_CONNECTED)
		return KERN(getpeername(fd, addr, len));
	return name_from_san(atomic_load(&s->file.san), provider_san->sanGetPeerName, addr, len);
}
