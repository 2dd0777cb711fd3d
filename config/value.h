/* SPDX-License-Identifier: BSD-3-Clause */
/* One value of sand.conf: text in, member of the section's struct out. Knows bounds, not files,
 * lines or other keys. */
#ifndef SAND_CONFIG_VALUE_H
#define SAND_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "keys.h"

/* Store `text` (no surrounding blanks) as key's value in the section struct at `base`. 0 or
 * SAN_EINVAL, then *at is the offset in text of what is wrong and nothing useful is stored. */
int config_value_set(const struct config_key *key, const char *text, void *base, size_t *at);
/* What the key takes: "a number from 0 to 7", for messages and manual; returns buf. */
char *config_value_describe(const struct config_key *key, char *buf, size_t size);
/* Letters, digits, '-', '_', '.'; neither empty nor longer than max nor starting with '.' */
bool config_name_valid(const char *text, size_t max);
/* A level by name or number; SAN_EINVAL for anything else. */
int config_level_parse(const char *text, uint32_t *out);
const char *config_level_name(uint32_t level);

#endif
