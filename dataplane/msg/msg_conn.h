/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection in message mode: work requests taken from the records of a tx ring, messages and
 * READ answers put as records into an rx ring (shm/record.h), over one queue pair. The sibling of
 * sdp_conn.h, with the same few calls: sans-IO; packets, positions and time in; packets, positions,
 * event bits and the next deadline out. Payload leaves straight from the tx ring, a READ's answer
 * lands in the place kept for it in the rx ring.
 *
 * The end is always abortive, half-closing does not exist: OPEN, then LINGER while the connection
 * manager disconnects, then DEAD. From LINGER on neither ring is touched.
 *
 * The struct is public only because its owner embeds it; its fields belong to msg/. */
#ifndef SAND_MSG_CONN_H
#define SAND_MSG_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "record.h"
#include "roce.h"
#include "san_time.h"
#include "verbs.h"

/* What happened since the last msg_events_take. X(name, bit, meaning) */
#define MSG_EVENT_LIST(X)                                                    \
	X(ESTABLISHED, 0, "first packet of the peer arrived: counts as RTU") \
	X(WANT_DREQ, 1, "the connection manager shall send DREQ now")        \
	X(DEAD, 2, "nothing will be sent or received again")                 \
	X(MALFORMED, 3, "the program put something into its ring that is no record")

enum msg_event {
#define X(name, bit, text) MSG_EV_##name = 1u << bit,
	MSG_EVENT_LIST(X)
#undef X
};

enum msg_state {
	MSG_STATE_OPEN,
	MSG_STATE_LINGER, /* over, the connection manager has yet to say so to the peer */
	MSG_STATE_DEAD,
};

/* Requests with the queue pair at once; the others wait in the ring. Powers of two. */
#define MSG_SLOTS 32u
#define MSG_READS 16u

struct msg_open {
	struct rc_open rc; /* recv_size and recv_limit are ours to fill in */
	struct byte_ring tx, rx;
	struct verbs_send_slot *slots; /* [MSG_SLOTS], the owner's */
	uint32_t send_max;	       /* longest message the peer takes */
	struct san_duration linger_timeout;
};

struct msg_counters {
	uint32_t tx_messages, rx_messages; /* SENDs acknowledged, messages received */
	uint32_t writes, reads;		   /* done */
};

struct msg_conn {
	struct verbs v;
	struct byte_ring tx, rx;
	struct shm_tx_limits limits;
	int error; /* see msg_error */
	uint8_t state;
	bool established;
	uint32_t events;   /* not yet taken */
	struct rc_far far; /* of the packet received last */
	bool far_last;

	/* released <= posted <= produced */
	uint32_t tx_produced, tx_posted, tx_released;
	uint32_t sends_out; /* SENDs posted and not acknowledged */

	/* rx: shown <= written; records between the two stand behind a READ that is not answered
	 * yet. Behind `written` a message may be arriving. */
	uint32_t rx_consumed, rx_written;
	bool in_message;
	uint32_t message_len;	      /* bytes of it so far */
	uint32_t begun;		      /* messages */
	uint32_t usual;		      /* bytes of a usual record, sixteenths */
	uint32_t read_pos[MSG_READS]; /* where the answers of READs under way begin ... */
	uint32_t read_head, read_tail;

	struct san_duration linger_timeout;
	struct san_time linger_at; /* in LINGER: give up waiting */
	struct msg_counters counters;
};

/* 0 or SAN_EINVAL. */
int msg_conn_init(struct msg_conn *c, const struct msg_open *o, struct san_time now);

/* Packets: as sdp_packet_receive, sdp_frame_next, sdp_frame_drop, sdp_emit. */
bool msg_packet_receive(
    struct msg_conn *c, const struct roce_pkt *p, void *frame, struct san_time now);
void *msg_frame_next(struct msg_conn *c);
void *msg_frame_drop(struct msg_conn *c);
size_t msg_emit(struct msg_conn *c, struct roce_tx *out, size_t max, struct san_time now);
bool msg_has_work(const struct msg_conn *c, struct san_time now);
struct san_time msg_deadline(const struct msg_conn *c);
void msg_deadline_expire(struct msg_conn *c, struct san_time now);

/* Far memory (rc/mr.h), which only the owner reaches. Ask after each msg_packet_receive what the
 * packet wrote there; false: nothing. If it cannot be written, or what an emitted packet wants from
 * there cannot be had, the connection ends; `out` becomes what is to be sent instead, other packets
 * emitted with it are not sent. */
bool msg_far_write(struct msg_conn *c, struct rc_far *out);
void msg_far_refuse(struct msg_conn *c, struct san_time now);
void msg_answer_refuse(struct msg_conn *c, struct roce_tx *out, struct san_time now);

/* The program produced, consumed up to `pos`. SAN_EPROTO, and nothing changes, if that is more than
 * there is or goes backwards. A malformed record ends the connection (MALFORMED, PROTO) as soon as
 * its turn comes. */
int msg_tx_produced(struct msg_conn *c, uint32_t pos, struct san_time now);
int msg_rx_consumed(struct msg_conn *c, uint32_t pos, struct san_time now);
/* Records before it are done. */
uint32_t msg_tx_released(const struct msg_conn *c);
/* Whole records stand before it. */
uint32_t msg_rx_produced(const struct msg_conn *c);

/* The program closed; the peer's CM disconnects; ours is done disconnecting; the port is gone. Each
 * is legal in every state. */
void msg_close(struct msg_conn *c, struct san_time now);
void msg_dreq_received(struct msg_conn *c, struct san_time now);
void msg_dreq_finished(struct msg_conn *c, struct san_time now);
void msg_port_down(struct msg_conn *c, struct san_time now);
/* Find out whether the peer is there, if nothing is under way that will tell. */
void msg_keepalive(struct msg_conn *c, struct san_time now);

uint32_t msg_events_take(struct msg_conn *c);
/* 0 while OPEN, else why it ended: CONNABORTED (closed here), CONNRESET, TIMEDOUT, PROTO, NETDOWN.
 */
int msg_error(const struct msg_conn *c);
enum msg_state msg_state(const struct msg_conn *c);

#endif
