/* SPDX-License-Identifier: BSD-3-Clause */
/* What a failed san_check means inside a program: the provider stops working, the program goes on.
 */
#include "check.h"

#include "provider.h"

void
san_check_failed(const char *file, int line, const char *what)
{
	prov_break();
}
