/* SPDX-License-Identifier: BSD-3-Clause */
/* Text of what goes out: requests and responses rebuilt for a leg under an edit plan. Nothing of
 * the far side is copied but what the plan passes. One worker thread; libc only. */
#include "common/sip/hide.h"
#include "dataplane/sip/core.h"

/* What limen relays inside a dialog; also its Allow. */
#define ALLOWED "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, REFER, NOTIFY"

static bool method_is_allowed(struct span token)
{
	switch (sip_method_from(token)) {
	case SIP_METHOD_INVITE:
	case SIP_METHOD_ACK:
	case SIP_METHOD_BYE:
	case SIP_METHOD_CANCEL:
	case SIP_METHOD_OPTIONS:
	case SIP_METHOD_PRACK:
	case SIP_METHOD_UPDATE:
	case SIP_METHOD_INFO:
	case SIP_METHOD_MESSAGE:
	case SIP_METHOD_REFER:
	case SIP_METHOD_NOTIFY:
	case SIP_METHOD_SUBSCRIBE:
	case SIP_METHOD_PUBLISH:
		return true;
	default:
		return false;
	}
}

/* Extensions that work across limen because their headers and requests are relayed as they are. */
bool option_is_known(struct span token)
{
	return span_ieq(token, SPAN("100rel")) || span_ieq(token, SPAN("timer")) ||
	       span_ieq(token, SPAN("norefersub")) || span_ieq(token, SPAN("histinfo")) ||
	       span_ieq(token, SPAN("replaces"));
}

/* What a peer's list of options may say on the far side. Session timers are each leg's own. */
static bool option_passes(struct span token)
{
	return option_is_known(token) && !span_ieq(token, SPAN("timer"));
}

static void put_end(struct cursor *out)
{
	put_lit(out, "\r\n");
}

void put_unfolded(struct cursor *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		put_char(out, text.ptr[i] == '\r' || text.ptr[i] == '\n' ? ' ' : text.ptr[i]);
}

void put_header(struct cursor *out, struct span name, struct span value, bool folded)
{
	put_span(out, name);
	put_lit(out, ": ");
	if (folded)
		put_unfolded(out, value);
	else
		put_span(out, value);
	put_end(out);
}

/* Those tokens of a list header that limen can stand for; no line when none is left. */
static void put_token_list(struct cursor *out, const struct sip_msg *msg, enum sip_hdr_id id,
			   bool (*keep)(struct span))
{
	struct sip_values it = sip_values(msg, id);
	struct span value;
	bool any = false;

	while (sip_values_next(&it, &value)) {
		if (!keep(value))
			continue;
		if (any) {
			put_lit(out, ", ");
		} else {
			put_span(out, span_str(sip_hdr_name(id)));
			put_lit(out, ": ");
		}
		put_span(out, value);
		any = true;
	}
	if (any)
		put_end(out);
}

static bool is_body_header(uint8_t id)
{
	return id == SIP_HDR_CONTENT_TYPE || id == SIP_HDR_CONTENT_DISPOSITION ||
	       id == SIP_HDR_CONTENT_ENCODING || id == SIP_HDR_CONTENT_LANGUAGE;
}

static struct span header_name(const struct sip_msg *src, const struct sip_hdr *hdr)
{
	return hdr->id == SIP_HDR_OTHER ? sip_span(src, hdr->name)
					: span_str(sip_hdr_name(hdr->id));
}

static void put_passed_header(struct cursor *out, const struct sip_msg *src,
			      const struct sip_hdr *hdr, struct span name, bool first)
{
	if (hdr->id == SIP_HDR_SUPPORTED || hdr->id == SIP_HDR_REQUIRE) {
		if (first)
			put_token_list(out, src, hdr->id, option_passes);
	} else if (hdr->id == SIP_HDR_ALLOW) {
		if (first)
			put_token_list(out, src, hdr->id, method_is_allowed);
	} else {
		put_header(out, name, sip_span(src, hdr->value), hdr->folded);
	}
}

void put_hidden_header(struct cursor *out, const struct engine *e, const struct net_endpoint *self,
		       const struct sip_msg *src, const struct sip_hdr *hdr)
{
	struct hide hide = {.self = *self, .key = e->index_key};
	uint32_t before = out->len;

	put_span(out, header_name(src, hdr));
	put_lit(out, ": ");
	if (hide_header(out, &hide, hdr->id, sip_span(src, hdr->value)))
		put_end(out);
	else
		out->len = before;
}

/* What of a message goes on. */
struct planned {
	const struct sip_msg *src;
	struct span plan;
	enum edit_direction direction;
	unsigned scope; /* enum header_scope */
	const struct net_endpoint *self; /* limen's address towards the reader */
	const struct body *body;
	bool own_reason; /* limen gives a Reason itself */
};

/* The far side's headers, each as the plan says. */
static void put_planned_headers(struct cursor *out, const struct engine *e, const struct planned *p)
{
	const struct sip_msg *src = p->src;
	struct span rules = edit_plan_part(p->plan, EDIT_PART_HEADERS), name, value;
	bool keeps_type = p->body->bytes.len && !p->body->head.len;
	uint64_t active = 0;
	uint32_t at = 0;

	if (rules.len && src)
		active = header_rules_active(rules, p->direction, p->scope, src);

	for (unsigned i = 0; src && i < src->nhdrs; i++) {
		const struct sip_hdr *hdr = &src->hdrs[i];
		bool first = hdr->id == SIP_HDR_OTHER || src->first[hdr->id] == i;

		if (edit_plan_reserves(hdr->id) || (is_body_header(hdr->id) && !keeps_type) ||
		    (p->own_reason && hdr->id == SIP_HDR_REASON))
			continue;
		name = header_name(src, hdr);
		if (active && header_rules_take(rules, active, hdr->id, name))
			continue;
		switch (edit_plan_action(p->plan, p->direction, hdr->id, name, &value)) {
		case EDIT_PASS:
			put_passed_header(out, src, hdr, name, first);
			break;
		case EDIT_HIDE:
			if (p->self)
				put_hidden_header(out, e, p->self, src, hdr);
			break;
		case EDIT_REPLACE:
			if (first)
				put_header(out, name, value, false);
			break;
		default:
			break;
		}
	}
	while (edit_plan_next_set(p->plan, p->direction, &at, &name, &value))
		put_header(out, name, value, false);
	if (active)
		header_rules_put_lines(out, rules, active, src);
}

static void put_body(struct cursor *out, const struct body *body)
{
	put_span(out, body->head);
	put_lit(out, "Content-Length: ");
	put_u64(out, body->bytes.len);
	put_lit(out, "\r\n\r\n");
	put_span(out, body->bytes);
}

static void put_no_body(struct cursor *out)
{
	put_lit(out, "Content-Length: 0\r\n\r\n");
}

static void put_tag(struct cursor *out, const struct engine *e, const struct sip_leg *leg)
{
	put_lit(out, ";tag=");
	cookie_put(out, &e->keys, COOKIE_LEG, leg->tag);
}

void build_own_uri(struct cursor *out, const struct engine *e, const struct sip_leg *leg,
		   struct span user)
{
	const struct net_endpoint *local = leg_local(e, leg);

	put_span(out, leg->sips ? SPAN("sips:") : SPAN("sip:"));
	put_span(out, user);
	put_char(out, '@');
	if (local)
		put_endpoint(out, local);
	/* sips: stands for TLS by itself (RFC 3261 section 26.2.2) */
	if (leg->transport != NET_UDP && !(leg->sips && leg->transport == NET_TLS)) {
		put_lit(out, ";transport=");
		put_span(out, span_str(net_transport_param(leg->transport)));
	}
}

static void put_contact(struct cursor *out, const struct engine *e, const struct sip_leg *leg)
{
	char buf[COOKIE_CHARS];
	struct cursor user = cursor_on(buf, sizeof(buf));

	if (leg_local(e, leg) == NULL)
		return;
	cookie_put(&user, &e->keys, COOKIE_LEG, leg->tag);
	put_lit(out, "Contact: <");
	build_own_uri(out, e, leg, cursor_span(&user));
	put_lit(out, ">\r\n");
}

void put_via(struct cursor *out, const struct engine *e, uint8_t realm, uint8_t transport,
	     uint8_t family)
{
	const struct net_endpoint *local = engine_local(e, realm, transport, family);

	put_lit(out, "Via: SIP/2.0/");
	put_span(out, span_str(net_transport_name(transport)));
	put_char(out, ' ');
	if (local)
		put_endpoint(out, local);
	/* What the peer sends back may come by the same connection (RFC 5923). */
	if (transport == NET_TCP || transport == NET_TLS)
		put_lit(out, ";alias");
	put_lit(out, ";branch=");
}

static void put_method(struct cursor *out, const struct build_request *req)
{
	put_span(out, req->method == SIP_METHOD_OTHER ? req->method_name
						      : span_str(sip_method_name(req->method)));
}

/* Request line and Route (section 12.2.1.1): a first route without lr is a strict router and takes
 * the Request-URI's place. */
static void put_request_target(struct cursor *out, const struct engine *e,
			       const struct build_request *req, struct cursor *routes)
{
	struct span target = leg_text(e, req->leg, LEG_TARGET),
		    all = leg_text(e, req->leg, LEG_ROUTES), rest = all, first, value;
	struct sip_name_addr route;
	struct sip_uri uri;

	if (target.len == 0)
		target = leg_text(e, req->leg, LEG_RURI);
	if (sip_list_next(&rest, &first) && sip_name_addr_parse(first, &route) == 0 &&
	    sip_uri_parse(route.uri, &uri) == 0 &&
	    !sip_param_find(uri.params, SPAN("lr"), &value)) {
		rest = span_trim(rest);
		put_span(routes, rest);
		put_span(routes, rest.len ? SPAN(",<") : SPAN("<"));
		put_span(routes, target);
		put_char(routes, '>');
		target = route.uri;
	} else {
		put_span(routes, all);
	}
	put_method(out, req);
	put_char(out, ' ');
	put_span(out, target);
	put_lit(out, " SIP/2.0\r\n");
}

/* RAck names the CSeq of the INVITE as the leg knows it (RFC 3262 section 7.2). */
static void put_rack(struct cursor *out, const struct build_request *req)
{
	struct span rack = sip_hdr_value(req->src, SIP_HDR_RACK);
	size_t digits = 0;
	uint64_t rseq;

	while (digits < rack.len && rack.ptr[digits] >= '0' && rack.ptr[digits] <= '9')
		digits++;
	if (sip_number_parse(span_of(rack.ptr, digits), UINT32_MAX, &rseq))
		return;
	put_lit(out, "RAck: ");
	put_u64(out, (uint32_t)rseq - (req->leg->flags & LEG_RSEQ ? req->leg->rseq : 0));
	put_char(out, ' ');
	put_u64(out, req->leg->invite_cseq);
	put_lit(out, " INVITE\r\n");
}

/* How many places a request may still go to at once (RFC 5393): limen tries one after another. */
static void put_max_breadth(struct cursor *out, const struct sip_msg *src)
{
	uint64_t breadth;

	if (src->first[SIP_HDR_MAX_BREADTH] == SIP_HDR_NONE ||
	    sip_number_parse(sip_hdr_value(src, SIP_HDR_MAX_BREADTH), UINT32_MAX, &breadth))
		return;
	put_lit(out, "Max-Breadth: ");
	put_u64(out, breadth);
	put_end(out);
}

static bool request_has_contact(enum sip_method method)
{
	return method == SIP_METHOD_INVITE || method == SIP_METHOD_UPDATE ||
	       method == SIP_METHOD_OPTIONS || method == SIP_METHOD_SUBSCRIBE ||
	       method == SIP_METHOD_NOTIFY || method == SIP_METHOD_REFER;
}

void build_request(struct engine *e, struct cursor *out, const struct build_request *req)
{
	struct sip_leg *leg = req->leg;
	char routes_buf[4096];
	struct cursor routes = cursor_on(routes_buf, sizeof(routes_buf));
	struct span tag = leg_text(e, leg, LEG_REMOTE_TAG);

	put_request_target(out, e, req, &routes);
	put_via(out, e, leg->realm, leg->transport, leg->next_hop.family);
	put_lit(out, BRANCH_PREFIX);
	if (req->branch.len)
		put_span(out, req->branch);
	else
		cookie_put(out, &e->keys, COOKIE_TXN, req->txn);
	put_lit(out, "\r\nMax-Forwards: ");
	put_u64(out, (uint64_t)req->max_forwards);
	if (routes.full)
		out->full = true;
	if (routes.len) {
		put_lit(out, "\r\nRoute: ");
		put_span(out, cursor_span(&routes));
	}
	put_lit(out, "\r\nFrom: ");
	put_span(out, leg_text(e, leg, LEG_LOCAL));
	put_tag(out, e, leg);
	put_lit(out, "\r\nTo: ");
	put_span(out, leg_text(e, leg, LEG_REMOTE));
	if (tag.len) {
		put_lit(out, ";tag=");
		put_span(out, tag);
	}
	put_lit(out, "\r\nCall-ID: ");
	put_span(out, leg_text(e, leg, LEG_CALL_ID));
	put_lit(out, "\r\nCSeq: ");
	put_u64(out, req->cseq);
	put_char(out, ' ');
	put_method(out, req);
	put_end(out);
	if (req->contact.len)
		put_header(out, SPAN("Contact"), req->contact, true);
	else if (request_has_contact(req->method))
		put_contact(out, e, leg);
	if (req->method == SIP_METHOD_PRACK && req->src)
		put_rack(out, req);
	if (req->src)
		put_max_breadth(out, req->src);
	put_planned_headers(out, e, &(struct planned){
		.src = req->src,
		.plan = req->plan,
		.direction = leg->side == SIDE_B ? EDIT_TO_B : EDIT_TO_A,
		.scope = req->initial ? HEADER_ON_INITIAL : HEADER_ON_LATER,
		.self = leg_local(e, leg),
		.body = &req->body,
	});
	session_put_request(out, leg, req->method);
	put_span(out, req->extra);
	put_body(out, &req->body);
}

void build_from_invite(struct cursor *out, enum sip_method method, const struct sip_msg *invite,
		       struct span to, struct span extra)
{
	struct span name = span_str(sip_method_name(method)), value;
	struct sip_values it = sip_values(invite, SIP_HDR_VIA);

	put_span(out, name);
	put_char(out, ' ');
	put_span(out, sip_span(invite, invite->ruri));
	put_lit(out, " SIP/2.0\r\n");
	if (sip_values_next(&it, &value))
		put_header(out, SPAN("Via"), value, false);
	put_lit(out, "Max-Forwards: 70\r\n");
	value = sip_hdr_value(invite, SIP_HDR_ROUTE);
	if (value.len)
		put_header(out, SPAN("Route"), value, false);
	put_header(out, SPAN("From"), sip_hdr_value(invite, SIP_HDR_FROM), false);
	put_header(out, SPAN("To"), to, true);
	put_header(out, SPAN("Call-ID"), sip_span(invite, invite->call_id), false);
	put_lit(out, "CSeq: ");
	put_u64(out, invite->cseq);
	put_char(out, ' ');
	put_span(out, name);
	put_end(out);
	put_span(out, extra);
	put_no_body(out);
}

void build_again(struct engine *e, struct cursor *out, const struct sip_msg *sent,
		 const struct sip_leg *leg, const struct sip_txn *txn,
		 const struct span *credentials)
{
	struct span name = sip_span(sent, sent->method_name);

	put_span(out, name);
	put_char(out, ' ');
	put_span(out, sip_span(sent, sent->ruri));
	put_lit(out, " SIP/2.0\r\n");
	put_via(out, e, leg->realm, leg->transport, leg->next_hop.family);
	put_lit(out, BRANCH_PREFIX);
	cookie_put(out, &e->keys, COOKIE_TXN, txn->self);
	put_lit(out, "\r\nCSeq: ");
	put_u64(out, txn->cseq);
	put_char(out, ' ');
	put_span(out, name);
	put_end(out);
	for (unsigned i = 0; i < sent->nhdrs; i++) {
		const struct sip_hdr *hdr = &sent->hdrs[i];

		if (hdr->id == SIP_HDR_VIA || hdr->id == SIP_HDR_CSEQ ||
		    hdr->id == SIP_HDR_CONTENT_LENGTH ||
		    (credentials ? hdr->id == SIP_HDR_AUTHORIZATION ||
					   hdr->id == SIP_HDR_PROXY_AUTHORIZATION
				 : hdr->id == SIP_HDR_SESSION_EXPIRES ||
					   hdr->id == SIP_HDR_MIN_SE))
			continue;
		put_header(out, header_name(sent, hdr), sip_span(sent, hdr->value), hdr->folded);
	}
	if (credentials)
		put_span(out, *credentials);
	else
		session_put_interval(out, leg);
	put_body(out, &(struct body){.bytes = sip_span(sent, sent->body)});
}

/* Route of a UAC from the answer's Record-Route (section 12.1.2). */
static void put_reversed_routes(struct cursor *out, const struct sip_msg *answer)
{
	char buf[4096];
	struct cursor routes = cursor_on(buf, sizeof(buf));

	leg_put_routes(&routes, answer, true);
	if (routes.full)
		out->full = true;
	else if (routes.len)
		put_header(out, SPAN("Route"), cursor_span(&routes), false);
}

void build_from_answer(struct engine *e, struct cursor *out, enum sip_method method,
		       const struct sip_txn *txn, const struct sip_msg *answer, uint32_t cseq,
		       uint64_t branch)
{
	struct sip_values it = sip_values(answer, SIP_HDR_CONTACT);
	struct sip_name_addr contact;
	struct span value, name = span_str(sip_method_name(method)),
			   to = sip_hdr_value(answer, SIP_HDR_TO);
	bool has_contact = sip_values_next(&it, &value) &&
			   sip_name_addr_parse(value, &contact) == 0 && !contact.star;

	put_span(out, name);
	put_char(out, ' ');
	put_span(out, has_contact ? contact.uri : sip_span(answer, answer->to_uri));
	put_lit(out, " SIP/2.0\r\n");
	put_via(out, e, txn->realm, txn->transport, txn->dst.family);
	put_lit(out, BRANCH_PREFIX);
	cookie_put(out, &e->keys, COOKIE_TXN, branch);
	put_lit(out, "\r\nMax-Forwards: 70\r\n");
	put_reversed_routes(out, answer);
	put_header(out, SPAN("From"), sip_hdr_value(answer, SIP_HDR_FROM), true);
	put_header(out, SPAN("To"), to, true);
	put_header(out, SPAN("Call-ID"), sip_span(answer, answer->call_id), false);
	put_lit(out, "CSeq: ");
	put_u64(out, cseq);
	put_char(out, ' ');
	put_span(out, name);
	put_end(out);
	put_no_body(out);
}

/* Where a bare ;rport stands in a Via: the offset behind the word, 0 where there is none. */
static size_t rport_end(struct span via)
{
	static const char word[] = "rport";

	for (size_t i = 1; i + 5 <= via.len; i++) {
		char before = via.ptr[i - 1], after = i + 5 < via.len ? via.ptr[i + 5] : ';';

		if (strncasecmp(via.ptr + i, word, 5) == 0 && (before == ';' || before == ' ') &&
		    (after == ';' || after == ' ' || after == '\r' || after == '\t'))
			return i + 5;
	}
	return 0;
}

/* The topmost Via with received and rport filled in (section 18.2.1, RFC 3581 section 4), the
 * others as they are. */
static void put_response_vias(struct cursor *out, const struct sip_msg *msg,
			      const struct engine_source *source)
{
	struct sip_values it = sip_values(msg, SIP_HDR_VIA);
	struct span value, received;
	struct sip_via via;
	bool top = true;

	for (; sip_values_next(&it, &value); top = false) {
		size_t rport = top && msg->via_rport ? rport_end(value) : 0;

		put_lit(out, "Via: ");
		put_bytes(out, value.ptr, rport);
		if (rport) {
			put_char(out, '=');
			put_u64(out, source->peer.port);
		}
		put_bytes(out, value.ptr + rport, value.len - rport);
		if (top && (sip_via_parse(value, &via) ||
			    !sip_param_find(via.params, SPAN("received"), &received))) {
			put_lit(out, ";received=");
			put_addr(out, source->peer.family, &source->peer.addr);
		}
		put_end(out);
	}
}

void build_response_head(struct cursor *out, const struct sip_msg *msg,
			 const struct engine_source *source, uint16_t *tag_at)
{
	const struct sip_hdr *hdr;
	struct sip_values it;
	struct span value;

	put_response_vias(out, msg, source);
	hdr = &msg->hdrs[msg->first[SIP_HDR_FROM]];
	put_header(out, SPAN("From"), sip_span(msg, hdr->value), hdr->folded);
	hdr = &msg->hdrs[msg->first[SIP_HDR_TO]];
	put_header(out, SPAN("To"), sip_span(msg, hdr->value), hdr->folded);
	*tag_at = msg->to_tag.len == 0 && out->len >= 2 ? (uint16_t)(out->len - 2) : 0;
	put_header(out, SPAN("Call-ID"), sip_span(msg, msg->call_id), false);
	put_lit(out, "CSeq: ");
	put_u64(out, msg->cseq);
	put_char(out, ' ');
	put_span(out, sip_span(msg, msg->cseq_method));
	put_end(out);
	if (msg->to_tag.len == 0) {
		it = sip_values(msg, SIP_HDR_RECORD_ROUTE); /* section 12.1.1 */
		while (sip_values_next(&it, &value))
			put_header(out, SPAN("Record-Route"), value, true);
	}
}

static void put_status_line(struct cursor *out, uint16_t status, struct span phrase)
{
	/* Never the far side's own phrase, which may name its product. */
	put_lit(out, "SIP/2.0 ");
	put_u64(out, status);
	put_char(out, ' ');
	put_span(out, phrase.len ? phrase : span_str(sip_reason_phrase(status)));
	put_end(out);
}

static bool response_has_contact(const struct build_response *res)
{
	switch (res->txn->method) {
	case SIP_METHOD_INVITE:
		return res->status > 100 && res->status < 300;
	case SIP_METHOD_UPDATE:
	case SIP_METHOD_OPTIONS:
	case SIP_METHOD_SUBSCRIBE:
	case SIP_METHOD_NOTIFY:
	case SIP_METHOD_REFER:
		return res->status >= 200 && res->status < 300;
	default:
		return false;
	}
}

void build_response(struct engine *e, struct cursor *out, const struct build_response *res)
{
	struct span head = blob_span(&e->blobs, res->txn->head);
	size_t tag_at = res->txn->head_tag;

	put_status_line(out, res->status, res->phrase);
	if (tag_at && tag_at <= head.len && res->status > 100) {
		put_bytes(out, head.ptr, tag_at);
		put_lit(out, ";tag=");
		if (res->leg)
			cookie_put(out, &e->keys, COOKIE_LEG, res->leg->tag);
		else
			cookie_put(out, &e->keys, COOKIE_STATELESS, res->txn->key);
		put_bytes(out, head.ptr + tag_at, head.len - tag_at);
	} else {
		put_span(out, head);
	}
	if (res->leg && response_has_contact(res))
		put_contact(out, e, res->leg);
	if (res->rseq) {
		put_lit(out, "RSeq: ");
		put_u64(out, res->rseq);
		put_end(out);
	}
	if (res->reason.len)
		put_header(out, SPAN("Reason"), res->reason, false);
	put_planned_headers(out, e, &(struct planned){
		.src = res->src,
		.plan = res->plan,
		.direction = res->leg && res->leg->side == SIDE_B ? EDIT_TO_B : EDIT_TO_A,
		.scope = HEADER_ON_RESPONSE,
		.self = engine_local(e, res->txn->realm, res->txn->transport, res->txn->dst.family),
		.body = &res->body,
		.own_reason = res->reason.len,
	});
	if (res->leg)
		session_put_response(out, res->leg, res->txn->method, res->status);
	put_span(out, res->extra);
	put_body(out, &res->body);
}

struct net_endpoint response_destination(const struct sip_msg *msg,
					 const struct engine_source *source)
{
	struct net_endpoint dst = source->peer;

	if (source->transport == NET_UDP && !msg->via_rport)
		dst.port = msg->via_port ? msg->via_port : 5060;
	return dst;
}

void build_stateless(struct engine *e, const struct sip_msg *msg, uint16_t status,
		     struct span extra, const struct sip_leg *leg)
{
	struct net_endpoint dst = response_destination(msg, e->source);
	struct cursor *out = out_start(e);
	uint16_t tag_at;
	struct cursor head = cursor_on(e->body, sizeof(e->body));

	build_response_head(&head, msg, e->source, &tag_at);
	out->full = head.full;
	put_status_line(out, status, SPAN_NONE);
	put_bytes(out, head.buf, tag_at);
	if (tag_at) {
		put_lit(out, ";tag=");
		if (leg)
			cookie_put(out, &e->keys, COOKIE_LEG, leg->tag);
		else
			cookie_put(out, &e->keys, COOKIE_STATELESS,
				   hash_sip(&e->index_key, sip_span(msg, msg->call_id)));
	}
	put_bytes(out, head.buf + tag_at, head.len - tag_at);
	put_span(out, extra);
	put_no_body(out);
	out_send(e, e->source->realm, e->source->transport, &dst, out_finish(e));
}

struct span build_allow(void)
{
	return SPAN("Allow: " ALLOWED "\r\n");
}

struct span build_allow_all(void)
{
	return SPAN("Allow: " ALLOWED ", SUBSCRIBE, PUBLISH, REGISTER\r\n");
}
