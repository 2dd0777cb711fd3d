/* SPDX-License-Identifier: BSD-3-Clause */
/* One program, several processes: fork() takes the SAN sockets along. */
#ifndef SAND_SWITCH_FAMILY_H
#define SAND_SWITCH_FAMILY_H

#include <stdbool.h>

/* The first socket is being tracked: the tables are this process's from now on. */
void family_begin(void);
/* False in the child of a vfork() or of a clone() that shares memory: what it does to its
 * descriptors must not touch the tables, which are its parent's. */
bool family_is_mine(void);

#endif
