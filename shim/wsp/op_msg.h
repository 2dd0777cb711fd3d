/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations that are made of records: all of message mode, and RDMA on streams. A send or write is
 * finished when the peer has acknowledged it, a read when all of its answer is there, a receive
 * with its message. The socket's op lock is held by all callers. */
#ifndef SAND_WSP_OP_MSG_H
#define SAND_WSP_OP_MSG_H

#include "op_pool.h"

/* May it be posted? Holds its registrations if so. 0, WSAEMSGSIZE, WSAEOPNOTSUPP, WSAEINVAL,
 * WSAEFAULT, or the error that ended the connection. */
int op_msg_begin(SOCKET s, struct op *op, const HANDLE *handles);
/* Give its registrations back. */
void op_msg_drop(struct op *op);
/* True: `op` is such an operation. */
bool op_is_records(SOCKET s, const struct op *op);
/* Put what the queued sends, writes and reads have to say into the rings, in order; take answers
 * out. */
void op_msg_feed(SOCKET s, struct op_queue *sends);
/* The oldest of its queue: true if it is finished, and how. */
bool op_msg_step(SOCKET s, struct op *op, int *error, DWORD *bytes);

#endif
