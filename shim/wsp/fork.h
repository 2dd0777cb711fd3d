/* SPDX-License-Identifier: BSD-3-Clause */
/* fork(2): the child's own connection to the daemon is made before the fork, so that a child that
 * dies at once is noticed like any other. prov.lock is held from Before to After, in both
 * processes. */
#ifndef SAND_WSP_FORK_H
#define SAND_WSP_FORK_H

#include <sand/san.h>

int fork_before(LPINT err);
void fork_parent(void);
void fork_child(void);

#endif
