/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet ports: any DPDK ethdev, one rx and one tx queue each. The only folder that sees
 * rte_ethdev. Ports are numbered 0..SAN_PORTS_MAX-1 by whoever opens them (not DPDK's numbers).
 * Everything but port_rx, port_tx and port_capture_frames is for the control thread; those three
 * are for the poll thread that owns the port. */
#ifndef SAND_PORT_PORT_H
#define SAND_PORT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

#define PORT_WHY_MAX 256

struct port_params {
	const char *name;   /* as sand.conf calls it; for messages, copied */
	const char *device; /* PCI address ("0000:03:00.0") or vdev with arguments
			       ("net_memif0,role=client"); copied */
	uint32_t mtu;	    /* Ethernet payload, bytes */
	uint16_t
	    vlan; /* 0xffff = untagged. For port_info only: tags are written and read by wire/ */
	uint8_t mac[6]; /* all zero: keep the device's own */
};

/* Create the device (probe or vdev), configure it for one queue pair, set MAC and MTU. Needs the
 * frame pool. SAN_EEXIST (port open, or the device is), SAN_ENOENT (no such device), SAN_EINVAL
 * (device or argument the driver does not take; MTU that no frame of it fits), SAN_ENOMEM, SAN_EIO.
 */
int port_open(uint16_t port, const struct port_params *params, char *why, size_t why_size);
/* No poll thread polls it any more (PORT_QUIET). Removes what port_open created. */
void port_close(uint16_t port);
/* 0 also when it is already so. Stop only after PORT_QUIET. */
int port_start(uint16_t port);
int port_stop(uint16_t port);

struct port_info {
	char name[32];
	char device[256];
	char driver[64]; /* "net_memif" */
	bool started, link_up;
	uint32_t speed_mbps; /* 0 = unknown */
	uint8_t mac[6];	     /* what frames carry: configured or the device's own */
	uint16_t vlan;
	uint32_t mtu; /* as asked */
	bool mtu_set; /* false: the driver has no MTU call; frames of that size fit its buffers all
			 the same */
	int numa;     /* -1 = unknown */
	uint32_t rx_slots, tx_slots; /* descriptors */
};
/* SAN_ENOENT: not open. */
int port_info_get(uint16_t port, struct port_info *out);

/* The driver's basic counters. */
struct port_stats {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
	uint64_t rx_missed, rx_nombuf, rx_errors, tx_errors;
	uint64_t rx_segmented; /* frames of several segments: joined where they fit one frame ... */
	uint64_t rx_dropped;   /* ... dropped where they do not */
};
int port_stats_get(uint16_t port, struct port_stats *out);

struct port_xstat {
	char name[64];
	uint64_t value;
};
/* The driver's extended statistic number `i`; SAN_ENOENT past the last. */
int port_xstat_get(uint16_t port, uint32_t i, struct port_xstat *out);

/* Link state. Drivers that report changes by interrupt make port_link_fd() readable (an eventfd;
 * read it, then ask every port); many software drivers do not, so ask every 100 ms as well. True if
 * the state differs from what the last call for this port said (the first call compares with
 * "down"). */
int port_link_fd(void);
bool port_link_changed(uint16_t port, bool *up);

/* ---- poll thread ---- */

/* Up to `n` received frames, each one contiguous segment with at least 60 bytes headroom. */
uint16_t port_rx(uint16_t port, struct frame **frames, uint16_t n);
/* Hands over up to `n` frames; returns how many the NIC took (the first ones). The rest stay the
 * caller's. */
uint16_t port_tx(uint16_t port, struct frame **frames, uint16_t n);

/* ---- capture ---- */

/* Record what port_rx and port_tx move, and what port_capture_frames is told, of every port, into a
 * pcapng file. Frames go through a ring that the poll threads fill (never blocking, dropping and
 * counting when it is full) and port_capture_poll empties: call it every few milliseconds while a
 * capture runs. SAN_EALREADY: one runs; SAN_EIO: cannot write the file; SAN_ENOMEM. */
int port_capture_start(const char *path, char *why, size_t why_size);
/* Write what has been recorded so far; 0 or SAN_EIO (the disk is full: stop the capture). */
int port_capture_poll(void);
/* SAN_ENOENT: none runs. */
int port_capture_stop(uint64_t *frames, uint64_t *dropped);
bool port_capture_running(void);
/* Frames that never reach a NIC because they are for this host. `sent`: else received. */
void port_capture_frames(uint16_t port, struct frame *const *frames, uint16_t n, bool sent);

#endif
