/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys.h"

#define STRUCT_daemon	 struct san_config
#define STRUCT_sockets	 struct san_config
#define STRUCT_transport struct san_config
#define STRUCT_close	 struct san_config
#define STRUCT_port	 struct config_port
#define STRUCT_rule	 struct config_rule

const struct config_key config_keys[CONFIG_KEY_COUNT] = {
#define X(section, key, type, member, dflt, min, max, unit, help)                                \
	{CONFIG_SECTION_##section, #key, CONFIG_TYPE_##type, offsetof(STRUCT_##section, member), \
	    dflt, min, max, CONFIG_UNIT_##unit, help},
    CONFIG_KEY_LIST(X)
#undef X
};

const struct config_section_info config_sections[CONFIG_SECTION_COUNT] = {
#define X(name, max, text) {#name, max, text},
    CONFIG_SECTION_LIST(X)
#undef X
};

void *
config_section_base(struct san_config *config, enum config_section section, uint32_t index)
{
	if (section == CONFIG_SECTION_port)
		return &config->port[index];
	if (section == CONFIG_SECTION_rule)
		return &config->rule[index];
	return config;
}
