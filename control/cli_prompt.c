/* SPDX-License-Identifier: BSD-3-Clause */
/* rdline_new() became stable after DPDK 22.11 without changing. */
#define ALLOW_EXPERIMENTAL_API

#include "cli_prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cmdline_rdline.h>

#include "cli.h"
#include "cli_stream.h"
#include "daemon.h"
#include "loop.h"
#include "san_err.h"

#define PROMPT	  "sand> "
#define FINISH_MS 1000

struct cli_prompt {
	struct cli *cli;
	struct daemon *daemon;
	struct loop *loop;
	int in;
	/* A regular file is always readable, and epoll will not watch it: then an eventfd that is
	 * always readable stands in for it. */
	struct loop_source readable;
	struct loop_source writable; /* watched while output waits */
	bool writing;
	struct cli_stream output;
	char input[512]; /* read and not yet handled: at input_at .. input_len */
	size_t input_at, input_len;
	bool ended;
	/* a terminal */
	struct rdline *rdline;
	struct termios saved;
	/* anything else: the line being collected; cut, but still too long, when it is too long */
	char line[CLI_LINE_MAX + 1];
	size_t line_len;
};

/* --- lines
 * ---------------------------------------------------------------------------------------- */

static void
line_run(struct cli_prompt *p, const char *line, size_t len)
{
	struct cli_out *out = cli_out_create(CLI_TEXT, CLI_ANSWER_MAX);
	const char *text = "error: out of memory\n";
	size_t text_len = strlen(text);

	if (out != NULL) {
		(void)cli_run(p->cli, line, len, true, out);
		text = cli_out_finish(out, &text_len);
	}
	cli_stream_put(&p->output, text, text_len);
	cli_out_destroy(out);
	p->ended |= cli_has_quit(p->cli);
}

static int
rdline_write(struct rdline *rdline, char c)
{
	struct cli_prompt *p = rdline_get_opaque(rdline);

	cli_stream_put(&p->output, &c, 1);
	return 1;
}

/* The buffer ends in "\n\0". */
static void
rdline_validate(struct rdline *rdline, const char *buf, unsigned size)
{
	(void)size;
	line_run(rdline_get_opaque(rdline), buf, strcspn(buf, "\n"));
}

static int
rdline_complete(struct rdline *rdline, const char *buf, char *dst, unsigned size, int *state)
{
	struct cli_prompt *p = rdline_get_opaque(rdline);

	return cli_complete(p->cli, buf, state, dst, size);
}

static void
history_add(struct rdline *rdline)
{
	const char *line = rdline_get_buffer(rdline), *last = rdline_get_history_item(rdline, 0);
	size_t len = strcspn(line, "\n");

	if (len == 0 || (last != NULL && strlen(last) == len && memcmp(last, line, len) == 0))
		return;
	(void)rdline_add_history(rdline, line);
}

static void
key_take(struct cli_prompt *p, char key)
{
	int ret = rdline_char_in(p->rdline, key);

	if (ret == RDLINE_RES_EOF || ret == RDLINE_RES_EXITED)
		p->ended = true;
	if (ret != RDLINE_RES_VALIDATED)
		return;
	history_add(p->rdline);
	if (!p->ended)
		rdline_newline(p->rdline, PROMPT);
}

static void
byte_take(struct cli_prompt *p, char byte)
{
	if (byte != '\n') {
		if (p->line_len < sizeof p->line)
			p->line[p->line_len++] = byte;
		return;
	}
	if (p->line_len > 0 && p->line_len < sizeof p->line && p->line[p->line_len - 1] == '\r')
		p->line_len--;
	line_run(p, p->line, p->line_len);
	p->line_len = 0;
}

/* --- input and output
 * ------------------------------------------------------------------------------ */

/* Handle what was read as long as its answers can be written; true when all is done. */
static bool
input_serve(struct cli_prompt *p)
{
	while (cli_stream_flush(&p->output)) {
		if (p->input_at == p->input_len || p->ended)
			return true;
		if (p->rdline != NULL)
			key_take(p, p->input[p->input_at++]);
		else
			byte_take(p, p->input[p->input_at++]);
	}
	return false;
}

static void
input_read(struct cli_prompt *p)
{
	ssize_t n = read(p->in, p->input, sizeof p->input);

	p->input_at = 0;
	p->input_len = n > 0 ? (size_t)n : 0;
	if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
		return;
	/* A last line without line end is a line. */
	if (p->rdline == NULL && p->line_len > 0)
		byte_take(p, '\n');
	p->ended = true;
}

/* Watch the one descriptor that is waited for: no input is read while output waits. */
static void
watch(struct cli_prompt *p, bool writing)
{
	if (writing == p->writing)
		return;
	loop_remove(p->loop, writing ? &p->readable : &p->writable);
	if (loop_add(p->loop, writing ? &p->writable : &p->readable, writing ? EPOLLOUT : EPOLLIN) <
	    0)
		p->ended = true;
	p->writing = writing;
}

static void
prompt_handle(struct loop_source *source, uint32_t events)
{
	struct cli_prompt *p = source->owner;

	(void)events;
	if (!p->writing)
		input_read(p);
	watch(p, !input_serve(p));
	if (p->ended) {
		loop_remove(p->loop, p->writing ? &p->writable : &p->readable);
		daemon_quit(p->daemon);
	}
}

/* --- setting up
 * ------------------------------------------------------------------------------------ */

/* O_NONBLOCK belongs to the open file, which others share: our own must be opened anew. What
 * cannot be, such as a socket or a regular file, needs no flag or cannot be slow. */
static int
output_open(int out)
{
	char path[32];
	struct stat st;
	int fd = -1;

	if (fstat(out, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", out);
		fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	return fd >= 0 ? fd : fcntl(out, F_DUPFD_CLOEXEC, 0);
}

static int
terminal_take(struct cli_prompt *p)
{
	struct termios raw;

	if (!isatty(p->in) || tcgetattr(p->in, &p->saved) < 0)
		return 0;
	p->rdline = rdline_new(rdline_write, rdline_validate, rdline_complete, p);
	if (p->rdline == NULL)
		return SAN_ENOMEM;
	raw = p->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	(void)tcsetattr(p->in, TCSANOW, &raw);
	rdline_newline(p->rdline, PROMPT);
	return 0;
}

static int
input_watch(struct cli_prompt *p)
{
	p->readable = (struct loop_source){.fd = p->in, .handle = prompt_handle, .owner = p};
	if (loop_add(p->loop, &p->readable, EPOLLIN) == 0)
		return 0;
	p->readable.fd = eventfd(1, EFD_CLOEXEC);
	return p->readable.fd < 0 ? SAN_ENOMEM : loop_add(p->loop, &p->readable, EPOLLIN);
}

int
cli_prompt_create(struct cli *cli, struct daemon *d, struct loop *loop, int in, int out,
    struct cli_prompt **prompt)
{
	struct cli_prompt *p = calloc(1, sizeof *p);
	int fd;

	if (p == NULL)
		return SAN_ENOMEM;
	p->cli = cli;
	p->daemon = d;
	p->loop = loop;
	p->in = in;
	p->readable.fd = -1;
	fd = output_open(out);
	cli_stream_init(&p->output, fd);
	p->writable = (struct loop_source){.fd = fd, .handle = prompt_handle, .owner = p};
	if (fd < 0 || input_watch(p) < 0 || terminal_take(p) < 0) {
		cli_prompt_destroy(p);
		return SAN_ENOMEM;
	}
	(void)cli_stream_flush(&p->output);
	*prompt = p;
	return 0;
}

/* The last answer leaves before the daemon does, unless nobody takes it for a while. */
static void
output_finish(struct cli_prompt *p)
{
	struct pollfd pfd = {.fd = p->output.fd, .events = POLLOUT};

	while (p->output.fd >= 0 && !cli_stream_flush(&p->output))
		if (poll(&pfd, 1, FINISH_MS) <= 0)
			return;
}

void
cli_prompt_destroy(struct cli_prompt *p)
{
	if (p == NULL)
		return;
	if (p->rdline != NULL) {
		cli_stream_put(&p->output, "\n", 1);
		rdline_free(p->rdline);
		(void)tcsetattr(p->in, TCSANOW, &p->saved);
	}
	output_finish(p);
	if (p->readable.fd >= 0)
		loop_remove(p->loop, p->writing ? &p->writable : &p->readable);
	if (p->readable.fd >= 0 && p->readable.fd != p->in)
		close(p->readable.fd);
	if (p->output.fd >= 0)
		close(p->output.fd);
	cli_stream_release(&p->output);
	free(p);
}
