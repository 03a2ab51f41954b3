/* SPDX-License-Identifier: BSD-3-Clause */
/* A request outside a dialog from its arrival to its answer: ask the control plane, try its targets in order, join the leg that answers
 * to the one that asked; and every way in which that can end. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#include <errno.h>

/* ---- arrival ---- */

static bool is_options_to_limen(const struct sip_msg *msg)
{
	struct sip_uri uri;

	return msg->method == SIP_METHOD_OPTIONS && sip_uri_parse(sip_span(msg, msg->ruri), &uri) == 0 &&
	       uri.is_sip && uri.user.len == 0;
}

/* Refuse, or answer, what needs no policy. True when that was done. */
static bool answer_at_once(struct engine *e, const struct sip_msg *msg)
{
	char buf[1024];
	struct cursor line = cursor_on(buf, sizeof(buf));

	if (dialog_unsupported(&line, msg)) {
		build_stateless(e, msg, 420, line.full ? SPAN_NONE : cursor_span(&line), NULL);
		return true;
	}
	if (is_options_to_limen(msg)) {
		put_span(&line, build_allow());
		put_lit(&line, "Accept: application/sdp\r\nSupported: 100rel, timer\r\n");
		build_stateless(e, msg, 200, cursor_span(&line), NULL);
		return true;
	}
	if (msg->max_forwards == 0) {
		build_stateless(e, msg, 483, SPAN_NONE, NULL);
		return true;
	}
	if (body_kind(msg) == BODY_REFUSED) {
		build_stateless(e, msg, 415, SPAN("Accept: application/sdp, text/plain\r\n"), NULL);
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

/* Side A of a new call: limen speaks as whom the caller called. */
static struct sip_leg *make_leg_a(struct engine *e, struct sip_call *call, const struct sip_msg *msg)
{
	struct sip_leg *leg = leg_new(e, call, SIDE_A);
	struct span texts[LEG_TEXTS] = {{NULL, 0}};
	struct cursor out = cursor_on(e->body, sizeof(e->body));

	if (leg == NULL)
		return NULL;
	leg->realm = e->source->realm;
	leg->transport = e->source->transport;
	leg->next_hop = e->source->peer;
	leg->local_cseq = (uint32_t)(engine_random(e) & 0xffff);
	call->leg[SIDE_A] = leg->self;
	put_identity(&out, sip_hdr_value(msg, SIP_HDR_TO));
	texts[LEG_LOCAL] = cursor_span(&out);
	put_identity(&out, sip_hdr_value(msg, SIP_HDR_FROM));
	texts[LEG_REMOTE] = span_of(out.buf + texts[LEG_LOCAL].len, out.len - texts[LEG_LOCAL].len);
	if (out.full || !leg_set_texts(e, leg, texts) || !leg_learn_request(e, leg, msg))
		return NULL;
	return leg;
}

void b2bua_start(struct engine *e, const struct sip_msg *msg)
{
	struct sip_call *call;
	struct sip_leg *leg;
	struct sip_txn *txn;
	uint64_t merge_key;

	if (answer_at_once(e, msg))
		return;
	merge_key = txn_merge_key(e, msg);
	if (txn_is_merged(e, merge_key)) {
		build_stateless(e, msg, 482, SPAN_NONE, NULL); /* section 8.2.2.2 */
		return;
	}
	call = call_new(e);
	if (call == NULL) {
		e->stats.overloads++;
		build_stateless(e, msg, 503, SPAN("Retry-After: 5\r\n"), NULL);
		return;
	}
	call->state = CALL_ASKING;
	call->flags = msg->method == SIP_METHOD_INVITE ? CALL_DIALOG : 0;
	call->request = blob_copy(&e->blobs, span_of(msg->buf, msg->len));
	leg = call->request ? make_leg_a(e, call, msg) : NULL;
	txn = leg ? txn_server_new(e, msg, call, leg) : NULL;
	if (txn == NULL) {
		e->stats.overloads++;
		build_stateless(e, msg, 503, SPAN("Retry-After: 5\r\n"), NULL);
		call_finish(e, call, 503, IPC_BY_LIMEN);
		return;
	}
	call->invite = txn->self;
	leg->invite_server = txn->self;
	txn_index_merge(e, txn, merge_key);
	if (msg->method == SIP_METHOD_INVITE)
		dialog_answer(e, txn, 100, SPAN_NONE);
	call->ask_until_ns = e->now_ns + ASK_MAX_MS * NS_PER_MS;
	call_ask(e, call);
}

/* ---- side B ---- */

/* A Call-ID that brings the far side's messages to this worker. */
static void put_call_id(struct cursor *out, struct engine *e)
{
	struct span id;

	do {
		out->len = 0;
		cookie_put_random(out, engine_random(e), engine_random(e));
		id = cursor_span(out);
	} while (engine_owner(id, e->conf.nworkers) != e->conf.worker);
}

static struct sip_leg *make_leg_b(struct engine *e, struct sip_call *call, const struct ipc_target_view *target)
{
	struct sip_leg *leg = leg_new(e, call, SIDE_B), *a = leg_get(e, call->leg[SIDE_A]);
	struct span texts[LEG_TEXTS] = {{NULL, 0}};
	char buf[COOKIE_CHARS];
	struct cursor call_id = cursor_on(buf, sizeof(buf));

	if (leg == NULL || a == NULL)
		return NULL;
	leg->realm = target->head->realm;
	leg->transport = target->head->transport;
	leg->next_hop = target->head->peer;
	leg->source_policy = target->head->source_policy;
	leg->local_cseq = (uint32_t)(engine_random(e) & 0xffff) + 1;
	leg->peer = a->self;
	put_call_id(&call_id, e);
	texts[LEG_CALL_ID] = cursor_span(&call_id);
	texts[LEG_LOCAL] = target->from;
	texts[LEG_REMOTE] = target->to;
	texts[LEG_RURI] = target->ruri;
	if (!leg_set_texts(e, leg, texts))
		return NULL;
	return leg;
}

/* Pairs opened towards another realm or family than this target's are of no use to it. */
static void drop_unfit_pairs(struct engine *e, struct sip_call *call, const struct sip_leg *before, const struct sip_leg *leg)
{
	if (before == NULL || (before->realm == leg->realm && before->next_hop.family == leg->next_hop.family))
		return;
	for (unsigned i = 0; i < call->npairs; i++) {
		if (call->pair[i] != HANDLE_NONE)
			stream_pair_close(e->media, e->now_ns, call->pair[i]);
		call->pair[i] = HANDLE_NONE;
	}
}

/* Send the parked request to one target. 0, or the status that tells why it cannot be. */
static uint16_t send_to_target(struct engine *e, struct sip_call *call, const struct ipc_target_view *target)
{
	struct span request = blob_span(&e->blobs, call->request);
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]), *before = leg_get(e, call->leg[SIDE_B]), *leg;
	struct build_request req = {.src = &e->again, .plan = call_plan(e, call)};
	struct sip_txn *client;
	struct cursor *out;
	const char *why;
	int error = 0;

	if (sip_parse(&e->again, request.ptr, request.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return 500;
	if (engine_local(e, target->head->realm, target->head->peer.family) == NULL)
		return 503;
	leg = make_leg_b(e, call, target);
	if (leg == NULL)
		return 503;
	drop_unfit_pairs(e, call, before, leg);
	call->leg[SIDE_B] = leg->self;
	a->peer = leg->self;
	a->flags &= (uint8_t)~LEG_MEDIA_SET; /* its offer is the first one this target sees */
	switch (body_kind(&e->again)) {
	case BODY_SDP:
		error = body_rewrite_sdp(e, call, a, leg, sip_span(&e->again, e->again.body), false, &req.body, &why);
		break;
	case BODY_PLAIN:
		req.body = sip_span(&e->again, e->again.body);
		break;
	default:
		break;
	}
	if (error) {
		if (error == -ENOSPC)
			e->stats.ports_exhausted++;
		return error == -EINVAL ? 400 : 503;
	}
	client = txn_client_new(e, e->again.method, call, leg);
	if (client == NULL)
		return 503;
	client->cseq = req.cseq = leg->invite_cseq = leg->local_cseq;
	client->dst = target->head->peer;
	client->peer = call->invite;
	leg->invite_client = client->self;
	req.leg = leg;
	req.method = e->again.method;
	req.method_name = sip_span(&e->again, e->again.method_name);
	req.txn = client->self;
	req.max_forwards = (e->again.max_forwards < 0 ? 70 : e->again.max_forwards) - 1;
	out = out_start(e);
	build_request(e, out, &req);
	return txn_client_send(e, client, out_finish(e)) ? 0 : 503;
}

/* Refuse the call towards side A and end it. */
static void refuse_call(struct engine *e, struct sip_call *call, uint16_t status, struct span extra, enum ipc_ended_by by)
{
	struct sip_txn *invite = txn_get(e, call->invite);

	if (invite && invite->status < 200)
		dialog_answer(e, invite, status, extra);
	call_finish(e, call, status, by);
}

/* Try targets until one can be sent to. `status`: what to answer when none is left. */
static void try_next_target(struct engine *e, struct sip_call *call, uint16_t status, enum ipc_ended_by by)
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
			call->state = CALL_TRYING;
			call_set_timer(e, call, verdict->answer_max_s ? e->now_ns + verdict->answer_max_s * NS_PER_S : NEVER_NS);
			return;
		}
		status = failed;
		by = IPC_BY_LIMEN;
	}
	refuse_call(e, call, status, status == 503 ? SPAN("Retry-After: 5\r\n") : SPAN_NONE, by);
}

void b2bua_verdict(struct engine *e, struct sip_call *call, struct span frame)
{
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);
	const struct ipc_verdict *verdict;
	char buf[64];
	struct cursor extra = cursor_on(buf, sizeof(buf));

	call->verdict = blob_copy(&e->blobs, frame);
	verdict = call_verdict(e, call);
	if (verdict == NULL || a == NULL) {
		refuse_call(e, call, 503, SPAN("Retry-After: 5\r\n"), IPC_BY_LIMEN);
		return;
	}
	e->stats.verdicts++;
	a->source_policy = verdict->source_policy;
	if (verdict->status) {
		if (verdict->status == 405)
			put_span(&extra, build_allow());
		if (verdict->retry_after_s) {
			put_lit(&extra, "Retry-After: ");
			put_u64(&extra, verdict->retry_after_s);
			put_lit(&extra, "\r\n");
		}
		refuse_call(e, call, verdict->status, extra.full ? SPAN_NONE : cursor_span(&extra), IPC_BY_POLICY);
		return;
	}
	try_next_target(e, call, 500, IPC_BY_LIMEN);
}

/* ---- side B's answers ---- */

/* Give up on a leg B that has not answered yet (section 9.1). */
static void cancel_leg(struct engine *e, struct sip_leg *leg)
{
	struct sip_txn *invite = txn_get(e, leg->invite_client), *cancel;
	struct span sent, bytes;
	struct cursor *out;

	if (invite == NULL || invite->kind != TXN_CLIENT_INVITE || invite->cancel != HANDLE_NONE)
		return;
	if (invite->state == TXN_TRYING)
		invite->flags |= TXN_CANCEL_WANTED;
	if (invite->state != TXN_PROCEEDING)
		return;
	sent = blob_span(&e->blobs, invite->msg);
	if (sip_parse(&e->again, sent.ptr, sent.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return;
	/* Without a final response within 64*T1 the INVITE counts as cancelled (section 9.1). */
	invite->timeout_ns = e->now_ns + TIMEOUT_MS * NS_PER_MS;
	wheel_set(e->wheel, e->txn_timers + handle_index(invite->self), invite->timeout_ns);
	cancel = txn_client_new(e, SIP_METHOD_CANCEL, NULL, leg);
	if (cancel == NULL)
		return;
	cancel->dst = invite->dst;
	cancel->cseq = invite->cseq;
	invite->cancel = cancel->self;
	out = out_start(e);
	build_from_invite(out, SIP_METHOD_CANCEL, &e->again, sip_hdr_value(&e->again, SIP_HDR_TO));
	bytes = out_finish(e);
	if (!txn_client_send(e, cancel, bytes))
		invite->cancel = HANDLE_NONE;
}

/* The leg made for this 2xx's dialog before, or NULL. */
static struct sip_leg *find_fork(struct engine *e, struct sip_call *call, const struct sip_leg *leg, const struct sip_msg *msg)
{
	struct sip_leg *fork;

	for (uint64_t at = call->first_leg; (fork = leg_get(e, at)) != NULL; at = fork->next) {
		if (fork != leg && fork->tag == leg->tag &&
		    span_eq(leg_text(e, fork, LEG_REMOTE_TAG), sip_span(msg, msg->to_tag)))
			return fork;
	}
	return NULL;
}

/* An answer that came too late, or from a fork that lost: acknowledge and end that dialog (section 13.2.2.4). */
static void refuse_answer(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct span tag = leg_text(e, leg, LEG_REMOTE_TAG);
	struct sip_call *call = call_get(e, leg->call);
	struct sip_txn *invite = txn_get(e, leg->invite_client);
	struct sip_leg *fork;
	struct span texts[LEG_TEXTS];

	if (leg->state != LEG_CONFIRMED && leg->state != LEG_OVER) {
		leg_learn_response(e, leg, msg);
		leg->state = LEG_CONFIRMED;
		dialog_bye(e, leg, NULL);
		return;
	}
	if (call == NULL || invite == NULL)
		return;
	if (span_eq(tag, sip_span(msg, msg->to_tag))) {
		txn_resend_ack(e, invite);
		return;
	}
	fork = find_fork(e, call, leg, msg);
	if (fork) {
		dialog_ack_fork(e, fork, invite->cseq);
		return;
	}
	fork = leg_new(e, call, SIDE_B);
	if (fork == NULL)
		return;
	for (unsigned i = 0; i < LEG_TEXTS; i++)
		texts[i] = leg_text(e, leg, i);
	fork->tag = leg->tag;
	fork->realm = leg->realm;
	fork->transport = leg->transport;
	fork->next_hop = leg->next_hop;
	fork->source_policy = leg->source_policy;
	fork->local_cseq = invite->cseq;
	fork->state = LEG_CONFIRMED;
	if (leg_set_texts(e, fork, texts) && leg_learn_response(e, fork, msg)) {
		dialog_ack_fork(e, fork, invite->cseq);
		dialog_bye(e, fork, NULL);
	}
}

static void on_provisional(struct engine *e, struct sip_call *call, struct sip_leg *leg, struct sip_txn *client,
			   const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);

	if (client->flags & TXN_CANCEL_WANTED) {
		client->flags &= (uint8_t)~TXN_CANCEL_WANTED;
		cancel_leg(e, leg);
	}
	if (msg->status == 100 || call->state == CALL_ENDED || leg->self != call->leg[SIDE_B] || invite == NULL ||
	    a == NULL || invite->kind != TXN_SERVER_INVITE)
		return;
	if (msg->to_tag.len && leg->state <= LEG_EARLY) {
		leg_learn_response(e, leg, msg);
		leg->state = LEG_EARLY;
		a->state = LEG_EARLY;
	}
	if (call->state == CALL_TRYING)
		call->state = CALL_EARLY;
	if (call->ringing_ns == 0 && msg->status > 100)
		call->ringing_ns = e->now_ns;
	dialog_relay_response(e, call, invite, leg, msg->status, msg);
}

static void call_answered(struct engine *e, struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	uint64_t next = NEVER_NS;

	call->state = CALL_ANSWERED;
	call->status = 200;
	call->answered_ns = e->now_ns;
	e->stats.calls_answered++;
	if (verdict->media_timeout_s)
		next = e->now_ns + verdict->media_timeout_s * NS_PER_S;
	if (verdict->duration_max_s && e->now_ns + verdict->duration_max_s * NS_PER_S < next)
		next = e->now_ns + verdict->duration_max_s * NS_PER_S;
	call_set_timer(e, call, next);
	/* Nothing will be asked again. */
	blob_free(&e->blobs, call->request);
	call->request = HANDLE_NONE;
}

static void on_success(struct engine *e, struct sip_call *call, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);

	if (call->state == CALL_ENDED || leg->self != call->leg[SIDE_B] || invite == NULL || invite->status >= 200 ||
	    a == NULL) {
		if (call->flags & CALL_DIALOG)
			refuse_answer(e, leg, msg);
		return;
	}
	if (!(call->flags & CALL_DIALOG)) {
		dialog_relay_response(e, call, invite, leg, msg->status, msg);
		call_finish(e, call, msg->status, IPC_BY_CALLEE);
		return;
	}
	leg->state = LEG_CONFIRMED;
	/* A description that cannot be relayed ends the call on both sides. */
	if (!leg_learn_response(e, leg, msg) || !dialog_relay_response(e, call, invite, leg, msg->status, msg)) {
		dialog_bye(e, leg, NULL);
		refuse_call(e, call, 500, SPAN_NONE, IPC_BY_LIMEN);
		return;
	}
	a->state = LEG_CONFIRMED;
	call_answered(e, call);
}

/* Whether another target may do better (RFC 3261 section 16.7: a 6xx or a refusal of the user may not). */
static bool may_try_another(uint16_t status)
{
	return status == 408 || status == 430 || (status >= 500 && status < 600 && status != 501);
}

static void on_failure(struct engine *e, struct sip_call *call, struct sip_leg *leg, uint16_t status, const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	const struct ipc_verdict *verdict = call_verdict(e, call);
	enum ipc_ended_by by = msg ? IPC_BY_CALLEE : IPC_BY_SIP_TIMEOUT;

	if (leg->state == LEG_EARLY || leg->state == LEG_NEW)
		leg->state = LEG_OVER;
	if (call->state == CALL_ENDED || leg->self != call->leg[SIDE_B] || invite == NULL)
		return;
	if (verdict && may_try_another(status) && call->target < verdict->ntargets) {
		try_next_target(e, call, status, by);
		return;
	}
	if (status < 400)
		status = 480; /* limen does not follow redirections that policy has not named, nor tell them */
	if (msg == NULL || msg->status != status || invite->status >= 200 ||
	    !dialog_relay_response(e, call, invite, leg, status, msg)) {
		refuse_call(e, call, status, SPAN_NONE, by);
		return;
	}
	call_finish(e, call, status, by);
}

void b2bua_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event, const struct sip_msg *msg)
{
	struct sip_call *call = call_get(e, txn->call);
	struct sip_leg *leg = leg_get(e, txn->leg);

	if (call == NULL || leg == NULL) {
		if (event == TXN_EVENT_STRAY)
			txn_resend_ack(e, txn);
		return;
	}
	switch (event) {
	case TXN_EVENT_PROVISIONAL:
		on_provisional(e, call, leg, txn, msg);
		break;
	case TXN_EVENT_SUCCESS:
		on_success(e, call, leg, msg);
		break;
	case TXN_EVENT_STRAY:
		refuse_answer(e, leg, msg);
		break;
	case TXN_EVENT_FAILURE:
		on_failure(e, call, leg, msg->status, msg);
		break;
	case TXN_EVENT_TIMEOUT:
		on_failure(e, call, leg, 408, NULL);
		break;
	default:
		break;
	}
}

/* ---- ends ---- */

static void give_up_leg_b(struct engine *e, struct sip_call *call)
{
	struct sip_leg *leg = leg_get(e, call->leg[SIDE_B]);

	if (leg == NULL)
		return;
	if (leg->state == LEG_CONFIRMED)
		dialog_bye(e, leg, NULL);
	else
		cancel_leg(e, leg);
}

static void ask_gone(struct engine *e, struct sip_call *call)
{
	struct ipc_ask_gone gone = {.ask_id = call->self};
	struct cursor *out;

	if (call->state != CALL_ASKING || !e->link_up)
		return;
	out = out_start(e);
	put_bytes(out, &gone, sizeof(gone));
	out_report(e, IPC_ASK_GONE, out_finish(e));
}

void b2bua_cancel(struct engine *e, struct sip_txn *invite)
{
	struct sip_call *call = call_get(e, invite->call);
	struct sip_txn *client = txn_get(e, invite->peer);
	struct sip_leg *leg;

	if (invite->status >= 200)
		return; /* section 9.2: a final answer was sent, CANCEL changes nothing */
	if (call == NULL || call->invite != invite->self) {
		/* A re-INVITE: refused here, given up there; the dialog goes on. */
		leg = client ? leg_get(e, client->leg) : NULL;
		if (leg)
			cancel_leg(e, leg);
		dialog_answer(e, invite, 487, SPAN_NONE);
		return;
	}
	ask_gone(e, call);
	dialog_answer(e, invite, 487, SPAN_NONE);
	give_up_leg_b(e, call);
	call_finish(e, call, 487, IPC_BY_CALLER);
}

void b2bua_end(struct engine *e, struct sip_call *call, uint16_t status, enum ipc_ended_by by)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);

	if (call->state == CALL_ENDED)
		return;
	ask_gone(e, call);
	if (invite && invite->status < 200)
		dialog_answer(e, invite, status, SPAN_NONE);
	else if (a && a->state == LEG_CONFIRMED)
		dialog_bye(e, a, NULL);
	give_up_leg_b(e, call);
	call_finish(e, call, status, by);
}

/* The peer never acknowledged a 2xx (section 13.3.1.4): the session is ended, on both sides. */
void b2bua_no_ack(struct engine *e, struct sip_txn *txn)
{
	struct sip_call *call = call_get(e, txn->call);
	struct sip_leg *leg = leg_get(e, txn->leg);

	txn_acked(e, txn); /* nothing holds its BYE back any more */
	if (call == NULL || leg == NULL)
		return;
	if (call->state == CALL_ENDED) {
		if (leg->flags & LEG_BYE_WAITS)
			dialog_bye(e, leg, NULL);
		return;
	}
	b2bua_end(e, call, 408, IPC_BY_SIP_TIMEOUT);
}

/* When the silence of an answered call has lasted too long; NEVER_NS without such a limit. */
static uint64_t media_deadline(const struct engine *e, const struct sip_call *call, const struct ipc_verdict *verdict)
{
	uint64_t latest = call->answered_ns;
	bool any = false;

	for (unsigned i = 0; i < call->npairs; i++) {
		uint64_t seen;

		if (call->pair[i] == HANDLE_NONE)
			continue;
		any = true;
		seen = stream_pair_last_seen_ns(e->media, call->pair[i]);
		if (seen > latest)
			latest = seen;
	}
	return any && verdict->media_timeout_s ? latest + verdict->media_timeout_s * NS_PER_S : NEVER_NS;
}

static void answered_call_timer(struct engine *e, struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	uint64_t silence = media_deadline(e, call, verdict), longest = NEVER_NS;

	if (verdict->duration_max_s)
		longest = call->answered_ns + verdict->duration_max_s * NS_PER_S;
	if (e->now_ns >= silence)
		b2bua_end(e, call, 408, IPC_BY_MEDIA_TIMEOUT);
	else if (e->now_ns >= longest)
		b2bua_end(e, call, 408, IPC_BY_POLICY);
	else
		call_set_timer(e, call, silence < longest ? silence : longest);
}

void b2bua_call_timer(struct engine *e, struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	struct sip_leg *leg = leg_get(e, call->leg[SIDE_B]);

	switch (call->state) {
	case CALL_ASKING:
		if (e->now_ns < call->ask_until_ns)
			call_ask(e, call);
		else
			refuse_call(e, call, 503, SPAN("Retry-After: 5\r\n"), IPC_BY_LIMEN);
		break;
	case CALL_TRYING:
	case CALL_EARLY:
		/* Timer C: this target does not answer. */
		if (leg)
			cancel_leg(e, leg);
		if (call->target < verdict->ntargets)
			try_next_target(e, call, 408, IPC_BY_SIP_TIMEOUT);
		else
			refuse_call(e, call, 408, SPAN_NONE, IPC_BY_SIP_TIMEOUT);
		break;
	case CALL_ANSWERED:
		answered_call_timer(e, call);
		break;
	default:
		if (call->flags & CALL_REPORT_DUE)
			call_report(e, call);
		break;
	}
}
