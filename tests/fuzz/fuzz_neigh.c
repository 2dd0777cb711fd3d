/* SPDX-License-Identifier: BSD-3-Clause */
/* A script for one neighbour engine: frames with or without repaired checksums, questions, time,
 * port changes. Whatever happens, table and queues keep their bounds and no frame sent is longer
 * than the port allows. */
#include "bytes.h"
#include "fuzz.h"
#include "neigh.h"

#define ENTRIES	  4
#define STEPS_MAX 512
#define MTU	  1500

enum step {
	STEP_FRAME,
	STEP_REPAIRED,
	STEP_RESOLVE,
	STEP_CONFIRM,
	STEP_TIME,
	STEP_PORT,
	STEP_DRAIN,
	STEP_COUNT
};

struct fuzz_neigh {
	struct neigh *n;
	struct san_time now;
	struct neigh_port port;
};

static struct san_ip
some_ip(uint8_t choice)
{
	struct san_ip ip = san_ip_v4(0x0a4d0000u + choice % 8u);

	if ((choice & 0x80) != 0)
		san_ip_parse("fd00::2", &ip);
	if ((choice & 0x80) != 0)
		ip.b[15] = choice % 8;
	return ip;
}

static void
drain(struct fuzz_neigh *f)
{
	static struct neigh_out out;
	struct neigh_event ev;
	struct neigh_info info;
	uint32_t entries = 0;

	while (neigh_out_take(f->n, &out)) {
		promise(out.len >= 42 && out.len <= MTU + 18);
		promise(out.port == 0);
	}
	while (neigh_event_take(f->n, &ev))
		promise(ev.type == NEIGH_EV_FAILED || (ev.mac[0] & 1) == 0);
	while (neigh_info_get(f->n, entries, f->now, &info))
		entries++;
	promise(entries <= ENTRIES);
}

static uint16_t
checksum(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Make lengths and checksums of an untagged IP frame right. */
static void
repair(uint8_t *frame, size_t len)
{
	uint8_t *ip = frame + 14, *icmp;
	uint32_t pseudo = 0;
	size_t icmp_len;

	if (len < 14 + 40 + 8)
		return;
	if (ip[0] >> 4 == 6) {
		icmp = ip + 40;
		icmp_len = len - 54;
		be16_put(ip + 4, (uint16_t)icmp_len);
		for (int i = 8; i < 40; i += 2)
			pseudo += be16_get(ip + i);
		pseudo += (uint32_t)icmp_len + ip[6];
	} else {
		icmp = ip + 20;
		icmp_len = len - 34;
		be16_put(ip + 2, (uint16_t)(len - 14));
		be16_put(ip + 10, 0);
		be16_put(ip + 10, checksum(0, ip, 20));
	}
	be16_put(icmp + 2, 0);
	be16_put(icmp + 2, checksum(pseudo, icmp, icmp_len));
}

static void
step_frame(struct fuzz_neigh *f, struct script *s, bool repaired)
{
	size_t want = (size_t)script_byte(s) * 4;
	uint8_t *frame = malloc(want + 1);
	size_t len = script_bytes(s, frame, want);

	if (repaired)
		repair(frame, len);
	neigh_frame_receive(f->n, 0, frame, len, f->now);
	free(frame);
}

static void
step_resolve(struct fuzz_neigh *f, struct script *s)
{
	struct san_ip ip = some_ip(script_byte(s));
	uint8_t mac[6] = {1};

	if (neigh_resolve(f->n, 0, &ip, mac, f->now) == 1)
		promise((mac[0] & 1) == 0);
}

static void
step_port(struct fuzz_neigh *f, struct script *s)
{
	uint8_t what = script_byte(s);

	f->port.up = (what & 3) != 0;
	f->port.vlan = (what & 12) == 0 ? 100 : 0xffff;
	f->port.addr_count = (what & 16) != 0 ? 1 : 2;
	neigh_port_set(f->n, 0, &f->port, f->now);
}

static void
step_one(struct fuzz_neigh *f, struct script *s)
{
	struct san_ip ip;

	switch ((enum step)(script_byte(s) % STEP_COUNT)) {
	case STEP_FRAME:
		step_frame(f, s, false);
		break;
	case STEP_REPAIRED:
		step_frame(f, s, true);
		break;
	case STEP_RESOLVE:
		step_resolve(f, s);
		break;
	case STEP_CONFIRM:
		ip = some_ip(script_byte(s));
		neigh_confirmed(f->n, 0, &ip, f->now);
		break;
	case STEP_TIME:
		f->now = san_time_add(f->now, SAN_DURATION_MS(script_byte(s) * 100u));
		neigh_deadline_expire(f->n, f->now);
		break;
	case STEP_PORT:
		step_port(f, s);
		break;
	case STEP_DRAIN:
	case STEP_COUNT:
		drain(f);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct neigh_limits limits = {.entries_max = ENTRIES,
	    .retry_interval = {1000000000},
	    .retries = 2,
	    .reachable = {10000000000}};
	struct fuzz_neigh f = {.now = {1000000000000}};
	struct script s = {data, size};

	f.n = neigh_create(&limits, (struct prng){1});
	promise(f.n != NULL);
	f.port = (struct neigh_port){
	    .up = true, .mac = {2, 0, 0, 0, 0, 1}, .vlan = 0xffff, .mtu = MTU, .addr_count = 2};
	f.port.addr[0] = (struct neigh_addr){san_ip_v4(0x0a4d0001), 96 + 24};
	san_ip_parse("fd00::1", &f.port.addr[1].ip);
	f.port.addr[1].bits = 64;
	neigh_port_set(f.n, 0, &f.port, f.now);
	for (int steps = 0; steps < STEPS_MAX && s.left > 0; steps++)
		step_one(&f, &s);
	drain(&f);
	/* Nobody asks any more: questions end, and with them the deadlines. */
	for (int i = 0; i < 20; i++) {
		f.now = san_time_add(f.now, SAN_DURATION_S(20));
		neigh_deadline_expire(f.n, f.now);
		drain(&f);
	}
	promise(neigh_deadline(f.n).ns == SAN_TIME_NEVER.ns);
	neigh_destroy(f.n);
	return 0;
}
