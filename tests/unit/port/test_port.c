/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports on drivers that need no hardware: null, ring, pcap, memif. Errors are sentences. */
#include "test.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "eal.h"
#include "port.h"
#include "san_err.h"

#define MTU 4200u

static char why[PORT_WHY_MAX];
static char folder[] = "/tmp/sand-port-XXXXXX";

static int
try_open(uint16_t port, const char *device, uint32_t mtu)
{
	struct port_params params = {.name = "p", .device = device, .mtu = mtu, .vlan = 0xffff};

	why[0] = '\0';
	return port_open(port, &params, why, sizeof why);
}

static void
open_started(uint16_t port, const char *device)
{
	if (try_open(port, device, MTU) != 0)
		fail_msg("%s", why);
	assert_int_equal(port_start(port), 0);
	assert_int_equal(port_start(port), 0);
}

static struct frame *
frame_make(uint32_t len, uint8_t seed)
{
	struct frame *f = frame_alloc();

	assert_non_null(f);
	assert_in_range(len, 0, frame_capacity(f));
	memset(frame_data(f), seed, len);
	frame_set_len(f, len);
	return f;
}

/* Poll until a frame comes, 5 s at most. */
static struct frame *
frame_await(uint16_t port)
{
	struct frame *f;

	for (unsigned i = 0; i < 50000; i++) {
		if (port_rx(port, &f, 1) == 1)
			return f;
		usleep(100);
	}
	fail_msg("no frame came");
	return NULL;
}

static void
test_null(void **state)
{
	struct port_info info;
	struct port_stats stats;
	struct port_xstat x;
	struct frame *f[8];
	bool up;

	(void)state;
	open_started(0, "net_null0,copy=1,size=64");
	assert_int_equal(port_info_get(0, &info), 0);
	assert_string_equal(info.driver, "net_null");
	assert_string_equal(info.device, "net_null0,copy=1,size=64");
	assert_int_equal(info.mtu, MTU);
	assert_true(info.started);
	assert_true(port_link_changed(0, &up));
	assert_true(up);
	assert_false(port_link_changed(0, &up));
	assert_int_equal(port_rx(0, f, 8), 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(frame_len(f[i]), 64);
	assert_int_equal(port_tx(0, f, 8), 8);
	assert_int_equal(port_stats_get(0, &stats), 0);
	assert_int_equal(stats.rx_packets, 8);
	assert_int_equal(stats.tx_packets, 8);
	assert_int_equal(port_xstat_get(0, 0, &x), 0);
	assert_true(strlen(x.name) > 0);
	assert_int_equal(port_xstat_get(0, 100000, &x), SAN_ENOENT);
	assert_int_equal(port_stop(0), 0);
	port_close(0);
	assert_int_equal(port_info_get(0, &info), SAN_ENOENT);
	assert_int_equal(port_start(0), SAN_ENOENT);
	/* The device is gone with it, so it can be had again. */
	open_started(0, "net_null0,no-rx=1");
	assert_int_equal(port_rx(0, f, 8), 0);
	port_close(0);
}

static void
expect_error(const char *device, uint32_t mtu, int err, const char *part)
{
	int got = try_open(0, device, mtu);

	if (got != err || !strstr(why, part) || strncmp(why, "port p: ", 8) != 0)
		fail_msg("%s: %d \"%s\", expected %d and \"%s\"", device, got, why, err, part);
}

static void
test_errors(void **state)
{
	(void)state;
	expect_error("net_nothing0", MTU, SAN_ENOENT, "no such device");
	expect_error("0000:ff:1f.7", MTU, SAN_ENOENT, "no such device");
	expect_error("", MTU, SAN_EINVAL, "is no device");
	expect_error("net_null0,colour=red", MTU, SAN_EINVAL, "check its arguments");
	expect_error("net_null0", 9000, SAN_EINVAL, "does not fit the frames of the packet pool");
	expect_error("net_af_packet0", MTU, SAN_EINVAL, "needs iface=NAME");
	expect_error(
	    "net_af_packet0,iface=nonesuch", MTU, SAN_ENOENT, "there is no interface nonesuch");
	open_started(1, "net_null5");
	expect_error("net_null5", MTU, SAN_EEXIST, "is port p already");
	assert_int_equal(try_open(1, "net_null6", MTU), SAN_EEXIST);
	port_close(1);
	/* Nothing of the failures is left behind. */
	open_started(0, "net_null0");
	port_close(0);
}

static void
test_ring_and_mac(void **state)
{
	struct port_params params = {
	    .name = "r", .device = "net_ring0", .mtu = MTU, .mac = {2, 0, 0, 1, 2, 3}};
	struct port_info info;
	struct frame *f = frame_make(MTU + 14, 7), *got;

	(void)state;
	assert_int_equal(port_open(2, &params, why, sizeof why), 0);
	assert_int_equal(port_start(2), 0);
	assert_int_equal(port_info_get(2, &info), 0);
	assert_memory_equal(info.mac, params.mac, 6);
	assert_int_equal(port_tx(2, &f, 1), 1);
	got = frame_await(2);
	assert_int_equal(frame_len(got), MTU + 14);
	frame_free(got);
	port_close(2);
}

/* A frame of several segments is joined if one buffer holds it, else dropped. */
static void
test_segments(void **state)
{
	struct rte_mbuf *m[5];
	struct port_stats stats;
	struct frame *f, *got;

	(void)state;
	open_started(0, "net_ring1");
	for (unsigned i = 0; i < 5; i++)
		m[i] = (struct rte_mbuf *)frame_make(2000, (uint8_t)i);
	rte_pktmbuf_chain(m[0], m[1]);
	f = (struct frame *)m[0];
	assert_int_equal(port_tx(0, &f, 1), 1);
	rte_pktmbuf_chain(m[2], m[3]);
	rte_pktmbuf_chain(m[2], m[4]);
	f = (struct frame *)m[2];
	assert_int_equal(port_tx(0, &f, 1), 1);
	got = frame_await(0);
	assert_int_equal(frame_len(got), 4000);
	assert_int_equal(frame_data(got)[1999], 0);
	assert_int_equal(frame_data(got)[2000], 1);
	frame_free(got);
	assert_int_equal(port_rx(0, &got, 1), 0);
	assert_int_equal(port_stats_get(0, &stats), 0);
	assert_int_equal(stats.rx_segmented, 2);
	assert_int_equal(stats.rx_dropped, 1);
	port_close(0);
}

/* In a process of its own: EAL starts once. */
static int
wrong_arguments(void)
{
	static char args[][16] = {"test", "--no-huge", "--lcores", "77@77"};
	char *argv[RTE_DIM(args)];

	for (unsigned i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	return eal_start(RTE_DIM(args), argv, why, sizeof why) == SAN_EINVAL &&
		       strstr(why, "an EAL argument is wrong") && strchr(why, '(')
		   ? 0
		   : 1;
}

static void
test_wrong_arguments(void **state)
{
	char command[160] = "", out[200];
	ssize_t len = readlink("/proc/self/exe", command, 128);
	FILE *f;

	(void)state;
	assert_true(len > 0);
	snprintf(command + len, sizeof command - (size_t)len, " wrong 2>&1");
	assert_non_null(f = popen(command, "r"));
	assert_null(fgets(out, sizeof out, f)); /* not a word on its own */
	assert_int_equal(pclose(f), 0);
}

/* The other end of a shared-memory link, which has to be another process: sends back what it gets,
 * until standard input ends. */
static int
echo_run(const char *device)
{
	static char args[][16] = {
	    "echo", "--no-huge", "--no-shconf", "--no-telemetry", "--no-pci", "-m", "96"};
	struct pollfd end = {.fd = STDIN_FILENO};
	char *argv[RTE_DIM(args)];
	struct frame *f;

	for (unsigned i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (eal_start(RTE_DIM(args), argv, why, sizeof why) != 0 ||
	    eal_frame_pool_create(16, MTU, why, sizeof why) != 0 || try_open(0, device, MTU) != 0 ||
	    port_start(0) != 0) {
		fprintf(stderr, "echo: %s\n", why);
		return 1;
	}
	while (poll(&end, 1, 0) == 0) {
		if (port_rx(0, &f, 1) == 1 && port_tx(0, &f, 1) != 1)
			frame_free(f);
	}
	port_close(0);
	eal_frame_pool_destroy();
	eal_stop();
	return 0;
}

/* Frames of the full MTU arrive in one piece, both ways. */
static void
test_memif(void **state)
{
	char server[128], command[320], self[128] = "";
	struct port_stats stats;
	struct frame *f, *got;
	bool up = false;
	FILE *echo;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	snprintf(command, sizeof command,
	    "%s net_memif1,role=client,id=0,socket=%s/memif,socket-abstract=no", self, folder);
	snprintf(server, sizeof server,
	    "net_memif0,role=server,id=0,socket=%s/memif,socket-abstract=no", folder);
	open_started(0, server);
	assert_non_null(echo = popen(command, "w"));
	for (unsigned i = 0; i < 1000 && !up; i++) {
		port_link_changed(0, &up);
		usleep(10000);
	}
	assert_true(up);
	for (uint32_t len = 60; len <= MTU + 18; len += 83) {
		f = frame_make(len, (uint8_t)len);
		assert_int_equal(port_tx(0, &f, 1), 1);
		got = frame_await(0);
		assert_int_equal(frame_len(got), len);
		assert_int_equal(frame_data(got)[len - 1], (uint8_t)len);
		frame_free(got);
	}
	f = frame_make(MTU + 18, 9);
	assert_int_equal(port_tx(0, &f, 1), 1);
	got = frame_await(0);
	assert_int_equal(frame_len(got), MTU + 18);
	frame_free(got);
	assert_int_equal(port_stats_get(0, &stats), 0);
	assert_int_equal(stats.rx_segmented, 0);
	assert_int_equal(pclose(echo), 0);
	port_close(0);
}

static void
test_capture(void **state)
{
	uint64_t frames = 0, dropped = 0;
	char path[64];
	struct frame *f[4];
	struct stat st;

	(void)state;
	snprintf(path, sizeof path, "%s/x.pcapng", folder);
	assert_int_equal(port_capture_start("/nonesuch/x.pcapng", why, sizeof why), SAN_EIO);
	assert_non_null(strstr(why, "cannot write /nonesuch/x.pcapng"));
	assert_int_equal(port_capture_stop(&frames, &dropped), SAN_ENOENT);
	open_started(0, "net_ring2");
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(port_capture_start(path, why, sizeof why), 0);
		assert_true(port_capture_running());
		assert_int_equal(port_capture_start(path, why, sizeof why), SAN_EALREADY);
		for (unsigned i = 0; i < 4; i++)
			f[i] = frame_make(100 + 1000 * i, (uint8_t)i);
		assert_int_equal(port_tx(0, f, 4), 4);
		assert_int_equal(port_rx(0, f, 4), 4);
		port_capture_frames(0, f, 1, true);
		assert_int_equal(port_capture_poll(), 0);
		assert_int_equal(port_capture_stop(&frames, &dropped), 0);
		assert_int_equal(frames, 9);
		assert_int_equal(dropped, 0);
		for (unsigned i = 0; i < 4; i++)
			frame_free(f[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_in_range(st.st_size, 2 * (100 + 1100 + 2100 + 3100), 20000);
	}
	/* Nobody empties the ring: frames are dropped and counted, the port is not held up. */
	assert_int_equal(port_capture_start(path, why, sizeof why), 0);
	for (unsigned i = 0; i < 5000; i++) {
		f[0] = frame_make(60, 1);
		port_capture_frames(0, f, 1, false);
		frame_free(f[0]);
	}
	assert_int_equal(port_capture_stop(&frames, &dropped), 0);
	assert_int_equal(frames + dropped, 5000);
	assert_true(dropped > 0);
	port_close(0);
}

static void
test_pcap(void **state)
{
	char device[160];
	struct frame *f = frame_make(300, 3);
	struct stat st;

	(void)state;
	snprintf(device, sizeof device, "net_pcap0,tx_pcap=%s/out.pcap", folder);
	open_started(0, device);
	assert_int_equal(port_tx(0, &f, 1), 1);
	assert_int_equal(port_rx(0, &f, 1), 0);
	port_close(0);
	snprintf(device, sizeof device, "%s/out.pcap", folder);
	assert_int_equal(stat(device, &st), 0);
	assert_int_equal(st.st_size, 24 + 16 + 300);
}

static void
test_pool(void **state)
{
	struct eal_frame_pool_info info;
	struct frame *f = frame_make(10, 1);

	(void)state;
	eal_frame_pool_info(&info);
	assert_true(info.frames > 1000);
	assert_in_range(info.bytes, 7u << 20, 17u << 20);
	assert_true(info.frame_bytes >= MTU + 22);
	assert_int_equal(info.in_use, 1); /* and nothing leaked before */
	frame_free(f);
	assert_int_equal(eal_frame_pool_create(16, MTU, why, sizeof why), SAN_EEXIST);
}

static void
start(void)
{
	static char args[][16] = {"test", "--no-huge", "--no-shconf", "--no-telemetry", "--no-pci",
	    "-m", "160", "--lcores", "(0-1)@(0-1)"};
	char *argv[9];

	for (unsigned i = 0; i < 9; i++)
		argv[i] = args[i];
	if (eal_start(9, argv, why, sizeof why) != 0)
		fail_msg("%s", why);
	if (eal_frame_pool_create(1, MTU, why, sizeof why) != SAN_EINVAL ||
	    !strstr(why, "give at least"))
		fail_msg("a small pool gave \"%s\"", why);
	if (eal_frame_pool_create(16, MTU, why, sizeof why) != 0)
		fail_msg("%s", why);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_wrong_arguments),
	    cmocka_unit_test(test_null),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_ring_and_mac),
	    cmocka_unit_test(test_segments),
	    cmocka_unit_test(test_memif),
	    cmocka_unit_test(test_capture),
	    cmocka_unit_test(test_pcap),
	    cmocka_unit_test(test_pool),
	};
	char command[64];
	int failed;

	if (argc == 2)
		return strcmp(argv[1], "wrong") == 0 ? wrong_arguments() : echo_run(argv[1]);
	if (!mkdtemp(folder))
		return 1;
	start();
	failed = cmocka_run_group_tests_name("port", tests, NULL, NULL);
	eal_frame_pool_destroy();
	eal_stop();
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command) == 0 ? failed : 1;
}
