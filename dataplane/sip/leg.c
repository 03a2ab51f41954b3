/* SPDX-License-Identifier: BSD-3-Clause */
/* Legs: what a dialog knows of its peer (RFC 3261 section 12), with its texts in one blob. One
 * worker thread; libc only. */
#include "dataplane/sip/core.h"

void leg_set_policy(struct sip_leg *leg, const struct ipc_side_policy *policy)
{
	leg->source_policy = policy->source_policy;
	leg->media_flags = policy->flags;
	leg->police_burst_ms = policy->police_burst_ms;
	leg->police_headroom_percent = policy->police_headroom_percent;
	leg->refer = policy->refer;
	leg->trunk = policy->trunk;
}

struct sip_leg *leg_get(const struct engine *e, uint64_t handle)
{
	return slab_get(e->legs, handle);
}

struct sip_leg *leg_new(struct engine *e, struct sip_call *call, uint8_t side)
{
	uint64_t handle;
	struct sip_leg *leg = slab_alloc(e->legs, &handle);

	if (leg == NULL)
		return NULL;
	leg->self = handle;
	leg->tag = handle;
	leg->call = call->self;
	leg->side = side;
	leg->session.due_ns = NEVER_NS;
	leg->session.ends_ns = NEVER_NS;
	leg->next = call->first_leg;
	call->first_leg = handle;
	return leg;
}

void leg_free(struct engine *e, struct sip_leg *leg)
{
	blob_free(&e->blobs, leg->texts);
	blob_free(&e->blobs, leg->offer);
	blob_free(&e->blobs, leg->description);
	keying_free(e, leg);
	session_free(e, leg);
	slab_free(e->legs, leg->self);
}

struct span leg_text(const struct engine *e, const struct sip_leg *leg, enum leg_text which)
{
	struct span all = blob_span(&e->blobs, leg->texts);
	struct sip_slice slice = leg->text[which];

	return all.ptr ? span_of(all.ptr + slice.off, slice.len) : SPAN_NONE;
}

bool leg_set_texts(struct engine *e, struct sip_leg *leg, const struct span texts[LEG_TEXTS])
{
	struct span all[LEG_TEXTS];
	struct sip_slice slices[LEG_TEXTS];
	size_t len = 0;
	uint64_t blob;
	char *bytes;

	for (unsigned i = 0; i < LEG_TEXTS; i++) {
		all[i] = texts[i].ptr ? texts[i] : leg_text(e, leg, i);
		len += all[i].len;
	}
	if (len > SIP_MSG_BYTES_MAX)
		return false;
	blob = blob_alloc(&e->blobs, (uint32_t)len, &bytes);
	if (blob == HANDLE_NONE)
		return false;
	len = 0;
	for (unsigned i = 0; i < LEG_TEXTS; i++) {
		if (all[i].len)
			memcpy(bytes + len, all[i].ptr, all[i].len);
		slices[i] = (struct sip_slice){(uint16_t)len, (uint16_t)all[i].len};
		len += all[i].len;
	}
	blob_free(&e->blobs, leg->texts);
	leg->texts = blob;
	memcpy(leg->text, slices, sizeof(slices));
	return true;
}

/* What of a URI can be a Request-URI: nothing where it is none, and no headers
 * (section 19.1.1). */
static struct span request_uri(struct span text)
{
	struct sip_uri uri;

	if (sip_uri_parse(text, &uri))
		return SPAN_NONE;
	if (uri.is_sip && uri.headers.ptr)
		text.len = (size_t)(uri.headers.ptr - text.ptr) - 1;
	return text;
}

struct sip_leg *leg_twin(struct engine *e, struct sip_call *call, const struct sip_leg *leg,
			 uint8_t side)
{
	struct sip_leg *twin = leg_new(e, call, side);
	struct span texts[LEG_TEXTS];

	if (twin == NULL)
		return NULL;
	for (unsigned i = 0; i < LEG_TEXTS; i++)
		texts[i] = leg_text(e, leg, i);
	twin->realm = leg->realm;
	twin->transport = leg->transport;
	twin->sips = leg->sips;
	twin->next_hop = leg->next_hop;
	twin->flow = leg->flow;
	twin->source_policy = leg->source_policy;
	twin->media_flags = leg->media_flags;
	twin->police_burst_ms = leg->police_burst_ms;
	twin->police_headroom_percent = leg->police_headroom_percent;
	twin->refer = leg->refer;
	twin->trunk = leg->trunk;
	twin->srtp = leg->srtp;
	memcpy(twin->srtp_suites, leg->srtp_suites, sizeof(twin->srtp_suites));
	return leg_set_texts(e, twin, texts) ? twin : NULL;
}

/* The URI of the first Contact, or nothing. */
static struct span contact_uri(const struct sip_msg *msg)
{
	struct sip_values it = sip_values(msg, SIP_HDR_CONTACT);
	struct sip_name_addr contact;
	struct span value;

	if (!sip_values_next(&it, &value) || sip_name_addr_parse(value, &contact) || contact.star)
		return SPAN_NONE;
	return request_uri(contact.uri);
}

#define ROUTES_MAX 32u

void leg_put_routes(struct cursor *out, const struct sip_msg *msg, bool reversed)
{
	struct span routes[ROUTES_MAX];
	unsigned n = 0;
	struct sip_values it = sip_values(msg, SIP_HDR_RECORD_ROUTE);

	while (n < ROUTES_MAX && sip_values_next(&it, &routes[n]))
		n++;
	for (unsigned i = 0; i < n; i++) {
		if (i)
			put_char(out, ',');
		put_span(out, routes[reversed ? n - 1 - i : i]);
	}
}

struct span leg_agent_of(const struct sip_msg *msg)
{
	struct span agent = sip_hdr_value(msg, msg->is_request ? SIP_HDR_USER_AGENT
							       : SIP_HDR_SERVER);

	if (!agent.len)
		agent = sip_hdr_value(msg, SIP_HDR_USER_AGENT);
	if (agent.len > RECORD_TEXT_MAX)
		agent.len = RECORD_TEXT_MAX;
	return agent;
}

bool leg_learn_request(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	char buf[4096], source[80];
	struct cursor routes = cursor_on(buf, sizeof(buf)), uri = cursor_on(source, sizeof(source));
	struct span texts[LEG_TEXTS] = {{NULL, 0}};

	leg_put_routes(&routes, msg, false);
	if (routes.full)
		return false;
	texts[LEG_CALL_ID] = sip_span(msg, msg->call_id);
	texts[LEG_REMOTE_TAG] = sip_span(msg, msg->from_tag);
	texts[LEG_TARGET] = contact_uri(msg);
	if (texts[LEG_TARGET].len == 0)
		/* RFC 2543 peers may leave Contact out. */
		texts[LEG_TARGET] = request_uri(sip_span(msg, msg->from_uri));
	if (texts[LEG_TARGET].len == 0) {
		put_lit(&uri, "sip:");
		put_endpoint(&uri, &e->source->peer);
		texts[LEG_TARGET] = cursor_span(&uri);
	}
	texts[LEG_ROUTES] = cursor_span(&routes);
	texts[LEG_AGENT] = leg_agent_of(msg);
	leg->remote_cseq = msg->cseq;
	leg->flags |= LEG_REMOTE_CSEQ;
	return leg_set_texts(e, leg, texts);
}

bool leg_learn_response(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	char buf[4096];
	struct cursor routes = cursor_on(buf, sizeof(buf));
	struct span texts[LEG_TEXTS] = {{NULL, 0}};

	leg_put_routes(&routes, msg, true);
	if (routes.full)
		return false;
	texts[LEG_REMOTE_TAG] = sip_span(msg, msg->to_tag);
	texts[LEG_TARGET] = contact_uri(msg);
	texts[LEG_ROUTES] = cursor_span(&routes);
	texts[LEG_AGENT] = leg_agent_of(msg);
	return leg_set_texts(e, leg, texts);
}

bool leg_refresh_target(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct span texts[LEG_TEXTS] = {{NULL, 0}};

	texts[LEG_TARGET] = contact_uri(msg);
	if (texts[LEG_TARGET].len == 0 || span_eq(texts[LEG_TARGET], leg_text(e, leg, LEG_TARGET)))
		return true;
	return leg_set_texts(e, leg, texts);
}

/* An address that a peer's text may make limen send to: unicast, somebody else's. */
static bool may_send_to(const struct engine *e, const struct net_endpoint *to)
{
	const uint8_t *ip = to->addr.ip;

	if (to->family == NET_IP4) {
		if (ip[0] == 0 || ip[0] == 127 || ip[0] >= 224)
			return false;
	} else {
		static const uint8_t loopback[16] = {[15] = 1};

		if (ip[0] == 0xff || memcmp(ip, loopback, 15) == 0)
			return false;
	}
	for (unsigned i = 0; i < e->nself; i++)
		if (e->self[i].family == to->family && net_addr_eq(&e->self[i].addr, &to->addr))
			return false;
	return true;
}

struct net_endpoint leg_next_hop(const struct engine *e, const struct sip_leg *leg)
{
	struct span routes = leg_text(e, leg, LEG_ROUTES), first,
		    uri_text = leg_text(e, leg, LEG_TARGET);
	struct sip_name_addr route;
	struct net_endpoint to;
	struct sip_uri uri;

	/* Behind NAT the peer's own idea of its address is worth nothing. */
	if (leg->source_policy == SOURCE_LEARN)
		return leg->next_hop;
	if (sip_list_next(&routes, &first) && sip_name_addr_parse(first, &route) == 0)
		uri_text = route.uri;
	if (sip_uri_parse(uri_text, &uri) || !uri.is_sip)
		return leg->next_hop;
	/* The host of a URI has brackets around IPv6, which net_endpoint_parse takes. A name cannot
	 * be looked up here. */
	if (net_endpoint_parse(uri.host, leg->transport == NET_TLS ? 5061 : 5060, &to) || to.family != leg->next_hop.family ||
	    !may_send_to(e, &to))
		return leg->next_hop;
	if (uri.port)
		to.port = uri.port;
	return to;
}
