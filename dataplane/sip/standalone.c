/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests outside a dialog other than INVITE (MESSAGE, PUBLISH, OPTIONS, REGISTER and whatever
 * else policy lets through): one request, one answer, no dialog. What is special about them. One
 * worker thread; libc only. */
#include "dataplane/sip/core.h"

#define CONTACTS_MAX 8192u /* bytes of Contact lines in the answer to a registration */
/* The control plane hears of an answer within this time, or not at all. */
#define TELL_MAX_MS 4000u
#define SIP_PORT    5060u

/* ---- the request ---- */

static bool has_star(const struct sip_msg *msg, unsigned *contacts)
{
	struct sip_values it = sip_values(msg, SIP_HDR_CONTACT);
	bool star = false;
	struct span value;

	for (*contacts = 0; sip_values_next(&it, &value); ++*contacts)
		star |= span_eq(span_trim(value), SPAN("*"));
	return star;
}

/* Whether a REGISTER's Contact "*" stands alone and removes all (section 10.3). */
static bool star_is_right(const struct sip_msg *msg)
{
	unsigned contacts;
	uint64_t expires;

	if (!has_star(msg, &contacts))
		return true;
	return contacts == 1 &&
	       sip_number_parse(sip_hdr_value(msg, SIP_HDR_EXPIRES), 0, &expires) == 0;
}

uint16_t standalone_refusal(const struct sip_msg *msg)
{
	struct refer_to to;

	if (msg->method == SIP_METHOD_REGISTER)
		return star_is_right(msg) ? 0 : 400;
	return msg->method == SIP_METHOD_REFER ? refer_read(msg, &to) : 0;
}

/* Contact towards a target: empty for limen's own, where the method has one. */
static struct span contact_for(struct engine *e, const struct sip_msg *msg,
			       const struct sip_leg *leg, const struct ipc_target_view *target,
			       struct cursor *text)
{
	char buf[COOKIE_CHARS];
	struct cursor user = cursor_on(buf, sizeof(buf));
	unsigned contacts;

	if (msg->method != SIP_METHOD_REGISTER)
		return target->contact;
	if (has_star(msg, &contacts))
		return SPAN("*");
	/* Without one it only asks what is registered. */
	if (contacts == 0 || target->contact.len)
		return contacts ? target->contact : SPAN_NONE;
	cookie_put(&user, &e->keys, COOKIE_LEG, leg->tag);
	put_char(text, '<');
	build_own_uri(text, e, leg, cursor_span(&user));
	put_char(text, '>');
	return text->full ? SPAN_NONE : cursor_span(text);
}

uint16_t standalone_prepare(struct engine *e, struct sip_leg *leg,
			    const struct ipc_target_view *target, struct cursor *text,
			    struct build_request *req)
{
	const struct sip_msg *msg = &e->again;
	const struct sip_leg *a = leg_get(e, leg->peer);
	uint16_t status;

	if (msg->method != SIP_METHOD_REFER) {
		req->contact = contact_for(e, msg, leg, target, text);
		return 0;
	}
	req->contact = target->contact;
	status = refer_put_to(e, text, msg, a->realm, leg);
	if (status || text->full)
		return status ? status : 400;
	req->extra = cursor_span(text);
	leg->flags |= LEG_REFERRED;
	leg->refer_sent = leg->local_cseq;
	leg->refer_cseq = msg->cseq;
	return 0;
}

uint64_t standalone_call_id_seed(struct engine *e, const struct sip_msg *msg, unsigned count)
{
	struct hash_sip h = hash_sip_start(&e->random_key);
	struct span call_id = sip_span(msg, msg->call_id), user = sip_span(msg, msg->from_uri);

	hash_sip_add(&h, &count, sizeof(count));
	hash_sip_add(&h, call_id.ptr, call_id.len);
	hash_sip_add(&h, user.ptr, user.len);
	return hash_sip_end(&h);
}

uint64_t standalone_deadline(const struct engine *e, const struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	uint64_t end = call->started_ns + TIMEOUT_MS * NS_PER_MS, share;

	if (end <= e->now_ns)
		return e->now_ns;
	share = (end - e->now_ns) / (1u + verdict->ntargets - call->target);
	if (verdict->answer_max_s && verdict->answer_max_s * NS_PER_S < share)
		share = verdict->answer_max_s * NS_PER_S;
	return e->now_ns + share;
}

/* ---- the answer to a registration ---- */

/* Whether two URIs name the same contact (section 19.1.4, as far as limen's own go). */
static bool is_same_contact(struct span a_text, struct span b_text)
{
	struct sip_name_addr a_name, b_name;
	struct sip_uri a, b;

	return sip_name_addr_parse(a_text, &a_name) == 0 &&
	       sip_name_addr_parse(b_text, &b_name) == 0 && !a_name.star && !b_name.star &&
	       sip_uri_parse(a_name.uri, &a) == 0 && sip_uri_parse(b_name.uri, &b) == 0 &&
	       a.is_sip && b.is_sip && a.is_sips == b.is_sips && span_eq(a.user, b.user) &&
	       span_ieq(a.host, b.host) && a.port == b.port;
}

/* How long the registrar keeps limen's contact, and the parameters it tells with it. False when it
 * does not. */
static bool granted_expires(const struct sip_msg *answer, struct span own, uint64_t *expires,
			    struct span *params)
{
	struct sip_values it = sip_values(answer, SIP_HDR_CONTACT);
	struct sip_name_addr name;
	struct span value, param;

	while (sip_values_next(&it, &value)) {
		if (!is_same_contact(value, own) || sip_name_addr_parse(value, &name))
			continue;
		*params = name.params;
		if (sip_param_find(name.params, SPAN("expires"), &param) &&
		    sip_number_parse(param, UINT32_MAX, expires) == 0)
			return *expires != 0;
		return sip_number_parse(sip_hdr_value(answer, SIP_HDR_EXPIRES), UINT32_MAX,
					expires) == 0 &&
		       *expires != 0;
	}
	return false;
}

static bool is_removal(const struct sip_name_addr *contact)
{
	struct span value;
	uint64_t expires;

	return sip_param_find(contact->params, SPAN("expires"), &value) &&
	       sip_number_parse(value, 0, &expires) == 0;
}

/* A GRUU (RFC 5627 section 5.4.2) at limen's address in place of the registrar's domain: requests
 * there go to that domain again, `gr` with them. */
static void put_gruu(struct cursor *out, struct span params, struct span name,
		     const struct net_endpoint *self)
{
	struct span text, gr;
	struct sip_uri uri;
	bool has_gr;

	if (!sip_param_find(params, name, &text))
		return;
	if (text.len > 2 && text.ptr[0] == '"')
		text = span_of(text.ptr + 1, text.len - 2);
	if (sip_uri_parse(text, &uri) || !uri.is_sip || uri.is_sips || !uri.user.len)
		return;
	has_gr = sip_param_find(uri.params, SPAN("gr"), &gr);
	put_char(out, ';');
	put_span(out, name);
	put_lit(out, "=\"sip:");
	put_span(out, uri.user);
	put_char(out, '@');
	put_addr_sip(out, self->family, &self->addr);
	if (self->port != SIP_PORT) {
		put_char(out, ':');
		put_u64(out, self->port);
	}
	if (has_gr) {
		put_lit(out, ";gr");
		if (gr.len)
			put_char(out, '=');
		put_span(out, gr);
	}
	put_char(out, '"');
}

/* One of the user's own contacts, with the time that was granted in place of what it asked for, and
 * what GRUUs the registrar told with limen's. */
static void put_own_contact(struct cursor *out, struct span text, uint64_t expires,
			    struct span told, const struct net_endpoint *self)
{
	struct sip_name_addr contact;
	struct span params, value;

	if (sip_name_addr_parse(text, &contact) || contact.star || is_removal(&contact))
		return;
	put_lit(out, "Contact: <");
	put_span(out, contact.uri);
	put_char(out, '>');
	params = contact.params;
	if (sip_param_find(params, SPAN("expires"), &value)) {
		const char *from = value.len ? value.ptr : params.ptr;

		while (from > params.ptr && *from != ';')
			from--;
		put_unfolded(out, span_of(params.ptr, (size_t)(from - params.ptr)));
		params = value.len ? span_of(value.ptr + value.len,
					     (size_t)(params.ptr + params.len - value.ptr) -
						     value.len)
				   : SPAN_NONE;
	}
	put_unfolded(out, params);
	if (self) {
		put_gruu(out, told, SPAN("pub-gruu"), self);
		put_gruu(out, told, SPAN("temp-gruu"), self);
	}
	put_lit(out, ";expires=");
	put_u64(out, expires);
	put_lit(out, "\r\n");
}

/* The registrar speaks of limen's contacts and of others: the user hears of his own alone. Those of
 * limen's stand in the order of the user's that they stand for. */
static void put_registered(struct engine *e, const struct sip_call *call,
			   const struct sip_msg *answer, struct cursor *out)
{
	struct span request = blob_span(&e->blobs, call->request), value, limens;
	const struct ipc_verdict *verdict = call_verdict(e, call);
	struct ipc_target_view target = call_target(e, call);
	const struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);
	const struct net_endpoint *self =
		a ? engine_local(e, a->realm, a->transport, a->next_hop.family) : NULL;
	struct sip_values it;

	if (target.head == NULL || target.contact.len == 0 ||
	    sip_parse(&e->again, request.ptr, request.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return;
	it = sip_values(&e->again, SIP_HDR_CONTACT);
	while (sip_list_next(&target.contact, &limens) && sip_values_next(&it, &value)) {
		uint32_t len = out->len;
		struct span told;
		uint64_t expires;

		if (!granted_expires(answer, limens, &expires, &told))
			continue;
		if (verdict->register_max_s && expires > verdict->register_max_s)
			expires = verdict->register_max_s;
		put_own_contact(out, value, expires, told, self);
		if (out->full) {
			out->len = len; /* the ones before may still be told */
			out->full = false;
			return;
		}
	}
}

bool standalone_relay(struct engine *e, struct sip_call *call, struct sip_txn *server,
		      struct sip_leg *from, const struct sip_msg *msg)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	char buf[CONTACTS_MAX + IPC_HEADERS_MAX];
	struct cursor contacts = cursor_on(buf, CONTACTS_MAX);

	if (msg->method == SIP_METHOD_REGISTER) {
		put_registered(e, call, msg, &contacts);
		contacts.cap = sizeof(buf);
		if (verdict)
			put_span(&contacts, ipc_verdict_headers(verdict));
	}
	return dialog_relay_with(e, call, server, from, msg->status, msg, cursor_span(&contacts));
}

/* ---- telling the control plane ---- */

void standalone_tell(struct engine *e, struct sip_call *call, uint16_t status,
		     const struct sip_msg *msg)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	struct span context, bytes;
	struct ipc_answer answer = {.call = call->self, .status = status};
	struct cursor *out;

	if ((call->flags & (CALL_DIALOG | CALL_SUBSCRIPTION | CALL_TELLS_ANSWER)) ||
	    verdict == NULL ||
	    verdict->status || !(verdict->flags & IPC_TELL_ANSWER))
		return;
	call->flags |= CALL_TELLS_ANSWER;
	context = ipc_verdict_context(verdict);
	answer.context_len = (uint16_t)context.len;
	answer.msg_len = msg ? msg->len : 0;
	out = out_start(e);
	put_bytes(out, &answer, sizeof(answer));
	if (msg)
		put_bytes(out, msg->buf, msg->len);
	put_span(out, context);
	bytes = out_finish(e);
	call->report = blob_copy(&e->blobs, bytes);
	if (e->link_up)
		out_report(e, IPC_ANSWER, bytes);
	else if (call->report == HANDLE_NONE)
		e->stats.answers_lost++;
	else
		call->flags |= CALL_REPORT_DUE;
}

void standalone_told(struct engine *e, struct sip_call *call)
{
	if (!(call->flags & CALL_REPORT_DUE)) {
		call_drop_report(e, call);
		return;
	}
	if (e->now_ns >= call->ended_ns + TELL_MAX_MS * NS_PER_MS) {
		e->stats.answers_lost++;
		call_drop_report(e, call);
		return;
	}
	if (e->link_up)
		call_report(e, call);
	call_set_timer(e, call, e->now_ns + REPORT_AGAIN_MS * NS_PER_MS);
}
