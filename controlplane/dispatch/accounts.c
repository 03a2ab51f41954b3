/* SPDX-License-Identifier: BSD-3-Clause */
/* limen's accounts with carriers: their REGISTERs go out through the workers. limen-controlplane,
 * loop thread. */
#include "controlplane/account/account.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/random.h>

#include "common/base/clock.h"
#include "common/log/json.h"
#include "controlplane/auth/auth.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/dispatch/verdict.h"

#define RETRY_NS      (100 * CLOCK_NS_PER_MS)
#define AT_ONCE	      64u /* requests of one turn of the loop */
#define URI_BYTES_MAX 256u

static uint64_t any_number(void)
{
	uint64_t number = 0;

	/* without a random number they only come less spread */
	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return number;
}

static void arm(struct dispatch *dispatch)
{
	uint64_t now = clock_mono_ns(), due, wait;
	struct timeval delay;

	if (!accounts_due(dispatch->accounts, &due)) {
		event_del(dispatch->account_timer);
		return;
	}
	wait = due > now ? due - now : 0;
	delay = (struct timeval){.tv_sec = (time_t)(wait / CLOCK_NS_PER_S),
				 .tv_usec = (suseconds_t)(wait % CLOCK_NS_PER_S / 1000)};
	event_add(dispatch->account_timer, &delay);
}

/* "<sip:USER@DOMAIN>", or without user and brackets for the Request-URI. */
static struct span put_uri(struct cursor *out, const struct conf_trunk *trunk,
			   const struct net_endpoint *peer, bool user)
{
	uint32_t from = out->len;

	if (user)
		put_char(out, '<');
	put_lit(out, "sip:");
	if (user) {
		put_span(out, span_str(trunk->account_user));
		put_char(out, '@');
	}
	put_account_domain(out, trunk, peer);
	if (user)
		put_char(out, '>');
	return span_of(out->buf + from, out->len - from);
}

/* False when the ring has no room now. */
static bool send_request(struct dispatch *dispatch, const struct account_request *request,
			 unsigned nworkers)
{
	const struct conf *conf = dispatch->generation->conf;
	const struct conf_trunk *trunk = &conf->trunks[request->trunk];
	const struct net_endpoint *peer = &trunk->peers[request->peer];
	enum net_transport transport = trunk->peer_of[request->peer].transport;
	struct net_endpoint limen =
		limen_at(&conf->realms[trunk->realm], transport, peer->family);
	char text[3 * URI_BYTES_MAX], lines[IPC_HEADERS_MAX];
	struct cursor c = cursor_on(text, sizeof(text)), headers = cursor_on(lines, sizeof(lines));
	struct ipc_probe head = {.probe_id = request->id,
				 .call_id_seed = request->seed,
				 .peer = *peer,
				 .realm = (uint8_t)trunk->realm,
				 .transport = (uint8_t)transport,
				 .kind = IPC_PROBE_REGISTER,
				 .cseq = request->cseq};
	struct span parts[5] = {span_of(&head, sizeof(head)), put_uri(&c, trunk, peer, false),
				put_uri(&c, trunk, peer, true), SPAN_NONE, SPAN_NONE};

	put_account_headers(&headers, dispatch->accounts, request, &limen, peer);
	parts[3] = parts[2];
	parts[4] = cursor_span(&headers);
	head.ruri_len = (uint16_t)parts[1].len;
	head.from_len = head.to_len = (uint16_t)parts[2].len;
	head.headers_len = (uint16_t)parts[4].len;
	return cp_link_send(dispatch->link, cp_link_worker_ring((unsigned)(request->seed % nworkers)),
			    IPC_PROBE, parts, 5) == 0;
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch *dispatch = arg;
	const struct ipc_hello *hello = dispatch->link ? cp_link_hello(dispatch->link) : NULL;
	uint64_t now = clock_mono_ns();
	struct account_request request;

	for (unsigned i = 0; hello && i < AT_ONCE; i++) {
		if (!accounts_next(dispatch->accounts, now, &request))
			break;
		if (send_request(dispatch, &request, hello->nworkers))
			continue;
		accounts_unsent(dispatch->accounts, &request, now + RETRY_NS);
		break;
	}
	arm(dispatch);
}

int accounts_start(struct dispatch *dispatch)
{
	dispatch->accounts = accounts_new();
	dispatch->account_timer = evtimer_new(dispatch->base, on_due, dispatch);
	if (!dispatch->accounts || !dispatch->account_timer)
		return -ENOMEM;
	return accounts_reload(dispatch, dispatch->generation);
}

void accounts_stop(struct dispatch *dispatch)
{
	if (dispatch->account_timer)
		event_free(dispatch->account_timer);
	dispatch->account_timer = NULL;
	accounts_free(dispatch->accounts);
	dispatch->accounts = NULL;
	trunk_ids_stop(dispatch);
}

int accounts_reload(struct dispatch *dispatch, const struct generation *generation)
{
	int err = accounts_configure(dispatch->accounts, generation->conf, clock_mono_ns(),
				     any_number());

	if (!err)
		err = trunk_ids_configure(dispatch, generation->conf);
	if (!err)
		arm(dispatch);
	return err;
}

void accounts_link_change(struct dispatch *dispatch, bool up)
{
	accounts_link(dispatch->accounts, up, clock_mono_ns(), any_number());
	arm(dispatch);
}

static void tell_change(const struct dispatch *dispatch, const struct account_view *view)
{
	const struct conf_trunk *trunk = &dispatch->generation->conf->trunks[view->trunk];

	if (view->state == ACCOUNT_REGISTERED)
		LOG(INFO, "account", "registered", LOG_STR("trunk", trunk->name),
		    LOG_STR("user", trunk->account_user),
		    LOG_ENDPOINT("peer", &trunk->peers[view->peer]));
	else
		LOG(WARN, "account", "not registered", LOG_STR("trunk", trunk->name),
		    LOG_STR("user", trunk->account_user), LOG_U64("status", view->status));
}

void dispatch_account_end(struct dispatch *dispatch, const struct ipc_probe_end *end)
{
	struct span bytes = ipc_probe_end_msg(end);
	struct account_view view;
	struct sip_msg msg;
	bool readable = bytes.len &&
			sip_parse(&msg, bytes.ptr, bytes.len, SIP_DATAGRAM) == SIP_PARSE_OK &&
			!msg.is_request;

	if (accounts_end(dispatch->accounts, end->probe_id, end->status, readable ? &msg : NULL,
			 auth_credentials(dispatch->auth), clock_mono_ns(), clock_real_ns(),
			 any_number(), &view))
		tell_change(dispatch, &view);
	arm(dispatch);
}

void accounts_list(struct dispatch *dispatch, uint64_t client)
{
	const struct conf *conf = dispatch->generation->conf;

	for (unsigned i = 0; i < accounts_count(dispatch->accounts); i++) {
		struct account_view view = accounts_view(dispatch->accounts, i);
		const struct conf_trunk *trunk = &conf->trunks[view.trunk];
		char text[1024];
		struct cursor out = cursor_on(text, sizeof(text));

		put_char(&out, '{');
		put_json_text(&out, "trunk", span_str(trunk->name));
		put_json_text(&out, "user", span_str(trunk->account_user));
		put_json_endpoint(&out, "peer", &trunk->peers[view.peer]);
		put_json_text(&out, "state",
			      span_str(account_state_name((enum account_state)view.state)));
		put_json_u64(&out, "status", view.status);
		put_json_time(&out, "since", view.since_ns);
		put_json_time(&out, "expires", view.expires_ns);
		put_char(&out, '}');
		if (!out.full)
			admin_row(dispatch->admin, client, cursor_span(&out));
	}
	admin_done(dispatch->admin, client);
}
