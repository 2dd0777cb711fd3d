/* SPDX-License-Identifier: BSD-3-Clause */
/* SAN port numbers of this host: which are in use, by how many, and how. The SAN has its own port
 * space, shared by all programs and independent of kernel TCP. An accepted socket uses its
 * listener's number without asking. */
#ifndef SAND_CONTROL_PORTNUM_H
#define SAND_CONTROL_PORTNUM_H

#include <stdint.h>

#include "addr.h"
#include "prng.h"

/* Numbers given to sockets that did not ask for one: the kernel's default range. */
#define PORTNUM_EPHEMERAL_LO 32768u
#define PORTNUM_EPHEMERAL_HI 60999u

struct portnum {
	struct prng prng;
	uint16_t users[65536]; /* sockets that hold the number */
};

void portnum_init(struct portnum *p, struct prng seed);
/* Take `want`, or a free one of the ephemeral range if want is 0. Returns the number, or
 * SAN_EADDRINUSE when the range is used up or a number has 65535 users. Whether two sockets may
 * share an explicit number is the caller's decision. */
int portnum_take(struct portnum *p, uint16_t want);
void portnum_release(struct portnum *p, uint16_t number);

#endif
