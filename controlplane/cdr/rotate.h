/* SPDX-License-Identifier: BSD-3-Clause */
/* When the record file is put aside, under a name with the time, and how many of those are kept.
 * limen-controlplane, the writer's thread. */
#pragma once

#include <time.h>

#include "common/conf/conf.h"
#include "controlplane/cdr/file.h"

#define ROTATE_SUFFIX ".%Y%m%dT%H%M%SZ" /* behind the file's name, UTC */

/* Whether the file's time has come: it is as large as is allowed, or a multiple of rotate_s has
 * passed since `began` (UNIX time of its first record). An empty one has all the time. */
bool cdr_rotate_due(const struct conf_cdr *conf, const struct cdr_file *file, time_t began,
		    time_t now);

/* The next multiple of rotate_s; 0: there is none. */
time_t cdr_rotate_next(const struct conf_cdr *conf, time_t now);

/* Put the file aside and go on in a new one: whoever reads the directory sees the one or the other,
 * and each whole. 0, or -errno: then all is as before. Old ones beyond `keep` are removed. */
int cdr_rotate(const struct conf_cdr *conf, struct cdr_file *file, time_t now);

/* Before a file is opened: end what a crash in the middle of cdr_rotate left half done. */
void cdr_rotate_recover(const char *path);

/* The file that was put aside last, or "" where there is none. */
void cdr_rotate_newest(const char *path, char newest[CDR_PATH_MAX]);
