/* SPDX-License-Identifier: BSD-3-Clause */
/* The record file itself: whole lines or nothing. limen-controlplane, the writer's thread. */
#include "controlplane/cdr/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_BYTES_MAX (4u * 1024u * 1024u)

/* A new file's name must outlive a crash of the machine as its lines do. */
void cdr_file_sync_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[CDR_PATH_MAX] = ".";
	int fd;

	if (slash && (size_t)(slash - path) < sizeof(dir)) {
		size_t len = slash == path ? 1 : (size_t)(slash - path);

		memcpy(dir, path, len);
		dir[len] = '\0';
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd); /* not every file system can; then there is nothing to be done */
	close(fd);
}

/* The last bytes of the file, at most `max`; *len of them. NULL when there are none or no
 * memory. */
static char *read_tail(const struct cdr_file *file, size_t max, size_t *len)
{
	off_t from = file->good > (off_t)max ? file->good - (off_t)max : 0;
	size_t want = (size_t)(file->good - from), got = 0;
	char *tail = want ? malloc(want) : NULL;

	while (tail && got < want) {
		ssize_t n = pread(file->fd, tail + got, want - got, from + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	*len = got;
	return tail;
}

/* A crash can leave a line without its end: no record that was acknowledged, as the sync comes
 * before. */
static int cut_unfinished(struct cdr_file *file, off_t *cut_bytes)
{
	size_t len, keep;
	char *tail = read_tail(file, CDR_RECORD_BYTES_MAX * 2, &len);

	*cut_bytes = 0;
	for (keep = len; keep && tail[keep - 1] != '\n'; keep--)
		;
	free(tail);
	if (keep == len)
		return 0;
	if (!keep && file->good != (off_t)len)
		return -EINVAL; /* so long a line is none of ours */
	*cut_bytes = (off_t)(len - keep);
	if (ftruncate(file->fd, file->good - *cut_bytes) < 0)
		return -errno;
	file->good -= *cut_bytes;
	return 0;
}

int cdr_file_open(struct cdr_file *file, const char *path, off_t *cut_bytes)
{
	struct stat st;
	int err = 0;

	*cut_bytes = 0;
	*file = (struct cdr_file){
		.fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640)};
	if (file->fd < 0)
		return -errno;
	if (fstat(file->fd, &st) < 0) {
		err = -errno;
	} else if (S_ISREG(st.st_mode)) {
		file->good = st.st_size;
		err = cut_unfinished(file, cut_bytes);
		if (!st.st_size)
			cdr_file_sync_name(path);
	}
	if (err)
		cdr_file_close(file);
	return err;
}

void cdr_file_close(struct cdr_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

static int write_all(int fd, struct span text)
{
	while (text.len) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text = span_of(text.ptr + n, text.len - (size_t)n);
	}
	return 0;
}

int cdr_file_append(struct cdr_file *file, struct span lines)
{
	/* somebody may have cut the file; a pipe has no size */
	off_t size = lseek(file->fd, 0, SEEK_END);
	int err;

	if (size >= 0 && !file->torn)
		file->good = size;
	err = file->torn ? write_all(file->fd, SPAN("\n")) : 0;
	if (!err)
		err = write_all(file->fd, lines);
	/* a pipe or device has nothing to sync: EINVAL */
	if (!err && fdatasync(file->fd) < 0 && errno != EINVAL)
		err = -errno;
	if (err) {
		file->torn = ftruncate(file->fd, file->good) < 0;
		return err;
	}
	file->good += (off_t)lines.len + file->torn;
	file->torn = false;
	return 0;
}

int cdr_file_last_ids(const struct cdr_file *file, cdr_file_id *each, void *arg)
{
	static const struct span head = {"{\"call\":\"", 9};
	size_t len;
	char *tail = read_tail(file, TAIL_BYTES_MAX, &len);
	const char *at = tail, *end = tail + len;

	if (!tail)
		return file->good ? -ENOMEM : 0;
	/* the first line of the piece may be half of one */
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct cdr_id id;

		if (!stop)
			break;
		if ((size_t)(stop - at) > head.len && memcmp(at, head.ptr, head.len) == 0) {
			const char *name = at + head.len;
			const char *quote = memchr(name, '"', (size_t)(stop - name));

			if (quote && !cdr_id_read(span_of(name, (size_t)(quote - name)), &id))
				each(arg, &id);
		}
		at = stop + 1;
	}
	free(tail);
	return 0;
}
