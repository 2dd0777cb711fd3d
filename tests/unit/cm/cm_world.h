/* SPDX-License-Identifier: BSD-3-Clause */
/* Two connection managers joined by a wire that delays, loses and duplicates by script, in virtual
 * time. Each side has an owner that answers events at once unless told not to. */
#ifndef SAND_TESTS_CM_WORLD_H
#define SAND_TESTS_CM_WORLD_H

#include "cm.h"

#define WIRE_MAX 256

enum side_view {
	VIEW_NONE,	 /* no connection, or it is over */
	VIEW_CONNECTING, /* something is open */
	VIEW_UP,
	VIEW_LEAVING,  /* our DREQ is out */
	VIEW_TIMEWAIT, /* disconnected; GONE is to come */
};

/* One end of a connection, as its owner sees it. */
struct cm_end {
	uint32_t id;
	enum side_view view;
	uint32_t seen[8]; /* events by type */
	struct cm_event last;
};

struct cm_side {
	struct cm *cm;
	struct san_ip ip;
	uint64_t guid;
	uint32_t qpn;
	bool mute;	      /* the owner does not answer REQ and REP events */
	uint16_t refuse;      /* the owner rejects REQs with this reason; 0 = accepts */
	struct cm_end end[2]; /* of the connection side n began */
};

struct cm_world {
	struct cm_side side[2];
	struct san_time now;
	struct san_duration delay;
	uint64_t lose;	    /* bit n: the n-th packet since world_script is lost */
	uint64_t duplicate; /* bit n: it is delivered twice */
	uint64_t late;	    /* bit n: it is overtaken by what follows */
	uint32_t sent;	    /* packets since world_script */
	uint32_t wire_count;
	struct {
		struct san_time at;
		int to;
		struct cm_out out;
	} wire[WIRE_MAX];
};

extern const struct cm_limits world_limits;

void world_init(struct cm_world *w, const struct cm_limits *limits);
void world_fini(struct cm_world *w);
/* Right after world_init: both sides have IPv6 addresses. */
void world_ipv6(struct cm_world *w);
/* Start counting packets anew, with this fate for the first 64. */
void world_script(struct cm_world *w, uint64_t lose, uint64_t duplicate, uint64_t late);
/* A cm_connect from side `from` to the other. */
void world_connect(struct cm_world *w, int from);
/* Side `from` leaves the connection that side `began` began. */
void world_disconnect(struct cm_world *w, int from, int began);
/* What the two owners think of the connection that side `began` began. */
void world_expect(const struct cm_world *w, int began, enum side_view a, enum side_view b);
/* A minute later nothing of any connection is left, nor any deadline. */
void world_expect_rest(struct cm_world *w);
/* Run until nothing is in flight and no deadline is left before `limit` from now. */
void world_run(struct cm_world *w, struct san_duration limit);
/* Move queues only: no time passes. */
void world_pump(struct cm_world *w);

/* The last message side `s` put on the wire with this attribute is found by decoding what it takes.
 */
struct cm_msg side_take(struct cm_world *w, int s, uint16_t attr);
/* Deliver a message to side `s` as if from `src`. */
int side_give(struct cm_world *w, int s, const struct san_ip *src, const struct cm_msg *m);

#endif
