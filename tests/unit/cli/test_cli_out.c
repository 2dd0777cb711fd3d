/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "cli_out.h"
#include "san_err.h"

#define LIMIT (1u << 20)

static void
expect(struct cli_out *out, const char *text)
{
	size_t len;
	const char *got = cli_out_finish(out, &len);

	assert_int_equal(len, strlen(text));
	assert_memory_equal(got, text, len);
	cli_out_destroy(out);
}

/* The same calls for both formats. */
static struct cli_out *
sample(enum cli_format format)
{
	struct cli_out *out = cli_out_create(format, LIMIT);

	cli_out_table(out, "things");
	cli_out_row(out);
	cli_out_number(out, "id", 7);
	cli_out_string(out, "name", "a");
	cli_out_list(out, "on");
	cli_out_item(out, "x");
	cli_out_item(out, "y z");
	cli_out_row(out);
	cli_out_number(out, "id", 1234);
	cli_out_string(out, "name", "");
	cli_out_list(out, "on");
	cli_out_end(out);
	cli_out_record(out, "one");
	cli_out_flag(out, "good", true);
	cli_out_format(out, "long_name", "%d/%s", 3, "q\"\\");
	cli_out_end(out);
	return out;
}

static void
text__aligns_columns_and_fields(void **state)
{
	(void)state;
	expect(sample(CLI_TEXT), "id    name  on\n"
				 "   7  a     x, y z\n"
				 "1234  -     -\n"
				 "\n"
				 "good:      true\n"
				 "long_name: 3/q\"\\\n");
}

static void
json__has_the_same_cells(void **state)
{
	(void)state;
	expect(sample(CLI_JSON), "{\"things\":[{\"id\":7,\"name\":\"a\",\"on\":[\"x\",\"y z\"]},"
				 "{\"id\":1234,\"name\":\"\",\"on\":[]}],"
				 "\"one\":{\"good\":true,\"long_name\":\"3/q\\\"\\\\\"}}\n");
}

static void
empty__says_so(void **state)
{
	struct cli_out *out = cli_out_create(CLI_TEXT, LIMIT);

	(void)state;
	cli_out_table(out, "sockets");
	cli_out_end(out);
	expect(out, "no sockets\n");
	out = cli_out_create(CLI_JSON, LIMIT);
	cli_out_table(out, "sockets");
	cli_out_end(out);
	expect(out, "{\"sockets\":[]}\n");
	expect(cli_out_create(CLI_TEXT, LIMIT), "");
	expect(cli_out_create(CLI_JSON, LIMIT), "{}\n");
}

static void
bytes__that_do_not_print_are_replaced(void **state)
{
	struct cli_out *out = cli_out_create(CLI_JSON, LIMIT);

	(void)state;
	cli_out_record(out, "r");
	cli_out_string(out, "k",
	    "a\x1b\n\t\x7f\x80\xff"
	    "b");
	cli_out_list(out, "l");
	cli_out_item(out, "\n\n");
	cli_out_end(out);
	expect(out, "{\"r\":{\"k\":\"a\?\?\?\?\?\?b\",\"l\":[\"\?\?\"]}}\n");
}

static void
fail__replaces_everything(void **state)
{
	for (unsigned json = 0; json < 2; json++) {
		struct cli_out *out = sample(json ? CLI_JSON : CLI_TEXT);

		assert_false(cli_out_failed(out));
		cli_out_table(out, "half");
		cli_out_row(out);
		cli_out_fail(out, SAN_ENOENT, "no %s '%s'", "thing", "x");
		assert_true(cli_out_failed(out));
		cli_out_end(out);
		expect(out, json ? "{\"error\":{\"code\":\"NOENT\",\"message\":\"no thing 'x'\"}}\n"
				 : "error: no thing 'x'\n");
	}
	(void)state;
}

/* Whatever the limit, the answer is whole or an error. */
static void
limit__turns_into_an_error(void **state)
{
	(void)state;
	for (size_t limit = 1; limit < 2000; limit += 13) {
		struct cli_out *out = cli_out_create(CLI_JSON, limit);
		size_t len;
		const char *got;

		cli_out_table(out, "t");
		for (unsigned i = 0; i < 10; i++) {
			cli_out_row(out);
			cli_out_list(out, "name");
			cli_out_item(out, "0123456789");
		}
		cli_out_end(out);
		got = cli_out_finish(out, &len);
		assert_true(len <= limit + 3);
		if (limit >= 250 && cli_out_failed(out))
			assert_non_null(memmem(got, len, "too large", 9));
		if (limit < 400)
			assert_true(cli_out_failed(out));
		cli_out_destroy(out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text__aligns_columns_and_fields),
	    cmocka_unit_test(json__has_the_same_cells),
	    cmocka_unit_test(empty__says_so),
	    cmocka_unit_test(bytes__that_do_not_print_are_replaced),
	    cmocka_unit_test(fail__replaces_everything),
	    cmocka_unit_test(limit__turns_into_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
