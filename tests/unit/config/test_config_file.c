/* SPDX-License-Identifier: BSD-3-Clause */
/* The commented sand.conf says what the defaults are: with every key taken out of its comment it
 * must mean the same as an empty file, and the file as it is must ask for a port.
 *
 * usage: test_config_file SAND.CONF */
#include "test.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config_check.h"
#include "load.h"
#include "parse.h"
#include "san_err.h"

static const char *path;

static void
as_it_is__asks_for_a_port(void **state)
{
	static struct san_config config;
	struct config_error err;

	(void)state;
	assert_int_equal(config_load(path, &config, &err), SAN_EINVAL);
	assert_string_equal(
	    err.message, "expected at least one [port.NAME] section with a device and an address");
}

/* The file with every "#key = value" and "#[section]" taken out of its comment. */
static size_t
uncommented_read(char *text, size_t size)
{
	char line[600];
	size_t len = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		bool key = line[0] == '#' && (isalpha((unsigned char)line[1]) || line[1] == '[');

		len += (size_t)snprintf(text + len, size - len, "%s", line + key);
		assert_true(len < size);
	}
	fclose(f);
	return len;
}

static void
uncommented__is_the_defaults(void **state)
{
	static struct san_config got, want;
	static struct config_marks marks;
	static char text[65536];
	struct config_error err;
	size_t len = uncommented_read(text, sizeof text);

	(void)state;
	if (config_parse(text, len, &got, &marks, &err) != 0 ||
	    config_check(&got, &marks, &err) != 0)
		fail_msg("%u:%u: %s", err.pos.line, err.pos.column, err.message);
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
		if (marks.key[i][0].line == 0)
			fail_msg("%s is not in the file", config_keys[i].name);
	config_defaults(&want);
	/* Up to the ports, everything is a default. */
	assert_memory_equal(&got, &want, offsetof(struct san_config, port));
	assert_int_equal(got.port_count, 1);
	assert_int_equal(got.rule_count, 1);
	assert_int_equal(got.port[0].mtu, 1500);
	assert_int_equal(got.rule[0].role, 3);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_it_is__asks_for_a_port),
	    cmocka_unit_test(uncommented__is_the_defaults),
	};

	if (argc != 2)
		return 2;
	path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
