/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <string.h>

#include "bytes.h"
#include "frames.h"
#include "icrc.h"
#include "mad.h"
#include "prng.h"
#include "roce.h"
#include "san_err.h"
#include "sdp_msg.h"

#define L3 14u

static int
init(void **state)
{
	icrc_init();
	return 0;
}

/* From host A (last digit 1) or B (2), as in the vectors. */
static struct roce_path
path_from(char from, bool v6)
{
	struct roce_path p = {.smac = {2, 0, 0, 0, 0, 1},
	    .dmac = {2, 0, 0, 0, 0, 2},
	    .vlan = ROCE_VLAN_NONE,
	    .sport = 0xc001,
	    .hop_limit = 64};

	san_ip_parse(v6 ? "fd00::1" : "192.168.10.1", &p.src);
	san_ip_parse(v6 ? "fd00::2" : "192.168.10.2", &p.dst);
	if (from == 'B') {
		struct san_ip ip = p.src;

		p.src = p.dst;
		p.dst = ip;
		p.smac[5] = 2;
		p.dmac[5] = 1;
	}
	return p;
}

/* The vectors were made with the MigReq bit 0, as rxe sends it; we send 1, as hardware does (not on
 * CNPs). */
static void
expect_vector(enum frame_vector v, const struct roce_path *path, const struct roce_tx *tx)
{
	uint8_t want[FRAME_CAP], got[FRAME_CAP];
	size_t want_len = frame_vector_get(v, want);
	size_t bth = L3 + (want[12] == 0x86 ? 40 : 20) + 8;

	if (want[bth] != ROCE_CNP) {
		want[bth + 1] |= 0x40;
		frame_fix(want, L3);
	}
	memset(got, 0xcc, sizeof got);
	assert_int_equal(roce_encode(got, sizeof got, path, tx), want_len);
	assert_memory_equal(got, want, want_len);
	/* Exactly enough room is enough. */
	assert_int_equal(roce_encode(got, want_len, path, tx), want_len);
	assert_int_equal(roce_encode(got, want_len - 1, path, tx), SAN_ENOBUFS);
}

static void
encode__cm_req_with_hello(void **state)
{
	struct roce_path path = path_from('A', false);
	struct cm_msg m = {.attr = CM_REQ,
	    .tid = 0x1122334400000001,
	    .local_id = 0x11111111,
	    .service_id = CM_SID_SDP | 5001,
	    .ca_guid = 0x020000fffe000001,
	    .qpn = 0x12,
	    .psn = 0x111111,
	    .responder_resources = 4,
	    .initiator_depth = 4,
	    .local_resp_timeout = 20,
	    .remote_resp_timeout = 20,
	    .max_cm_retries = 15,
	    .retry_count = 7,
	    .rnr_retry = 7,
	    .flow_control = 1,
	    .pkey = 0xffff,
	    .pmtu_code = 3,
	    .src_gid = path.src,
	    .dst_gid = path.dst,
	    .hop_limit = 64,
	    .local_ack_timeout = 19,
	    .priv_len = SDP_HELLO_LEN};
	const struct sdp_hello hello = {.bufs = 64,
	    .version = SDP_VERSION,
	    .max_adverts = 1,
	    .des_rem_rcv_size = 4096,
	    .local_rcv_size = 4096,
	    .local_port = 40000,
	    .src = path.src,
	    .dst = path.dst};
	uint8_t mad[MAD_LEN];
	struct roce_tx tx = {.opcode = ROCE_UD_SEND_ONLY,
	    .dest_qp = MAD_QP,
	    .psn = 1,
	    .ext = {.qkey = MAD_QKEY, .src_qp = MAD_QP},
	    .seg_count = 1,
	    .seg = {{mad, MAD_LEN}}};

	sdp_hello_encode(m.priv, &hello);
	assert_int_equal(cm_msg_encode(mad, &m), 0);
	expect_vector(VECTOR_REQ, &path, &tx);
}

static void
encode__send(void **state)
{
	struct roce_path path = path_from('A', false);
	struct roce_tx tx = {.opcode = ROCE_RC_SEND_ONLY,
	    .dest_qp = 0x34,
	    .psn = 0x222222,
	    .ackreq = true,
	    .seg_count = 3,
	    .seg = {{(const uint8_t *)"Hello", 5}, {(const uint8_t *)" over SDP!\n", 11},
		{(const uint8_t *)"!", 1}}};
	const struct sdp_bsdh h = {.mid = SDP_DATA, .bufs = 63, .len = 33, .mseq = 1};

	path.tclass = 2;
	tx.inline_len = (uint8_t)sdp_msg_encode_header(tx.inline_bytes, &h, NULL);
	expect_vector(VECTOR_SEND, &path, &tx);
	assert_int_equal(roce_tx_payload_len(&tx), 33);
}

static void
encode__write(void **state)
{
	struct roce_path path = path_from('A', false);
	uint8_t bytes[256];
	struct roce_tx tx = {.opcode = ROCE_RC_WRITE_FIRST,
	    .dest_qp = 0x34,
	    .psn = 0x222230,
	    .ext = {.va = 0x7f0000001000, .rkey = 0xabcd, .dma_len = 300},
	    .seg_count = 1,
	    .seg = {{bytes, 256}}};

	for (int i = 0; i < 256; i++)
		bytes[i] = (uint8_t)i;
	path.tclass = 2;
	expect_vector(VECTOR_WRITE, &path, &tx);
}

static void
encode__ack_nak_keepalive(void **state)
{
	struct roce_path ab = path_from('A', false), ba = path_from('B', false),
			 ba6 = path_from('B', true);
	struct roce_tx tx = {.opcode = ROCE_RC_ACK,
	    .dest_qp = 0x12,
	    .psn = 0x222222,
	    .ext = {.syndrome = AETH_ACK_UNLIMITED, .msn = 1}};

	expect_vector(VECTOR_ACK, &ba, &tx);
	expect_vector(VECTOR_ACK6, &ba6, &tx);
	tx.psn = 0x222223;
	tx.ext.syndrome = AETH_NAK_SEQ;
	expect_vector(VECTOR_NAK, &ba, &tx);
	tx = (struct roce_tx){
	    .opcode = ROCE_RC_WRITE_ONLY, .dest_qp = 0x34, .psn = 0x222240, .ackreq = true};
	expect_vector(VECTOR_KEEPALIVE, &ab, &tx);
}

static void
encode__cnp(void **state)
{
	struct roce_path path = path_from('B', false);
	const struct roce_tx tx = {.opcode = ROCE_CNP, .dest_qp = 0x12};

	path.tclass = 48 << 2;
	expect_vector(VECTOR_CNP, &path, &tx);
}

static void
encode__vlan(void **state)
{
	struct roce_path path = path_from('A', false);
	const struct roce_tx tx = {.opcode = ROCE_RC_ACK, .dest_qp = 1, .psn = 2};
	uint8_t tagged[FRAME_CAP], plain[FRAME_CAP];
	struct roce_pkt pkt;
	int len = roce_encode(plain, sizeof plain, &path, &tx);

	path.vlan = 100;
	assert_int_equal(roce_encode(tagged, sizeof tagged, &path, &tx), len + 4);
	assert_int_equal(be16_get(tagged + 12), 0x8100);
	assert_int_equal(be16_get(tagged + 14), 100);
	assert_memory_equal(tagged, plain, 12);
	assert_memory_equal(tagged + 16, plain + 12, (size_t)len - 12);
	assert_int_equal(roce_decode(tagged, (size_t)len + 4, &pkt), ROCE_OK);
	assert_int_equal(pkt.vlan, 100);
}

/* The smallest packet on IPv4 is below Ethernet's minimum; the ICRC sits before the padding. */
static void
encode__short_frame_is_padded(void **state)
{
	struct roce_path path = path_from('A', false);
	const struct roce_tx tx = {.opcode = ROCE_RC_SEND_ONLY, .dest_qp = 1};
	uint8_t frame[FRAME_CAP];
	struct roce_pkt pkt;

	memset(frame, 0xcc, sizeof frame);
	assert_int_equal(roce_encode(frame, sizeof frame, &path, &tx), 60);
	assert_int_equal(be16_get(frame + 58), 0);
	assert_int_equal(roce_decode(frame, 60, &pkt), ROCE_OK);
	assert_int_equal(pkt.icrc_off, 54);
	assert_int_equal(roce_encode(frame, 59, &path, &tx), SAN_ENOBUFS);
}

static void
encode__refuses(void **state)
{
	struct roce_path path = path_from('A', false);
	uint8_t frame[FRAME_CAP], bytes[5000] = {0};
	struct roce_tx tx = {.opcode = 0x15};

	assert_int_equal(roce_encode(frame, sizeof frame, &path, &tx), SAN_EINVAL);
	tx.opcode = 0x20; /* unreliable connection */
	assert_int_equal(roce_encode(frame, sizeof frame, &path, &tx), SAN_EINVAL);
	tx = (struct roce_tx){.opcode = ROCE_RC_SEND_ONLY, .inline_len = ROCE_TX_INLINE + 1};
	assert_int_equal(roce_encode(frame, sizeof frame, &path, &tx), SAN_EINVAL);
	tx = (struct roce_tx){.opcode = ROCE_RC_SEND_ONLY, .seg_count = ROCE_TX_SEGS + 1};
	assert_int_equal(roce_encode(frame, sizeof frame, &path, &tx), SAN_EINVAL);
	tx = (struct roce_tx){.opcode = ROCE_RC_SEND_ONLY, .seg_count = 1, .seg = {{bytes, 4097}}};
	assert_int_equal(roce_encode(frame, sizeof frame, &path, &tx), SAN_EINVAL);
}

static uint32_t
random_bits(struct prng *rng, int bits)
{
	return (uint32_t)prng_u64(rng) & (uint32_t)((1ull << bits) - 1);
}

/* Only what the opcode carries comes back; the rest must be zero. */
static struct roce_ext
random_ext(struct prng *rng, uint8_t opcode)
{
	struct roce_ext e = {0};

	if (opcode == ROCE_UD_SEND_ONLY || opcode == ROCE_UD_SEND_ONLY_IMM) {
		e.qkey = random_bits(rng, 32);
		e.src_qp = random_bits(rng, 24);
	}
	if (opcode == ROCE_RC_WRITE_FIRST || opcode == ROCE_RC_WRITE_ONLY ||
	    opcode == ROCE_RC_WRITE_ONLY_IMM || opcode == ROCE_RC_READ_REQ ||
	    opcode == ROCE_RC_CMP_SWAP || opcode == ROCE_RC_FETCH_ADD) {
		e.va = prng_u64(rng);
		e.rkey = random_bits(rng, 32);
	}
	if (opcode == ROCE_RC_WRITE_FIRST || opcode == ROCE_RC_WRITE_ONLY ||
	    opcode == ROCE_RC_WRITE_ONLY_IMM || opcode == ROCE_RC_READ_REQ)
		e.dma_len = random_bits(rng, 32);
	if (opcode == ROCE_RC_CMP_SWAP || opcode == ROCE_RC_FETCH_ADD) {
		e.swap_add = prng_u64(rng);
		e.compare = prng_u64(rng);
	}
	if (opcode == ROCE_RC_ATOMIC_ACK)
		e.compare = prng_u64(rng);
	if (opcode >= ROCE_RC_READ_RESP_FIRST && opcode <= ROCE_RC_ATOMIC_ACK &&
	    opcode != ROCE_RC_READ_RESP_MIDDLE) {
		e.syndrome = (uint8_t)random_bits(rng, 8);
		e.msn = random_bits(rng, 24);
	}
	if (opcode == ROCE_RC_SEND_LAST_IMM || opcode == ROCE_RC_SEND_ONLY_IMM ||
	    opcode == ROCE_RC_WRITE_LAST_IMM || opcode == ROCE_RC_WRITE_ONLY_IMM ||
	    opcode == ROCE_UD_SEND_ONLY_IMM)
		e.imm = random_bits(rng, 32);
	if (opcode == ROCE_RC_SEND_LAST_INV || opcode == ROCE_RC_SEND_ONLY_INV)
		e.rkey = random_bits(rng, 32);
	return e;
}

static void
expect_round_trip(
    const uint8_t *frame, int len, const struct roce_path *path, const struct roce_tx *tx)
{
	uint8_t copy[FRAME_CAP];
	struct roce_pkt p;

	memcpy(copy, frame, (size_t)len);
	assert_int_equal(roce_decode(copy, (size_t)len, &p), ROCE_OK);
	assert_true(san_ip_equal(&p.src, &path->src) && san_ip_equal(&p.dst, &path->dst));
	assert_int_equal(p.vlan, path->vlan);
	assert_int_equal(p.sport, path->sport);
	assert_int_equal(p.tclass, path->tclass);
	assert_int_equal(p.opcode, tx->opcode);
	assert_int_equal(p.se, tx->se);
	assert_int_equal(p.ackreq, tx->ackreq);
	assert_int_equal(p.becn, tx->becn || tx->opcode == ROCE_CNP);
	assert_int_equal(p.migreq, tx->opcode != ROCE_CNP);
	assert_int_equal(p.dest_qp, tx->dest_qp);
	assert_int_equal(p.psn, tx->psn);
	assert_memory_equal(&p.ext, &tx->ext, sizeof p.ext);
	assert_int_equal(p.payload_len, roce_tx_payload_len(tx));
	assert_memory_equal(p.payload, tx->inline_bytes, tx->inline_len);
	if (tx->seg_count > 0)
		assert_memory_equal(p.payload + tx->inline_len, tx->seg[0].base, tx->seg[0].len);
}

static void
encode__round_trip(void **state)
{
	struct prng rng = {99};
	uint8_t bytes[4096], frame[FRAME_CAP];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)prng_u64(&rng);
	for (int round = 0; round < 20000; round++) {
		struct roce_path path = path_from('A', prng_below(&rng, 2) != 0);
		struct roce_tx tx = {.opcode = (uint8_t)prng_below(&rng, 256)};
		int len;

		path.vlan =
		    prng_below(&rng, 2) ? (uint16_t)(1 + prng_below(&rng, 4094)) : ROCE_VLAN_NONE;
		path.sport = (uint16_t)prng_u64(&rng);
		path.tclass = (uint8_t)prng_u64(&rng);
		tx.se = prng_below(&rng, 2);
		tx.ackreq = prng_below(&rng, 2);
		tx.becn = prng_below(&rng, 2);
		tx.dest_qp = random_bits(&rng, 24);
		tx.psn = random_bits(&rng, 24);
		tx.ext = random_ext(&rng, tx.opcode);
		tx.inline_len = (uint8_t)prng_below(&rng, ROCE_TX_INLINE + 1);
		memcpy(tx.inline_bytes, bytes, tx.inline_len);
		tx.seg_count = (uint8_t)prng_below(&rng, ROCE_TX_SEGS + 1);
		for (uint8_t i = 0; i < tx.seg_count; i++) {
			tx.seg[i].len = prng_below(&rng, 1300);
			tx.seg[i].base = bytes + prng_below(&rng, 4096 - tx.seg[i].len);
		}
		len = roce_encode(frame, sizeof frame, &path, &tx);
		if (len > 0)
			expect_round_trip(frame, len, &path, &tx);
		else
			assert_int_equal(len, SAN_EINVAL);
	}
}

static void
pmtu__from_mtu(void **state)
{
	static const struct {
		uint32_t mtu, pmtu;
	} cases[] = {{0, 0}, {68, 0}, {339, 0}, {340, 256}, {576, 256}, {1024, 512}, {1280, 1024},
	    {1500, 1024}, {2048, 1024}, {2200, 2048}, {4096, 2048}, {4200, 4096}, {9000, 4096},
	    {65535, 4096}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(roce_pmtu_from_mtu(cases[i].mtu), cases[i].pmtu);
}

static void
pmtu__code(void **state)
{
	for (uint8_t code = 1; code <= 5; code++)
		assert_int_equal(roce_pmtu_code(roce_pmtu_from_code(code)), code);
	assert_int_equal(roce_pmtu_from_code(3), 1024);
	assert_int_equal(roce_pmtu_from_code(0), 0);
	assert_int_equal(roce_pmtu_from_code(6), 0);
	assert_int_equal(roce_pmtu_from_code(255), 0);
	assert_int_equal(roce_pmtu_code(1000), 0);
	assert_int_equal(roce_pmtu_code(0), 0);
}

static void
sport__symmetric_and_in_range(void **state)
{
	struct prng rng = {3};

	for (int i = 0; i < 1000; i++) {
		uint32_t a = random_bits(&rng, 24), b = random_bits(&rng, 24);

		assert_int_equal(roce_sport(a, b), roce_sport(b, a));
		assert_true(roce_sport(a, b) >= 0xc000);
	}
	/* The product is small enough to pass through the folding unchanged. */
	assert_int_equal(roce_sport(0x11, 0x1c), 0xc1dc);
	assert_int_not_equal(roce_sport(0x123456, 0x654321), roce_sport(0x123457, 0x654321));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encode__cm_req_with_hello),
	    cmocka_unit_test(encode__send),
	    cmocka_unit_test(encode__write),
	    cmocka_unit_test(encode__ack_nak_keepalive),
	    cmocka_unit_test(encode__cnp),
	    cmocka_unit_test(encode__vlan),
	    cmocka_unit_test(encode__short_frame_is_padded),
	    cmocka_unit_test(encode__refuses),
	    cmocka_unit_test(encode__round_trip),
	    cmocka_unit_test(pmtu__from_mtu),
	    cmocka_unit_test(pmtu__code),
	    cmocka_unit_test(sport__symmetric_and_in_range),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
