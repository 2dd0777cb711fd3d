/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames the owner of a queue pair keeps for it: each is handed back once, and never another. */
#ifndef SAND_TESTS_RC_STORE_H
#define SAND_TESTS_RC_STORE_H

#include "rc.h"

#define STORE_MAX 64u

struct store_frame {
	struct roce_pkt p; /* its payload is the bytes behind */
	uint8_t payload[];
};

struct rc_store {
	uint32_t count;
	struct store_frame *frame[STORE_MAX];
};

/* Offers a copy of the packet to the queue pair, whichever way that goes. */
void rc_store_offer(
    struct rc_store *s, struct rc_qp *qp, const struct roce_pkt *p, struct san_time now);
/* The queue pair handed this back; to be freed. */
struct store_frame *rc_store_take(struct rc_store *s, void *frame);
/* Is a request with this PSN kept? */
bool rc_store_has(const struct rc_store *s, uint32_t psn);

#endif
