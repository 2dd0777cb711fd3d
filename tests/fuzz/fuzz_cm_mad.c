/* SPDX-License-Identifier: BSD-3-Clause */
/* A script for one connection manager: messages whole and half-way sensible, the owner's calls,
 * time. Whatever happens, the engine stays within its limits, and once everybody lets go nothing is
 * left. */
#include "cm.h"
#include "fuzz.h"

#define STEPS_MAX 512
#define IDS	  8

enum step {
	STEP_RAW,     /* 256 bytes of the script as they are */
	STEP_MAD,     /* the same with a valid MAD header */
	STEP_MESSAGE, /* a message with ids that exist */
	STEP_CONNECT,
	STEP_OWNER,
	STEP_TIME,
	STEP_DRAIN,
	STEP_COUNT
};

static const struct cm_limits limits = {.conns_max = 12,
    .pending_max = 6,
    .pending_peer_max = 4,
    .req_interval = {1000000000},
    .req_retries = 3,
    .rep_interval = {1000000000},
    .rep_retries = 3,
    .dreq_interval = {1000000000},
    .dreq_retries = 3,
    .timewait = {2000000000},
    .pending_timeout = {4000000000}};

static const uint16_t attrs[] = {
    CM_REQ, CM_MRA, CM_REJ, CM_REP, CM_RTU, CM_DREQ, CM_DREP, CM_SIDR_REQ, CM_SIDR_REP};

struct fuzz_cm {
	struct cm *cm;
	struct san_time now;
	struct san_ip us, peers[2];
	uint32_t ids[IDS]; /* handles seen lately */
	unsigned next;
};

static void
drain(struct fuzz_cm *f)
{
	struct cm_event ev;
	struct cm_out out;
	struct cm_msg m;

	while (cm_event_take(f->cm, &ev)) {
		promise(ev.id != 0 && ev.type <= CM_EV_GONE);
		f->ids[f->next++ % IDS] = ev.id;
	}
	while (cm_out_take(f->cm, &out)) {
		promise(cm_msg_decode(out.mad, MAD_LEN, &m) == 0);
		promise(san_ip_equal(&out.src, &f->us));
	}
	promise(cm_count(f->cm) <= limits.conns_max);
}

static void
give(struct fuzz_cm *f, const uint8_t *mad, size_t len, uint8_t choice)
{
	cm_mad_receive(f->cm, 0, &f->peers[choice & 1], &f->us, mad, len, f->now);
}

static void
step_raw(struct fuzz_cm *f, struct script *s, bool valid_header)
{
	uint8_t mad[MAD_LEN] = {0}, choice = script_byte(s);
	size_t len = script_bytes(s, mad, MAD_LEN);

	if (valid_header) {
		memcpy(mad, "\1\7\2\3", 4);
		mad[16] = 0;
		mad[17] = (uint8_t)(0x10 + mad[17] % 10);
		len = MAD_LEN;
	}
	give(f, mad, len, choice);
}

static void
step_message(struct fuzz_cm *f, struct script *s)
{
	uint8_t mad[MAD_LEN], choice = script_byte(s), fields = script_byte(s);
	struct cm_msg m = {.attr = attrs[script_byte(s) % (sizeof attrs / sizeof attrs[0])],
	    .tid = script_byte(s),
	    .local_id = 1u + script_byte(s) % 4,
	    .remote_id = f->ids[choice % IDS],
	    .ca_guid = 1u + (fields & 1),
	    .qpn = 0x100u + (fields >> 1) % 4,
	    .pmtu_code = 3,
	    .transport = fields >> 7,
	    .src_gid = f->peers[choice & 1],
	    .dst_gid = f->us,
	    .remote_qpn = 0x700,
	    .reason = script_byte(s),
	    .msg_rejected = fields & 3,
	    .service_timeout = fields & 31};

	if (m.attr == CM_REJ && (fields & 4) != 0) {
		m.remote_id = 0;
		m.ari_len = 8;
		m.ari[7] = (uint8_t)m.ca_guid;
	}
	promise(cm_msg_encode(mad, &m) == 0);
	give(f, mad, MAD_LEN, choice);
}

static void
step_connect(struct fuzz_cm *f, struct script *s)
{
	const struct cm_qp qp = {.qpn = 0x700, .psn = 1, .pmtu_code = 3};
	uint8_t priv[256] = {0}, choice = script_byte(s);
	int64_t id = cm_connect(
	    f->cm, 1, 0, &f->us, &f->peers[choice & 1], 1, &qp, priv, choice >> 1, f->now);

	if (id > 0)
		f->ids[f->next++ % IDS] = (uint32_t)id;
}

static void
step_owner(struct fuzz_cm *f, struct script *s)
{
	const struct cm_qp qp = {.qpn = 0x700, .psn = 1};
	uint8_t priv[256] = {0}, what = script_byte(s), len = script_byte(s);
	uint32_t id = f->ids[(what >> 3) % IDS];

	switch (what & 7) {
	case 0:
		cm_accept(f->cm, id, 1, &qp, priv, len, f->now);
		break;
	case 1:
		cm_reject(f->cm, id, len, priv, len, f->now);
		break;
	case 2:
		cm_confirm(f->cm, id, f->now);
		break;
	case 3:
		drain(f);
		cm_data_arrived(f->cm, id, f->now);
		break;
	default:
		cm_disconnect(f->cm, id, f->now);
		break;
	}
}

static void
pass(struct fuzz_cm *f, uint64_t ms)
{
	f->now = san_time_add(f->now, SAN_DURATION_MS(ms));
	cm_deadline_expire(f->cm, f->now);
}

/* Everybody lets go: what is established is disconnected, then time passes. */
static void
finish(struct fuzz_cm *f)
{
	for (int i = 0; i < 2000 && cm_count(f->cm) > 0; i++) {
		for (unsigned k = 0; k < IDS; k++)
			cm_disconnect(f->cm, f->ids[k], f->now);
		pass(f, 1000);
		drain(f);
	}
	/* Only established connections whose handle the script has forgotten may remain, without
	 * any deadline. */
	promise(cm_count(f->cm) == 0 || cm_deadline(f->cm).ns == SAN_TIME_NEVER.ns);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_cm f = {.now = {1000000},
	    .us = san_ip_v4(0x0a4d0001),
	    .peers = {san_ip_v4(0x0a4d0002), san_ip_v4(0x0a4d0001)}};
	struct script s = {data, size};

	f.cm = cm_create(&limits, 1, (struct prng){7});
	promise(f.cm != NULL);
	for (int steps = 0; steps < STEPS_MAX && s.left > 0; steps++) {
		switch ((enum step)(script_byte(&s) % STEP_COUNT)) {
		case STEP_RAW:
			step_raw(&f, &s, false);
			break;
		case STEP_MAD:
			step_raw(&f, &s, true);
			break;
		case STEP_MESSAGE:
			step_message(&f, &s);
			break;
		case STEP_CONNECT:
			step_connect(&f, &s);
			break;
		case STEP_OWNER:
			step_owner(&f, &s);
			break;
		case STEP_TIME:
			pass(&f, script_byte(&s) * 50u);
			break;
		case STEP_DRAIN:
		case STEP_COUNT:
			drain(&f);
			break;
		}
	}
	drain(&f);
	finish(&f);
	cm_destroy(f.cm);
	return 0;
}
