/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's command line. */
#ifndef SAND_CONTROL_OPTIONS_H
#define SAND_CONTROL_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *config_path;
	bool interactive; /* -i: prompt on the terminal */
	bool test_only;	  /* -t: read the configuration, say whether it is good, start nothing */
	int eal_count;	  /* what stood behind -- */
	char **eal;
};

/* What main does next. */
enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE, /* -h, -V: answered */
	OPTIONS_WRONG,
};

enum options_result options_parse(struct options *o, int argc, char **argv);

#endif
