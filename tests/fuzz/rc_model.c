/* SPDX-License-Identifier: BSD-3-Clause */
#include "rc_model.h"

#include "bytes.h"
#include "fuzz.h"
#include "mr.h"
#include "seq.h"

#define MESSAGE_MAX 0x80000000u

struct model_request
rc_model_request(uint8_t opcode)
{
	/* Name, then what it is: s/w = SEND/WRITE, f/l = first/last, i = immediate, v = invalidate,
	 * r = READ, a = atomic. */
	static const char *const words[32] = {"sf", "s", "sl", "sli", "sfl", "sfli", "wf", "w",
	    "wl", "wli", "wfl", "wfli", "rfl", "", "", "", "", "", "", "afl", "afl", "", "slv",
	    "sflv"};
	const char *w = words[opcode & 31] != NULL ? words[opcode & 31] : "";
	struct model_request r = {.send = strchr(w, 's'),
	    .write = strchr(w, 'w'),
	    .read = strchr(w, 'r'),
	    .atomic = strchr(w, 'a'),
	    .first = strchr(w, 'f'),
	    .last = strchr(w, 'l'),
	    .imm = strchr(w, 'i'),
	    .inv = strchr(w, 'v')};

	return r;
}

bool
rc_model_is_response(uint8_t opcode)
{
	return opcode >= ROCE_RC_READ_RESP_FIRST && opcode <= ROCE_RC_ATOMIC_ACK;
}

static struct model_region *
region_of(const struct rc_model *m, uint32_t key)
{
	for (unsigned i = 0; i < MODEL_REGIONS; i++)
		if (key != 0 && m->region[i].key == key)
			return (struct model_region *)&m->region[i];
	return NULL;
}

static bool
reachable(const struct rc_model *m, uint32_t key, uint64_t va, uint64_t len, uint32_t access)
{
	const struct model_region *g = region_of(m, key);

	return g != NULL && (g->access & access) != 0 && va >= g->va &&
	       va - g->va <= MODEL_REGION && len <= MODEL_REGION - (va - g->va);
}

static uint8_t *
shadow(const struct rc_model *m, uint32_t key, uint64_t va)
{
	struct model_region *g = region_of(m, key);

	promise(g != NULL && va - g->va < MODEL_REGION);
	return g->shadow + (va - g->va);
}

static uint32_t
packets_of(const struct rc_model *m, uint32_t len)
{
	return len == 0 ? 1 : (uint32_t)(((uint64_t)len + m->pmtu - 1) / m->pmtu);
}

static bool
length_legal(const struct rc_model *m, struct model_request r, uint32_t len)
{
	if (!r.last)
		return len == m->pmtu;
	return len <= m->pmtu && (len > 0 || r.first);
}

static unsigned
send_faults(const struct rc_model *m, struct model_request r, const struct roce_pkt *p)
{
	const struct model_region *g = region_of(m, p->ext.rkey);
	unsigned faults = 0;

	if (r.first && m->recv_left == 0)
		faults |= MODEL_RNR;
	if (!length_legal(m, r, p->payload_len) ||
	    p->payload_len > (r.first ? m->recv_size : m->room))
		faults |= MODEL_INVALID;
	if (r.inv && (g == NULL || (g->access & RC_ACCESS_INVALIDATE) == 0))
		faults |= MODEL_ACCESS;
	return faults;
}

static unsigned
write_faults(const struct rc_model *m, struct model_request r, const struct roce_pkt *p)
{
	uint32_t left = r.first ? p->ext.dma_len : m->write_left;
	unsigned faults = 0;

	if (r.imm && m->recv_left == 0)
		faults |= MODEL_RNR;
	if (left > MESSAGE_MAX || !length_legal(m, r, p->payload_len) ||
	    (r.last ? p->payload_len != left : p->payload_len >= left))
		faults |= MODEL_INVALID;
	if (left != 0 &&
	    !reachable(m, r.first ? p->ext.rkey : m->write_key, r.first ? p->ext.va : m->write_va,
		r.first ? left : p->payload_len, RC_ACCESS_REMOTE_WRITE))
		faults |= MODEL_ACCESS;
	return faults;
}

/* Outstanding: all that can be remembered is, and the oldest has not been answered. */
static bool
resources_taken(const struct rc_model *m)
{
	const struct model_resource *oldest;

	if (m->used < m->resources)
		return false;
	oldest = &m->resource[m->used % m->resources];
	return oldest->answered < oldest->packets;
}

static unsigned
answered_faults(const struct rc_model *m, struct model_request r, const struct roce_pkt *p)
{
	uint32_t len = r.read ? p->ext.dma_len : 8;
	unsigned faults = 0;

	if (m->resources == 0 || p->payload_len != 0 || len > MESSAGE_MAX)
		faults |= MODEL_INVALID;
	if (r.atomic && p->ext.va % 8 != 0)
		faults |= MODEL_INVALID;
	if (m->resources != 0 && resources_taken(m))
		faults |= MODEL_INVALID;
	if (len != 0 && !reachable(m, p->ext.rkey, p->ext.va, len,
			    r.read ? RC_ACCESS_REMOTE_READ : RC_ACCESS_REMOTE_ATOMIC))
		faults |= MODEL_ACCESS;
	return faults;
}

static unsigned
faults_of(const struct rc_model *m, struct model_request r, const struct roce_pkt *p)
{
	if (!r.send && !r.write && !r.read && !r.atomic)
		return MODEL_INVALID;
	if (r.first ? m->sending || m->writing : !(r.send ? m->sending : m->writing))
		return MODEL_INVALID;
	if (r.send)
		return send_faults(m, r, p);
	return r.write ? write_faults(m, r, p) : answered_faults(m, r, p);
}

unsigned
rc_model_allowed(const struct rc_model *m, const struct roce_pkt *p)
{
	int32_t ahead = psn_diff(p->psn, m->expected);
	unsigned faults;

	if (p->opcode >> 5 != 0 || rc_model_is_response(p->opcode))
		return MODEL_FOREIGN;
	if (ahead != 0)
		return ahead < 0 ? MODEL_AGAIN : MODEL_GAP;
	faults = faults_of(m, rc_model_request(p->opcode), p);
	return faults == 0 ? MODEL_ACCEPT : faults;
}

static void
remember(struct rc_model *m, struct model_request r, const struct roce_pkt *p)
{
	struct model_resource *s = &m->resource[m->used++ % m->resources];
	uint8_t *at;

	*s = (struct model_resource){.psn = p->psn,
	    .len = r.read ? p->ext.dma_len : 0,
	    .key = p->ext.rkey,
	    .va = p->ext.va,
	    .read = r.read};
	s->packets = packets_of(m, s->len);
	m->expected = psn_add(m->expected, s->packets);
	if (r.read)
		return;
	/* Memory has the host's order of bytes. */
	at = shadow(m, p->ext.rkey, p->ext.va);
	memcpy(&s->value, at, 8);
	if (p->opcode == ROCE_RC_FETCH_ADD)
		memcpy(at, &(uint64_t){s->value + p->ext.swap_add}, 8);
	else if (s->value == p->ext.compare)
		memcpy(at, &p->ext.swap_add, 8);
}

static void
write_take(struct rc_model *m, struct model_request r, const struct roce_pkt *p)
{
	if (r.first) {
		m->write_va = p->ext.va;
		m->write_key = p->ext.rkey;
		m->write_left = p->ext.dma_len;
	}
	if (p->payload_len != 0)
		memcpy(shadow(m, m->write_key, m->write_va), p->payload, p->payload_len);
	m->write_va += p->payload_len;
	m->write_left -= p->payload_len;
	m->recv_left -= r.imm;
	m->writing = !r.last;
}

static void
send_take(struct rc_model *m, struct model_request r, const struct roce_pkt *p)
{
	if (r.first) {
		m->recv_left--;
		m->room = m->recv_size;
	}
	m->room -= p->payload_len;
	m->sending = !r.last;
	if (r.inv)
		rc_model_invalidate(m, p->ext.rkey);
}

static struct model_resource *
resource_at(struct rc_model *m, uint32_t psn)
{
	unsigned known = m->used < m->resources ? m->used : m->resources;

	for (unsigned i = 0; i < known; i++)
		if (psn_span(psn, m->resource[i].psn) < m->resource[i].packets)
			return &m->resource[i];
	return NULL;
}

/* A packet beyond the one expected came, and not all before it have since. */
static bool
gap_known(const struct rc_model *m)
{
	return m->ahead && psn_diff(m->ahead_psn, m->expected) > 0;
}

void
rc_model_take(struct rc_model *m, const struct roce_pkt *p, unsigned outcome)
{
	struct model_request r = rc_model_request(p->opcode);
	struct model_resource *s;

	switch (outcome) {
	case MODEL_ACCEPT:
		m->rnr = false;
		if (r.read || r.atomic)
			remember(m, r, p);
		else
			m->expected = psn_add(m->expected, 1);
		if (r.write)
			write_take(m, r, p);
		else if (r.send)
			send_take(m, r, p);
		m->msn = psn_add(m->msn, r.last);
		break;
	case MODEL_AGAIN:
		s = resource_at(m, p->psn);
		if (s != NULL)
			s->repeated = true;
		break;
	case MODEL_GAP:
		if (!gap_known(m) || psn_diff(p->psn, m->ahead_psn) > 0)
			m->ahead_psn = p->psn;
		m->ahead = true;
		break;
	case MODEL_RNR:
		m->rnr = true;
		break;
	case MODEL_INVALID:
	case MODEL_ACCESS:
	case MODEL_INVALID | MODEL_ACCESS:
		m->refusal = outcome;
		break;
	default:
		break;
	}
}

void
rc_model_refuse(struct rc_model *m, bool last)
{
	m->expected = psn_add(m->expected, PSN_MASK);
	m->msn = psn_add(m->msn, last ? PSN_MASK : 0);
	m->refusal = MODEL_OPERATION;
}

void
rc_model_invalidate(struct rc_model *m, uint32_t key)
{
	struct model_region *g = region_of(m, key);

	if (g != NULL)
		g->access = 0;
}

/* An acknowledgement says that everything before has been answered. */
static bool
answered_before(const struct rc_model *m, uint32_t behind)
{
	unsigned known = m->used < m->resources ? m->used : m->resources;

	for (unsigned i = 0; i < known; i++)
		if (m->resource[i].answered < m->resource[i].packets &&
		    psn_diff(behind, m->resource[i].psn) > 0)
			return false;
	return true;
}

/* The memory of a READ has gone since it was accepted: it is refused after all. */
static bool
read_gone(struct rc_model *m, uint32_t psn)
{
	const struct model_resource *s = resource_at(m, psn);

	return s != NULL && s->read &&
	       !reachable(m, s->key, s->va, s->len, RC_ACCESS_REMOTE_READ) &&
	       answered_before(m, s->psn);
}

/* Never more messages than there are receives; the one that is coming in has its own. */
static void
credit_check(const struct rc_model *m, uint8_t code)
{
	/* Codes stand for 0, 1, 2, 3, 4, 6, 8, 12, 16, ... */
	uint32_t credits = code < 4 ? code : (2u + code % 2) << (code / 2 - 1);

	if (m->credits)
		promise(code < AETH_ACK_UNLIMITED && credits <= m->recv_left + m->sending);
	else
		promise(code == AETH_ACK_UNLIMITED);
}

static unsigned
refusal_of(uint8_t syndrome)
{
	switch (syndrome) {
	case AETH_NAK_INVALID:
		return MODEL_INVALID;
	case AETH_NAK_ACCESS:
		return MODEL_ACCESS;
	case AETH_NAK_OPERATION:
		return MODEL_OPERATION;
	default:
		return 0;
	}
}

static void
ack_check(struct rc_model *m, const struct roce_tx *tx)
{
	uint8_t syndrome = tx->ext.syndrome;
	uint32_t behind = syndrome >> 5 == 0 ? psn_add(tx->psn, 1) : tx->psn;

	promise(psn_diff(behind, m->expected) <= 0 && psn_diff(tx->ext.msn, m->msn) <= 0);
	if (syndrome == AETH_NAK_ACCESS && m->refusal == 0) {
		promise(read_gone(m, tx->psn));
		m->refusal = MODEL_ACCESS;
		m->refusal_said = true;
		return;
	}
	/* But for the end of the connection: that overtakes answers that were still to come. */
	promise(m->refusal != 0 || answered_before(m, behind));
	if (behind == m->expected)
		promise(tx->ext.msn == m->msn);
	if (syndrome >> 5 == 0) {
		credit_check(m, syndrome);
		return;
	}
	promise(behind == m->expected);
	if (syndrome == AETH_NAK_SEQ) {
		promise(gap_known(m) && m->refusal == 0);
	} else if (syndrome >> 5 == 1) {
		promise(m->rnr && m->refusal == 0);
	} else {
		promise(!m->refusal_said && (m->refusal & refusal_of(syndrome)) != 0);
		m->refusal_said = true;
	}
}

static bool
ends_answer(uint8_t opcode)
{
	return opcode == ROCE_RC_READ_RESP_LAST || opcode == ROCE_RC_READ_RESP_ONLY;
}

static void
read_check(struct rc_model *m, const struct roce_tx *tx, struct model_resource *s)
{
	uint32_t k = psn_span(tx->psn, s->psn), at = k * m->pmtu, len = s->len - at,
		 said = roce_tx_payload_len(tx);
	bool last = k + 1 == s->packets;

	if (len > m->pmtu)
		len = m->pmtu;
	/* A repeat may begin later and ask for less. */
	promise(said == len || (s->repeated && said < len && ends_answer(tx->opcode)));
	promise(s->repeated || ends_answer(tx->opcode) == last);
	promise(k != 0 || tx->opcode == ROCE_RC_READ_RESP_FIRST ||
		tx->opcode == ROCE_RC_READ_RESP_ONLY);
	if (said != 0)
		promise(memcmp(tx->seg[0].base, shadow(m, s->key, s->va + at), said) == 0);
	if (last)
		s->answered = s->packets;
	else if (s->answered == k)
		s->answered++;
}

void
rc_model_answer(struct rc_model *m, const struct roce_tx *tx)
{
	struct model_resource *s;

	promise(!m->refusal_said);
	if (tx->opcode == ROCE_RC_ACK) {
		ack_check(m, tx);
		return;
	}
	promise(m->refusal == 0);
	s = resource_at(m, tx->psn);
	promise(s != NULL && answered_before(m, s->psn));
	if (tx->opcode == ROCE_RC_ATOMIC_ACK) {
		promise(!s->read && roce_tx_payload_len(tx) == 0 && tx->ext.compare == s->value);
		s->answered = 1;
		return;
	}
	promise(tx->opcode >= ROCE_RC_READ_RESP_FIRST && tx->opcode <= ROCE_RC_READ_RESP_ONLY);
	promise(s->read);
	read_check(m, tx, s);
}
