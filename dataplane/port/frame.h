/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet buffer as the rest of the daemon sees it: contiguous bytes of one Ethernet frame. It is
 * an rte_mbuf; only port/ and poll/ know that. Buffers may be allocated and freed by any EAL
 * thread. */
#ifndef SAND_PORT_FRAME_H
#define SAND_PORT_FRAME_H

#include <stdint.h>

struct frame;

/* An empty frame with room for SAN_FRAME_MAX bytes (or the pool's buffer size if smaller); NULL
 * when the pool is dry (counted as nombuf). */
struct frame *frame_alloc(void);
void frame_free(struct frame *f);
uint8_t *frame_data(struct frame *f);
uint32_t frame_len(const struct frame *f);
uint32_t frame_capacity(const struct frame *f);
void frame_set_len(struct frame *f, uint32_t len);

#endif
