/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations in message mode: their records, and when each is finished. A send or write is when the
 * peer has acknowledged it, a read when all of its answer is there, a receive with its message. The
 * socket's op lock is held by all callers. */
#ifndef SAND_WSP_OP_MSG_H
#define SAND_WSP_OP_MSG_H

#include "op_pool.h"

/* May it be posted? Holds its registrations if so. 0, WSAEMSGSIZE, WSAEOPNOTSUPP, WSAEINVAL,
 * WSAEFAULT, or the error that ended the connection. */
int op_msg_begin(SOCKET s, struct op *op, const HANDLE *handles);
/* Give its registrations back. */
void op_msg_drop(struct op *op);
/* Put records of the queued sends, writes and reads into the ring, take answers out. */
void op_msg_feed(SOCKET s, struct op_queue *sends);
/* The oldest of its queue: true if it is finished, and how. */
bool op_msg_step(SOCKET s, struct op *op, int *error, DWORD *bytes);

#endif
