/* SPDX-License-Identifier: BSD-3-Clause */
/* REFER inside a dialog (RFC 3515) and the NOTIFYs that tell what became of it, where policy lets
 * them pass (carried out by limen: transfer.c): the place it refers to becomes limen's own address,
 * so that the new call comes back to limen; a dialog that it names gets a name that may be seen
 * there (replaces.c); of a NOTIFY only the status line goes on. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#include "common/sip/mime.h"
#include "common/sip/replaces.h"
#include "common/sip/sipfrag.h"

/* ---- Refer-To ---- */

/* Of the URI's headers only Replaces counts. 0, or 400. */
static uint16_t read_headers(struct span headers, struct refer_to *to)
{
	struct span name, value;

	while (sip_uri_header_next(&headers, &name, &value)) {
		struct cursor text = cursor_on(to->replaces_text, sizeof(to->replaces_text));

		if (!span_ieq(name, SPAN("Replaces")))
			continue;
		sip_put_unescaped(&text, value);
		if (to->has_replaces || text.full ||
		    sip_replaces_parse(cursor_span(&text), &to->replaces))
			return 400;
		to->has_replaces = true;
	}
	return 0;
}

uint16_t refer_read(const struct sip_msg *msg, struct refer_to *to)
{
	uint16_t at = msg->first[SIP_HDR_REFER_TO];
	struct span rest = sip_hdr_value(msg, SIP_HDR_REFER_TO), value, method;
	struct sip_name_addr name;

	memset(to, 0, offsetof(struct refer_to, replaces_text));
	/* Section 2.4.2: exactly one. */
	if (at == SIP_HDR_NONE || msg->hdrs[at].next != SIP_HDR_NONE ||
	    !sip_list_next(&rest, &value) || span_trim(rest).len ||
	    sip_name_addr_parse(value, &name) || name.star || sip_uri_parse(name.uri, &to->uri))
		return 400;
	if (span_ieq(to->uri.scheme, SPAN("tel")))
		return 0;
	if (!to->uri.is_sip)
		return 416;
	/* Whatever else a third party could be made to send is not limen's to help with. */
	if (sip_param_find(to->uri.params, SPAN("method"), &method)) {
		if (!span_eq(method, SPAN("INVITE")))
			return 403;
		to->has_method = true;
	}
	return read_headers(to->uri.headers, to);
}

/* A telephone number as the user of a SIP URI (RFC 3261 section 19.1.6), without its parameters. */
static void put_number(struct cursor *out, struct span opaque)
{
	for (size_t i = 0; i < opaque.len && opaque.ptr[i] != ';'; i++) {
		if (opaque.ptr[i] == '+')
			put_char(out, '+');
		else
			sip_put_escaped(out, span_of(opaque.ptr + i, 1));
	}
}

uint16_t refer_put_to(struct engine *e, struct cursor *out, const struct sip_msg *msg,
		      uint8_t from_realm, const struct sip_leg *to_leg)
{
	char user_buf[512], name_buf[1536];
	struct cursor user = cursor_on(user_buf, sizeof(user_buf)),
		      name = cursor_on(name_buf, sizeof(name_buf));
	struct refer_to to;
	uint16_t status = refer_read(msg, &to);

	if (status)
		return status;
	if (to.uri.is_sip)
		put_span(&user, to.uri.user);
	else
		put_number(&user, to.uri.opaque);
	if (to.has_replaces &&
	    !replaces_hide(e, &to.replaces, from_realm, to_leg->realm, &name))
		return 481; /* a dialog that is not limen's cannot be named there */
	if (user.full || name.full)
		return 400;
	if (user.len == 0)
		return 404; /* nobody whom limen could be asked for */
	put_lit(out, "Refer-To: <");
	build_own_uri(out, e, to_leg, cursor_span(&user));
	if (!to.uri.is_sip)
		put_lit(out, ";user=phone");
	if (to.has_method)
		put_lit(out, ";method=INVITE");
	if (name.len) {
		put_lit(out, "?Replaces=");
		sip_put_escaped(out, cursor_span(&name));
	}
	put_lit(out, ">\r\n");
	return 0;
}

/* ---- NOTIFY ---- */

static bool is_sipfrag(const struct sip_msg *msg)
{
	struct span type = mime_type(sip_hdr_value(msg, SIP_HDR_CONTENT_TYPE));

	return span_ieq(type, SPAN("message/sipfrag")) &&
	       msg->first[SIP_HDR_CONTENT_ENCODING] == SIP_HDR_NONE;
}

/* The event package, and the REFER's CSeq where it tells it: 0 for none. False for a bad one. */
static bool read_event(const struct sip_msg *msg, struct span *package, uint32_t *id)
{
	struct span value = sip_hdr_value(msg, SIP_HDR_EVENT), params = SPAN_NONE, text;
	const char *semi = value.len ? memchr(value.ptr, ';', value.len) : NULL;
	uint64_t number = 0;

	*package = value;
	if (semi) {
		params = span_of(semi, value.len - (size_t)(semi - value.ptr));
		package->len = (size_t)(semi - value.ptr);
	}
	*package = span_trim(*package);
	*id = 0;
	if (!sip_param_find(params, SPAN("id"), &text))
		return true;
	if (sip_number_parse(text, UINT32_MAX, &number) || number == 0)
		return false;
	*id = (uint32_t)number;
	return true;
}

static uint16_t notify_refuses(const struct sip_leg *leg, const struct sip_msg *msg)
{
	struct span package;
	uint32_t id;
	bool good = read_event(msg, &package, &id);

	/* RFC 6665 section 8.2.1: both headers have to be there. */
	if (package.len == 0 || sip_hdr_value(msg, SIP_HDR_SUBSCRIPTION_STATE).len == 0)
		return 400;
	if (!span_ieq(package, SPAN("refer")))
		return 489;
	/* The subscription is that of the REFER which limen sent there last. */
	if (!(leg->flags & LEG_REFERRED) || !good || (id && id != leg->refer_sent))
		return 481;
	return msg->body.len && !is_sipfrag(msg) ? 415 : 0;
}

/* ";name=seconds" */
static void put_seconds(struct cursor *out, struct span params, struct span name)
{
	struct span value;
	uint64_t seconds;

	if (!sip_param_find(params, name, &value) ||
	    sip_number_parse(value, UINT32_MAX, &seconds))
		return;
	put_char(out, ';');
	put_span(out, name);
	put_char(out, '=');
	put_u64(out, seconds);
}

/* One of the standard's reasons; others may be anything. */
static void put_reason(struct cursor *out, struct span params)
{
	static const char *const reasons[] = {"deactivated", "probation",  "rejected", "timeout",
					      "giveup",	     "noresource", "invariant"};
	struct span value;

	if (!sip_param_find(params, SPAN("reason"), &value))
		return;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (span_ieq(value, span_str(reasons[i]))) {
			put_lit(out, ";reason=");
			put_span(out, span_str(reasons[i]));
		}
	}
}

/* RFC 6665 section 8.2.2: of its parameters those that the standard knows. */
static void put_state(struct cursor *out, const struct sip_msg *msg, bool *over)
{
	struct span value = sip_hdr_value(msg, SIP_HDR_SUBSCRIPTION_STATE), params = SPAN_NONE;
	const char *semi = memchr(value.ptr, ';', value.len);

	if (semi) {
		params = span_of(semi, value.len - (size_t)(semi - value.ptr));
		value.len = (size_t)(semi - value.ptr);
	}
	value = span_trim(value);
	*over = span_ieq(value, SPAN("terminated"));
	put_lit(out, "Subscription-State: ");
	/* A state nobody has heard of is as good as none (section 4.1.3). */
	if (*over)
		put_lit(out, "terminated");
	else if (span_ieq(value, SPAN("pending")))
		put_lit(out, "pending");
	else
		put_lit(out, "active");
	put_seconds(out, params, SPAN("expires"));
	put_reason(out, params);
	put_seconds(out, params, SPAN("retry-after"));
	put_lit(out, "\r\n");
}

void refer_put_event(struct cursor *out, uint32_t id)
{
	put_lit(out, "Event: refer");
	if (id) {
		put_lit(out, ";id=");
		put_u64(out, id);
	}
	put_lit(out, "\r\n");
}

/* What NOTIFY carries on: nothing of it is copied. 0, or the status to refuse it with. */
static uint16_t put_notify(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg,
			   struct cursor *lines, struct span *body)
{
	struct cursor fragment = cursor_on(e->body, sizeof(e->body));
	struct span package;
	uint32_t id;
	bool over;

	read_event(msg, &package, &id);
	if (msg->body.len) {
		if (!sipfrag_hide(&fragment, sip_span(msg, msg->body)))
			return 400;
		put_lit(lines, "Content-Type: message/sipfrag;version=2.0\r\n");
		*body = cursor_span(&fragment);
	}
	refer_put_event(lines, id ? leg->refer_cseq : 0);
	put_state(lines, msg, &over);
	if (lines->full)
		return 400;
	if (over)
		leg->flags &= (uint8_t)~LEG_REFERRED;
	return 0;
}

/* ---- both, for dialog.c ---- */

uint16_t refer_refuses(const struct engine *e, const struct sip_leg *leg,
		       const struct sip_msg *msg)
{
	struct refer_to to;
	uint16_t status;

	if (msg->method == SIP_METHOD_NOTIFY)
		status = notify_refuses(leg, msg);
	else if (leg->refer == IPC_REFER_REFUSE)
		status = 403;
	else if (body_kind(msg) != BODY_NONE)
		status = 415;
	else
		status = leg->refer == IPC_REFER_LOCAL ? transfer_refuses(e, leg, msg)
						       : refer_read(msg, &to);
	return status == 0 && msg->max_forwards == 0 ? 483 : status;
}

void refer_request(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		   struct sip_txn *server, const struct sip_msg *msg)
{
	bool refers = msg->method == SIP_METHOD_REFER;
	struct sip_leg *peer = leg_get(e, leg->peer);
	char buf[4096];
	struct cursor lines = cursor_on(buf, sizeof(buf)), *out;
	struct build_request req = {
		.leg = peer,
		.method = msg->method,
		.src = refers ? msg : NULL,
		.plan = refers ? call_plan(e, call) : SPAN_NONE,
		.max_forwards = (msg->max_forwards < 0 ? 70 : msg->max_forwards) - 1,
	};
	struct sip_txn *client;
	uint16_t status;

	if (refers && leg->refer == IPC_REFER_LOCAL) {
		transfer_start(e, call, leg, server, msg);
		return;
	}
	if (refers)
		status = refer_put_to(e, &lines, msg, leg->realm, peer);
	else
		status = put_notify(e, leg, msg, &lines, &req.body.bytes);
	if (status || lines.full) {
		dialog_refuse(e, server, status ? status : 400);
		return;
	}
	client = txn_client_new(e, msg->method, call, peer);
	if (client == NULL) {
		dialog_refuse(e, server, 500);
		return;
	}
	client->cseq = req.cseq = ++peer->local_cseq;
	client->dst = leg_next_hop(e, peer);
	client->peer = server->self;
	server->peer = client->self;
	req.txn = client->self;
	req.extra = cursor_span(&lines);
	out = out_start(e);
	build_request(e, out, &req);
	if (!txn_client_send(e, client, out_finish(e))) {
		dialog_refuse(e, server, 500);
		return;
	}
	txn_await(e, server);
	if (refers) {
		peer->flags |= LEG_REFERRED;
		peer->refer_sent = req.cseq;
		peer->refer_cseq = msg->cseq;
	}
}
