/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal_log.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <rte_log.h>

#include "san_err.h"

#define LOG_LINE_MAX 160

/* The first error is the cause of the others. */
static struct {
	pthread_mutex_t lock; /* any thread may log */
	char cause[LOG_LINE_MAX];
	bool held, verbose;
} eal_log = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* DPDK writes whole messages through a stdio stream. */
static ssize_t
log_write(void *cookie, const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);
	size_t keep = end ? (size_t)(end - text) : len;
	bool error = rte_log_cur_msg_loglevel() <= (int)RTE_LOG_ERR;

	(void)cookie;
	pthread_mutex_lock(&eal_log.lock);
	if (eal_log.held && error && eal_log.cause[0] == '\0') {
		if (keep >= sizeof eal_log.cause)
			keep = sizeof eal_log.cause - 1;
		memcpy(eal_log.cause, text, keep);
		eal_log.cause[keep] = '\0';
	}
	if (eal_log.verbose || (error && !eal_log.held))
		fwrite(text, 1, len, stderr);
	pthread_mutex_unlock(&eal_log.lock);
	return (ssize_t)len;
}

int
eal_log_open(bool verbose)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});

	if (!stream)
		return SAN_ENOMEM;
	setvbuf(stream, NULL, _IOLBF, 512);
	eal_log.verbose = verbose;
	rte_openlog_stream(stream);
	return 0;
}

bool
eal_log_verbose(void)
{
	return eal_log.verbose;
}

void
eal_log_hold(void)
{
	pthread_mutex_lock(&eal_log.lock);
	eal_log.held = true;
	eal_log.cause[0] = '\0';
	pthread_mutex_unlock(&eal_log.lock);
}

const char *
eal_log_release(void)
{
	pthread_mutex_lock(&eal_log.lock);
	eal_log.held = false;
	pthread_mutex_unlock(&eal_log.lock);
	return eal_log.cause;
}
