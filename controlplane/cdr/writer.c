/* SPDX-License-Identifier: BSD-3-Clause */
/* Records to disk: the loop fills one batch while the thread writes the other. limen-controlplane;
 * each function says its thread by the lock it takes. */
#include "controlplane/cdr/writer.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "common/priv/privileges.h"
#include "controlplane/cdr/file.h"
#include "controlplane/cdr/rotate.h"
#include "controlplane/cdr/seen.h"

#define WAITING_BYTES_MAX (64u * 1024u * 1024u)
#define RETRY_S 1
#define ROTATE_RETRY_S 10
#define CLOCK_STEP_S 30

/* Records on their way: their lines, and who is to be told. */
struct batch {
	char *lines;
	size_t len, cap;
	struct cdr_ticket *tickets;
	size_t n, room;
};

struct cdr_writer {
	const struct cdr_events *events; /* borrowed */
	void *arg;
	struct event *told; /* the thread has something for the loop */
	int told_fd;
	pthread_t thread;
	bool running;
	struct seen *seen;      /* loop */
	uint64_t added;         /* loop: number of the last record queued */
	uint64_t acknowledged;  /* loop: number of the last that `written` told of */
	uint64_t queued, repeated, refused;
	bool short_of_room;     /* loop: `room` is owed */

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t work;   /* for the thread */
	pthread_cond_t idle;   /* `busy` ended */
	bool stop;
	struct batch filling;  /* by the loop */
	struct batch writing;  /* by the thread, while `busy` without the lock */
	struct batch done;     /* for the loop */
	bool busy;
	bool wanted;           /* a file is configured */
	struct cdr_file file;  /* the thread's while `busy` */
	uint64_t written, syncs, failures;
	char path[CDR_PATH_MAX];
	struct conf_cdr rotation; /* `file` is path */
	time_t began;	   /* UNIX time of the file's first record; 0: it has none */
	time_t try_rotation; /* after a failure: not before */
	uint64_t rotations, rotate_failures;
	int failing, rotation_failing;
	uint64_t failing_since_ns;
};

static void batch_free(struct batch *batch)
{
	free(batch->lines);
	free(batch->tickets);
	*batch = (struct batch){0};
}

static bool batch_reserve(struct batch *batch, size_t bytes)
{
	if (batch->len + bytes > batch->cap) {
		size_t cap = (batch->len + bytes) * 2;
		char *lines = realloc(batch->lines, cap);

		if (!lines)
			return false;
		batch->lines = lines;
		batch->cap = cap;
	}
	if (batch->n == batch->room) {
		size_t room = batch->room ? batch->room * 2 : 64;
		struct cdr_ticket *tickets = realloc(batch->tickets, room * sizeof(*tickets));

		if (!tickets)
			return false;
		batch->tickets = tickets;
		batch->room = room;
	}
	return true;
}

static void tell_loop(struct cdr_writer *writer)
{
	uint64_t one = 1;

	/* the counter cannot overflow, and nothing else can go wrong on an eventfd */
	(void)!write(writer->told_fd, &one, sizeof(one));
}

/* Log once a minute while it fails, and when it is well again. */
static void log_append(struct cdr_writer *writer, struct log_limit *limit, bool *failing, int err)
{
	uint64_t held;

	if (err && log_limit_pass(limit, clock_mono_ns(), &held))
		LOG(ERROR, "cdr", "records cannot be written; they wait", LOG_ERR(err),
		    LOG_U64("waiting", writer->writing.n + writer->filling.n));
	if (!err && *failing)
		LOG(INFO, "cdr", "records are written again",
		    LOG_U64("records", writer->writing.n));
	*failing = err != 0;
}

/* Thread, without the lock but busy: put the file aside if its time has come. 1: done, 0: not yet,
 * or -errno: then records go on into the same file. */
static int rotate_if_due(struct cdr_writer *writer, const struct conf_cdr *conf)
{
	time_t now = time(NULL);
	int err;

	if (now < writer->try_rotation ||
	    !cdr_rotate_due(conf, &writer->file, writer->began, now))
		return 0;
	err = cdr_rotate(conf, &writer->file, now);
	writer->try_rotation = err ? now + ROTATE_RETRY_S : 0;
	if (!err)
		writer->began = 0;
	return err ? err : 1;
}

/* Thread, with the lock. */
static void account_rotation(struct cdr_writer *writer, int turned)
{
	if (!turned)
		return;
	writer->rotations += turned > 0;
	writer->rotate_failures += turned < 0;
	if (turned < 0 && !writer->rotation_failing)
		LOG(ERROR, "cdr", "the record file cannot be put aside; it grows on",
		    LOG_ERR(turned));
	writer->rotation_failing = turned < 0 ? -turned : 0;
}

/* Thread, with the lock: write the batch without it. False: it failed, try again later. */
static bool write_batch(struct cdr_writer *writer, struct log_limit *limit, bool *failing)
{
	struct conf_cdr rotation = writer->rotation;
	bool wanted = writer->wanted;
	int err = 0, turned = 0;

	writer->busy = true;
	pthread_mutex_unlock(&writer->lock);
	if (wanted) {
		turned = rotate_if_due(writer, &rotation);
		err = cdr_file_append(&writer->file,
				      span_of(writer->writing.lines, writer->writing.len));
		if (!err && !writer->began)
			writer->began = time(NULL);
	}
	pthread_mutex_lock(&writer->lock);
	writer->busy = false;
	pthread_cond_signal(&writer->idle);
	account_rotation(writer, turned);
	if (err && !writer->failing)
		writer->failing_since_ns = clock_real_ns();
	writer->failing = -err;
	log_append(writer, limit, failing, err);
	if (err) {
		writer->failures++;
		return false;
	}
	writer->syncs++;
	writer->written += writer->writing.n;
	batch_free(&writer->done); /* the loop has taken it: see take_work */
	writer->done = writer->writing;
	writer->writing = (struct batch){0};
	tell_loop(writer);
	return true;
}

/* Thread, with the lock: something to write, and room to tell of it. */
static bool take_work(struct cdr_writer *writer)
{
	if (writer->done.n && !writer->stop)
		return false;
	if (!writer->writing.n && writer->filling.n) {
		writer->writing = writer->filling;
		writer->filling = (struct batch){0};
	}
	return writer->writing.n > 0;
}

/* Thread, with the lock: until there is work, or the file's time has come. */
static void wait_for_work(struct cdr_writer *writer)
{
	struct conf_cdr rotation = writer->rotation;
	time_t now = time(NULL), next = 0;
	struct timespec until;
	int turned;

	if (writer->wanted && writer->began && rotation.rotate_s) {
		next = cdr_rotate_next(&rotation, writer->began);
		if (next < writer->try_rotation)
			next = writer->try_rotation;
	}
	if (!next) {
		pthread_cond_wait(&writer->work, &writer->lock);
		return;
	}
	if (next > now) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		/* in steps: the clock of the day may be set meanwhile */
		until.tv_sec += next - now < CLOCK_STEP_S ? next - now : CLOCK_STEP_S;
		(void)pthread_cond_timedwait(&writer->work, &writer->lock, &until);
		return;
	}
	writer->busy = true;
	pthread_mutex_unlock(&writer->lock);
	turned = rotate_if_due(writer, &rotation);
	pthread_mutex_lock(&writer->lock);
	writer->busy = false;
	pthread_cond_signal(&writer->idle);
	account_rotation(writer, turned);
}

static void wait_a_while(struct cdr_writer *writer)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += RETRY_S;
	(void)pthread_cond_timedwait(&writer->work, &writer->lock, &until);
}

static void *thread_main(void *arg)
{
	struct cdr_writer *writer = arg;
	struct log_limit limit = {.window_ns = 60 * CLOCK_NS_PER_S, .burst = 1};
	bool failing = false;

	pthread_mutex_lock(&writer->lock);
	for (;;) {
		if (take_work(writer)) {
			if (!write_batch(writer, &limit, &failing)) {
				if (writer->stop)
					break;
				wait_a_while(writer);
			}
		} else if (writer->stop) {
			break;
		} else {
			wait_for_work(writer);
		}
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* Loop: acknowledge what is on disk. */
static void on_told(evutil_socket_t fd, short what, void *arg)
{
	struct cdr_writer *writer = arg;
	struct batch done;
	uint64_t count;
	bool room;

	(void)!read(fd, &count, sizeof(count));
	pthread_mutex_lock(&writer->lock);
	done = writer->done;
	writer->done = (struct batch){0};
	pthread_cond_signal(&writer->work);
	pthread_mutex_unlock(&writer->lock);
	writer->acknowledged += done.n;
	for (size_t i = 0; i < done.n; i++)
		writer->events->written(writer->arg, &done.tickets[i]);
	room = done.n && writer->short_of_room;
	batch_free(&done);
	if (room) {
		writer->short_of_room = false;
		writer->events->room(writer->arg);
	}
}

static void add_seen(void *arg, const struct cdr_id *id)
{
	struct cdr_writer *writer = arg;

	if (seen_find(writer->seen, id))
		return;
	seen_add(writer->seen, id, ++writer->added);
	writer->acknowledged = writer->added;
}

/* Records that were put aside count as well: their calls may be told of again. */
static int add_seen_aside(struct cdr_writer *writer, const char *path)
{
	struct cdr_file file;
	char newest[CDR_PATH_MAX];
	off_t cut_bytes;
	int err;

	cdr_rotate_newest(path, newest);
	if (!*newest || cdr_file_open(&file, newest, &cut_bytes))
		return 0; /* somebody took it away: he has the records */
	err = cdr_file_last_ids(&file, add_seen, writer);
	cdr_file_close(&file);
	return err;
}

/* When a file that there was got its first record, as far as that can be known. */
static time_t began_of(const struct cdr_file *file)
{
	struct stat st;

	return file->fd >= 0 && file->good && fstat(file->fd, &st) == 0 ? st.st_mtime : 0;
}

static int open_file(struct cdr_writer *writer, struct cdr_file *file, const char *path)
{
	off_t cut_bytes;
	int err;

	cdr_rotate_recover(path);
	err = cdr_file_open(file, path, &cut_bytes);

	if (err)
		return err;
	if (cut_bytes)
		LOG(WARN, "cdr", "an unfinished record at the file's end was cut off",
		    LOG_STR("file", path), LOG_U64("bytes", (uint64_t)cut_bytes));
	return 0;
}

/* The thread takes no signals, they are the loop's, but for the one that drops its privileges. */
static int start_thread(struct cdr_writer *writer)
{
	sigset_t all, was;
	int err;

	sigfillset(&all);
	sigdelset(&all, PRIVILEGES_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(&writer->thread, NULL, thread_main, writer);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	writer->running = err == 0;
	return -err;
}

int cdr_writer_new(struct cdr_writer **out, struct event_base *base, const char *path,
		   const struct cdr_events *events, void *arg)
{
	struct cdr_writer *writer = calloc(1, sizeof(*writer));
	pthread_condattr_t monotonic;
	int err = -ENOMEM;

	*out = NULL;
	if (!writer)
		return -ENOMEM;
	writer->events = events;
	writer->arg = arg;
	writer->file.fd = -1;
	writer->wanted = *path != '\0';
	snprintf(writer->path, sizeof(writer->path), "%s", path);
	writer->rotation.file = writer->path;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->work, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&writer->idle, NULL);
	writer->told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	writer->seen = seen_new();
	if (writer->told_fd < 0 || !writer->seen)
		goto fail;
	writer->told = event_new(base, writer->told_fd, EV_READ | EV_PERSIST, on_told, writer);
	if (!writer->told || event_add(writer->told, NULL))
		goto fail;
	if (writer->wanted) {
		err = open_file(writer, &writer->file, path);
		writer->began = err ? 0 : began_of(&writer->file);
		if (!err)
			err = add_seen_aside(writer, path);
		if (!err)
			err = cdr_file_last_ids(&writer->file, add_seen, writer);
		if (err)
			goto fail;
	}
	err = start_thread(writer);
	if (err)
		goto fail;
	*out = writer;
	return 0;
fail:
	cdr_writer_free(writer);
	return err;
}

void cdr_writer_free(struct cdr_writer *writer)
{
	if (!writer)
		return;
	if (writer->running) {
		pthread_mutex_lock(&writer->lock);
		writer->stop = true;
		/* nobody waits for acknowledgements any more: the dataplane asks again */
		batch_free(&writer->done);
		pthread_cond_signal(&writer->work);
		pthread_mutex_unlock(&writer->lock);
		pthread_join(writer->thread, NULL);
	}
	if (writer->told)
		event_free(writer->told);
	if (writer->told_fd >= 0)
		close(writer->told_fd);
	cdr_file_close(&writer->file);
	batch_free(&writer->filling);
	batch_free(&writer->writing);
	batch_free(&writer->done);
	seen_free(writer->seen);
	pthread_cond_destroy(&writer->idle);
	pthread_cond_destroy(&writer->work);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}

static bool queue(struct cdr_writer *writer, const struct cdr_ticket *ticket, struct span line)
{
	struct batch *batch = &writer->filling;
	bool queued = false;

	pthread_mutex_lock(&writer->lock);
	if (batch->len + writer->writing.len + line.len <= WAITING_BYTES_MAX &&
	    batch_reserve(batch, line.len)) {
		memcpy(batch->lines + batch->len, line.ptr, line.len);
		batch->len += line.len;
		batch->tickets[batch->n++] = *ticket;
		pthread_cond_signal(&writer->work);
		queued = true;
	}
	pthread_mutex_unlock(&writer->lock);
	return queued;
}

enum cdr_added cdr_writer_add(struct cdr_writer *writer, const struct cdr_ticket *ticket,
			      struct span line)
{
	uint64_t number = seen_find(writer->seen, &ticket->id);

	if (!writer->wanted)
		return CDR_WRITTEN;
	if (number) {
		writer->repeated++;
		return number <= writer->acknowledged ? CDR_WRITTEN : CDR_KNOWN;
	}
	if (!queue(writer, ticket, line)) {
		writer->refused++;
		writer->short_of_room = true;
		return CDR_FULL;
	}
	writer->queued++;
	seen_add(writer->seen, &ticket->id, ++writer->added);
	return CDR_QUEUED;
}

int cdr_writer_reopen(struct cdr_writer *writer, const char *path)
{
	struct cdr_file file = {.fd = -1};
	int err = *path ? open_file(writer, &file, path) : 0;

	if (err)
		return err;
	pthread_mutex_lock(&writer->lock);
	/* an append in progress ends on the old file: one disk write at most */
	while (writer->busy)
		pthread_cond_wait(&writer->idle, &writer->lock);
	cdr_file_close(&writer->file);
	writer->file = file;
	writer->began = began_of(&file);
	writer->try_rotation = 0;
	snprintf(writer->path, sizeof(writer->path), "%s", path);
	writer->wanted = *path != '\0';
	pthread_cond_signal(&writer->work);
	pthread_mutex_unlock(&writer->lock);
	return 0;
}

void cdr_writer_rotation(struct cdr_writer *writer, const struct conf_cdr *conf)
{
	pthread_mutex_lock(&writer->lock);
	writer->rotation.rotate_mb = conf->rotate_mb;
	writer->rotation.rotate_s = conf->rotate_s;
	writer->rotation.keep = conf->keep;
	pthread_cond_signal(&writer->work);
	pthread_mutex_unlock(&writer->lock);
}

void cdr_writer_stats(struct cdr_writer *writer, struct cdr_stats *stats)
{
	pthread_mutex_lock(&writer->lock);
	*stats = (struct cdr_stats){
		.queued = writer->queued,
		.written = writer->written,
		.repeated = writer->repeated,
		.refused = writer->refused,
		.syncs = writer->syncs,
		.failures = writer->failures,
		.waiting = writer->filling.n + writer->writing.n,
		.waiting_bytes = writer->filling.len + writer->writing.len,
		.rotations = writer->rotations,
		.rotate_failures = writer->rotate_failures,
		.failing = writer->failing,
		.failing_since_ns = writer->failing_since_ns,
		.rotation_failing = writer->rotation_failing,
	};
	pthread_mutex_unlock(&writer->lock);
}
