/* SPDX-License-Identifier: BSD-3-Clause */
/* Users and their HA1s: rows in one array, names and realms in one text, a hash table over both.
 * limen-controlplane, the thread that loads; then any. */
#include "controlplane/auth/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/hash.h"
#include "controlplane/auth/users_sqlite.h"

#define FILE_BYTES_MAX (1u << 30)
#define REALM_MAX      255u

struct row {
	uint32_t text; /* user, then realm */
	uint8_t user_len, realm_len;
	uint8_t algorithm;
	unsigned char ha1[DIGEST_BYTES_MAX];
};

struct users {
	struct hash_key key;
	struct row *rows; /* owned */
	uint32_t nrows, room;
	char *text; /* owned: the file */
	size_t text_len;
	uint32_t *slots; /* owned: row plus 1; 0: free */
	uint32_t mask;
};

static uint64_t hash_of(const struct users *u, struct span user, struct span realm,
			unsigned algorithm)
{
	struct hash_sip h = hash_sip_start(&u->key);

	hash_sip_add(&h, &algorithm, sizeof(algorithm));
	hash_sip_add(&h, &user.len, sizeof(user.len));
	hash_sip_add(&h, user.ptr, user.len);
	hash_sip_add(&h, realm.ptr, realm.len);
	return hash_sip_end(&h);
}

static struct span user_of(const struct users *u, const struct row *row)
{
	return span_of(u->text + row->text, row->user_len);
}

static struct span realm_of(const struct users *u, const struct row *row)
{
	return span_of(u->text + row->text + row->user_len + 1, row->realm_len);
}

static uint32_t slot_of(const struct users *u, struct span user, struct span realm,
			unsigned algorithm)
{
	uint32_t at = (uint32_t)hash_of(u, user, realm, algorithm);

	for (at &= u->mask; u->slots[at]; at = (at + 1) & u->mask) {
		const struct row *row = &u->rows[u->slots[at] - 1];

		if (row->algorithm == algorithm && span_eq(user_of(u, row), user) &&
		    span_eq(realm_of(u, row), realm))
			break;
	}
	return at;
}

static struct span take_field(struct span *line)
{
	const char *comma = line->len ? memchr(line->ptr, ',', line->len) : NULL;
	struct span field = *line;

	if (comma) {
		field.len = (size_t)(comma - line->ptr);
		*line = span_of(comma + 1, line->len - field.len - 1);
	} else {
		*line = SPAN_NONE;
	}
	return field;
}

/* NULL, or what is wrong. A row's user and realm stay where they are: a comma apart. */
static const char *read_row(struct users *u, struct span line, struct row *row)
{
	struct span user = take_field(&line), realm = take_field(&line);
	struct span name = take_field(&line), ha1 = take_field(&line);
	enum digest_algorithm algorithm;

	if (!user.len || user.len > DIGEST_USER_MAX)
		return "no user, or one too long";
	if (!realm.len || realm.len > REALM_MAX)
		return "no realm, or one too long";
	if (!name.len || !digest_from_name(name, &algorithm))
		return "an algorithm other than MD5, SHA-256 and SHA-512-256";
	if (!read_hex(ha1, row->ha1, digest_bytes(algorithm)))
		return "an HA1 that is not as many hexadecimal digits as its algorithm makes";
	if (line.len)
		return "more than four fields";
	row->text = (uint32_t)(user.ptr - u->text);
	row->user_len = (uint8_t)user.len;
	row->realm_len = (uint8_t)realm.len;
	row->algorithm = (uint8_t)algorithm;
	return NULL;
}

static int add_row(struct users *u, const struct row *row)
{
	if (u->nrows == u->room) {
		uint32_t room = u->room ? u->room * 2 : 256;
		struct row *rows = malloc(room * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		if (u->nrows)
			memcpy(rows, u->rows, u->nrows * sizeof(*rows));
		if (u->rows)
			explicit_bzero(u->rows, u->nrows * sizeof(*rows));
		free(u->rows);
		u->rows = rows;
		u->room = room;
	}
	u->rows[u->nrows++] = *row;
	return 0;
}

static int read_rows(struct users *u, struct users_error *error)
{
	struct span rest = span_of(u->text, u->text_len);

	for (unsigned number = 1; rest.len; number++) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		struct span line = end ? span_of(rest.ptr, (size_t)(end - rest.ptr)) : rest;
		struct row row;

		rest = end ? span_of(end + 1, rest.len - line.len - 1) : SPAN_NONE;
		line = span_trim(line);
		if (!line.len || line.ptr[0] == '#')
			continue;
		error->line = number;
		error->reason = read_row(u, line, &row);
		if (error->reason)
			return -EINVAL;
		if (add_row(u, &row))
			return -ENOMEM;
	}
	return 0;
}

static int index_rows(struct users *u, struct users_error *error)
{
	u->mask = 1;
	while (u->mask < u->nrows * 2)
		u->mask = u->mask * 2 + 1;
	u->slots = calloc((size_t)u->mask + 1, sizeof(*u->slots));
	if (!u->slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < u->nrows; i++) {
		const struct row *row = &u->rows[i];
		uint32_t at = slot_of(u, user_of(u, row), realm_of(u, row), row->algorithm);

		if (u->slots[at]) {
			error->line = 0;
			error->reason = "a user twice, in the same realm and for one algorithm";
			return -EINVAL;
		}
		u->slots[at] = i + 1;
	}
	return 0;
}

static int read_file(struct users *u, const char *path, struct users_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > (off_t)FILE_BYTES_MAX)
		err = -EFBIG;
	u->text = err ? NULL : malloc((size_t)st.st_size + 1);
	if (!err && !u->text)
		err = -ENOMEM;
	while (!err && u->text_len < (size_t)st.st_size) {
		ssize_t got = read(fd, u->text + u->text_len, (size_t)st.st_size - u->text_len);

		if (got <= 0) {
			err = got ? -errno : -EIO;
			break;
		}
		u->text_len += (size_t)got;
	}
	close(fd);
	if (err)
		error->reason = strerror(-err);
	return err;
}

static int load(struct users **out, const char *path, const char *table,
		struct users_error *error)
{
	struct users *u = calloc(1, sizeof(*u));
	int err = u ? 0 : -ENOMEM;

	*out = NULL;
	*error = (struct users_error){.reason = "out of memory"};
	if (!err && getrandom(&u->key, sizeof(u->key), 0) != sizeof(u->key))
		err = -EIO;
	if (!err)
		err = table ? users_read_sqlite(path, table, &u->text, &u->text_len, error)
			    : read_file(u, path, error);
	if (!err)
		err = read_rows(u, error);
	if (!err)
		err = index_rows(u, error);
	if (err) {
		users_free(u);
		return err;
	}
	*out = u;
	return 0;
}

int users_load(struct users **out, const char *path, struct users_error *error)
{
	return load(out, path, NULL, error);
}

int users_load_sqlite(struct users **out, const char *path, const char *table,
		      struct users_error *error)
{
	return load(out, path, table, error);
}

void users_free(struct users *u)
{
	if (!u)
		return;
	if (u->rows)
		explicit_bzero(u->rows, u->nrows * sizeof(*u->rows));
	if (u->text)
		explicit_bzero(u->text, u->text_len);
	free(u->rows);
	free(u->text);
	free(u->slots);
	free(u);
}

const unsigned char *users_find(const struct users *u, struct span user, struct span realm,
				enum digest_algorithm algorithm)
{
	uint32_t row = u->slots[slot_of(u, user, realm, algorithm)];

	return row ? u->rows[row - 1].ha1 : NULL;
}

size_t users_count(const struct users *u)
{
	return u->nrows;
}
