/* SPDX-License-Identifier: BSD-3-Clause */
/* `show closed`: what became of the sockets that are gone. */
#include <stdio.h>

#include "cli_call.h"
#include "cli_values.h"
#include "san_err.h"
#include "view.h"

static const char *
how_text(const struct view_closed *v)
{
	if (v->died)
		return v->aborted ? "died, abortive" : "died, orderly";
	return v->aborted ? "abortive" : "orderly";
}

static uint64_t
duration_us(struct san_duration d)
{
	return d.ns / 1000;
}

static void
closed_brief(struct cli_out *out, const struct view_closed *v)
{
	const struct view_socket *s = &v->socket;

	cli_out_row(out);
	cli_out_number(out, "id", s->ident);
	cli_out_string(out, "program", s->program);
	endpoint_put(out, "local", &s->local);
	endpoint_put(out, "peer", &s->peer);
	cli_out_string(out, "how", how_text(v));
	cli_out_string(out, "wire_state", s->wire_state);
	cli_out_number(out, "tx_bytes", s->tx_bytes);
	cli_out_number(out, "rx_bytes", s->rx_bytes);
	cli_out_string(out, "error", s->err == 0 ? "" : san_err_name(s->err));
	cli_out_number(out, "took_us", duration_us(v->took));
	cli_out_number(out, "ago_ms", duration_ms(v->ago));
}

static void
steps_put(struct cli_out *out, const struct view_closed *v)
{
	cli_out_list(out, "steps");
	for (uint32_t i = 0; i < v->step_count; i++) {
		char text[48];

		snprintf(text, sizeof text, "%s +%llu us", v->step[i].what,
		    (unsigned long long)duration_us(v->step[i].at));
		cli_out_item(out, text);
	}
}

static void
closed_full(struct cli_out *out, const struct view_closed *v)
{
	const struct view_socket *s = &v->socket;

	cli_out_record(out, "closed_socket");
	cli_out_number(out, "id", s->ident);
	cli_out_number(out, "session", s->session);
	cli_out_number(out, "slot", s->slot);
	cli_out_string(out, "program", s->program);
	cli_out_string(out, "type", s->type);
	cli_out_number(out, "port", s->port);
	endpoint_put(out, "local", &s->local);
	endpoint_put(out, "peer", &s->peer);
	cli_out_string(out, "opened", s->active ? "connect" : "accept");
	cli_out_string(out, "how", how_text(v));
	cli_out_string(out, "wire_state", s->wire_state);
	cli_out_string(out, "error", s->err == 0 ? "" : san_err_name(s->err));
	cli_out_string(out, "error_text", s->why);
	steps_put(out, v);
	cli_out_number(out, "took_us", duration_us(v->took));
	cli_out_number(out, "ago_ms", duration_ms(v->ago));
	cli_out_number(out, "life_ms", duration_ms(s->age));
	cli_out_format(out, "qpn", "0x%06x", s->qpn);
	cli_out_format(out, "peer_qpn", "0x%06x", s->peer_qpn);
	cli_out_number(out, "tx_unsent", s->tx_queued);
	cli_out_number(out, "rx_unread", s->rx_queued);
	cli_out_number(out, "tx_bytes", s->tx_bytes);
	cli_out_number(out, "rx_bytes", s->rx_bytes);
	cli_out_number(out, "tx_messages", s->tx_messages);
	cli_out_number(out, "rx_messages", s->rx_messages);
	cli_out_number(out, "rdma_reads", s->rdma_reads);
	cli_out_number(out, "rdma_writes", s->rdma_writes);
	cli_out_number(out, "retransmits", s->retransmits);
	cli_out_end(out);
}

static void
closed_show_one(struct cli_call *c, const char *word)
{
	struct view_closed v;
	uint32_t cursor = 0;
	uint32_t ident;

	if (!socket_number(c, "show closed", word, &ident))
		return;
	while (view_closed_next(c->daemon, &cursor, &v)) {
		if (v.socket.ident == ident) {
			closed_full(c->out, &v);
			return;
		}
	}
	cli_out_fail(c->out, SAN_ENOENT, "no socket %u is among the last that were closed", ident);
}

void
cli_show_closed(struct cli_call *c)
{
	struct view_closed v;
	uint32_t cursor = 0;

	if (!is_all(c->word[2])) {
		closed_show_one(c, c->word[2]);
		return;
	}
	cli_out_table(c->out, "closed_sockets");
	while (view_closed_next(c->daemon, &cursor, &v))
		closed_brief(c->out, &v);
	cli_out_end(c->out);
}
