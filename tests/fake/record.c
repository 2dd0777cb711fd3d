/* SPDX-License-Identifier: BSD-3-Clause */
#include "record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define HANDLES_MAX	65536u
#define COMPLETIONS_MAX 65536u
#define HANDLE_BASE	0x5000u /* so that a handle is no descriptor, no index, no NULL */

static struct {
	pthread_mutex_t lock;
	unsigned count, closed;
	bool violated;
	int fail;
	void (*_Atomic hook)(const char *upcall, SOCKET handle);
	unsigned char closes[HANDLES_MAX];
	DWORD_PTR context[HANDLES_MAX];
	unsigned completions;
	struct record_completion completion[COMPLETIONS_MAX];
} rec = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
hooked(const char *upcall, SOCKET handle)
{
	void (*hook)(const char *upcall, SOCKET handle) = atomic_load(&rec.hook);

	if (hook != NULL)
		hook(upcall, handle);
}

/* rec.lock held. -1: not one of ours. */
static int
index_of(SOCKET handle)
{
	if (handle < HANDLE_BASE || handle - HANDLE_BASE >= rec.count)
		return -1;
	return (int)(handle - HANDLE_BASE);
}

static SOCKET
create(DWORD catalog, DWORD_PTR context, LPINT err)
{
	SOCKET h = INVALID_SOCKET;

	pthread_mutex_lock(&rec.lock);
	if (rec.fail != 0 || rec.count == HANDLES_MAX) {
		*err = rec.fail;
	} else {
		rec.context[rec.count] = context;
		rec.closes[rec.count] = 0;
		h = HANDLE_BASE + rec.count++;
	}
	pthread_mutex_unlock(&rec.lock);
	hooked("create", h);
	return h;
}

static int
close_handle(SOCKET h, LPINT err)
{
	int i;

	hooked("close", h);
	pthread_mutex_lock(&rec.lock);
	i = index_of(h);
	if (i < 0 || rec.closes[i]++ != 0)
		rec.violated = true;
	rec.closed++;
	pthread_mutex_unlock(&rec.lock);
	return 0;
}

static int
query(SOCKET h, PULONG_PTR context, LPINT err)
{
	int i;

	hooked("query", h);
	pthread_mutex_lock(&rec.lock);
	i = index_of(h);
	if (i < 0 || rec.closes[i] != 0)
		rec.violated = true;
	else
		*context = rec.context[i];
	pthread_mutex_unlock(&rec.lock);
	return 0;
}

static int
complete(SOCKET h, LPWSAOVERLAPPED ov, DWORD error, DWORD bytes, LPINT err)
{
	int i;

	pthread_mutex_lock(&rec.lock);
	i = index_of(h);
	if (i < 0 || rec.closes[i] != 0 || rec.completions == COMPLETIONS_MAX)
		rec.violated = true;
	else
		rec.completion[rec.completions++] = (struct record_completion){h, ov, error, bytes};
	pthread_mutex_unlock(&rec.lock);
	ov->OffsetHigh = error;
	ov->Offset = 0;
	ov->InternalHigh = bytes;
	__atomic_store_n(&ov->Internal, 0, __ATOMIC_RELEASE);
	hooked("complete", h);
	return 0;
}

LPWSPUPCALLTABLEEX
record_table(void)
{
	static WSPUPCALLTABLEEX table = {.lpWPUCreateSocketHandle = create,
	    .lpWPUCloseSocketHandle = close_handle,
	    .lpWPUQuerySocketHandleContext = query,
	    .lpWPUCompleteOverlappedRequest = complete};

	return &table;
}

void
record_clear(void)
{
	pthread_mutex_lock(&rec.lock);
	rec.count = rec.closed = rec.completions = 0;
	rec.violated = false;
	rec.fail = 0;
	rec.hook = NULL;
	memset(rec.closes, 0, sizeof rec.closes);
	pthread_mutex_unlock(&rec.lock);
}

void
record_fail_create(int code)
{
	rec.fail = code;
}

void
record_hook(void (*hook)(const char *upcall, SOCKET handle))
{
	atomic_store(&rec.hook, hook);
}

unsigned
record_created(void)
{
	return rec.count;
}

unsigned
record_closed(void)
{
	return rec.closed;
}

unsigned
record_open(void)
{
	unsigned n = 0;

	pthread_mutex_lock(&rec.lock);
	for (unsigned i = 0; i < rec.count; i++)
		n += rec.closes[i] == 0;
	pthread_mutex_unlock(&rec.lock);
	return n;
}

unsigned
record_closes_of(SOCKET handle)
{
	int i;
	unsigned n;

	pthread_mutex_lock(&rec.lock);
	i = index_of(handle);
	n = i < 0 ? 0 : rec.closes[i];
	pthread_mutex_unlock(&rec.lock);
	return n;
}

bool
record_violated(void)
{
	bool v;

	pthread_mutex_lock(&rec.lock);
	v = rec.violated;
	pthread_mutex_unlock(&rec.lock);
	return v;
}

SOCKET
record_last(DWORD_PTR *context)
{
	SOCKET h;

	pthread_mutex_lock(&rec.lock);
	h = rec.count == 0 ? INVALID_SOCKET : HANDLE_BASE + rec.count - 1;
	if (rec.count != 0 && context != NULL)
		*context = rec.context[rec.count - 1];
	pthread_mutex_unlock(&rec.lock);
	return h;
}

unsigned
record_completions(void)
{
	unsigned n;

	pthread_mutex_lock(&rec.lock);
	n = rec.completions;
	pthread_mutex_unlock(&rec.lock);
	return n;
}

struct record_completion
record_completion(unsigned i)
{
	struct record_completion c;

	pthread_mutex_lock(&rec.lock);
	c = rec.completion[i];
	pthread_mutex_unlock(&rec.lock);
	return c;
}

unsigned
record_completions_of(const WSAOVERLAPPED *ov)
{
	unsigned n = 0;

	pthread_mutex_lock(&rec.lock);
	for (unsigned i = 0; i < rec.completions; i++)
		n += rec.completion[i].ov == ov;
	pthread_mutex_unlock(&rec.lock);
	return n;
}
