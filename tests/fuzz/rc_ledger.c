/* SPDX-License-Identifier: BSD-3-Clause */
#include "rc_ledger.h"

#include "fuzz.h"
#include "rc_model.h"
#include "seq.h"

static struct ledger_entry *
entry_of(const struct rc_ledger *l, uint32_t tag)
{
	promise(seq32_diff(tag, l->head) >= 0 && seq32_diff(l->tail, tag) > 0);
	return (struct ledger_entry *)&l->entry[tag % LEDGER_MAX];
}

static const struct ledger_entry *
entry_at(const struct rc_ledger *l, uint32_t psn)
{
	for (uint32_t tag = l->head; tag != l->tail; tag++) {
		const struct ledger_entry *e = entry_of(l, tag);

		if (psn_span(psn, e->psn) < e->packets)
			return e;
	}
	promise(!"a request that was never posted");
	return NULL;
}

static bool
is_answered(const struct ledger_entry *e)
{
	return e->kind == RC_READ || e->kind == RC_CMP_SWAP || e->kind == RC_FETCH_ADD;
}

bool
rc_ledger_room(const struct rc_ledger *l, uint32_t count)
{
	return l->tail - l->head + count <= LEDGER_MAX;
}

void
rc_ledger_post(struct rc_ledger *l, const struct rc_qp *qp, const struct rc_run *m, uint32_t psn)
{
	uint32_t packets =
	    m->len == 0 ? 1 : (uint32_t)(((uint64_t)m->len + qp->pmtu - 1) / qp->pmtu);

	if (m->kind == RC_CMP_SWAP || m->kind == RC_FETCH_ADD)
		packets = 1;
	for (uint32_t i = 0; i < m->count; i++) {
		l->entry[l->tail++ % LEDGER_MAX] = (struct ledger_entry){
		    .psn = psn, .packets = packets, .len = m->len, .kind = m->kind, .se = m->se};
		psn = psn_add(psn, packets);
	}
	promise(psn == qp->nxt);
}

static void
opcode_check(const struct ledger_entry *e, uint8_t opcode, bool first, bool last)
{
	struct model_request r = rc_model_request(opcode);
	bool send = e->kind == RC_SEND || e->kind == RC_SEND_IMM || e->kind == RC_SEND_INV;

	promise(opcode < 32 && r.read == (e->kind == RC_READ));
	promise(
	    !r.atomic || opcode == (e->kind == RC_CMP_SWAP ? ROCE_RC_CMP_SWAP : ROCE_RC_FETCH_ADD));
	promise(r.send == send && r.write == (!send && !is_answered(e)));
	if (is_answered(e))
		return;
	promise(r.first == first && r.last == last);
	promise(r.imm == (last && (e->kind == RC_SEND_IMM || e->kind == RC_WRITE_IMM)));
	promise(r.inv == (last && e->kind == RC_SEND_INV));
}

void
rc_ledger_request(const struct rc_ledger *l, const struct rc_qp *qp, const struct roce_tx *tx,
    const struct rc_chunk *c)
{
	const struct ledger_entry *e = entry_at(l, tx->psn);
	uint32_t k = psn_span(tx->psn, e->psn), rest = e->len - k * qp->pmtu;

	opcode_check(e, tx->opcode, k == 0, k + 1 == e->packets);
	promise(entry_of(l, c->run->tag + c->index) == e);
	promise(c->offset == k * qp->pmtu && c->offset + c->len <= e->len);
	if (e->kind == RC_READ)
		promise(tx->ext.dma_len == c->len && (c->len != 0 || e->len == 0));
	else
		promise(c->len == (rest < qp->pmtu ? rest : qp->pmtu));
	if (tx->opcode >= ROCE_RC_WRITE_FIRST && tx->opcode <= ROCE_RC_WRITE_ONLY_IMM && k == 0)
		promise(tx->ext.dma_len == e->len);
	if (!is_answered(e)) /* of a READ it means nothing */
		promise(tx->se == (e->se && k + 1 == e->packets));
	promise(tx->dest_qp == qp->peer_qpn && tx->seg_count == 0 && tx->inline_len == 0);
}

void
rc_ledger_response(struct rc_ledger *l, const struct rc_qp *qp, const struct rc_in *in)
{
	struct ledger_entry *e = entry_of(l, in->op.tag + in->op_index);
	uint32_t rest;

	promise(is_answered(e) && e->kind == in->op.kind);
	promise(in->offset == e->answered * qp->pmtu && e->answered < e->packets);
	rest = e->len - in->offset;
	if (e->kind == RC_READ)
		promise(in->len == (rest < qp->pmtu ? rest : qp->pmtu));
	e->answered++;
}

void
rc_ledger_reap(struct rc_ledger *l, struct rc_qp *qp, bool flush)
{
	struct rc_run run;
	uint32_t first, count;

	while ((flush ? rc_flush : rc_reap)(qp, &run, &first, &count)) {
		promise(count > 0 && run.tag + first == l->head);
		for (uint32_t i = 0; i < count; i++) {
			const struct ledger_entry *e = entry_of(l, l->head);

			promise(flush || psn_span(qp->una, e->psn) >= e->packets);
			promise(flush || !is_answered(e) || e->answered == e->packets);
			l->head++;
		}
	}
}
