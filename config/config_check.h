/* SPDX-License-Identifier: BSD-3-Clause */
/* What keys of sand.conf mean together, after each was found good alone. */
#ifndef SAND_CONFIG_CHECK_H
#define SAND_CONFIG_CHECK_H

#include "parse.h"

/* Fills what depends on other keys (runtime_dir by name, the rules that stand for "no rules") and
 * checks the whole. 0 or SAN_EINVAL with position and message in err. */
int config_check(
    struct san_config *config, const struct config_marks *marks, struct config_error *err);
#endif
