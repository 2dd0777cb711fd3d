/* SPDX-License-Identifier: BSD-3-Clause */
/* What every simulated host is: a receive ring, a transmitter, a poll loop that looks at both some
 * time after something came, and may be paused. What it does with frames is the kind's business. */
#ifndef SAND_TESTS_SIM_NODE_H
#define SAND_TESTS_SIM_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "net.h"
#include "roce.h"
#include "san_time.h"

struct node;

struct node_ops {
	/* Everything due at `now`: frames (node_rx_take), timers, the program, emission. */
	void (*step)(struct node *n, struct san_time now);
	/* When it wants to step again, frames and a full transmitter aside. */
	struct san_time (*next)(const struct node *n);
	/* Nothing of it is under way any more. */
	bool (*finished)(const struct node *n);
	void (*fini)(struct node *n);
};

/* What a host is given besides its kind. */
struct node_setup {
	struct san_duration poll; /* longest time between an arrival and the step that sees it */
	uint32_t rx_max;	  /* frames its receive ring holds */
	uint64_t tx_ring; /* it emits while less than so many bytes wait at its transmitter; 0 =
			     always */
	bool v6;
	bool ecn; /* packets of its queue pairs are sent as ECN-capable */
	bool trace;
};

struct node {
	const struct node_ops *ops;
	struct net *net;
	uint32_t id;
	struct node_setup setup;
	struct timer_node due;
	bool counted; /* as not finished, by the world */
	struct san_time pause_from, pause_to;
	struct sim_frame_list rx;
	uint32_t rx_count;
	uint64_t rx_missed, rx_bad;
};

struct node_setup node_defaults(void);
void node_init(struct node *n, const struct node_ops *ops, struct net *net, uint32_t id,
    const struct node_setup *s);
/* Give back what waits in its receive ring. */
void node_drain(struct node *n);
struct san_ip node_ip(const struct node *n, uint32_t id);

/* A frame arrived. */
void node_rx_put(struct node *n, struct sim_frame *f);
/* The next frame that carries a packet for an engine, decoded; the caller's. NULL = no more. */
struct sim_frame *node_rx_take(struct node *n);
void node_frame_done(struct node *n, struct sim_frame *f);

/* May a packet be emitted now? */
bool node_tx_room(const struct node *n, struct san_time now);
/* `qpn` and `peer_qpn` choose the UDP port; 1 and 1 for the connection manager. */
void node_send(struct node *n, uint32_t to, uint32_t qpn, uint32_t peer_qpn,
    const struct roce_tx *tx, struct san_time now);
/* When it is to step next, given that it wants to at `at`. */
struct san_time node_when(const struct node *n, struct san_time at);

/* "A" to "Z", then numbers. */
void node_trace(const struct node *n, struct san_time now, uint32_t qpn, const char *what,
    uint64_t value, const char *state);

#endif
