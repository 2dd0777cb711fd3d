/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"

#include <string.h>

#include "pcap_file.h"
#include "seq.h"
#include "test.h"

#define BTH_MIGREQ 0x40u
#define FLOWS_MAX  8u

static bool
is_response(const struct roce_pkt *p)
{
	return p->opcode >= ROCE_RC_READ_RESP_FIRST && p->opcode <= ROCE_RC_ATOMIC_ACK;
}

static bool
same(const struct san_ip *a, const struct san_ip *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* Starting PSNs are random, so that a connection's answers are known by theirs. */
static bool
belongs(const struct replay_flow *f, const struct roce_pkt *p)
{
	int32_t ahead = psn_diff(p->psn, f->first.psn);

	if (ahead < 0 || ahead > 10000)
		return false;
	if (is_response(p))
		return same(&p->src, &f->first.dst) && same(&p->dst, &f->first.src);
	return same(&p->src, &f->first.src) && p->dest_qp == f->first.dest_qp;
}

/* Decode the file's next packet of a reliable connection into `out`. */
static bool
next_packet(struct pcap_file *file, struct replay_packet *out)
{
	while (pcap_file_next(file)) {
		if (file->len > REPLAY_FRAME)
			continue;
		memcpy(out->frame, file->frame, file->len);
		out->len = file->len;
		if (roce_decode(out->frame, out->len, &out->p) == ROCE_OK &&
		    out->p.opcode >> 5 == 0) {
			out->request = !is_response(&out->p);
			return true;
		}
	}
	return false;
}

/* The first request of flow `n`. */
static bool
find_first(struct replay_flow *f, struct pcap_file *file, uint32_t n)
{
	static struct roce_pkt seen[FLOWS_MAX];
	uint32_t flows = 0, i;

	while (flows < FLOWS_MAX && next_packet(file, &f->packet[0])) {
		const struct roce_pkt *p = &f->packet[0].p;

		for (i = 0; i < flows; i++)
			if (same(&seen[i].src, &p->src) && seen[i].dest_qp == p->dest_qp)
				break;
		if (!f->packet[0].request || i < flows)
			continue;
		seen[flows] = f->first = *p;
		if (flows++ == n)
			return true;
	}
	return false;
}

bool
replay_load(struct replay_flow *f, const char *path, uint32_t n)
{
	struct pcap_file file;
	bool found;

	memset(f, 0, sizeof *f);
	if (!pcap_file_open(&file, path))
		return false;
	found = find_first(f, &file, n);
	pcap_file_close(&file);
	if (!found || !pcap_file_open(&file, path))
		return false;
	while (f->count < REPLAY_PACKETS && next_packet(&file, &f->packet[f->count])) {
		const struct replay_packet *p = &f->packet[f->count];

		if (!belongs(f, &p->p))
			continue;
		if (!p->request)
			f->asker_qpn = p->p.dest_qp;
		f->count++;
	}
	pcap_file_close(&file);
	return true;
}

void
replay_expect(const struct roce_tx *tx, const struct replay_packet *want, const char *what)
{
	const struct roce_pkt *w = &want->p;
	struct roce_path path = {.src = w->src, .dst = w->dst, .vlan = ROCE_VLAN_NONE};
	uint32_t bth = w->l3_off + (san_ip_is_v4(&w->src) ? 20u : 40u) + 8u;
	uint8_t ours[REPLAY_FRAME];
	int len = roce_encode(ours, sizeof ours, &path, tx);
	struct roce_pkt p;

	assert_true(len > 0);
	assert_int_equal(roce_decode(ours, (size_t)len, &p), ROCE_OK);
	ours[bth + 1] =
	    (uint8_t)((ours[bth + 1] & ~BTH_MIGREQ) | (want->frame[bth + 1] & BTH_MIGREQ));
	if (p.icrc_off != w->icrc_off ||
	    memcmp(ours + bth, want->frame + bth, w->icrc_off - bth) != 0)
		fail_msg("%s: opcode %02x psn %u, not the %02x psn %u that Linux sent", what,
		    tx->opcode, tx->psn, w->opcode, w->psn);
}
