/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_error.h"

#include <stdarg.h>
#include <stdio.h>

#include "san_err.h"

int
config_error_set(struct config_error *err, struct config_pos pos, const char *format, ...)
{
	va_list ap;

	err->pos = pos;
	va_start(ap, format);
	vsnprintf(err->message, sizeof err->message, format, ap);
	va_end(ap);
	return SAN_EINVAL;
}

char *
config_error_format(const struct config_error *err, char *buf, size_t size)
{
	if (err->pos.line == 0)
		snprintf(buf, size, "%s: %s", err->file, err->message);
	else
		snprintf(buf, size, "%s:%u:%u: %s", err->file, err->pos.line, err->pos.column,
		    err->message);
	return buf;
}
