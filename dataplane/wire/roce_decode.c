/* SPDX-License-Identifier: BSD-3-Clause */
/* From a hostile frame to a view or a verdict. Every length is checked against the one outside it
 * before a byte behind it is read: frame, IP, UDP, headers of the opcode, pad. Nothing is counted
 * or logged here. */
#include <string.h>

#include "bytes.h"
#include "icrc.h"
#include "roce.h"
#include "roce_opcode.h"
#include "san_limits.h"

#define ETH_LEN	     14u
#define VLAN_TAG_LEN 4u
#define IPV4_LEN     20u
#define IPV6_LEN     40u
#define UDP_LEN	     8u

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd

#define PROTO_ICMP	1
#define PROTO_UDP	17
#define PROTO_IPV6_FRAG 44
#define PROTO_ICMPV6	58

#define FRAG_MASK 0x3fffu /* more-fragments bit and offset; don't-fragment is bit 14 */

/* What the IP layer leaves for UDP. */
struct l4_view {
	uint8_t *base;
	uint32_t len;
};

static bool
all_zero(const uint8_t *p, size_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

static uint32_t
ipv4_header_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < IPV4_LEN; i += 2)
		sum += be16_get(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static enum roce_verdict
ipv4_decode(uint8_t *ip, size_t len, struct roce_pkt *out, struct l4_view *l4)
{
	uint32_t total;

	if (len < IPV4_LEN)
		return ROCE_MALFORMED;
	if (ip[0] >> 4 != 4)
		return ROCE_IP_VERSION;
	/* Before the strict checks: IGMP, for one, always carries an IP option and is no error. */
	if (ip[9] != PROTO_UDP && ip[9] != PROTO_ICMP)
		return ROCE_NOT_OURS;
	if ((ip[0] & 0x0f) != IPV4_LEN / 4 || ipv4_header_sum(ip) != 0xffff)
		return ROCE_IP_VERSION;
	total = be16_get(ip + 2);
	if (total < IPV4_LEN || total > len)
		return ROCE_MALFORMED;
	if ((be16_get(ip + 6) & FRAG_MASK) != 0)
		return ROCE_FRAGMENT;
	out->tclass = ip[1];
	out->src = san_ip_v4(be32_get(ip + 12));
	out->dst = san_ip_v4(be32_get(ip + 16));
	*l4 = (struct l4_view){ip + IPV4_LEN, total - IPV4_LEN};
	return ip[9] == PROTO_UDP ? ROCE_OK : ROCE_ICMP;
}

static enum roce_verdict
ipv6_decode(uint8_t *ip, size_t len, struct roce_pkt *out, struct l4_view *l4)
{
	uint32_t payload;

	if (len < IPV6_LEN)
		return ROCE_MALFORMED;
	if (ip[0] >> 4 != 6)
		return ROCE_IP_VERSION;
	payload = be16_get(ip + 4);
	if (payload > len - IPV6_LEN)
		return ROCE_MALFORMED;
	if (ip[6] == PROTO_IPV6_FRAG)
		return ROCE_FRAGMENT;
	if (ip[6] != PROTO_UDP && ip[6] != PROTO_ICMPV6)
		return ROCE_NOT_OURS;
	out->tclass = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
	memcpy(out->src.b, ip + 8, 16);
	memcpy(out->dst.b, ip + 24, 16);
	*l4 = (struct l4_view){ip + IPV6_LEN, payload};
	return ip[6] == PROTO_UDP ? ROCE_OK : ROCE_ICMP;
}

/* Fields of the extension headers, in wire order. `p` has roce_opcodes[].ext_len bytes. */
static void
ext_decode(const uint8_t *p, uint8_t headers, struct roce_ext *ext)
{
	if (headers & ROCE_HDR_DETH) {
		ext->qkey = be32_get(p);
		ext->src_qp = be24_get(p + 5);
		p += 8;
	}
	if (headers & ROCE_HDR_RETH) {
		ext->va = be64_get(p);
		ext->rkey = be32_get(p + 8);
		ext->dma_len = be32_get(p + 12);
		p += 16;
	}
	if (headers & ROCE_HDR_AETH) {
		ext->syndrome = p[0];
		ext->msn = be24_get(p + 1);
		p += 4;
	}
	if (headers & ROCE_HDR_IMM)
		ext->imm = be32_get(p);
	if (headers & ROCE_HDR_IETH)
		ext->rkey = be32_get(p);
	if (headers & ROCE_HDR_ATOMIC) {
		ext->va = be64_get(p);
		ext->rkey = be32_get(p + 8);
		ext->swap_add = be64_get(p + 12);
		ext->compare = be64_get(p + 20);
	}
	if (headers & ROCE_HDR_ATOMIC_ACK)
		ext->compare = be64_get(p);
}

/* BTH and what follows it; `len` counts from BTH to the end of the ICRC. */
static enum roce_verdict
bth_decode(const uint8_t *bth, uint32_t len, struct roce_pkt *out)
{
	const struct roce_opcode_info *info = &roce_opcodes[bth[0]];
	uint32_t pad = (bth[1] >> 4) & 3,
		 around = ROCE_BTH_LEN + info->ext_len + pad + ROCE_ICRC_LEN;

	if ((bth[1] & 0x0f) != 0)
		return ROCE_BTH_VERSION;
	if (!info->legal)
		return ROCE_OPCODE;
	if (len < around)
		return ROCE_SHORT;
	/* The pad exists to make the whole a multiple of four; anything else was not built by a
	 * RoCE sender. */
	if ((len & 3) != 0 || len - around > SAN_PMTU_MAX)
		return ROCE_MALFORMED;
	out->opcode = bth[0];
	out->se = bth[1] >> 7;
	out->migreq = (bth[1] >> 6) & 1;
	out->pkey = be16_get(bth + 2);
	out->fecn = bth[4] >> 7;
	out->becn = (bth[4] >> 6) & 1;
	out->dest_qp = be24_get(bth + 5);
	out->ackreq = bth[8] >> 7;
	out->psn = be24_get(bth + 9);
	memset(&out->ext, 0, sizeof out->ext);
	ext_decode(bth + ROCE_BTH_LEN, info->headers, &out->ext);
	out->payload = bth + ROCE_BTH_LEN + info->ext_len;
	out->payload_len = (uint16_t)(len - around);
	return ROCE_OK;
}

static enum roce_verdict
udp_decode(uint8_t *frame, const struct l4_view *l4, struct roce_pkt *out)
{
	uint8_t *udp = l4->base;
	uint32_t len;

	if (l4->len < UDP_LEN)
		return ROCE_MALFORMED;
	if (be16_get(udp + 2) != ROCE_UDP_PORT)
		return ROCE_NOT_OURS;
	len = be16_get(udp + 4);
	if (len != l4->len)
		return ROCE_MALFORMED;
	if (len < UDP_LEN + ROCE_BTH_LEN + ROCE_ICRC_LEN)
		return ROCE_SHORT;
	out->sport = be16_get(udp);
	out->icrc_off = (uint16_t)(udp + len - ROCE_ICRC_LEN - frame);
	return bth_decode(udp + UDP_LEN, len - UDP_LEN, out);
}

/* All but the ICRC. */
static enum roce_verdict
frame_decode(uint8_t *frame, size_t len, struct roce_pkt *out)
{
	enum roce_verdict verdict;
	struct l4_view l4;
	uint16_t type, l3 = ETH_LEN;

	if (len < ETH_LEN)
		return ROCE_MALFORMED;
	out->vlan = ROCE_VLAN_NONE;
	type = be16_get(frame + 12);
	if (type == ETHERTYPE_VLAN) {
		if (len < ETH_LEN + VLAN_TAG_LEN)
			return ROCE_MALFORMED;
		/* VLAN id 0 is a priority tag: the frame belongs to no VLAN. */
		if ((be16_get(frame + 14) & 0x0fff) != 0)
			out->vlan = be16_get(frame + 14) & 0x0fff;
		type = be16_get(frame + 16);
		l3 += VLAN_TAG_LEN;
	}
	out->l3_off = l3;
	memcpy(out->dmac, frame, 6);
	memcpy(out->smac, frame + 6, 6);
	switch (type) {
	case ETHERTYPE_IPV4:
		verdict = ipv4_decode(frame + l3, len - l3, out, &l4);
		break;
	case ETHERTYPE_IPV6:
		verdict = ipv6_decode(frame + l3, len - l3, out, &l4);
		break;
	case ETHERTYPE_ARP:
		return ROCE_ARP;
	default:
		/* Ethertype 0 exists in no registry; null devices deliver frames made of zeros. */
		return type == 0 && all_zero(frame, len) ? ROCE_MALFORMED : ROCE_NOT_OURS;
	}
	return verdict == ROCE_OK ? udp_decode(frame, &l4, out) : verdict;
}

enum roce_verdict
roce_decode(uint8_t *frame, size_t len, struct roce_pkt *out)
{
	enum roce_verdict verdict = frame_decode(frame, len, out);
	uint8_t *l3;

	if (verdict != ROCE_OK)
		return verdict;
	l3 = frame + out->l3_off;
	if (icrc_in_place(l3, (size_t)(out->icrc_off - out->l3_off), l3[0] >> 4 == 6) !=
	    icrc_load(frame + out->icrc_off))
		return ROCE_ICRC;
	return ROCE_OK;
}

enum roce_verdict
roce_decode_again(uint8_t *frame, size_t len, struct roce_pkt *out)
{
	return frame_decode(frame, len, out);
}
