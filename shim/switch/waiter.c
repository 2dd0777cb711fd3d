/* SPDX-License-Identifier: BSD-3-Clause */
#include "waiter.h"
#include "provider.h"

#include <pthread.h>
#include <stdbool.h>

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static _Thread_local struct san_wake *mine;
static _Thread_local bool refused; /* asked for once, in vain */

static void
waiter_end(void *wake)
{
	mine = NULL;
	provider_san->sanWakeDestroy(wake);
}

static void
key_make(void)
{
	(void)pthread_key_create(&key, waiter_end);
}

struct san_wake *
waiter_get(void)
{
	int err;

	if (mine != NULL || refused)
		return mine;
	(void)pthread_once(&key_once, key_make);
	mine = provider_san->sanWakeCreate(&err);
	refused = mine == NULL;
	(void)pthread_setspecific(key, mine);
	return mine;
}

void
waiter_forget(void)
{
	refused = false;
	if (mine == NULL)
		return;
	(void)pthread_setspecific(key, NULL);
	waiter_end(mine);
}
