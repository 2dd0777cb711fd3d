/* SPDX-License-Identifier: BSD-3-Clause */
#include "portnum.h"

#include <string.h>

#include "check.h"
#include "san_err.h"

void
portnum_init(struct portnum *p, struct prng seed)
{
	memset(p, 0, sizeof *p);
	p->prng = seed;
}

int
portnum_take(struct portnum *p, uint16_t want)
{
	const uint32_t range = PORTNUM_EPHEMERAL_HI - PORTNUM_EPHEMERAL_LO + 1;
	uint32_t start;

	if (want != 0) {
		if (p->users[want] == UINT16_MAX)
			return SAN_EADDRINUSE;
		p->users[want]++;
		return want;
	}
	start = prng_below(&p->prng, range);
	for (uint32_t i = 0; i < range; i++) {
		uint32_t number = PORTNUM_EPHEMERAL_LO + (start + i) % range;

		if (p->users[number] == 0) {
			p->users[number] = 1;
			return (int)number;
		}
	}
	return SAN_EADDRINUSE;
}

void
portnum_release(struct portnum *p, uint16_t number)
{
	san_check(p->users[number] > 0);
	p->users[number]--;
}
