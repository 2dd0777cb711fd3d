/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of overlapped operations, and queues of them: a fixed number for the process, taken
 * from the system once. Knows nothing of sockets. */
#ifndef SAND_WSP_OP_POOL_H
#define SAND_WSP_OP_POOL_H

#include "op.h"

struct op {
	struct op *next;
	LPWSAOVERLAPPED ov; /* the caller's, and the operation's name */
	size_t all, done;   /* bytes asked for; bytes moved (sends) */
	int error;
	DWORD bytes; /* of its completion */
	DWORD count;
	WSABUF buf[OP_BUFS]; /* captured: the caller's array is its own again */
};

struct op_queue {
	struct op *first, *last;
};

/* NULL: none left. count <= OP_BUFS. */
struct op *op_new(const WSABUF *bufs, DWORD count, LPWSAOVERLAPPED ov);
void op_free(struct op *op);
/* Operations in use. */
uint32_t op_pool_used(void);
/* In a forked child all are free again. */
void op_pool_forked(void);

/* The parts not yet done. Returns how many. */
int op_iovec(const struct op *op, struct iovec iov[OP_BUFS]);

void op_queue_put(struct op_queue *q, struct op *op);
struct op *op_queue_take(struct op_queue *q);
bool op_queue_has(const struct op_queue *q, const WSAOVERLAPPED *ov);

#endif
