/* SPDX-License-Identifier: BSD-3-Clause */
/* The few calls a flow's engine answers, whichever it is: a byte stream (sdp/) or message mode
 * (msg/). Events and states are told in SDP's words, which is what control knows. */
#ifndef SAND_POLL_ENGINE_H
#define SAND_POLL_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "msg_conn.h"
#include "sdp_conn.h"

struct engine {
	uint8_t type; /* enum shm_type */
	union {
		struct sdp_conn sdp;
		struct msg_conn msg;
	};
};

/* engine.c */
bool engine_receive(struct engine *e, const struct roce_pkt *p, void *frame, struct san_time now);
/* As sdp_frame_next, sdp_frame_drop. */
void *engine_frame_next(struct engine *e);
void *engine_frame_drop(struct engine *e);
size_t engine_emit(struct engine *e, struct roce_tx *out, size_t max, struct san_time now);
bool engine_has_work(const struct engine *e, struct san_time now);
struct san_time engine_deadline(const struct engine *e);
void engine_deadline_expire(struct engine *e, struct san_time now);

int engine_tx_produced(struct engine *e, uint32_t pos, struct san_time now);
uint32_t engine_tx_released(const struct engine *e);
int engine_rx_consumed(struct engine *e, uint32_t pos, struct san_time now);
uint32_t engine_rx_produced(const struct engine *e);

/* Message mode knows one way of closing. */
void engine_close(struct engine *e, enum sdp_close_how how, struct san_time now);
void engine_dreq_received(struct engine *e, struct san_time now);
void engine_dreq_finished(struct engine *e, struct san_time now);
void engine_port_down(struct engine *e, struct san_time now);
void engine_keepalive(struct engine *e, struct san_time now);

/* SDP_EV_* bits; *malformed: the program's ring held what is no record. */
uint32_t engine_events_take(struct engine *e, bool *malformed);
int engine_error(const struct engine *e);
enum sdp_state engine_state(const struct engine *e);
/* Neither ring is touched any more. */
bool engine_quiet(const struct engine *e);
const struct rc_qp *engine_qp(const struct engine *e);
/* Far memory: as msg_far_write, msg_far_refuse, msg_answer_refuse. */
bool engine_far_write(struct engine *e, struct rc_far *out);
void engine_far_refuse(struct engine *e, struct san_time now);
void engine_answer_refuse(struct engine *e, struct roce_tx *out, struct san_time now);

static inline bool
engine_is_stream(const struct engine *e)
{
	return e->type == SHM_TYPE_STREAM;
}

#endif
