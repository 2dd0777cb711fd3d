/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages a queue pair was asked to send, by a program that remembers everything: each request
 * packet must be part of one of them, each message must end exactly once, in order, and not before
 * it was acknowledged or answered. */
#ifndef SAND_TESTS_RC_LEDGER_H
#define SAND_TESTS_RC_LEDGER_H

#include <stdint.h>

#include "rc.h"

#define LEDGER_MAX 1024u

struct ledger_entry {
	uint32_t psn, packets, len;
	uint32_t answered; /* READ, atomic: response packets handed to the owner */
	uint8_t kind;	   /* enum rc_kind */
	bool se;
};

struct rc_ledger {
	uint32_t head, tail; /* tags: ended, posted */
	struct ledger_entry entry[LEDGER_MAX];
};

bool rc_ledger_room(const struct rc_ledger *l, uint32_t count);
/* `m` was queued at `psn`. */
void rc_ledger_post(
    struct rc_ledger *l, const struct rc_qp *qp, const struct rc_run *m, uint32_t psn);
void rc_ledger_request(const struct rc_ledger *l, const struct rc_qp *qp, const struct roce_tx *tx,
    const struct rc_chunk *c);
void rc_ledger_response(struct rc_ledger *l, const struct rc_qp *qp, const struct rc_in *in);
/* Takes what the queue pair says is done or, when `flush`, will never be. */
void rc_ledger_reap(struct rc_ledger *l, struct rc_qp *qp, bool flush);

#endif
