/* SPDX-License-Identifier: BSD-3-Clause */
/* The network: hops joined into a cable, a switch with one output queue per host, or two switches
 * with several paths between them. A hop is a transmitter with a queue in front and a line behind.
 * Frames go in at a host and come out at another, later, marked, damaged, doubled, out of order or
 * never; what is in them is not the network's business but for the ECN field. All chance comes from
 * one generator. */
#ifndef SAND_TESTS_SIM_NET_H
#define SAND_TESTS_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"
#include "prng.h"
#include "san_time.h"
#include "sim_frame.h"
#include "timer_heap.h"

#define NET_PATHS_MAX 4u
#define NET_HOSTS_MAX 250u /* their addresses differ in the last byte */

/* Marking by random early detection: no frame that finds at most `min` bytes waiting is marked,
 * every one that finds more than `max` is, and in between a share rising to `ppb`. */
struct ecn {
	uint64_t min, max; /* max 0 = never */
	uint32_t ppb;
};

struct hop_shape {
	uint64_t bytes_per_s;
	struct san_duration latency;
	uint64_t queue_max; /* bytes, the frame being sent included; what does not fit is dropped */
	struct ecn ecn;
};

enum net_kind {
	NET_CABLE,  /* two hosts */
	NET_SWITCH, /* up to a switch, down to each host */
	NET_PATHS,  /* the lower half of the hosts left, the others right: each frame between
		       halves takes one of several ways */
};

struct net_setup {
	enum net_kind kind;
	uint32_t hosts, paths;
	struct hop_shape up, down, path[NET_PATHS_MAX];
	uint64_t seed;
};

enum hop_stage { HOP_UP, HOP_PATH, HOP_DOWN };

struct hop {
	enum hop_stage stage;
	struct hop_shape shape;
	struct fault_dice dice;
	struct san_time free_at; /* when its transmitter will have sent all that waits */
	uint64_t frames, bytes, dropped, marked, backlog_max;
};

struct net_counters {
	uint64_t sent, lost, duplicated, reordered, damaged, dropped, marked;
};

struct net {
	enum net_kind kind;
	uint32_t hosts, paths;
	struct prng prng;
	struct faults faults;		   /* of every hop */
	struct hop *up, *down;		   /* per host */
	struct hop path[2][NET_PATHS_MAX]; /* left to right, right to left */
	struct timer_heap flying;
	struct sim_frames frames;
	struct net_counters count;
	/* Lose the n-th frame the hosts send, counted from mask_from, if bit n of the mask is set.
	 */
	bool mask_on;
	uint64_t mask, mask_from;
};

/* 24 bytes on the line are not in the frame: preamble, check sequence, gap. */
#define NET_LINE_EXTRA 24u

void net_init(struct net *n, const struct net_setup *s);
void net_fini(struct net *n);
/* Takes the frame; `f->from`, `f->to` and `f->len` are set. */
void net_send(struct net *n, struct sim_frame *f, struct san_time now);
/* When net_take has something to do. */
struct san_time net_next(const struct net *n);
/* The next frame that has arrived at its host, the caller's now; NULL when nothing more is due. */
struct sim_frame *net_take(struct net *n, struct san_time now);
/* From then on less than `limit` bytes wait at the host's own transmitter; at most now = already.
 */
struct san_time net_room_at(const struct net *n, uint32_t host, uint64_t limit);

#endif
