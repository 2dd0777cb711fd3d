/* SPDX-License-Identifier: BSD-3-Clause */
/* Eight bytes: magic (4), version (1), capabilities (1), most out-of-order packets kept (2). A new
 * bit needs no new version: who does not know it ignores it. */
#include "feature.h"

#include "bytes.h"

#define MAGIC	0x53414e44u /* "SAND" */
#define VERSION 1u

static const uint8_t known = 0
#define X(name, bit, text) | FEATURE_##name
    FEATURE_LIST(X)
#undef X
    ;

bool
feature_offer_decode(const uint8_t *b, struct feature_offer *out)
{
	bool ours = be32_get(b) == MAGIC && b[4] == VERSION;

	*out = (struct feature_offer){0};
	if (ours) {
		out->caps = b[5] & known;
		out->ooo_max = be16_get(b + 6);
	}
	return ours;
}

void
feature_offer_encode(uint8_t *b, const struct feature_offer *f)
{
	be32_put(b, MAGIC);
	b[4] = VERSION;
	b[5] = f->caps;
	be16_put(b + 6, f->ooo_max);
}
