/* SPDX-License-Identifier: BSD-3-Clause */
/* One line on stderr per decision a person may wonder about, only when the environment has
 * SAND_LOG. Never on the data path; never allocates; keeps errno. */
#ifndef SAND_SWITCH_SW_LOG_H
#define SAND_SWITCH_SW_LOG_H

__attribute__((format(printf, 1, 2))) void sw_log(const char *format, ...);

#endif
