/* SPDX-License-Identifier: BSD-3-Clause */
/* syscall(2): some event libraries (libuv) close descriptors by it. A socket closed behind our back
 * would never end. Every other call, and every descriptor that is not the switch's, passes by. */
#include "interpose.h"
#include "descriptor.h"

#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

INTERPOSE long
syscall(long number, ...)
{
	va_list ap;
	long a[6];

	va_start(ap, number);
	for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_close && fdtab_get((int)a[0]) != NULL)
		return RESULT(sw_close((int)a[0]));
	if (number == SYS_close_range)
		return RESULT(sw_close_range((unsigned)a[0], (unsigned)a[1], (int)a[2]));
	return kern()->syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
