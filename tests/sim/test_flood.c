/* SPDX-License-Identifier: BSD-3-Clause */
/* A flood of REQs from addresses that do not exist, each asking for a listener that does: memory
 * stays bounded, counters tell, an established transfer goes on as before, and an honest client
 * still gets in. */
#include "test.h"

#include <string.h>

#include "check.h"
#include "mad.h"
#include "sdp_host.h"
#include "sdp_msg.h"
#include "world.h"

enum { VICTIM, CLIENT, FLOODER, HOSTS };

#define PENDING	     64u
#define PER_SECOND   100000u
#define SPOOFED_BITS 0xffff00u /* addresses 10.x.y.z whose last byte leads the answers here */
#define MEASURED     SAN_DURATION_MS(100)

/* Sends REQs at a constant pace; what comes back is dropped. */
struct flooder {
	struct node node;
	struct prng prng;
	struct san_time next;
	uint64_t sent, answers;
};

struct flood {
	struct world world;
	struct sdp_host host[HOSTS]; /* the flooder's is unused but for others to look it up */
	struct flooder flooder;
	struct stream *transfer, *late; /* the client's */
	uint32_t handles_max;		/* of the victim's connection manager */
};

static uint32_t
spoof(struct flooder *f)
{
	return 0x0a000000u | ((uint32_t)prng_u64(&f->prng) & SPOOFED_BITS) | (FLOODER + 1u);
}

static void
req_make(struct flooder *f, struct san_ip src, uint8_t *mad)
{
	struct sdp_hello hello = {
	    .bufs = 16,
	    .version = SDP_VERSION,
	    .max_adverts = 1,
	    .des_rem_rcv_size = 1024,
	    .local_rcv_size = 1024,
	    .local_port = (uint16_t)(uint32_t)prng_u64(&f->prng),
	    .src = src,
	    .dst = node_ip(&f->node, VICTIM),
	};
	struct cm_msg m = {
	    .tid = prng_u64(&f->prng),
	    .attr = CM_REQ,
	    .local_id = (uint32_t)prng_u64(&f->prng) | 1,
	    .service_id = CM_SID_SDP | SDP_HOST_SERVICE,
	    .ca_guid = prng_u64(&f->prng),
	    .qpn = 2 + prng_below(&f->prng, 0xfffffd),
	    .psn = prng_below(&f->prng, 1 << 24),
	    .retry_count = 7,
	    .rnr_retry = 7,
	    .flow_control = 1,
	    .pkey = 0xffff,
	    .pmtu_code = 3,
	    .max_cm_retries = 15,
	    .local_resp_timeout = 12,
	    .remote_resp_timeout = 12,
	    .src_gid = src,
	    .dst_gid = hello.dst,
	    .hop_limit = 64,
	    .priv_len = SDP_HELLO_LEN,
	};

	sdp_hello_encode(m.priv, &hello);
	san_check(cm_msg_encode(mad, &m) == 0);
}

static void
req_send(struct flooder *f, struct san_time now)
{
	struct roce_tx tx = {.opcode = ROCE_UD_SEND_ONLY, .dest_qp = MAD_QP, .seg_count = 1};
	struct roce_path path = {
	    .src = san_ip_v4(spoof(f)),
	    .dst = node_ip(&f->node, VICTIM),
	    .vlan = ROCE_VLAN_NONE,
	    .sport = roce_sport(MAD_QP, MAD_QP),
	    .hop_limit = 64,
	};
	struct sim_frame *frame = sim_frame_get(&f->node.net->frames);
	uint8_t mad[MAD_LEN];
	int len;

	req_make(f, path.src, mad);
	tx.ext.qkey = MAD_QKEY;
	tx.ext.src_qp = MAD_QP;
	tx.seg[0].base = mad;
	tx.seg[0].len = MAD_LEN;
	len = roce_encode(frame->bytes, sizeof frame->bytes, &path, &tx);
	san_check(len > 0);
	frame->len = (uint32_t)len;
	frame->from = FLOODER;
	frame->to = VICTIM;
	net_send(f->node.net, frame, now);
	f->sent++;
}

static struct flooder *
flooder_of(struct node *n)
{
	return (struct flooder *)(void *)n; /* node is the first member */
}

static void
flooder_step(struct node *n, struct san_time now)
{
	struct flooder *f = flooder_of(n);
	struct sim_frame *frame;

	while ((frame = node_rx_take(n)) != NULL) {
		f->answers++;
		node_frame_done(n, frame);
	}
	while (san_time_reached(f->next, now)) {
		req_send(f, now);
		f->next =
		    san_time_add(f->next, (struct san_duration){SAN_DURATION_S(1).ns / PER_SECOND});
	}
}

static struct san_time
flooder_next(const struct node *n)
{
	return ((const struct flooder *)(const void *)n)->next;
}

static bool
flooder_finished(const struct node *n)
{
	return flooder_next(n).ns == SAN_TIME_NEVER.ns;
}

static void
flooder_fini(struct node *n)
{
	(void)n;
}

static const struct node_ops flooder_ops = {
    flooder_step, flooder_next, flooder_finished, flooder_fini};

static struct stream_setup
client_setup(uint64_t bytes, struct san_time at)
{
	struct stream_setup s = stream_defaults();

	s.active = true;
	s.peer = VICTIM;
	s.service = SDP_HOST_SERVICE;
	s.connect_at = at;
	s.pmtu = 4096;
	s.ring_tx = 1 << 20;
	s.script.write_total = bytes;
	return s;
}

static void
victim_setup(struct sdp_host *h)
{
	struct stream_setup s = stream_defaults();

	s.psn = 7;
	s.ring_rx = 1 << 20;
	sdp_host_streams(h, PENDING + 16);
	sdp_host_stream(h, &s); /* the first to come: the transfer */
	s.ring_rx = s.ring_tx = 8192;
	while (h->streams < PENDING + 16)
		sdp_host_stream(h, &s);
}

static void
flood_open(struct flood *f, struct san_time late_at)
{
	const struct hop_shape line = {
	    .bytes_per_s = 1250000000, .latency = SAN_DURATION_US(2), .queue_max = 1 << 20};
	const struct net_setup net = {
	    .kind = NET_SWITCH, .hosts = HOSTS, .up = line, .down = line, .seed = 11};
	struct stream_setup transfer = client_setup(UINT64_MAX, (struct san_time){0});
	struct stream_setup late = client_setup(1000, late_at);
	struct sdp_host_setup hs = sdp_host_defaults();
	struct node_setup ns = node_defaults();

	memset(f, 0, sizeof *f);
	world_init(&f->world, &net);
	hs.reuse = true;
	hs.blocks = 2 * PENDING;
	hs.cm.conns_max = 2 * PENDING;
	hs.cm.pending_max = PENDING;
	hs.cm.pending_peer_max = PENDING / 2;
	hs.cm.pending_grace = SAN_DURATION_US(300);
	for (uint32_t i = 0; i < FLOODER; i++) {
		hs.qpn_high = i + 1;
		sdp_host_init(f->host, &f->world.net, i, &hs, i + 1);
		world_add(&f->world, &f->host[i].node);
	}
	victim_setup(&f->host[VICTIM]);
	sdp_host_streams(&f->host[CLIENT], 2);
	f->transfer = sdp_host_stream(&f->host[CLIENT], &transfer);
	f->late = sdp_host_stream(&f->host[CLIENT], &late);
	node_init(&f->flooder.node, &flooder_ops, &f->world.net, FLOODER, &ns);
	f->flooder.prng.state = 5;
	f->flooder.next = SAN_TIME_NEVER;
	world_add(&f->world, &f->flooder.node);
}

/* Bytes per second the victim reads meanwhile. */
static double
goodput(struct flood *f, struct san_duration d)
{
	const struct stream *s = &f->host[VICTIM].stream[0];
	struct san_time t = f->world.now, end = san_time_add(t, d);
	uint64_t before = s->read;

	while (t.ns < end.ns) {
		uint32_t handles;

		t = san_time_add(t, SAN_DURATION_US(100));
		world_run(&f->world, t);
		f->world.now = t;
		handles = cm_count(f->host[VICTIM].cm);
		if (handles > f->handles_max)
			f->handles_max = handles;
	}
	return (double)(s->read - before) / ((double)d.ns / 1e9);
}

static void
flood_begin(struct flood *f)
{
	f->flooder.next = f->world.now;
	world_wake(&f->world, &f->flooder.node);
}

static void
flood__transfer_goes_on(void **state)
{
	static struct flood f;
	const struct cm_counters *c;
	double before, during, after;
	uint64_t answers;

	(void)state;
	flood_open(&f, SAN_TIME_NEVER);
	goodput(&f, SAN_DURATION_MS(10));
	before = goodput(&f, MEASURED);
	flood_begin(&f);
	during = goodput(&f, MEASURED);
	answers = f.flooder.answers;
	f.flooder.next = SAN_TIME_NEVER;
	after = goodput(&f, MEASURED);
	c = cm_counters(f.host[VICTIM].cm);
	print_message("goodput %.2f, %.2f, %.2f Gbit/s; %llu REQs, %llu answers, %u handles; "
		      "evicted %llu\n",
	    before * 8e-9, during * 8e-9, after * 8e-9, (unsigned long long)f.flooder.sent,
	    (unsigned long long)answers, f.handles_max, (unsigned long long)c->evicted);
	/* The REQs themselves take 3 % of the line. */
	assert_true(during > 0.95 * before && after > 0.99 * before);
	assert_int_equal(f.transfer->phase, STREAM_OPEN);
	assert_int_equal(c->req_rx, f.flooder.sent + 1);
	assert_in_range(f.handles_max, PENDING / 2, PENDING + 1);
	/* Every REQ beyond those that may wait is accounted for: its own or an older one's end. */
	assert_true(c->evicted + c->refused_pending + c->refused_peer + c->timeouts + PENDING >=
		    f.flooder.sent);
	assert_true(answers <= 2 * f.flooder.sent); /* a REP, a REJ: no amplifier */
	world_fini(&f.world);
}

static void
flood__honest_client_gets_in(void **state)
{
	static struct flood f;
	struct san_time at = {SAN_DURATION_MS(50).ns};

	(void)state;
	flood_open(&f, at);
	goodput(&f, SAN_DURATION_MS(10));
	flood_begin(&f);
	goodput(&f, SAN_DURATION_MS(41));
	assert_true(cm_counters(f.host[VICTIM].cm)->evicted > 3000);
	assert_int_equal(f.late->phase, STREAM_OPEN);
	world_fini(&f.world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flood__transfer_goes_on),
	    cmocka_unit_test(flood__honest_client_gets_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
