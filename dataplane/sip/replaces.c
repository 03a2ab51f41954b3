/* SPDX-License-Identifier: BSD-3-Clause */
/* Replaces (RFC 3891) across limen. To the outside a leg is named by identifiers of that leg alone:
 * an INVITE that names one goes on with the name that the leg's far side knows. The two calls may
 * be two workers': the question goes to the owner of the dialog named, its answer comes back. One
 * worker thread; libc only. */
#include "dataplane/sip/core.h"
#include "dataplane/sip/owner_msg.h"

#define FIND_AGAIN_MS 500u /* a question or answer that was lost between workers */

/* ---- names of a leg ---- */

/* What stands in the from-tag of a leg's hidden name: it is good for this leg of that realm, in the
 * realm it was told in, and nobody else could have written it. */
static uint64_t hidden_hash(const struct engine *e, uint64_t tag, uint8_t realm, uint8_t told_in,
			    struct span hidden_call_id, struct span call_id, struct span peer_tag)
{
	struct hash_sip h = hash_sip_start(&e->keys.mac);
	uint64_t words[3] = {tag, (uint64_t)realm << 8 | told_in, hidden_call_id.len};
	uint32_t len = (uint32_t)call_id.len;

	hash_sip_add(&h, words, sizeof(words));
	hash_sip_add(&h, hidden_call_id.ptr, hidden_call_id.len);
	hash_sip_add(&h, &len, sizeof(len));
	hash_sip_add(&h, call_id.ptr, call_id.len);
	/* Tags compare without case (RFC 3261 section 7.3.1). */
	for (size_t i = 0; i < peer_tag.len; i++) {
		char c = peer_tag.ptr[i];

		c = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
		hash_sip_add(&h, &c, 1);
	}
	return hash_sip_end(&h);
}

bool replaces_is_ours(const struct engine *e, const struct sip_replaces *name, uint64_t *leg_tag)
{
	struct cookie_keys keys = e->keys;

	keys.worker = sip_owner(name->call_id, e->conf.nworkers);
	return cookie_read(&keys, COOKIE_LEG, name->to_tag, leg_tag) == COOKIE_GOOD;
}

bool replaces_hide(struct engine *e, const struct sip_replaces *name, uint8_t realm,
		   uint8_t told_in, struct cursor *out)
{
	unsigned owner = sip_owner(name->call_id, e->conf.nworkers);
	struct sip_replaces hidden = *name;
	char id_buf[COOKIE_CHARS], tag_buf[COOKIE_CHARS];
	struct cursor id = cursor_on(id_buf, sizeof(id_buf)),
		      tag = cursor_on(tag_buf, sizeof(tag_buf));
	uint64_t leg_tag;

	if (!replaces_is_ours(e, name, &leg_tag))
		return false;
	do {
		id.len = 0;
		cookie_put_random(&id, engine_random(e), engine_random(e));
		hidden.call_id = cursor_span(&id);
	} while (sip_owner(hidden.call_id, e->conf.nworkers) != owner);
	cookie_put(&tag, &e->keys, COOKIE_REPLACES,
		   hidden_hash(e, leg_tag, realm, told_in, hidden.call_id, name->call_id,
			       name->from_tag));
	hidden.from_tag = cursor_span(&tag);
	sip_replaces_put(out, &hidden);
	return true;
}

/* A missing tag of an RFC 2543 peer is written as "0" (RFC 3891 section 6.1). */
static bool tag_fits(struct span tag, struct span named)
{
	return span_ieq(tag, named) || (tag.len == 0 && span_eq(named, SPAN("0")));
}

/* Whether the name is this leg's, plain or hidden. */
static bool name_fits(const struct engine *e, const struct sip_leg *leg, uint8_t realm,
		      const struct sip_replaces *name)
{
	struct span call_id = leg_text(e, leg, LEG_CALL_ID),
		    peer_tag = leg_text(e, leg, LEG_REMOTE_TAG);
	uint64_t hash;

	if (leg->realm == realm && span_eq(call_id, name->call_id) &&
	    tag_fits(peer_tag, name->from_tag))
		return true;
	return cookie_read(&e->keys, COOKIE_REPLACES, name->from_tag, &hash) == COOKIE_GOOD &&
	       hash == hidden_hash(e, leg->tag, leg->realm, realm, name->call_id, call_id,
				   peer_tag);
}

/* The leg of this worker's that is named; NULL when there is none. Forks share limen's tag. */
static struct sip_leg *find_named(const struct engine *e, uint8_t realm,
				  const struct sip_replaces *name)
{
	struct sip_call *call;
	struct sip_leg *leg;
	uint64_t tag;

	if (cookie_read(&e->keys, COOKIE_LEG, name->to_tag, &tag) != COOKIE_GOOD)
		return NULL;
	leg = leg_get(e, tag);
	call = leg ? call_get(e, leg->call) : NULL;
	if (call == NULL || !(call->flags & CALL_DIALOG))
		return NULL;
	for (uint64_t at = call->first_leg; (leg = leg_get(e, at)) != NULL; at = leg->next) {
		if (leg->tag == tag && name_fits(e, leg, realm, name))
			return leg;
	}
	return NULL;
}

/* ---- the owner of the dialog that is named ---- */

/* 0, or why the leg may not be replaced (RFC 3891 section 3). */
static uint16_t may_replace(const struct sip_leg *leg, const struct sip_leg *peer, bool early_only)
{
	if (leg == NULL || peer == NULL)
		return 481;
	if (leg->state == LEG_CONFIRMED && peer->state == LEG_CONFIRMED)
		return early_only ? 486 : 0;
	/* An early dialog only where limen asked for it. */
	return leg->state == LEG_EARLY && peer->state == LEG_EARLY && leg->side == SIDE_B ? 0 : 481;
}

static void on_find(struct engine *e, const struct owner_msg *ask,
		    const struct sip_replaces *name)
{
	struct sip_leg *leg = find_named(e, ask->realm, name),
		       *peer = leg ? leg_get(e, leg->peer) : NULL;
	struct owner_msg head = {
		.kind = OWNER_FOUND,
		.status = may_replace(leg, peer, name->early_only),
		.worker = (uint8_t)e->conf.worker,
		.call = ask->call,
	};
	struct sip_replaces found = SIP_REPLACES_NONE;
	char buf[COOKIE_CHARS];
	struct cursor tag = cursor_on(buf, sizeof(buf)), *out = out_start(e);

	if (head.status == 0) {
		cookie_put(&tag, &e->keys, COOKIE_LEG, peer->tag);
		found.call_id = leg_text(e, peer, LEG_CALL_ID);
		found.to_tag = leg_text(e, peer, LEG_REMOTE_TAG);
		found.from_tag = cursor_span(&tag);
		found.early_only = name->early_only;
		head.realm = peer->realm;
		head.trunk = peer->trunk;
		if (found.to_tag.len == 0)
			found.to_tag = SPAN("0");
	}
	/* A Call-ID that would end at its own semicolon cannot be written there. */
	if ((found.call_id.len && memchr(found.call_id.ptr, ';', found.call_id.len)) ||
	    !owner_msg_put(out, &head, &found)) {
		head.status = 481;
		head.realm = 0;
		head.trunk = 0;
		found = SIP_REPLACES_NONE;
		out = out_start(e);
		owner_msg_put(out, &head, &found);
	}
	out_owner(e, ask->worker, out_finish(e));
}

/* ---- the call that asks ---- */

/* The Replaces of a request: 0 and *has, or -EINVAL where RFC 3891 section 3 refuses it. */
static int read_replaces(const struct sip_msg *msg, bool *has, struct sip_replaces *name)
{
	uint16_t at = msg->first[SIP_HDR_REPLACES];

	*has = at != SIP_HDR_NONE;
	if (!*has)
		return 0;
	if (msg->method != SIP_METHOD_INVITE || msg->hdrs[at].next != SIP_HDR_NONE ||
	    msg->first[SIP_HDR_JOIN] != SIP_HDR_NONE)
		return -1;
	return sip_replaces_parse(sip_hdr_value(msg, SIP_HDR_REPLACES), name);
}

uint16_t replaces_refuses(const struct sip_msg *msg)
{
	struct sip_replaces name = SIP_REPLACES_NONE;
	bool has;

	if (read_replaces(msg, &has, &name))
		return 400;
	/* No question can tell a name so long: it is nobody's. */
	return name.call_id.len + name.to_tag.len + name.from_tag.len > OWNER_TEXTS_MAX ? 481 : 0;
}

void replaces_ask(struct engine *e, struct sip_call *call, const struct sip_msg *msg)
{
	const struct sip_leg *leg = call_asker(e, call);
	struct owner_msg head = {
		.kind = OWNER_FIND, .worker = (uint8_t)e->conf.worker, .call = call->self};
	struct sip_replaces name;
	struct cursor *out;
	bool has;

	if (leg == NULL || read_replaces(msg, &has, &name) || !has)
		return;
	call->flags |= CALL_FINDING;
	head.realm = leg->realm;
	out = out_start(e);
	owner_msg_put(out, &head, &name);
	out_owner(e, sip_owner(name.call_id, e->conf.nworkers), out_finish(e));
}

void replaces_ask_again(struct engine *e, struct sip_call *call)
{
	struct span request = blob_span(&e->blobs, call->request);

	if ((call->flags & CALL_FINDING) &&
	    sip_parse(&e->again, request.ptr, request.len, SIP_DATAGRAM) == SIP_PARSE_OK)
		replaces_ask(e, call, &e->again);
}

uint64_t replaces_deadline(const struct engine *e, const struct sip_call *call)
{
	uint64_t again = e->now_ns + FIND_AGAIN_MS * NS_PER_MS;

	return (call->flags & CALL_FINDING) && again < call->ask_until_ns ? again
									  : call->ask_until_ns;
}

/* The line that the request to the target carries. */
static uint64_t keep_line(struct engine *e, const struct sip_replaces *found)
{
	char buf[OWNER_TEXTS_MAX + 64];
	struct cursor line = cursor_on(buf, sizeof(buf));

	put_lit(&line, "Replaces: ");
	sip_replaces_put(&line, found);
	put_lit(&line, "\r\n");
	return line.full ? HANDLE_NONE : blob_copy(&e->blobs, cursor_span(&line));
}

static void on_found(struct engine *e, const struct owner_msg *answer,
		     const struct sip_replaces *found)
{
	struct sip_call *call = call_get(e, answer->call);

	if (call == NULL || call->state != CALL_ASKING || !(call->flags & CALL_FINDING))
		return; /* it gave up meanwhile, or was told before */
	call->flags &= (uint16_t)~CALL_FINDING;
	if (answer->status) {
		b2bua_stop_asking(e, call, answer->status);
		return;
	}
	call->replaces = keep_line(e, found);
	call->replaces_realm = answer->realm;
	call->replaces_trunk = answer->trunk;
	if (call->replaces == HANDLE_NONE)
		b2bua_stop_asking(e, call, 503);
	else if (!call_awaits_verdict(call))
		b2bua_try_next(e, call, 500, IPC_BY_LIMEN);
	else
		call_set_timer(e, call, call->ask_until_ns);
}

/* ---- messages between owners ---- */

void owner_take(struct engine *e, struct span bytes)
{
	struct sip_replaces texts;
	struct owner_msg head;

	if (!owner_msg_read(bytes, e->conf.nworkers, &head, &texts)) {
		e->stats.owner_bad++;
		return;
	}
	e->stats.owner_taken++;
	if (head.kind == OWNER_FIND)
		on_find(e, &head, &texts);
	else
		on_found(e, &head, &texts);
}
