/* SPDX-License-Identifier: BSD-3-Clause */
/* One engine with one port on 10.77.0.0/24 and fd00:77::/64, and frames written as hex. */
#ifndef SAND_TESTS_NEIGH_WORLD_H
#define SAND_TESTS_NEIGH_WORLD_H

#include "neigh.h"

#define US_MAC	 "020000000001"
#define PEER_MAC "020000000002"
#define ALL_MAC	 "ffffffffffff"
#define US_IP	 "0a4d0001" /* 10.77.0.1 */
#define PEER_IP	 "0a4d0002"
#define US_IP6	 "fd007700000000000000000000000001"
#define PEER_IP6 "fd007700000000000000000000000002"

struct neigh_world {
	struct neigh *n;
	struct san_time now;
	struct neigh_port port;
	struct neigh_out out;
};

extern const struct neigh_limits neigh_world_limits;

int neigh_setup(void **state);
int neigh_teardown(void **state);
struct san_ip ip(const char *text);
/* Bytes of `hex` into out; spaces allowed. */
size_t from_hex(const char *hex, uint8_t *out);
/* Deliver `hex`, padded to Ethernet's minimum. */
int give_hex(struct neigh_world *w, const char *hex);
/* The next frame sent is exactly `hex`. */
void sent_is(struct neigh_world *w, const char *hex);
bool sent_any(struct neigh_world *w);
/* The next event is this one. */
void event_is(
    struct neigh_world *w, enum neigh_event_type type, const char *text, const char *mac_hex);
void event_none(struct neigh_world *w);
int resolve(struct neigh_world *w, const char *text, uint8_t *mac);
void pass_ms(struct neigh_world *w, uint64_t ms);
/* An IPv6 frame with a right ICMPv6 checksum: addresses, hop limit, ICMPv6 bytes with the checksum
 * left 0. */
size_t icmp6_frame(uint8_t *frame, const char *dmac, const char *smac, const char *src,
    const char *dst, uint8_t hop_limit, const char *body);
size_t icmp4_frame(
    uint8_t *frame, const char *src, const char *dst, const uint8_t *body, size_t len);
int give_bytes(struct neigh_world *w, const uint8_t *frame, size_t len);

#endif
