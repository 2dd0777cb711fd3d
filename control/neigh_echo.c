/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers ping on both families, and only to one host at a time: never to or for multicast and
 * broadcast. */
#include "bytes.h"
#include "neigh_priv.h"
#include "san_err.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ICMP_LEN       8u
#define ICMP_REPLY     0
#define ICMP6_REPLY    129
#define HOP_LIMIT      64
#define IPV4_LEN       20u
#define IPV6_LEN       40u

int
neigh_echo_receive(
    struct neigh *n, uint16_t port, const struct neigh_l2 *l2, const struct neigh_l3 *l3)
{
	const struct neigh_port *p = neigh_port_get(n, port);
	bool v4 = san_ip_is_v4(&l3->src);
	size_t room = p->mtu < NEIGH_BODY_MAX ? p->mtu : NEIGH_BODY_MAX;
	struct neigh_l3 reply = *l3;
	struct neigh_out *out;
	uint8_t *b;

	if (!neigh_port_owns(p, &l3->dst)) {
		n->counters.not_ours++;
		return SAN_ENOENT;
	}
	if (l3->len < ICMP_LEN || l3->body[1] != 0 || !neigh_ip_is_host(p, &l3->src) ||
	    neigh_port_owns(p, &l3->src) || !mac_is_unicast(l2->smac) ||
	    memcmp(l2->dmac, p->mac, MAC_LEN) != 0 || l3->len + (v4 ? IPV4_LEN : IPV6_LEN) > room) {
		n->counters.malformed++;
		return SAN_EPROTO;
	}
	n->counters.echo_rx++;
	out = neigh_out_begin(n, port);
	if (out == NULL)
		return SAN_ENOBUFS;
	reply.src = l3->dst;
	reply.dst = l3->src;
	reply.hop_limit = HOP_LIMIT;
	b = neigh_l2_build(out->frame, p, l2->smac, v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	b = neigh_l3_build(b, &reply);
	memcpy(b, l3->body, l3->len);
	b[0] = v4 ? ICMP_REPLY : ICMP6_REPLY;
	be16_put(b + 2, 0);
	be16_put(b + 2, neigh_checksum(v4 ? 0 : neigh_pseudo_sum(&reply), b, l3->len));
	n->counters.echo_tx++;
	neigh_out_commit(n, out, (size_t)(b + l3->len - out->frame));
	return 0;
}
