/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers probed by OPTIONS through the workers, and what that says of them: to the verdicts, the log
 * and the operator. limen-controlplane, loop thread. */
#include <errno.h>
#include <event2/event.h>
#include <sys/random.h>

#include "common/base/clock.h"
#include "common/log/json.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/dispatch/verdict.h"

#define RETRY_NS      (100 * CLOCK_NS_PER_MS)
#define AT_ONCE       64u /* probes of one turn of the loop */
#define URI_BYTES_MAX 128u

/* NULL while there is no dataplane: before the link is made, or lost. */
static const struct ipc_hello *dataplane(const struct dispatch *dispatch)
{
	return dispatch->link ? cp_link_hello(dispatch->link) : NULL;
}

static void arm(struct dispatch *dispatch)
{
	uint64_t now = clock_mono_ns(), due, wait;
	struct timeval delay;

	if (!dataplane(dispatch) || !health_due(dispatch->health, &due)) {
		event_del(dispatch->probe_timer);
		return;
	}
	wait = due > now ? due - now : 0;
	delay = (struct timeval){.tv_sec = (time_t)(wait / CLOCK_NS_PER_S),
				 .tv_usec = (suseconds_t)(wait % CLOCK_NS_PER_S / 1000)};
	event_add(dispatch->probe_timer, &delay);
}

static struct span put_uri(struct cursor *out, const struct net_endpoint *host,
			   enum net_transport transport, bool bare)
{
	uint32_t from = out->len;

	put_lit(out, "<sip:");
	put_addr_sip(out, host->family, &host->addr);
	if (bare) {
		put_char(out, ':');
		put_u64(out, host->port);
		if (transport != NET_UDP) {
			put_lit(out, ";transport=");
			put_span(out, span_str(net_transport_param(transport)));
		}
		return span_of(out->buf + from + 1, out->len - from - 1);
	}
	put_char(out, '>');
	return span_of(out->buf + from, out->len - from);
}

/* False when the ring has no room now. */
static bool send_probe(struct dispatch *dispatch, const struct health_probe *probe,
		       unsigned nworkers)
{
	const struct conf *conf = dispatch->generation->conf;
	const struct conf_trunk *trunk = &conf->trunks[probe->trunk];
	const struct net_endpoint *peer = &probe->addr;
	struct net_endpoint limen =
		limen_at(&conf->realms[trunk->realm], probe->transport, peer->family);
	char text[3 * URI_BYTES_MAX];
	struct cursor c = cursor_on(text, sizeof(text));
	struct ipc_probe head = {.probe_id = probe->id,
				 .peer = *peer,
				 .realm = (uint8_t)trunk->realm,
				 .transport = probe->transport};
	struct span parts[4] = {span_of(&head, sizeof(head)),
				put_uri(&c, peer, probe->transport, true),
				put_uri(&c, &limen, probe->transport, false),
				put_uri(&c, peer, probe->transport, false)};
	unsigned ring = cp_link_worker_ring(probe->turn % nworkers);

	head.ruri_len = (uint16_t)parts[1].len;
	head.from_len = (uint16_t)parts[2].len;
	head.to_len = (uint16_t)parts[3].len;
	return cp_link_send(dispatch->link, ring, IPC_PROBE, parts, 4) == 0;
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch *dispatch = arg;
	const struct ipc_hello *hello = dataplane(dispatch);
	uint64_t now = clock_mono_ns();
	struct health_probe probe;

	for (unsigned i = 0; hello && i < AT_ONCE; i++) {
		if (!health_next(dispatch->health, now, &probe))
			break;
		if (send_probe(dispatch, &probe, hello->nworkers))
			continue;
		health_unsent(dispatch->health, &probe, now + RETRY_NS);
		break;
	}
	arm(dispatch);
}

int probes_start(struct dispatch *dispatch)
{
	dispatch->health = health_new();
	dispatch->probe_timer = evtimer_new(dispatch->base, on_due, dispatch);
	if (!dispatch->health || !dispatch->probe_timer)
		return -ENOMEM;
	return probes_configure(dispatch, dispatch->generation);
}

void probes_stop(struct dispatch *dispatch)
{
	if (dispatch->probe_timer)
		event_free(dispatch->probe_timer);
	dispatch->probe_timer = NULL;
	health_free(dispatch->health);
	dispatch->health = NULL;
}

static void tell_generation(struct dispatch *dispatch, struct generation *generation)
{
	for (unsigned t = 0; t < generation->conf->ntrunks; t++)
		generation->peers_down[t] = health_down(dispatch->health, t);
}

static uint64_t any_number(void)
{
	uint64_t number = 0;

	/* without a random number the first probes only come less spread */
	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return number;
}

int probes_configure(struct dispatch *dispatch, struct generation *generation)
{
	int err = health_configure(dispatch->health, generation->conf, generation->peers,
				   clock_mono_ns(), any_number());

	if (err)
		return err;
	tell_generation(dispatch, generation);
	arm(dispatch);
	return 0;
}

void probes_link_up(struct dispatch *dispatch)
{
	health_spread(dispatch->health, clock_mono_ns(), any_number());
	arm(dispatch);
}

/* Who watches is gone: nothing is known of anybody. */
void probes_link_down(struct dispatch *dispatch)
{
	health_forget(dispatch->health, clock_real_ns());
	tell_generation(dispatch, dispatch->generation);
	event_del(dispatch->probe_timer);
}

void dispatch_probe_end(struct dispatch *dispatch, const struct ipc_probe_end *end)
{
	const struct conf *conf = dispatch->generation->conf;
	struct health_result result = health_end(dispatch->health, end->probe_id, end->status,
						 end->rtt_us, clock_real_ns());
	const struct health_peer *peer = &result.peer;
	bool down = peer->state == HEALTH_DOWN;

	if (!result.changed)
		return;
	dispatch->generation->peers_down[peer->trunk] = health_down(dispatch->health, peer->trunk);
	if (down)
		LOG(WARN, "health", "a peer is down",
		    LOG_STR("trunk", conf->trunks[peer->trunk].name),
		    LOG_ENDPOINT("peer", &peer->addr),
		    LOG_U64("status", peer->status));
	else
		LOG(INFO, "health", "a peer is up",
		    LOG_STR("trunk", conf->trunks[peer->trunk].name),
		    LOG_ENDPOINT("peer", &peer->addr),
		    LOG_U64("status", peer->status), LOG_U64("rtt_us", peer->rtt_us));
}

static void put_peer(struct dispatch *dispatch, uint64_t client, unsigned trunk,
		     const struct peer_set *set, unsigned number)
{
	const struct conf *conf = dispatch->generation->conf;
	const struct conf_trunk *t = &conf->trunks[trunk];
	const struct peer_addr *at = &set->list[number];
	struct health_peer peer = health_peer(dispatch->health, trunk, number);
	char text[1024];
	struct cursor out = cursor_on(text, sizeof(text));

	put_char(&out, '{');
	put_json_text(&out, "trunk", span_str(t->name));
	put_json_text(&out, "realm", span_str(conf->realms[t->realm].name));
	put_json_endpoint(&out, "peer", &at->addr);
	if (t->peer_of[at->item].host)
		put_json_text(&out, "name", span_str(t->peer_of[at->item].host));
	put_json_u64(&out, "priority", at->priority >> 16);
	put_json_u64(&out, "srv_priority", at->priority & 0xffff);
	put_json_u64(&out, "weight", at->weight);
	put_json_text(&out, "state", span_str(health_state_name(peer.state)));
	put_json_u64(&out, "status", peer.status);
	put_json_u64(&out, "rtt_us", peer.rtt_us);
	put_json_time(&out, "since", peer.since_ns);
	put_json_text(&out, "transport", span_str(net_transport_param(at->transport)));
	put_char(&out, '}');
	if (!out.full)
		admin_row(dispatch->admin, client, cursor_span(&out));
}

void probes_list(struct dispatch *dispatch, uint64_t client)
{
	const struct generation *gen = dispatch->generation;

	for (unsigned t = 0; t < gen->conf->ntrunks; t++) {
		struct peer_set set;

		peer_set_get(gen->peers, t, &set);
		for (unsigned p = 0; p < set.n; p++)
			put_peer(dispatch, client, t, &set, p);
	}
	admin_done(dispatch->admin, client);
}
