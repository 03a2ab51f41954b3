/* SPDX-License-Identifier: BSD-3-Clause */
/* Going over to a changed config: all of it or nothing. limen-controlplane, loop thread. */
#include <errno.h>
#include <stdio.h>

#include "controlplane/auth/auth.h"
#include "controlplane/dispatch/internal.h"

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

static int load(struct dispatch *dispatch, struct conf **now, struct reload_result *result)
{
	const struct conf *was = dispatch->generation->conf;
	char text[160];
	struct cursor key = cursor_on(text, sizeof(text));
	int err = conf_load(was->path, now, result->errors, RELOAD_ERRORS_MAX, &result->nerrors);

	if (err) {
		snprintf(result->why, sizeof(result->why),
			 "%s is refused; the config in force stays", was->path);
		log_errors(was->path, result);
		return err;
	}
	if (!conf_needs_restart(was, *now, &key))
		return 0;
	snprintf(result->why, sizeof(result->why),
		 "%.*s changed, which needs a restart; the config in force stays", (int)key.len,
		 key.buf);
	conf_free(*now);
	return -EBUSY;
}

/* A wrong config must not keep logrotate from its files. */
static void open_outputs_again(struct dispatch *dispatch)
{
	struct reload_result result = {0};

	if (open_outputs(dispatch, dispatch->generation->conf, &result))
		LOG(ERROR, "config", "a file cannot be opened again; the old one stays",
		    LOG_STR("why", result.why));
}

static int go_over(struct dispatch *dispatch, struct conf *now, struct reload_result *result)
{
	struct generation *generation = generation_new(now, dispatch->registrar);
	int err;

	if (!generation) {
		snprintf(result->why, sizeof(result->why), "%s", no_memory);
		return -ENOMEM;
	}
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

int reload(struct dispatch *dispatch, struct reload_result *result)
{
	struct conf *now;
	int err;

	result->nerrors = 0;
	result->why[0] = '\0';
	err = load(dispatch, &now, result);
	if (err)
		open_outputs_again(dispatch);
	else
		err = go_over(dispatch, now, result);
	if (err) {
		dispatch->counters.reloads_refused++;
		LOG(ERROR, "config", "not reloaded", LOG_STR("why", result->why));
		return err;
	}
	dispatch->counters.reloads++;
	settings_send(dispatch);
	LOG(INFO, "config", "reloaded", LOG_STR("file", dispatch->generation->conf->path),
	    LOG_U64("trunks", dispatch->generation->conf->ntrunks),
	    LOG_U64("routes", dispatch->generation->conf->nroutes));
	return 0;
}
