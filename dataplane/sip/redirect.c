/* SPDX-License-Identifier: BSD-3-Clause */
/* Redirections (RFC 3261 section 8.1.3.4): a target that answers 3xx says where else to go. By the
 * policy of its side limen asks where that leads and goes there, or tells the caller, with its own
 * address in place of each. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#define CONTACTS_MAX 4096u /* bytes of what a redirection is asked about with; more is left out */

/* Contacts of the answer as they came, but each on one line. */
static void put_contacts(struct cursor *out, const struct sip_msg *msg)
{
	struct sip_values it = sip_values(msg, SIP_HDR_CONTACT);
	struct span value;

	while (sip_values_next(&it, &value)) {
		if (out->len + value.len + 1 > CONTACTS_MAX || value.len == 0)
			continue;
		if (out->len)
			put_char(out, ',');
		put_unfolded(out, value);
	}
}

/* The call is asked about once more; its caller waits on. */
static bool follow(struct engine *e, struct sip_call *call, const struct sip_msg *msg)
{
	char buf[CONTACTS_MAX];
	struct cursor contacts = cursor_on(buf, sizeof(buf));

	if (call->redirects >= REDIRECTS_MAX)
		return false;
	put_contacts(&contacts, msg);
	if (contacts.len == 0)
		return false;
	call->contacts = blob_copy(&e->blobs, cursor_span(&contacts));
	if (call->contacts == HANDLE_NONE) {
		e->stats.overloads++;
		return false;
	}
	call->redirects++;
	call_note_failed(call, msg->status);
	call->state = CALL_ASKING;
	call->ask_until_ns = e->now_ns + ASK_MAX_MS * NS_PER_MS;
	e->stats.redirects_followed++;
	call_ask(e, call);
	return true;
}

/* ;name=value where the value is made of these characters. */
static void put_plain_param(struct cursor *out, struct span params, struct span name,
			    const char *chars)
{
	struct span value;

	if (!sip_param_find(params, name, &value) || value.len == 0)
		return;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '\0' || strchr(chars, value.ptr[i]) == NULL)
			return;
	}
	put_char(out, ';');
	put_span(out, name);
	put_char(out, '=');
	put_span(out, value);
}

/* One Contact as the caller may see it: the user, at limen. What limen could not be called by is
 * left out. */
static void put_hidden_contact(struct cursor *out, const struct engine *e, const struct sip_leg *to,
			       struct span value)
{
	struct sip_name_addr contact;
	struct sip_uri uri;

	if (sip_name_addr_parse(value, &contact) || contact.star ||
	    sip_uri_parse(contact.uri, &uri) || !uri.is_sip || uri.is_sips || uri.user.len == 0)
		return;
	put_lit(out, "Contact: <");
	build_own_uri(out, e, to, uri.user);
	put_char(out, '>');
	put_plain_param(out, contact.params, SPAN("q"), "0123456789.");
	put_plain_param(out, contact.params, SPAN("expires"), "0123456789");
	put_lit(out, "\r\n");
}

static bool pass(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		 const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	struct sip_leg *a = leg_get(e, leg->peer);
	struct sip_values it = sip_values(msg, SIP_HDR_CONTACT);
	struct cursor contacts = cursor_on(e->body, sizeof(e->body)), *out;
	struct build_response res = {.txn = invite,
				     .status = msg->status,
				     .leg = a,
				     .src = msg,
				     .plan = call_plan(e, call)};
	struct span value, bytes;

	if (invite == NULL || invite->status >= 200 || a == NULL || leg_local(e, a) == NULL)
		return false;
	while (sip_values_next(&it, &value))
		put_hidden_contact(&contacts, e, a, value);
	if (contacts.len == 0 || contacts.full)
		return false;
	res.extra = cursor_span(&contacts);
	out = out_start(e);
	build_response(e, out, &res);
	bytes = out_finish(e);
	if (bytes.len == 0)
		return false;
	txn_respond(e, invite, msg->status, bytes);
	e->stats.redirects_passed++;
	standalone_tell(e, call, msg->status, msg);
	call_finish(e, call, msg->status, IPC_BY_CALLEE);
	return true;
}

bool redirect_take(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		   const struct sip_msg *msg)
{
	struct ipc_target_view target = call_target(e, call);

	if (target.head == NULL || msg == NULL)
		return false;
	switch (target.head->side.redirect) {
	case IPC_REDIRECT_FOLLOW:
		return follow(e, call, msg);
	case IPC_REDIRECT_PASS:
		return pass(e, call, leg, msg);
	default:
		return false;
	}
}
