/* SPDX-License-Identifier: BSD-3-Clause */
/* Message mode between two real daemons over memif, programs scripted: messages, memory that peers
 * reach (of streams, too), and every way it can end. argv[1] is the daemon. */
#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "prog.h"
#include "../../dataplane/shm/record.h" /* not the one beside us */
#include "san_err.h"
#include "two_hosts.h"

#define WAIT 5000u
#define PORT 7001
#define VA   0x1234567000ull

static const char *sand;
static struct two_hosts hosts;
static struct prog a, b;
static uint32_t listener;

static int
programs_attach(uint32_t type)
{
	int slot;

	a = b = (struct prog){.fd = -1, .memfd = -1};
	if (!prog_attach(&a, hosts.a.socket, "client") ||
	    !prog_attach(&b, hosts.b.socket, "server"))
		return -1;
	a.type = b.type = type;
	slot = prog_sock_listen(&b, "::", PORT, 16);
	listener = (uint32_t)slot;
	return slot >= 0 && prog_wait_state(&b, listener, SHM_STATE_LISTENING, WAIT) ? 0 : -1;
}

static int
programs_up(void **state)
{
	return programs_attach(SHM_TYPE_SEQPACKET);
}

static int
streams_up(void **state)
{
	return programs_attach(SHM_TYPE_STREAM);
}

static int
programs_down(void **state)
{
	prog_die(&a);
	prog_die(&b);
	return 0;
}

static void
pair(uint32_t *client, uint32_t *server)
{
	int c = prog_sock_connect(&a, HOST_B, PORT), s;

	assert_true(c >= 0);
	assert_int_equal(prog_wait_connect(&a, (uint32_t)c, WAIT), 0);
	s = prog_accept(&b, listener, WAIT);
	assert_true(s > 0);
	*client = (uint32_t)c;
	*server = (uint32_t)s;
}

static uint8_t
pattern(uint32_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7);
}

/* --- records --- */

/* Where they are: a stream has rings of their own for them. */
struct lane {
	struct byte_ring tx, rx;
	_Atomic uint32_t *tx_tail, *tx_head, *rx_tail, *rx_head;
};

static struct lane
lane_of(const struct prog *p, uint32_t slot)
{
	struct shm_sock *k = prog_slot(p, slot);

	if (p->type == SHM_TYPE_SEQPACKET)
		return (struct lane){shm_map_tx(&p->map, slot), shm_map_rx(&p->map, slot),
		    &k->tx_tail, &k->tx_head, &k->rx_tail, &k->rx_head};
	return (struct lane){shm_map_rdma_tx(&p->map, slot), shm_map_rdma_rx(&p->map, slot),
	    &k->rdma_tail, &k->rdma_head, &k->rdma_rx_tail, &k->rdma_rx_head};
}

static void
put(struct prog *p, uint32_t slot, const struct shm_tx_record *record, const void *payload)
{
	const struct lane l = lane_of(p, slot);
	struct shm_tx_record r = *record;
	uint32_t tail = atomic_load(l.tx_tail), bytes = shm_record_bytes(shm_tx_payload(&r));
	uint64_t until = prog_now_ms() + WAIT;

	while (tail - atomic_load(l.tx_head) + bytes > l.tx.size) {
		assert_true(prog_now_ms() < until);
		prog_pause(p);
	}
	if (p->type == SHM_TYPE_STREAM)
		r.after = atomic_load(&prog_slot(p, slot)->tx_tail);
	shm_tx_record_put(&l.tx, tail, &r);
	byte_ring_write(&l.tx, tail + SHM_RECORD_HEAD, payload, shm_tx_payload(&r));
	atomic_store(l.tx_tail, tail + bytes);
	prog_ring(p, slot);
}

static void
send_bytes(struct prog *p, uint32_t slot, const void *bytes, uint32_t len)
{
	const struct shm_tx_record r = {.op = SHM_TX_SEND, .len = len};

	put(p, slot, &r, bytes);
}

/* True when all is done, false when the connection ended first. */
static bool
done(struct prog *p, uint32_t slot)
{
	struct shm_sock *k = prog_slot(p, slot);
	const struct lane l = lane_of(p, slot);
	uint64_t until = prog_now_ms() + WAIT;

	while (atomic_load(l.tx_head) != atomic_load(l.tx_tail)) {
		if (atomic_load(&k->wire_flags) & SHM_WIRE_QUIET)
			return false;
		assert_true(prog_now_ms() < until);
		prog_pause(p);
	}
	return true;
}

static struct shm_rx_record
take(struct prog *p, uint32_t slot, uint8_t *payload)
{
	const struct lane l = lane_of(p, slot);
	uint64_t until = prog_now_ms() + WAIT;
	uint32_t head = atomic_load(l.rx_head);
	struct shm_rx_record r = {0};
	int n;

	while ((n = shm_rx_record_get(&l.rx, head, atomic_load(l.rx_tail), &r)) == 0) {
		assert_true(prog_now_ms() < until);
		prog_pause(p);
	}
	assert_true(n > 0);
	byte_ring_read(&l.rx, head + SHM_RECORD_HEAD, payload, r.len);
	atomic_store(l.rx_head, head + (uint32_t)n);
	prog_ring(p, slot);
	return r;
}

static int
wire_err(struct prog *p, uint32_t slot)
{
	return atomic_load(&prog_slot(p, slot)->wire_err);
}

/* --- memory --- */

/* The answer's error, or 0 and the key. */
static int
mem_ask(struct prog *p, uint32_t type, uint32_t slot, const struct proto_mem *mem, uint32_t *key)
{
	struct proto_msg m = prog_msg(p, type);

	m.arg = slot;
	m.mem = *mem;
	prog_send(p, &m, sizeof m);
	assert_true(prog_receive(p, &m));
	if (m.type == PROTO_REFUSED)
		return m.err;
	assert_int_equal(m.type, type + 1);
	if (key != NULL)
		*key = m.arg;
	return 0;
}

/* MEM_ADD with this file open. */
static int
mem_ask_with(struct prog *p, uint32_t slot, const struct proto_mem *mem, const char *path,
    int flags, uint32_t *key)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
			 .cmsg_level = SOL_SOCKET,
			 .cmsg_type = SCM_RIGHTS}};
	struct proto_msg m = prog_msg(p, PROTO_MEM_ADD);
	struct iovec iov = {&m, sizeof m};
	struct msghdr h = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof control.bytes};
	int fd = open(path, flags | O_CLOEXEC);

	assert_true(fd >= 0);
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	m.arg = slot;
	m.mem = *mem;
	assert_int_equal(sendmsg(p->fd, &h, MSG_NOSIGNAL), sizeof m);
	close(fd);
	assert_true(prog_receive(p, &m));
	if (m.type == PROTO_REFUSED)
		return m.err;
	assert_int_equal(m.type, PROTO_MEM_OK);
	if (key != NULL)
		*key = m.arg;
	return 0;
}

/* A page of the heap, as the peer shall see it. */
static struct proto_mem
heap_mem(const struct prog *p, uint32_t rights)
{
	return (struct proto_mem){
	    .va = VA, .len = 4096, .off = p->map.region->heap_off, .rights = rights};
}

/* --- tests --- */

static void
messages__both_ways(void **state)
{
	static uint8_t bytes[1 << 20], got[1 << 20];
	uint32_t c, s, most;

	pair(&c, &s);
	assert_int_equal(prog_slot(&b, s)->type, SHM_TYPE_SEQPACKET);
	most = prog_slot(&a, c)->msg_max;
	assert_int_equal(most, shm_record_max(a.map.rx_ring_bytes));
	assert_int_equal(prog_slot(&b, s)->msg_max, most);
	assert_true(prog_slot(&a, c)->read_depth > 0);
	for (uint32_t i = 0; i < sizeof bytes; i++)
		bytes[i] = pattern(i);
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t len = i % 7 == 0 ? most - i : i * 13;
		struct shm_rx_record r;

		send_bytes(&a, c, bytes + i, len);
		r = take(&b, s, got);
		assert_int_equal(r.kind, SHM_RX_MESSAGE);
		assert_int_equal(r.len, len);
		assert_memory_equal(got, bytes + i, len);
		send_bytes(&b, s, &i, sizeof i);
		r = take(&a, c, got);
		assert_int_equal(r.len, sizeof i);
		assert_memory_equal(got, &i, sizeof i);
	}
	assert_true(done(&a, c) && done(&b, s));
}

/* One port number, two listeners. */
static void
listen__apart_from_streams(void **state)
{
	uint32_t c, s;
	int stream, l;

	a.type = SHM_TYPE_STREAM;
	stream = prog_sock_connect(&a, HOST_B, PORT);
	assert_int_equal(prog_wait_connect(&a, (uint32_t)stream, WAIT), SAN_ENOLISTENER);
	b.type = SHM_TYPE_STREAM;
	l = prog_sock_listen(&b, "::", PORT, 16);
	assert_true(prog_wait_state(&b, (uint32_t)l, SHM_STATE_LISTENING, WAIT));
	stream = prog_sock_connect(&a, HOST_B, PORT);
	assert_int_equal(prog_wait_connect(&a, (uint32_t)stream, WAIT), 0);
	assert_true(prog_accept(&b, (uint32_t)l, WAIT) > 0);
	a.type = SHM_TYPE_SEQPACKET;
	pair(&c, &s);
	send_bytes(&a, c, "message", 7);
	assert_true(done(&a, c));
}

static void
memory__peer_reads_and_writes(void **state)
{
	static uint8_t bytes[4096], got[8192];
	uint8_t *heap = (uint8_t *)b.map.region + b.map.region->heap_off;
	struct shm_tx_record r = {.op = SHM_TX_WRITE, .len = 3000, .va = VA + 1000};
	struct proto_mem mem = heap_mem(&b, PROTO_MEM_READ | PROTO_MEM_WRITE);
	struct shm_rx_record answer;
	uint32_t c, s;

	pair(&c, &s);
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &mem, &r.key), 0);
	for (uint32_t i = 0; i < sizeof bytes; i++)
		bytes[i] = pattern(i);
	put(&a, c, &r, bytes);
	assert_true(done(&a, c));
	assert_memory_equal(heap + 1000, bytes, 3000);
	memset(heap, 0x77, 1000);
	r = (struct shm_tx_record){
	    .op = SHM_TX_READ, .len = 4000, .va = VA, .key = r.key, .tag = 5};
	put(&a, c, &r, "");
	answer = take(&a, c, got);
	assert_int_equal(answer.kind, SHM_RX_READ_DATA);
	assert_int_equal(answer.tag, 5);
	assert_memory_equal(got, heap, 4000);
	/* Forgotten: the peer's next try ends the connection, memory stays as it is. */
	mem.key = r.key;
	assert_int_equal(mem_ask(&b, PROTO_MEM_DEL, s, &mem, NULL), 0);
	assert_int_equal(mem_ask(&b, PROTO_MEM_DEL, s, &mem, NULL), SAN_ENOENT);
	r = (struct shm_tx_record){.op = SHM_TX_WRITE, .len = 3000, .va = VA, .key = r.key};
	put(&a, c, &r, bytes);
	assert_false(done(&a, c));
	assert_int_equal(wire_err(&a, c), SAN_ECONNRESET);
	assert_int_equal(heap[0], 0x77);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_QUIET, WAIT));
}

/* Not the region's: reached through the process, until it takes it away. */
static void
memory__of_the_process_itself(void **state)
{
	const uint32_t len = 64 * 4096;
	uint8_t *own = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct proto_mem mem = {.va = (uintptr_t)own,
	    .len = len,
	    .off = PROTO_MEM_OUTSIDE,
	    .rights = PROTO_MEM_READ | PROTO_MEM_WRITE};
	static uint8_t bytes[12000], got[16384];
	struct shm_tx_record r = {.op = SHM_TX_WRITE, .len = 9000};
	uint32_t c, s;

	pair(&c, &s);
	assert_int_equal(mem_ask_with(&b, s, &mem, "/proc/self/mem", O_RDWR, &r.key), 0);
	for (uint32_t i = 0; i < sizeof bytes; i++)
		bytes[i] = pattern(i);
	r.va = mem.va + 5000;
	put(&a, c, &r, bytes);
	assert_true(done(&a, c));
	assert_memory_equal(own + 5000, bytes, 9000);
	own[4999] = 0x11;
	r = (struct shm_tx_record){
	    .op = SHM_TX_READ, .len = 7500, .va = mem.va + 4999, .key = r.key, .tag = 8};
	put(&a, c, &r, "");
	assert_int_equal(take(&a, c, got).kind, SHM_RX_READ_DATA);
	assert_memory_equal(got, own + 4999, 7500);
	/* In the middle of it there is nothing any more. */
	munmap(own + 4096, 4096);
	r.va = mem.va;
	put(&a, c, &r, "");
	assert_false(done(&a, c));
	assert_int_equal(wire_err(&a, c), SAN_ECONNRESET);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_QUIET, WAIT));
	assert_int_equal(
	    mem_ask(&b, PROTO_MEM_DEL, s, &(struct proto_mem){.key = r.key}, NULL), SAN_ENOENT);
	/* The same for a WRITE. */
	pair(&c, &s);
	assert_int_equal(mem_ask_with(&b, s, &mem, "/proc/self/mem", O_RDWR, &r.key), 0);
	r.op = SHM_TX_WRITE;
	r.len = 10000;
	put(&a, c, &r, bytes);
	assert_false(done(&a, c));
	munmap(own, len);
}

static void
memory__rights_are_kept(void **state)
{
	struct shm_tx_record r = {.op = SHM_TX_WRITE, .len = 4, .va = VA};
	struct proto_mem mem = heap_mem(&b, PROTO_MEM_READ);
	uint32_t c, s;

	pair(&c, &s);
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &mem, &r.key), 0);
	put(&a, c, &r, "evil");
	assert_false(done(&a, c));
}

/* A key is good on its own connection only. */
static void
memory__keys_are_a_connections_own(void **state)
{
	struct shm_tx_record r = {.op = SHM_TX_WRITE, .len = 4, .va = VA};
	struct proto_mem mem = heap_mem(&b, PROTO_MEM_WRITE);
	uint32_t c, s, c2, s2;

	pair(&c, &s);
	pair(&c2, &s2);
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &mem, &r.key), 0);
	put(&a, c2, &r, "evil");
	assert_false(done(&a, c2));
	mem.key = r.key;
	assert_int_equal(mem_ask(&b, PROTO_MEM_DEL, s2, &mem, NULL), SAN_ENOENT);
	put(&a, c, &r, "good");
	assert_true(done(&a, c));
}

static void
memory__what_is_refused(void **state)
{
	struct proto_mem mem = heap_mem(&b, PROTO_MEM_READ), bad;
	uint32_t c, s;

	pair(&c, &s);
	bad = mem;
	bad.rights = 4;
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &bad, NULL), SAN_EINVAL);
	bad = mem;
	bad.off = PROTO_MEM_OUTSIDE; /* without a descriptor, or with that of something else */
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &bad, NULL), SAN_EINVAL);
	assert_int_equal(
	    mem_ask_with(&b, s, &bad, "/proc/self/status", O_RDONLY, NULL), SAN_EINVAL);
	assert_int_equal(mem_ask_with(&b, s, &bad, "/proc/self/mem", O_RDONLY, NULL), SAN_EINVAL);
	assert_int_equal(mem_ask_with(&b, s, &bad, "/dev/zero", O_RDWR, NULL), SAN_EINVAL);
	bad = mem;
	bad.off = b.map.region->ring_off; /* rings and slots are nobody's memory */
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &bad, NULL), SAN_EINVAL);
	bad = mem;
	bad.off += b.map.region->heap_bytes - 4095;
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &bad, NULL), SAN_EINVAL);
	bad = mem;
	bad.len = UINT64_MAX;
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &bad, NULL), SAN_EINVAL);
	bad = mem;
	bad.va = UINT64_MAX - 100;
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &bad, NULL), SAN_EINVAL);
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, 0, &mem, NULL), SAN_ENOTCONN); /* listens */
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s + 1, &mem, NULL), SAN_EPERM);
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, UINT32_MAX, &mem, NULL), SAN_EPERM);
	/* As many as one connection may have, and all of them gone with it. */
	for (int i = 0; i < 256; i++)
		assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &mem, NULL), 0);
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &mem, NULL), SAN_ENOBUFS);
	prog_close(&a, c, 0);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_DEAD, WAIT));
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &mem, NULL), SAN_ENOTCONN);
	for (int round = 0; round < 20; round++) { /* else the table would be full */
		pair(&c, &s);
		for (int i = 0; i < 256; i++)
			assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &mem, NULL), 0);
		prog_close(&b, s, 0);
		assert_true(prog_wait_wire(&a, c, SHM_WIRE_DEAD, WAIT));
	}
}

/* Gone with the program's use of the socket, though the connection is not. */
static void
stream__memory_ends_with_the_close(void **state)
{
	struct proto_mem mem = heap_mem(&b, PROTO_MEM_READ | PROTO_MEM_WRITE);
	uint8_t *heap = (uint8_t *)b.map.region + b.map.region->heap_off;
	struct shm_tx_record r = {.op = SHM_TX_WRITE, .len = 4, .va = VA};
	uint32_t c, s;

	pair(&c, &s);
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &mem, &r.key), 0);
	put(&a, c, &r, "good");
	assert_true(done(&a, c));
	assert_memory_equal(heap, "good", 4);
	prog_close(&b, s, 0);
	assert_true(prog_wait_wire(&a, c, SHM_WIRE_EOF, WAIT));
	put(&a, c, &r, "evil");
	assert_false(done(&a, c));
	assert_int_equal(wire_err(&a, c), SAN_ECONNRESET);
	assert_memory_equal(heap, "good", 4);
}

/* What is given up does not let what is behind it look complete. */
static void
stream__closed_with_rdma_is_reset(void **state)
{
	struct proto_mem mem = heap_mem(&b, PROTO_MEM_READ);
	struct shm_tx_record r = {.op = SHM_TX_READ, .len = 4096, .va = VA};
	uint32_t c, s, gen;

	pair(&c, &s);
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &mem, &r.key), 0);
	for (int i = 0; i < 40; i++) /* more than there is room for answers */
		put(&a, c, &r, "");
	assert_int_equal(prog_write(&a, c, "done", 4), 4);
	gen = prog_gen(&a, c);
	prog_close(&a, c, 0);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_ERROR, WAIT));
	assert_int_equal(wire_err(&b, s), SAN_ECONNRESET);
	assert_int_equal(atomic_load(&prog_slot(&b, s)->rx_tail), 0);
	assert_int_equal(atomic_load(&prog_slot(&b, s)->wire_flags) & SHM_WIRE_EOF, 0);
	assert_true(prog_wait_freed(&a, c, gen, WAIT));
	gen = prog_gen(&b, s);
	prog_close(&b, s, 0);
	assert_true(prog_wait_freed(&b, s, gen, WAIT));
}

static void
stream__hostile_records_hurt_only_their_own(void **state)
{
	const struct shm_tx_record bad[] = {
	    {.op = SHM_TX_SEND, .len = 4},
	    {.op = SHM_TX_WRITE, .len = 0x7fffffff},
	    {.op = SHM_TX_READ, .len = SAN_RDMA_RING},
	    {.op = 9},
	    {.op = SHM_TX_WRITE, .zero = 1},
	};
	uint32_t c, s, c2, s2;
	uint8_t got[4];

	pair(&c2, &s2);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct byte_ring tx;

		pair(&c, &s);
		tx = shm_map_rdma_tx(&a.map, c);
		shm_tx_record_put(&tx, 0, &bad[i]);
		atomic_store(&prog_slot(&a, c)->rdma_tail, 64);
		prog_ring(&a, c);
		assert_true(prog_wait_wire(&a, c, SHM_WIRE_ERROR, WAIT));
		assert_int_equal(wire_err(&a, c), SAN_ECONNABORTED);
		assert_true(prog_wait_wire(&b, s, SHM_WIRE_ERROR, WAIT));
		assert_int_equal(wire_err(&b, s), SAN_ECONNRESET);
	}
	assert_true(prog_write_all(&a, c2, "fine", 4, WAIT));
	assert_true(prog_read_all(&b, s2, got, 4, WAIT));
}

/* What arrived is there; who goes on gets an error; the slot is free in the end. */
static void
close__is_abortive(void **state)
{
	struct shm_rx_record r;
	uint32_t c, s, gen;
	uint8_t got[4096];

	pair(&c, &s);
	gen = prog_gen(&a, c);
	send_bytes(&a, c, "last words", 10);
	assert_true(done(&a, c));
	prog_close(&a, c, 0);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_ERROR | SHM_WIRE_DEAD | SHM_WIRE_QUIET, WAIT));
	assert_int_equal(wire_err(&b, s), SAN_ECONNRESET);
	r = take(&b, s, got);
	assert_int_equal(r.len, 10);
	assert_memory_equal(got, "last words", 10);
	assert_true(prog_wait_freed(&a, c, gen, WAIT));
	gen = prog_gen(&b, s);
	prog_close(&b, s, 0);
	assert_true(prog_wait_freed(&b, s, gen, WAIT));
}

static void
close__messages_at_once(void **state)
{
	uint32_t c, s, cg, sg;

	for (int i = 0; i < 20; i++) {
		pair(&c, &s);
		cg = prog_gen(&a, c);
		sg = prog_gen(&b, s);
		send_bytes(&a, c, "?", 1);
		send_bytes(&b, s, "!", 1);
		prog_close(&a, c, 0);
		prog_close(&b, s, 0);
		assert_true(prog_wait_freed(&a, c, cg, WAIT));
		assert_true(prog_wait_freed(&b, s, sg, WAIT));
	}
}

static void
death__of_a_program(void **state)
{
	struct proto_mem mem = heap_mem(&b, PROTO_MEM_READ | PROTO_MEM_WRITE);
	struct shm_tx_record r = {.op = SHM_TX_WRITE, .len = 4, .va = VA};
	uint32_t c, s;

	pair(&c, &s);
	assert_int_equal(mem_ask(&b, PROTO_MEM_ADD, s, &mem, &r.key), 0);
	for (int i = 0; i < 100; i++)
		put(&a, c, &r, "data");
	prog_die(&b);
	for (int i = 0;
	     i < 100 && (atomic_load(&prog_slot(&a, c)->wire_flags) & SHM_WIRE_QUIET) == 0; i++)
		put(&a, c, &r, "data");
	assert_true(prog_wait_wire(&a, c, SHM_WIRE_ERROR | SHM_WIRE_DEAD, WAIT));
	assert_int_equal(wire_err(&a, c), SAN_ECONNRESET);
	assert_true(prog_attach(&b, hosts.b.socket, "again"));
}

static void
hostile__records_hurt_only_their_own(void **state)
{
	const struct shm_tx_record bad = {.op = SHM_TX_SEND, .len = 0x7fffffff};
	uint32_t c, s, c2, s2;
	struct byte_ring tx;

	pair(&c, &s);
	pair(&c2, &s2);
	tx = shm_map_tx(&a.map, c);
	shm_tx_record_put(&tx, 0, &bad);
	atomic_store(&prog_slot(&a, c)->tx_tail, 64);
	prog_ring(&a, c);
	assert_true(prog_wait_wire(&a, c, SHM_WIRE_ERROR, WAIT));
	assert_int_equal(wire_err(&a, c), SAN_EPROTO);
	assert_true(prog_wait_wire(&b, s, SHM_WIRE_ERROR, WAIT));
	send_bytes(&a, c2, "fine", 4);
	assert_true(done(&a, c2));
}

static int
group_up(void **state)
{
	return two_hosts_up(&hosts, sand, TWO_HOSTS_QUICK) ? 0 : -1;
}

static int
group_down(void **state)
{
	return two_hosts_down(&hosts) ? 0 : -1;
}

#define T(f) cmocka_unit_test_setup_teardown(f, programs_up, programs_down)
#define S(f)                                                      \
	{                                                         \
		"stream: " #f, f, streams_up, programs_down, NULL \
	}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    T(messages__both_ways),
	    T(listen__apart_from_streams),
	    T(memory__peer_reads_and_writes),
	    T(memory__of_the_process_itself),
	    T(memory__rights_are_kept),
	    T(memory__keys_are_a_connections_own),
	    T(memory__what_is_refused),
	    S(memory__peer_reads_and_writes),
	    S(memory__of_the_process_itself),
	    S(memory__rights_are_kept),
	    S(memory__keys_are_a_connections_own),
	    S(death__of_a_program),
	    S(stream__memory_ends_with_the_close),
	    S(stream__closed_with_rdma_is_reset),
	    S(stream__hostile_records_hurt_only_their_own),
	    T(close__is_abortive),
	    T(close__messages_at_once),
	    T(death__of_a_program),
	    T(hostile__records_hurt_only_their_own),
	};

	if (argc < 2)
		return 77;
	sand = argv[1];
	return cmocka_run_group_tests(tests, group_up, group_down);
}
