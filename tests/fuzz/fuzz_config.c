/* SPDX-License-Identifier: BSD-3-Clause */
/* sand.conf: any bytes are a good configuration within its bounds, or one error with a position
 * inside the file and a sentence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "parse.h"
#include "san_err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(int condition)
{
	if (!condition)
		abort();
}

static uint32_t
lines_count(const uint8_t *data, size_t size)
{
	uint32_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines;
}

static void
numbers_require(struct san_config *c)
{
	for (const struct config_key *k = config_keys; k < config_keys + CONFIG_KEY_COUNT; k++) {
		uint32_t instances = k->section == CONFIG_SECTION_port	 ? c->port_count
				     : k->section == CONFIG_SECTION_rule ? c->rule_count
									 : 1;

		for (uint32_t i = 0; k->type == CONFIG_TYPE_NUMBER && i < instances; i++) {
			uint8_t *base = config_section_base(c, k->section, i);
			uint32_t value;

			memcpy(&value, base + k->offset, sizeof value);
			require(value >= k->min && value <= k->max);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct san_config config;
	static struct config_marks marks;
	struct config_error err = {.message = ""};
	int ret = config_parse((const char *)data, size, &config, &marks, &err);

	require(config.port_count <= SAN_PORTS_MAX && config.rule_count <= SAN_RULES_MAX);
	if (ret == 0)
		ret = config_check(&config, &marks, &err);
	if (ret == 0) {
		require(config.port_count > 0 && config.rule_count > 0);
		numbers_require(&config);
	} else {
		require(ret == SAN_EINVAL && err.message[0] != '\0');
		require(err.pos.line <= lines_count(data, size) && err.pos.column <= 512);
	}
	return 0;
}
