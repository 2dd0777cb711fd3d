/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "neigh_world.h"
#include "san_err.h"

/* op is 0001 or 0002. */
#define ARP(dmac, smac, op, sha, spa, tha, tpa) dmac smac "0806 0001 0800 06 04" op sha spa tha tpa
#define NO_MAC					"000000000000"

#define QUESTION     ARP(ALL_MAC, US_MAC, "0001", US_MAC, US_IP, NO_MAC, PEER_IP)
#define ANSWER	     ARP(US_MAC, PEER_MAC, "0002", PEER_MAC, PEER_IP, US_MAC, US_IP)
#define PEER_ASKS_US ARP(ALL_MAC, PEER_MAC, "0001", PEER_MAC, PEER_IP, NO_MAC, US_IP)
#define WE_ANSWER    ARP(PEER_MAC, US_MAC, "0002", US_MAC, US_IP, PEER_MAC, PEER_IP)

static void
exchange__byte_exact(void **state)
{
	struct neigh_world *w = *state;
	uint8_t mac[6] = {0};

	assert_int_equal(resolve(w, "10.77.0.2", mac), 0);
	sent_is(w, QUESTION);
	event_none(w);
	assert_int_equal(give_hex(w, ANSWER), 0);
	event_is(w, NEIGH_EV_RESOLVED, "10.77.0.2", PEER_MAC);
	assert_int_equal(resolve(w, "10.77.0.2", mac), 1);
	assert_memory_equal(mac, "\x02\0\0\0\0\x02", 6);
	assert_false(sent_any(w));
	assert_int_equal(neigh_counters(w->n)->arp_tx, 2); /* and one announcement */
	assert_int_equal(neigh_counters(w->n)->arp_rx, 1);
}

static void
request__answered(void **state)
{
	struct neigh_world *w = *state;
	struct neigh_info info;

	assert_int_equal(give_hex(w, PEER_ASKS_US), 0);
	sent_is(w, WE_ANSWER);
	/* A stranger's question leaves no trace. */
	assert_false(neigh_info_get(w->n, 0, w->now, &info));
	event_none(w);
}

/* RFC 5227: is this address free? */
static void
request__probe_is_answered(void **state)
{
	struct neigh_world *w = *state;

	assert_int_equal(
	    give_hex(w, ARP(ALL_MAC, PEER_MAC, "0001", PEER_MAC, "00000000", NO_MAC, US_IP)), 0);
	sent_is(w, ARP(PEER_MAC, US_MAC, "0002", US_MAC, US_IP, PEER_MAC, "00000000"));
}

static void
request__for_others(void **state)
{
	struct neigh_world *w = *state;

	assert_int_equal(
	    give_hex(w, ARP(ALL_MAC, PEER_MAC, "0001", PEER_MAC, PEER_IP, NO_MAC, "0a4d0009")),
	    SAN_ENOENT);
	assert_false(sent_any(w));
	assert_int_equal(neigh_counters(w->n)->not_ours, 1);
}

/* A neighbour that asks us while we ask for it has told us its address. */
static void
request__teaches_what_we_wait_for(void **state)
{
	struct neigh_world *w = *state;
	uint8_t mac[6];

	resolve(w, "10.77.0.2", mac);
	sent_is(w, QUESTION);
	give_hex(w, PEER_ASKS_US);
	sent_is(w, WE_ANSWER);
	event_is(w, NEIGH_EV_RESOLVED, "10.77.0.2", PEER_MAC);
}

static void
gratuitous__updates_only_what_is_known(void **state)
{
	struct neigh_world *w = *state;
	uint8_t mac[6];
	const char *moved =
	    ARP(ALL_MAC, "020000000077", "0001", "020000000077", PEER_IP, NO_MAC, PEER_IP);

	assert_int_equal(give_hex(w, moved), SAN_ENOENT);
	event_none(w);
	resolve(w, "10.77.0.2", mac);
	give_hex(w, ANSWER);
	event_is(w, NEIGH_EV_RESOLVED, "10.77.0.2", PEER_MAC);
	give_hex(w, ANSWER);
	event_none(w); /* nothing new */
	give_hex(w, moved);
	event_is(w, NEIGH_EV_RESOLVED, "10.77.0.2", "020000000077");
	assert_int_equal(resolve(w, "10.77.0.2", mac), 1);
	assert_int_equal(mac[5], 0x77);
}

static void
conflict__is_counted(void **state)
{
	struct neigh_world *w = *state;

	assert_int_equal(
	    give_hex(w, ARP(ALL_MAC, PEER_MAC, "0001", PEER_MAC, US_IP, NO_MAC, US_IP)),
	    SAN_EADDRINUSE);
	assert_int_equal(give_hex(w, ARP(US_MAC, PEER_MAC, "0002", PEER_MAC, US_IP, US_MAC, US_IP)),
	    SAN_EADDRINUSE);
	assert_int_equal(neigh_counters(w->n)->conflict, 2);
	assert_false(sent_any(w));
	/* Our own announcement come back through a loop is none. */
	give_hex(w, ARP(ALL_MAC, US_MAC, "0001", US_MAC, US_IP, NO_MAC, US_IP));
	assert_int_equal(neigh_counters(w->n)->conflict, 2);
}

static void
malformed__is_counted(void **state)
{
	static const char *const bad[] = {
	    ALL_MAC PEER_MAC "0806 0006 0800 06 04 0001" PEER_MAC PEER_IP NO_MAC US_IP,
	    ALL_MAC PEER_MAC "0806 0001 86dd 06 04 0001" PEER_MAC PEER_IP NO_MAC US_IP,
	    ALL_MAC PEER_MAC "0806 0001 0800 08 04 0001" PEER_MAC PEER_IP NO_MAC US_IP,
	    ALL_MAC PEER_MAC "0806 0001 0800 06 10 0001" PEER_MAC PEER_IP NO_MAC US_IP,
	    ARP(ALL_MAC, PEER_MAC, "0003", PEER_MAC, PEER_IP, NO_MAC, US_IP),
	    ARP(ALL_MAC, PEER_MAC, "0000", PEER_MAC, PEER_IP, NO_MAC, US_IP),
	    ARP(ALL_MAC, PEER_MAC, "0001", NO_MAC, PEER_IP, NO_MAC, US_IP),
	    ARP(ALL_MAC, PEER_MAC, "0001", ALL_MAC, PEER_IP, NO_MAC, US_IP),
	    ARP(ALL_MAC, PEER_MAC, "0001", PEER_MAC, "e0000001", NO_MAC,
		US_IP), /* multicast sender */
	    ARP(ALL_MAC, PEER_MAC, "0001", PEER_MAC, "ffffffff", NO_MAC, US_IP),
	    ARP(ALL_MAC, PEER_MAC, "0001", PEER_MAC, "0a4d00ff", NO_MAC,
		US_IP), /* the prefix's broadcast */
	};
	struct neigh_world *w = *state;
	uint8_t frame[64];
	size_t len = from_hex(PEER_ASKS_US, frame);

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(give_hex(w, bad[i]), SAN_EPROTO);
	assert_int_equal(neigh_counters(w->n)->malformed, sizeof bad / sizeof bad[0]);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(give_bytes(w, frame, cut), SAN_EPROTO);
	assert_false(sent_any(w));
}

static void
flood__of_requests_is_bounded(void **state)
{
	struct neigh_world *w = *state;
	uint8_t frame[64] = {0};
	struct neigh_info info;
	unsigned answered = 0;
	uint8_t mac[6];

	resolve(w, "10.77.0.2", mac);
	give_hex(w, ANSWER);
	event_is(w, NEIGH_EV_RESOLVED, "10.77.0.2", PEER_MAC);
	from_hex(PEER_ASKS_US, frame);
	for (unsigned i = 0; i < 100000; i++) {
		frame[14 + 14 + 2] = (uint8_t)(i >> 8); /* sender's address */
		frame[14 + 14 + 3] = (uint8_t)i;
		frame[14 + 8 + 5] = (uint8_t)i; /* and station */
		give_bytes(w, frame, 60);
	}
	while (sent_any(w))
		answered++;
	assert_true(answered <= 64); /* the queue, not the flood, decides */
	/* Strangers pushed nothing out of the table. */
	assert_true(neigh_info_get(w->n, 0, w->now, &info));
	assert_false(neigh_info_get(w->n, 1, w->now, &info));
	assert_int_equal(resolve(w, "10.77.0.2", mac), 1);
}

static void
vlan__tagged_both_ways(void **state)
{
	struct neigh_world *w = *state;
	uint8_t mac[6];

	w->port.vlan = 100;
	neigh_port_set(w->n, 0, &w->port, w->now);
	while (sent_any(w))
		assert_memory_equal(w->out.frame + 12, "\x81\0\0\x64", 4);
	assert_int_equal(
	    give_hex(w, PEER_ASKS_US), SAN_EPROTO); /* untagged: not for this port's VLAN */
	assert_int_equal(give_hex(w, ALL_MAC PEER_MAC
			     "8100 0065 0806 0001 0800 06 04 0001" PEER_MAC PEER_IP NO_MAC US_IP),
	    SAN_EPROTO);
	assert_false(sent_any(w));
	assert_int_equal(give_hex(w, ALL_MAC PEER_MAC
			     "8100 a064 0806 0001 0800 06 04 0001" PEER_MAC PEER_IP NO_MAC US_IP),
	    0);
	sent_is(
	    w, PEER_MAC US_MAC "8100 0064 0806 0001 0800 06 04 0002" US_MAC US_IP PEER_MAC PEER_IP);
	resolve(w, "10.77.0.9", mac);
	sent_is(
	    w, ALL_MAC US_MAC "8100 0064 0806 0001 0800 06 04 0001" US_MAC US_IP NO_MAC "0a4d0009");
}

static void
vlan__priority_tag_is_no_vlan(void **state)
{
	struct neigh_world *w = *state;

	assert_int_equal(give_hex(w, ALL_MAC PEER_MAC
			     "8100 e000 0806 0001 0800 06 04 0001" PEER_MAC PEER_IP NO_MAC US_IP),
	    0);
	sent_is(w, WE_ANSWER);
}

/* Coming up, or with another address, a port tells everybody; repeating itself it does not. */
static void
announce__on_change(void **state)
{
	struct neigh_world *w = *state;

	neigh_port_set(w->n, 0, &w->port, w->now);
	assert_false(sent_any(w));
	w->port.addr[0].ip = ip("10.77.0.3");
	w->port.addr_count = 1;
	neigh_port_set(w->n, 0, &w->port, w->now);
	sent_is(w, ARP(ALL_MAC, US_MAC, "0001", US_MAC, "0a4d0003", NO_MAC, "0a4d0003"));
	assert_false(sent_any(w));
	w->port.up = false;
	neigh_port_set(w->n, 0, &w->port, w->now);
	assert_false(sent_any(w));
	assert_int_equal(give_hex(w, PEER_ASKS_US), SAN_ENETDOWN);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, neigh_setup, neigh_teardown)
	const struct CMUnitTest tests[] = {
	    T(exchange__byte_exact),
	    T(request__answered),
	    T(request__probe_is_answered),
	    T(request__for_others),
	    T(request__teaches_what_we_wait_for),
	    T(gratuitous__updates_only_what_is_known),
	    T(conflict__is_counted),
	    T(malformed__is_counted),
	    T(flood__of_requests_is_bounded),
	    T(vlan__tagged_both_ways),
	    T(vlan__priority_tag_is_no_vlan),
	    T(announce__on_change),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
