/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread's frames: what the poll threads pass up (ARP, ICMP, queue pair 1) goes into
 * the engines, what the engines say goes out. Owns the two engines and what is known of each
 * Ethernet port. */
#ifndef SAND_CONTROL_NETIO_H
#define SAND_CONTROL_NETIO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "cm.h"
#include "loop.h"
#include "neigh.h"
#include "roce.h"
#include "san_limits.h"

struct daemon;
struct frame;

#define NETIO_WAITING_MAX 256u /* MADs waiting for a neighbour's address */
/* A half-open connection of this age may be given up for a newer one: many round trips in a LAN. */
#define NETIO_HALF_OPEN_GRACE SAN_DURATION_MS(10)

/* A MAD whose next hop is not known yet. */
struct netio_waiting {
	TAILQ_ENTRY(netio_waiting) list;
	struct neigh_route route;
	struct san_ip dst;
	uint8_t mad[MAD_LEN];
};
TAILQ_HEAD(netio_waiting_list, netio_waiting);

struct netio_port {
	bool open, up;
	uint8_t mac[6];
	uint16_t vlan;
	uint32_t mtu, pmtu;
	uint32_t speed_mbps; /* 0 = unknown */
};

struct netio {
	struct cm *cm;
	struct neigh *neigh;
	struct netio_port port[SAN_PORTS_MAX];
	struct netio_waiting waiting_space[NETIO_WAITING_MAX];
	struct netio_waiting_list waiting, waiting_free;
	struct loop_timer cm_timer, neigh_timer;
	uint32_t ud_psn;
	bool pumping; /* guards against recursion: events are handled inside the pump */
};

/* The engines, by the configuration. 0 or SAN_ENOMEM. */
int netio_open(struct daemon *d);
void netio_close(struct daemon *d);
/* A port opened, its link went up or down. */
void netio_port_update(struct daemon *d, uint16_t port, const struct netio_port *state);
/* A frame for the control thread; it is freed here. */
void netio_frame_receive(struct daemon *d, uint16_t port, struct frame *f);
/* Carry what the engines have to say; call after every call into one. */
void netio_pump(struct daemon *d);
/* Path MTU of the port that has this address. */
uint32_t netio_pmtu(const struct daemon *d, const struct san_ip *own);
/* The way to a peer, complete but for the destination MAC. */
void netio_path(const struct daemon *d, const struct neigh_route *route, const struct san_ip *dst,
    struct roce_path *out);

#endif
