/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong with a configuration, and where. The first error found is the only one reported. */
#ifndef SAND_CONFIG_ERROR_H
#define SAND_CONFIG_ERROR_H

#include <stddef.h>
#include <stdint.h>

/* line and column count from 1; 0: the error belongs to the file as a whole. */
struct config_pos {
	uint32_t line, column;
};

struct config_error {
	char file[256];
	struct config_pos pos;
	char message[400];
};

/* Sets position and message; returns SAN_EINVAL, so that callers can return it. */
int config_error_set(struct config_error *err, struct config_pos pos, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "FILE:LINE:COLUMN: message"; returns buf. */
char *config_error_format(const struct config_error *err, char *buf, size_t size);

#endif
