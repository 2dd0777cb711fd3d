/* SPDX-License-Identifier: BSD-3-Clause */
/* The reaction point of DCQCN (SIGCOMM 2015) with the parameters of that paper: a CNP halves the
 * rate, or less if CNPs are rare; without CNPs the rate returns by halves to where it was, then
 * explores. The timer is not one: what it would have done is caught up with at the next event, so
 * that a connection that is not slowed costs nothing. */
#include "cc_priv.h"

#define ALPHA_ONE   65536u
#define ALPHA_SHIFT 8	      /* g = 1/256 */
#define PERIOD_US   55u	      /* the rate is raised, and alpha falls, after so long without a CNP */
#define PERIODS_MAX 64u	      /* caught up with at once: a longer pause counts as this long */
#define LOAD	    10000000u /* bytes after which the rate is raised as well */
#define FAST	    5u	      /* increases back towards the old rate, before exploring */
/* No two cuts closer than this. A lost packet counts as a CNP, of which a peer sends no more. */
#define CUT_INTERVAL  SAN_DURATION_US(4)
#define LOSS_INTERVAL CC_CNP_INTERVAL
#define LOSS_SETTLED  2u /* a loss not taken back for more periods than these was one */

/* Bytes per ms. */
#define MBIT	   125u
#define RATE_MIN   MBIT
#define RAISE_MBIT 40u
#define RAISE_TOP  10u	   /* times that once both timer and byte counter say so */
#define LINE_MBIT  100000u /* when the port's rate is not known */

/* Packets leave in bursts of so much time's worth, or the timing wheel's tick would cost rate. */
#define BURST SAN_DURATION_US(32)

static bool
slowed(const struct cc_by_rate *r)
{
	return r->now < r->line;
}

void
cc_dcqcn_init(struct cc *cc, const struct cc_params *p, struct san_time now)
{
	struct cc_by_rate *r = &cc->r;
	uint32_t line = p->line_rate_mbit != 0 ? p->line_rate_mbit : LINE_MBIT;

	r->line = line < UINT32_MAX / MBIT ? line * MBIT : UINT32_MAX;
	r->now = r->goal = r->line;
	r->alpha = ALPHA_ONE;
	r->bytes_left = LOAD;
	r->period_us = p->period_us != 0 ? p->period_us : PERIOD_US;
	r->raise_mbit = p->raise_mbit != 0 ? p->raise_mbit : RAISE_MBIT;
	r->period_at = san_time_add(now, SAN_DURATION_US(r->period_us));
}

/* The packet that waits does so at the new rate. */
static void
rate_set(struct cc *cc, uint64_t rate, struct san_time now)
{
	struct cc_by_rate *r = &cc->r;
	uint64_t wait = san_time_since(cc->next, now).ns;
	uint32_t old = r->now;

	r->now = rate < RATE_MIN ? RATE_MIN : rate > r->line ? r->line : (uint32_t)rate;
	if (wait != 0)
		cc->next = san_time_add(now, (struct san_duration){wait * old / r->now});
}

static void
count_up(uint8_t *n)
{
	if (*n < UINT8_MAX)
		++*n;
}

static void
raise_rate(struct cc *cc, struct san_time now)
{
	struct cc_by_rate *r = &cc->r;
	uint64_t goal = r->goal, raise = (uint64_t)r->raise_mbit * MBIT;

	if (r->periods > FAST && r->loads > FAST)
		goal += raise * RAISE_TOP;
	else if (r->periods > FAST || r->loads > FAST)
		goal += raise;
	r->goal = goal > r->line ? r->line : (uint32_t)goal;
	/* Rounded up: else the line rate would be approached for ever. */
	rate_set(cc, ((uint64_t)r->now + r->goal + 1) / 2, now);
}

/* alpha * (1 - g)^n */
static uint32_t
alpha_decay(uint32_t alpha, uint64_t n)
{
	uint64_t factor = ALPHA_ONE - (ALPHA_ONE >> ALPHA_SHIFT), a = alpha;

	for (; n != 0 && a != 0; n >>= 1, factor = factor * factor / ALPHA_ONE)
		if (n & 1)
			a = a * factor / ALPHA_ONE;
	return (uint32_t)a;
}

/* Do what the timer would have done by now. */
static void
catch_up(struct cc *cc, struct san_time now)
{
	struct cc_by_rate *r = &cc->r;
	uint64_t period = SAN_DURATION_US(r->period_us).ns, n, i;

	if (san_time_before(now, r->period_at))
		return;
	n = san_time_since(now, r->period_at).ns / period + 1;
	r->period_at.ns += n * period;
	r->alpha = alpha_decay(r->alpha, n);
	for (i = 0; i < n && i < PERIODS_MAX && slowed(r); i++) {
		count_up(&r->periods);
		raise_rate(cc, now);
	}
}

static void
cut(struct cc *cc, uint32_t share, struct san_time now)
{
	struct cc_by_rate *r = &cc->r;

	r->goal = r->now;
	rate_set(cc, r->now - (uint64_t)r->now * share / ALPHA_ONE, now);
	r->periods = r->loads = 0;
	r->bytes_left = LOAD;
	r->period_at = san_time_add(now, SAN_DURATION_US(r->period_us));
	r->cut_at = now;
}

bool
cc_dcqcn_cnp(struct cc *cc, struct san_time now)
{
	struct cc_by_rate *r = &cc->r;

	catch_up(cc, now);
	if (san_time_since(now, r->cut_at).ns < CUT_INTERVAL.ns)
		return false;
	r->undo = 0;
	cut(cc, r->alpha / 2, now);
	r->alpha += (ALPHA_ONE - r->alpha) >> ALPHA_SHIFT;
	return true;
}

/* Of several losses in a row it is the first that must be taken back. */
static void
undo_remember(struct cc_by_rate *r)
{
	if (r->undo == 0 || r->periods > LOSS_SETTLED)
		r->undo = r->now;
}

/* A queue that drops is beyond marking. */
bool
cc_dcqcn_lost(struct cc *cc, struct san_time now)
{
	struct cc_by_rate *r = &cc->r;

	catch_up(cc, now);
	if (san_time_since(now, r->cut_at).ns < LOSS_INTERVAL.ns)
		return false;
	undo_remember(r);
	cut(cc, r->alpha / 2, now);
	return true;
}

bool
cc_dcqcn_timeout(struct cc *cc, struct san_time now)
{
	catch_up(cc, now);
	undo_remember(&cc->r);
	cut(cc, ALPHA_ONE / 2, now);
	return true;
}

void
cc_dcqcn_undo(struct cc *cc, struct san_time now)
{
	struct cc_by_rate *r = &cc->r;

	catch_up(cc, now);
	if (r->undo > r->goal)
		r->goal = r->undo;
	if (r->undo > r->now)
		rate_set(cc, r->undo, now);
	r->undo = 0;
}

void
cc_dcqcn_sent(struct cc *cc, uint32_t bytes, struct san_time now)
{
	struct cc_by_rate *r = &cc->r;
	uint64_t from = now.ns > BURST.ns ? now.ns - BURST.ns : 0;

	catch_up(cc, now);
	if (!slowed(r)) { /* the line itself is the limit, whatever its rate really is */
		cc->next.ns = 0;
		return;
	}
	if (cc->next.ns < from)
		cc->next.ns = from;
	cc->next =
	    san_time_add(cc->next, (struct san_duration){(uint64_t)bytes * 1000000 / r->now});
	if (bytes < r->bytes_left) {
		r->bytes_left -= bytes;
		return;
	}
	r->bytes_left = LOAD;
	count_up(&r->loads);
	raise_rate(cc, now);
}

struct san_time
cc_dcqcn_deadline(const struct cc *cc)
{
	return slowed(&cc->r) ? cc->r.period_at : SAN_TIME_NEVER;
}

void
cc_dcqcn_expire(struct cc *cc, struct san_time now)
{
	catch_up(cc, now);
}

void
cc_dcqcn_look(const struct cc *cc, struct cc_view *out)
{
	const struct cc_by_rate *r = &cc->r;

	out->rate = slowed(r) ? (uint64_t)r->now * 1000 : 0;
	out->marked_ppm = (uint32_t)((uint64_t)r->alpha * 1000000 / ALPHA_ONE);
}
