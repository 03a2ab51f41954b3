/* SPDX-License-Identifier: BSD-3-Clause */
/* What must always hold, looked at on the wire: every message that goes out parses and is hidden,
 * CSeq rises, every 2xx gets its ACK, the right worker is chosen; and at the end nothing is left
 * anywhere. */
#include "check.h"

#include <stdio.h>

/* What a side's texts are marked with (ua_msg.c), and its network's addresses (script.c). */
static const char *const marks[2][3] = {{"zqA", "10.66.", "2001:db8:66:"},
					{"zqB", "10.77.", "2001:db8:77:"}};

/* One INVITE that limen sent, by Call-ID and CSeq. Kept in the map in pieces of 64 bits. */
enum invite_fact {
	INVITE_SENT = 's',
	INVITE_RANG = 'r',
	INVITE_FINAL = 'f',
	INVITE_CANCELLED = 'c'
};

static uint64_t *fact(struct sim *sim, enum invite_fact what, const struct sip_msg *msg)
{
	return map_at(&sim->seen,
		      map_key((char)what, sip_span(msg, msg->call_id), SPAN_NONE, msg->cseq));
}

/* 2xx that went in, by Call-ID, tag and CSeq: the call it was of, plus 1; 0 when it was
 * acknowledged. */
static uint64_t *unacked(struct sim *sim, struct span call_id, struct span tag, uint64_t cseq)
{
	return map_at(&sim->unacked, map_key('2', call_id, tag, cseq));
}

/* A 2xx to an INVITE that limen sent, by Call-ID and CSeq: when first (0: never), and whether its
 * ACK has come. */
static uint64_t *answered_at(struct sim *sim, struct span call_id, uint64_t cseq)
{
	return map_at(&sim->seen, map_key('Q', call_id, SPAN_NONE, cseq));
}

static uint64_t *answer_acked(struct sim *sim, struct span call_id, uint64_t cseq)
{
	return map_at(&sim->seen, map_key('K', call_id, SPAN_NONE, cseq));
}

/* CSeq of the last INVITE that limen answered with 2xx in a dialog: its own tag, and the peer's. */
static uint64_t *last_answered(struct sim *sim, struct span call_id, struct span tag,
			       struct span peer)
{
	return map_at(&sim->seen, map_key('P', call_id, tag, hash_fast(1, peer) >> 8));
}

/* CSeq of the last 2xx of a dialog. */
static uint64_t *last_2xx(struct sim *sim, struct span call_id, struct span tag)
{
	return map_at(&sim->seen, map_key('l', call_id, tag, 0));
}

bool sim_is_strict(const struct sim *sim, uint32_t call)
{
	return sim->profile.fair && !sim->profile.scarce && !sim->calls[call].tainted &&
	       !sim->calls[call].cut;
}

/* ---- in ---- */

/* Whether limen must still know the INVITE that this 2xx answers. */
static bool invite_is_alive(struct sim *sim, const struct sip_msg *msg)
{
	uint64_t sent = *fact(sim, INVITE_SENT, msg), rang = *fact(sim, INVITE_RANG, msg);
	uint64_t final = *fact(sim, INVITE_FINAL, msg),
		 cancelled = *fact(sim, INVITE_CANCELLED, msg);

	if (!sent)
		return false;
	if (final)
		return (final & 1) && sim->now_ns < final + ALIVE_NS; /* a 2xx before this one */
	if (cancelled)
		return sim->now_ns < cancelled + ALIVE_NS;
	return rang || sim->now_ns < sent + ALIVE_NS;
}

static void note_response(struct sim *sim, const struct ua *from, const struct sip_msg *msg)
{
	struct span call_id = sip_span(msg, msg->call_id), tag = sip_span(msg, msg->to_tag);
	uint64_t *at;

	check_sdp_response(sim, msg);
	if (msg->method != SIP_METHOD_INVITE)
		return;
	if (msg->status < 200) {
		at = fact(sim, INVITE_RANG, msg);
		/* One that comes after limen gave up on a silent peer counts for nothing. */
		if (!*at && sim->now_ns < *fact(sim, INVITE_SENT, msg) + ALIVE_NS)
			*fact(sim, INVITE_RANG, msg) = sim->now_ns;
		return;
	}
	if (msg->status < 300 && invite_is_alive(sim, msg)) {
		at = map_at(&sim->seen, map_key('a', call_id, tag, msg->cseq));
		if (!*at) {
			*at = 1;
			*unacked(sim, call_id, tag, msg->cseq) = from->call + 1;
			*last_2xx(sim, call_id, tag) = msg->cseq;
		}
	}
	at = fact(sim, INVITE_FINAL, msg);
	if (!*at)
		*at = (sim->now_ns | 1) - (msg->status >= 300);
}

/* Whether a message came before, and was not turned away as one of a dialog that limen did not know
 * yet. */
static bool is_repeat(struct sim *sim, const struct ua *from, const struct sip_msg *msg,
		      struct span bytes)
{
	uint64_t *at = map_at(&sim->seen, map_key('r', bytes, SPAN_NONE, from->slot));

	if (!*at) {
		*at = 1;
		return false;
	}
	return !msg->is_request ||
	       !map_find(&sim->seen,
			 map_key('u', sip_span(msg, msg->via_branch), SPAN_NONE, msg->method));
}

/* A request that limen may answer, by branch. */
static uint64_t *asked(struct sim *sim, const struct sip_msg *msg)
{
	return map_at(&sim->seen,
		      map_key('b', sip_span(msg, msg->via_branch), SPAN_NONE, msg->method));
}

/* An INVITE that no worker is too busy for, by branch. */
static uint64_t emergency_key(const struct sip_msg *msg)
{
	return map_key('e', sip_span(msg, msg->via_branch), SPAN_NONE, msg->method);
}

/* As the workers see it, by whom it calls: the other calls of such a call's endpoints are none. */
static bool is_emergency(const struct sip_msg *msg)
{
	struct sip_uri uri;
	char user[32];

	snprintf(user, sizeof(user), "called%u", SIM_EMERGENCY_CALL);
	return msg->method == SIP_METHOD_INVITE && !msg->to_tag.len &&
	       sip_uri_parse(sip_span(msg, msg->ruri), &uri) == 0 &&
	       span_eq(uri.user, span_str(user));
}

static void note_request(struct sim *sim, const struct ua *from, const struct sip_msg *msg,
			 bool corrupt)
{
	uint64_t *seen;

	check_sdp_offer(sim, msg);
	*asked(sim, msg) = 1;
	if (!corrupt && is_emergency(msg))
		*map_at(&sim->seen, emergency_key(msg)) = 1;
	if (msg->method == SIP_METHOD_ACK)
		*answer_acked(sim, sip_span(msg, msg->call_id), msg->cseq) = 1;
	if (msg->to_tag.len) {
		/* Whoever ends the dialog waits for no ACK. */
		if (msg->method == SIP_METHOD_BYE)
			*unacked(sim, sip_span(msg, msg->call_id), sip_span(msg, msg->from_tag),
				 *last_2xx(sim, sip_span(msg, msg->call_id),
					   sip_span(msg, msg->from_tag))) = 0;
		return;
	}
	seen = map_at(&sim->seen,
		      map_key('i', sip_span(msg, msg->call_id), sip_span(msg, msg->via_branch),
			      (uint64_t)msg->cseq << 8 | msg->method));
	if (!*seen || corrupt)
		sim->calls[from->call].invites_in++;
	*seen = 1;
}

bool check_in(struct sim *sim, const struct ua *from, struct span bytes, bool corrupt)
{
	static struct sip_msg msg;

	if (sip_parse(&msg, bytes.ptr, bytes.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return false;
	if (msg.is_request)
		note_request(sim, from, &msg, corrupt);
	else if (!corrupt)
		note_response(sim, from, &msg);
	return is_repeat(sim, from, &msg, bytes);
}

/* ---- out ---- */

/* Outside of keys, which are random text. */
static bool has_text(struct span in, const char *text)
{
	for (;;) {
		const char *key = memmem(in.ptr, in.len, "inline:", 7), *end;
		size_t plain = key ? (size_t)(key - in.ptr) : in.len;

		if (memmem(in.ptr, plain, text, strlen(text)))
			return true;
		end = key ? memchr(key, '\n', in.len - plain) : NULL;
		if (end == NULL)
			return false;
		in = span_of(end, in.len - (size_t)(end - in.ptr));
	}
}

static void check_hidden(struct sim *sim, const struct ua *to, struct span bytes)
{
	/* A corrupted header or line may be one that policy lets pass. */
	if (sim->calls[to->call].tainted)
		return;
	for (unsigned i = 0; i < 3; i++)
		if (has_text(bytes, marks[!to->side][i]))
			sim_violation(sim, to->call, "side %c sees \"%s\" of the other side",
				      to->side ? 'B' : 'A', marks[!to->side][i]);
}

static bool uri_is_at(struct span text, const struct net_endpoint *at)
{
	struct net_endpoint host;
	struct sip_uri uri;

	if (sip_uri_parse(text, &uri) || net_endpoint_parse(uri.host, SIM_SIP_PORT, &host))
		return false;
	if (uri.port)
		host.port = uri.port;
	return net_endpoint_eq(&host, at);
}

static void check_contact(struct sim *sim, const struct engine_action *action, const struct ua *to,
			  const struct sip_msg *msg)
{
	struct span value = sip_hdr_value(msg, SIP_HDR_CONTACT);
	struct sip_name_addr contact;
	bool needed = msg->method == SIP_METHOD_INVITE &&
		      (msg->is_request || (msg->status > 100 && msg->status < 300));

	if (!value.ptr) {
		if (needed)
			sim_violation(sim, to->call, "an INVITE or its answer without Contact");
		return;
	}
	if (sip_name_addr_parse(value, &contact) || !uri_is_at(contact.uri, &action->src))
		sim_violation(sim, to->call, "a Contact that is not limen's");
}

/* The refusal of a worker with too much to do, which remembers nothing of it. */
static bool is_busy(const struct sip_msg *msg)
{
	struct span after = sip_hdr_value(msg, SIP_HDR_RETRY_AFTER);

	return msg->status == 503 && after.len == 1 && after.ptr[0] == '0' + SIM_RETRY_AFTER_S;
}

/* What has been there before may bring out again what it brought out then, and nothing new; an ACK
 * is a request of its own each time. */
static void check_repeat(struct sim *sim, const struct engine_action *action, const struct ua *to,
			 const struct sip_msg *msg)
{
	uint64_t *at = map_at(&sim->seen, map_key('R', action->bytes, SPAN_NONE, to->slot));

	/* Ringing after queueing after ringing looks like a repetition, and is told. */
	bool tells = msg->method == SIP_METHOD_NOTIFY && sim->calls[to->call].transferred;

	if (sim->is_repeat && !*at && msg->method != SIP_METHOD_ACK && !tells && !is_busy(msg) &&
	    sim_is_strict(sim, to->call))
		sim_violation(sim, to->call, "a repeated message made limen say something new");
	*at = 1;
	if (!msg->is_request && (msg->status == 481 || is_busy(msg)))
		*map_at(&sim->seen,
			map_key('u', sip_span(msg, msg->via_branch), SPAN_NONE, msg->method)) = 1;
}

/* A request without INVITE comes again after T1, 2*T1 ... T2 (section 17.1.2.2), give or take how
 * late the worker is. */
static void check_interval(struct sim *sim, const struct ua *to, const struct sip_msg *msg,
			   struct span bytes)
{
	uint64_t *last = map_at(&sim->seen, map_key('t', bytes, SPAN_NONE, 0));
	uint64_t gap = *last ? sim->now_ns - *last : UA_T1, late = (sim->profile.stall_ms + 2) * MS;

	*last = sim->now_ns;
	if (msg->method == SIP_METHOD_INVITE || msg->method == SIP_METHOD_ACK)
		return;
	if (gap + 2 * MS < UA_T1 || gap > UA_T2 + late)
		sim_violation(sim, to->call, "%s comes again after %u ms",
			      sip_method_name(msg->method), (unsigned)(gap / MS));
}

/* Section 15: no BYE to a caller that has not acknowledged the answer, until 64*T1 have passed. */
static void check_bye(struct sim *sim, const struct ua *to, const struct sip_msg *msg)
{
	struct span call_id = sip_span(msg, msg->call_id);
	uint64_t cseq = *last_answered(sim, call_id, sip_span(msg, msg->from_tag),
				       sip_span(msg, msg->to_tag));
	uint64_t at = *answered_at(sim, call_id, cseq);

	if (at && !*answer_acked(sim, call_id, cseq) && sim->now_ns < at + UA_TIMEOUT &&
	    !sim->calls[to->call].tainted)
		sim_violation(sim, to->call, "BYE before the ACK of limen's 2xx");
}

/* Per dialog: Call-ID and both tags. What goes on in it is above the request that began it. */
static void check_cseq(struct sim *sim, const struct ua *to, const struct sip_msg *msg,
		       struct span bytes)
{
	struct span call_id = sip_span(msg, msg->call_id), tag = sip_span(msg, msg->from_tag);
	uint64_t first = *map_at(&sim->seen, map_key('h', call_id, tag, 0)), before, *highest;
	uint64_t peer = msg->to_tag.len ? hash_fast(1, sip_span(msg, msg->to_tag)) >> 8 : 0;

	if (msg->method == SIP_METHOD_ACK || msg->method == SIP_METHOD_CANCEL) {
		if (!*fact(sim, INVITE_SENT, msg))
			sim_violation(sim, to->call, "%s for an INVITE that was never sent",
				      sip_method_name(msg->method));
		return;
	}
	highest = map_at(&sim->seen, map_key('h', call_id, tag, peer));
	before = *highest > first ? *highest : first;
	if (msg->cseq > before) {
		*highest = msg->cseq;
		*map_at(&sim->seen, map_key('m', bytes, SPAN_NONE, 0)) = 1;
	} else if (!map_find(&sim->seen, map_key('m', bytes, SPAN_NONE, 0))) {
		sim_violation(sim, to->call, "CSeq %u of %s does not rise above %u", msg->cseq,
			      sip_method_name(msg->method), (unsigned)before);
	}
}

/* Section 8.1.1.7: unique across all requests, whichever worker sends them. */
static void check_branch(struct sim *sim, const struct ua *to, const struct sip_msg *msg)
{
	uint64_t *at = map_at(&sim->seen,
			      map_key('y', sip_span(msg, msg->via_branch), SPAN_NONE, msg->method));
	uint64_t whose = hash_fast(msg->cseq, sip_span(msg, msg->call_id));

	if (*at && *at != whose && msg->method != SIP_METHOD_ACK)
		sim_violation(sim, to->call, "the branch of a %s was another request's",
			      sip_method_name(msg->method));
	*at = whose;
}

/* The new call comes back to limen. */
static void check_refer(struct sim *sim, const struct engine_action *action, const struct ua *to,
			const struct sip_msg *msg)
{
	struct sip_name_addr name;

	if (sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_REFER_TO), &name) ||
	    !uri_is_at(name.uri, &action->src))
		sim_violation(sim, to->call, "a Refer-To that does not lead to limen");
}

static void check_request(struct sim *sim, const struct engine_action *action, const struct ua *to,
			  const struct sip_msg *msg, struct span bytes)
{
	struct net_endpoint via = {0};

	if (msg->hdrs[msg->first[SIP_HDR_VIA]].next != SIP_HDR_NONE ||
	    !sip_span(msg, msg->via_host).len ||
	    net_endpoint_parse(sip_span(msg, msg->via_host),
			       msg->via_port ? msg->via_port : SIM_SIP_PORT, &via) ||
	    !net_endpoint_eq(&via, &action->src))
		sim_violation(sim, to->call, "a request whose Via is not limen's alone");
	if (sip_owner(sip_span(msg, msg->call_id), sim->profile.nworkers) != sim->at->number &&
	    !sim->calls[to->call].tainted)
		sim_violation(sim, to->call, "a Call-ID that leads to another worker");
	check_branch(sim, to, msg);
	check_cseq(sim, to, msg, bytes);
	check_interval(sim, to, msg, bytes);
	switch (msg->method) {
	case SIP_METHOD_REFER:
		check_refer(sim, action, to, msg);
		break;
	case SIP_METHOD_BYE:
		sim->calls[to->call].ending = true;
		check_bye(sim, to, msg);
		break;
	case SIP_METHOD_INVITE:
		if (!*fact(sim, INVITE_SENT, msg))
			*fact(sim, INVITE_SENT, msg) = sim->now_ns;
		break;
	case SIP_METHOD_CANCEL:
		if (!*fact(sim, INVITE_CANCELLED, msg))
			*fact(sim, INVITE_CANCELLED, msg) = sim->now_ns;
		break;
	case SIP_METHOD_ACK:
		*unacked(sim, sip_span(msg, msg->call_id), sip_span(msg, msg->to_tag), msg->cseq) =
			0;
		break;
	default:
		break;
	}
}

/* What the caller of a session was told first. */
static void note_final(struct sim *sim, struct ua *to, const struct sip_msg *msg)
{
	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		struct sess *sess = &to->sess[i];

		if (sess->caller && !sess->status_sent && sess->invite < UA_TXNS &&
		    span_eq(sip_span(msg, msg->via_branch), span_str(to->txn[sess->invite].branch)))
			sess->status_sent = msg->status;
	}
	/* A copy of it that is still under way may be let in, and rings for nobody. */
	sim->calls[to->call].lame |= is_busy(msg);
	if (is_busy(msg) && map_find(&sim->seen, emergency_key(msg)) &&
	    !sim->calls[to->call].tainted)
		sim_violation(sim, to->call, "a busy worker refuses an emergency call");
}

static void check_response(struct sim *sim, struct ua *to, const struct sip_msg *msg)
{
	struct span call_id = sip_span(msg, msg->call_id);

	if (msg->method == SIP_METHOD_INVITE && msg->status >= 200 && msg->status < 300) {
		*last_answered(sim, call_id, sip_span(msg, msg->to_tag),
			       sip_span(msg, msg->from_tag)) = msg->cseq;
		if (!*answered_at(sim, call_id, msg->cseq))
			*answered_at(sim, call_id, msg->cseq) = sim->now_ns;
	}
	if (!*asked(sim, msg) && !sim->calls[to->call].tainted)
		sim_violation(sim, to->call, "a %u to a %s that nobody sent", msg->status,
			      sip_method_name(msg->method));
	if (msg->status > 100 && !msg->to_tag.len)
		sim_violation(sim, to->call, "a %u without To tag", msg->status);
	if (msg->method == SIP_METHOD_INVITE && msg->status >= 200)
		note_final(sim, to, msg);
}

void check_out(struct sim *sim, const struct engine_action *action, struct ua *to)
{
	static struct sip_msg msg;

	if (sip_parse(&msg, action->bytes.ptr, action->bytes.len, SIP_DATAGRAM) != SIP_PARSE_OK ||
	    msg.len != action->bytes.len) {
		/* The refusal of a malformed request repeats its lines as they were
		 * (section 8.2.6.2). */
		if (sim->calls[to->call].tainted && msg.status >= 400 && !msg.is_request)
			return;
		sim_violation(sim, to->call, "a message that does not parse: %s",
			      msg.why ? msg.why : "?");
		return;
	}
	if (action->realm != to->side ||
	    !net_endpoint_eq(&action->src, sim_limen(sim, to->side, to->self.family)))
		sim_violation(sim, to->call, "a message leaves by the wrong realm");
	if (msg.first[SIP_HDR_CONTENT_LENGTH] == SIP_HDR_NONE)
		sim_violation(sim, to->call, "a message without Content-Length");
	check_hidden(sim, to, action->bytes);
	check_contact(sim, action, to, &msg);
	check_sdp(sim, to, &msg);
	check_repeat(sim, action, to, &msg);
	if (msg.is_request)
		check_request(sim, action, to, &msg, action->bytes);
	else
		check_response(sim, to, &msg);
}
