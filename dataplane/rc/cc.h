/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control of one queue pair: how many packets may be under way, and when the next one
 * may leave. One interface, several algorithms behind it. Knows packets, round trips and marks;
 * never a PSN, a timer or a byte of a packet. Integers only, no allocation; written by the QP that
 * embeds it. */
#ifndef SAND_RC_CC_H
#define SAND_RC_CC_H

#include <stdbool.h>
#include <stdint.h>

#include "san_time.h"

/* X(name, word in sand.conf, text) */
#define CC_ALGO_LIST(X)                                                             \
	X(WINDOW, "window",                                                         \
	    "window by delay and ECN marks, paced below one packet per round trip") \
	X(DCQCN, "dcqcn", "rate by CNPs, as hardware does it")                      \
	X(NONE, "none", "the bandwidth-delay cap alone")

enum cc_algo {
#define X(name, word, text) CC_##name,
	CC_ALGO_LIST(X)
#undef X
	    CC_COUNT
};

struct cc_params {
	uint8_t algo;			  /* enum cc_algo */
	bool echo;			  /* ACKs tell of marks: a CNP brings no news of its own */
	uint16_t window_max;		  /* packets: the bandwidth-delay cap, always on */
	uint16_t packet_bytes;		  /* of a full one on the wire */
	struct san_duration cnp_interval; /* of CNPs we send, at least; 0 = the default */
	struct san_duration target_delay; /* WINDOW: queueing delay to aim at; 0 = the default */
	uint32_t line_rate_mbit;	  /* DCQCN: of our port; 0 = unknown */
	uint16_t period_us;		  /* DCQCN: how often a rate rises; 0 = as in the paper */
	uint16_t raise_mbit; /* DCQCN: by how much beyond where it was; 0 = as in the paper */
};

#define CC_TARGET_DELAY SAN_DURATION_US(100)
#define CC_CNP_INTERVAL SAN_DURATION_US(50)

struct cc_ack {
	uint32_t packets;   /* newly acknowledged */
	uint32_t in_flight; /* before this ACK */
	bool marked;	    /* a packet of these was marked CE */
};

/* cc_window.c. Round trip times in ns, UINT32_MAX = none. A round is about one round trip: from a
 * moment on until what was under way then is acknowledged. */
struct cc_by_window {
	uint32_t size;	     /* full packets << 16; may be below one */
	uint32_t rtt, noise; /* newest; mean difference from one to the next */
	uint32_t least[2];   /* in this epoch, in the last one */
	uint32_t round_least;
	uint16_t target_us; /* of queueing delay */
	uint16_t threshold; /* full packets: doubled per round below this */
	uint16_t undo;	    /* full packets, before the last loss; 0 = nothing to undo */
	uint16_t mean;	    /* bytes of packets sent lately */
	uint16_t round, round_left, round_marked; /* packets */
	uint16_t alpha;				  /* share of packets marked or lost, 65535 = all */
	uint8_t round_lost;			  /* packets */
	uint8_t high;				  /* rounds in a row above the target delay */
	uint8_t epoch, epoch_left;		  /* rounds */
	uint8_t drain; /* rounds left with a small window, to see the path empty */
	bool echo;
	bool slowed; /* in this round: no second decrease, no increase */
	bool silent; /* a timeout, and no ACK since */
};

/* cc_dcqcn.c. Rates in bytes per ms. */
struct cc_by_rate {
	uint32_t now, goal, line; /* the algorithm's R_C and R_T; the port's */
	uint32_t alpha;		  /* 65536 = 1 */
	uint32_t bytes_left;	  /* of the byte counter's period */
	uint8_t periods, loads;	  /* increases since the last cut: by timer, by byte counter */
	uint16_t period_us, raise_mbit;
	uint32_t undo;			   /* rate before the last losses; 0 = nothing to undo */
	struct san_time period_at, cut_at; /* timer due; last cut */
};

struct cc {
	uint8_t algo;
	bool used; /* WINDOW: most of it, lately: else it shows neither too much nor too little */
	uint16_t window, window_max; /* packets */
	uint16_t packet_bytes;	     /* of a full one */
	struct san_time next;	     /* pacing: not before this */
	union {
		struct cc_by_window w;
		struct cc_by_rate r;
	};
};

_Static_assert(sizeof(struct cc) <= 64, "embedded in every queue pair");

/* 0 or SAN_EINVAL. */
int cc_init(struct cc *cc, const struct cc_params *p, struct san_time now);

/* A round trip was measured: tell before the ACK that ended it. */
void cc_rtt(struct cc *cc, struct san_duration rtt);
/* What happened. True: the QP was slowed down for it. */
bool cc_acked(struct cc *cc, const struct cc_ack *a, struct san_time now);
bool cc_cnp(struct cc *cc, struct san_time now);
/* `packets` deemed lost; one call per gap. */
bool cc_lost(struct cc *cc, uint32_t packets, struct san_time now);
bool cc_timeout(struct cc *cc, struct san_time now);
/* The last loss or timeout was none: the packet, or its ACK, came late. */
void cc_undo(struct cc *cc, struct san_time now);
void cc_sent(struct cc *cc, uint32_t bytes, struct san_time now);

/* Rates that change by themselves (DCQCN's timer): call when due. NEVER: nothing will change. */
struct san_time cc_deadline(const struct cc *cc);
void cc_deadline_expire(struct cc *cc, struct san_time now);

/* The algorithm's own figures, for whoever looks at a connection. */
struct cc_view {
	uint32_t window;	   /* packets */
	uint64_t rate;		   /* bytes/s the algorithm allows; 0 = not limited */
	struct san_duration base;  /* WINDOW: least round trip seen lately; 0 = none */
	struct san_duration queue; /* WINDOW: of the smoothed round trip above that */
	uint32_t marked_ppm;	   /* estimated share of packets that meet congestion */
};
void cc_look(const struct cc *cc, struct cc_view *out);
const char *cc_algo_word(enum cc_algo algo);

/* Packets that may be under way, >= 1. */
static inline uint32_t
cc_window(const struct cc *cc)
{
	return cc->window;
}

/* Not before this may the next packet leave; in the past = at once. */
static inline struct san_time
cc_next(const struct cc *cc)
{
	return cc->next;
}

#endif
