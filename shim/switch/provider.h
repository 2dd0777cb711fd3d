/* SPDX-License-Identifier: BSD-3-Clause */
/* The SAN service provider as the switch holds it: started at the first connect() or listen() of a
 * stream socket, never before, and kept. Without a daemon there is none, and programs run on kernel
 * TCP. */
#ifndef SAND_SWITCH_PROVIDER_H
#define SAND_SWITCH_PROVIDER_H

#include <sand/san.h>

struct provider {
	WSPPROC_TABLE wsp;
	const struct san_linux_table *san;
};

/* Starts it if nobody has; NULL when it is not there, which is tried again at most every other
 * second. sw_lock is held. */
const struct provider *provider_start(void);
/* The table of a provider that is known to run because a socket or a wake of it exists. */
extern const struct san_linux_table *provider_san;
extern const WSPPROC_TABLE *provider_wsp;

#endif
