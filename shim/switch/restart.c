/* SPDX-License-Identifier: BSD-3-Clause */
#include "restart.h"

#include <signal.h>
#include <stddef.h>

/* Handlers of faults say nothing: a thread that waits in a call does not fault. Crash reporters and
 * sanitizers install them without SA_RESTART. */
static bool
is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL ||
	       sig == SIGABRT || sig == SIGTRAP || sig == SIGSYS;
}

bool
restart_wanted(void)
{
	struct sigaction action;

	for (int sig = 1; sig < NSIG; sig++) {
		if (is_fault(sig) || sigaction(sig, NULL, &action) != 0)
			continue;
		if ((action.sa_flags & SA_SIGINFO) == 0 &&
		    (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN))
			continue;
		if ((action.sa_flags & SA_RESTART) == 0)
			return false;
	}
	return true;
}
