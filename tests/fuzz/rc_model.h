/* SPDX-License-Identifier: BSD-3-Clause */
/* What the standard has a responder do (InfiniBand architecture vol. 1, chapters 9.4, 9.5 and 9.7),
 * written down a second time, from the text and without a look at rc/: which outcomes a request may
 * have, what it does to memory, which answers may leave. Where a request breaks several rules, any
 * of their answers will do. */
#ifndef SAND_TESTS_RC_MODEL_H
#define SAND_TESTS_RC_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "roce.h"

#define MODEL_REGIONS	4u
#define MODEL_REGION	2048u /* bytes of each */
#define MODEL_RESOURCES 4u

/* What may become of a packet; a set. */
enum model_outcome {
	MODEL_ACCEPT = 1 << 0,
	MODEL_RNR = 1 << 1,
	MODEL_INVALID = 1 << 2,
	MODEL_ACCESS = 1 << 3,
	MODEL_AGAIN = 1 << 4,	 /* seen before: nothing changes, the old answer may be repeated */
	MODEL_GAP = 1 << 5,	 /* beyond the expected one: nothing changes, one NAK */
	MODEL_FOREIGN = 1 << 6,	 /* no request at all */
	MODEL_OPERATION = 1 << 7 /* the owner could not do it */
};

struct model_region {
	uint64_t va;
	uint32_t key, access; /* RC_ACCESS_*; key 0: not of this connection */
	uint8_t shadow[MODEL_REGION];
};

/* A READ or atomic that may be asked for again. */
struct model_resource {
	uint32_t psn, packets, len, key;
	uint32_t answered; /* response packets seen in order */
	uint64_t va, value;
	bool read;
	bool repeated; /* asked for again */
};

struct rc_model {
	uint32_t pmtu, recv_size, recv_left; /* receives posted and not taken */
	uint32_t expected, msn;
	bool sending, writing;	   /* a message of that kind is in the middle */
	uint32_t room, write_left; /* bytes it may still have; must still have */
	uint64_t write_va;	   /* where its next byte goes */
	uint32_t write_key;
	struct model_region region[MODEL_REGIONS];
	unsigned resources, used; /* remembered at most; so far, the last `resources` count */
	struct model_resource resource[MODEL_RESOURCES];

	bool ahead; /* a packet beyond the expected one came; the last such: */
	uint32_t ahead_psn;
	bool rnr;	  /* since the last accepted packet: a NAK for it may leave */
	bool credits;	  /* ACKs tell how many receives there are */
	unsigned refusal; /* outcomes that ended the connection; 0 = none did */
	bool refusal_said;
};

/* What an opcode of a request says. */
struct model_request {
	bool send, write, read, atomic;
	bool first, last, imm, inv;
};

struct model_request rc_model_request(uint8_t opcode);
bool rc_model_is_response(uint8_t opcode);
unsigned rc_model_allowed(const struct rc_model *m, const struct roce_pkt *p);
/* The engine chose this outcome of the allowed ones. */
void rc_model_take(struct rc_model *m, const struct roce_pkt *p, unsigned outcome);
/* The owner refused the packet it was given last. */
void rc_model_refuse(struct rc_model *m, bool last);
/* The key stopped working. */
void rc_model_invalidate(struct rc_model *m, uint32_t key);
/* May this answer leave? Breaks a promise if not. Memory is what the model thinks it is. */
void rc_model_answer(struct rc_model *m, const struct roce_tx *tx);

#endif
