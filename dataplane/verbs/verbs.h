/* SPDX-License-Identifier: BSD-3-Clause */
/* Work requests on one reliable connection: what to send, write, read or swap from which memory,
 * where to put what arrives, and how each of that ended (InfiniBand architecture vol. 1, chapters
 * 10.8 and 11.4). Sans-IO like the queue pair below it: packets and time in; packets, completions
 * and the next deadline out. It makes the bytes of every packet from the requests' buffers, which
 * therefore stay as they are until their request has completed. All memory is the owner's; nothing
 * is allocated after verbs_init.
 *
 * The struct is public only because its owner embeds it; its fields belong to verbs/. */
#ifndef SAND_VERBS_VERBS_H
#define SAND_VERBS_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "rc.h"
#include "roce.h"
#include "san_time.h"

/* A packet crosses at most as many buffers as a message has, and a descriptor holds that many. */
#define VERBS_SGE_MAX ROCE_TX_SEGS

/* What can be asked for. X(name, kind of message, text) */
#define VERBS_OP_LIST(X)                                                              \
	X(SEND, RC_SEND, "a message into the peer's next receive")                    \
	X(SEND_IMM, RC_SEND_IMM, "SEND with immediate data")                          \
	X(SEND_INV, RC_SEND_INV, "SEND that invalidates a key of the peer")           \
	X(WRITE, RC_WRITE, "our bytes into the peer's memory")                        \
	X(WRITE_IMM, RC_WRITE_IMM, "WRITE that takes a receive, with immediate data") \
	X(READ, RC_READ, "the peer's memory into ours")                               \
	X(CMP_SWAP, RC_CMP_SWAP, "8 bytes there replaced if they are as expected")    \
	X(FETCH_ADD, RC_FETCH_ADD, "8 bytes there added to")

enum verbs_op {
#define X(name, kind, text) VERBS_##name,
	VERBS_OP_LIST(X)
#undef X
	    VERBS_OP_COUNT
};

/* How a request ended. X(name, text) */
#define VERBS_STATUS_LIST(X)                                         \
	X(OK, "done")                                                \
	X(FLUSHED, "not done: the connection ended first")           \
	X(LENGTH, "the message is longer than its receive buffer")   \
	X(RETRY, "the peer does not answer")                         \
	X(RNR, "the peer had no receive buffer for too long")        \
	X(INVALID, "the peer: not a request it can take")            \
	X(ACCESS, "the peer: key, bounds or rights do not allow it") \
	X(OPERATION, "the peer could not do it")                     \
	X(PROTOCOL, "the peer broke the rules")

enum verbs_status {
#define X(name, text) VERBS_STATUS_##name,
	VERBS_STATUS_LIST(X)
#undef X
	    VERBS_STATUS_COUNT
};

const char *verbs_op_name(uint8_t op);
const char *verbs_status_name(uint8_t status);
const char *verbs_status_text(uint8_t status);

/* Our own memory; checked by nobody. */
struct verbs_sge {
	uint8_t *base;
	uint32_t len;
};

struct verbs_send {
	uint64_t cookie; /* the owner's, comes back with the completion */
	uint8_t op;	 /* enum verbs_op */
	uint8_t sge_count;
	bool solicited; /* ask for an event at the peer */
	bool fence;	/* not before all earlier READs and atomics are done */
	struct verbs_sge sge[VERBS_SGE_MAX];
	uint32_t imm;		    /* _IMM: data; _INV: key of the peer's to invalidate */
	uint32_t rkey;		    /* the peer's memory: key ... */
	uint64_t va;		    /* ... and address */
	uint64_t swap_add, compare; /* atomics; the old value comes to our 8 bytes, host order */
};

struct verbs_recv {
	uint64_t cookie;
	uint8_t sge_count;
	struct verbs_sge sge[VERBS_SGE_MAX];
};

/* What came of a request. */
struct verbs_done {
	uint64_t cookie;
	uint8_t status; /* enum verbs_status */
	uint8_t op;	/* of a send */
	bool recv;	/* of a receive, else of a send */
	/* Of a receive: */
	bool imm, inv; /* value is immediate data, the key of ours that is invalid now */
	bool write;    /* nothing was put here: the data went into registered memory */
	uint32_t value;
	uint32_t len; /* bytes of the message; LENGTH: more than there was room for */
};

/* A request in its queue; the completion stays there until it is taken, so that completions need
 * no room of their own and come in the order of posting. */
struct verbs_send_slot {
	struct verbs_send wr;
	uint32_t len;
	uint8_t status;
};

struct verbs_recv_slot {
	struct verbs_recv wr;
	uint32_t room; /* bytes of its buffers */
	struct verbs_done done;
};

/* Free-running: head <= done <= tail; slots from head to done are completed and not taken. */
struct verbs_queue {
	uint32_t head, done, tail, mask;
};

/* Where messages wait for which no receive is posted yet. One begins only if there is room for the
 * longest; otherwise the peer waits (RNR). With it a message longer than its receive is cut and the
 * connection lives; without it, such a message ends the connection, and a peer that sends into no
 * receive is told to wait. */
struct verbs_early {
	struct byte_ring ring; /* size 0 = none */
	uint32_t message_max;  /* the longest message the peer may send */
};

/* Part of a message, of an owner that takes messages as they arrive. */
struct verbs_piece {
	bool any;	  /* there is one */
	bool first, last; /* of its message */
	bool solicited, imm;
	bool write; /* no payload: `len` bytes went into registered memory */
	uint32_t imm_data;
	const uint8_t *payload; /* valid until the packet is let go of */
	uint32_t len;
};

struct verbs_open {
	struct rc_open rc; /* recv_size and recv_limit are ours to fill in */
	struct verbs_send_slot *send;
	uint32_t send_count; /* power of two */
	struct verbs_recv_slot *recv;
	uint32_t recv_count; /* power of two */
	struct verbs_early early;
	/* Not 0: there is no receive queue; the owner takes each piece of a message from
	 * verbs_receive, no message longer than this, and says how many may begin. */
	uint32_t direct_max;
};

struct verbs {
	struct rc_qp qp;
	int error; /* see verbs_error; once set, all requests complete at once */

	/* Send queue: done <= posted <= tail; requests from done to posted are with the QP. */
	struct verbs_queue sq;
	uint32_t sq_posted;
	bool reads; /* READs and atomics were agreed on */
	struct verbs_send_slot *send;

	/* Receive queue: done is the receive the next message, or the rest of this one, goes to. */
	struct verbs_queue rq;
	struct verbs_recv_slot *recv;
	bool direct;	      /* the owner takes messages as they arrive */
	bool in_message;      /* part of a message has arrived ... */
	bool to_early;	      /* ... for which there was no receive */
	uint32_t begun;	      /* messages */
	uint32_t message_len; /* bytes of it so far */
	struct verbs_early early;
	uint32_t early_head, early_tail; /* positions in the ring */
};

/* 0 or SAN_EINVAL. Requests may be posted at once; receives before the peer can send. */
int verbs_init(struct verbs *v, const struct verbs_open *o, struct san_time now);

/* Posting copies the request. 0; SAN_EINVAL; SAN_EMSGSIZE; SAN_ENOBUFS: the queue is full of
 * requests that are not done, or whose completions were not taken; SAN_EOPNOTSUPP: the connection
 * was made without READs and atomics, or without a receive queue. On a connection that has ended
 * they complete as flushed. */
int verbs_post_send(struct verbs *v, const struct verbs_send *wr);
int verbs_post_recv(struct verbs *v, const struct verbs_recv *wr);

/* The next completion of each queue, in the order of posting; false = none. Between the queues
 * there is no order: an answer may come before the acknowledgement of the question. */
bool verbs_send_take(struct verbs *v, struct verbs_done *out);
bool verbs_recv_take(struct verbs *v, struct verbs_done *out);
/* All that was posted for sending is done. */
bool verbs_send_idle(const struct verbs *v);

struct verbs_heard {
	bool valid;		  /* the peer is there and knows the connection */
	bool early;		  /* beyond a gap: the owner may rc_keep the frame, see rc.h */
	struct verbs_piece piece; /* of direct receivers */
	struct rc_far far;	  /* to be put there at once, or verbs_far_refuse */
	bool last;		  /* `far` is the end of its message */
};
struct verbs_heard verbs_receive(struct verbs *v, const struct roce_pkt *p, struct san_time now);
/* Far memory (rc/mr.h) cannot be had: what verbs_receive handed up, or what verbs_emit asks for
 * (see rc_emit), whose packet becomes another one. The connection ends, the peer is told why. */
void verbs_far_refuse(struct verbs *v, bool last);
void verbs_answer_refuse(struct verbs *v, struct roce_tx *out);
/* Direct receivers: the peer may begin messages until `limit` have been begun (free-running, never
 * falls), but none while closed: a promise, and what there is room for now. */
void verbs_recv_allow(struct verbs *v, uint32_t limit, bool closed);
/* The next packet, complete. False when there is none. */
bool verbs_emit(struct verbs *v, struct roce_tx *out, struct san_time now);
struct san_time verbs_deadline(const struct verbs *v);
void verbs_deadline_expire(struct verbs *v, struct san_time now);

/* Everything not done completes as flushed; packets are neither sent nor taken any more. To let
 * what was posted still be done, wait for verbs_send_idle first. */
void verbs_stop(struct verbs *v);
/* 0, or why the connection ended (enum san_err): CANCELED after verbs_stop, else as rc_error. */
int verbs_error(const struct verbs *v);

#endif
