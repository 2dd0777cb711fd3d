/* SPDX-License-Identifier: BSD-3-Clause */
/* libc's functions behind the names this library interposes. Resolved once, on first use: other
 * libraries' constructors call socket functions before ours would run. dlsym() finds every name in
 * libc and therefore allocates nothing. */
#include "kern.h"

#include <dlfcn.h>
#include <pthread.h>

_Atomic(const struct kern *) kern_table;

static struct kern table;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
resolve(void)
{
#define X(result, name, arguments) *(void **)&table.name = dlsym(RTLD_NEXT, #name);
	KERN_LIST(X)
#undef X
	atomic_store_explicit(&kern_table, &table, memory_order_release);
}

const struct kern *
kern_resolve(void)
{
	(void)pthread_once(&once, resolve);
	return &table;
}
