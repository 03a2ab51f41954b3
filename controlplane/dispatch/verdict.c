/* SPDX-License-Identifier: BSD-3-Clause */
/* Verdicts written: what was decided becomes the frame that the dataplane reads.
 * limen-controlplane, loop thread. */
#include "controlplane/dispatch/verdict.h"

#include "common/sip/edit_plan.h"
#include "controlplane/dispatch/shown.h"
#include "controlplane/policy/screen.h"
#include "controlplane/policy/explain.h"

/* A Request-URI, From or To: a user of 255 bytes, each escaped, display name, host and
 * parameters. */
#define TARGET_TEXT_BYTES_MAX 4096u

_Static_assert(CONF_PEERS_MAX <= IPC_TARGETS_MAX, "each peer is a target");
_Static_assert((int)CONF_REDIRECT_REFUSE == IPC_REDIRECT_REFUSE &&
		       (int)CONF_REDIRECT_FOLLOW == IPC_REDIRECT_FOLLOW &&
		       (int)CONF_REDIRECT_PASS == IPC_REDIRECT_PASS,
	       "the config's words are the verdict's");
_Static_assert((int)CONF_REFER_REFUSE == IPC_REFER_REFUSE &&
		       (int)CONF_REFER_PASS == IPC_REFER_PASS &&
		       (int)CONF_REFER_LOCAL == IPC_REFER_LOCAL,
	       "the config's words are the verdict's");
_Static_assert((int)CONF_SRTP_FORBID == IPC_SRTP_FORBID &&
		       (int)CONF_SRTP_ALLOW == IPC_SRTP_ALLOW &&
		       (int)CONF_SRTP_REQUIRE == IPC_SRTP_REQUIRE &&
		       (int)CONF_SRTP_BEST_EFFORT == IPC_SRTP_BEST_EFFORT,
	       "the config's words are the verdict's");
#define TARGET_BYTES_MAX (sizeof(struct ipc_target) + TARGET_TEXT_BYTES_MAX)
_Static_assert(sizeof(struct ipc_verdict) + EDIT_PLAN_BYTES_MAX + IPC_CONTEXT_MAX +
		       IPC_HEADERS_MAX +
		       IPC_TARGETS_MAX * TARGET_BYTES_MAX < IPC_FRAME_MAX,
	       "a verdict always fits its frame, as long as its targets have no plans of their own");

uint8_t uri_transport(const struct sip_uri *uri)
{
	struct span value;
	int transport;

	if (!sip_param_find(uri->params, SPAN("transport"), &value))
		return uri->is_sips ? NET_TLS : NET_UDP;
	transport = net_transport_from(value);
	if (transport == NET_TCP && uri->is_sips)
		return NET_TLS; /* section 26.2.2: it is TLS over TCP */
	return transport < 0 ? NET_TRANSPORTS : (uint8_t)transport;
}

struct net_endpoint limen_at(const struct conf_realm *realm, enum net_transport transport,
			     uint8_t family)
{
	struct net_endpoint limen;

	(void)conf_realm_endpoint(realm, transport, family, &limen);
	return limen;
}

bool trunk_has_account(const struct conf_trunk *trunk)
{
	return *trunk->account_user || *trunk->account_auth_user;
}

/* How limen speaks to a trunk's peers, when those of `other` are on the far side. */
static struct ipc_side_policy side_of(const struct conf_trunk *trunk,
				      const struct conf_trunk *other)
{
	struct ipc_side_policy side = {
		.session_s = trunk->session_expires_s,
		.min_se_s = trunk->min_se_s,
		.source_policy = trunk->media_learn ? IPC_SOURCE_LEARN : IPC_SOURCE_PIN,
		.redirect = trunk->redirect,
		.refer = trunk->refer,
		.flags = (uint8_t)((trunk->msrp && other->msrp ? IPC_POLICY_MSRP : 0) |
				   (trunk->ssrc_hide ? IPC_POLICY_HIDE_SSRC : 0) |
				   (trunk_has_account(trunk) ? IPC_POLICY_ACCOUNT : 0)),
		.police_burst_ms = trunk->media_police ? trunk->media_police_burst_ms : 0,
		.police_headroom_percent = trunk->media_police_headroom,
		.trunk = screen_trunk_id(trunk->name),
		.srtp = trunk->srtp,
	};

	memcpy(side.srtp_suites, trunk->srtp_suites, sizeof(side.srtp_suites));
	return side;
}

static void tell_srtp(const struct acceptance *a, const struct conf_trunk *trunk, bool calls)
{
	static const char *const words[][2] = {
		[CONF_SRTP_FORBID] = {"plain RTP, no keys are taken", "plain RTP is offered"},
		[CONF_SRTP_ALLOW] = {"keys are taken where it offers some",
				     "SRTP is offered where the caller has it"},
		[CONF_SRTP_REQUIRE] = {"an offer without keys is refused with 488",
				       "RTP/SAVP is offered, an answer without keys ends the call"},
		[CONF_SRTP_BEST_EFFORT] = {"keys are taken where it offers some",
					   "keys are offered beside RTP/AVP"},
	};

	struct span msg = ipc_ask_msg(a->ask);

	/* Nothing else has media. */
	if (msg.len < 7 || memcmp(msg.ptr, "INVITE ", 7) != 0)
		return;
	explain_step(a->explain, "srtp", "trunk %s: %s", trunk->name,
		     words[trunk->srtp][calls ? 0 : 1]);
}

static void tell_target(const struct acceptance *a, const struct way *way,
			const struct ipc_target *head, struct span ruri)
{
	char peer[80];
	struct cursor c = cursor_on(peer, sizeof(peer));

	if (!a->explain)
		return;
	put_endpoint(&c, &head->peer);
	put_char(&c, '\0');
	explain_step(a->explain, "target", "trunk %s, realm %s, %s%s%s, Request-URI %.*s",
		     a->gen->conf->trunks[way->to].name, a->gen->conf->realms[head->realm].name,
		     peer, head->transport == NET_UDP ? "" : " over ",
		     head->transport == NET_UDP ? "" : net_transport_name(head->transport),
		     SPAN_FMT(ruri));
	tell_srtp(a, &a->gen->conf->trunks[way->to], false);
}

/* The plan of a way where it is not the verdict's, as which the first way's is written. False where
 * there is no room for it: without it the way must not be gone. */
static bool own_plan(const struct cursor *out, const struct acceptance *a, const struct way *way,
		     struct span *plan)
{
	*plan = SPAN_NONE;
	if (way == a->ways || way->to == a->ways[0].to)
		return true;
	*plan = show_plan(a->gen, way->shown);
	if (!plan->len)
		return false;
	if (span_eq(*plan,
		    ipc_verdict_plan((const struct ipc_verdict *)(const void *)out->buf)))
		*plan = SPAN_NONE;
	return true;
}

/* False where the frame has no room for one more: what was named before is enough then. */
static bool put_target(struct cursor *out, const struct acceptance *a, const struct way *way,
		       struct span plan, const struct peer_addr *at)
{
	const struct conf *conf = a->gen->conf;
	const struct conf_trunk *to = &conf->trunks[way->to];
	const struct net_endpoint *peer = &at->addr;
	const struct ipc_target head = {
		.peer = *peer,
		.realm = (uint8_t)to->realm,
		.transport = at->transport,
		.flow = {(uint32_t)way->flow, (uint32_t)(way->flow >> 32)},
		.side = side_of(to, &conf->trunks[a->from]),
		.failover_ms = (uint16_t)to->failover_timeout_ms,
		.failover = {to->failover[0], to->failover[1]},
	};
	struct net_endpoint limen =
		limen_at(&conf->realms[to->realm], at->transport, peer->family);
	char text[TARGET_TEXT_BYTES_MAX];
	struct cursor c = cursor_on(text, sizeof(text));
	struct far_parties parties = way->shown->parties;
	uint32_t ruri, from, called;

	if (out->cap - out->len < TARGET_BYTES_MAX + plan.len + 4)
		return false;
	parties.called = way->called;
	if (way->ruri.len)
		put_span(&c, way->ruri);
	else
		put_far_ruri(&c, &parties, peer, at->transport);
	ruri = c.len;
	put_far_from(&c, &parties, peer, &limen);
	from = c.len;
	put_far_to(&c, &parties, peer);
	called = c.len;
	if (a->registering)
		put_registrar_contact(&c, a->registering, &limen, to->register_path);
	tell_target(a, way, &head, span_of(text, ruri));
	ipc_put_target_plan(out, &head, plan, span_of(text, ruri),
			    span_of(text + ruri, from - ruri), span_of(text + from, called - from),
			    span_of(text + called, c.len - called));
	out->full |= c.full;
	return true;
}

static bool wants_tls(const struct way *way)
{
	return way->called && way->called->secure;
}

/* The peers of a set worth trying, a bit each: those that answer probes, or all where none does:
 * then the probes may be what is wrong. For a sips: URI those alone that are reached by TLS. */
static uint8_t usable(const struct generation *gen, const struct way *way,
		      const struct peer_set *set)
{
	uint8_t all = (uint8_t)((1u << set->n) - 1), up;

	for (unsigned i = 0; wants_tls(way) && i < set->n; i++) {
		if (set->list[i].transport != NET_TLS)
			all &= (uint8_t)~(1u << i);
	}
	up = all & (uint8_t)~gen->peers_down[way->to];

	return up ? up : all;
}

/* To one place: a user that registered a sip: URI is not called by sips: (RFC 5630 section 5.4). */
static bool may_go_direct(const struct way *way)
{
	return !wants_tls(way) || (way->transport == NET_TLS && !way->ruri.len);
}

static void tell_peers(const struct acceptance *a, int trunk, const struct peer_set *set,
		       uint8_t peers)
{
	for (unsigned i = 0; a->explain && i < set->n; i++) {
		const struct conf_trunk *to = &a->gen->conf->trunks[trunk];
		const struct peer_addr *peer = &set->list[i];
		char text[80];
		struct cursor c = cursor_on(text, sizeof(text));

		put_endpoint(&c, &peer->addr);
		explain_step(a->explain, "peer", "%.*s of trunk %s%s%s: priority %u, weight %u%s",
			     SPAN_FMT(cursor_span(&c)), to->name,
			     to->peer_of[peer->item].host ? ", named " : "",
			     to->peer_of[peer->item].host ? to->peer_of[peer->item].host : "",
			     peer->priority, peer->weight,
			     peers >> i & 1 ? "" : "; left out: it does not answer OPTIONS, or is not what sips: needs");
	}
}

/* A way's peers in the order this call tries them; `room` is how many more the verdict can name. */
static unsigned put_way(struct cursor *out, const struct acceptance *a, const struct way *way,
			unsigned room)
{
	uint8_t order[PEER_SET_MAX], peers;
	struct peer_set set;
	struct span plan;
	unsigned n;

	if (!own_plan(out, a, way, &plan))
		return 0;
	if (way->peer.family != NET_NONE && !may_go_direct(way))
		return 0;
	if (way->peer.family != NET_NONE) {
		const struct peer_addr there = {.addr = way->peer, .transport = way->transport};

		return put_target(out, a, way, plan, &there);
	}
	peer_set_get(a->gen->peers, (unsigned)way->to, &set);
	peers = usable(a->gen, way, &set);
	tell_peers(a, way->to, &set, peers);
	n = peer_set_order(&set, peers, a->ask->source.family, a->key, order);
	if (n > room)
		n = room;
	for (unsigned i = 0; i < n; i++) {
		if (!put_target(out, a, way, plan, &set.list[order[i]]))
			return i;
	}
	return n;
}

unsigned acceptance_targets(const struct acceptance *a)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->nways; i++) {
		struct peer_set set;

		if (a->ways[i].peer.family != NET_NONE) {
			n += may_go_direct(&a->ways[i]);
			continue;
		}
		peer_set_get(a->gen->peers, (unsigned)a->ways[i].to, &set);
		n += (unsigned)__builtin_popcount(usable(a->gen, &a->ways[i], &set));
	}
	return n < IPC_TARGETS_MAX ? n : IPC_TARGETS_MAX;
}

/* The shorter of two limits, where 0 is none. */
static unsigned shorter(unsigned a, unsigned b)
{
	return !a || (b && b < a) ? b : a;
}

/* A registered user is called at his own place. */
static uint64_t called_key(const struct acceptance *a)
{
	const struct way *way = &a->ways[0];

	return way->peer.family != NET_NONE && way->called
		       ? screen_user_key(a->gen->conf->trunks[way->to].name,
					 party_user(way->called))
		       : 0;
}

void put_acceptance(struct cursor *out, const struct acceptance *a)
{
	const struct conf_trunk *from = &a->gen->conf->trunks[a->from];
	struct ipc_verdict *written = (struct ipc_verdict *)(void *)out->buf;
	unsigned n = 0;
	struct ipc_verdict head = {
		.ask_id = a->ask->ask_id,
		.flags = a->tells ? IPC_TELL_ANSWER : 0,
		.side = side_of(from, &a->gen->conf->trunks[a->ways[0].to]),
		.duration_max_s = from->duration_max_s,
		.media_timeout_s = from->media_timeout_s,
		.register_max_s = a->registering ? a->registering->told_max_s : 0,
		.side_timeout_s = from->media_side_timeout_s,
		.user = {a->caller_key, called_key(a)},
	};
	struct span headers = a->registering ? span_of(a->registering->headers,
						       a->registering->headers_len)
					     : SPAN_NONE;

	for (unsigned i = 0; i < a->nways; i++) {
		const struct conf_trunk *to = &a->gen->conf->trunks[a->ways[i].to];

		if (to->answer_max_s > head.answer_max_s)
			head.answer_max_s = to->answer_max_s;
		head.duration_max_s = shorter(head.duration_max_s, to->duration_max_s);
		head.media_timeout_s = shorter(head.media_timeout_s, to->media_timeout_s);
		head.side_timeout_s = shorter(head.side_timeout_s, to->media_side_timeout_s);
	}
	tell_srtp(a, from, true);
	ipc_put_acceptance(out, &head, a->plan, a->context, headers);
	/* each of the ways behind this one keeps room for one peer */
	for (unsigned i = 0; i < a->nways; i++)
		n += put_way(out, a, &a->ways[i], IPC_TARGETS_MAX - n - (a->nways - i - 1));
	if (n) {
		written->ntargets = (uint8_t)n;
		return;
	}
	/* no way but such as would need a plan that there is no room for */
	out->len = 0;
	put_refusal(out, a->ask, 503, a->context);
}

void put_reply(struct cursor *out, const struct ipc_ask *ask, unsigned status, unsigned flags,
	       struct span reason, struct span headers, struct span context)
{
	const struct ipc_verdict head = {
		.ask_id = ask->ask_id, .status = (uint16_t)status, .flags = (uint8_t)flags};

	ipc_put_reply(out, &head, reason, context, headers);
}

void put_refusal(struct cursor *out, const struct ipc_ask *ask, unsigned status,
		 struct span context)
{
	const struct ipc_verdict head = {.ask_id = ask->ask_id, .status = (uint16_t)status};

	ipc_put_verdict(out, &head, SPAN_NONE, SPAN_NONE, context);
}

void put_retry(struct cursor *out, const struct ipc_ask *ask, unsigned status,
	       uint32_t retry_after_s)
{
	const struct ipc_verdict head = {.ask_id = ask->ask_id,
					 .status = (uint16_t)status,
					 .flags = IPC_FORGET,
					 .retry_after_s = retry_after_s};

	ipc_put_verdict(out, &head, SPAN_NONE, SPAN_NONE, SPAN_NONE);
}
