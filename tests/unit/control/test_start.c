/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens before the daemon runs: command line, pid file, EAL arguments, region. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eal_args.h"
#include "options.h"
#include "pidfile.h"
#include "region.h"
#include "san_err.h"

static enum options_result
parse(struct options *o, int argc, const char *const *argv)
{
	optind = 1;
	return options_parse(o, argc, (char **)(uintptr_t)argv);
}

static void
options__defaults_and_passthrough(void **state)
{
	const char *const argv[] = {"sand", "-i", "-c", "x.conf", "--", "-v", "--no-pci", NULL};
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, 7, argv), OPTIONS_RUN);
	assert_true(o.interactive);
	assert_false(o.test_only);
	assert_string_equal(o.config_path, "x.conf");
	assert_int_equal(o.eal_count, 2);
	assert_string_equal(o.eal[1], "--no-pci");
}

static void
options__wrong_ones(void **state)
{
	const char *const unknown[] = {"sand", "-x", NULL}, *const stray[] = {
								"sand", "stray", NULL};
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, 2, unknown), OPTIONS_WRONG);
	assert_int_equal(parse(&o, 2, stray), OPTIONS_WRONG);
}

static bool
has_arg(const struct eal_args *a, const char *arg)
{
	for (int i = 0; i < a->argc; i++)
		if (strcmp(a->argv[i], arg) == 0)
			return true;
	return false;
}

static void
eal_args__follow_the_configuration(void **state)
{
	static struct san_config c = {.name = "h1", .memory_mb = 100, .port_count = 1};
	char *extra[] = {(char *)(uintptr_t) "--extra"};
	static struct eal_args a;

	(void)state;
	snprintf(c.port[0].device, sizeof c.port[0].device, "net_null0");
	snprintf(c.eal_args, sizeof c.eal_args, "--one  --two");
	assert_int_equal(eal_args_make(&a, &c, 1, extra), 0);
	assert_true(has_arg(&a, "--file-prefix=h1"));
	assert_true(has_arg(&a, "--no-huge"));
	assert_true(has_arg(&a, "--no-pci"));
	assert_true(has_arg(&a, "--one") && has_arg(&a, "--two"));
	assert_string_equal(a.argv[a.argc - 1], "--extra");
	assert_null(a.argv[a.argc]);
	c.hugepages = true;
	snprintf(c.port[0].device, sizeof c.port[0].device, "0000:03:00.0");
	snprintf(c.lcores, sizeof c.lcores, "0,1@1");
	assert_int_equal(eal_args_make(&a, &c, 0, NULL), 0);
	assert_false(has_arg(&a, "--no-huge") || has_arg(&a, "--no-pci"));
	assert_true(has_arg(&a, "--lcores=0,1@1"));
	assert_true(has_arg(&a, "--allow=0000:03:00.0"));
}

static void
eal_args__too_many_are_refused(void **state)
{
	static struct san_config c = {.name = "h1"};
	char *extra[EAL_ARGS_MAX];
	static struct eal_args a;

	(void)state;
	for (int i = 0; i < EAL_ARGS_MAX; i++)
		extra[i] = (char *)(uintptr_t) "x";
	assert_int_equal(eal_args_make(&a, &c, EAL_ARGS_MAX, extra), SAN_ELIMIT);
}

static void
pidfile__one_daemon_per_folder(void **state)
{
	char dir[] = "/tmp/sand-test.XXXXXX", folder[64], why[256] = "";
	struct pidfile first, second;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(folder, sizeof folder, "%s/run", dir);
	assert_int_equal(pidfile_take(&first, folder, why, sizeof why), 0);
	assert_int_equal(pidfile_take(&second, folder, why, sizeof why), SAN_EEXIST);
	assert_non_null(strstr(why, "runs already"));
	pidfile_drop(&second);
	pidfile_drop(&first);
	assert_int_equal(pidfile_take(&second, folder, why, sizeof why), 0);
	pidfile_drop(&second);
	assert_int_equal(pidfile_take(&first, "/proc/nowhere/run", why, sizeof why), SAN_EIO);
	assert_non_null(strstr(why, "runtime_dir"));
	assert_int_equal(rmdir(folder), 0);
	rmdir(dir);
}

static const struct region_geometry small = {
    .socks = 64, .tx_ring_bytes = 16384, .rx_ring_bytes = 32768, .polls = 1};

static void
region__bad_geometry_is_refused(void **state)
{
	struct region_geometry g[7] = {small, small, small, small, small, small, small};
	struct region r;

	(void)state;
	g[0].socks = 7;
	g[1].socks = SAN_SOCKS_MAX + 2;
	g[2].tx_ring_bytes = 20000;
	g[3].rx_ring_bytes = 8192;
	g[4].polls = 0;
	g[5].heap_bytes = SAN_HEAP_CHUNK + 4096;
	g[6].heap_bytes = (SAN_HEAP_CHUNKS + 1) * SAN_HEAP_CHUNK;
	for (int i = 0; i < 7; i++)
		assert_int_equal(region_create(&r, &g[i]), SAN_EINVAL);
}

static void
region__is_sealed_sparse_and_gives_memory_back(void **state)
{
	struct region r;
	uint64_t empty;

	(void)state;
	assert_int_equal(region_create(&r, &small), 0);
	assert_true((uintptr_t)region_sock(&r, 0) % SHM_LINE == 0);
	assert_int_not_equal(ftruncate(r.fd, 4096), 0);
	assert_int_not_equal(fcntl(r.fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	empty = region_resident_bytes(&r);
	assert_true(empty <= 4 * 4096);
	memset(region_rx_ring(&r, 63), 1, 32768);
	assert_true(region_resident_bytes(&r) >= empty + 32768);
	region_rings_release(&r, 63);
	assert_int_equal(region_resident_bytes(&r), empty);
	assert_int_equal(region_rx_ring(&r, 63)[5], 0);
	region_destroy(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(options__defaults_and_passthrough),
	    cmocka_unit_test(options__wrong_ones),
	    cmocka_unit_test(eal_args__follow_the_configuration),
	    cmocka_unit_test(eal_args__too_many_are_refused),
	    cmocka_unit_test(pidfile__one_daemon_per_folder),
	    cmocka_unit_test(region__bad_geometry_is_refused),
	    cmocka_unit_test(region__is_sealed_sparse_and_gives_memory_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
