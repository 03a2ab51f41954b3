/* SPDX-License-Identifier: BSD-3-Clause */
/* What limenctl asks for. limen-controlplane, loop thread. */
#include <errno.h>
#include <stdio.h>

#include "common/log/json.h"
#include "controlplane/admin/json_read.h"
#include "controlplane/dispatch/internal.h"

#define REQUEST_NODES_MAX 32u

struct order {
	struct dispatch *dispatch;
	uint64_t client;
	const struct json_node *request;
};

static void list(const struct order *order, enum listing_kind kind, const char *group,
		 const struct cdr_id *wanted)
{
	struct dispatch *dispatch = order->dispatch;
	char why[256];

	if (cp_link_hello(dispatch->link)) {
		listing_start(dispatch, order->client, kind, group, wanted);
		return;
	}
	snprintf(why, sizeof(why), "the dataplane is not connected: %s", dispatch->link_reason);
	admin_fail(dispatch->admin, order->client, why);
}

static void show_calls(const struct order *order)
{
	list(order, LISTING_CALLS, NULL, NULL);
}

static void show_stats(const struct order *order)
{
	list(order, LISTING_STATS, NULL, NULL);
}

static void show_ports(const struct order *order)
{
	list(order, LISTING_STATS, "port", NULL);
}

static void show_drops(const struct order *order)
{
	list(order, LISTING_STATS, "drops", NULL);
}

static void show_trunks(const struct order *order)
{
	probes_list(order->dispatch, order->client);
}

static void show_registrations(const struct order *order)
{
	accounts_list(order->dispatch, order->client);
}

static void show_alarms(const struct order *order)
{
	alarms_list(order->dispatch, order->client);
}

static void show_dns(const struct order *order)
{
	names_list(order->dispatch, order->client);
}

static void show_certificates(const struct order *order)
{
	certificates_list(order->dispatch, order->client);
}

static void show_users(const struct order *order)
{
	users_list(order->dispatch, order->client);
}

static void show_limits(const struct order *order)
{
	list(order, LISTING_STATS, "limits", NULL);
}

static void show_blocks(const struct order *order)
{
	screening_list(order->dispatch, order->client);
}

static void show_connections(const struct order *order)
{
	streams_list(order->dispatch, order->client);
}

static void disconnect(const struct order *order)
{
	const struct json_node *name = json_get(order->request, SPAN("connection"));
	uint64_t flow = 0;

	if (!name || name->kind != JSON_STRING || sip_number_parse(name->text, UINT64_MAX, &flow))
		admin_fail(order->dispatch->admin, order->client,
			   "that is not the number of a connection: see `limenctl show "
			   "connections`");
	else if (streams_close(order->dispatch, flow))
		admin_done(order->dispatch->admin, order->client);
	else
		admin_fail(order->dispatch->admin, order->client, "there is no such connection");
}

static bool read_seconds(struct span text, uint64_t *seconds)
{
	uint64_t value = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || value > IPC_SOURCE_SECONDS_MAX)
			return false;
		value = value * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	*seconds = value;
	return value >= 1 && value <= IPC_SOURCE_SECONDS_MAX;
}

/* False, and answered, where the request names no network. */
static bool read_source(const struct order *order, struct net_prefix *prefix)
{
	const struct json_node *name = json_get(order->request, SPAN("source"));
	struct net_addr given;

	if (!name || name->kind != JSON_STRING || net_prefix_parse(name->text, prefix)) {
		admin_fail(order->dispatch->admin, order->client,
			   "that is not an address, nor one with a prefix length");
		return false;
	}
	given = prefix->addr;
	memset(&prefix->addr, 0, sizeof(prefix->addr));
	memcpy(prefix->addr.ip, given.ip, prefix->bits / 8);
	if (prefix->bits % 8)
		prefix->addr.ip[prefix->bits / 8] =
			given.ip[prefix->bits / 8] & (uint8_t)(0xff00u >> prefix->bits % 8);
	return true;
}

static void block(const struct order *order)
{
	struct admin_server *admin = order->dispatch->admin;
	const struct json_node *given = json_get(order->request, SPAN("seconds"));
	uint64_t seconds = order->dispatch->generation->conf->screening.block_s;
	struct net_prefix prefix;

	if (!read_source(order, &prefix))
		return;
	if (given && (given->kind != JSON_STRING || !read_seconds(given->text, &seconds)))
		admin_fail(admin, order->client,
			   "how long is a number of seconds, from 1 to 31536000");
	else if (prefix.bits == 0)
		admin_fail(admin, order->client, "that is everybody");
	else if (screening_block(order->dispatch, &prefix, (uint32_t)seconds))
		admin_fail(admin, order->client, "there is no room for more blocks");
	else
		admin_done(admin, order->client);
}

static void unblock(const struct order *order)
{
	struct net_prefix prefix;

	if (!read_source(order, &prefix))
		return;
	if (screening_unblock(order->dispatch, &prefix))
		admin_done(order->dispatch->admin, order->client);
	else
		admin_fail(order->dispatch->admin, order->client,
			   "nothing there is blocked: see `limenctl show blocks`; what the config "
			   "blocks is removed there");
}

/* What the request's `call` names. */
static void one_call(const struct order *order, enum listing_kind kind)
{
	const struct json_node *name = json_get(order->request, SPAN("call"));
	const struct ipc_hello *hello = cp_link_hello(order->dispatch->link);
	struct cdr_id id;

	if (!name || name->kind != JSON_STRING || cdr_id_read(name->text, &id))
		admin_fail(order->dispatch->admin, order->client,
			   "that is not the name of a call: see `limenctl show calls`");
	else if (hello && id.worker >= hello->nworkers)
		admin_fail(order->dispatch->admin, order->client, "there is no such call");
	else
		list(order, kind, NULL, &id);
}

static void hangup(const struct order *order)
{
	one_call(order, LISTING_HANGUP);
}

static void show_call(const struct order *order)
{
	one_call(order, LISTING_CALL);
}

static void explain(const struct order *order)
{
	explaining_answer(order->dispatch, order->client, order->request);
}

static void tell_reloaded(struct dispatch *dispatch, const struct reload_waiter *waiter, int err,
			  const struct reload_result *result)
{
	char details[6144], line[512];
	struct cursor out = cursor_on(details, sizeof(details));

	if (!err) {
		admin_done(dispatch->admin, waiter->client);
		return;
	}
	put_char(&out, '[');
	for (unsigned i = 0; i < result->nerrors; i++) {
		struct cursor one = cursor_on(line, sizeof(line));
		uint32_t good = out.len;

		conf_put_error(&one, dispatch->generation->conf->path, &result->errors[i]);
		if (i)
			put_char(&out, ',');
		put_json_str(&out, cursor_span(&one));
		if (out.full || out.len + 1 >= out.cap) {
			out.full = false;
			out.len = good;
			break;
		}
	}
	put_char(&out, ']');
	admin_fail_with(dispatch->admin, waiter->client, result->why, cursor_span(&out));
}

static void reload_now(const struct order *order)
{
	const struct reload_waiter waiter = {.told = tell_reloaded, .client = order->client};

	reload_begin(order->dispatch, &waiter);
}

static const struct {
	struct span command;
	void (*run)(const struct order *order);
} orders[] = {
	{{"show call", 9}, show_call},
	{{"show calls", 10}, show_calls}, {{"show stats", 10}, show_stats},
	{{"show ports", 10}, show_ports}, {{"show drops", 10}, show_drops},
	{{"show trunks", 11}, show_trunks}, {{"show users", 10}, show_users},
	{{"show certificates", 17}, show_certificates},
	{{"show registrations", 18}, show_registrations},
	{{"show dns", 8}, show_dns}, {{"show alarms", 11}, show_alarms},
	{{"show limits", 11}, show_limits}, {{"show blocks", 11}, show_blocks},
	{{"show connections", 16}, show_connections}, {{"disconnect", 10}, disconnect},
	{{"block", 5}, block}, {{"unblock", 7}, unblock},
	{{"hangup", 6}, hangup},	  {{"reload", 6}, reload_now},
	{{"explain", 7}, explain},
};

static void on_request(void *arg, uint64_t client, struct span line)
{
	struct dispatch *dispatch = arg;
	struct json_node nodes[REQUEST_NODES_MAX];
	const struct json_node *command;
	struct order order = {dispatch, client, nodes};

	if (json_read(line, nodes, REQUEST_NODES_MAX) < 0) {
		admin_fail(dispatch->admin, client, "the request is not JSON");
		return;
	}
	command = json_get(nodes, SPAN("command"));
	for (size_t i = 0;
	     command && command->kind == JSON_STRING && i < sizeof(orders) / sizeof(orders[0]);
	     i++) {
		if (span_eq(orders[i].command, command->text)) {
			orders[i].run(&order);
			return;
		}
	}
	admin_fail(dispatch->admin, client, "no such command");
}

static void on_drained(void *arg, uint64_t client)
{
	listing_drained(arg, client);
	users_drained(arg, client);
	screening_drained(arg, client);
	streams_drained(arg, client);
}

static void on_gone(void *arg, uint64_t client)
{
	listing_gone(arg, client);
	users_gone(arg, client);
	screening_gone(arg, client);
	streams_gone(arg, client);
}

static const struct admin_events events = {
	.request = on_request, .drained = on_drained, .gone = on_gone};

int operator_start(struct dispatch *dispatch)
{
	char path[256];
	int err;

	snprintf(path, sizeof(path), "%s/%s", dispatch->generation->conf->machine.run_dir,
		 CONF_ADMIN_SOCKET);
	err = admin_server_new(&dispatch->admin, dispatch->base, path, &events, dispatch);
	if (err == -EADDRINUSE)
		LOG(ERROR, "admin", "another control plane is running", LOG_STR("socket", path));
	else if (err)
		LOG(ERROR, "admin", "limenctl's socket cannot be made", LOG_STR("socket", path),
		    LOG_ERR(err));
	return err;
}
