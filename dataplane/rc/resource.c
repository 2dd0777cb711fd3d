/* SPDX-License-Identifier: BSD-3-Clause */
/* READs and atomics of the peer: executed, answered, remembered. An atomic is executed when it
 * arrives and its result kept, so that a repeat gets the same answer; a READ is read from the
 * region packet by packet as its answer leaves, and again if the peer asks again for all or the
 * rest of it. However often it asks, a remembered request has one answer at a time. */
#include "rc.h"

#include "check.h"
#include "rc_priv.h"
#include "san_err.h"

#define ATOMIC_LEN 8u

/* The i-th oldest remembered. Nothing is ever forgotten but by being overwritten. */
static struct rc_resource *
resource_nth(const struct rc_qp *qp, uint32_t i)
{
	uint32_t oldest = qp->resource_used < qp->resource_count ? 0 : qp->resource_next;

	return &qp->resources[(oldest + i) % qp->resource_count];
}

static bool
resource_active(const struct rc_resource *r)
{
	return r->next != r->end;
}

static bool
resource_read(const struct rc_resource *r)
{
	return r->opcode == ROCE_RC_READ_REQ;
}

/* 0, or the NAK a READ or atomic earns by its form. */
uint8_t
rc_resource_check(const struct rc_qp *qp, const struct roce_pkt *p)
{
	const struct rc_resource *oldest;

	if (qp->resource_count == 0 || p->payload_len != 0)
		return AETH_NAK_INVALID;
	if (p->opcode == ROCE_RC_READ_REQ ? p->ext.dma_len > RC_MESSAGE_MAX
					  : (p->ext.va & (ATOMIC_LEN - 1)) != 0)
		return AETH_NAK_INVALID;
	/* More outstanding than were agreed on. One that was answered before and is being answered
	 * again is none of them: the peer must have got the first answer. */
	oldest = &qp->resources[qp->resource_next];
	if (qp->resource_used == qp->resource_count && !oldest->answered)
		return AETH_NAK_INVALID;
	return 0;
}

static uint64_t
atomic_execute(uint64_t *at, const struct roce_pkt *p)
{
	uint64_t was = p->ext.compare;

	if (p->opcode == ROCE_RC_FETCH_ADD)
		return __atomic_fetch_add(at, p->ext.swap_add, __ATOMIC_SEQ_CST);
	__atomic_compare_exchange_n(
	    at, &was, p->ext.swap_add, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return was;
}

/* 0, or the NAK it earns. Of an empty READ neither address nor key is looked at. */
uint8_t
rc_resource_execute(struct rc_qp *qp, const struct roce_pkt *p, uint64_t *value)
{
	bool read = p->opcode == ROCE_RC_READ_REQ;
	uint32_t len = read ? p->ext.dma_len : ATOMIC_LEN;
	uint8_t *at;

	*value = 0;
	if (len == 0)
		return 0;
	at = rc_region(qp, p->ext.rkey, p->ext.va, len,
	    read ? RC_ACCESS_REMOTE_READ : RC_ACCESS_REMOTE_ATOMIC);
	if (at == NULL)
		return read && qp->mrs != NULL &&
			       rc_mr_far(qp->mrs, qp->pd, p->ext.rkey, p->ext.va, len,
				   RC_ACCESS_REMOTE_READ)
			   ? 0
			   : AETH_NAK_ACCESS;
	if (!read)
		*value = atomic_execute((uint64_t *)(void *)at, p);
	return 0;
}

/* Point `resource_at` at the first one that wants answers. */
static void
resource_seek(struct rc_qp *qp)
{
	uint32_t i;

	for (i = 0; i < qp->resource_used; i++) {
		struct rc_resource *r = resource_nth(qp, i);

		if (resource_active(r)) {
			qp->resource_at = (uint8_t)(r - qp->resources);
			return;
		}
	}
}

/* Answer from packet `first` on, `len` bytes. */
static void
resource_want(struct rc_qp *qp, struct rc_resource *r, uint32_t first, uint32_t len)
{
	uint32_t end = first + rc_message_packets(qp, len), stop = first * qp->pmtu + len;

	if (!resource_active(r))
		qp->resource_active++;
	if (!resource_active(r) || stop > r->stop) {
		r->end = end;
		r->stop = stop;
	}
	r->first = r->next = first;
	resource_seek(qp);
}

/* Accepted, in order. Returns how many PSNs it takes. */
uint32_t
rc_resource_remember(struct rc_qp *qp, const struct roce_pkt *p, uint64_t value)
{
	struct rc_resource *r = &qp->resources[qp->resource_next];

	if (qp->resource_used < qp->resource_count)
		qp->resource_used++;
	else
		qp->resource_active -= resource_active(r);
	*r = (struct rc_resource){
	    .va = p->ext.va,
	    .value = value,
	    .psn = p->psn,
	    .key = p->ext.rkey,
	    .len = p->opcode == ROCE_RC_READ_REQ ? p->ext.dma_len : 0,
	    .opcode = p->opcode,
	};
	r->packets = rc_message_packets(qp, r->len);
	qp->resource_next++;
	if (qp->resource_next == qp->resource_count)
		qp->resource_next = 0;
	resource_want(qp, r, 0, r->len);
	return r->packets;
}

/* Is this the request `r` was, or the rest of it from packet `k` on? */
static bool
resource_repeated(
    const struct rc_qp *qp, const struct rc_resource *r, const struct roce_pkt *p, uint32_t k)
{
	uint64_t skipped = (uint64_t)k * qp->pmtu;

	if (p->opcode != r->opcode || p->ext.rkey != r->key || p->ext.va != r->va + skipped)
		return false;
	if (!resource_read(r))
		return true;
	return r->len == 0 ? p->ext.dma_len == 0
			   : p->ext.dma_len != 0 && p->ext.dma_len <= r->len - skipped;
}

/* Came before: answered again, or dropped if it is too long ago. */
void
rc_resource_duplicate(struct rc_qp *qp, const struct roce_pkt *p)
{
	uint32_t i, k;

	/* Newest first: what is older than all PSNs may carry the same one. */
	for (i = qp->resource_used; i > 0; i--) {
		struct rc_resource *r = resource_nth(qp, i - 1);

		k = psn_span(p->psn, r->psn);
		if (k < r->packets && resource_repeated(qp, r, p, k)) {
			resource_want(qp, r, k, resource_read(r) ? p->ext.dma_len : 0);
			return;
		}
	}
	qp->counters.rx_forgotten++;
}

/* A SEND or WRITE came again. What is acknowledged must not reach past a READ or atomic behind it:
 * the peer would take that as a sign that the answer was lost, though it has not asked again. */
bool
rc_resource_ack_limit(const struct rc_qp *qp, uint32_t psn, uint32_t *limit)
{
	uint32_t i, since = psn_span(qp->expected, psn);

	for (i = 0; i < qp->resource_used; i++) {
		const struct rc_resource *r = resource_nth(qp, i);

		/* Others may be older than half of all PSNs. */
		if (r->psn != psn && psn_span(r->psn, psn) < since) {
			*limit = psn_add(r->psn, PSN_MASK);
			return true;
		}
	}
	return false;
}

static uint8_t
response_opcode(const struct rc_resource *r)
{
	bool first = r->next == r->first, last = r->next + 1 == r->end;

	if (!resource_read(r))
		return ROCE_RC_ATOMIC_ACK;
	if (first)
		return last ? ROCE_RC_READ_RESP_ONLY : ROCE_RC_READ_RESP_FIRST;
	return last ? ROCE_RC_READ_RESP_LAST : ROCE_RC_READ_RESP_MIDDLE;
}

/* The payload: where it lies in the region, which may have gone since the READ was accepted. */
static bool
response_fill(const struct rc_qp *qp, const struct rc_resource *r, struct roce_tx *out)
{
	uint32_t at = r->next * qp->pmtu, len = r->stop - at;

	out->ext.compare = r->value;
	if (r->len == 0)
		return true;
	if (len > qp->pmtu)
		len = qp->pmtu;
	out->seg[0].base = rc_region(qp, r->key, r->va + at, len, RC_ACCESS_REMOTE_READ);
	out->seg[0].len = len;
	out->seg_count = 1;
	out->ext.va = r->va + at;
	out->ext.rkey = r->key;
	return out->seg[0].base != NULL ||
	       (qp->mrs != NULL &&
		   rc_mr_far(qp->mrs, qp->pd, r->key, r->va + at, len, RC_ACCESS_REMOTE_READ));
}

void
rc_answer_refuse(struct rc_qp *qp, struct roce_tx *out)
{
	qp->expected = out->psn;
	rc_responder_refuse(qp, AETH_NAK_OPERATION);
	rc_ack_emit(qp, out);
}

static void
resource_done(struct rc_qp *qp, struct rc_resource *r)
{
	r->next = r->end;
	qp->resource_active--;
	resource_seek(qp);
}

/* The region of the answer that is wanted next has gone. If the peer got the answer once already,
 * it may have said so to the region's owner, and this repeat is for a request that was on its way
 * too long: say something harmless instead. */
static void
resource_lost(struct rc_qp *qp, struct rc_resource *r, struct roce_tx *out)
{
	if (!r->answered) {
		qp->expected = out->psn;
		rc_responder_refuse(qp, AETH_NAK_ACCESS);
		rc_ack_emit(qp, out);
		return;
	}
	qp->counters.rx_forgotten++;
	qp->counters.tx_acks++;
	rc_ack_init_tx(qp, out, ROCE_RC_ACK, psn_add(r->psn, PSN_MASK));
	resource_done(qp, r);
}

/* The next packet of the first answer that is wanted. */
void
rc_resource_emit(struct rc_qp *qp, struct roce_tx *out)
{
	struct rc_resource *r = &qp->resources[qp->resource_at];

	san_check(qp->resource_active != 0 && resource_active(r));
	rc_ack_init_tx(qp, out, response_opcode(r), psn_add(r->psn, r->next));
	if (!response_fill(qp, r, out)) {
		resource_lost(qp, r, out);
		return;
	}
	qp->counters.tx_responses++;
	if (++r->next != r->end)
		return;
	r->answered |= r->end == r->packets;
	if (r->end == r->packets && psn_add(r->psn, r->packets) == qp->expected)
		rc_ack_answered(qp);
	resource_done(qp, r);
}
