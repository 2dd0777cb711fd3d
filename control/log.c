/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512

static const char *const level_word[LOG_LEVEL_COUNT] = {
#define X(name, word) [LOG_LEVEL_##name] = word,
    LOG_LEVEL_LIST(X)
#undef X
};

static enum log_level current = LOG_LEVEL_NOTICE;

void
log_level_set(enum log_level level)
{
	current = level < LOG_LEVEL_COUNT ? level : LOG_LEVEL_DEBUG;
}

enum log_level
log_level_get(void)
{
	return current;
}

/* True if this place may speak now; *dropped is what it had to swallow before. */
static bool
site_allows(struct log_site *site, uint32_t *dropped)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (site->second != (uint64_t)ts.tv_sec) {
		site->second = (uint64_t)ts.tv_sec;
		site->lines = 0;
	}
	if (site->lines == LOG_BURST) {
		site->dropped++;
		return false;
	}
	site->lines++;
	*dropped = site->dropped;
	site->dropped = 0;
	return true;
}

void
log_line(struct log_site *site, enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	uint32_t dropped;
	va_list ap;
	size_t n;

	if (!site_allows(site, &dropped))
		return;
	n = (size_t)snprintf(line, sizeof line, "sand: %s: ", level_word[level]);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof line - n, fmt, ap);
	va_end(ap);
	n = strlen(line);
	if (dropped > 0 && n < sizeof line)
		snprintf(line + n, sizeof line - n, " (%u more like this were not shown)", dropped);
	/* One write per line, so that lines of several threads do not mix. */
	dprintf(STDERR_FILENO, "%s\n", line);
}
