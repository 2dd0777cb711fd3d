/* SPDX-License-Identifier: BSD-3-Clause */
#include "wake.h"

#include "sock.h"
#include "waiters.h"

void
wake_sock(struct session *s, uint32_t slot, bool readers, bool writers)
{
	uint32_t bits = (readers ? SHM_WAIT_IN : 0) | (writers ? SHM_WAIT_OUT : 0);

	shm_waiters_tell(
	    region_sock(&s->region, slot), bits, region_header(&s->region)->wake, s->wake_fds);
}

void
wake_session(struct session *s)
{
	for (uint32_t slot = 0; slot < s->region.geo.socks; slot++)
		if (s->slots[slot].sock != NULL)
			shm_waiters_wake_futex(region_sock(&s->region, slot));
	for (uint32_t i = 0; i < SAN_WAKES_MAX; i++)
		if (s->wake_fds[i] >= 0)
			shm_wake_fire(&region_header(&s->region)->wake[i], s->wake_fds[i]);
}
