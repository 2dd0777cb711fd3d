/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory a session shares with its programs: created, laid out, sealed and mapped here. The
 * geometry kept in this struct is the daemon's own; what stands in the region is only for programs
 * to read. Memory is sparse: a page exists once somebody wrote into it, and a slot's ring pages are
 * given back when the slot is. */
#ifndef SAND_CONTROL_REGION_H
#define SAND_CONTROL_REGION_H

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct region_geometry {
	uint32_t socks;			       /* even, at most SAN_SOCKS_MAX */
	uint32_t tx_ring_bytes, rx_ring_bytes; /* powers of two, at least a page */
	uint32_t polls;
	uint32_t heap_bytes; /* of memory for peers, whole chunks; 0 = none */
};

struct region {
	int fd;
	uint8_t *base;
	size_t bytes;
	struct region_geometry geo;
	size_t sock_off, ring_off, attach_off, heap_off;
};

/* 0, SAN_EINVAL (geometry), SAN_ENOMEM or SAN_ELIMIT (descriptors). The header's constants are
 * filled in but for session number, rules and addresses, which are the caller's. */
int region_create(struct region *r, const struct region_geometry *geo);
void region_destroy(struct region *r);

struct shm_region *region_header(const struct region *r);
struct shm_sock *region_sock(const struct region *r, uint32_t slot);
struct shm_attach *region_attach(const struct region *r, uint32_t attach);
uint8_t *region_rx_ring(const struct region *r, uint32_t slot);
/* Give the memory of a slot's rings back to the system; they read as zeros afterwards. */
void region_rings_release(struct region *r, uint32_t slot);
/* Memory really in use by the region. */
uint64_t region_resident_bytes(const struct region *r);

#endif
