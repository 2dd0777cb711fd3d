/* SPDX-License-Identifier: BSD-3-Clause */
/* The one place that sees DPDK's CRC interface, which changed in 24.11 from a global choice to
 * contexts. */
#ifndef SAND_WIRE_CRC32_ETH_H
#define SAND_WIRE_CRC32_ETH_H

#include <stdint.h>

#include <rte_net_crc.h>
#include <rte_version.h>

#if RTE_VERSION >= RTE_VERSION_NUM(24, 11, 0, 0)

extern struct rte_net_crc *crc32_eth_context;

static inline void
crc32_eth_select(enum rte_net_crc_alg alg)
{
	rte_net_crc_free(crc32_eth_context);
	crc32_eth_context = rte_net_crc_set_alg(alg, RTE_NET_CRC32_ETH);
}

static inline uint32_t
crc32_eth(const uint8_t *data, uint32_t len)
{
	return rte_net_crc_calc(crc32_eth_context, data, len);
}

#else

static inline void
crc32_eth_select(enum rte_net_crc_alg alg)
{
	rte_net_crc_set_alg(alg);
}

static inline uint32_t
crc32_eth(const uint8_t *data, uint32_t len)
{
	return rte_net_crc_calc(data, len, RTE_NET_CRC32_ETH);
}

#endif
#endif
