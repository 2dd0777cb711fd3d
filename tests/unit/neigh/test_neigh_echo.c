/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "bytes.h"
#include "neigh_world.h"
#include "san_err.h"

static size_t
ping4(uint8_t *frame, const char *src, const char *dst, size_t len)
{
	uint8_t body[2000] = {8, 0, 0, 0, 0x12, 0x34, 0, 1};

	for (size_t i = 8; i < len; i++)
		body[i] = (uint8_t)i;
	return icmp4_frame(frame, src, dst, body, len);
}

static void
ping__byte_exact(void **state)
{
	struct neigh_world *w = *state;

	assert_int_equal(
	    give_hex(w, US_MAC PEER_MAC "0800 4500 0020 abcd 4000 4001 7a73" PEER_IP US_IP
					"0800 e66a 1234 0001 ffff0000"),
	    SAN_EPROTO); /* wrong checksum */
	assert_int_equal(
	    give_hex(w, US_MAC PEER_MAC "0800 4500 0020 abcd 4000 4001 7a73" PEER_IP US_IP
					"0800 e5ca 1234 0001 00000000"),
	    0);
	sent_is(w, PEER_MAC US_MAC "0800 4500 0020 0000 4000 4001 2641" US_IP PEER_IP
				   "0000 edca 1234 0001 00000000");
}

static void
ping__every_length_up_to_the_mtu(void **state)
{
	struct neigh_world *w = *state;
	uint8_t frame[2048];

	for (size_t len = 8; len <= 1480; len++) {
		size_t n = ping4(frame, PEER_IP, US_IP, len);

		assert_int_equal(give_bytes(w, frame, n), 0);
		assert_true(sent_any(w));
		assert_int_equal(w->out.len, n);
		/* Same bytes, other type, addresses and stations swapped. */
		assert_memory_equal(w->out.frame, frame + 6, 6);
		assert_memory_equal(w->out.frame + 6, frame, 6);
		assert_memory_equal(w->out.frame + 26, frame + 30, 4);
		assert_memory_equal(w->out.frame + 30, frame + 26, 4);
		assert_int_equal(w->out.frame[15], 0xb9); /* type of service kept */
		assert_int_equal(w->out.frame[34], 0);
		assert_memory_equal(w->out.frame + 38, frame + 38, len - 4);
	}
	assert_int_equal(give_bytes(w, frame, ping4(frame, PEER_IP, US_IP, 1481)), SAN_EPROTO);
	assert_false(sent_any(w));
	assert_int_equal(neigh_counters(w->n)->echo_tx, 1473);
}

static void
ping__refused(void **state)
{
	static const struct {
		const char *src, *dst;
		int err;
	} cases[] = {
	    {PEER_IP, "0a4d00ff", SAN_ENOENT}, /* broadcast: a smurf */
	    {PEER_IP, "ffffffff", SAN_ENOENT}, {PEER_IP, "e0000001", SAN_ENOENT},
	    {PEER_IP, "0a4d0009", SAN_ENOENT},
	    {"0a4d00ff", US_IP, SAN_EPROTO}, /* an answer to everybody */
	    {"ffffffff", US_IP, SAN_EPROTO}, {"e0000001", US_IP, SAN_EPROTO},
	    {"00000000", US_IP, SAN_EPROTO}, {"7f000001", US_IP, SAN_EPROTO},
	    {US_IP, US_IP, SAN_EPROTO}, /* to ourselves */
	};
	struct neigh_world *w = *state;
	uint8_t frame[256];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t len = ping4(frame, cases[i].src, cases[i].dst, 64);

		assert_int_equal(give_bytes(w, frame, len), cases[i].err);
	}
	/* To everybody's station, from everybody's station. */
	memset(frame + ping4(frame, PEER_IP, US_IP, 64), 0, 1);
	memset(frame, 0xff, 6);
	assert_int_equal(give_bytes(w, frame, 98), SAN_EPROTO);
	ping4(frame, PEER_IP, US_IP, 64);
	memset(frame + 6, 0xff, 6);
	assert_int_equal(give_bytes(w, frame, 98), SAN_EPROTO);
	assert_false(sent_any(w));
}

static void
ping__damaged(void **state)
{
	struct neigh_world *w = *state;
	uint8_t frame[256];
	size_t len = ping4(frame, PEER_IP, US_IP, 64);

	for (size_t bit = 14 * 8; bit < len * 8; bit++) {
		frame[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		assert_int_not_equal(give_bytes(w, frame, len), 0);
		frame[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_int_not_equal(give_bytes(w, frame, cut), 0);
	assert_false(sent_any(w));
	assert_int_equal(give_bytes(w, frame, len), 0);
}

static void
ping__only_requests(void **state)
{
	struct neigh_world *w = *state;
	uint8_t frame[256];

	for (unsigned type = 0; type < 256; type++) {
		uint8_t body[64] = {(uint8_t)type};

		give_bytes(w, frame, icmp4_frame(frame, PEER_IP, US_IP, body, sizeof body));
		assert_int_equal(sent_any(w), type == 8);
	}
}

static void
ping6__answered(void **state)
{
	struct neigh_world *w = *state;
	uint8_t frame[256], want[256];
	size_t len =
	    icmp6_frame(frame, US_MAC, PEER_MAC, PEER_IP6, US_IP6, 3, "80 00 0000 12340001 aabbcc");

	assert_int_equal(give_bytes(w, frame, len), 0);
	icmp6_frame(want, PEER_MAC, US_MAC, US_IP6, PEER_IP6, 64, "81 00 0000 12340001 aabbcc");
	assert_true(sent_any(w));
	assert_int_equal(w->out.len, len);
	assert_memory_equal(w->out.frame, want, len);
	len = icmp6_frame(frame, US_MAC, PEER_MAC, PEER_IP6, "ff020000000000000000000000000001", 64,
	    "80 00 0000 12340001");
	assert_int_equal(give_bytes(w, frame, len), SAN_ENOENT);
	len = icmp6_frame(frame, US_MAC, PEER_MAC, "00000000000000000000ffff" PEER_IP,
	    "00000000000000000000ffff" US_IP, 64, "80 00 0000 12340001");
	assert_int_equal(
	    give_bytes(w, frame, len), SAN_EPROTO); /* IPv4-mapped on the wire: forged */
	assert_false(sent_any(w));
}

static void
ping__flood_is_bounded(void **state)
{
	struct neigh_world *w = *state;
	uint8_t frame[2048];
	size_t len = ping4(frame, PEER_IP, US_IP, 1480);
	unsigned answered = 0;

	for (int i = 0; i < 10000; i++)
		give_bytes(w, frame, len);
	while (sent_any(w))
		answered++;
	assert_true(answered > 0 && answered <= 64);
	assert_int_equal(neigh_counters(w->n)->echo_rx, answered);
	assert_int_equal(neigh_counters(w->n)->echo_tx, answered);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, neigh_setup, neigh_teardown)
	const struct CMUnitTest tests[] = {
	    T(ping__byte_exact),
	    T(ping__every_length_up_to_the_mtu),
	    T(ping__refused),
	    T(ping__damaged),
	    T(ping__only_requests),
	    T(ping6__answered),
	    T(ping__flood_is_bounded),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
