/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of msg/ share: msg_conn.c is the connection's life and its packets, tx.c makes
 * requests of records, rx.c makes records of what arrives. */
#ifndef SAND_MSG_PRIV_H
#define SAND_MSG_PRIV_H

#include "msg_conn.h"

/* tx.c */
/* Post what can be posted. False: the record that is next is malformed. */
bool msg_tx_pump(struct msg_conn *c);
/* Take completions: release records, show READ answers. */
void msg_tx_reap(struct msg_conn *c);

/* rx.c */
void msg_rx_piece(struct msg_conn *c, const struct verbs_piece *piece);
/* Tell the queue pair what there is room for. */
void msg_rx_allow(struct msg_conn *c);
/* Keep a place for the answer to a READ and tell where its bytes go; false: not now. */
bool msg_rx_read_begin(struct msg_conn *c, const struct shm_tx_record *read, uint32_t *payload_pos);
/* The answer to the oldest READ is here. */
void msg_rx_read_done(struct msg_conn *c);

/* The bytes [pos, pos + len) of a ring in one or two pieces; returns how many. */
static inline uint8_t
msg_sge(const struct byte_ring *ring, uint32_t pos, uint32_t len, struct verbs_sge sge[2])
{
	uint32_t at = pos & (ring->size - 1), first = ring->size - at;

	sge[0] = (struct verbs_sge){ring->base + at, len < first ? len : first};
	sge[1] = (struct verbs_sge){ring->base, len - sge[0].len};
	return len > first ? 2 : 1;
}

#endif
