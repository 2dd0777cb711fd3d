/* SPDX-License-Identifier: BSD-3-Clause */
/* Which headers follow the BTH of each opcode. The only place that knows; decode and encode both
 * ask it. */
#ifndef SAND_WIRE_ROCE_OPCODE_H
#define SAND_WIRE_ROCE_OPCODE_H

#include <stdint.h>

/* Bits of roce_opcode_info.headers, in the order the headers have on the wire. */
enum roce_header {
	ROCE_HDR_DETH = 1 << 0,
	ROCE_HDR_RETH = 1 << 1,
	ROCE_HDR_AETH = 1 << 2,
	ROCE_HDR_IMM = 1 << 3,
	ROCE_HDR_IETH = 1 << 4,
	ROCE_HDR_ATOMIC = 1 << 5,
	ROCE_HDR_ATOMIC_ACK = 1 << 6,
	ROCE_HDR_CNP = 1 << 7, /* 16 reserved bytes, zero */
};

struct roce_opcode_info {
	uint8_t legal;	 /* 0: reserved, or of a transport we do not speak */
	uint8_t headers; /* enum roce_header bits */
	uint8_t ext_len; /* bytes between BTH and payload */
};

extern const struct roce_opcode_info roce_opcodes[256];

#endif
