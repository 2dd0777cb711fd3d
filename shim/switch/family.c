/* SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"
#include "descriptor.h"
#include "ep_set.h"
#include "kern.h"
#include "provider.h"
#include "sw_lock.h"
#include "sw_log.h"
#include "waiter.h"

#include <unistd.h>

/* Which process the tables belong to; 0 while they are empty. */
static _Atomic pid_t owner;

void
family_begin(void)
{
	if (atomic_load_explicit(&owner, memory_order_relaxed) == 0)
		atomic_store_explicit(&owner, getpid(), memory_order_relaxed);
}

bool
family_is_mine(void)
{
	return atomic_load_explicit(&owner, memory_order_relaxed) == getpid();
}

static void
child_continues(void)
{
	atomic_store_explicit(&owner, getpid(), memory_order_relaxed);
	if (provider_san == NULL)
		return;
	provider_san->sanForkChild();
	waiter_forget();
	ep_fork_child();
}

/* The locks are held across the fork, so that the child gets consistent tables whatever other
 * threads did. */
pid_t
sw_fork(pid_t (*real_fork)(void))
{
	int err, saved;
	pid_t pid;

	sw_lock();
	ep_fork_lock();
	if (provider_san != NULL && provider_san->sanForkBefore(&err) != 0)
		sw_log("fork: the child gets no SAN sockets (error %d)", err);
	pid = real_fork();
	saved = errno;
	if (pid == 0)
		child_continues();
	else if (provider_san != NULL)
		provider_san->sanForkParent();
	ep_fork_unlock();
	sw_unlock();
	errno = saved;
	return pid < 0 ? -saved : pid;
}
