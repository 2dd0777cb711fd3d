/* SPDX-License-Identifier: BSD-3-Clause */
/* What the daemon does in the very middle of a call: the test stands in for a function the call
 * uses on its way, and does there what the daemon would. */
#include "rig.h"

#include <stdatomic.h>
#include <string.h>

#include "provider.h"
#include "san_err.h"
#include "wsp_err.h"

#define LATE "late!"

int __real_wsp_err_from_san(int err);
int __wrap_wsp_err_from_san(int err);

static SOCKET meets = INVALID_SOCKET; /* whose bytes arrive when its error is looked at */

/* The caller found the ring empty, then the error: stored behind bytes it did not see yet. */
int
__wrap_wsp_err_from_san(int err)
{
	if (meets != INVALID_SOCKET) {
		struct byte_ring ring = shm_map_rx(&prov.map, prov_slot(meets));
		struct shm_sock *k = prov_shm(meets);
		uint32_t tail = atomic_load(&k->rx_tail);

		meets = INVALID_SOCKET;
		byte_ring_write(&ring, tail, LATE, strlen(LATE));
		atomic_store(&k->rx_tail, tail + (uint32_t)strlen(LATE));
	}
	return __real_wsp_err_from_san(err);
}

/* The bytes first, then the error, then the end: as if recv() had come later. */
static void
recv_meets_a_reset_behind_bytes(void **state)
{
	SOCKET a, b;
	char buf[16];
	int err = 0;

	rig_pair(&a, &b);
	fake_break_all(rig_fake, SAN_ECONNRESET);
	meets = a;
	assert_int_equal(rig_recv_some(a, buf, sizeof buf, 0, &err), strlen(LATE));
	assert_int_equal(meets, INVALID_SOCKET); /* it did happen in between */
	assert_memory_equal(buf, LATE, strlen(LATE));
	assert_int_equal(rig_recv_some(a, buf, sizeof buf, 0, &err), -1);
	assert_int_equal(err, WSAECONNRESET);
	assert_int_equal(rig_recv_some(a, buf, sizeof buf, 0, &err), 0);
	rig_close(a);
	rig_close(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		recv_meets_a_reset_behind_bytes, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
