/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program sees of stream sockets, as lines of text. Run twice, over kernel TCP and over the
 * SAN; the two outputs must be equal (posix_compare.py). Nothing that may differ is printed: no
 * port numbers, no byte counts of full buffers.
 *
 * usage: posix_behaviour ADDRESS [SCENARIO... | -SCENARIO...] */
#include "posix.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCENARIO_LIMIT_S 20

/* Each scenario in a process of its own, so that one that hangs or dies says so and the others
 * still run. */
static void
run_one(const struct scenario *one)
{
	pid_t pid;
	int status;

	scenario = one->name;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct rlimit cpu = {SCENARIO_LIMIT_S, SCENARIO_LIMIT_S};

		setrlimit(RLIMIT_CPU, &cpu);
		if (strcmp(scenario, "signals") != 0)
			alarm(SCENARIO_LIMIT_S);
		one->run();
		exit(0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		say("ended by %s", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit");
}

/* Named scenarios alone, or all but those named with a dash. A name may be a pattern. */
static bool
wanted(const char *name, char **list)
{
	bool by_default = *list == NULL || **list == '-';

	for (; *list != NULL; list++)
		if (fnmatch(*list + by_default, name, 0) == 0)
			return !by_default;
	return by_default;
}

int
main(int argc, char **argv)
{
	const struct scenario *const lists[] = {
	    posix_bytes, posix_connect, posix_poll, posix_epoll, posix_life, posix_pass};

	if (argc > 3 && strcmp(argv[1], "--role") == 0)
		return posix_role(argv + 2);
	address = argc > 1 ? argv[1] : "127.0.0.1";
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		for (const struct scenario *one = lists[i]; one->name != NULL; one++)
			if (wanted(one->name, argv + (argc > 1 ? 2 : 1)))
				run_one(one);
	return 0;
}
