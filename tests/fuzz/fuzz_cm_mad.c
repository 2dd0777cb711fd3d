/* SPDX-License-Identifier: BSD-3-Clause */
/* A script for one connection manager: messages whole and half-way sensible, what rdma_cm really
 * sent, the owner's calls, time. Whatever happens, what cm_audit.h promises holds, and once
 * everybody lets go nothing is left. */
#include "bytes.h"
#include "cm.h"
#include "cm_audit.h"
#include "fuzz.h"

#define STEPS_MAX 512
#define IDS	  8
#define OWN_QPN	  0x700u

enum step {
	STEP_RAW,     /* 256 bytes of the script as they are */
	STEP_MAD,     /* the same with a valid MAD header */
	STEP_MESSAGE, /* a message with ids that exist */
	STEP_CONNECT,
	STEP_OWNER,
	STEP_TIME,
	STEP_DRAIN,
	STEP_WIRE, /* a captured message, put into this conversation */
	STEP_COUNT
};

static const struct cm_limits limits = {.conns_max = 12,
    .pending_max = 6,
    .pending_peer_max = 4,
    .pending_grace = {500000000},
    .backoff_max = 2,
    .req_interval = {1000000000},
    .req_retries = 3,
    .rep_interval = {1000000000},
    .rep_retries = 3,
    .dreq_interval = {1000000000},
    .dreq_retries = 3,
    .timewait = {2000000000},
    .pending_timeout = {4000000000}};

static const uint16_t attrs[] = {CM_REQ, CM_MRA, CM_REJ, CM_REP, CM_RTU, CM_DREQ, CM_DREP,
    CM_SIDR_REQ, CM_SIDR_REP, CM_LAP, CM_APR};

struct fuzz_cm {
	struct cm *cm;
	struct cm_audit audit;
	struct san_time now;
	struct san_ip us, peers[2];
	uint32_t ids[IDS]; /* handles seen lately */
	unsigned next;
};

static void
drain_events(struct fuzz_cm *f)
{
	struct cm_event ev;

	while (cm_event_take(f->cm, &ev)) {
		promise(ev.id != 0 && ev.type <= CM_EV_GONE);
		cm_audit_event(&f->audit, &ev);
		f->ids[f->next++ % IDS] = ev.id;
	}
}

static void
drain(struct fuzz_cm *f)
{
	cm_audit_take(&f->audit, CM_AUDIT_ANYTHING);
	drain_events(f);
	cm_audit_rest(&f->audit);
}

static void
give(struct fuzz_cm *f, const uint8_t *mad, size_t len, uint8_t choice)
{
	cm_audit_give(&f->audit, &f->peers[choice & 1], mad, len, f->now);
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
	    .pkey = 0xffff,
	    .max_cm_retries = fields & 15,
	    .transport = fields >> 7,
	    .src_gid = f->peers[choice & 1],
	    .dst_gid = f->us,
	    .remote_qpn = OWN_QPN,
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

/* 256 bytes as they were captured. Addresses become ours; ids and QPNs of the receiver, too, where
 * the script wants. */
static void
step_wire(struct fuzz_cm *f, struct script *s)
{
	uint8_t mad[MAD_LEN] = {0}, choice = script_byte(s), *body = mad + 24;
	uint16_t attr;

	script_bytes(s, mad, MAD_LEN);
	attr = be16_get(mad + 16);
	if (attr == CM_REQ) {
		memcpy(body + 56, f->peers[choice & 1].b, 16);
		memcpy(body + 72, f->us.b, 16);
	} else if ((choice & 2) != 0 && attr != CM_SIDR_REQ && attr != CM_SIDR_REP) {
		be32_put(body + 4, f->ids[(f->next + IDS - 1) % IDS]);
	}
	if (attr == CM_DREQ && (choice & 4) != 0)
		be32_put(body + 8, OWN_QPN << 8);
	give(f, mad, MAD_LEN, choice);
}

static void
step_connect(struct fuzz_cm *f, struct script *s)
{
	const struct cm_qp qp = {.qpn = OWN_QPN, .psn = 1, .pmtu_code = 3};
	uint8_t priv[256] = {0}, choice = script_byte(s);
	int64_t id = cm_connect(
	    f->cm, 1, 0, &f->us, &f->peers[choice & 1], 1, &qp, priv, choice >> 1, f->now);

	if (id <= 0)
		return;
	f->ids[f->next++ % IDS] = (uint32_t)id;
	cm_audit_begun(&f->audit, (uint32_t)id);
	cm_audit_take(&f->audit, CM_AUDIT_ANYTHING);
}

static int
owner_call(struct fuzz_cm *f, uint8_t what, uint32_t id, uint8_t len)
{
	const struct cm_qp qp = {.qpn = OWN_QPN, .psn = 1};
	uint8_t priv[256] = {0};

	switch (what) {
	case 0:
		return cm_accept(f->cm, id, 1, &qp, priv, len, f->now);
	case 1:
		return cm_reject(f->cm, id, len, priv, len, f->now);
	case 2:
		return cm_confirm(f->cm, id, f->now);
	case 3:
		cm_data_arrived(f->cm, id, f->now);
		return 0;
	case 4:
		return cm_ignore(f->cm, id, f->now);
	case 5:
		cm_own(f->cm, id, len);
		return cm_reject_mtu(f->cm, id, len, f->now);
	default:
		return cm_disconnect(f->cm, id, f->now);
	}
}

/* What each call may send. */
static const uint32_t owner_sends[] = {CM_AUDIT(REP), CM_AUDIT(REJ), CM_AUDIT(RTU), 0, 0,
    CM_AUDIT(REJ), CM_AUDIT(REJ) | CM_AUDIT(DREQ), CM_AUDIT(REJ) | CM_AUDIT(DREQ)};

static void
step_owner(struct fuzz_cm *f, struct script *s)
{
	uint8_t choice = script_byte(s), what = choice & 7, len = script_byte(s);
	uint32_t id = f->ids[(choice >> 3) % IDS];

	drain(f); /* the engine makes no room for what it tells of the owner's calls */
	if (owner_call(f, what, id, len) == 0 && what != 3)
		cm_audit_touched(&f->audit, id);
	cm_audit_take(&f->audit, owner_sends[what]);
}

static void
pass(struct fuzz_cm *f, uint64_t ms)
{
	f->now = san_time_add(f->now, SAN_DURATION_MS(ms));
	cm_audit_take(&f->audit, CM_AUDIT_ANYTHING);
	cm_deadline_expire(f->cm, f->now);
	cm_audit_take(&f->audit, CM_AUDIT_REPEATS | CM_AUDIT(REJ));
}

/* Everybody lets go: what is established is disconnected, then time passes. */
static void
finish(struct fuzz_cm *f)
{
	for (int i = 0; i < 2000 && cm_count(f->cm) > 0; i++) {
		for (unsigned k = 0; k < IDS; k++)
			if (cm_disconnect(f->cm, f->ids[k], f->now) == 0)
				cm_audit_touched(&f->audit, f->ids[k]);
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
	cm_audit_init(&f.audit, f.cm, &limits, &f.us);
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
		case STEP_WIRE:
			step_wire(&f, &s);
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
