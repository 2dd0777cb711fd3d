/* SPDX-License-Identifier: BSD-3-Clause */
/* sandctl: one command, or the lines of its standard input, to a running daemon. Only transports
 * text; the daemon knows the commands. Links nothing but libc. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli_proto.h"

#define ANSWER_SECONDS 30
#define RUN_FOLDER     "/run/"
#define PATH_SIZE      sizeof(((struct sockaddr_un *)0)->sun_path)

static const char usage[] =
    "usage: sandctl [-j] [-s SOCKET | -n NAME] [COMMAND...]\n"
    "\n"
    "Runs COMMAND in the daemon and prints its answer; without COMMAND, every line of\n"
    "standard input. `sandctl help` lists the commands.\n"
    "\n"
    "  -s, --socket SOCKET  the daemon's control socket\n"
    "  -n, --name NAME      the daemon of that name: " RUN_FOLDER "NAME/" CLI_SOCKET_NAME "\n"
    "  -j, --json           answer as JSON\n"
    "  -h, --help           this text\n"
    "  -V, --version        version of sandctl\n"
    "\n"
    "Without -s and -n: " CLI_SOCKET_NAME " in the folder of the socket that the environment\n"
    "variable SAND names, else " RUN_FOLDER "sand/" CLI_SOCKET_NAME ".\n"
    "\n"
    "Exit status:\n"
#define X(name, value, text) "  " #value "  " text "\n"
    CLI_STATUS_LIST(X)
#undef X
    ;

struct options {
	char path[PATH_SIZE + 1]; /* one more, to see that it is too long */
	bool json;
};

/* --- options
 * -------------------------------------------------------------------------------------- */

/* The control socket beside the program socket in $SAND, else the default daemon's. */
static void
path_default(struct options *o)
{
	const char *sand = getenv("SAND"), *slash = sand == NULL ? NULL : strrchr(sand, '/');

	if (slash != NULL)
		snprintf(
		    o->path, sizeof o->path, "%.*s/%s", (int)(slash - sand), sand, CLI_SOCKET_NAME);
	else
		snprintf(o->path, sizeof o->path, RUN_FOLDER "sand/" CLI_SOCKET_NAME);
}

/* Index of the first word of the command in argv, or -1 after a message; done: exit with success.
 */
static int
options_parse(int argc, char **argv, struct options *o, bool *done)
{
	static const struct option longs[] = {{"socket", required_argument, NULL, 's'},
	    {"name", required_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0}};
	int opt;

	path_default(o);
	while ((opt = getopt_long(argc, argv, "+s:n:jhV", longs, NULL)) != -1) {
		switch (opt) {
		case 's':
			snprintf(o->path, sizeof o->path, "%s", optarg);
			break;
		case 'n':
			snprintf(
			    o->path, sizeof o->path, RUN_FOLDER "%s/%s", optarg, CLI_SOCKET_NAME);
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			*done = true;
			return optind;
		case 'V':
			puts("sandctl " SAND_VERSION);
			*done = true;
			return optind;
		default:
			fputs("sandctl: see sandctl --help\n", stderr);
			return -1;
		}
	}
	if (strlen(o->path) < PATH_SIZE)
		return optind;
	fprintf(stderr, "sandctl: expected a socket path of less than %zu bytes\n", PATH_SIZE);
	return -1;
}

/* --- the daemon
 * ------------------------------------------------------------------------------------ */

static int
daemon_connect(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, path, strlen(path));
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
		fprintf(stderr, "sandctl: no daemon at %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}

/* CLI_NO_DAEMON after a message. */
static int
daemon_lost(void)
{
	if (errno == EAGAIN)
		fprintf(stderr, "sandctl: no answer within %d seconds\n", ANSWER_SECONDS);
	else
		fprintf(stderr, "sandctl: the daemon ended the connection\n");
	return CLI_NO_DAEMON;
}

static int
request_send(int fd, const struct options *o, const char *line)
{
	char request[CLI_REQUEST_MAX + 2];
	int len = snprintf(request, sizeof request, "%s %s\n", o->json ? "json" : "text", line);

	for (int at = 0; at < len;) {
		ssize_t n = send(fd, request + at, (size_t)(len - at), MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		/* A daemon that is too busy has already answered and hung up. */
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			break;
		if (n < 0)
			return daemon_lost();
		at += (int)n;
	}
	return CLI_OK;
}

/* fgets() and fread() on a socket with a timeout: an interrupted or late read ends them. */
static int
answer_read(FILE *from, const struct options *o)
{
	char header[CLI_HEADER_MAX + 2], chunk[16384];
	unsigned long status, left;
	FILE *to;
	char *end;

	errno = 0;
	if (fgets(header, sizeof header, from) == NULL)
		return daemon_lost();
	status = strtoul(header, &end, 10);
	left = *end == ' ' ? strtoul(end, &end, 10) : CLI_ANSWER_MAX + 1ul;
	if (*end != '\n' || status > CLI_USAGE || left > CLI_ANSWER_MAX) {
		fprintf(stderr, "sandctl: what answers there is not a Sand daemon\n");
		return CLI_NO_DAEMON;
	}
	/* Whoever asked for JSON reads failures as JSON too. */
	to = status == CLI_OK || o->json ? stdout : stderr;
	while (left > 0) {
		size_t n = fread(chunk, 1, left < sizeof chunk ? left : sizeof chunk, from);

		if (n == 0)
			return daemon_lost();
		fwrite(chunk, 1, n, to);
		left -= n;
	}
	fflush(to);
	return (int)status;
}

static int
command_run(int fd, FILE *from, const struct options *o, const char *line)
{
	int status;

	if (strlen(line) > CLI_LINE_MAX) {
		fprintf(stderr, "error: expected a command of at most %d bytes\n", CLI_LINE_MAX);
		return CLI_USAGE;
	}
	if (strchr(line, '\n') != NULL) {
		fprintf(stderr, "error: expected a command without line end\n");
		return CLI_USAGE;
	}
	status = request_send(fd, o, line);
	return status == CLI_OK ? answer_read(from, o) : status;
}

/* --- commands
 * -------------------------------------------------------------------------------------- */

static int
arguments_run(int fd, FILE *from, const struct options *o, int argc, char **argv)
{
	char line[CLI_LINE_MAX + 2];
	size_t len = 0;

	for (int i = 0; i < argc && len < sizeof line; i++)
		len += (size_t)snprintf(
		    line + len, sizeof line - len, "%s%s", i == 0 ? "" : " ", argv[i]);
	return command_run(fd, from, o, line);
}

/* Every line of standard input; the status of the last one that failed. */
static int
input_run(int fd, FILE *from, const struct options *o)
{
	bool terminal = isatty(STDIN_FILENO);
	int failed = CLI_OK;
	char *line = NULL;
	size_t size = 0;

	for (;;) {
		ssize_t len;
		int status;

		if (terminal) {
			fputs("sand> ", stdout);
			fflush(stdout);
		}
		len = getline(&line, &size, stdin);
		if (len < 0)
			break;
		line[strcspn(line, "\r\n")] = '\0';
		status = command_run(fd, from, o, line);
		if (status != CLI_OK)
			failed = status;
		if (status == CLI_NO_DAEMON)
			break;
	}
	free(line);
	return failed;
}

int
main(int argc, char **argv)
{
	struct options o = {.json = false};
	bool done = false;
	int first = options_parse(argc, argv, &o, &done), fd, status;
	FILE *from;

	if (first < 0)
		return CLI_USAGE;
	if (done)
		return CLI_OK;
	fd = daemon_connect(o.path);
	from = fd < 0 ? NULL : fdopen(fd, "r");
	if (from == NULL)
		return CLI_NO_DAEMON;
	if (first < argc)
		status = arguments_run(fd, from, &o, argc - first, argv + first);
	else
		status = input_run(fd, from, &o);
	fclose(from);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		fprintf(stderr, "sandctl: the answer could not be written\n");
		return CLI_FAILED;
	}
	return status;
}
