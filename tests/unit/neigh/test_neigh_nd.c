/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "neigh_world.h"
#include "san_err.h"

#define GROUP_US       "ff0200000000000000000001ff000001" /* solicited-node of ...::1 */
#define GROUP_US_MAC   "3333ff000001"
#define GROUP_PEER     "ff0200000000000000000001ff000002"
#define GROUP_PEER_MAC "3333ff000002"
#define ALL_NODES      "ff020000000000000000000000000001"
#define NONE	       "00000000000000000000000000000000"

#define SOLICIT(target)		 "87 00 0000 00000000" target
#define ADVERTISE(flags, target) "88 00 0000" flags "000000" target
#define OPT_SOURCE(mac)		 "0101" mac
#define OPT_TARGET(mac)		 "0201" mac

static int
give6(struct neigh_world *w, const char *src, const char *dst, uint8_t hops, const char *body)
{
	uint8_t frame[2048];
	size_t len = icmp6_frame(frame, US_MAC, PEER_MAC, src, dst, hops, body);

	return give_bytes(w, frame, len);
}

static void
sent6_is(
    struct neigh_world *w, const char *dmac, const char *src, const char *dst, const char *body)
{
	uint8_t want[2048];
	size_t len = icmp6_frame(want, dmac, US_MAC, src, dst, 255, body);

	assert_true(sent_any(w));
	assert_int_equal(w->out.len, len);
	assert_memory_equal(w->out.frame, want, len);
}

/* Written out whole once, checksum included; the other tests compute it. */
static void
exchange__byte_exact(void **state)
{
	struct neigh_world *w = *state;
	uint8_t mac[6];

	assert_int_equal(resolve(w, "fd00:7700::2", mac), 0);
	sent_is(w, GROUP_PEER_MAC US_MAC "86dd 60000000 0020 3a ff" US_IP6 GROUP_PEER
					 "87 00 8f96 00000000" PEER_IP6 "0101" US_MAC);
	assert_int_equal(
	    give_hex(w, US_MAC PEER_MAC "86dd 60000000 0020 3a ff" PEER_IP6 US_IP6
					"88 00 b798 60000000" PEER_IP6 "0201" PEER_MAC),
	    0);
	event_is(w, NEIGH_EV_RESOLVED, "fd00:7700::2", PEER_MAC);
	assert_int_equal(resolve(w, "fd00:7700::2", mac), 1);
	assert_memory_equal(mac, "\x02\0\0\0\0\x02", 6);
	assert_int_equal(neigh_counters(w->n)->nd_tx, 2); /* and one announcement */
	assert_int_equal(neigh_counters(w->n)->nd_rx, 1);
}

static void
solicitation__answered(void **state)
{
	struct neigh_world *w = *state;

	assert_int_equal(
	    give6(w, PEER_IP6, GROUP_US, 255, SOLICIT(US_IP6) OPT_SOURCE(PEER_MAC)), 0);
	sent6_is(w, PEER_MAC, US_IP6, PEER_IP6, ADVERTISE("60", US_IP6) OPT_TARGET(US_MAC));
	/* Unicast and without an option: a neighbour that checks whether we are still there. */
	assert_int_equal(give6(w, PEER_IP6, US_IP6, 255, SOLICIT(US_IP6)), 0);
	sent6_is(w, PEER_MAC, US_IP6, PEER_IP6, ADVERTISE("60", US_IP6) OPT_TARGET(US_MAC));
	/* Unknown options are skipped. */
	assert_int_equal(
	    give6(w, PEER_IP6, US_IP6, 255,
		SOLICIT(US_IP6) "0e02 0000000000000000 000000000000" OPT_SOURCE(PEER_MAC)),
	    0);
	assert_true(sent_any(w));
}

static void
solicitation__for_others(void **state)
{
	struct neigh_world *w = *state;

	assert_int_equal(
	    give6(w, PEER_IP6, GROUP_US, 255, SOLICIT("fd007700000000000000000000000099")),
	    SAN_ENOENT);
	assert_false(sent_any(w));
	assert_int_equal(neigh_counters(w->n)->not_ours, 1);
}

/* Somebody without an address wants ours. */
static void
solicitation__duplicate_address_detection(void **state)
{
	struct neigh_world *w = *state;

	assert_int_equal(give6(w, NONE, GROUP_US, 255, SOLICIT(US_IP6)), 0);
	sent6_is(w, "333300000001", US_IP6, ALL_NODES, ADVERTISE("20", US_IP6) OPT_TARGET(US_MAC));
	assert_int_equal(neigh_counters(w->n)->conflict, 1);
	assert_int_equal(
	    give6(w, NONE, GROUP_US, 255, SOLICIT(US_IP6) OPT_SOURCE(PEER_MAC)), SAN_EPROTO);
	assert_int_equal(give6(w, NONE, US_IP6, 255, SOLICIT(US_IP6)), SAN_EPROTO);
	assert_int_equal(give6(w, NONE, GROUP_PEER, 255, SOLICIT(PEER_IP6)), SAN_ENOENT);
	assert_false(sent_any(w));
}

static void
malformed__is_counted(void **state)
{
	static const struct {
		const char *src, *dst;
		uint8_t hops;
		const char *body;
	} bad[] = {
	    {PEER_IP6, GROUP_US, 254, SOLICIT(US_IP6)}, /* came through a router */
	    {PEER_IP6, GROUP_US, 1, SOLICIT(US_IP6)},
	    {PEER_IP6, GROUP_US, 255, "87 01 0000 00000000" US_IP6},
	    {PEER_IP6, GROUP_US, 255, "87 00 0000 00000000"},
	    {PEER_IP6, GROUP_US, 255, SOLICIT(ALL_NODES)}, {PEER_IP6, GROUP_US, 255, SOLICIT(NONE)},
	    {PEER_IP6, GROUP_US, 255, SOLICIT("00000000000000000000ffff" US_IP)}, /* IPv4-mapped */
	    {PEER_IP6, GROUP_US, 255, SOLICIT(US_IP6) "0100" PEER_MAC}, /* option of length 0 */
	    {PEER_IP6, GROUP_US, 255, SOLICIT(US_IP6) "0102" PEER_MAC}, /* reaches behind the end */
	    {PEER_IP6, GROUP_US, 255, SOLICIT(US_IP6) "01"},
	    {PEER_IP6, GROUP_US, 255, SOLICIT(US_IP6) OPT_SOURCE(ALL_MAC)},
	    {PEER_IP6, GROUP_US, 255, SOLICIT(US_IP6) OPT_SOURCE("000000000000")},
	    {ALL_NODES, GROUP_US, 255, SOLICIT(US_IP6)}, /* multicast source */
	    {PEER_IP6, ALL_NODES, 255,
		ADVERTISE("60", PEER_IP6) OPT_TARGET(PEER_MAC)}, /* solicited to all */
	};
	struct neigh_world *w = *state;
	uint8_t frame[256];
	size_t len;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(
		    give6(w, bad[i].src, bad[i].dst, bad[i].hops, bad[i].body), SAN_EPROTO);
	assert_int_equal(neigh_counters(w->n)->malformed, sizeof bad / sizeof bad[0]);
	len = icmp6_frame(
	    frame, US_MAC, PEER_MAC, PEER_IP6, GROUP_US, 255, SOLICIT(US_IP6) OPT_SOURCE(PEER_MAC));
	for (size_t at = 14; at < len; at++) { /* any byte of packet or checksum */
		if (at >= 14 && at < 18)
			continue; /* version, class, label: not covered */
		if (at == 21)
			continue; /* hop limit: tested above */
		frame[at] ^= 1;
		assert_int_not_equal(give_bytes(w, frame, len), 0);
		frame[at] ^= 1;
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(give_bytes(w, frame, cut), SAN_EPROTO);
	assert_false(sent_any(w));
	assert_int_equal(give_bytes(w, frame, len), 0);
}

static void
resolved(struct neigh_world *w)
{
	uint8_t mac[6];

	resolve(w, "fd00:7700::2", mac);
	assert_true(sent_any(w));
	give6(w, PEER_IP6, US_IP6, 255, ADVERTISE("60", PEER_IP6) OPT_TARGET(PEER_MAC));
	event_is(w, NEIGH_EV_RESOLVED, "fd00:7700::2", PEER_MAC);
}

static void
advertisement__override_decides(void **state)
{
	struct neigh_world *w = *state;

	resolved(w);
	give6(w, PEER_IP6, US_IP6, 255, ADVERTISE("40", PEER_IP6) OPT_TARGET("020000000077"));
	event_none(w);
	give6(w, PEER_IP6, ALL_NODES, 255, ADVERTISE("20", PEER_IP6) OPT_TARGET("020000000077"));
	event_is(w, NEIGH_EV_RESOLVED, "fd00:7700::2", "020000000077");
	/* Nobody asked for this one. */
	assert_int_equal(
	    give6(w, PEER_IP6, US_IP6, 255,
		ADVERTISE("60", "fd007700000000000000000000000055") OPT_TARGET(PEER_MAC)),
	    SAN_ENOENT);
	event_none(w);
}

static void
advertisement__without_option_confirms(void **state)
{
	struct neigh_world *w = *state;
	uint8_t mac[6];

	resolved(w);
	pass_ms(w, 31000);
	assert_int_equal(resolve(w, "fd00:7700::2", mac), 1);
	/* Aged: asked again, unicast. */
	sent6_is(w, PEER_MAC, US_IP6, PEER_IP6, SOLICIT(PEER_IP6) OPT_SOURCE(US_MAC));
	assert_int_equal(give6(w, PEER_IP6, US_IP6, 255, ADVERTISE("40", PEER_IP6)), 0);
	pass_ms(w, 10000);
	assert_false(sent_any(w));
	event_none(w);
}

static void
advertisement__of_our_address(void **state)
{
	struct neigh_world *w = *state;

	assert_int_equal(
	    give6(w, US_IP6, ALL_NODES, 255, ADVERTISE("20", US_IP6) OPT_TARGET(PEER_MAC)),
	    SAN_EADDRINUSE);
	assert_int_equal(neigh_counters(w->n)->conflict, 1);
}

static void
own__frames_come_back(void **state)
{
	struct neigh_world *w = *state;
	uint8_t frame[256];
	size_t len = icmp6_frame(frame, GROUP_US_MAC, US_MAC, US_IP6, GROUP_US, 255,
	    ADVERTISE("20", US_IP6) OPT_TARGET(US_MAC));

	assert_int_equal(give_bytes(w, frame, len), SAN_ENOENT);
	assert_int_equal(neigh_counters(w->n)->conflict, 0);
}

static void
others__are_not_served(void **state)
{
	struct neigh_world *w = *state;

	/* Router advertisement, redirect, node information. */
	assert_int_equal(
	    give6(w, PEER_IP6, ALL_NODES, 255, "86 00 0000 40000000 00000000 00000000"),
	    SAN_EOPNOTSUPP);
	assert_int_equal(give6(w, PEER_IP6, US_IP6, 255, "89 00 0000 00000000" PEER_IP6 PEER_IP6),
	    SAN_EOPNOTSUPP);
	assert_false(sent_any(w));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, neigh_setup, neigh_teardown)
	const struct CMUnitTest tests[] = {
	    T(exchange__byte_exact),
	    T(solicitation__answered),
	    T(solicitation__for_others),
	    T(solicitation__duplicate_address_detection),
	    T(malformed__is_counted),
	    T(advertisement__override_decides),
	    T(advertisement__without_option_confirms),
	    T(advertisement__of_our_address),
	    T(own__frames_come_back),
	    T(others__are_not_served),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
