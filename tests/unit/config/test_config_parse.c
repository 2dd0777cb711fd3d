/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole files: what they mean, and where every kind of error is reported. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_check.h"
#include "load.h"
#include "parse.h"
#include "san_err.h"

static struct san_config config;
static struct config_marks marks;
static struct config_error err;

static int
parse(const char *text)
{
	/* On the heap and without NUL, so that a sanitizer sees a read too far. */
	size_t len = strlen(text);
	char *buf = malloc(len + 1);
	int ret;

	memcpy(buf, text, len);
	memset(&err, 0, sizeof err);
	ret = config_parse(buf, len, &config, &marks, &err);
	if (ret == 0)
		ret = config_check(&config, &marks, &err);
	free(buf);
	return ret;
}

static void
expect_good(const char *text)
{
	if (parse(text) != 0)
		fail_msg("%s\n%u:%u: %s", text, err.pos.line, err.pos.column, err.message);
}

static void
expect_bad(const char *text, uint32_t line, uint32_t column, const char *message)
{
	if (parse(text) != SAN_EINVAL)
		fail_msg("taken: %s", text);
	if (err.pos.line != line || err.pos.column != column || strcmp(err.message, message) != 0)
		fail_msg("%s\n%u:%u: %s", text, err.pos.line, err.pos.column, err.message);
}

#define PORT "[port.a]\ndevice=net_null0\naddress=10.77.0.1/24\n"

/* --- meaning
 * ---------------------------------------------------------------------------------------- */

static void
smallest__file(void **state)
{
	(void)state;
	expect_good(PORT);
	assert_string_equal(config.name, "sand");
	assert_string_equal(config.runtime_dir, "/run/sand");
	assert_int_equal(config.port_count, 1);
	assert_string_equal(config.port[0].name, "a");
	assert_int_equal(config.port[0].mtu, 1500);
	assert_int_equal(config.port[0].vlan, 0xffff);
	assert_int_equal(config.tx_ring_bytes, 1 << 20);
	assert_int_equal(config.socket_mode, 0666);
	assert_int_equal(config.congestion, CONFIG_CONGESTION_WINDOW);
}

static void
no_rules__means_the_prefixes_of_all_ports(void **state)
{
	struct san_ip net = san_ip_v4(0x0a4d0000), host = san_ip_v4(0x0a4d0063);

	(void)state;
	expect_good("[port.a]\ndevice=x\naddress=10.77.0.1/24, fd00::1/64\n"
		    "[port.b]\ndevice=y\naddress=10.78.0.1/16\n");
	assert_int_equal(config.rule_count, 3);
	assert_string_equal(config.rule[1].name, "a-2");
	assert_string_equal(config.rule[2].name, "b-1");
	assert_memory_equal(&config.rule[0].net, &net, sizeof net);
	assert_true(san_ip_in_prefix(&host, &config.rule[0].net, config.rule[0].bits));
	assert_int_equal(config.rule[0].port_lo, 0);
	assert_int_equal(config.rule[0].port_hi, 65535);
	assert_int_equal(config.rule[0].role, 3);
	assert_int_equal(config.rule[0].action, 1);
	assert_string_equal(config.rule[0].program, "");
	expect_good(PORT "[rule.none]\naction=tcp\n");
	assert_int_equal(config.rule_count, 1);
}

static void
runtime_dir__follows_the_name(void **state)
{
	(void)state;
	expect_good("[daemon]\nname=b\n" PORT);
	assert_string_equal(config.runtime_dir, "/run/b");
	expect_good("[daemon]\nname=b\nruntime_dir=/run/sand\n" PORT);
	assert_string_equal(config.runtime_dir, "/run/sand");
}

static void
lines__in_every_form(void **state)
{
	(void)state;
	expect_good(
	    "\xef\xbb\xbf# comment\r\n; comment\r\n\r\n  [daemon]  # c\r\n\tname\t=\tx ; c\r\n"
	    "  log_level: info\r\n[port.a]\ndevice=net_null0,x=a#b;c\naddress=10.77.0.1/24");
	assert_string_equal(config.name, "x");
	assert_int_equal(config.log_level, 3);
	/* A comment needs a blank before it. */
	assert_string_equal(config.port[0].device, "net_null0,x=a#b;c");
}

static void
sections__may_be_reopened_once_if_plain(void **state)
{
	(void)state;
	expect_good("[daemon]\nname=x\n[sockets]\n[daemon]\nlog_level=0\n" PORT);
	expect_bad("[daemon]\nname=x\n[sockets]\n[daemon]\nname=y\n" PORT, 5, 1,
	    "'name' is given twice, first in line 2");
}

/* --- errors of form
 * --------------------------------------------------------------------------------- */

static void
form__where_it_is_wrong(void **state)
{
	(void)state;
	expect_bad(
	    "", 0, 0, "expected at least one [port.NAME] section with a device and an address");
	expect_bad("name = x\n", 1, 1, "expected a [section] before the first key");
	expect_bad("\n  name = x\n", 2, 3, "expected a [section] before the first key");
	expect_bad("[daemon]\n  name x\n", 2, 3, "expected 'key = value' or '[section]'");
	expect_bad("[daemon]\n  = x\n", 2, 3,
	    "[daemon] has no key '': expected one of name, runtime_dir, lcores, eal_args,"
	    " hugepages, memory_mb, profile, idle_spin_us, idle_yield_us, nap_max_us, log_level,"
	    " socket_mode");
	expect_bad("[daemon\n", 1, 1, "expected ']' at the end of the section's name");
	expect_bad(" [daemon] x\n", 1, 11, "expected nothing behind ']'");
	expect_bad("[demon]\n", 1, 2,
	    "expected [daemon], [sockets], [transport], [close], [port.NAME] or [rule.NAME],"
	    " found [demon]");
	expect_bad("[]\n", 1, 2,
	    "expected [daemon], [sockets], [transport], [close], [port.NAME] or [rule.NAME],"
	    " found []");
	expect_bad("[daemon.x]\n", 1, 8, "expected [daemon] without a name");
	expect_bad("[port]\n", 1, 6, "expected [port.NAME]");
	expect_bad("[port.]\n", 1, 7,
	    "expected a name of 1 to 31 letters, digits, dots, - or _ in [port.NAME]");
	expect_bad("[port.a b]\n", 1, 7,
	    "expected a name of 1 to 31 letters, digits, dots, - or _ in [port.NAME]");
	expect_bad("[rule.r]\n\n[rule.r]\n", 3, 7, "[rule.r] is given twice, first in line 1");
	expect_bad("[close]\n\ttimewait_ms = 5\n\ttimewait_ms = 6\n", 3, 2,
	    "'timewait_ms' is given twice, first in line 2");
	expect_bad("[close]\ntimewait = 5\n", 2, 1,
	    "[close] has no key 'timewait': expected one of disconn_timeout_ms,"
	    " dreq_interval_ms, dreq_retries, timewait_ms");
	expect_bad("[daemon]\nname = a\x01"
		   "b\n",
	    2, 9, "expected text, found a control character (0x01)");
}

static void
form__too_long_and_too_many(void **state)
{
	static char text[4096];
	size_t len;

	(void)state;
	memset(text, ' ', 520);
	text[509] = '#';
	text[510] = '\n';
	text[511] = '\0';
	expect_bad(
	    text, 0, 0, "expected at least one [port.NAME] section with a device and an address");
	memset(text, '#', 511);
	expect_bad(text, 1, 511, "expected a line of at most 510 bytes");
	text[0] = '\0';
	for (unsigned i = 0; i <= SAN_PORTS_MAX; i++) {
		len = strlen(text);
		snprintf(text + len, sizeof text - len,
		    "[port.p%u]\ndevice=d%u\naddress=10.%u.0.1/24\n", i, i, i);
	}
	expect_bad(text, SAN_PORTS_MAX * 3 + 1, 7, "expected at most 8 [port.NAME] sections");
	text[0] = '\0';
	for (unsigned i = 0; i <= SAN_RULES_MAX; i++) {
		len = strlen(text);
		snprintf(text + len, sizeof text - len, "[rule.r%u]\nports=%u\n", i, i);
	}
	expect_bad(text, SAN_RULES_MAX * 2 + 1, 7, "expected at most 64 [rule.NAME] sections");
}

static void
value__points_at_itself(void **state)
{
	(void)state;
	expect_bad("[transport]\n  retry_count  =   8\n", 2, 20,
	    "retry_count: expected a number from 0 to 7, found '8'");
	expect_bad("[sockets]\ntx_ring_bytes: 1k # small\n", 2, 16,
	    "tx_ring_bytes: expected bytes from 16384 to 8388608 (suffix K, M), found '1k'");
	expect_bad(
	    "[daemon]\nprofile=\n", 2, 9, "profile: expected latency, balanced or saver, found ''");
	expect_bad("[transport]\ncongestion = cubic\n", 2, 14,
	    "congestion: expected window, dcqcn or none, found 'cubic'");
	expect_bad("[transport]\ndelay_target_us = 66ms\n", 2, 19,
	    "delay_target_us: expected microseconds from 1 to 65535 (suffix us, ms, s), found"
	    " '66ms'");
	expect_bad("[port.a]\naddress = 10.0.0.1/8, 10.0.0.2/40\n", 2, 23,
	    "address: expected 1 to 4 host addresses with prefix length, found '10.0.0.1/8,"
	    " 10.0.0.2/40'");
}

/* Each key of the list with nonsense: the message names the key and points at the value. */
static void
value__every_key(void **state)
{
	char text[512], want[64];

	(void)state;
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_key *k = &config_keys[i];
		const struct config_section_info *s = &config_sections[k->section];

		if (k->type == CONFIG_TYPE_TEXT)
			continue;
		snprintf(text, sizeof text, "[%s%s]\n%s = /?!\n", s->name,
		    s->instances_max > 0 ? ".x" : "", k->name);
		if (k->type == CONFIG_TYPE_PATH)
			*strchr(text, '/') = '.';
		assert_int_equal(parse(text), SAN_EINVAL);
		assert_int_equal(err.pos.line, 2);
		assert_int_equal(err.pos.column, strlen(k->name) + 4);
		snprintf(want, sizeof want, "%s: expected ", k->name);
		assert_memory_equal(err.message, want, strlen(want));
	}
}

/* --- errors of meaning
 * ------------------------------------------------------------------------------ */

static void
check__sockets_and_timers(void **state)
{
	(void)state;
	expect_bad("[sockets]\nrx_ring_bytes = 24K\n" PORT, 2, 17,
	    "rx_ring_bytes: expected a power of two, found 24576");
	expect_bad("[sockets]\nsockets_per_program = 17\n" PORT, 2, 23,
	    "sockets_per_program: expected an even number, found 17");
	expect_bad("[sockets]\nsessions_max = 8\n" PORT, 2, 16,
	    "sessions_per_user: expected at most sessions_max (8), found 64");
	expect_bad("[sockets]\nsessions_per_user = 9\nsessions_max = 8\n" PORT, 3, 16,
	    "sessions_per_user: expected at most sessions_max (8), found 9");
	expect_bad("[transport]\nrto_min_us = 20ms\n" PORT, 2, 14,
	    "rto_initial_us: expected at least rto_min_us (20000), found 10000");
	expect_bad("[transport]\nrto_max_ms = 5\n" PORT, 2, 14,
	    "rto_max_ms: expected at least rto_initial_us (10000 us), found 5 ms");
	expect_bad("[transport]\nack_delay_us = 2ms\n" PORT, 2, 16,
	    "ack_delay_us: expected less than rto_min_us (2000), found 2000");
	expect_bad("[transport]\ngive_up_ms = 500\n" PORT, 2, 14,
	    "give_up_ms: expected 0 or at least rto_max_ms (1000), found 500");
	expect_good("[transport]\ngive_up_ms = 0\n" PORT);
}

static void
check__ports(void **state)
{
	(void)state;
	expect_bad("[port.a]\naddress=10.0.0.1/8\n", 1, 1, "expected a 'device' in [port.a]");
	expect_bad(PORT " [port.b]\ndevice=x\n", 4, 2, "expected an 'address' in [port.b]");
	expect_bad("[port.a]\ndevice=x\naddress=fd00::1/64\nmtu=1279\n", 4, 5,
	    "mtu: expected at least 1280 because [port.a] has an IPv6 address, found 1279");
	expect_good("[port.a]\ndevice=x\naddress=10.0.0.1/8\nmtu=576\n");
	expect_bad(PORT "gateway=10.78.0.1\n", 4, 9,
	    "gateway: expected another host on a prefix of [port.a], found 10.78.0.1");
	expect_bad(PORT "gateway=10.77.0.1\n", 4, 9,
	    "gateway: expected another host on a prefix of [port.a], found 10.77.0.1");
	expect_good(PORT "gateway=10.77.0.254\n");
	expect_bad(PORT "[port.b]\ndevice=net_null0\naddress=10.1.0.1/24\n", 5, 8,
	    "device: expected another device than that of [port.a]");
	expect_bad(PORT "[port.b]\ndevice=y\naddress=10.1.0.1/24,10.77.0.1/16\n", 6, 9,
	    "address: expected every address once, but 10.77.0.1 is also in [port.a]");
	expect_bad("[port.a]\ndevice=x\naddress=10.1.0.1/24,10.1.0.1/24\n", 3, 9,
	    "address: expected every address once, but 10.1.0.1 is also in [port.a]");
}

static void
check__rules_that_never_match(void **state)
{
	(void)state;
	expect_bad(PORT "[rule.all]\n[rule.web]\nports=80\n", 5, 1,
	    "[rule.web] can never match: [rule.all] in line 4 comes first and matches everything it"
	    " does");
	expect_good(PORT "[rule.web]\nports=80\n[rule.all]\n");
	expect_good(PORT "[rule.a]\nprogram=nginx\n[rule.b]\nprogram=redis-server\n");
	expect_good(PORT "[rule.a]\nrole=listen\n[rule.b]\n");
	expect_bad(
	    PORT "[rule.a]\nto=10.0.0.0/8\nports=80-90\n[rule.b]\nto=10.9.0.0/16\nports=85\n", 7, 1,
	    "[rule.b] can never match: [rule.a] in line 4 comes first and matches everything it"
	    " does");
	expect_good(PORT "[rule.a]\nto=10.0.0.0/16\n[rule.b]\nto=10.0.0.0/8\n");
}

/* --- files
 * ------------------------------------------------------------------------------------------ */

static void
load__files(void **state)
{
	char path[] = "/tmp/sand-test-XXXXXX", text[512], want[512];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, PORT, sizeof PORT - 1), sizeof PORT - 1);
	assert_int_equal(config_load(path, &config, &err), 0);
	assert_int_equal(write(fd, "mtu=1\n", 6), 6);
	assert_int_equal(config_load(path, &config, &err), SAN_EINVAL);
	snprintf(want, sizeof want,
	    "%s:4:5: mtu: expected bytes from 576 to 9198 (suffix K, M),"
	    " found '1'",
	    path);
	assert_string_equal(config_error_format(&err, text, sizeof text), want);
	assert_int_equal(ftruncate(fd, 300000), 0);
	assert_int_equal(config_load(path, &config, &err), SAN_EINVAL);
	snprintf(want, sizeof want, "%s: expected a file of at most 262144 bytes", path);
	assert_string_equal(config_error_format(&err, text, sizeof text), want);
	close(fd);
	unlink(path);
	assert_int_equal(config_load(path, &config, &err), SAN_ENOENT);
	snprintf(want, sizeof want, "%s: cannot be opened: No such file or directory", path);
	assert_string_equal(config_error_format(&err, text, sizeof text), want);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(config_load(path, &config, &err), SAN_EINVAL);
	unlink(path);
	assert_int_equal(config_load("/", &config, &err), SAN_EINVAL);
	assert_string_equal(err.message, "expected a regular file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(smallest__file),
	    cmocka_unit_test(no_rules__means_the_prefixes_of_all_ports),
	    cmocka_unit_test(runtime_dir__follows_the_name),
	    cmocka_unit_test(lines__in_every_form),
	    cmocka_unit_test(sections__may_be_reopened_once_if_plain),
	    cmocka_unit_test(form__where_it_is_wrong),
	    cmocka_unit_test(form__too_long_and_too_many),
	    cmocka_unit_test(value__points_at_itself),
	    cmocka_unit_test(value__every_key),
	    cmocka_unit_test(check__sockets_and_timers),
	    cmocka_unit_test(check__ports),
	    cmocka_unit_test(check__rules_that_never_match),
	    cmocka_unit_test(load__files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
