/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control of one queue pair: how many packets may be under way, and when the next one
 * may leave. One interface, several algorithms behind it. Knows packets, round trips and marks;
 * never a PSN, a timer or a byte of a packet. Written by the QP that embeds it. */
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
	uint8_t algo;	       /* enum cc_algo */
	uint32_t window_max;   /* packets: the bandwidth-delay cap, always on */
	uint32_t packet_bytes; /* of a full packet on the wire */
	uint64_t line_rate;    /* bytes/s; 0 = unknown: no pacing above the window */
	struct san_duration
	    target_delay; /* WINDOW: queueing delay to aim at, above the least seen */
};

struct cc_ack {
	uint32_t packets;	 /* newly acknowledged */
	uint32_t in_flight;	 /* before this ACK */
	struct san_duration rtt; /* 0 = no sample */
	bool marked;		 /* the peer says a packet of these was marked CE */
};

struct cc;

/* 0 or SAN_EINVAL. */
int cc_init(struct cc *cc, const struct cc_params *p, struct san_time now);
void cc_acked(struct cc *cc, const struct cc_ack *a, struct san_time now);
void cc_cnp(struct cc *cc, struct san_time now);
/* Packets deemed lost; one call per gap. */
void cc_lost(struct cc *cc, struct san_time now);
void cc_timeout(struct cc *cc, struct san_time now);
/* The last loss was none: the packet came late. */
void cc_undo(struct cc *cc, struct san_time now);
void cc_sent(struct cc *cc, uint32_t bytes, struct san_time now);
/* Packets that may be under way, >= 1. */
uint32_t cc_window(const struct cc *cc);
/* Not before this may the next packet leave; at most now = at once. */
struct san_time cc_next(const struct cc *cc);
/* Rates that change by themselves (DCQCN's timers): call when due. */
struct san_time cc_deadline(const struct cc *cc);
void cc_deadline_expire(struct cc *cc, struct san_time now);

#endif
