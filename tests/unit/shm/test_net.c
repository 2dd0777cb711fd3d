/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net.h"

static struct shm_region *
region_new(void)
{
	struct shm_region *r = aligned_alloc(SHM_LINE, sizeof *r);

	assert_non_null(r);
	memset(r, 0, sizeof *r);
	return r;
}

/* Every byte of every entry says which version it is. */
static void
net_fill(struct shm_net *net, uint8_t version)
{
	memset(net, 0, sizeof *net);
	net->rule_count = version % SAN_RULES_MAX + 1;
	net->local_count = version % (SAN_PORTS_MAX * SAN_PORT_ADDRS_MAX) + 1;
	memset(net->rules, version, net->rule_count * sizeof net->rules[0]);
	memset(net->locals, version, net->local_count * sizeof net->locals[0]);
}

static void
net_check(const struct shm_net *net)
{
	uint8_t version = net->rules[0].net[0];
	struct shm_net want;

	net_fill(&want, version);
	assert_int_equal(net->rule_count, want.rule_count);
	assert_int_equal(net->local_count, want.local_count);
	assert_memory_equal(net->rules, want.rules, want.rule_count * sizeof want.rules[0]);
	assert_memory_equal(net->locals, want.locals, want.local_count * sizeof want.locals[0]);
}

static void
what_is_written_is_read(void **state)
{
	struct shm_region *r = region_new();
	struct shm_net in, out;
	uint32_t gen;

	assert_int_equal(shm_net_read(r, &out), 0);
	assert_int_equal(out.rule_count + out.local_count, 0);
	for (unsigned v = 0; v < 256; v++) {
		net_fill(&in, (uint8_t)v);
		gen = shm_net_generation(r);
		assert_true(shm_net_write(r, &in));
		assert_int_not_equal(shm_net_generation(r), gen);
		gen = shm_net_generation(r);
		assert_false(shm_net_write(r, &in)); /* no change, no generation */
		assert_int_equal(shm_net_read(r, &out), gen);
		net_check(&out);
	}
	free(r);
}

static void
nonsense_is_nothing(void **state)
{
	struct shm_region *r = region_new();
	struct shm_net in, out;

	net_fill(&in, 3);
	assert_true(shm_net_write(r, &in));
	r->net[0] = SAN_RULES_MAX + 1;
	(void)shm_net_read(r, &out);
	assert_int_equal(out.rule_count + out.local_count, 0);
	assert_true(shm_net_write(r, &in)); /* what a program scribbled is put right */
	r->net[1] = UINT32_MAX;
	(void)shm_net_read(r, &out);
	assert_int_equal(out.rule_count + out.local_count, 0);
	assert_true(shm_net_write(r, &in));
	r->net_gen++; /* a writer that died */
	(void)shm_net_read(r, &out);
	assert_int_equal(out.rule_count + out.local_count, 0);
	assert_true(shm_net_write(r, &in));
	assert_int_equal(shm_net_read(r, &out) % 2, 0);
	net_check(&out);
	free(r);
}

static _Atomic int stop;

static void *
writer(void *arg)
{
	const struct timespec rest = {0, 20000};
	struct shm_net in;

	for (uint8_t v = 1; !stop; v = v == 255 ? 1 : v + 1) {
		net_fill(&in, v);
		(void)shm_net_write(arg, &in);
		nanosleep(&rest, NULL);
	}
	return NULL;
}

static void
no_reader_sees_half_a_change(void **state)
{
	struct shm_region *r = region_new();
	struct shm_net in, out;
	pthread_t thread;
	unsigned whole = 0;

	net_fill(&in, 1);
	(void)shm_net_write(r, &in);
	assert_int_equal(pthread_create(&thread, NULL, writer, r), 0);
	for (unsigned i = 0; i < 2000; i++) {
		(void)shm_net_read(r, &out);
		if (out.rule_count == 0)
			continue; /* it may give up on a writer that cannot run */
		net_check(&out);
		whole++;
	}
	stop = 1;
	pthread_join(thread, NULL);
	(void)shm_net_read(r, &out);
	net_check(&out);
	assert_in_range(whole, 1, 2000);
	free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(nonsense_is_nothing), cmocka_unit_test(no_reader_sees_half_a_change)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
