/* SPDX-License-Identifier: BSD-3-Clause */
/* The sender's scoreboard: after a gap was reported, what the peer has beyond it, which packets are
 * therefore deemed lost, and which of them were sent again. Or, after a gap in answers to our READs
 * and atomics, the same of those: a request for what is missing fetches them. Sends nothing itself.
 * Three findings are kept apart:
 *
 * - A hole with something behind it may be loss or reordering: it is deemed lost when the
 * reordering window has passed, which is nothing until reordering was seen.
 * - A packet sent again is lost again when something arrives that was sent after it.
 * - A packet was sent again for nothing: its answer comes sooner than one can. That is undone in
 *   undo.c.
 *
 * Each packet is put down, looked at and taken off a constant number of times. */
#include "rc.h"

#include <stddef.h>
#include <string.h>

#include "rc_priv.h"

/* An answer is too soon after less than this part of the least round trip seen, which was measured
 * on packets whose ACK may have been held back. */
#define HASTY 2u

static struct rc_board *
board_begin(struct rc_qp *qp, uint32_t base)
{
	struct rc_block *lent = rc_block_lend(qp->pool);
	struct rc_board *b;

	if (lent == NULL)
		return NULL;
	b = &lent->board;
	memset(b, 0, offsetof(struct rc_board, repeat_at));
	b->base = b->top = b->judged = b->before = base;
	b->mark_at = SAN_TIME_NEVER;
	b->blind = true;
	qp->board = b;
	rc_undo_open(qp);
	return b;
}

void
rc_board_end(struct rc_qp *qp)
{
	if (qp->board == NULL)
		return;
	rc_block_return(qp->pool, (struct rc_block *)qp->board);
	qp->board = NULL;
}

/* The peer has a packet that was sent again: now we know of everything sent before that. Unless the
 * answer came so soon that it can only be to an earlier copy. */
static void
repeat_arrived(const struct rc_qp *qp, uint32_t psn, struct san_time now)
{
	struct rc_board *b = qp->board;
	uint32_t back = (uint16_t)(b->repeat_tail - b->repeat_at[psn % RC_EARLY_MAX]);
	uint32_t i = b->repeat_tail - back;
	const struct rc_repeat *r = &b->repeat[i % RC_EARLY_MAX];

	b->again_count--;
	if (san_time_since(now, r->at).ns < qp->rtt_least / HASTY) {
		b->hasty = true;
		return;
	}
	if ((int32_t)(i - b->proved) > 0)
		b->proved = i;
	if (psn_diff(r->behind, b->before) > 0)
		b->before = r->behind;
}

/* All before `behind` has arrived. Returns how many of that it was known to have. */
static uint32_t
base_advance(struct rc_qp *qp, uint32_t behind, struct san_time now)
{
	struct rc_board *b = qp->board;
	uint32_t had = b->have_count;

	for (; b->base != behind && (b->have_count | b->todo_count | b->again_count) != 0;
	     b->base = psn_add(b->base, 1)) {
		b->have_count -= psn_set_remove(&b->have, b->base);
		b->todo_count -= psn_set_remove(&b->todo, b->base);
		if (psn_set_remove(&b->again, b->base))
			repeat_arrived(qp, b->base, now);
	}
	b->base = behind;
	if (psn_diff(b->top, behind) < 0)
		b->top = behind;
	if (psn_diff(b->judged, behind) < 0)
		b->judged = behind;
	if (b->top == behind)
		b->mark_at = SAN_TIME_NEVER;
	return had - b->have_count;
}

/* The packets told of: bit i is b->base + i. `behind` was the first missing one when it was told,
 * never after b->base. The base itself is missing, and what was not sent the peer cannot have. */
static struct psn_set
told_bits(const struct rc_qp *qp, const struct sack *sack, uint32_t behind)
{
	const struct rc_board *b = qp->board;
	uint32_t old = psn_span(b->base, behind), sent = psn_span(qp->high, b->base);
	uint32_t limit = sent < PSN_SET_SPAN ? sent : PSN_SET_SPAN;
	struct psn_set bits, mask;

	_Static_assert(sizeof bits == sizeof sack->have, "the same bits");
	memcpy(&bits, sack->have, sizeof bits);
	if (old == 0) {
		bits = psn_set_at(&bits, 1); /* the first bit told is the packet behind the base */
	} else {
		bits = psn_set_from(&bits, old - 1);
		limit = old > PSN_SET_SPAN		   ? 0
			: limit < PSN_SET_SPAN - (old - 1) ? limit
							   : PSN_SET_SPAN - (old - 1);
	}
	mask = psn_set_below(limit);
	mask.word[0] &= ~UINT64_C(1);
	return psn_set_and(&bits, &mask);
}

/* Returns how many of them are news. */
static uint32_t
have_merge(struct rc_qp *qp, const struct psn_set *bits, struct san_time now)
{
	struct rc_board *b = qp->board;
	struct psn_set known = psn_set_from(&b->have, b->base);
	uint32_t i, news = 0, top = psn_set_top(bits);

	for (i = 0; i < PSN_SET_WORDS; i++) {
		uint64_t word = bits->word[i] & ~known.word[i];

		for (; word != 0; word &= word - 1, news++) {
			uint32_t psn = psn_add(b->base, 64 * i + (uint32_t)__builtin_ctzll(word));

			psn_set_add(&b->have, psn);
			b->todo_count -= psn_set_remove(&b->todo, psn);
			if (psn_set_remove(&b->again, psn))
				repeat_arrived(qp, psn, now);
		}
	}
	b->have_count = (uint16_t)(b->have_count + news);
	if (top == 0)
		return news;
	b->blind = false;
	if (psn_diff(psn_add(b->base, top), b->top) > 0)
		b->top = psn_add(b->base, top);
	return news;
}

static void
todo_add(struct rc_board *b, uint32_t psn)
{
	b->todo_count += psn_set_add(&b->todo, psn);
}

/* Was this repeat overtaken? */
static bool
repeat_lost(const struct rc_board *b, uint32_t i, uint32_t upto)
{
	return (int32_t)(i - b->proved) < 0 ||
	       psn_diff(b->repeat[i % RC_EARLY_MAX].behind, upto) < 0;
}

/* Deem lost: holes before `upto`, and what was sent again and overtaken. */
static void
judge(struct rc_qp *qp, uint32_t upto, struct san_time now)
{
	struct rc_board *b = qp->board;
	uint32_t was = b->todo_count, lost;

	for (; psn_diff(b->judged, upto) < 0; b->judged = psn_add(b->judged, 1))
		if (psn_span(b->judged, b->base) < RC_EARLY_MAX &&
		    !psn_set_has(&b->have, b->judged) && !psn_set_has(&b->again, b->judged))
			todo_add(b, b->judged);
	for (; b->repeat_head != b->repeat_tail; b->repeat_head++) {
		uint32_t i = b->repeat_head, psn = b->repeat[i % RC_EARLY_MAX].psn;

		if (!psn_set_has(&b->again, psn) || b->repeat_at[psn % RC_EARLY_MAX] != (uint16_t)i)
			continue; /* arrived, or sent again since */
		if (!repeat_lost(b, i, upto))
			break;
		b->again_count -= psn_set_remove(&b->again, psn);
		todo_add(b, psn);
	}
	lost = b->todo_count - was;
	qp->counters.lost += lost;
	if (lost != 0)
		qp->counters.cc_slowed += cc_lost(&qp->cc, lost, now);
}

/* Something may be deemed lost, now or when the reordering window has passed. */
static void
holes_look(struct rc_qp *qp, struct san_time now)
{
	struct rc_board *b = qp->board;
	struct san_duration window = rc_reorder_window(qp);

	if (window.ns == 0) {
		judge(qp, b->top, now);
	} else if (b->mark_at.ns == UINT64_MAX &&
		   (b->top != b->judged || b->repeat_head != b->repeat_tail)) {
		b->mark = b->top;
		b->mark_at = san_time_add(now, window);
	}
}

void
rc_board_absolve(struct rc_qp *qp, struct san_time now)
{
	struct rc_board *b = qp->board;

	if (b == NULL)
		return;
	b->hasty = false;
	memset(&b->todo, 0, sizeof b->todo);
	b->todo_count = 0;
	b->judged = b->base;
	b->mark_at = SAN_TIME_NEVER;
	holes_look(qp, now);
}

/* No hole is known any more. */
static void
board_close(struct rc_qp *qp)
{
	rc_undo_close(qp);
	rc_board_end(qp);
}

void
rc_board_look(struct rc_qp *qp, struct san_time now)
{
	if (qp->board == NULL)
		return;
	if (qp->board->hasty)
		rc_undo(qp, now);
	if (qp->board->top == qp->board->base)
		board_close(qp);
	else
		holes_look(qp, now);
}

/* What was sent before a repeat that arrived, and is not told of, is lost. Who does not tell may
 * have it. */
void
rc_board_heard(struct rc_qp *qp, struct san_time now)
{
	struct rc_board *b = qp->board;

	if (b != NULL && !b->blind && !b->answers && psn_diff(b->before, b->top) > 0)
		b->top = b->before;
	rc_board_look(qp, now);
}

uint32_t
rc_board_reached(struct rc_qp *qp, uint32_t behind, struct san_time now)
{
	if (qp->board == NULL || psn_diff(behind, qp->board->base) <= 0)
		return 0;
	return base_advance(qp, behind, now);
}

bool
rc_board_gap(struct rc_qp *qp, uint32_t missing, struct san_time now)
{
	struct rc_board *b = qp->board;

	if (b == NULL)
		b = board_begin(qp, missing);
	if (b == NULL)
		return false;
	if (psn_diff(missing, b->base) > 0)
		base_advance(qp, missing, now);
	if (b->base == missing && b->top == missing)
		b->top = psn_add(missing, 1);
	if (b->blind)
		qp->timing = false; /* its ACK will come late, with that of the missing one */
	holes_look(qp, now);
	return true;
}

uint32_t
rc_board_told(struct rc_qp *qp, uint32_t behind, const struct sack *sack, struct san_time now)
{
	struct psn_set bits;

	if (qp->board != NULL && qp->board->answers)
		return 0;
	if (qp->board == NULL) {
		uint32_t base = psn_diff(behind, qp->una) < 0 ? qp->una : behind;

		memcpy(&bits, sack->have, sizeof bits);
		if (psn_set_top(&bits) == 0 || board_begin(qp, base) == NULL)
			return 0;
	}
	if (psn_diff(behind, qp->board->base) > 0)
		base_advance(qp, behind, now);
	bits = told_bits(qp, sack, behind);
	return have_merge(qp, &bits, now);
}

bool
rc_board_unanswered(struct rc_qp *qp, uint32_t behind)
{
	struct rc_board *b = qp->board;
	uint32_t index, at;

	if (qp->snd != qp->high || psn_span(behind, qp->una) >= RC_EARLY_MAX)
		return false;
	if (b == NULL) {
		b = board_begin(qp, qp->una);
		if (b == NULL)
			return false;
		b->answers = true;
		b->blind = false;
		qp->counters.rx_lost_responses++;
	}
	for (; b->answers && psn_diff(b->top, behind) < 0; b->top = psn_add(b->top, 1))
		if (!rc_kind_answered(rc_runs_find(qp, b->top, &index, &at)->kind))
			b->have_count += psn_set_add(&b->have, b->top);
	return b->answers;
}

bool
rc_board_answered(struct rc_qp *qp, uint32_t psn, struct san_time now)
{
	struct rc_board *b = qp->board;

	if (b == NULL || !b->answers || !psn_set_add(&b->have, psn))
		return false;
	b->have_count++;
	b->todo_count -= psn_set_remove(&b->todo, psn);
	if (psn_set_remove(&b->again, psn))
		repeat_arrived(qp, psn, now);
	if (psn_diff(b->top, psn) <= 0)
		b->top = psn_add(psn, 1);
	return true;
}

uint32_t
rc_board_next(const struct rc_qp *qp)
{
	struct psn_set bits = psn_set_from(&qp->board->todo, qp->board->base);

	return psn_add(qp->board->base, psn_set_lowest(&bits));
}

uint32_t
rc_board_hole(const struct rc_qp *qp, uint32_t psn, uint32_t packets)
{
	const struct rc_board *b = qp->board;
	struct psn_set bits, mask;

	if (!b->answers)
		return packets;
	bits = psn_set_from(&b->todo, psn);
	mask = psn_set_below(packets < PSN_SET_SPAN ? packets : PSN_SET_SPAN);
	bits = psn_set_and(&bits, &mask);
	return psn_set_top(&bits);
}

static void
packet_sent(struct rc_qp *qp, uint32_t psn, struct san_time now)
{
	struct rc_board *b = qp->board;
	uint32_t i = b->repeat_tail++;

	if (b->repeat_tail - b->repeat_head > RC_EARLY_MAX)
		b->repeat_head++;
	if (psn == qp->timed_psn)
		qp->timing = false;
	b->repeat[i % RC_EARLY_MAX] = (struct rc_repeat){psn, qp->high, now};
	b->repeat_at[psn % RC_EARLY_MAX] = (uint16_t)i;
	b->again_count += psn_set_add(&b->again, psn);
	b->todo_count -= psn_set_remove(&b->todo, psn);
}

void
rc_board_sent(struct rc_qp *qp, uint32_t psn, uint32_t packets, struct san_time now)
{
	const struct rc_board *b = qp->board;

	for (; packets > 0; packets--, psn = psn_add(psn, 1))
		if (psn_span(psn, b->base) < RC_EARLY_MAX && !psn_set_has(&b->have, psn))
			packet_sent(qp, psn, now);
}

/* Silence: try the first hole once more. It may be a READ the peer has, but did not answer. */
void
rc_board_retry(struct rc_qp *qp)
{
	struct rc_board *b = qp->board;

	b->have_count -= psn_set_remove(&b->have, b->base);
	todo_add(b, b->base);
}

void
rc_board_expire(struct rc_qp *qp, struct san_time now)
{
	struct rc_board *b = qp->board;

	if (!san_time_reached(b->mark_at, now))
		return;
	b->mark_at = SAN_TIME_NEVER;
	judge(qp, b->mark, now);
	if (b->top != b->judged)
		holes_look(qp, now);
}
