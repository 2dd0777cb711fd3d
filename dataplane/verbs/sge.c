/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages in pieces: which bytes of which buffer a packet carries, and where the bytes of one go.
 * Knows nothing of requests and packets' headers. */
#include <string.h>

#include "verbs_priv.h"

uint64_t
verbs_sge_total(const struct verbs_sge *sge, uint8_t count)
{
	uint64_t total = 0;

	for (uint8_t i = 0; i < count; i++)
		total += sge[i].len;
	return total;
}

/* The part of piece `s` that [*offset, *offset + *len) covers: its length; moves both on. */
static uint32_t
piece_cut(const struct verbs_sge *s, uint32_t *offset, uint32_t *len, uint8_t **base)
{
	uint32_t n;

	if (*offset >= s->len) {
		*offset -= s->len;
		return 0;
	}
	*base = s->base + *offset;
	n = s->len - *offset;
	if (n > *len)
		n = *len;
	*offset = 0;
	*len -= n;
	return n;
}

void
verbs_sge_gather(
    const struct verbs_sge *sge, uint8_t count, uint32_t offset, uint32_t len, struct roce_tx *out)
{
	uint8_t *base;
	uint32_t n;

	for (uint8_t i = 0; i < count && len > 0; i++) {
		n = piece_cut(&sge[i], &offset, &len, &base);
		if (n == 0)
			continue;
		out->seg[out->seg_count].base = base;
		out->seg[out->seg_count].len = n;
		out->seg_count++;
	}
}

void
verbs_sge_scatter(
    const struct verbs_sge *sge, uint8_t count, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
	uint8_t *base;
	uint32_t n;

	for (uint8_t i = 0; i < count && len > 0; i++) {
		n = piece_cut(&sge[i], &offset, &len, &base);
		if (n == 0)
			continue;
		memcpy(base, bytes, n);
		bytes += n;
	}
}
