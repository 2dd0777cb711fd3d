/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of commands: what the prompt, sandctl, `help` and sandctl(8) know, they know from here.
 *
 * A grammar is words. lower case: type it as it is; a|b: one of them; UPPER CASE: a value; the last
 * one may be optional, in brackets; WORD...: the rest of the line. */
#ifndef SAND_CONTROL_CLI_COMMANDS_H
#define SAND_CONTROL_CLI_COMMANDS_H

#include <stdbool.h>

#define CLI_WORDS_MAX 8

/* X(handler, grammar, changes something, help) */
#define CLI_COMMAND_LIST(X)                                                                        \
	X(show_port_info, "show port info [PORT|all]", false,                                      \
	    "Ports: device, link, addresses, packet sizes, poll thread")                           \
	X(show_port_stats, "show port stats [PORT|all]", false,                                    \
	    "Packets and bytes of ports, as the driver counts them")                               \
	X(show_port_xstats, "show port xstats [PORT|all]", false,                                  \
	    "Every statistic the driver has")                                                      \
	X(show_socket, "show socket [ID|all]", false,                                              \
	    "Connections: all of them as a table, or one in full")                                 \
	X(show_listener, "show listener", false, "Sockets that listen, with their backlog")        \
	X(show_session, "show session", false, "Attached programs")                                \
	X(show_neighbour, "show neighbour", false, "Ethernet addresses of other hosts")            \
	X(show_rule, "show rule", false, "Which sockets use the SAN, in order of evaluation")      \
	X(show_memory, "show memory", false, "What is in use, and how much there can be")          \
	X(show_counters, "show counters [GROUP|all]", false,                                       \
	    "Counters that are not zero, of one group such as cm or poll0, or all groups")         \
	X(show_poll, "show poll", false, "Poll threads: their ports and counters")                 \
	X(show_closing, "show closing", false, "Connections being closed, and what they wait for") \
	X(show_closed, "show closed [ID|all]", false,                                              \
	    "The last 256 sockets that are gone: how they ended, or one in full")                  \
	X(show_version, "show version", false, "Version of the daemon and of DPDK")                \
	X(clear_stats, "clear stats", true, "Count from zero again")                               \
	X(set_log_level, "set log level LEVEL", true,                                              \
	    "Log error, warning, notice, info or debug (or 0 to 4) and what is more important")    \
	X(set_port_address, "set port PORT address ADDRESS...", true,                              \
	    "Other addresses for a port, as in sand.conf, until the daemon stops")                 \
	X(start_port, "start port PORT|all", true, "Start a stopped port")                         \
	X(stop_port, "stop port PORT|all", true, "Stop a port: nothing is sent or received")       \
	X(start_capture, "start capture FILE...", true, "Record all frames into a pcapng file")    \
	X(stop_capture, "stop capture", true, "End the recording and say how much was recorded")   \
	X(quit, "quit", true, "Stop the daemon")                                                   \
	X(help, "help [COMMAND...]", false, "Commands that begin with these words, or all")

struct cli_call;

struct cli_command {
	const char *grammar, *help;
	bool changes;
	void (*run)(struct cli_call *call);
};

extern const struct cli_command cli_commands[];
extern const unsigned cli_command_count;

#define X(handler, grammar, changes, help) void cli_##handler(struct cli_call *call);
CLI_COMMAND_LIST(X)
#undef X

#endif
