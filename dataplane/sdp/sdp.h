/* SPDX-License-Identifier: BSD-3-Clause */
/* One SDP connection: the byte-stream session on top of one RC queue pair. Sans-IO: packets,
 * positions and time in; packets, positions, event bits and the next deadline out. It embeds its
 * QP; whoever owns the connection owns the struct's memory and is the only thread to call it. After
 * sdp_conn_init nothing here allocates, reads a clock, makes a system call or logs.
 *
 * Bytes flow through two byte rings owned by the caller (shared memory in the daemon, plain memory
 * in the simulator). Positions are free-running 32-bit counters:
 * - tx: the caller produces up to P (sdp_tx_produced); the engine reads (released, P] when it emits
 *   packets and reports the acknowledged position with sdp_tx_released: bytes before it may be
 *   overwritten.
 * - rx: the engine writes and reports sdp_rx_produced; the caller consumes up to C
 *   (sdp_rx_consumed).
 * The engine never lets its peer send more than fits the rx ring: credits are computed from its
 * room.
 *
 * What happens on the wire when a connection ends is the state machine in sdp_fsm.h, whose state
 * only sdp_fsm.c writes. */
#ifndef SAND_SDP_H
#define SAND_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "cc.h"
#include "rc_params.h"
#include "roce.h"
#include "sdp_fsm.h"
#include "san_time.h"

/* What happened since the last sdp_events_take; bits accumulate. X(name, bit, meaning) */
#define SDP_EVENT_LIST(X)                                                                          \
	X(RX_DATA, 0, "bytes were written into the rx ring")                                       \
	X(TX_ROOM, 1, "tx ring bytes were released")                                               \
	X(ESTABLISHED, 2, "first packet of the peer arrived: counts as RTU")                       \
	X(EOF, 3, "the peer's DisConn arrived, after all its data")                                \
	X(URGENT, 4, "an urgent byte arrived; see sdp_urgent_pos")                                 \
	X(TX_DRAINED, 5, "everything produced has been acknowledged by the peer")                  \
	X(WANT_DREQ, 6, "the connection manager shall send DREQ now; may come together with DEAD") \
	X(DEAD, 7, "the wire side is DEAD: no packet will be emitted again; see sdp_error")

enum sdp_event {
#define X(name, bit, text) SDP_EV_##name = 1u << bit,
	SDP_EVENT_LIST(X)
#undef X
};

/* Why a message of the peer ended the connection: its rules are in msg_rule.h. X(name, meaning) */
#define SDP_VIOLATION_LIST(X)                                                                   \
	X(LENGTH, "Len is not what came, or does not fit the message")                          \
	X(MID, "no such message, or one that belongs into the handshake")                       \
	X(CARRIAGE, "not a plain SEND: immediate data, or Invalidate")                          \
	X(MSEQ, "MSeq does not rise by one")                                                    \
	X(MSEQ_ACK, "MSeqAck names a message we never sent")                                    \
	X(OVERRUN, "payload beyond the buffers we posted")                                      \
	X(URGENT, "OOB_PRES without a byte, or in another message than Data")                   \
	X(PENDING, "must not come while a SrcAvail waits for our answer")                       \
	X(MODE, "not in this flow control mode, or no such change of it")                       \
	X(INLINE, "SrcAvail with payload in Pipelined mode; without, or with all, in Combined") \
	X(UNASKED, "answers what we never asked")                                               \
	X(SIZE, "ChRcvBufAck below what was promised; RdmaRdCompl beyond what was offered")     \
	X(UNANSWERED, "no SendSm within 5 s of our SrcAvailCancel")                             \
	X(ENDED, "must not come behind DisConn")

enum sdp_violation {
	SDP_VIOLATION_NONE,
#define X(name, text) SDP_VIOLATION_##name,
	SDP_VIOLATION_LIST(X)
#undef X
	    SDP_VIOLATION_COUNT
};

/* What the program wants of the peer's memory. X(name, text) */
#define SDP_RDMA_OP_LIST(X)                            \
	X(WRITE, "bytes into memory the peer exposes") \
	X(READ, "bytes out of it")

enum sdp_rdma_op {
#define X(name, text) SDP_RDMA_##name,
	SDP_RDMA_OP_LIST(X)
#undef X
};

/* RDMA of the program's, beside its bytes. It goes behind all that was produced before it was
 * posted and ahead of what is produced later; behind a READ, bytes and WRITEs wait until it is
 * done. */
struct sdp_rdma_request {
	uint64_t va; /* the peer's memory ... */
	uint32_t key, len;
	uint32_t pos; /* ... and ours: from this position of the ring on */
	struct byte_ring ring;
	uint32_t cookie; /* comes back */
	uint8_t op;	 /* enum sdp_rdma_op */
};

struct sdp_rdma_done {
	uint32_t cookie, len;
	uint8_t op;
};

/* Requests of a connection at once; a power of two. */
#define SDP_RDMA_MAX 16u

struct rc_far;
struct rc_mrs;
struct rc_pool;
struct sdp_lent; /* defined in sdp_conn.h */

/* Everything needed to run a connection, known once REQ/REP have been exchanged. */
struct sdp_open {
	bool active;		 /* we sent the REQ */
	uint32_t qpn, peer_qpn;	 /* 24 bits */
	uint32_t rq_psn, sq_psn; /* first PSN we expect; first PSN we send */
	uint32_t pmtu;		 /* 256..4096 */
	uint32_t local_rcv_size; /* receive buffer size we announced, incl. BSDH */
	uint32_t peer_rcv_size;	 /* the peer's, incl. BSDH: our messages never exceed it */
	uint16_t local_credits;	 /* Bufs we announced in Hello or HelloAck */
	uint16_t peer_credits;	 /* Bufs the peer announced */
	struct byte_ring tx, rx;
	uint32_t features;    /* RC_FEATURE_* both ends understand */
	struct rc_pool *pool; /* recovery.h; NULL: what comes early is dropped */
	struct rc_params rc;  /* retry counts, timeouts; see rc.h */
	struct cc_params cc;  /* congestion control */
	/* For RDMA either way: the owner's memory, until the connection is DEAD. NULL: none. */
	struct sdp_lent *lent;
	struct rc_mrs *mrs;	     /* what the peer may reach */
	uint8_t responder_resources; /* READs of the peer at once; 0: we advertise nothing */
	uint8_t initiator_depth;     /* READs of ours at once; 0: we refuse what is advertised */
	/* Reading in place: a SrcAvail, answered by RDMA READ. False: none is sent, all are
	 * refused. */
	bool zcopy;
	uint32_t zcopy_threshold;	     /* advertise when so many bytes wait; 0: never */
	struct san_duration disconn_timeout; /* longest wait for the peer's DisConn after ours, once
					      * the program has closed; 0 = no limit */
	struct san_duration linger_timeout;  /* longest stay in LINGER (DREQ exchange) */
};

/* How a program ends its use: see control/close.md. */
enum sdp_close_how {
	SDP_CLOSE_GRACEFUL, /* queued data, DisConn, DREQ when both DisConns are done */
	SDP_CLOSE_ABORT,    /* DREQ at once; AbortConn first if DisConn was already sent */
};

/* READs of either side at once that a connection can make use of. */
#define SDP_READS_MAX 4u

struct sdp_conn; /* defined in sdp_conn.h for whoever embeds it (poll/, the simulator) */

/* Largest credit count worth announcing for an rx ring of `ring_size` bytes at `rcv_size` per
 * buffer. */
uint16_t sdp_initial_credits(uint32_t ring_size, uint32_t rcv_size);
/* Most packets behind a missing one that a connection keeps, given a pool. */
uint16_t sdp_early_max(void);

/* 0 or SAN_EINVAL (sizes or PMTU out of range). State becomes OPEN. */
int sdp_conn_init(struct sdp_conn *c, const struct sdp_open *o, struct san_time now);

/* True: it came before its turn and is kept. `frame` is whatever the owner needs to hand the same
 * packet over again, NULL if it cannot; it stays as it is until it comes back from one of the two
 * functions below. */
bool sdp_packet_receive(
    struct sdp_conn *c, const struct roce_pkt *p, void *frame, struct san_time now);
/* A kept frame whose turn it is: receive its packet (it is not kept again), then let go of it. NULL
 * = none. Ask after every sdp_packet_receive until there is none. */
void *sdp_frame_next(struct sdp_conn *c);
/* A kept frame that nobody needs any more: let go of it. NULL = none. Ask after a deadline, and at
 * the end, until there is none. */
void *sdp_frame_drop(struct sdp_conn *c);
/* Fill up to `max` packets; returns how many. Call again while it returns max. */
size_t sdp_emit(struct sdp_conn *c, struct roce_tx *out, size_t max, struct san_time now);
/* When sdp_deadline_expire wants to be called next; NEVER if nothing is pending. */
struct san_time sdp_deadline(const struct sdp_conn *c);
void sdp_deadline_expire(struct sdp_conn *c, struct san_time now);

/* The program produced up to `pos`. SAN_EPROTO (and nothing changes) if that is more than the ring
 * holds or goes backwards: the caller must treat the program as hostile. After a shut the call is
 * ignored. */
int sdp_tx_produced(struct sdp_conn *c, uint32_t pos, struct san_time now);
/* Mark the byte before `pos` urgent (MSG_OOB). */
void sdp_tx_urgent(struct sdp_conn *c, uint32_t pos);
uint32_t sdp_tx_released(const struct sdp_conn *c);
/* The program consumed up to `pos`; same rules as sdp_tx_produced. May make a credit update due. */
int sdp_rx_consumed(struct sdp_conn *c, uint32_t pos, struct san_time now);
uint32_t sdp_rx_produced(const struct sdp_conn *c);
/* Position just behind the latest urgent byte that arrived. */
uint32_t sdp_urgent_pos(const struct sdp_conn *c);

/* 0, or SAN_EAGAIN: SDP_RDMA_MAX are not done yet; SAN_EOPNOTSUPP: no memory was lent, or a READ
 * of a peer that allows none; SAN_ENOTCONN. */
int sdp_rdma_post(struct sdp_conn *c, const struct sdp_rdma_request *r);
/* The oldest that is done, in the order of posting: the peer has the bytes of a WRITE, those of a
 * READ are here. False: none, or no more. What is left when the connection ends has failed. */
bool sdp_rdma_take(struct sdp_conn *c, struct sdp_rdma_done *out);
/* Far memory (rc/mr.h), which only the owner reaches: as msg_far_write, msg_far_refuse and
 * msg_answer_refuse (msg_conn.h). */
bool sdp_far_write(struct sdp_conn *c, struct rc_far *out);
void sdp_far_refuse(struct sdp_conn *c, struct san_time now);
void sdp_answer_refuse(struct sdp_conn *c, struct roce_tx *out, struct san_time now);

/* Events that happened, reported by the connection's owner. Each is legal in every state; where it
 * means nothing it is counted and ignored. */
void sdp_shut(struct sdp_conn *c, struct san_time now); /* program: SHUT_WR */
void sdp_close(
    struct sdp_conn *c, enum sdp_close_how how, struct san_time now); /* program is gone */
void sdp_dreq_received(
    struct sdp_conn *c, struct san_time now); /* CM: peer disconnects; CM answers DREP */
void sdp_dreq_finished(
    struct sdp_conn *c, struct san_time now); /* CM: DREP came, or retries ran out */
void sdp_port_down(struct sdp_conn *c, struct san_time now);
void sdp_keepalive(
    struct sdp_conn *c, struct san_time now); /* send a probe (zero-length RDMA WRITE) */

/* Event bits since the last call, cleared. */
uint32_t sdp_events_take(struct sdp_conn *c);
/* Why the connection ended: 0 after a graceful end, else enum san_err (CONNRESET, TIMEDOUT, PROTO,
 * ...). */
int sdp_error(const struct sdp_conn *c);
enum sdp_state sdp_state(const struct sdp_conn *c);
/* What exactly, if a message of the peer ended it. */
enum sdp_violation sdp_violation(const struct sdp_conn *c);
const char *sdp_violation_text(enum sdp_violation v);
/* Most bytes one message to the peer carries; grows if the peer agrees to larger buffers. */
uint32_t sdp_payload_max(const struct sdp_conn *c);
/* True if sdp_emit would produce something now: the owner keeps such connections on its active
 * list. */
bool sdp_has_work(const struct sdp_conn *c, struct san_time now);

#endif
