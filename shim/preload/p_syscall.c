/* SPDX-License-Identifier: BSD-3-Clause */
/* syscall(2): some event libraries (libuv) close descriptors by it. A socket closed behind our back
 * would never end. Every other call, and every descriptor that is not the switch's, passes by: the
 * provider's own calls, too. */
#include "interpose.h"
#include "descriptor.h"

#include <sys/syscall.h>

/* libc's takes a variable number of arguments, which Linux's calling conventions pass as they pass
 * these six; what the caller left out is never looked at. */
INTERPOSE long call(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");

long
call(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_close && fdtab_get((int)a) != NULL)
		return RESULT(sw_close((int)a));
	if (number == SYS_close_range)
		return RESULT(sw_close_range((unsigned)a, (unsigned)b, (int)c));
	return kern()->syscall(number, a, b, c, d, e, f);
}
