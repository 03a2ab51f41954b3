/* SPDX-License-Identifier: BSD-3-Clause */
/* Going over to a changed config: all of it or nothing. The config and its tables are read by a
 * thread of its own, beside the calls; what it read is taken over on the loop. limen-controlplane,
 * loop thread but where a function says so. */
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "controlplane/auth/auth.h"
#include "common/base/clock.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/tls/tls_store.h"

#define WAITERS_MAX (ADMIN_CLIENTS_MAX + 8u)
#define READER_NICE 10 /* calls go first where reader and loop share a CPU */

/* Who is told what a reload came to. */
struct waiters {
	struct reload_waiter list[WAITERS_MAX];
	unsigned n;
};

struct reloading {
	struct dispatch *dispatch;
	bool running;
	pthread_t thread;
	int told_fd;
	struct event *told;
	struct waiters now;  /* the reload that runs */
	struct waiters next; /* one that was asked for meanwhile: the file may have changed again */
	bool again;
	/* of the thread while it runs; `was` and what it holds are borrowed, and stay that long */
	const struct conf *was;
	const struct tables *was_tables;
	const struct tls_store *was_tls;
	struct conf *conf;
	struct tables *tables;
	struct tls_store *tls;
	struct reload_result result;
	int err;
};

static const char no_memory[] = "no memory for the new config; the one in force stays";

static void log_errors(const char *path, const struct reload_result *result)
{
	for (unsigned i = 0; i < result->nerrors; i++) {
		const struct conf_error *error = &result->errors[i];

		LOG(ERROR, "config", "wrong", LOG_STR("file", path), LOG_U64("line", error->line),
		    LOG_STR("key", error->key), LOG_STR("reason", error->reason));
	}
}

/* Log and records go where the new config says. Nothing is changed where one of them cannot. */
static int open_outputs(struct dispatch *dispatch, const struct conf *now,
			struct reload_result *result)
{
	const struct conf *was = dispatch->generation->conf;
	int err = cdr_writer_reopen(dispatch->cdr, now->cdr.file);

	if (err) {
		snprintf(result->why, sizeof(result->why), "cdr.file cannot be opened: %s: %s",
			 now->cdr.file, strerror(-err));
		return err;
	}
	/* the same path is opened again too: that is what logrotate sends the signal for */
	err = log_open("limen-controlplane", (enum log_level)log_level_from(now->log.level),
		       (enum log_format)log_format_from(now->log.format), now->log.file);
	if (err) {
		snprintf(result->why, sizeof(result->why), "log.file cannot be opened: %s: %s",
			 now->log.file, strerror(-err));
		(void)cdr_writer_reopen(dispatch->cdr, was->cdr.file);
		return err;
	}
	err = dns_configure(dispatch->dns, &now->dns);
	if (err) {
		snprintf(result->why, sizeof(result->why), "dns: no resolver can be made: %s",
			 strerror(-err));
		(void)cdr_writer_reopen(dispatch->cdr, was->cdr.file);
		(void)log_open("limen-controlplane", (enum log_level)log_level_from(was->log.level),
			       (enum log_format)log_format_from(was->log.format), was->log.file);
		return err;
	}
	err = registrar_configure(dispatch->registrar, &now->registrar);
	if (err) {
		snprintf(result->why, sizeof(result->why),
			 "registrar.file cannot be opened: %s: %s", now->registrar.file,
			 strerror(-err));
		(void)cdr_writer_reopen(dispatch->cdr, was->cdr.file);
		(void)log_open("limen-controlplane", (enum log_level)log_level_from(was->log.level),
			       (enum log_format)log_format_from(was->log.format), was->log.file);
	}
	return err;
}

/* A wrong config must not keep logrotate from its files. */
static void open_outputs_again(struct dispatch *dispatch)
{
	struct reload_result result = {0};

	if (open_outputs(dispatch, dispatch->generation->conf, &result))
		LOG(ERROR, "config", "a file cannot be opened again; the old one stays",
		    LOG_STR("why", result.why));
}

static int go_over(struct dispatch *dispatch, struct conf *now, struct tables *tables,
		   struct tls_store *tls, struct reload_result *result)
{
	struct generation *generation = generation_with(now, dispatch->registrar, tables);
	int err;

	if (!generation) {
		tls_store_drop(tls);
		snprintf(result->why, sizeof(result->why), "%s", no_memory);
		return -ENOMEM;
	}
	generation->tls = tls;
	err = open_outputs(dispatch, now, result);
	if (err) {
		generation_free(generation);
		return err;
	}
	err = names_configure(dispatch, generation);
	if (!err)
		err = probes_configure(dispatch, generation);
	if (!err)
		err = accounts_reload(dispatch, generation);
	if (!err)
		err = streams_configure(dispatch, generation);
	if (err) {
		snprintf(result->why, sizeof(result->why), "%s", no_memory);
		open_outputs_again(dispatch);
		generation_free(generation);
		return err;
	}
	generation->auth = dispatch->auth;
	/* it has found memory, or what it knows stays */
	(void)auth_configure(dispatch->auth, &now->auth);
	/* nothing outside this thread, and nothing of a call, points into the old one */
	generation_free(dispatch->generation);
	dispatch->generation = generation;
	cdr_writer_rotation(dispatch->cdr, &generation->conf->cdr);
	return 0;
}

/* ---- the reading, in its thread ---- */

static int read_conf(struct reloading *r)
{
	struct reload_result *result = &r->result;
	char text[160];
	struct cursor key = cursor_on(text, sizeof(text));
	int err = conf_load(r->was->path, &r->conf, result->errors, RELOAD_ERRORS_MAX,
			    &result->nerrors);

	if (err) {
		snprintf(result->why, sizeof(result->why),
			 "%s is refused; the config in force stays", r->was->path);
		return err;
	}
	if (!conf_needs_restart(r->was, r->conf, &key))
		return 0;
	snprintf(result->why, sizeof(result->why),
		 "%.*s changed, which needs a restart; the config in force stays", (int)key.len,
		 key.buf);
	return -EBUSY;
}

static int read_tables(struct reloading *r)
{
	struct reload_result *result = &r->result;
	int err = tables_load(r->conf, r->was_tables, &r->tables, result->errors,
			      RELOAD_ERRORS_MAX, &result->nerrors);

	if (err)
		snprintf(result->why, sizeof(result->why),
			 "a table is refused; the config in force stays, with its tables");
	return err;
}

static int read_tls(struct reloading *r)
{
	struct reload_result *result = &r->result;
	int err = tls_store_load(r->conf, r->was_tls, &r->tls, result->errors, RELOAD_ERRORS_MAX,
				 &result->nerrors);

	if (err)
		snprintf(result->why, sizeof(result->why),
			 "a file of TLS is refused; the config in force stays, with its "
			 "certificates");
	return err;
}

static void *reader(void *arg)
{
	struct reloading *r = arg;
	uint64_t one = 1;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), READER_NICE);
	r->err = read_conf(r);
	if (!r->err)
		r->err = read_tables(r);
	if (!r->err)
		r->err = read_tls(r);
	if (r->err) {
		tables_free(r->tables);
		conf_free(r->conf);
		r->tables = NULL;
		r->conf = NULL;
	}
	(void)!write(r->told_fd, &one, sizeof(one));
	return NULL;
}

/* ---- the loop's part ---- */

static void tell(struct dispatch *dispatch, struct waiters *waiters, int err,
		 const struct reload_result *result)
{
	for (unsigned i = 0; i < waiters->n; i++)
		waiters->list[i].told(dispatch, &waiters->list[i], err, result);
	waiters->n = 0;
}

static void add(struct waiters *waiters, const struct reload_waiter *waiter)
{
	if (waiter && waiters->n < WAITERS_MAX)
		waiters->list[waiters->n++] = *waiter;
}

static void log_reloaded(const struct generation *generation)
{
	LOG(INFO, "config", "reloaded", LOG_STR("file", generation->conf->path),
	    LOG_U64("trunks", generation->conf->ntrunks),
	    LOG_U64("routes", generation->conf->nroutes));
	for (unsigned i = 0; i < generation->tables->n; i++) {
		struct ptable_stats stats;

		ptable_stats(generation->tables->list[i].table, &stats);
		LOG(INFO, "config", "table", LOG_STR("name", generation->conf->tables[i].name),
		    LOG_U64("prefixes", stats.prefixes), LOG_U64("rows", stats.offers),
		    LOG_U64("bytes", stats.bytes),
		    LOG_U64("load_ms", stats.load_ns / CLOCK_NS_PER_MS));
	}
}

static void finish(struct reloading *r)
{
	struct dispatch *dispatch = r->dispatch;
	struct conf *conf = r->conf;
	struct tables *tables = r->tables;
	struct tls_store *tls = r->tls;

	r->conf = NULL;
	r->tables = NULL;
	r->tls = NULL;
	if (r->err) {
		log_errors(r->was->path, &r->result);
		open_outputs_again(dispatch);
	} else {
		r->err = go_over(dispatch, conf, tables, tls, &r->result);
	}
	if (r->err) {
		dispatch->counters.reloads_refused++;
		LOG(ERROR, "config", "not reloaded", LOG_STR("why", r->result.why));
	} else {
		dispatch->counters.reloads++;
		settings_send(dispatch);
		screening_send(dispatch);
		log_reloaded(dispatch->generation);
		tls_store_warn(dispatch->generation->tls);
	}
	tell(dispatch, &r->now, r->err, &r->result);
}

static void begin(struct reloading *r)
{
	struct dispatch *dispatch = r->dispatch;

	r->result.nerrors = 0;
	r->result.why[0] = '\0';
	r->conf = NULL;
	r->tables = NULL;
	r->tls = NULL;
	r->was_tls = dispatch->generation->tls;
	r->was = dispatch->generation->conf;
	r->was_tables = dispatch->generation->tables;
	if (!pthread_create(&r->thread, NULL, reader, r)) {
		r->running = true;
		return;
	}
	snprintf(r->result.why, sizeof(r->result.why), "no thread to read the config in");
	r->err = -EAGAIN;
	finish(r);
}

static void on_told(evutil_socket_t fd, short what, void *arg)
{
	struct reloading *r = arg;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return;
	pthread_join(r->thread, NULL);
	r->running = false;
	finish(r);
	if (!r->again)
		return;
	r->again = false;
	r->now = r->next;
	r->next.n = 0;
	begin(r);
}

void reload_begin(struct dispatch *dispatch, const struct reload_waiter *waiter)
{
	struct reloading *r = dispatch->reloading;

	if (r->running) {
		r->again = true;
		add(&r->next, waiter);
		return;
	}
	add(&r->now, waiter);
	begin(r);
}

int reloads_start(struct dispatch *dispatch)
{
	struct reloading *r = dispatch->reloading = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->dispatch = dispatch;
	r->told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->told_fd < 0)
		return -errno;
	r->told = event_new(dispatch->base, r->told_fd, EV_READ | EV_PERSIST, on_told, r);
	return r->told && !event_add(r->told, NULL) ? 0 : -ENOMEM;
}

void reloads_stop(struct dispatch *dispatch)
{
	struct reloading *r = dispatch->reloading;

	if (!r)
		return;
	if (r->running) {
		pthread_join(r->thread, NULL);
		conf_free(r->conf);
		tables_free(r->tables);
		tls_store_drop(r->tls);
	}
	if (r->told)
		event_free(r->told);
	if (r->told_fd >= 0)
		close(r->told_fd);
	free(r);
	dispatch->reloading = NULL;
}
