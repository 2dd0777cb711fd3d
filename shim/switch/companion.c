/* SPDX-License-Identifier: BSD-3-Clause */
#include "companion.h"
#include "kern.h"
#include "option.h"
#include "provider.h"
#include "sw_lock.h"

SOCKET
companion_open(struct sw_sock *s, int fd, const struct name *local)
{
	bool bound = local->len != 0 && name_port(local) != 0;
	const struct sockaddr *here = (const struct sockaddr *)&local->addr;
	SOCKET san;
	int err = 0;

	if (bound && !name_is_wildcard(local) && !provider_san->sanIsLocal(here, local->len)) {
		s->why = SOCK_WHY_BOUND_ELSEWHERE;
		return INVALID_SOCKET;
	}
	san = provider_wsp->lpWSPSocket(
	    s->domain, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED, &err);
	if (san == INVALID_SOCKET) {
		s->why = SOCK_WHY_NO_COMPANION;
		return INVALID_SOCKET;
	}
	if (bound && provider_wsp->lpWSPBind(san, here, (int)local->len, &err) != 0) {
		s->why = SOCK_WHY_BIND_FAILED;
		companion_close(san, true);
		return INVALID_SOCKET;
	}
	/* No event: what WSD makes of this call is a socket on which nothing blocks. */
	(void)provider_wsp->lpWSPEventSelect(san, NULL, 0, &err);
	option_apply(s, fd, san);
	return san;
}

void
companion_close(SOCKET san, bool reset)
{
	int err;

	if (san != INVALID_SOCKET && san != SOCK_SAN_FAILED)
		(void)provider_san->sanClose(
		    san, reset ? SAN_CLOSE_RESET : SAN_CLOSE_GRACEFUL, &err);
}

static bool
address_is_san(const struct sockaddr *addr, socklen_t len)
{
	const struct provider *p;

	sw_lock();
	p = provider_start();
	sw_unlock();
	return p != NULL && p->san->sanIsLocal(addr, len);
}

int
sw_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sw_sock *s = sock_at(fd);
	int rc, one = 1, zero = 0, level, name;

	if (s != NULL && (sock_state(s) == SOCK_CONNECTED || sock_state(s) == SOCK_CONNECTING))
		return -EINVAL;
	rc = KERN(bind(fd, addr, len));
	if (rc != -EADDRNOTAVAIL || s == NULL || !name_valid(s->domain, addr, len) ||
	    !address_is_san(addr, len))
		return rc;
	/* The kernel then polices ports per address, hands out free ones and answers getsockname()
	 * as for any other. */
	level = s->domain == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	name = s->domain == AF_INET ? IP_FREEBIND : IPV6_FREEBIND;
	if (KERN(setsockopt(fd, level, name, &one, sizeof one)) < 0)
		return rc;
	rc = KERN(bind(fd, addr, len));
	(void)KERN(setsockopt(fd, level, name, &zero, sizeof zero));
	return rc;
}
