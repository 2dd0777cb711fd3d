/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <stdio.h>
#include <unistd.h>

#include "log.h"
#include "san_err.h"

struct daemon *d;
char path[80];
static char dir[64];
struct prog a, b;

static struct san_config
config(void)
{
	struct san_config c = {
	    .name = "test",
	    .profile = CONFIG_PROFILE_BALANCED,
	    .sockets_per_program = 64,
	    .sessions_max = 8,
	    .sessions_per_user = 8,
	    .connections_max = 64,
	    .tx_ring_bytes = 65536,
	    .rx_ring_bytes = 65536,
	    .rdma_heap_bytes = 1u << 20,
	    .connect_timeout_ms = 400,
	    .retry_count = 7,
	    .rto_initial_us = 1000,
	    .rto_min_us = 1000,
	    .rto_max_ms = 1,
	    .window_packets = 300,
	    .selective_ack = true,
	    .ecn_echo = true,
	    .ecn = true,
	    .congestion = CONFIG_CONGESTION_WINDOW,
	    .dreq_interval_ms = 50,
	    .dreq_retries = 3,
	    .timewait_ms = 20,
	    .port_count = 1,
	    .rule_count = 1,
	};

	snprintf(c.port[0].name, sizeof c.port[0].name, "p0");
	snprintf(c.port[0].device, sizeof c.port[0].device, "fake");
	san_ip_parse(OWN, &c.port[0].addr[0].ip);
	c.port[0].addr[0].bits = 120;
	c.port[0].addr_count = 1;
	c.port[0].mtu = 1500;
	c.port[0].vlan = 0xffff;
	c.rule[0].net = c.port[0].addr[0].ip;
	c.rule[0].bits = 120;
	c.rule[0].port_hi = 65535;
	c.rule[0].action = SHM_ACTION_SAN;
	c.rule[0].role = 3;
	return c;
}

void
rig_pump(void *arg)
{
	(void)arg;
	daemon_turn(d, san_time_add(loop_now(), SAN_DURATION_MS(1)));
}

int
rig_daemon_up(void **state)
{
	struct san_config c = config();
	char why[256];

	(void)state;
	log_level_set(LOG_LEVEL_ERROR);
	snprintf(dir, sizeof dir, "/tmp/sand-test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/sand.sock", dir);
	assert_int_equal(daemon_create(&c, &d), 0);
	assert_int_equal(pollers_open(d), 0);
	assert_int_equal(pollers_launch(d), 0);
	assert_int_equal(ports_open(d, why, sizeof why), 0);
	assert_int_equal(attach_server_open(d, path, 0600), 0);
	a = b = (struct prog){.fd = -1, .memfd = -1, .pump = rig_pump};
	assert_true(prog_attach(&a, path, "alpha"));
	assert_true(prog_attach(&b, path, "beta"));
	return 0;
}

int
rig_daemon_down(void **state)
{
	(void)state;
	prog_die(&a);
	prog_die(&b);
	daemon_stop(d);
	assert_int_equal(d->session_count, 0);
	assert_int_equal(d->sock_count, 0);
	assert_int_equal(fake_poll_conns(), 0);
	daemon_destroy(d);
	assert_int_equal(fake_poll_frames, 0);
	rmdir(dir);
	return 0;
}

/* Run the daemon until nothing is left to wait for but long timers. */
void
rig_settle(uint32_t ms)
{
	uint64_t until = prog_now_ms() + ms;

	while (prog_now_ms() < until)
		rig_pump(NULL);
}

bool
rig_all_freed(uint32_t ms)
{
	uint64_t until = prog_now_ms() + ms;

	while ((d->sock_count > 0 || d->conns.free_count < d->conns.size) && prog_now_ms() < until)
		rig_pump(NULL);
	return d->sock_count == 0 && d->conns.free_count == d->conns.size && fake_poll_conns() == 0;
}

/* A listener of b, a connection of a to it, accepted by b. */
void
rig_pair(int *listener, int *client, int *server)
{
	*listener = prog_sock_listen(&b, OWN, PORT, 4);
	assert_true(prog_sync(&b, (uint32_t)*listener));
	assert_int_equal(prog_state(&b, (uint32_t)*listener), SHM_STATE_LISTENING);
	*client = prog_sock_connect(&a, OWN, PORT);
	assert_true(prog_sync(&a, (uint32_t)*client));
	assert_int_equal(prog_wait_connect(&a, (uint32_t)*client, WAIT), 0);
	*server = prog_accept(&b, (uint32_t)*listener, WAIT);
	assert_true(*server >= (int)b.map.socks / 2);
	assert_int_equal(prog_state(&b, (uint32_t)*server), SHM_STATE_CONNECTED);
}

void
rig_close_look(struct prog *p, int slot, uint32_t flags)
{
	prog_close(p, (uint32_t)slot, flags);
	(void)prog_sync(p, (uint32_t)slot);
}
