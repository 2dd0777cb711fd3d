/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_poll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "eal.h"
#include "frame.h"
#include "poll_thread.h"
#include "port.h"
#include "san_err.h"
#include "test.h"

#define EVENTS 4096u

bool fake_poll_refuse, fake_poll_lose, fake_poll_hold, fake_poll_link;
int fake_poll_frames;

static struct fake_conn conns[SAN_CONNS_MAX];
static struct poll_event events[EVENTS];
static uint32_t head, tail;
static struct poll_event held;
static bool has_held;
static int control_fd = -1, doorbell_fd = -1;

struct frame {
	uint32_t len;
	uint8_t bytes[2048];
};

/* --- frames and ports ------------------------------------------------------------------------- */

struct frame *
frame_alloc(void)
{
	fake_poll_frames++;
	return calloc(1, sizeof(struct frame));
}

void
frame_free(struct frame *f)
{
	fake_poll_frames--;
	free(f);
}

uint8_t *
frame_data(struct frame *f)
{
	return f->bytes;
}

uint32_t
frame_len(const struct frame *f)
{
	return f->len;
}

uint32_t
frame_capacity(const struct frame *f)
{
	return sizeof f->bytes;
}

void
frame_set_len(struct frame *f, uint32_t len)
{
	f->len = len;
}

static bool link_reported;

int
port_open(uint16_t port, const struct port_params *params, char *why, size_t why_size)
{
	(void)port;
	link_reported = false;
	fake_poll_link = true;
	if (strcmp(params->device, "missing") != 0)
		return 0;
	snprintf(why, why_size, "no such device");
	return SAN_ENOENT;
}

void
port_close(uint16_t port)
{
	(void)port;
}

int
port_start(uint16_t port)
{
	(void)port;
	return 0;
}

int
port_stop(uint16_t port)
{
	(void)port;
	return 0;
}

int
port_info_get(uint16_t port, struct port_info *out)
{
	*out = (struct port_info){.driver = "fake",
	    .started = true,
	    .link_up = fake_poll_link,
	    .speed_mbps = 25000,
	    .mac = {2, 0, 0, 0, 0, 1},
	    .mtu = 1500};
	return port == 0 ? 0 : SAN_ENOENT;
}

int
port_stats_get(uint16_t port, struct port_stats *out)
{
	(void)port;
	*out = (struct port_stats){.rx_packets = 7};
	return 0;
}

int
port_xstat_get(uint16_t port, uint32_t i, struct port_xstat *out)
{
	(void)port;
	(void)i;
	(void)out;
	return SAN_ENOENT;
}

int
port_link_fd(void)
{
	return -1;
}

bool
port_link_changed(uint16_t port, bool *up)
{
	bool changed = fake_poll_link != link_reported;

	(void)port;
	*up = link_reported = fake_poll_link;
	return changed;
}

int
port_capture_start(const char *path, char *why, size_t why_size)
{
	(void)path;
	snprintf(why, why_size, "no capture here");
	return SAN_EIO;
}

int
port_capture_poll(void)
{
	return 0;
}

int
port_capture_stop(uint64_t *frames, uint64_t *dropped)
{
	(void)frames;
	(void)dropped;
	return SAN_ENOENT;
}

bool
port_capture_running(void)
{
	return false;
}

unsigned
eal_workers(unsigned *lcores, unsigned max)
{
	(void)max;
	lcores[0] = 1;
	return 1;
}

int
eal_lcore_cpu(unsigned lcore)
{
	(void)lcore;
	return -1;
}

bool
eal_lcore_shared(unsigned lcore)
{
	(void)lcore;
	return true;
}

void
eal_frame_pool_info(struct eal_frame_pool_info *out)
{
	*out = (struct eal_frame_pool_info){.frames = 100, .in_use = (uint32_t)fake_poll_frames};
}

/* --- the poll thread -------------------------------------------------------------------------- */

struct fake_conn *
fake_poll_conn(uint32_t conn)
{
	return conn < SAN_CONNS_MAX && conns[conn].open ? &conns[conn] : NULL;
}

uint32_t
fake_poll_conns(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SAN_CONNS_MAX; i++)
		n += conns[i].open;
	return n;
}

static void
event_put(const struct poll_event *ev)
{
	assert_true(tail - head < EVENTS);
	events[tail++ % EVENTS] = *ev;
}

static void
conn_say(uint32_t conn, uint32_t bits, int err)
{
	struct poll_event ev = {.type = POLL_EV_CONN_EVENT,
	    .conn = conn,
	    .sock = conns[conn].sock,
	    .ev = {.bits = bits, .err = err}};

	event_put(&ev);
}

static void
conn_freed_if_done(uint32_t conn)
{
	struct poll_event ev = {.type = POLL_EV_CONN_FREED, .conn = conn};

	if (!conns[conn].dead || !conns[conn].released)
		return;
	conns[conn].open = false;
	event_put(&ev);
}

void
fake_poll_die(uint32_t conn, int err)
{
	if (conns[conn].dead)
		return;
	conns[conn].dead = true;
	conn_say(conn, SDP_EV_DEAD, err);
	conn_freed_if_done(conn);
}

static void
conn_open(const struct poll_cmd *cmd)
{
	struct poll_event ev = {
	    .type = POLL_EV_CONN_OPENED, .conn = cmd->conn, .sock = cmd->open.sock};
	struct fake_conn *c = &conns[cmd->conn];

	assert_false(c->open);
	assert_int_equal(cmd->open.open.qpn & 0xffff, cmd->conn);
	if (fake_poll_refuse) {
		ev.ev.err = SAN_ENOMEM;
	} else {
		*c = (struct fake_conn){
		    .open = true,
		    .sock = cmd->open.sock,
		    .qpn = cmd->open.open.qpn,
		    .peer_qpn = cmd->open.open.peer_qpn,
		    .rq_psn = cmd->open.open.rq_psn,
		    .sq_psn = cmd->open.open.sq_psn,
		    .pmtu = cmd->open.open.pmtu,
		    .credits = cmd->open.open.local_credits,
		    .peer_credits = cmd->open.open.peer_credits,
		    .features = cmd->open.open.features,
		    .initiator_depth = cmd->open.open.initiator_depth,
		    .responder_resources = cmd->open.open.responder_resources,
		    .cc = cmd->open.open.cc,
		    .tclass = cmd->open.path.tclass,
		};
	}
	if (fake_poll_hold && !has_held) {
		held = ev;
		has_held = true;
	} else {
		event_put(&ev);
	}
}

void
fake_poll_unhold(void)
{
	fake_poll_hold = false;
	if (has_held)
		event_put(&held);
	has_held = false;
}

static void
conn_command(const struct poll_cmd *cmd)
{
	struct fake_conn *c = &conns[cmd->conn];

	assert_true(c->open);
	switch ((enum poll_cmd_type)cmd->type) {
	case POLL_CMD_CONN_CLOSE:
		c->aborted = cmd->close.how == SDP_CLOSE_ABORT;
		if (!c->dead)
			conn_say(cmd->conn, SDP_EV_WANT_DREQ, 0);
		break;
	case POLL_CMD_CONN_DREQ:
	case POLL_CMD_CONN_DREQ_DONE:
		fake_poll_die(cmd->conn, cmd->type == POLL_CMD_CONN_DREQ ? SAN_ECONNRESET : 0);
		break;
	case POLL_CMD_CONN_RELEASE:
		assert_false(c->released);
		c->released = true;
		conn_freed_if_done(cmd->conn);
		break;
	default:
		fail();
	}
}

static void
frame_tx(const struct poll_cmd *cmd)
{
	struct poll_event ev = {.type = POLL_EV_FRAME_RX, .port = cmd->port, .frame = cmd->frame};
	bool ours = memcmp(cmd->frame->bytes, cmd->frame->bytes + 6, 6) == 0;

	if (ours && !fake_poll_lose)
		event_put(&ev);
	else
		frame_free(cmd->frame);
}

int
poll_cmd_put(unsigned poll, const struct poll_cmd *cmd)
{
	struct poll_event gone = {
	    .type = POLL_EV_SESSION_GONE, .sock.session = cmd->session.session};

	assert_int_equal(poll, 0);
	switch ((enum poll_cmd_type)cmd->type) {
	case POLL_CMD_CONN_OPEN:
		conn_open(cmd);
		break;
	case POLL_CMD_FRAME_TX:
		frame_tx(cmd);
		break;
	case POLL_CMD_SESSION_DEL:
		event_put(&gone);
		break;
	case POLL_CMD_CONN_MEM: /* the fake moves bytes of streams only */
	case POLL_CMD_SESSION_ADD:
	case POLL_CMD_PORT_UP:
	case POLL_CMD_PORT_DOWN:
	case POLL_CMD_STOP:
		break;
	case POLL_CMD_CONN_CLOSE:
	case POLL_CMD_CONN_DREQ:
	case POLL_CMD_CONN_DREQ_DONE:
	case POLL_CMD_CONN_PATH:
	case POLL_CMD_CONN_RELEASE:
		conn_command(cmd);
		break;
	}
	return 0;
}

bool
poll_event_get(unsigned poll, struct poll_event *event)
{
	(void)poll;
	if (head == tail)
		return false;
	*event = events[head++ % EVENTS];
	return true;
}

int
poll_create(unsigned poll, const struct poll_params *params)
{
	(void)poll;
	(void)params;
	doorbell_fd = eventfd(0, EFD_NONBLOCK);
	head = tail = 0;
	memset(conns, 0, sizeof conns);
	fake_poll_refuse = fake_poll_lose = fake_poll_hold = has_held = false;
	return 0;
}

void
poll_destroy(unsigned poll)
{
	(void)poll;
	close(doorbell_fd);
	close(control_fd);
	control_fd = -1;
}

int
poll_launch(unsigned poll)
{
	(void)poll;
	return 0;
}

void
poll_join(unsigned poll)
{
	(void)poll;
}

int
poll_control_fd(void)
{
	if (control_fd < 0)
		control_fd = eventfd(0, EFD_NONBLOCK);
	return control_fd;
}

bool
poll_control_sleeping(bool sleeping)
{
	(void)sleeping;
	return head == tail;
}

int
poll_doorbell_fd(unsigned poll)
{
	(void)poll;
	return doorbell_fd;
}

uint64_t
poll_counter_read(unsigned poll, enum poll_counter counter)
{
	(void)poll;
	return counter == POLL_COUNT_rx_frames ? 3 : 0;
}

const char *
poll_counter_name(enum poll_counter counter)
{
	(void)counter;
	return "fake";
}

const char *
poll_counter_text(enum poll_counter counter)
{
	(void)counter;
	return "fake";
}

uint32_t
poll_conn_count(unsigned poll)
{
	(void)poll;
	return fake_poll_conns();
}

int
poll_conn_read(unsigned poll, uint32_t conn, struct poll_conn_view *out)
{
	(void)poll;
	*out = (struct poll_conn_view){.state = SDP_STATE_OPEN};
	return fake_poll_conn(conn) != NULL ? 0 : SAN_ENOENT;
}
