/* SPDX-License-Identifier: BSD-3-Clause */
#include "addr.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "san_err.h"

bool
san_ip_in_prefix(const struct san_ip *ip, const struct san_ip *net, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (bits > 128 || memcmp(ip->b, net->b, whole) != 0)
		return false;
	return rest == 0 || ((ip->b[whole] ^ net->b[whole]) & mask) == 0;
}

char *
san_ip_format(const struct san_ip *ip, char *buf)
{
	if (san_ip_is_v4(ip))
		inet_ntop(AF_INET, ip->b + 12, buf, SAN_IP_TEXT_MAX);
	else
		inet_ntop(AF_INET6, ip->b, buf, SAN_IP_TEXT_MAX);
	return buf;
}

int
san_ip_parse(const char *text, struct san_ip *out)
{
	struct san_ip ip = san_ip_v4(0);

	if (inet_pton(AF_INET, text, ip.b + 12) != 1 && inet_pton(AF_INET6, text, ip.b) != 1)
		return SAN_EINVAL;
	*out = ip;
	return 0;
}
