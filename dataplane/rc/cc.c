/* SPDX-License-Identifier: BSD-3-Clause */
/* Who answers a question about congestion: one switch per event. An algorithm that has no use for
 * an event does not appear in its switch. */
#include "cc.h"

#include <string.h>

#include "cc_priv.h"
#include "san_err.h"

int
cc_init(struct cc *cc, const struct cc_params *p, struct san_time now)
{
	if (p->algo >= CC_COUNT || p->window_max == 0 || p->packet_bytes == 0)
		return SAN_EINVAL;
	memset(cc, 0, sizeof *cc);
	cc->algo = p->algo;
	cc->window = cc->window_max = p->window_max;
	cc->packet_bytes = p->packet_bytes;
	if (p->algo == CC_WINDOW)
		cc_window_init(cc, p);
	else if (p->algo == CC_DCQCN)
		cc_dcqcn_init(cc, p, now);
	return 0;
}

void
cc_rtt(struct cc *cc, struct san_duration rtt)
{
	if (cc->algo == CC_WINDOW)
		cc_window_rtt(cc, rtt);
}

bool
cc_acked(struct cc *cc, const struct cc_ack *a, struct san_time now)
{
	return cc->algo == CC_WINDOW && cc_window_acked(cc, a);
}

bool
cc_cnp(struct cc *cc, struct san_time now)
{
	switch (cc->algo) {
	case CC_WINDOW:
		return cc_window_cnp(cc);
	case CC_DCQCN:
		return cc_dcqcn_cnp(cc, now);
	default:
		return false;
	}
}

bool
cc_lost(struct cc *cc, uint32_t packets, struct san_time now)
{
	switch (cc->algo) {
	case CC_WINDOW:
		return cc_window_lost(cc, packets);
	case CC_DCQCN:
		return cc_dcqcn_lost(cc, now);
	default:
		return false;
	}
}

bool
cc_timeout(struct cc *cc, struct san_time now)
{
	switch (cc->algo) {
	case CC_WINDOW:
		return cc_window_timeout(cc);
	case CC_DCQCN:
		return cc_dcqcn_timeout(cc, now);
	default:
		return false;
	}
}

void
cc_undo(struct cc *cc, struct san_time now)
{
	if (cc->algo == CC_WINDOW)
		cc_window_undo(cc);
	else if (cc->algo == CC_DCQCN)
		cc_dcqcn_undo(cc, now);
}

void
cc_sent(struct cc *cc, uint32_t bytes, struct san_time now)
{
	if (cc->algo == CC_WINDOW)
		cc_window_sent(cc, bytes, now);
	else if (cc->algo == CC_DCQCN)
		cc_dcqcn_sent(cc, bytes, now);
}

struct san_time
cc_deadline(const struct cc *cc)
{
	return cc->algo == CC_DCQCN ? cc_dcqcn_deadline(cc) : SAN_TIME_NEVER;
}

void
cc_deadline_expire(struct cc *cc, struct san_time now)
{
	if (cc->algo == CC_DCQCN)
		cc_dcqcn_expire(cc, now);
}

void
cc_look(const struct cc *cc, struct cc_view *out)
{
	*out = (struct cc_view){.window = cc->window};
	if (cc->algo == CC_WINDOW)
		cc_window_look(cc, out);
	else if (cc->algo == CC_DCQCN)
		cc_dcqcn_look(cc, out);
}

const char *
cc_algo_word(enum cc_algo algo)
{
	static const char *const words[] = {
#define X(name, word, text) word,
	    CC_ALGO_LIST(X)
#undef X
	};

	return words[algo];
}
