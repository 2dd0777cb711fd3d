/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine.h"

#include "abi.h"

_Static_assert(SHM_TYPE_STREAM == 0, "engine_is_stream");

bool
engine_receive(struct engine *e, const struct roce_pkt *p, void *frame, struct san_time now)
{
	return engine_is_stream(e) ? sdp_packet_receive(&e->sdp, p, frame, now)
				   : msg_packet_receive(&e->msg, p, frame, now);
}

void *
engine_frame_next(struct engine *e)
{
	return engine_is_stream(e) ? sdp_frame_next(&e->sdp) : msg_frame_next(&e->msg);
}

void *
engine_frame_drop(struct engine *e)
{
	return engine_is_stream(e) ? sdp_frame_drop(&e->sdp) : msg_frame_drop(&e->msg);
}

size_t
engine_emit(struct engine *e, struct roce_tx *out, size_t max, struct san_time now)
{
	return engine_is_stream(e) ? sdp_emit(&e->sdp, out, max, now)
				   : msg_emit(&e->msg, out, max, now);
}

bool
engine_has_work(const struct engine *e, struct san_time now)
{
	return engine_is_stream(e) ? sdp_has_work(&e->sdp, now) : msg_has_work(&e->msg, now);
}

struct san_time
engine_deadline(const struct engine *e)
{
	return engine_is_stream(e) ? sdp_deadline(&e->sdp) : msg_deadline(&e->msg);
}

void
engine_deadline_expire(struct engine *e, struct san_time now)
{
	if (engine_is_stream(e))
		sdp_deadline_expire(&e->sdp, now);
	else
		msg_deadline_expire(&e->msg, now);
}

int
engine_tx_produced(struct engine *e, uint32_t pos, struct san_time now)
{
	return engine_is_stream(e) ? sdp_tx_produced(&e->sdp, pos, now)
				   : msg_tx_produced(&e->msg, pos, now);
}

uint32_t
engine_tx_released(const struct engine *e)
{
	return engine_is_stream(e) ? sdp_tx_released(&e->sdp) : msg_tx_released(&e->msg);
}

int
engine_rx_consumed(struct engine *e, uint32_t pos, struct san_time now)
{
	return engine_is_stream(e) ? sdp_rx_consumed(&e->sdp, pos, now)
				   : msg_rx_consumed(&e->msg, pos, now);
}

uint32_t
engine_rx_produced(const struct engine *e)
{
	return engine_is_stream(e) ? sdp_rx_produced(&e->sdp) : msg_rx_produced(&e->msg);
}

void
engine_close(struct engine *e, enum sdp_close_how how, struct san_time now)
{
	if (engine_is_stream(e))
		sdp_close(&e->sdp, how, now);
	else
		msg_close(&e->msg, now);
}

void
engine_dreq_received(struct engine *e, struct san_time now)
{
	if (engine_is_stream(e))
		sdp_dreq_received(&e->sdp, now);
	else
		msg_dreq_received(&e->msg, now);
}

void
engine_dreq_finished(struct engine *e, struct san_time now)
{
	if (engine_is_stream(e))
		sdp_dreq_finished(&e->sdp, now);
	else
		msg_dreq_finished(&e->msg, now);
}

void
engine_port_down(struct engine *e, struct san_time now)
{
	if (engine_is_stream(e))
		sdp_port_down(&e->sdp, now);
	else
		msg_port_down(&e->msg, now);
}

void
engine_keepalive(struct engine *e, struct san_time now)
{
	if (engine_is_stream(e))
		sdp_keepalive(&e->sdp, now);
	else
		msg_keepalive(&e->msg, now);
}

uint32_t
engine_events_take(struct engine *e, bool *malformed)
{
	uint32_t events;

	*malformed = false;
	if (engine_is_stream(e))
		return sdp_events_take(&e->sdp);
	events = msg_events_take(&e->msg);
	*malformed = (events & MSG_EV_MALFORMED) != 0;
	return ((events & MSG_EV_ESTABLISHED) != 0 ? SDP_EV_ESTABLISHED : 0) |
	       ((events & MSG_EV_WANT_DREQ) != 0 ? SDP_EV_WANT_DREQ : 0) |
	       ((events & MSG_EV_DEAD) != 0 ? SDP_EV_DEAD : 0);
}

int
engine_error(const struct engine *e)
{
	return engine_is_stream(e) ? sdp_error(&e->sdp) : msg_error(&e->msg);
}

enum sdp_state
engine_state(const struct engine *e)
{
	static const enum sdp_state states[] = {
	    [MSG_STATE_OPEN] = SDP_STATE_OPEN,
	    [MSG_STATE_LINGER] = SDP_STATE_LINGER,
	    [MSG_STATE_DEAD] = SDP_STATE_DEAD,
	};

	return engine_is_stream(e) ? sdp_state(&e->sdp) : states[msg_state(&e->msg)];
}

bool
engine_quiet(const struct engine *e)
{
	return engine_is_stream(e) ? sdp_state(&e->sdp) == SDP_STATE_DEAD
				   : msg_state(&e->msg) != MSG_STATE_OPEN;
}

const struct rc_qp *
engine_qp(const struct engine *e)
{
	return engine_is_stream(e) ? &e->sdp.s.qp : &e->msg.v.qp;
}

bool
engine_far_write(struct engine *e, struct rc_far *out)
{
	return engine_is_stream(e) ? sdp_far_write(&e->sdp, out) : msg_far_write(&e->msg, out);
}

void
engine_far_refuse(struct engine *e, struct san_time now)
{
	if (engine_is_stream(e))
		sdp_far_refuse(&e->sdp, now);
	else
		msg_far_refuse(&e->msg, now);
}

void
engine_answer_refuse(struct engine *e, struct roce_tx *out, struct san_time now)
{
	if (engine_is_stream(e))
		sdp_answer_refuse(&e->sdp, out, now);
	else
		msg_answer_refuse(&e->msg, out, now);
}
