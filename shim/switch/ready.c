/* SPDX-License-Identifier: BSD-3-Clause */
#include "ready.h"
#include "provider.h"

unsigned
ready_sides(const struct sw_sock *s)
{
	switch (sock_state(s)) {
	case SOCK_CONNECTING:
	case SOCK_CONNECTED:
	case SOCK_FAILED:
		return READY_SAN;
	case SOCK_LISTENING:
		/* Under a SAN-only rule the kernel's half just holds the port: poll would call it
		 * hung up. */
		return s->san_only ? READY_SAN : READY_KERNEL | READY_SAN;
	case SOCK_PLAIN:
	case SOCK_KERNEL:
	case SOCK_STATES:
		break;
	}
	return READY_KERNEL;
}

SOCKET
ready_source(const struct sw_sock *s)
{
	SOCKET san = atomic_load_explicit(&s->file.san, memory_order_acquire);

	if (sock_state(s) == SOCK_LISTENING)
		return atomic_load_explicit(&s->listener, memory_order_acquire);
	return san == SOCK_SAN_FAILED ? INVALID_SOCKET : san;
}

/* SO_RCVLOWAT: fewer bytes than that are no news unless nothing more will come. */
static bool
below_low_water(const struct sw_sock *s, SOCKET san, short bits)
{
	uint32_t in = 0, out, room;
	int mark, err;

	if (s->low_water <= 1 || (bits & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
		return false;
	return provider_san->sanQueue(san, &in, &out, &room, &mark, &err) == 0 && in < s->low_water;
}

static short
connected_bits(const struct sw_sock *s, SOCKET san)
{
	short bits = provider_san->sanPoll(san);

	if ((bits & POLLIN) != 0 && below_low_water(s, san, bits))
		bits &= (short)~POLLIN;
	return bits;
}

short
ready_bits(struct sw_sock *s)
{
	SOCKET source = ready_source(s);

	switch (sock_state(s)) {
	case SOCK_CONNECTING:
	case SOCK_CONNECTED:
		return source == INVALID_SOCKET ? 0 : connected_bits(s, source);
	case SOCK_LISTENING:
		return source == INVALID_SOCKET ? 0
						: (short)(provider_san->sanPoll(source) & POLLIN);
	case SOCK_FAILED:
		return (short)(POLLIN | POLLOUT | POLLHUP | POLLRDHUP |
			       (atomic_load(&s->error) != 0 ? POLLERR : 0));
	case SOCK_PLAIN:
	case SOCK_KERNEL:
	case SOCK_STATES:
		break;
	}
	return 0;
}
