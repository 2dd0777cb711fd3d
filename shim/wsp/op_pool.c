/* SPDX-License-Identifier: BSD-3-Clause */
#include "op_pool.h"

#include <string.h>
#include <sys/mman.h>

static struct {
	pthread_mutex_t lock;
	struct op *all; /* OPS_MAX of them; pages never used cost nothing */
	struct op *free;
	uint32_t fresh; /* from here on never used */
	uint32_t used;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Lock held. */
static struct op *
take(void)
{
	struct op *op = pool.free;

	if (op != NULL) {
		pool.free = op->next;
		return op;
	}
	if (pool.all == NULL) {
		void *all = mmap(NULL, OPS_MAX * sizeof *op, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (all == MAP_FAILED)
			return NULL;
		pool.all = all;
	}
	return pool.fresh < OPS_MAX ? &pool.all[pool.fresh++] : NULL;
}

struct op *
op_new(const struct op_ask *ask)
{
	struct op *op;

	pthread_mutex_lock(&pool.lock);
	op = take();
	pool.used += op != NULL;
	pthread_mutex_unlock(&pool.lock);
	if (op == NULL)
		return NULL;
	memset(op, 0, offsetof(struct op, buf));
	memset(op->mem, 0, sizeof *op - offsetof(struct op, mem));
	op->kind = ask->kind;
	op->ov = ask->ov;
	op->count = ask->count;
	op->va = ask->va;
	op->key = ask->key;
	for (DWORD i = 0; i < ask->count; i++) {
		op->buf[i] = ask->bufs[i];
		op->all += ask->bufs[i].len;
	}
	return op;
}

void
op_free(struct op *op)
{
	pthread_mutex_lock(&pool.lock);
	op->next = pool.free;
	pool.free = op;
	pool.used--;
	pthread_mutex_unlock(&pool.lock);
}

uint32_t
op_pool_used(void)
{
	uint32_t used;

	pthread_mutex_lock(&pool.lock);
	used = pool.used;
	pthread_mutex_unlock(&pool.lock);
	return used;
}

void
op_pool_forked(void)
{
	pthread_mutex_init(&pool.lock, NULL);
	pool.free = NULL;
	pool.fresh = pool.used = 0;
}

int
op_iovec(const struct op *op, size_t skip, struct iovec iov[OP_BUFS])
{
	int n = 0;

	for (DWORD i = 0; i < op->count; i++) {
		size_t cut = skip < op->buf[i].len ? skip : op->buf[i].len;

		skip -= cut;
		if (op->buf[i].len > cut)
			iov[n++] = (struct iovec){op->buf[i].buf + cut, op->buf[i].len - cut};
	}
	return n;
}

void
op_queue_put(struct op_queue *q, struct op *op)
{
	op->next = NULL;
	if (q->first == NULL)
		q->first = op;
	else
		q->last->next = op;
	q->last = op;
}

struct op *
op_queue_take(struct op_queue *q)
{
	struct op *op = q->first;

	if (op != NULL)
		q->first = op->next;
	return op;
}

bool
op_queue_has(const struct op_queue *q, const WSAOVERLAPPED *ov)
{
	for (const struct op *op = q->first; op != NULL; op = op->next)
		if (op->ov == ov)
			return true;
	return false;
}
