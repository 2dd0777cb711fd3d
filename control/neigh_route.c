/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a packet leaves: the port with the longest prefix that has the destination, else a gateway.
 * A given source address ties the packet to its port. */
#include "neigh_priv.h"
#include "san_err.h"

static bool
same_family(const struct san_ip *a, const struct san_ip *b)
{
	return san_ip_is_v4(a) == san_ip_is_v4(b);
}

bool
neigh_is_local(const struct neigh *n, const struct san_ip *ip, uint16_t *port)
{
	for (uint16_t i = 0; i < SAN_PORTS_MAX; i++) {
		if (neigh_port_owns(&n->ports[i], ip)) {
			*port = i;
			return true;
		}
	}
	return false;
}

static const struct san_ip *
gateway_of(const struct neigh_port *p, const struct san_ip *dst)
{
	const struct san_ip *gw = san_ip_is_v4(dst) ? &p->gateway4 : &p->gateway6;

	return san_ip_is_any(gw) ? NULL : gw;
}

/* Length of the longest prefix of `p` that has `dst`; 0 for the gateway; -1 if it cannot go there.
 */
static int
match_bits(const struct neigh_port *p, const struct san_ip *dst)
{
	int best = -1;

	if (gateway_of(p, dst) != NULL && neigh_port_source(p, gateway_of(p, dst)) != NULL)
		best = 0;
	for (uint32_t i = 0; i < p->addr_count; i++) {
		const struct neigh_addr *a = &p->addr[i];

		if (same_family(&a->ip, dst) && san_ip_in_prefix(dst, &a->ip, a->bits) &&
		    a->bits > best)
			best = a->bits;
	}
	return best;
}

static void
route_fill(const struct neigh *n, uint16_t port, int bits, const struct san_ip *src,
    const struct san_ip *dst, struct neigh_route *out)
{
	const struct neigh_port *p = &n->ports[port];

	out->port = port;
	out->next_hop = bits > 0 ? *dst : *gateway_of(p, dst);
	out->src = src != NULL ? *src : *neigh_port_source(p, &out->next_hop);
	out->local = false;
}

int
neigh_route(const struct neigh *n, const struct san_ip *src, const struct san_ip *dst,
    struct neigh_route *out)
{
	uint16_t src_port = 0, best_port = 0, port;
	int best = -1;
	bool down = false;

	if (src != NULL && san_ip_is_any(src))
		src = NULL;
	if (src != NULL && (!same_family(src, dst) || !neigh_is_local(n, src, &src_port)))
		return SAN_EADDRNOTAVAIL;
	if (neigh_is_local(n, dst, &port)) {
		*out = (struct neigh_route){.port = port,
		    .src = src != NULL ? *src : *dst,
		    .next_hop = *dst,
		    .local = true};
		return 0;
	}
	for (port = 0; port < SAN_PORTS_MAX; port++) {
		const struct neigh_port *p = &n->ports[port];
		int bits = src == NULL || port == src_port ? match_bits(p, dst) : -1;

		if (bits < 0 || !neigh_ip_is_host(p, dst))
			continue;
		if (!p->up) {
			down = true;
		} else if (bits > best) {
			best = bits;
			best_port = port;
		}
	}
	if (best < 0)
		return down ? SAN_ENETDOWN : SAN_ENETUNREACH;
	route_fill(n, best_port, best, src, dst, out);
	return 0;
}
