/* SPDX-License-Identifier: BSD-3-Clause */
/* The program at one end of a stream: writes bytes that can be told apart by position, compares
 * what it reads, ends as its script says. */
#include "stream.h"

#include "check.h"
#include "seq.h"

uint8_t
program_byte(uint32_t qpn, uint64_t pos)
{
	uint64_t z = (pos >> 3) * UINT64_C(0x9e3779b97f4a7c15) + qpn;

	return (uint8_t)((z ^ z >> 29) >> ((pos & 7) * 8));
}

static struct san_duration
pause_draw(struct stream *s, struct san_duration max)
{
	return (struct san_duration){max.ns == 0 ? 0 : prng_u64(&s->prng) % max.ns};
}

void
program_write(struct stream *s, struct san_time now)
{
	const struct script *x = &s->setup.script;
	const struct byte_ring *ring = &s->open.tx;
	uint32_t used = (uint32_t)s->written - sdp_tx_released(&s->conn);
	uint32_t n = 1 + prng_below(&s->prng, x->write_max), i;

	if (s->shut || s->written == x->write_total || !san_time_reached(s->write_at, now))
		return;
	san_check(used <= ring->size);
	if (n > ring->size - used)
		n = ring->size - used;
	if (n > x->write_total - s->written)
		n = (uint32_t)(x->write_total - s->written);
	if (n == 0)
		return; /* TX_ROOM calls again */
	for (i = 0; i < n; i++)
		ring->base[(s->written + i) & (ring->size - 1)] =
		    program_byte(s->qpn, s->written + i);
	s->written += n;
	if (s->beside == NULL)
		san_check(sdp_tx_produced(&s->conn, (uint32_t)s->written, now) == 0);
	if (x->urgent != 0 && prng_below(&s->prng, x->urgent) == 0) {
		s->urgent_sent = (uint32_t)s->written;
		if (s->beside == NULL)
			sdp_tx_urgent(&s->conn, s->urgent_sent);
		else
			s->beside->urgent_due = true;
	}
	s->write_at = san_time_add(now, pause_draw(s, x->write_pause_max));
}

static void
program_read(struct stream *s, struct san_time now)
{
	const struct byte_ring *ring = &s->open.rx;
	uint32_t avail = sdp_rx_produced(&s->conn) - (uint32_t)s->read;
	uint32_t n = 1 + prng_below(&s->prng, s->setup.script.read_max), i;

	san_check(avail <= ring->size);
	if (avail == 0 || !san_time_reached(s->read_at, now))
		return;
	if (n > avail)
		n = avail;
	for (i = 0; i < n; i++)
		san_check(ring->base[(s->read + i) & (ring->size - 1)] ==
			  program_byte(s->peer_qpn, s->read + i));
	s->read += n;
	san_check(sdp_rx_consumed(&s->conn, (uint32_t)s->read, now) == 0);
	s->read_at = san_time_add(now, pause_draw(s, s->setup.script.read_pause_max));
}

void
program_close(struct stream *s, enum sdp_close_how how, struct san_time now)
{
	bool unread = sdp_rx_produced(&s->conn) != (uint32_t)s->read;

	stream_trace(s, now, "close", how);
	s->shut = s->closed = true;
	/* What control/ and poll/ do: a close with unread data, or with RDMA not done, is abortive.
	 */
	if (s->beside != NULL) {
		beside_push(s, now);
		unread |= rdma_rings_pending(&s->beside->rings);
		beside_drop(s);
	}
	sdp_close(&s->conn, unread ? SDP_CLOSE_ABORT : how, now);
}

void
program_shut(struct stream *s, struct san_time now)
{
	stream_trace(s, now, "shut", 0);
	s->shut = true;
	if (s->beside == NULL)
		sdp_shut(&s->conn, now);
	else
		s->beside->shut_due = true;
}

/* Nothing more will come and all that came was read. */
static bool
all_read(const struct stream *s)
{
	return (s->eof || s->dead) && sdp_rx_produced(&s->conn) == (uint32_t)s->read;
}

static void
program_end(struct stream *s, struct san_time now)
{
	const struct script *x = &s->setup.script;
	bool all_written = s->written == x->write_total && beside_all_put(s);
	bool all_done = all_written && beside_all_done(s), due = san_time_reached(x->end_at, now);

	if (s->dead) { /* what arrived before can still be read */
		if (all_read(s))
			program_close(s, SDP_CLOSE_GRACEFUL, now);
		return;
	}
	switch (x->ending) {
	case END_SHUT_THEN_CLOSE:
		if (all_written && !s->shut)
			program_shut(s, now);
		if (s->shut && all_read(s) && all_done)
			program_close(s, SDP_CLOSE_GRACEFUL, now);
		break;
	case END_CLOSE:
		if (all_done)
			program_close(s, SDP_CLOSE_GRACEFUL, now);
		break;
	case END_CLOSE_AT:
		if (due)
			program_close(s, SDP_CLOSE_GRACEFUL, now);
		break;
	case END_ABORT_AT:
		if (due)
			program_close(s, SDP_CLOSE_ABORT, now);
		break;
	case END_PORT_DOWN_AT:
		if (due)
			sdp_port_down(&s->conn, now);
		break;
	case END_WAIT:
		if (all_read(s) && all_done)
			program_close(s, SDP_CLOSE_GRACEFUL, now);
		break;
	}
}

void
program_step(struct stream *s, struct san_time now)
{
	if (s->phase != STREAM_OPEN || s->closed)
		return;
	program_read(s, now);
	program_write(s, now);
	if (s->beside != NULL)
		beside_step(s, now);
	program_end(s, now);
	if (s->beside != NULL && !s->closed)
		beside_push(s, now);
}

struct san_time
program_next(const struct stream *s)
{
	struct san_time t = SAN_TIME_NEVER;

	if (s->phase != STREAM_OPEN || s->closed)
		return t;
	if (!s->shut && s->written != s->setup.script.write_total &&
	    (uint32_t)s->written - sdp_tx_released(&s->conn) < s->open.tx.size)
		t = san_time_min(t, s->write_at);
	if (sdp_rx_produced(&s->conn) != (uint32_t)s->read)
		t = san_time_min(t, s->read_at);
	if (s->beside != NULL)
		t = san_time_min(t, beside_next(s));
	if (!s->dead)
		t = san_time_min(t, s->setup.script.end_at);
	return t;
}
