/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <rte_mbuf.h>

#include "frame_pool.h"

static inline struct rte_mbuf *
mbuf_of(struct frame *f)
{
	return (struct rte_mbuf *)f;
}

struct frame *
frame_alloc(void)
{
	struct rte_mempool *pool = frame_pool_get();

	return pool ? (struct frame *)rte_pktmbuf_alloc(pool) : NULL;
}

void
frame_free(struct frame *f)
{
	rte_pktmbuf_free(mbuf_of(f));
}

uint8_t *
frame_data(struct frame *f)
{
	return rte_pktmbuf_mtod(mbuf_of(f), uint8_t *);
}

uint32_t
frame_len(const struct frame *f)
{
	return ((const struct rte_mbuf *)f)->data_len;
}

uint32_t
frame_capacity(const struct frame *f)
{
	const struct rte_mbuf *m = (const struct rte_mbuf *)f;

	return (uint32_t)m->buf_len - m->data_off;
}

void
frame_set_len(struct frame *f, uint32_t len)
{
	struct rte_mbuf *m = mbuf_of(f);

	m->data_len = (uint16_t)len;
	m->pkt_len = len;
}
