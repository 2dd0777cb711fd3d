/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 neighbour discovery (RFC 4861): solicitations and advertisements, nothing of routers. The
 * same restraint as in ARP: answers for our addresses, learns only about neighbours we know or ask
 * for. */
#include "bytes.h"
#include "neigh_priv.h"
#include "san_err.h"

#define ETHERTYPE_IPV6 0x86dd
#define PROTO_ICMPV6   58
#define ND_SOLICIT     135
#define ND_ADVERTISE   136
#define ND_LEN	       24u /* type, code, checksum, flags, target */
#define ND_OPT_LEN     8u  /* a link-layer address option on Ethernet */
#define ND_HOP_LIMIT   255 /* proves that no router forwarded it */
#define OPT_SOURCE     1
#define OPT_TARGET     2
#define NA_SOLICITED   0x40u
#define NA_OVERRIDE    0x20u

static const struct san_ip all_nodes = {{0xff, 0x02, [15] = 1}};

struct nd {
	struct san_ip target;
	uint8_t flags;
	const uint8_t *mac; /* from the option this message should carry; NULL if it has none */
};

static void
multicast_mac(const struct san_ip *group, uint8_t *mac)
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->b + 12, 4);
}

static struct san_ip
solicited_node(const struct san_ip *ip)
{
	struct san_ip group = {{0xff, 0x02, [11] = 1, [12] = 0xff}};

	memcpy(group.b + 13, ip->b + 13, 3);
	return group;
}

/* The link-layer address option `type`; false on an option list that does not fit its space. */
static bool
option_find(const uint8_t *p, size_t len, uint8_t type, const uint8_t **mac)
{
	*mac = NULL;
	while (len > 0) {
		size_t opt = len >= 2 ? p[1] * 8u : 0;

		if (opt == 0 || opt > len)
			return false;
		if (p[0] == type && opt == ND_OPT_LEN)
			*mac = p + 2;
		p += opt;
		len -= opt;
	}
	return *mac == NULL || mac_is_unicast(*mac);
}

static bool
nd_parse(const struct neigh_l3 *l3, struct nd *nd)
{
	const uint8_t *b = l3->body;

	if (l3->hop_limit != ND_HOP_LIMIT || l3->len < ND_LEN || b[1] != 0)
		return false;
	nd->flags = b[4];
	memcpy(nd->target.b, b + 8, 16);
	if (nd->target.b[0] == 0xff || san_ip_is_any(&nd->target) || san_ip_is_v4(&nd->target))
		return false;
	return option_find(
	    b + ND_LEN, l3->len - ND_LEN, b[0] == ND_SOLICIT ? OPT_SOURCE : OPT_TARGET, &nd->mac);
}

static void
nd_send(struct neigh *n, uint16_t port, const uint8_t *dmac, struct neigh_l3 *l3, uint8_t type,
    const struct nd *nd)
{
	struct neigh_out *out = neigh_out_begin(n, port);
	const struct neigh_port *p = neigh_port_get(n, port);
	uint8_t *b;

	if (out == NULL)
		return;
	l3->proto = PROTO_ICMPV6;
	l3->hop_limit = ND_HOP_LIMIT;
	l3->len = ND_LEN + ND_OPT_LEN;
	b = neigh_l3_build(neigh_l2_build(out->frame, p, dmac, ETHERTYPE_IPV6), l3);
	memset(b, 0, ND_LEN);
	b[0] = type;
	b[4] = nd->flags;
	memcpy(b + 8, nd->target.b, 16);
	b[ND_LEN] = type == ND_SOLICIT ? OPT_SOURCE : OPT_TARGET;
	b[ND_LEN + 1] = 1;
	memcpy(b + ND_LEN + 2, p->mac, MAC_LEN);
	be16_put(b + 2, neigh_checksum(neigh_pseudo_sum(l3), b, l3->len));
	n->counters.nd_tx++;
	neigh_out_commit(n, out, (size_t)(b + l3->len - out->frame));
}

void
neigh_nd_ask(struct neigh *n, uint16_t port, const struct san_ip *ip, const uint8_t *mac)
{
	const struct san_ip *src = neigh_port_source(neigh_port_get(n, port), ip);
	struct nd nd = {.target = *ip};
	struct neigh_l3 l3;
	uint8_t group_mac[MAC_LEN];

	if (src == NULL)
		return;
	l3 = (struct neigh_l3){.src = *src, .dst = mac != NULL ? *ip : solicited_node(ip)};
	multicast_mac(&l3.dst, group_mac);
	nd_send(n, port, mac != NULL ? mac : group_mac, &l3, ND_SOLICIT, &nd);
}

void
neigh_nd_announce(struct neigh *n, uint16_t port, const struct san_ip *ip)
{
	struct neigh_l3 l3 = {.src = *ip, .dst = all_nodes};
	const struct nd nd = {.target = *ip, .flags = NA_OVERRIDE};
	uint8_t mac[MAC_LEN];

	multicast_mac(&all_nodes, mac);
	nd_send(n, port, mac, &l3, ND_ADVERTISE, &nd);
}

static int
malformed(struct neigh *n)
{
	n->counters.malformed++;
	return SAN_EPROTO;
}

static int
solicit_receive(struct neigh *n, uint16_t port, const struct neigh_l2 *l2,
    const struct neigh_l3 *l3, const struct nd *q, struct san_time now)
{
	const struct neigh_port *p = neigh_port_get(n, port);
	struct nd a = {.target = q->target, .flags = NA_SOLICITED | NA_OVERRIDE};
	struct neigh_l3 reply = {.src = q->target, .dst = l3->src};

	/* A host that has no address yet asks whether one is free: it may carry no source option.
	 */
	if (san_ip_is_any(&l3->src)) {
		struct san_ip group = solicited_node(&q->target);

		if (q->mac != NULL || !san_ip_equal(&l3->dst, &group))
			return malformed(n);
		if (!neigh_port_owns(p, &q->target)) {
			n->counters.not_ours++;
			return SAN_ENOENT;
		}
		n->counters.nd_rx++;
		n->counters.conflict++;
		neigh_nd_announce(n, port, &q->target);
		return 0;
	}
	if (!neigh_ip_is_host(p, &l3->src))
		return malformed(n);
	if (q->mac != NULL)
		neigh_entry_learn(n, port, &l3->src, q->mac, now);
	if (!neigh_port_owns(p, &q->target)) {
		n->counters.not_ours++;
		return SAN_ENOENT;
	}
	n->counters.nd_rx++;
	nd_send(n, port, q->mac != NULL ? q->mac : l2->smac, &reply, ND_ADVERTISE, &a);
	return 0;
}

static int
advertise_receive(struct neigh *n, uint16_t port, const struct neigh_l3 *l3, const struct nd *a,
    struct san_time now)
{
	const struct neigh_port *p = neigh_port_get(n, port);
	struct neigh_entry *e = neigh_entry_find(n, port, &a->target);
	bool known;

	/* The answer to everybody is never solicited (RFC 4861, 7.1.2). */
	if (l3->dst.b[0] == 0xff && (a->flags & NA_SOLICITED) != 0)
		return malformed(n);
	if (neigh_port_owns(p, &a->target)) {
		n->counters.conflict++;
		return SAN_EADDRINUSE;
	}
	if (e == NULL) {
		n->counters.not_ours++;
		return SAN_ENOENT;
	}
	n->counters.nd_rx++;
	known = e->state == NEIGH_ST_REACHABLE || e->state == NEIGH_ST_PROBING;
	if (a->mac == NULL) {
		if (known && (a->flags & NA_SOLICITED) != 0)
			neigh_confirmed(n, port, &a->target, now);
		return 0;
	}
	/* Without the override flag it may not replace what we know (a proxy, for example). */
	if (known && (a->flags & NA_OVERRIDE) == 0 && memcmp(a->mac, e->mac, MAC_LEN) != 0)
		return 0;
	neigh_entry_learn(n, port, &a->target, a->mac, now);
	return 0;
}

int
neigh_nd_receive(struct neigh *n, uint16_t port, const struct neigh_l2 *l2,
    const struct neigh_l3 *l3, struct san_time now)
{
	struct nd nd;

	if (memcmp(l2->smac, neigh_port_get(n, port)->mac, MAC_LEN) == 0) {
		n->counters.not_ours++; /* our own, come back */
		return SAN_ENOENT;
	}
	if (!nd_parse(l3, &nd))
		return malformed(n);
	if (l3->body[0] == ND_SOLICIT)
		return solicit_receive(n, port, l2, l3, &nd, now);
	return advertise_receive(n, port, l3, &nd, now);
}
