/* SPDX-License-Identifier: BSD-3-Clause */
/* The opcode table. Everything absent is illegal: unreliable connection, reliable datagram, XRC,
 * vendor opcodes and RC's reserved 0x15. */
#include "roce_opcode.h"

#include "roce.h"

#define DETH_LEN       8
#define RETH_LEN       16
#define AETH_LEN       4
#define IMM_LEN	       4
#define IETH_LEN       4
#define ATOMIC_LEN     28
#define ATOMIC_ACK_LEN 8
#define CNP_LEN	       16

#define PLAIN           \
	{               \
		1, 0, 0 \
	}
#define DETH                               \
	{                                  \
		1, ROCE_HDR_DETH, DETH_LEN \
	}
#define DETH_IMM                                                    \
	{                                                           \
		1, ROCE_HDR_DETH | ROCE_HDR_IMM, DETH_LEN + IMM_LEN \
	}
#define RETH                               \
	{                                  \
		1, ROCE_HDR_RETH, RETH_LEN \
	}
#define RETH_IMM                                                    \
	{                                                           \
		1, ROCE_HDR_RETH | ROCE_HDR_IMM, RETH_LEN + IMM_LEN \
	}
#define AETH                               \
	{                                  \
		1, ROCE_HDR_AETH, AETH_LEN \
	}
#define AETH_ATOMIC                                                               \
	{                                                                         \
		1, ROCE_HDR_AETH | ROCE_HDR_ATOMIC_ACK, AETH_LEN + ATOMIC_ACK_LEN \
	}
#define IMM                              \
	{                                \
		1, ROCE_HDR_IMM, IMM_LEN \
	}
#define IETH                               \
	{                                  \
		1, ROCE_HDR_IETH, IETH_LEN \
	}
#define ATOMIC                                 \
	{                                      \
		1, ROCE_HDR_ATOMIC, ATOMIC_LEN \
	}
#define CNP                              \
	{                                \
		1, ROCE_HDR_CNP, CNP_LEN \
	}

const struct roce_opcode_info roce_opcodes[256] = {
    [ROCE_RC_SEND_FIRST] = PLAIN,
    [ROCE_RC_SEND_MIDDLE] = PLAIN,
    [ROCE_RC_SEND_LAST] = PLAIN,
    [ROCE_RC_SEND_LAST_IMM] = IMM,
    [ROCE_RC_SEND_ONLY] = PLAIN,
    [ROCE_RC_SEND_ONLY_IMM] = IMM,
    [ROCE_RC_WRITE_FIRST] = RETH,
    [ROCE_RC_WRITE_MIDDLE] = PLAIN,
    [ROCE_RC_WRITE_LAST] = PLAIN,
    [ROCE_RC_WRITE_LAST_IMM] = IMM,
    [ROCE_RC_WRITE_ONLY] = RETH,
    [ROCE_RC_WRITE_ONLY_IMM] = RETH_IMM,
    [ROCE_RC_READ_REQ] = RETH,
    [ROCE_RC_READ_RESP_FIRST] = AETH,
    [ROCE_RC_READ_RESP_MIDDLE] = PLAIN,
    [ROCE_RC_READ_RESP_LAST] = AETH,
    [ROCE_RC_READ_RESP_ONLY] = AETH,
    [ROCE_RC_ACK] = AETH,
    [ROCE_RC_ATOMIC_ACK] = AETH_ATOMIC,
    [ROCE_RC_CMP_SWAP] = ATOMIC,
    [ROCE_RC_FETCH_ADD] = ATOMIC,
    [ROCE_RC_SEND_LAST_INV] = IETH,
    [ROCE_RC_SEND_ONLY_INV] = IETH,
    [ROCE_UD_SEND_ONLY] = DETH,
    [ROCE_UD_SEND_ONLY_IMM] = DETH_IMM,
    [ROCE_CNP] = CNP,
};
