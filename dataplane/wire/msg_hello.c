/* SPDX-License-Identifier: BSD-3-Clause */
/* Eight bytes: magic (4), longest message (4). */
#include "msg_hello.h"

#include "bytes.h"

#define MAGIC 0x53414e4du /* "SANM" */

uint32_t
msg_hello_decode(const uint8_t *b)
{
	return be32_get(b) == MAGIC ? be32_get(b + 4) : 0;
}

void
msg_hello_encode(uint8_t *b, uint32_t msg_max)
{
	be32_put(b, MAGIC);
	be32_put(b + 4, msg_max);
}
