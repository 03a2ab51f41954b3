/* SPDX-License-Identifier: BSD-3-Clause */
/* Session timers (RFC 4028), of each leg by itself: limen is a user agent there, so it asks,
 * answers, refreshes and gives up as one, whatever the other leg does. One worker thread; libc
 * only. */
#include "dataplane/sip/core.h"

#define MIN_SE_S	90u /* section 5: of a header that is missing, and the least there is */
#define INTERVAL_MIN_S	10u /* a peer that answers less would be refreshed without end */
#define INTERVAL_MAX_S	604800u
#define BUSY_MS		2000u /* a request is open on the leg: the refresh waits */
#define REFRESH_AGAIN_MS 5000u /* after a refusal */

static uint64_t after_s(const struct engine *e, uint32_t seconds)
{
	return e->now_ns + seconds * NS_PER_S;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void session_set_policy(struct sip_leg *leg, const struct ipc_side_policy *policy)
{
	leg->session.policy_s = policy->session_s;
	leg->session.min_se_s = policy->min_se_s < MIN_SE_S ? MIN_SE_S : policy->min_se_s;
	if (leg->session.policy_s && leg->session.policy_s < leg->session.min_se_s)
		leg->session.policy_s = leg->session.min_se_s;
}

static uint64_t copy_of(struct engine *e, uint64_t blob)
{
	return blob == HANDLE_NONE ? HANDLE_NONE
				   : blob_copy(&e->blobs, blob_span(&e->blobs, blob));
}

void session_copy(struct engine *e, struct sip_leg *to, const struct sip_leg *from)
{
	to->session = from->session;
	to->session.due_ns = NEVER_NS;
	to->session.ends_ns = NEVER_NS;
	to->session.refresh = HANDLE_NONE;
	to->session.sdp = copy_of(e, from->session.sdp);
	to->session.sdp_next = copy_of(e, from->session.sdp_next);
}

static void drop_blob(struct engine *e, uint64_t *blob)
{
	blob_free(&e->blobs, *blob);
	*blob = HANDLE_NONE;
}

void session_free(struct engine *e, struct sip_leg *leg)
{
	drop_blob(e, &leg->session.sdp);
	drop_blob(e, &leg->session.sdp_next);
}

static void set_flag(struct leg_session *s, uint8_t flag, bool on)
{
	s->flags = (uint8_t)(on ? s->flags | flag : s->flags & ~flag);
}

/* ---- headers ---- */

static bool lists_word(const struct sip_msg *msg, enum sip_hdr_id id, struct span word)
{
	struct sip_values it = sip_values(msg, id);
	struct span value;

	while (sip_values_next(&it, &value)) {
		if (span_ieq(value, word))
			return true;
	}
	return false;
}

/* Seconds in front of a header's parameters; 0 where there is no number. */
static uint32_t header_seconds(const struct sip_msg *msg, enum sip_hdr_id id, struct span *params)
{
	struct span value = sip_hdr_value(msg, id);
	size_t digits = 0;
	uint64_t seconds;

	while (digits < value.len && value.ptr[digits] >= '0' && value.ptr[digits] <= '9')
		digits++;
	*params = SPAN_NONE;
	if (digits == 0)
		return 0;
	*params = span_of(value.ptr + digits, value.len - digits);
	if (sip_number_parse(span_of(value.ptr, digits), INTERVAL_MAX_S, &seconds))
		return INTERVAL_MAX_S;
	return (uint32_t)seconds;
}

static void learn_allow(struct leg_session *s, const struct sip_msg *msg)
{
	if (msg->first[SIP_HDR_ALLOW] != SIP_HDR_NONE)
		set_flag(s, SESSION_UPDATE, lists_word(msg, SIP_HDR_ALLOW, SPAN("UPDATE")));
	if (msg->is_request && msg->method == SIP_METHOD_UPDATE)
		s->flags |= SESSION_UPDATE;
}

static bool refresher_is(struct span params, struct span who)
{
	struct span value;

	return sip_param_find(params, SPAN("refresher"), &value) && span_ieq(value, who);
}

void session_learn_request(struct sip_leg *leg, const struct sip_msg *msg)
{
	struct leg_session *s = &leg->session;
	bool required = lists_word(msg, SIP_HDR_REQUIRE, SPAN("timer"));
	struct span params, none;

	learn_allow(s, msg);
	set_flag(s, SESSION_REQUIRED, required);
	set_flag(s, SESSION_PEER_KNOWS,
		 required || lists_word(msg, SIP_HDR_SUPPORTED, SPAN("timer")));
	s->floor_s = header_seconds(msg, SIP_HDR_MIN_SE, &none);
	s->asked_s = header_seconds(msg, SIP_HDR_SESSION_EXPIRES, &params);
	set_flag(s, SESSION_WANTS_UAC, s->asked_s && refresher_is(params, SPAN("uac")));
	set_flag(s, SESSION_WANTS_UAS, s->asked_s && refresher_is(params, SPAN("uas")));
}

uint16_t session_refusal(const struct sip_leg *leg, struct cursor *line)
{
	const struct leg_session *s = &leg->session;

	if (s->policy_s == 0) {
		if (!(s->flags & SESSION_REQUIRED))
			return 0;
		put_lit(line, "Unsupported: timer\r\n");
		return 420;
	}
	/* A proxy may have asked for a peer that knows of no timer: that one could not ask again
	 * (section 8.1). */
	if (s->asked_s == 0 || s->asked_s >= s->min_se_s || !(s->flags & SESSION_PEER_KNOWS))
		return 0;
	put_lit(line, "Min-SE: ");
	put_u64(line, s->min_se_s);
	put_lit(line, "\r\n");
	return 422;
}

void session_put_interval(struct cursor *out, const struct sip_leg *leg)
{
	const struct leg_session *s = &leg->session;
	uint32_t min_se_s = larger(s->min_se_s, s->floor_s);

	put_lit(out, "Session-Expires: ");
	put_u64(out, larger(s->policy_s, s->floor_s));
	/* Who refreshes goes on doing so (section 7.4); at first the target chooses. */
	if (s->interval_s)
		put_span(out, s->flags & SESSION_LIMEN ? SPAN(";refresher=uac")
						       : SPAN(";refresher=uas"));
	put_lit(out, "\r\n");
	if (min_se_s > MIN_SE_S) {
		put_lit(out, "Min-SE: ");
		put_u64(out, min_se_s);
		put_lit(out, "\r\n");
	}
}

/* Before the INVITE is answered there is no session that an UPDATE could refresh. */
static bool method_refreshes(const struct sip_leg *leg, enum sip_method method)
{
	return method == SIP_METHOD_INVITE ||
	       (method == SIP_METHOD_UPDATE && leg->state == LEG_CONFIRMED);
}

void session_put_request(struct cursor *out, const struct sip_leg *leg, enum sip_method method)
{
	if (leg->session.policy_s == 0 || !method_refreshes(leg, method))
		return;
	put_lit(out, "Supported: timer\r\n");
	session_put_interval(out, leg);
}

/* What a 2xx to the peer's request grants: less than it asked for where limen wants it shorter, not
 * below what it can take (section 9). */
static uint32_t granted_s(const struct leg_session *s)
{
	uint32_t most = larger(s->policy_s, s->floor_s);

	if (s->asked_s == 0 || s->asked_s > most)
		return most;
	return larger(s->asked_s, MIN_SE_S);
}

/* Who refreshes is the peer's choice; left to limen, whoever asks. */
static bool limen_answers_for(const struct leg_session *s)
{
	return !(s->flags & SESSION_PEER_KNOWS) || s->flags & SESSION_WANTS_UAS;
}

void session_put_response(struct cursor *out, const struct sip_leg *leg, enum sip_method method,
			  uint16_t status)
{
	const struct leg_session *s = &leg->session;

	if (s->policy_s == 0 || status < 200 || status > 299 || !method_refreshes(leg, method))
		return;
	put_lit(out, "Supported: timer\r\n");
	if (s->flags & SESSION_PEER_KNOWS)
		put_lit(out, "Require: timer\r\n");
	else if (s->asked_s == 0)
		return; /* where a proxy asked, it counts (section 9, table 2) */
	put_lit(out, "Session-Expires: ");
	put_u64(out, granted_s(s));
	put_span(out, limen_answers_for(s) ? SPAN(";refresher=uas\r\n")
					   : SPAN(";refresher=uac\r\n"));
}

/* ---- the description a re-INVITE would repeat ---- */

void session_keep_sdp(struct engine *e, struct sip_leg *from, struct sip_leg *to, struct span text,
		      bool answer)
{
	struct leg_session *s = &to->session;

	if (answer && from->session.sdp_next != HANDLE_NONE) {
		/* What was offered to it counts from its answer on. */
		drop_blob(e, &from->session.sdp);
		from->session.sdp = from->session.sdp_next;
		from->session.sdp_next = HANDLE_NONE;
	}
	drop_blob(e, &s->sdp_next);
	/* Also where the peer allows UPDATE: it may refuse one all the same. */
	if (s->policy_s == 0)
		return;
	if (answer) {
		drop_blob(e, &s->sdp);
		s->sdp = blob_copy(&e->blobs, text);
	} else {
		s->sdp_next = blob_copy(&e->blobs, text);
	}
}

void session_replace_sdp(struct engine *e, struct sip_leg *leg, struct span text)
{
	struct leg_session *s = &leg->session;

	drop_blob(e, &s->sdp_next);
	if (s->sdp == HANDLE_NONE)
		return;
	drop_blob(e, &s->sdp);
	s->sdp = blob_copy(&e->blobs, text);
}

void session_forget_offer(struct engine *e, struct sip_leg *leg)
{
	drop_blob(e, &leg->session.sdp_next);
}

/* ---- the timer ---- */

static void arm_call(struct engine *e, const struct sip_leg *leg)
{
	struct sip_call *call = call_get(e, leg->call);

	if (call && call->state == CALL_ANSWERED)
		b2bua_arm(e, call);
}

/* Section 10: who does not refresh gives up a little before the interval's end. */
static uint64_t end_of(const struct engine *e, uint32_t interval_s)
{
	uint32_t third = interval_s / 3;

	return after_s(e, interval_s - (third < 32 ? third : 32));
}

/* `agreed`: the peer counts the interval too. */
static void set_interval(struct engine *e, struct sip_leg *leg, uint32_t interval_s, bool limen,
			 bool agreed)
{
	struct leg_session *s = &leg->session;

	s->interval_s = interval_s;
	set_flag(s, SESSION_LIMEN, limen);
	s->flags &= (uint8_t)~(SESSION_TRIED | SESSION_RAISED);
	s->ends_ns = agreed ? end_of(e, interval_s) : NEVER_NS;
	s->due_ns = limen ? after_s(e, interval_s / 2) : s->ends_ns;
	if (!limen)
		drop_blob(e, &s->sdp);
	arm_call(e, leg);
}

void session_sent_2xx(struct engine *e, struct sip_leg *leg)
{
	const struct leg_session *s = &leg->session;

	if (s->policy_s == 0 || leg->state != LEG_CONFIRMED)
		return;
	set_interval(e, leg, granted_s(s), limen_answers_for(s),
		     s->flags & SESSION_PEER_KNOWS || s->asked_s);
}

void session_got_2xx(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct leg_session *s = &leg->session;
	struct span params;
	uint32_t interval_s = header_seconds(msg, SIP_HDR_SESSION_EXPIRES, &params);

	learn_allow(s, msg);
	if (s->policy_s == 0 || leg->state != LEG_CONFIRMED)
		return;
	if (interval_s == 0) {
		set_interval(e, leg, larger(s->policy_s, s->floor_s), true, false);
	} else {
		bool limen = !refresher_is(params, SPAN("uas"));

		set_interval(e, leg, larger(interval_s, limen ? INTERVAL_MIN_S : MIN_SE_S), limen,
			     true);
	}
}

/* ---- refresh ---- */

bool session_invite_is_open(const struct engine *e, uint64_t handle)
{
	const struct sip_txn *txn = txn_get(e, handle);

	return txn && (txn->state == TXN_TRYING || txn->state == TXN_PROCEEDING ||
		       (txn->state == TXN_ACCEPTED && !(txn->flags & TXN_ACKED)));
}

static void refresh_later(struct engine *e, struct sip_leg *leg, uint64_t ms)
{
	uint64_t at = e->now_ns + ms * NS_PER_MS;

	leg->session.due_ns = at < leg->session.ends_ns ? at : leg->session.ends_ns;
}

static void send_refresh(struct engine *e, struct sip_call *call, struct sip_leg *leg)
{
	struct leg_session *s = &leg->session;
	bool update = s->flags & SESSION_UPDATE || s->sdp == HANDLE_NONE;
	enum sip_method method = update ? SIP_METHOD_UPDATE : SIP_METHOD_INVITE;
	struct build_request req = {.leg = leg, .method = method, .max_forwards = 70};
	struct sip_txn *txn = txn_client_new(e, method, call, leg);
	char buf[256];
	struct cursor extra = cursor_on(buf, sizeof(buf));
	struct cursor *out;

	refresh_later(e, leg, REFRESH_AGAIN_MS); /* without memory */
	if (txn == NULL)
		return;
	txn->cseq = req.cseq = ++leg->local_cseq;
	txn->dst = leg_next_hop(e, leg);
	req.txn = txn->self;
	put_span(&extra, build_allow());
	if (!update) {
		txn->flags |= TXN_TIMER_C;
		req.body.bytes = blob_span(&e->blobs, s->sdp);
		put_lit(&extra, "Content-Type: application/sdp\r\n");
		leg->invite_client = txn->self;
		leg->invite_cseq = txn->cseq;
	}
	req.extra = cursor_span(&extra);
	out = out_start(e);
	build_request(e, out, &req);
	if (!txn_client_send(e, txn, out_finish(e)))
		return;
	s->refresh = txn->self;
	s->due_ns = s->ends_ns; /* its answer decides, or that */
}

bool session_on_timer(struct engine *e, struct sip_leg *leg)
{
	struct leg_session *s = &leg->session;
	struct sip_call *call = call_get(e, leg->call);

	if (e->now_ns >= s->ends_ns || call == NULL)
		return false;
	if (session_invite_is_open(e, leg->invite_client) ||
	    session_invite_is_open(e, leg->invite_server))
		refresh_later(e, leg, BUSY_MS + engine_random(e) % BUSY_MS);
	else
		send_refresh(e, call, leg);
	return true;
}

bool session_is_refresh(const struct engine *e, const struct sip_txn *txn)
{
	const struct sip_leg *leg = leg_get(e, txn->leg);

	return leg && leg->session.refresh == txn->self;
}

/* Whose Call-ID it is waits longer, in units of 10 ms. */
uint64_t session_glare_ms(struct engine *e, const struct sip_leg *leg)
{
	return leg->side == SIDE_B ? 2100 + engine_random(e) % 191 * 10
				   : engine_random(e) % 201 * 10;
}

static void on_refusal(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		       uint16_t status)
{
	struct leg_session *s = &leg->session;

	if (status == 405 || status == 501) /* whatever its Allow says: by re-INVITE, then */
		s->flags &= (uint8_t)~SESSION_UPDATE;
	if (status == 408 || status == 481) {
		/* RFC 3261 section 12.2.1.2: the dialog is gone. */
		b2bua_end(e, call, 408, IPC_BY_SESSION_TIMEOUT);
		return;
	}
	if (status == 491) {
		refresh_later(e, leg, session_glare_ms(e, leg));
	} else if (!(s->flags & SESSION_TRIED)) {
		s->flags |= SESSION_TRIED;
		refresh_later(e, leg, REFRESH_AGAIN_MS);
	} else {
		/* A peer that answers lives: one that counts no interval is only asked again. */
		s->flags &= (uint8_t)~SESSION_TRIED;
		s->due_ns = s->ends_ns == NEVER_NS ? after_s(e, s->interval_s / 2) : s->ends_ns;
	}
	arm_call(e, leg);
}

void session_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event,
		       const struct sip_msg *msg)
{
	struct sip_leg *leg = leg_get(e, txn->leg);
	struct sip_call *call = call_get(e, txn->call);
	bool over, fits = true;

	if (event == TXN_EVENT_PROVISIONAL || leg == NULL || call == NULL)
		return;
	leg->session.refresh = HANDLE_NONE;
	over = call->state != CALL_ANSWERED || leg->state != LEG_CONFIRMED;
	if (event == TXN_EVENT_SUCCESS) {
		if (!over) {
			leg_refresh_target(e, leg, msg);
			if (txn->kind == TXN_CLIENT_INVITE && body_kind(msg) == BODY_SDP)
				fits = body_take_answer(e, leg, body_sdp(msg));
			session_got_2xx(e, leg, msg);
		}
		if (txn->kind == TXN_CLIENT_INVITE)
			dialog_send_ack(e, leg, NULL, NULL);
		if (!fits)
			b2bua_end(e, call, 488, IPC_BY_LIMEN);
	} else if (!over) {
		on_refusal(e, call, leg, msg ? msg->status : txn->status);
	}
}

bool session_answer_update(struct engine *e, struct sip_leg *leg, struct sip_txn *server,
			   const struct sip_msg *msg)
{
	if (msg->method != SIP_METHOD_UPDATE || msg->body.len || leg->session.policy_s == 0 ||
	    leg->state != LEG_CONFIRMED || leg->session.asked_s == 0 ||
	    /* Who is connected now is the other side's to know (RFC 4916, RFC 3325). */
	    msg->first[SIP_HDR_P_ASSERTED_IDENTITY] != SIP_HDR_NONE)
		return false;
	if (txn_get(e, leg->session.refresh)) {
		dialog_answer(e, server, 491, SPAN_NONE); /* each would name its own refresher */
		return true;
	}
	dialog_answer(e, server, 200, SPAN_NONE);
	session_sent_2xx(e, leg);
	return true;
}

/* ---- 422 ---- */

bool session_is_wanted(const struct engine *e, const struct sip_call *call,
		       const struct sip_leg *leg, const struct sip_txn *txn)
{
	const struct sip_txn *server = txn_get(e, txn->peer);

	if (call->state == CALL_ENDED || leg->state == LEG_OVER || txn->flags & TXN_CANCEL_WANTED)
		return false;
	if (leg->session.refresh == txn->self)
		return true;
	if (call->flags & CALL_OWN_INVITE && !(txn->flags & TXN_TIMER_C))
		return leg->self == call->leg[SIDE_B] && leg->state == LEG_NEW;
	if (server == NULL || server->status >= 200)
		return false;
	return server->self != call->invite ||
	       (leg->self == call->leg[SIDE_B] && leg->state == LEG_NEW);
}

bool session_retry(struct engine *e, struct sip_txn *txn, const struct sip_msg *msg)
{
	struct sip_leg *leg = leg_get(e, txn->leg);
	struct sip_call *call = call_get(e, txn->call);
	struct span sent = blob_span(&e->blobs, txn->msg), none;
	uint32_t min_se_s = header_seconds(msg, SIP_HDR_MIN_SE, &none);
	struct sip_txn *again, *server;
	struct leg_session *s;
	struct cursor *out;

	if (leg == NULL || call == NULL || leg->session.policy_s == 0 || sent.len == 0 ||
	    (txn->method != SIP_METHOD_INVITE && txn->method != SIP_METHOD_UPDATE) ||
	    !session_is_wanted(e, call, leg, txn))
		return false;
	s = &leg->session;
	if (s->flags & SESSION_RAISED || min_se_s <= larger(s->policy_s, s->floor_s)) {
		s->flags &= (uint8_t)~SESSION_RAISED;
		return false;
	}
	if (sip_parse(&e->again, sent.ptr, sent.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return false;
	again = txn_client_new(e, (enum sip_method)txn->method, call, leg);
	if (again == NULL)
		return false;
	s->flags |= SESSION_RAISED;
	s->floor_s = min_se_s;
	again->cseq = ++leg->local_cseq;
	again->dst = txn->dst;
	again->peer = txn->peer;
	again->flags |= txn->flags & TXN_TIMER_C;
	out = out_start(e);
	build_again(e, out, &e->again, leg, again, NULL);
	if (!txn_client_send(e, again, out_finish(e)))
		return false;
	server = txn_get(e, txn->peer);
	if (server && server->peer == txn->self)
		server->peer = again->self;
	if (s->refresh == txn->self)
		s->refresh = again->self;
	if (leg->invite_client == txn->self) {
		leg->invite_client = again->self;
		leg->invite_cseq = again->cseq;
	}
	return true;
}
