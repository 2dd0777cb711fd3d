/* SPDX-License-Identifier: BSD-3-Clause */
/* The one packet pool. Its free list uses the relaxed-tail ring: poll and control thread may share
 * a processor, and with the default ring one that is preempted in the middle of an operation keeps
 * the other spinning for a whole time slice. */
#include "frame_pool.h"

#include <stdio.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "eal.h"
#include "san_err.h"
#include "san_limits.h"

#define FRAME_ALIGN 64u
#define FRAMES_MIN  512u
/* Packet sockets count the kernel's frame header and rounding against a buffer: see device.c. */
#define FRAME_SLACK	 192u
#define FRAMES_MAX	 (1u << 20)
#define FRAMES_CACHED	 128u /* per lcore */
#define FRAME_LINK_BYTES (RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN + RTE_ETHER_CRC_LEN)

static struct rte_mempool *pool;

struct rte_mempool *
frame_pool_get(void)
{
	return pool;
}

/* What one buffer takes. Without huge pages a pool starts each on a new page if it would cross one.
 */
static uint32_t
element_bytes(uint32_t room)
{
	struct rte_mempool_objsz size;
	uint32_t page = (uint32_t)getpagesize(),
		 bytes =
		     rte_mempool_calc_obj_size((uint32_t)sizeof(struct rte_mbuf) + room, 0, &size);

	if (eal_hugepages())
		return bytes;
	return bytes > page ? RTE_ALIGN(bytes, page) : page / (page / bytes);
}

int
eal_frame_pool_create(uint32_t memory_mb, uint32_t mtu, char *why, size_t why_size)
{
	uint32_t room, frames;

	if (pool)
		return SAN_EEXIST;
	if (mtu + FRAME_LINK_BYTES > SAN_FRAME_MAX) {
		snprintf(why, why_size, "MTU %u is too large, at most %u are possible", mtu,
		    SAN_FRAME_MAX - FRAME_LINK_BYTES);
		return SAN_EINVAL;
	}
	room = RTE_ALIGN(mtu + FRAME_LINK_BYTES + FRAME_SLACK, FRAME_ALIGN);
	if (room < RTE_MBUF_DEFAULT_DATAROOM)
		room = RTE_MBUF_DEFAULT_DATAROOM; /* some NICs want at least 2 KiB */
	room += RTE_PKTMBUF_HEADROOM;
	frames = (uint32_t)(((uint64_t)memory_mb << 20) / element_bytes(room));
	if (frames > FRAMES_MAX)
		frames = FRAMES_MAX;
	if (frames < FRAMES_MIN) {
		snprintf(why, why_size,
		    "%u MB of packet memory hold only %u frames of MTU %u, give at least %u MB",
		    memory_mb, frames, mtu,
		    (uint32_t)((uint64_t)FRAMES_MIN * element_bytes(room) >> 20) + 1);
		return SAN_EINVAL;
	}
	pool = rte_pktmbuf_pool_create_by_ops("frames", frames, FRAMES_CACHED, 0, (uint16_t)room,
	    (int)rte_socket_id(), "ring_mt_rts");
	if (!pool) {
		snprintf(why, why_size, "cannot get %u MB of packet memory (%s): %s", memory_mb,
		    rte_strerror(rte_errno),
		    eal_hugepages()
			? "reserve more huge pages (vm.nr_hugepages), or configure less memory"
			: "give EAL more memory (-m), or configure less packet memory");
		return SAN_ENOMEM;
	}
	return 0;
}

void
eal_frame_pool_destroy(void)
{
	rte_mempool_free(pool);
	pool = NULL;
}

void
eal_frame_pool_info(struct eal_frame_pool_info *out)
{
	*out = (struct eal_frame_pool_info){0};
	if (!pool)
		return;
	out->frames = pool->size;
	out->in_use = rte_mempool_in_use_count(pool);
	out->frame_bytes = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
	out->bytes =
	    (uint64_t)pool->size * (pool->header_size + pool->elt_size + pool->trailer_size);
}
