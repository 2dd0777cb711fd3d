/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets on their way from one process to another: who gets a ticket, who may use it, and what
 * holds a connection meanwhile. All processes have the test's own number. */
#include "rig.h"

#include <unistd.h>

#include "san_err.h"

/* The answer's error, or 0 and its argument. */
static int
ask(struct prog *p, uint32_t type, uint32_t arg, uint32_t pid, uint32_t *out)
{
	struct proto_msg m = prog_msg(p, type);

	m.arg = arg;
	m.pid = pid;
	prog_send(p, &m, sizeof m);
	assert_true(prog_receive(p, &m));
	if (m.type == PROTO_REFUSED)
		return m.err;
	*out = m.arg;
	return 0;
}

static uint32_t
ticket_for_us(struct prog *p, int slot)
{
	uint32_t ticket = 0;

	assert_int_equal(ask(p, PROTO_HAND, (uint32_t)slot, (uint32_t)getpid(), &ticket), 0);
	assert_int_not_equal(ticket, 0);
	return ticket;
}

static void
let_go(struct prog *p, int slot)
{
	struct proto_msg m = prog_msg(p, PROTO_LET_GO);

	prog_unhold(p, (uint32_t)slot);
	m.arg = (uint32_t)slot;
	prog_send(p, &m, sizeof m);
	rig_settle(30);
}

static uint64_t
closes(void)
{
	return d->count.closes_graceful + d->count.closes_abort;
}

static void
hand__who_gets_a_ticket(void **state)
{
	uint32_t ticket = 0, pid = (uint32_t)getpid();
	int l, c, s, idle;

	(void)state;
	rig_pair(&l, &c, &s);
	idle = prog_take(&a);
	assert_int_equal(ask(&a, PROTO_HAND, 1u << 20, pid, &ticket), SAN_EPERM);
	assert_int_equal(ask(&a, PROTO_HAND, (uint32_t)idle + 1, pid, &ticket), SAN_EPERM);
	assert_int_equal(ask(&a, PROTO_HAND, (uint32_t)idle, pid, &ticket), SAN_ENOTCONN);
	assert_int_equal(ask(&a, PROTO_HAND, (uint32_t)c, 0, &ticket), SAN_EINVAL);
	assert_int_equal(ask(&a, PROTO_HAND, (uint32_t)c, pid, &ticket), 0);
	assert_int_equal(ask(&a, PROTO_HAND, (uint32_t)c, pid, &ticket), SAN_EALREADY);
	assert_int_equal(ask(&b, PROTO_HAND, (uint32_t)l, pid, &ticket), 0);
	assert_int_equal(d->count.handovers, 2);
	/* Closed by whoever else holds it: what was given is worth nothing any more. */
	rig_close_look(&a, c, 0);
	rig_close_look(&b, l, 0);
	rig_settle(30);
	assert_int_equal(ask(&b, PROTO_TAKE, ticket, 0, &ticket), SAN_ENOENT);
}

static void
take__who_may_use_it(void **state)
{
	uint32_t ticket, slot = 0, other = 0;
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	assert_int_equal(ask(&a, PROTO_TAKE, 0, 0, &slot), SAN_ENOENT);
	assert_int_equal(ask(&a, PROTO_HAND, (uint32_t)c, 1, &other), 0);
	assert_int_equal(ask(&a, PROTO_TAKE, other, 0, &slot), SAN_ENOENT); /* it is another's */
	ticket = ticket_for_us(&b, s);
	assert_int_equal(ask(&b, PROTO_TAKE, ticket ^ 1, 0, &slot), SAN_ENOENT);
	assert_int_equal(ask(&a, PROTO_TAKE, ticket, 0, &slot), SAN_EPERM); /* of b's family */
	assert_int_equal(ask(&b, PROTO_TAKE, ticket, 0, &slot), 0);
	assert_int_equal(slot, s);
	assert_int_equal(ask(&b, PROTO_TAKE, ticket, 0, &slot), SAN_ENOENT); /* once */
	assert_int_equal(d->count.handovers_refused, 4);
	rig_close_look(&a, c, 0);
}

static void
ticket__holds_until_another_process_does(void **state)
{
	struct prog child = {.pump = rig_pump};
	uint32_t ticket, slot = 0;
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	assert_true(prog_fork(&child, &b, path));
	prog_unhold(&child, (uint32_t)s);
	ticket = ticket_for_us(&b, s);
	let_go(&b, s);
	assert_int_equal(closes(), 0);
	assert_int_equal(ask(&child, PROTO_TAKE, ticket, 0, &slot), 0);
	let_go(&b, s); /* again: it is none of its business any more */
	assert_int_equal(closes(), 0);
	prog_die(&child);
	rig_settle(30);
	assert_int_equal(d->count.closes_died, 1);
}

/* Taker first, giver last: whoever lets go last ends it. */
static void
let_go__last_one_closes(void **state)
{
	uint32_t slot = 0;
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	assert_int_equal(ask(&b, PROTO_TAKE, ticket_for_us(&b, s), 0, &slot), 0);
	assert_int_equal(closes(), 0);
	let_go(&b, s);
	assert_int_equal(closes(), 1);
	assert_int_equal(d->count.closes_died, 0);
}

/* The family is that of a dead process, which the new one keeps alive. */
static void
join__after_the_giver_died(void **state)
{
	struct prog heir = {.pump = rig_pump};
	uint32_t ticket, session = b.map.session;
	struct proto_msg m;
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	ticket = ticket_for_us(&b, s);
	prog_die(&b);
	rig_settle(30);
	assert_int_equal(closes(), 1); /* the listener, which nobody was given */
	assert_true(prog_connect(&heir, path));
	m = prog_msg(&heir, PROTO_JOIN);
	m.arg = ticket;
	prog_send(&heir, &m, sizeof m);
	assert_true(prog_receive(&heir, &m));
	assert_int_equal(m.type, PROTO_ATTACH_OK);
	assert_int_equal(m.session, session);
	assert_int_equal(m.arg, s);
	assert_int_equal(d->session[session]->state, SESSION_LIVE);
	assert_int_equal(d->count.joins, 1);
	rig_settle(30);
	assert_int_equal(closes(), 1);
	prog_die(&heir);
	rig_settle(30);
	assert_int_equal(closes(), 2);
}

static void
join__nobody_gets_in_without_a_ticket(void **state)
{
	struct prog p = {.pump = rig_pump};
	struct proto_msg m;

	(void)state;
	assert_true(prog_connect(&p, path));
	m = prog_msg(&p, PROTO_JOIN);
	m.arg = 12345;
	prog_send(&p, &m, sizeof m);
	assert_true(prog_receive(&p, &m));
	assert_int_equal(m.type, PROTO_REFUSED);
	assert_int_equal(m.err, SAN_ENOENT);
	assert_true(prog_hung_up(&p));
	prog_die(&p);
	assert_int_equal(d->count.joins, 0);
}

/* --- offers --- */

#define KEY 0x123456789abcull

static struct proto_msg
offer_of(const struct prog *owner, uint32_t type, int slot, uint64_t key)
{
	struct proto_msg m = prog_msg(owner, type);

	m.session = owner->map.session;
	m.arg = (uint32_t)slot;
	m.offer = (struct proto_offer){.key = key, .note = 77};
	return m;
}

/* Over a connection of its own, as the child of a vfork would. */
static int
offer(const struct prog *owner, int slot, uint64_t key)
{
	struct prog way = {.pump = rig_pump};
	struct proto_msg m = offer_of(owner, PROTO_OFFER, slot, key);

	assert_true(prog_connect(&way, path));
	prog_send(&way, &m, sizeof m);
	assert_true(prog_receive(&way, &m));
	prog_die(&way);
	return m.type == PROTO_OFFERED ? 0 : m.err;
}

static void
withdraw(const struct prog *owner, int slot, uint64_t key)
{
	struct prog way = {.pump = rig_pump};
	struct proto_msg m = offer_of(owner, PROTO_WITHDRAW, slot, key);

	assert_true(prog_connect(&way, path));
	prog_send(&way, &m, sizeof m);
	rig_settle(30);
	prog_die(&way);
}

static int
claim(struct prog *p, uint64_t key)
{
	struct proto_msg m = prog_msg(p, PROTO_TAKE);

	m.offer.key = key;
	prog_send(p, &m, sizeof m);
	assert_true(prog_receive(p, &m));
	if (m.type == PROTO_TAKEN)
		assert_int_equal(m.offer.note, 77);
	return m.type == PROTO_TAKEN ? (int)m.arg : m.err;
}

/* The new process's answer: the slot, or the error. */
static int
join(struct prog *p, uint64_t key)
{
	struct proto_msg m = prog_msg(p, PROTO_JOIN);

	assert_true(prog_connect(p, path));
	m.offer.key = key;
	prog_send(p, &m, sizeof m);
	assert_true(prog_receive(p, &m));
	if (m.type == PROTO_ATTACH_OK)
		assert_int_equal(m.offer.note, 77);
	return m.type == PROTO_ATTACH_OK ? (int)m.arg : m.err;
}

/* What a process of the family sees: somebody else has it. */
static bool
seen_held(const struct prog *p, int slot)
{
	return (atomic_load(&p->map.attach[SHM_ATTACH_DAEMON].holds[slot / 64]) >> slot % 64 & 1) !=
	       0;
}

static void
offer__what_can_go(void **state)
{
	struct prog ghost = a;
	int l, c, s, idle;

	(void)state;
	rig_pair(&l, &c, &s);
	idle = prog_take(&a);
	assert_int_equal(offer(&a, 1 << 20, KEY), SAN_EPERM);
	assert_int_equal(offer(&a, idle + 1, KEY), SAN_EPERM);
	assert_int_equal(offer(&a, idle, KEY), SAN_ENOTCONN);
	assert_int_equal(offer(&a, c, 0), SAN_EINVAL);
	ghost.attach = 5; /* no such process */
	assert_int_equal(offer(&ghost, c, KEY), SAN_EPERM);
	ghost = a;
	ghost.map.session = 200;
	assert_int_equal(offer(&ghost, c, KEY), SAN_EPERM);
	assert_false(seen_held(&a, c));
	assert_int_equal(offer(&a, c, KEY), 0);
	assert_true(seen_held(&a, c));
	assert_int_equal(offer(&a, c, KEY + 1), SAN_EALREADY);
	assert_int_equal(ask(&a, PROTO_HAND, (uint32_t)c, 1, &(uint32_t){0}), SAN_EALREADY);
	(void)ticket_for_us(&b, s);
	assert_int_equal(offer(&b, s, KEY + 2), SAN_EALREADY);
	assert_int_equal(offer(&b, l, KEY + 3), 0);
	for (unsigned i = 1; i < 1024; i++)
		assert_int_equal(offer(&b, l, KEY + 3), 0);
	assert_int_equal(offer(&b, l, KEY + 3), SAN_ELIMIT);
	assert_int_equal(d->count.offers, 1025);
	assert_int_equal(d->count.hostile_messages, 0);
	rig_close_look(&a, c, 0);
	assert_false(seen_held(&a, c));
}

/* As often as it was offered; afterwards the key opens nothing. */
static void
claim__once_per_offer(void **state)
{
	struct prog heir = {.pump = rig_pump}, late = {.pump = rig_pump};
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	assert_int_equal(claim(&b, KEY), SAN_ENOENT);
	assert_int_equal(offer(&b, s, KEY), 0);
	assert_int_equal(offer(&b, s, KEY), 0);
	assert_int_equal(claim(&a, KEY), SAN_EPERM); /* another family: it must join */
	assert_int_equal(claim(&b, KEY), s);
	assert_true(seen_held(&b, s));
	assert_int_equal(join(&heir, KEY), s);
	assert_false(seen_held(&b, s));
	assert_int_equal(claim(&b, KEY), SAN_ENOENT);
	assert_int_equal(join(&late, KEY), SAN_ENOENT);
	prog_die(&late);
	assert_int_equal(d->count.handovers_refused, 3);
	prog_die(&heir);
	rig_settle(30);
	assert_int_equal(closes(), 0);
}

/* exec: the old program is gone before the new one comes. */
static void
offer__holds_when_its_program_is_gone(void **state)
{
	struct prog heir = {.pump = rig_pump};
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	assert_int_equal(offer(&b, s, KEY), 0);
	prog_die(&b);
	rig_settle(30);
	assert_int_equal(closes(), 1); /* the listener */
	assert_int_equal(join(&heir, KEY), s);
	rig_settle(30);
	assert_int_equal(closes(), 1);
	prog_die(&heir);
	rig_settle(30);
	assert_int_equal(closes(), 2);
}

static void
withdraw__one_offer_less(void **state)
{
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	assert_int_equal(offer(&b, s, KEY), 0);
	assert_int_equal(offer(&b, s, KEY), 0);
	withdraw(&b, s, KEY);
	assert_true(seen_held(&b, s));
	withdraw(&b, s, KEY + 1);
	assert_true(seen_held(&b, s));
	withdraw(&b, s, KEY);
	assert_false(seen_held(&b, s));
	withdraw(&b, s, KEY);
	assert_int_equal(claim(&b, KEY), SAN_ENOENT);
	assert_int_equal(closes(), 0);
	/* Of a socket that it has closed meanwhile: it was the last. */
	assert_int_equal(offer(&b, s, KEY), 0);
	prog_unhold(&b, (uint32_t)s);
	withdraw(&b, s, KEY);
	assert_int_equal(d->count.closes_died, 1);
	assert_int_equal(d->count.offers_late, 0);
	assert_int_equal(d->count.hostile_messages, 0);
}

/* Nobody comes: after the limit it ends as if the last process had died. */
static void
offer__ends_by_itself(void **state)
{
	int l, c, s;

	(void)state;
	rig_pair(&l, &c, &s);
	assert_int_equal(offer(&b, s, KEY), 0);
	prog_unhold(&b, (uint32_t)s);
	rig_settle(30);
	assert_int_equal(closes(), 0);
	for (int i = 0; i < 600 && d->count.offers_late == 0; i++)
		rig_settle(50);
	assert_int_equal(d->count.offers_late, 1);
	assert_int_equal(d->count.closes_died, 1);
	assert_false(seen_held(&b, s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    RIG_TEST(hand__who_gets_a_ticket),
	    RIG_TEST(take__who_may_use_it),
	    RIG_TEST(ticket__holds_until_another_process_does),
	    RIG_TEST(let_go__last_one_closes),
	    RIG_TEST(join__after_the_giver_died),
	    RIG_TEST(join__nobody_gets_in_without_a_ticket),
	    RIG_TEST(offer__what_can_go),
	    RIG_TEST(claim__once_per_offer),
	    RIG_TEST(offer__holds_when_its_program_is_gone),
	    RIG_TEST(withdraw__one_offer_less),
	    RIG_TEST(offer__ends_by_itself),
	};

	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
