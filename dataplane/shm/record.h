/* SPDX-License-Identifier: BSD-3-Clause */
/* Message mode: the byte rings of a slot whose type is SHM_TYPE_SEQPACKET hold records. So do the
 * two rings beside a stream's, for its RDMA (shm_map_rdma_tx, shm_map_rdma_rx). A record is
 * a header of 32 bytes, then its payload, padded to 8 bytes; either may wrap around the ring's end,
 * so a header is copied out before it is looked at. Positions are multiples of 8, and a published
 * tail stands behind a whole record. Numbers are in host order.
 *
 * tx, from the program: what to do, in order. A record is done when tx_head has passed it: a SEND
 * or WRITE when the peer has acknowledged it, a READ when its answer lies in the rx ring. When the
 * connection ends (SHM_WIRE_ERROR or SHM_WIRE_DEAD), what tx_head has not passed has failed.
 * A READ begins only when all SENDs before it are done and the rx ring has room for its answer and
 * the longest message behind it; what stands behind it waits too. Whoever reads nothing out gets no
 * answers.
 *
 * rx, from the daemon: messages of the peer, in order, and answers to READs, in order; each whole.
 * While the rx ring has no room for the longest message, the peer waits: nothing is lost.
 *
 * Beside a stream there are WRITE, READ and READ_DATA alone. A record says where it stands among
 * the stream's bytes; those behind it arrive behind it, and those behind a READ, and WRITEs, wait
 * until it is done.
 *
 * The daemon takes the program's records for hostile: shm_tx_record_get finds what is malformed,
 * and the socket is reset. */
#ifndef SAND_SHM_RECORD_H
#define SAND_SHM_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

#define SHM_RECORD_HEAD 32u

/* What a program wants. X(name, value, meaning) */
#define SHM_TX_LIST(X)                                                                \
	X(SEND, 1, "a message of `len` bytes, the payload")                           \
	X(WRITE, 2, "`len` bytes, the payload, into the peer's memory `key` at `va`") \
	X(READ, 3, "`len` bytes out of the peer's memory `key` at `va`; no payload")

enum shm_tx_op {
#define X(name, value, text) SHM_TX_##name = value,
	SHM_TX_LIST(X)
#undef X
};

#define SHM_TX_FENCE	 0x01u /* not before all earlier READs are done */
#define SHM_TX_SOLICITED 0x02u /* ask for an event at the peer */
#define SHM_TX_FLAGS	 (SHM_TX_FENCE | SHM_TX_SOLICITED)

struct shm_tx_record {
	uint8_t op;    /* enum shm_tx_op */
	uint8_t flags; /* SHM_TX_FENCE, _SOLICITED */
	uint16_t zero; /* 0 */
	uint32_t len;
	uint32_t tag;	/* READ: comes back with the answer; else not looked at */
	uint32_t key;	/* WRITE, READ; of a SEND 0 */
	uint64_t va;	/* WRITE, READ; of a SEND 0 */
	uint32_t after; /* beside a stream: tx_tail when it was put; else 0 */
	uint32_t zero2;
};
_Static_assert(sizeof(struct shm_tx_record) == SHM_RECORD_HEAD, "ABI");

/* What the daemon brings. X(name, value, meaning) */
#define SHM_RX_LIST(X)                           \
	X(MESSAGE, 1, "a message of the peer's") \
	X(READ_DATA, 2, "the answer to the READ with this tag")

enum shm_rx_kind {
#define X(name, value, text) SHM_RX_##name = value,
	SHM_RX_LIST(X)
#undef X
};

#define SHM_RX_SOLICITED 0x01u /* the peer asks for an event */
#define SHM_RX_IMM	 0x02u /* `imm` is valid: only peers that are not Sand send it */
#define SHM_RX_WRITTEN	 0x04u /* with IMM: the peer wrote into registered memory; no payload */

struct shm_rx_record {
	uint8_t kind;  /* enum shm_rx_kind */
	uint8_t flags; /* SHM_RX_* */
	uint16_t zero;
	uint32_t len;
	uint32_t tag; /* READ_DATA */
	uint32_t imm;
	uint64_t zero2[2];
};
_Static_assert(sizeof(struct shm_rx_record) == SHM_RECORD_HEAD, "ABI");

/* Bytes a record with this payload takes in a ring. */
static inline uint32_t
shm_record_bytes(uint32_t payload)
{
	return SHM_RECORD_HEAD + ((payload + 7u) & ~7u);
}

/* The largest payload in a ring of `size` bytes: a quarter of it. Of SENDs the slot's msg_max,
 * which is never more, is the limit, since the peer's rings may be smaller. */
static inline uint32_t
shm_record_max(uint32_t size)
{
	return size / 4 - SHM_RECORD_HEAD;
}

/* The most one READ may ask for, given the size of the rx ring. */
static inline uint32_t
shm_read_max(uint32_t rx_size)
{
	return rx_size / 8;
}

/* Bytes behind the header. */
static inline uint32_t
shm_tx_payload(const struct shm_tx_record *r)
{
	return r->op == SHM_TX_READ ? 0 : r->len;
}

/* What the daemon holds a program to. */
struct shm_tx_limits {
	uint32_t send, write, read; /* longest of each */
	bool beside;		    /* a stream: no SEND, `after` counts */
};

/* Write a header at `pos`; the payload goes to pos + SHM_RECORD_HEAD. Publish only then. */
void shm_tx_record_put(
    const struct byte_ring *tx, uint32_t pos, const struct shm_tx_record *record);
void shm_rx_record_put(
    const struct byte_ring *rx, uint32_t pos, const struct shm_rx_record *record);

/* The record at `head`; `tail` is the caller's copy of the producer's position. Returns its bytes
 * in the ring, 0 when there is none, SAN_EPROTO when what stands there is no whole record: position
 * or length beyond the ring, the tail or the limits, an unknown op or flag, a word not 0. */
int shm_tx_record_get(const struct byte_ring *tx, uint32_t head, uint32_t tail,
    const struct shm_tx_limits *limits, struct shm_tx_record *out);
int shm_rx_record_get(
    const struct byte_ring *rx, uint32_t head, uint32_t tail, struct shm_rx_record *out);

#endif
