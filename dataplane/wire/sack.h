/* SPDX-License-Identifier: BSD-3-Clause */
/* What an ACK or NAK may tell behind its AETH when both ends agreed to it (feature.h): which
 * packets beyond the first missing one have come, and how often packets came that were there
 * already. The bytes stand where an ACKNOWLEDGE has no payload, before the ICRC: who does not know
 * them sees a plain ACK or NAK. */
#ifndef SAND_WIRE_SACK_H
#define SAND_WIRE_SACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packets spoken of. */
#define SACK_PACKETS 512u
#define SACK_WORDS   (SACK_PACKETS / 64)
#define SACK_LEN_MAX (4 + SACK_PACKETS / 8)

struct sack {
	/* Bit i % 64 of word i / 64: packet i + 1 behind the first missing one, which is the PSN of
	 * a NAK, the PSN behind that of an ACK. */
	uint64_t have[SACK_WORDS];
	uint16_t duplicates; /* free-running count since the connection was made */
};

/* Returns the length, a multiple of 4. `b` has room for SACK_LEN_MAX. */
size_t sack_encode(uint8_t *b, const struct sack *s);
/* False if the bytes are not whole or of a version we do not know: the packet is a plain ACK. */
bool sack_decode(const uint8_t *b, size_t len, struct sack *out);

#endif
