/* SPDX-License-Identifier: BSD-3-Clause */
/* How values that occur in several answers are written. */
#ifndef SAND_CONTROL_CLI_VALUES_H
#define SAND_CONTROL_CLI_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "addr.h"
#include "cli_call.h"
#include "cli_out.h"
#include "san_time.h"

uint64_t duration_ms(struct san_duration d);
/* "10.77.0.1:80", "[fd00::1]:80", "*:80" for every address. */
void endpoint_put(struct cli_out *out, const char *key, const struct shm_addr *a);
/* "10.77.0.0/24"; "any" for no bits. */
void prefix_format(const struct san_ip *ip, unsigned bits, char *buf, size_t size);
void mac_put(struct cli_out *out, const char *key, const uint8_t *m);
/* The optional last word of a command: not given, or "all". */
bool is_all(const char *word);
/* The last word of `command` as the number of a socket; false, and the command has failed, if it is
 * none. */
bool socket_number(struct cli_call *c, const char *command, const char *word, uint32_t *ident);

#endif
