/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of ports, for port/'s own files and its tests. The control thread writes it, and only
 * while no poll thread polls that port; `late` fields say otherwise. */
#ifndef SAND_PORT_PORT_PRIV_H
#define SAND_PORT_PORT_PRIV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "san_limits.h"

struct port {
	bool open, started, probed; /* probed: we made the device, we remove it */
	bool mtu_set;
	uint16_t ethdev; /* DPDK's number */
	uint16_t vlan;
	uint32_t mtu;
	uint16_t rx_slots, tx_slots;
	uint8_t mac[6];
	char name[32];
	char device[256];
	bool link_told; /* what port_link_changed said last */
	/* Written by the poll thread. */
	_Atomic uint64_t rx_segmented, rx_dropped;
	uint16_t tx_recorded; /* frames the NIC did not take that a capture has already */
};

extern struct port ports[SAN_PORTS_MAX];

/* Bytes a frame of the pool holds. */
uint32_t port_frame_room(void);

#endif
