/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a frame. The first byte says which checksums to repair, so that damage deep inside
 * is reached. */
#include "bytes.h"
#include "fuzz.h"
#include "icrc.h"
#include "roce.h"
#include "sack.h"
#include "san_limits.h"

#define REPAIR_IP   1
#define REPAIR_ICRC 2

static void
icrc_init_once(void)
{
	static bool done;

	if (!done)
		icrc_init();
	done = true;
}

static void
repair_ip(uint8_t *ip)
{
	uint32_t sum = 0;

	be16_put(ip + 10, 0);
	for (int i = 0; i < 20; i += 2)
		sum += be16_get(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	be16_put(ip + 10, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
}

/* What came out must be inside the frame, and saying it again must decode to the same. */
static void
check_packet(const uint8_t *frame, size_t len, const struct roce_pkt *p)
{
	static uint8_t again[SAN_FRAME_MAX];
	struct roce_path path = {.src = p->src,
	    .dst = p->dst,
	    .vlan = p->vlan,
	    .sport = p->sport,
	    .tclass = p->tclass,
	    .hop_limit = 64};
	struct roce_tx tx = {.opcode = p->opcode,
	    .se = p->se,
	    .ackreq = p->ackreq,
	    .becn = p->becn,
	    .dest_qp = p->dest_qp,
	    .psn = p->psn,
	    .ext = p->ext,
	    .seg_count = 1,
	    .seg = {{p->payload, p->payload_len}}};
	struct roce_pkt q;
	int n;

	promise(p->icrc_off + ROCE_ICRC_LEN <= len);
	promise(p->payload >= frame && p->payload + p->payload_len <= frame + p->icrc_off);
	promise(p->payload_len <= SAN_PMTU_MAX);
	promise(p->dest_qp <= 0xffffff && p->psn <= 0xffffff);
	/* A mapped address in an IPv6 header would be said again as IPv4. */
	if (san_ip_is_v4(&p->src) != san_ip_is_v4(&p->dst) ||
	    (frame[p->l3_off] >> 4 == 6 && san_ip_is_v4(&p->src)))
		return;
	n = roce_encode(again, sizeof again, &path, &tx);
	promise(n > 0);
	promise(roce_decode(again, (size_t)n, &q) == ROCE_OK);
	promise(q.opcode == p->opcode && q.psn == p->psn && q.dest_qp == p->dest_qp);
	promise(
	    q.payload_len == p->payload_len && memcmp(q.payload, p->payload, q.payload_len) == 0);
	promise(memcmp(&q.ext, &p->ext, sizeof q.ext) == 0);
}

/* What is told behind an AETH, said again, is the same. */
static void
check_sack(const struct roce_pkt *p)
{
	uint8_t again[SACK_LEN_MAX];
	struct sack s, t;
	size_t len;

	if (!sack_decode(p->payload, p->payload_len, &s))
		return;
	len = sack_encode(again, &s);
	promise(len <= p->payload_len);
	promise(sack_decode(again, len, &t) && memcmp(&s, &t, sizeof s) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct roce_pkt p;
	enum roce_verdict v;
	uint8_t *frame, *before;

	icrc_init_once();
	if (size < 1)
		return 0;
	frame = malloc(size);
	before = malloc(size);
	memcpy(frame, data + 1, --size);
	if ((data[0] & REPAIR_IP) != 0 && size >= 34)
		repair_ip(frame + 14);
	memcpy(before, frame, size);
	v = roce_decode(frame, size, &p);
	promise(memcmp(frame, before, size) == 0);
	if (v == ROCE_ICRC && (data[0] & REPAIR_ICRC) != 0) {
		bool v6 = frame[p.l3_off] >> 4 == 6;

		icrc_store(
		    frame + p.icrc_off, icrc_in_place(frame + p.l3_off, p.icrc_off - p.l3_off, v6));
		v = roce_decode(frame, size, &p);
		promise(v == ROCE_OK);
	}
	promise(v < ROCE_VERDICT_COUNT);
	if (v == ROCE_OK) {
		check_packet(frame, size, &p);
		check_sack(&p);
	}
	free(before);
	free(frame);
	return 0;
}
