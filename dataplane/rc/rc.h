/* SPDX-License-Identifier: BSD-3-Clause */
/* One reliable-connection queue pair: messages in order, exactly once, over packets that may be
 * lost, doubled or reordered (InfiniBand architecture vol. 1, chapter 9.7). Sans-IO: packets and
 * time in, packets, completions and the next deadline out. It never copies payload, never keeps a
 * pointer to any, and does not know what a message means: whoever posts a message puts its bytes
 * into each packet rc_emit hands out, again if the packet has to be repeated. After rc_init nothing
 * allocates, reads a clock, makes a system call or logs.
 *
 * The struct is public only because its owner embeds it; its fields belong to rc/. */
#ifndef SAND_RC_RC_H
#define SAND_RC_RC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cc.h"
#include "feature.h"
#include "mr.h"
#include "qp_fsm.h"
#include "rc_params.h"
#include "recovery.h"
#include "roce.h"
#include "san_time.h"
#include "seq.h"

/* Messages outstanding are kept as runs of equal messages: bulk traffic is one run however long,
 * and a QP has a small fixed size. When all runs are taken the owner waits for an acknowledgement
 * and meanwhile gathers more bytes into the next message. Power of two. */
#define RC_RUNS_MAX 16u

/* A responder acknowledges at once when this many packets, or, if asked (AckReq), this many bytes
 * or a full packet have come since its last response; otherwise after rc_params.ack_delay, so that
 * one ACK covers an exchange. */
#define RC_ACK_PACKETS 16u
#define RC_ACK_BYTES   8192u
/* A requester asks for an ACK at least this often. */
#define RC_ACKREQ_PACKETS 16u

/* Unit in which is remembered how late answers were. */
#define RC_LATE_US 64u

/* Everything counted per queue pair. X(name, text) */
#define RC_COUNTER_LIST(X)                                                                   \
	X(tx_requests, "request packets sent, repeats included")                             \
	X(tx_repeats, "request packets sent again")                                          \
	X(tx_acks, "ACKs sent")                                                              \
	X(tx_naks, "NAKs sent, RNR included")                                                \
	X(rx_requests, "request packets accepted")                                           \
	X(rx_duplicates, "request packets received again")                                   \
	X(rx_gaps, "request packets beyond the expected one")                                \
	X(rx_kept, "packets beyond the expected one that were kept until their turn")        \
	X(rx_acks, "ACKs accepted")                                                          \
	X(rx_acks_stale, "ACKs or NAKs of no use: old, doubled, or for what was never sent") \
	X(rx_naks_seq, "sequence NAKs acted upon")                                           \
	X(rx_lost_responses, "READs and atomics asked again because the peer went on")       \
	X(rx_naks_rnr, "RNR NAKs acted upon")                                                \
	X(rx_naks_fatal, "NAKs that end the connection")                                     \
	X(rx_unexpected, "responses to requests we never make, packets of a foreign class")  \
	X(rnr_sent, "requests refused because no receive buffer was posted")                 \
	X(refused, "requests that ended the connection: sequence, length, access")           \
	X(rx_forgotten, "READs and atomics repeated that we do not remember, dropped")       \
	X(tx_responses, "READ responses and atomic answers sent, repeats included")          \
	X(rx_responses, "READ responses and atomic answers accepted")                        \
	X(rx_bad_responses, "answers that ended the connection: not as asked for")           \
	X(rx_ce, "packets received that were marked: they met a long queue")                 \
	X(tx_cnps, "congestion notifications sent")                                          \
	X(rx_cnps, "congestion notifications received")                                      \
	X(cc_slowed, "times congestion control slowed down")                                 \
	X(pauses, "times a packet waited for its turn at the rate allowed")                  \
	X(lost, "request packets deemed lost")                                               \
	X(mistakes, "request packets sent again that had only been late")                    \
	X(tail_probes, "times the last packet was sent again to learn what became of it")    \
	X(timeouts, "retransmission timer expired")                                          \
	X(implied_acks, "packets taken as received because the peer's reply proved it")

/* What both ends agreed on beyond the standard, when the connection was made: feature.h has
 * the list. */
enum rc_feature {
#define X(name, bit, text) RC_FEATURE_##name = FEATURE_##name,
	FEATURE_LIST(X)
#undef X
};

/* A READ or atomic of the peer that is answered now or may be asked for again. Owner's memory, all
 * else is resource.c's. Response packets are counted from the request's PSN. */
struct rc_resource {
	uint64_t va;	/* READ: of the first byte */
	uint64_t value; /* atomic: what was there before, for a repeat */
	uint32_t psn, packets;
	uint32_t key, len;
	/* Wanted now is [first, end) of its packets, next is `next`; next == end: nothing. The
	 * bytes wanted end at `stop`. */
	uint32_t first, next, end, stop;
	uint8_t opcode;
	bool answered; /* whole, once */
};

/* Of which of the two streams of packets one came early. */
enum rc_early {
	RC_EARLY_REQUEST, /* requests of the peer */
	RC_EARLY_ANSWER,  /* answers to READs and atomics of ours */
	RC_EARLY_COUNT
};

struct rc_counters {
#define X(name, text) uint32_t name;
	RC_COUNTER_LIST(X)
#undef X
};

/* Known once the connection manager is done. */
struct rc_open {
	uint32_t qpn, peer_qpn;	 /* 24 bits */
	uint32_t rq_psn, sq_psn; /* first PSN we expect; first PSN we send */
	uint32_t pmtu;		 /* 256..4096 */
	uint32_t recv_size;  /* bytes of one posted receive buffer: longer messages are refused */
	uint32_t recv_limit; /* messages the peer may send until rc_recv_limit raises it */
	uint32_t features;   /* RC_FEATURE_* both ends understand */
	bool flow_control;   /* end-to-end credits in AETH were negotiated */
	bool passive;	     /* begin in RTR: no request before rc_ready */
	/* What the peer may do to our memory: NULL or 0 = nothing. All owner's memory, which
	 * outlives the QP. */
	struct rc_mrs *mrs;
	uint32_t pd;		       /* protection domain: only its keys are good */
	struct rc_resource *resources; /* READs and atomics of the peer we remember ... */
	uint8_t resource_count;	       /* ... and how many: responder resources, 0 = refuse */
	uint8_t initiator_depth;       /* READs and atomics we may have outstanding, 0 = none */
	struct rc_pool *pool; /* of the owner's thread; NULL: what comes early is dropped */
	struct rc_params params;
	struct cc_params cc; /* echo, window_max, packet_bytes follow from the rest */
};

/* What a message does. X(name, text) */
#define RC_KIND_LIST(X)                                                                      \
	X(SEND, "for the peer's receive queue")                                              \
	X(SEND_IMM, "SEND with immediate data")                                              \
	X(SEND_INV, "SEND that invalidates a key of the peer")                               \
	X(WRITE, "RDMA WRITE into a region of the peer")                                     \
	X(WRITE_IMM, "RDMA WRITE with immediate data")                                       \
	X(PROBE, "RDMA WRITE of length 0: proves the peer is alive, delivers nothing")       \
	X(READ, "RDMA READ from a region of the peer")                                       \
	X(CMP_SWAP, "8 bytes in a region of the peer: swapped if they are what is expected") \
	X(FETCH_ADD, "8 bytes in a region of the peer: added to")

enum rc_kind {
#define X(name, text) RC_##name,
	RC_KIND_LIST(X)
#undef X
	    RC_KIND_COUNT
};

/* The longest message, bytes. */
#define RC_MESSAGE_MAX 0x80000000u

/* `count` equal messages in a row. pos, tag and what are the owner's: enough to make the bytes
 * again. Of message i of the run the tag is tag + i; how far pos moves per message the owner knows.
 */
struct rc_run {
	uint32_t len; /* bytes of each message; of an atomic: 8 */
	uint32_t pos;
	uint32_t tag;
	uint16_t count;
	uint8_t kind; /* enum rc_kind */
	uint8_t what;
	bool se;    /* solicited event: on the last packet */
	bool fence; /* not before all earlier READs and atomics are done */
};

/* The part of a message one packet carries; of a READ, the part that is asked for. The owner fills
 * into the packet what only it knows, each time anew: payload; out->ext.imm on the last packet of
 * an _IMM, out->ext.rkey on the last of a SEND_INV; out->ext.va (+ offset) and rkey on the first of
 * a WRITE and on a READ; va, rkey, swap_add, compare of an atomic. Lengths are filled in already.
 */
struct rc_chunk {
	const struct rc_run *run;
	uint32_t index;	 /* which message of the run */
	uint32_t offset; /* of the first byte in the message */
	uint32_t len;
	bool again; /* this packet has been sent before */
};

enum rc_out {
	RC_OUT_NONE,
	RC_OUT_RESPONSE, /* complete: ACK, NAK, CNP, READ response, atomic answer */
	RC_OUT_REQUEST,	 /* the owner appends the chunk's bytes */
};

/* A piece of a WRITE into far memory. */
struct rc_far {
	const uint8_t *bytes; /* NULL: there is none */
	uint32_t len, key;
	uint64_t va;
};

/* What a packet meant for the owner. */
struct rc_in {
	bool valid;	/* the peer is alive and knows the connection */
	bool acked;	/* something new was acknowledged: call rc_reap */
	bool delivered; /* payload of a SEND is valid, in order; or write_imm */
	bool first, last;
	bool se;
	bool imm; /* on the last packet: the message carries immediate data */
	bool inv; /* on the last packet: the peer invalidated our key `inv_key`; done already */
	/* The message is an RDMA WRITE with immediate data: its `write_len` bytes are in place
	 * already; it took a receive buffer, into which nothing is put: first, last, len 0. */
	bool write_imm;
	bool response; /* answer to a READ or atomic of ours */
	bool early;    /* beyond a gap: the owner may rc_keep the frame */
	uint32_t len;  /* of the payload; 0 unless delivered or response */
	/* From here on valid only as the flags say. */
	uint32_t imm_data, inv_key, write_len;
	const uint8_t *payload;
	/* To be put there before anything else is asked of the QP; if that fails: rc_refuse. Its
	 * `bytes` are always valid. */
	struct rc_far far;
	/* Answer: to message `op_index` of `op` (a copy), payload at `offset`, or the atomic's old
	 * `value`. */
	struct rc_run op;
	uint32_t op_index, offset;
	uint64_t value;
};

/* rc_params as a queue pair keeps them. */
struct rc_limits {
	struct san_short rto_min, rto_max, give_up, ack_delay;
	uint16_t window_packets;
	uint16_t cnp_interval_us; /* notify.c */
	uint8_t retry_count, rnr_retry, min_rnr_timer;
};

/* Written by the thread that owns the connection, by nobody else. */
struct rc_qp {
	uint32_t qpn, peer_qpn;
	uint32_t pmtu, recv_size;
	struct rc_limits params;
	int8_t error;	  /* 0 while alive, else enum san_err: see rc_error */
	uint8_t state;	  /* enum rc_state; qp_fsm.c */
	uint8_t features; /* RC_FEATURE_* */
	uint8_t fatal;	  /* syndrome of the peer's NAK that ended the connection; 0 = none did */
	bool marked;	  /* the packet being received says that what it answers met congestion */
	bool recv_closed; /* no message may begin, whatever the limit: rc_recv_close */
	struct rc_pool *pool; /* NULL: nothing is lent */

	/* Requester: una <= snd <= high <= nxt, all PSNs. */
	uint32_t una;	  /* oldest not acknowledged */
	uint32_t snd;	  /* next to send; falls back when a gap is reported */
	uint32_t high;	  /* behind the highest ever sent */
	uint32_t nxt;	  /* next to assign */
	uint32_t run_psn; /* of the first packet of the oldest run */
	uint8_t run_head, run_count;
	uint16_t head_done; /* messages of the oldest run already reaped */
	uint16_t since_ackreq;
	/* The message packet `snd` belongs to: run (counted from run_head), message in it, packet
	 * in that. */
	uint16_t at_msg;
	uint8_t at_run;
	/* End-to-end credits: the number of the oldest run's first message, and that of the last
	 * one the peer has a buffer for. */
	bool credit_limited;
	uint32_t run_number, credit_limit;
	uint32_t at_packet;
	/* READs and atomics: how many requests are on their way, and at most may be; runs of them
	 * queued; the most packets one READ request asks for: a longer READ is several. */
	uint8_t reads_out, initiator_depth, read_runs;
	uint16_t read_packets;
	uint8_t retries, rnr_retries;
	bool nak_taken;	 /* a sequence NAK for `una` was acted upon and nothing was acknowledged
			    since */
	bool tail_next;	 /* at `rto_at` ask what became of the last packet, else send again */
	bool tail_asked; /* done; nothing has been heard since */
	bool tail_due;	 /* to be done */
	/* What the peer does with packets beyond a gap, if it was not agreed on. */
	bool peer_keeps, peer_drops;
	uint16_t probing; /* after a timeout: packets that may leave, 1 until the peer answers, then
			     more and more; 0 = no matter */
	/* Packets sent again since the last gap, and the peer's count of duplicates: then, now. */
	uint16_t repeats, duplicates_then, duplicates_now;
	uint8_t reorder_steps, reorder_persists; /* see undo.c */
	bool timing;
	uint8_t backoff; /* doublings of rto */
	/* Units of RC_LATE_US. How long the answer to a timeout took that may prove a mistake, 0 =
	 * there is none, 1 = it may have been the answer that was lost; the timer's floor, since
	 * answers came so late. */
	uint16_t late, rto_floor;
	uint32_t timed_psn;
	uint32_t srtt, rttvar, rtt_least; /* ns; srtt 0 = no sample yet */
	struct san_short rto;
	struct rc_board *board; /* lent while the peer misses something */
	struct san_time timed_at;
	struct san_time
	    progress_at; /* last sign of progress, or when something became outstanding */
	struct san_time rto_at, rnr_until;
	/* notify.c: no CNP before this; a CNP shall be sent; a packet marked CE came since the last
	 * ACK. */
	struct san_time cnp_from;
	bool cnp_due, echo_due;

	/* Responder. */
	bool ack_due;	       /* answer at the next emission */
	bool gap_reported;     /* NAK sent for `expected`: silent until it arrives */
	uint8_t nak_syndrome;  /* to send; 0 = none */
	uint8_t in_message;    /* between First and Last of a SEND or WRITE: which; else 0 */
	bool flow_control;     /* tell the peer of free buffers ... */
	bool credit_none_told; /* ... and we said there is none */
	uint32_t expected, msn;
	uint32_t message_len;  /* bytes of the message being received that are here */
	uint32_t message_room; /* SEND: bytes left in its buffer; WRITE: bytes still to come */
	uint32_t write_key;    /* WRITE: of the region */
	uint32_t pd;
	uint64_t write_va;		      /* WRITE: where its first byte goes */
	struct rc_mrs *mrs;		      /* NULL: nothing of ours can be reached by key */
	uint32_t recv_count, recv_limit;      /* messages begun; messages allowed */
	uint32_t ack_bytes;		      /* received since the last response, and ... */
	uint16_t ack_packets;		      /* ... packets */
	bool dup_ack_due;		      /* a duplicate before a READ: acknowledge ... */
	uint32_t dup_ack;		      /* ... up to this only */
	uint16_t duplicates, duplicates_told; /* SENDs and WRITEs received again */
	/* READs and atomics of the peer we remember: a ring in order of PSN, `resource_next` the
	 * slot of the next one. `resource_active` of them are to be answered, first the one in slot
	 * `resource_at`. */
	struct rc_resource *resources;
	uint8_t resource_count, resource_used, resource_next;
	uint8_t resource_active, resource_at;
	bool read_sent; /* the last packet answered a READ: it is our requests' turn */
	struct rc_kept *kept[RC_EARLY_COUNT]; /* lent while something is kept */
	struct san_time ack_at; /* when a delayed ACK falls due; NEVER = none pending */

	struct cc cc;
	struct rc_counters counters;
	struct rc_run run[RC_RUNS_MAX];
};

/* 0 or SAN_EINVAL. Ready to send and to receive (RTS), or to receive only (RTR). */
int rc_init(struct rc_qp *qp, const struct rc_open *o, struct san_time now);
/* Requests may leave: the peer knows us, or (again) after rc_drain. 0 or SAN_EINVAL: wrong state.
 */
int rc_ready(struct rc_qp *qp);
/* Finish the messages begun, begin no other one; posting goes on. 0 or SAN_EINVAL: wrong state. */
int rc_drain(struct rc_qp *qp);
/* It is done: nothing is on its way. */
bool rc_drained(const struct rc_qp *qp);
/* Out of use, whatever it was doing; all calls but rc_init are harmless then. Who kept frames has
 * had them back from rc_fini before. */
void rc_reset(struct rc_qp *qp);

/* Payload of the peer's WRITEs is copied into the region, atomics are executed, before it returns.
 */
void rc_receive(struct rc_qp *qp, const struct roce_pkt *p, struct san_time now, struct rc_in *in);

/* Packets that came early (rc_in.early). `frame` is the owner's, whatever it needs to feed the
 * packet again (its ICRC need not be checked a second time). 0, or SAN_ENOBUFS: drop the frame. */
int rc_keep(struct rc_qp *qp, const struct roce_pkt *p, void *frame, struct san_time now);
/* A kept frame whose turn it is, to be fed to rc_receive and let go of; NULL = none. Ask after
 * every rc_receive until there is none. */
void *rc_kept_next(struct rc_qp *qp);
/* A kept frame that is of no use any more, to be let go of; NULL = none. Ask after
 * rc_deadline_expire until there is none. */
void *rc_kept_drop(struct rc_qp *qp);
/* The QP will not be used any more: gives back what it was lent and hands out, one per call, the
 * frames to be let go of; NULL = it holds nothing now. */
void *rc_fini(struct rc_qp *qp);

/* The next packet. Fills every field of `out` but payload; for a request the payload is the owner's
 * to add. So is that of an answer from far memory: one segment without a base, of ext.va and
 * ext.rkey; if it cannot be had, rc_answer_refuse makes another packet of it, to be sent instead,
 * and of what else was emitted nothing. */
enum rc_out rc_emit(
    struct rc_qp *qp, struct roce_tx *out, struct rc_chunk *chunk, struct san_time now);
bool rc_has_work(const struct rc_qp *qp, struct san_time now);
struct san_time rc_deadline(const struct rc_qp *qp);
void rc_deadline_expire(struct rc_qp *qp, struct san_time now);

/* Queue m->count messages. SAN_EAGAIN, and nothing is queued, when they would not fit the window or
 * all runs are taken: rc_post_fits tells beforehand. SAN_EINVAL: never possible, for the length, or
 * because no READs and atomics were agreed on. */
int rc_post(struct rc_qp *qp, const struct rc_run *m);
bool rc_post_fits(const struct rc_qp *qp, const struct rc_run *m);

/* Take what has been acknowledged, oldest first: `*count` messages of `*run` (a copy; the messages
 * are those from index `*first` on). False when there is nothing more. */
bool rc_reap(struct rc_qp *qp, struct rc_run *run, uint32_t *first, uint32_t *count);
/* The owner learnt from the peer's own messages that the RC_SEND message with this tag, and with it
 * all before, arrived: as good as an ACK. Tags must rise by one per RC_SEND message. True if that
 * was news. */
bool rc_tag_arrived(struct rc_qp *qp, uint32_t tag, struct san_time now);

/* What will never be done: after the QP failed, or was stopped, and all that was done is reaped,
 * the other messages, oldest first; the peer may have got some of them. False when there is none.
 */
bool rc_flush(struct rc_qp *qp, struct rc_run *run, uint32_t *first, uint32_t *count);

/* Bytes of the receive buffer the next message goes into (rc_open.recv_size until it is called). */
void rc_recv_size(struct rc_qp *qp, uint32_t size);
/* The peer may begin messages until `limit` have been begun in all (free-running count). Never
 * falls. */
void rc_recv_limit(struct rc_qp *qp, uint32_t limit);
/* For an owner that promises the peer (rc_recv_limit) what it will usually have room for: while
 * closed, no message may begin all the same, the peer is told to wait (RNR). */
void rc_recv_close(struct rc_qp *qp, bool closed);
/* Answer the peer at the next emission instead of gathering. */
void rc_ack_now(struct rc_qp *qp);

/* The owner cannot do what the packet just received asked for: the peer shall know (NAK "remote
 * operational error"), which ends the connection. */
void rc_refuse(struct rc_qp *qp, const struct rc_in *in);

void rc_answer_refuse(struct rc_qp *qp, struct roce_tx *out);

/* No request will be sent any more; the responder goes on. */
void rc_stop(struct rc_qp *qp);

/* Frames of the owner's are kept. */
static inline bool
rc_keeps(const struct rc_qp *qp)
{
	return qp->kept[RC_EARLY_REQUEST] != NULL || qp->kept[RC_EARLY_ANSWER] != NULL;
}

/* Packets that are on their way, as far as we know: sent, not acknowledged, not deemed lost. */
static inline uint32_t
rc_in_flight(const struct rc_qp *qp)
{
	uint32_t n = (uint32_t)psn_diff(qp->snd, qp->una);

	return qp->board == NULL ? n : n - qp->board->have_count - qp->board->todo_count;
}

/* The peer misses a packet and may be dropping what is behind it: nothing new leaves until it
 * answers the repeat. */
static inline bool
rc_held(const struct rc_qp *qp)
{
	return qp->board != NULL && qp->board->blind && !qp->peer_keeps;
}

/* Packets posted and not yet sent, or to be sent again. */
static inline uint32_t
rc_unsent(const struct rc_qp *qp)
{
	return psn_span(qp->nxt, qp->snd);
}

/* Packets that may be under way at once: one while it is unknown whether the peer is there. */
static inline uint32_t
rc_window(const struct rc_qp *qp)
{
	uint32_t window = cc_window(&qp->cc);

	return qp->probing != 0 && qp->probing < window ? qp->probing : window;
}

/* Packets that may be posted: up to the bandwidth-delay cap, more than congestion control lets
 * leave, so that the next ones are at hand when it does. */
static inline uint32_t
rc_window_room(const struct rc_qp *qp)
{
	uint32_t used = psn_span(qp->nxt, qp->una);
	uint32_t window = qp->probing != 0 ? qp->probing : qp->params.window_packets;

	if ((qp->state != RC_STATE_RTS && qp->state != RC_STATE_SQD) || rc_held(qp))
		return 0;
	return used >= window ? 0 : window - used;
}

/* 0, or why the QP is in the error state: TIMEDOUT (retries used up), CONNRESET (fatal NAK of the
 * peer, RNR retries used up), PROTO (the peer broke the rules), IO (rc_refuse); of the last two
 * rc_emit still hands out the NAK. */
static inline int
rc_error(const struct rc_qp *qp)
{
	return qp->error;
}

#endif
