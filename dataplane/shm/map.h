/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's region as a program sees it: mapped, verified once, its geometry copied. Creating and
 * laying out a region is the daemon's business. A range of addresses is never given back while the
 * process lives, only emptied: a thread that is late in a call finds zeros, not a fault. */
#ifndef SAND_SHM_MAP_H
#define SAND_SHM_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "bytes.h"

struct shm_map {
	struct shm_region *region; /* NULL: never opened */
	size_t bytes;
	uint32_t socks, polls, tx_ring_bytes, rx_ring_bytes;
	uint32_t spin_us, session;
	uint8_t *rings;
	struct shm_sock *sock;
	struct shm_attach *attach;
	uint8_t *heap; /* NULL if there is none */
	size_t heap_bytes;
};

/* Map the region behind `memfd` (which may be closed afterwards) and check everything a later index
 * relies on: sealed size, magic, version, ring sizes, counts, offsets. m is zeros or was closed
 * before. SAN_EVERSION, SAN_EPROTO (not a region, or torn), SAN_ENOMEM. */
int shm_map_open(struct shm_map *m, int memfd);
/* Replace the region by empty private memory. */
void shm_map_close(struct shm_map *m);

static inline uint8_t *
shm_map_rings(const struct shm_map *m, uint32_t slot)
{
	return m->rings + slot * shm_slot_rings(m->tx_ring_bytes, m->rx_ring_bytes);
}

static inline struct byte_ring
shm_map_tx(const struct shm_map *m, uint32_t slot)
{
	return (struct byte_ring){shm_map_rings(m, slot), m->tx_ring_bytes};
}

static inline struct byte_ring
shm_map_rx(const struct shm_map *m, uint32_t slot)
{
	return (struct byte_ring){shm_map_rings(m, slot) + m->tx_ring_bytes, m->rx_ring_bytes};
}

/* Of the RDMA beside a stream: records, and the answers to READs. */
static inline struct byte_ring
shm_map_rdma_tx(const struct shm_map *m, uint32_t slot)
{
	return (struct byte_ring){
	    shm_map_rings(m, slot) + m->tx_ring_bytes + m->rx_ring_bytes, SAN_RDMA_RING};
}

static inline struct byte_ring
shm_map_rdma_rx(const struct shm_map *m, uint32_t slot)
{
	return (struct byte_ring){shm_map_rdma_tx(m, slot).base + SAN_RDMA_RING, SAN_RDMA_RING};
}

#endif
