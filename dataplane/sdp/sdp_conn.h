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
	uint32_t tx_payload_max; /* per message: the peer's buffer or the PMTU, less the header */
	uint32_t rx_payload_max; /* per buffer of ours */
	uint32_t rx_buffers;	 /* buffers an empty rx ring is worth */
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

	uint32_t events;   /* enum sdp_event bits not yet taken */
	int error;	   /* first reason why the connection ended */
	int cause;	   /* of the next RESET */
	uint16_t rx_grant; /* messages the ring's room is worth, kept by credit.c */
	uint16_t due;	   /* control messages to send: bits of enum sdp_what */
	uint8_t rx_at;	   /* enum sdp_rx_at: where the peer's source half stands */
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

	struct sdp_counters counters;
	struct rc_qp qp;
};

struct sdp_conn {
	struct sdp_fsm fsm;
	struct sdp_session s;
};

_Static_assert(sizeof(struct sdp_conn) <= 1024, "an idle connection is meant to be small");

const struct sdp_counters *sdp_counters(const struct sdp_conn *c);
const struct rc_counters *sdp_rc_counters(const struct sdp_conn *c);

#endif
