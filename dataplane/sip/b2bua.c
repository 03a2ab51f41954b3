/* SPDX-License-Identifier: BSD-3-Clause */
/* A request outside a dialog from its arrival to its targets: refused or answered at once, or
 * parked, asked about, and sent to the verdict's targets in order. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#include <errno.h>

static bool is_options_to_limen(const struct sip_msg *msg)
{
	struct sip_uri uri;

	return msg->method == SIP_METHOD_OPTIONS &&
	       sip_uri_parse(sip_span(msg, msg->ruri), &uri) == 0 && uri.is_sip &&
	       uri.user.len == 0;
}

/* Whether policy can do anything with the Request-URI (section 8.2.2.1): SIP, numbers, services
 * (RFC 5031). */
static bool scheme_is_known(const struct sip_msg *msg)
{
	struct sip_uri uri;

	return sip_uri_parse(sip_span(msg, msg->ruri), &uri) == 0 &&
	       (uri.is_sip || span_ieq(uri.scheme, SPAN("tel")) ||
		span_ieq(uri.scheme, SPAN("urn")));
}

/* What there is only inside a dialog (section 15.1.2; RFC 3262, 3311, 6086). */
static bool is_of_dialog(const struct sip_msg *msg)
{
	return msg->method == SIP_METHOD_BYE || msg->method == SIP_METHOD_PRACK ||
	       msg->method == SIP_METHOD_UPDATE || msg->method == SIP_METHOD_INFO;
}

/* RFC 5393 section 5.3.3. */
static bool breadth_is_used_up(const struct sip_msg *msg)
{
	uint64_t breadth;

	return msg->first[SIP_HDR_MAX_BREADTH] != SIP_HDR_NONE &&
	       sip_number_parse(sip_hdr_value(msg, SIP_HDR_MAX_BREADTH), UINT32_MAX, &breadth) ==
		       0 &&
	       breadth == 0;
}

/* Refuse, or answer, what needs no policy. True when that was done. */
static bool answer_at_once(struct engine *e, const struct sip_msg *msg)
{
	char buf[1024];
	struct cursor line = cursor_on(buf, sizeof(buf));

	if (is_of_dialog(msg)) {
		build_stateless(e, msg, 481, SPAN_NONE, NULL);
		return true;
	}
	if (!scheme_is_known(msg)) {
		build_stateless(e, msg, 416, SPAN_NONE, NULL);
		return true;
	}
	if (replaces_refuses(msg)) {
		build_stateless(e, msg, replaces_refuses(msg), SPAN_NONE, NULL);
		return true;
	}
	if (standalone_refusal(msg)) {
		build_stateless(e, msg, standalone_refusal(msg), SPAN_NONE, NULL);
		return true;
	}
	if (dialog_unsupported(&line, msg)) {
		build_stateless(e, msg, 420, line.full ? SPAN_NONE : cursor_span(&line), NULL);
		return true;
	}
	if (is_options_to_limen(msg)) {
		put_span(&line, build_allow_all());
		put_lit(&line, "Accept: application/sdp\r\n"
			       "Supported: 100rel, timer, replaces, norefersub\r\n");
		build_stateless(e, msg, 200, cursor_span(&line), NULL);
		return true;
	}
	if (msg->max_forwards == 0) {
		build_stateless(e, msg, 483, SPAN_NONE, NULL);
		return true;
	}
	if (breadth_is_used_up(msg)) {
		build_stateless(e, msg, 440, SPAN_NONE, NULL);
		return true;
	}
	if (body_kind(msg) == BODY_REFUSED) {
		build_stateless(e, msg, 415, body_accept(), NULL);
		return true;
	}
	return false;
}

/* A From or To value without its parameters: display name and address in brackets. */
static void put_identity(struct cursor *out, struct span value)
{
	struct sip_name_addr name;

	if (sip_name_addr_parse(value, &name))
		return;
	if (name.display.len) {
		put_span(out, name.display);
		put_char(out, ' ');
	}
	put_char(out, '<');
	put_span(out, name.uri);
	put_char(out, '>');
}

static bool is_sips(struct span uri)
{
	return uri.len > 5 && span_ieq(span_of(uri.ptr, 5), SPAN("sips:"));
}

/* Side A of a new call: limen speaks as whom the caller called. */
static struct sip_leg *make_leg_a(struct engine *e, struct sip_call *call,
				  const struct sip_msg *msg)
{
	struct sip_leg *leg = leg_new(e, call, SIDE_A);
	struct span texts[LEG_TEXTS] = {{NULL, 0}};
	struct cursor out = cursor_on(e->body, sizeof(e->body));

	if (leg == NULL)
		return NULL;
	leg->realm = e->source->realm;
	leg->transport = e->source->transport;
	leg->sips = is_sips(sip_span(msg, msg->ruri));
	leg->next_hop = e->source->peer;
	leg->flow = e->source->flow;
	leg->local_cseq = (uint32_t)(engine_random(e) & 0xffff);
	call->leg[SIDE_A] = leg->self;
	put_identity(&out, sip_hdr_value(msg, SIP_HDR_TO));
	texts[LEG_LOCAL] = cursor_span(&out);
	put_identity(&out, sip_hdr_value(msg, SIP_HDR_FROM));
	texts[LEG_REMOTE] = span_of(out.buf + texts[LEG_LOCAL].len, out.len - texts[LEG_LOCAL].len);
	if (out.full || !leg_set_texts(e, leg, texts) || !leg_learn_request(e, leg, msg))
		return NULL;
	if (msg->method == SIP_METHOD_INVITE)
		session_learn_request(leg, msg);
	return leg;
}

enum engine_fate b2bua_start(struct engine *e, const struct sip_msg *msg, uint64_t key)
{
	bool emergency = screen_is_emergency(e, msg);
	struct sip_call *call;
	struct sip_leg *leg;
	struct sip_txn *txn;
	uint64_t merge_key;
	uint32_t trunk;

	if (screen_drops(e, msg, emergency))
		return FATE_SCREENED;
	if (is_options_to_limen(msg))
		screen_note(e, IPC_DEED_OPTIONS);

	/* In this order: what is refused without a record is refused the same way, however busy the
	 * worker is when it comes again. */
	if (answer_at_once(e, msg) || overload_refuses(e, msg, key))
		return FATE_TAKEN;
	merge_key = txn_merge_key(e, msg);
	if (txn_is_merged(e, merge_key)) {
		build_stateless(e, msg, 482, SPAN_NONE, NULL); /* section 8.2.2.2 */
		return FATE_TAKEN;
	}
	if (screen_refuses(e, msg, key, emergency, &trunk))
		return FATE_TAKEN;
	call = call_new(e, msg->method == SIP_METHOD_INVITE ? CALL_DIALOG
			   : subscription_begins(msg)	    ? CALL_SUBSCRIPTION
							    : 0);
	if (call == NULL) {
		e->stats.overloads++;
		limits_give_back(e, msg, trunk);
		build_stateless(e, msg, 503, SPAN("Retry-After: 5\r\n"), NULL);
		return FATE_TAKEN;
	}
	call->trunk_number[SIDE_A] = trunk;
	if (emergency)
		call->flags |= CALL_EMERGENCY;
	call->state = CALL_ASKING;
	call->request = blob_copy(&e->blobs, span_of(msg->buf, msg->len));
	leg = call->request ? make_leg_a(e, call, msg) : NULL;
	txn = leg ? txn_server_new(e, msg, call, leg) : NULL;
	if (txn == NULL) {
		e->stats.overloads++;
		build_stateless(e, msg, 503, SPAN("Retry-After: 5\r\n"), NULL);
		call_finish(e, call, 503, IPC_BY_LIMEN);
		return FATE_TAKEN;
	}
	call->invite = txn->self;
	leg->invite_server = txn->self;
	txn_index_merge(e, txn, merge_key);
	if (msg->method == SIP_METHOD_INVITE)
		dialog_trying(e, txn, msg);
	else
		txn_await(e, txn);
	call->ask_until_ns = e->now_ns + ASK_MAX_MS * NS_PER_MS;
	replaces_ask(e, call, msg);
	call_ask(e, call);
	return FATE_TAKEN;
}

/* ---- side B ---- */

/* A Call-ID that brings the far side's messages to this worker. */
static void put_call_id(struct cursor *out, struct engine *e, const struct sip_msg *msg)
{
	struct span id;
	unsigned count = 0;

	do {
		bool kept = msg->method == SIP_METHOD_REGISTER;
		uint64_t seed[2];

		for (unsigned i = 0; i < 2; i++)
			seed[i] = kept ? standalone_call_id_seed(e, msg, count++)
				       : engine_random(e);
		out->len = 0;
		cookie_put_random(out, seed[0], seed[1]);
		id = cursor_span(out);
	} while (sip_owner(id, e->conf.nworkers) != e->conf.worker);
}

/* For the request parsed again. */
static struct sip_leg *make_leg_b(struct engine *e, struct sip_call *call,
				  const struct ipc_target_view *target)
{
	struct sip_leg *leg = leg_new(e, call, SIDE_B), *a = leg_get(e, call->leg[SIDE_A]);
	struct span texts[LEG_TEXTS] = {{NULL, 0}};
	char buf[COOKIE_CHARS];
	struct cursor call_id = cursor_on(buf, sizeof(buf));

	if (leg == NULL || a == NULL)
		return NULL;
	leg->realm = target->head->realm;
	leg->transport = target->head->transport;
	leg->sips = is_sips(target->ruri);
	leg->next_hop = target->head->peer;
	leg->flow = target->head->flow[0] | (uint64_t)target->head->flow[1] << 32;
	leg_set_policy(leg, &target->head->side);
	keying_set_policy(leg, &target->head->side);
	session_set_policy(leg, &target->head->side);
	/* A registrar goes by Call-ID and CSeq. */
	leg->local_cseq = e->again.method == SIP_METHOD_REGISTER
				  ? e->again.cseq
				  : (uint32_t)(engine_random(e) & 0xffff) + 1;
	leg->peer = a->self;
	put_call_id(&call_id, e, &e->again);
	texts[LEG_CALL_ID] = cursor_span(&call_id);
	texts[LEG_LOCAL] = target->from;
	texts[LEG_REMOTE] = target->to;
	texts[LEG_RURI] = target->ruri;
	if (!leg_set_texts(e, leg, texts))
		return NULL;
	return leg;
}

/* Pairs opened towards another realm or family than this target's are of no use to it. */
static void drop_unfit_pairs(struct engine *e, struct sip_call *call, const struct sip_leg *before,
			     const struct sip_leg *leg)
{
	if (before == NULL ||
	    (before->realm == leg->realm && before->next_hop.family == leg->next_hop.family))
		return;
	for (unsigned i = 0; i < call->npairs; i++) {
		if (call->pair[i] != HANDLE_NONE)
			stream_pair_close(e->media, e->now_ns, call->pair[i]);
		call->pair[i] = HANDLE_NONE;
	}
}

/* Send the parked request to one target. 0, or the status that tells why it cannot be. */
static uint16_t send_to_target(struct engine *e, struct sip_call *call,
			       const struct ipc_target_view *target)
{
	struct span request = blob_span(&e->blobs, call->request);
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]), *before = leg_get(e, call->leg[SIDE_B]),
		       *leg;
	struct build_request req = {.src = &e->again,
				    .plan = call_plan(e, call),
				    .extra = blob_span(&e->blobs, call->replaces)};
	char buf[4096];
	struct cursor text = cursor_on(buf, sizeof(buf)), *out;
	struct sip_txn *client;
	const char *why;
	uint16_t status;
	int error = 0;

	if (sip_parse(&e->again, request.ptr, request.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return 500;
	if (engine_local(e, target->head->realm, target->head->transport,
			 target->head->peer.family) == NULL)
		return 503;
	/* Where that dialog is not, it cannot be replaced, nor may its name be told. */
	if (call->replaces != HANDLE_NONE && (call->replaces_realm != target->head->realm ||
					      call->replaces_trunk != target->head->side.trunk))
		return 481;
	status = limits_target(e, call, target->head->side.trunk);
	if (status)
		return status;
	leg = make_leg_b(e, call, target);
	if (leg == NULL)
		return 503;
	drop_unfit_pairs(e, call, before, leg);
	call->leg[SIDE_B] = leg->self;
	a->peer = leg->self;
	a->flags &= (uint8_t)~LEG_MEDIA_SET; /* its offer is the first one this target sees */
	error = body_relay(e, call, a, leg, &e->again, false, &req.body, &why);
	if (error) {
		if (error == -ENOSPC)
			e->stats.ports_exhausted++;
		return body_error_status(error);
	}
	status = call->flags & CALL_DIALOG ? 0 : standalone_prepare(e, leg, target, &text, &req);
	if (status)
		return status;
	client = txn_client_new(e, e->again.method, call, leg);
	if (client == NULL)
		return 503;
	client->cseq = req.cseq = leg->invite_cseq = leg->local_cseq;
	client->dst = target->head->peer;
	client->peer = call->invite;
	leg->invite_client = client->self;
	req.leg = leg;
	req.initial = true;
	req.method = e->again.method;
	req.method_name = sip_span(&e->again, e->again.method_name);
	req.txn = client->self;
	req.max_forwards = (e->again.max_forwards < 0 ? 70 : e->again.max_forwards) - 1;
	out = out_start(e);
	build_request(e, out, &req);
	return txn_client_send(e, client, out_finish(e)) ? 0 : 503;
}

/* Refuse the call towards side A and end it. */
void b2bua_refuse(struct engine *e, struct sip_call *call, uint16_t status, struct span extra,
		  enum ipc_ended_by by)
{
	struct sip_txn *invite = txn_get(e, call->invite);

	if (invite && invite->status < 200) {
		if (status == 408)
			dialog_no_answer(e, invite, status);
		else
			dialog_answer(e, invite, status, extra);
		if (answer_is_mapped(status) && invite->status >= 300)
			status = invite->status; /* as it was told */
	}
	call_finish(e, call, status, by);
}

/* Until when this target may take. */
static uint64_t target_deadline(const struct engine *e, const struct sip_call *call,
				const struct ipc_verdict *verdict)
{
	if (!(call->flags & CALL_DIALOG))
		return standalone_deadline(e, call);
	return verdict->answer_max_s ? e->now_ns + verdict->answer_max_s * NS_PER_S : NEVER_NS;
}

/* Until when this target must have answered in some way, where there is another one. */
static uint64_t first_deadline(const struct engine *e, const struct sip_call *call,
			       const struct ipc_verdict *verdict,
			       const struct ipc_target_view *target)
{
	uint64_t deadline = target_deadline(e, call, verdict), first;

	if (!target->head->failover_ms || call->target >= verdict->ntargets ||
	    !(call->flags & CALL_DIALOG))
		return deadline;
	first = e->now_ns + target->head->failover_ms * NS_PER_MS;
	return first < deadline ? first : deadline;
}

/* The target tried last; its head is NULL where there is none. */
static struct ipc_target_view last_target(const struct engine *e, const struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	struct ipc_target_view target = {0};
	uint32_t at = 0;

	for (unsigned i = 0; verdict && i < call->target; i++) {
		if (!ipc_verdict_next_target(verdict, &at, &target))
			return (struct ipc_target_view){0};
	}
	return target;
}

bool b2bua_may_try_another(const struct engine *e, const struct sip_call *call, uint16_t status)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	const struct sip_leg *leg = leg_get(e, call->leg[SIDE_B]);
	const struct ipc_target *head = last_target(e, call).head;

	if (!head || call->target >= verdict->ntargets || call->flags & CALL_SUBSCRIBED)
		return false;
	if (status == 408 && head->failover_ms && leg && !(leg->flags & LEG_HEARD))
		return true;
	return sip_failover_after(head->failover, status);
}

void b2bua_heard(struct engine *e, struct sip_call *call, struct sip_leg *leg)
{
	const struct ipc_target *head;

	if (leg->flags & LEG_HEARD)
		return;
	leg->flags |= LEG_HEARD;
	if (call->state != CALL_TRYING || leg->self != call->leg[SIDE_B] ||
	    !(call->flags & CALL_DIALOG))
		return;
	head = last_target(e, call).head;
	if (head && head->failover_ms)
		call_set_timer(e, call, target_deadline(e, call, call_verdict(e, call)));
}

/* What goes with a status of limen's own. */
static struct span explanation(uint16_t status)
{
	switch (status) {
	case 415:
		return body_accept();
	case 486:
	case 503:
		return SPAN("Retry-After: 5\r\n");
	default:
		return SPAN_NONE;
	}
}

/* Try targets until one can be sent to. `status`: what to answer when none is left. */
void b2bua_try_next(struct engine *e, struct sip_call *call, uint16_t status, enum ipc_ended_by by)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	struct ipc_target_view target;
	uint32_t at = 0;

	for (unsigned i = 0; ipc_verdict_next_target(verdict, &at, &target); i++) {
		uint16_t failed;

		if (i < call->target)
			continue;
		call->target++;
		failed = send_to_target(e, call, &target);
		if (failed == 0) {
			call->attempts += call->attempts < UINT8_MAX;
			call->state = CALL_TRYING;
			if (call->flags & CALL_SUBSCRIPTION)
				call->lives_until_ns = 0;
			call_set_timer(e, call, first_deadline(e, call, verdict, &target));
			return;
		}
		status = failed;
		by = IPC_BY_LIMEN;
	}
	b2bua_refuse(e, call, status, explanation(status), by);
}

/* Take a verdict in place of the one before. The old one stays where the new has nothing for the
 * record: a redirection that policy does not want to follow. */
static bool keep_verdict(struct engine *e, struct sip_call *call, struct span frame)
{
	const struct ipc_verdict *verdict = (const struct ipc_verdict *)frame.ptr;
	uint64_t kept;

	blob_free(&e->blobs, call->contacts);
	call->contacts = HANDLE_NONE;
	if (call->verdict != HANDLE_NONE && verdict->status && verdict->context_len == 0)
		return true;
	kept = blob_copy(&e->blobs, frame);
	if (kept == HANDLE_NONE)
		return false;
	blob_free(&e->blobs, call->verdict);
	call->verdict = kept;
	call->target = 0;
	return true;
}

/* 0, or what the caller is refused with by it. */
static uint16_t set_caller_policy(struct sip_leg *a, const struct ipc_verdict *verdict,
				  struct cursor *extra)
{
	leg_set_policy(a, &verdict->side);
	keying_set_policy(a, &verdict->side);
	session_set_policy(a, &verdict->side);
	return session_refusal(a, extra);
}

/* The control plane answers. A 2xx of its cannot make a dialog: there is nobody in it. */
static void reply(struct engine *e, struct sip_call *call, const struct ipc_verdict *verdict)
{
	bool dialog = call->flags & (CALL_DIALOG | CALL_SUBSCRIPTION);
	uint16_t status = dialog && verdict->status < 300 ? 500 : verdict->status;
	struct sip_txn *server = txn_get(e, call->invite);
	char buf[256 + IPC_HEADERS_MAX];
	struct cursor extra = cursor_on(buf, sizeof(buf));
	bool forget = verdict->flags & IPC_FORGET && !dialog;

	if (status == 405)
		put_span(&extra, build_allow_all());
	if (verdict->retry_after_s) {
		put_lit(&extra, "Retry-After: ");
		put_u64(&extra, verdict->retry_after_s);
		put_lit(&extra, "\r\n");
	}
	if (status == verdict->status)
		put_span(&extra, ipc_verdict_headers(verdict));
	b2bua_refuse(e, call, status, cursor_span(&extra), IPC_BY_POLICY);
	if (forget && server)
		txn_forget(e, server);
}

void b2bua_verdict(struct engine *e, struct sip_call *call, struct span frame)
{
	const struct ipc_verdict *verdict = (const struct ipc_verdict *)frame.ptr;
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);
	char buf[256];
	struct cursor extra = cursor_on(buf, sizeof(buf));
	uint16_t status;

	if (a == NULL || !keep_verdict(e, call, frame)) {
		b2bua_refuse(e, call, 503, SPAN("Retry-After: 5\r\n"), IPC_BY_LIMEN);
		return;
	}
	e->stats.verdicts++;
	if (verdict->status) {
		if (verdict->status >= 400)
			screen_refused(e, call, verdict->status,
				       ipc_verdict_headers(verdict));
		reply(e, call, verdict);
		return;
	}
	status = limits_verdict(e, call, verdict);
	if (status) {
		b2bua_refuse(e, call, status, limits_retry(e, &extra), IPC_BY_POLICY);
		return;
	}
	/* Of a transfer side A keeps what its own call says of it. */
	status = call->flags & CALL_OWN_INVITE ? 0 : set_caller_policy(a, verdict, &extra);
	if (status)
		b2bua_refuse(e, call, status, cursor_span(&extra), IPC_BY_LIMEN);
	else if (!(call->flags & CALL_FINDING)) /* then replaces.c goes on when it knows */
		b2bua_try_next(e, call, 500, IPC_BY_LIMEN);
}
