/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA beside a stream, as its program asks for it: a ring of records (shm/record.h) to the engine
 * and one of answers back. The program is not believed: positions, records and what they ask for
 * are checked. Sans-IO, and without DPDK: whoever owns the connection reads and publishes the words
 * the program sees, and gives the engine the stream's bytes up to each record. */
#ifndef SAND_POLL_RDMA_RINGS_H
#define SAND_POLL_RDMA_RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "record.h"
#include "sdp.h"

/* Positions, each at most the one after it. */
struct rdma_rings {
	struct byte_ring tx, rx;
	uint32_t head, next, tail; /* records: told as done, given to the engine, produced */
	uint32_t rx_head, rx_tail, rx_next; /* answers: consumed, told, with a place kept */
};

/* Two rings of `size` bytes, the second behind the first; a power of two. */
void rdma_rings_init(struct rdma_rings *r, uint8_t *base, uint32_t size);

/* The program's words; false: they make no sense, and nothing changes. */
bool rdma_rings_produced(struct rdma_rings *r, uint32_t tail);
bool rdma_rings_consumed(struct rdma_rings *r, uint32_t head);

/* Of the stream the engine knows the bytes before `told`, the program produced those before `tail`.
 * The next record, which is to be posted once the engine knows the bytes before out->after; returns
 * its bytes in the ring. 0: there is none, SAN_EAGAIN: not yet, SAN_EPROTO: malformed. */
int rdma_rings_next(
    const struct rdma_rings *r, uint32_t told, uint32_t tail, struct shm_tx_record *out);
/* 0, SAN_EAGAIN: it has to wait, and with it what is behind it, SAN_EPROTO: never. */
int rdma_rings_post(
    struct rdma_rings *r, struct sdp_conn *c, const struct shm_tx_record *record, uint32_t bytes);
/* What the engine has done moves head and rx_tail; false: nothing. */
bool rdma_rings_done(struct rdma_rings *r, struct sdp_conn *c);

/* The program has asked for something that is not done. */
static inline bool
rdma_rings_pending(const struct rdma_rings *r)
{
	return r->tail != r->head;
}

#endif
