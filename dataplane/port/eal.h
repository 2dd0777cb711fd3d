/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and stop of DPDK's environment layer and of the one packet pool everything takes its frames
 * from. Errors come back as an enum san_err and one sentence that says what to do. Called by the
 * main thread only. */
#ifndef SAND_PORT_EAL_H
#define SAND_PORT_EAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EAL_WHY_MAX 256 /* bytes that hold every sentence */

/* argv as for rte_eal_init (argv[0] is the program's name). DPDK's own messages below
 * warning are dropped unless argv has a --log-level; the last error becomes part of the sentence.
 * Allows the SIMD width that icrc_init (wire/) wants: call that next. */
int eal_start(int argc, char **argv, char *why, size_t why_size);
/* After all ports are closed and all poll threads joined. */
void eal_stop(void);

/* Worker lcores (each may run one poll thread) in ascending order; returns how many there are,
 * fills at most `max`. */
unsigned eal_workers(unsigned *lcores, unsigned max);
/* The processor an lcore is pinned to, or -1 if it may run on several. */
int eal_lcore_cpu(unsigned lcore);
/* True unless no ordinary program can be scheduled on that lcore's processor (isolcpus, or another
 * lcore is pinned to the same processor, which is sharing too). An unpinned lcore is shared. */
bool eal_lcore_shared(unsigned lcore);
/* False with --no-huge. */
bool eal_hugepages(void);

/* The packet pool: frames that hold an Ethernet frame of `mtu` payload bytes (at least, with
 * 4096-byte path MTU where mtu allows it), as many as fit `memory_mb`. SAN_ENOMEM, SAN_EINVAL. */
int eal_frame_pool_create(uint32_t memory_mb, uint32_t mtu, char *why, size_t why_size);
void eal_frame_pool_destroy(void);

struct eal_frame_pool_info {
	uint32_t frames, in_use; /* in_use counts what per-core caches and NIC queues hold, too */
	uint32_t frame_bytes;	 /* data room of one, without headroom */
	uint64_t bytes;		 /* memory of the whole pool */
};
/* All zero when there is no pool. */
void eal_frame_pool_info(struct eal_frame_pool_info *out);

#endif
