/* SPDX-License-Identifier: BSD-3-Clause */
/* One iteration of a data core: everything that came in is taken, everything that is due is sent,
 * then everybody concerned is told once. No system call, lock or allocation but the wake-ups. */
#include "poll_priv.h"

bool
poll_iterate(struct poll *p, struct san_time now)
{
	p->now = now;
	p->work = 0;
	p->program_runnable = p->more = false;
	poll_cmds_run(p);
	poll_rx(p);
	poll_bells_serve(p);
	flow_hot_look(p);
	flow_timers_expire(p);
	poll_emit(p);
	flow_tell_all(p);
	poll_control_wake(p);
	poll_count(p, POLL_COUNT_iterations, 1);
	if (p->work == 0 && STAILQ_EMPTY(&p->dirty))
		return false;
	poll_count(p, POLL_COUNT_busy_iterations, 1);
	return true;
}
