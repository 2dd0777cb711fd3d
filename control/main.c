/* SPDX-License-Identifier: BSD-3-Clause */
/* sand: puts the parts together in order, runs the loop, takes them apart in reverse. Stays in the
 * foreground; signals come in through the loop. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "check.h"
#include "cli.h"
#include "cli_prompt.h"
#include "cli_server.h"
#include "daemon_life.h"
#include "daemon_priv.h"
#include "eal.h"
#include "eal_args.h"
#include "icrc.h"
#include "load.h"
#include "log.h"
#include "options.h"
#include "pidfile.h"
#include "san_err.h"

#define WHY_MAX 512

/* Everything main puts together, in the order it is taken apart again from the end. */
struct program {
	struct options options;
	struct san_config config;
	struct pidfile pidfile;
	struct loop_source signals;
	bool eal_started, pool_made, signals_added;
	struct daemon *daemon;
	struct cli *cli;
	struct cli_server *cli_server;
	struct cli_prompt *prompt;
	char why[WHY_MAX];
};

void
san_check_failed(const char *file, int line, const char *what)
{
	log_error("bug at %s:%d: %s; stopping", file, line, what);
	abort();
}

/* --- signals ---------------------------------------------------------------------------------- */

static void
on_signal(struct loop_source *s, uint32_t events)
{
	struct signalfd_siginfo info = {0};
	int signo;

	(void)events;
	if (read(s->fd, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	signo = (int)info.ssi_signo;
	log_notice("stopping (%s)", strsignal(signo));
	daemon_quit(s->owner);
}

/* Before any thread is made, so that none of them takes a signal meant for the loop. */
static int
signals_block(struct program *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return SAN_EIO;
	p->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signals.fd < 0) {
		snprintf(p->why, sizeof p->why, "no signalfd: %s", strerror(errno));
		return SAN_EIO;
	}
	return 0;
}

/* --- starting --------------------------------------------------------------------------------- */

static int
config_read(struct program *p)
{
	struct config_error bad;
	int err = config_load(p->options.config_path, &p->config, &bad);

	if (err != 0)
		config_error_format(&bad, p->why, sizeof p->why);
	return err;
}

static uint32_t
mtu_max(const struct san_config *c)
{
	uint32_t mtu = 0;

	for (uint32_t i = 0; i < c->port_count; i++)
		if (c->port[i].mtu > mtu)
			mtu = c->port[i].mtu;
	return mtu;
}

static int
dpdk_start(struct program *p)
{
	struct eal_args args;
	int err = eal_args_make(&args, &p->config, p->options.eal_count, p->options.eal);

	if (err != 0) {
		snprintf(p->why, sizeof p->why, "too many EAL arguments");
		return err;
	}
	err = eal_start(args.argc, args.argv, p->why, sizeof p->why);
	if (err != 0)
		return err;
	p->eal_started = true;
	icrc_init();
	err =
	    eal_frame_pool_create(p->config.memory_mb, mtu_max(&p->config), p->why, sizeof p->why);
	p->pool_made = err == 0;
	return err;
}

static int
daemon_start(struct program *p)
{
	int err = daemon_create(&p->config, &p->daemon);

	if (err != 0) {
		snprintf(p->why, sizeof p->why, "cannot start: %s", san_err_text(err));
		return err;
	}
	err = pollers_open(p->daemon);
	if (err == 0)
		err = pollers_launch(p->daemon);
	if (err == SAN_ENOENT)
		snprintf(p->why, sizeof p->why,
		    "no core for a poll thread; name at least two threads in lcores");
	else if (err != 0)
		snprintf(p->why, sizeof p->why, "cannot start poll threads: %s", san_err_text(err));
	if (err != 0)
		return err;
	return ports_open(p->daemon, p->why, sizeof p->why);
}

static int
sockets_open(struct program *p)
{
	const struct san_config *c = &p->config;
	struct loop *loop = daemon_loop(p->daemon);
	char path[CONFIG_TEXT_MAX + 16];
	int err;

	p->signals.handle = on_signal;
	p->signals.owner = p->daemon;
	err = loop_add(loop, &p->signals, EPOLLIN);
	p->signals_added = err == 0;
	p->cli = cli_create(p->daemon);
	if (err != 0 || p->cli == NULL) {
		snprintf(p->why, sizeof p->why, "out of memory");
		return SAN_ENOMEM;
	}
	snprintf(path, sizeof path, "%s/%s", c->runtime_dir, CLI_SOCKET_NAME);
	err = cli_server_create(p->cli, loop, path, c->socket_mode, &p->cli_server);
	if (err == 0 && p->options.interactive)
		err = cli_prompt_create(
		    p->cli, p->daemon, loop, STDIN_FILENO, STDOUT_FILENO, &p->prompt);
	if (err == 0) {
		snprintf(path, sizeof path, "%s/sand.sock", c->runtime_dir);
		err = attach_server_open(p->daemon, path, c->socket_mode);
	}
	if (err != 0)
		snprintf(p->why, sizeof p->why, "%s: cannot listen: %s", path, san_err_text(err));
	return err;
}

static int
start(struct program *p)
{
	int err;

	if ((err = signals_block(p)) != 0)
		return err;
	if ((err = pidfile_take(&p->pidfile, p->config.runtime_dir, p->why, sizeof p->why)) != 0)
		return err;
	if ((err = dpdk_start(p)) != 0)
		return err;
	if ((err = daemon_start(p)) != 0)
		return err;
	return sockets_open(p);
}

/* --- stopping --------------------------------------------------------------------------------- */

static void
stop(struct program *p)
{
	if (p->prompt != NULL)
		cli_prompt_destroy(p->prompt);
	if (p->cli_server != NULL)
		cli_server_destroy(p->cli_server);
	if (p->cli != NULL)
		cli_destroy(p->cli);
	if (p->daemon != NULL) {
		if (p->signals_added)
			loop_remove(daemon_loop(p->daemon), &p->signals);
		daemon_stop(p->daemon);
		daemon_destroy(p->daemon);
	}
	if (p->pool_made)
		eal_frame_pool_destroy();
	if (p->eal_started)
		eal_stop();
	pidfile_drop(&p->pidfile);
	if (p->signals.fd >= 0)
		close(p->signals.fd);
}

int
main(int argc, char **argv)
{
	static struct program p = {.pidfile.fd = -1, .signals.fd = -1};
	int err;

	switch (options_parse(&p.options, argc, argv)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_WRONG:
		return 2;
	}
	err = config_read(&p);
	if (err != 0) {
		fprintf(stderr, "sand: %s\n", p.why);
		return EXIT_FAILURE;
	}
	if (p.options.test_only) {
		printf("%s: good\n", p.options.config_path);
		return EXIT_SUCCESS;
	}
	log_level_set(p.config.log_level);
	err = start(&p);
	if (err == 0) {
		log_notice(
		    "%s is ready: %u port%s, %u poll thread%s, programs attach at %s/sand.sock",
		    p.config.name, p.config.port_count, p.config.port_count == 1 ? "" : "s",
		    p.daemon->pollers.count, p.daemon->pollers.count == 1 ? "" : "s",
		    p.config.runtime_dir);
		daemon_run(p.daemon);
	} else {
		log_error("%s", p.why);
	}
	stop(&p);
	return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
