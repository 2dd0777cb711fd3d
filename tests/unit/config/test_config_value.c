/* SPDX-License-Identifier: BSD-3-Clause */
/* Every key at its bounds, and every type with values that are nearly right. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "value.h"

static struct san_config config;

static int
set(enum config_key_id id, const char *text)
{
	const struct config_key *key = &config_keys[id];
	size_t at = 0;
	int ret = config_value_set(key, text, config_section_base(&config, key->section, 0), &at);

	assert_true(at <= strlen(text));
	return ret;
}

#define GOOD(id, text) assert_int_equal(set(CONFIG_KEY_##id, text), 0)
#define BAD(id, text)  assert_int_not_equal(set(CONFIG_KEY_##id, text), 0)

static void
number__every_key_at_its_bounds(void **state)
{
	char text[32];

	(void)state;
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_key *k = &config_keys[i];
		uint32_t *member =
		    (uint32_t *)(void *)((uint8_t *)config_section_base(&config, k->section, 0) +
					 k->offset);

		if (k->type != CONFIG_TYPE_NUMBER)
			continue;
		snprintf(text, sizeof text, "%u", k->min);
		assert_int_equal(set(i, text), 0);
		assert_int_equal(*member, k->min);
		snprintf(text, sizeof text, "%u", k->max);
		assert_int_equal(set(i, text), 0);
		assert_int_equal(*member, k->max);
		snprintf(text, sizeof text, "%llu", k->max + 1ull);
		assert_int_not_equal(set(i, text), 0);
		snprintf(text, sizeof text, "%lld", k->min - 1ll);
		assert_int_not_equal(set(i, text), 0);
		assert_int_not_equal(set(i, ""), 0);
		assert_int_not_equal(set(i, "x"), 0);
		assert_int_not_equal(set(i, "1x"), 0);
		assert_int_not_equal(set(i, "0x10"), 0);
		assert_int_not_equal(set(i, "18446744073709551617"), 0);
	}
}

static void
number__units(void **state)
{
	(void)state;
	GOOD(daemon_idle_spin_us, "15");
	assert_int_equal(config.idle_spin_us, 15);
	GOOD(daemon_idle_spin_us, "15us");
	assert_int_equal(config.idle_spin_us, 15);
	GOOD(daemon_idle_spin_us, "15 ms");
	assert_int_equal(config.idle_spin_us, 15000);
	GOOD(daemon_idle_spin_us, "1s");
	assert_int_equal(config.idle_spin_us, 1000000);
	BAD(daemon_idle_spin_us, "2s");
	BAD(daemon_idle_spin_us, "15 m s");
	BAD(daemon_idle_spin_us, "1K");
	GOOD(transport_rto_max_ms, "2s");
	assert_int_equal(config.rto_max_ms, 2000);
	BAD(transport_rto_max_ms, "2000us");
	GOOD(sockets_tx_ring_bytes, "64K");
	assert_int_equal(config.tx_ring_bytes, 65536);
	GOOD(sockets_tx_ring_bytes, "8M");
	BAD(sockets_tx_ring_bytes, "9M");
	BAD(sockets_tx_ring_bytes, "1ms");
	GOOD(daemon_memory_mb, "2G");
	assert_int_equal(config.memory_mb, 2048);
	BAD(transport_retry_count, "7s");
	BAD(transport_retry_count, "8");
}

static void
words__only_those(void **state)
{
	(void)state;
	GOOD(daemon_hugepages, "no");
	assert_false(config.hugepages);
	GOOD(daemon_hugepages, "true");
	assert_true(config.hugepages);
	BAD(daemon_hugepages, "Yes");
	BAD(daemon_hugepages, "");
	GOOD(daemon_profile, "latency");
	assert_int_equal(config.profile, CONFIG_PROFILE_LATENCY);
	BAD(daemon_profile, "fast");
	GOOD(transport_congestion, "dcqcn");
	assert_int_equal(config.congestion, CONFIG_CONGESTION_DCQCN);
	BAD(transport_congestion, "DCQCN");
	BAD(transport_congestion, "yes");
	GOOD(daemon_log_level, "debug");
	assert_int_equal(config.log_level, 4);
	GOOD(daemon_log_level, "0");
	assert_int_equal(config.log_level, 0);
	BAD(daemon_log_level, "5");
	BAD(daemon_log_level, "00");
	GOOD(rule_role, "listen");
	assert_int_equal(config.rule[0].role, 2);
	BAD(rule_role, "accept");
	GOOD(rule_action, "san-only");
	assert_int_equal(config.rule[0].action, 2);
	BAD(rule_action, "kernel");
	GOOD(daemon_socket_mode, "0660");
	assert_int_equal(config.socket_mode, 0660);
	BAD(daemon_socket_mode, "1000");
	BAD(daemon_socket_mode, "0680");
	BAD(daemon_socket_mode, "");
}

static void
text__lengths_and_letters(void **state)
{
	char text[CONFIG_TEXT_MAX + 1];

	(void)state;
	memset(text, 'a', sizeof text);
	text[CONFIG_NAME_MAX - 1] = '\0';
	GOOD(daemon_name, text);
	GOOD(rule_program, text);
	text[CONFIG_NAME_MAX - 1] = 'a';
	text[CONFIG_NAME_MAX] = '\0';
	BAD(daemon_name, text);
	BAD(rule_program, text);
	BAD(daemon_name, "");
	BAD(daemon_name, "a b");
	BAD(daemon_name, "a/b");
	BAD(daemon_name, "..");
	text[CONFIG_NAME_MAX] = 'a';
	text[CONFIG_TEXT_MAX - 1] = '\0';
	GOOD(port_device, text);
	GOOD(daemon_eal_args, text);
	text[CONFIG_TEXT_MAX - 1] = 'a';
	text[CONFIG_TEXT_MAX] = '\0';
	BAD(port_device, text);
	BAD(port_device, "");
	GOOD(daemon_lcores, "");
	text[0] = '/';
	text[CONFIG_RUNTIME_DIR_MAX] = '\0';
	GOOD(daemon_runtime_dir, text);
	text[CONFIG_RUNTIME_DIR_MAX] = 'a';
	text[CONFIG_RUNTIME_DIR_MAX + 1] = '\0';
	BAD(daemon_runtime_dir, text);
	BAD(daemon_runtime_dir, "run/sand");
	BAD(daemon_runtime_dir, "/");
	GOOD(rule_program, "any");
	assert_string_equal(config.rule[0].program, "");
	BAD(rule_program, "/usr/bin/nginx");
	BAD(rule_program, "");
}

static void
addresses__lists_and_positions(void **state)
{
	const struct config_key *key = &config_keys[CONFIG_KEY_port_address];
	size_t at;

	(void)state;
	GOOD(port_address, "10.77.0.1/24");
	assert_int_equal(config.port[0].addr_count, 1);
	assert_int_equal(config.port[0].addr[0].bits, 96 + 24);
	GOOD(port_address, "10.77.0.1/24 ,fd00::1/64,\t10.0.0.1/32, fe80::1/10");
	assert_int_equal(config.port[0].addr_count, 4);
	assert_int_equal(config.port[0].addr[1].bits, 64);
	assert_int_equal(config.port[0].addr[3].bits, 10);
	BAD(port_address, "");
	BAD(port_address, "10.77.0.1");
	BAD(port_address, "10.77.0.1/");
	BAD(port_address, "10.77.0.1/33");
	BAD(port_address, "10.77.0.1/0");
	BAD(port_address, "10.77.0.1/24x");
	BAD(port_address, "fd00::1/129");
	BAD(port_address, "fd00::1/0");
	BAD(port_address, "10.77.0.1/24,");
	BAD(port_address, ",10.77.0.1/24");
	BAD(port_address, "10.77.0.1/24 10.77.0.2/24");
	BAD(port_address, "0.0.0.0/8");
	BAD(port_address, "127.0.0.1/8");
	BAD(port_address, "224.0.0.1/24");
	BAD(port_address, "255.255.255.255/32");
	BAD(port_address, "::/64");
	BAD(port_address, "::1/64");
	BAD(port_address, "ff02::1/64");
	BAD(port_address, "1.1.1.1/8,2.2.2.2/8,3.3.3.3/8,4.4.4.4/8,5.5.5.5/8");
	BAD(port_address,
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/1");
	assert_int_not_equal(
	    config_value_set(key, "10.0.0.1/8,  10.0.0.300/8", &config.port[0], &at), 0);
	assert_int_equal(at, 13);
}

static void
gateways__one_of_each_family(void **state)
{
	(void)state;
	GOOD(port_gateway, "10.77.0.254, fd00::ff");
	assert_int_equal(config.port[0].gateway4.b[15], 254);
	assert_int_equal(config.port[0].gateway6.b[15], 255);
	GOOD(port_gateway, "");
	assert_true(san_ip_is_any(&config.port[0].gateway4));
	BAD(port_gateway, "10.77.0.254, 10.77.0.253");
	BAD(port_gateway, "10.77.0.254/24");
	BAD(port_gateway, "0.0.0.0");
	BAD(port_gateway, "10.77.0.254,");
	BAD(port_gateway, "gate");
}

static void
nets__are_masked(void **state)
{
	struct san_ip want = san_ip_v4(0x0a4d0000);

	(void)state;
	GOOD(rule_to, "10.77.0.99/24");
	assert_memory_equal(&config.rule[0].net, &want, sizeof want);
	assert_int_equal(config.rule[0].bits, 120);
	GOOD(rule_to, "10.77.0.0");
	assert_int_equal(config.rule[0].bits, 128);
	GOOD(rule_to, "0.0.0.0/0");
	assert_int_equal(config.rule[0].bits, 96);
	GOOD(rule_to, "any");
	assert_int_equal(config.rule[0].bits, 0);
	assert_true(san_ip_in_prefix(&want, &config.rule[0].net, 0));
	BAD(rule_to, "10.77.0.0/40");
	BAD(rule_to, "all");
	BAD(rule_to, "");
}

static void
ports_vlan_mac(void **state)
{
	(void)state;
	GOOD(rule_ports, "80");
	assert_int_equal(config.rule[0].port_lo, 80);
	assert_int_equal(config.rule[0].port_hi, 80);
	GOOD(rule_ports, "0-65535");
	assert_int_equal(config.rule[0].port_hi, 65535);
	BAD(rule_ports, "65536");
	BAD(rule_ports, "90-80");
	BAD(rule_ports, "80-");
	BAD(rule_ports, "-80");
	BAD(rule_ports, "80-90-100");
	BAD(rule_ports, "");
	GOOD(port_vlan, "none");
	assert_int_equal(config.port[0].vlan, 0xffff);
	GOOD(port_vlan, "4094");
	assert_int_equal(config.port[0].vlan, 4094);
	BAD(port_vlan, "4095");
	BAD(port_vlan, "0");
	GOOD(port_mac, "02:00:aB:00:00:01");
	assert_int_equal(config.port[0].mac[2], 0xab);
	GOOD(port_mac, "device");
	assert_int_equal(config.port[0].mac[2], 0);
	BAD(port_mac, "01:00:00:00:00:01");
	BAD(port_mac, "00:00:00:00:00:00");
	BAD(port_mac, "02:00:00:00:00");
	BAD(port_mac, "02-00-00-00-00-01");
	BAD(port_mac, "02:00:00:00:00:0g");
	BAD(port_mac, "02:00:00:00:00:011");
}

static void
every_key__is_described_and_documented(void **state)
{
	char text[160];

	(void)state;
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
		size_t len = strlen(config_value_describe(&config_keys[i], text, sizeof text));

		assert_in_range(len, 3, sizeof text - 2);
		assert_in_range(strlen(config_keys[i].help), 10, 400);
		if (config_keys[i].dflt != NULL)
			assert_int_equal(set(i, config_keys[i].dflt), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(number__every_key_at_its_bounds),
	    cmocka_unit_test(number__units),
	    cmocka_unit_test(words__only_those),
	    cmocka_unit_test(text__lengths_and_letters),
	    cmocka_unit_test(addresses__lists_and_positions),
	    cmocka_unit_test(gateways__one_of_each_family),
	    cmocka_unit_test(nets__are_masked),
	    cmocka_unit_test(ports_vlan_mac),
	    cmocka_unit_test(every_key__is_described_and_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
