/* SPDX-License-Identifier: BSD-3-Clause */
/* A host of our own on one Ethernet port: addresses, neighbours, connection manager, and the
 * connections (ep.h) between which arriving packets are shared out. Everything happens inside
 * net_step; whoever waits for something calls it until that has come. */
#ifndef SAND_INTEROP_NET_H
#define SAND_INTEROP_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "cm.h"
#include "neigh.h"
#include "nic.h"
#include "rc.h"
#include "roce.h"

#define NET_EPS_MAX	 32
#define NET_REQUESTS_MAX 32
#define NET_WAITING_MAX	 16
#define NET_REGIONS_MAX	 64
#define NET_PD		 1u

struct ep;

struct net_options {
	const char *interface, *pcap;
	struct neigh_addr addr[SAN_PORT_ADDRS_MAX];
	uint32_t addr_count;
	uint32_t loss_ppm;
	uint64_t seed;
	struct san_duration patience;	/* without a sign of the peer */
	struct san_duration kill_after; /* 0 = never */
	bool verbose;
};

struct net {
	const struct net_options *options;
	struct nic nic;
	struct prng prng;
	struct neigh *neigh;
	struct cm *cm;
	uint32_t ud_psn;
	struct san_time kill_at;
	struct { /* MADs whose next hop is being asked for */
		bool used;
		struct neigh_route route;
		struct cm_out out;
	} waiting[NET_WAITING_MAX];

	uint16_t listen_port; /* 0 = nobody listens */
	struct cm_event request[NET_REQUESTS_MAX];
	uint32_t request_count; /* not taken yet, oldest first */

	struct ep *ep[NET_EPS_MAX];
	struct rc_mrs regions;
	struct rc_mr region[NET_REGIONS_MAX];
};

/* 0 or -1, and a sentence on stderr. */
int net_open(struct net *n, const struct net_options *o);
void net_close(struct net *n);
/* Receive, let deadlines pass, send; sleeps until something happens, `until` at the latest. */
void net_step(struct net *n, struct san_time until);
/* Stay there to answer repeats of a peer that has not heard us. */
void net_linger(struct net *n);
/* The oldest REQ for our port; false if `until` came first. */
bool net_request_take(struct net *n, struct cm_event *out, struct san_time until);
/* The way to a peer; waits for its MAC address. 0 or an enum san_err. */
int net_path(
    struct net *n, const struct san_ip *src, const struct san_ip *dst, struct roce_path *out);
struct san_time net_patience(const struct net *n);
/* A line for whoever wants to know, with -v. */
void net_say(const struct net *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
