/* SPDX-License-Identifier: BSD-3-Clause */
/* The log: one line an event. Both processes, any thread but a polling worker. */
#include "common/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/log/json.h"

#define LINE_BYTES_MAX 4096u
#define CUT_BYTES      16u /* room for the note that something was left out */

static const char *const level_names[LOG_LEVELS] = {"debug", "info", "warn", "error"};

enum log_level log_threshold = LOG_LEVEL_INFO;

static struct {
	const char *process;
	enum log_format format;
	char *path; /* NULL: stderr */
	atomic_int fd;
	atomic_uint_fast64_t lost;
} out = {.process = "limen", .fd = STDERR_FILENO};

int log_level_from(const char *word)
{
	for (int i = 0; i < LOG_LEVELS; i++) {
		if (strcmp(word, level_names[i]) == 0)
			return i;
	}
	return -EINVAL;
}

int log_format_from(const char *word)
{
	if (strcmp(word, "text") == 0)
		return LOG_FORMAT_TEXT;
	return strcmp(word, "json") == 0 ? LOG_FORMAT_JSON : -EINVAL;
}

/* Put `fd` in the place of the output. Once that is not stderr any more its number stays for good,
 * so that a line of another thread goes to the old file or to the new one, never to a closed
 * one. */
static int replace_output(int fd)
{
	int old = atomic_load(&out.fd);
	int err = 0;

	if (old == STDERR_FILENO) {
		atomic_store(&out.fd, fd);
		return 0;
	}
	if (dup3(fd, old, O_CLOEXEC) < 0)
		err = -errno;
	if (fd != STDERR_FILENO)
		close(fd);
	return err;
}

/* The file, or stderr without a name. */
static int point_at(const char *path)
{
	int fd = STDERR_FILENO;

	if (*path)
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0660);
	return fd < 0 ? -errno : replace_output(fd);
}

int log_open(const char *process, enum log_level level, enum log_format format, const char *file)
{
	char *path = strdup(file), *was = out.path;
	int err;

	if (!path)
		return -ENOMEM;
	err = point_at(path);
	if (err) {
		free(path);
		return err;
	}
	out.process = process;
	out.format = format;
	out.path = path;
	log_threshold = level;
	free(was);
	return 0;
}

int log_reopen(void)
{
	return out.path && *out.path ? point_at(out.path) : 0;
}

uint64_t log_lost(void)
{
	return atomic_load(&out.lost);
}

/* Whether a value needs no quotes in a text line. */
static bool is_bare(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		char ch = value.ptr[i];

		if (ch <= ' ' || ch >= 0x7f || ch == '"' || ch == '\\' || ch == '=')
			return false;
	}
	return value.len > 0;
}

/* A text value: quoted where it needs to be, all but printable ASCII as \xNN. */
static void put_value(struct cursor *c, struct span value)
{
	static const char hex[] = "0123456789abcdef";

	if (is_bare(value)) {
		put_span(c, value);
		return;
	}
	put_char(c, '"');
	for (size_t i = 0; i < value.len; i++) {
		uint8_t ch = (uint8_t)value.ptr[i];

		if (ch == '"' || ch == '\\') {
			put_char(c, '\\');
			put_char(c, (char)ch);
		} else if (ch >= ' ' && ch < 0x7f) {
			put_char(c, (char)ch);
		} else {
			char text[4] = {'\\', 'x', hex[ch >> 4], hex[ch & 15]};

			put_bytes(c, text, sizeof(text));
		}
	}
	put_char(c, '"');
}

static void put_handle(struct cursor *c, uint64_t handle)
{
	static const char hex[] = "0123456789abcdef";

	for (int shift = 60; shift >= 0; shift -= 4)
		put_char(c, hex[handle >> shift & 15]);
}

static void put_i64(struct cursor *c, int64_t value)
{
	if (value < 0)
		put_char(c, '-');
	put_u64(c, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static void put_field(struct cursor *c, enum log_format format, const struct log_field *field)
{
	struct span text = field->span;
	char buf[80];
	struct cursor b = cursor_on(buf, sizeof(buf));

	if (format == LOG_FORMAT_JSON) {
		put_json_key(c, field->key);
	} else {
		put_char(c, ' ');
		put_span(c, span_str(field->key));
		put_char(c, '=');
	}
	switch (field->kind) {
	case LOG_KIND_U64:
		put_u64(c, field->u64);
		return;
	case LOG_KIND_I64:
		put_i64(c, field->i64);
		return;
	case LOG_KIND_ENDPOINT:
		put_endpoint(&b, field->endpoint);
		text = cursor_span(&b);
		break;
	case LOG_KIND_HANDLE:
		put_handle(&b, field->u64);
		text = cursor_span(&b);
		break;
	case LOG_KIND_SPAN:
		if (text.len > LOG_VALUE_BYTES_MAX)
			text.len = LOG_VALUE_BYTES_MAX;
		break;
	}
	if (format == LOG_FORMAT_JSON)
		put_json_str(c, text);
	else
		put_value(c, text);
}

void log_put_line(struct cursor *c, enum log_format format, const char *process, uint64_t unix_ns,
		  enum log_level level, const char *component, const char *message,
		  const struct log_field *fields, size_t nfields)
{
	bool json = format == LOG_FORMAT_JSON;

	if (c->cap < CUT_BYTES) {
		c->full = true;
		return;
	}
	c->cap -= CUT_BYTES;
	if (json) {
		put_char(c, '{');
		put_json_time(c, "time", unix_ns);
		put_json_text(c, "level", span_str(level_names[level]));
		put_json_text(c, "process", span_str(process));
		put_json_text(c, "component", span_str(component));
		put_json_text(c, "message", span_str(message));
	} else {
		put_time(c, unix_ns);
		put_char(c, ' ');
		put_span(c, span_str(level_names[level]));
		put_char(c, ' ');
		put_span(c, span_str(process));
		put_char(c, '/');
		put_span(c, span_str(component));
		put_lit(c, ": ");
		put_span(c, span_str(message));
	}
	for (size_t i = 0; i < nfields && !c->full; i++) {
		uint32_t good = c->len;

		put_field(c, format, &fields[i]);
		if (c->full)
			c->len = good;
	}
	c->cap += CUT_BYTES;
	if (c->full) {
		c->full = false;
		put_span(c, json ? SPAN(",\"cut\":true") : SPAN(" cut=true"));
	}
	put_span(c, json ? SPAN("}\n") : SPAN("\n"));
}

void log_write(enum log_level level, const char *component, const char *message,
	       const struct log_field *fields, size_t nfields)
{
	char line[LINE_BYTES_MAX];
	struct cursor c = cursor_on(line, sizeof(line));
	ssize_t wrote;

	log_put_line(&c, out.format, out.process, clock_real_ns(), level, component, message,
		     fields, nfields);
	do {
		wrote = write(atomic_load(&out.fd), line, c.len);
	} while (wrote < 0 && errno == EINTR);
	if (wrote != (ssize_t)c.len)
		atomic_fetch_add(&out.lost, 1);
}

bool log_limit_pass(struct log_limit *limit, uint64_t mono_ns, uint64_t *held)
{
	if (mono_ns - limit->began_ns >= limit->window_ns) {
		limit->began_ns = mono_ns;
		limit->used = 0;
	}
	if (limit->used == limit->burst) {
		limit->held++;
		return false;
	}
	limit->used++;
	*held = limit->held;
	limit->held = 0;
	return true;
}
