/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of verbs/ share: verbs.c joins the halves, send_queue.c and recv_queue.c are one
 * each, early.c keeps messages nobody has asked for yet, sge.c knows about buffers in pieces. */
#ifndef SAND_VERBS_PRIV_H
#define SAND_VERBS_PRIV_H

#include "verbs.h"

/* sge.c */
/* Bytes of all pieces. */
uint64_t verbs_sge_total(const struct verbs_sge *sge, uint8_t count);
/* Let the packet carry bytes [offset, offset + len) of the pieces. */
void verbs_sge_gather(
    const struct verbs_sge *sge, uint8_t count, uint32_t offset, uint32_t len, struct roce_tx *out);
/* Put bytes at `offset`; what lies behind the last piece is dropped. */
void verbs_sge_scatter(const struct verbs_sge *sge, uint8_t count, uint32_t offset,
    const uint8_t *bytes, uint32_t len);

/* send_queue.c */
void verbs_send_pump(struct verbs *v);
void verbs_send_fill(const struct verbs *v, const struct rc_chunk *chunk, struct roce_tx *out);
void verbs_send_answered(struct verbs *v, const struct rc_in *in);
void verbs_send_reap(struct verbs *v);
/* The oldest request that is not done gets `status`, those behind it FLUSHED. */
void verbs_send_flush(struct verbs *v, uint8_t status);

/* recv_queue.c */
struct verbs_piece verbs_recv_piece(const struct rc_in *in);
void verbs_recv_delivered(struct verbs *v, const struct rc_in *in);
/* Tell the QP what the next message will find. */
void verbs_recv_announce(struct verbs *v);
/* The packet, refused, would not have fitted the receive. */
bool verbs_recv_overrun(const struct verbs *v, const struct roce_pkt *p);
void verbs_recv_flush(struct verbs *v, uint8_t status);

/* early.c: a ring of messages, whole ones and at most one that is arriving. */
/* The longest message fits. */
bool verbs_early_room(const struct verbs *v);
void verbs_early_append(struct verbs *v, const struct rc_in *in);
/* The message that arrived last is whole. */
void verbs_early_finish(struct verbs *v, const struct verbs_done *done);
/* Move the oldest message into the receive; false when there is none. */
bool verbs_early_take(struct verbs *v, struct verbs_recv_slot *slot);

#endif
