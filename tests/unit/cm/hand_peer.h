/* SPDX-License-Identifier: BSD-3-Clause */
/* Side 0 of the world against a peer whose messages a test writes by hand (it speaks from side 1's
 * address), and the usual ways into a state. Every step asserts what it expects and takes what was
 * sent. */
#ifndef SAND_TESTS_HAND_PEER_H
#define SAND_TESTS_HAND_PEER_H

#include "cm_world.h"

#define PEER_QPN  0x4711u
#define PEER_ID	  0xabcdu
#define PEER_GUID 0x0200000000000002ull /* side 1's */

extern const struct cm_qp hand_qp; /* what side 0's owner offers */

int setup(void **state);
int teardown(void **state);
/* The peer's REQ, its other messages, and its REP to our REQ `id`. */
struct cm_msg peer_req(const struct cm_world *w);
struct cm_msg peer_msg(uint16_t attr, uint32_t remote_id);
struct cm_msg peer_rep(uint32_t id);
/* Deliver it. */
int give(struct cm_world *w, const struct cm_msg *m);
/* The next event is of this type; there is none; nothing was sent. */
struct cm_event event(struct cm_world *w, enum cm_event_type type);
void no_event(struct cm_world *w);
void nothing_sent(struct cm_world *w);
/* Ways into a state; each returns side 0's handle. */
uint32_t req_received(struct cm_world *w);
uint32_t passive_established(struct cm_world *w);
uint32_t req_sent(struct cm_world *w);
uint32_t active_established(struct cm_world *w);
void pass(struct cm_world *w, struct san_duration d);

#endif
