/* SPDX-License-Identifier: BSD-3-Clause */
/* The header with which the private data of a REQ or SIDR_REQ begins in the RDMA port spaces (TCP,
 * UDP), as rdma_cm exchanges addresses (InfiniBand architecture annex A11). The destination port is
 * in the service id. SDP has none: its Hello says the same. */
#ifndef SAND_WIRE_IP_CM_H
#define SAND_WIRE_IP_CM_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define IP_CM_LEN 36u

struct ip_cm {
	uint16_t src_port;
	struct san_ip src, dst; /* of one family */
};

/* 0, SAN_ETOOSHORT, SAN_EVERSION (of the header), SAN_EPROTO (IP version, or addresses that do not
 * belong to it). Whether they are the addresses of the message's GIDs is the caller's to check. */
int ip_cm_decode(const uint8_t *priv, size_t len, struct ip_cm *out);
/* Writes IP_CM_LEN bytes. */
void ip_cm_encode(uint8_t *priv, const struct ip_cm *h);

#endif
