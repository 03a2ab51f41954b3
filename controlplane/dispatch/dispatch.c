/* SPDX-License-Identifier: BSD-3-Clause */
/* What came in -> who answers. limen-controlplane, loop thread. */
#include "controlplane/dispatch/dispatch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/tls/tls_store.h"

#define REFUSAL_LINES_A_MINUTE 60u

static void on_notice(struct dispatch *dispatch, const struct ipc_notice *notice)
{
	static const enum log_level levels[IPC_NOTICE_LEVELS] = {LOG_LEVEL_INFO, LOG_LEVEL_WARN,
								 LOG_LEVEL_ERROR};
	const struct log_field text = LOG_SPAN("text", ipc_notice_text(notice));

	dispatch->counters.notices++;
	if (levels[notice->level] >= log_threshold)
		log_write(levels[notice->level], "dataplane", "notice", &text, 1);
}

static void on_message(void *arg, unsigned ring, uint16_t type, const void *frame, uint32_t len)
{
	struct dispatch *dispatch = arg;

	switch (type) {
	case IPC_ASK:
		dispatch_ask(dispatch, ring, frame);
		break;
	case IPC_ASK_GONE: /* the verdict went out at once: nothing is pending */
		dispatch->counters.asks_gone++;
		break;
	case IPC_CALL_END:
		dispatch_call_end(dispatch, ring, frame);
		break;
	case IPC_CALL_ROW:
		listing_call_row(dispatch, ring, frame);
		break;
	case IPC_STAT_ROW:
		listing_stat_row(dispatch, frame);
		break;
	case IPC_CHALLENGE:
		dispatch_challenge(dispatch, ring, frame);
		break;
	case IPC_SUSPECT:
		screening_suspect(dispatch, frame);
		break;
	case IPC_SOURCE_ROW:
		screening_source_row(dispatch, frame);
		break;
	case IPC_LIST_END:
		if (!screening_list_end(dispatch, frame))
			listing_end(dispatch, ring, frame);
		break;
	case IPC_STATS_END:
		listing_end(dispatch, ring, frame);
		break;
	case IPC_ANSWER:
		dispatch_answer(dispatch, ring, frame);
		break;
	case IPC_PROBE_END:
		/* ids of accounts have their highest bit */
		if (((const struct ipc_probe_end *)frame)->probe_id >> 63)
			dispatch_account_end(dispatch, frame);
		else
			dispatch_probe_end(dispatch, frame);
		break;
	case IPC_SIP_OUT:
		streams_out(dispatch, ring, frame);
		break;
	case IPC_NOTICE:
		on_notice(dispatch, frame);
		break;
	}
}

static void on_up(void *arg, const struct ipc_hello *hello)
{
	struct dispatch *dispatch = arg;

	dispatch->link_reason = "";
	LOG(INFO, "link", "the dataplane is connected", LOG_U64("pid", hello->pid),
	    LOG_U64("workers", hello->nworkers), LOG_HANDLE("boot_id", hello->boot_id));
	settings_send(dispatch);
	screening_link_up(dispatch);
	probes_link_up(dispatch);
	accounts_link_change(dispatch, true);
	streams_link_up(dispatch);
}

static void on_down(void *arg, const char *reason, bool was_up)
{
	struct dispatch *dispatch = arg;

	dispatch->link_reason = reason;
	LOG(WARN, "link", was_up ? "connection lost" : "not connected yet", LOG_STR("why", reason));
	if (was_up) {
		records_link_down(dispatch);
		listings_link_down(dispatch);
		probes_link_down(dispatch);
		accounts_link_change(dispatch, false);
		streams_link_down(dispatch);
	}
}

static const struct cp_link_events link_events = {
	.up = on_up, .down = on_down, .message = on_message};

static int start_link(struct dispatch *dispatch)
{
	const struct conf *conf = dispatch->generation->conf;
	char path[256];
	const struct cp_link_conf link_conf = {
		.path = path,
		.conf_hash = conf_realms_hash(conf),
		.events = &link_events,
		.arg = dispatch,
	};
	int err;

	snprintf(path, sizeof(path), "%s/%s", conf->machine.run_dir, CONF_DATAPLANE_SOCKET);
	dispatch->link_reason = "not tried yet";
	err = cp_link_new(&dispatch->link, dispatch->base, &link_conf);
	if (err)
		LOG(ERROR, "link", "the link to the dataplane cannot be made",
		    LOG_STR("socket", path), LOG_ERR(err));
	return err;
}

/* Make the link anew: the dataplane sends again what it holds unacknowledged. */
static void on_relink(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch *dispatch = arg;

	LOG(INFO, "link", "connecting anew, for records that had no room before");
	cp_link_free(dispatch->link);
	dispatch->link = NULL;
	records_link_down(dispatch);
	listings_link_down(dispatch);
	probes_link_down(dispatch);
	accounts_link_change(dispatch, false);
	streams_link_down(dispatch);
	/* no memory: better started afresh than deaf */
	if (start_link(dispatch))
		event_base_loopbreak(dispatch->base);
}

static int start(struct dispatch *dispatch)
{
	int err;

	dispatch->relink = evtimer_new(dispatch->base, on_relink, dispatch);
	if (!dispatch->relink)
		return -ENOMEM;
	err = reloads_start(dispatch);
	if (!err)
		err = settings_start(dispatch);
	if (!err)
		err = names_start(dispatch);
	if (!err)
		err = screening_start(dispatch);
	if (!err)
		err = probes_start(dispatch);
	if (!err)
		err = accounts_start(dispatch);
	if (!err)
		err = certificates_start(dispatch);
	if (!err)
		err = streams_start(dispatch);
	if (!err)
		err = listings_start(dispatch);
	if (!err)
		err = records_start(dispatch);
	if (!err)
		err = operator_start(dispatch);
	return err ? err : start_link(dispatch);
}

static void log_errors(const struct conf *conf, const struct conf_error *errors, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		LOG(ERROR, "config", "wrong", LOG_STR("file", conf->path),
		    LOG_U64("line", errors[i].line), LOG_STR("key", errors[i].key),
		    LOG_STR("reason", errors[i].reason));
}

/* Before there is anything to do: nobody waits for the loop yet. */
static int load_tables(const struct conf *conf, struct tables **tables)
{
	struct conf_error errors[RELOAD_ERRORS_MAX];
	unsigned nerrors;
	int err = tables_load(conf, NULL, tables, errors, RELOAD_ERRORS_MAX, &nerrors);

	log_errors(conf, errors, nerrors);
	return err;
}

static int load_tls(struct dispatch *dispatch)
{
	struct conf_error errors[RELOAD_ERRORS_MAX];
	struct generation *generation = dispatch->generation;
	unsigned nerrors;
	int err;

	tls_library_start();
	err = tls_store_load(generation->conf, NULL, &generation->tls, errors, RELOAD_ERRORS_MAX,
			     &nerrors);
	log_errors(generation->conf, errors, nerrors);
	if (!err)
		tls_store_warn(generation->tls);
	return err;
}

int dispatch_new(struct dispatch **out, struct event_base *base, struct conf *conf)
{
	const struct log_limit limit = {.window_ns = 60 * CLOCK_NS_PER_S,
					.burst = REFUSAL_LINES_A_MINUTE};
	struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
	struct tables *tables;
	int err = -ENOMEM;

	*out = NULL;
	if (!dispatch) {
		conf_free(conf);
		return -ENOMEM;
	}
	dispatch->base = base;
	for (unsigned i = 0; i < POLICY_OUTCOMES_END; i++)
		dispatch->refusals[i] = limit;
	dispatch->unreadable_limit = dispatch->auth_limit = limit;
	err = users_start(dispatch, conf);
	if (err) {
		conf_free(conf);
		dispatch_free(dispatch);
		return err;
	}
	err = load_tables(conf, &tables);
	if (err) {
		conf_free(conf);
	} else {
		dispatch->generation = generation_with(conf, dispatch->registrar, tables);
		err = dispatch->generation ? 0 : -ENOMEM;
	}
	if (!err)
		err = load_tls(dispatch);
	if (!err) {
		dispatch->generation->auth = dispatch->auth;
		err = start(dispatch);
	}
	if (err == -ENOMEM)
		LOG(ERROR, "core", "out of memory");
	if (err) {
		dispatch_free(dispatch);
		return err;
	}
	*out = dispatch;
	return 0;
}

void dispatch_free(struct dispatch *dispatch)
{
	if (!dispatch)
		return;
	admin_server_free(dispatch->admin);
	cp_link_free(dispatch->link);
	records_stop(dispatch);
	listings_stop(dispatch);
	settings_stop(dispatch);
	reloads_stop(dispatch);
	streams_stop(dispatch);
	screening_stop(dispatch);
	probes_stop(dispatch);
	accounts_stop(dispatch);
	certificates_stop(dispatch);
	names_stop(dispatch);
	if (dispatch->relink)
		event_free(dispatch->relink);
	generation_free(dispatch->generation);
	users_stop(dispatch);
	free(dispatch);
}

static void reload_told(struct dispatch *dispatch, const struct reload_waiter *waiter, int err,
			const struct reload_result *result)
{
	waiter->done(waiter->arg, err);
}

void dispatch_reload(struct dispatch *dispatch, void (*done)(void *arg, int err), void *arg)
{
	const struct reload_waiter waiter = {.told = reload_told, .done = done, .arg = arg};

	reload_begin(dispatch, done ? &waiter : NULL);
}
