/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_daemon.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "daemon.h"
#include "san_err.h"
#include "view.h"

void
fake_daemon_init(struct daemon *d)
{
	*d = (struct daemon){.ports = FAKE_PORTS, .sockets = 9, .others = 3, .log_level = 2};
	d->started[0] = d->started[1] = true;
}

/* --- actions
 * --------------------------------------------------------------------------------------- */

const char *
daemon_version(void)
{
	return "1.2.3-fake";
}

int
daemon_stats_clear(struct daemon *d)
{
	d->cleared++;
	return d->fail;
}

int
daemon_log_level_set(struct daemon *d, uint32_t level)
{
	d->log_level = level;
	return 0;
}

static int
port_set(struct daemon *d, uint16_t port, bool started)
{
	if (port >= d->ports)
		return SAN_ENOENT;
	if (d->fail == 0)
		d->started[port] = started;
	return d->fail;
}

int
daemon_port_start(struct daemon *d, uint16_t port)
{
	return port_set(d, port, true);
}

int
daemon_port_stop(struct daemon *d, uint16_t port)
{
	return port_set(d, port, false);
}

int
daemon_port_address_set(
    struct daemon *d, uint16_t port, const char *text, char *why, size_t why_size)
{
	if (d->fail != 0)
		snprintf(why, why_size, "address: no");
	else
		snprintf(d->address[port], sizeof d->address[port], "%s", text);
	return d->fail;
}

int
daemon_capture_start(struct daemon *d, const char *path, char *why, size_t why_size)
{
	if (d->capture[0] != '\0') {
		snprintf(why, why_size, "a recording is already running");
		return SAN_EALREADY;
	}
	if (d->fail != 0)
		snprintf(why, why_size, "cannot write %s: no room", path);
	else
		snprintf(d->capture, sizeof d->capture, "%s", path);
	return d->fail;
}

int
daemon_capture_stop(struct daemon *d, uint64_t *frames, uint64_t *dropped)
{
	if (d->capture[0] == '\0')
		return SAN_ENOENT;
	d->capture[0] = '\0';
	*frames = 4711;
	*dropped = 3;
	return d->fail;
}

void
daemon_quit(struct daemon *d)
{
	d->quit = true;
}

/* --- views
 * ----------------------------------------------------------------------------------------- */

static struct shm_addr
endpoint(uint32_t i, uint16_t port)
{
	struct san_ip v4 = san_ip_v4(0x0a4d0001 + i), v6 = {{0xfd, 0, [15] = (uint8_t)(i + 1)}};
	struct shm_addr a = {.port = port, .family = i % 2 == 0 ? AF_INET : AF_INET6};

	memcpy(a.ip, i % 2 == 0 ? v4.b : v6.b, sizeof a.ip);
	return a;
}

static void
program_name(char *name, uint32_t i)
{
	static const char *const names[] = {"redis-server", "", "a \"b\"\\c", "\x1b[31m\xff\n"};

	snprintf(name, VIEW_NAME_MAX, "%s", names[i % 4]);
}

bool
view_port_next(struct daemon *d, uint32_t *cursor, struct view_port *out)
{
	uint32_t i = *cursor;

	if (i >= d->ports)
		return false;
	*cursor = i + 1;
	*out = (struct view_port){.port = (uint16_t)i,
	    .driver = "net_fake",
	    .started = d->started[i],
	    .link_up = i == 0,
	    .speed_mbps = i * 10000,
	    .mac = {2, 0, 0, 0, 0, (uint8_t)i},
	    .vlan = i == 0 ? 0xffff : 7,
	    .mtu = 1500,
	    .pmtu = 1024,
	    .addr_count = i + 1,
	    .poll = i,
	    .core_shared = i == 1,
	    .icrc = "scalar",
	    .rx_packets = 1ull << 63,
	    .tx_packets = i};
	snprintf(out->name, sizeof out->name, "p%u", i);
	snprintf(out->device, sizeof out->device, "net_fake%u,path=\"/x\\y\"", i);
	out->addr[0].ip = san_ip_v4(0x0a4d0001 + i);
	out->addr[0].bits = 96 + 24;
	out->addr[1].ip = (struct san_ip){{0xfd, [15] = 1}};
	out->addr[1].bits = 64;
	if (i == 1)
		out->gateway4 = san_ip_v4(0x0a4d00fe);
	return true;
}

bool
view_xstat_next(struct daemon *d, uint16_t port, uint32_t *cursor, struct view_xstat *out)
{
	if (*cursor >= d->others)
		return false;
	snprintf(out->name, sizeof out->name, "rx_q0_%u_packets", *cursor);
	out->value = port * 100u + *cursor;
	*cursor += 1;
	return true;
}

bool
view_socket_next(struct daemon *d, uint32_t *cursor, struct view_socket *out)
{
	static const char *const app[] = {"ATTACHED", "SHUT_WR", "CLOSED", "GONE"};
	static const char *const wire[] = {"OPENING", "OPEN", "DISCONN_SENT", "LINGER", "DEAD"};
	uint32_t i = *cursor;

	if (i >= d->sockets)
		return false;
	*cursor = i + 1;
	*out = (struct view_socket){.ident = 100 + i,
	    .session = 1,
	    .slot = i,
	    .type = i % 2 == 0 ? "STREAM" : "SEQPACKET",
	    .pid = i % 3 == 0 ? 0 : 1000 + (pid_t)i,
	    .app_state = app[i % 4],
	    .wire_state = wire[i % 5],
	    .setup_state = "done",
	    .deadline = i % 2 == 0 ? "" : "DisConn",
	    .active = i % 2 == 0,
	    .local = endpoint(i, 40000),
	    .peer = endpoint(i + 2, 80),
	    .qpn = 0x010010 + i,
	    .peer_qpn = 0xffffff,
	    .pmtu = 1024,
	    .tx_queued = i,
	    .rx_queued = 1u << 20,
	    .tx_bytes = UINT64_MAX - i,
	    .retransmits = i,
	    .features = "SACK",
	    .rtt = {12345},
	    .cc = {.algorithm = i == 0 ? "" : "dcqcn",
		.window = 512,
		.rate = 1250000 * i,
		.rx_cnps = i},
	    .err = i == 4 ? SAN_ECONNRESET : 0,
	    .why = i == 4 ? "connection reset by peer" : "",
	    .age = SAN_DURATION_MS(1500)};
	program_name(out->program, i);
	return true;
}

bool
view_closed_next(struct daemon *d, uint32_t *cursor, struct view_closed *out)
{
	uint32_t i = *cursor;

	if (!view_socket_next(d, cursor, &out->socket))
		return false;
	out->aborted = i % 2 == 1;
	out->died = i % 4 >= 2;
	out->took = SAN_DURATION_US(250 + i);
	out->ago = SAN_DURATION_MS(7000);
	out->step_count = 3;
	out->step[0] = (struct view_step){"CLOSE", {0}};
	out->step[1] = (struct view_step){"WIRE_DEAD", SAN_DURATION_US(200)};
	out->step[2] = (struct view_step){"UPCALLS_DONE", SAN_DURATION_US(240)};
	return true;
}

bool
view_listener_next(struct daemon *d, uint32_t *cursor, struct view_listener *out)
{
	uint32_t i = *cursor;

	if (i >= d->others)
		return false;
	*cursor = i + 1;
	*out = (struct view_listener){.ident = 10 + i,
	    .session = 1,
	    .type = i % 2 == 0 ? "STREAM" : "SEQPACKET",
	    .pid = 77,
	    .local = endpoint(i, 6379),
	    .backlog = 128,
	    .queued = i,
	    .accepted = 5};
	if (i == 2)
		memset(out->local.ip, 0, sizeof out->local.ip);
	program_name(out->program, i);
	return true;
}

bool
view_session_next(struct daemon *d, uint32_t *cursor, struct view_session *out)
{
	uint32_t i = *cursor;

	if (i >= d->others)
		return false;
	*cursor = i + 1;
	*out = (struct view_session){.session = i + 1,
	    .uid = 1000,
	    .pid_count = i * 8,
	    .sockets = 4,
	    .slots = 4096,
	    .region_bytes = 8ull << 30,
	    .ending = i == 0};
	for (uint32_t p = 0; p < VIEW_PIDS_MAX; p++)
		out->pid[p] = (pid_t)(1000 + p);
	program_name(out->program, i);
	return true;
}

bool
view_rule_next(struct daemon *d, uint32_t *cursor, struct view_rule *out)
{
	uint32_t i = *cursor;

	if (i >= d->others)
		return false;
	*cursor = i + 1;
	*out = (struct view_rule){.number = i + 1,
	    .net = san_ip_v4(0x0a4d0000),
	    .bits = i == 0 ? 0 : 96 + 24,
	    .port_lo = (uint16_t)(i * 80),
	    .port_hi = i == 0	? 65535
		       : i == 1 ? 80
				: 8099,
	    .connect = i != 1,
	    .listen = i != 2,
	    .action = (uint8_t)i};
	snprintf(out->name, sizeof out->name, "rule%u", i);
	snprintf(out->program, sizeof out->program, "%s", i == 0 ? "" : "nginx");
	return true;
}

bool
view_neighbour_next(struct daemon *d, uint32_t *cursor, struct view_neighbour *out)
{
	if (*cursor >= d->others)
		return false;
	*out = (struct view_neighbour){.port = 0,
	    .ip = san_ip_v4(0x0a4d0002 + *cursor),
	    .mac = {2, 0, 0, 0, 1, (uint8_t)*cursor},
	    .state = "REACHABLE",
	    .age = SAN_DURATION_S(3)};
	*cursor += 1;
	return true;
}

bool
view_memory_next(struct daemon *d, uint32_t *cursor, struct view_memory *out)
{
	static const struct view_memory memory[] = {
	    {"frames", "packet buffers", "", 100, 8192},
	    {"regions", "shared memory", "bytes", 1ull << 40, 0},
	    {"connections", "connections", "", 9, 4096},
	};

	if (*cursor >= d->others)
		return false;
	*out = memory[*cursor % 3];
	*cursor += 1;
	return true;
}

bool
view_counter_next(struct daemon *d, uint32_t *cursor, struct view_counter *out)
{
	static const struct view_counter counters[] = {
	    {"poll0", "rx_frames", "frames received", 10},
	    {"poll0", "bad_icrc", "frames with a wrong ICRC", 0},
	    {"poll1", "rx_frames", "frames received", 20},
	    {"poll1", "bad_icrc", "frames with a wrong ICRC", 1},
	    {"cm", "req_rx", "REQ received", 5},
	};

	if (*cursor >= (d->others == 0 ? 0 : 5))
		return false;
	*out = counters[*cursor];
	*cursor += 1;
	return true;
}
