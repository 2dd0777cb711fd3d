/* SPDX-License-Identifier: BSD-3-Clause */
/* Version (1), bytes of the bitmap / 4 (1), duplicates (2), bitmap: bit i is bit i % 8 of byte
 * i / 8. The bitmap ends where no further bit is set. */
#include "sack.h"

#include <string.h>

#include "bytes.h"

#define VERSION	   1u
#define HEADER_LEN 4u
#define UNIT	   4u /* of the bitmap, bytes */

/* Bytes of the bitmap up to the last bit that is set, in whole units. */
static size_t
bitmap_len(const uint64_t have[SACK_WORDS])
{
	size_t i = SACK_WORDS;

	while (i > 0 && have[i - 1] == 0)
		i--;
	if (i == 0)
		return 0;
	return 8 * i - (have[i - 1] >> 32 == 0 ? UNIT : 0);
}

size_t
sack_encode(uint8_t *b, const struct sack *s)
{
	size_t len = bitmap_len(s->have), i;

	b[0] = VERSION;
	b[1] = (uint8_t)(len / UNIT);
	be16_put(b + 2, s->duplicates);
	for (i = 0; i < len; i++)
		b[HEADER_LEN + i] = (uint8_t)(s->have[i / 8] >> i % 8 * 8);
	return HEADER_LEN + len;
}

bool
sack_decode(const uint8_t *b, size_t len, struct sack *out)
{
	size_t i;

	memset(out, 0, sizeof *out);
	if (len < HEADER_LEN || len > SACK_LEN_MAX || b[0] != VERSION ||
	    len != HEADER_LEN + UNIT * b[1])
		return false;
	out->duplicates = be16_get(b + 2);
	for (i = 0; i < len - HEADER_LEN; i++)
		out->have[i / 8] |= (uint64_t)b[HEADER_LEN + i] << i % 8 * 8;
	return true;
}
