/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory out of the region's heap, which the daemon reaches in place: whole chunks, first fit, the
 * family's (processes share the map of what is used, under the region's ref_lock). Memory that a
 * process did not give back is free again when the family ends. Never on a data path. */
#ifndef SAND_WSP_HEAP_H
#define SAND_WSP_HEAP_H

#include "provider.h"

/* sanAlloc, sanFree: san.h. */
void *heap_alloc(size_t len, LPINT err);
int heap_free(void *at, LPINT err);
/* Somebody of the family has some of it. */
bool heap_in_use(void);
/* True if all of it lies in the heap, and where in the region. */
bool heap_offset(uint64_t at, uint64_t len, uint64_t *off);

#endif
