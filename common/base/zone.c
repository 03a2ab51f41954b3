/* SPDX-License-Identifier: BSD-3-Clause */
/* Time zones by name: zone files (RFC 8536, version 2 and up) and the rule in their last line for
 * times behind their last change (POSIX TZ). Any thread. */
#include "common/base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZONE_DIR       "/usr/share/zoneinfo/"
#define FILE_BYTES_MAX 65536u
#define HEAD_BYTES     44u
#define DAY_S	       86400
#define TIMES_MAX      4096u
#define TYPES_MAX      256u

/* A day of the year on which summer time begins or ends. */
struct day_rule {
	char kind; /* 'M': month, week, day of the week; 'J': day 1..365 without 29 February; 'N':
		      day 0..365 */
	int month, week, day;
	int32_t time_s; /* of that day, local, before the change */
};

/* POSIX TZ: offsets east of UTC. */
struct tail {
	bool given, summer;
	int32_t standard_s, summer_s;
	struct day_rule from, to;
};

struct zone {
	unsigned ntimes;
	int64_t *times; /* ascending */
	uint8_t *types; /* from that time on */
	int32_t offsets[TYPES_MAX];
	int32_t before_s; /* before the first time */
	struct tail tail;
};

/* ---- the last line ---- */

/* At most `digits` of them. */
static bool read_int(const char **at, unsigned digits, int *value)
{
	unsigned n = 0;

	for (*value = 0; n < digits && **at >= '0' && **at <= '9'; n++)
		*value = *value * 10 + (*(*at)++ - '0');
	return n > 0;
}

/* [+-]hh[:mm[:ss]] */
static bool read_hms(const char **at, int32_t *seconds)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes = 0, rest = 0;

	if (**at == '-' || **at == '+')
		(*at)++;
	if (!read_int(at, 3, &hours) || hours > 167)
		return false;
	if (**at == ':') {
		(*at)++;
		if (!read_int(at, 2, &minutes) || minutes > 59)
			return false;
	}
	if (**at == ':') {
		(*at)++;
		if (!read_int(at, 2, &rest) || rest > 59)
			return false;
	}
	*seconds = sign * (hours * 3600 + minutes * 60 + rest);
	return true;
}

static bool skip_name(const char **at)
{
	const char *from = *at;

	if (**at == '<') {
		*at = strchr(*at, '>');
		return *at && (*at)++ - from >= 3;
	}
	while ((**at >= 'A' && **at <= 'Z') || (**at >= 'a' && **at <= 'z'))
		(*at)++;
	return *at - from >= 3;
}

/* Mm.w.d, Jn or n, and perhaps /time. */
static bool read_day(const char **at, struct day_rule *rule)
{
	*rule = (struct day_rule){.kind = 'N', .time_s = 2 * 3600};
	if (**at == 'M') {
		rule->kind = *(*at)++;
		if (!read_int(at, 2, &rule->month) || *(*at)++ != '.' ||
		    !read_int(at, 1, &rule->week) || *(*at)++ != '.' ||
		    !read_int(at, 1, &rule->day) || rule->month < 1 || rule->month > 12 ||
		    rule->week < 1 || rule->week > 5 || rule->day > 6)
			return false;
	} else {
		if (**at == 'J')
			rule->kind = *(*at)++;
		if (!read_int(at, 3, &rule->day) || rule->day > 365 ||
		    (rule->kind == 'J' && !rule->day))
			return false;
	}
	if (**at != '/')
		return true;
	(*at)++;
	return read_hms(at, &rule->time_s);
}

static bool read_tail(const char *at, struct tail *tail)
{
	if (!*at)
		return true;
	tail->given = true;
	if (!skip_name(&at) || !read_hms(&at, &tail->standard_s))
		return false;
	tail->standard_s = -tail->standard_s; /* POSIX counts west of Greenwich */
	if (!*at)
		return true;
	tail->summer = true;
	tail->summer_s = tail->standard_s + 3600;
	if (!skip_name(&at))
		return false;
	if (*at && *at != ',') {
		if (!read_hms(&at, &tail->summer_s))
			return false;
		tail->summer_s = -tail->summer_s;
	}
	return *at++ == ',' && read_day(&at, &tail->from) && *at++ == ',' &&
	       read_day(&at, &tail->to) && !*at;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first of that month, 1..12. */
static int64_t days_to(int64_t year, int month)
{
	static const int16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int64_t y = year - 1;

	return (year - 1970) * 365 + (y / 4 - 1969 / 4) - (y / 100 - 1969 / 100) +
	       (y / 400 - 1969 / 400) + before[month - 1] + (month > 2 && is_leap(year));
}

/* 0: Sunday */
static int weekday_of(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

/* When the rule's moment is in that year, as local time before the change, in UNIX seconds as if it
 * were UTC. */
static int64_t moment(const struct day_rule *rule, int64_t year)
{
	static const int8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t days;

	if (rule->kind == 'M') {
		int length = lengths[rule->month - 1] + (rule->month == 2 && is_leap(year)), day;

		days = days_to(year, rule->month);
		day = (rule->day - weekday_of(days) + 7) % 7 + 7 * (rule->week - 1);
		days += day < length ? day : day - 7;
	} else {
		days = days_to(year, 1) + rule->day;
		if (rule->kind == 'J') /* 29 February is never counted */
			days += (rule->day >= 60 && is_leap(year)) - 1;
	}
	return days * DAY_S + rule->time_s;
}

static int32_t tail_offset(const struct tail *tail, int64_t unix_s)
{
	int64_t year, from, to;

	if (!tail->summer)
		return tail->standard_s;
	/* the local year, by standard time */
	year = 1970 + (unix_s + tail->standard_s) / 31556952;
	while (days_to(year + 1, 1) * DAY_S <= unix_s + tail->standard_s)
		year++;
	while (days_to(year, 1) * DAY_S > unix_s + tail->standard_s)
		year--;
	from = moment(&tail->from, year) - tail->standard_s;
	to = moment(&tail->to, year) - tail->summer_s;
	if (from < to)
		return unix_s >= from && unix_s < to ? tail->summer_s : tail->standard_s;
	return unix_s >= from || unix_s < to ? tail->summer_s : tail->standard_s;
}

/* ---- the file ---- */

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t get64(const uint8_t *at)
{
	return (int64_t)((uint64_t)get32(at) << 32 | get32(at + 4));
}

struct counts {
	uint32_t utc, standard, leaps, times, types, chars;
};

static bool read_head(const uint8_t *at, size_t len, struct counts *n)
{
	if (len < HEAD_BYTES || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
		return false;
	*n = (struct counts){get32(at + 20), get32(at + 24), get32(at + 28),
			     get32(at + 32), get32(at + 36), get32(at + 40)};
	return n->utc <= TYPES_MAX && n->standard <= TYPES_MAX && n->leaps <= TIMES_MAX &&
	       n->times <= TIMES_MAX && n->types >= 1 && n->types <= TYPES_MAX &&
	       n->chars <= TIMES_MAX;
}

static size_t body_bytes(const struct counts *n, size_t time_bytes)
{
	return n->times * (time_bytes + 1) + n->types * 6 + n->chars + n->leaps * (time_bytes + 4) +
	       n->standard + n->utc;
}

static bool read_body(struct zone *zone, const uint8_t *at, const struct counts *n)
{
	const uint8_t *types = at + n->times * 8, *infos = types + n->times;

	zone->times = calloc(n->times + 1, sizeof(*zone->times));
	zone->types = calloc(n->times + 1, 1);
	if (!zone->times || !zone->types)
		return false;
	zone->ntimes = n->times;
	for (uint32_t i = 0; i < n->types; i++)
		zone->offsets[i] = (int32_t)get32(infos + i * 6);
	zone->before_s = zone->offsets[0];
	for (uint32_t i = 0; i < n->times; i++) {
		zone->times[i] = get64(at + i * 8);
		zone->types[i] = types[i];
	}
	return true;
}

static bool is_sound(const struct zone *zone, uint32_t ntypes)
{
	for (unsigned i = 0; i < zone->ntimes; i++) {
		if (zone->types[i] >= ntypes || (i && zone->times[i] <= zone->times[i - 1]))
			return false;
	}
	return true;
}

static int parse(struct zone *zone, const uint8_t *at, size_t len)
{
	const uint8_t *end = at + len;
	struct counts n;
	char line[128];
	size_t tail;

	/* the first part is for readers of version 1 */
	if (!read_head(at, len, &n) || body_bytes(&n, 4) > len - HEAD_BYTES)
		return -EINVAL;
	at += HEAD_BYTES + body_bytes(&n, 4);
	if (!read_head(at, (size_t)(end - at), &n) ||
	    body_bytes(&n, 8) > (size_t)(end - at) - HEAD_BYTES)
		return -EINVAL;
	if (!read_body(zone, at + HEAD_BYTES, &n))
		return -ENOMEM;
	at += HEAD_BYTES + body_bytes(&n, 8);
	tail = (size_t)(end - at);
	if (tail < 2 || tail > sizeof(line) || at[0] != '\n' || at[tail - 1] != '\n')
		return -EINVAL;
	memcpy(line, at + 1, tail - 2);
	line[tail - 2] = '\0';
	return is_sound(zone, n.types) && read_tail(line, &zone->tail) ? 0 : -EINVAL;
}

/* No way out of the directory. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > ZONE_NAME_MAX || name[0] == '/' || strstr(name, ".."))
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      strchr("_-+/.", c)))
			return false;
	}
	return true;
}

static int read_file(const char *path, uint8_t *bytes, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (*len = 0; *len < FILE_BYTES_MAX; *len += (size_t)n) {
		n = read(fd, bytes + *len, FILE_BYTES_MAX - *len);
		if (n <= 0)
			break;
	}
	close(fd);
	return 0;
}

int zone_load(const char *name, struct zone **out)
{
	char path[sizeof(ZONE_DIR) + ZONE_NAME_MAX];
	struct zone *zone;
	uint8_t *bytes;
	size_t len = 0;
	int err;

	*out = NULL;
	if (!is_name(name))
		return -EINVAL;
	snprintf(path, sizeof(path), "%s%s", ZONE_DIR, name);
	zone = calloc(1, sizeof(*zone));
	bytes = malloc(FILE_BYTES_MAX);
	err = zone && bytes ? read_file(path, bytes, &len) : -ENOMEM;
	if (!err)
		err = parse(zone, bytes, len);
	free(bytes);
	if (err) {
		zone_free(zone);
		return err;
	}
	*out = zone;
	return 0;
}

void zone_free(struct zone *zone)
{
	if (!zone)
		return;
	free(zone->times);
	free(zone->types);
	free(zone);
}

int32_t zone_offset(const struct zone *zone, int64_t unix_s)
{
	unsigned low = 0, high = zone->ntimes;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (zone->times[middle] <= unix_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == zone->ntimes && zone->tail.given)
		return tail_offset(&zone->tail, unix_s);
	return low ? zone->offsets[zone->types[low - 1]] : zone->before_s;
}

struct zone_week zone_week_at(const struct zone *zone, int64_t unix_s)
{
	int64_t local = unix_s + zone_offset(zone, unix_s), days = local / DAY_S;

	if (local % DAY_S < 0)
		days--;
	return (struct zone_week){
		.day = (unsigned)(weekday_of(days) + 6) % 7,
		.minute = (unsigned)(local - days * DAY_S) / 60,
	};
}
