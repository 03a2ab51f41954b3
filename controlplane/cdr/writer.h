/* SPDX-License-Identifier: BSD-3-Clause */
/* Records to disk. The loop queues them; a thread of their own appends what has gathered and syncs
 * once for all of it, then the loop is told of each. A disk that is full or slow never holds up the
 * loop: records wait in memory up to a bound, then in the dataplane. */
#pragma once

#include "controlplane/cdr/record.h"

struct cdr_writer;
struct event_base;

/* Who is to be told once a record is on disk. */
struct cdr_ticket {
	struct cdr_id id;
	uint64_t boot_id; /* of the dataplane's start that asks for the acknowledgement */
};

struct cdr_events {
	/* On disk. */
	void (*written)(void *arg, const struct cdr_ticket *ticket);
	/* Records that did not fit into memory while the disk was in trouble can be taken now. */
	void (*room)(void *arg);
};

/* path "": nothing is written, every record counts as written at once. Opens for appending, 0640; a
 * line at the end that a crash left unfinished is cut off (its call was never acknowledged).
 * `events` is borrowed for the writer's life. 0, or -errno. */
int cdr_writer_new(struct cdr_writer **writer, struct event_base *base, const char *path,
		   const struct cdr_events *events, void *arg);

/* Writes what is queued, if the disk lets it, and ends the thread. What is not written is not lost:
 * the dataplane has it. */
void cdr_writer_free(struct cdr_writer *writer);

enum cdr_added {
	CDR_QUEUED,  /* `written` will tell */
	CDR_KNOWN,   /* queued before: `written` will tell */
	CDR_WRITTEN, /* on disk already, or not wanted there: acknowledge it */
	CDR_FULL,    /* not taken; `room` will tell */
};
enum cdr_added cdr_writer_add(struct cdr_writer *writer, const struct cdr_ticket *ticket,
			      struct span line);

/* When the file is put aside, from now on: `rotate_mb`, `rotate_s` and `keep` of the config. */
struct conf_cdr;
void cdr_writer_rotation(struct cdr_writer *writer, const struct conf_cdr *conf);

/* Open the file again (logrotate), or another one. 0, or -errno: then the old one stays. */
int cdr_writer_reopen(struct cdr_writer *writer, const char *path);

struct cdr_stats {
	uint64_t queued, written, repeated, refused, syncs, failures;
	uint64_t waiting;       /* queued and not written yet */
	uint64_t waiting_bytes;
	uint64_t rotations, rotate_failures;
	int failing;               /* errno of the last append, 0: it went well */
	uint64_t failing_since_ns; /* UNIX time */
	int rotation_failing;      /* the same of the last time the file was put aside */
};
void cdr_writer_stats(struct cdr_writer *writer, struct cdr_stats *stats);
