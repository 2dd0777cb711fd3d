/* SPDX-License-Identifier: BSD-3-Clause */
/* Real daemons, real frames (memif), scripted programs: what both ends of a connection see in every
 * way it can begin and end. argv[1] is the daemon. */
#include "test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"
#include "prog.h"
#include "san_err.h"
#include "two_hosts.h"

#define WAIT 20000u
#define PORT 7001
#define BULK (3u << 20)

static const char *sand, *sandctl;
static struct two_hosts hosts;
static struct prog a, b;
static int listener;

static int
programs_up(void **state)
{
	(void)state;
	a = b = (struct prog){.fd = -1, .memfd = -1};
	if (!prog_attach(&a, hosts.a.socket, "client") ||
	    !prog_attach(&b, hosts.b.socket, "server"))
		return -1;
	listener = prog_sock_listen(&b, "::", PORT, 16);
	return prog_wait_state(&b, (uint32_t)listener, SHM_STATE_LISTENING, WAIT) ? 0 : -1;
}

static int
programs_down(void **state)
{
	(void)state;
	prog_die(&a);
	prog_die(&b);
	return 0;
}

static void
pair_to(const char *address, uint32_t *client, uint32_t *server)
{
	int c = prog_sock_connect(&a, address, PORT), s;

	assert_true(c >= 0);
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	s = prog_accept(&b, (uint32_t)listener, WAIT);
	assert_true(s > 0);
	*client = (uint32_t)c;
	*server = (uint32_t)s;
}

static void
pair(uint32_t *client, uint32_t *server)
{
	pair_to(HOST_B, client, server);
}

static uint8_t
pattern(uint32_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7);
}

/* Move `len` bytes and check each. */
static void
stream(struct prog *from, uint32_t fs, struct prog *to, uint32_t ts, uint32_t len)
{
	uint64_t until = prog_now_ms() + 20000;
	uint8_t out[5000], in[7000];
	uint32_t sent = 0, got = 0;

	while (got < len) {
		uint32_t n = len - sent < sizeof out ? len - sent : sizeof out;

		for (uint32_t i = 0; i < n; i++)
			out[i] = pattern(sent + i);
		sent += prog_write(from, fs, out, n);
		n = prog_read(to, ts, in, sizeof in);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(in[i], pattern(got + i));
		got += n;
		if (n == 0)
			prog_pause(to);
		assert_true(prog_now_ms() < until);
	}
}

static uint32_t
wire_flags(struct prog *p, uint32_t slot)
{
	return atomic_load(&prog_slot(p, slot)->wire_flags);
}

static int
wire_err(struct prog *p, uint32_t slot)
{
	return atomic_load(&prog_slot(p, slot)->wire_err);
}

static void
close_and_free(struct prog *p, uint32_t slot)
{
	uint32_t gen = prog_gen(p, slot);

	prog_close(p, slot, 0);
	assert_true(prog_wait_freed(p, slot, gen, WAIT));
}

/* Both ends in order: an orderly close is finished once both sides have closed. */
static void
close_pair(struct prog *p, uint32_t first, struct prog *q, uint32_t second)
{
	uint32_t gen_first = prog_gen(p, first), gen_second = prog_gen(q, second);

	prog_close(p, first, 0);
	prog_close(q, second, 0);
	assert_true(prog_wait_freed(p, first, gen_first, WAIT));
	assert_true(prog_wait_freed(q, second, gen_second, WAIT));
}

/* --- the tests -------------------------------------------------------------------------------- */

static void
connect__and_bytes_both_ways(void **state)
{
	uint32_t c, s;

	(void)state;
	pair(&c, &s);
	stream(&a, c, &b, s, BULK);
	stream(&b, s, &a, c, BULK);
	close_pair(&a, c, &b, s);
}

static void
connect__over_ipv6(void **state)
{
	uint32_t c, s;

	(void)state;
	pair_to(HOST_B_IPV6, &c, &s);
	assert_int_equal(prog_slot(&a, c)->ctl_local.family, AF_INET6);
	stream(&a, c, &b, s, BULK);
	stream(&b, s, &a, c, BULK);
	close_pair(&a, c, &b, s);
}

static void
connect__through_another_poll_thread(void **state)
{
	uint32_t c, s, c0, s0;

	(void)state;
	pair(&c0, &s0);
	pair_to(HOST_B_SECOND, &c, &s);
	assert_int_not_equal(
	    atomic_load(&prog_slot(&a, c)->poll_id), atomic_load(&prog_slot(&a, c0)->poll_id));
	stream(&a, c, &b, s, BULK);
	stream(&b, s, &a, c, BULK);
	prog_shut(&a, c);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_EOF, WAIT));
	close_pair(&b, s, &a, c);
	close_pair(&a, c0, &b, s0);
}

static void
operator_says(const struct host *h, const char *command)
{
	char line[400];

	snprintf(line, sizeof line, "%s -s %s/ctl.sock %s", sandctl, h->dir, command);
	assert_int_equal(system(line), 0);
}

/* The second port of both hosts moves to another net and back, under a listener that stays. */
static void
connect__follows_an_address_set_at_run_time(void **state)
{
	uint32_t c, s, gen = shm_net_generation(a.map.region);
	char in[4];
	int lost;

	(void)state;
	operator_says(&hosts.a, "set port p1 address 10.79.0.1/24");
	operator_says(&hosts.b, "set port p1 address 10.79.0.2/24");
	assert_int_not_equal(shm_net_generation(a.map.region), gen);
	pair_to("10.79.0.2", &c, &s);
	assert_true(prog_write_all(&a, c, "ping", 4, WAIT));
	assert_true(prog_read_all(&b, s, in, 4, WAIT));
	assert_memory_equal(in, "ping", 4);
	lost = prog_sock_connect(&a, HOST_B_SECOND, PORT);
	assert_int_equal(prog_wait_connect(&a, (uint32_t)lost, WAIT), SAN_ENETUNREACH);
	operator_says(&hosts.a, "set port p1 address 10.78.0.1/24, fd00:78::1/64");
	operator_says(&hosts.b, "set port p1 address 10.78.0.2/24, fd00:78::2/64");
	pair_to(HOST_B_SECOND, &c, &s);
	assert_true(prog_write_all(&b, s, "pong", 4, WAIT));
	assert_true(prog_read_all(&a, c, in, 4, WAIT));
	assert_memory_equal(in, "pong", 4);
}

static void
connect__refused(void **state)
{
	int c = prog_sock_connect(&a, HOST_B, PORT + 1);

	(void)state;
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ENOLISTENER);
	close_and_free(&a, (uint32_t)c);
}

static void
connect__nobody_there(void **state)
{
	uint64_t start = prog_now_ms();
	int c = prog_sock_connect(&a, "10.77.0.77", PORT);

	(void)state;
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), SAN_ETIMEDOUT);
	assert_in_range(prog_now_ms() - start, 990, WAIT);
	close_and_free(&a, (uint32_t)c);
}

static void
connect__own_address(void **state)
{
	int l = prog_sock_listen(&a, HOST_A, PORT, 4), c, s;

	(void)state;
	assert_true(prog_wait_state(&a, (uint32_t)l, SHM_STATE_LISTENING, WAIT));
	c = prog_sock_connect(&a, HOST_A, PORT);
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	s = prog_accept(&a, (uint32_t)l, WAIT);
	assert_true(s > 0);
	stream(&a, (uint32_t)c, &a, (uint32_t)s, BULK);
	close_pair(&a, (uint32_t)c, &a, (uint32_t)s);
	close_and_free(&a, (uint32_t)l);
}

static void
close__data_then_end_of_file(void **state)
{
	char in[16] = "";
	uint32_t c, s;

	(void)state;
	pair(&c, &s);
	assert_true(prog_write_all(&a, c, "last words", 10, WAIT));
	prog_close(&a, c, 0);
	assert_true(prog_read_all(&b, s, in, 10, WAIT));
	assert_string_equal(in, "last words");
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_EOF, WAIT));
	assert_int_equal(wire_flags(&b, s) & SHM_WIRE_ERROR, 0);
	close_and_free(&b, s);
}

static void
shut__half_close_keeps_the_other_half(void **state)
{
	uint32_t c, s;

	(void)state;
	pair(&c, &s);
	assert_true(prog_write_all(&a, c, "request", 7, WAIT));
	prog_shut(&a, c);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_EOF, WAIT));
	stream(&b, s, &a, c, 100000);
	prog_close(&b, s, 0);
	assert_true(prog_wait_wire(&a, c, SHM_WIRE_EOF, WAIT));
	assert_int_equal(wire_flags(&a, c) & SHM_WIRE_ERROR, 0);
	close_and_free(&a, c);
}

static void
close__abort_resets_the_peer(void **state)
{
	uint32_t c, s;

	(void)state;
	pair(&c, &s);
	prog_close(&a, c, SHM_APP_ABORT);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_ERROR, WAIT));
	assert_int_equal(wire_err(&b, s), SAN_ECONNRESET);
	close_and_free(&b, s);
}

static void
close__both_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		uint32_t c, s, gc, gs;

		pair(&c, &s);
		gc = prog_gen(&a, c);
		gs = prog_gen(&b, s);
		prog_close(&a, c, 0);
		prog_close(&b, s, 0);
		assert_true(prog_wait_freed(&a, c, gc, WAIT));
		assert_true(prog_wait_freed(&b, s, gs, WAIT));
	}
}

static void
close__listener_with_a_full_queue(void **state)
{
	int c[5];
	uint32_t gen = prog_gen(&b, (uint32_t)listener);

	(void)state;
	for (int i = 0; i < 5; i++) {
		c[i] = prog_sock_connect(&a, HOST_B, PORT);
		assert_int_equal(prog_wait_connect(&a, (uint32_t)c[i], WAIT), 0);
	}
	prog_close(&b, (uint32_t)listener, 0);
	assert_true(prog_wait_freed(&b, (uint32_t)listener, gen, WAIT));
	for (int i = 0; i < 5; i++) {
		assert_true(prog_wait_wire(&a, (uint32_t)c[i], SHM_WIRE_ERROR, WAIT));
		assert_int_equal(wire_err(&a, (uint32_t)c[i]), SAN_ECONNRESET);
		close_and_free(&a, (uint32_t)c[i]);
	}
}

static void
death__queued_bytes_still_leave(void **state)
{
	static uint8_t in[200000], out[200000];
	uint32_t c, s;

	(void)state;
	for (uint32_t i = 0; i < sizeof out; i++)
		out[i] = pattern(i);
	pair(&c, &s);
	assert_true(prog_write_all(&a, c, out, sizeof out, WAIT));
	prog_die(&a);
	assert_true(prog_read_all(&b, s, in, sizeof in, WAIT));
	assert_memory_equal(in, out, sizeof in);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_EOF, WAIT));
	assert_int_equal(wire_flags(&b, s) & SHM_WIRE_ERROR, 0);
	close_and_free(&b, s);
}

static void
death__with_unread_data_resets(void **state)
{
	uint32_t c, s;

	(void)state;
	pair(&c, &s);
	assert_true(prog_write_all(&b, s, "unread", 6, WAIT));
	while (atomic_load(&prog_slot(&a, c)->rx_tail) < 6)
		prog_pause(&a);
	prog_die(&a);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_ERROR, WAIT));
	assert_int_equal(wire_err(&b, s), SAN_ECONNRESET);
	close_and_free(&b, s);
}

static void
hostile__positions_hurt_only_their_own_connection(void **state)
{
	uint32_t c, s, c2, s2;

	(void)state;
	pair(&c, &s);
	pair(&c2, &s2);
	atomic_store(&prog_slot(&a, c)->tx_tail, 0x7fffffff);
	prog_ring(&a, c);
	assert_true(prog_wait_wire(&a, c, SHM_WIRE_ERROR, WAIT));
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_ERROR, WAIT));
	stream(&a, c2, &b, s2, 100000);
	close_pair(&a, c, &b, s);
	close_pair(&a, c2, &b, s2);
}

static void
hostile__every_word_of_a_slot(void **state)
{
	uint32_t c, s, c2, s2;

	(void)state;
	pair(&c2, &s2);
	for (uint32_t word = 0; word < sizeof(struct shm_sock) / 4; word++) {
		_Atomic uint32_t *w;

		pair(&c, &s);
		w = (_Atomic uint32_t *)(void *)prog_slot(&a, c) + word;
		atomic_store(w, 0xdeadbeef);
		prog_ring(&a, c);
		(void)prog_sync(&a, c);
		prog_close(&a, c, SHM_APP_ABORT);
		prog_close(&b, s, 0);
	}
	stream(&a, c2, &b, s2, 100000);
	close_pair(&a, c2, &b, s2);
}

static void
hostile__doorbells_of_every_slot(void **state)
{
	uint32_t c, s;

	(void)state;
	pair(&c, &s);
	for (uint32_t slot = 0; slot < SAN_SOCKS_MAX; slot++)
		atomic_fetch_or(&a.map.region->doorbell[0].bits[slot / 64], 1ull << (slot % 64));
	atomic_store(&a.map.region->doorbell[0].summary[0], ~0ull);
	atomic_store(&a.map.region->doorbell[0].summary[1], ~0ull);
	prog_ring(&a, c);
	stream(&a, c, &b, s, 100000);
	close_pair(&a, c, &b, s);
}

static int
descriptors(pid_t pid)
{
	char path[64];
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
cycles__leave_nothing(void **state)
{
	int before_a = descriptors(hosts.a.pid), before_b = descriptors(hosts.b.pid);

	(void)state;
	for (int i = 0; i < 300; i++) {
		uint32_t c, s;
		char in[5];

		pair(&c, &s);
		assert_true(prog_write_all(&a, c, "ping", 4, WAIT));
		assert_true(prog_read_all(&b, s, in, 4, WAIT));
		if (i % 2 == 0) {
			prog_close(&a, c, i % 3 == 0 ? SHM_APP_ABORT : 0);
			close_and_free(&b, s);
		} else {
			prog_close(&b, s, 0);
			close_and_free(&a, c);
		}
	}
	/* Fewer are left when the daemon was still closing those of the programs before ours. */
	assert_in_range(descriptors(hosts.a.pid), 1, before_a);
	assert_in_range(descriptors(hosts.b.pid), 1, before_b);
}

static void
daemon__peer_killed_ends_the_connection(void **state)
{
	uint32_t c, s;

	(void)state;
	pair(&c, &s);
	host_down(&hosts.b, SIGKILL);
	assert_true(prog_hung_up(&b));
	assert_true(prog_write_all(&a, c, "anybody?", 8, WAIT));
	/* give_up_ms of the configuration below */
	assert_true(prog_wait_wire(&a, c, SHM_WIRE_ERROR, WAIT));
	assert_int_equal(wire_err(&a, c), SAN_ETIMEDOUT);
	close_and_free(&a, c);
	/* and the next daemon finds a stale socket and pid file, and simply starts */
	unlink(hosts.b.socket);
	assert_true(host_up(&hosts.b, sand));
	prog_die(&b);
	assert_true(prog_attach(&b, hosts.b.socket, "server"));
	listener = prog_sock_listen(&b, "::", PORT, 16);
	assert_true(prog_wait_state(&b, (uint32_t)listener, SHM_STATE_LISTENING, WAIT));
	for (int i = 0; i < 20; i++) {
		int again = prog_sock_connect(&a, HOST_B, PORT), err;

		err = prog_wait_connect(&a, (uint32_t)again, WAIT);
		prog_close(&a, (uint32_t)again, SHM_APP_ABORT);
		if (err == 0)
			return;
		usleep(100000); /* the link comes back */
	}
	fail_msg("no connection after the peer's daemon came back");
}

static void
daemon__stops_while_connected(void **state)
{
	uint32_t c, s;

	(void)state;
	pair(&c, &s);
	assert_int_equal(host_down(&hosts.b, SIGTERM), 0);
	assert_int_equal(atomic_load(&b.map.region->daemon_gone), 1);
	assert_true(prog_wait_wire(&a, c, SHM_WIRE_ERROR, WAIT));
	assert_int_equal(wire_err(&a, c), SAN_ECONNRESET);
	assert_true(host_up(&hosts.b, sand));
}

static int
group_up(void **state)
{
	(void)state;
	return two_hosts_up(&hosts, sand, TWO_HOSTS_QUICK) ? 0 : -1;
}

static int
group_down(void **state)
{
	(void)state;
	return two_hosts_down(&hosts) ? 0 : -1;
}

#define T(f) cmocka_unit_test_setup_teardown(f, programs_up, programs_down)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    T(connect__and_bytes_both_ways),
	    T(connect__over_ipv6),
	    T(connect__through_another_poll_thread),
	    T(connect__follows_an_address_set_at_run_time),
	    T(connect__refused),
	    T(connect__nobody_there),
	    T(connect__own_address),
	    T(close__data_then_end_of_file),
	    T(shut__half_close_keeps_the_other_half),
	    T(close__abort_resets_the_peer),
	    T(close__both_at_once),
	    T(close__listener_with_a_full_queue),
	    T(death__queued_bytes_still_leave),
	    T(death__with_unread_data_resets),
	    T(hostile__positions_hurt_only_their_own_connection),
	    T(hostile__every_word_of_a_slot),
	    T(hostile__doorbells_of_every_slot),
	    T(cycles__leave_nothing),
	    T(daemon__peer_killed_ends_the_connection),
	    T(daemon__stops_while_connected),
	};

	if (argc < 3)
		return 77;
	sand = argv[1];
	sandctl = argv[2];
	return cmocka_run_group_tests(tests, group_up, group_down);
}
