/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations on a stream's bytes: a send is finished when its last byte is in the ring, a receive
 * with the first bytes that come. The socket's op lock is held by all callers. */
#ifndef SAND_WSP_OP_STREAM_H
#define SAND_WSP_OP_STREAM_H

#include "op_pool.h"

/* Put bytes of a send into the ring. False: some are left; nothing may overtake them. */
bool op_stream_feed(SOCKET s, struct op *op);
/* The oldest of its queue: true if it is finished, and how. */
bool op_stream_step(SOCKET s, struct op *op, int *error, DWORD *bytes);

#endif
