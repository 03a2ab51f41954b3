/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP over connections: what comes in by them goes to the worker that owns its call, what workers
 * send goes out by them, and what could not go out is told. limen-controlplane, loop thread. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/log/json.h"
#include "common/sip/owner.h"
#include "controlplane/dispatch/internal.h"

#define FAILS_MAX     8192u /* that wait for room in a ring */
#define RETRY_MS      10
#define PONG_MS	      10000u
#define BACKLOG_BYTES (256u * 1024u)
#define ROW_BYTES_MAX 2048u
#define OFFENDERS     1024u /* power of two */
#define OTHER_FILES   256u  /* descriptors besides those of connections */

struct fail {
	unsigned ring;
	struct ipc_sip_fail msg;
};

/* A source whose streams could not be read. */
struct offender {
	struct net_addr addr;
	uint8_t family, realm;
	uint32_t count;
	uint64_t since_ns;
};

struct streams {
	struct transport *transport; /* owned */
	struct fail *fails;	     /* owned: FAILS_MAX */
	unsigned nfails;
	struct event *retry;
	uint64_t unsent; /* messages that no worker could be given */
	struct offender offenders[OFFENDERS]; /* by a hash of the source: a newer one takes over */
	struct streams_list {
		uint64_t client; /* 0: free */
		uint64_t at;
	} lists[ADMIN_CLIENTS_MAX];
};

/* ---- to the workers ---- */

/* While there is no dataplane, or no room, the peer waits: nothing is lost but time. */
static int on_message(void *arg, const struct conn_info *from, const struct sip_msg *msg)
{
	struct dispatch *dispatch = arg;
	const struct ipc_hello *hello = dispatch->link ? cp_link_hello(dispatch->link) : NULL;
	const struct ipc_sip_in head = {.flow = from->flow,
					.peer = from->peer,
					.local = from->local,
					.realm = from->realm,
					.transport = from->transport,
					.msg_len = msg->len};
	const struct span parts[] = {span_of(&head, sizeof(head)), span_of(msg->buf, msg->len)};
	struct span call_id;
	unsigned worker = 0;
	int err;

	if (!hello)
		return -EAGAIN;
	/* found as workers find it: of a message that cannot be read they may differ */
	if (sip_find_call_id(msg->buf, msg->len, &call_id))
		worker = sip_owner(call_id, hello->nworkers);
	err = cp_link_send(dispatch->link, cp_link_worker_ring(worker), IPC_SIP_IN, parts, 2);
	if (err == -EAGAIN || err == -ENOTCONN)
		return -EAGAIN;
	dispatch->streams->unsent += err != 0;
	return 0;
}

static bool send_fail(struct dispatch *dispatch, const struct fail *fail)
{
	const struct span part = span_of(&fail->msg, sizeof(fail->msg));

	return !dispatch->link ||
	       cp_link_send(dispatch->link, fail->ring, IPC_SIP_FAIL, &part, 1) != -EAGAIN;
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval soon = {.tv_usec = RETRY_MS * 1000};
	struct dispatch *dispatch = arg;
	struct streams *streams = dispatch->streams;
	unsigned left = 0;

	for (unsigned i = 0; i < streams->nfails; i++) {
		if (!send_fail(dispatch, &streams->fails[i]))
			streams->fails[left++] = streams->fails[i];
	}
	streams->nfails = left;
	if (left)
		event_add(streams->retry, &soon);
}

static void on_failed(void *arg, const struct conn_token *token, enum conn_failure failure)
{
	static const uint32_t reasons[CONN_FAILURES] = {
		[CONN_NO_WAY] = IPC_FAIL_TRANSPORT, [CONN_UNREACHED] = IPC_FAIL_REFUSED,
		[CONN_LATE] = IPC_FAIL_TIMEOUT,	    [CONN_LOST] = IPC_FAIL_LOST,
		[CONN_FULL] = IPC_FAIL_FULL,
	};
	const struct timeval soon = {.tv_usec = RETRY_MS * 1000};
	struct dispatch *dispatch = arg;
	struct streams *streams = dispatch->streams;
	const struct fail fail = {token->ring, {.token = token->token, .reason = reasons[failure]}};

	if (send_fail(dispatch, &fail) || streams->nfails == FAILS_MAX)
		return; /* for want of room the transaction's own timer ends it */
	if (!streams->nfails)
		event_add(streams->retry, &soon);
	streams->fails[streams->nfails++] = fail;
}

/* ---- who may ---- */

static enum conn_welcome on_welcome(void *arg, unsigned realm, const struct net_endpoint *peer)
{
	struct dispatch *dispatch = arg;
	const struct generation *gen = dispatch->generation;
	const struct conf_screening *conf = &gen->conf->screening;

	if (screening_blocks(dispatch, realm, peer))
		return CONN_REFUSED;
	if (policy_knows(gen->policy, realm, peer->family, &peer->addr))
		return CONN_KNOWN;
	for (unsigned i = 0; i < conf->nblocked; i++) {
		if (net_prefix_has(&conf->blocked[i], peer->family, &peer->addr))
			return CONN_REFUSED;
	}
	return CONN_UNKNOWN;
}

/* Streams that cannot be read count as messages that are not SIP. */
static void on_misbehaved(void *arg, const struct conn_info *peer, const char *why)
{
	struct dispatch *dispatch = arg;
	const struct conf_screening *conf = &dispatch->generation->conf->screening;
	uint64_t now_ns = clock_mono_ns(), hash;
	struct offender *offender;
	struct ipc_suspect suspect = {.source = peer->peer,
				      .realm = peer->realm,
				      .deed = IPC_DEED_MALFORMED,
				      .proven = 1,
				      .class = peer->known ? IPC_CLASS_KNOWN : IPC_CLASS_UNKNOWN};

	if (conf->learn == CONF_LEARN_NOBODY || !conf->malformed_max ||
	    (peer->known && conf->learn != CONF_LEARN_KNOWN))
		return;
	hash = hash_fast(peer->realm, span_of(&peer->peer.addr, sizeof(peer->peer.addr)));
	offender = &dispatch->streams->offenders[hash & (OFFENDERS - 1)];
	if (offender->family != peer->peer.family || offender->realm != peer->realm ||
	    !net_addr_eq(&offender->addr, &peer->peer.addr) ||
	    now_ns - offender->since_ns > conf->window_s * CLOCK_NS_PER_S)
		*offender = (struct offender){.addr = peer->peer.addr,
					      .family = peer->peer.family,
					      .realm = peer->realm,
					      .since_ns = now_ns};
	suspect.count = ++offender->count;
	if (offender->count < conf->malformed_max)
		return;
	offender->count = 0;
	screening_suspect(dispatch, &suspect);
}

static const struct transport_events events = {.message = on_message,
					       .failed = on_failed,
					       .welcome = on_welcome,
					       .misbehaved = on_misbehaved};

/* ---- from the workers ---- */

void streams_out(struct dispatch *dispatch, unsigned ring, const struct ipc_sip_out *out)
{
	const struct transport_send send = {.peer = out->peer,
					    .flow = out->flow,
					    .token = {.token = out->token, .ring = ring},
					    .realm = out->realm,
					    .transport = out->transport,
					    .message = ipc_sip_out_msg(out)};

	transport_send(dispatch->streams->transport, &send);
}

void streams_link_up(struct dispatch *dispatch)
{
	transport_look_for_devices(dispatch->streams->transport); /* it makes the realms' */
	transport_resume(dispatch->streams->transport);
}

/* Tokens are of a worker that may have started anew. */
void streams_link_down(struct dispatch *dispatch)
{
	dispatch->streams->nfails = 0;
}

void streams_blocked(struct dispatch *dispatch, const struct ipc_source *source)
{
	const struct net_prefix prefix = {
		.addr = source->addr, .family = source->family, .bits = source->bits};

	(void)transport_close_source(dispatch->streams->transport, &prefix, source->realm,
				     source->realm == IPC_REALM_ANY);
}

/* ---- life ---- */

static struct transport_limits limits_of(const struct conf_connections *conf)
{
	return (struct transport_limits){
		.total_max = conf->total_max,
		.source_max = conf->source_max,
		.known_source_max = conf->known_source_max,
		.first_message_ms = conf->first_message_s * 1000,
		.message_ms = conf->message_s * 1000,
		.idle_ms = conf->idle_s * 1000,
		.connect_ms = conf->connect_timeout_ms,
		.keepalive_ms = conf->keepalive_s * 1000,
		.pong_ms = PONG_MS,
		.message_bytes_max = conf->message_bytes_max,
		.output_bytes_max = conf->output_kb_max * 1024,
		.alias = conf->alias,
	};
}

/* Where a realm speaks what. */
static unsigned places_of(const struct conf *conf, struct transport_place *places)
{
	static const uint8_t families[] = {NET_IP4, NET_IP6};
	unsigned n = 0;

	for (unsigned r = 0; r < conf->nrealms; r++) {
		const struct conf_realm *realm = &conf->realms[r];

		for (unsigned t = NET_UDP + 1; t < NET_TRANSPORTS; t++) {
			for (unsigned f = 0; f < 2; f++) {
				struct transport_place *place = &places[n];

				*place = (struct transport_place){
					.realm = (uint8_t)r,
					.transport = (uint8_t)t,
					.device = realm->nstream_addrs ? NULL
								       : realm->kernel_device,
				};
				n += conf_realm_endpoint(realm, (enum net_transport)t, families[f],
							 &place->local);
			}
		}
	}
	return n;
}
_Static_assert(CONF_REALMS_MAX *NET_TRANSPORTS * 2 <= TRANSPORT_PLACES_MAX, "all have room");

/* As many descriptors as the system lets, once and before privileges are given up: behind that no
 * limit can be raised. */
static void take_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

static void check_descriptors(const struct conf_connections *conf)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files) &&
	    files.rlim_cur < (rlim_t)conf->total_max + OTHER_FILES)
		LOG(WARN, "transport", "fewer descriptors than connections.total_max could take",
		    LOG_U64("descriptors", files.rlim_cur), LOG_U64("total_max", conf->total_max));
}

int streams_configure(struct dispatch *dispatch, struct generation *generation)
{
	struct streams *streams = dispatch->streams;
	struct transport_limits limits = limits_of(&generation->conf->connections);
	struct transport_place *places = calloc(TRANSPORT_PLACES_MAX + 1, sizeof(*places));
	int err;

	if (!places)
		return -ENOMEM;
	generation->transport = streams->transport;
	check_descriptors(&generation->conf->connections);
	transport_set_limits(streams->transport, &limits);
	secure_configure(dispatch, generation);
	err = transport_set_places(streams->transport, places, places_of(generation->conf, places));
	free(places);
	return err;
}

int streams_start(struct dispatch *dispatch)
{
	struct streams *streams = calloc(1, sizeof(*streams));
	struct transport_limits limits;

	dispatch->streams = streams;
	if (!streams)
		return -ENOMEM;
	take_descriptors();
	limits = limits_of(&dispatch->generation->conf->connections);
	streams->fails = calloc(FAILS_MAX, sizeof(*streams->fails));
	streams->retry = evtimer_new(dispatch->base, on_retry, dispatch);
	if (!streams->fails || !streams->retry)
		return -ENOMEM;
	if (transport_new(&streams->transport, dispatch->base, &limits, &events, dispatch))
		return -ENOMEM;
	if (secure_start(dispatch, streams->transport))
		return -ENOMEM;
	return streams_configure(dispatch, dispatch->generation);
}

void streams_stop(struct dispatch *dispatch)
{
	struct streams *streams = dispatch->streams;

	if (!streams)
		return;
	transport_free(streams->transport);
	secure_stop(dispatch);
	if (streams->retry)
		event_free(streams->retry);
	free(streams->fails);
	free(streams);
	dispatch->streams = NULL;
}

void streams_stats(const struct dispatch *dispatch, struct transport_stats *stats, uint64_t *unsent)
{
	transport_stats(dispatch->streams->transport, stats);
	*unsent = dispatch->streams->unsent;
}

/* ---- the operator ---- */

static void put_row(struct dispatch *dispatch, uint64_t client, const struct conn_row *row)
{
	const struct conf *conf = dispatch->generation->conf;
	char text[ROW_BYTES_MAX];
	struct cursor out = cursor_on(text, sizeof(text));

	put_char(&out, '{');
	put_json_u64(&out, "id", row->info.flow);
	put_json_text(&out, "realm",
		      row->info.realm < conf->nrealms
			      ? span_str(conf->realms[row->info.realm].name)
			      : SPAN_NONE);
	put_json_text(&out, "transport", span_str(net_transport_param(row->info.transport)));
	put_json_endpoint(&out, "peer", &row->info.peer);
	put_json_endpoint(&out, "local", &row->info.local);
	put_json_text(&out, "by", row->info.accepted ? SPAN("peer") : SPAN("limen"));
	put_json_bool(&out, "known", row->info.known);
	put_json_text(&out, "state", span_str(row->state));
	put_json_u64(&out, "age_s", row->age_ns / CLOCK_NS_PER_S);
	put_json_u64(&out, "idle_s", row->idle_ns / CLOCK_NS_PER_S);
	put_json_u64(&out, "rx_bytes", row->rx_bytes);
	put_json_u64(&out, "tx_bytes", row->tx_bytes);
	put_json_u64(&out, "rx_messages", row->rx_messages);
	put_json_u64(&out, "tx_messages", row->tx_messages);
	put_json_u64(&out, "waiting_bytes", row->waiting_bytes);
	if (row->layer && row->layer->show && row->bev)
		row->layer->show(row->layer_arg, row->conn, row->bev, &out);
	put_char(&out, '}');
	if (!out.full)
		admin_row(dispatch->admin, client, cursor_span(&out));
}

/* As fast as the client takes it. */
static void go_on(struct dispatch *dispatch, struct streams_list *list)
{
	struct conn_row row;

	while (admin_backlog(dispatch->admin, list->client) < BACKLOG_BYTES) {
		if (!transport_next(dispatch->streams->transport, &list->at, &row)) {
			admin_done(dispatch->admin, list->client);
			*list = (struct streams_list){0};
			return;
		}
		put_row(dispatch, list->client, &row);
	}
}

static struct streams_list *list_of(struct dispatch *dispatch, uint64_t client)
{
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		if (dispatch->streams->lists[i].client == client)
			return &dispatch->streams->lists[i];
	}
	return NULL;
}

void streams_list(struct dispatch *dispatch, uint64_t client)
{
	/* one for each client that can be connected, and each has one request open at most */
	struct streams_list *list = list_of(dispatch, 0);

	*list = (struct streams_list){.client = client};
	go_on(dispatch, list);
}

void streams_drained(struct dispatch *dispatch, uint64_t client)
{
	struct streams_list *list = list_of(dispatch, client);

	if (list)
		go_on(dispatch, list);
}

void streams_gone(struct dispatch *dispatch, uint64_t client)
{
	struct streams_list *list = list_of(dispatch, client);

	if (list)
		*list = (struct streams_list){0};
}

bool streams_close(struct dispatch *dispatch, uint64_t flow)
{
	return transport_close(dispatch->streams->transport, flow);
}
