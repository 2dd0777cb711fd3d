/* SPDX-License-Identifier: BSD-3-Clause */
/* The body of a connection, for whoever embeds it: poll/ and the simulator. Nobody outside sdp/
 * touches a field; the functions in sdp.h are the interface. Every field is written by the one
 * thread that owns the connection. */
#ifndef SAND_SDP_CONN_H
#define SAND_SDP_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "rc.h"
#include "sdp.h"
#include "sdp_fsm.h"

/* Counted per connection. X(name, text) */
#define SDP_COUNTER_LIST(X)                                                           \
	X(tx_data, "Data messages sent with payload, repeats not counted")            \
	X(tx_credit, "credit updates sent: Data without payload")                     \
	X(tx_control, "other messages sent")                                          \
	X(rx_data, "Data messages received with payload")                             \
	X(rx_credit, "credit updates received")                                       \
	X(rx_control, "other messages received")                                      \
	X(rx_ignored, "messages that ask for nothing we do: SuspComm, stray answers") \
	X(rx_discarded, "messages received after the connection was given up")        \
	X(rx_violations, "messages that broke the protocol and ended the connection") \
	X(rx_late, "packets for a dead connection or another queue pair")             \
	X(credit_stalls, "times data waited for the peer to post buffers")            \
	X(fsm_illegal, "events that meant nothing in the state they met")

struct sdp_counters {
#define X(name, text) uint32_t name;
	SDP_COUNTER_LIST(X)
#undef X
};

/* Counted where there is reading in place. X(name, text) */
#define SDP_ZCOPY_COUNTER_LIST(X)                                             \
	X(tx_adverts, "SrcAvails sent")                                       \
	X(tx_refused, "SrcAvails of ours the peer refused, in whole or part") \
	X(tx_cancelled, "SrcAvails we took back")                             \
	X(rx_adverts, "SrcAvails received")                                   \
	X(rx_refused, "SrcAvails we refused, or did not read to the end")     \
	X(reads, "RDMA READs posted")                                         \
	X(tx_bytes, "bytes the peer read from our ring")                      \
	X(rx_bytes, "bytes we read into our ring")

struct sdp_zcopy_counters {
#define X(name, text) uint64_t name;
	SDP_ZCOPY_COUNTER_LIST(X)
#undef X
};

/* Our SrcAvail, while the peer may read: stream bytes [pos, end), a region in the table of the
 * thread. Bytes before tx_posted have been read, or came with the SrcAvail. */
struct sdp_source {
	struct rc_mrs *mrs;
	uint32_t threshold; /* advertise when so many bytes wait */
	uint32_t key, pos, end;
	uint32_t mseq, cancel_mseq; /* of the SrcAvail, of its cancel */
	uint32_t not_before;	    /* refused: the next one from this position on */
	uint8_t refusals;	    /* in a row */
	struct san_time answer_by;  /* of the cancel */
};

/* The peer's SrcAvail, while we read. Positions are the rx ring's, start <= told <= rx_produced <=
 * asked <= end. */
struct sdp_sink {
	uint64_t va; /* at the peer, of the byte that goes to `start` */
	uint32_t key;
	uint32_t start, told, asked, end;
	uint32_t cancel_mseq;
	uint8_t reads; /* READs posted and not done */
	uint8_t depth; /* most of them */
	bool cancelled;
};

/* Reading in place. */
struct sdp_zcopy {
	struct sdp_source source;
	struct sdp_sink sink;
	struct sdp_zcopy_counters counters;
};

struct sdp_rdma_slot {
	struct sdp_rdma_request r;
	uint32_t after; /* the stream's bytes before it */
};

/* RDMA of the program's: taken <= done <= posted <= tail, counts; done <= hold <= tail. */
struct sdp_rdma {
	uint32_t taken, done, posted, tail;
	/* The oldest that what is produced behind it waits for: a READ, or one not yet posted;
	 * tail: none. */
	uint32_t hold;
	uint32_t writes, reads; /* done */
	struct sdp_rdma_slot slot[SDP_RDMA_MAX];
};

/* Lent by the owner of a connection with RDMA; untouched until there is some. */
struct sdp_lent {
	struct rc_resource resource[SDP_READS_MAX];
	struct rc_far far; /* of the packet received last, and ... */
	bool far_last;	   /* ... it ended a message */
	struct sdp_rdma rdma;
	struct sdp_zcopy zcopy;
};

/* Written by sdp_fsm.c only. */
struct sdp_fsm {
	uint8_t state;	  /* enum sdp_state */
	uint8_t deadline; /* enum sdp_fsm_deadline: what `at` was made from */
	struct san_time at;
};

/* Everything but the state: what messages, credits and positions are kept in, and all that the
 * actions of the state machine can see. */
struct sdp_session {
	struct byte_ring tx, rx;
	struct sdp_lent *lent;	 /* NULL = no RDMA */
	uint16_t tx_payload_max; /* per message: the peer's buffer or the PMTU, less the header */
	uint16_t rx_payload_max; /* per buffer of ours */
	uint32_t rx_buffers;	 /* buffers the lendable part of an empty rx ring is worth */
	struct san_short disconn_timeout, linger_timeout;

	/* tx: released <= posted <= produced, stream positions. */
	uint32_t tx_produced, tx_posted, tx_released;
	uint32_t tx_urgent;	 /* position behind our latest urgent byte, if urgent_due */
	uint32_t mseq_posted;	 /* of the newest message posted; Hello was 0 */
	uint32_t mseq_confirmed; /* newest of ours the peer says it received */
	uint32_t tx_limit;	 /* newest MSeq we may send: the peer's MSeqAck + Bufs */

	/* rx */
	uint32_t rx_produced, rx_consumed;
	uint32_t rx_urgent;	/* position behind the peer's latest urgent byte */
	uint32_t mseq_received; /* newest of the peer's */
	uint32_t announced;	/* newest MSeq the peer knows it may send */
	uint32_t rx_limit;	/* newest MSeq it may send; never falls */

	uint16_t due;	   /* control messages to send: bits of enum sdp_what */
	uint8_t events;	   /* enum sdp_event bits not yet taken */
	int8_t error;	   /* first reason why the connection ended */
	int8_t cause;	   /* of the next RESET */
	uint8_t rx_at;	   /* enum sdp_rx_at: where the peer's source half stands */
	uint8_t tx_at;	   /* enum sdp_tx_at: where ours does */
	uint8_t violation; /* enum sdp_violation */
	bool established;
	bool urgent_due, urgent_announced;
	bool resize_asked;   /* ChRcvBuf sent, its answer not yet here */
	bool tx_shut;	     /* the program will not produce any more */
	bool disconn_sent;   /* our DisConn has left at least once */
	bool disconn_acked;  /* and was received */
	bool peer_disconn;   /* the peer's DisConn arrived */
	bool first_closer;   /* our DisConn was decided before the peer's arrived */
	bool program_closed; /* nobody will read */
	bool deaf;	     /* given up: messages are acknowledged and dropped */
	bool stalled;	     /* data waits for credits */
	bool zcopy;	     /* reading in place: lent->zcopy is in use */
	bool advertising;    /* its source may advertise */
	bool reserved;	     /* half of the rx ring is for reading in place, not lendable */
	bool reading;	     /* its sink holds a SrcAvail of the peer */
	uint8_t odd;	     /* SDP_WHAT_ODD or 0: of the next control message */
	bool ack_held;	     /* its cancel is not acknowledged before it is done with */
	bool rdma;	     /* lent->rdma is in use: the program has asked for RDMA */
	bool far;	     /* lent->far is to be written */

	struct sdp_counters counters;
	struct rc_qp qp;
};

struct sdp_conn {
	struct sdp_fsm fsm;
	struct sdp_session s;
};

_Static_assert(sizeof(struct sdp_conn) <= 1024, "an idle connection is meant to be small");

const struct sdp_counters *sdp_counters(const struct sdp_conn *c);
/* NULL: no reading in place. */
const struct sdp_zcopy_counters *sdp_zcopy_counters(const struct sdp_conn *c);
const struct rc_counters *sdp_rc_counters(const struct sdp_conn *c);

#endif
