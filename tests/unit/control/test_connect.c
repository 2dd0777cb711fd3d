/* SPDX-License-Identifier: BSD-3-Clause */
/* From a command in a mailbox to CONNECTED, LISTENING or FAILED. */
#include "rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "san_err.h"
#include "value.h"
#include "view.h"

/* --- connecting ------------------------------------------------------------------------------- */

static void
connect__both_ends_meet(void **state)
{
	int l, c, s;
	struct shm_sock *kc, *ks;
	struct fake_conn *fc, *fs;

	(void)state;
	rig_pair(&l, &c, &s);
	kc = prog_slot(&a, (uint32_t)c);
	ks = prog_slot(&b, (uint32_t)s);
	assert_memory_equal(&kc->ctl_local, &ks->ctl_peer, sizeof kc->ctl_local);
	assert_memory_equal(&kc->ctl_peer, &ks->ctl_local, sizeof kc->ctl_local);
	assert_int_equal(kc->ctl_peer.port, PORT);
	assert_in_range(kc->ctl_local.port, PORTNUM_EPHEMERAL_LO, PORTNUM_EPHEMERAL_HI);
	fc = fake_poll_conn(16);
	fs = fake_poll_conn(17);
	if (fc->sock.slot != (uint32_t)c) {
		struct fake_conn *t = fc;

		fc = fs;
		fs = t;
	}
	assert_int_equal(fc->peer_qpn, fs->qpn);
	assert_int_equal(fs->peer_qpn, fc->qpn);
	assert_int_equal(fc->sq_psn, fs->rq_psn);
	assert_int_equal(fs->sq_psn, fc->rq_psn);
	assert_int_equal(fc->pmtu, 1024);
	assert_int_equal(fc->peer_credits, fs->credits);
	assert_int_equal(fc->features, FEATURE_SACK | FEATURE_ECN_ECHO);
	assert_int_equal(fs->features, fc->features);
	assert_int_equal(d->count.accepts, 1);
	assert_int_equal(d->count.connects_ok, 1);
}

/* Each mix of switches at two ends, and peers that know nothing of offers. */
static void
features__what_both_have(void **state)
{
	(void)state;
	for (unsigned mix = 0; mix < 16; mix++) {
		struct conn active = {.daemon = d, .active = true}, passive = {.daemon = d};
		uint8_t want = (mix & 3) & mix >> 2;
		struct feature_offer offer;
		bool offered;

		d->config.selective_ack = mix & FEATURE_SACK;
		d->config.ecn_echo = mix & FEATURE_ECN_ECHO;
		offered = conn_offer(&active, &offer);
		assert_int_equal(offered, (mix & 3) != 0);
		assert_int_equal(offer.ooo_max, sdp_early_max());
		d->config.selective_ack = mix >> 2 & FEATURE_SACK;
		d->config.ecn_echo = mix >> 2 & FEATURE_ECN_ECHO;
		conn_agree(&passive, offered, &offer);
		assert_int_equal(passive.features, want);
		offered = conn_offer(&passive, &offer);
		assert_int_equal(offered, want != 0);
		d->config.selective_ack = mix & FEATURE_SACK;
		d->config.ecn_echo = mix & FEATURE_ECN_ECHO;
		conn_agree(&active, offered, &offer);
		assert_int_equal(active.features, want);
		conn_agree(&active, false, &offer);
		assert_int_equal(active.features, 0);
	}
}

static void
features__reach_the_poll_thread(void **state)
{
	struct view_socket v;
	uint32_t cursor = 0;
	int l, c, s;

	(void)state;
	d->config.ecn_echo = false;
	rig_pair(&l, &c, &s);
	assert_int_equal(fake_poll_conn(16)->features, FEATURE_SACK);
	assert_int_equal(fake_poll_conn(17)->features, FEATURE_SACK);
	for (int i = 0; i < 2; i++) {
		assert_true(view_socket_next(d, &cursor, &v));
		assert_string_equal(v.features, "SACK");
	}
}

/* Of READs under way at a time, either way: what the asker wants and the other can remember. */
static void
depths__what_both_have(void **state)
{
	static const uint16_t types[] = {SHM_TYPE_STREAM, SHM_TYPE_SEQPACKET};
	const struct conn_hello theirs = {0};

	(void)state;
	for (unsigned mix = 0; mix < 2 * 20 * 20; mix++) {
		struct sock k = {.type = types[mix % 2]};
		struct conn c = {.daemon = d, .sock = &k};
		const struct cm_msg msg = {
		    .initiator_depth = mix / 2 % 20, .responder_resources = mix / 40};
		uint8_t most = conn_reads(&c);

		conn_hello_agree(&c, &theirs, &msg);
		assert_int_equal(
		    c.responder_resources, msg.initiator_depth < most ? msg.initiator_depth : most);
		assert_int_equal(c.initiator_depth,
		    msg.responder_resources < most ? msg.responder_resources : most);
	}
}

static void
depths__reach_poll_thread_and_program(void **state)
{
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	for (uint32_t i = 16; i < 18; i++) {
		assert_int_equal(fake_poll_conn(i)->initiator_depth, SDP_READS_MAX);
		assert_int_equal(fake_poll_conn(i)->responder_resources, SDP_READS_MAX);
	}
	assert_int_equal(prog_slot(&a, (uint32_t)c)->read_depth, SDP_READS_MAX);
	assert_int_equal(prog_slot(&b, (uint32_t)s)->read_depth, SDP_READS_MAX);
}

/* Every algorithm sand.conf can name, each with its own figures, and whether packets may be
 * marked. */
static void
congestion__reaches_the_poll_thread(void **state)
{
	const struct config_key *key = &config_keys[CONFIG_KEY_transport_congestion];
	int l = prog_sock_listen(&b, OWN, PORT, 8);

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	d->config.delay_target_us = 77;
	d->config.cnp_interval_us = 9;
	d->config.dcqcn_period_us = 300;
	d->config.dcqcn_raise_mbit = 5;
	for (uint32_t i = 0; i < CC_COUNT; i++) {
		const struct fake_conn *f;
		size_t at;
		int c;

		assert_int_equal(
		    config_value_set(key, cc_algo_word((enum cc_algo)i), &d->config, &at), 0);
		d->config.ecn = i != 0;
		d->config.dcqcn_line_mbit = i * 1000;
		c = prog_sock_connect(&a, OWN, PORT);
		assert_true(prog_sync(&a, (uint32_t)c));
		assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
		f = fake_poll_conn(16 + 2 * i);
		assert_int_equal(f->cc.algo, i);
		assert_int_equal(f->cc.target_delay.ns, 77000);
		assert_int_equal(f->cc.cnp_interval.ns, 9000);
		assert_int_equal(f->cc.period_us, 300);
		assert_int_equal(f->cc.raise_mbit, 5);
		assert_int_equal(f->cc.line_rate_mbit, i == 0 ? 25000 : i * 1000);
		assert_int_equal(f->tclass & ROCE_ECN_MASK, i == 0 ? 0 : ROCE_ECN_ECT0);
	}
}

static void
connect__nobody_listens(void **state)
{
	int c = prog_sock_connect(&a, OWN, PORT);

	(void)state;
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ENOLISTENER);
	assert_int_equal(d->count.rej_no_listener, 1);
	rig_close_look(&a, c, 0);
	assert_true(rig_all_freed(WAIT));
}

static void
connect__backlog_full_is_refused(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 0), c[2];

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	for (int i = 0; i < 2; i++) {
		c[i] = prog_sock_connect(&a, OWN, PORT);
		assert_true(prog_sync(&a, (uint32_t)c[i]));
		assert_int_equal(
		    prog_wait_connect(&a, (uint32_t)c[i], WAIT), i == 0 ? 0 : SAN_ECONNREFUSED);
	}
	assert_int_equal(d->count.rej_backlog, 1);
	assert_true(prog_accept(&b, (uint32_t)l, WAIT) > 0);
	c[1] = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c[1]));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c[1], WAIT), 0);
}

static void
connect__silent_neighbour_times_out_on_time(void **state)
{
	int c = prog_sock_connect(&a, NOBODY, PORT);
	uint64_t start = prog_now_ms(), took;

	(void)state;
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ETIMEDOUT);
	took = prog_now_ms() - start;
	assert_in_range(took, 390, 600);
	assert_int_equal(d->count.connects_timedout, 1);
	rig_close_look(&a, c, 0);
	assert_true(rig_all_freed(WAIT));
}

static void
connect__silent_peer_times_out_on_time(void **state)
{
	uint64_t start = prog_now_ms(), took;
	int c;

	(void)state;
	fake_poll_lose = true;
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ETIMEDOUT);
	took = prog_now_ms() - start;
	assert_in_range(took, 390, 600);
	/* the REQ was repeated meanwhile */
	assert_true(cm_counters(d->netio.cm)->req_tx >= 3);
	rig_close_look(&a, c, 0);
	assert_true(rig_all_freed(WAIT));
}

/* A connection whose client end is gone while the server end has not heard of it. Returns the
 * client's QPN. */
static uint32_t
forgotten_client(void)
{
	uint32_t before, qpn;
	int l, c, s;

	rig_pair(&l, &c, &s);
	qpn = fake_poll_conn(fake_poll_conn(16)->sock.slot == (uint32_t)c ? 16 : 17)->qpn;
	before = d->conns.free_count;
	fake_poll_lose = true;
	rig_close_look(&a, c, SHM_APP_ABORT);
	for (uint64_t until = prog_now_ms() + WAIT;
	     d->conns.free_count == before && prog_now_ms() < until;)
		rig_pump(NULL);
	assert_int_equal(d->conns.free_count, before + 1);
	fake_poll_lose = false;
	return qpn;
}

/* The next connection gets this QPN, as after a restart of the daemon by bad luck. */
static void
next_qpn_be(uint32_t qpn)
{
	struct conn_table *t = &d->conns;
	uint16_t place = (uint16_t)((qpn & 0xffff) - CONN_INDEX_FIRST);

	for (uint32_t i = 0; i < t->free_count; i++) {
		uint16_t *at = &t->free[(t->free_head + i) % t->size];

		if (*at != place)
			continue;
		*at = t->free[t->free_head];
		t->free[t->free_head] = place;
		t->generation[place] = (uint8_t)(qpn >> 16);
		return;
	}
	fail_msg("the number is not free");
}

static void
connect__stale_qpn_is_asked_again_with_another(void **state)
{
	uint32_t old = forgotten_client();
	struct fake_conn *f;
	int c;

	(void)state;
	next_qpn_be(old);
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	assert_int_equal(cm_counters(d->netio.cm)->stale, 1);
	assert_int_equal(d->count.connects_again, 1);
	f = fake_poll_conn(old & 0xffff);
	assert_non_null(f);
	assert_int_equal(f->qpn, (old + 0x10000) & 0xffffff);
}

/* A peer that calls every number stale: the connect fails, and soon. */
static void
connect__stale_for_ever_fails(void **state)
{
	uint32_t qpns[8], n = 0;
	int c;

	(void)state;
	fake_poll_lose = true;
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	while (prog_state(&a, (uint32_t)c) == SHM_STATE_CONNECTING) {
		const struct conn *k = conn_find(d, CONN_INDEX_FIRST);
		const struct cm_event ev = {.type = CM_EV_REJECTED,
		    .id = k->cm_id,
		    .cookie = k->cookie,
		    .reason = CM_REJ_STALE_CONN};

		assert_true(n < 8);
		qpns[n++] = k->qpn;
		conn_cm_event(d, &ev);
	}
	assert_int_equal(n, 4);
	for (uint32_t i = 1; i < n; i++)
		assert_int_equal(qpns[i], (qpns[0] + (i << 16)) & 0xffffff);
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ETIMEDOUT);
	assert_int_equal(d->count.connects_again, 3);
}

/* The listener's port carries less than ours: it says how much, and gets that. */
static void
connect__smaller_mtu_is_asked_for(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	fake_poll_lose = true;
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	rig_settle(10); /* the first REQ, for 1024, is out */
	assert_int_equal(cm_counters(d->netio.cm)->req_tx, 1);
	d->netio.port[0].pmtu = 512;
	fake_poll_lose = false;
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	assert_int_equal(d->count.rej_mtu, 1);
	assert_int_equal(d->count.connects_again, 1);
	assert_int_equal(fake_poll_conn(16)->pmtu, 512);
	assert_int_equal(fake_poll_conn(17)->pmtu, 512);
	assert_int_equal(fake_poll_conn(16)->peer_credits, fake_poll_conn(17)->credits);
	assert_int_equal(fake_poll_conn(17)->peer_credits, fake_poll_conn(16)->credits);
}

static void
connect__lost_frames_only_delay(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	fake_poll_lose = true;
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	rig_settle(20);
	fake_poll_lose = false;
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
}

static void
connect__waits_for_a_link_that_is_down(void **state)
{
	uint64_t start;
	uint32_t cursor = 0;
	struct view_socket v;
	int c;

	(void)state;
	fake_poll_link = false;
	rig_settle(150);
	start = prog_now_ms();
	c = prog_sock_connect(&a, NOBODY, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	rig_settle(50);
	assert_int_equal(prog_state(&a, (uint32_t)c), SHM_STATE_CONNECTING);
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ETIMEDOUT);
	assert_in_range(prog_now_ms() - start, 390, 600);
	assert_true(view_socket_next(d, &cursor, &v));
	assert_string_equal(v.why, "the port's link is down");
	/* and once it is back, neighbours are asked at once */
	fake_poll_link = true;
	rig_settle(150);
	c = prog_sock_connect(&a, NOBODY, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_true(neigh_counters(d->netio.neigh)->arp_tx > 0);
}

static void
connect__no_route(void **state)
{
	int c = prog_sock_connect(&a, "192.0.2.1", PORT);

	(void)state;
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ENETUNREACH);
}

static void
connect__poll_thread_without_room(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	fake_poll_refuse = true;
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_not_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	fake_poll_refuse = false;
	rig_close_look(&a, c, 0);
	rig_close_look(&b, l, 0);
	assert_true(rig_all_freed(WAIT));
}

/* Close it after each number of loop turns: every stage of the handshake gets its cancellation. */
static void
connect__closed_at_any_moment(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4);

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	for (int turns = 0; turns < 12; turns++) {
		int c = prog_sock_connect(&a, OWN, PORT);

		assert_true(c >= 0);
		(void)prog_sync(&a, (uint32_t)c);
		for (int i = 0; i < turns; i++)
			rig_pump(NULL);
		rig_close_look(&a, c, turns % 2 == 0 ? SHM_APP_ABORT : 0);
		rig_settle(5);
	}
	rig_close_look(&b, l, 0);
	assert_true(rig_all_freed(WAIT));
	assert_int_equal(d->netio.cm == NULL ? 1 : cm_count(d->netio.cm), 0);
}

static void
connect__closed_while_the_poll_thread_opens(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	fake_poll_hold = true;
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	rig_settle(10);
	rig_close_look(&a, c, 0);
	rig_close_look(&b, l, 0);
	rig_settle(10);
	fake_poll_unhold();
	assert_true(rig_all_freed(WAIT));
}

/* --- commands --------------------------------------------------------------------------------- */

static void
command__wrong_ones_are_counted(void **state)
{
	struct shm_addr peer = prog_addr(OWN, PORT);
	uint32_t own = (uint32_t)prog_take(&a), upper = a.map.socks / 2 + 3;

	(void)state;
	prog_command(&a, own, (enum shm_cmd)77, 0, NULL, &peer);
	assert_true(prog_sync(&a, own));
	prog_command(&a, upper, SHM_CMD_CONNECT, 0, NULL, &peer);
	assert_true(prog_sync(&a, upper));
	assert_int_equal(d->count.bad_commands, 2);
	assert_int_equal(atomic_load(&prog_slot(&a, own)->cmd_done), 1);
}

static void
command__runs_once_per_number(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(prog_sync(&b, (uint32_t)l));
	assert_int_equal(d->count.listens, 1);
	assert_int_equal(d->count.bad_commands, 0);
}

static void
listen__address_rules(void **state)
{
	int first = prog_sock_listen(&b, OWN, PORT, 4), other, foreign, same, any;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)first));
	other = prog_sock_listen(&a, OWN, PORT, 4);
	assert_true(prog_sync(&a, (uint32_t)other));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)other, 0), SAN_EAGAIN);
	assert_int_equal(prog_state(&a, (uint32_t)other), SHM_STATE_FAILED);
	assert_int_equal(atomic_load(&prog_slot(&a, (uint32_t)other)->ctl_err), SAN_EADDRINUSE);
	foreign = prog_sock_listen(&a, "10.77.0.2", PORT, 4);
	assert_true(prog_sync(&a, (uint32_t)foreign));
	assert_int_equal(
	    atomic_load(&prog_slot(&a, (uint32_t)foreign)->ctl_err), SAN_EADDRNOTAVAIL);
	same = prog_sock_listen(&b, OWN, PORT, 4);
	assert_true(prog_sync(&b, (uint32_t)same));
	assert_int_equal(prog_state(&b, (uint32_t)same), SHM_STATE_LISTENING);
	any = prog_sock_listen(&a, "0.0.0.0", 0, 4);
	assert_true(prog_sync(&a, (uint32_t)any));
	assert_int_equal(prog_state(&a, (uint32_t)any), SHM_STATE_LISTENING);
	assert_in_range(prog_slot(&a, (uint32_t)any)->ctl_local.port, PORTNUM_EPHEMERAL_LO,
	    PORTNUM_EPHEMERAL_HI);
}

static void
listen__wildcard_takes_connections(void **state)
{
	int l = prog_sock_listen(&b, "::", PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    RIG_TEST(connect__both_ends_meet),
	    RIG_TEST(features__what_both_have),
	    RIG_TEST(features__reach_the_poll_thread),
	    RIG_TEST(depths__what_both_have),
	    RIG_TEST(depths__reach_poll_thread_and_program),
	    RIG_TEST(congestion__reaches_the_poll_thread),
	    RIG_TEST(connect__nobody_listens),
	    RIG_TEST(connect__backlog_full_is_refused),
	    RIG_TEST(connect__silent_neighbour_times_out_on_time),
	    RIG_TEST(connect__silent_peer_times_out_on_time),
	    RIG_TEST(connect__stale_qpn_is_asked_again_with_another),
	    RIG_TEST(connect__stale_for_ever_fails),
	    RIG_TEST(connect__smaller_mtu_is_asked_for),
	    RIG_TEST(connect__lost_frames_only_delay),
	    RIG_TEST(connect__waits_for_a_link_that_is_down),
	    RIG_TEST(connect__no_route),
	    RIG_TEST(connect__poll_thread_without_room),
	    RIG_TEST(connect__closed_at_any_moment),
	    RIG_TEST(connect__closed_while_the_poll_thread_opens),
	    RIG_TEST(command__wrong_ones_are_counted),
	    RIG_TEST(command__runs_once_per_number),
	    RIG_TEST(listen__address_rules),
	    RIG_TEST(listen__wildcard_takes_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
