/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes beyond the standard: which features the configuration lets us offer, and which both
 * ends have. The active side offers in its REQ; the passive one answers an offer, and only an
 * offer, with what both have. Nobody acts on a feature the other end did not name. */
#include <stdio.h>

#include "conn.h"
#include "daemon_priv.h"

static uint8_t
own_caps(const struct san_config *cfg)
{
	return (uint8_t)((cfg->selective_ack ? FEATURE_SACK : 0) |
			 (cfg->ecn_echo ? FEATURE_ECN_ECHO : 0));
}

bool
conn_offer(const struct conn *c, struct feature_offer *out)
{
	const struct san_config *cfg = &c->daemon->config;

	*out = (struct feature_offer){
	    .caps = c->active ? own_caps(cfg) : c->features,
	    .ooo_max = sdp_early_max(),
	};
	return out->caps != 0;
}

void
conn_agree(struct conn *c, bool offered, const struct feature_offer *theirs)
{
	c->features = offered ? own_caps(&c->daemon->config) & theirs->caps : 0;
}

char *
conn_features_text(const struct conn *c, char *buf, size_t size)
{
	static const char *const names[] = {
#define X(name, bit, text) [bit] = #name,
	    FEATURE_LIST(X)
#undef X
	};
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned bit = 0; bit < sizeof names / sizeof names[0]; bit++)
		if ((c->features >> bit & 1) && n < size)
			n += (size_t)snprintf(
			    buf + n, size - n, "%s%s", n > 0 ? " " : "", names[bit]);
	return buf;
}
