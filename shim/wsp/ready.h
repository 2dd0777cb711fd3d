/* SPDX-License-Identifier: BSD-3-Clause */
/* What a socket is ready for, and waiting until it is: look, then spin or yield as long as that is
 * cheaper than sleeping, then sleep on the slot's futex. */
#ifndef SAND_WSP_READY_H
#define SAND_WSP_READY_H

#include "provider.h"

short ready_poll(SOCKET s);
int ready_wait(SOCKET s, short events, const struct timespec *until, LPINT err);
int ready_relax(uint32_t *state);
int ready_drain(SOCKET s, const struct timespec *until, LPINT err);
/* Sleep until the slot changes from what `look` was before; for states that poll bits do not show.
 * 0, or -1 with *err WSAETIMEDOUT, WSAEINTR, WSAENOTSOCK, WSAENETDOWN. */
int ready_wait_phase(SOCKET s, uint32_t cmd_seq, uint32_t limit_ms, LPINT err);
/* For who waits for something that poll bits do not show: arm, look, nap with what arming returned.
 * The nap ends when something happened at the socket since, or after `ms`, or with a signal. */
uint32_t ready_arm(SOCKET s);
void ready_nap(SOCKET s, uint32_t seq, uint32_t ms);

#endif
