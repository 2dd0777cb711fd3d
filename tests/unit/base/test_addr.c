/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "addr.h"
#include "san_err.h"

static void
parse__both_families(void **state)
{
	static const char *const same[] = {"10.77.0.1", "0.0.0.0", "255.255.255.255", "fd00::1",
	    "::", "::1", "2001:db8:1:2:3:4:5:6"};
	char text[SAN_IP_TEXT_MAX];
	struct san_ip ip;

	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
		assert_int_equal(san_ip_parse(same[i], &ip), 0);
		assert_string_equal(san_ip_format(&ip, text), same[i]);
	}
	san_ip_parse("10.77.0.1", &ip);
	assert_memory_equal(ip.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x4d\0\1", 16);
}

static void
parse__refuses(void **state)
{
	static const char *const bad[] = {"", "10.77.0", "10.77.0.256", "10.77.0.1/24",
	    " 10.77.0.1", "localhost", "fd00:::1", "fd00::1%eth0", "1:2:3:4:5:6:7:8:9",
	    "0x0a.1.1.1", "010.1.1.1.1"};
	struct san_ip ip = san_ip_v4(7), before = ip;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(san_ip_parse(bad[i], &ip), SAN_EINVAL);
		assert_true(san_ip_equal(&ip, &before)); /* untouched on error */
	}
}

/* Every bit count against a comparison bit by bit. */
static void
prefix__every_length(void **state)
{
	struct san_ip net, ip;

	san_ip_parse("a5a5:5a5a:1234:5678:9abc:def0:1122:3344", &net);
	for (unsigned flipped = 0; flipped < 128; flipped++) {
		ip = net;
		ip.b[flipped / 8] ^= (uint8_t)(0x80u >> (flipped % 8));
		for (unsigned bits = 0; bits <= 128; bits++)
			assert_int_equal(san_ip_in_prefix(&ip, &net, bits), bits <= flipped);
	}
	assert_true(san_ip_in_prefix(&net, &net, 128));
	assert_false(san_ip_in_prefix(&net, &net, 129));
}

static void
predicates(void **state)
{
	struct san_ip ip = san_ip_v4(0);

	assert_true(san_ip_is_v4(&ip) && san_ip_is_any(&ip));
	ip = san_ip_v4(1);
	assert_false(san_ip_is_any(&ip));
	san_ip_parse("::", &ip);
	assert_true(!san_ip_is_v4(&ip) && san_ip_is_any(&ip));
	san_ip_parse("::0a4d:1", &ip); /* IPv4-compatible, long dead: not IPv4 */
	assert_false(san_ip_is_v4(&ip));
}

static void
err__names_and_texts(void **state)
{
	assert_string_equal(san_err_name(0), "OK");
	assert_string_equal(san_err_name(SAN_ECONNRESET), "CONNRESET");
	assert_string_equal(san_err_text(SAN_ENOMEM), "out of memory");
	assert_string_equal(san_err_name(-1000), "UNKNOWN");
	assert_string_equal(san_err_name(1), "UNKNOWN");
	for (int e = -40; e < 5; e++)
		assert_true(san_err_name(e) != NULL && san_err_text(e) != NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse__both_families),
	    cmocka_unit_test(parse__refuses),
	    cmocka_unit_test(prefix__every_length),
	    cmocka_unit_test(predicates),
	    cmocka_unit_test(err__names_and_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
