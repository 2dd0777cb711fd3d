/* SPDX-License-Identifier: BSD-3-Clause */
/* The responder of Linux's soft-RoCE (drivers/infiniband/sw/rxe) in place of ours: what it does
 * with each packet, and nothing it does not do. It keeps no packet that came early, says so once
 * per gap, acknowledges only what asks for it, answers one READ after the other, and takes a
 * repeated READ as the new beginning of what may be asked for again. */
#ifndef SAND_TESTS_SIM_RXE_END_H
#define SAND_TESTS_SIM_RXE_END_H

#include <stdbool.h>
#include <stdint.h>

#include "rc.h"

#define RXE_RESOURCES 16u
#define RXE_ANSWERS   1024u /* waiting to be sent; power of two */

struct rc_end;

/* A READ or atomic it remembers. */
struct rxe_resource {
	uint8_t opcode;
	uint32_t first, last; /* PSNs */
	uint64_t va;	      /* READ: nothing before it is given again */
	uint32_t len, key;
	uint64_t value; /* atomic: what was there before */
};

/* Packets to send: an ACK or NAK, an atomic's answer, or all packets of a READ's answer. */
struct rxe_answer {
	uint8_t opcode, syndrome;
	bool begun; /* READ: not the beginning of the whole answer */
	uint32_t psn, msn;
	uint64_t va, value;
	uint32_t key, left; /* bytes */
};

struct rxe_end {
	uint32_t psn, msn; /* expected; messages done */
	bool nak_sent;	   /* for this gap */
	bool inside;	   /* a WRITE or SEND, not at its end */
	uint64_t write_va; /* where the next bytes go */
	uint32_t write_key, write_len;
	struct rxe_resource resource[RXE_RESOURCES];
	uint32_t resources; /* ever used */
	struct rxe_answer answer[RXE_ANSWERS];
	uint32_t head, tail;
	uint64_t dropped; /* packets that came early */
};

void rxe_end_init(struct rxe_end *x, uint32_t psn);
void rxe_end_receive(struct rc_end *e, const struct roce_pkt *p, struct san_time now);
/* At most `max` packets; false if there is nothing more to send. */
bool rxe_end_emit(struct rc_end *e, uint32_t max, struct san_time now);

#endif
