/* SPDX-License-Identifier: BSD-3-Clause */
/* A table's rows from a CSV file: prefix,trunk[,cost[,quality[,strip[,add]]]]. Any thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/policy/ptable_build.h"

#define FIELDS_MAX     6u
#define FILE_BYTES_MAX (UINT64_C(1) << 30)

/* A field, perhaps in quotes. False where a quote is not closed or something stands behind it. */
static bool take_field(struct span *rest, struct span *field, bool *more)
{
	const char *end = rest->ptr + rest->len, *comma;

	if (rest->len && rest->ptr[0] == '"') {
		const char *quote = memchr(rest->ptr + 1, '"', rest->len - 1);

		if (!quote || (quote + 1 < end && quote[1] != ','))
			return false;
		*field = span_of(rest->ptr + 1, (size_t)(quote - rest->ptr - 1));
		comma = quote + 1 < end ? quote + 1 : NULL;
	} else {
		comma = rest->len ? memchr(rest->ptr, ',', rest->len) : NULL;
		*field = span_trim(span_of(rest->ptr, (size_t)((comma ? comma : end) - rest->ptr)));
	}
	*more = comma != NULL;
	if (comma)
		*rest = span_of(comma + 1, (size_t)(end - comma - 1));
	return true;
}

/* What is wrong with the line as CSV, or NULL. */
static const char *split(struct span text, struct ptable_line *line)
{
	struct span *const fields[FIELDS_MAX] = {&line->prefix,	 &line->trunk, &line->cost,
						 &line->quality, &line->strip, &line->add};
	bool more = true;
	unsigned n;

	for (n = 0; more && n < FIELDS_MAX; n++) {
		if (!take_field(&text, fields[n], &more))
			return "a quote that is not closed before the next comma";
	}
	if (more)
		return "more than six fields: prefix,trunk,cost,quality,strip,add";
	return n < 2 ? "no trunk: a row is prefix,trunk[,cost[,quality[,strip[,add]]]]" : NULL;
}

/* The first line may name the fields. */
static bool is_head(const struct ptable_line *line)
{
	return span_ieq(line->prefix, SPAN("prefix")) && span_ieq(line->trunk, SPAN("trunk"));
}

static int read_rows(struct span text, struct ptable_build *build, char why[PTABLE_WHY_BYTES])
{
	const char *at = text.ptr, *end = text.ptr + text.len;

	for (unsigned number = 1; at < end; number++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct ptable_line line = {.line = number};
		struct span row;
		const char *wrong;
		int err;

		if (!stop)
			stop = end;
		row = span_trim(span_of(at, (size_t)(stop - at)));
		at = stop + 1;
		if (!row.len)
			continue;
		wrong = split(row, &line);
		if (wrong) {
			snprintf(why, PTABLE_WHY_BYTES, "line %u: %s", number, wrong);
			return -EINVAL;
		}
		if (number == 1 && is_head(&line))
			continue;
		err = ptable_build_add(build, &line, why);
		if (err)
			return err;
	}
	return 0;
}

static int refuse(char why[PTABLE_WHY_BYTES], int err, const char *reason)
{
	snprintf(why, PTABLE_WHY_BYTES, "cannot be read: %s", reason);
	return err;
}

/* Not mapped: a file that is cut short while it is read must be no signal. */
static int read_whole(int fd, char *buf, size_t len, size_t *got)
{
	*got = 0;
	while (*got < len) {
		ssize_t n = read(fd, buf + *got, len - *got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		*got += (size_t)n;
	}
	return 0;
}

static int read_file(int fd, struct ptable_build *build, char why[PTABLE_WHY_BYTES])
{
	static const char mark[] = "\xef\xbb\xbf";
	struct stat st;
	size_t len;
	char *text;
	int err;

	if (fstat(fd, &st))
		return refuse(why, -errno, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(why, -EINVAL, "not a regular file");
	if ((uint64_t)st.st_size > FILE_BYTES_MAX)
		return refuse(why, -EFBIG, "larger than 1 GiB");
	if (!st.st_size)
		return 0;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (text == MAP_FAILED)
		return refuse(why, -ENOMEM, "out of memory");
	err = read_whole(fd, text, (size_t)st.st_size, &len);
	if (err) {
		refuse(why, err, strerror(-err));
	} else {
		struct span rows = span_of(text, len);

		if (len >= 3 && !memcmp(text, mark, 3))
			rows = span_of(text + 3, len - 3);
		err = read_rows(rows, build, why);
	}
	munmap(text, (size_t)st.st_size);
	return err;
}

int ptable_read_csv(const char *path, struct ptable_build *build, char why[PTABLE_WHY_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0)
		return refuse(why, -errno, strerror(errno));
	err = read_file(fd, build, why);
	close(fd);
	return err;
}
