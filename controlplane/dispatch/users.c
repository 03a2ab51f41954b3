/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is registered: answers of registrars, and the list for the operator, as fast as the client
 * takes it. limen-controlplane, loop thread. */
#include "common/base/clock.h"
#include "common/log/json.h"
#include "controlplane/auth/auth.h"
#include "controlplane/dispatch/internal.h"

#define BACKLOG_BYTES (256u * 1024u)
/* A user of 255 bytes and a contact of 512, each byte escaped. */
#define ROW_BYTES_MAX 8192u

static void on_auth_failed(void *arg, unsigned realm, const struct net_endpoint *source)
{
	struct dispatch *dispatch = arg;
	uint64_t held;

	if (log_limit_pass(&dispatch->auth_limit, clock_mono_ns(), &held))
		LOG(WARN, "auth", "wrong credentials",
		    LOG_STR("realm", dispatch->generation->conf->realms[realm].name),
		    LOG_ENDPOINT("source", source), LOG_U64("held_back", held));
}

static const struct auth_events auth_events = {.failed = on_auth_failed};

static void on_bound(void *arg, const struct binding *binding)
{
	screening_user(arg, binding);
}

int users_start(struct dispatch *dispatch, const struct conf *conf)
{
	int err = registrar_new(&dispatch->registrar, dispatch->base, &conf->registrar);

	if (err)
		return err;
	registrar_on_bound(dispatch->registrar, on_bound, dispatch);
	return auth_new(&dispatch->auth, dispatch->base, &conf->auth, &auth_events, dispatch);
}

void users_stop(struct dispatch *dispatch)
{
	auth_free(dispatch->auth);
	dispatch->auth = NULL;
	registrar_free(dispatch->registrar);
	dispatch->registrar = NULL;
}

void dispatch_answer(struct dispatch *dispatch, unsigned ring, const struct ipc_answer *answer)
{
	const struct registration_id id = {answer->call, cp_link_ring_worker(ring)};
	struct span bytes = ipc_answer_msg(answer);
	struct sip_msg msg;
	bool readable = bytes.len &&
			sip_parse(&msg, bytes.ptr, bytes.len, SIP_DATAGRAM) == SIP_PARSE_OK &&
			!msg.is_request;

	registrar_end(dispatch->registrar, &id, answer->status, readable ? &msg : NULL);
}

static void put_binding(struct dispatch *dispatch, uint64_t client, const struct binding *binding)
{
	char text[ROW_BYTES_MAX];
	struct cursor out = cursor_on(text, sizeof(text));

	put_char(&out, '{');
	put_json_text(&out, "user", binding->user);
	put_json_text(&out, "trunk", binding->trunk);
	put_json_text(&out, "contact", binding->contact);
	put_json_endpoint(&out, "source", &binding->source);
	put_json_time(&out, "since", binding->since_s * CLOCK_NS_PER_S);
	put_json_time(&out, "expires", binding->expires_s * CLOCK_NS_PER_S);
	put_json_time(&out, "core_expires", binding->core_s * CLOCK_NS_PER_S);
	put_json_u64(&out, "q_permille", binding->q);
	put_json_text(&out, "kept", binding->kept ? SPAN("yes") : SPAN("no"));
	put_json_text(&out, "transport",
		      span_str(net_transport_param((enum net_transport)binding->transport)));
	put_json_text(&out, "outbound", binding->flags & BINDING_OUTBOUND ? SPAN("yes") : SPAN("no"));
	put_json_u64(&out, "reg_id", binding->reg_id);
	put_json_text(&out, "nat", binding->flags & BINDING_NAT ? SPAN("yes") : SPAN("no"));
	put_char(&out, '}');
	if (!out.full)
		admin_row(dispatch->admin, client, cursor_span(&out));
}

/* Bindings come and go meanwhile: each that stays is told once. */
static void go_on(struct dispatch *dispatch, struct users_list *list)
{
	struct binding binding;

	while (admin_backlog(dispatch->admin, list->client) < BACKLOG_BYTES) {
		if (!registrar_next(dispatch->registrar, &list->at, &binding)) {
			admin_done(dispatch->admin, list->client);
			*list = (struct users_list){0};
			return;
		}
		put_binding(dispatch, list->client, &binding);
	}
}

static struct users_list *list_of(struct dispatch *dispatch, uint64_t client)
{
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		if (dispatch->users_lists[i].client == client)
			return &dispatch->users_lists[i];
	}
	return NULL;
}

void users_list(struct dispatch *dispatch, uint64_t client)
{
	/* one for each client that can be connected, and each has one request open at most */
	struct users_list *list = list_of(dispatch, 0);

	*list = (struct users_list){.client = client};
	go_on(dispatch, list);
}

void users_drained(struct dispatch *dispatch, uint64_t client)
{
	struct users_list *list = list_of(dispatch, client);

	if (list)
		go_on(dispatch, list);
}

void users_gone(struct dispatch *dispatch, uint64_t client)
{
	struct users_list *list = list_of(dispatch, client);

	if (list)
		*list = (struct users_list){0};
}
