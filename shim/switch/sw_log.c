/* SPDX-License-Identifier: BSD-3-Clause */
#include "sw_log.h"
#include "kern.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

void
sw_log(const char *format, ...)
{
	const char *wanted = getenv("SAND_LOG");
	int saved = errno;
	char line[256];
	va_list ap;
	int head, body;

	if (wanted == NULL || *wanted == '\0')
		return;
	head = snprintf(line, sizeof line, "sand[%d]: ", (int)getpid());
	va_start(ap, format);
	body = vsnprintf(line + head, sizeof line - head - 1, format, ap);
	va_end(ap);
	if (body > (int)sizeof line - head - 2)
		body = (int)sizeof line - head - 2;
	line[head + body] = '\n';
	(void)!kern()->write(STDERR_FILENO, line, (size_t)(head + body + 1));
	errno = saved;
}
