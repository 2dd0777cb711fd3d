/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "san_err.h"

uint64_t
duration_ms(struct san_duration d)
{
	return d.ns / 1000000;
}

/* "10.77.0.1:80", "[fd00::1]:80", "*:80" for every address. */
void
endpoint_put(struct cli_out *out, const char *key, const struct shm_addr *a)
{
	char text[SAN_IP_TEXT_MAX];
	struct san_ip ip;

	memcpy(ip.b, a->ip, sizeof ip.b);
	if (san_ip_is_any(&ip))
		cli_out_format(out, key, "*:%u", a->port);
	else if (san_ip_is_v4(&ip))
		cli_out_format(out, key, "%s:%u", san_ip_format(&ip, text), a->port);
	else
		cli_out_format(out, key, "[%s]:%u", san_ip_format(&ip, text), a->port);
}

void
prefix_format(const struct san_ip *ip, unsigned bits, char *buf, size_t size)
{
	char text[SAN_IP_TEXT_MAX];

	if (bits == 0)
		snprintf(buf, size, "any");
	else
		snprintf(buf, size, "%s/%u", san_ip_format(ip, text),
		    san_ip_is_v4(ip) && bits >= 96 ? bits - 96 : bits);
}

void
mac_put(struct cli_out *out, const char *key, const uint8_t *m)
{
	cli_out_format(
	    out, key, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

bool
is_all(const char *word)
{
	return word == NULL || strcmp(word, "all") == 0;
}

/* --- ports
 * ---------------------------------------------------------------------------------------- */

/* A port is named by its number or by its name in sand.conf. */

bool
socket_number(struct cli_call *c, const char *command, const char *word, uint32_t *ident)
{
	char *end;
	unsigned long number = strtoul(word, &end, 10);

	if (word[0] >= '0' && word[0] <= '9' && *end == '\0' && number <= UINT32_MAX) {
		*ident = (uint32_t)number;
		return true;
	}
	c->usage = true;
	cli_out_fail(c->out, SAN_EINVAL, "expected a socket's number or all after '%s', found '%s'",
	    command, word);
	return false;
}
