/* SPDX-License-Identifier: BSD-3-Clause */
/* WSPEventSelect and WSPEnumNetworkEvents. The daemon can only write eventfds of its own, so one
 * thread per process, made by the first WSPEventSelect that has to wait, carries their news to the
 * switch's event objects. Programs that use sanWait and wake objects never have this thread. */
#ifndef SAND_WSP_EVENT_H
#define SAND_WSP_EVENT_H

#include "provider.h"

/* WSPAccept took a connection, or found none: FD_ACCEPT may be signalled again, and is if more are
 * queued. */
void event_accept_done(SOCKET listener, bool taken);
/* End the thread, at the last WSPCleanup; called without locks. */
void event_stop(void);
/* In a forked child the thread does not exist. prov.lock held. */
void event_forked(void);

#endif
