/* SPDX-License-Identifier: BSD-3-Clause */
/* WSPEventSelect and WSPEnumNetworkEvents, and the provider's one thread, the upcall thread: it
 * carries what happens to the switch's event objects (the daemon can only write eventfds of its
 * own) and makes the upcalls of overlapped operations (op.h). Made by the first call that needs it;
 * programs that use sanWait and wake objects, or poll their operations, never have it. */
#ifndef SAND_WSP_EVENT_H
#define SAND_WSP_EVENT_H

#include "provider.h"

/* WSPAccept took a connection, or found none: FD_ACCEPT may be signalled again, and is if more are
 * queued. */
void event_accept_done(SOCKET listener, bool taken);
/* Make the upcall thread if there is none: 0 or a Winsock code. Without locks. */
int event_start(void);
/* It shall look now. Without locks. */
void event_poke(void);
/* End the thread, at the last WSPCleanup; called without locks. */
void event_stop(void);
/* In a forked child the thread does not exist. prov.lock held. */
void event_forked(void);

#endif
