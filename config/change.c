/* SPDX-License-Identifier: BSD-3-Clause */
#include "change.h"

#include <stdio.h>
#include <stdlib.h>

#include "config_check.h"
#include "san_err.h"
#include "value.h"

/* What the file's own checks say about the whole; positions mean nothing here. */
static int
check(struct san_config *c, char *why, size_t why_size)
{
	struct config_marks *marks = calloc(1, sizeof *marks);
	struct config_error err;
	int ret;

	if (marks == NULL) {
		snprintf(why, why_size, "%s", san_err_text(SAN_ENOMEM));
		return SAN_ENOMEM;
	}
	/* Named in the file: otherwise it would be derived anew. */
	marks->key[CONFIG_KEY_daemon_runtime_dir][0].line = 1;
	ret = config_check(c, marks, &err);
	if (ret != 0)
		snprintf(why, why_size, "%s", err.message);
	free(marks);
	return ret;
}

int
config_address_set(
    struct san_config *c, uint32_t port, const char *text, char *why, size_t why_size)
{
	const struct config_key *key = &config_keys[CONFIG_KEY_port_address];
	struct san_config next = *c;
	char wants[160];
	size_t at = 0;
	int ret;

	if (config_value_set(key, text, &next.port[port], &at) != 0) {
		snprintf(why, why_size, "address: expected %s, found '%.80s'",
		    config_value_describe(key, wants, sizeof wants), text + at);
		return SAN_EINVAL;
	}
	if (next.rules_default)
		next.rule_count = 0; /* made anew by the check */
	ret = check(&next, why, why_size);
	if (ret == 0)
		*c = next;
	return ret;
}
