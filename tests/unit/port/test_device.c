/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "device.h"

static void
expect_complete(const char *device, uint32_t mtu, const char *want)
{
	char out[DEVICE_ARGS_MAX];

	assert_true(device_complete(device, mtu, out, sizeof out));
	assert_string_equal(out, want);
}

static void
test_complete(void **state)
{
	(void)state;
	expect_complete("0000:03:00.0", 4200, "0000:03:00.0");
	expect_complete("net_null0,copy=1", 4200, "net_null0,copy=1");
	expect_complete("net_memif0,role=server", 1500, "net_memif0,role=server,bsize=2048");
	expect_complete("net_memif0,role=server", 4200, "net_memif0,role=server,bsize=4224");
	expect_complete("net_memif0,bsize=9000,id=3", 4200, "net_memif0,bsize=9000,id=3");
	expect_complete("net_af_packet0,iface=san0", 4200,
	    "net_af_packet0,iface=san0,qpairs=1,framesz=4352,blocksz=139264,framecnt=512");
	expect_complete("net_af_packet0,iface=san0,framesz=2048", 1500,
	    "net_af_packet0,iface=san0,framesz=2048,qpairs=1,blocksz=65536,framecnt=512");
}

static void
test_complete_too_long(void **state)
{
	char device[DEVICE_ARGS_MAX], out[DEVICE_ARGS_MAX];

	(void)state;
	memset(device, 'x', sizeof device - 1);
	device[sizeof device - 1] = '\0';
	memcpy(device, "net_memif0,", 11);
	assert_false(device_complete(device, 1500, out, sizeof out));
}

static void
test_parts(void **state)
{
	char name[DEVICE_NAME_MAX], value[16];

	(void)state;
	assert_true(device_name("net_memif0,role=client", name));
	assert_string_equal(name, "net_memif0");
	assert_true(device_name("0000:03:00.0", name));
	assert_string_equal(name, "0000:03:00.0");
	assert_false(device_name("", name));
	assert_false(device_name(",role=client", name));
	assert_true(
	    device_arg("net_af_packet0,iface=san0,framesz=1", "iface", value, sizeof value));
	assert_string_equal(value, "san0");
	assert_true(device_arg("x,ai=1,i=2", "i", value, sizeof value));
	assert_string_equal(value, "2");
	assert_false(
	    device_arg("iface=san0", "iface", value, sizeof value)); /* the name, not an argument */
	assert_false(device_arg("x,iface", "iface", value, sizeof value));
	assert_false(device_arg("x,iface=0123456789abcdef", "iface", value, sizeof value));
	assert_true(device_mtu_free("net_memif3"));
	assert_false(device_mtu_free("net_af_xdp0"));
	assert_false(device_mtu_free("0000:03:00.0"));
	assert_true(device_on_netdev("net_af_xdp0,iface=a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_complete),
	    cmocka_unit_test(test_complete_too_long),
	    cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
