/* SPDX-License-Identifier: BSD-3-Clause */
/* A host of our own that speaks with rdma-core's and perftest's tools, to see whether the engines
 * are understood by others. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "check.h"
#include "command.h"
#include "icrc.h"
#include "san_err.h"

#define PATIENCE_S 30.0
#define V4_BITS	   96u /* an IPv4 prefix of n bits is 96 + n of a mapped address */

static const struct {
	const char *name;
	bool (*run)(struct net *, const struct command_options *);
	uint16_t port; /* what the other program uses if not told */
	const char *text;
} commands[] = {
    {"rping", rping_run, 7174, "SEND, READ and WRITE in turns, text verified"},
    {"send_bw", send_bw_run, 18515, "ib_send_bw -R"},
    {"write_bw", write_bw_run, 18515, "ib_write_bw -R"},
    {"read_bw", read_bw_run, 18515, "ib_read_bw -R, bytes compared"},
    {"atomic_bw", atomic_bw_run, 18515, "ib_atomic_bw -R, values verified"},
    {"ucmatose", ucmatose_run, 7471, "connections, messages each way, goodbye"},
    {"refused", refused_run, 7174, "call where nobody listens: the peer must say so"},
    {"reject", reject_run, 7174, "refuse the first that calls"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

void
san_check_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

static void
help(FILE *to)
{
	fprintf(to, "usage: verbs -i INTERFACE -a ADDRESS/BITS [OPTIONS] COMMAND [PEER]\n\n"
		    "With PEER, an address, it is the client; without, the server.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-10s %s (port %u)\n", commands[i].name, commands[i].text,
		    commands[i].port);
	fprintf(to,
	    "\n"
	    "  -i INTERFACE      Ethernet interface to share, by a packet socket\n"
	    "  -a ADDRESS/BITS   our own address there, IPv4 or IPv6; up to four times\n"
	    "  -p PORT           of the peer or of ours\n"
	    "  -C COUNT          messages, pings, operations\n"
	    "  -S SIZE           bytes of each\n"
	    "  -c CONNECTIONS    ucmatose: how many\n"
	    "  -A OPERATION      atomic_bw: FETCH_AND_ADD (default) or CMP_AND_SWAP\n"
	    "  -w FILE           record all frames (pcap)\n"
	    "  -v                tell what happens\n"
	    "  --loss PERCENT    lose so many of the frames, each way\n"
	    "  --seed NUMBER     of all chance; default: random, shown with -v\n"
	    "  --kill-after SEC  end without a word to the peer\n"
	    "  --patience SEC    how long to wait for the peer (default %g)\n"
	    "\n"
	    "Prints one line of result. Exit status: 0 passed, 1 failed, 2 wrong use.\n",
	    PATIENCE_S);
}

static void
wrong(const char *what, const char *value)
{
	fprintf(stderr, "verbs: %s: %s (see --help)\n", what, value);
	exit(2);
}

static double
number(const char *text, double least, double most, const char *what)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end != '\0' || !(n >= least && n <= most))
		wrong(what, text);
	return n;
}

static void
address_add(struct net_options *o, char *text)
{
	struct neigh_addr *a = &o->addr[o->addr_count];
	char *slash = strchr(text, '/');

	if (o->addr_count == SAN_PORT_ADDRS_MAX || slash == NULL)
		wrong("not a further ADDRESS/BITS", text);
	*slash = '\0';
	if (san_ip_parse(text, &a->ip) != 0)
		wrong("not an address", text);
	a->bits = (uint8_t)number(slash + 1, 0, san_ip_is_v4(&a->ip) ? 32 : 128, "prefix length");
	if (san_ip_is_v4(&a->ip))
		a->bits = (uint8_t)(a->bits + V4_BITS);
	o->addr_count++;
}

static struct san_duration
seconds(const char *text, const char *what)
{
	return (struct san_duration){(uint64_t)(number(text, 0, 86400, what) * 1e9)};
}

enum { LOSS = 256, SEED, KILL_AFTER, PATIENCE, HELP };

/* long: dispatch */
static void
option(int letter, char *value, struct net_options *n, struct command_options *c)
{
	switch (letter) {
	case 'i':
		n->interface = value;
		break;
	case 'a':
		address_add(n, value);
		break;
	case 'p':
		c->port = (uint16_t)number(value, 1, 65535, "port");
		break;
	case 'C':
		c->count = (uint32_t)number(value, 1, 1e9, "count");
		break;
	case 'S':
		c->size = (uint32_t)number(value, 1, RC_MESSAGE_MAX, "size");
		break;
	case 'c':
		c->connections = (uint32_t)number(value, 1, NET_EPS_MAX, "connections");
		break;
	case 'A':
		c->swap = strcmp(value, "CMP_AND_SWAP") == 0;
		if (!c->swap && strcmp(value, "FETCH_AND_ADD") != 0)
			wrong("not an atomic operation", value);
		break;
	case 'w':
		n->pcap = value;
		break;
	case 'v':
		n->verbose = true;
		break;
	case LOSS:
		n->loss_ppm = (uint32_t)(number(value, 0, 100, "percentage") * 10000);
		break;
	case SEED:
		n->seed = strtoull(value, NULL, 0);
		break;
	case KILL_AFTER:
		n->kill_after = seconds(value, "seconds");
		break;
	case PATIENCE:
		n->patience = seconds(value, "seconds");
		break;
	case HELP:
		help(stdout);
		exit(0);
	default:
		exit(2);
	}
}

static void
options_read(int argc, char **argv, struct net_options *n, struct command_options *c)
{
	static const struct option long_options[] = {
	    {"loss", required_argument, NULL, LOSS},
	    {"seed", required_argument, NULL, SEED},
	    {"kill-after", required_argument, NULL, KILL_AFTER},
	    {"patience", required_argument, NULL, PATIENCE},
	    {"help", no_argument, NULL, HELP},
	    {0},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "i:a:p:C:S:c:A:w:vh", long_options, NULL)) != -1)
		option(letter == 'h' ? HELP : letter, optarg, n, c);
	if (n->interface == NULL || n->addr_count == 0)
		wrong("needed", "-i INTERFACE and -a ADDRESS/BITS");
	if (argc - optind < 1 || argc - optind > 2)
		wrong("needed", "COMMAND, and PEER for a client");
	c->client = argc - optind == 2;
	if (c->client && san_ip_parse(argv[optind + 1], &c->peer) != 0)
		wrong("not an address", argv[optind + 1]);
}

int
main(int argc, char **argv)
{
	struct net_options options = {.patience = {(uint64_t)(PATIENCE_S * 1e9)}};
	struct command_options command = {0};
	static struct net net;
	size_t i = 0;
	bool good;

	if (getrandom(&options.seed, sizeof options.seed, 0) != (ssize_t)sizeof options.seed)
		return 1;
	options_read(argc, argv, &options, &command);
	while (i < COMMANDS && strcmp(commands[i].name, argv[optind]) != 0)
		i++;
	if (i == COMMANDS)
		wrong("not a command", argv[optind]);
	if (command.port == 0)
		command.port = commands[i].port;
	icrc_init();
	if (net_open(&net, &options) != 0)
		return 1;
	net_say(&net, "seed %llu", (unsigned long long)options.seed);
	good = commands[i].run(&net, &command);
	fflush(stdout);
	net_linger(&net);
	net_say(&net, "%llu frames sent, %llu received, %llu lost on purpose",
	    (unsigned long long)net.nic.sent, (unsigned long long)net.nic.received,
	    (unsigned long long)net.nic.lost);
	net_close(&net);
	return good ? 0 : 1;
}
