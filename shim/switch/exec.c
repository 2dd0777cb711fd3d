/* SPDX-License-Identifier: BSD-3-Clause */
#include "exec.h"
#include "fdtab.h"
#include "kern.h"
#include "offer.h"
#include "provider.h"
#include "sw_log.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tells the next program that sockets were left for it: without it, no program looks. */
#define FLAG "SAND_INHERIT"

#define ENVIRONMENT_MAX 2048 /* a program with more variables loses its SAN sockets */

static void
add_inherited(struct offers *o, int fd)
{
	int flags = KERN(fcntl64(fd, F_GETFD));

	if (flags >= 0 && (flags & FD_CLOEXEC) == 0 && !offers_add(o, fd))
		sw_log("fd %d: its SAN side stays behind", fd);
}

/* Standard input, output and error in any case: a child of vfork() may have put a socket there. */
static void
add_all_inherited(struct offers *o)
{
	for (int fd = 0; fd <= 2; fd++)
		add_inherited(o, fd);
	for (int fd = fdtab_next(3); fd >= 0; fd = fdtab_next(fd + 1))
		add_inherited(o, fd);
}

static int
count_of(char *const envp[])
{
	int n = 0;

	while (envp != NULL && envp[n] != NULL)
		n++;
	return n;
}

static char *
find(char *const envp[], const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; envp != NULL && envp[i] != NULL; i++)
		if (strncmp(envp[i], name, len) == 0 && envp[i][len] == '=')
			return envp[i];
	return NULL;
}

/* What makes the next program find its sockets: that there are some; and the switch and the daemon
 * as this program has them, for programs that give the next one an environment of its own. On the
 * stack, because the child of a vfork() would leave anything else behind in its parent. */
static int
run_with(char *const envp[], int (*run)(void *arg, char *const envp[]), void *arg)
{
	static const char *const names[] = {"LD_PRELOAD", "SAND"};
	static char flag[] = FLAG "=1";
	char *env[ENVIRONMENT_MAX + 4];
	int n = count_of(envp);

	if (n > 0)
		memcpy(env, envp, (size_t)n * sizeof env[0]);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		env[n] = find(envp, names[i]) == NULL ? find(environ, names[i]) : NULL;
		n += env[n] != NULL;
	}
	env[n] = flag;
	env[n + 1] = NULL;
	return run(arg, env);
}

int
sw_exec(char *const envp[], int (*run)(void *arg, char *const envp[]), void *arg)
{
	struct offers offers;
	int rc;

	offers.count = 0;
	if (provider_san != NULL && count_of(envp) <= ENVIRONMENT_MAX)
		add_all_inherited(&offers);
	if (offers.count == 0)
		return run(arg, envp);
	(void)offers_make(&offers);
	rc = run_with(envp, run, arg);
	if (rc < 0)
		offers_withdraw(&offers);
	return rc;
}

void
sw_exec_begun(void)
{
	struct dirent *entry;
	DIR *dir;

	if (getenv(FLAG) == NULL)
		return;
	(void)unsetenv(FLAG);
	dir = opendir("/proc/self/fd");
	if (dir == NULL) {
		sw_log("no /proc: SAN sockets from before exec stay behind");
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') /* the others are numbers */
			sw_claim((int)strtoul(entry->d_name, NULL, 10));
	(void)closedir(dir);
}
