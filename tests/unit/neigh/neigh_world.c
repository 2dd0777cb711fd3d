/* SPDX-License-Identifier: BSD-3-Clause */
#include "neigh_world.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "san_err.h"

const struct neigh_limits neigh_world_limits = {
    .entries_max = 8, .retry_interval = {1000000000}, .retries = 2, .reachable = {30000000000}};

struct san_ip
ip(const char *text)
{
	struct san_ip out;

	assert_int_equal(san_ip_parse(text, &out), 0);
	return out;
}

int
neigh_setup(void **state)
{
	static struct neigh_world w;

	memset(&w, 0, sizeof w);
	w.now = (struct san_time){1000000000000};
	w.n = neigh_create(&neigh_world_limits, (struct prng){3});
	w.port = (struct neigh_port){.up = true,
	    .mac = {2, 0, 0, 0, 0, 1},
	    .vlan = 0xffff,
	    .mtu = 1500,
	    .addr_count = 2,
	    .addr = {{ip("10.77.0.1"), 96 + 24}, {ip("fd00:7700::1"), 64}}};
	neigh_port_set(w.n, 0, &w.port, w.now);
	while (neigh_out_take(w.n, &w.out)) /* announcements have a test of their own */
		;
	*state = &w;
	return 0;
}

int
neigh_teardown(void **state)
{
	neigh_destroy(((struct neigh_world *)*state)->n);
	return 0;
}

size_t
from_hex(const char *hex, uint8_t *out)
{
	size_t len = 0;

	for (; *hex != '\0'; hex++) {
		unsigned byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		out[len++] = (uint8_t)byte;
		hex++;
	}
	return len;
}

int
give_bytes(struct neigh_world *w, const uint8_t *frame, size_t len)
{
	/* Exactly as long as it is, so that reading on is an error ASan sees. */
	uint8_t *exact = malloc(len + 1);
	int err;

	memcpy(exact, frame, len);
	err = neigh_frame_receive(w->n, 0, exact, len, w->now);
	free(exact);
	return err;
}

int
give_hex(struct neigh_world *w, const char *hex)
{
	uint8_t frame[2048] = {0};
	size_t len = from_hex(hex, frame);

	return give_bytes(w, frame, len < 60 ? 60 : len);
}

void
sent_is(struct neigh_world *w, const char *hex)
{
	uint8_t want[2048];
	size_t len = from_hex(hex, want);

	assert_true(neigh_out_take(w->n, &w->out));
	assert_int_equal(w->out.port, 0);
	assert_int_equal(w->out.len, len);
	assert_memory_equal(w->out.frame, want, len);
}

bool
sent_any(struct neigh_world *w)
{
	return neigh_out_take(w->n, &w->out);
}

void
event_is(struct neigh_world *w, enum neigh_event_type type, const char *text, const char *mac_hex)
{
	struct san_ip want = ip(text);
	struct neigh_event ev;
	uint8_t mac[6];

	assert_true(neigh_event_take(w->n, &ev));
	assert_int_equal(ev.type, type);
	assert_true(san_ip_equal(&ev.ip, &want));
	if (mac_hex != NULL) {
		from_hex(mac_hex, mac);
		assert_memory_equal(ev.mac, mac, 6);
	}
}

void
event_none(struct neigh_world *w)
{
	struct neigh_event ev;

	assert_false(neigh_event_take(w->n, &ev));
}

int
resolve(struct neigh_world *w, const char *text, uint8_t *mac)
{
	struct san_ip hop = ip(text);

	return neigh_resolve(w->n, 0, &hop, mac, w->now);
}

void
pass_ms(struct neigh_world *w, uint64_t ms)
{
	w->now = san_time_add(w->now, SAN_DURATION_MS(ms));
	neigh_deadline_expire(w->n, w->now);
}

static uint16_t
sum16(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

size_t
icmp6_frame(uint8_t *frame, const char *dmac, const char *smac, const char *src, const char *dst,
    uint8_t hop_limit, const char *body)
{
	uint8_t *at = frame, *ip6, *icmp;
	size_t len;
	uint32_t pseudo = 0;

	at += from_hex(dmac, at);
	at += from_hex(smac, at);
	at += from_hex("86dd", at);
	ip6 = at;
	at += from_hex("600000000000 3a", at);
	*at++ = hop_limit;
	at += from_hex(src, at);
	at += from_hex(dst, at);
	icmp = at;
	len = from_hex(body, icmp);
	be16_put(ip6 + 4, (uint16_t)len);
	for (size_t i = 8; i < 40; i += 2)
		pseudo += be16_get(ip6 + i);
	be16_put(icmp + 2, sum16(pseudo + (uint32_t)len + 58, icmp, len));
	return 54 + len;
}

size_t
icmp4_frame(uint8_t *frame, const char *src, const char *dst, const uint8_t *body, size_t len)
{
	uint8_t *at = frame + from_hex(US_MAC PEER_MAC "0800 45b90000abcd4000400100", frame),
		*icmp = frame + 34;

	*at++ = 0;
	at += from_hex(src, at);
	from_hex(dst, at);
	be16_put(frame + 16, (uint16_t)(20 + len));
	be16_put(frame + 24, sum16(0, frame + 14, 20));
	memcpy(icmp, body, len);
	be16_put(icmp + 2, 0);
	be16_put(icmp + 2, sum16(0, icmp, len));
	return 34 + len;
}
