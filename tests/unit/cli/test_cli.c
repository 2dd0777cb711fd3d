/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines in, answers out, against the fake daemon. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "cli_commands.h"
#include "fake_daemon.h"
#include "prng.h"
#include "san_err.h"

static struct daemon daemon_;
static struct cli *cli;
static char answer[1 << 20];

static int
setup(void **state)
{
	(void)state;
	fake_daemon_init(&daemon_);
	cli = cli_create(&daemon_);
	return cli == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	cli_destroy(cli);
	return 0;
}

static enum cli_status
run_as(const char *line, size_t len, bool may_change, enum cli_format format)
{
	struct cli_out *out = cli_out_create(format, sizeof answer);
	enum cli_status status = cli_run(cli, line, len, may_change, out);
	size_t answer_len;
	const char *text = cli_out_finish(out, &answer_len);

	assert_true(answer_len < sizeof answer);
	memcpy(answer, text, answer_len);
	answer[answer_len] = '\0';
	assert_int_equal(status == CLI_OK, !cli_out_failed(out));
	cli_out_destroy(out);
	return status;
}

static enum cli_status
run(const char *line)
{
	return run_as(line, strlen(line), true, CLI_TEXT);
}

static void
expect(const char *line, enum cli_status status, const char *text)
{
	enum cli_status got = run(line);

	if (got != status || strcmp(answer, text) != 0)
		fail_msg("'%s': status %d, answer:\n%s", line, got, answer);
}

/* The answer has `part` somewhere. */
static void
expect_part(const char *line, enum cli_status status, const char *part)
{
	enum cli_status got = run(line);

	if (got != status || strstr(answer, part) == NULL)
		fail_msg("'%s': status %d, answer:\n%s", line, got, answer);
}

/* --- every command
 * --------------------------------------------------------------------------------- */

/* A line that the grammar takes: open words become what the fake daemon has. */
static void
line_from(const char *grammar, bool optional, char *line, size_t size)
{
	size_t len = 0;

	line[0] = '\0';
	while (*grammar != '\0') {
		size_t n = strcspn(grammar, " ");
		const char *word = grammar;
		int word_len = (int)strcspn(grammar, " |");

		if (*word == '[' && !optional)
			break;
		if (strncmp(word, "[PORT", 5) == 0 || strncmp(word, "PORT", 4) == 0)
			word = "1", word_len = 1;
		else if (strncmp(word, "[ID", 3) == 0)
			word = "103", word_len = 3;
		else if (strncmp(word, "[GROUP", 6) == 0)
			word = "cm", word_len = 2;
		else if (strncmp(word, "LEVEL", 5) == 0)
			word = "debug", word_len = 5;
		else if (strncmp(word, "FILE", 4) == 0)
			word = "/a b/c.pcapng", word_len = 13;
		else if (strncmp(word, "[COMMAND", 8) == 0)
			word = "show  po", word_len = 8;
		len += (size_t)snprintf(
		    line + len, size - len, "%s%.*s", len == 0 ? "" : " ", word_len, word);
		grammar += n + strspn(grammar + n, " ");
	}
}

static void
every_command__is_carried_out(void **state)
{
	char line[128];

	(void)state;
	for (unsigned i = 0; i < cli_command_count; i++) {
		for (unsigned optional = 0; optional < 2; optional++) {
			line_from(cli_commands[i].grammar, optional, line, sizeof line);
			if (strcmp(line, "stop capture") == 0)
				snprintf(daemon_.capture, sizeof daemon_.capture, "/x");
			if (strncmp(line, "start capture", 13) == 0)
				daemon_.capture[0] = '\0';
			if (run(line) != CLI_OK)
				fail_msg("'%s': %s", line, answer);
			/* Nothing to say is said by those that change something only. */
			if (!cli_commands[i].changes)
				assert_true(strlen(answer) > 10);
		}
	}
	assert_true(daemon_.quit);
}

static void
every_change__is_refused_to_others(void **state)
{
	char line[128];
	struct daemon before;

	(void)state;
	before = daemon_;
	for (unsigned i = 0; i < cli_command_count; i++) {
		enum cli_status status;

		line_from(cli_commands[i].grammar, true, line, sizeof line);
		status = run_as(line, strlen(line), false, CLI_JSON);
		assert_int_equal(status, cli_commands[i].changes ? CLI_FAILED : CLI_OK);
		if (cli_commands[i].changes)
			assert_non_null(strstr(answer, "\"code\":\"PERM\""));
	}
	assert_memory_equal(&before, &daemon_, sizeof before);
}

static void
every_show__with_nothing_there(void **state)
{
	char line[128];

	(void)state;
	daemon_.ports = daemon_.sockets = daemon_.others = 0;
	for (unsigned i = 0; i < cli_command_count; i++) {
		if (strncmp(cli_commands[i].grammar, "show", 4) != 0)
			continue;
		line_from(cli_commands[i].grammar, false, line, sizeof line);
		assert_int_equal(run(line), CLI_OK);
		if (strcmp(line, "show version") != 0 && strncmp(answer, "no ", 3) != 0)
			fail_msg("'%s': %s", line, answer);
	}
	expect("show port info", CLI_OK, "no ports\n");
	expect("show closing", CLI_OK, "no closing sockets\n");
	expect("show closed", CLI_OK, "no closed sockets\n");
	expect("show port info 0", CLI_FAILED, "error: there is no port '0'\n");
	expect("start port 0", CLI_FAILED, "error: there is no port '0'\n");
	expect("start port all", CLI_OK, "");
}

/* --- what they say
 * ---------------------------------------------------------------------------------- */

static void
show_port__by_number_name_or_all(void **state)
{
	(void)state;
	expect_part("show port info 1", CLI_OK,
	    "port:        1\n"
	    "name:        p1\n"
	    "device:      net_fake1,path=\"/x\\y\"\n"
	    "driver:      net_fake\n"
	    "started:     true\n"
	    "link:        down\n"
	    "speed_mbps:  10000\n"
	    "mac:         02:00:00:00:00:01\n"
	    "vlan:        7\n"
	    "mtu:         1500\n"
	    "pmtu:        1024\n"
	    "addresses:   10.77.0.2/24, fd00::1/64\n"
	    "gateways:    10.77.0.254\n"
	    "poll:        1\n"
	    "core_shared: true\n"
	    "icrc:        scalar\n");
	assert_null(strstr(answer, "p0"));
	expect_part("show port info p0", CLI_OK, "vlan:        none");
	assert_null(strstr(answer, "p1"));
	expect_part("show port stats all", CLI_OK, "9223372036854775808");
	expect_part("show port xstats p1", CLI_OK, "rx_q0_2_packets    102\n");
	expect("show port xstats 2", CLI_FAILED, "error: there is no port '2'\n");
}

static void
show_socket__table_and_one(void **state)
{
	(void)state;
	expect_part("show socket", CLI_OK, "[fd00::2]:40000");
	expect_part("show socket 104", CLI_OK,
	    "error:         CONNRESET\n"
	    "error_text:    connection reset by peer\n"
	    "age_ms:        1500\n"
	    "qpn:           0x010014\n");
	expect_part("show socket 104", CLI_OK,
	    "congestion:    dcqcn\n"
	    "outstanding:   0\n"
	    "window:        512\n"
	    "rate_bytes_s:  5000000\n");
	expect_part("show socket 104", CLI_OK, "rx_cnps:       4\n");
	expect_part("show socket 104", CLI_OK, "zcopy_reads:   0\n");
	expect("show socket 99", CLI_FAILED, "error: there is no socket 99\n");
	expect("show socket 4294967396", CLI_USAGE,
	    "error: expected a socket's number or all after 'show socket', found '4294967396'\n");
	expect_part("show socket -1", CLI_USAGE, "found '-1'");
	expect_part("show socket 1x", CLI_USAGE, "found '1x'");
	expect_part("show listener", CLI_OK, "*:6379");
	expect_part(
	    "show session", CLI_OK, "1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007        4");
}

/* Of the fake sockets 0 (OPENING) is attached and at work; the others have begun to close. */
static void
show_closing__only_those(void **state)
{
	(void)state;
	assert_int_equal(run("show closing"), CLI_OK);
	assert_null(strstr(answer, "\n100 "));
	assert_non_null(strstr(answer, "\n101 "));
	assert_non_null(strstr(answer, "\n108 "));
}

static void
show_closed__how_they_ended(void **state)
{
	(void)state;
	expect_part("show closed", CLI_OK, "  orderly         OPENING ");
	expect_part("show closed", CLI_OK, "died, abortive ");
	expect_part("show closed 101", CLI_OK,
	    "steps:       CLOSE +0 us, WIRE_DEAD +200 us, UPCALLS_DONE +240 us\n");
	expect_part("show closed 104", CLI_OK, "error_text:  connection reset by peer\n");
	expect("show closed 99", CLI_FAILED,
	    "error: no socket 99 is among the last that were closed\n");
	expect_part("show closed x", CLI_USAGE, "found 'x'");
}

static void
show_rest__says_the_values(void **state)
{
	(void)state;
	expect("show counters", CLI_OK,
	    "group  counter    value  what\n"
	    "poll0  rx_frames     10  frames received\n"
	    "poll1  rx_frames     20  frames received\n"
	    "poll1  bad_icrc       1  frames with a wrong ICRC\n"
	    "cm     req_rx         5  REQ received\n");
	expect("show counters poll0", CLI_OK,
	    "group  counter    value  what\n"
	    "poll0  rx_frames     10  frames received\n");
	expect("show counters pol", CLI_FAILED, "error: there is no group of counters 'pol'\n");
	expect("show poll", CLI_OK,
	    "poll:      poll0\n"
	    "ports:     p0\n"
	    "rx_frames: 10\n"
	    "bad_icrc:  0\n"
	    "\n"
	    "poll:      poll1\n"
	    "ports:     p1\n"
	    "rx_frames: 20\n"
	    "bad_icrc:  1\n");
	expect("show rule", CLI_OK,
	    "number  name   to            ports     program  role     action\n"
	    "     1  rule0  any           any       any      both     tcp\n"
	    "     2  rule1  10.77.0.0/24  80        nginx    listen   san\n"
	    "     3  rule2  10.77.0.0/24  160-8099  nginx    connect  san-only\n");
	expect_part("show memory", CLI_OK, "unbounded");
	expect_part("show neighbour", CLI_OK, "02:00:00:00:01:02  REACHABLE    3000");
	expect_part("show version", CLI_OK, "sand: 1.2.3-fake\n");
}

static void
actions__reach_the_daemon(void **state)
{
	(void)state;
	expect("clear stats", CLI_OK, "");
	assert_int_equal(daemon_.cleared, 1);
	expect("set log level error", CLI_OK, "");
	assert_int_equal(daemon_.log_level, 0);
	expect("set log level 4", CLI_OK, "");
	assert_int_equal(daemon_.log_level, 4);
	expect_part("set log level 5", CLI_USAGE, "found '5'");
	expect_part("set log level loud", CLI_USAGE, "found 'loud'");
	assert_int_equal(daemon_.log_level, 4);
	expect("stop port 1", CLI_OK, "");
	assert_true(daemon_.started[0]);
	assert_false(daemon_.started[1]);
	expect("stop port all", CLI_OK, "");
	assert_false(daemon_.started[0]);
	expect("start port p1", CLI_OK, "");
	assert_true(daemon_.started[1]);
	expect("set port 1 address fd00::1/64, 10.79.0.1/24", CLI_OK, "");
	assert_string_equal(daemon_.address[0], "");
	assert_string_equal(daemon_.address[1], "fd00::1/64, 10.79.0.1/24");
	expect("set port 9 address 10.79.0.1/24", CLI_FAILED, "error: there is no port '9'\n");
	expect("set port 1 address", CLI_USAGE,
	    "error: expected ADDRESS... after 'set port 1 address', found nothing\n");
	expect("stop capture", CLI_FAILED, "error: no recording is running\n");
	expect_part("start capture x.pcapng", CLI_USAGE, "expected an absolute path");
	expect("start capture /tmp/a b.pcapng  # comment", CLI_OK, "");
	assert_string_equal(daemon_.capture, "/tmp/a b.pcapng");
	expect("start capture /tmp/c", CLI_FAILED, "error: a recording is already running\n");
	expect("stop capture", CLI_OK, "frames:  4711\ndropped: 3\n");
	assert_false(cli_has_quit(cli));
	expect("quit", CLI_OK, "");
	assert_true(daemon_.quit);
	assert_true(cli_has_quit(cli));
}

static void
actions__say_why_they_failed(void **state)
{
	(void)state;
	daemon_.fail = SAN_EIO;
	expect("clear stats", CLI_FAILED, "error: counters were not cleared: input/output error\n");
	expect("stop port all", CLI_FAILED, "error: port p0 was not stopped: input/output error\n");
	expect("set port p0 address 10.79.0.1/24", CLI_FAILED, "error: address: no\n");
	expect("start capture /x", CLI_FAILED, "error: cannot write /x: no room\n");
	snprintf(daemon_.capture, sizeof daemon_.capture, "/x");
	expect("stop capture", CLI_FAILED,
	    "error: the recording is not complete: input/output error\n");
}

/* --- wrong input
 * ------------------------------------------------------------------------------------ */

static void
wrong__says_what_was_expected(void **state)
{
	(void)state;
	expect("", CLI_OK, "");
	expect("   \t ", CLI_OK, "");
	expect(" # a comment", CLI_OK, "");
	expect("shwo port", CLI_USAGE,
	    "error: expected show, clear, set, start, stop, quit, help, found 'shwo'\n");
	expect("show", CLI_USAGE,
	    "error: expected port, socket, listener, session, neighbour, rule, memory, counters,"
	    " poll, closing, closed, version after 'show', found nothing\n");
	expect("show port", CLI_USAGE,
	    "error: expected info, stats, xstats after 'show port', found nothing\n");
	expect("show port inf", CLI_USAGE,
	    "error: expected info, stats, xstats after 'show port', found 'inf'\n");
	expect("show version 5", CLI_USAGE,
	    "error: expected nothing after 'show version', found '5'\n");
	expect("show socket 5 6", CLI_USAGE,
	    "error: expected nothing after 'show socket 5', found '6'\n");
	expect("set log level", CLI_USAGE,
	    "error: expected LEVEL after 'set log level', found nothing\n");
	expect("start", CLI_USAGE, "error: expected port, capture after 'start', found nothing\n");
	expect("start capture", CLI_USAGE,
	    "error: expected FILE... after 'start capture', found nothing\n");
	expect("QUIT", CLI_USAGE,
	    "error: expected show, clear, set, start, stop, quit, help, found 'QUIT'\n");
	expect("help nonsense", CLI_USAGE, "error: no command begins with 'nonsense'\n");
	expect("show socket 5\x1b[A", CLI_USAGE,
	    "error: expected text, found a control character at byte 14\n");
	assert_int_equal(run_as("help\0x", 6, true, CLI_TEXT), CLI_USAGE);
	assert_int_equal(run_as("help\nquit", 9, true, CLI_TEXT), CLI_USAGE);
	assert_false(daemon_.quit);
}

static void
wrong__long_words_and_lines(void **state)
{
	char line[CLI_LINE_MAX + 2];

	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "show port info ", 15);
	assert_int_equal(run_as(line, 15 + 126, true, CLI_TEXT), CLI_FAILED);
	assert_int_equal(run_as(line, 15 + 127, true, CLI_TEXT), CLI_USAGE);
	assert_non_null(strstr(answer, "too long"));
	assert_int_equal(run_as(line, CLI_LINE_MAX, true, CLI_TEXT), CLI_USAGE);
	assert_int_equal(run_as(line, CLI_LINE_MAX + 1, true, CLI_TEXT), CLI_USAGE);
	assert_string_equal(answer, "error: expected a line of at most 480 bytes\n");
	memcpy(line, "start capture /", 15);
	assert_int_equal(run_as(line, CLI_LINE_MAX, true, CLI_TEXT), CLI_OK);
	assert_int_equal(strlen(daemon_.capture), CLI_LINE_MAX - 14);
}

static void
help__lists_what_begins_so(void **state)
{
	(void)state;
	assert_int_equal(run("help"), CLI_OK);
	for (unsigned i = 0; i < cli_command_count; i++) {
		assert_non_null(strstr(answer, cli_commands[i].grammar));
		assert_non_null(strstr(answer, cli_commands[i].help));
	}
	expect("help stop", CLI_OK,
	    "command             what\n"
	    "stop port PORT|all  Stop a port: nothing is sent or received\n"
	    "stop capture        End the recording and say how much was recorded\n");
	expect_part("help  set   log", CLI_OK, "set log level LEVEL");
}

/* Words of the grammar in any order with noise between: nothing but 0, 1, 2 and one line of error.
 */
static void
random__lines_never_hurt(void **state)
{
	static const char *const words[] = {"show", "port", "socket", "info", "all", "0", "p1",
	    "set", "log", "level", "4", "start", "stop", "capture", "/x", "help", "clear", "stats",
	    "#", "-", "\t", "999999999999999999999", "%s%n", "\"", "[", "|", "...", "LEVEL",
	    "\xff"};
	struct prng prng = {20240607};

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		char line[CLI_LINE_MAX + 1];
		size_t len = 0;
		enum cli_status status;

		for (unsigned n = prng_below(&prng, 8); n > 0; n--)
			len += (size_t)snprintf(line + len, sizeof line - len, "%s ",
			    words[prng_below(&prng, sizeof words / sizeof words[0])]);
		if (len > 0 && prng_below(&prng, 4) == 0)
			line[prng_below(&prng, (uint32_t)len)] = (char)prng_u64(&prng);
		status = run_as(line, len, prng_below(&prng, 2) == 0,
		    prng_below(&prng, 2) == 0 ? CLI_TEXT : CLI_JSON);
		assert_true(status <= CLI_USAGE);
		if (status != CLI_OK)
			assert_ptr_equal(strchr(answer, '\n'), answer + strlen(answer) - 1);
	}
}

static void
completion__knows_words_and_all(void **state)
{
	char found[128];
	int at = 0;

	(void)state;
	assert_int_equal(cli_complete(cli, "sh", &at, found, sizeof found), 2);
	assert_string_equal(found, "ow ");
	at = 0;
	assert_int_equal(cli_complete(cli, "show port info a", &at, found, sizeof found), 2);
	assert_string_equal(found, "ll ");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(every_command__is_carried_out),
	    T(every_change__is_refused_to_others),
	    T(every_show__with_nothing_there),
	    T(show_port__by_number_name_or_all),
	    T(show_socket__table_and_one),
	    T(show_closing__only_those),
	    T(show_closed__how_they_ended),
	    T(show_rest__says_the_values),
	    T(actions__reach_the_daemon),
	    T(actions__say_why_they_failed),
	    T(wrong__says_what_was_expected),
	    T(wrong__long_words_and_lines),
	    T(help__lists_what_begins_so),
	    T(random__lines_never_hurt),
	    T(completion__knows_words_and_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
