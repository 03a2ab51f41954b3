/* SPDX-License-Identifier: BSD-3-Clause */
/* Screening in the engine: what is refused for who sends it, and what is noted of who sends it. One
 * worker thread; libc only. */
#include "dataplane/sip/core.h"

enum guard_fate engine_screen(struct engine *e, uint64_t now_ns, uint8_t realm,
			      const struct net_endpoint *peer)
{
	return guard_packet(&e->guard, now_ns, realm, peer);
}

/* ---- the table ---- */

void screen_frame(struct engine *e, uint16_t type, const void *frame)
{
	switch (type) {
	case IPC_SCREEN:
		guard_screen(&e->guard, frame);
		limits_tell(e);
		break;
	case IPC_SCREEN_TRUNKS:
		if (guard_telling(&e->guard, ((const struct ipc_trunks *)frame)->generation))
			e->guard.told_trunks += limits_trunks(e, frame);
		break;
	case IPC_SCREEN_SOURCES:
		guard_sources(&e->guard, frame);
		break;
	case IPC_SCREEN_END:
		if (guard_screen_end(&e->guard, frame))
			limits_switch(e);
		break;
	case IPC_SOURCE_SET:
		guard_set(&e->guard, frame, e->now_ns);
		break;
	default:
		break;
	}
}

void screen_list(struct engine *e, const struct ipc_list_ask *ask)
{
	const struct prefixes *set = &e->guard.dynamic;
	uint32_t now_s = (uint32_t)(e->now_ns / NS_PER_S);
	struct ipc_list_end end = {.list_id = ask->list_id};
	uint64_t at = ask->cursor;
	struct cursor *out;

	for (; at <= set->mask && end.rows < ask->max && out_has_room(e); at++) {
		const struct prefix_entry *entry = &set->slots[at];
		const struct ipc_source_row row = {
			.list_id = ask->list_id,
			.seconds = entry->until_s - now_s,
			.source = entry->source,
		};

		if (entry->source.family == NET_NONE || entry->until_s <= now_s)
			continue;
		out = out_start(e);
		put_bytes(out, &row, sizeof(row));
		out_report(e, IPC_SOURCE_ROW, out_finish(e));
		end.rows++;
	}
	end.cursor = at <= set->mask ? at : 0;
	out = out_start(e);
	put_bytes(out, &end, sizeof(end));
	out_report(e, IPC_LIST_END, out_finish(e));
}

/* ---- what sources do ---- */

static void note(struct engine *e, uint8_t realm, const struct net_endpoint *peer,
		 enum ipc_deed deed, uint64_t user, bool proven)
{
	struct ipc_suspect suspect;
	struct cursor *out;

	if (!guard_deed(&e->guard, e->now_ns, realm, peer, deed, user, proven, &suspect))
		return;
	out = out_start(e);
	put_bytes(out, &suspect, sizeof(suspect));
	out_report(e, IPC_SUSPECT, out_finish(e));
}

void screen_note(struct engine *e, enum ipc_deed deed)
{
	note(e, e->source->realm, &e->source->peer, deed, 0, false);
}

/* The nonce in a challenge or in the answer to one, as a hash; 0: there is none. */
static uint32_t nonce_in(struct span text)
{
	struct span nonce = SPAN_NONE;

	for (size_t i = 0; i + 6 < text.len; i++) {
		if (strncasecmp(text.ptr + i, "nonce=", 6) != 0 ||
		    (i && text.ptr[i - 1] != ' ' && text.ptr[i - 1] != ','))
			continue;
		nonce = span_of(text.ptr + i + 6, text.len - i - 6);
		break;
	}
	if (nonce.len == 0)
		return 0;
	if (nonce.ptr[0] == '"')
		nonce = span_of(nonce.ptr + 1, nonce.len - 1);
	for (size_t i = 0; i < nonce.len; i++)
		if (memchr("\", \t\r\n", nonce.ptr[i], 6)) {
			nonce.len = i;
			break;
		}
	return (uint32_t)hash_fast(1, nonce) | 1;
}

static bool is_stale(struct span text)
{
	for (size_t i = 0; i + 10 <= text.len; i++)
		if (strncasecmp(text.ptr + i, "stale=true", 10) == 0)
			return true;
	return false;
}

/* The request came with an answer to a challenge; *nonce is that of the challenge. */
static bool had_credentials(struct engine *e, const struct sip_call *call, uint32_t *nonce)
{
	struct span request = blob_span(&e->blobs, call->request);

	*nonce = 0;
	if (request.len == 0 ||
	    sip_parse(&e->again, request.ptr, request.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return false;
	if (e->again.first[SIP_HDR_AUTHORIZATION] != SIP_HDR_NONE)
		*nonce = nonce_in(sip_hdr_value(&e->again, SIP_HDR_AUTHORIZATION));
	else if (e->again.first[SIP_HDR_PROXY_AUTHORIZATION] != SIP_HDR_NONE)
		*nonce = nonce_in(sip_hdr_value(&e->again, SIP_HDR_PROXY_AUTHORIZATION));
	else
		return false;
	return true;
}

struct span screen_challenge(const struct sip_msg *msg)
{
	return sip_hdr_value(msg, msg->first[SIP_HDR_WWW_AUTHENTICATE] != SIP_HDR_NONE
					  ? SIP_HDR_WWW_AUTHENTICATE
					  : SIP_HDR_PROXY_AUTHENTICATE);
}

void screen_refused(struct engine *e, const struct sip_call *call, uint16_t status,
		    struct span challenge)
{
	const struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);
	bool challenged = status == 401 || status == 407, proven;
	uint32_t nonce;

	if (a == NULL || (call->flags & CALL_OWN_INVITE) || !e->guard.has_table ||
	    !guard_counts(&e->guard, guard_source(&e->guard, e->now_ns, a->realm, &a->next_hop)))
		return;
	if ((challenged || status == 403) && had_credentials(e, call, &nonce)) {
		/* what answers an old challenge has not failed */
		proven = guard_was_challenged(&e->guard, e->now_ns, a->realm, &a->next_hop, nonce);
		if (!challenged || !is_stale(challenge))
			note(e, a->realm, &a->next_hop, IPC_DEED_AUTH, 0, proven);
	} else if (status == 403 || status == 404 || status == 405 || status == 484 ||
		   status == 604) {
		note(e, a->realm, &a->next_hop, IPC_DEED_REFUSED,
		     hash_fast(2, leg_text(e, a, LEG_LOCAL)), false);
	}
	nonce = challenged ? nonce_in(challenge) : 0;
	if (nonce)
		guard_challenged(&e->guard, e->now_ns, a->realm, &a->next_hop, nonce);
}

/* ---- requests that begin something ---- */

bool screen_is_emergency(struct engine *e, const struct sip_msg *msg)
{
	return overload_is_emergency(e, msg) &&
	       (e->guard.screen.emergency_unknown ||
		guard_source(&e->guard, e->now_ns, e->source->realm, &e->source->peer)->class !=
			IPC_CLASS_UNKNOWN);
}

static void refuse(struct engine *e, const struct sip_msg *msg)
{
	char buf[48];
	struct cursor line = cursor_on(buf, sizeof(buf));

	build_stateless(e, msg, 503, limits_retry(e, &line), NULL);
}

bool screen_drops(struct engine *e, const struct sip_msg *msg, bool emergency)
{
	const struct guard_source *source =
		guard_source(&e->guard, e->now_ns, e->source->realm, &e->source->peer);

	if (source->class != IPC_CLASS_UNKNOWN)
		return false;
	if (guard_is_scanner(&e->guard, sip_hdr_value(msg, SIP_HDR_USER_AGENT))) {
		e->guard.stats.agents++;
		screen_note(e, IPC_DEED_AGENT);
		return true;
	}
	return !emergency &&
	       !guard_request(&e->guard, e->now_ns, e->source->realm, &e->source->peer);
}

bool screen_refuses(struct engine *e, const struct sip_msg *msg, uint64_t key, bool emergency,
		    uint32_t *number)
{
	const struct guard_source *source =
		guard_source(&e->guard, e->now_ns, e->source->realm, &e->source->peer);
	uint32_t trunk = source->trunk;

	*number = 0;
	if (!limits_refused_before(e, key) &&
	    (emergency || source->class == IPC_CLASS_UNKNOWN ||
	     guard_request(&e->guard, e->now_ns, e->source->realm, &e->source->peer)) &&
	    limits_admit(e, msg, trunk, emergency && !e->guard.screen.emergency_limits, number))
		return false;
	*number = 0;
	limits_remember(e, key);
	refuse(e, msg);
	return true;
}
