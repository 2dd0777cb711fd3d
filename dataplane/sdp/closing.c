/* SPDX-License-Identifier: BSD-3-Clause */
/* The actions of the wire side's state machine: how a session ends, step by step. They see no state
 * and cannot fail; what they want sent leaves with a later emission. */
#include "sdp_priv.h"

#include "san_err.h"

void
sdp_error_set(struct sdp_session *s, int err)
{
	if (s->error == 0)
		s->error = (int8_t)err;
}

static void
action_send_disconn(struct sdp_session *s)
{
	s->tx_shut = true;
	s->due |= SDP_DUE(DISCONN);
	s->first_closer = !s->peer_disconn;
}

static void
action_disconnect(struct sdp_session *s)
{
	s->deaf = true;
	s->due = 0;
	s->advertising = false;
	rc_stop(&s->qp);
	s->events |= SDP_EV_WANT_DREQ;
}

static void
action_abort(struct sdp_session *s)
{
	sdp_error_set(s, SAN_ECONNABORTED);
	/* Whoever has seen our DisConn, or may see it yet, could take the end for an orderly one.
	 */
	if (!s->disconn_sent || (s->disconn_acked && s->peer_disconn)) {
		action_disconnect(s);
		return;
	}
	s->deaf = true;
	s->due = SDP_DUE(ABORT);
	s->advertising = false;
	s->reading = false;
	s->events |= SDP_EV_WANT_DREQ;
}

void
sdp_action_run(struct sdp_session *s, enum sdp_fsm_action action)
{
	switch (action) {
	case SDP_ACT_ILLEGAL:
	case SDP_ACT_NOTHING:
		break;
	case SDP_ACT_SEND_DISCONN:
		action_send_disconn(s);
		break;
	case SDP_ACT_REPORT_EOF:
		s->events |= SDP_EV_EOF;
		break;
	case SDP_ACT_DISCONNECT:
		action_disconnect(s);
		break;
	case SDP_ACT_GIVE_UP:
		if (!s->disconn_acked || !s->peer_disconn)
			sdp_error_set(s, SAN_ETIMEDOUT);
		action_disconnect(s);
		break;
	case SDP_ACT_ABORT:
		action_abort(s);
		break;
	case SDP_ACT_LOST:
		sdp_error_set(s, SAN_ECONNRESET);
		break;
	case SDP_ACT_FAIL:
		sdp_error_set(s, s->cause);
		s->events |= SDP_EV_WANT_DREQ;
		break;
	case SDP_ACT_FINISH:
		if (!s->disconn_sent)
			sdp_error_set(s, SAN_ECONNRESET);
		break;
	case SDP_ACT_DOWN:
		sdp_error_set(s, SAN_ENETDOWN);
		break;
	}
}
