/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as an SDP message, a Hello and a HelloAck: what decodes must encode to the same bytes,
 * reserved ones aside. */
#include "fuzz.h"
#include "sdp_msg.h"

static void
check_msg(const uint8_t *data, size_t size)
{
	uint8_t again[SDP_BSDH_LEN + SDP_EXT_MAX];
	struct sdp_msg m, n;
	size_t header;

	if (sdp_msg_decode(data, size, &m) != 0)
		return;
	promise(m.payload >= data && m.payload + m.payload_len == data + size);
	promise(m.h.len == size);
	header = sdp_msg_encode_header(again, &m.h, &m.ext);
	promise(header == size - m.payload_len);
	promise(memcmp(again, data, SDP_BSDH_LEN) == 0);
	if (m.payload_len > 0)
		return;
	promise(sdp_msg_decode(again, header, &n) == 0);
	promise(memcmp(&m.h, &n.h, sizeof m.h) == 0);
	promise(m.h.mid == SDP_DATA ||
		(m.ext.size == n.ext.size && m.ext.va == n.ext.va && m.ext.mode == n.ext.mode));
}

static bool
same_offer(bool has_a, const struct feature_offer *a, bool has_b, const struct feature_offer *b)
{
	return has_a == has_b && a->caps == b->caps && a->ooo_max == b->ooo_max;
}

static void
check_hello(const uint8_t *data, size_t size)
{
	uint8_t again[SDP_HELLO_LEN];
	struct sdp_hello h, i;

	if (sdp_hello_decode(data, size, &h) != 0)
		return;
	/* An IPv4-mapped address declared as IPv6 is said again as IPv4. */
	if (data[17] >> 4 == 6 && (san_ip_is_v4(&h.src) || san_ip_is_v4(&h.dst)))
		return;
	sdp_hello_encode(again, &h);
	promise(sdp_hello_decode(again, sizeof again, &i) == 0);
	promise(san_ip_equal(&h.src, &i.src) && san_ip_equal(&h.dst, &i.dst));
	promise(memcmp(data + 18 + 1, again + 18 + 1, 11) == 0); /* adverts, sizes, port */
	promise(same_offer(h.has_offer, &h.offer, i.has_offer, &i.offer));
}

static void
check_hello_ack(const uint8_t *data, size_t size)
{
	uint8_t again[SDP_HELLOACK_LEN];
	struct sdp_hello_ack h, i;

	if (sdp_hello_ack_decode(data, size, &h) != 0)
		return;
	sdp_hello_ack_encode(again, &h);
	promise(sdp_hello_ack_decode(again, sizeof again, &i) == 0);
	promise(h.act_rcv_size == i.act_rcv_size && h.bufs == i.bufs);
	promise(same_offer(h.has_offer, &h.offer, i.has_offer, &i.offer));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_msg(data, size);
	check_hello(data, size);
	check_hello_ack(data, size);
	return 0;
}
