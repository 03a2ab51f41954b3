/* SPDX-License-Identifier: BSD-3-Clause */
/* What changed between two configurations, as far as the schema says that it matters. Private to
 * common/conf. */
#pragma once

#include "common/base/cursor.h"

struct raw_conf;

/* Whether a key that takes effect on restart only has another value (a default counts as given);
 * its path is appended. */
bool conf_raw_needs_restart(const struct raw_conf *was, const struct raw_conf *now,
			    struct cursor *path);
