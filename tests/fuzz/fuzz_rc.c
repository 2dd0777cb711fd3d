/* SPDX-License-Identifier: BSD-3-Clause */
/* One queue pair against a peer that sends any packets and an owner that does anything at any time.
 * Whatever they are: every outcome is one the standard allows (rc_model), the peer changes memory
 * only as it may, every message of ours ends once and in order (rc_ledger), every frame kept comes
 * back once (rc_store), work is bounded, an error is final and nothing but its NAK is said after
 * it, and silence ends in an error.
 *
 * A script is a configuration, then steps; a packet step is the bytes of `struct packet_step`,
 * which seeds.py also writes. */
#include "fuzz.h"
#include "rc_ledger.h"
#include "rc_model.h"
#include "rc_store.h"
#include "sack.h"
#include "san_err.h"
#include "san_limits.h"
#include "seq.h"

#define QPN	  0x11u
#define PEER_QPN  0x22u
#define PD	  1u
#define STEPS_MAX 1500
/* Few, so that they run out. */
#define POOL_BLOCKS 2u
#define POOL_FRAMES 24u
/* Packets that may leave before anything new arrives: a window of requests, each remembered READ,
 * a few ACKs. */
#define EMIT_MAX(w) ((w)->qp.params.window_packets + 2 * MODEL_RESOURCES * MODEL_REGION / 256 + 8)

struct world {
	struct script *s;
	struct san_time now;
	struct rc_qp qp;
	struct rc_mrs mrs;
	struct rc_mr slots[16];
	uint8_t
	    *region[MODEL_REGIONS]; /* of exactly their size: a sanitizer sees every byte beyond */
	struct rc_resource resources[MODEL_RESOURCES];
	uint8_t *payload; /* of SAN_PMTU_MAX bytes; a packet's payload ends where it ends */
	struct rc_model model;
	struct rc_ledger ledger;
	struct rc_store store;
	struct rc_pool pool;
	struct rc_block blocks[POOL_BLOCKS];
	uint32_t posted_receives;
	uint32_t marks; /* packets marked CE, each good for one CNP */
	bool stopped, draining;
};

enum {
	STEP_ACKREQ = 1,
	STEP_SOLICITED = 2,
	STEP_CE = 4,
	STEP_BECN = 8,
	STEP_SACK = 16,	 /* the bytes behind an AETH are what they should be */
	STEP_KEEP = 32,	 /* the owner keeps it, if it comes early */
	STEP_REFUSE = 64 /* the owner refuses it, if it is delivered */
};

/* What the peer's packet is, byte for byte in the script. */
struct packet_step {
	uint8_t opcode; /* below 32 itself, from 0xe0 on itself, else modulo 32 */
	uint8_t psn;	/* below 192 the one that is due, else up to 32 off, 255: any */
	uint8_t
	    len; /* below 128 itself, below 192 the path MTU, else in quarters of it; 255: beyond */
	uint8_t where; /* region, offset in it in 64ths; 0x80: a wrong key */
	uint8_t shift; /* bytes added to the offset; from 128 on subtracted */
	uint8_t total; /* RETH: below 128 the payload's length, else in quarters of a path MTU; 255:
			  any */
	uint8_t syndrome;
	uint8_t flags; /* STEP_* */
	uint8_t operand;
};

static struct san_duration
duration(struct script *s)
{
	return (struct san_duration){(uint64_t)script_byte(s) << (script_byte(s) % 25)};
}

static void
regions_init(struct world *w)
{
	static const uint32_t access[MODEL_REGIONS] = {
	    RC_ACCESS_REMOTE_WRITE | RC_ACCESS_REMOTE_READ | RC_ACCESS_REMOTE_ATOMIC,
	    RC_ACCESS_REMOTE_READ, RC_ACCESS_REMOTE_WRITE | RC_ACCESS_INVALIDATE,
	    RC_ACCESS_REMOTE_WRITE | RC_ACCESS_REMOTE_READ};
	struct prng bytes = {1};
	uint64_t word;

	promise(rc_mrs_init(&w->mrs, w->slots, 16, (struct prng){2}) == 0);
	for (uint32_t i = 0; i < MODEL_REGIONS; i++) {
		struct model_region *g = &w->model.region[i];
		uint32_t key;

		/* The last one belongs to another domain. The second ends near where addresses end.
		 */
		g->va = i == 1 ? -(uint64_t)MODEL_REGION - 8 : UINT64_C(0x10000000) * (i + 1);
		g->access = i == MODEL_REGIONS - 1 ? 0 : access[i];
		w->region[i] = malloc(MODEL_REGION);
		promise(w->region[i] != NULL);
		for (uint32_t at = 0; at < MODEL_REGION; at += sizeof word) {
			word = prng_u64(&bytes);
			memcpy(g->shadow + at, &word, sizeof word);
		}
		memcpy(w->region[i], g->shadow, MODEL_REGION);
		promise(rc_mr_register(&w->mrs, i == MODEL_REGIONS - 1 ? PD + 1 : PD, g->va,
			    w->region[i], MODEL_REGION, access[i], &key) == 0);
		g->key = key;
	}
}

/* What may be agreed on, or not. */
static void
options_init(struct world *w, struct rc_open *o)
{
	uint8_t which = script_byte(w->s);

	rc_pool_init(&w->pool, w->blocks, POOL_BLOCKS, POOL_FRAMES);
	o->features = which & 3;
	o->pool = which & 4 ? &w->pool : NULL;
	o->flow_control = w->model.credits = which & 8;
	o->passive = which & 16;
	o->cc.algo = script_byte(w->s) % CC_COUNT;
	o->cc.line_rate_mbit = which & 32 ? 10000 : 0;
}

static void
world_init(struct world *w, struct script *s)
{
	static const uint32_t pmtus[] = {256, 512, 1024, 2048, 4096};
	struct rc_open o = {
	    .qpn = QPN, .peer_qpn = PEER_QPN, .mrs = &w->mrs, .pd = PD, .resources = w->resources};
	struct rc_model *m = &w->model;

	memset(w, 0, sizeof *w);
	w->s = s;
	w->now.ns = 1;
	regions_init(w);
	w->payload = malloc(SAN_PMTU_MAX + 1);
	promise(w->payload != NULL);
	o.rq_psn = script_u32(s) & PSN_MASK;
	o.sq_psn = script_u32(s) & PSN_MASK;
	o.pmtu = pmtus[script_byte(s) % 5];
	o.recv_size = script_byte(s) * 64u;
	o.recv_limit = script_byte(s);
	o.resource_count = script_byte(s) % (MODEL_RESOURCES + 1);
	o.initiator_depth = script_byte(s) % 5;
	o.params.retry_count = script_byte(s) % 8;
	o.params.rnr_retry = script_byte(s) % 8;
	o.params.min_rnr_timer = script_byte(s) % 32;
	o.params.window_packets = 1 + script_byte(s);
	o.params.rto_initial = o.params.rto_min = SAN_DURATION_US(1 + script_byte(s));
	o.params.rto_max = SAN_DURATION_MS(1 + script_byte(s));
	o.params.give_up = duration(s);
	o.params.ack_delay = duration(s);
	options_init(w, &o);
	m->pmtu = o.pmtu;
	m->recv_size = o.recv_size;
	m->recv_left = w->posted_receives = o.recv_limit;
	m->expected = o.rq_psn;
	m->resources = o.resource_count;
	promise(rc_init(&w->qp, &o, w->now) == 0);
}

static void
world_free(struct world *w)
{
	for (uint32_t i = 0; i < MODEL_REGIONS; i++)
		free(w->region[i]);
	free(w->payload);
}

static uint32_t
length_of(struct world *w, uint8_t len)
{
	if (len < 128)
		return len;
	if (len < 192)
		return w->qp.pmtu;
	return len == 255 ? w->qp.pmtu + 1 : (len - 192u) * w->qp.pmtu / 64;
}

/* What is there, so that half of all comparisons succeed. */
static uint64_t
value_at(const struct model_region *g, uint64_t va, uint8_t operand)
{
	uint64_t value = operand;

	if ((operand & 1) == 0 && va - g->va <= MODEL_REGION - sizeof value)
		memcpy(&value, g->shadow + (va - g->va), sizeof value);
	return value;
}

/* What a peer of ours would say behind its AETH. */
static void
sack_make(struct world *w, struct roce_pkt *p, const struct packet_step *k)
{
	struct sack s = {
	    .have = {k->operand * UINT64_C(0x0101010101010101) >> k->where % 64, k->shift},
	    .duplicates = k->total};

	p->payload = w->payload;
	p->payload_len = (uint16_t)sack_encode(w->payload, &s);
}

static void
packet_make(struct world *w, struct roce_pkt *p, uint8_t *flags)
{
	struct packet_step k = {0};
	const struct model_region *g;
	uint32_t due;

	script_bytes(w->s, (uint8_t *)&k, sizeof k);
	g = &w->model.region[k.where / 16 % MODEL_REGIONS];
	p->opcode = k.opcode < 32 || k.opcode >= 0xe0 ? k.opcode : k.opcode % 32;
	p->dest_qp = QPN;
	due = rc_model_is_response(p->opcode) ? w->qp.una : w->qp.expected;
	p->psn = psn_add(due, k.psn < 192 ? 0 : k.psn - 224u);
	if (k.psn == 255)
		p->psn = script_u32(w->s) & PSN_MASK;
	p->payload_len = (uint16_t)length_of(w, k.len);
	if (p->payload_len > SAN_PMTU_MAX)
		p->payload_len = SAN_PMTU_MAX;
	p->payload = w->payload + SAN_PMTU_MAX + 1 - p->payload_len;
	memset(w->payload + SAN_PMTU_MAX + 1 - p->payload_len, (int)w->s->left, p->payload_len);
	p->ext.rkey = g->key ^ (k.where & 0x80 ? 1u << k.where % 32 : 0);
	p->ext.va = g->va + k.where % 16 * (MODEL_REGION / 16) + (uint64_t)(int64_t)(int8_t)k.shift;
	p->ext.dma_len = k.total < 128 ? p->payload_len : (k.total - 128u) * w->qp.pmtu / 4;
	if (k.total == 255)
		p->ext.dma_len = script_u32(w->s);
	p->ext.syndrome = k.syndrome;
	p->ext.compare = value_at(g, p->ext.va, k.operand);
	p->ext.swap_add = k.operand * UINT64_C(0x0101010101010101);
	p->ackreq = k.flags & STEP_ACKREQ;
	p->se = k.flags & STEP_SOLICITED;
	p->becn = k.flags & STEP_BECN;
	p->tclass = k.flags & STEP_CE ? 3 : 2;
	w->marks += p->tclass == 3;
	if (p->opcode == ROCE_RC_ACK && k.flags & STEP_SACK)
		sack_make(w, p, &k);
	*flags = k.flags;
}

/* What the engine made of a request: seen from outside, by what changed. */
static unsigned
outcome_of(const struct world *w, unsigned allowed, uint32_t expected, uint32_t rnr_sent)
{
	if (rc_error(&w->qp) != 0)
		return allowed & (MODEL_INVALID | MODEL_ACCESS);
	if (w->qp.expected != expected)
		return allowed & MODEL_ACCEPT;
	if (w->qp.counters.rnr_sent != rnr_sent)
		return allowed & MODEL_RNR;
	return allowed & (MODEL_AGAIN | MODEL_GAP | MODEL_FOREIGN);
}

static void
check_memory(const struct world *w)
{
	for (uint32_t i = 0; i < MODEL_REGIONS; i++)
		promise(memcmp(w->region[i], w->model.region[i].shadow, MODEL_REGION) == 0);
}

static void
check_order(const struct rc_qp *qp)
{
	uint32_t sent = psn_span(qp->high, qp->una), next = psn_span(qp->snd, qp->una);

	promise(next <= sent && sent <= psn_span(qp->nxt, qp->una));
}

static void
check_early(struct world *w, const struct roce_pkt *p, const struct rc_in *in, uint8_t flags)
{
	promise(!in->early || (!in->delivered && !in->response && w->qp.pool != NULL));
	if (in->early && flags & STEP_KEEP)
		rc_store_offer(&w->store, &w->qp, p, w->now);
}

static void
receive_request(struct world *w, const struct roce_pkt *p, uint8_t flags)
{
	unsigned allowed = rc_model_allowed(&w->model, p), outcome;
	uint32_t expected = w->qp.expected, rnr_sent = w->qp.counters.rnr_sent;
	struct rc_in in;

	rc_receive(&w->qp, p, w->now, &in);
	outcome = outcome_of(w, allowed, expected, rnr_sent);
	promise(outcome != 0);
	rc_model_take(&w->model, p, outcome);
	promise(w->qp.expected == w->model.expected);
	promise(!in.response && (!in.delivered || outcome == MODEL_ACCEPT));
	promise(!in.acked && (!in.early || outcome == MODEL_GAP));
	if (in.delivered && !in.write_imm)
		promise(in.payload == p->payload && in.len == p->payload_len);
	check_early(w, p, &in, flags);
	if (in.delivered && flags & STEP_REFUSE) {
		rc_refuse(&w->qp, &in);
		rc_model_refuse(&w->model, in.last);
	}
}

/* ACK, NAK, READ response: what it acknowledges is at most what it names. */
static void
receive_response(struct world *w, const struct roce_pkt *p, uint8_t flags)
{
	bool nak = p->opcode == ROCE_RC_ACK && p->ext.syndrome >> 5 != 0;
	uint32_t una = w->qp.una, high = w->qp.high, behind = nak ? p->psn : psn_add(p->psn, 1);
	struct rc_in in;

	rc_receive(&w->qp, p, w->now, &in);
	promise(!in.delivered);
	if (in.response)
		rc_ledger_response(&w->ledger, &w->qp, &in);
	if (rc_error(&w->qp) == 0 && w->qp.una != una)
		promise(psn_diff(behind, high) <= 0 &&
			psn_span(w->qp.una, una) <= psn_span(behind, una));
	check_early(w, p, &in, flags);
}

static void
feed(struct world *w, const struct roce_pkt *p, uint8_t flags)
{
	struct rc_in in;

	if (rc_error(&w->qp) != 0) {
		rc_receive(&w->qp, p, w->now, &in);
		promise(!in.valid && !in.delivered && !in.response && !in.acked && !in.early);
	} else if (rc_model_is_response(p->opcode)) {
		receive_response(w, p, flags);
	} else {
		receive_request(w, p, flags);
		check_memory(w);
	}
}

static void
receive(struct world *w)
{
	struct roce_pkt p = {.vlan = ROCE_VLAN_NONE};
	uint8_t flags;
	void *kept;

	packet_make(w, &p, &flags);
	feed(w, &p, flags);
	while ((kept = rc_kept_next(&w->qp)) != NULL) {
		struct store_frame *f = rc_store_take(&w->store, kept);

		feed(w, &f->p, 0);
		free(f);
	}
}

static void
drop_kept(struct world *w, void *(*next)(struct rc_qp *qp))
{
	void *kept;

	while ((kept = next(&w->qp)) != NULL)
		free(rc_store_take(&w->store, kept));
}

static void
post(struct world *w)
{
	uint8_t kind = script_byte(w->s) % RC_KIND_COUNT, len = script_byte(w->s),
		flags = script_byte(w->s);
	struct rc_run m = {.kind = kind,
	    .tag = w->ledger.tail,
	    .count = 1 + flags % 4,
	    .len = length_of(w, len) * (1 + flags / 16 % 8),
	    .se = flags & 4,
	    .fence = flags & 8};
	uint32_t psn = w->qp.nxt;

	if (kind == RC_CMP_SWAP || kind == RC_FETCH_ADD)
		m.len = 8;
	if (flags == 0xff)
		m.len = script_u32(w->s);
	if (rc_ledger_room(&w->ledger, m.count) && rc_post(&w->qp, &m) == 0)
		rc_ledger_post(&w->ledger, &w->qp, &m, psn);
}

static void
owner_state(struct world *w, uint8_t n)
{
	if (n == 1) {
		rc_stop(&w->qp);
		w->stopped = true;
	} else if (n < 10 && rc_drain(&w->qp) == 0) {
		w->draining = true;
	} else if (n >= 10 && rc_ready(&w->qp) == 0) {
		w->draining = false;
	}
}

static void
owner_event(struct world *w)
{
	uint8_t what = script_byte(w->s), n = script_byte(w->s);

	switch (what % 6) {
	case 0:
	case 1:
		w->posted_receives += n;
		w->model.recv_left += n;
		rc_recv_limit(&w->qp, w->posted_receives);
		break;
	case 2:
		w->model.recv_size = n * 64u;
		rc_recv_size(&w->qp, n * 64u);
		break;
	case 3:
		if (n % 4 == 0 && rc_mr_invalidate(&w->mrs, PD,
				      w->model.region[what % MODEL_REGIONS].key, false) == 0)
			rc_model_invalidate(&w->model, w->model.region[what % MODEL_REGIONS].key);
		break;
	case 4:
		rc_ack_now(&w->qp);
		break;
	default:
		owner_state(w, n);
		break;
	}
}

/* What it says it has, it has. */
static void
check_sack(const struct world *w, const struct roce_tx *tx)
{
	uint32_t missing = tx->ext.syndrome >> 5 == 0 ? psn_add(tx->psn, 1) : tx->psn;
	bool told = tx->seg_count != 0; /* else there is nothing but the count of duplicates */
	struct sack s;

	promise((w->qp.features & RC_FEATURE_SACK) != 0 && told == (tx->inline_len == 0));
	promise(sack_decode(
	    told ? tx->seg[0].base : tx->inline_bytes, told ? tx->seg[0].len : tx->inline_len, &s));
	for (uint32_t i = 0; i < SACK_PACKETS; i++)
		if ((s.have[i / 64] >> i % 64 & 1) != 0)
			promise(rc_store_has(&w->store, psn_add(missing, i + 1)));
}

static void
check_answer(struct world *w, const struct roce_tx *tx)
{
	promise(tx->dest_qp == PEER_QPN);
	if (tx->opcode == ROCE_CNP) {
		promise(w->marks-- > 0 && rc_error(&w->qp) == 0);
		return;
	}
	promise(!tx->becn || (w->qp.features & RC_FEATURE_ECN_ECHO) != 0);
	if (tx->opcode == ROCE_RC_ACK && roce_tx_payload_len(tx) > 0)
		check_sack(w, tx);
	rc_model_answer(&w->model, tx);
}

static bool
emit(struct world *w)
{
	struct roce_tx tx;
	struct rc_chunk chunk;
	enum rc_out out;

	memset(&tx, 0xa5, sizeof tx); /* the engine fills in every field */
	out = rc_emit(&w->qp, &tx, &chunk, w->now);
	if (out == RC_OUT_RESPONSE) {
		check_answer(w, &tx);
	} else if (out == RC_OUT_REQUEST) {
		promise(rc_error(&w->qp) == 0 && !w->stopped);
		promise(!w->draining || chunk.offset > 0 || chunk.again); /* no message begins */
		rc_ledger_request(&w->ledger, &w->qp, &tx, &chunk);
	}
	return out != RC_OUT_NONE;
}

/* All that may leave leaves; what is done is taken. */
static void
settle(struct world *w)
{
	uint32_t sent = 0;

	if (san_time_reached(rc_deadline(&w->qp), w->now))
		rc_deadline_expire(&w->qp, w->now);
	drop_kept(w, rc_kept_drop);
	while (emit(w)) {
		check_order(&w->qp);
		promise(++sent <= EMIT_MAX(w));
	}
	promise(!rc_has_work(&w->qp, w->now) && rc_deadline(&w->qp).ns > w->now.ns);
	rc_ledger_reap(&w->ledger, &w->qp, false);
	if (rc_error(&w->qp) != 0 || w->stopped)
		rc_ledger_reap(&w->ledger, &w->qp, true);
	promise(rc_error(&w->qp) != SAN_EPROTO || w->model.refusal == 0 || w->model.refusal_said);
}

/* The peer falls silent: what is outstanding fails, within a bounded number of attempts. */
static void
check_ends(struct world *w)
{
	unsigned rounds = 0;

	if (w->draining && rc_ready(&w->qp) == 0)
		w->draining = false;
	settle(w);
	while (rc_deadline(&w->qp).ns != SAN_TIME_NEVER.ns) {
		promise(++rounds < 20000);
		w->now = rc_deadline(&w->qp);
		settle(w);
	}
	promise(w->ledger.head == w->ledger.tail);
	promise(rc_error(&w->qp) != 0 || w->stopped || w->qp.una == w->qp.nxt);
	drop_kept(w, rc_fini);
	promise(w->store.count == 0 && w->pool.lent == 0 && w->pool.frames == 0);
	rc_reset(&w->qp);
	promise(!emit(w));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct script s = {data, size};

	world_init(&w, &s);
	for (int i = 0; i < STEPS_MAX && s.left > 0; i++) {
		switch (script_byte(&s) % 16) {
		case 0:
			post(&w);
			break;
		case 1:
			owner_event(&w);
			break;
		case 2:
			w.now = san_time_add(w.now, duration(&s));
			break;
		case 3:
			emit(&w);
			break;
		case 4:
		case 5:
			settle(&w);
			break;
		default:
			receive(&w);
			break;
		}
	}
	check_ends(&w);
	world_free(&w);
	return 0;
}
