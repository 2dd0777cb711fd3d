/* SPDX-License-Identifier: BSD-3-Clause */
/* The recorder behind port_capture_*: poll threads copy frames into a ring, the control thread
 * writes them into a pcapng file. The ring and its pool are made by the first capture and kept, so
 * that a poll thread in the middle of a copy never loses the ground under its feet. */
#ifndef SAND_PORT_CAPTURE_H
#define SAND_PORT_CAPTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

/* Set while a capture runs. A poll thread looks at it once per burst. */
extern _Atomic bool capture_on;

static inline bool
capture_wanted(void)
{
	/* Acquire pairs with the release in capture_start: ring and pool exist. */
	return atomic_load_explicit(&capture_on, memory_order_acquire);
}

/* Poll thread: copy `n` frames of DPDK's port `ethdev`. */
void capture_copy(uint16_t ethdev, struct rte_mbuf *const *frames, uint16_t n, bool sent);

#endif
