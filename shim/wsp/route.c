/* SPDX-License-Identifier: BSD-3-Clause */
#include "route.h"

#include <string.h>

#include "addr.h"
#include "net.h"
#include "sock.h"

enum { ROLE_CONNECT = 1, ROLE_LISTEN = 2 };

static struct san_ip
ip_of(const uint8_t bytes[16])
{
	struct san_ip ip;

	memcpy(ip.b, bytes, sizeof ip.b);
	return ip;
}

/* A wildcard listener takes what comes to any of the SAN's own addresses: it matches a rule that
 * names one of them. */
static bool
any_local_in(const struct shm_net *n, const struct san_ip *net, unsigned bits)
{
	for (uint32_t i = 0; i < n->local_count; i++) {
		struct san_ip ip = ip_of(n->locals[i].ip);

		if (san_ip_in_prefix(&ip, net, bits))
			return true;
	}
	return false;
}

static bool
matches(const struct shm_net *n, const struct shm_rule *r, const struct shm_addr *a, unsigned role)
{
	struct san_ip ip = ip_of(a->ip), net = ip_of(r->net);

	if ((r->role & role) == 0 || a->port < r->port_lo || a->port > r->port_hi)
		return false;
	if (r->program[0] != 0 && strncmp(r->program, prov.program, sizeof r->program - 1) != 0)
		return false;
	if (role == ROLE_LISTEN && san_ip_is_any(&ip))
		return any_local_in(n, &net, r->bits);
	return san_ip_in_prefix(&ip, &net, r->bits);
}

static int
route(const struct sockaddr *sa, socklen_t len, unsigned role)
{
	struct shm_addr a;
	struct shm_net n;

	if (prov.starts == 0 || prov_gone() ||
	    atomic_load_explicit(&prov.map.region->daemon_gone, memory_order_relaxed) != 0 ||
	    prov_life() != LIFE_ON || sock_addr_in(sa, len, AF_UNSPEC, &a) != 0)
		return SHM_ACTION_TCP;
	(void)shm_net_read(prov.map.region, &n);
	for (uint32_t i = 0; i < n.rule_count; i++)
		if (matches(&n, &n.rules[i], &a, role))
			return n.rules[i].action;
	return SHM_ACTION_TCP;
}

int
route_connect(const struct sockaddr *dst, socklen_t len)
{
	return route(dst, len, ROLE_CONNECT);
}

int
route_listen(const struct sockaddr *local, socklen_t len)
{
	return route(local, len, ROLE_LISTEN);
}

int
route_is_local(const struct sockaddr *addr, socklen_t len)
{
	struct shm_addr a;
	struct shm_net n;

	if (prov.starts == 0 || sock_addr_in(addr, len, AF_UNSPEC, &a) != 0)
		return 0;
	(void)shm_net_read(prov.map.region, &n);
	for (uint32_t i = 0; i < n.local_count; i++)
		if (memcmp(n.locals[i].ip, a.ip, sizeof a.ip) == 0)
			return 1;
	return 0;
}
