/* SPDX-License-Identifier: BSD-3-Clause */
#include "op_stream.h"

#include "stream.h"

/* Not yet: no room, no bytes, or this thread's signal handler interrupted it in the ring. */
static bool
not_yet(int error)
{
	return error == WSAEWOULDBLOCK || error == WSAENOBUFS;
}

bool
op_stream_feed(SOCKET s, struct op *op)
{
	struct iovec iov[OP_BUFS];
	int error = 0;

	while (op->done < op->all && op->error == 0) {
		ssize_t n = stream_send(s, iov, op_iovec(op, op->done, iov), 0, &error);

		if (n >= 0)
			op->done += (size_t)n;
		else if (not_yet(error))
			return false;
		else
			op->error = error; /* told once: kept until it is this one's turn */
	}
	return op->done == op->all;
}

static bool
send_step(SOCKET s, struct op *op, int *error, DWORD *bytes)
{
	bool all = op_stream_feed(s, op);

	*error = all ? 0 : op->error;
	*bytes = all ? (DWORD)op->done : 0;
	return all || op->error != 0;
}

static bool
recv_step(SOCKET s, struct op *op, int *error, DWORD *bytes)
{
	struct iovec iov[OP_BUFS];
	ssize_t n = stream_recv(s, iov, op_iovec(op, op->done, iov), 0, error);

	*bytes = n < 0 ? 0 : (DWORD)n;
	if (n >= 0)
		*error = 0;
	return n >= 0 || !not_yet(*error);
}

bool
op_stream_step(SOCKET s, struct op *op, int *error, DWORD *bytes)
{
	return op->kind == OP_KIND_RECV ? recv_step(s, op, error, bytes)
					: send_step(s, op, error, bytes);
}
