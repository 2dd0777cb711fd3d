/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's public face: life cycle, ports, the sorting of frames, and the two queues. */
#include "neigh.h"

#include <stdlib.h>

#include "neigh_priv.h"
#include "san_err.h"

#define ETHERTYPE_ARP 0x0806
#define PROTO_ICMP    1
#define PROTO_ICMPV6  58
#define ICMP_ECHO     8
#define ICMP6_ECHO    128
#define ND_SOLICIT    135
#define ND_ADVERTISE  136
#define V4_BITS	      96u /* of a prefix length that say "IPv4" */

struct neigh *
neigh_create(const struct neigh_limits *limits, struct prng seed)
{
	struct neigh *n;

	if (limits->entries_max == 0 || limits->entries_max > 1u << 20 ||
	    limits->retry_interval.ns == 0)
		return NULL;
	n = calloc(1, sizeof *n);
	if (n == NULL)
		return NULL;
	n->limits = *limits;
	n->hash_key = prng_u64(&seed);
	for (unsigned i = 0; i < SAN_PORTS_MAX; i++)
		n->ports[i].vlan = VLAN_NONE;
	if (neigh_table_init(n) != 0) {
		neigh_destroy(n);
		return NULL;
	}
	return n;
}

void
neigh_destroy(struct neigh *n)
{
	if (n == NULL)
		return;
	neigh_table_fini(n);
	free(n);
}

const struct neigh_port *
neigh_port_get(const struct neigh *n, uint16_t port)
{
	return port < SAN_PORTS_MAX ? &n->ports[port] : NULL;
}

bool
neigh_port_owns(const struct neigh_port *p, const struct san_ip *ip)
{
	for (uint32_t i = 0; i < p->addr_count; i++) {
		if (san_ip_equal(&p->addr[i].ip, ip))
			return true;
	}
	return false;
}

const struct san_ip *
neigh_port_source(const struct neigh_port *p, const struct san_ip *ip)
{
	const struct san_ip *best = NULL;
	int best_bits = -1;

	for (uint32_t i = 0; i < p->addr_count; i++) {
		const struct neigh_addr *a = &p->addr[i];
		int bits = san_ip_in_prefix(ip, &a->ip, a->bits) ? a->bits : 0;

		if (san_ip_is_v4(&a->ip) == san_ip_is_v4(ip) && bits > best_bits) {
			best = &a->ip;
			best_bits = bits;
		}
	}
	return best;
}

/* The highest address of an IPv4 prefix reaches all of it, the lowest names it; /31 and /32 have
 * neither. */
static bool
is_prefix_broadcast(const struct neigh_addr *a, const struct san_ip *ip)
{
	uint32_t host_bits = 128u - a->bits, host, mask;

	if (a->bits < V4_BITS || host_bits < 2 || !san_ip_in_prefix(ip, &a->ip, a->bits))
		return false;
	mask = host_bits >= 32 ? UINT32_MAX : (1u << host_bits) - 1;
	host = ((uint32_t)ip->b[12] << 24 | (uint32_t)ip->b[13] << 16 | (uint32_t)ip->b[14] << 8 |
		   ip->b[15]) &
	       mask;
	return host == 0 || host == mask;
}

bool
neigh_ip_is_host(const struct neigh_port *p, const struct san_ip *ip)
{
	if (san_ip_is_any(ip))
		return false;
	if (!san_ip_is_v4(ip)) {
		static const struct san_ip loopback = {{[15] = 1}};

		return ip->b[0] != 0xff && !san_ip_equal(ip, &loopback);
	}
	/* 0/8, loopback, multicast, reserved and limited broadcast. */
	if (ip->b[12] == 0 || ip->b[12] == 127 || ip->b[12] >= 224)
		return false;
	for (uint32_t i = 0; i < p->addr_count; i++) {
		if (san_ip_is_v4(&p->addr[i].ip) && is_prefix_broadcast(&p->addr[i], ip))
			return false;
	}
	return true;
}

static bool
addrs_equal(const struct neigh_port *a, const struct neigh_port *b)
{
	if (a->addr_count != b->addr_count)
		return false;
	for (uint32_t i = 0; i < a->addr_count; i++) {
		if (!san_ip_equal(&a->addr[i].ip, &b->addr[i].ip) ||
		    a->addr[i].bits != b->addr[i].bits)
			return false;
	}
	return true;
}

/* Neighbours may hold an old station for our addresses: tell them. */
static void
announce(struct neigh *n, uint16_t port)
{
	const struct neigh_port *p = &n->ports[port];

	for (uint32_t i = 0; i < p->addr_count; i++) {
		if (san_ip_is_v4(&p->addr[i].ip))
			neigh_arp_announce(n, port, &p->addr[i].ip);
		else
			neigh_nd_announce(n, port, &p->addr[i].ip);
	}
}

void
neigh_port_set(struct neigh *n, uint16_t port, const struct neigh_port *p, struct san_time now)
{
	struct neigh_port *old;
	bool moved, same;

	if (port >= SAN_PORTS_MAX || p->addr_count > SAN_PORT_ADDRS_MAX)
		return;
	old = &n->ports[port];
	moved = memcmp(old->mac, p->mac, MAC_LEN) != 0 || old->vlan != p->vlan || !p->up;
	same = !moved && old->up == p->up && addrs_equal(old, p);
	*old = *p;
	if (same)
		return;
	neigh_entries_age(n, port, moved, now);
	if (p->up)
		announce(n, port);
}

static int
icmp_receive(struct neigh *n, uint16_t port, const struct neigh_l2 *l2, const struct neigh_l3 *l3,
    struct san_time now)
{
	bool v4 = san_ip_is_v4(&l3->src);
	uint8_t type;

	if (l3->proto != (v4 ? PROTO_ICMP : PROTO_ICMPV6)) {
		n->counters.not_ours++;
		return SAN_EOPNOTSUPP;
	}
	if (l3->len < 4 || neigh_checksum(v4 ? 0 : neigh_pseudo_sum(l3), l3->body, l3->len) != 0) {
		n->counters.malformed++;
		return SAN_EPROTO;
	}
	type = l3->body[0];
	if (type == (v4 ? ICMP_ECHO : ICMP6_ECHO))
		return neigh_echo_receive(n, port, l2, l3);
	if (!v4 && (type == ND_SOLICIT || type == ND_ADVERTISE))
		return neigh_nd_receive(n, port, l2, l3, now);
	n->counters.not_ours++;
	return SAN_EOPNOTSUPP;
}

int
neigh_frame_receive(
    struct neigh *n, uint16_t port, const uint8_t *frame, size_t len, struct san_time now)
{
	const struct neigh_port *p = neigh_port_get(n, port);
	struct neigh_l2 l2;
	struct neigh_l3 l3;

	if (p == NULL || !p->up)
		return SAN_ENETDOWN;
	if (!neigh_queues_have_room(n))
		return SAN_ENOBUFS;
	if (!neigh_l2_parse(p, frame, len, &l2)) {
		n->counters.malformed++;
		return SAN_EPROTO;
	}
	if (l2.type == ETHERTYPE_ARP)
		return neigh_arp_receive(n, port, &l2, now);
	if (!neigh_l3_parse(&l2, &l3)) {
		n->counters.malformed++;
		return SAN_EPROTO;
	}
	return icmp_receive(n, port, &l2, &l3, now);
}

bool
neigh_queues_have_room(const struct neigh *n)
{
	return n->event_tail - n->event_head < NEIGH_EVENT_MAX &&
	       n->out_tail - n->out_head < NEIGH_OUT_MAX;
}

void
neigh_event_emit(struct neigh *n, const struct neigh_entry *e, enum neigh_event_type type)
{
	struct neigh_event *ev = &n->events[n->event_tail % NEIGH_EVENT_MAX];

	*ev = (struct neigh_event){.type = type, .port = e->port, .ip = e->ip};
	memcpy(ev->mac, e->mac, MAC_LEN);
	n->event_tail++;
}

bool
neigh_event_take(struct neigh *n, struct neigh_event *out)
{
	if (n->event_head == n->event_tail)
		return false;
	*out = n->events[n->event_head++ % NEIGH_EVENT_MAX];
	return true;
}

/* A full queue drops: questions are repeated, and whoever asked us asks again. */
struct neigh_out *
neigh_out_begin(struct neigh *n, uint16_t port)
{
	struct neigh_out *out = &n->out[n->out_tail % NEIGH_OUT_MAX];

	if (n->out_tail - n->out_head == NEIGH_OUT_MAX)
		return NULL;
	out->port = port;
	return out;
}

void
neigh_out_commit(struct neigh *n, struct neigh_out *out, size_t len)
{
	out->len = (uint16_t)len;
	n->out_tail++;
}

bool
neigh_out_take(struct neigh *n, struct neigh_out *out)
{
	const struct neigh_out *head = &n->out[n->out_head % NEIGH_OUT_MAX];

	if (n->out_head == n->out_tail)
		return false;
	out->port = head->port;
	out->len = head->len;
	memcpy(out->frame, head->frame, head->len);
	n->out_head++;
	return true;
}

const struct neigh_counters *
neigh_counters(const struct neigh *n)
{
	return &n->counters;
}
