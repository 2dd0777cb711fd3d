/* SPDX-License-Identifier: BSD-3-Clause */
#include "two_hosts.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TRIES 1500 /* 20 ms each: sanitizers are slow to start */
#define STOP_TRIES  1500

static void
conf_write_port(FILE *f, int port, const char *dir, const char *role, int host)
{
	fprintf(f,
	    "[port.p%d]\ndevice = net_memif%d,role=%s,id=%d,socket=%s/memif%d.sock,"
	    "socket-abstract=no\n"
	    "address = 10.%d.0.%d/24, fd00:%d::%d/64\n",
	    port, port, role, port, dir, port, 77 + port, host, 77 + port, host);
}

/* Two ports and two poll threads, so that sockets move between them. */
static bool
conf_write(const struct host *h, const char *dir, const char *name, int number, const char *extra)
{
	const char *role = number == 1 ? "server" : "client";
	FILE *f = fopen(h->conf, "w");

	if (f == NULL)
		return false;
	fprintf(f,
	    "[daemon]\nname = %s\nruntime_dir = %s\nhugepages = no\nmemory_mb = 64\n"
	    "lcores = (0-2)@(0-%ld)\n",
	    name, h->dir, sysconf(_SC_NPROCESSORS_ONLN) - 1);
	conf_write_port(f, 0, dir, role, number);
	conf_write_port(f, 1, dir, role, number);
	fputs(extra, f);
	return fclose(f) == 0;
}

static void
paths_set(struct host *h, const char *dir, const char *name)
{
	snprintf(h->dir, sizeof h->dir, "%s/%s", dir, name);
	snprintf(h->conf, sizeof h->conf, "%s/%s.conf", dir, name);
	snprintf(h->socket, sizeof h->socket, "%s/sand.sock", h->dir);
	h->pid = -1;
}

bool
host_up(struct host *h, const char *sand)
{
	h->pid = fork();
	if (h->pid == 0) {
		execl(sand, sand, "-c", h->conf, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < START_TRIES && h->pid > 0; i++) {
		if (access(h->socket, F_OK) == 0)
			return true;
		if (waitpid(h->pid, NULL, WNOHANG) == h->pid)
			h->pid = -1;
		usleep(20000);
	}
	fprintf(stderr, "%s did not start\n", h->conf);
	return false;
}

int
host_down(struct host *h, int sig)
{
	int status = -1;

	if (h->pid <= 0)
		return -1;
	kill(h->pid, sig);
	for (int i = 0; i < STOP_TRIES; i++) {
		if (waitpid(h->pid, &status, WNOHANG) == h->pid) {
			h->pid = -1;
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		}
		usleep(20000);
	}
	kill(h->pid, SIGKILL);
	waitpid(h->pid, &status, 0);
	h->pid = -1;
	return -1;
}

bool
two_hosts_up(struct two_hosts *t, const char *sand, const char *extra)
{
	char name_a[32], name_b[32];

	snprintf(t->dir, sizeof t->dir, "/tmp/sand-two.XXXXXX");
	if (mkdtemp(t->dir) == NULL)
		return false;
	snprintf(name_a, sizeof name_a, "ta%d", (int)getpid());
	snprintf(name_b, sizeof name_b, "tb%d", (int)getpid());
	paths_set(&t->a, t->dir, name_a);
	paths_set(&t->b, t->dir, name_b);
	return conf_write(&t->a, t->dir, name_a, 1, extra) &&
	       conf_write(&t->b, t->dir, name_b, 2, extra) && host_up(&t->a, sand) &&
	       host_up(&t->b, sand);
}

static void
leftovers_remove(const struct two_hosts *t)
{
	char path[160];

	unlink(t->a.conf);
	unlink(t->b.conf);
	for (int port = 0; port < 2; port++) {
		snprintf(path, sizeof path, "%s/memif%d.sock", t->dir, port);
		unlink(path);
	}
	/* Fails, and so shows, when a daemon left something behind. */
	rmdir(t->a.dir);
	rmdir(t->b.dir);
	if (rmdir(t->dir) != 0)
		fprintf(stderr, "%s is not empty\n", t->dir);
}

bool
two_hosts_down(struct two_hosts *t)
{
	int a = host_down(&t->a, SIGTERM), b = host_down(&t->b, SIGTERM);

	leftovers_remove(t);
	if (a != 0 || b != 0)
		fprintf(stderr, "exit status of the daemons: %d, %d\n", a, b);
	return a == 0 && b == 0;
}
