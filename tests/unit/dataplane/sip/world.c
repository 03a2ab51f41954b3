/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's test world: peers, control plane and clock by hand. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const struct net_endpoint peers[2] = {
	{.addr = {{10, 0, 1, 2}}, .port = 5060, .family = NET_IP4},
	{.addr = {{10, 0, 2, 2}}, .port = 5060, .family = NET_IP4},
};
static const struct engine_realm realms[2] = {
	{.sip4 = {.addr = {{10, 0, 1, 1}}, .port = 5060, .family = NET_IP4},
	 .stream4[NET_TCP] = {.addr = {{10, 0, 1, 1}}, .port = 5070, .family = NET_IP4}},
	{.sip4 = {.addr = {{10, 0, 2, 1}}, .port = 5060, .family = NET_IP4},
	 .stream4[NET_TCP] = {.addr = {{10, 0, 2, 1}}, .port = 5060, .family = NET_IP4},
	 .stream4[NET_TLS] = {.addr = {{10, 0, 2, 1}}, .port = 5061, .family = NET_IP4}},
};
static const struct media_realm media_realms[2] = {
	{.ip4 = {{10, 0, 1, 1}}, .has_ip4 = true, .port_low = 20000, .port_high = 20199},
	{.ip4 = {{10, 0, 2, 1}}, .has_ip4 = true, .port_low = 20000, .port_high = 20199},
};

struct world *world_new(void)
{
	return world_new_worker(1);
}

struct world *world_new_worker(unsigned worker)
{
	struct world *w = calloc(1, sizeof(*w));
	struct engine_conf conf = {.nworkers = 3,
				   .worker = worker,
				   .nrealms = 2,
				   .realms = realms,
				   .max_calls = 64,
				   .seed = {1, 2}};
	struct media_conf media = {
		.nworkers = 1, .nrealms = 2, .realms = media_realms, .max_pairs = 64};
	const char *why;

	w->now_ns = 1000000000;
	cr_assert(engine_rig_open(&w->rig, &conf, &media, w->now_ns, &why), "%s", why);
	w->engine = w->rig.engine;
	w->media = w->rig.media;
	engine_link(w->engine, w->now_ns, true);
	return w;
}

void world_end(struct world *w)
{
	for (unsigned i = 0; i < 300; i++) {
		world_sleep(w, 1000);
		for (unsigned r = 0; r < w->nreports; r++) {
			struct ipc_call_end_ack ack;
			uint64_t call;

			if (w->reports[r].type != IPC_CALL_END)
				continue;
			memcpy(&call, w->reports[r].frame, sizeof(call));
			ack.call = call;
			engine_frame(w->engine, w->now_ns, IPC_CALL_END_ACK, &ack, sizeof(ack));
		}
		/* Records of earlier steps, whose reports were not looked at. */
		if (i == 0) {
			engine_link(w->engine, w->now_ns, false);
			engine_link(w->engine, w->now_ns, true);
		}
	}
	cr_expect(engine_rig_left(&w->rig) == NULL, "%s", engine_rig_left(&w->rig));
	engine_rig_close(&w->rig);
	free(w);
}

static void collect(struct world *w)
{
	const struct engine_action *actions;
	unsigned n = engine_actions(w->engine, &actions);

	for (unsigned i = 0; i < n; i++) {
		const struct engine_action *a = &actions[i];

		if (a->kind == ACTION_SEND) {
			struct world_sent *s = &w->sent[w->nsent++];

			cr_assert(w->nsent < WORLD_SENT_MAX && a->bytes.len < sizeof(s->text));
			memcpy(s->text, a->bytes.ptr, a->bytes.len);
			s->text[a->bytes.len] = 0;
			s->dst = a->dst;
			s->realm = a->realm;
			s->transport = a->transport;
			s->flow = a->flow;
			s->token = a->token;
		} else if (a->kind == ACTION_OWNER) {
			struct world_owner_msg *o = &w->owner[w->nowner++];

			cr_assert(w->nowner <= WORLD_OWNER_MAX && a->bytes.len <= sizeof(o->bytes));
			o->worker = a->worker;
			o->len = (uint32_t)a->bytes.len;
			memcpy(o->bytes, a->bytes.ptr, a->bytes.len);
		} else {
			struct world_report *r = &w->reports[w->nreports++];

			cr_assert(w->nreports < WORLD_SENT_MAX && a->bytes.len <= sizeof(r->frame));
			cr_assert(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, a->type,
						a->bytes.ptr, (uint32_t)a->bytes.len) == 0);
			r->type = a->type;
			r->len = (uint32_t)a->bytes.len;
			memcpy(r->frame, a->bytes.ptr, a->bytes.len);
		}
	}
}

void world_in(struct world *w, int side, const char *head, const char *body)
{
	struct engine_source source = {.peer = peers[side],
				       .local = realms[side].sip4,
				       .realm = (uint8_t)side,
				       .transport = w->transport[side],
				       .flow = w->flow[side]};
	char text[16384], *via;
	size_t len = 0;

	for (const char *p = head; *p; p++) {
		if (*p == '\n')
			text[len++] = '\r';
		text[len++] = *p;
	}
	len += (size_t)snprintf(text + len, sizeof(text) - len, "Content-Length: %zu\r\n\r\n%s",
				body ? strlen(body) : 0, body ? body : "");
	via = strstr(text, "\r\nVia: SIP/2.0/UDP");
	if (via && w->transport[side] != NET_UDP)
		memcpy(via + strlen("\r\nVia: SIP/2.0/"), net_transport_name(w->transport[side]), 3);
	w->nsent = w->nreports = w->nowner = 0;
	w->fate = engine_message(w->engine, w->now_ns, &source, span_of(text, len));
	collect(w);
}

unsigned world_out_count(const struct world *w, int side)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->nsent; i++)
		n += w->sent[i].realm == side;
	return n;
}

const char *world_out(struct world *w, int side, unsigned i)
{
	for (unsigned at = 0; at < w->nsent; at++) {
		if (w->sent[at].realm == side && i-- == 0) {
			static struct sip_msg msg;

			cr_assert_eq(sip_parse(&msg, w->sent[at].text, strlen(w->sent[at].text),
					       SIP_DATAGRAM),
				     SIP_PARSE_OK, "%s\n%s", msg.why, w->sent[at].text);
			return w->sent[at].text;
		}
	}
	cr_assert(false, "limen sent no such message to side %d", side);
	return NULL;
}

char *world_header(const char *text, const char *name, char *buf, size_t cap)
{
	size_t n = strlen(name);

	for (const char *line = text; line; line = strstr(line, "\r\n")) {
		line += line == text ? 0 : 2;
		if (strncmp(line, name, n) == 0 && line[n] == ':') {
			const char *end = strstr(line, "\r\n");

			snprintf(buf, cap, "%.*s", (int)(end - line - (int)n - 2), line + n + 2);
			return buf;
		}
	}
	cr_assert(false, "no %s in:\n%s", name, text);
	return NULL;
}

bool world_has(const char *text, const char *what)
{
	return strstr(text, what) != NULL;
}

/* What a body is where the test does not say. */
static const char *content_type(const char *extra, const char *body)
{
	return body && !(extra && strstr(extra, "Content-Type")) ? "Content-Type: application/sdp\n"
								 : "";
}

void world_answer(struct world *w, int side, const char *request, unsigned status, const char *tag,
		  const char *extra, const char *body)
{
	char text[8192], via[1024], from[512], to[512], id[256], cseq[64];

	world_header(request, "Via", via, sizeof(via));
	world_header(request, "From", from, sizeof(from));
	world_header(request, "To", to, sizeof(to));
	world_header(request, "Call-ID", id, sizeof(id));
	world_header(request, "CSeq", cseq, sizeof(cseq));
	snprintf(text, sizeof(text),
		 "SIP/2.0 %u Whatever\nVia: %s\nFrom: %s\nTo: %s%s%s\nCall-ID: %s\nCSeq: "
		 "%s\n%s%s%s",
		 status, via, from, to, tag && !strstr(to, "tag=") ? ";tag=" : "",
		 tag && !strstr(to, "tag=") ? tag : "", id, cseq,
		 w->answer_contact ? w->answer_contact
		 : side == A	   ? "Contact: <sip:alice@10.0.1.2:5061>\n"
				   : "Contact: <sip:bob@10.0.2.2:5062>\n",
		 extra ? extra : "", content_type(extra, body));
	world_in(w, side, text, body);
}

void world_request(struct world *w, int side, const char *method, unsigned cseq, const char *branch,
		   const char *from_limen, const char *my_tag, const char *extra, const char *body)
{
	char text[8192], limen[512], mine[512], id[256], *tag;
	bool response = strncmp(from_limen, "SIP/2.0", 7) == 0;

	/* In a request of limen's, From is limen; in its response, To is. */
	world_header(from_limen, response ? "To" : "From", limen, sizeof(limen));
	world_header(from_limen, response ? "From" : "To", mine, sizeof(mine));
	world_header(from_limen, "Call-ID", id, sizeof(id));
	tag = strstr(mine, ";tag=");
	if (tag)
		*tag = 0;
	snprintf(text, sizeof(text),
		 "%s sip:limen@10.0.%d.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.%d.2:5060;branch=z9hG4bK%s\nMax-Forwards: 70\nFrom: %s;tag=%s\nTo: %s\n"
		 "Call-ID: %s\nCSeq: %u %s\n%s%s",
		 method, side + 1, side + 1, branch, mine, my_tag, limen, id, cseq, method,
		 extra ? extra : "", content_type(extra, body));
	world_in(w, side, text, body);
}

const struct world_report *world_find(const struct world *w, uint16_t type)
{
	for (unsigned i = 0; i < w->nreports; i++) {
		if (w->reports[i].type == type)
			return &w->reports[i];
	}
	return NULL;
}

void world_verdict(struct world *w, uint64_t ask_id, unsigned status, unsigned ntargets)
{
	_Alignas(8) static char frame[4096];
	char plan_buf[2048];
	struct cursor plan = cursor_on(plan_buf, sizeof(plan_buf)),
		      out = cursor_on(frame, sizeof(frame));
	struct ipc_verdict head = {.ask_id = ask_id,
				   .status = (uint16_t)status,
				   .ntargets = (uint8_t)ntargets,
				   .flags = w->verdict_flags,
				   .side = w->side_a,
				   .user = {w->user[A], w->user[B]},
				   .answer_max_s = w->answer_max_s ? w->answer_max_s : 60,
				   .media_timeout_s = w->no_limits ? 0 : 30,
				   .duration_max_s = w->no_limits ? 0 : 600};

	edit_plan_start(&plan, EDIT_DROP, EDIT_DROP);
	for (unsigned d = 0; d < EDIT_DIRECTIONS; d++) {
		edit_plan_rule(&plan, d, EDIT_PASS, SIP_HDR_CONTENT_TYPE, SPAN_NONE, SPAN_NONE);
		edit_plan_rule(&plan, d, EDIT_PASS, SIP_HDR_SUBJECT, SPAN_NONE, SPAN_NONE);
		edit_plan_rule(&plan, d, EDIT_PASS, SIP_HDR_SUPPORTED, SPAN_NONE, SPAN_NONE);
		edit_plan_rule(&plan, d, w->hides_reason ? EDIT_HIDE : EDIT_PASS, SIP_HDR_REASON,
			       SPAN_NONE, SPAN_NONE);
		for (const uint8_t *id = w->pass; id && *id; id++)
			edit_plan_rule(&plan, d, EDIT_PASS, *id, SPAN_NONE, SPAN_NONE);
		edit_plan_rule(&plan, d, EDIT_HIDE, SIP_HDR_P_ASSERTED_IDENTITY, SPAN_NONE,
			       SPAN_NONE);
		edit_plan_rule(&plan, d, EDIT_HIDE, SIP_HDR_CALL_INFO, SPAN_NONE, SPAN_NONE);
	}
	cr_assert(edit_plan_finish(&plan) == 0);
	for (unsigned part = 0; part < EDIT_PARTS; part++) {
		if (w->parts[part].len)
			cr_assert(edit_plan_attach(&plan, part, w->parts[part]) == 0);
	}
	ipc_put_verdict(&out, &head, SPAN_NONE, status ? SPAN_NONE : cursor_span(&plan),
			w->context ? span_str(w->context) : SPAN("context"));
	for (unsigned i = 0; i < ntargets; i++) {
		struct ipc_target target = {
			.peer = peers[B], .side = w->side_b, .realm = 1,
			.transport = w->transport[B],
			.flow = {(uint32_t)w->flow_b, (uint32_t)(w->flow_b >> 32)},
			.failover_ms = w->failover_ms,
			.failover = {w->failover[0], w->failover[1]}};

		target.peer.port = (uint16_t)(5060 + i);
		if (w->last_trunk && i == ntargets - 1)
			target.side.trunk = w->last_trunk;
		ipc_put_target(&out, &target, SPAN("sip:bob@10.0.2.2"),
			       SPAN("<sip:alice@10.0.2.1>"), SPAN("<sip:bob@10.0.2.2>"),
			       w->contact ? span_str(w->contact) : SPAN_NONE);
	}
	cr_assert(!out.full);
	cr_assert(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_VERDICT, frame,
				out.len) == 0);
	world_frame(w, IPC_VERDICT, frame, out.len);
}

void world_frame(struct world *w, uint16_t type, const void *frame, uint32_t len)
{
	w->nsent = w->nreports = w->nowner = 0;
	engine_frame(w->engine, w->now_ns, type, frame, len);
	collect(w);
}

void world_blocked(struct world *w, uint16_t type)
{
	const struct world_report *report = world_find(w, type);
	struct engine_action action = {.kind = ACTION_REPORT, .type = type};

	cr_assert(report);
	action.bytes = span_of(report->frame, report->len);
	engine_report_blocked(w->engine, &action);
}

uint64_t world_ask_id(const struct world *w)
{
	const struct world_report *ask = world_find(w, IPC_ASK);
	uint64_t id;

	cr_assert(ask);
	memcpy(&id, ask->frame, sizeof(id));
	return id;
}

void world_owner(struct world *w, const void *bytes, size_t len)
{
	_Alignas(8) char copy[2048];

	cr_assert(len <= sizeof(copy));
	if (len)
		memcpy(copy, bytes, len);
	w->nsent = w->nreports = w->nowner = 0;
	engine_owner_message(w->engine, w->now_ns, span_of(copy, len));
	collect(w);
}

void world_sleep(struct world *w, uint64_t ms)
{
	uint64_t until = w->now_ns + ms * 1000000;

	w->nsent = w->nreports = w->nowner = 0;
	while (engine_next_ns(w->engine) <= until) {
		if (engine_next_ns(w->engine) > w->now_ns)
			w->now_ns = engine_next_ns(w->engine);
		while (engine_tick(w->engine, w->now_ns))
			collect(w);
		collect(w);
		if (engine_next_ns(w->engine) <= w->now_ns)
			w->now_ns += 1000000;
	}
	w->now_ns = until;
}

const char *world_invite(struct world *w, const char *branch, const char *body)
{
	char text[2048];
	const struct world_report *ask;
	uint64_t id;

	snprintf(text, sizeof(text),
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bK%s;rport\nMax-Forwards: 70\n"
		 "From: \"Alice\" <sip:alice@10.0.1.2>;tag=alice-tag\nTo: "
		 "<sip:bob@10.0.1.1>\nCall-ID: call-%s@10.0.1.2\nCSeq: 1 INVITE\n"
		 "Contact: <sip:alice@10.0.1.2:5061>\nUser-Agent: SecretPhone/1\nSubject: "
		 "lunch\nSupported: 100rel, gruu, timer\n%s",
		 branch, branch, body ? "Content-Type: application/sdp\n" : "");
	world_in(w, A, text, body);
	cr_assert(world_has(world_out(w, A, 0), "SIP/2.0 100 "));
	ask = world_find(w, IPC_ASK);
	cr_assert(ask);
	memcpy(&id, ask->frame, sizeof(id));
	w->last_ask = id;
	world_verdict(w, id, 0, 2);
	return world_out(w, B, 0);
}

void world_call_up(struct world *w, struct world_call *call)
{
	strcpy(call->invite_b, world_invite(w, "up", SDP_A));
	world_answer(w, B, call->invite_b, 180, "bob-tag", NULL, NULL);
	cr_assert(world_has(world_out(w, A, 0), "SIP/2.0 180 "));
	world_answer(w, B, call->invite_b, 200, "bob-tag", NULL, SDP_B);
	strcpy(call->ok_a, world_out(w, A, 0));
	cr_assert(world_has(call->ok_a, "SIP/2.0 200 "));
	world_request(w, A, "ACK", 1, "upack", call->ok_a, "alice-tag", NULL, NULL);
	cr_assert(world_has(world_out(w, B, 0), "ACK sip:bob@10.0.2.2:5062 "));
}
