/* SPDX-License-Identifier: BSD-3-Clause */
#include "op_msg.h"

#include "mem.h"
#include "msg.h"
#include "op_stream.h"

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* --- posting --------------------------------------------------------------------------------- */

bool
op_is_records(SOCKET s, const struct op *op)
{
	return prov.socks[prov_slot(s)].message || op->kind == OP_KIND_WRITE ||
	       op->kind == OP_KIND_READ;
}

/* Everything but the buffers. */
static int
obstacle(SOCKET s, const struct op *op)
{
	int gone = msg_error(s);

	/* What arrived before the end may still be received. */
	if (gone != 0 && !(op->kind == OP_KIND_RECV && msg_waiting(s)))
		return gone;
	if (op->kind == OP_KIND_SEND && op->all > msg_max(s))
		return WSAEMSGSIZE;
	if (op->kind == OP_KIND_READ && prov_shm(s)->read_depth == 0)
		return WSAEOPNOTSUPP;
	return 0;
}

int
op_msg_begin(SOCKET s, struct op *op, const HANDLE *handles)
{
	bool into = op->kind == OP_KIND_RECV || op->kind == OP_KIND_READ;
	int err = obstacle(s, op);

	for (DWORD i = 0; i < op->count && err == 0; i++)
		if (op->buf[i].len != 0)
			err = mem_hold(prov_slot(s), handles != NULL ? handles[i] : NULL,
			    op->buf[i].buf, op->buf[i].len, into ? MEM_WRITE : MEM_READ,
			    &op->mem[i]);
	if (err != 0)
		op_msg_drop(op);
	return err;
}

void
op_msg_drop(struct op *op)
{
	for (DWORD i = 0; i < op->count; i++) {
		mem_drop(op->mem[i]);
		op->mem[i] = 0;
	}
}

/* --- to the ring ----------------------------------------------------------------------------- */

static bool
placed_all(const struct op *op)
{
	/* An empty message is a record, empty RDMA is nothing. */
	return op->placed == op->all && (op->begun || op->kind != OP_KIND_SEND);
}

/* What one record carries at most. */
static size_t
piece(SOCKET s, const struct op *op)
{
	switch (op->kind) {
	case OP_KIND_WRITE:
		return msg_write_max(s);
	case OP_KIND_READ:
		return msg_read_max(s);
	case OP_KIND_SEND:
	case OP_KIND_NEWS:
	case OP_KIND_RECV:
		break;
	}
	return op->all;
}

static uint8_t
record_op(enum op_kind kind)
{
	if (kind == OP_KIND_READ)
		return SHM_TX_READ;
	return kind == OP_KIND_WRITE ? SHM_TX_WRITE : SHM_TX_SEND;
}

/* One record more. False: no room, or never any more. */
static bool
place(SOCKET s, struct op *op, bool fence)
{
	struct shm_tx_record r = {.op = record_op(op->kind)};
	struct iovec iov[OP_BUFS];
	int err;

	r.len = (uint32_t)smaller(op->all - op->placed, piece(s, op));
	if (fence && op->kind != OP_KIND_READ)
		r.flags = SHM_TX_FENCE;
	if (op->kind != OP_KIND_SEND) {
		r.key = op->key;
		r.va = op->va + op->placed;
		r.tag = (uint32_t)op->placed;
	}
	(void)op_iovec(op, op->placed, iov);
	err = msg_put(s, &r, iov, &op->end);
	if (err == WSAESHUTDOWN)
		op->error = err;
	if (err != 0)
		return false;
	op->placed += r.len;
	op->begun = true;
	return true;
}

/* Answers come in the order of the READs; their tag is the place in the operation. */
static void
take_answers(SOCKET s, struct op *op)
{
	struct iovec iov[OP_BUFS];
	uint32_t tag, len;

	while (op->done < op->placed && op->error == 0) {
		size_t want = smaller(op->placed - op->done, piece(s, op));
		int err;

		(void)op_iovec(op, op->done, iov);
		err = msg_answer(s, iov, (uint32_t)want, &tag, &len);
		if (err == WSAEMSGSIZE || (err == 0 && (tag != op->done || len != want)))
			op->error = WSAECONNABORTED; /* no daemon of ours says that */
		if (err != 0)
			return;
		op->done += len;
	}
}

void
op_msg_feed(SOCKET s, struct op_queue *sends)
{
	bool reading = false; /* a READ before is not done: what follows must not overtake it */

	for (struct op *op = sends->first; op != NULL; op = op->next) {
		if (!op_is_records(s, op)) {
			if (!op_stream_feed(s, op))
				return;
			continue;
		}
		while (!placed_all(op))
			if (!place(s, op, reading))
				return;
		if (op->kind == OP_KIND_READ) {
			take_answers(s, op);
			reading |= op->done < op->all;
		}
	}
}

/* --- from it --------------------------------------------------------------------------------- */

static bool
receive_step(SOCKET s, struct op *op, int *error, DWORD *bytes)
{
	struct iovec iov[OP_BUFS];

	*error = msg_take(s, iov, op_iovec(op, 0, iov), bytes);
	return *error != WSAEWOULDBLOCK;
}

static bool
is_done(SOCKET s, const struct op *op)
{
	if (op->kind == OP_KIND_READ)
		return op->done == op->all;
	return placed_all(op) && (!op->begun || msg_done(s, op->end));
}

bool
op_msg_step(SOCKET s, struct op *op, int *error, DWORD *bytes)
{
	int gone;

	if (op->kind == OP_KIND_RECV)
		return receive_step(s, op, error, bytes);
	gone = op->error != 0 ? op->error : msg_error(s);
	/* Looked at behind the error: what was done before it is done. */
	if (op->kind == OP_KIND_READ)
		take_answers(s, op);
	*error = 0;
	*bytes = (DWORD)op->all;
	if (is_done(s, op) && op->error == 0)
		return true;
	*error = op->error != 0 ? op->error : gone;
	*bytes = 0;
	return *error != 0;
}
