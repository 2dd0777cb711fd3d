/* SPDX-License-Identifier: BSD-3-Clause */
/* The program and the memory of a connection in message mode: puts records, takes records, and
 * knows what each must look like. The bytes of a packet are all `watch_byte` of its PSN. */
#ifndef SAND_TESTS_MSG_WATCH_H
#define SAND_TESTS_MSG_WATCH_H

#include "fuzz.h"
#include "msg_conn.h"

#define WATCH_REGIONS 4u
#define WATCH_REGION  4096u
#define WATCH_READS   1024u /* more than a tx ring has records */

struct watch_region {
	uint64_t va;
	uint32_t key;
	uint8_t *bytes; /* of exactly its size: a sanitizer sees every byte beyond */
};

struct msg_watch {
	struct byte_ring tx, rx;
	struct watch_region region[WATCH_REGIONS];
	bool hostile; /* the program did what it must not: only the structure is checked */
	uint32_t tx_tail, tx_seen; /* produced; seen released */
	uint32_t rx_head, rx_seen; /* consumed; seen produced */
	uint32_t messages;
	uint32_t reads, answers;
	uint32_t read_len[WATCH_READS];
	bool ended;
	uint8_t *after; /* what memory was when the connection ended */
};

static inline uint8_t
watch_byte(uint32_t psn)
{
	return (uint8_t)psn;
}

/* Sizes of the rings; powers of two. */
void msg_watch_init(struct msg_watch *w, struct rc_mrs *mrs, uint32_t pd, uint32_t tx, uint32_t rx);
void msg_watch_free(struct msg_watch *w);

/* The program puts a record, takes one, writes anything anywhere. */
void msg_watch_put(struct msg_watch *w, struct msg_conn *c, struct script *s, struct san_time now);
void msg_watch_take(struct msg_watch *w, struct msg_conn *c, struct san_time now);
void msg_watch_scribble(
    struct msg_watch *w, struct msg_conn *c, struct script *s, struct san_time now);

/* Far memory is written, or not to be had. */
void msg_watch_far(struct msg_watch *w, struct msg_conn *c, bool refuse, struct san_time now);
/* An emitted packet's bytes come from where they may. True: far memory was not to be had, and it
 * became another one. */
bool msg_watch_emitted(
    struct msg_watch *w, struct msg_conn *c, struct roce_tx *tx, bool refuse, struct san_time now);
/* Records, positions and memory are as they must be. */
void msg_watch_check(struct msg_watch *w, const struct msg_conn *c);

#endif
