/* SPDX-License-Identifier: BSD-3-Clause */
/* Time zones against the C library's own, and names that are none. */
#include "common/base/zone.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int32_t libc_offset(int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	localtime_r(&t, &tm);
	return (int32_t)tm.tm_gmtoff;
}

/* Each day at an odd hour from 1971 to 2199, and each quarter of an hour of two years, across all
 * changes. */
static void hold_against_libc(const char *name)
{
	struct zone *zone;
	int err = zone_load(name, &zone);

	cr_assert_eq(err, 0, "%s: %d", name, err);
	setenv("TZ", name, 1);
	tzset();
	for (int64_t t = 31536000 + 4711; t < INT64_C(7258118400); t += 86400 + 3607)
		cr_assert_eq(zone_offset(zone, t), libc_offset(t), "%s at %lld", name, (long long)t);
	for (int64_t t = INT64_C(1767225600); t < INT64_C(1830297600); t += 900)
		cr_assert_eq(zone_offset(zone, t), libc_offset(t), "%s at %lld", name, (long long)t);
	for (int64_t t = INT64_C(4102444800); t < INT64_C(4165516800); t += 900)
		cr_assert_eq(zone_offset(zone, t), libc_offset(t), "%s at %lld", name, (long long)t);
	zone_free(zone);
}

Test(zone, is_what_the_c_library_says)
{
	static const char *const names[] = {"UTC", "Europe/Berlin", "America/New_York",
					    "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo",
					    "Africa/Casablanca", "Pacific/Apia", "Europe/Dublin",
					    "Asia/Tehran", "America/St_Johns", "Pacific/Chatham"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		hold_against_libc(names[i]);
}

Test(zone, days_and_minutes_of_the_week)
{
	struct zone *berlin;
	struct zone_week week;

	cr_assert_eq(zone_load("Europe/Berlin", &berlin), 0);
	week = zone_week_at(berlin, 1774745999); /* Sunday 2026-03-29 01:59:59 */
	cr_expect(week.day == 6 && week.minute == 119);
	week = zone_week_at(berlin, 1774746000); /* 03:00 */
	cr_expect(week.day == 6 && week.minute == 180);
	week = zone_week_at(berlin, 1795474800); /* Tuesday 2026-11-24 00:00 */
	cr_expect(week.day == 1 && week.minute == 0, "%u %u", week.day, week.minute);
	week = zone_week_at(berlin, -7200); /* Wednesday 1969-12-31 23:00 */
	cr_expect(week.day == 2 && week.minute == 23 * 60);
	zone_free(berlin);
}

Test(zone, names_that_are_none)
{
	static const char *const names[] = {"", "/etc/passwd", "../../../etc/passwd", "Europe/Berlin;",
					    "Europe/Atlantis", "Europe", "tzdata.zi", "zone.tab",
					    "Europe/../../../../etc/hosts"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct zone *zone;

		cr_expect_neq(zone_load(names[i], &zone), 0, "%s", names[i]);
		cr_expect_null(zone);
	}
}
