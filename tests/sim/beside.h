/* SPDX-License-Identifier: BSD-3-Clause */
/* A program's RDMA beside its stream: WRITEs and READs between its bytes, asked for by records in
 * two rings of their own (dataplane/poll/rdma_rings.h), as a program of the daemon does; and memory
 * that the peer's reach. What must come of them is known from their place in the stream: see
 * beside_check. */
#ifndef SAND_TESTS_SIM_BESIDE_H
#define SAND_TESTS_SIM_BESIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "rdma_rings.h"
#include "roce.h"
#include "san_time.h"
#include "sdp_conn.h"

struct stream;

#define BESIDE_MEMORY 8192u /* lent to the peer */

struct beside_script {
	uint32_t ring; /* bytes of each of its rings; 0: there is no RDMA */
	uint32_t works, len_max;
	uint32_t reads; /* of so many works one is a READ; 0 = none */
	struct san_duration put_pause_max, take_pause_max;
	bool far; /* its memory is the owner's to write and read, not the engine's */
};

struct beside_work {
	bool read;
	uint32_t off, len; /* of the peer's memory */
	uint32_t after;	   /* the stream's bytes before it */
	uint32_t end;	   /* of its record */
};

struct beside {
	struct rdma_rings rings;
	uint8_t *ring_bytes;
	uint8_t *expected; /* what the ring of answers must hold, from done to taken */
	struct sdp_lent lent;

	/* done <= put <= script.works. */
	struct beside_work *work;
	uint32_t put, done;
	struct san_time put_at, take_at;
	uint32_t told; /* stream bytes the engine knows: less than written while RDMA is ahead */
	bool urgent_due, shut_due;

	uint8_t *memory;
	uint8_t *final; /* ... as it was when the peer's right to it ended */
	uint64_t va;
	uint32_t key; /* 0: the peer reaches it no more */
	bool look;    /* something came that may have moved what beside_check looks at */

	/* Of the peer's memory: with the first `applied` works in it. */
	uint8_t *model;
	uint32_t applied;
};

/* Before the engine is; completes what it is opened with. */
void beside_open(struct stream *s, struct sdp_open *o);
void beside_fini(struct stream *s);
/* The program sees what is done, takes answers, asks for more. */
void beside_step(struct stream *s, struct san_time now);
/* What it has produced, bytes, RDMA and its end, goes to the engine, as poll/ does it. */
void beside_push(struct stream *s, struct san_time now);
struct san_time beside_next(const struct stream *s);
/* The peer reaches nothing any more. */
void beside_drop(struct stream *s);
/* Something came: what it wrote into far memory is done so. */
void beside_received(struct stream *s);
/* What leaves and is of far memory is read there. */
void beside_far_read(const struct stream *s, struct roce_tx *tx);

/* All has been put, or will never be; and is done, too. */
bool beside_all_put(const struct stream *s);
bool beside_all_done(const struct stream *s);
/* The works of s in its peer's memory: each that is done, or is ahead of bytes that have arrived,
 * is there; none is that stands behind bytes that have not, or behind a READ that is not done; and
 * what is under way is there from its beginning on. */
void beside_check(const struct stream *s);

#endif
