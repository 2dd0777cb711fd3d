/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of this process that peers may reach: what was exposed on which socket, and how peers name
 * it. The daemon does the reaching: in place what lies in the region's heap, else by /proc/PID/mem.
 * prov.lock guards the table. */
#ifndef SAND_WSP_RDMA_H
#define SAND_WSP_RDMA_H

#include "provider.h"

/* Ranges exposed by this process at a time, all sockets together. More: WSAENOBUFS. */
#define RDMA_EXPOSED_MAX 1024u
/* Longest WSPRdmaRead or WSPRdmaWrite. */
#define RDMA_MAX (1u << 30)
/* SO_RDMA_THRESHOLD_SIZE: below a page an extra round trip costs more than a copy. */
#define RDMA_THRESHOLD 4096u

/* A descriptor: magic, address, length, key, in network order. */
#define RDMA_DESC_BYTES SAN_DESCRIPTOR_BYTES
struct rdma_desc {
	uint64_t va, len;
	uint32_t key;
};
void rdma_desc_put(uint8_t to[RDMA_DESC_BYTES], const struct rdma_desc *d);
/* False: not a descriptor. */
bool rdma_desc_get(const void *from, size_t len, struct rdma_desc *d);
/* sanMemoryForeign, sanMemoryNamed. */
void rdma_foreign(uint8_t desc[RDMA_DESC_BYTES], uint64_t addr, uint64_t len, uint32_t key);
int rdma_named(
    const uint8_t desc[RDMA_DESC_BYTES], uint64_t *addr, uint64_t *len, uint32_t *key, LPINT err);

/* 0, or WSAENOTSOCK, WSAENOTCONN, WSAEINVAL, WSAEFAULT, WSAENOBUFS, WSAENETDOWN. */
int rdma_expose(SOCKET s, void *buf, size_t len, DWORD rights, struct rdma_desc *d);
/* 0, or WSAEINVAL: not exposed by this socket. */
int rdma_withdraw(SOCKET s, const struct rdma_desc *d);
/* The socket closes: withdraw all it exposed. prov.lock held. */
void rdma_slot_end(uint32_t slot);
bool rdma_overlaps(const void *addr, size_t len);
/* prov.lock held. */
bool rdma_overlaps_locked(const void *addr, size_t len);
/* In a forked child the parent's exposures do not exist. prov.lock held. */
void rdma_forked(void);

#endif
