/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP over Ethernet (RFC 826, announcements as in RFC 5227). Answers for our addresses only; learns
 * about neighbours we asked for or already know, so that strangers cost no memory. */
#include "bytes.h"
#include "neigh_priv.h"
#include "san_err.h"

#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_IPV4 0x0800
#define ARP_LEN	       28u
#define ARP_HTYPE      1
#define ARP_REQUEST    1
#define ARP_REPLY      2

struct arp {
	uint16_t op;
	uint8_t sha[MAC_LEN], tha[MAC_LEN];
	struct san_ip spa, tpa;
};

static const uint8_t mac_broadcast[MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t mac_zero[MAC_LEN];

static bool
arp_parse(const struct neigh_l2 *l2, struct arp *a)
{
	const uint8_t *b = l2->body;

	if (l2->len < ARP_LEN || be16_get(b) != ARP_HTYPE || be16_get(b + 2) != ETHERTYPE_IPV4 ||
	    b[4] != MAC_LEN || b[5] != 4)
		return false;
	a->op = be16_get(b + 6);
	memcpy(a->sha, b + 8, MAC_LEN);
	a->spa = san_ip_v4(be32_get(b + 14));
	memcpy(a->tha, b + 18, MAC_LEN);
	a->tpa = san_ip_v4(be32_get(b + 24));
	return (a->op == ARP_REQUEST || a->op == ARP_REPLY) && mac_is_unicast(a->sha);
}

static void
arp_send(struct neigh *n, uint16_t port, const uint8_t *dmac, const struct arp *a)
{
	struct neigh_out *out = neigh_out_begin(n, port);
	uint8_t *b;

	if (out == NULL)
		return;
	b = neigh_l2_build(out->frame, neigh_port_get(n, port), dmac, ETHERTYPE_ARP);
	be16_put(b, ARP_HTYPE);
	be16_put(b + 2, ETHERTYPE_IPV4);
	b[4] = MAC_LEN;
	b[5] = 4;
	be16_put(b + 6, a->op);
	memcpy(b + 8, a->sha, MAC_LEN);
	memcpy(b + 14, a->spa.b + 12, 4);
	memcpy(b + 18, a->tha, MAC_LEN);
	memcpy(b + 24, a->tpa.b + 12, 4);
	n->counters.arp_tx++;
	neigh_out_commit(n, out, (size_t)(b + ARP_LEN - out->frame));
}

static void
arp_reply(struct neigh *n, uint16_t port, const struct arp *q)
{
	struct arp a = {.op = ARP_REPLY, .spa = q->tpa, .tpa = q->spa};

	memcpy(a.sha, neigh_port_get(n, port)->mac, MAC_LEN);
	memcpy(a.tha, q->sha, MAC_LEN);
	arp_send(n, port, q->sha, &a);
}

static void
arp_request(struct neigh *n, uint16_t port, const struct san_ip *spa, const struct san_ip *tpa,
    const uint8_t *mac)
{
	struct arp a = {.op = ARP_REQUEST, .spa = *spa, .tpa = *tpa};

	memcpy(a.sha, neigh_port_get(n, port)->mac, MAC_LEN);
	memcpy(a.tha, mac != NULL ? mac : mac_zero, MAC_LEN);
	arp_send(n, port, mac != NULL ? mac : mac_broadcast, &a);
}

void
neigh_arp_ask(struct neigh *n, uint16_t port, const struct san_ip *ip, const uint8_t *mac)
{
	const struct san_ip *src = neigh_port_source(neigh_port_get(n, port), ip);

	if (src != NULL)
		arp_request(n, port, src, ip, mac);
}

void
neigh_arp_announce(struct neigh *n, uint16_t port, const struct san_ip *ip)
{
	arp_request(n, port, ip, ip, NULL);
}

int
neigh_arp_receive(struct neigh *n, uint16_t port, const struct neigh_l2 *l2, struct san_time now)
{
	const struct neigh_port *p = neigh_port_get(n, port);
	struct arp a;

	if (!arp_parse(l2, &a)) {
		n->counters.malformed++;
		return SAN_EPROTO;
	}
	if (memcmp(a.sha, p->mac, MAC_LEN) == 0) {
		n->counters.not_ours++; /* our own, come back */
		return SAN_ENOENT;
	}
	if (neigh_port_owns(p, &a.spa)) {
		n->counters.conflict++;
		return SAN_EADDRINUSE;
	}
	/* 0.0.0.0 asks whether an address is free (RFC 5227): it gets its answer, there is nothing
	 * to learn. */
	if (neigh_ip_is_host(p, &a.spa)) {
		neigh_entry_learn(n, port, &a.spa, a.sha, now);
	} else if (!san_ip_is_any(&a.spa)) {
		n->counters.malformed++;
		return SAN_EPROTO;
	}
	if (!neigh_port_owns(p, &a.tpa)) {
		n->counters.not_ours++;
		return SAN_ENOENT;
	}
	n->counters.arp_rx++;
	if (a.op == ARP_REQUEST)
		arp_reply(n, port, &a);
	return 0;
}
