/* SPDX-License-Identifier: BSD-3-Clause */
/* One event, one line on stderr; the service manager adds the time. Each place in the code may say
 * LOG_BURST lines a second, what exceeds that is counted and said with the next line that passes.
 * Never used on a packet's path. */
#ifndef SAND_CONTROL_LOG_H
#define SAND_CONTROL_LOG_H

#include <stdint.h>

#define LOG_BURST 10u

/* X(name, word in front of the line) */
#define LOG_LEVEL_LIST(X)     \
	X(ERROR, "error")     \
	X(WARNING, "warning") \
	X(NOTICE, "notice")   \
	X(INFO, "info")       \
	X(DEBUG, "debug")

enum log_level {
#define X(name, word) LOG_LEVEL_##name,
	LOG_LEVEL_LIST(X)
#undef X
	    LOG_LEVEL_COUNT
};

/* One place in the code that logs. */
struct log_site {
	uint64_t second;
	uint32_t lines, dropped;
};

void log_level_set(enum log_level level);
enum log_level log_level_get(void);
void log_line(struct log_site *site, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_at(level, ...)                                          \
	do {                                                        \
		static struct log_site log_site_;                   \
		if (log_level_get() >= (level))                     \
			log_line(&log_site_, (level), __VA_ARGS__); \
	} while (0)
#define log_error(...)	 log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)	 log_at(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)	 log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
