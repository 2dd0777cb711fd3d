/* SPDX-License-Identifier: BSD-3-Clause */
/* The only writer of a queue pair's state. */
#include "qp_fsm.h"

#include "rc_priv.h"
#include "san_err.h"

enum verdict { OK, ILLEGAL };

struct cell {
	uint8_t next, verdict;
};

static const struct cell matrix[RC_STATE_COUNT][RC_QP_EVENT_COUNT] = {
#define X(state, event, next, verdict) \
	[RC_STATE_##state][RC_QP_##event] = {RC_STATE_##next, verdict},
    RC_QP_FSM_TABLE(X)
#undef X
};

#define X(state, event, next, verdict) +1
_Static_assert(0 RC_QP_FSM_TABLE(X) == RC_STATE_COUNT * RC_QP_EVENT_COUNT, "one row for each cell");
#undef X

const char *
rc_state_name(unsigned state)
{
	static const char *const name[] = {
#define X(name, may, text) #name,
	    RC_STATE_LIST(X)
#undef X
	};

	return state < RC_STATE_COUNT ? name[state] : "UNKNOWN";
}

int
rc_qp_fsm(struct rc_qp *qp, enum rc_qp_event event)
{
	const struct cell *cell = &matrix[qp->state][event];

	if (cell->verdict == ILLEGAL)
		return SAN_EINVAL;
	qp->state = cell->next;
	return 0;
}
