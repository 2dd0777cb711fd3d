/* SPDX-License-Identifier: BSD-3-Clause */
/* The argument vector for DPDK's environment layer, from sand.conf and from what stood behind `--`
 * on the command line, which comes last and so wins. */
#ifndef SAND_CONTROL_EAL_ARGS_H
#define SAND_CONTROL_EAL_ARGS_H

#include "schema.h"

#define EAL_ARGS_MAX 64

struct eal_args {
	int argc;
	char *argv[EAL_ARGS_MAX + 1];
	char text[4096]; /* what argv points into */
	size_t used;
};

/* 0 or SAN_ELIMIT when they do not fit. */
int eal_args_make(
    struct eal_args *a, const struct san_config *c, int extra_count, char *const *extra);

#endif
