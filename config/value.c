/* SPDX-License-Identifier: BSD-3-Clause */
#include "value.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "san_err.h"

/* --- words ---------------------------------------------------------------------------------------
 */

struct word {
	const char *text;
	uint32_t value;
};

static const struct word bools[] = {
    {"yes", 1}, {"no", 0}, {"true", 1}, {"false", 0}, {"on", 1}, {"off", 0}, {NULL, 0}};
static const struct word profiles[] = {{"latency", CONFIG_PROFILE_LATENCY},
    {"balanced", CONFIG_PROFILE_BALANCED}, {"saver", CONFIG_PROFILE_SAVER}, {NULL, 0}};
static const struct word congestions[] = {{"window", CONFIG_CONGESTION_WINDOW},
    {"dcqcn", CONFIG_CONGESTION_DCQCN}, {"none", CONFIG_CONGESTION_NONE}, {NULL, 0}};
static const struct word levels[] = {
#define X(name, value) {#name, value},
    CONFIG_LEVEL_LIST(X)
#undef X
	{NULL, 0}};
static const struct word roles[] = {{"connect", 1}, {"listen", 2}, {"both", 3}, {NULL, 0}};
/* The values of enum shm_action, which this room may not include. */
static const struct word actions[] = {{"tcp", 0}, {"san", 1}, {"san-only", 2}, {NULL, 0}};

static int
word_find(const struct word *list, const char *text, uint32_t *out)
{
	for (; list->text != NULL; list++) {
		if (strcmp(list->text, text) != 0)
			continue;
		*out = list->value;
		return 0;
	}
	return SAN_EINVAL;
}

static void
word_describe(const struct word *list, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (; list->text != NULL && len < size; list++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
		    len == 0		   ? ""
		    : list[1].text == NULL ? " or "
					   : ", ",
		    list->text);
}

int
config_level_parse(const char *text, uint32_t *out)
{
	if (text[0] >= '0' && text[0] <= '4' && text[1] == '\0') {
		*out = (uint32_t)(text[0] - '0');
		return 0;
	}
	return word_find(levels, text, out);
}

const char *
config_level_name(uint32_t level)
{
	return level < sizeof levels / sizeof levels[0] - 1 ? levels[level].text : "?";
}

/* --- numbers -------------------------------------------------------------------------------------
 */

struct suffix {
	enum config_unit unit;
	const char *text;
	uint32_t factor;
};

/* In the order they are described. */
static const struct suffix suffixes[] = {
    {CONFIG_UNIT_US, "us", 1},
    {CONFIG_UNIT_US, "ms", 1000},
    {CONFIG_UNIT_US, "s", 1000000},
    {CONFIG_UNIT_MS, "ms", 1},
    {CONFIG_UNIT_MS, "s", 1000},
    {CONFIG_UNIT_BYTES, "K", 1u << 10},
    {CONFIG_UNIT_BYTES, "M", 1u << 20},
    {CONFIG_UNIT_MB, "M", 1},
    {CONFIG_UNIT_MB, "G", 1u << 10},
};
#define SUFFIXES (sizeof suffixes / sizeof suffixes[0])

/* Digits of one base, at least one; saturates far above every bound. Returns how many were read. */
static size_t
digits_read(const char *text, unsigned base, uint64_t *out)
{
	size_t n;

	*out = 0;
	for (n = 0; text[n] >= '0' && text[n] < (char)('0' + base); n++) {
		if (*out <= UINT32_MAX)
			*out = *out * base + (uint64_t)(text[n] - '0');
	}
	return n;
}

static int
number_parse(const struct config_key *key, const char *text, uint32_t *out)
{
	uint64_t value;
	size_t n = digits_read(text, 10, &value);
	const struct suffix *s;

	if (n == 0)
		return SAN_EINVAL;
	text += n;
	while (*text == ' ' || *text == '\t')
		text++;
	if (*text != '\0') {
		for (s = suffixes; s < suffixes + SUFFIXES; s++)
			if (s->unit == key->unit && strcmp(s->text, text) == 0)
				break;
		if (s == suffixes + SUFFIXES)
			return SAN_EINVAL;
		value *= s->factor;
	}
	if (value < key->min || value > key->max)
		return SAN_EINVAL;
	*out = (uint32_t)value;
	return 0;
}

static void
number_describe(const struct config_key *key, char *buf, size_t size)
{
	static const char *const plain[] = {[CONFIG_UNIT_NONE] = "a number",
	    [CONFIG_UNIT_US] = "microseconds",
	    [CONFIG_UNIT_MS] = "milliseconds",
	    [CONFIG_UNIT_BYTES] = "bytes",
	    [CONFIG_UNIT_MB] = "megabytes"};
	size_t len =
	    (size_t)snprintf(buf, size, "%s from %u to %u", plain[key->unit], key->min, key->max);
	const char *before = " (suffix ";

	for (const struct suffix *s = suffixes; s < suffixes + SUFFIXES && len < size; s++) {
		if (s->unit != key->unit)
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%s%s", before, s->text);
		before = ", ";
	}
	if (before[0] == ',' && len < size)
		snprintf(buf + len, size - len, ")");
}

static int
octal_parse(const struct config_key *key, const char *text, uint32_t *out)
{
	uint64_t value;
	size_t n = digits_read(text, 8, &value);

	if (n == 0 || text[n] != '\0' || value > key->max)
		return SAN_EINVAL;
	*out = (uint32_t)value;
	return 0;
}

/* "any", "80" or "8000-8099"; "any" is 0 to 65535. */
static int
range_parse(const struct config_key *key, const char *text, struct config_rule *rule)
{
	uint64_t lo = 0, hi = key->max;
	size_t n;

	if (strcmp(text, "any") != 0) {
		n = digits_read(text, 10, &lo);
		if (n == 0)
			return SAN_EINVAL;
		text += n;
		hi = lo;
		if (*text == '-') {
			n = digits_read(++text, 10, &hi);
			if (n == 0)
				return SAN_EINVAL;
			text += n;
		}
		if (*text != '\0' || hi > key->max || lo > hi)
			return SAN_EINVAL;
	}
	rule->port_lo = (uint16_t)lo;
	rule->port_hi = (uint16_t)hi;
	return 0;
}

/* --- names and texts
 * ------------------------------------------------------------------------------ */

bool
config_name_valid(const char *text, size_t max)
{
	size_t n;

	for (n = 0; text[n] != '\0'; n++)
		if (!isalnum((unsigned char)text[n]) && strchr("-_.", text[n]) == NULL)
			return false;
	return n > 0 && n <= max && text[0] != '.';
}

static int
text_store(const struct config_key *key, const char *text, char *out)
{
	size_t len = strlen(text);

	if (len < key->min || len > key->max)
		return SAN_EINVAL;
	memcpy(out, text, len + 1);
	return 0;
}

static int
path_store(const struct config_key *key, const char *text, char *out)
{
	return text[0] == '/' ? text_store(key, text, out) : SAN_EINVAL;
}

static int
name_store(const struct config_key *key, const char *text, char *out)
{
	return config_name_valid(text, key->max) ? text_store(key, text, out) : SAN_EINVAL;
}

static int
program_store(const struct config_key *key, const char *text, char *out)
{
	if (strcmp(text, "any") == 0) {
		out[0] = '\0';
		return 0;
	}
	return strchr(text, '/') == NULL ? text_store(key, text, out) : SAN_EINVAL;
}

/* --- addresses
 * ------------------------------------------------------------------------------------ */

/* "10.77.0.0/24", or "10.77.0.1" alone for a single address where `bare` allows it. */
static int
prefix_parse(const char *text, bool bare, struct san_ip *ip, uint8_t *bits)
{
	char addr[SAN_IP_TEXT_MAX];
	size_t len = strcspn(text, "/"), n;
	uint64_t length, longest;

	if (len >= sizeof addr)
		return SAN_EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (san_ip_parse(addr, ip) < 0)
		return SAN_EINVAL;
	longest = san_ip_is_v4(ip) ? 32 : 128;
	length = longest;
	if (text[len] == '/') {
		n = digits_read(text + len + 1, 10, &length);
		if (n == 0 || text[len + 1 + n] != '\0' || length > longest)
			return SAN_EINVAL;
	} else if (!bare) {
		return SAN_EINVAL;
	}
	*bits = (uint8_t)(128 - longest + length);
	return 0;
}

/* An address a host can have: neither unspecified, loopback, multicast nor broadcast. */
static bool
ip_is_host(const struct san_ip *ip)
{
	static const struct san_ip loopback6 = {{[15] = 1}};

	if (san_ip_is_any(ip) || san_ip_equal(ip, &loopback6))
		return false;
	if (san_ip_is_v4(ip))
		return ip->b[12] != 0 && ip->b[12] != 127 && ip->b[12] < 224;
	return ip->b[0] != 0xff;
}

/* Copy the list item at text[*at] without blanks around it and move *at behind its comma. False at
 * the end of the list; an item too long for any address comes out empty. *start: where it begins.
 */
static bool
list_item(const char *text, size_t *at, size_t *start, char *item, size_t size)
{
	size_t end, len;

	if (*at > 0 && text[*at - 1] != ',')
		return false;
	*start = *at + strspn(text + *at, " \t");
	end = *at + strcspn(text + *at, ",");
	len = end > *start ? end - *start : 0;
	while (len > 0 && (text[*start + len - 1] == ' ' || text[*start + len - 1] == '\t'))
		len--;
	if (len >= size)
		len = 0;
	memcpy(item, text + *start, len);
	item[len] = '\0';
	*at = text[end] == ',' ? end + 1 : end;
	return true;
}

static int
prefixes_parse(const struct config_key *key, const char *text, struct config_port *port, size_t *at)
{
	char item[SAN_IP_TEXT_MAX + 4];
	size_t next = 0;

	port->addr_count = 0;
	while (list_item(text, &next, at, item, sizeof item)) {
		struct san_ip ip;
		uint8_t bits;

		if (port->addr_count == key->max || prefix_parse(item, false, &ip, &bits) < 0)
			return SAN_EINVAL;
		if (!ip_is_host(&ip) || bits == 0 || (san_ip_is_v4(&ip) && bits == 96))
			return SAN_EINVAL;
		port->addr[port->addr_count].ip = ip;
		port->addr[port->addr_count++].bits = bits;
		if (text[next - 1] != ',')
			return 0;
	}
	return SAN_EINVAL;
}

static int
gateways_parse(const char *text, struct config_port *port, size_t *at)
{
	char item[SAN_IP_TEXT_MAX];
	size_t next = 0;

	memset(&port->gateway4, 0, sizeof port->gateway4);
	memset(&port->gateway6, 0, sizeof port->gateway6);
	if (text[0] == '\0')
		return 0;
	while (list_item(text, &next, at, item, sizeof item)) {
		static const struct san_ip none;
		struct san_ip ip, *slot;

		if (san_ip_parse(item, &ip) < 0 || !ip_is_host(&ip))
			return SAN_EINVAL;
		slot = san_ip_is_v4(&ip) ? &port->gateway4 : &port->gateway6;
		if (!san_ip_equal(slot, &none))
			return SAN_EINVAL;
		*slot = ip;
		if (text[next - 1] != ',')
			return 0;
	}
	return SAN_EINVAL;
}

static int
net_parse(const char *text, struct config_rule *rule)
{
	struct san_ip ip = {{0}};
	uint8_t bits = 0;

	if (strcmp(text, "any") != 0 && prefix_parse(text, true, &ip, &bits) < 0)
		return SAN_EINVAL;
	for (unsigned i = 0; i < 128; i++)
		if (i >= bits)
			ip.b[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	rule->net = ip;
	rule->bits = bits;
	return 0;
}

static int
mac_parse(const char *text, uint8_t *mac)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t out[6] = {0};

	if (strcmp(text, "device") == 0) {
		memset(mac, 0, 6);
		return 0;
	}
	if (strlen(text) != 17)
		return SAN_EINVAL;
	for (unsigned i = 0; i < 17; i++) {
		const char *digit = strchr(hex, tolower((unsigned char)text[i]));

		if (i % 3 == 2 ? text[i] != ':' : digit == NULL)
			return SAN_EINVAL;
		if (i % 3 != 2)
			out[i / 3] = (uint8_t)(out[i / 3] << 4 | (digit - hex));
	}
	/* A group address cannot be a station's, and all zero means the device's own. */
	if ((out[0] & 1) != 0 || memcmp(out, "\0\0\0\0\0", 6) == 0)
		return SAN_EINVAL;
	memcpy(mac, out, 6);
	return 0;
}

static int
vlan_parse(const struct config_key *key, const char *text, uint16_t *out)
{
	uint32_t value;

	if (strcmp(text, "none") == 0) {
		*out = 0xffff;
		return 0;
	}
	if (number_parse(key, text, &value) < 0)
		return SAN_EINVAL;
	*out = (uint16_t)value;
	return 0;
}

/* --- by type
 * -------------------------------------------------------------------------------------- */

int
config_value_set(const struct config_key *key, const char *text, void *base, size_t *at)
{
	void *member = (uint8_t *)base + key->offset;
	uint32_t value = 0;
	int ret = SAN_EINVAL;

	*at = 0;
	switch (key->type) { /* long: dispatch */
	case CONFIG_TYPE_NUMBER:
		return number_parse(key, text, member);
	case CONFIG_TYPE_OCTAL:
		return octal_parse(key, text, member);
	case CONFIG_TYPE_BOOL:
		ret = word_find(bools, text, &value);
		*(bool *)member = value != 0;
		return ret;
	case CONFIG_TYPE_PROFILE:
		ret = word_find(profiles, text, &value);
		*(enum config_profile *)member = value;
		return ret;
	case CONFIG_TYPE_CONGESTION:
		ret = word_find(congestions, text, &value);
		*(enum config_congestion *)member = value;
		return ret;
	case CONFIG_TYPE_LEVEL:
		return config_level_parse(text, member);
	case CONFIG_TYPE_NAME:
		return name_store(key, text, member);
	case CONFIG_TYPE_TEXT:
		return text_store(key, text, member);
	case CONFIG_TYPE_PATH:
		return path_store(key, text, member);
	case CONFIG_TYPE_PREFIXES:
		return prefixes_parse(key, text, base, at);
	case CONFIG_TYPE_GATEWAYS:
		return gateways_parse(text, base, at);
	case CONFIG_TYPE_VLAN:
		return vlan_parse(key, text, member);
	case CONFIG_TYPE_MAC:
		return mac_parse(text, member);
	case CONFIG_TYPE_NET:
		return net_parse(text, base);
	case CONFIG_TYPE_RANGE:
		return range_parse(key, text, base);
	case CONFIG_TYPE_PROGRAM:
		return program_store(key, text, member);
	case CONFIG_TYPE_ROLE:
		ret = word_find(roles, text, &value);
		*(uint8_t *)member = (uint8_t)value;
		return ret;
	case CONFIG_TYPE_ACTION:
		ret = word_find(actions, text, &value);
		*(uint8_t *)member = (uint8_t)value;
		return ret;
	}
	return ret;
}

char *
config_value_describe(const struct config_key *key, char *buf, size_t size)
{
	switch (key->type) { /* long: dispatch */
	case CONFIG_TYPE_NUMBER:
		number_describe(key, buf, size);
		break;
	case CONFIG_TYPE_OCTAL:
		snprintf(buf, size, "octal permissions from 0 to %o", key->max);
		break;
	case CONFIG_TYPE_BOOL:
		word_describe(bools, buf, size);
		break;
	case CONFIG_TYPE_PROFILE:
		word_describe(profiles, buf, size);
		break;
	case CONFIG_TYPE_CONGESTION:
		word_describe(congestions, buf, size);
		break;
	case CONFIG_TYPE_LEVEL:
		word_describe(levels, buf, size);
		break;
	case CONFIG_TYPE_NAME:
		snprintf(buf, size, "1 to %u letters, digits, dots, - or _", key->max);
		break;
	case CONFIG_TYPE_TEXT:
		snprintf(buf, size, "text of at most %u bytes", key->max);
		break;
	case CONFIG_TYPE_PATH:
		snprintf(buf, size, "an absolute path of at most %u bytes", key->max);
		break;
	case CONFIG_TYPE_PREFIXES:
		snprintf(buf, size, "1 to %u host addresses with prefix length", key->max);
		break;
	case CONFIG_TYPE_GATEWAYS:
		snprintf(buf, size, "an IPv4 address, an IPv6 address, or one of each");
		break;
	case CONFIG_TYPE_VLAN:
		snprintf(buf, size, "none or a number from %u to %u", key->min, key->max);
		break;
	case CONFIG_TYPE_MAC:
		snprintf(buf, size, "device or a unicast address such as 02:00:00:00:00:01");
		break;
	case CONFIG_TYPE_NET:
		snprintf(buf, size, "any, an address, or a prefix such as 10.77.0.0/24");
		break;
	case CONFIG_TYPE_RANGE:
		snprintf(buf, size, "any, a TCP port, or a range such as 8000-8099");
		break;
	case CONFIG_TYPE_PROGRAM:
		snprintf(buf, size, "any or a file name of at most %u bytes", key->max);
		break;
	case CONFIG_TYPE_ROLE:
		word_describe(roles, buf, size);
		break;
	case CONFIG_TYPE_ACTION:
		word_describe(actions, buf, size);
		break;
	}
	return buf;
}
