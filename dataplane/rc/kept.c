/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that came before their turn. The frame stays the owner's; kept are its pointer and its
 * PSN. When its turn comes it goes through the queue pair like any other packet: nothing that was
 * seen of it before is relied on. A gap that nobody fills is waited for a while, then the frames go
 * back. */
#include "rc.h"

#include <string.h>

#include "check.h"
#include "rc_priv.h"
#include "sack.h"
#include "san_err.h"

/* Longer than the slowest peer waits before it repeats (Linux: 2.1 s). */
#define KEPT_TIME SAN_DURATION_S(4)

_Static_assert(PSN_SET_SPAN == SACK_PACKETS, "what is kept can be told");
_Static_assert(sizeof((struct rc_kept *)NULL)->told == SACK_LEN_MAX, "and written down");

/* Whose turn it is. */
static uint32_t
wanted(const struct rc_qp *qp, enum rc_early what)
{
	return what == RC_EARLY_REQUEST ? qp->expected : qp->una;
}

static enum rc_early
early_what(const struct roce_pkt *p)
{
	return p->opcode >= ROCE_RC_READ_RESP_FIRST && p->opcode <= ROCE_RC_ATOMIC_ACK
		   ? RC_EARLY_ANSWER
		   : RC_EARLY_REQUEST;
}

static struct rc_kept *
kept_begin(struct rc_qp *qp, enum rc_early what, struct san_time now)
{
	struct rc_block *b = rc_block_lend(qp->pool);
	struct rc_kept *k;

	if (b == NULL)
		return NULL;
	k = &b->kept;
	memset(&k->set, 0, sizeof k->set);
	k->base = k->stuck_at = wanted(qp, what);
	k->stuck_since = now;
	k->count = 0;
	k->useless = false;
	qp->kept[what] = k;
	return k;
}

/* `offset` from k->base. */
static void *
kept_remove(struct rc_qp *qp, enum rc_early what, uint32_t offset)
{
	struct rc_kept *k = qp->kept[what];
	uint32_t psn = psn_add(k->base, offset);
	void *frame = k->frame[psn % RC_EARLY_MAX];

	san_check(k->count > 0 && qp->pool->frames > 0);
	psn_set_remove(&k->set, psn);
	qp->pool->frames--;
	if (--k->count == 0) {
		qp->kept[what] = NULL;
		rc_block_return(qp->pool, (struct rc_block *)k);
	}
	return frame;
}

static uint32_t
kept_lowest(const struct rc_kept *k)
{
	struct psn_set bits = psn_set_from(&k->set, k->base);

	return psn_set_lowest(&bits);
}

bool
rc_kept_has(const struct rc_qp *qp, enum rc_early what, uint32_t psn)
{
	const struct rc_kept *k = qp->kept[what];

	return k != NULL && psn_span(psn, k->base) < RC_EARLY_MAX && psn_set_has(&k->set, psn);
}

bool
rc_kept_wants(const struct rc_qp *qp, enum rc_early what, uint32_t psn)
{
	int32_t ahead = psn_diff(psn, wanted(qp, what));

	return qp->pool != NULL && qp->error == 0 && ahead > 0 && ahead < (int32_t)RC_EARLY_MAX &&
	       !rc_kept_has(qp, what, psn);
}

int
rc_keep(struct rc_qp *qp, const struct roce_pkt *p, void *frame, struct san_time now)
{
	enum rc_early what = early_what(p);
	struct rc_kept *k = qp->kept[what];

	if (!rc_kept_wants(qp, what, p->psn))
		return SAN_ENOBUFS;
	if (qp->pool->frames >= qp->pool->frames_max) {
		qp->pool->refused++;
		return SAN_ENOBUFS;
	}
	if (k == NULL)
		k = kept_begin(qp, what, now);
	if (k == NULL || k->useless || psn_span(p->psn, k->base) >= RC_EARLY_MAX)
		return SAN_ENOBUFS;
	psn_set_add(&k->set, p->psn);
	k->frame[p->psn % RC_EARLY_MAX] = frame;
	k->count++;
	qp->pool->frames++;
	qp->counters.rx_kept++;
	if (what == RC_EARLY_ANSWER)
		rc_read_kept(qp, p->psn, now);
	else if ((qp->features & RC_FEATURE_SACK) != 0)
		rc_ack_now(qp);
	return 0;
}

/* One whose turn has come or, being overtaken by a packet that took more PSNs than it should, has
 * gone by. */
static void *
kept_take(struct rc_qp *qp, enum rc_early what)
{
	struct rc_kept *k = qp->kept[what];
	uint32_t offset;

	if (k == NULL)
		return NULL;
	offset = kept_lowest(k);
	if (psn_diff(psn_add(k->base, offset), wanted(qp, what)) > 0) {
		k->base = wanted(qp, what);
		return NULL;
	}
	if (k->count == 1 && what == RC_EARLY_REQUEST)
		rc_ack_now(qp); /* the peer waits to hear that the gap is closed */
	return kept_remove(qp, what, offset);
}

void *
rc_kept_next(struct rc_qp *qp)
{
	void *frame;

	if (!rc_keeps(qp) || qp->error != 0)
		return NULL;
	frame = kept_take(qp, RC_EARLY_REQUEST);
	if (frame == NULL)
		frame = kept_take(qp, RC_EARLY_ANSWER);
	if (frame == NULL && qp->kept[RC_EARLY_REQUEST] != NULL)
		rc_ack_gap(qp); /* the next one, if it is news */
	return frame;
}

static void *
kept_drop(struct rc_qp *qp, bool all)
{
	int what;

	for (what = 0; what < RC_EARLY_COUNT; what++)
		if (qp->kept[what] != NULL && (all || qp->kept[what]->useless))
			return kept_remove(qp, (enum rc_early)what, kept_lowest(qp->kept[what]));
	return NULL;
}

void *
rc_kept_drop(struct rc_qp *qp)
{
	return rc_keeps(qp) ? kept_drop(qp, qp->error != 0) : NULL;
}

void *
rc_fini(struct rc_qp *qp)
{
	rc_stop(qp);
	return kept_drop(qp, true);
}

struct san_time
rc_kept_deadline(const struct rc_qp *qp)
{
	struct san_time at = SAN_TIME_NEVER;
	int what;

	for (what = 0; what < RC_EARLY_COUNT; what++)
		if (qp->kept[what] != NULL && !qp->kept[what]->useless)
			at = san_time_min(at, san_time_add(qp->kept[what]->stuck_since, KEPT_TIME));
	return at;
}

void
rc_kept_expire(struct rc_qp *qp, struct san_time now)
{
	int what;

	for (what = 0; what < RC_EARLY_COUNT; what++) {
		struct rc_kept *k = qp->kept[what];

		if (k == NULL || !san_time_reached(san_time_add(k->stuck_since, KEPT_TIME), now))
			continue;
		k->useless = k->base == k->stuck_at;
		k->stuck_at = k->base;
		k->stuck_since = now;
	}
}

/* What an ACK or NAK says behind its AETH. */
void
rc_kept_tell(struct rc_qp *qp, struct roce_tx *out)
{
	struct rc_kept *k = qp->kept[RC_EARLY_REQUEST];
	struct sack sack = {.duplicates = qp->duplicates};
	struct psn_set bits;

	if ((qp->features & RC_FEATURE_SACK) == 0 ||
	    (k == NULL && qp->duplicates == qp->duplicates_told))
		return;
	qp->duplicates_told = qp->duplicates;
	if (k == NULL) {
		out->inline_len = (uint8_t)sack_encode(out->inline_bytes, &sack);
		return;
	}
	bits = psn_set_from(&k->set, psn_add(qp->expected, 1));
	memcpy(sack.have, bits.word, sizeof sack.have);
	out->seg[0].base = k->told;
	out->seg[0].len = (uint32_t)sack_encode(k->told, &sack);
	out->seg_count = 1;
}
