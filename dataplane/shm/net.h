/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of a region that changes under the eyes of programs: which rules hold, which addresses
 * the SAN has on this host. The daemon writes it, any number of readers copy it out without a lock
 * and never see half a change. */
#ifndef SAND_SHM_NET_H
#define SAND_SHM_NET_H

#include <stdbool.h>

#include "abi.h"

/* By the daemon. False if `net` says what stands there already: then nothing is written and the
 * generation stays. What a program may have scribbled there is overwritten. */
bool shm_net_write(struct shm_region *r, const struct shm_net *net);
/* Entries beyond the counts are undefined. Returns the generation. Of a daemon that stopped in the
 * middle of a change, or whose counts are out of bounds: no rules, no addresses. */
uint32_t shm_net_read(const struct shm_region *r, struct shm_net *net);
/* Changes with every change; equal means that nothing changed between. */
uint32_t shm_net_generation(const struct shm_region *r);

#endif
