/* SPDX-License-Identifier: BSD-3-Clause */
/* One address type for both families: 16 bytes, an IPv4 address as ::ffff:a.b.c.d. That is exactly
 * a RoCEv2 GID, so no conversion is needed on the wire (spec: RoCEv2 annex; wire reference 3.6). */
#ifndef SAND_BASE_ADDR_H
#define SAND_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct san_ip {
	uint8_t b[16];
};

#define SAN_IP_TEXT_MAX 46 /* bytes incl. NUL for the longest textual form */

static inline struct san_ip
san_ip_v4(uint32_t host_order)
{
	struct san_ip ip = {{0}};

	ip.b[10] = ip.b[11] = 0xff;
	ip.b[12] = (uint8_t)(host_order >> 24);
	ip.b[13] = (uint8_t)(host_order >> 16);
	ip.b[14] = (uint8_t)(host_order >> 8);
	ip.b[15] = (uint8_t)host_order;
	return ip;
}

static inline bool
san_ip_is_v4(const struct san_ip *ip)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return memcmp(ip->b, mapped, sizeof mapped) == 0;
}

static inline bool
san_ip_equal(const struct san_ip *a, const struct san_ip *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline bool
san_ip_is_any(const struct san_ip *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip->b, zero, 16) == 0 ||
	       (san_ip_is_v4(ip) && memcmp(ip->b + 12, zero, 4) == 0);
}

/* True if the first `bits` bits agree; an IPv4 prefix of n bits has bits = 96 + n. */
bool san_ip_in_prefix(const struct san_ip *ip, const struct san_ip *net, unsigned bits);
/* "10.77.0.1" or "fd00::1"; buf has SAN_IP_TEXT_MAX bytes; returns buf. */
char *san_ip_format(const struct san_ip *ip, char *buf);
/* 0 or SAN_EINVAL. Accepts both families, nothing else (no names, no prefix length). */
int san_ip_parse(const char *text, struct san_ip *out);

#endif
