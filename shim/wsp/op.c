/* SPDX-License-Identifier: BSD-3-Clause */
#include "op.h"

#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "address.h"
#include "event.h"
#include "op_msg.h"
#include "op_stream.h"
#include "ready.h"
#include "sock.h"
#include "wake.h"

#define RESULT_SLICE_MS 10u

/* A thread that makes upcalls for a socket. Lives on its stack; `over` is set by the same thread
 * when the socket, or the provider, ended inside an upcall: nothing may be touched any more. */
struct delivery {
	uint32_t tid;
	bool over;
};

/* A slot's operations. Made with the first one, for good: slots are few. */
struct slot_ops {
	pthread_mutex_t lock; /* taken before a ring's lock */
	bool used, closing;   /* since op_slot_new */
	int sticky;	      /* error that ended the connection, for all that comes later */
	struct op_queue posted[OP_WAYS];
	struct op_queue owed; /* finished, upcall not yet made */
	struct delivery *delivery;
};

static struct {
	_Atomic(struct slot_ops *) slot[SAN_SOCKS_MAX]; /* set once, under prov.lock */
	_Atomic uint64_t watch[SAN_SOCKS_MAX / 64];	/* slots the upcall thread looks at */
} ops;

static struct slot_ops *
slot_find(uint32_t slot)
{
	/* Acquire pairs with the release in slot_make. */
	return atomic_load_explicit(&ops.slot[slot], memory_order_acquire);
}

static struct slot_ops *
slot_make(uint32_t slot)
{
	struct slot_ops *o = slot_find(slot);

	if (o != NULL)
		return o;
	prov_lock();
	o = slot_find(slot);
	if (o == NULL) {
		o = mmap(
		    NULL, sizeof *o, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (o == MAP_FAILED)
			o = NULL;
		atomic_store_explicit(&ops.slot[slot], o, memory_order_release);
	}
	prov_unlock();
	return o;
}

/* --- finishing ------------------------------------------------------------------------------- */

static bool
polled(const WSAOVERLAPPED *ov)
{
	return ((uintptr_t)ov->hEvent & 1) != 0;
}

/* The fields are final; Internal tells so, hence last. */
static void
fields_set(LPWSAOVERLAPPED ov, int error, DWORD bytes)
{
	ov->OffsetHigh = (DWORD)error;
	ov->Offset = 0;
	ov->InternalHigh = bytes;
	__atomic_store_n(&ov->Internal, 0, __ATOMIC_RELEASE);
}

/* Lock held; `op` is in no queue. What it held is given back first. */
static void
finish(struct slot_ops *o, struct op *op, int error, DWORD bytes)
{
	LPWSAOVERLAPPED ov = op->ov;

	op_msg_drop(op);
	if (polled(ov)) {
		op_free(op);
		fields_set(ov, error, bytes);
		return;
	}
	op->error = error;
	op->bytes = bytes;
	op_queue_put(&o->owed, op);
}

static void
finish_way(struct slot_ops *o, enum op_way way, int error)
{
	struct op *op;

	while ((op = op_queue_take(&o->posted[way])) != NULL)
		finish(o, op, error, 0);
}

static void
finish_all(struct slot_ops *o, int error)
{
	finish_way(o, OP_SEND, error);
	finish_way(o, OP_RECV, error);
}

/* Lock held. The address list changed, or nobody is there any more who could tell. */
static void
finish_news(struct slot_ops *o)
{
	struct op *op;
	int error;

	while ((op = o->posted[OP_NEWS].first) != NULL && address_news(op->generation, &error))
		finish(o, op_queue_take(&o->posted[OP_NEWS]), error, 0);
}

/* Lock held. What was posted behind a failed operation fails as it did. Of a stream, the other
 * direction does, too, unless the program itself shut the sending side; of messages, both see the
 * end by themselves, each behind what had arrived or been acknowledged. */
static void
fail(SOCKET s, struct slot_ops *o, enum op_way way, int error)
{
	if (prov.socks[prov_slot(s)].message || (way == OP_SEND && error == WSAESHUTDOWN)) {
		finish_way(o, way, error);
		return;
	}
	o->sticky = error;
	finish_all(o, error);
}

/* --- progress -------------------------------------------------------------------------------- */

/* Lock held. */
static bool
step(SOCKET s, struct op *op, int *error, DWORD *bytes)
{
	return op_is_records(s, op) ? op_msg_step(s, op, error, bytes)
				    : op_stream_step(s, op, error, bytes);
}

/* Lock held. */
static void
progress_way(SOCKET s, struct slot_ops *o, enum op_way way)
{
	struct op *op;
	int error;
	DWORD bytes;

	while ((op = o->posted[way].first) != NULL) {
		if (!step(s, op, &error, &bytes))
			return;
		(void)op_queue_take(&o->posted[way]);
		finish(o, op, error, bytes);
		/* A message that did not fit is the matter of its receive alone. */
		if (error != 0 && error != WSAEMSGSIZE)
			fail(s, o, way, error);
	}
}

/* Lock held, descriptor good. Receives first: an error does not overtake the bytes before it. */
static void
progress_locked(SOCKET s, struct slot_ops *o)
{
	op_msg_feed(s, &o->posted[OP_SEND]);
	progress_way(s, o, OP_RECV);
	progress_way(s, o, OP_SEND);
	finish_news(o);
}

static void
progress(SOCKET s, struct slot_ops *o)
{
	pthread_mutex_lock(&o->lock);
	/* A closed socket's operations are the closer's. */
	if (!o->closing && prov_is_open(s))
		progress_locked(s, o);
	pthread_mutex_unlock(&o->lock);
}

/* --- upcalls --------------------------------------------------------------------------------- */

/* Lock held. The next upcall owed, made with the lock dropped; false if there was none. */
static bool
upcall_next(struct slot_ops *o, uint32_t slot)
{
	struct op *op = op_queue_take(&o->owed);
	int ignored = 0, error;
	LPWSAOVERLAPPED ov;
	DWORD bytes;

	if (op == NULL)
		return false;
	ov = op->ov;
	error = op->error;
	bytes = op->bytes;
	op_free(op);
	pthread_mutex_unlock(&o->lock);
	prov.up.lpWPUCompleteOverlappedRequest(
	    prov.socks[slot].handle, ov, (DWORD)error, bytes, &ignored);
	return true;
}

static void
deliver(struct slot_ops *o, uint32_t slot)
{
	struct delivery mine = {.tid = prov_self()};
	bool end;

	pthread_mutex_lock(&o->lock);
	if (o->delivery != NULL) { /* whoever it is takes ours along */
		pthread_mutex_unlock(&o->lock);
		return;
	}
	o->delivery = &mine;
	while (upcall_next(o, slot)) {
		if (mine.over)
			return;
		pthread_mutex_lock(&o->lock);
	}
	o->delivery = NULL;
	end = o->closing;
	o->closing = false;
	pthread_mutex_unlock(&o->lock);
	if (end)
		sock_finish(slot);
}

/* --- the WSP calls --------------------------------------------------------------------------- */

/* Why nothing can be posted. */
static int
obstacle(SOCKET s, const struct slot_ops *o)
{
	if (!prov_is_open(s))
		return WSAENOTSOCK;
	if (o->sticky != 0)
		return o->sticky;
	switch (sock_phase(s)) {
	case SOCK_CONNECTED:
		return 0;
	case SOCK_FAILED:
		return sock_failure(s);
	case SOCK_IDLE:
	case SOCK_PENDING:
	case SOCK_LISTENING:
		break;
	}
	return WSAENOTCONN;
}

static void
watch(uint32_t slot, bool news)
{
	uint64_t bit = UINT64_C(1) << slot % 64;

	/* Once it is watched, its own events wake the thread. */
	if ((atomic_fetch_or_explicit(&ops.watch[slot / 64], bit, memory_order_acq_rel) & bit) ==
		0 ||
	    news)
		event_poke();
}

/* Lock held: everything that may stand in the way of an operation. */
static int
begin(SOCKET s, const struct slot_ops *o, struct op *op, const struct op_ask *ask)
{
	int err;

	if (op->kind == OP_KIND_NEWS) {
		op->generation = address_generation();
		return prov_is_open(s) ? 0 : WSAENOTSOCK;
	}
	err = obstacle(s, o);
	if (err == 0 && op_is_records(s, op))
		err = op_msg_begin(s, op, ask->handles);
	return err;
}

static enum op_way
way_of(enum op_kind kind)
{
	switch (kind) {
	case OP_KIND_RECV:
		return OP_RECV;
	case OP_KIND_NEWS:
		return OP_NEWS;
	case OP_KIND_SEND:
	case OP_KIND_WRITE:
	case OP_KIND_READ:
		break;
	}
	return OP_SEND;
}

int
op_post(SOCKET s, const struct op_ask *ask)
{
	struct slot_ops *o = slot_make(prov_slot(s));
	struct op *op = ask->count <= OP_BUFS && o != NULL ? op_new(ask) : NULL;
	bool upcall = !polled(ask->ov), news;
	int err = ask->count > OP_BUFS ? WSAEINVAL : WSAENOBUFS;

	if (op == NULL)
		return err;
	err = upcall ? event_start() : 0;
	pthread_mutex_lock(&o->lock);
	if (err == 0)
		err = begin(s, o, op, ask);
	if (err != 0) {
		pthread_mutex_unlock(&o->lock);
		op_free(op);
		return err;
	}
	o->used = true;
	__atomic_store_n(&ask->ov->Internal, WSS_OPERATION_IN_PROGRESS, __ATOMIC_RELAXED);
	op_queue_put(&o->posted[way_of(ask->kind)], op);
	progress_locked(s, o);
	news = o->owed.first != NULL;
	pthread_mutex_unlock(&o->lock);
	if (upcall)
		watch(prov_slot(s), news);
	return 0;
}

static bool
is_pending(const WSAOVERLAPPED *ov)
{
	/* Acquire pairs with the release in fields_set, and with a switch that does as we do. */
	return __atomic_load_n(&ov->Internal, __ATOMIC_ACQUIRE) == WSS_OPERATION_IN_PROGRESS;
}

/* Lock held. */
static bool
is_ours(const struct slot_ops *o, const WSAOVERLAPPED *ov)
{
	return op_queue_has(&o->posted[OP_SEND], ov) || op_queue_has(&o->posted[OP_RECV], ov) ||
	       op_queue_has(&o->posted[OP_NEWS], ov) || op_queue_has(&o->owed, ov);
}

/* Still pending after progress was made: WSA_IO_INCOMPLETE, or WSAEINVAL, WSAENOTSOCK. */
static int
result_missing(SOCKET s, struct slot_ops *o, const WSAOVERLAPPED *ov)
{
	bool ours;

	if (!prov_is_open(s))
		return WSAENOTSOCK;
	pthread_mutex_lock(&o->lock);
	/* One whose upcall is being made is in no queue and as good as done. */
	ours = is_ours(o, ov) || o->delivery != NULL || !is_pending(ov);
	pthread_mutex_unlock(&o->lock);
	return ours ? WSA_IO_INCOMPLETE : WSAEINVAL;
}

BOOL
op_result(SOCKET s, LPWSAOVERLAPPED ov, LPDWORD bytes, BOOL wait, LPDWORD flags, LPINT err)
{
	struct slot_ops *o = slot_find(prov_slot(s));

	while (is_pending(ov)) {
		uint32_t seq = wait ? ready_arm(s) : 0;

		if (o == NULL) {
			*err = WSAEINVAL;
			return FALSE;
		}
		progress(s, o);
		deliver(o, prov_slot(s));
		if (!is_pending(ov))
			break;
		*err = result_missing(s, o, ov);
		if (*err != WSA_IO_INCOMPLETE || !wait) {
			if (is_pending(ov))
				return FALSE;
			break;
		}
		/* In slices: another thread may finish it without anything happening in the rings.
		 */
		ready_nap(s, seq, RESULT_SLICE_MS);
	}
	*bytes = (DWORD)ov->InternalHigh;
	if (flags != NULL)
		*flags = ov->Offset;
	*err = (INT)ov->OffsetHigh;
	return *err == 0;
}

/* --- a socket's life ------------------------------------------------------------------------- */

void
op_slot_new(uint32_t slot)
{
	struct slot_ops *o = slot_find(slot);

	if (o == NULL)
		return;
	/* A thread that polls the old socket may still be on its way out. */
	pthread_mutex_lock(&o->lock);
	o->used = o->closing = false;
	o->sticky = 0;
	pthread_mutex_unlock(&o->lock);
}

bool
op_used(uint32_t slot)
{
	struct slot_ops *o = slot_find(slot);
	bool used;

	if (o == NULL)
		return false;
	pthread_mutex_lock(&o->lock);
	used = o->used;
	pthread_mutex_unlock(&o->lock);
	return used;
}

bool
op_rdma(uint32_t slot)
{
	struct slot_ops *o = slot_find(slot);
	bool found = false;

	if (o == NULL)
		return false;
	pthread_mutex_lock(&o->lock);
	for (const struct op *op = o->posted[OP_SEND].first; op != NULL && !found; op = op->next)
		found = op->kind != OP_KIND_SEND;
	pthread_mutex_unlock(&o->lock);
	return found;
}

bool
op_close(uint32_t slot)
{
	struct slot_ops *o = slot_find(slot);
	bool used;

	if (o == NULL)
		return false;
	pthread_mutex_lock(&o->lock);
	used = o->used;
	o->closing = used;
	finish_all(o, WSA_OPERATION_ABORTED);
	finish_way(o, OP_NEWS, WSA_OPERATION_ABORTED);
	pthread_mutex_unlock(&o->lock);
	if (used)
		deliver(o, slot);
	return used;
}

bool
op_sends(uint32_t slot)
{
	struct slot_ops *o = slot_find(slot);
	bool any;

	if (o == NULL)
		return false;
	pthread_mutex_lock(&o->lock);
	any = o->posted[OP_SEND].first != NULL;
	pthread_mutex_unlock(&o->lock);
	return any;
}

void
op_give(uint32_t slot)
{
	struct slot_ops *o = slot_find(slot);

	if (o == NULL)
		return;
	pthread_mutex_lock(&o->lock);
	finish_way(o, OP_RECV, 0);
	pthread_mutex_unlock(&o->lock);
	deliver(o, slot);
}

void
op_take_over(uint32_t slot)
{
	struct slot_ops *o = slot_find(slot);
	bool mine;

	if (o == NULL)
		return;
	pthread_mutex_lock(&o->lock);
	mine = o->delivery != NULL && o->delivery->tid == prov_self();
	if (mine) {
		o->delivery->over = true;
		o->delivery = NULL;
	}
	pthread_mutex_unlock(&o->lock);
	if (mine)
		deliver(o, slot);
}

void
op_forked(void)
{
	for (uint32_t slot = 0; slot < SAN_SOCKS_MAX; slot++) {
		struct slot_ops *o = slot_find(slot);

		if (o != NULL)
			memset(o, 0, sizeof *o);
	}
	for (uint32_t i = 0; i < SAN_SOCKS_MAX / 64; i++)
		atomic_store_explicit(&ops.watch[i], 0, memory_order_relaxed);
	op_pool_forked();
}

/* --- the upcall thread ----------------------------------------------------------------------- */

/* True if an operation with upcall is waiting. */
static bool
wants_upcall(struct slot_ops *o)
{
	bool wants = false;

	pthread_mutex_lock(&o->lock);
	for (int way = 0; way < OP_WAYS; way++)
		for (const struct op *op = o->posted[way].first; op != NULL && !wants;
		     op = op->next)
			wants = !polled(op->ov);
	pthread_mutex_unlock(&o->lock);
	return wants;
}

void
op_watch_arm(struct san_wake *w)
{
	for (uint32_t i = 0; i < SAN_SOCKS_MAX / 64; i++) {
		uint64_t word = atomic_load_explicit(&ops.watch[i], memory_order_acquire);

		for (; word != 0; word &= word - 1) {
			uint32_t slot = i * 64 + (uint32_t)__builtin_ctzll(word);
			SOCKET s =
			    atomic_load_explicit(&prov.socks[slot].descr, memory_order_acquire);

			if (s != 0)
				(void)wake_add_locked(w, s, POLLIN | POLLOUT);
		}
	}
}

/* Its bit is cleared first: a post that comes later sets it again and pokes us. */
static void
watch_slot(uint32_t slot)
{
	uint64_t bit = UINT64_C(1) << slot % 64;
	struct slot_ops *o = slot_find(slot);
	SOCKET s;

	atomic_fetch_and_explicit(&ops.watch[slot / 64], ~bit, memory_order_acq_rel);
	if (o == NULL)
		return;
	s = atomic_load_explicit(&prov.socks[slot].descr, memory_order_acquire);
	if (s != 0)
		progress(s, o);
	deliver(o, slot);
	if (wants_upcall(o))
		atomic_fetch_or_explicit(&ops.watch[slot / 64], bit, memory_order_acq_rel);
}

void
op_watch_run(void)
{
	for (uint32_t i = 0; i < SAN_SOCKS_MAX / 64; i++) {
		uint64_t word = atomic_load_explicit(&ops.watch[i], memory_order_acquire);

		for (; word != 0; word &= word - 1)
			watch_slot(i * 64 + (uint32_t)__builtin_ctzll(word));
	}
}
