/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold of a connection manager whatever it is fed: it sends only what the standard allows
 * in answer to what it got, to who sent that; its counters add up; it tells of each connection that
 * it ended exactly once; its inside is consistent and within its limits. A broken promise ends the
 * program (fuzz.h). */
#ifndef SAND_TESTS_CM_AUDIT_H
#define SAND_TESTS_CM_AUDIT_H

#include "cm.h"

#define CM_AUDIT_LIVE_MAX 256

/* Messages, as bits of a set. */
#define CM_AUDIT(name)	  (1u << (CM_##name - CM_REQ))
#define CM_AUDIT_REPEATS  (CM_AUDIT(REQ) | CM_AUDIT(REP) | CM_AUDIT(DREQ))
#define CM_AUDIT_ANYTHING (~0u)

struct cm_audit {
	struct cm *cm;
	const struct cm_limits *limits;
	struct san_ip us;
	uint64_t given;	  /* datagrams the engine took */
	uint64_t unasked; /* of these, SIDR_REPs and APRs: they have no counter of their own */
	uint64_t taken;	  /* messages it sent, SIDR_REPs and APRs not counted */
	uint32_t live[CM_AUDIT_LIVE_MAX];
	uint32_t live_count;
};

void cm_audit_init(
    struct cm_audit *a, struct cm *cm, const struct cm_limits *limits, const struct san_ip *us);
/* Feed a datagram. What comes out at once must be an answer to it. */
void cm_audit_give(struct cm_audit *a, const struct san_ip *from, const uint8_t *mad, size_t len,
    struct san_time now);
/* Takes all messages: each must be of the set. */
void cm_audit_take(struct cm_audit *a, uint32_t allowed);
/* An event was taken. */
void cm_audit_event(struct cm_audit *a, const struct cm_event *ev);
/* The owner began a connection; or it did something with one that may have ended it. */
void cm_audit_begun(struct cm_audit *a, uint32_t id);
void cm_audit_touched(struct cm_audit *a, uint32_t id);
/* Nothing is queued: counters, limits, indexes. */
void cm_audit_rest(const struct cm_audit *a);

#endif
