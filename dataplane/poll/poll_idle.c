/* SPDX-License-Identifier: BSD-3-Clause */
/* What a poll thread does between two iterations: go on at once, spin, offer the processor to
 * others, or nap. On a processor it shares with programs, whoever has nothing to do must hand it
 * over at once: a program that was just given data cannot run before. A nap is taken only when no
 * flow is hot, that is, when everything has been quiet for a while. */
#include "poll_priv.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>

#include <rte_pause.h>

#define NAP_FIRST SAN_DURATION_US(50)
/* With more input waiting, a program that has become runnable waits for so many iterations: it then
 * finds more at once, and the peers' acknowledgements are not late for its sake. */
#define HOLD_MAX 8u

/* Others compute here: what gave the processor away came back so much later than it wished to,
 * twice within CROWD_AGAIN. It stays so for CROWD_HOLD after the last time. */
#define CROWD_LATE  SAN_DURATION_US(1500)
#define CROWD_AGAIN SAN_DURATION_MS(100)
#define CROWD_HOLD  SAN_DURATION_MS(1000)
#define CROWD_NAP   SAN_DURATION_US(25) /* while there was work in the last CROWD_FRESH */
#define CROWD_FRESH SAN_DURATION_MS(20)

void
poll_idle_init(struct poll *p, struct poll_idle *idle)
{
	idle->worked_at = p->now;
	idle->nap = NAP_FIRST;
	idle->announced = false;
}

/* The processor is about to be given away; we wish it back after `asked`. */
static void
leave(struct poll *p, struct poll_idle *idle, struct san_duration asked)
{
	idle->left_at = p->now;
	idle->asked = asked;
}

/* On a processor with a program that computes, each yield costs a time slice of its, since the
 * kernel takes a yield for a wish to be last. Short naps take their place for a while: who sleeps
 * much is let in soon. Programs of ours do likewise, see ready_relax in shim/wsp. */
static void
crowd_watch(struct poll *p, struct poll_idle *idle)
{
	uint64_t away;

	if (idle->left_at.ns == 0)
		return;
	away = san_time_since(p->now, idle->left_at).ns;
	idle->left_at.ns = 0;
	if (away < idle->asked.ns + CROWD_LATE.ns)
		return;
	if (idle->late_at.ns != 0 && san_time_since(p->now, idle->late_at).ns < CROWD_AGAIN.ns) {
		idle->crowded_until = san_time_add(p->now, CROWD_HOLD);
		poll_count(p, POLL_COUNT_crowded, 1);
	}
	idle->late_at = p->now;
}

static bool
crowded(const struct poll *p, const struct poll_idle *idle)
{
	return san_time_before(p->now, idle->crowded_until);
}

/* Sleep until the doorbell rings, a timer is due or the time is over. */
static void
nap_take(struct poll *p, struct poll_idle *idle, struct san_duration longest)
{
	struct pollfd bell = {.fd = p->doorbell_fd, .events = POLLIN};
	uint64_t ns = san_time_since(wheel_next(&p->wheel), p->now).ns;
	struct timespec time;
	eventfd_t ignored;

	if (ns > longest.ns)
		ns = longest.ns;
	time = (struct timespec){
	    .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
	poll_count(p, POLL_COUNT_naps, 1);
	idle->runnable = false;
	if (p->params.core_shared)
		leave(p, idle, (struct san_duration){ns});
	if (ppoll(&bell, 1, &time, NULL) > 0) {
		eventfd_read(p->doorbell_fd, &ignored);
		poll_count(p, POLL_COUNT_nap_wakes, 1);
	}
}

/* Let others run. */
static void
yield(struct poll *p, struct poll_idle *idle)
{
	idle->held = 0;
	idle->runnable = false;
	if (p->params.core_shared && p->params.nap_max.ns != 0)
		leave(p, idle, (struct san_duration){0});
	sched_yield();
	poll_count(p, POLL_COUNT_yields, 1);
}

/* Announce first, then one more iteration looks at everything, then sleep: whoever produced
 * something before it saw the announcement is found by that look, whoever comes later rings. The
 * announcement stands while naps follow each other. */
static void
nap(struct poll *p, struct poll_idle *idle)
{
	if (!idle->announced) {
		idle->announced = true;
		poll_bells_nap(p);
		return;
	}
	if (crowded(p, idle) && san_time_since(p->now, idle->worked_at).ns < CROWD_FRESH.ns) {
		nap_take(p, idle, CROWD_NAP);
		return;
	}
	nap_take(p, idle, idle->nap);
	idle->nap.ns *= 2;
	if (idle->nap.ns > p->params.nap_max.ns)
		idle->nap.ns = p->params.nap_max.ns;
}

static void
busy(struct poll *p, struct poll_idle *idle)
{
	if (idle->announced)
		poll_bells_awake(p);
	poll_idle_init(p, idle);
	idle->runnable |= p->program_runnable;
	if (p->params.core_shared && idle->runnable && !crowded(p, idle) &&
	    (!p->more || ++idle->held >= HOLD_MAX))
		yield(p, idle);
}

void
poll_idle_after(struct poll *p, struct poll_idle *idle, bool worked)
{
	uint64_t quiet;

	crowd_watch(p, idle);
	if (worked) {
		busy(p, idle);
		return;
	}
	quiet = san_time_since(p->now, idle->worked_at).ns;
	if (crowded(p, idle) || (p->params.nap_max.ns != 0 && p->hot_count == 0 &&
				    quiet >= p->params.idle_spin.ns + p->params.idle_yield.ns))
		nap(p, idle);
	else if (p->params.core_shared || quiet >= p->params.idle_spin.ns)
		yield(p, idle);
	else
		rte_pause();
}
