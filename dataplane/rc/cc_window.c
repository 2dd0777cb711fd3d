/* SPDX-License-Identifier: BSD-3-Clause */
/* A window that shrinks by the share of packets that met a mark (as DCTCP's, RFC 8257) and by how
 * far the round trip exceeds the least one seen lately (as Swift's, SIGCOMM 2020), once per round,
 * and grows by one packet per round otherwise.
 *
 * Endpoints in software answer late for reasons that are no queue: a thread waits for its
 * processor. So one high round only stops the growth; the window shrinks when the least sample of
 * each of several rounds was high, beyond what samples deviate anyway. */
#include "cc_priv.h"

#define ONE	  65536u /* one packet; also 1 of a share */
#define SIZE_MIN  (ONE / 16)
#define FIRST	  16u /* packets before anything is known */
#define RTT_NONE  UINT32_MAX
#define RTT_MAX	  UINT32_C(1000000000) /* longer ones say nothing about a queue */
#define ROUND_MAX UINT16_MAX

#define ALPHA_SHIFT 4 /* weight of a round: RFC 8257's g = 1/16 */
#define HIGH_ROUNDS 4u
#define SLOW_MAX    (ONE / 2)	   /* most one round may take away */
#define SLOW_LOST   (ONE * 3 / 10) /* for packets lost */
/* One packet of so many may be bad luck. Where no queue is seen it takes more to believe in one. */
#define LOST_TOLERATED 50u
#define LOST_UNSEEN    8u
#define QUEUE_SEEN     4u	  /* of the least round trip: such a part of it above it */
#define GROWTH_MIN     (ONE / 16) /* packets per round */
#define STEP_MAX       (ONE / 2)  /* packets per ACK */
#define NOISE_WEIGHT   4u	  /* as much as a retransmission timer grants (RFC 6298) */

/* The least round trip is looked for in this epoch and the last. At the start of each the window is
 * small for a moment: else, of several flows, who came last would take the others' queue for part
 * of the way. The first epochs are short. In rounds. */
#define EPOCH_FIRST  16u
#define EPOCH_MAX    UINT8_MAX
#define DRAIN_ROUNDS 2u
#define DRAIN_SHARE  4u
#define DRAIN_MIN    4u

static uint32_t
min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Square root, rounded down. */
static uint32_t
root(uint32_t x)
{
	uint32_t r = 0, bit = 1u << 15;

	for (; bit != 0; bit >>= 1)
		if ((r | bit) * (r | bit) <= x)
			r |= bit;
	return r;
}

static uint32_t
base_rtt(const struct cc_by_window *w)
{
	return min_u32(w->least[0], w->least[1]);
}

/* Many flows have small windows, and none of them less than a packet under way: they need more
 * room in the queue, or they could not tell each other apart. So the target grows with the inverse
 * square root of the window, twofold at four packets, fourfold below one. */
static uint32_t
target(const struct cc_by_window *w)
{
	uint64_t ns = (uint64_t)w->target_us * 1000, room = ns * 2 * 256 / root(w->size);

	if (room > ns * 3)
		room = ns * 3;
	room += ns + (uint64_t)w->noise * NOISE_WEIGHT;
	return room < RTT_MAX ? (uint32_t)room : RTT_MAX;
}

/* What `n` packets of the usual size are worth: full packets << 16. */
static uint64_t
worth(const struct cc *cc, uint32_t n)
{
	return (uint64_t)n * ONE * cc->w.mean / cc->packet_bytes;
}

static void
window_set(struct cc *cc)
{
	struct cc_by_window *w = &cc->w;
	uint32_t max = (uint32_t)cc->window_max * ONE, low;
	uint64_t n;

	if (w->size > max)
		w->size = max;
	if (w->size < SIZE_MIN)
		w->size = SIZE_MIN;
	n = (uint64_t)w->size * cc->packet_bytes / w->mean / ONE;
	if (n > cc->window_max)
		n = cc->window_max;
	low = (uint32_t)n / DRAIN_SHARE < DRAIN_MIN ? DRAIN_MIN : (uint32_t)n / DRAIN_SHARE;
	if (w->drain != 0 && n > low)
		n = low;
	cc->window = (uint16_t)(n == 0 ? 1 : n);
}

static void
round_begin(struct cc_by_window *w, uint32_t packets)
{
	if (packets == 0)
		packets = 1;
	w->round = w->round_left = (uint16_t)min_u32(packets, ROUND_MAX);
	w->round_marked = w->round_lost = 0;
	w->round_least = RTT_NONE;
	w->slowed = false;
}

/* Take `share` of the window away, and nothing more until what is under way is acknowledged. */
static bool
slow(struct cc *cc, uint32_t share, uint32_t in_flight)
{
	struct cc_by_window *w = &cc->w;

	w->size -= (uint32_t)((uint64_t)w->size * min_u32(share, SLOW_MAX) / ONE);
	round_begin(w, in_flight);
	w->slowed = true;
	w->threshold = (uint16_t)(w->size / ONE);
	window_set(cc);
	return true;
}

void
cc_window_init(struct cc *cc, const struct cc_params *p)
{
	struct cc_by_window *w = &cc->w;
	uint64_t us = (p->target_delay.ns != 0 ? p->target_delay.ns : CC_TARGET_DELAY.ns) / 1000;

	w->mean = cc->packet_bytes;
	cc->used = true;
	w->size = FIRST * ONE;
	w->threshold = UINT16_MAX;
	w->target_us = us < UINT16_MAX ? (uint16_t)us : UINT16_MAX;
	w->alpha = UINT16_MAX;
	w->echo = p->echo;
	w->least[0] = w->least[1] = RTT_NONE;
	w->epoch = w->epoch_left = EPOCH_FIRST;
	round_begin(w, FIRST);
	window_set(cc);
}

/* At the end of a round. */
static void
epoch_advance(struct cc_by_window *w)
{
	if (w->drain != 0)
		w->drain--;
	if (--w->epoch_left != 0)
		return;
	w->epoch = w->epoch < EPOCH_MAX / 2 ? (uint8_t)(w->epoch * 2) : EPOCH_MAX;
	w->epoch_left = w->epoch;
	w->least[1] = w->least[0];
	w->least[0] = RTT_NONE;
	w->drain = DRAIN_ROUNDS;
}

void
cc_window_rtt(struct cc *cc, struct san_duration rtt)
{
	struct cc_by_window *w = &cc->w;
	uint32_t r = rtt.ns < RTT_MAX ? (uint32_t)rtt.ns : RTT_MAX, off;

	if (w->rtt == 0)
		w->rtt = r;
	off = r > w->rtt ? r - w->rtt : w->rtt - r;
	w->noise += off / 8 - w->noise / 8;
	w->rtt = r;
	w->least[0] = min_u32(w->least[0], r);
	w->round_least = min_u32(w->round_least, r);
}

static void
marks_count(struct cc_by_window *w)
{
	uint32_t bad = min_u32((uint32_t)w->round_marked + w->round_lost, w->round);
	uint32_t share = bad == 0 ? 0 : bad * UINT16_MAX / w->round;

	w->alpha = (uint16_t)(w->alpha - (w->alpha >> ALPHA_SHIFT) + (share >> ALPHA_SHIFT));
}

/* What was under way when the round began has been acknowledged. */
static bool
round_end(struct cc *cc, uint32_t in_flight)
{
	struct cc_by_window *w = &cc->w;
	uint32_t least = w->round_least, queue, share;
	bool fresh = !w->slowed && least != RTT_NONE; /* sent after the window was last cut */
	uint8_t drain = w->drain;

	marks_count(w);
	epoch_advance(w);
	round_begin(w, in_flight);
	if (w->drain != drain)
		window_set(cc);
	if (!fresh || !cc->used)
		return false;
	queue = least - base_rtt(w);
	if (queue <= target(w)) {
		w->high = 0;
		return false;
	}
	if (++w->high < HIGH_ROUNDS)
		return false;
	w->high = HIGH_ROUNDS - 1;
	share = (uint32_t)((uint64_t)(queue - target(w)) * ONE / least);
	return slow(cc, share / 5 * 4, in_flight);
}

/* One packet per round; less the more packets meet marks: where so many flows share a queue that
 * each has hardly a packet in it, a whole packet more of each would be a multiple of the queue. */
static uint64_t
step(const struct cc *cc, uint32_t packets)
{
	const struct cc_by_window *w = &cc->w;
	uint32_t growth = ONE - w->alpha;
	uint64_t step;

	if (growth < GROWTH_MIN)
		growth = GROWTH_MIN;
	step = worth(cc, packets) * growth / w->size;
	return w->size < ONE && step > STEP_MAX ? STEP_MAX : step;
}

static void
grow(struct cc *cc, const struct cc_ack *a)
{
	struct cc_by_window *w = &cc->w;
	uint64_t size = w->size;

	if (a->marked || w->slowed || w->high != 0 || w->drain != 0 || !cc->used)
		return;
	size += w->size / ONE < w->threshold ? worth(cc, a->packets) : step(cc, a->packets);
	w->size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
	window_set(cc);
}

bool
cc_window_acked(struct cc *cc, const struct cc_ack *a)
{
	struct cc_by_window *w = &cc->w;
	uint32_t in_flight = a->in_flight > a->packets ? a->in_flight - a->packets : 0;
	bool slowed = false;

	w->silent = false;
	if (w->drain == 0)
		cc->used = a->in_flight * 2 >= cc->window;
	if (a->marked)
		w->round_marked = (uint16_t)min_u32(w->round_marked + a->packets, w->round);
	grow(cc, a);
	if (a->marked && !w->slowed && cc->used)
		slowed = slow(cc, w->alpha / 2, in_flight);
	else if (a->packets >= w->round_left)
		slowed = round_end(cc, in_flight);
	else
		w->round_left = (uint16_t)(w->round_left - a->packets);
	if (w->size >= ONE)
		cc->next.ns = 0;
	return slowed;
}

/* How many packets were marked it does not say: taken for all of the round. */
bool
cc_window_cnp(struct cc *cc)
{
	struct cc_by_window *w = &cc->w;
	bool slowed = !w->slowed && cc->used && slow(cc, w->alpha / 2, cc->window);

	if (!w->echo)
		w->round_marked = w->round;
	return slowed;
}

/* Rounded up: less than a packet is worth remembering, too. */
static void
undo_remember(struct cc_by_window *w)
{
	w->undo = (uint16_t)((w->size - 1) / ONE + 1);
}

/* Packets meet a queue: marks say so, or every sample lies above the least one. */
static bool
queue_seen(const struct cc_by_window *w)
{
	uint32_t least = min_u32(w->round_least, w->rtt), base = base_rtt(w);

	return w->round_marked != 0 || (least > base && least - base > base / QUEUE_SEEN);
}

bool
cc_window_lost(struct cc *cc, uint32_t packets)
{
	struct cc_by_window *w = &cc->w;
	uint32_t tolerated = queue_seen(w) ? LOST_TOLERATED : LOST_UNSEEN;

	w->round_lost = (uint8_t)min_u32(w->round_lost + packets, UINT8_MAX);
	if (w->slowed || w->round_lost * tolerated < cc->window)
		return false;
	undo_remember(w);
	return slow(cc, SLOW_LOST, cc->window);
}

/* One timeout may be a peer that did not get its processor; a second one in a row is not. */
bool
cc_window_timeout(struct cc *cc)
{
	struct cc_by_window *w = &cc->w;

	if (!w->silent) {
		w->silent = true;
		undo_remember(w);
		return slow(cc, SLOW_MAX, cc->window);
	}
	if (w->size <= ONE)
		return false;
	w->size = ONE;
	window_set(cc);
	return true;
}

void
cc_window_undo(struct cc *cc)
{
	struct cc_by_window *w = &cc->w;

	if ((uint32_t)w->undo * ONE > w->size) {
		w->size = (uint32_t)w->undo * ONE;
		w->threshold = w->undo;
	}
	w->undo = 0;
	window_set(cc);
}

/* The window is one of bytes, but packets are what is counted: more small ones fit. */
static void
mean_follow(struct cc *cc, uint32_t bytes)
{
	struct cc_by_window *w = &cc->w;
	uint16_t mean = w->mean;

	if (bytes > mean)
		mean = (uint16_t)(mean + (bytes - mean) / 4);
	else
		mean = (uint16_t)(mean - (mean - bytes) / 16);
	if (mean == w->mean)
		return;
	w->mean = mean;
	window_set(cc);
}

/* Below one packet per round trip the window is one, and the next packet waits. */
void
cc_window_sent(struct cc *cc, uint32_t bytes, struct san_time now)
{
	const struct cc_by_window *w = &cc->w;
	uint64_t pause;

	mean_follow(cc, bytes < cc->packet_bytes ? bytes : cc->packet_bytes);
	if (w->size >= ONE)
		return;
	pause = (uint64_t)w->rtt * ONE / w->size * bytes / cc->packet_bytes;
	cc->next = san_time_add(now, (struct san_duration){pause});
}

void
cc_window_look(const struct cc *cc, struct cc_view *out)
{
	const struct cc_by_window *w = &cc->w;
	uint32_t base = base_rtt(w);

	out->marked_ppm = (uint32_t)((uint64_t)w->alpha * 1000000 / UINT16_MAX);
	if (base == RTT_NONE)
		return;
	out->base.ns = base;
	out->queue.ns = w->rtt > base ? w->rtt - base : 0;
}
