/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of sand.conf to struct san_config, without touching a file. Judges each key alone; what
 * keys mean together is config_check.h's. */
#ifndef SAND_CONFIG_PARSE_H
#define SAND_CONFIG_PARSE_H

#include <stddef.h>

#include "config_error.h"
#include "keys.h"

/* Where each key was given, for messages about keys that do not fit together. line 0: not given. */
struct config_marks {
	struct config_pos key[CONFIG_KEY_COUNT][SAN_RULES_MAX]; /* by instance of the section */
	struct config_pos section[CONFIG_SECTION_COUNT][SAN_RULES_MAX];
};
_Static_assert(SAN_RULES_MAX >= SAN_PORTS_MAX, "marks have room for every instance");

/* Every key at its default; no ports, no rules. */
void config_defaults(struct san_config *out);
/* 0, or SAN_EINVAL with position and message in err (not the file's name, which nobody told). */
int config_parse(const char *buf, size_t len, struct san_config *out, struct config_marks *marks,
    struct config_error *err);

#endif
