/* SPDX-License-Identifier: BSD-3-Clause */
/* RDMA of streams through the whole data path: records in the rings beside a stream's, their place
 * among its bytes, what holds them up, and programs that write nonsense there. */
#include "rig.h"

#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "proto.h"
#include "record.h"
#include "san_err.h"

enum { CONN = 20, SLOT = 3, VA = 4096, MEMORY = 8192 };

static struct rig rig;
static uint8_t *memory; /* of the right side, in its region */
static uint32_t key;

static struct byte_ring
ring_of(struct rig_side *s, bool rx)
{
	uint8_t *at =
	    s->rings + SLOT * shm_slot_rings(RIG_TX_RING, RIG_RX_RING) + RIG_TX_RING + RIG_RX_RING;

	return (struct byte_ring){rx ? at + SAN_RDMA_RING : at, SAN_RDMA_RING};
}

static void
conn_open(uint8_t type, uint8_t depth)
{
	rig_open(&rig);
	for (unsigned i = 0; i < RIG_SIDES; i++) {
		struct poll_cmd cmd = rig_conn_open(&rig, i, CONN, SLOT);

		cmd.open.type = type;
		cmd.open.msg.send_max = 1000;
		cmd.open.open.initiator_depth = cmd.open.open.responder_resources = depth;
		rig_put(&rig.side[i], &cmd);
	}
	rig_step(&rig);
	for (unsigned i = 0; i < RIG_SIDES; i++)
		assert_int_equal(rig.side[i].last[POLL_EV_CONN_OPENED].ev.err, 0);
}

/* The answer's error. */
static int
mem_add(struct rig_side *s, uint64_t va, uint64_t off, int fd)
{
	struct poll_cmd cmd = {.type = POLL_CMD_CONN_MEM,
	    .conn = CONN,
	    .mem = {.session = s->session,
		.add = true,
		.rights = PROTO_MEM_READ | PROTO_MEM_WRITE,
		.va = va,
		.off = off,
		.len = MEMORY,
		.fd = fd}};

	rig_put(s, &cmd);
	rig_step(&rig);
	key = s->last[POLL_EV_MEM_DONE].mem.key;
	return s->last[POLL_EV_MEM_DONE].mem.err;
}

static void
open_both(void)
{
	struct rig_side *s = &rig.side[1];

	conn_open(SHM_TYPE_STREAM, SDP_READS_MAX);
	memory = s->rings; /* of other slots: any place of the region will do */
	assert_int_equal(mem_add(s, VA, (uint64_t)(memory - (uint8_t *)s->region), -1), 0);
}

/* Without ringing. */
static void
put(const struct shm_tx_record *record, const void *payload)
{
	struct rig_side *s = &rig.side[0];
	struct shm_sock *k = &s->sock[SLOT];
	struct byte_ring tx = ring_of(s, false);
	uint32_t tail = atomic_load(&k->rdma_tail);
	struct shm_tx_record r = *record;

	r.after = atomic_load(&k->tx_tail);
	assert_true(tail - atomic_load(&k->rdma_head) + shm_record_bytes(r.len) <= SAN_RDMA_RING);
	shm_tx_record_put(&tx, tail, &r);
	byte_ring_write(&tx, tail + SHM_RECORD_HEAD, payload, shm_tx_payload(&r));
	atomic_store(&k->rdma_tail, tail + shm_record_bytes(shm_tx_payload(&r)));
}

static void
write_number(uint32_t number, uint32_t len)
{
	const struct shm_tx_record r = {.op = SHM_TX_WRITE, .len = len, .va = VA, .key = key};
	uint32_t words[MEMORY / 4];

	for (uint32_t i = 0; i < len / 4; i++)
		words[i] = number;
	put(&r, words);
}

static void
read_tagged(uint32_t tag, uint32_t len)
{
	const struct shm_tx_record r = {
	    .op = SHM_TX_READ, .len = len, .tag = tag, .va = VA, .key = key};

	put(&r, "");
}

/* The next answer: `len` bytes of `number`. False if there is none. */
static bool
answer_take(uint32_t tag, uint32_t number, uint32_t len)
{
	struct rig_side *s = &rig.side[0];
	struct byte_ring rx = ring_of(s, true);
	uint32_t head = atomic_load(&s->sock[SLOT].rdma_rx_head), words[MEMORY / 4];
	struct shm_rx_record r;
	int n = shm_rx_record_get(&rx, head, atomic_load(&s->sock[SLOT].rdma_rx_tail), &r);

	assert_true(n >= 0);
	if (n == 0)
		return false;
	assert_int_equal(r.kind, SHM_RX_READ_DATA);
	assert_int_equal(r.tag, tag);
	assert_int_equal(r.len, len);
	byte_ring_read(&rx, head + SHM_RECORD_HEAD, words, len);
	for (uint32_t i = 0; i < len / 4; i++)
		assert_int_equal(words[i], number);
	atomic_store(&s->sock[SLOT].rdma_rx_head, head + (uint32_t)n);
	if ((atomic_fetch_and(&s->sock[SLOT].need, ~SHM_NEED_RX) & SHM_NEED_RX) != 0)
		rig_ring(s, SLOT);
	return true;
}

static bool
done(void)
{
	struct shm_sock *k = &rig.side[0].sock[SLOT];

	return atomic_load(&k->rdma_head) == atomic_load(&k->rdma_tail);
}

/* --- tests --- */

/* More requests than an engine holds at once; each byte says how many WRITEs must be done. */
static void
order_check(uint32_t reads_every)
{
	enum { ROUNDS = 60 };
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	uint8_t byte, expected = 1;
	uint32_t number, answered = 0;
	struct poll_conn_view v;

	open_both();
	for (uint8_t i = 1; i <= ROUNDS; i++) {
		write_number(i, 1000);
		if (i % reads_every == 0)
			read_tagged(i, 500);
		assert_int_equal(rig_send(a, SLOT, &i, 1), 1);
	}
	rig_ring(a, SLOT);
	for (unsigned steps = 0; expected <= ROUNDS; steps++) {
		assert_in_range(steps, 0, 100000);
		rig_step(&rig);
		if (answer_take(reads_every * (answered + 1), reads_every * (answered + 1), 500))
			answered++;
		while (rig_recv(b, SLOT, &byte, 1) == 1) {
			memcpy(&number, memory, sizeof number);
			assert_int_equal(byte, expected++);
			assert_true(number >= byte);
			assert_true(answered == byte / reads_every || byte % reads_every != 0);
		}
	}
	rig_run(&rig, 5000); /* until the picture is drawn again */
	assert_true(done());
	assert_int_equal(poll_conn_read(0, CONN, &v), 0);
	assert_int_equal(v.rdma_writes, ROUNDS);
	assert_int_equal(v.rdma_reads, ROUNDS / reads_every);
	rig_close(&rig);
}

static void
bytes_and_rdma_keep_one_order(void **state)
{
	order_check(4);
	order_check(1000);
}

static void
the_cork_does_not_hold_it(void **state)
{
	struct rig_side *a = &rig.side[0];
	uint8_t bytes[10] = {0};

	open_both();
	rig_flags(a, SLOT, SHM_APP_CORK);
	assert_int_equal(rig_send(a, SLOT, bytes, 10), 10);
	rig_ring(a, SLOT);
	rig_run(&rig, 500); /* 1 ms; the cork holds for 200 */
	assert_int_equal(rig_recv(&rig.side[1], SLOT, bytes, 10), 0);
	write_number(7, 4);
	rig_ring(a, SLOT);
	rig_run(&rig, 500);
	assert_true(done());
	assert_int_equal(rig_recv(&rig.side[1], SLOT, bytes, 10), 10);
	rig_close(&rig);
}

/* Nobody takes the answers: what is behind waits, and the thread has nothing to do meanwhile. */
static void
answers_without_room_wait(void **state)
{
	enum { READS = 40, BYTES = 4096 };
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	uint64_t busy;
	uint8_t byte;
	uint32_t tag;

	open_both();
	memset(memory, 0, MEMORY);
	for (tag = 0; tag < READS; tag++)
		read_tagged(tag, BYTES);
	assert_int_equal(rig_send(a, SLOT, "x", 1), 1);
	rig_flags(a, SLOT, SHM_APP_SHUT_WR);
	rig_run(&rig, 20000);
	assert_false(done());
	busy = rig_count(a, POLL_COUNT_busy_iterations);
	rig_run(&rig, 2000);
	assert_in_range(rig_count(a, POLL_COUNT_busy_iterations) - busy, 0, 20);
	assert_int_equal(rig_recv(b, SLOT, &byte, 1), 0);
	assert_int_equal(rig_wire_flags(b, SLOT), 0); /* nor did the end overtake it */
	tag = 0;
	for (unsigned i = 0; i < READS && tag < READS; i++, rig_run(&rig, 200))
		while (answer_take(tag, 0, BYTES))
			tag++;
	assert_int_equal(tag, READS);
	rig_run(&rig, 1000);
	assert_true(done());
	assert_int_equal(rig_recv(b, SLOT, &byte, 1), 1);
	assert_int_equal(rig_wire_flags(b, SLOT), SHM_WIRE_EOF);
	rig_close(&rig);
}

/* A process's own memory, which is reached by its /proc/PID/mem. */
static void
far_memory(void **state)
{
	uint32_t *own =
	    mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	struct shm_tx_record r = {.op = SHM_TX_READ, .len = 4, .va = (uintptr_t)own};

	open_both();
	assert_int_equal(mem_add(&rig.side[1], (uintptr_t)own, 0, fd), 0);
	for (uint32_t i = 0; i < MEMORY / 4; i++)
		own[i] = 5;
	r.key = key;
	put(&r, "");
	r.op = SHM_TX_WRITE;
	r.va += 4092;
	put(&r, "abcd");
	rig_ring(&rig.side[0], SLOT);
	rig_run(&rig, 500);
	assert_true(done());
	assert_true(answer_take(0, 5, 4));
	assert_memory_equal((uint8_t *)own + 4092, "abcd", 4);
	munmap(own, MEMORY); /* the next one ends the connection */
	put(&r, "abcd");
	rig_ring(&rig.side[0], SLOT);
	rig_run(&rig, 500);
	assert_false(done());
	assert_true(rig_wire_flags(&rig.side[0], SLOT) & SHM_WIRE_ERROR);
	assert_true(rig_wire_flags(&rig.side[1], SLOT) & SHM_WIRE_ERROR);
	assert_int_equal(flow_find(rig.side[1].poll, CONN)->key_count, 0);
	rig_close(&rig);
}

/* Its keys go at once, the connection later; whoever still reaches for them is told. */
static void
memory_ends_with_its_program(void **state)
{
	struct poll_cmd cmd = {.type = POLL_CMD_CONN_CLOSE, .conn = CONN};
	struct rig_side *a = &rig.side[0], *b = &rig.side[1];
	uint32_t old;

	open_both();
	old = key;
	write_number(1, 8);
	rig_ring(a, SLOT);
	rig_run(&rig, 500);
	assert_true(done());
	cmd.close.how = SDP_CLOSE_GRACEFUL;
	rig_put(b, &cmd);
	rig_step(&rig);
	assert_int_equal(flow_find(b->poll, CONN)->key_count, 0);
	assert_int_equal(mem_add(b, VA, 0, -1), SAN_ENOTCONN);
	rig_run(&rig, 500);
	assert_int_equal(rig_wire_flags(a, SLOT), SHM_WIRE_EOF); /* half is open yet */
	key = old;
	write_number(2, 8);
	rig_ring(a, SLOT);
	rig_run(&rig, 500);
	assert_false(done());
	assert_true(rig_wire_flags(a, SLOT) & SHM_WIRE_ERROR);
	assert_int_equal(atomic_load(&a->sock[SLOT].wire_err), SAN_ECONNRESET);
	assert_int_equal(memory[0], 1);
	rig_run(&rig, 5000);
	assert_int_equal(rig_count(b, POLL_COUNT_refused), 1);
	rig_close(&rig);
}

/* A word of the slot, and a number that makes no sense there. */
static void
positions_that_make_no_sense(void **state)
{
	static const struct {
		size_t off;
		uint32_t value;
		uint8_t type;
	} bad[] = {
	    {offsetof(struct shm_sock, rdma_tail), SAN_RDMA_RING + 8, SHM_TYPE_STREAM},
	    {offsetof(struct shm_sock, rdma_tail), UINT32_MAX - 31, SHM_TYPE_STREAM},
	    {offsetof(struct shm_sock, rdma_tail), 4, SHM_TYPE_STREAM},
	    {offsetof(struct shm_sock, rdma_rx_head), 32, SHM_TYPE_STREAM},
	    {offsetof(struct shm_sock, rdma_tail), 32, SHM_TYPE_SEQPACKET},
	    {offsetof(struct shm_sock, rdma_rx_head), 32, SHM_TYPE_SEQPACKET},
	};

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct rig_side *a = &rig.side[0];
		uint64_t counted;

		conn_open(bad[i].type, 4);
		counted = rig_count(a, POLL_COUNT_hostile_record) +
			  rig_count(a, POLL_COUNT_hostile_rx_pos);
		memcpy((uint8_t *)&a->sock[SLOT] + bad[i].off, &bad[i].value, 4);
		rig_ring(a, SLOT);
		rig_run(&rig, 100);
		assert_true(rig_wire_flags(a, SLOT) & SHM_WIRE_ERROR);
		assert_int_equal(rig_count(a, POLL_COUNT_hostile_record) +
				     rig_count(a, POLL_COUNT_hostile_rx_pos),
		    counted + 1);
		rig_close(&rig);
	}
}

/* A place in the stream that is past already, and one that is never reached: the first is
 * nonsense, the second the program's own loss. And a READ of a peer that lets nobody. */
static void
records_that_make_no_sense(void **state)
{
	struct rig_side *a = &rig.side[0];
	struct byte_ring tx;

	for (int i = 0; i < 3; i++) {
		struct shm_tx_record r = {.op = i == 2 ? SHM_TX_READ : SHM_TX_WRITE, .va = VA};

		conn_open(SHM_TYPE_STREAM, i == 2 ? 0 : 4);
		tx = ring_of(a, false);
		assert_int_equal(rig_send(a, SLOT, "12345678", 8), 8);
		rig_run(&rig, 100);
		r.after = i == 0 ? 7 : i == 1 ? 9 : 8;
		shm_tx_record_put(&tx, 0, &r);
		atomic_store(&a->sock[SLOT].rdma_tail, 32);
		rig_ring(a, SLOT);
		rig_run(&rig, 100);
		assert_int_equal((rig_wire_flags(a, SLOT) & SHM_WIRE_ERROR) != 0, i != 1);
		assert_int_equal(rig_count(a, POLL_COUNT_hostile_record), i != 1);
		assert_false(done());
		rig_close(&rig);
	}
}

static int
start(void **state)
{
	rig_start();
	return 0;
}

static int
stop(void **state)
{
	rig_stop();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_and_rdma_keep_one_order),
	    cmocka_unit_test(the_cork_does_not_hold_it),
	    cmocka_unit_test(answers_without_room_wait),
	    cmocka_unit_test(far_memory),
	    cmocka_unit_test(memory_ends_with_its_program),
	    cmocka_unit_test(positions_that_make_no_sense),
	    cmocka_unit_test(records_that_make_no_sense),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
