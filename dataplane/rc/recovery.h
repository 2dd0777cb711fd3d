/* SPDX-License-Identifier: BSD-3-Clause */
/* What a queue pair needs only while something is missing: a place for packets that came early, a
 * scoreboard of what the peer has. Such blocks are lent to it from a pool that all queue pairs of a
 * thread share, so that thousands of idle ones stay small. A pool that is empty costs speed, never
 * correctness: packets are dropped and everything behind a gap is repeated.
 *
 * The structs are public only because their owner provides the memory; their fields belong to
 * rc/. */
#ifndef SAND_RC_RECOVERY_H
#define SAND_RC_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "psn_set.h"
#include "san_time.h"

/* Packets from the first missing one on of which one end knows, or keeps, the later ones: more than
 * the bandwidth-delay product of a data centre (100 Gbit/s, 150 us, 4 KiB). */
#define RC_EARLY_MAX PSN_SET_SPAN

/* Packets that came early: kept.c. */
struct rc_kept {
	uint32_t base; /* no packet before it is kept */
	uint32_t count;
	bool useless;		     /* to be let go of, all of it */
	uint32_t stuck_at;	     /* nothing has moved since ... */
	struct san_time stuck_since; /* ... this */
	struct psn_set set;
	void *frame[RC_EARLY_MAX]; /* by PSN; the owner's */
	uint8_t told[68];	   /* the bytes behind the AETH of the ACK being sent */
};

/* A packet sent again. */
struct rc_repeat {
	uint32_t psn;
	uint32_t behind; /* what was sent for the first time after it begins here */
	struct san_time at;
};

/* What the peer has of our requests, or we of its answers, and what we send again: board.c. */
struct rc_board {
	uint32_t base;	 /* the peer has all before */
	uint32_t top;	 /* holes before it are known: something behind them arrived */
	uint32_t judged; /* holes before it have been deemed lost */
	uint32_t before; /* sent before something that was sent again and arrived */
	/* The reordering window: at `mark_at` holes before `mark` are deemed lost. NEVER = none
	 * runs. */
	uint32_t mark;
	struct san_time mark_at;
	bool blind; /* the peer does not say what it has beyond the first hole */
	/* Not what the peer has of our requests, but what we have of its answers to READs and
	 * atomics: a hole is one that is missing. */
	bool answers;
	bool hasty; /* an answer came sooner than any can: what was sent again was late */
	struct psn_set have, todo;	 /* the peer has it; deemed lost, to be sent again */
	uint16_t have_count, todo_count; /* members */
	/* What was sent again, in order; free-running indices. Before `proved`, what has not
	 * arrived was sent before something that did. */
	uint32_t repeat_head, repeat_tail, proved;
	struct psn_set again;
	uint16_t again_count;
	uint16_t repeat_at[RC_EARLY_MAX]; /* by PSN, of those in `again`: the newest repeat */
	struct rc_repeat repeat[RC_EARLY_MAX];
};

struct rc_block {
	union {
		struct rc_block *next; /* free */
		struct rc_kept kept;
		struct rc_board board;
	};
};

struct rc_pool {
	struct rc_block *block, *free;
	uint32_t fresh;		     /* blocks from here on have never been lent */
	uint32_t count, lent;	     /* blocks */
	uint32_t frames, frames_max; /* kept in all; at most */
	uint32_t refused;	     /* times no block or no frame was left */
};

/* `block`: `count` of them, untouched memory of the owner's, which outlives all queue pairs that
 * were given the pool. `frames_max`: packets kept in all of them at once. */
void rc_pool_init(struct rc_pool *p, struct rc_block *block, uint32_t count, uint32_t frames_max);

#endif
