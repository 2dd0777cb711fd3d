/* SPDX-License-Identifier: BSD-3-Clause */
#include "rxe_end.h"

#include <string.h>

#include "check.h"
#include "rc_end.h"
#include "rc_host.h"
#include "seq.h"

void
rxe_end_init(struct rxe_end *x, uint32_t psn)
{
	memset(x, 0, sizeof *x);
	x->psn = psn;
}

/* The requester is ours and makes no mistakes: the key is good. */
static uint8_t *
memory(struct rc_end *e, uint32_t key, uint64_t va, uint32_t len, uint32_t access)
{
	uint8_t *at = rc_mr_find(&e->host->mrs, RC_HOST_PD, key, va, len, access);

	san_check(at != NULL);
	return at;
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct rxe_answer *
answer_add(struct rxe_end *x, uint8_t opcode, uint8_t syndrome, uint32_t psn)
{
	struct rxe_answer *a = &x->answer[x->tail++ % RXE_ANSWERS];

	san_check(x->tail - x->head <= RXE_ANSWERS);
	*a = (struct rxe_answer){
	    .opcode = opcode, .syndrome = syndrome, .psn = psn & PSN_MASK, .msn = x->msn};
	return a;
}

static void
answer_read(struct rxe_end *x, const struct rxe_resource *r, uint32_t psn, uint32_t len)
{
	struct rxe_answer *a = answer_add(x, ROCE_RC_READ_RESP_ONLY, AETH_ACK_UNLIMITED, psn);

	a->va = r->va;
	a->key = r->key;
	a->left = len;
	a->begun = psn != r->first;
}

static void
answer_atomic(struct rxe_end *x, const struct rxe_resource *r)
{
	answer_add(x, ROCE_RC_ATOMIC_ACK, AETH_ACK_UNLIMITED, r->first)->value = r->value;
}

static uint8_t
read_opcode(const struct rxe_answer *a, uint32_t pmtu)
{
	if (a->begun)
		return a->left > pmtu ? ROCE_RC_READ_RESP_MIDDLE : ROCE_RC_READ_RESP_LAST;
	return a->left > pmtu ? ROCE_RC_READ_RESP_FIRST : ROCE_RC_READ_RESP_ONLY;
}

/* One packet; true if it was the last of the answer. */
static bool
answer_send(struct rc_end *e, struct rxe_answer *a, struct san_time now)
{
	uint32_t pmtu = e->setup.pmtu, len = a->left < pmtu ? a->left : pmtu;
	bool read = a->opcode == ROCE_RC_READ_RESP_ONLY;
	struct roce_tx tx = {.opcode = read ? read_opcode(a, pmtu) : a->opcode,
	    .dest_qp = e->peer->qpn,
	    .psn = a->psn,
	    .ext = {.syndrome = a->syndrome, .msn = a->msn, .compare = a->value}};

	if (len > 0) {
		tx.seg[0].base = memory(e, a->key, a->va, len, RC_ACCESS_REMOTE_READ);
		tx.seg[0].len = len;
		tx.seg_count = 1;
	}
	node_send(&e->host->node, e->peer->host->node.id, e->qpn, e->peer->qpn, &tx, now);
	a->va += len;
	a->left -= len;
	a->psn = psn_add(a->psn, 1);
	a->begun = true;
	return a->left == 0;
}

bool
rxe_end_emit(struct rc_end *e, uint32_t max, struct san_time now)
{
	struct rxe_end *x = e->rxe;

	for (; max > 0 && x->head != x->tail; max--)
		x->head += answer_send(e, &x->answer[x->head % RXE_ANSWERS], now);
	return x->head != x->tail;
}

/* --- requests --------------------------------------------------------------------------------- */

static bool
is_write(uint8_t opcode)
{
	return opcode >= ROCE_RC_WRITE_FIRST && opcode <= ROCE_RC_WRITE_ONLY_IMM;
}

static bool
is_answered(uint8_t opcode)
{
	return opcode == ROCE_RC_READ_REQ || opcode == ROCE_RC_CMP_SWAP ||
	       opcode == ROCE_RC_FETCH_ADD;
}

static bool
ends(uint8_t opcode)
{
	return opcode != ROCE_RC_SEND_FIRST && opcode != ROCE_RC_SEND_MIDDLE &&
	       opcode != ROCE_RC_WRITE_FIRST && opcode != ROCE_RC_WRITE_MIDDLE;
}

static bool
has_imm(uint8_t opcode)
{
	return opcode == ROCE_RC_SEND_LAST_IMM || opcode == ROCE_RC_SEND_ONLY_IMM ||
	       opcode == ROCE_RC_WRITE_LAST_IMM || opcode == ROCE_RC_WRITE_ONLY_IMM;
}

static void
write_do(struct rc_end *e, const struct roce_pkt *p)
{
	struct rxe_end *x = e->rxe;

	if (!x->inside) {
		x->write_va = p->ext.va;
		x->write_key = p->ext.rkey;
		x->write_len = 0;
	}
	if (p->payload_len != 0)
		memcpy(memory(e, x->write_key, x->write_va, p->payload_len, RC_ACCESS_REMOTE_WRITE),
		    p->payload, p->payload_len);
	x->write_va += p->payload_len;
	x->write_len += p->payload_len;
}

/* To the program, which is the oracle. */
static void
deliver(struct rc_end *e, const struct roce_pkt *p, struct san_time now)
{
	const struct rxe_end *x = e->rxe;
	bool write = is_write(p->opcode), imm = has_imm(p->opcode);
	const struct rc_in in = {
	    .delivered = true,
	    .first = write || !x->inside,
	    .last = ends(p->opcode),
	    .se = ends(p->opcode) && p->se,
	    .imm = imm,
	    .imm_data = imm ? p->ext.imm : 0,
	    .write_imm = write,
	    .write_len = write ? x->write_len : 0,
	    .payload = p->payload,
	    .len = write ? 0 : p->payload_len,
	};

	if (!write || imm)
		rc_oracle_delivered(e, &in, now);
}

static void
resource_do(struct rc_end *e, const struct roce_pkt *p)
{
	struct rxe_end *x = e->rxe;
	struct rxe_resource *r = &x->resource[x->resources++ % RXE_RESOURCES];
	uint32_t len = p->opcode == ROCE_RC_READ_REQ ? p->ext.dma_len : 0, pmtu = e->setup.pmtu;
	uint64_t *at;

	*r = (struct rxe_resource){.opcode = p->opcode,
	    .first = p->psn,
	    .va = p->ext.va,
	    .len = len,
	    .key = p->ext.rkey,
	    .last = psn_add(p->psn, len == 0 ? 0 : (len - 1) / pmtu)};
	x->psn = psn_add(r->last, 1);
	if (p->opcode == ROCE_RC_READ_REQ) {
		answer_read(x, r, p->psn, len);
		return;
	}
	at = (uint64_t *)(void *)memory(e, r->key, r->va, 8, RC_ACCESS_REMOTE_ATOMIC);
	r->value = *at;
	if (p->opcode == ROCE_RC_FETCH_ADD)
		*at += p->ext.swap_add;
	else if (*at == p->ext.compare)
		*at = p->ext.swap_add;
	answer_atomic(x, r);
}

static void
expected(struct rc_end *e, const struct roce_pkt *p, struct san_time now)
{
	struct rxe_end *x = e->rxe;

	x->nak_sent = false;
	if (ends(p->opcode))
		x->msn = psn_add(x->msn, 1);
	if (is_answered(p->opcode)) {
		resource_do(e, p);
		return;
	}
	if (is_write(p->opcode))
		write_do(e, p);
	deliver(e, p, now);
	x->inside = !ends(p->opcode);
	x->psn = psn_add(x->psn, 1);
	if (p->ackreq)
		answer_add(x, ROCE_RC_ACK, AETH_ACK_UNLIMITED, p->psn);
}

static void
read_again(struct rxe_end *x, struct rxe_resource *r, const struct roce_pkt *p)
{
	uint64_t end = p->ext.va + p->ext.dma_len;

	if (p->ext.va < r->va || p->ext.dma_len > r->len || end > r->va + r->len ||
	    p->ext.rkey != r->key)
		return;
	r->va = p->ext.va; /* but not the length */
	answer_read(x, r, p->psn, p->ext.dma_len);
}

static void
duplicate(struct rxe_end *x, const struct roce_pkt *p)
{
	uint32_t i, n = x->resources < RXE_RESOURCES ? x->resources : RXE_RESOURCES;

	if (!is_answered(p->opcode)) {
		answer_add(x, ROCE_RC_ACK, AETH_ACK_UNLIMITED, psn_add(x->psn, PSN_MASK));
		return;
	}
	for (i = 0; i < n; i++) {
		struct rxe_resource *r = &x->resource[i];

		if (psn_diff(p->psn, r->first) < 0 || psn_diff(p->psn, r->last) > 0)
			continue;
		if (p->opcode == ROCE_RC_READ_REQ)
			read_again(x, r, p);
		else
			answer_atomic(x, r);
		return;
	}
}

void
rxe_end_receive(struct rc_end *e, const struct roce_pkt *p, struct san_time now)
{
	struct rxe_end *x = e->rxe;
	int32_t ahead = psn_diff(p->psn, x->psn);

	if (p->opcode == ROCE_RC_ACK || p->opcode == ROCE_CNP)
		return; /* nothing was asked for */
	if (ahead < 0) {
		duplicate(x, p);
	} else if (ahead == 0) {
		expected(e, p, now);
	} else {
		x->dropped++;
		if (!x->nak_sent)
			answer_add(x, ROCE_RC_ACK, AETH_NAK_SEQ, x->psn);
		x->nak_sent = true;
	}
}
