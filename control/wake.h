/* SPDX-License-Identifier: BSD-3-Clause */
/* Waking the processes that wait at a slot: the control thread's half of the protocol in abi.h. */
#ifndef SAND_CONTROL_WAKE_H
#define SAND_CONTROL_WAKE_H

#include "session.h"

/* The slot changed in a way that `readers` (accept queue, error) or `writers` (connect result) wait
 * for. */
void wake_sock(struct session *s, uint32_t slot, bool readers, bool writers);
/* The daemon stops: wake everything of the session, whatever it waits for. */
void wake_session(struct session *s);

#endif
