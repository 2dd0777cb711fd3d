/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "daemon_priv.h"
#include "san_err.h"

#define RIGHTS (PROTO_MEM_READ | PROTO_MEM_WRITE)

static bool
held(const struct attach *a, uint32_t slot)
{
	const struct shm_attach *row = region_attach(&a->session->region, a->id);

	return (atomic_load_explicit(&row->holds[slot / 64], memory_order_relaxed) >> slot % 64 &
		   1) != 0;
}

/* Only the heap: a peer must not reach rings and slots. */
static bool
in_heap(const struct region *r, const struct proto_mem *m)
{
	uint64_t heap = r->bytes - r->heap_off;

	return m->off >= r->heap_off && m->off <= r->bytes && m->len <= heap &&
	       m->off - r->heap_off <= heap - m->len && m->va + m->len >= m->va;
}

/* 0 and the connection, or why not. */
static int
conn_of(const struct attach *a, uint32_t slot, struct conn **out)
{
	struct sock *k;

	if (slot >= a->session->region.geo.socks || !held(a, slot))
		return SAN_EPERM;
	k = a->session->slots[slot].sock;
	if (k == NULL || k->conn == NULL || k->conn->poll_state != CONN_POLL_OPEN ||
	    k->conn->setup != CONN_SETUP_OPEN)
		return SAN_ENOTCONN;
	*out = k->conn;
	return 0;
}

/* The process's own /proc/PID/mem, and nothing else: reading or writing something else could take
 * as long as it likes. What it may reach there was decided when the process opened it. */
static bool
own_memory(const struct attach *a)
{
	char self[40], want[40], is[64];
	struct statfs fs;
	ssize_t n;

	if (a->passed < 0 || fstatfs(a->passed, &fs) != 0 || fs.f_type != PROC_SUPER_MAGIC ||
	    (fcntl(a->passed, F_GETFL) & O_ACCMODE) != O_RDWR)
		return false;
	snprintf(self, sizeof self, "/proc/self/fd/%d", a->passed);
	snprintf(want, sizeof want, "/proc/%d/mem", (int)a->pid);
	n = readlink(self, is, sizeof is - 1);
	if (n < 0)
		return false;
	is[n] = '\0';
	return strcmp(is, want) == 0;
}

static int
add_check(const struct attach *a, const struct proto_mem *m)
{
	if ((m->rights & ~RIGHTS) != 0)
		return SAN_EINVAL;
	if (m->off == PROTO_MEM_OUTSIDE)
		return own_memory(a) && m->va + m->len >= m->va && m->va + m->len <= INT64_MAX
			   ? 0
			   : SAN_EINVAL;
	return in_heap(&a->session->region, m) ? 0 : SAN_EINVAL;
}

int
memory_request(struct attach *a, const struct proto_msg *m)
{
	struct poll_cmd cmd = {.type = POLL_CMD_CONN_MEM};
	struct conn *c = NULL;
	int err;

	if (a->memory_asked != 0)
		return SAN_EALREADY;
	err = conn_of(a, m->arg, &c);
	if (err == 0 && m->type == PROTO_MEM_ADD)
		err = add_check(a, &m->mem);
	if (err == SAN_ENOTCONN && m->type == PROTO_MEM_DEL)
		err = SAN_ENOENT; /* forgotten with its connection */
	if (err != 0)
		return err;
	a->memory_asked = ++a->daemon->memory_serial;
	cmd.conn = c->index;
	cmd.mem.session = (uint16_t)a->session->id;
	cmd.mem.attach = (uint16_t)a->id;
	cmd.mem.serial = a->memory_asked;
	cmd.mem.add = m->type == PROTO_MEM_ADD;
	cmd.mem.rights = m->mem.rights;
	cmd.mem.va = m->mem.va;
	cmd.mem.len = m->mem.len;
	cmd.mem.off = m->mem.off;
	cmd.mem.key = m->mem.key;
	cmd.mem.fd = -1;
	if (cmd.mem.add && m->mem.off == PROTO_MEM_OUTSIDE) {
		cmd.mem.fd = a->passed;
		a->passed = -1;
	}
	pollers_put(a->daemon, c->poll, &cmd);
	return 0;
}

struct attach *
memory_asker(struct daemon *d, const struct poll_event *ev)
{
	struct session *s = session_find(d, ev->sock.session);
	struct attach *a = s == NULL ? NULL : s->attach[ev->mem.attach];

	if (a == NULL || a->memory_asked != ev->mem.serial) {
		d->count.stale_events++; /* it died meanwhile */
		return NULL;
	}
	a->memory_asked = 0;
	return a;
}
