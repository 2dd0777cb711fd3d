/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of a configuration that is in use, each as well checked as if it had stood in the file.
 */
#ifndef SAND_CONFIG_CHANGE_H
#define SAND_CONFIG_CHANGE_H

#include "schema.h"

/* Other addresses for a port, as after `address =` in the file. Rules that nobody wrote follow. 0;
 * or SAN_EINVAL with a sentence in why, and nothing is changed. */
int config_address_set(
    struct san_config *c, uint32_t port, const char *text, char *why, size_t why_size);

#endif
