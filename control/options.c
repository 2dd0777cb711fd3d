/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef SAND_CONFIG_PATH
#define SAND_CONFIG_PATH "/etc/sand/sand.conf"
#endif

static const char usage[] =
    "usage: sand [-i] [-t] [-c FILE] [-- EAL-ARGUMENT...]\n"
    "  -c FILE  configuration (" SAND_CONFIG_PATH ")\n"
    "  -i       prompt for commands on the terminal; the end of the input stops the daemon\n"
    "  -t       only check the configuration\n"
    "  -V       print the version\n"
    "  -h       print this text\n"
    "The daemon stays in the foreground and stops on SIGTERM or SIGINT. See sand(8).\n";

enum options_result
options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){.config_path = SAND_CONFIG_PATH};
	while ((c = getopt(argc, argv, "+c:itVh")) != -1) {
		switch (c) {
		case 'c':
			o->config_path = optarg;
			break;
		case 'i':
			o->interactive = true;
			break;
		case 't':
			o->test_only = true;
			break;
		case 'V':
			puts("sand " SAND_VERSION);
			return OPTIONS_DONE;
		case 'h':
			fputs(usage, stdout);
			return OPTIONS_DONE;
		default:
			fputs(usage, stderr);
			return OPTIONS_WRONG;
		}
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
		fprintf(stderr, "sand: unexpected argument \"%s\"\n%s", argv[optind], usage);
		return OPTIONS_WRONG;
	}
	o->eal = argv + optind;
	o->eal_count = argc - optind;
	return OPTIONS_RUN;
}
