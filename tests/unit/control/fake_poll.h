/* SPDX-License-Identifier: BSD-3-Clause */
/* A poll thread and a port without DPDK, in the test's own thread, so that the whole control thread
 * runs in a unit test. Connections have no bytes: they open, close and answer DREQs as the true
 * ones do. Frames to our own MAC are looped back, all others are swallowed. */
#ifndef SAND_TESTS_FAKE_POLL_H
#define SAND_TESTS_FAKE_POLL_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"

/* Next CONN_OPENs fail; next frames get lost; CONN_OPENED is held back. */
extern bool fake_poll_refuse, fake_poll_lose, fake_poll_hold;
/* The port's link. */
extern bool fake_poll_link;
/* Frames in existence: 0 at the end of every test. */
extern int fake_poll_frames;

struct fake_conn {
	bool open, dead, released;
	bool aborted; /* the last CONN_CLOSE said ABORT */
	struct sock_ref sock;
	uint32_t qpn, peer_qpn, rq_psn, sq_psn, pmtu, credits, peer_credits, features;
	uint8_t initiator_depth, responder_resources;
	struct cc_params cc;
	uint8_t tclass;
};
/* NULL: none such. Index as in messages. */
struct fake_conn *fake_poll_conn(uint32_t conn);
uint32_t fake_poll_conns(void);
/* The connection broke: what a poll thread would say. */
void fake_poll_die(uint32_t conn, int err);
/* Give out what fake_poll_hold held back. */
void fake_poll_unhold(void);

#endif
