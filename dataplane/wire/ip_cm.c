/* SPDX-License-Identifier: BSD-3-Clause */
/* Version (1), IP version in the upper half of a byte (1), source port (2), source and destination
 * address (16 each). */
#include "ip_cm.h"

#include <string.h>

#include "bytes.h"
#include "ip16.h"
#include "san_err.h"

#define VERSION 0

int
ip_cm_decode(const uint8_t *priv, size_t len, struct ip_cm *out)
{
	unsigned ip_version;

	if (len < IP_CM_LEN)
		return SAN_ETOOSHORT;
	if (priv[0] != VERSION)
		return SAN_EVERSION;
	ip_version = priv[1] >> 4;
	if (ip_version != 4 && ip_version != 6)
		return SAN_EPROTO;
	out->src_port = be16_get(priv + 2);
	out->src = ip16_decode(priv + 4, ip_version);
	out->dst = ip16_decode(priv + 20, ip_version);
	/* An IPv4 address in disguise would match listeners of the other family. */
	if (ip_version == 6 && (san_ip_is_v4(&out->src) || san_ip_is_v4(&out->dst)))
		return SAN_EPROTO;
	return 0;
}

void
ip_cm_encode(uint8_t *priv, const struct ip_cm *h)
{
	memset(priv, 0, IP_CM_LEN);
	priv[0] = VERSION;
	priv[1] = san_ip_is_v4(&h->src) ? 0x40 : 0x60;
	be16_put(priv + 2, h->src_port);
	ip16_encode(priv + 4, &h->src);
	ip16_encode(priv + 20, &h->dst);
}
