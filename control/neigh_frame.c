/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet and IP headers of the frames this engine reads and writes. Reads are bounded by lengths
 * that were checked against the frame first; a header that is not plain is refused, not
 * interpreted. */
#include "bytes.h"
#include "neigh_priv.h"

#define ETH_LEN	       14u
#define VLAN_TAG_LEN   4u
#define IPV4_LEN       20u
#define IPV6_LEN       40u
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define IPV4_DF	       0x4000
#define FRAG_MASK      0x3fff

bool
neigh_l2_parse(const struct neigh_port *p, const uint8_t *frame, size_t len, struct neigh_l2 *l2)
{
	size_t header = ETH_LEN;
	uint16_t vlan = VLAN_NONE;

	if (len < header)
		return false;
	memcpy(l2->dmac, frame, MAC_LEN);
	memcpy(l2->smac, frame + 6, MAC_LEN);
	l2->type = be16_get(frame + 12);
	if (l2->type == ETHERTYPE_VLAN) {
		header += VLAN_TAG_LEN;
		if (len < header)
			return false;
		/* Id 0 is a priority tag: no VLAN. */
		if ((be16_get(frame + 14) & 0xfff) != 0)
			vlan = be16_get(frame + 14) & 0xfff;
		l2->type = be16_get(frame + 16);
	}
	l2->body = frame + header;
	l2->len = len - header;
	return vlan == p->vlan;
}

uint8_t *
neigh_l2_build(uint8_t *frame, const struct neigh_port *p, const uint8_t *dmac, uint16_t type)
{
	memcpy(frame, dmac, MAC_LEN);
	memcpy(frame + 6, p->mac, MAC_LEN);
	if (p->vlan != VLAN_NONE) {
		be16_put(frame + 12, ETHERTYPE_VLAN);
		be16_put(frame + 14, p->vlan & 0xfff);
		frame += VLAN_TAG_LEN;
	}
	be16_put(frame + 12, type);
	return frame + ETH_LEN;
}

uint16_t
neigh_checksum(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += be16_get(data + i);
	if (len % 2 != 0)
		sum += (uint32_t)data[len - 1] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

uint32_t
neigh_pseudo_sum(const struct neigh_l3 *l3)
{
	uint32_t sum = (uint32_t)l3->len + l3->proto;

	for (int i = 0; i < 16; i += 2)
		sum += (uint32_t)be16_get(l3->src.b + i) + be16_get(l3->dst.b + i);
	return sum;
}

static bool
ipv4_parse(const struct neigh_l2 *l2, struct neigh_l3 *l3)
{
	const uint8_t *ip = l2->body;
	uint16_t total;

	if (l2->len < IPV4_LEN || ip[0] != 0x45 || neigh_checksum(0, ip, IPV4_LEN) != 0)
		return false;
	total = be16_get(ip + 2);
	if (total < IPV4_LEN || total > l2->len || (be16_get(ip + 6) & FRAG_MASK) != 0)
		return false;
	*l3 = (struct neigh_l3){.src = san_ip_v4(be32_get(ip + 12)),
	    .dst = san_ip_v4(be32_get(ip + 16)),
	    .proto = ip[9],
	    .hop_limit = ip[8],
	    .tclass = ip[1],
	    .body = ip + IPV4_LEN,
	    .len = total - IPV4_LEN};
	return true;
}

static bool
ipv6_parse(const struct neigh_l2 *l2, struct neigh_l3 *l3)
{
	const uint8_t *ip = l2->body;
	uint16_t payload;

	if (l2->len < IPV6_LEN || ip[0] >> 4 != 6)
		return false;
	payload = be16_get(ip + 4);
	if (payload > l2->len - IPV6_LEN)
		return false;
	*l3 = (struct neigh_l3){.proto = ip[6],
	    .hop_limit = ip[7],
	    .tclass = (uint8_t)(ip[0] << 4 | ip[1] >> 4),
	    .body = ip + IPV6_LEN,
	    .len = payload};
	memcpy(l3->src.b, ip + 8, 16);
	memcpy(l3->dst.b, ip + 24, 16);
	/* Mapped addresses are how this code writes IPv4; on the wire they are forged. */
	return !san_ip_is_v4(&l3->src) && !san_ip_is_v4(&l3->dst);
}

bool
neigh_l3_parse(const struct neigh_l2 *l2, struct neigh_l3 *l3)
{
	if (l2->type == ETHERTYPE_IPV4)
		return ipv4_parse(l2, l3);
	return l2->type == ETHERTYPE_IPV6 && ipv6_parse(l2, l3);
}

uint8_t *
neigh_l3_build(uint8_t *at, const struct neigh_l3 *l3)
{
	if (!san_ip_is_v4(&l3->src)) {
		be32_put(at, 6u << 28 | (uint32_t)l3->tclass << 20);
		be16_put(at + 4, (uint16_t)l3->len);
		at[6] = l3->proto;
		at[7] = l3->hop_limit;
		memcpy(at + 8, l3->src.b, 16);
		memcpy(at + 24, l3->dst.b, 16);
		return at + IPV6_LEN;
	}
	at[0] = 0x45;
	at[1] = l3->tclass;
	be16_put(at + 2, (uint16_t)(IPV4_LEN + l3->len));
	be32_put(at + 4, IPV4_DF);
	at[8] = l3->hop_limit;
	at[9] = l3->proto;
	be16_put(at + 10, 0);
	memcpy(at + 12, l3->src.b + 12, 4);
	memcpy(at + 16, l3->dst.b + 12, 4);
	be16_put(at + 10, neigh_checksum(0, at, IPV4_LEN));
	return at + IPV4_LEN;
}
