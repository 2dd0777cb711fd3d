/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_vect.h>

#include "eal_log.h"
#include "san_err.h"

/* What rte_eal_init's error numbers mean to whoever starts the daemon. */
static int
start_error(int error, const char *cause, char *why, size_t why_size)
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
	if (cause[0])
		snprintf(why, why_size, "%s (%s)", text, cause);
	else
		snprintf(why, why_size, "%s", text);
	return err;
}

/* EAL answers a wrong argument with pages of usage on standard output and shouts on standard error:
 * both go nowhere during the start, since the log has the reason. */
static int
eal_init_quietly(int argc, char **argv)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), saved[2], rc;

	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		saved[i] = dup(STDOUT_FILENO + i);
		if (null >= 0 && saved[i] >= 0 && !eal_log_verbose())
			dup2(null, STDOUT_FILENO + i);
	}
	rc = rte_eal_init(argc, argv);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		if (saved[i] < 0)
			continue;
		dup2(saved[i], STDOUT_FILENO + i);
		close(saved[i]);
	}
	if (null >= 0)
		close(null);
	return rc;
}

int
eal_start(int argc, char **argv, char *why, size_t why_size)
{
	bool verbose = false;
	const char *cause;
	int rc;

	if (why_size)
		why[0] = '\0';
	for (int i = 1; i < argc; i++)
		verbose |= strncmp(argv[i], "--log-level", strlen("--log-level")) == 0;
	if (eal_log_open(verbose) != 0) {
		snprintf(why, why_size, "out of memory");
		return SAN_ENOMEM;
	}
	/* Refused only if --force-max-simd-bitwidth says otherwise, which then is what is wanted.
	 */
	rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_512);
	eal_log_hold();
	rc = eal_init_quietly(argc, argv);
	cause = eal_log_release();
	return rc < 0 ? start_error(rte_errno, cause, why, why_size) : 0;
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
