/* SPDX-License-Identifier: BSD-3-Clause */
/* Time zones by name, apart from the process's own: the offset from UTC at any moment, summer time
 * and past changes of the law included, out of the system's zone files (RFC 8536). Immutable once
 * loaded; any thread. */
#pragma once

#include <stdint.h>

#define ZONE_NAME_MAX 63u

struct zone;

/* "Europe/Berlin". 0; -EINVAL for what is no name of a zone or no zone file; -ENOMEM; or -errno. */
int zone_load(const char *name, struct zone **zone);
void zone_free(struct zone *zone);

/* Seconds east of UTC at that UNIX time. */
int32_t zone_offset(const struct zone *zone, int64_t unix_s);

/* The local time at a UNIX time, as rules of the week have it. */
struct zone_week {
	unsigned day;	 /* 0: Monday */
	unsigned minute; /* of the day */
};
struct zone_week zone_week_at(const struct zone *zone, int64_t unix_s);
