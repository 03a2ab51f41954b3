/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes: OPTIONS to a peer that the control plane asks for, and what it is told. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void probe(struct world *w, uint64_t id, uint8_t realm)
{
	_Alignas(8) char frame[256];
	struct cursor out = cursor_on(frame, sizeof(frame));
	struct span ruri = SPAN("sip:10.0.2.2"), from = SPAN("<sip:10.0.2.1>"),
		    to = SPAN("<sip:10.0.2.2>");
	struct ipc_probe head = {
		.probe_id = id,
		.peer = {.addr = {{10, 0, 2, 2}}, .port = 5062, .family = NET_IP4},
		.realm = realm,
		.transport = NET_UDP,
		.ruri_len = (uint16_t)ruri.len,
		.from_len = (uint16_t)from.len,
		.to_len = (uint16_t)to.len,
	};

	put_bytes(&out, &head, sizeof(head));
	put_span(&out, ruri);
	put_span(&out, from);
	put_span(&out, to);
	cr_assert_eq(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_PROBE, frame,
				   out.len),
		     0);
	world_frame(w, IPC_PROBE, frame, out.len);
}

static const struct ipc_probe_end *ended(const struct world *w)
{
	const struct world_report *end = world_find(w, IPC_PROBE_END);

	return end ? (const struct ipc_probe_end *)end->frame : NULL;
}

Test(probe, is_answered)
{
	struct world *w = world_new();
	char options[8192], id[128];

	probe(w, 77, B);
	strcpy(options, world_out(w, B, 0));
	cr_expect(world_has(options, "OPTIONS sip:10.0.2.2 SIP/2.0\r\n"));
	cr_expect(world_has(options, "From: <sip:10.0.2.1>;tag="));
	cr_expect(world_has(options, "To: <sip:10.0.2.2>\r\n"));
	cr_expect_eq(w->sent[0].dst.port, 5062);
	world_header(options, "Call-ID", id, sizeof(id));
	cr_expect_eq(sip_owner(span_str(id), 3), 1, "the answer comes to this worker");
	world_sleep(w, 20);
	world_answer(w, B, options, 100, NULL, NULL, NULL);
	cr_expect(ended(w) == NULL);
	world_sleep(w, 5);
	world_answer(w, B, options, 404, "x", NULL, NULL);
	cr_assert(ended(w));
	cr_expect_eq(ended(w)->probe_id, 77);
	cr_expect_eq(ended(w)->status, 404);
	cr_expect_eq(ended(w)->rtt_us, 25000);
	/* The answer, once more, is nothing new. */
	world_answer(w, B, options, 200, "x", NULL, NULL);
	cr_expect(ended(w) == NULL);
	world_end(w);
}

Test(probe, is_not_answered)
{
	struct world *w = world_new();
	unsigned sent = 0;

	probe(w, 78, B);
	for (unsigned i = 0; i < 31; i++) {
		world_sleep(w, 1000);
		sent += world_out_count(w, B);
		cr_expect(ended(w) == NULL);
	}
	cr_expect_eq(sent, 9); /* timer E: after 0.5, 1.5, 3.5 and then each 4 s */
	world_sleep(w, 1500);
	cr_assert(ended(w));
	cr_expect_eq(ended(w)->status, 408);
	cr_expect_eq(ended(w)->rtt_us, 0);
	world_end(w);
}

Test(probe, to_where_limen_has_no_address)
{
	struct world *w = world_new();

	probe(w, 79, 5);
	cr_assert(ended(w));
	cr_expect_eq(ended(w)->status, 503);
	cr_expect_eq(w->nsent, 0);
	world_end(w);
}

Test(probe, more_than_there_is_room_for)
{
	struct world *w = world_new();
	char(*sent)[512] = calloc(300, sizeof(*sent));
	struct engine_stats stats;
	unsigned refused = 0, n = 0;

	for (unsigned i = 0; i < 300; i++) {
		probe(w, i, B);
		if (ended(w))
			refused += ended(w)->status == 503;
		else
			strcpy(sent[n++], world_out(w, B, 0));
	}
	cr_expect_eq(refused, 300 - 256);
	engine_stats(w->engine, &stats);
	cr_expect_eq(stats.probes, 256);
	cr_expect_eq(stats.probes_refused, refused);
	for (unsigned i = 0; i < n; i++)
		world_answer(w, B, sent[i], 200, "x", NULL, NULL);
	free(sent);
	probe(w, 1, B); /* there is room again */
	cr_expect(ended(w) == NULL);
	world_end(w);
}

Test(probe, is_nobodys_once_the_link_is_gone)
{
	struct world *w = world_new();
	char options[8192];

	probe(w, 80, B);
	strcpy(options, world_out(w, B, 0));
	engine_link(w->engine, w->now_ns, false);
	engine_link(w->engine, w->now_ns, true);
	world_answer(w, B, options, 200, "x", NULL, NULL);
	cr_expect_eq(w->fate, FATE_TAKEN);
	cr_expect(ended(w) == NULL);
	world_end(w);
}

Test(probe, cannot_be_answered_from_elsewhere)
{
	struct world *w = world_new();
	char options[8192];

	probe(w, 81, B);
	strcpy(options, world_out(w, B, 0));
	world_answer(w, A, options, 200, "x", NULL, NULL);
	cr_expect_eq(w->fate, FATE_NO_DIALOG);
	cr_expect(ended(w) == NULL);
	world_end(w);
}

/* REGISTER of side B with these lines; the same seed each time. */
static void send_register(struct world *w, uint32_t cseq, const char *headers)
{
	_Alignas(8) char frame[2048];
	struct cursor out = cursor_on(frame, sizeof(frame));
	const struct ipc_probe head = {
		.probe_id = 90 + cseq,
		.call_id_seed = 4711,
		.peer = {.addr.ip = {10, 0, 2, 2}, .port = 5062, .family = NET_IP4},
		.realm = B,
		.transport = NET_UDP,
		.ruri_len = 12,
		.from_len = 18,
		.to_len = 18,
		.headers_len = (uint16_t)strlen(headers),
		.kind = IPC_PROBE_REGISTER,
		.cseq = cseq,
	};

	put_bytes(&out, &head, sizeof(head));
	put_lit(&out, "sip:carrier1<sip:acc@carrier1><sip:acc@carrier1>");
	put_span(&out, span_str(headers));
	cr_assert_eq(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_PROBE, frame,
				   out.len),
		     0);
	world_frame(w, IPC_PROBE, frame, out.len);
}

Test(probe, register_goes_out_under_one_call_id_and_its_answer_comes_back_whole)
{
	struct world *w = world_new();
	char first[8192], one[128], two[128];
	const struct world_report *report;
	const struct ipc_probe_end *end;

	send_register(w, 1, "Contact: <sip:acc@10.0.2.1>;expires=600\r\n");
	strcpy(first, world_out(w, B, 0));
	cr_expect(world_has(first, "REGISTER sip:carrier1 SIP/2.0\r\n"));
	cr_expect(world_has(first, "\r\nCSeq: 1 REGISTER\r\n"));
	cr_expect(world_has(first, "\r\nContact: <sip:acc@10.0.2.1>;expires=600\r\nContent-Length"));
	cr_expect(!world_has(first, "Accept"));
	world_header(first, "Call-ID", one, sizeof(one));
	world_answer(w, B, first, 401, "x", "WWW-Authenticate: Digest realm=\"c\", nonce=\"n\"\n",
		     NULL);
	report = world_find(w, IPC_PROBE_END);
	cr_assert_neq(report, NULL);
	end = (const struct ipc_probe_end *)(const void *)report->frame;
	cr_assert_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_PROBE_END, report->frame,
				   report->len),
		     0);
	cr_expect_eq(end->status, 401);
	cr_expect_eq(end->probe_id, 91);
	cr_expect(memmem(ipc_probe_end_msg(end).ptr, ipc_probe_end_msg(end).len, "nonce=\"n\"", 9));
	send_register(w, 2, "Authorization: Digest username=\"acc\"\r\n");
	world_header(world_out(w, B, 0), "Call-ID", two, sizeof(two));
	cr_expect_str_eq(one, two);
	cr_expect_eq(sip_owner(span_str(one), 3), 1);
	cr_expect(world_has(world_out(w, B, 0), "\r\nCSeq: 2 REGISTER\r\nAuthorization: Digest"));
	for (unsigned i = 0; i < 33 && !world_find(w, IPC_PROBE_END); i++)
		world_sleep(w, 1000);
	report = world_find(w, IPC_PROBE_END);
	cr_assert_neq(report, NULL);
	end = (const struct ipc_probe_end *)(const void *)report->frame;
	cr_expect_eq(end->status, 408);
	cr_expect_eq(end->msg_len, 0);
	world_end(w);
}
