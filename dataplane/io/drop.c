/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of the drop reasons. Any thread. */
#include "dataplane/io/drop.h"

static const struct {
	const char *name;
	const char *meaning;
} reasons[DROP_REASONS_END] = {
#define X(sym, name, what) [DROP_##sym] = {name, what},
	DROP_REASONS(X)
#undef X
};

const char *drop_name(enum drop_reason reason)
{
	return reason < DROP_REASONS_END ? reasons[reason].name : NULL;
}

const char *drop_meaning(enum drop_reason reason)
{
	return reason < DROP_REASONS_END ? reasons[reason].meaning : NULL;
}
