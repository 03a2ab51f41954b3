/* SPDX-License-Identifier: BSD-3-Clause */
/* A question of the dataplane becomes a verdict. limen-controlplane, loop thread. */
#include "controlplane/dispatch/ask.h"

#include "common/base/hash.h"
#include "controlplane/auth/auth.h"
#include "controlplane/cdr/context.h"
#include "controlplane/dispatch/redirect.h"
#include "controlplane/dispatch/shown.h"
#include "controlplane/dispatch/verdict.h"
#include "controlplane/policy/screen.h"
#include "controlplane/policy/explain.h"
#include "controlplane/topology/privacy.h"
#include "controlplane/transport/transport.h"

#define CONTEXT_BYTES_MAX 1000u

_Static_assert(CONTEXT_BYTES_MAX <= IPC_CONTEXT_MAX, "the note must cross");

/* A From whose URI tells no user that could cross is written anonymous (RFC 3323). */
static void read_caller(const struct sip_msg *msg, struct far_parties *parties)
{
	struct sip_name_addr from;

	parties->registers = msg->method == SIP_METHOD_REGISTER;
	parties->display = SPAN_NONE;
	parties->ruri_host = parties->from_host = parties->to_host = SPAN_NONE;
	if (party_from_uri(sip_span(msg, msg->from_uri), &parties->from)) {
		party_make_anonymous(&parties->from);
	} else if (!sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_FROM), &from)) {
		parties->display = from.display;
	}
}

static struct span trunk_name(const struct conf *conf, int trunk)
{
	return trunk < 0 ? SPAN_NONE : span_str(conf->trunks[trunk].name);
}

static struct span realm_name(const struct conf *conf, int trunk)
{
	return trunk < 0 ? SPAN_NONE : span_str(conf->realms[conf->trunks[trunk].realm].name);
}

/* The user behind a transfer: whom the message says it was referred by (RFC 3892), or who sends
 * it. */
static struct span transferrer(const struct sip_msg *msg, const struct party *caller,
			       struct party *referrer)
{
	struct sip_name_addr by;

	if (sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_REFERRED_BY), &by) ||
	    party_from_uri(by.uri, referrer) || !referrer->len)
		return party_user(caller);
	return party_user(referrer);
}

/* A question being answered. */
struct question {
	const struct generation *gen;
	unsigned worker; /* who asks */
	const struct ipc_ask *ask;
	struct explain *explain; /* NULL: it is live */
	struct sip_msg msg;
	struct far_parties parties;
	struct party referrer;
	struct registering registering; /* of a REGISTER */
	struct cdr_context before; /* REDIRECT: the call's note so far */
	struct cdr_users before_users;
	char context[CONTEXT_BYTES_MAX];
};

/* What the record will need. */
static struct span write_context(struct question *q, const struct policy_decision *d)
{
	const struct conf *conf = q->gen->conf;
	struct span called = d->called_known ? party_user(&d->asked) : SPAN_NONE;
	struct cdr_context context = q->before;
	struct cursor c = cursor_on(q->context, sizeof(q->context));

	context.trunk[0] = trunk_name(conf, d->from);
	context.trunk[1] = trunk_name(conf, d->to);
	context.realm[0] = span_str(conf->realms[q->ask->realm].name);
	context.realm[1] = realm_name(conf, d->to);
	context.users[CDR_CALLER] = party_user(&q->parties.from);
	if (q->ask->kind == IPC_ASK_REDIRECT)
		context.users[CDR_REDIRECTED_TO] = called;
	else
		context.users[CDR_CALLED] = called;
	if (d->called_known && !span_eq(party_user(&d->called), called))
		context.users[CDR_CALLED_ROUTED] = party_user(&d->called);
	if (d->called_known && !span_eq(party_user(&d->calling), party_user(&q->parties.from)))
		context.users[CDR_CALLING_ROUTED] = party_user(&d->calling);
	if (q->ask->kind == IPC_ASK_TRANSFER)
		context.users[CDR_TRANSFERRED_BY] =
			transferrer(&q->msg, &q->parties.from, &q->referrer);
	put_cdr_context(&c, &context);
	return cursor_span(&c);
}

static void refuse(struct cursor *out, const struct ipc_ask *ask, struct ask_answer *answer,
		   unsigned status, const char *why, struct span context)
{
	answer->status = status;
	answer->why = why;
	put_refusal(out, ask, status, context);
}

/* What the caller's trunk is told of a refusal. */
static unsigned told_status(const struct question *q, const struct policy_decision *d)
{
	unsigned status = call_rules_status(q->gen->conf, d->from, d->status);

	if (status != d->status)
		explain_step(q->explain, "answers", "answer_rules_out: %u becomes %u", d->status,
			     status);
	return status;
}

static void refuse_decided(struct question *q, struct cursor *out, struct ask_answer *answer,
			   enum policy_outcome outcome)
{
	policy_refuse(&answer->decision, outcome);
	explain_step(q->explain, "policy", "refused with %u: %s", answer->decision.status,
		     policy_outcome_why(outcome));
	refuse(out, q->ask, answer, told_status(q, &answer->decision), policy_outcome_why(outcome),
	       write_context(q, &answer->decision));
}

/* An answer of limen's own, with header lines. */
static void reply(struct question *q, struct cursor *out, struct ask_answer *answer,
		  enum policy_outcome outcome, struct span headers)
{
	struct policy_decision *d = &answer->decision;

	policy_refuse(d, outcome);
	explain_step(q->explain, "policy", "answered with %u: %s", d->status,
		     policy_outcome_why(outcome));
	answer->status = d->status;
	answer->why = policy_outcome_why(outcome);
	put_reply(out, q->ask, d->status, IPC_FORGET, SPAN_NONE, headers, SPAN_NONE);
}

static void reply_brief(struct question *q, struct cursor *out, struct ask_answer *answer,
			unsigned min_expires_s)
{
	char text[40];
	struct cursor line = cursor_on(text, sizeof(text));

	put_lit(&line, "Min-Expires: ");
	put_u64(&line, min_expires_s);
	put_lit(&line, "\r\n");
	reply(q, out, answer, POLICY_EXPIRES_BRIEF, cursor_span(&line));
}

static void reply_busy(struct question *q, struct cursor *out, struct ask_answer *answer,
		       uint32_t retry_after_s)
{
	struct policy_decision *d = &answer->decision;

	policy_refuse(d, POLICY_CORE_BUSY);
	explain_step(q->explain, "registrar", "%s; Retry-After %u", policy_outcome_why(d->outcome),
		     retry_after_s);
	answer->status = told_status(q, d);
	answer->why = policy_outcome_why(d->outcome);
	put_retry(out, q->ask, answer->status, retry_after_s);
}

/* Whether it is known that no peer of the trunk is there. */
static bool is_down(const struct generation *gen, int trunk)
{
	struct peer_set set;

	peer_set_get(gen->peers, (unsigned)trunk, &set);
	return set.n && (unsigned)__builtin_popcount(gen->peers_down[trunk]) >= set.n;
}

/* The contacts of a REGISTER become tokens. False where it does not go on: then it is answered. */
static bool begin_registration(struct question *q, struct cursor *out, struct ask_answer *answer,
			       struct acceptance *acceptance)
{
	const struct policy_decision *d = &answer->decision;
	const struct conf_trunk *from = &q->gen->conf->trunks[d->from];
	const struct conf_trunk *core = &q->gen->conf->trunks[acceptance->ways[0].to];
	const struct registration registration = {
		.id = {q->ask->ask_id, q->worker},
		.trunk = span_str(from->name),
		.user = party_user(&d->called),
		.msg = &q->msg,
		.source = &q->ask->source,
		.rehearsal = q->explain != NULL,
		.min_expires_s = from->register_min_expires_s,
		.expires_s = from->register_expires_s,
		.nat_expires_s = from->register_nat_expires_s,
		.core = span_str(core->name),
		.core_per_s = core->registrations_out_per_s,
		.core_burst_ms = core->limits.rate_burst_ms,
		.core_down = is_down(q->gen, acceptance->ways[0].to),
		.outbound = from->outbound,
		.flow = q->ask->flow,
		.transport = q->ask->transport,
	};
	struct registering *to = &q->registering;
	enum registrar_outcome outcome =
		q->gen->registrar ? registrar_begin(q->gen->registrar, &registration, to)
				  : REGISTRAR_FULL;

	acceptance->registering = to;
	acceptance->tells = outcome != REGISTRAR_QUERY;
	switch (outcome) {
	case REGISTRAR_TOKEN:
		explain_step(q->explain, "registrar", "its %u contacts become tokens of limen's%s%s",
			     to->n, to->contacts[0].outbound ? "; its flow is kept" : "",
			     to->gruu ? "; it wants a GRUU" : "");
		return true;
	case REGISTRAR_STAR:
	case REGISTRAR_QUERY:
		return true;
	case REGISTRAR_ABSORBED:
		reply(q, out, answer, POLICY_ABSORBED, span_of(to->headers, to->headers_len));
		return false;
	case REGISTRAR_KEPT:
		reply(q, out, answer, POLICY_KEPT, span_of(to->headers, to->headers_len));
		return false;
	case REGISTRAR_BUSY:
		reply_busy(q, out, answer, to->retry_after_s);
		return false;
	case REGISTRAR_BRIEF:
		reply_brief(q, out, answer, from->register_min_expires_s);
		return false;
	case REGISTRAR_CONTACT:
		refuse_decided(q, out, answer, POLICY_CONTACT);
		return false;
	case REGISTRAR_MANY:
		refuse_decided(q, out, answer, POLICY_CONTACTS_MANY);
		return false;
	case REGISTRAR_HOP:
		refuse_decided(q, out, answer, POLICY_FIRST_HOP);
		return false;
	case REGISTRAR_OVERTAKEN:
		refuse_decided(q, out, answer, POLICY_OVERTAKEN);
		return false;
	case REGISTRAR_FULL:
		break;
	}
	refuse_decided(q, out, answer, POLICY_BINDINGS_FULL);
	return false;
}

/* Who names nobody is counted by where he is. */
static uint64_t caller_key(const struct question *q, int from)
{
	const struct party *caller = &q->parties.from;
	const struct net_addr *addr = &q->ask->source.addr;

	return screen_user_key(q->gen->conf->trunks[from].name,
			       caller->anonymous ||
					       span_ieq(party_user(caller), SPAN("anonymous"))
				       ? span_of(addr, sizeof(*addr))
				       : party_user(caller));
}

/* The plans of a REGISTER anew, now that its contacts have their tokens. */
static bool show_registering(const struct question *q, struct shown *shown, unsigned nways,
			     struct acceptance *acceptance)
{
	for (unsigned i = 0; i < nways; i++)
		shown[i].registering = acceptance->registering;
	acceptance->plan = show_plan(q->gen, &shown[0]);
	return acceptance->plan.len != 0;
}

static void accept(struct question *q, struct cursor *out, struct ask_answer *answer,
		   struct way *ways, unsigned nways)
{
	const struct policy_decision *d = &answer->decision;
	struct acceptance acceptance = {
		.gen = q->gen,
		.ask = q->ask,
		.from = d->from,
		.ways = ways,
		.nways = nways,
		.key = hash_fast(0, sip_span(&q->msg, q->msg.call_id)),
		.caller_key = caller_key(q, d->from),
		.explain = q->explain,
	};
	struct shown shown[WAYS_MAX];

	if (!acceptance_targets(&acceptance)) {
		refuse_decided(q, out, answer,
			       d->called.secure ? POLICY_SIPS_NOWHERE : POLICY_NO_PEER);
		return;
	}
	call_rules_read_caller(&q->gen->conf->trunks[d->from], &q->msg, &q->parties, q->explain);
	acceptance.context = write_context(q, d); /* of the caller as he is */
	for (unsigned i = 0; i < nways; i++) {
		shown[i].call = (struct ruled_call){.msg = &q->msg,
						    .source = &q->ask->source,
						    .from = (unsigned)d->from,
						    .explain = q->explain};
		show_parties(q->gen, d, &q->parties, &ways[i], &shown[i]);
	}
	if (q->explain)
		plans_explain(q->gen->plans, (unsigned)d->from, (unsigned)ways[0].to,
			      shown[0].variant, q->explain);
	acceptance.plan = show_plan(q->gen, &shown[0]);
	if (!acceptance.plan.len) {
		refuse(out, q->ask, answer, 500, "no room for an edit plan", acceptance.context);
		return;
	}
	if (q->msg.method == SIP_METHOD_REGISTER &&
	    !begin_registration(q, out, answer, &acceptance))
		return;
	if (acceptance.registering && !show_registering(q, shown, nways, &acceptance)) {
		refuse(out, q->ask, answer, 500, "no room for an edit plan", acceptance.context);
		return;
	}
	answer->status = 0;
	answer->why = policy_outcome_why(d->outcome);
	put_acceptance(out, &acceptance);
}

/* Where a binding's user is called: at the address that it registered from, by the transport that
 * its contact names; a flow is what it registered by (RFC 5626). False: limen has no address
 * there. */
static bool reach_binding(const struct question *q, unsigned trunk, const struct binding *binding,
			  struct way *way)
{
	const struct conf *conf = q->gen->conf;
	struct sip_uri uri;

	*way = (struct way){.to = (int)trunk,
			    .peer = binding->source,
			    .transport = NET_UDP,
			    .flow = binding->flow,
			    .ruri = binding->contact};
	if (binding->flow || binding->flags & BINDING_OUTBOUND)
		way->transport = binding->transport;
	else if (!sip_uri_parse(binding->contact, &uri))
		way->transport = uri_transport(&uri);
	return limen_at(&conf->realms[conf->trunks[trunk].realm], way->transport,
			way->peer.family)
		       .family != NET_NONE;
}

/* The token that a request is for: the called user's, or that of the first Route, where a registrar
 * goes by the Path that limen gave it (RFC 3327 section 5.4). Empty: none. */
static struct span token_called(const struct question *q, const struct policy_decision *d)
{
	struct sip_values routes = sip_values(&q->msg, SIP_HDR_ROUTE);
	struct sip_name_addr route;
	struct sip_uri uri;
	struct span value;

	if (q->msg.method == SIP_METHOD_REGISTER)
		return SPAN_NONE;
	if (registrar_is_token(party_user(&d->called)))
		return party_user(&d->called);
	if (sip_values_next(&routes, &value) && !sip_name_addr_parse(value, &route) &&
	    !sip_uri_parse(route.uri, &uri) && registrar_is_token(uri.user))
		return uri.user;
	return SPAN_NONE;
}

/* A user part that is a token leads to the binding it stands for, wherever routes would lead it:
 * the user is called by the URI it registered, at the address it registered from. */
static bool find_binding(const struct question *q, struct policy_decision *d, struct span token,
			 struct way *way)
{
	struct binding binding;

	policy_refuse(d, registrar_is_flow(token) ? POLICY_FLOW_FAILED : POLICY_NO_BINDING);
	d->to = d->route = -1;
	explain_step(q->explain, "registrar", "the called user is a token of limen's");
	if (!q->gen->registrar ||
	    !registrar_find(q->gen->registrar, token, &binding))
		return false;
	d->to = policy_trunk(q->gen->policy, binding.trunk);
	/* the trunk may have gone since, or moved to a realm without such addresses */
	if (d->to < 0 ||
	    !reach_binding(q, (unsigned)d->to, &binding, way))
		return false;
	d->outcome = POLICY_ACCEPTED;
	d->status = 0;
	explain_step(q->explain, "registrar", "it stands for user %.*s of trunk %.*s",
		     SPAN_FMT(binding.user), SPAN_FMT(binding.trunk));
	d->called = (struct party){.len = (uint8_t)binding.user.len, .secure = d->called.secure};
	memcpy(d->called.user, binding.user.ptr, binding.user.len);
	d->asked = d->called;
	d->nways = 0;
	return true;
}

/* Ways to each Contact of the called user, at a trunk whose users are where they registered. */
static unsigned find_user(const struct question *q, unsigned trunk, const struct party *called,
			  struct way *ways, unsigned room)
{
	const struct conf_trunk *to = &q->gen->conf->trunks[trunk];
	struct binding found[REGISTER_CONTACTS_MAX];
	unsigned n = 0, nways = 0;

	if (q->gen->registrar)
		n = registrar_find_user(q->gen->registrar, span_str(to->name), party_user(called),
					found);
	for (unsigned i = 0; i < n && nways < room; i++) {
		if (!reach_binding(q, trunk, &found[i], &ways[nways]))
			continue;
		ways[nways++].called = called;
	}
	explain_step(q->explain, "registrar", "user %.*s of trunk %s has %u contacts",
		     SPAN_FMT(party_user(called)), to->name, nways);
	return nways;
}

/* Whether admission and method let it through, whatever its route. */
static bool is_admitted(const struct policy_decision *d)
{
	return d->called_known;
}

static void challenge(struct question *q, struct cursor *out, struct ask_answer *answer, bool stale)
{
	const struct conf_trunk *from = &q->gen->conf->trunks[answer->decision.from];
	char text[1024];
	struct cursor lines = cursor_on(text, sizeof(text));

	put_auth_challenge(&lines, q->gen->auth, &q->msg, span_str(from->auth_realm),
			   &q->ask->source, stale);
	answer->status = answer->decision.status = auth_challenge_status(&q->msg);
	answer->why = policy_outcome_why(answer->decision.outcome);
	put_reply(out, q->ask, answer->status,
		  q->msg.method == SIP_METHOD_INVITE ? 0 : IPC_FORGET,
		  SPAN_NONE, lines.full ? SPAN_NONE : cursor_span(&lines), SPAN_NONE);
}

/* Who was authenticated is who the request is from, and in a REGISTER who it is for. */
static bool is_himself(const struct question *q, const struct policy_decision *d, struct span user)
{
	return span_eq(party_user(&q->parties.from), user) &&
	       (q->msg.method != SIP_METHOD_REGISTER ||
		(d->called_known && span_eq(party_user(&d->called), user)));
}

/* Whether it may go on: who it is comes before all that a refusal would tell of routes and users.
 * Else it was answered. */
static bool authenticate(struct question *q, struct cursor *out, struct ask_answer *answer)
{
	struct policy_decision *d = &answer->decision;
	const struct conf_trunk *from;
	enum auth_result result;
	char user[DIGEST_USER_MAX];
	size_t len;

	if (d->from < 0 || d->outcome == POLICY_METHOD)
		return true;
	from = &q->gen->conf->trunks[d->from];
	if (!from->auth_digest ||
	    (d->called_known && d->emergency))
		return true;
	if (q->explain) {
		explain_step(q->explain, "auth",
			     "digest: without good credentials for realm \"%s\" it is challenged with "
			     "%u; taken here as authenticated",
			     from->auth_realm, auth_challenge_status(&q->msg));
		return true;
	}
	if (!q->gen->auth) {
		refuse_decided(q, out, answer, POLICY_AUTH_IDENTITY);
		return false;
	}
	result = auth_check(q->gen->auth, &q->msg, span_str(from->auth_realm), q->ask->realm,
			    &q->ask->source, user, &len);
	if (result == AUTH_GOOD) {
		if (!from->auth_identity || is_himself(q, d, span_of(user, len)))
			return true;
		refuse_decided(q, out, answer, POLICY_AUTH_IDENTITY);
		return false;
	}
	policy_refuse(d, result == AUTH_MISSING ? POLICY_AUTH_CHALLENGED
		      : result == AUTH_STALE	? POLICY_AUTH_STALE
						: POLICY_AUTH_FAILED);
	challenge(q, out, answer, result == AUTH_STALE);
	return false;
}

/* The Contacts of a route that redirects, and the cause that it tells. */
static void put_route_lines(struct cursor *out, const struct conf_route *route,
			    const struct policy_decision *d)
{
	for (unsigned i = 0; i < route->redirect_count; i++) {
		put_lit(out, "Contact: <");
		for (const char *c = route->redirect[i]; *c; c++) {
			if (*c == '*')
				put_party_user(out, &d->called);
			else
				put_char(out, *c);
		}
		put_lit(out, ">\r\n");
	}
	if (route->cause) {
		put_lit(out, "Reason: Q.850;cause=");
		put_u64(out, route->cause);
		put_lit(out, "\r\n");
	}
}

static void refuse_by_route(struct question *q, struct cursor *out, struct ask_answer *answer)
{
	const struct policy_decision *d = &answer->decision;
	const struct conf_route *route = &q->gen->conf->routes[d->route];
	char text[IPC_HEADERS_MAX];
	struct cursor lines = cursor_on(text, sizeof(text));

	put_route_lines(&lines, route, d);
	explain_step(q->explain, "answer", "%u \"%s\" with %.*s", d->status, route->reason,
		     (int)lines.len, text);
	answer->status = told_status(q, d);
	answer->why = policy_outcome_why(d->outcome);
	/* a code that became another has that one's phrase */
	put_reply(out, q->ask, answer->status, 0,
		  answer->status == d->status ? span_str(route->reason) : SPAN_NONE,
		  lines.full ? SPAN_NONE : cursor_span(&lines), write_context(q, d));
}

/* The trunks of a route as ways, each with the called number as its row and rules want it. */
static unsigned ways_of(const struct question *q, const struct policy_decision *d,
			struct way ways[WAYS_MAX], struct party called[WAYS_MAX])
{
	bool registers = q->msg.method == SIP_METHOD_REGISTER;
	unsigned n = 0;

	_Static_assert(REGISTER_CONTACTS_MAX <= WAYS_MAX, "each contact is a way");
	for (unsigned i = 0; i < d->nways && n < WAYS_MAX; i++) {
		const struct route_way *from = &d->ways[i];

		called[i] = d->called;
		if (!registers)
			show_called(q->gen, d, from, &called[i], q->explain);
		if (!registers && q->gen->conf->trunks[from->trunk].users_registered)
			n += find_user(q, from->trunk, &called[i], &ways[n], WAYS_MAX - n);
		else
			ways[n++] = (struct way){.called = &called[i], .to = (int)from->trunk};
	}
	return n;
}

static void decide_request(struct question *q, const struct policy_request *request,
			   struct cursor *out, struct ask_answer *answer)
{
	struct policy_decision *d = &answer->decision;
	struct party called[WAYS_MAX];
	struct way ways[WAYS_MAX];
	unsigned nways = 0;
	struct span token;

	policy_decide(q->gen->policy, request, d);
	if (!authenticate(q, out, answer))
		return;
	token = is_admitted(d) ? token_called(q, d) : SPAN_NONE;
	if (token.len) {
		nways = find_binding(q, d, token, &ways[0]);
		ways[0].called = &d->called;
	}
	if (d->status && d->route >= 0) {
		refuse_by_route(q, out, answer);
		return;
	}
	if (!d->status && !nways) {
		nways = ways_of(q, d, ways, called);
		if (!nways)
			policy_refuse(d, POLICY_NOT_REGISTERED);
	}
	if (d->status) {
		refuse(out, q->ask, answer, told_status(q, d), policy_outcome_why(d->outcome),
		       write_context(q, d));
		return;
	}
	d->to = ways[0].to;
	accept(q, out, answer, ways, nways);
}

/* A redirection that is not followed leaves the call's note as it was: the trunk that redirected is
 * where the call was. */
static void decide_redirect(struct question *q, const struct policy_request *request,
			    struct cursor *out, struct ask_answer *answer)
{
	struct span note = ipc_ask_context(q->ask);
	struct policy_decision *d = &answer->decision;
	struct redirection redirection;

	if (cdr_context_read(note, &q->before, &q->before_users))
		q->before = (struct cdr_context){0};
	redirect_decide(q->gen, request, ipc_ask_contacts(q->ask), q->ask->redirects, &q->before,
			&redirection, d);
	if (d->status)
		refuse(out, q->ask, answer, told_status(q, d), policy_outcome_why(d->outcome), note);
	else
		accept(q, out, answer, redirection.ways, redirection.nways);
}

static void decide(const struct generation *gen, unsigned worker, const struct ipc_ask *ask,
		   struct explain *explain, struct cursor *out, struct ask_answer *answer)
{
	struct span bytes = ipc_ask_msg(ask);
	struct policy_request request;
	struct question q;

	q.gen = gen;
	q.worker = worker;
	q.ask = ask;
	q.explain = explain;
	answer->unreadable =
		sip_parse(&q.msg, bytes.ptr, bytes.len, SIP_DATAGRAM) != SIP_PARSE_OK ||
		!q.msg.is_request || ask->realm >= gen->conf->nrealms;
	if (answer->unreadable) {
		explain_step(explain, "message", "it cannot be read as a SIP request");
		refuse(out, ask, answer, 400,
		       "the dataplane asks about something that is no request", SPAN_NONE);
		return;
	}
	q.before = (struct cdr_context){0};
	read_caller(&q.msg, &q.parties);
	request = (struct policy_request){
		.msg = &q.msg, .realm = ask->realm, .source = &ask->source,
		.transport = ask->transport, .explain = explain,
		.keeps = registrar_is_token};
	if (ask->flow && gen->transport)
		request.proved = transport_flow_names(gen->transport, ask->flow);
	if (ask->kind == IPC_ASK_REDIRECT)
		decide_redirect(&q, &request, out, answer);
	else
		decide_request(&q, &request, out, answer);
}

void ask_decide(const struct generation *gen, unsigned worker, const struct ipc_ask *ask,
		struct cursor *out, struct ask_answer *answer)
{
	decide(gen, worker, ask, NULL, out, answer);
}

void ask_explain(const struct generation *gen, const struct ipc_ask *ask, struct explain *explain,
		 struct cursor *out, struct ask_answer *answer)
{
	decide(gen, 0, ask, explain, out, answer);
}
