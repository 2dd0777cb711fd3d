/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the neighbour engine; only neigh_*.c and their unit tests include it.
 * neigh.c owns the engine, its ports and queues; neigh_route.c decides where a packet leaves;
 * neigh_table.c keeps the entries; neigh_arp.c, neigh_nd.c and neigh_echo.c speak the protocols;
 * neigh_frame.c takes frames apart and puts them together. */
#ifndef SAND_CONTROL_NEIGH_PRIV_H
#define SAND_CONTROL_NEIGH_PRIV_H

#include <sys/queue.h>

#include "neigh.h"
#include "timer_heap.h"

#define NEIGH_OUT_MAX	16
#define NEIGH_EVENT_MAX 64
#define MAC_LEN		6
#define VLAN_NONE	0xffff
#define NEIGH_BODY_MAX	(SAN_FRAME_MAX - 18u) /* behind Ethernet header and tag */

/* X(name, what `show neighbour` calls it) */
#define NEIGH_STATE_LIST(X)         \
	X(INCOMPLETE, "incomplete") \
	X(REACHABLE, "reachable")   \
	X(PROBING, "probing")       \
	X(FAILED, "failed")

enum neigh_state {
#define X(name, text) NEIGH_ST_##name,
	NEIGH_STATE_LIST(X)
#undef X
};

struct neigh_entry {
	LIST_ENTRY(neigh_entry) by_ip; /* its bucket */
	TAILQ_ENTRY(neigh_entry)
	lru; /* unused ones, or those that may be evicted, oldest use first */
	struct timer_node timer;
	enum neigh_state state; /* written by neigh_table.c only */
	bool in_use;		/* a slot of the table that holds an entry */
	uint8_t asks_left;
	uint16_t port;
	struct san_ip ip;
	uint8_t mac[MAC_LEN];
	struct san_time confirmed; /* when the neighbour last proved to be there */
	struct san_time used;	   /* when somebody last asked for it */
};
LIST_HEAD(neigh_bucket, neigh_entry);
TAILQ_HEAD(neigh_lru, neigh_entry);

struct neigh {
	struct neigh_limits limits;
	uint64_t hash_key;
	struct neigh_port ports[SAN_PORTS_MAX]; /* never set: down, no addresses */
	struct neigh_entry *entries;		/* entries_max */
	struct neigh_bucket *buckets;
	uint32_t bucket_mask;
	struct neigh_lru unused, evictable;
	struct timer_heap timers;
	struct neigh_counters counters;
	uint32_t out_head, out_tail, event_head, event_tail; /* free-running */
	struct neigh_out out[NEIGH_OUT_MAX];
	struct neigh_event events[NEIGH_EVENT_MAX];
};

/* neigh.c */
const struct neigh_port *neigh_port_get(const struct neigh *n, uint16_t port);
bool neigh_port_owns(const struct neigh_port *p, const struct san_ip *ip);
/* Our address to speak to `ip` from: that with the longest prefix that has it, else the first of
 * its family; NULL if none. */
const struct san_ip *neigh_port_source(const struct neigh_port *p, const struct san_ip *ip);
/* Neither multicast nor broadcast (of the port's prefixes too), unspecified or loopback. */
bool neigh_ip_is_host(const struct neigh_port *p, const struct san_ip *ip);
void neigh_event_emit(struct neigh *n, const struct neigh_entry *e, enum neigh_event_type type);
/* Room for the event and the frame that one input may cause. */
bool neigh_queues_have_room(const struct neigh *n);
/* The frame to fill, NULL when the queue is full; neigh_out_commit sends it. */
struct neigh_out *neigh_out_begin(struct neigh *n, uint16_t port);
void neigh_out_commit(struct neigh *n, struct neigh_out *out, size_t len);

/* neigh_table.c */
int neigh_table_init(struct neigh *n);
void neigh_table_fini(struct neigh *n);
struct neigh_entry *neigh_entry_find(const struct neigh *n, uint16_t port, const struct san_ip *ip);
/* What a frame says about a neighbour that we know or ask for; others are not remembered. */
void neigh_entry_learn(struct neigh *n, uint16_t port, const struct san_ip *ip, const uint8_t *mac,
    struct san_time now);
void neigh_entries_age(struct neigh *n, uint16_t port, bool drop, struct san_time now);

/* neigh_frame.c: the bytes around the protocols. */
struct neigh_l2 {
	uint8_t dmac[MAC_LEN], smac[MAC_LEN];
	uint16_t type;
	const uint8_t *body;
	size_t len;
};
/* False if too short or not on the port's VLAN. */
bool neigh_l2_parse(
    const struct neigh_port *p, const uint8_t *frame, size_t len, struct neigh_l2 *l2);
/* Write the Ethernet header; returns where the body goes. */
uint8_t *neigh_l2_build(
    uint8_t *frame, const struct neigh_port *p, const uint8_t *dmac, uint16_t type);
struct neigh_l3 {
	struct san_ip src, dst;
	uint8_t proto, hop_limit, tclass;
	const uint8_t *body;
	size_t len;
};
/* An IPv4 or IPv6 packet without options, extension headers or fragments; false if it is none. */
bool neigh_l3_parse(const struct neigh_l2 *l2, struct neigh_l3 *l3);
/* Write the IP header for l3's fields and `l3->len` body bytes; returns where the body goes. */
uint8_t *neigh_l3_build(uint8_t *at, const struct neigh_l3 *l3);
/* Internet checksum of `len` bytes on top of `sum` (a partial sum, not folded). */
uint16_t neigh_checksum(uint32_t sum, const uint8_t *data, size_t len);
/* Sum of the ICMPv6 pseudo header. */
uint32_t neigh_pseudo_sum(const struct neigh_l3 *l3);

/* neigh_arp.c, neigh_nd.c, neigh_echo.c */
int neigh_arp_receive(
    struct neigh *n, uint16_t port, const struct neigh_l2 *l2, struct san_time now);
int neigh_nd_receive(struct neigh *n, uint16_t port, const struct neigh_l2 *l2,
    const struct neigh_l3 *l3, struct san_time now);
int neigh_echo_receive(
    struct neigh *n, uint16_t port, const struct neigh_l2 *l2, const struct neigh_l3 *l3);
/* Ask who has `ip`; `mac` NULL asks everybody, else only that station. */
void neigh_arp_ask(struct neigh *n, uint16_t port, const struct san_ip *ip, const uint8_t *mac);
void neigh_nd_ask(struct neigh *n, uint16_t port, const struct san_ip *ip, const uint8_t *mac);
/* Tell everybody about an address of ours. */
void neigh_arp_announce(struct neigh *n, uint16_t port, const struct san_ip *ip);
void neigh_nd_announce(struct neigh *n, uint16_t port, const struct san_ip *ip);

static inline bool
mac_is_unicast(const uint8_t *mac)
{
	static const uint8_t zero[MAC_LEN];

	return (mac[0] & 1) == 0 && memcmp(mac, zero, MAC_LEN) != 0;
}

#endif
