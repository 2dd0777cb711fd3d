/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way a socket ends, and what is left of it: nothing. */
#include "rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "san_err.h"
#include "view.h"

/* --- closing ---------------------------------------------------------------------------------- */

static void
close__frees_both_ends(void **state)
{
	int l, c, s;
	uint32_t gen_c, gen_s;

	(void)state;
	rig_pair(&l, &c, &s);
	gen_c = prog_gen(&a, (uint32_t)c);
	gen_s = prog_gen(&b, (uint32_t)s);
	rig_close_look(&a, c, 0);
	assert_true(prog_wait_freed(&a, (uint32_t)c, gen_c, WAIT));
	/* the peer is long gone, but its own program still has the socket: nothing of it is freed
	 */
	rig_settle(50);
	assert_int_equal(prog_gen(&b, (uint32_t)s), gen_s);
	rig_close_look(&b, s, 0);
	assert_true(prog_wait_freed(&b, (uint32_t)s, gen_s, WAIT));
	rig_close_look(&b, l, 0);
	assert_true(rig_all_freed(WAIT));
	assert_int_equal(prog_state(&a, (uint32_t)c), SHM_STATE_FREE);
	assert_int_equal(d->count.illegal_app_events, 0);
}

/* The newest of `show closed` with this place in its program's table. */
static struct view_closed
closed_find(uint32_t session, uint32_t slot)
{
	struct view_closed v;
	uint32_t cursor = 0;

	while (view_closed_next(d, &cursor, &v))
		if (v.socket.session == session && v.socket.slot == slot)
			return v;
	fail_msg("socket %u/%u is not remembered", session, slot);
	return v;
}

static unsigned
step_place(const struct view_closed *v, const char *what)
{
	for (unsigned i = 0; i < v->step_count; i++)
		if (strcmp(v->step[i].what, what) == 0)
			return i;
	fail_msg("no step %s", what);
	return 0;
}

static void
close__is_remembered_step_by_step(void **state)
{
	struct view_closed v;
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	rig_close_look(&a, c, 0);
	rig_close_look(&b, s, SHM_APP_ABORT);
	rig_close_look(&b, l, 0);
	assert_true(rig_all_freed(WAIT));
	v = closed_find(d->session[0]->id, (uint32_t)c);
	assert_false(v.aborted);
	assert_false(v.died);
	assert_int_equal(step_place(&v, "CLOSE"), 0);
	assert_in_range(step_place(&v, "WIRE_DEAD"), 1, v.step_count - 1);
	assert_in_range(step_place(&v, "UPCALLS_DONE"), 1, v.step_count - 1);
	assert_true(v.took.ns >= v.step[v.step_count - 1].at.ns);
	assert_int_equal(v.socket.peer.port, PORT);
	assert_true(closed_find(d->session[1]->id, (uint32_t)s).aborted);
}

/* However many were closed, only so many are remembered, the newest first. */
static void
close__history_is_bounded(void **state)
{
	struct view_closed v;
	uint32_t cursor = 0, n = 0, last = UINT32_MAX;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		int slot = prog_sock_listen(&a, OWN, (uint16_t)(6000 + i), 1);
		uint32_t gen = prog_gen(&a, (uint32_t)slot);

		assert_true(prog_sync(&a, (uint32_t)slot));
		assert_int_equal(prog_state(&a, (uint32_t)slot), SHM_STATE_LISTENING);
		rig_close_look(&a, slot, 0);
		assert_true(prog_wait_freed(&a, (uint32_t)slot, gen, WAIT));
	}
	assert_true(rig_all_freed(WAIT));
	for (; view_closed_next(d, &cursor, &v); n++) {
		assert_true(v.socket.ident < last);
		last = v.socket.ident;
	}
	assert_int_equal(n, 256);
}

static void
close__abort_reaches_the_poll_thread(void **state)
{
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	rig_close_look(&a, c, SHM_APP_ABORT);
	assert_int_equal(d->count.closes_abort, 1);
	rig_close_look(&b, s, 0);
	rig_close_look(&b, l, 0);
	assert_true(rig_all_freed(WAIT));
}

/* Both programs are done with it, but late packets may still be on their way: the number is not
 * given out again before time-wait is over, and then makes another QPN. */
static void
close__number_rests_in_time_wait(void **state)
{
	const struct conn *conn;
	uint32_t index, qpn;
	uint64_t since = 0;
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	conn = d->session[0]->slots[c].sock->conn;
	index = conn->index;
	qpn = conn->qpn;
	rig_close_look(&a, c, 0);
	rig_close_look(&b, s, 0);
	while (conn_find(d, index) != NULL) {
		if (since == 0 && conn->cm == CONN_CM_TIMEWAIT)
			since = loop_now().ns;
		rig_pump(NULL);
	}
	assert_true(since != 0);
	assert_true(loop_now().ns - since >= SAN_DURATION_MS(d->config.timewait_ms).ns - 2000000);
	assert_int_not_equal(d->conns.generation[index - CONN_INDEX_FIRST], qpn >> 16);
	rig_close_look(&b, l, 0);
	assert_true(rig_all_freed(WAIT));
}

static void
close__waits_for_upcalls(void **state)
{
	int l, c, s;
	uint32_t gen;

	(void)state;
	rig_pair(&l, &c, &s);
	gen = prog_gen(&a, (uint32_t)c);
	atomic_fetch_or(&prog_slot(&a, (uint32_t)c)->app_flags, SHM_APP_CLOSED);
	assert_true(prog_sync(&a, (uint32_t)c));
	rig_settle(150);
	assert_int_equal(prog_gen(&a, (uint32_t)c), gen);
	prog_unhold(&a, (uint32_t)c);
	assert_true(prog_wait_freed(&a, (uint32_t)c, gen, WAIT));
}

static void
close__broken_connection_stays_until_closed(void **state)
{
	int l, c, s;
	uint32_t gen;

	(void)state;
	rig_pair(&l, &c, &s);
	gen = prog_gen(&a, (uint32_t)c);
	fake_poll_die(16, SAN_ETIMEDOUT);
	fake_poll_die(17, SAN_ETIMEDOUT);
	rig_settle(50);
	assert_int_equal(prog_gen(&a, (uint32_t)c), gen);
	rig_close_look(&a, c, 0);
	assert_true(prog_wait_freed(&a, (uint32_t)c, gen, WAIT));
	rig_close_look(&b, s, 0);
	rig_close_look(&b, l, 0);
	assert_true(rig_all_freed(WAIT));
}

static void
close__before_any_command(void **state)
{
	uint32_t slot = (uint32_t)prog_take(&a), gen = prog_gen(&a, slot);

	(void)state;
	prog_close(&a, slot, 0);
	assert_true(prog_sync(&a, slot));
	assert_int_equal(prog_gen(&a, slot), gen + 1);
	assert_int_equal(atomic_load(&prog_slot(&a, slot)->app_flags), 0);
}

static void
close__listener_resets_unaccepted_children(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c[3];

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	for (int i = 0; i < 3; i++) {
		c[i] = prog_sock_connect(&a, OWN, PORT);
		assert_true(prog_sync(&a, (uint32_t)c[i]));
		assert_int_equal(prog_wait_connect(&a, (uint32_t)c[i], WAIT), 0);
	}
	rig_settle(10);
	assert_int_equal(d->count.accepts, 3);
	assert_int_equal(prog_accept(&b, (uint32_t)l, WAIT) > 0, 1);
	rig_close_look(&b, l, 0);
	rig_settle(20);
	/* the two that nobody accepted, and not the third */
	assert_int_equal(d->count.closes_abort, 2);
	for (int i = 0; i < 3; i++)
		rig_close_look(&a, c[i], 0);
}

static void
close__slot_memory_returns(void **state)
{
	static uint8_t junk[65536];
	uint64_t before;
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	before = region_resident_bytes(&d->session[a.map.session]->region);
	memset(junk, 1, sizeof junk);
	assert_int_equal(prog_write(&a, (uint32_t)c, junk, sizeof junk), sizeof junk);
	assert_true(region_resident_bytes(&d->session[a.map.session]->region) >= before + 65536);
	rig_close_look(&a, c, SHM_APP_ABORT);
	rig_close_look(&b, s, 0);
	rig_close_look(&b, l, 0);
	assert_true(rig_all_freed(WAIT));
	assert_true(region_resident_bytes(&d->session[a.map.session]->region) <= before);
}

static void
close__many_cycles_leave_nothing(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4);

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	for (int i = 0; i < 300; i++) {
		int c = prog_sock_connect(&a, OWN, PORT), s;

		assert_true(c >= 0);
		assert_true(prog_sync(&a, (uint32_t)c));
		assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
		s = prog_accept(&b, (uint32_t)l, WAIT);
		assert_true(s > 0);
		rig_close_look(i % 2 ? &a : &b, i % 2 ? c : s, i % 3 == 0 ? SHM_APP_ABORT : 0);
		rig_close_look(i % 2 ? &b : &a, i % 2 ? s : c, 0);
		if (i % 16 == 0)
			rig_settle(40); /* time-wait */
	}
	rig_close_look(&b, l, 0);
	assert_true(rig_all_freed(WAIT));
}

/* --- death ------------------------------------------------------------------------------------ */

static void
death__closes_what_only_the_dead_held(void **state)
{
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	prog_die(&a);
	rig_settle(50);
	assert_int_equal(d->session_count, 1);
	assert_int_equal(d->count.closes_died, 1);
	/* a closed in order: nothing was unread */
	assert_int_equal(d->count.closes_graceful, 1);
	rig_close_look(&b, s, 0);
	rig_close_look(&b, l, 0);
	assert_true(rig_all_freed(WAIT));
}

static void
death__with_unread_data_resets(void **state)
{
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	atomic_store(&prog_slot(&a, (uint32_t)c)->rx_tail, 10); /* as if the peer had written */
	prog_die(&a);
	rig_settle(20);
	assert_int_equal(d->count.closes_abort, 1);
}

static void
death__of_a_listening_program_resets_the_queue(void **state)
{
	int l = prog_sock_listen(&b, OWN, PORT, 4), c;

	(void)state;
	assert_true(prog_sync(&b, (uint32_t)l));
	c = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)c));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	prog_die(&b);
	rig_settle(50);
	assert_int_equal(d->session_count, 1);
	rig_close_look(&a, c, 0);
	assert_true(rig_all_freed(WAIT));
}

static void
fork__child_keeps_what_the_parent_held(void **state)
{
	struct prog child = {.fd = -1};
	int l, c, s;
	uint32_t gen;

	(void)state;
	rig_pair(&l, &c, &s);
	gen = prog_gen(&a, (uint32_t)c);
	assert_true(prog_fork(&child, &a, path));
	prog_die(&a);
	rig_settle(30);
	assert_int_equal(d->count.closes_died, 0);
	assert_int_equal(prog_gen(&child, (uint32_t)c), gen);
	assert_int_equal(prog_state(&child, (uint32_t)c), SHM_STATE_CONNECTED);
	prog_die(&child);
	rig_settle(30);
	assert_int_equal(d->count.closes_died, 1);
}

static void
fork__from_nobody_is_refused(void **state)
{
	struct prog child = {.fd = -1}, parent = a;

	(void)state;
	parent.attach = 200;
	assert_false(prog_fork(&child, &parent, path));
	assert_int_equal(d->count.hostile_messages, 1);
	prog_die(&child);
}

static void
death__slot_taken_and_never_used(void **state)
{
	struct prog child = {.fd = -1};
	uint32_t slot;

	(void)state;
	assert_true(prog_fork(&child, &a, path));
	slot = (uint32_t)prog_take(&child);
	prog_die(&child);
	rig_settle(20);
	assert_int_equal(atomic_load(&prog_slot(&a, slot)->app_flags), 0);
}

static void
stop__tells_programs(void **state)
{
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	daemon_stop(d);
	assert_int_equal(atomic_load(&a.map.region->daemon_gone), 1);
	assert_true(prog_hung_up(&a));
	assert_int_equal(d->session_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    RIG_TEST(close__frees_both_ends),
	    RIG_TEST(close__is_remembered_step_by_step),
	    RIG_TEST(close__history_is_bounded),
	    RIG_TEST(close__abort_reaches_the_poll_thread),
	    RIG_TEST(close__number_rests_in_time_wait),
	    RIG_TEST(close__waits_for_upcalls),
	    RIG_TEST(close__broken_connection_stays_until_closed),
	    RIG_TEST(close__before_any_command),
	    RIG_TEST(close__listener_resets_unaccepted_children),
	    RIG_TEST(close__slot_memory_returns),
	    RIG_TEST(close__many_cycles_leave_nothing),
	    RIG_TEST(death__closes_what_only_the_dead_held),
	    RIG_TEST(death__with_unread_data_resets),
	    RIG_TEST(death__of_a_listening_program_resets_the_queue),
	    RIG_TEST(fork__child_keeps_what_the_parent_held),
	    RIG_TEST(fork__from_nobody_is_refused),
	    RIG_TEST(death__slot_taken_and_never_used),
	    RIG_TEST(stop__tells_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
