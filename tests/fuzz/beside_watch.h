/* SPDX-License-Identifier: BSD-3-Clause */
/* A program with RDMA beside its stream: puts records into the one ring, takes answers out of the
 * other, and knows what either must look like and what must be on the wire, in which order. The
 * bytes of a packet of the peer are all `watch_byte` of its PSN. */
#ifndef SAND_TESTS_BESIDE_WATCH_H
#define SAND_TESTS_BESIDE_WATCH_H

#include "fuzz.h"
#include "rdma_rings.h"
#include "roce.h"
#include "san_time.h"

#define WATCH_WORKS 512u /* more than a ring has records; power of two */

struct watch_work {
	struct shm_tx_record r;
	uint32_t at, end; /* of its record in the ring */
};

struct beside_watch {
	struct rdma_rings rings;
	uint32_t size;	/* of each ring */
	uint8_t *copy;	/* of both, as they must be: see check */
	uint8_t *final; /* the ring of answers when the connection ended */
	bool over;
	bool reads;   /* the peer answers READs */
	bool hostile; /* the program did what it must not: only what is in the rings is checked */
	bool deaf;    /* and was found out: nobody listens to it */

	/* done <= sent <= put: records, counted. */
	struct watch_work work[WATCH_WORKS];
	uint32_t put, sent, done;
	uint32_t produced, told;       /* bytes of the stream, so far; known to the engine */
	uint32_t wire_psn, wire_bytes; /* of what was never sent before: next PSN, bytes */
	uint32_t wire_left;	       /* of the record that is leaving */
};

static inline uint8_t
watch_byte(uint32_t psn)
{
	return (uint8_t)psn;
}

void beside_watch_init(struct beside_watch *w, uint32_t size, uint32_t psn, bool reads);
void beside_watch_free(struct beside_watch *w);

/* The program puts a record, takes an answer, writes anything anywhere. */
void beside_watch_put(struct beside_watch *w, struct script *s);
void beside_watch_take(struct beside_watch *w);
void beside_watch_scribble(struct beside_watch *w, struct script *s);

/* What it has produced goes to the engine. */
void beside_watch_push(struct beside_watch *w, struct sdp_conn *c, struct san_time now);
/* What the engine has done: records in order, answers whole, made of the bytes of successive
 * packets of `pmtu`. */
void beside_watch_done(struct beside_watch *w, struct sdp_conn *c, uint32_t pmtu);
/* A packet leaves: what is sent for the first time has its place, whatever it is. */
void beside_watch_sent(struct beside_watch *w, const struct roce_tx *tx, uint32_t pmtu);
/* Nobody has written where he must not. `over`: nor does anybody from now on. */
void beside_watch_check(struct beside_watch *w, bool over);

#endif
