/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands of control, one after the other. Each that has an answer is taken only while there
 * is room for the answer. */
#include "poll_priv.h"

#include <unistd.h>

#include "port.h"
#include "san_err.h"

static void
answer(struct poll *p, enum poll_event_type type, const struct poll_cmd *cmd)
{
	struct poll_event ev = {.type = (uint16_t)type, .port = cmd->port, .conn = cmd->conn};

	poll_event_put(p, &ev);
}

static void
conn_open(struct poll *p, const struct poll_cmd *cmd)
{
	struct poll_event ev = {.type = POLL_EV_CONN_OPENED,
	    .port = cmd->port,
	    .conn = cmd->conn,
	    .sock = cmd->open.sock};

	ev.ev.err = flow_open(p, cmd);
	poll_count(p, ev.ev.err ? POLL_COUNT_conns_refused : POLL_COUNT_conns_opened, 1);
	poll_event_put(p, &ev);
}

static void
session_gone(struct poll *p, uint16_t session)
{
	struct poll_event ev = {.type = POLL_EV_SESSION_GONE, .sock.session = session};

	poll_session_del(p, session);
	poll_event_put(p, &ev);
}

static void
port_down(struct poll *p, const struct poll_cmd *cmd)
{
	struct flow *f;

	if (cmd->port < SAN_PORTS_MAX && p->port[cmd->port].up) {
		p->port[cmd->port].up = false;
		poll_tx_drop(p, cmd->port);
		LIST_FOREACH(f, &p->all, all_next) {
			if (f->port == cmd->port) {
				engine_port_down(&f->engine, p->now);
				flow_touch(p, f);
			}
		}
	}
	answer(p, POLL_EV_PORT_QUIET, cmd);
}

static void
conn_memory(struct poll *p, const struct poll_cmd *cmd)
{
	struct flow *f = flow_find(p, cmd->conn);
	struct poll_event ev = {
	    .type = POLL_EV_MEM_DONE, .conn = cmd->conn, .sock.session = cmd->mem.session};

	ev.mem.attach = cmd->mem.attach;
	ev.mem.add = cmd->mem.add;
	ev.mem.serial = cmd->mem.serial;
	ev.mem.key = cmd->mem.key;
	if (f && f->session != cmd->mem.session)
		f = NULL; /* the number was given to another connection meanwhile */
	if (cmd->mem.add)
		ev.mem.err = f ? flow_mem_add(p, f, cmd, &ev.mem.key) : SAN_ENOTCONN;
	else
		ev.mem.err = f ? flow_mem_del(p, f, cmd->mem.key) : SAN_ENOENT;
	if (ev.mem.err != 0 && cmd->mem.add && cmd->mem.fd >= 0)
		close(cmd->mem.fd);
	poll_event_put(p, &ev);
}

/* Commands to one connection; one that is gone already needs none. */
static void
conn_command(struct poll *p, const struct poll_cmd *cmd)
{
	struct flow *f = flow_find(p, cmd->conn);

	if (!f)
		return;
	if (cmd->type == POLL_CMD_CONN_CLOSE)
		flow_close(p, f, cmd->close.how);
	else if (cmd->type == POLL_CMD_CONN_DREQ)
		engine_dreq_received(&f->engine, p->now);
	else if (cmd->type == POLL_CMD_CONN_DREQ_DONE)
		engine_dreq_finished(&f->engine, p->now);
	else if (cmd->type == POLL_CMD_CONN_PATH)
		flow_path_set(f, cmd->path.dmac);
	else
		f->released = true;
	flow_touch(p, f);
}

static void
cmd_run(struct poll *p, const struct poll_cmd *cmd)
{
	switch ((enum poll_cmd_type)cmd->type) {
	case POLL_CMD_SESSION_ADD:
		poll_session_add(p, cmd);
		break;
	case POLL_CMD_SESSION_DEL:
		session_gone(p, cmd->session.session);
		break;
	case POLL_CMD_CONN_OPEN:
		conn_open(p, cmd);
		break;
	case POLL_CMD_CONN_CLOSE:
	case POLL_CMD_CONN_DREQ:
	case POLL_CMD_CONN_DREQ_DONE:
	case POLL_CMD_CONN_PATH:
	case POLL_CMD_CONN_RELEASE:
		conn_command(p, cmd);
		break;
	case POLL_CMD_CONN_MEM:
		conn_memory(p, cmd);
		break;
	case POLL_CMD_FRAME_TX:
		poll_tx_frame(p, cmd->port, cmd->frame);
		break;
	case POLL_CMD_PORT_UP:
		if (cmd->port < SAN_PORTS_MAX)
			p->port[cmd->port].up = true;
		break;
	case POLL_CMD_PORT_DOWN:
		port_down(p, cmd);
		break;
	case POLL_CMD_STOP:
		p->stop = true;
		break;
	}
}

void
poll_cmds_run(struct poll *p)
{
	struct poll_cmd cmd;

	for (unsigned i = 0; i < POLL_CMDS_MAX && poll_event_room(p) > 0; i++) {
		if (rte_ring_sc_dequeue_elem(p->cmds, &cmd, sizeof cmd) != 0)
			return;
		cmd_run(p, &cmd);
		p->work++;
	}
}
