/* SPDX-License-Identifier: BSD-3-Clause */
/* From an engine's descriptor to a frame. The headers are first written with 0xff in every byte the
 * ICRC does not cover, the CRC runs over that, and only then the true bytes replace them: no second
 * copy of anything. */
#include <string.h>

#include "bytes.h"
#include "icrc.h"
#include "roce.h"
#include "roce_opcode.h"
#include "san_err.h"
#include "san_limits.h"

#define ETH_LEN	     14u
#define VLAN_TAG_LEN 4u
#define IPV4_LEN     20u
#define IPV6_LEN     40u
#define UDP_LEN	     8u
#define FRAME_MIN    60u /* without FCS */
#define PROTO_UDP    17u
#define IPV4_DF	     0x4000u
#define PKEY_DEFAULT 0xffffu
#define BTH_MIGRATED 0x40u
#define BTH_BECN     0x40u

uint32_t
roce_tx_payload_len(const struct roce_tx *tx)
{
	uint32_t len = tx->inline_len;

	for (unsigned i = 0; i < tx->seg_count; i++)
		len += tx->seg[i].len;
	return len;
}

static uint8_t *
ext_encode(uint8_t *p, uint8_t headers, const struct roce_ext *ext)
{
	if (headers & ROCE_HDR_DETH) {
		be32_put(p, ext->qkey);
		be32_put(p + 4, ext->src_qp & 0xffffffu);
		p += 8;
	}
	if (headers & ROCE_HDR_RETH) {
		be64_put(p, ext->va);
		be32_put(p + 8, ext->rkey);
		be32_put(p + 12, ext->dma_len);
		p += 16;
	}
	if (headers & ROCE_HDR_AETH) {
		be32_put(p, (uint32_t)ext->syndrome << 24 | (ext->msn & 0xffffffu));
		p += 4;
	}
	if (headers & (ROCE_HDR_IMM | ROCE_HDR_IETH)) {
		be32_put(p, headers & ROCE_HDR_IMM ? ext->imm : ext->rkey);
		p += 4;
	}
	if (headers & ROCE_HDR_ATOMIC) {
		be64_put(p, ext->va);
		be32_put(p + 8, ext->rkey);
		be64_put(p + 12, ext->swap_add);
		be64_put(p + 20, ext->compare);
		p += 28;
	}
	if (headers & ROCE_HDR_ATOMIC_ACK) {
		be64_put(p, ext->compare);
		p += 8;
	}
	if (headers & ROCE_HDR_CNP) {
		memset(p, 0, 16);
		p += 16;
	}
	return p;
}

/* BTH to pad, with the congestion byte masked. Returns where the ICRC goes. */
static uint8_t *
transport_encode(uint8_t *bth, const struct roce_tx *tx, uint8_t headers, uint32_t pad)
{
	uint8_t migrated = tx->opcode == ROCE_CNP ? 0 : BTH_MIGRATED;
	uint8_t *p;

	bth[0] = tx->opcode;
	bth[1] = (uint8_t)((tx->se ? 0x80u : 0u) | migrated | pad << 4);
	be16_put(bth + 2, PKEY_DEFAULT);
	be32_put(bth + 4, 0xff000000u | (tx->dest_qp & 0xffffffu));
	be32_put(bth + 8, (tx->ackreq ? 0x80000000u : 0u) | (tx->psn & 0xffffffu));
	p = ext_encode(bth + ROCE_BTH_LEN, headers, &tx->ext);
	memcpy(p, tx->inline_bytes, tx->inline_len);
	p += tx->inline_len;
	for (unsigned i = 0; i < tx->seg_count; i++) {
		memcpy(p, tx->seg[i].base, tx->seg[i].len);
		p += tx->seg[i].len;
	}
	memset(p, 0, pad);
	return p + pad;
}

static void
udp_encode_masked(uint8_t *udp, uint16_t sport, uint32_t udp_len)
{
	be16_put(udp, sport);
	be16_put(udp + 2, ROCE_UDP_PORT);
	be32_put(udp + 4, udp_len << 16 | 0xffffu);
}

static void
ipv4_encode_masked(uint8_t *ip, const struct roce_path *path, uint32_t udp_len)
{
	be32_put(ip, 0x45ff0000u | (IPV4_LEN + udp_len));
	be32_put(ip + 4, IPV4_DF);
	be32_put(ip + 8, 0xff00ffffu | PROTO_UDP << 16);
	memcpy(ip + 12, path->src.b + 12, 4);
	memcpy(ip + 16, path->dst.b + 12, 4);
}

static void
ipv4_unmask(uint8_t *ip, const struct roce_path *path)
{
	uint32_t sum;

	ip[1] = path->tclass;
	ip[8] = path->hop_limit;
	sum = (uint32_t)be16_get(ip) + be16_get(ip + 2) + IPV4_DF + be16_get(ip + 8) +
	      be16_get(ip + 12) + be16_get(ip + 14) + be16_get(ip + 16) + be16_get(ip + 18);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	be16_put(ip + 10, (uint16_t)~sum);
}

static void
ipv6_encode_masked(uint8_t *ip, const struct roce_path *path, uint32_t udp_len)
{
	be32_put(ip, 0x6fffffffu);
	be32_put(ip + 4, udp_len << 16 | PROTO_UDP << 8 | 0xff);
	memcpy(ip + 8, path->src.b, 16);
	memcpy(ip + 24, path->dst.b, 16);
}

static void
ipv6_unmask(uint8_t *ip, const struct roce_path *path)
{
	be32_put(ip, 0x60000000u | (uint32_t)path->tclass << 20);
	ip[7] = path->hop_limit;
}

/* Written after the ICRC, because its last bytes lie where the dummy link header was. */
static void
eth_encode(uint8_t *frame, const struct roce_path *path, uint16_t type)
{
	memcpy(frame, path->dmac, 6);
	memcpy(frame + 6, path->smac, 6);
	if (path->vlan != ROCE_VLAN_NONE) {
		be32_put(frame + 12, 0x81000000u | (path->vlan & 0x0fffu));
		frame += VLAN_TAG_LEN;
	}
	be16_put(frame + 12, type);
}

static bool
tx_legal(const struct roce_tx *tx)
{
	return roce_opcodes[tx->opcode].legal && tx->inline_len <= ROCE_TX_INLINE &&
	       tx->seg_count <= ROCE_TX_SEGS && roce_tx_payload_len(tx) <= SAN_PMTU_MAX;
}

int
roce_encode(uint8_t *frame, size_t cap, const struct roce_path *path, const struct roce_tx *tx)
{
	const struct roce_opcode_info *info = &roce_opcodes[tx->opcode];
	bool v4 = san_ip_is_v4(&path->src);
	uint32_t l3_off = path->vlan == ROCE_VLAN_NONE ? ETH_LEN : ETH_LEN + VLAN_TAG_LEN;
	uint32_t l3_len = v4 ? IPV4_LEN : IPV6_LEN, payload, pad, udp_len, len;
	uint8_t *ip = frame + l3_off, *udp = ip + l3_len, *bth = udp + UDP_LEN, *icrc;

	if (!tx_legal(tx))
		return SAN_EINVAL;
	payload = roce_tx_payload_len(tx);
	pad = -payload & 3;
	udp_len = UDP_LEN + ROCE_BTH_LEN + info->ext_len + payload + pad + ROCE_ICRC_LEN;
	len = l3_off + l3_len + udp_len;
	if (len > cap || cap < FRAME_MIN)
		return SAN_ENOBUFS;

	memset(ip - ICRC_LRH_LEN, 0xff, ICRC_LRH_LEN);
	if (v4)
		ipv4_encode_masked(ip, path, udp_len);
	else
		ipv6_encode_masked(ip, path, udp_len);
	udp_encode_masked(udp, path->sport, udp_len);
	icrc = transport_encode(bth, tx, info->headers, pad);
	icrc_store(icrc, icrc_masked(ip, (size_t)(icrc - ip)));

	be16_put(udp + 6, 0);
	bth[4] = tx->becn || tx->opcode == ROCE_CNP ? BTH_BECN : 0;
	if (v4)
		ipv4_unmask(ip, path);
	else
		ipv6_unmask(ip, path);
	eth_encode(frame, path, v4 ? 0x0800 : 0x86dd);
	if (len < FRAME_MIN) {
		memset(frame + len, 0, FRAME_MIN - len);
		len = FRAME_MIN;
	}
	return (int)len;
}
