/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_vect.h>

#include "san_err.h"

#define LOG_LINE_MAX 160

/* DPDK writes whole messages through a stdio stream; this one keeps the first complaint
 * of a start, which is the cause of the others. */
static struct {
	pthread_mutex_t lock;
	char cause[LOG_LINE_MAX];
	bool starting; /* complaints become the sentence instead of lines of their own */
	bool verbose;
} eal_log = {.lock = PTHREAD_MUTEX_INITIALIZER};

static ssize_t
log_write(void *cookie, const char *text, size_t len)
{
	int level = rte_log_cur_msg_loglevel();
	const char *end = memchr(text, '\n', len);
	size_t keep = end ? (size_t)(end - text) : len;

	(void)cookie;
	pthread_mutex_lock(&eal_log.lock);
	if (level <= (int)RTE_LOG_ERR && eal_log.cause[0] == '\0') {
		if (keep >= sizeof eal_log.cause)
			keep = sizeof eal_log.cause - 1;
		memcpy(eal_log.cause, text, keep);
		eal_log.cause[keep] = '\0';
	}
	if (eal_log.verbose || (!eal_log.starting && level <= (int)RTE_LOG_ERR))
		fwrite(text, 1, len, stderr);
	pthread_mutex_unlock(&eal_log.lock);
	return (ssize_t)len;
}

static int
log_open(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});

	if (!stream)
		return SAN_ENOMEM;
	setvbuf(stream, NULL, _IOLBF, 512);
	rte_openlog_stream(stream);
	return 0;
}

/* What rte_eal_init's error numbers mean to whoever starts the daemon. */
static int
start_error(int error, char *why, size_t why_size)
{
	static const struct {
		int number, err;
		const char *text;
	} known[] = {
	    {EACCES, SAN_EPERM,
		"no permission for huge pages or devices: run as root, or set hugepages = no"},
	    {EAGAIN, SAN_EIO, "a device or a lock is busy"},
	    {EALREADY, SAN_EALREADY, "DPDK was started before in this process"},
	    {EINVAL, SAN_EINVAL, "an EAL argument is wrong"},
	    {ENOMEM, SAN_ENOMEM,
		"not enough memory: reserve huge pages (vm.nr_hugepages), or set hugepages = no"},
	    {ENODEV, SAN_ENOENT, "a device of the EAL arguments does not exist"},
	    {ENOEXEC, SAN_EINVAL, "a DPDK service core could not be started"},
	};
	const char *text = "DPDK did not start";
	int err = SAN_EIO;

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (known[i].number == error) {
			text = known[i].text;
			err = known[i].err;
		}
	}
	if (eal_log.cause[0])
		snprintf(why, why_size, "%s (%s)", text, eal_log.cause);
	else
		snprintf(why, why_size, "%s", text);
	return err;
}

/* EAL answers a wrong argument with pages of usage on standard output. */
static int
eal_init_quietly(int argc, char **argv)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), saved = dup(STDOUT_FILENO), rc;

	fflush(stdout);
	if (null >= 0 && saved >= 0 && !eal_log.verbose)
		dup2(null, STDOUT_FILENO);
	rc = rte_eal_init(argc, argv);
	fflush(stdout);
	if (saved >= 0) {
		dup2(saved, STDOUT_FILENO);
		close(saved);
	}
	if (null >= 0)
		close(null);
	return rc;
}

int
eal_start(int argc, char **argv, char *why, size_t why_size)
{
	int rc;

	if (why_size)
		why[0] = '\0';
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--log-level", strlen("--log-level")) == 0)
			eal_log.verbose = true;
	}
	if (log_open() != 0) {
		snprintf(why, why_size, "out of memory");
		return SAN_ENOMEM;
	}
	/* Refused only if --force-max-simd-bitwidth says otherwise, which then is what is wanted.
	 */
	rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_512);
	eal_log.starting = true;
	rc = eal_init_quietly(argc, argv);
	eal_log.starting = false;
	return rc < 0 ? start_error(rte_errno, why, why_size) : 0;
}

void
eal_stop(void)
{
	rte_eal_cleanup();
}

unsigned
eal_workers(unsigned *lcores, unsigned max)
{
	unsigned lcore, n = 0;

	RTE_LCORE_FOREACH_WORKER(lcore)
	{
		if (n < max)
			lcores[n] = lcore;
		n++;
	}
	return n;
}

int
eal_lcore_cpu(unsigned lcore)
{
	rte_cpuset_t set = rte_lcore_cpuset(lcore);

	if (CPU_COUNT(&set) != 1)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set))
			return cpu;
	}
	return -1;
}

/* Is `cpu` in a list such as "2-5,8" as the kernel prints it? */
static bool
cpu_list_has(const char *list, int cpu)
{
	char *end;

	while (*list) {
		long lo = strtol(list, &end, 10), hi = lo;

		if (end == list)
			return false;
		if (*end == '-') {
			list = end + 1;
			hi = strtol(list, &end, 10);
		}
		if (cpu >= lo && cpu <= hi)
			return true;
		list = *end == ',' ? end + 1 : "";
	}
	return false;
}

static bool
cpu_isolated(int cpu)
{
	FILE *f = fopen("/sys/devices/system/cpu/isolated", "re");
	char list[256] = "";

	if (!f)
		return false;
	if (!fgets(list, sizeof list, f))
		list[0] = '\0';
	fclose(f);
	return cpu_list_has(list, cpu);
}

bool
eal_lcore_shared(unsigned lcore)
{
	int cpu = eal_lcore_cpu(lcore);
	unsigned other;

	if (cpu < 0 || !cpu_isolated(cpu))
		return true;
	RTE_LCORE_FOREACH(other)
	{
		if (other != lcore && eal_lcore_cpu(other) == cpu)
			return true;
	}
	return false;
}

bool
eal_hugepages(void)
{
	return rte_eal_has_hugepages() != 0;
}
