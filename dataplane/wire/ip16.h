/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses inside Hello and the IP-CM header: 16 bytes, an IPv4 address in the last four with
 * twelve zeros in front. That is not the mapped form the GIDs beside them have. */
#ifndef SAND_WIRE_IP16_H
#define SAND_WIRE_IP16_H

#include "addr.h"
#include "bytes.h"

static inline struct san_ip
ip16_decode(const uint8_t *p, unsigned ip_version)
{
	struct san_ip ip;

	if (ip_version == 4)
		return san_ip_v4(be32_get(p + 12));
	memcpy(ip.b, p, sizeof ip.b);
	return ip;
}

static inline void
ip16_encode(uint8_t *p, const struct san_ip *ip)
{
	memcpy(p, ip->b, sizeof ip->b);
	if (san_ip_is_v4(ip))
		memset(p, 0, 12);
}

#endif
