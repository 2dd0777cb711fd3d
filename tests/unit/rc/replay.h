/* SPDX-License-Identifier: BSD-3-Clause */
/* Captured conversations of reliable connections, one direction of requests at a time: what was
 * asked, what was answered, in the order captured. */
#ifndef SAND_TESTS_UNIT_RC_REPLAY_H
#define SAND_TESTS_UNIT_RC_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "roce.h"

#define REPLAY_PACKETS 512
#define REPLAY_FRAME   2048

struct replay_packet {
	struct roce_pkt p; /* a view into `frame` */
	bool request;
	uint32_t len;
	uint8_t frame[REPLAY_FRAME];
};

struct replay_flow {
	struct roce_pkt first; /* the first request; its payload is gone */
	uint32_t asker_qpn;
	uint32_t count;
	struct replay_packet packet[REPLAY_PACKETS];
};

/* The flow number `n` of a capture; false if there are fewer. */
bool replay_load(struct replay_flow *f, const char *path, uint32_t n);
/* Fails the test unless `tx` makes the bytes of `want`, from BTH to pad. MigReq may differ. */
void replay_expect(const struct roce_tx *tx, const struct replay_packet *want, const char *what);

#endif
