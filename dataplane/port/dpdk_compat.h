/* SPDX-License-Identifier: BSD-3-Clause */
/* The one place that knows how DPDK's LTS releases differ (22.11, 23.11, 24.11), apart from the CRC
 * (wire/crc32_eth.h). Only port/ and poll/ include it. */
#ifndef SAND_PORT_DPDK_COMPAT_H
#define SAND_PORT_DPDK_COMPAT_H

#include <rte_mbuf.h>
#include <rte_pcapng.h>
#include <rte_version.h>

/* 23.11 stamps the time itself, takes a comment, and wants interfaces declared in the file's head.
 */
static inline struct rte_mbuf *
compat_pcapng_copy(uint16_t port, uint32_t queue, const struct rte_mbuf *m, struct rte_mempool *mp,
    uint32_t snaplen, enum rte_pcapng_direction direction)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
	return rte_pcapng_copy(port, queue, m, mp, snaplen, direction, NULL);
#else
	return rte_pcapng_copy(port, queue, m, mp, snaplen, rte_get_tsc_cycles(), direction);
#endif
}

static inline int
compat_pcapng_add_interface(rte_pcapng_t *file, uint16_t port, const char *name)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
	return rte_pcapng_add_interface(file, port, name, NULL, NULL);
#else
	(void)file;
	(void)port;
	(void)name;
	return 0;
#endif
}

#endif
