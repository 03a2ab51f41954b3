/* SPDX-License-Identifier: BSD-3-Clause */
/* The log: one line an event, of a level, a component, a message and fields. One write(2) a line,
 * so lines of threads and processes never mix. Both processes, any thread but a polling worker: a
 * line costs a system call. */
#pragma once

#include "common/base/cursor.h"
#include "common/net/addr.h"

enum log_level { LOG_LEVEL_DEBUG = 0, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVELS };
enum log_format { LOG_FORMAT_TEXT = 0, LOG_FORMAT_JSON };

/* -EINVAL for a word that is neither. */
int log_level_from(const char *word);
int log_format_from(const char *word);

/* Before it, lines of level info and worse go to stderr as text. `process` is static; `file` "" is
 * stderr. A file is opened for appending, 0640. May be called again (reload): the old output stays
 * where the new one cannot be opened. 0, or -errno. */
int log_open(const char *process, enum log_level level, enum log_format format, const char *file);

/* Open the file again, after logrotate moved it. 0, or -errno (then lines go to the old file). Not
 * a signal handler's: the loop calls it. */
int log_reopen(void);

/* Lines that could not be written, so far. */
uint64_t log_lost(void);

extern enum log_level log_threshold; /* read only; changes in log_open */

enum log_kind { LOG_KIND_SPAN, LOG_KIND_U64, LOG_KIND_I64, LOG_KIND_ENDPOINT, LOG_KIND_HANDLE };

struct log_field {
	const char *key; /* literal: [a-z_]+ */
	enum log_kind kind;
	union {
		struct span span;
		uint64_t u64;
		int64_t i64;
		const struct net_endpoint *endpoint;
	};
};

/* Fields. Values may hold a peer's bytes: they are escaped, and cut after LOG_VALUE_BYTES_MAX. */
#define LOG_VALUE_BYTES_MAX 256u
#define LOG_SPAN(k, v)     {.key = (k), .kind = LOG_KIND_SPAN, .span = (v)}
#define LOG_STR(k, v)      {.key = (k), .kind = LOG_KIND_SPAN, .span = span_str(v)}
#define LOG_U64(k, v)      {.key = (k), .kind = LOG_KIND_U64, .u64 = (v)}
#define LOG_I64(k, v)      {.key = (k), .kind = LOG_KIND_I64, .i64 = (v)}
#define LOG_ENDPOINT(k, v) {.key = (k), .kind = LOG_KIND_ENDPOINT, .endpoint = (v)}
#define LOG_HANDLE(k, v)   {.key = (k), .kind = LOG_KIND_HANDLE, .u64 = (v)} /* 16 hex digits */
/* strerror of a negative errno. */
#define LOG_ERR(err) LOG_STR("error", strerror(-(err)))

/* LOG(INFO, "policy", "request refused", LOG_STR("trunk", name), LOG_U64("status", 403)); the
 * message is ours, never a peer's. */
#define LOG(level, component, message, ...)                                                        \
	do {                                                                                       \
		if (LOG_LEVEL_##level >= log_threshold) {                                          \
			const struct log_field log_fields_[] = {{.key = NULL}, ##__VA_ARGS__};     \
			log_write(LOG_LEVEL_##level, component, message, log_fields_ + 1,          \
				  sizeof(log_fields_) / sizeof(log_fields_[0]) - 1);               \
		}                                                                                  \
	} while (0)

void log_write(enum log_level level, const char *component, const char *message,
	       const struct log_field *fields, size_t nfields);

/* The line itself, newline and all, for log_write and tests. What does not fit is cut and said
 * so. */
void log_put_line(struct cursor *out, enum log_format format, const char *process, uint64_t unix_ns,
		  enum log_level level, const char *component, const char *message,
		  const struct log_field *fields, size_t nfields);

/* At most `burst` lines in each window of `window_ns`. One thread, or a lock of the caller's. */
struct log_limit {
	uint64_t window_ns;
	uint32_t burst;
	uint32_t used;
	uint64_t began_ns;
	uint64_t held; /* since the last line that passed */
};

/* Whether a line may be written now; *held is how many could not since the last that was. */
bool log_limit_pass(struct log_limit *limit, uint64_t mono_ns, uint64_t *held);
