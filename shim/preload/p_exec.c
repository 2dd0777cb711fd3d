/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs that become or start another one. libc's functions call each other without these names,
 * so each is here. Nothing allocates: they may run in the child of a vfork(). */
#include "interpose.h"
#include "exec.h"
#include "stdio_follow.h"

#include <stdarg.h>
#include <unistd.h>

#define ARGUMENTS_MAX 4096 /* of the forms that name them one by one */

struct call {
	const char *path;
	char *const *argv;
	int fd, flags;
	pid_t *pid;
	const posix_spawn_file_actions_t *actions;
	const posix_spawnattr_t *attr;
};

__attribute__((constructor)) static void
begun(void)
{
	sw_exec_begun();
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		stdio_follow(fd);
}

static int
run_execve(void *arg, char *const envp[])
{
	const struct call *c = arg;

	return KERN(execve(c->path, c->argv, envp));
}

static int
run_execvpe(void *arg, char *const envp[])
{
	const struct call *c = arg;

	return KERN(execvpe(c->path, c->argv, envp));
}

static int
run_fexecve(void *arg, char *const envp[])
{
	const struct call *c = arg;

	return KERN(fexecve(c->fd, c->argv, envp));
}

static int
run_execveat(void *arg, char *const envp[])
{
	const struct call *c = arg;

	return KERN(execveat(c->fd, c->path, c->argv, envp, c->flags));
}

/* These two return an error number. */
static int
run_spawn(void *arg, char *const envp[])
{
	const struct call *c = arg;

	return -kern()->posix_spawn(c->pid, c->path, c->actions, c->attr, c->argv, envp);
}

static int
run_spawnp(void *arg, char *const envp[])
{
	const struct call *c = arg;

	return -kern()->posix_spawnp(c->pid, c->path, c->actions, c->attr, c->argv, envp);
}

/* Programs that look along PATH themselves try many names that are not there: those cost nothing.
 */
INTERPOSE int
execve(const char *path, char *const argv[], char *const envp[])
{
	struct call c = {.path = path, .argv = argv};

	if (access(path, X_OK) != 0)
		return kern()->execve(path, argv, envp);
	return RESULT(sw_exec(envp, run_execve, &c));
}

INTERPOSE int
execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

INTERPOSE int
execvpe(const char *file, char *const argv[], char *const envp[])
{
	struct call c = {.path = file, .argv = argv};

	return RESULT(sw_exec(envp, run_execvpe, &c));
}

INTERPOSE int
execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

INTERPOSE int
fexecve(int fd, char *const argv[], char *const envp[])
{
	struct call c = {.fd = fd, .argv = argv};

	return RESULT(sw_exec(envp, run_fexecve, &c));
}

INTERPOSE int
execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	struct call c = {.fd = fd, .path = path, .argv = argv, .flags = flags};

	return RESULT(sw_exec(envp, run_execveat, &c));
}

/* The arguments from `arg` to their NULL, as an array. -E2BIG: too many of them. */
static int
collect(const char *argv[ARGUMENTS_MAX], const char *arg, va_list *ap)
{
	for (int n = 0; n < ARGUMENTS_MAX; n++) {
		argv[n] = arg;
		if (arg == NULL)
			return 0;
		arg = va_arg(*ap, const char *);
	}
	return -E2BIG;
}

INTERPOSE int
execl(const char *path, const char *arg, ...)
{
	const char *argv[ARGUMENTS_MAX];
	va_list ap;
	int rc;

	va_start(ap, arg);
	rc = collect(argv, arg, &ap);
	va_end(ap);
	return rc < 0 ? RESULT(rc) : execve(path, (char *const *)argv, environ);
}

INTERPOSE int
execlp(const char *file, const char *arg, ...)
{
	const char *argv[ARGUMENTS_MAX];
	va_list ap;
	int rc;

	va_start(ap, arg);
	rc = collect(argv, arg, &ap);
	va_end(ap);
	return rc < 0 ? RESULT(rc) : execvpe(file, (char *const *)argv, environ);
}

INTERPOSE int
execle(const char *path, const char *arg, ...)
{
	const char *argv[ARGUMENTS_MAX];
	char *const *envp = NULL;
	va_list ap;
	int rc;

	va_start(ap, arg);
	rc = collect(argv, arg, &ap);
	if (rc == 0)
		envp = va_arg(ap, char *const *);
	va_end(ap);
	return rc < 0 ? RESULT(rc) : execve(path, (char *const *)argv, envp);
}

INTERPOSE int
posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
    const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	struct call c = {.path = path, .argv = argv, .pid = pid, .actions = actions, .attr = attr};

	return -sw_exec(envp, run_spawn, &c);
}

INTERPOSE int
posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
    const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	struct call c = {.path = file, .argv = argv, .pid = pid, .actions = actions, .attr = attr};

	return -sw_exec(envp, run_spawnp, &c);
}
