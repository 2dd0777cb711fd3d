/* SPDX-License-Identifier: BSD-3-Clause */
/* One end of a simulated queue pair: the rc engine, a script of operations to post, receives to
 * grant, and memory lent to the peer. rc_end.c runs the engine, rc_work.c posts and completes
 * operations, rc_oracle.c says exactly what each operation must do at the other side: a model of
 * the lent memory, and the messages in their order. */
#ifndef SAND_TESTS_SIM_RC_END_H
#define SAND_TESTS_SIM_RC_END_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "node.h"
#include "prng.h"
#include "rc.h"
#include "rc_meter.h"
#include "rxe_end.h"

struct rc_host;
struct rc_end;

#define RC_READS_MAX	   16u
#define RC_WORKS	   256u	  /* outstanding at most; power of two */
#define RC_WORK_BYTES	   65536u /* of one operation at most */
#define RC_MEMORY	   32768u /* lent to the peer ... */
#define RC_MEMORY_CONSTANT 4096u  /* ... its first bytes are never written */

/* A mistake made on purpose; it must end the connection and do nothing else. X(name, what) */
#define RC_MISTAKE_LIST(X)                             \
	X(NONE, "none")                                \
	X(KEY, "a key that was never given")           \
	X(BOUNDS, "one byte beyond the memory")        \
	X(INVALIDATED, "a key the peer took back")     \
	X(RECV_SIZE, "longer than the peer's receive") \
	X(OPERATION, "a message the peer cannot do anything with")

enum rc_mistake {
#define X(name, text) RC_MISTAKE_##name,
	RC_MISTAKE_LIST(X)
#undef X
	    RC_MISTAKE_COUNT
};

struct rc_planned {
	uint8_t kind; /* enum rc_kind */
	uint32_t len;
};

struct rc_script {
	uint64_t works;			/* operations in all */
	const struct rc_planned *plan;	/* `works` of them; NULL = drawn as follows */
	uint32_t weight[RC_KIND_COUNT]; /* how often each kind, relative to the others */
	uint32_t len_max;		/* lengths up to here, often at the edges of packets */
	uint32_t len;			/* not 0: always this */
	uint32_t outstanding;		/* at most, 1..RC_WORKS */
	struct san_duration pause_max;	/* between posts */
	struct san_time start;
	uint32_t recv_depth; /* receives granted beyond those used */
	struct san_duration recv_pause_max;
	enum rc_mistake mistake;
	uint64_t mistake_at;	   /* operation number */
	uint64_t drain_at;	   /* after so many operations drain once; 0 = never */
	struct san_duration quiet; /* passive: until ready; after a drain: until it goes on */
	struct san_time stop_at;   /* stop sending for good */
};

struct rc_end_setup {
	uint32_t pmtu, psn, recv_size;
	uint32_t features;
	uint8_t reads;	   /* READs and atomics outstanding, both ways; 0 = none */
	bool keep;	   /* packets that come early */
	bool passive;	   /* may not send at first */
	bool rxe;	   /* not our engine: the responder of rxe_end.h */
	bool flow_control; /* end-to-end credits, if the peer has them too */
	struct rc_params rc;
	struct cc_params cc;
	struct rc_script script;
};

/* A posted operation, until it is reaped. */
struct rc_work {
	uint32_t tag;
	uint8_t kind;
	bool se, fence, mistake;
	bool shared;	   /* atomic on the peer host's counter, which others add to as well */
	uint32_t len, off; /* off: into the peer's memory, kinds that have one */
	uint32_t rkey, imm;
	uint64_t va;
	uint64_t swap_add, compare;
	uint64_t old;	   /* atomic: what must have been there */
	uint8_t *expected; /* READ: what must come */
	uint32_t got;	   /* READ, atomic: bytes that came */
};

/* A message on its way to the peer's receive queue. */
struct rc_message {
	uint32_t tag;
	uint8_t kind;
	bool se, mistake;
	uint32_t len, imm, inv_key;
	struct san_time posted_at;
};

/* Memory of this end the peer may use, and what must be in it. */
struct rc_lent {
	uint8_t *bytes, *model;
	uint8_t *ahead; /* the model with what is under way, too */
	uint64_t va;
	uint32_t key;
	uint32_t applied, posted;      /* operations before these tags are in model, in ahead */
	bool changed;		       /* the model, since it was compared */
	uint32_t spare_key, stale_key; /* for SEND with Invalidate; the one before it */
	bool spare_used;	       /* an operation of the peer names it */
	uint8_t spare[8];
};

struct rc_end {
	struct rc_host *host;
	struct rc_end *peer;
	struct rc_end_setup setup;
	struct prng prng;
	struct rc_qp qp;
	struct rxe_end *rxe; /* instead of the queue pair; or NULL */
	uint32_t qpn;
	bool dead; /* the queue pair failed, and what it had to say has been said */
	bool stopped, drained;
	struct san_time ready_at; /* it may send again, or for the first time */
	struct timer_node due;
	TAILQ_ENTRY(rc_end) ready_next;
	bool ready;		/* on the host's list */
	struct rc_meter *meter; /* of what arrives here; may be NULL */

	/* Requester: reaped <= posted, tags. */
	struct rc_work work[RC_WORKS];
	struct rc_work draft; /* drawn, not yet posted */
	bool drafted;
	uint32_t reaped, posted;
	uint32_t flushed;
	uint32_t reads_moving; /* READs not done of memory that operations change */
	struct san_time post_at;

	/* Responder. */
	struct rc_message inbox[RC_WORKS];
	uint32_t inbox_head, inbox_tail;
	uint32_t message_at; /* bytes of the current message */
	uint64_t delivered, delivered_bytes;
	uint32_t taken, granted; /* receives */
	struct san_time grant_at;
	struct rc_lent lent;
	struct rc_resource resource[RC_READS_MAX];
};

void rc_end_init(struct rc_end *e, struct rc_host *h, uint32_t qpn,
    const struct rc_end_setup *setup, uint64_t seed);
/* Both ends know each other: make the queue pair ready. */
void rc_end_open(struct rc_end *e, struct rc_end *peer, struct san_time now);
void rc_end_fini(struct rc_end *e);
/* A packet for the queue pair; the frame is the end's. */
void rc_end_frame(struct rc_end *e, struct sim_frame *f, struct san_time now);
/* Timers and program. */
void rc_end_step(struct rc_end *e, struct san_time now);
/* At most `max` packets; false if there is nothing more to send now. */
bool rc_end_emit(struct rc_end *e, uint32_t max, struct san_time now);
void rc_end_check(struct rc_end *e, struct san_time now);
struct san_time rc_end_next(const struct rc_end *e);
bool rc_end_finished(const struct rc_end *e);
void rc_end_trace(const struct rc_end *e, struct san_time now, const char *what, uint64_t value);

/* rc_work.c */
void rc_work_post(struct rc_end *e, struct san_time now);
struct san_time rc_work_next(const struct rc_end *e);
/* What the peer has acknowledged. */
void rc_work_reap(struct rc_end *e);
/* What will never be done: the queue pair failed or was stopped. */
void rc_work_flush(struct rc_end *e);
/* What only the owner knows of a request packet. */
void rc_work_fill(struct rc_end *e, const struct rc_chunk *c, struct roce_tx *out);
const uint8_t *rc_work_bytes(uint32_t qpn, uint32_t tag);
static inline struct rc_work *
rc_work_at(struct rc_end *e, uint32_t tag)
{
	return &e->work[tag & (RC_WORKS - 1)];
}

/* rc_oracle.c */
/* Lend memory, before the peer knows of the end. */
void rc_oracle_lend(struct rc_end *e);
/* `e` posted `w`: the peer will receive it, and its result is known now. */
void rc_oracle_posted(struct rc_end *e, struct rc_work *w, struct san_time now);
/* What the peer's SEND or WRITE with immediate data brought. */
void rc_oracle_delivered(struct rc_end *e, const struct rc_in *in, struct san_time now);
/* What came back for a READ or atomic of ours. */
void rc_oracle_response(struct rc_end *e, const struct rc_in *in);
/* An operation of `e` is done: it is in the peer's memory. */
void rc_oracle_reaped(struct rc_end *e, const struct rc_work *w);
/* All is over: the lent memory holds exactly what the peer's operations left, or, if the connection
 * broke, what some first ones of them did. */
void rc_oracle_settled(struct rc_end *e);

#endif
