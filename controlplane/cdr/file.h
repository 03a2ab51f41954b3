/* SPDX-License-Identifier: BSD-3-Clause */
/* The record file itself: whole lines or nothing. limen-controlplane, the writer's thread (and the
 * loop, while the writer holds its lock). */
#pragma once

#include <sys/types.h>

#include "common/base/span.h"
#include "controlplane/cdr/record.h"

#define CDR_PATH_MAX 320u

struct cdr_file {
	int fd;     /* -1: none */
	off_t good; /* bytes up to the end of the last whole append */
	bool torn;  /* the file ends within a line that could not be cut off */
};

/* Open for appending, create 0640, cut off an unfinished last line (*cut_bytes). The name is made
 * durable too. 0, or -errno. */
int cdr_file_open(struct cdr_file *file, const char *path, off_t *cut_bytes);
void cdr_file_close(struct cdr_file *file);
/* What a directory says of a path must outlive a crash of the machine. */
void cdr_file_sync_name(const char *path);

/* Append whole lines and sync. On failure nothing of them counts as written, and what was of them
 * is cut off again. 0, or -errno. */
int cdr_file_append(struct cdr_file *file, struct span lines);

/* The ids of the last records, oldest first. 0, or -errno. */
typedef void cdr_file_id(void *arg, const struct cdr_id *id);
int cdr_file_last_ids(const struct cdr_file *file, cdr_file_id *each, void *arg);
