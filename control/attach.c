/* SPDX-License-Identifier: BSD-3-Clause */
#include "attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon_priv.h"
#include "handover.h"
#include "log.h"
#include "memory.h"
#include "san_err.h"

#define GREETING_LIMIT SAN_DURATION_S(5)
#define LISTEN_BACKLOG 128
#define ACCEPT_BURST   16 /* new connections per wake-up: others want their turn */

/* --- messages --------------------------------------------------------------------------------- */

const char *
attach_message_check(const struct proto_msg *m, size_t len, bool attached)
{
	if (len != sizeof *m)
		return "a message has the wrong length";
	if (m->magic != PROTO_MAGIC)
		return "this is not a Sand program";
	if (m->version != PROTO_VERSION)
		return "the program's Sand library has another version than the daemon";
	if (memchr(m->program, '\0', sizeof m->program) == NULL)
		return "the program's name is not terminated";
	switch (m->type) {
	case PROTO_ATTACH:
	case PROTO_FORK:
	case PROTO_JOIN:
	case PROTO_OFFER:
	case PROTO_WITHDRAW:
		return attached ? "already attached" : NULL;
	case PROTO_WAKE_NEW:
	case PROTO_WAKE_FREE:
	case PROTO_SYNC:
	case PROTO_MEM_ADD:
	case PROTO_MEM_DEL:
	case PROTO_HAND:
	case PROTO_TAKE:
	case PROTO_LET_GO:
		return attached ? NULL : "the first message must be ATTACH or FORK";
	default:
		return "unknown message";
	}
}

static int
message_send(struct attach *a, const struct proto_msg *m, const int *fds, uint32_t fd_count)
{
	char space[CMSG_SPACE(PROTO_FDS_MAX * sizeof(int))] = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)m, .iov_len = sizeof *m};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (fd_count > 0) {
		h.msg_control = space;
		h.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
	}
	if (sendmsg(a->source.fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof *m)
		return 0;
	return SAN_EIO;
}

/* One at most is kept: no message wants more. */
static void
passed_take(struct attach *a, const struct cmsghdr *c)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
		if (a->passed < 0)
			a->passed = fd;
		else
			close(fd);
	}
}

static void
passed_drop(struct attach *a)
{
	if (a->passed >= 0)
		close(a->passed);
	a->passed = -1;
}

/* Length of the message, 0 at hang-up, negative when there is none. pid: who sent it. */
static ssize_t
message_receive(struct attach *a, struct proto_msg *m, pid_t *pid)
{
	char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
	struct iovec iov = {.iov_base = m, .iov_len = sizeof *m};
	struct msghdr h = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = space,
	    .msg_controllen = sizeof space,
	};
	/* MSG_TRUNC: a message that is too long shows its true length */
	ssize_t n = recvmsg(a->source.fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); n > 0 && c != NULL; c = CMSG_NXTHDR(&h, c)) {
		struct ucred cred;

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&cred, CMSG_DATA(c), sizeof cred);
			if (cred.pid != 0)
				*pid = cred.pid;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			passed_take(a, c);
		}
	}
	return n;
}

static struct proto_msg
reply(const struct attach *a, uint32_t type)
{
	return (struct proto_msg){
	    .magic = PROTO_MAGIC,
	    .version = PROTO_VERSION,
	    .type = type,
	    .attach = a->id,
	    .session = a->session != NULL ? a->session->id : 0,
	};
}

static void
refuse(struct attach *a, int err, const char *text)
{
	struct proto_msg m = reply(a, PROTO_REFUSED);

	m.err = err;
	strlcpy(m.text, text, sizeof m.text);
	(void)message_send(a, &m, NULL, 0);
}

/* --- one process ------------------------------------------------------------------------------ */

static void
attach_free(struct attach *a)
{
	struct daemon *d = a->daemon;

	loop_remove(d->loop, &a->source);
	loop_timer_clear(d->loop, &a->greeting);
	close(a->source.fd);
	passed_drop(a);
	TAILQ_REMOVE(&d->attach_server.attaches, a, all);
	if (a->session == NULL) {
		d->attach_server.strangers--;
	} else {
		log_info("process %d of session %u (%s) is gone", (int)a->pid, a->session->id,
		    a->session->program);
		d->count.detaches++;
		session_attach_gone(a->session, a);
	}
	free(a);
}

/* The process is one of ours from now on. */
static void
attach_join(struct attach *a, struct session *s, uint32_t id)
{
	a->session = s;
	a->id = id;
	a->daemon->attach_server.strangers--;
	loop_timer_clear(a->daemon->loop, &a->greeting);
	session_attach_add(s, a);
}

static uint32_t
sessions_of_user(const struct daemon *d, uid_t uid)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SAN_SESSIONS_MAX; i++)
		if (d->session[i] != NULL && d->session[i]->uid == uid)
			n++;
	return n;
}

/* NULL if the user may have one more session, else why not. */
static const char *
quota_refuses(struct daemon *d, uid_t uid)
{
	if (d->stopping) {
		d->count.refused_stopping++;
		return "the daemon is stopping";
	}
	if (uid != 0 && sessions_of_user(d, uid) >= d->config.sessions_per_user) {
		d->count.refused_user++;
		return "too many programs of this user (sessions_per_user)";
	}
	return NULL;
}

/* taken: what was taken by joining, else NULL. */
static int
attach_ok_send(struct attach *a, const struct proto_msg *taken)
{
	struct daemon *d = a->daemon;
	struct proto_msg m = reply(a, PROTO_ATTACH_OK);
	int fds[PROTO_FDS_MAX];
	uint32_t n = 0;

	if (taken != NULL) {
		m.arg = taken->arg;
		m.offer = taken->offer;
	}
	_Static_assert(SAN_POLLS_MAX + 1 <= PROTO_FDS_MAX, "region and every doorbell fit");
	fds[n++] = a->session->region.fd;
	for (uint32_t i = 0; i < d->pollers.count; i++)
		fds[n++] = pollers_doorbell_fd(d, i);
	return message_send(a, &m, fds, n);
}

static int
on_attach(struct attach *a, const struct proto_msg *m)
{
	struct daemon *d = a->daemon;
	const char *why = quota_refuses(d, a->uid);
	struct session *s;
	int err;

	if (why != NULL) {
		refuse(a, SAN_ELIMIT, why);
		return SAN_ELIMIT;
	}
	err = session_create(d, a->uid, m->program, &s);
	if (err == SAN_ELIMIT) {
		d->count.refused_sessions++;
		refuse(a, err, "too many programs (sessions_max) or descriptors");
		return err;
	}
	if (err != 0) {
		d->count.refused_memory++;
		refuse(a, err, "no memory for another program");
		return err;
	}
	attach_join(a, s, 0);
	d->count.attaches++;
	log_info("process %d (%s, uid %u) attached as session %u", (int)a->pid, s->program,
	    (unsigned)a->uid, s->id);
	return attach_ok_send(a, NULL);
}

/* Of the same user, as a forked child is: nothing of the family is out of its reach anyway. */
static int
on_join(struct attach *a, const struct proto_msg *m)
{
	struct sock *k = handover_find(a, m);
	struct proto_msg taken = {0};
	int id;

	if (k == NULL) {
		refuse(a, SAN_ENOENT, "no socket is waiting for this process by that number");
		return SAN_ENOENT;
	}
	id = session_attach_place(k->session);
	if (id < 0) {
		a->daemon->count.refused_sessions++;
		refuse(a, SAN_ELIMIT, "too many processes in this program");
		return SAN_ELIMIT;
	}
	attach_join(a, k->session, (uint32_t)id);
	a->daemon->count.joins++;
	(void)handover_take(a, m, &taken);
	return attach_ok_send(a, &taken);
}

/* The child holds what its parent holds at this moment. */
static void
holds_copy(const struct session *s, uint32_t from, uint32_t to)
{
	struct shm_attach *src = region_attach(&s->region, from),
			  *dst = region_attach(&s->region, to);

	for (uint32_t w = 0; w < SAN_SOCKS_MAX / 64; w++)
		atomic_store_explicit(&dst->holds[w],
		    atomic_load_explicit(&src->holds[w], memory_order_acquire),
		    memory_order_release);
	session_holds_moved(s);
}

static int
on_fork(struct attach *a, const struct proto_msg *m)
{
	struct daemon *d = a->daemon;
	struct session *s = session_find(d, m->session);
	struct proto_msg ok;
	int id;

	/* The same user may trace the process anyway; another one must not prolong its sockets'
	 * lives. */
	if (s == NULL || s->uid != a->uid || m->attach >= SAN_ATTACH_MAX ||
	    s->attach[m->attach] == NULL) {
		d->count.hostile_messages++;
		refuse(a, SAN_ENOENT, "no such process to fork from");
		return SAN_ENOENT;
	}
	id = session_attach_place(s);
	if (id < 0) {
		d->count.refused_sessions++;
		refuse(a, SAN_ELIMIT, "too many processes in this program");
		return SAN_ELIMIT;
	}
	holds_copy(s, m->attach, (uint32_t)id);
	a->wakes = s->attach[m->attach]->wakes;
	attach_join(a, s, (uint32_t)id);
	d->count.forks++;
	ok = reply(a, PROTO_FORK_OK);
	return message_send(a, &ok, NULL, 0);
}

static int
on_wake_new(struct attach *a)
{
	struct proto_msg ok = reply(a, PROTO_WAKE_OK);
	int i = session_wake_take(a->session);

	if (i < 0) {
		refuse(a, i, "no wake object left");
		return 0; /* not hostile: the program falls back to polling */
	}
	a->wakes |= 1ull << i;
	ok.arg = (uint32_t)i;
	return message_send(a, &ok, &a->session->wake_fds[i], 1);
}

static int
on_wake_free(struct attach *a, const struct proto_msg *m)
{
	if (m->arg >= SAN_WAKES_MAX || (a->wakes >> m->arg & 1) == 0)
		return SAN_EINVAL;
	a->wakes &= ~(1ull << m->arg);
	session_wakes_update(a->session);
	return 0;
}

static int
on_sync(struct attach *a, const struct proto_msg *m)
{
	struct proto_msg ok = reply(a, PROTO_SYNC_OK);

	if (m->arg >= a->session->region.geo.socks)
		return SAN_EINVAL;
	sock_look(a->daemon, a->session, m->arg);
	ok.arg = m->arg;
	return message_send(a, &ok, NULL, 0);
}

static void
on_memory(struct attach *a, const struct proto_msg *m)
{
	int err = memory_request(a, m);

	if (err != 0)
		refuse(a, err, san_err_text(err));
}

void
attach_memory_done(struct daemon *d, const struct poll_event *ev)
{
	struct attach *a = memory_asker(d, ev);
	struct proto_msg ok;

	if (a == NULL)
		return;
	if (ev->mem.err != 0) {
		refuse(a, ev->mem.err, san_err_text(ev->mem.err));
		return;
	}
	ok = reply(a, ev->mem.add ? PROTO_MEM_OK : PROTO_MEM_GONE);
	ok.arg = ev->mem.key;
	(void)message_send(a, &ok, NULL, 0);
}

static int
on_hand(struct attach *a, const struct proto_msg *m)
{
	struct proto_msg ok = reply(a, PROTO_HANDED);
	int err = handover_give(a, m->arg, (pid_t)m->pid, &ok.arg);

	if (err == 0)
		return message_send(a, &ok, NULL, 0);
	refuse(a, err, san_err_text(err));
	return 0;
}

static int
on_take(struct attach *a, const struct proto_msg *m)
{
	struct proto_msg ok = reply(a, PROTO_TAKEN);
	int err = handover_take(a, m, &ok);

	if (err == 0)
		return message_send(a, &ok, NULL, 0);
	refuse(a, err, "no socket is waiting for this process by that number");
	return 0;
}

/* Not hostile: such a connection is for many of them, and some may be refused. */
static int
on_offer(struct attach *a, const struct proto_msg *m)
{
	struct proto_msg ok = reply(a, PROTO_OFFERED);
	int err = handover_offer(a, m);

	if (err == 0)
		return message_send(a, &ok, NULL, 0);
	refuse(a, err, san_err_text(err));
	return 0;
}

static int
message_run(struct attach *a, const struct proto_msg *m)
{
	switch (m->type) {
	case PROTO_ATTACH:
		return on_attach(a, m);
	case PROTO_FORK:
		return on_fork(a, m);
	case PROTO_JOIN:
		return on_join(a, m);
	case PROTO_WAKE_NEW:
		return on_wake_new(a);
	case PROTO_WAKE_FREE:
		return on_wake_free(a, m);
	case PROTO_MEM_ADD:
	case PROTO_MEM_DEL:
		on_memory(a, m);
		return 0;
	case PROTO_HAND:
		return on_hand(a, m);
	case PROTO_TAKE:
		return on_take(a, m);
	case PROTO_LET_GO:
		handover_let_go(a, m->arg);
		return 0;
	case PROTO_OFFER:
		return on_offer(a, m);
	case PROTO_WITHDRAW:
		handover_withdraw(a, m);
		return 0;
	default:
		return on_sync(a, m);
	}
}

/* False: hang up. */
static bool
message_handle(struct attach *a, const struct proto_msg *m, size_t len)
{
	const char *wrong = attach_message_check(m, len, a->session != NULL);

	if (wrong != NULL) {
		if (len == sizeof *m && m->magic == PROTO_MAGIC && m->version != PROTO_VERSION)
			a->daemon->count.refused_version++;
		else
			a->daemon->count.hostile_messages++;
		log_warning("process %d was hung up on: %s", (int)a->pid, wrong);
		refuse(a, SAN_EPROTO, wrong);
		return false;
	}
	if (message_run(a, m) == 0)
		return true;
	return false;
}

static void
on_readable(struct loop_source *source, uint32_t events)
{
	struct attach *a = source->owner;
	struct proto_msg m;
	pid_t pid = a->pid;
	ssize_t n = message_receive(a, &m, &pid);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A forked child speaks over a connection its parent made: from its first word on we know
	 * its pid. */
	a->pid = pid;
	if (n > 0 && message_handle(a, &m, (size_t)n))
		passed_drop(a);
	else
		attach_free(a);
}

static void
on_greeting_late(struct loop_timer *t)
{
	struct attach *a = t->owner;

	a->daemon->count.hostile_messages++;
	attach_free(a);
}

/* --- the listening socket --------------------------------------------------------------------- */

static int
stranger_add(struct daemon *d, int fd)
{
	struct attach *a = calloc(1, sizeof *a);
	socklen_t len = sizeof(struct ucred);
	struct ucred cred;

	if (a == NULL)
		return SAN_ENOMEM;
	a->daemon = d;
	a->source = (struct loop_source){.fd = fd, .handle = on_readable, .owner = a};
	a->greeting = (struct loop_timer){.handle = on_greeting_late, .owner = a};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 ||
	    loop_add(d->loop, &a->source, EPOLLIN) != 0) {
		free(a);
		return SAN_EIO;
	}
	a->passed = -1;
	a->pid = cred.pid;
	a->uid = cred.uid;
	TAILQ_INSERT_TAIL(&d->attach_server.attaches, a, all);
	d->attach_server.strangers++;
	loop_timer_set(d->loop, &a->greeting, san_time_add(loop_now(), GREETING_LIMIT));
	return 0;
}

static void
on_connection(struct loop_source *source, uint32_t events)
{
	struct daemon *d = source->owner;

	(void)events;
	for (int i = 0; i < ACCEPT_BURST; i++) {
		int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		if (d->attach_server.strangers >= ATTACH_STRANGERS_MAX ||
		    stranger_add(d, fd) != 0) {
			d->count.refused_memory++;
			close(fd);
		}
	}
}

static int
bind_err(void)
{
	switch (errno) {
	case EADDRINUSE:
		return SAN_EADDRINUSE;
	case EACCES:
	case EPERM:
	case EROFS:
		return SAN_EPERM;
	default:
		return SAN_EIO;
	}
}

int
attach_server_open(struct daemon *d, const char *path, uint32_t mode)
{
	struct attach_server *server = &d->attach_server;
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	const int on = 1;
	int err, fd;

	TAILQ_INIT(&server->attaches);
	server->source.fd = -1;
	if (strlcpy(sa.sun_path, path, sizeof sa.sun_path) >= sizeof sa.sun_path)
		return SAN_EINVAL;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return SAN_EIO;
	/* The pid file's lock is ours, so a socket that is still there belongs to a daemon that
	 * died. */
	unlink(path);
	/* Connections inherit it. What is said to one that has it not yet comes without a name. */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || chmod(path, mode) != 0 ||
	    listen(fd, LISTEN_BACKLOG) != 0) {
		err = bind_err();
		close(fd);
		return err;
	}
	strlcpy(server->path, path, sizeof server->path);
	server->source = (struct loop_source){.fd = fd, .handle = on_connection, .owner = d};
	return loop_add(d->loop, &server->source, EPOLLIN);
}

void
attach_server_close(struct daemon *d)
{
	struct attach_server *server = &d->attach_server;
	struct attach *a;

	if (server->source.fd < 0)
		return;
	loop_remove(d->loop, &server->source);
	close(server->source.fd);
	server->source.fd = -1;
	unlink(server->path);
	while ((a = TAILQ_FIRST(&server->attaches)) != NULL)
		attach_free(a);
}
