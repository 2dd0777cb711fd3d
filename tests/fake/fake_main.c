/* SPDX-License-Identifier: BSD-3-Clause */
/* The fake daemon as a program: see README.md. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_daemon.h"

static int stop;

static void
on_signal(int sig)
{
	__atomic_store_n(&stop, sig, __ATOMIC_RELAXED);
}

static int
fault_find(const char *name)
{
	static const char *const names[] = {
#define X(name, text) text,
	    FAKE_FAULT_LIST(X)
#undef X
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static int
usage(const char *why)
{
	fprintf(stderr,
	    "fake_daemon: %s\n"
	    "usage: fake_daemon --socket PATH [--rule NET/BITS] [--san-only] [--socks N] [--ring "
	    "BYTES]\n"
	    "                   [--spin-us N] [--poll] [--fault NAME]\n",
	    why);
	return 2;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {{"socket", required_argument, NULL, 's'},
	    {"rule", required_argument, NULL, 'r'}, {"san-only", no_argument, NULL, 'o'},
	    {"socks", required_argument, NULL, 'n'}, {"ring", required_argument, NULL, 'b'},
	    {"spin-us", required_argument, NULL, 'u'}, {"poll", no_argument, NULL, 'p'},
	    {"fault", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
	struct fake_options opt = {.idle_yields = 50};
	int c, err;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			opt.socket = optarg;
			break;
		case 'r':
			opt.rule = optarg;
			break;
		case 'o':
			opt.san_only = true;
			break;
		case 'n':
			opt.socks = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'b':
			opt.ring_bytes = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'u':
			opt.spin_us = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'p':
			opt.poll_always = true;
			break;
		case 'f':
			if (fault_find(optarg) < 0)
				return usage("no such fault");
			opt.fault = (enum fake_fault)fault_find(optarg);
			break;
		default:
			return usage("bad option");
		}
	}
	if (opt.socket == NULL)
		return usage("--socket is missing");
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	printf("listening at %s\n", opt.socket);
	fflush(stdout);
	err = fake_run(&opt, &stop);
	if (err != 0)
		fprintf(stderr, "fake_daemon: %s: %s\n", opt.socket, strerror(-err));
	return err != 0;
}
