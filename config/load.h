/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads sand.conf: the only file of this room that opens anything. */
#ifndef SAND_CONFIG_LOAD_H
#define SAND_CONFIG_LOAD_H

#include "config_error.h"
#include "schema.h"

/* 0; or SAN_ENOENT, SAN_EPERM, SAN_EIO if the file cannot be read; or SAN_EINVAL if it is wrong. In
 * every case but 0 err holds one sentence and `out` nothing useful. */
int config_load(const char *path, struct san_config *out, struct config_error *err);

#endif
