/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of overlapped operations, and queues of them: a fixed number for the process, taken
 * from the system once. Knows nothing of sockets. */
#ifndef SAND_WSP_OP_POOL_H
#define SAND_WSP_OP_POOL_H

#include "op.h"

struct op {
	struct op *next;
	LPWSAOVERLAPPED ov; /* the caller's, and the operation's name */
	enum op_kind kind;
	size_t all, done; /* bytes asked for; bytes moved (streams), answered (reads) */
	int error;
	DWORD bytes; /* of its completion */
	DWORD count;
	WSABUF buf[OP_BUFS]; /* captured: the caller's array is its own again */
	/* Of operations made of records: op_msg.h. */
	uint32_t mem[OP_BUFS]; /* registrations held; 0 = none */
	size_t placed;	       /* bytes for which a record lies in the ring */
	bool begun;	       /* at least one does */
	uint32_t end;	       /* position behind the last of them */
	uint32_t key;	       /* WRITE, READ: the peer's memory */
	uint64_t va;
	uint32_t generation; /* NEWS: of the address list when it was posted */
};

struct op_queue {
	struct op *first, *last;
};

/* NULL: none left. ask->count <= OP_BUFS. */
struct op *op_new(const struct op_ask *ask);
void op_free(struct op *op);
/* Operations in use. */
uint32_t op_pool_used(void);
/* In a forked child all are free again. */
void op_pool_forked(void);

/* The parts behind the first `skip` bytes. Returns how many. */
int op_iovec(const struct op *op, size_t skip, struct iovec iov[OP_BUFS]);

void op_queue_put(struct op_queue *q, struct op *op);
struct op *op_queue_take(struct op_queue *q);
bool op_queue_has(const struct op_queue *q, const WSAOVERLAPPED *ov);

#endif
