/* SPDX-License-Identifier: BSD-3-Clause */
/* What holds for a socket right now, in poll(2) bits, and whom to ask. */
#ifndef SAND_SWITCH_READY_H
#define SAND_SWITCH_READY_H

#include "sock.h"

#include <poll.h>

#define READY_KERNEL 0x1u /* the kernel's socket has a say */
#define READY_SAN    0x2u /* the SAN has a say */

/* poll bits of the SAN's side, all of them; 0 when it has no say. Never sleeps, may be wrong the
 * moment it returns. */
short ready_bits(struct sw_sock *s);
/* READY_KERNEL, READY_SAN or both, by state. */
unsigned ready_sides(const struct sw_sock *s);
/* The provider's socket whose wake matters, INVALID_SOCKET for none. */
SOCKET ready_source(const struct sw_sock *s);

/* What poll() and epoll report of `bits` to who asked for `events`. */
static inline short
ready_reported(short bits, short events)
{
	if ((bits & POLLIN) != 0)
		bits |= POLLRDNORM;
	if ((bits & POLLOUT) != 0)
		bits |= POLLWRNORM;
	return (short)(bits & (events | POLLERR | POLLHUP | POLLNVAL));
}

#endif
