/* SPDX-License-Identifier: BSD-3-Clause */
/* From records to work requests, in order. A request remembers where the next record begins: that
 * far the ring is released when it is done. */
#include "msg_priv.h"
#include "san_err.h"

static const uint8_t ops[] = {
    [SHM_TX_SEND] = VERBS_SEND,
    [SHM_TX_WRITE] = VERBS_WRITE,
    [SHM_TX_READ] = VERBS_READ,
};

static struct verbs_send
request(struct msg_conn *c, const struct shm_tx_record *r, uint32_t next)
{
	struct verbs_send wr = {
	    .cookie = next,
	    .op = ops[r->op],
	    .solicited = (r->flags & SHM_TX_SOLICITED) != 0,
	    .fence = (r->flags & SHM_TX_FENCE) != 0,
	    .rkey = r->key,
	    .va = r->va,
	};

	if (r->op != SHM_TX_READ)
		wr.sge_count = msg_sge(&c->tx, c->tx_posted + SHM_RECORD_HEAD, r->len, wr.sge);
	return wr;
}

/* 0, SAN_EAGAIN: not now, SAN_EPROTO. */
static int
record_post(struct msg_conn *c, const struct shm_tx_record *r, uint32_t bytes)
{
	struct verbs_send wr = request(c, r, c->tx_posted + bytes);
	uint32_t pos;
	int err;

	if (c->v.sq.tail - c->v.sq.head > c->v.sq.mask)
		return SAN_EAGAIN;
	if (r->op == SHM_TX_READ) {
		if (!c->v.reads)
			return SAN_EPROTO; /* the slot's read_depth said so */
		/* What the program is shown ends at a READ under way. One that stood behind a SEND
		 * the peer has no room for could keep this program from reading, and, the same
		 * there, the peer's: so nothing that may have to wait is ahead of it. */
		if (c->sends_out != 0 || !msg_rx_read_begin(c, r, &pos))
			return SAN_EAGAIN;
		wr.sge_count = msg_sge(&c->rx, pos, r->len, wr.sge);
	}
	err = verbs_post_send(&c->v, &wr);
	c->sends_out += r->op == SHM_TX_SEND;
	return err == 0 ? 0 : SAN_EPROTO;
}

bool
msg_tx_pump(struct msg_conn *c)
{
	struct shm_tx_record r;
	int bytes, err;

	while (
	    (bytes = shm_tx_record_get(&c->tx, c->tx_posted, c->tx_produced, &c->limits, &r)) > 0) {
		err = record_post(c, &r, (uint32_t)bytes);
		if (err != 0)
			return err == SAN_EAGAIN;
		c->tx_posted += (uint32_t)bytes;
	}
	return bytes == 0;
}

static void
done(struct msg_conn *c, uint8_t op, uint32_t len)
{
	if (op == VERBS_SEND) {
		c->sends_out--;
		c->counters.tx_messages++;
	} else if (op == VERBS_READ) {
		c->counters.reads++;
		msg_rx_read_done(c);
	} else {
		c->counters.writes += len != 0; /* else a probe */
	}
}

void
msg_tx_reap(struct msg_conn *c)
{
	struct verbs_done d;

	while (verbs_send_take(&c->v, &d)) {
		if (d.status != VERBS_STATUS_OK)
			continue; /* the connection has ended, verbs_error says why */
		c->tx_released = (uint32_t)d.cookie;
		done(c, d.op, d.len);
	}
}
