/* SPDX-License-Identifier: BSD-3-Clause */
/* A question of the dataplane becomes a verdict. limen-controlplane, loop thread. */
#include "controlplane/dispatch/ask.h"

#include "common/sip/edit_plan.h"
#include "controlplane/cdr/context.h"
#include "controlplane/topology/far_side.h"

#define CONTEXT_BYTES_MAX 1000u
/* A Request-URI, From or To: a user of 255 bytes, each escaped, display name, host and
 * parameters. */
#define TARGET_TEXT_BYTES_MAX 4096u

_Static_assert(CONTEXT_BYTES_MAX <= IPC_CONTEXT_MAX, "the note must cross");
_Static_assert(CONF_PEERS_MAX <= IPC_TARGETS_MAX, "each peer is a target");
_Static_assert((int)CONF_REDIRECT_REFUSE == IPC_REDIRECT_REFUSE &&
		       (int)CONF_REDIRECT_FOLLOW == IPC_REDIRECT_FOLLOW &&
		       (int)CONF_REDIRECT_PASS == IPC_REDIRECT_PASS,
	       "the config's words are the verdict's");
_Static_assert((int)CONF_REFER_REFUSE == IPC_REFER_REFUSE &&
		       (int)CONF_REFER_PASS == IPC_REFER_PASS &&
		       (int)CONF_REFER_LOCAL == IPC_REFER_LOCAL,
	       "the config's words are the verdict's");
#define TARGET_BYTES_MAX (sizeof(struct ipc_target) + TARGET_TEXT_BYTES_MAX)
_Static_assert(sizeof(struct ipc_verdict) + EDIT_PLAN_BYTES_MAX + CONTEXT_BYTES_MAX +
		       IPC_TARGETS_MAX * TARGET_BYTES_MAX < IPC_FRAME_MAX,
	       "a verdict always fits its frame");

/* A From whose URI tells no user that could cross is written anonymous (RFC 3323). */
static void read_caller(const struct sip_msg *msg, struct far_parties *parties)
{
	struct sip_name_addr from;

	parties->registers = msg->method == SIP_METHOD_REGISTER;
	parties->display = SPAN_NONE;
	if (party_from_uri(sip_span(msg, msg->from_uri), &parties->from)) {
		memcpy(parties->from.user, "anonymous", 9);
		parties->from.len = 9;
		parties->from.phone = false;
		parties->from.anonymous = true;
	} else if (!sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_FROM), &from)) {
		parties->display = from.display;
	}
}

/* A To that cannot be read is written as the Request-URI's party. */
static void read_called(const struct sip_msg *msg, const struct policy_decision *decision,
			struct far_parties *parties)
{
	parties->called = &decision->called;
	if (party_from_uri(sip_span(msg, msg->to_uri), &parties->to))
		parties->to = decision->called;
}

/* limen's own address in a realm. The config holds no peer of a family that its realm lacks. */
static struct net_endpoint limen_at(const struct conf_realm *realm, uint8_t family)
{
	struct net_endpoint limen = {.family = family, .port = realm->sip_port};

	for (unsigned a = 0; a < realm->naddrs; a++) {
		if (realm->addrs[a].prefix.family == family)
			limen.addr = realm->addrs[a].prefix.addr;
	}
	return limen;
}

/* How limen speaks to a trunk's peers, when those of `other` are on the far side. */
static struct ipc_side_policy side_of(const struct conf_trunk *trunk,
				      const struct conf_trunk *other)
{
	return (struct ipc_side_policy){
		.session_s = trunk->session_expires_s,
		.min_se_s = trunk->min_se_s,
		.source_policy = trunk->media_learn ? IPC_SOURCE_LEARN : IPC_SOURCE_PIN,
		.redirect = trunk->redirect,
		.refer = trunk->refer,
		.flags = trunk->msrp && other->msrp ? IPC_POLICY_MSRP : 0,
	};
}

static void put_target(struct cursor *out, const struct conf *conf, const struct conf_trunk *from,
		       const struct conf_trunk *trunk, const struct net_endpoint *peer,
		       const struct far_parties *parties)
{
	const struct ipc_target head = {
		.peer = *peer,
		.realm = (uint8_t)trunk->realm,
		.transport = NET_UDP,
		.side = side_of(trunk, from),
	};
	struct net_endpoint limen = limen_at(&conf->realms[trunk->realm], peer->family);
	char text[TARGET_TEXT_BYTES_MAX];
	struct cursor c = cursor_on(text, sizeof(text));
	uint32_t ruri, caller;

	put_far_ruri(&c, parties, peer, NET_UDP);
	ruri = c.len;
	put_far_from(&c, parties, peer, &limen);
	caller = c.len;
	put_far_to(&c, parties, peer);
	ipc_put_target(out, &head, span_of(text, ruri), span_of(text + ruri, caller - ruri),
		       span_of(text + caller, c.len - caller), SPAN_NONE);
	out->full |= c.full;
}

/* Peers in their order, those of the caller's address family before the others. */
static void put_targets(struct cursor *out, const struct conf *conf, const struct conf_trunk *from,
			const struct conf_trunk *trunk, uint8_t family,
			const struct far_parties *parties)
{
	for (int same = 1; same >= 0; same--) {
		for (unsigned i = 0; i < trunk->npeers; i++) {
			if ((trunk->peers[i].family == family) == same)
				put_target(out, conf, from, trunk, &trunk->peers[i], parties);
		}
	}
}

/* The shorter of two limits, where 0 is none. */
static unsigned shorter(unsigned a, unsigned b)
{
	return !a || (b && b < a) ? b : a;
}

static struct span trunk_name(const struct conf *conf, int trunk)
{
	return trunk < 0 ? SPAN_NONE : span_str(conf->trunks[trunk].name);
}

/* What the record will need. */
static struct span write_context(struct cursor *c, const struct conf *conf,
				 const struct ipc_ask *ask, const struct policy_decision *d,
				 const struct party *caller)
{
	const struct cdr_context context = {
		.trunk = {trunk_name(conf, d->from), trunk_name(conf, d->to)},
		.realm = {span_str(conf->realms[ask->realm].name),
			  d->to < 0 ? SPAN_NONE
				    : span_str(conf->realms[conf->trunks[d->to].realm].name)},
		.caller = party_user(caller),
		.called = d->called_known ? party_user(&d->called) : SPAN_NONE,
	};

	put_cdr_context(c, &context);
	return cursor_span(c);
}

static void put_refusal(struct cursor *out, const struct ipc_ask *ask, unsigned status,
			struct span reason, struct span context)
{
	const struct ipc_verdict head = {.ask_id = ask->ask_id, .status = (uint16_t)status};

	ipc_put_verdict(out, &head, reason, SPAN_NONE, context);
}

static void put_acceptance(struct cursor *out, const struct generation *gen,
			   const struct ipc_ask *ask, const struct policy_decision *d,
			   const struct far_parties *parties, struct span plan, struct span context)
{
	const struct conf_trunk *from = &gen->conf->trunks[d->from],
				*to = &gen->conf->trunks[d->to];
	const struct ipc_verdict head = {
		.ask_id = ask->ask_id,
		.ntargets = (uint8_t)to->npeers,
		.side = side_of(from, to),
		.answer_max_s = to->answer_max_s,
		.duration_max_s = shorter(from->duration_max_s, to->duration_max_s),
		.media_timeout_s = shorter(from->media_timeout_s, to->media_timeout_s),
	};

	ipc_put_verdict(out, &head, SPAN_NONE, plan, context);
	put_targets(out, gen->conf, from, to, ask->source.family, parties);
}

static void refuse(struct cursor *out, const struct ipc_ask *ask, struct ask_answer *answer,
		   unsigned status, const char *why, struct span context)
{
	answer->status = status;
	answer->why = why;
	put_refusal(out, ask, status, SPAN_NONE, context);
}

void ask_decide(const struct generation *gen, const struct ipc_ask *ask, struct cursor *out,
		struct ask_answer *answer)
{
	struct span bytes = ipc_ask_msg(ask), plan, context;
	struct policy_decision *d = &answer->decision;
	struct policy_request request;
	struct far_parties parties;
	struct sip_msg msg;
	char text[CONTEXT_BYTES_MAX];
	struct cursor c = cursor_on(text, sizeof(text));

	answer->unreadable = sip_parse(&msg, bytes.ptr, bytes.len, SIP_DATAGRAM) != SIP_PARSE_OK ||
			     !msg.is_request || ask->realm >= gen->conf->nrealms;
	if (answer->unreadable) {
		refuse(out, ask, answer, 400,
		       "the dataplane asks about something that is no request", SPAN_NONE);
		return;
	}
	request = (struct policy_request){.msg = &msg, .realm = ask->realm, .source = &ask->source};
	policy_decide(gen->policy, &request, d);
	read_caller(&msg, &parties);
	context = write_context(&c, gen->conf, ask, d, &parties.from);
	if (d->status) {
		refuse(out, ask, answer, d->status, policy_outcome_why(d->outcome), context);
		return;
	}
	plan = plans_get(gen->plans, (unsigned)d->from, (unsigned)d->to,
			 msg.method == SIP_METHOD_PUBLISH ? PLAN_PUBLISH : 0);
	if (!plan.len) {
		refuse(out, ask, answer, 500, "no memory for an edit plan", context);
		return;
	}
	read_called(&msg, d, &parties);
	answer->status = 0;
	answer->why = policy_outcome_why(d->outcome);
	put_acceptance(out, gen, ask, d, &parties, plan, context);
}
