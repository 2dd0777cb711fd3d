/* SPDX-License-Identifier: BSD-3-Clause */
/* From what arrives to records. A message grows behind `rx_written`, its header comes last; the
 * answer to a READ has its place kept, behind all whole records, before the READ leaves. What the
 * program is shown ends at the first READ not answered.
 *
 * The peer is promised as many messages of the usual size as there is room for, and told to wait
 * when there is none for the longest: promises that turn out too good cost time, never a message.
 */
#include "msg_priv.h"

#define USUAL_SHIFT 4u

static uint32_t
room(const struct msg_conn *c)
{
	return c->rx.size - (c->rx_written - c->rx_consumed);
}

static uint32_t
longest(const struct msg_conn *c)
{
	return shm_record_bytes(shm_record_max(c->rx.size));
}

void
msg_rx_allow(struct msg_conn *c)
{
	uint32_t left = room(c), taken = c->in_message ? longest(c) : 0, usual;
	bool closed;

	left = left > taken ? left - taken : 0;
	closed = left < longest(c);
	usual = c->usual >> USUAL_SHIFT;
	verbs_recv_allow(&c->v, c->begun + (closed ? 0 : left / usual), closed);
}

static void
message_end(struct msg_conn *c, const struct verbs_piece *p)
{
	uint32_t payload = p->write ? 0 : c->message_len;
	uint32_t bytes = shm_record_bytes(payload);
	const struct shm_rx_record r = {
	    .kind = SHM_RX_MESSAGE,
	    .flags = (uint8_t)((p->solicited ? SHM_RX_SOLICITED : 0) | (p->imm ? SHM_RX_IMM : 0) |
			       (p->write ? SHM_RX_WRITTEN : 0)),
	    .len = p->write ? p->len : payload,
	    .imm = p->imm ? p->imm_data : 0,
	};

	shm_rx_record_put(&c->rx, c->rx_written, &r);
	c->rx_written += bytes;
	c->in_message = false;
	c->counters.rx_messages++;
	c->usual = c->usual - (c->usual >> USUAL_SHIFT) + bytes;
}

void
msg_rx_piece(struct msg_conn *c, const struct verbs_piece *p)
{
	if (p->first) {
		c->in_message = true;
		c->message_len = 0;
		c->begun++;
	}
	if (!p->write) {
		byte_ring_write(
		    &c->rx, c->rx_written + SHM_RECORD_HEAD + c->message_len, p->payload, p->len);
		c->message_len += p->len;
	}
	if (p->last)
		message_end(c, p);
	msg_rx_allow(c);
}

bool
msg_rx_read_begin(struct msg_conn *c, const struct shm_tx_record *read, uint32_t *payload_pos)
{
	const struct shm_rx_record r = {
	    .kind = SHM_RX_READ_DATA, .len = read->len, .tag = read->tag};
	uint32_t bytes = shm_record_bytes(read->len);

	if (c->in_message || c->read_tail - c->read_head == MSG_READS ||
	    room(c) < bytes + longest(c))
		return false;
	shm_rx_record_put(&c->rx, c->rx_written, &r);
	c->read_pos[c->read_tail++ % MSG_READS] = c->rx_written;
	*payload_pos = c->rx_written + SHM_RECORD_HEAD;
	c->rx_written += bytes;
	msg_rx_allow(c);
	return true;
}

void
msg_rx_read_done(struct msg_conn *c)
{
	c->read_head++;
}

uint32_t
msg_rx_produced(const struct msg_conn *c)
{
	return c->read_head == c->read_tail ? c->rx_written : c->read_pos[c->read_head % MSG_READS];
}
