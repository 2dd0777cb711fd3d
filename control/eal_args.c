/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal_args.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "san_err.h"

/* EAL's own needs on top of the packets, when there are no hugepages it can take more of. */
#define EAL_OWN_MB 64u

static int add(struct eal_args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int
add(struct eal_args *a, const char *fmt, ...)
{
	size_t room = sizeof a->text - a->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(a->text + a->used, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || a->argc == EAL_ARGS_MAX)
		return SAN_ELIMIT;
	a->argv[a->argc++] = a->text + a->used;
	a->argv[a->argc] = NULL;
	a->used += (size_t)n + 1;
	return 0;
}

/* One control and one poll thread, both free to run wherever this process may. */
static int
add_lcores_free(struct eal_args *a)
{
	char cpus[1024] = "";
	size_t used = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return SAN_EIO;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set) && used < sizeof cpus)
			used += (size_t)snprintf(
			    cpus + used, sizeof cpus - used, "%s%d", used > 0 ? "," : "", i);
	if (used >= sizeof cpus)
		return SAN_ELIMIT;
	return add(a, "--lcores=0@(%s),1@(%s)", cpus, cpus);
}

/* "0000:03:00.0" and "03:00.0" have digits in front of a colon; vdev arguments begin with a
 * driver's name. */
static bool
device_is_pci(const char *device)
{
	size_t hex = strspn(device, "0123456789abcdefABCDEF");

	return hex > 0 && device[hex] == ':';
}

/* EAL takes every PCI device that is bound to a DPDK driver unless told which ones, or none. */
static int
add_devices(struct eal_args *a, const struct san_config *c)
{
	bool any = false;
	int err = 0;

	for (uint32_t i = 0; i < c->port_count; i++) {
		if (!device_is_pci(c->port[i].device))
			continue;
		any = true;
		err |= add(a, "--allow=%s", c->port[i].device);
	}
	return any ? err : add(a, "--no-pci");
}

static int
add_split(struct eal_args *a, const char *text)
{
	char copy[CONFIG_TEXT_MAX], *next = copy, *word;
	int err = 0;

	snprintf(copy, sizeof copy, "%s", text);
	while (err == 0 && (word = strsep(&next, " \t")) != NULL)
		if (*word != '\0')
			err = add(a, "%s", word);
	return err;
}

int
eal_args_make(struct eal_args *a, const struct san_config *c, int extra_count, char *const *extra)
{
	int err = 0;

	memset(a, 0, sizeof *a);
	err |= add(a, "sand");
	err |= c->lcores[0] != '\0' ? add(a, "--lcores=%s", c->lcores) : add_lcores_free(a);
	err |= add(a, "--file-prefix=%s", c->name);
	err |= add(a, "--no-telemetry");
	/* Without it, port/ passes on only what DPDK calls errors, in our words. */
	if (c->log_level >= LOG_LEVEL_DEBUG)
		err |= add(a, "--log-level=*:info");
	if (!c->hugepages)
		err |= add(a, "--no-huge") | add(a, "-m") | add(a, "%u", c->memory_mb + EAL_OWN_MB);
	err |= add_devices(a, c);
	err |= add_split(a, c->eal_args);
	for (int i = 0; i < extra_count; i++)
		err |= add(a, "%s", extra[i]);
	return err == 0 ? 0 : SAN_ELIMIT;
}
