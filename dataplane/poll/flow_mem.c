/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory a flow's peer may reach: registered and forgotten by command, and forgotten at the latest
 * when the connection has ended, before its program is told so. The keys of a flow are a list
 * through the table, whose places are the keys' slots. */
#include "flow.h"

#include <unistd.h>

#include "poll_priv.h"
#include "san_err.h"

#define SLOT_SHIFT 8u /* a key is slot << 8 | generation, see mr.h */

static struct poll_key *
key_at(struct poll *p, uint32_t key)
{
	uint32_t slot = key >> SLOT_SHIFT;

	return slot < POLL_REGIONS && p->keys[slot].key == key && key != 0 ? &p->keys[slot] : NULL;
}

static void
key_link(struct poll *p, struct flow *f, uint32_t key, int fd)
{
	p->keys[key >> SLOT_SHIFT] =
	    (struct poll_key){.key = key, .flow = f->index, .next = f->keys, .fd = fd};
	p->far_count += fd >= 0;
	if (f->keys != 0)
		key_at(p, f->keys)->prev = key;
	f->keys = key;
	f->key_count++;
}

static void
key_unlink(struct poll *p, struct flow *f, struct poll_key *k)
{
	if (k->next != 0)
		key_at(p, k->next)->prev = k->prev;
	if (k->prev != 0)
		key_at(p, k->prev)->next = k->next;
	else
		f->keys = k->next;
	f->key_count--;
	if (k->fd >= 0) {
		close(k->fd);
		p->far_count--;
	}
	*k = (struct poll_key){0};
}

int
flow_mem_add(struct poll *p, struct flow *f, const struct poll_cmd *cmd, uint32_t *key)
{
	struct poll_session *s = &p->session[f->session];
	uint32_t access = ((cmd->mem.rights & PROTO_MEM_READ) != 0 ? RC_ACCESS_REMOTE_READ : 0) |
			  ((cmd->mem.rights & PROTO_MEM_WRITE) != 0 ? RC_ACCESS_REMOTE_WRITE : 0);
	int err;

	if (!f->sock || f->closed || engine_quiet(&f->engine) || engine_error(&f->engine) != 0)
		return SAN_ENOTCONN;
	if (f->key_count == POLL_KEYS_MAX || (cmd->mem.fd >= 0 && p->far_count == POLL_FAR_MAX))
		return SAN_ENOBUFS;
	err = rc_mr_register(&p->mrs, f->qpn, cmd->mem.va,
	    cmd->mem.fd >= 0 ? NULL : s->base + cmd->mem.off, cmd->mem.len, access, key);
	if (err == 0)
		key_link(p, f, *key, cmd->mem.fd);
	return err;
}

/* A process's memory at `va` is at that offset of its /proc/PID/mem. One packet's worth, and the
 * process may be gone, or have unmapped it: then it cannot be had. */
bool
flow_far_write(struct poll *p, const struct rc_far *far)
{
	const struct poll_key *k = key_at(p, far->key);

	poll_count(p, POLL_COUNT_far_writes, 1);
	return k && pwrite(k->fd, far->bytes, far->len, (off_t)far->va) == (ssize_t)far->len;
}

bool
flow_far_read(struct poll *p, uint32_t key, uint64_t va, uint8_t *out, uint32_t len)
{
	const struct poll_key *k = key_at(p, key);

	poll_count(p, POLL_COUNT_far_reads, 1);
	return k && pread(k->fd, out, len, (off_t)va) == (ssize_t)len;
}

int
flow_mem_del(struct poll *p, struct flow *f, uint32_t key)
{
	struct poll_key *k = key_at(p, key);

	if (!k || k->flow != f->index)
		return SAN_ENOENT;
	key_unlink(p, f, k);
	return rc_mr_deregister(&p->mrs, key);
}

void
flow_mem_drop(struct poll *p, struct flow *f)
{
	while (f->keys != 0)
		flow_mem_del(p, f, f->keys);
}
