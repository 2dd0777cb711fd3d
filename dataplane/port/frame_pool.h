/* SPDX-License-Identifier: BSD-3-Clause */
/* The one packet pool, as port/ itself sees it. Others use frame.h and eal.h. */
#ifndef SAND_PORT_FRAME_POOL_H
#define SAND_PORT_FRAME_POOL_H

#include <rte_mempool.h>

/* NULL before eal_frame_pool_create. */
struct rte_mempool *frame_pool_get(void);

#endif
