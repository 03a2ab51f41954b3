/* SPDX-License-Identifier: BSD-3-Clause */
/* One REGISTER: what it asks for, whether limen answers it itself, and what the registrar's answer
 * makes of it (RFC 3261 section 10.3, RFC 5626). limen-controlplane, loop thread. */
#include "controlplane/registrar/priv.h"

#include "controlplane/registrar/token.h"

#define PENDING_S     64 /* longer than any transaction (timer F) and its report */
#define PENDING_MAX   65536u
#define EXPIRES_MAX_S (7 * 86400u)
#define EXPIRES_S     3600u /* of whoever does not say, as in RFC 3261 section 10.3 */
#define Q_DEFAULT     1000u
/* An answer of limen's own must not outlive what the registrar keeps. */
#define ABSORB_MARGIN_S 30u
#define SIP_PORT        5060

/* ---- what it asks for ---- */

/* One Contact value as it was read. */
struct asked {
	struct sip_name_addr addr;
	struct span uri; /* without headers */
	struct binding_id id;
	struct binding_id instance; /* keyed, where `has_instance` */
	bool has_instance;
	uint32_t reg_id;    /* 0: none */
	uint32_t expires_s;
	bool has_expires; /* its own, not the message's */
	bool has_q;
	uint16_t q, flags;
};

/* The user's own URI, as a Request-URI can have it (RFC 3261 section 19.1.1: no headers). */
static bool read_uri(struct asked *asked, struct sip_uri *uri)
{
	struct span *contact = &asked->uri;
	const char *headers;

	if (asked->addr.star || sip_uri_parse(asked->addr.uri, uri) || !uri->is_sip || uri->is_sips)
		return false;
	headers = memchr(asked->addr.uri.ptr, '?', asked->addr.uri.len);
	*contact = asked->addr.uri;
	if (headers)
		contact->len = (size_t)(headers - asked->addr.uri.ptr);
	for (size_t i = 0; i < contact->len; i++) {
		if ((uint8_t)contact->ptr[i] <= ' ' || contact->ptr[i] == 0x7f)
			return false;
	}
	return contact->len <= BINDING_CONTACT_MAX;
}

/* "0.7" as 700 (RFC 3261 section 25.1: qvalue). False for what is none. */
static bool read_q(struct span params, uint16_t *q)
{
	unsigned value, unit = 100;
	struct span text;

	*q = Q_DEFAULT;
	if (!sip_param_find(params, SPAN("q"), &text) || !text.len || text.len > 5 ||
	    (text.ptr[0] != '0' && text.ptr[0] != '1') || (text.len > 1 && text.ptr[1] != '.'))
		return false;
	value = (unsigned)(text.ptr[0] - '0') * 1000;
	for (size_t i = 2; i < text.len; i++, unit /= 10) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		value += (unsigned)(text.ptr[i] - '0') * unit;
	}
	if (value > 1000)
		return false;
	*q = (uint16_t)value;
	return true;
}

/* A value that cannot be read counts as none (section 10.3 step 6). */
static bool read_expires(struct span text, uint32_t *expires_s)
{
	uint64_t value;

	*expires_s = EXPIRES_S;
	if (!text.len || sip_number_parse(text, UINT32_MAX, &value))
		return false;
	*expires_s = value < EXPIRES_MAX_S ? (uint32_t)value : EXPIRES_MAX_S;
	return true;
}

/* Whether requests to that URI would get to where it registered from. */
static bool is_elsewhere(const struct sip_uri *uri, const struct net_endpoint *source)
{
	struct span host = uri->host;
	struct net_addr addr;
	uint8_t family;

	if (host.len > 2 && host.ptr[0] == '[')
		host = span_of(host.ptr + 1, host.len - 2);
	return net_addr_parse(host, &addr, &family) || family != source->family ||
	       !net_addr_eq(&addr, &source->addr) ||
	       (uri->port ? uri->port : SIP_PORT) != source->port;
}

/* Who registers, and by which of his flows (RFC 5626 section 4.1). A reg-id without an instance is
 * none (section 6). */
static void read_instance(const struct registrar *r, const struct registration *reg,
			  struct asked *asked)
{
	struct span instance, text;
	uint64_t reg_id;

	if (!sip_param_find(asked->addr.params, SPAN("+sip.instance"), &instance) || !instance.len)
		return;
	asked->has_instance = true;
	/* the registrar can tell a user's phones apart, but not whose else's they are */
	asked->instance = token_id(r->token_keys, reg->trunk, reg->user, instance);
	if (sip_param_find(asked->addr.params, SPAN("reg-id"), &text) &&
	    !sip_number_parse(text, INT32_MAX, &reg_id))
		asked->reg_id = (uint32_t)reg_id;
}

/* What tells a user's contacts apart: the URI, or where it names them (RFC 5626 section 6) instance
 * and flow, which stay the same when its URI does not. */
static struct span identity_of(struct asked *asked, char *buf, size_t cap)
{
	struct span instance, reg_id;
	struct cursor out = cursor_on(buf, (uint32_t)cap);

	if (!asked->reg_id || !sip_param_find(asked->addr.params, SPAN("+sip.instance"), &instance) ||
	    !sip_param_find(asked->addr.params, SPAN("reg-id"), &reg_id))
		return asked->uri;
	put_lit(&out, "flow ");
	put_span(&out, reg_id);
	put_char(&out, ' ');
	put_span(&out, instance);
	if (out.full)
		return asked->uri;
	asked->flags |= BINDING_FLOW;
	return cursor_span(&out);
}

static bool read_contact(const struct registrar *r, const struct registration *reg,
			 struct span value, struct asked *asked)
{
	char identity[512];
	struct sip_uri uri;
	struct span text;

	*asked = (struct asked){.expires_s = EXPIRES_S};
	if (sip_name_addr_parse(value, &asked->addr) || !read_uri(asked, &uri))
		return false;
	asked->has_expires = sip_param_find(asked->addr.params, SPAN("expires"), &text) &&
			     read_expires(text, &asked->expires_s);
	if (!asked->has_expires)
		(void)read_expires(sip_hdr_value(reg->msg, SIP_HDR_EXPIRES), &asked->expires_s);
	asked->has_q = read_q(asked->addr.params, &asked->q);
	if (is_elsewhere(&uri, reg->source))
		asked->flags |= BINDING_NAT;
	read_instance(r, reg, asked);
	asked->id = token_id(r->token_keys, reg->trunk, reg->user,
			     identity_of(asked, identity, sizeof(identity)));
	return true;
}

/* All of them, each once. */
struct asked_all {
	unsigned n;
	bool star;
	bool outbound; /* the user wants flows kept, */
	bool lacks_hop; /* but a proxy is nearer to it */
	bool gruu;
	struct asked contacts[REGISTER_CONTACTS_MAX];
};

static enum registrar_outcome read_contacts(const struct registrar *r,
					    const struct registration *reg, struct asked_all *all)
{
	struct sip_values it = sip_values(reg->msg, SIP_HDR_CONTACT);
	struct span value;

	all->n = 0;
	all->star = all->outbound = all->lacks_hop = all->gruu = false;
	while (sip_values_next(&it, &value)) {
		struct asked *asked = &all->contacts[all->n];

		if (!all->n && span_eq(span_trim(value), SPAN("*"))) {
			all->star = true;
			return REGISTRAR_STAR;
		}
		if (all->n == REGISTER_CONTACTS_MAX)
			return REGISTRAR_MANY;
		if (!read_contact(r, reg, value, asked))
			return REGISTRAR_CONTACT;
		for (unsigned i = 0; i < all->n; i++) {
			if (binding_id_eq(&all->contacts[i].id, &asked->id))
				return REGISTRAR_CONTACT;
		}
		all->n++;
	}
	return all->n ? REGISTRAR_TOKEN : REGISTRAR_QUERY;
}

static bool supports(const struct sip_msg *msg, struct span option)
{
	struct sip_values it = sip_values(msg, SIP_HDR_SUPPORTED);
	struct span value;

	while (sip_values_next(&it, &value)) {
		if (span_ieq(span_trim(value), option))
			return true;
	}
	return false;
}

/* Whether it came from the user itself: nobody else put in a Via. */
static bool is_first_hop(const struct sip_msg *msg)
{
	struct sip_values it = sip_values(msg, SIP_HDR_VIA);
	struct span value;
	unsigned n = 0;

	while (sip_values_next(&it, &value))
		n++;
	return n == 1;
}

/* RFC 5626 section 6. One whose contact goes asks for no flow. False: two flows at once. */
static bool read_options(const struct registration *reg, struct asked_all *all)
{
	unsigned flows = 0, kept = 0;

	for (unsigned i = 0; i < all->n; i++) {
		kept += all->contacts[i].expires_s != 0;
		flows += all->contacts[i].flags & BINDING_FLOW && all->contacts[i].expires_s;
		all->gruu |= all->contacts[i].has_instance;
	}
	all->gruu = all->gruu && supports(reg->msg, SPAN("gruu"));
	if (flows && kept > 1)
		return false;
	if (!flows || !reg->outbound || !supports(reg->msg, SPAN("outbound")))
		return true;
	all->outbound = is_first_hop(reg->msg);
	all->lacks_hop = !all->outbound;
	for (unsigned i = 0; i < all->n && all->outbound; i++) {
		if (all->contacts[i].flags & BINDING_FLOW)
			all->contacts[i].flags |= BINDING_OUTBOUND;
	}
	return true;
}

/* Section 10.3 step 7: too brief, and less than an hour. */
static bool is_too_brief(const struct registration *reg, const struct asked_all *all)
{
	for (unsigned i = 0; i < all->n; i++) {
		uint32_t expires_s = all->contacts[i].expires_s;

		if (expires_s && expires_s < reg->min_expires_s && expires_s < 3600)
			return true;
	}
	return false;
}

/* How long at most the user is told that it is registered; 0: as long as the registrar says. */
static uint32_t told_max(const struct registrar *r, const struct registration *reg,
			 const struct asked_all *all)
{
	uint32_t most = 0;

	for (unsigned i = 0; i < all->n; i++) {
		const struct asked *asked = &all->contacts[i];
		uint32_t limit = asked->flags & BINDING_NAT && reg->nat_expires_s
					 ? reg->nat_expires_s
					 : reg->expires_s;

		if (r->absorb && (!limit || asked->expires_s < limit))
			limit = asked->expires_s;
		if (limit && (!most || limit < most))
			most = limit;
	}
	return most;
}

static uint64_t call_id_hash(const struct registrar *r, const struct sip_msg *msg)
{
	/* the file keeps it: its keys are the file's too */
	return hash_sip(&r->token_keys[0], sip_span(msg, msg->call_id)) >> 1;
}

/* ---- whether limen answers it ---- */

/* A CSeq that went back under one Call-ID: a request that was overtaken (section 10.3 step 7). */
static bool is_overtaken(const struct registrar *r, const struct registration *reg,
			 const struct asked_all *all)
{
	uint64_t call_id = call_id_hash(r, reg->msg);
	struct binding b;
	uint32_t number;

	for (unsigned i = 0; i < all->n; i++) {
		if (bindings_find(r->bindings, &all->contacts[i].id, &number) &&
		    bindings_get(r->bindings, number, &b) && b.call_id == call_id &&
		    reg->msg->cseq < b.cseq)
			return true;
	}
	return false;
}

/* A refresh by who was authenticated for this very contact, from where that came, and which the
 * registrar need not hear of yet. */
static bool is_refresh(const struct registrar *r, const struct registration *reg,
		       const struct asked *asked, struct binding *b)
{
	uint32_t number;

	return asked->expires_s && bindings_find(r->bindings, &asked->id, &number) &&
	       bindings_get(r->bindings, number, b) && b->expires_s > registrar_now_s() &&
	       net_endpoint_eq(&b->source, reg->source) && b->flow == reg->flow &&
	       b->transport == reg->transport && span_eq(b->contact, asked->uri) &&
	       b->call_id == call_id_hash(r, reg->msg) && reg->msg->cseq >= b->cseq &&
	       b->q == asked->q && b->flags == asked->flags;
}

static struct refresh refresh_of(const struct registrar *r, const struct registration *reg,
				 const struct asked_all *all)
{
	struct refresh refresh = {.is = all->n != 0, .core_s = UINT64_MAX, .returns = UINT32_MAX,
				  .asked_s = UINT32_MAX};
	struct binding b;

	for (unsigned i = 0; i < all->n; i++) {
		if (all->contacts[i].expires_s < refresh.asked_s)
			refresh.asked_s = all->contacts[i].expires_s;
		if (!is_refresh(r, reg, &all->contacts[i], &b)) {
			refresh.is = false;
			continue;
		}
		if (b.core_s < refresh.core_s)
			refresh.core_s = b.core_s;
		if (b.returns < refresh.returns)
			refresh.returns = b.returns;
	}
	return refresh;
}

/* A registrar that was away may have forgotten what it had granted: it hears of all anew. */
static bool absorbs(const struct registrar *r, const struct refresh *refresh,
		    const struct core *core, uint32_t told_s)
{
	return r->absorb && told_s && refresh->is &&
	       (!core || refresh->returns >= core_returns(core)) &&
	       registrar_now_s() + told_s + ABSORB_MARGIN_S <= refresh->core_s;
}

static void put_clean(struct cursor *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		put_char(out, (uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f ? ' '
										 : text.ptr[i]);
}

/* A parameter as it was given; nothing where it was not. */
static void put_param_of(struct cursor *out, struct span params, struct span name)
{
	struct span value;

	if (!sip_param_find(params, name, &value) || !value.len)
		return;
	put_char(out, ';');
	put_span(out, name);
	put_char(out, '=');
	put_clean(out, value);
}

static void put_contact_line(struct cursor *out, const struct asked *asked, uint32_t expires_s)
{
	put_lit(out, "Contact: <");
	put_span(out, asked->addr.uri.len == asked->uri.len ? asked->addr.uri : asked->uri);
	put_char(out, '>');
	put_param_of(out, asked->addr.params, SPAN("+sip.instance"));
	put_param_of(out, asked->addr.params, SPAN("reg-id"));
	put_param_of(out, asked->addr.params, SPAN("q"));
	put_lit(out, ";expires=");
	put_u64(out, expires_s);
	put_lit(out, "\r\n");
}

static bool is_among(const struct asked_all *all, const struct binding_id *id)
{
	for (unsigned i = 0; i < all->n; i++) {
		if (binding_id_eq(&all->contacts[i].id, id))
			return true;
	}
	return false;
}

/* What else the user has registered: an answer tells all (section 10.3 step 8). */
static void put_others(const struct registrar *r, const struct registration *reg,
		       const struct asked_all *all, struct cursor *out)
{
	uint64_t now = registrar_now_s();
	uint32_t at = 0, number;
	struct binding b;

	for (unsigned n = 0;
	     n < REGISTER_CONTACTS_MAX && bindings_of_user(r->bindings, reg->trunk, reg->user, &at,
							    &number);) {
		uint32_t before = out->len;

		if (!bindings_get(r->bindings, number, &b) || b.expires_s <= now ||
		    is_among(all, &b.id))
			continue;
		put_lit(out, "Contact: <");
		put_span(out, b.contact);
		put_lit(out, ">;expires=");
		put_u64(out, b.expires_s - now);
		put_lit(out, "\r\n");
		if (out->full) {
			out->len = before;
			out->full = false;
			return;
		}
		n++;
	}
}

/* RFC 5626 section 6: that its flow is used; and how often it is to be heard of (section 5.4). */
static void put_outbound(const struct registrar *r, struct cursor *out)
{
	put_lit(out, "Require: outbound\r\n");
	if (!r->flow_timer_s)
		return;
	put_lit(out, "Flow-Timer: ");
	put_u64(out, r->flow_timer_s);
	put_lit(out, "\r\n");
}

static void absorb(struct registrar *r, const struct registration *reg,
		   const struct asked_all *all, struct registering *to, bool kept)
{
	struct cursor out = cursor_on(to->headers, sizeof(to->headers));
	uint64_t now = registrar_now_s();
	uint32_t number;

	for (unsigned i = 0; i < all->n; i++) {
		put_contact_line(&out, &all->contacts[i], to->told_max_s);
		if (reg->rehearsal || !bindings_find(r->bindings, &all->contacts[i].id, &number) ||
		    bindings_prolong(r->bindings, number, now + to->told_max_s, reg->msg->cseq,
				     kept))
			continue;
		if (r->store && dirty_put(&r->dirty, number))
			r->stats.failures++;
	}
	if (all->outbound)
		put_outbound(r, &out);
	put_others(r, reg, all, &out);
	to->headers_len = out.full ? 0 : out.len;
	if (reg->rehearsal)
		return;
	r->stats.absorbed += !kept;
	r->stats.kept += kept;
	registrar_flush(r);
	registrar_arm(r);
}

/* ---- on its way to the registrar ---- */

static bool has_room(const struct registrar *r, const struct asked_all *all)
{
	unsigned fresh = 0;
	uint32_t number;

	for (unsigned i = 0; i < all->n; i++)
		fresh += all->contacts[i].expires_s &&
			 !bindings_find(r->bindings, &all->contacts[i].id, &number);
	return pendings_count(r->pendings) < PENDING_MAX &&
	       (!fresh || bindings_count(r->bindings) + fresh <= r->bindings_max);
}

static int remember(struct registrar *r, const struct registration *reg,
		    const struct asked_all *all, uint32_t told_max_s, struct core *core)
{
	struct pending pending = {
		.id = reg->id,
		.core = core,
		.star = all->star,
		.n = (uint8_t)all->n,
		.told_max_s = told_max_s,
		.cseq = reg->msg->cseq,
		.call_id = call_id_hash(r, reg->msg),
		.source = *reg->source,
		.flow = reg->flow,
		.transport = reg->transport,
		.trunk = reg->trunk,
		.user = reg->user,
	};

	for (unsigned i = 0; i < all->n; i++)
		pending.contacts[i] = (struct pending_contact){
			.id = all->contacts[i].id,
			.uri = all->contacts[i].uri,
			.instance = all->contacts[i].instance.words[0] >> 1,
			.reg_id = all->contacts[i].reg_id,
			.q = all->contacts[i].q,
			.flags = all->contacts[i].flags,
		};
	if (core)
		outage_bridge(r, &pending, PENDING_S);
	return pendings_add(r->pendings, &pending, registrar_now_s() + PENDING_S);
}

/* 128 bits as the name of a phone: a UUID of version 8 (RFC 9562 section 5.8). */
static void write_instance(const struct binding_id *id, char urn[REGISTRAR_INSTANCE_CHARS])
{
	static const char hex[] = "0123456789abcdef";
	struct cursor out = cursor_on(urn, REGISTRAR_INSTANCE_CHARS);

	put_lit(&out, "urn:uuid:");
	for (unsigned i = 0; i < 32; i++) {
		unsigned digit = (unsigned)(id->words[i / 16] >> 4 * (i % 16)) & 15;

		if (i == 8 || i == 12 || i == 16 || i == 20)
			put_char(&out, '-');
		put_char(&out, hex[i == 12 ? 8 : i == 16 ? 8 | (digit & 3) : digit]);
	}
}

static void tell_tokens(const struct registrar *r, const struct asked_all *all,
			struct registering *to)
{
	for (unsigned i = 0; i < all->n; i++) {
		const struct asked *asked = &all->contacts[i];
		struct registering_contact *contact = &to->contacts[i];

		*contact = (struct registering_contact){.expires_s = asked->expires_s,
							.has_expires = asked->has_expires,
							.has_q = asked->has_q,
							.q = asked->q};
		token_write(&asked->id, asked->flags & BINDING_OUTBOUND, contact->token);
		contact->outbound = asked->flags & BINDING_OUTBOUND;
		contact->reg_id = asked->reg_id;
		contact->has_instance = asked->has_instance;
		if (asked->has_instance)
			write_instance(&asked->instance, contact->instance);
		if (!r->absorb || !asked->expires_s)
			continue;
		/* asked for longer than the user wants to know */
		contact->has_expires = true;
		if (contact->expires_s < r->core_expires_s)
			contact->expires_s = r->core_expires_s;
	}
	to->n = all->n;
}

enum registrar_outcome registrar_begin(struct registrar *r, const struct registration *reg,
				       struct registering *to)
{
	struct asked_all all;
	enum registrar_outcome outcome = read_contacts(r, reg, &all);
	struct core *core = NULL;
	struct refresh refresh;
	struct cursor others = cursor_on(to->headers, sizeof(to->headers));

	to->n = 0;
	to->headers_len = 0;
	to->told_max_s = to->retry_after_s = 0;
	to->gruu = false;
	if (outcome == REGISTRAR_CONTACT || outcome == REGISTRAR_MANY)
		return outcome;
	if (!read_options(reg, &all))
		return REGISTRAR_CONTACT;
	if (all.lacks_hop)
		return REGISTRAR_HOP;
	to->gruu = all.gruu;
	if (is_too_brief(reg, &all))
		return REGISTRAR_BRIEF;
	if (is_overtaken(r, reg, &all))
		return REGISTRAR_OVERTAKEN;
	to->told_max_s = told_max(r, reg, &all);
	refresh = refresh_of(r, reg, &all);
	if (reg->core_per_s && !(core = cores_get(r->cores, reg->core)))
		return REGISTRAR_FULL;
	if (absorbs(r, &refresh, core, to->told_max_s)) {
		absorb(r, reg, &all, to, false);
		return REGISTRAR_ABSORBED;
	}
	if (all.outbound)
		put_outbound(r, &others);
	if (outcome != REGISTRAR_STAR)
		put_others(r, reg, &all, &others);
	to->headers_len = others.len;
	if (outcome != REGISTRAR_QUERY && !has_room(r, &all)) {
		r->stats.full += !reg->rehearsal;
		return REGISTRAR_FULL;
	}
	if (core && !outage_takes(r, reg, core, &refresh)) {
		if (!outage_keeps(r, reg, core, &refresh, to))
			return REGISTRAR_BUSY;
		absorb(r, reg, &all, to, true);
		return REGISTRAR_KEPT;
	}
	if (outcome == REGISTRAR_QUERY)
		return outcome;
	if (!reg->rehearsal && remember(r, reg, &all, to->told_max_s, core)) {
		r->stats.full += !reg->rehearsal;
		return REGISTRAR_FULL;
	}
	if (!reg->rehearsal) {
		r->stats.begun++;
		registrar_arm(r);
	}
	tell_tokens(r, &all, to);
	return outcome;
}

static void put_q(struct cursor *out, uint16_t q)
{
	put_lit(out, ";q=");
	put_char(out, (char)('0' + q / 1000));
	if (q % 1000 == 0)
		return;
	put_char(out, '.');
	for (unsigned unit = 100, rest = q % 1000; rest; rest %= unit, unit /= 10)
		put_char(out, (char)('0' + rest / unit));
}

static void put_token_uri(struct cursor *out, const struct registering_contact *contact,
			  const struct net_endpoint *limen)
{
	put_lit(out, "<sip:");
	put_bytes(out, contact->token, REGISTRAR_TOKEN_CHARS);
	put_char(out, '@');
	put_addr_sip(out, limen->family, &limen->addr);
	put_char(out, ':');
	put_u64(out, limen->port);
}

void put_registrar_path(struct cursor *out, const struct registering *registering,
			const struct net_endpoint *limen)
{
	if (!registering->n)
		return;
	put_token_uri(out, &registering->contacts[0], limen);
	put_span(out, registering->contacts[0].outbound ? SPAN(";lr;ob>") : SPAN(";lr>"));
}

void put_registrar_contact(struct cursor *out, const struct registering *registering,
			   const struct net_endpoint *limen, bool flows)
{
	for (unsigned i = 0; i < registering->n; i++) {
		const struct registering_contact *contact = &registering->contacts[i];
		bool flow = flows && contact->outbound;

		if (i)
			put_lit(out, ", ");
		put_token_uri(out, contact, limen);
		put_char(out, '>');
		if (contact->has_instance && (flow || registering->gruu)) {
			put_lit(out, ";+sip.instance=\"<");
			put_bytes(out, contact->instance, REGISTRAR_INSTANCE_CHARS);
			put_lit(out, ">\"");
		}
		if (flow) {
			put_lit(out, ";reg-id=");
			put_u64(out, contact->reg_id);
		}
		if (contact->has_expires) {
			put_lit(out, ";expires=");
			put_u64(out, contact->expires_s);
		}
		if (contact->has_q)
			put_q(out, contact->q);
	}
}

/* ---- its answer ---- */

/* For how long the registrar keeps a token; 0: it does not. */
static uint32_t granted_s(const struct sip_msg *answer, const struct binding_id *id, bool *gruu)
{
	struct sip_values contacts = sip_values(answer, SIP_HDR_CONTACT);
	struct span value, text;
	uint32_t expires_s;

	while (sip_values_next(&contacts, &value)) {
		struct sip_name_addr addr;
		struct sip_uri uri;
		struct binding_id of;

		if (sip_name_addr_parse(value, &addr) || sip_uri_parse(addr.uri, &uri) ||
		    !token_read(uri.user, &of) || !binding_id_eq(&of, id))
			continue;
		*gruu = sip_param_find(addr.params, SPAN("pub-gruu"), &text);
		if (!sip_param_find(addr.params, SPAN("expires"), &text))
			text = sip_hdr_value(answer, SIP_HDR_EXPIRES);
		(void)read_expires(text, &expires_s);
		return expires_s;
	}
	return 0;
}

static void remove_all(struct registrar *r, const struct pending *of)
{
	uint32_t at = 0, number;

	while (bindings_of_user(r->bindings, of->trunk, of->user, &at, &number)) {
		registrar_drop(r, number);
		r->stats.removed++;
	}
}

static void take_contact(struct registrar *r, const struct pending *pending,
			 const struct pending_contact *contact, uint32_t granted, bool gruu)
{
	uint64_t now = registrar_now_s();
	uint32_t number, told = granted;
	bool known = bindings_find(r->bindings, &contact->id, &number);
	struct binding binding = {
		.id = contact->id,
		.source = pending->source,
		.trunk = pending->trunk,
		.user = pending->user,
		.contact = contact->uri,
		.since_s = now,
		.core_s = now + granted,
		.call_id = pending->call_id,
		.cseq = pending->cseq,
		.reg_id = contact->reg_id,
		.instance = contact->instance,
		.flow = pending->flow,
		.transport = pending->transport,
		.q = contact->q,
		.flags = (uint16_t)(contact->flags | (gruu ? BINDING_GRUU : 0)),
		.returns = pending->core ? core_returns(pending->core) : 0,
	};

	if (!granted && known) {
		registrar_drop(r, number);
		r->stats.removed++;
	}
	if (!granted)
		return;
	if (pending->told_max_s && pending->told_max_s < told)
		told = pending->told_max_s;
	binding.expires_s = now + told;
	if (bindings_put(r->bindings, &binding, &number)) {
		r->stats.full++;
		return;
	}
	r->stats.refreshed += known;
	r->stats.made += !known;
	if (r->bound)
		r->bound(r->bound_arg, &binding);
	if (r->store && dirty_put(&r->dirty, number))
		r->stats.failures++;
}

void registrar_end(struct registrar *r, const struct registration_id *id, uint16_t status,
		   const struct sip_msg *answer)
{
	struct pending pending;

	if (!pendings_find(r->pendings, id, &pending)) {
		r->stats.unknown++;
		return;
	}
	if (pending.core)
		outage_answered(r, &pending, status, answer);
	if (status / 100 != 2 || !answer)
		r->stats.failed++; /* what is bound stays bound until its time is up */
	else if (pending.star)
		remove_all(r, &pending);
	for (unsigned i = 0; status / 100 == 2 && answer && i < pending.n; i++) {
		bool gruu = false;
		uint32_t granted = granted_s(answer, &pending.contacts[i].id, &gruu);

		take_contact(r, &pending, &pending.contacts[i], granted, gruu);
	}
	pendings_remove(r->pendings, id);
	registrar_flush(r);
	registrar_arm(r);
}
