/* SPDX-License-Identifier: BSD-3-Clause */
/* Who calls, as trunks' config wants it read and shown: From, P-Asserted-Identity (RFC 3325),
 * Privacy (RFC 3323), Remote-Party-ID. limen-controlplane, loop thread. */
#include "controlplane/topology/call_identity.h"

#include "common/sip/edit_plan.h"
#include "controlplane/policy/explain.h"

static const struct conf_topology *topology_of(const struct conf *conf, unsigned trunk)
{
	int number = conf->trunks[trunk].rules.topology;

	return number < 0 ? NULL : &conf->topologies[number];
}

/* ---- read ---- */

void call_rules_read_caller(const struct conf_trunk *from, const struct sip_msg *msg,
			    struct far_parties *parties, struct explain *explain)
{
	enum sip_hdr_id id = from->rules.caller == CONF_CALLER_ASSERTED
				     ? SIP_HDR_P_ASSERTED_IDENTITY
				     : SIP_HDR_P_PREFERRED_IDENTITY;
	struct sip_values values;
	struct span value;

	if (from->rules.caller == CONF_CALLER_FROM || msg->method == SIP_METHOD_REGISTER)
		return;
	values = sip_values(msg, id);
	while (sip_values_next(&values, &value)) {
		struct sip_name_addr name;
		struct party party;

		if (sip_name_addr_parse(value, &name) || party_from_uri(name.uri, &party) ||
		    !party.len)
			continue;
		parties->from = party;
		parties->display = name.display;
		explain_step(explain, "identity", "the caller is %.*s, of %s",
			     SPAN_FMT(party_user(&party)), sip_hdr_name(id));
		return;
	}
	explain_step(explain, "identity", "no %s to take the caller from: he is From's",
		     sip_hdr_name(id));
}

/* ---- shown ---- */

/* What a URI of the message has for a host; none where that could not be one. */
static struct span host_in(struct span text)
{
	struct sip_uri uri;

	if (sip_uri_parse(text, &uri) || !uri.is_sip || uri.host.len > 255)
		return SPAN_NONE;
	for (size_t i = 0; i < uri.host.len; i++) {
		char c = uri.host.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c && strchr("-.:[]", c))))
			return SPAN_NONE;
	}
	return uri.host;
}

/* Of a profile's host: empty where it is limen's, or the peer's, to fill in. */
static struct span host_shown(const struct conf_host *there, const struct conf_host *here,
			      struct span uri)
{
	if (there->kind == CONF_HOST_NAMED)
		return span_str(there->name);
	return there->kind == CONF_HOST_KEEP && here && here->kind == CONF_HOST_KEEP ? host_in(uri)
										      : SPAN_NONE;
}

void call_rules_show(const struct conf *conf, const struct ruled_call *call,
		     struct far_parties *parties)
{
	const struct conf_topology *there = topology_of(conf, call->to);
	const struct conf_topology *here = topology_of(conf, call->from);
	const char *number = conf->trunks[call->to].rules.from_number;
	const struct sip_msg *msg = call->msg;

	if (number[0] && !parties->from.anonymous && !parties->registers) {
		parties->from = (struct party){.len = (uint8_t)strlen(number)};
		memcpy(parties->from.user, number, parties->from.len);
		explain_step(call->explain, "identity", "From has from_number %s", number);
	}
	if (!there)
		return;
	parties->ruri_host = host_shown(&there->ruri, here ? &here->ruri : NULL,
					sip_span(msg, msg->ruri));
	parties->from_host = host_shown(&there->from, here ? &here->from : NULL,
					sip_span(msg, msg->from_uri));
	parties->to_host =
		host_shown(&there->to, here ? &here->to : NULL, sip_span(msg, msg->to_uri));
	if (there->display_drop && !parties->from.anonymous)
		parties->display = SPAN_NONE;
	explain_step(call->explain, "topology",
		     "profile %s: host in Request-URI %.*s, From %.*s, To %.*s; display names %s",
		     there->name,
		     SPAN_FMT(parties->ruri_host.len ? parties->ruri_host : SPAN("peer's")),
		     SPAN_FMT(parties->from_host.len ? parties->from_host : SPAN("limen's")),
		     SPAN_FMT(parties->to_host.len ? parties->to_host : SPAN("peer's")),
		     there->display_drop ? "dropped" : "kept");
}

/* ---- written ---- */

/* Whose identity was asserted to limen, where it may cross under another host. */
static bool asserted_party(const struct ruled_call *call, struct party *party,
			   struct span *display)
{
	struct sip_values values = sip_values(call->msg, SIP_HDR_P_ASSERTED_IDENTITY);
	struct sip_name_addr name;
	struct span value;

	while (sip_values_next(&values, &value)) {
		if (sip_name_addr_parse(value, &name) || party_from_uri(name.uri, party) ||
		    !party->len)
			continue;
		*display = name.display;
		return true;
	}
	return false;
}

static bool host_is_named(const struct conf_topology *topology)
{
	return topology && topology->identity.kind == CONF_HOST_NAMED;
}

bool call_identity_writes(const struct ruled_call *call, const struct conf_trunk_rules *from,
			  const struct conf_trunk_rules *to)
{
	return to->asserted >= CONF_ASSERTED_FROM || to->remote_party ||
	       to->privacy != CONF_PRIVACY_HONOUR || to->topology >= 0;
}

static struct span put_address(struct cursor *out, const struct conf_topology *there,
			       const struct ruled_call *call, const struct party *party,
			       struct span display, const char *params)
{
	uint32_t start = out->len;
	struct net_endpoint limen = *call->limen;

	limen.port = 0;
	if (!there || !there->display_drop)
		put_far_display(out, display);
	put_char(out, '<');
	put_party_at(out, party, host_is_named(there) ? span_str(there->identity.name) : SPAN_NONE,
		     &limen, NET_UDP);
	put_char(out, '>');
	put_span(out, span_str(params));
	return span_of(out->buf + start, out->len - start);
}

/* P-Asserted-Identity that limen writes; false where there is none of its own. */
static bool own_asserted(const struct conf *conf, const struct ruled_call *call,
			 struct party *party, struct span *display)
{
	const struct conf_trunk *to = &conf->trunks[call->to];

	*display = SPAN_NONE;
	switch (to->rules.asserted) {
	case CONF_ASSERTED_FROM:
		*party = call->parties->from;
		*display = call->parties->display;
		return party->len && !party->anonymous;
	case CONF_ASSERTED_NUMBER:
		*party = (struct party){.len = (uint8_t)strlen(to->rules.asserted_number)};
		memcpy(party->user, to->rules.asserted_number, party->len);
		return true;
	case CONF_ASSERTED_PASS:
		return host_is_named(topology_of(conf, call->to)) && to->trusted &&
		       conf->trunks[call->from].trusted && asserted_party(call, party, display);
	default:
		return false;
	}
}

static struct header_rule_text line(enum header_action action, struct span name, struct span value)
{
	return (struct header_rule_text){.direction = EDIT_TO_B,
					 .action = action,
					 .scope = HEADER_ON_INITIAL,
					 .name = name,
					 .value = value};
}

unsigned call_identity_collect(const struct conf *conf, const struct ruled_call *call,
			       struct header_rule_text texts[CALL_IDENTITY_LINES],
			       struct cursor *values)
{
	const struct conf_topology *there = topology_of(conf, call->to);
	const struct conf_trunk_rules *to = &conf->trunks[call->to].rules;
	struct span display;
	struct party party;
	unsigned n = 0;

	if (call->msg->method == SIP_METHOD_REGISTER)
		return 0;
	if (!call->anonymous && own_asserted(conf, call, &party, &display)) {
		texts[n] = line(HEADER_SET, SPAN("P-Asserted-Identity"),
				put_address(values, there, call, &party, display, ""));
		explain_step(call->explain, "identity", "P-Asserted-Identity: %.*s",
			     SPAN_FMT(texts[n].value));
		n++;
	}
	if (!call->anonymous && to->remote_party && call->parties->from.len) {
		texts[n] = line(HEADER_SET, SPAN("Remote-Party-ID"),
				put_address(values, there, call, &call->parties->from,
					    call->parties->display,
					    call->private ? ";party=calling;screen=yes;privacy=full"
							  : ";party=calling;screen=yes;"
							    "privacy=off"));
		explain_step(call->explain, "identity", "Remote-Party-ID: %.*s",
			     SPAN_FMT(texts[n].value));
		n++;
	}
	if (to->privacy == CONF_PRIVACY_NEVER)
		texts[n++] = line(HEADER_REMOVE, SPAN("Privacy"), SPAN_NONE);
	else if (to->privacy == CONF_PRIVACY_ALWAYS && conf->trunks[call->to].trusted)
		texts[n++] = line(HEADER_SET, SPAN("Privacy"), SPAN("id"));
	return n;
}
