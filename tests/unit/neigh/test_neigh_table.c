/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking, failing, ageing, eviction and routes: what does not depend on the protocol. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "neigh_world.h"
#include "san_err.h"

#define REPLY(last)                                                          \
	US_MAC "0200000000" last "0806 0001 0800 06 04 0002 0200000000" last \
	       "0a4d00" last US_MAC US_IP

static const char *
state_of(struct neigh_world *w, const char *text)
{
	struct san_ip want = ip(text);
	struct neigh_info info;

	for (uint32_t i = 0; neigh_info_get(w->n, i, w->now, &info); i++) {
		if (san_ip_equal(&info.ip, &want))
			return info.state;
	}
	return "none";
}

static unsigned
frames_sent(struct neigh_world *w)
{
	unsigned n = 0;

	while (sent_any(w))
		n++;
	return n;
}

static void
resolve__retries_then_fails(void **state)
{
	struct neigh_world *w = *state;
	uint8_t mac[6];

	assert_int_equal(resolve(w, "10.77.0.2", mac), 0);
	assert_int_equal(resolve(w, "10.77.0.2", mac), 0); /* asking twice asks once */
	assert_int_equal(frames_sent(w), 1);
	pass_ms(w, 999);
	assert_int_equal(frames_sent(w), 0);
	pass_ms(w, 1);
	assert_int_equal(frames_sent(w), 1);
	pass_ms(w, 1000);
	assert_int_equal(frames_sent(w), 1);
	event_none(w);
	pass_ms(w, 1000);
	assert_int_equal(frames_sent(w), 0);
	event_is(w, NEIGH_EV_FAILED, "10.77.0.2", NULL);
	assert_string_equal(state_of(w, "10.77.0.2"), "failed");
	assert_int_equal(neigh_counters(w->n)->failed, 1);
	assert_int_equal(neigh_deadline(w->n).ns, SAN_TIME_NEVER.ns);
	/* The next one who needs it asks anew. */
	assert_int_equal(resolve(w, "10.77.0.2", mac), 0);
	assert_int_equal(frames_sent(w), 1);
	give_hex(w, REPLY("02"));
	event_is(w, NEIGH_EV_RESOLVED, "10.77.0.2", PEER_MAC);
}

static void
resolve__refuses(void **state)
{
	static const char *const never[] = {"224.0.0.1", "239.1.2.3", "255.255.255.255",
	    "10.77.0.255", "10.77.0.0", "0.0.0.0", "127.0.0.1", "240.0.0.1", "10.77.0.1",
	    "::", "::1", "ff02::1", "fd00:7700::1"};
	struct neigh_world *w = *state;
	struct san_ip hop = ip("10.77.0.2");
	uint8_t mac[6];

	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		assert_int_equal(resolve(w, never[i], mac), SAN_EINVAL);
	assert_int_equal(neigh_resolve(w->n, SAN_PORTS_MAX, &hop, mac, w->now), SAN_EINVAL);
	assert_int_equal(neigh_resolve(w->n, 1, &hop, mac, w->now), SAN_ENETDOWN);
	assert_int_equal(frames_sent(w), 0);
}

static void
reachable(struct neigh_world *w)
{
	uint8_t mac[6];

	resolve(w, "10.77.0.2", mac);
	give_hex(w, REPLY("02"));
	event_is(w, NEIGH_EV_RESOLVED, "10.77.0.2", PEER_MAC);
	frames_sent(w);
}

static void
age__unused_is_left_alone(void **state)
{
	struct neigh_world *w = *state;

	reachable(w);
	pass_ms(w, 1);
	give_hex(w, REPLY("02")); /* confirmed after its last use */
	pass_ms(w, 100000);
	assert_int_equal(frames_sent(w), 0);
	assert_string_equal(state_of(w, "10.77.0.2"), "reachable");
	assert_int_equal(neigh_deadline(w->n).ns, SAN_TIME_NEVER.ns);
}

static void
age__used_is_asked_again(void **state)
{
	struct neigh_world *w = *state;
	uint8_t mac[6];

	reachable(w);
	pass_ms(w, 10000);
	assert_int_equal(resolve(w, "10.77.0.2", mac), 1);
	pass_ms(w, 19999);
	assert_int_equal(frames_sent(w), 0);
	pass_ms(w, 1);
	/* Unicast, and meanwhile the answer is still used. */
	sent_is(w, PEER_MAC US_MAC "0806 0001 0800 06 04 0001" US_MAC US_IP PEER_MAC PEER_IP);
	assert_string_equal(state_of(w, "10.77.0.2"), "probing");
	assert_int_equal(resolve(w, "10.77.0.2", mac), 1);
	give_hex(w, REPLY("02"));
	assert_string_equal(state_of(w, "10.77.0.2"), "reachable");
	event_none(w);
	/* Gone the next time. */
	resolve(w, "10.77.0.2", mac);
	pass_ms(w, 30000);
	for (int i = 0; i < 3; i++)
		pass_ms(w, 1000);
	assert_int_equal(frames_sent(w), 3);
	event_is(w, NEIGH_EV_FAILED, "10.77.0.2", NULL);
	assert_int_equal(resolve(w, "10.77.0.2", mac), 0);
	assert_true(sent_any(w));
	assert_int_equal(w->out.frame[0], 0xff); /* everybody is asked again */
}

static void
age__traffic_confirms(void **state)
{
	struct neigh_world *w = *state;
	struct san_ip peer = ip("10.77.0.2"), stranger = ip("10.77.0.9");
	uint8_t mac[6];

	reachable(w);
	for (int i = 0; i < 100; i++) {
		pass_ms(w, 10000);
		neigh_confirmed(w->n, 0, &peer, w->now);
		assert_int_equal(resolve(w, "10.77.0.2", mac), 1);
	}
	assert_int_equal(frames_sent(w), 0);
	neigh_confirmed(w->n, 0, &stranger, w->now);
	assert_string_equal(state_of(w, "10.77.0.9"), "none");
	/* While probing, a packet from there is an answer. */
	pass_ms(w, 31000);
	assert_string_equal(state_of(w, "10.77.0.2"), "probing");
	neigh_confirmed(w->n, 0, &peer, w->now);
	assert_string_equal(state_of(w, "10.77.0.2"), "reachable");
}

static void
table__oldest_makes_room(void **state)
{
	struct neigh_world *w = *state;
	struct san_ip two = ip("10.77.0.2");
	char text[32], hex[256];
	uint8_t mac[6];

	for (int i = 2; i < 10; i++) {
		snprintf(text, sizeof text, "10.77.0.%d", i);
		assert_int_equal(resolve(w, text, mac), 0);
		snprintf(hex, sizeof hex,
		    US_MAC
		    "0200000000%02x 0806 0001 0800 06 04 0002 0200000000%02x 0a4d00%02x" US_MAC
			US_IP,
		    i, i, i);
		give_hex(w, hex);
		event_is(w, NEIGH_EV_RESOLVED, text, NULL);
		pass_ms(w, 1);
	}
	neigh_confirmed(w->n, 0, &two, w->now); /* 10.77.0.3 is now the oldest */
	assert_int_equal(resolve(w, "10.77.0.99", mac), 0);
	assert_string_equal(state_of(w, "10.77.0.3"), "none");
	assert_string_equal(state_of(w, "10.77.0.2"), "reachable");
	assert_string_equal(state_of(w, "10.77.0.99"), "incomplete");
}

static void
table__full_of_questions(void **state)
{
	struct neigh_world *w = *state;
	uint8_t mac[6];
	char text[32];

	for (int i = 2; i < 10; i++) {
		snprintf(text, sizeof text, "10.77.0.%d", i);
		assert_int_equal(resolve(w, text, mac), 0);
	}
	assert_int_equal(resolve(w, "10.77.0.99", mac), SAN_ENOBUFS);
	assert_int_equal(neigh_counters(w->n)->table_full, 1);
	for (int i = 0; i < 3; i++) {
		assert_true(frames_sent(w) > 0);
		pass_ms(w, 1000);
	}
	for (int i = 2; i < 10; i++)
		assert_true(neigh_event_take(w->n, &(struct neigh_event){0}));
	event_none(w);
	assert_int_equal(resolve(w, "10.77.0.99", mac), 0); /* failed ones make room */
}

/* A full queue of frames only delays questions: none is lost. */
static void
table__questions_wait_for_the_queue(void **state)
{
	struct neigh_world *w = *state;
	unsigned sent = 0;
	uint8_t mac[6];
	char text[32];

	for (int i = 2; i < 10; i++) {
		snprintf(text, sizeof text, "10.77.0.%d", i);
		resolve(w, text, mac);
	}
	pass_ms(w, 1000);
	pass_ms(w, 1000); /* 8 asked three times: more than the queue holds */
	while (sent < 24) {
		assert_true(sent_any(w));
		sent++;
		neigh_deadline_expire(w->n, w->now);
	}
	assert_false(sent_any(w));
}

static void
port__down_ends_questions(void **state)
{
	struct neigh_world *w = *state;
	uint8_t mac[6];

	reachable(w);
	resolve(w, "10.77.0.9", mac);
	frames_sent(w);
	w->port.up = false;
	neigh_port_set(w->n, 0, &w->port, w->now);
	assert_true(san_time_reached(neigh_deadline(w->n), w->now));
	pass_ms(w, 0);
	event_is(w, NEIGH_EV_FAILED, "10.77.0.9", NULL);
	event_none(w);
	assert_string_equal(state_of(w, "10.77.0.2"), "none");
	assert_int_equal(resolve(w, "10.77.0.2", mac), SAN_ENETDOWN);
	assert_int_equal(frames_sent(w), 0);
}

static int
route(struct neigh_world *w, const char *src, const char *dst, struct neigh_route *r)
{
	struct san_ip d = ip(dst), s;

	if (src == NULL)
		return neigh_route(w->n, NULL, &d, r);
	s = ip(src);
	return neigh_route(w->n, &s, &d, r);
}

static void
expect_route(struct neigh_world *w, const char *src, const char *dst, uint16_t port,
    const char *want_src, const char *hop, bool local)
{
	struct san_ip s = ip(want_src), h = ip(hop);
	struct neigh_route r;

	assert_int_equal(route(w, src, dst, &r), 0);
	assert_int_equal(r.port, port);
	assert_true(san_ip_equal(&r.src, &s));
	assert_true(san_ip_equal(&r.next_hop, &h));
	assert_int_equal(r.local, local);
}

static void
route__prefixes_and_gateways(void **state)
{
	struct neigh_world *w = *state;
	struct neigh_port second = {.up = true,
	    .mac = {2, 0, 0, 0, 0, 3},
	    .vlan = 0xffff,
	    .mtu = 1500,
	    .addr_count = 2,
	    .addr = {{ip("10.77.0.129"), 96 + 25}, {ip("192.168.1.1"), 96 + 16}},
	    .gateway4 = ip("192.168.0.254")};
	struct neigh_route r;

	assert_int_equal(route(w, NULL, "8.8.8.8", &r), SAN_ENETUNREACH);
	assert_int_equal(route(w, NULL, "2001:db8::1", &r), SAN_ENETUNREACH);
	expect_route(w, NULL, "10.77.0.200", 0, "10.77.0.1", "10.77.0.200", false);
	neigh_port_set(w->n, 1, &second, w->now);
	expect_route(w, NULL, "10.77.0.2", 0, "10.77.0.1", "10.77.0.2", false);
	/* The longer prefix wins. */
	expect_route(w, NULL, "10.77.0.200", 1, "10.77.0.129", "10.77.0.200", false);
	/* A given source ties to its port. */
	expect_route(w, "10.77.0.1", "10.77.0.200", 0, "10.77.0.1", "10.77.0.200", false);
	expect_route(w, "0.0.0.0", "10.77.0.2", 0, "10.77.0.1", "10.77.0.2", false);
	expect_route(w, NULL, "8.8.8.8", 1, "192.168.1.1", "192.168.0.254", false);
	assert_int_equal(route(w, "10.77.0.1", "8.8.8.8", &r), SAN_ENETUNREACH);
	expect_route(w, NULL, "fd00:7700::9", 0, "fd00:7700::1", "fd00:7700::9", false);
	assert_int_equal(route(w, "10.77.0.7", "10.77.0.2", &r), SAN_EADDRNOTAVAIL);
	assert_int_equal(route(w, "fd00:7700::1", "10.77.0.2", &r), SAN_EADDRNOTAVAIL);
	/* Our own addresses stay inside, even with the port down. */
	expect_route(w, NULL, "192.168.1.1", 1, "192.168.1.1", "192.168.1.1", true);
	expect_route(w, "10.77.0.1", "192.168.1.1", 1, "10.77.0.1", "192.168.1.1", true);
	second.up = false;
	neigh_port_set(w->n, 1, &second, w->now);
	expect_route(w, NULL, "192.168.1.1", 1, "192.168.1.1", "192.168.1.1", true);
	assert_int_equal(route(w, NULL, "8.8.8.8", &r), SAN_ENETDOWN);
	/* The shorter prefix of a port that is up is better than nothing. */
	expect_route(w, NULL, "10.77.0.200", 0, "10.77.0.1", "10.77.0.200", false);
}

/* Nested prefixes on one port, one between them on another: the order of configuration decides
 * nothing. */
static void
route__nested_prefixes(void **state)
{
	struct neigh_world *w = *state;
	struct neigh_port second = w->port;

	second.addr_count = 1;
	second.addr[0] = (struct neigh_addr){ip("10.77.1.1"), 96 + 16};
	neigh_port_set(w->n, 1, &second, w->now);
	for (int turn = 0; turn < 2; turn++) {
		w->port.addr_count = 2;
		w->port.addr[turn] = (struct neigh_addr){ip("10.77.0.1"), 96 + 24};
		w->port.addr[!turn] = (struct neigh_addr){ip("10.0.0.1"), 96 + 8};
		neigh_port_set(w->n, 0, &w->port, w->now);
		expect_route(w, NULL, "10.77.0.2", 0, "10.77.0.1", "10.77.0.2", false);
		expect_route(w, NULL, "10.78.0.2", 0, "10.0.0.1", "10.78.0.2", false);
	}
}

static void
route__never_to_groups(void **state)
{
	static const char *const groups[] = {
	    "224.0.0.1", "255.255.255.255", "10.77.0.255", "0.0.0.0", "ff02::1", "::"};
	struct neigh_world *w = *state;
	struct neigh_route r;

	for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
		assert_int_equal(route(w, NULL, groups[i], &r), SAN_ENETUNREACH);
}

static void
local__addresses(void **state)
{
	struct neigh_world *w = *state;
	struct san_ip ours = ip("fd00:7700::1"), other = ip("10.77.0.2");
	uint16_t port = 9;

	assert_true(neigh_is_local(w->n, &ours, &port));
	assert_int_equal(port, 0);
	assert_false(neigh_is_local(w->n, &other, &port));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, neigh_setup, neigh_teardown)
	const struct CMUnitTest tests[] = {
	    T(resolve__retries_then_fails),
	    T(resolve__refuses),
	    T(age__unused_is_left_alone),
	    T(age__used_is_asked_again),
	    T(age__traffic_confirms),
	    T(table__oldest_makes_room),
	    T(table__full_of_questions),
	    T(table__questions_wait_for_the_queue),
	    T(port__down_ends_questions),
	    T(route__prefixes_and_gateways),
	    T(route__nested_prefixes),
	    T(route__never_to_groups),
	    T(local__addresses),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
