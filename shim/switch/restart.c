/* SPDX-License-Identifier: BSD-3-Clause */
#include "restart.h"

#include <signal.h>
#include <stddef.h>

bool
restart_wanted(void)
{
	struct sigaction action;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &action) != 0)
			continue;
		if ((action.sa_flags & SA_SIGINFO) == 0 &&
		    (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN))
			continue;
		if ((action.sa_flags & SA_RESTART) == 0)
			return false;
	}
	return true;
}
