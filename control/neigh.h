/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours and the little of IP that a host must answer: ARP, IPv6 neighbour discovery, ICMP and
 * ICMPv6 echo. A sans-IO engine: frames and time in; frames, events and the next deadline out. Also
 * the routing decision, which is only "on a port's prefix" or "through that port's gateway". One
 * per daemon, owned by the control thread. */
#ifndef SAND_CONTROL_NEIGH_H
#define SAND_CONTROL_NEIGH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "san_limits.h"
#include "prng.h"
#include "san_time.h"

struct neigh;

struct neigh_addr {
	struct san_ip ip;
	uint8_t bits; /* prefix length; 96 + n for IPv4 */
};

/* One Ethernet port as this engine knows it; set once at start, again when the link or an address
 * changes. */
struct neigh_port {
	bool up;
	uint8_t mac[6];
	uint16_t vlan; /* 0xffff = untagged */
	uint32_t mtu;  /* of the Ethernet payload */
	uint32_t addr_count;
	struct neigh_addr addr[SAN_PORT_ADDRS_MAX];
	struct san_ip gateway4, gateway6; /* all zero = none */
};

struct neigh_limits {
	uint32_t entries_max;
	struct san_duration retry_interval; /* between requests while unresolved */
	uint8_t retries;
	struct san_duration reachable; /* age after which an entry in use is asked again, unicast */
};

/* Where a packet to `dst` leaves. */
struct neigh_route {
	uint16_t port;
	struct san_ip src;	/* our address to use */
	struct san_ip next_hop; /* dst itself or the gateway */
	bool local;		/* dst is one of our own addresses: loop inside the daemon */
};

enum neigh_event_type {
	NEIGH_EV_RESOLVED, /* mac is valid; also sent when an entry's MAC changed */
	NEIGH_EV_FAILED,   /* nobody answered */
};
struct neigh_event {
	enum neigh_event_type type;
	uint16_t port;
	struct san_ip ip;
	uint8_t mac[6];
};

struct neigh_out {
	uint16_t port;
	uint16_t len;
	uint8_t frame[SAN_FRAME_MAX];
};

struct neigh *neigh_create(const struct neigh_limits *limits, struct prng seed);
void neigh_destroy(struct neigh *n);
void neigh_port_set(
    struct neigh *n, uint16_t port, const struct neigh_port *p, struct san_time now);

/* 0, SAN_ENETUNREACH (no port has a prefix or gateway for dst), SAN_ENETDOWN (the port is down).
 * `src` any or NULL: chosen; else SAN_EADDRNOTAVAIL if it is not ours. */
int neigh_route(const struct neigh *n, const struct san_ip *src, const struct san_ip *dst,
    struct neigh_route *out);
/* True and the port number if `ip` is ours. */
bool neigh_is_local(const struct neigh *n, const struct san_ip *ip, uint16_t *port);
/* Ask for a next hop's MAC: 1 and mac if known; 0 if asked for (an event will come); negative
 * san_err (NOBUFS: table full of entries in use). Multicast never. */
int neigh_resolve(struct neigh *n, uint16_t port, const struct san_ip *next_hop, uint8_t mac[6],
    struct san_time now);
/* A packet from this neighbour arrived on a connection: the entry is alive, no need to ask again.
 */
void neigh_confirmed(struct neigh *n, uint16_t port, const struct san_ip *ip, struct san_time now);

/* An ARP, ICMP, ICMPv6 frame arrived. 0 or why it was ignored (counted). */
int neigh_frame_receive(
    struct neigh *n, uint16_t port, const uint8_t *frame, size_t len, struct san_time now);
/* One frame to send; copies only `len` bytes. */
bool neigh_out_take(struct neigh *n, struct neigh_out *out);
bool neigh_event_take(struct neigh *n, struct neigh_event *out);
struct san_time neigh_deadline(const struct neigh *n);
void neigh_deadline_expire(struct neigh *n, struct san_time now);

/* For `show neighbour`. */
struct neigh_info {
	uint16_t port;
	struct san_ip ip;
	uint8_t mac[6];
	const char *state; /* "incomplete", "reachable", "probing", "failed" */
	struct san_duration age;
};
/* Entry i (0..), false past the end. */
bool neigh_info_get(const struct neigh *n, uint32_t i, struct san_time now, struct neigh_info *out);

#define NEIGH_COUNTER_LIST(X)                                                  \
	X(arp_rx, "ARP received for us")                                       \
	X(arp_tx, "ARP sent")                                                  \
	X(nd_rx, "neighbour solicitations and advertisements received for us") \
	X(nd_tx, "neighbour solicitations and advertisements sent")            \
	X(echo_rx, "ICMP and ICMPv6 echo requests received for us")            \
	X(echo_tx, "echo replies sent")                                        \
	X(not_ours, "for an address that is not ours")                         \
	X(malformed, "too short, wrong checksum or illegal fields")            \
	X(conflict, "somebody else announced our address")                     \
	X(table_full, "no room for another neighbour")                         \
	X(failed, "neighbours that never answered")

struct neigh_counters {
#define X(name, text) uint64_t name;
	NEIGH_COUNTER_LIST(X)
#undef X
};
const struct neigh_counters *neigh_counters(const struct neigh *n);

#endif
