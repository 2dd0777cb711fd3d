/* SPDX-License-Identifier: BSD-3-Clause */
/* Two poll threads' worth of data path in one test thread: poll 0 with Ethernet port 0 ("left"),
 * poll 1 with port 1
 * ("right"), joined by two rings; one shared region each; this file plays the programs and the
 * control thread. Time is the test's: each step is RIG_STEP_NS later. */
#ifndef SAND_TESTS_POLL_RIG_H
#define SAND_TESTS_POLL_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "abi.h"
#include "poll_priv.h"

#define RIG_SOCKS   64u
#define RIG_TX_RING 65536u
#define RIG_RX_RING 65536u
#define RIG_STEP_NS 2000u
#define RIG_SIDES   2u
#define RIG_WINDOW  128u /* most packets of a connection on their way */

struct rig_side {
	struct poll *poll;
	uint16_t port, session;
	struct rte_ring *wire_in; /* what this side's port receives */
	struct shm_region *region;
	size_t region_bytes;
	struct shm_sock *sock;
	uint8_t *rings;
	int wake_fds[SAN_WAKES_MAX];
	struct roce_path path;
	/* Events that came, last of each kind, and how many. */
	struct poll_event last[16];
	unsigned events[16];
	uint32_t bits; /* of CONN_EVENT, gathered */
	int err;       /* of the last CONN_EVENT */
	bool keep_frames;
};

struct rig {
	struct rig_side side[RIG_SIDES];
	struct san_time now;
};

/* Once per test program: EAL without huge pages, root or devices, packet pool, both ports. */
void rig_start(void);
void rig_stop(void);

void rig_open(struct rig *r);
void rig_close(struct rig *r);
/* One iteration of each side; takes their events. */
void rig_step(struct rig *r);
void rig_run(struct rig *r, unsigned steps);

void rig_put(struct rig_side *s, const struct poll_cmd *cmd);
/* Connection `index` between slot `slot` of both sides, open on both. */
void rig_connect(struct rig *r, uint32_t index, uint32_t slot);
/* The CONN_OPEN of one side, for tests that change something. */
struct poll_cmd rig_conn_open(struct rig *r, unsigned side, uint32_t index, uint32_t slot);
void rig_session_add(struct rig_side *s);

/* The program: as many of `len` bytes as fit; returns how many. Rings where it has to. */
uint32_t rig_send(struct rig_side *s, uint32_t slot, const void *data, uint32_t len);
uint32_t rig_recv(struct rig_side *s, uint32_t slot, void *data, uint32_t len);
void rig_flags(struct rig_side *s, uint32_t slot, uint32_t flags);
void rig_ring(struct rig_side *s, uint32_t slot);
uint32_t rig_wire_flags(struct rig_side *s, uint32_t slot);
uint64_t rig_count(const struct rig_side *s, enum poll_counter c);
/* Put a frame in front of a side's port as if the wire had brought it. */
void rig_inject(struct rig_side *s, const void *data, uint32_t len);

#endif
