/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way to lose packets of a close: for each kind of close all 2^12 subsets of its first twelve
 * frames, DREQ and DREP included, are lost in turn. Both ends must reach DEAD, and what the
 * programs see must not depend on luck. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "san_err.h"
#include "world.h"

#define MASKS (1u << 12)

struct close_kind {
	const char *name;
	uint32_t backlog[2]; /* bytes written just before */
	bool shut_first;     /* A shuts, then aborts */
	int how[2];   /* enum sdp_close_how at the same instant; -1: closes at the end of file */
	int error[2]; /* what each engine must report; 1 = any error, 2 = do not care */
};

static const struct close_kind kinds[] = {
    {.name = "orderly, idle", .how = {SDP_CLOSE_GRACEFUL, -1}},
    {.name = "orderly, data queued", .backlog = {5000, 0}, .how = {SDP_CLOSE_GRACEFUL, -1}},
    {.name = "simultaneous", .how = {SDP_CLOSE_GRACEFUL, SDP_CLOSE_GRACEFUL}},
    {.name = "abortive",
	.backlog = {5000, 0},
	.how = {SDP_CLOSE_ABORT, -1},
	.error = {SAN_ECONNABORTED, 1}},
    {.name = "abortive after shut",
	.backlog = {3000, 3000},
	.shut_first = true,
	.how = {SDP_CLOSE_ABORT, -1},
	.error = {SAN_ECONNABORTED, 2}},
    {.name = "both abort",
	.backlog = {100, 100},
	.how = {SDP_CLOSE_ABORT, SDP_CLOSE_ABORT},
	.error = {SAN_ECONNABORTED, SAN_ECONNABORTED}},
};

static void
write_backlog(struct host *h, uint32_t n)
{
	h->script.write_total += n;
	h->script.write_max = 65536;
}

static void
start(struct world *w, const struct close_kind *k, uint32_t mask)
{
	struct world_setup setup = world_setup_defaults();

	setup.disconn_timeout = SAN_DURATION_S(60);
	setup.linger_timeout = SAN_DURATION_S(5);
	world_init(w, &setup, 99);
	w->link.shape.latency = SAN_DURATION_US(5);
	/* Some traffic first, so that the close meets a connection in use. */
	write_backlog(&w->host[0], 2000);
	write_backlog(&w->host[1], 2000);
	world_run(w, (struct san_time){SAN_DURATION_MS(1).ns});
	assert_int_equal(w->host[0].read + w->host[1].read, 4000);
	w->link.mask = mask;
	w->link.mask_from = w->link.sent;
	w->link.mask_on = true;
}

static void
run_one(const struct close_kind *k, uint32_t mask)
{
	struct world w;
	int i;

	start(&w, k, mask);
	for (i = 0; i < 2; i++)
		write_backlog(&w.host[i], k->backlog[i]);
	host_write(&w.host[0], w.now);
	host_write(&w.host[1], w.now);
	if (k->shut_first)
		host_shut(&w.host[0], w.now);
	if (k->shut_first)
		host_step(&w.host[0], w.now);
	for (i = 0; i < 2; i++) {
		if (k->how[i] >= 0)
			host_close(&w.host[i], (enum sdp_close_how)k->how[i], w.now);
		w.host[i].script.ending = HOST_WAIT;
	}
	assert_true(world_run(&w, (struct san_time){SAN_DURATION_S(30).ns}));
	for (i = 0; i < 2; i++) {
		int err = sdp_error(&w.host[i].conn);

		if (k->error[i] <= 0)
			assert_int_equal(err, k->error[i]);
		else if (k->error[i] == 1)
			assert_int_not_equal(err, 0);
	}
	if (k->error[0] == 0) {
		assert_int_equal(w.host[1].read, w.host[0].written);
		assert_int_equal(w.host[0].read, w.host[1].written);
	}
	world_fini(&w);
}

static void
close__any_frames_lost(void **state)
{
	const struct close_kind *k = *state;
	uint32_t mask;

	for (mask = 0; mask < MASKS; mask++)
		run_one(k, mask);
}

int
main(void)
{
	struct CMUnitTest tests[sizeof kinds / sizeof *kinds];
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		tests[i] = (struct CMUnitTest){
		    kinds[i].name, close__any_frames_lost, NULL, NULL, (void *)&kinds[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
