/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules and own addresses as programs see them: written into each region when it is made, and again
 * when the operator changes an address or starts or stops a port. The switch in the program
 * evaluates them; the daemon does not (a program may always use kernel TCP instead). */
#ifndef SAND_CONTROL_RULES_H
#define SAND_CONTROL_RULES_H

#include "abi.h"

struct daemon;

/* Into a new region. */
void rules_publish(const struct daemon *d, struct shm_region *header);
/* Something may have changed: tell the programs that see it. */
void rules_changed(struct daemon *d);

#endif
