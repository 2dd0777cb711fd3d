/* SPDX-License-Identifier: BSD-3-Clause */
/* The invariant CRC of RoCEv2: CRC-32 over what no router may change. Routers do change some bytes
 * inside the covered range, so those count as 0xff, and 8 bytes of 0xff stand in front for the link
 * header that RoCEv2 does not have (InfiniBand architecture vol. 1, annex A17.3.3). */
#ifndef SAND_WIRE_ICRC_H
#define SAND_WIRE_ICRC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ICRC_LRH_LEN 8u /* bytes in front of the IP header that must exist and be writable */

/* Choose the fastest CRC this CPU has within the SIMD width EAL allows. Call once, after
 * rte_eal_init and before any other thread uses the wire code. Without it DPDK's own default runs.
 */
void icrc_init(void);
/* What icrc_init chose, for people: "avx512-vpclmulqdq", "avx2-vpclmulqdq", "scalar" and the like.
 */
const char *icrc_algorithm_name(void);
/* Choose the i-th implementation this build has, so that tests reach each: false when there is no
 * i-th, *name NULL when this CPU cannot run it. */
bool icrc_choose(unsigned i, const char **name);

/* `l3` points at an IP header that already has its mutable bytes set to 0xff, as have the 8 bytes
 * before it; `len` bytes from there are covered. Returns the value to store least significant byte
 * first. */
uint32_t icrc_masked(const uint8_t *l3, size_t len);
/* The same for a packet as it is on the wire: masks in place, computes, restores every byte. The
 * caller guarantees that `len` reaches past the BTH and that 8 bytes before `l3` belong to the
 * frame. */
uint32_t icrc_in_place(uint8_t *l3, size_t len, bool ipv6);

static inline void
icrc_store(uint8_t *at, uint32_t icrc)
{
	at[0] = (uint8_t)icrc;
	at[1] = (uint8_t)(icrc >> 8);
	at[2] = (uint8_t)(icrc >> 16);
	at[3] = (uint8_t)(icrc >> 24);
}

static inline uint32_t
icrc_load(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

#endif
