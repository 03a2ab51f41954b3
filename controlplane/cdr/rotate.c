/* SPDX-License-Identifier: BSD-3-Clause */
/* When the record file is put aside, and how many of those are kept. limen-controlplane, the
 * writer's thread. */
#include "controlplane/cdr/rotate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log/log.h"

#define TURNS_MAX 1000u /* files of one second */
#define MIB	  (1024 * 1024)

time_t cdr_rotate_next(const struct conf_cdr *conf, time_t now)
{
	return conf->rotate_s ? now - now % (time_t)conf->rotate_s + (time_t)conf->rotate_s : 0;
}

bool cdr_rotate_due(const struct conf_cdr *conf, const struct cdr_file *file, time_t began,
		    time_t now)
{
	if (file->fd < 0 || !file->good || file->torn)
		return false;
	if (conf->rotate_mb && file->good >= (off_t)conf->rotate_mb * MIB)
		return true;
	return conf->rotate_s && began && now >= cdr_rotate_next(conf, began);
}

/* Directory and name of a path. */
static bool split(const char *path, char dir[CDR_PATH_MAX], const char **name)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (!slash || len + 2 > CDR_PATH_MAX)
		return false;
	memcpy(dir, path, len + 1);
	dir[len ? len : 1] = '\0';
	*name = slash + 1;
	return true;
}

/* What is behind the file's name in one that was put aside: the time, and a number perhaps. */
static bool is_aside(const char *suffix)
{
	struct tm tm;
	const char *rest = strptime(suffix, ROTATE_SUFFIX, &tm);

	if (!rest)
		return false;
	if (*rest == '-')
		rest += 1 + strspn(rest + 1, "0123456789");
	return *rest == '\0';
}

static int by_name(const void *left, const void *right)
{
	const char *const *a = left, *const *b = right;

	return strverscmp(*a, *b);
}

/* The files that were put aside, oldest first; owned by the caller, each and the list. */
static char **list_aside(const char *path, size_t *n)
{
	char dir[CDR_PATH_MAX], **list = NULL;
	const char *name;
	struct dirent *entry;
	size_t room = 0;
	DIR *open_dir;

	*n = 0;
	if (!split(path, dir, &name))
		return NULL;
	open_dir = opendir(dir);
	while (open_dir && (entry = readdir(open_dir)) != NULL) {
		size_t len = strlen(name);

		if (strncmp(entry->d_name, name, len) != 0 || !is_aside(entry->d_name + len))
			continue;
		if (*n == room) {
			char **more = realloc(list, (room ? room * 2 : 64) * sizeof(*list));

			if (!more)
				break;
			list = more;
			room = room ? room * 2 : 64;
		}
		if (asprintf(&list[*n], "%s/%s", dir, entry->d_name) >= 0)
			++*n;
	}
	if (open_dir)
		closedir(open_dir);
	if (*n)
		qsort(list, *n, sizeof(*list), by_name);
	return list;
}

static void free_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void remove_old(const struct conf_cdr *conf)
{
	size_t n;
	char **list = conf->keep ? list_aside(conf->file, &n) : NULL;

	if (!list)
		return;
	for (size_t i = 0; i + conf->keep < n; i++) {
		if (unlink(list[i]) < 0)
			LOG(WARN, "cdr", "an old record file cannot be removed",
			    LOG_STR("file", list[i]), LOG_ERR(-errno));
	}
	free_list(list, n);
}

void cdr_rotate_newest(const char *path, char newest[CDR_PATH_MAX])
{
	size_t n;
	char **list = list_aside(path, &n);

	newest[0] = '\0';
	if (n && strlen(list[n - 1]) < CDR_PATH_MAX)
		strcpy(newest, list[n - 1]);
	if (list)
		free_list(list, n);
}

/* Two names for one file: the second was to be of the records put aside, and the new file had not
 * taken the first yet. */
void cdr_rotate_recover(const char *path)
{
	char newest[CDR_PATH_MAX];
	struct stat is, aside;

	cdr_rotate_newest(path, newest);
	if (*newest && stat(path, &is) == 0 && stat(newest, &aside) == 0 &&
	    is.st_dev == aside.st_dev && is.st_ino == aside.st_ino)
		(void)unlink(newest);
}

/* A name that no file has. */
static int pick_name(const char *path, time_t now, char aside[CDR_PATH_MAX])
{
	char when[64];
	struct tm tm;

	if (!gmtime_r(&now, &tm) || !strftime(when, sizeof(when), ROTATE_SUFFIX, &tm))
		return -EINVAL;
	for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
		char number[16] = "";

		if (turn)
			snprintf(number, sizeof(number), "-%u", turn);
		if (snprintf(aside, CDR_PATH_MAX, "%s%s%s", path, when, number) >= (int)CDR_PATH_MAX)
			return -ENAMETOOLONG;
		if (access(aside, F_OK) < 0 && errno == ENOENT)
			return 0;
	}
	return -EEXIST;
}

int cdr_rotate(const struct conf_cdr *conf, struct cdr_file *file, time_t now)
{
	char aside[CDR_PATH_MAX], next[CDR_PATH_MAX];
	struct cdr_file fresh;
	off_t cut;
	int err = pick_name(conf->file, now, aside);

	if (err)
		return err;
	if (snprintf(next, sizeof(next), "%s.next", conf->file) >= (int)sizeof(next))
		return -ENAMETOOLONG;
	/* the new file is there before the old one goes: with no room for it nothing has changed */
	(void)unlink(next);
	err = cdr_file_open(&fresh, next, &cut);
	if (err)
		return err;
	/* a second name for the old one, then its first name goes to the new one in one step: at no
	 * time is there no file, and a crash in between leaves the same records under both names */
	if (link(conf->file, aside) < 0 || rename(next, conf->file) < 0) {
		err = -errno;
		(void)unlink(aside);
		(void)unlink(next);
		cdr_file_close(&fresh);
		return err;
	}
	cdr_file_sync_name(conf->file);
	cdr_file_close(file);
	*file = fresh;
	remove_old(conf);
	return 0;
}
