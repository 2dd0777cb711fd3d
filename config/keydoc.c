/* SPDX-License-Identifier: BSD-3-Clause */
/* Build tool: prints the commented sand.conf ("conf") or the keys of sand.conf(5) ("man") from the
 * list of keys. */
#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "value.h"

#define WIDTH 90

/* Values for keys without default, and names for sections that need one. */
static const char *
example(const char *name)
{
	static const char *const list[][2] = {{"device", "0000:01:00.0"},
	    {"address", "10.77.0.1/24"}, {"port", "lan0"}, {"rule", "lan"}};

	for (unsigned i = 0; i < sizeof list / sizeof list[0]; i++)
		if (strcmp(list[i][0], name) == 0)
			return list[i][1];
	return "";
}

/* "# " and as many words as fit, line by line. */
static void
comment(const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column > 0 && column + 1 + len > WIDTH) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf("%s%.*s", column == 0 ? "# " : " ", (int)len, text);
		text += len + (text[len] == ' ');
	}
	putchar('\n');
}

static void
conf_key(const struct config_key *k)
{
	char takes[160], line[200];
	const char *value;

	putchar('\n');
	comment(k->help);
	snprintf(line, sizeof line, "Takes %s.", config_value_describe(k, takes, sizeof takes));
	comment(line);
	value = k->dflt != NULL ? k->dflt : example(k->name);
	printf("#%s =%s%s\n", k->name, value[0] == '\0' ? "" : " ", value);
}

static void
conf_print(void)
{
	comment(
	    "Configuration of the Sand daemon, see sand.conf(5). Made from the daemon's own list of"
	    " keys.");
	comment(
	    "Lines that begin with '#' and no blank show the defaults, and where there is none an"
	    " example. A comment begins with '#' or ';' at the start of a line or after a blank.");
	for (unsigned s = 0; s < CONFIG_SECTION_COUNT; s++) {
		const struct config_section_info *info = &config_sections[s];

		putchar('\n');
		comment(info->text);
		if (info->instances_max > 0)
			printf("#[%s.%s]\n", info->name, example(info->name));
		else
			printf("[%s]\n", info->name);
		for (const struct config_key *k = config_keys; k < config_keys + CONFIG_KEY_COUNT;
		     k++)
			if (k->section == s)
				conf_key(k);
	}
}

/* Text as roff: no line may begin with a control character, '-' is a minus in what is typed. */
static void
roff(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text != '\0'; text++) {
		if (*text == '-' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static void
man_key(const struct config_key *k)
{
	char takes[160];

	printf(".TP\n.B %s\n", k->name);
	roff(k->help);
	fputs("\nTakes ", stdout);
	roff(config_value_describe(k, takes, sizeof takes));
	if (k->dflt == NULL)
		fputs(".\nMust be given.\n", stdout);
	else if (k->dflt[0] == '\0')
		fputs(".\nEmpty by default.\n", stdout);
	else
		printf(".\nDefault: \\fB%s\\fR.\n", k->dflt);
}

static void
man_print(void)
{
	for (unsigned s = 0; s < CONFIG_SECTION_COUNT; s++) {
		const struct config_section_info *info = &config_sections[s];

		printf(".SS \"[%s%s]\"\n", info->name, info->instances_max > 0 ? ".NAME" : "");
		roff(info->text);
		putchar('\n');
		if (info->instances_max > 0)
			printf("At most %u.\n", info->instances_max);
		for (const struct config_key *k = config_keys; k < config_keys + CONFIG_KEY_COUNT;
		     k++)
			if (k->section == s)
				man_key(k);
	}
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "conf") == 0)
		conf_print();
	else if (argc == 2 && strcmp(argv[1], "man") == 0)
		man_print();
	else
		return 2;
	return fflush(stdout) == 0 ? 0 : 1;
}
