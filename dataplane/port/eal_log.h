/* SPDX-License-Identifier: BSD-3-Clause */
/* What DPDK itself says. Errors go to standard error as they are, except while somebody holds them
 * back to make one sentence of the first. */
#ifndef SAND_PORT_EAL_LOG_H
#define SAND_PORT_EAL_LOG_H

#include <stdbool.h>

/* Take over DPDK's log. `verbose`: pass everything on, at once. SAN_ENOMEM. */
int eal_log_open(bool verbose);
bool eal_log_verbose(void);
/* Errors from here on are held back, forgetting what was held before. */
void eal_log_hold(void);
/* No more; the first error held, "" if there was none. Valid until the next hold. */
const char *eal_log_release(void);

#endif
