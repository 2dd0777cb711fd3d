/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP messages to and from bytes. Meaning (credits, modes, order) belongs to the sdp room. */
#include "sdp_msg.h"

#include "bytes.h"
#include "ip16.h"
#include "san_err.h"

/* Of Hello's reserved bytes 68-91 and HelloAck's 24-195 the first FEATURE_OFFER_LEN. */
#define HELLO_OFFER_OFF	    68u
#define HELLO_ACK_OFFER_OFF 24u

int
sdp_mid_ext_len(uint8_t mid)
{
	switch (mid) {
#define X(name, id, ext) \
	case id:         \
		return ext;
		SDP_MID_LIST(X)
#undef X
	default:
		return SAN_EPROTO;
	}
}

const char *
sdp_mid_name(uint8_t mid)
{
	switch (mid) {
#define X(name, id, ext) \
	case id:         \
		return #name;
		SDP_MID_LIST(X)
#undef X
	default:
		return "UNKNOWN";
	}
}

static bool
mid_has_payload(uint8_t mid)
{
	return mid == SDP_DATA || mid == SDP_SRC_AVAIL || mid == SDP_SINK_AVAIL;
}

static void
bsdh_decode(const uint8_t *buf, struct sdp_bsdh *h)
{
	h->mid = buf[0];
	h->flags = buf[1];
	h->bufs = be16_get(buf + 2);
	h->len = be32_get(buf + 4);
	h->mseq = be32_get(buf + 8);
	h->mseq_ack = be32_get(buf + 12);
}

static void
bsdh_encode(uint8_t *buf, const struct sdp_bsdh *h)
{
	buf[0] = h->mid;
	buf[1] = h->flags;
	be16_put(buf + 2, h->bufs);
	be32_put(buf + 4, h->len);
	be32_put(buf + 8, h->mseq);
	be32_put(buf + 12, h->mseq_ack);
}

static void
ext_decode(uint8_t mid, const uint8_t *p, struct sdp_ext *ext)
{
	*ext = (struct sdp_ext){0};
	switch (mid) {
	case SDP_RDMA_WR_COMPL:
	case SDP_RDMA_RD_COMPL:
	case SDP_CH_RCV_BUF:
	case SDP_CH_RCV_BUF_ACK:
		ext->size = be32_get(p);
		break;
	case SDP_MODE_CHANGE:
		ext->mode = p[0];
		break;
	case SDP_SUSP_COMM:
		ext->service_id = be64_get(p);
		break;
	case SDP_SINK_AVAIL:
		ext->non_discards = be32_get(p + 16);
		__attribute__((fallthrough)); /* the first 16 bytes are SrcAvail's */
	case SDP_SRC_AVAIL:
		ext->size = be32_get(p);
		ext->rkey = be32_get(p + 4);
		ext->va = be64_get(p + 8);
		break;
	default:
		break;
	}
}

static void
ext_encode(uint8_t mid, uint8_t *p, const struct sdp_ext *ext)
{
	switch (mid) {
	case SDP_RDMA_WR_COMPL:
	case SDP_RDMA_RD_COMPL:
	case SDP_CH_RCV_BUF:
	case SDP_CH_RCV_BUF_ACK:
		be32_put(p, ext->size);
		break;
	case SDP_MODE_CHANGE:
		be32_put(p, (uint32_t)ext->mode << 24);
		break;
	case SDP_SUSP_COMM:
		be64_put(p, ext->service_id);
		break;
	case SDP_SINK_AVAIL:
		be32_put(p + 16, ext->non_discards);
		__attribute__((fallthrough)); /* the first 16 bytes are SrcAvail's */
	case SDP_SRC_AVAIL:
		be32_put(p, ext->size);
		be32_put(p + 4, ext->rkey);
		be64_put(p + 8, ext->va);
		break;
	default:
		break;
	}
}

int
sdp_msg_decode(const uint8_t *buf, size_t len, struct sdp_msg *out)
{
	int ext_len;

	if (len < SDP_BSDH_LEN)
		return SAN_ETOOSHORT;
	bsdh_decode(buf, &out->h);
	if (out->h.mid == SDP_DATA) { /* nearly all are, and it has no extension */
		out->payload = buf + SDP_BSDH_LEN;
		out->payload_len = (uint32_t)(len - SDP_BSDH_LEN);
		return out->h.len == len ? 0 : SAN_EPROTO;
	}
	ext_len = sdp_mid_ext_len(out->h.mid);
	if (out->h.len != len || ext_len < 0 || out->h.mid == SDP_HELLO ||
	    out->h.mid == SDP_HELLO_ACK)
		return SAN_EPROTO;
	if (len < SDP_BSDH_LEN + (size_t)ext_len)
		return SAN_ETOOSHORT;
	ext_decode(out->h.mid, buf + SDP_BSDH_LEN, &out->ext);
	out->payload = buf + SDP_BSDH_LEN + ext_len;
	out->payload_len = (uint32_t)(len - SDP_BSDH_LEN - (size_t)ext_len);
	return out->payload_len != 0 && !mid_has_payload(out->h.mid) ? SAN_EPROTO : 0;
}

size_t
sdp_msg_encode_header(uint8_t *buf, const struct sdp_bsdh *h, const struct sdp_ext *ext)
{
	int ext_len;

	bsdh_encode(buf, h);
	if (h->mid == SDP_DATA)
		return SDP_BSDH_LEN;
	ext_len = sdp_mid_ext_len(h->mid);
	/* Hello and HelloAck have encoders of their own; their headers do not fit SDP_EXT_MAX. */
	if (ext_len <= 0 || ext_len > (int)SDP_EXT_MAX)
		return SDP_BSDH_LEN;
	ext_encode(h->mid, buf + SDP_BSDH_LEN, ext);
	return SDP_BSDH_LEN + (size_t)ext_len;
}

static int
hello_check(const uint8_t *priv, size_t len, size_t want, enum sdp_mid mid, struct sdp_bsdh *h)
{
	if (len < want)
		return SAN_ETOOSHORT;
	bsdh_decode(priv, h);
	if (h->mid != mid || h->len != want)
		return SAN_EPROTO;
	return priv[16] >> 4 == SDP_VERSION >> 4 ? 0 : SAN_EVERSION;
}

int
sdp_hello_decode(const uint8_t *priv, size_t len, struct sdp_hello *out)
{
	unsigned ip_version;
	struct sdp_bsdh h;
	int err = hello_check(priv, len, SDP_HELLO_LEN, SDP_HELLO, &h);

	if (err != 0)
		return err;
	ip_version = priv[17] >> 4;
	out->bufs = h.bufs;
	out->mseq_ack = h.mseq_ack;
	out->version = priv[16];
	out->caps = priv[17] & 0x0f;
	out->max_adverts = priv[19];
	out->des_rem_rcv_size = be32_get(priv + 20);
	out->local_rcv_size = be32_get(priv + 24);
	out->local_port = be16_get(priv + 28);
	out->src = ip16_decode(priv + 32, ip_version);
	out->dst = ip16_decode(priv + 48, ip_version);
	out->has_offer = feature_offer_decode(priv + HELLO_OFFER_OFF, &out->offer);
	if ((ip_version != 4 && ip_version != 6) || out->max_adverts == 0 ||
	    out->des_rem_rcv_size < SDP_BSDH_LEN || out->local_rcv_size < SDP_BSDH_LEN)
		return SAN_EPROTO;
	return 0;
}

int
sdp_hello_ack_decode(const uint8_t *priv, size_t len, struct sdp_hello_ack *out)
{
	struct sdp_bsdh h;
	int err = hello_check(priv, len, SDP_HELLOACK_LEN, SDP_HELLO_ACK, &h);

	if (err != 0)
		return err;
	out->bufs = h.bufs;
	out->version = priv[16];
	out->caps = priv[17] & 0x0f;
	out->max_adverts = priv[19];
	out->act_rcv_size = be32_get(priv + 20);
	out->has_offer = feature_offer_decode(priv + HELLO_ACK_OFFER_OFF, &out->offer);
	return out->max_adverts == 0 || out->act_rcv_size < SDP_BSDH_LEN ? SAN_EPROTO : 0;
}

void
sdp_hello_encode(uint8_t *priv, const struct sdp_hello *h)
{
	const struct sdp_bsdh bsdh = {
	    .mid = SDP_HELLO, .bufs = h->bufs, .len = SDP_HELLO_LEN, .mseq_ack = h->mseq_ack};

	memset(priv, 0, SDP_HELLO_LEN);
	bsdh_encode(priv, &bsdh);
	priv[16] = h->version;
	priv[17] = (uint8_t)((san_ip_is_v4(&h->src) ? 0x40 : 0x60) | (h->caps & 0x0f));
	priv[19] = h->max_adverts;
	be32_put(priv + 20, h->des_rem_rcv_size);
	be32_put(priv + 24, h->local_rcv_size);
	be16_put(priv + 28, h->local_port);
	ip16_encode(priv + 32, &h->src);
	ip16_encode(priv + 48, &h->dst);
	if (h->has_offer)
		feature_offer_encode(priv + HELLO_OFFER_OFF, &h->offer);
}

void
sdp_hello_ack_encode(uint8_t *priv, const struct sdp_hello_ack *h)
{
	const struct sdp_bsdh bsdh = {
	    .mid = SDP_HELLO_ACK, .bufs = h->bufs, .len = SDP_HELLOACK_LEN};

	memset(priv, 0, SDP_HELLOACK_LEN);
	bsdh_encode(priv, &bsdh);
	priv[16] = h->version;
	priv[17] = h->caps & 0x0f;
	priv[19] = h->max_adverts;
	be32_put(priv + 20, h->act_rcv_size);
	if (h->has_offer)
		feature_offer_encode(priv + HELLO_ACK_OFFER_OFF, &h->offer);
}
