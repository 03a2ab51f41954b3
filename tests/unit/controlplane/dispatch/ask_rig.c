/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions put to a generation: see ask_rig.h. */
#include "ask_rig.h"

#include <event2/event.h>

#include "controlplane/policy/explain.h"

struct asked *start(const char *conf)
{
	struct asked *asked = calloc(1, sizeof(*asked));

	asked->base = event_base_new();
	cr_assert_eq(registrar_new(&asked->registrar, asked->base,
				   &(struct conf_registrar){.file = "", .bindings_max = 2}),
		     0);
	asked->generation = generation_new(conf_from_text(conf), asked->registrar);
	cr_assert_not_null(asked->generation);
	return asked;
}

void stop(struct asked *asked)
{
	generation_free(asked->generation);
	registrar_free(asked->registrar);
	event_base_free(asked->base);
	free(asked);
}

/* What is told beforehand is what happens. */
static void rehearse(struct asked *asked, const struct ipc_ask *head)
{
	static struct explain explain;
	static char frame[IPC_FRAME_MAX] __attribute__((aligned(8)));
	struct cursor out = cursor_on(frame, sizeof(frame));
	struct ask_answer answer;
	struct registrar_stats before, after;

	registrar_stats(asked->registrar, &before);
	explain_start(&explain);
	ask_explain(asked->generation, head, &explain, &out, &answer);
	cr_assert_gt(explain.n, 0);
	registrar_stats(asked->registrar, &after);
	cr_expect_arr_eq(&before, &after, sizeof(before));
	cr_expect_eq(answer.status, asked->answer.status);
	cr_expect_eq(answer.unreadable, asked->answer.unreadable);
	cr_expect(span_eq(cursor_span(&out), span_of(asked->frame, asked->len)));
}

void ask_further(struct asked *asked, uint8_t realm, const char *source, const char *message,
		 const struct further *further)
{
	struct ipc_ask *head = (struct ipc_ask *)(void *)asked->ask;
	struct cursor out = cursor_on(asked->frame, sizeof(asked->frame));
	struct cursor in = cursor_on(asked->ask, sizeof(asked->ask));
	struct ipc_ask new = {.ask_id = 77,
			      .realm = realm,
			      .kind = further->kind,
			      .transport = further->transport,
			      .redirects = further->redirects,
			      .context_len = (uint16_t)further->context.len,
			      .contacts_len = (uint16_t)strlen(further->contacts),
			      .msg_len = (uint32_t)strlen(message)};
	char note[IPC_CONTEXT_MAX];

	cr_assert_eq(net_endpoint_parse(span_str(source), 5060, &new.source), 0);
	new.local = new.source;
	memcpy(note, further->context.len ? further->context.ptr : "", further->context.len);
	put_bytes(&in, &new, sizeof(new));
	put_span(&in, span_str(message));
	put_bytes(&in, note, further->context.len);
	put_span(&in, span_str(further->contacts));
	cr_assert_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_ASK, head, in.len), 0);
	ask_decide(asked->generation, 1, head, &out, &asked->answer);
	cr_assert_not(out.full);
	asked->len = out.len;
	rehearse(asked, head);
	cr_assert_eq(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_VERDICT,
				   asked->frame, out.len),
		     0, "the verdict would be refused");
	asked->verdict = (const struct ipc_verdict *)(const void *)asked->frame;
	cr_expect_eq(asked->verdict->ask_id, 77);
}

void ask(struct asked *asked, uint8_t realm, const char *source, const char *message)
{
	const struct further nothing = {.contacts = ""};

	ask_further(asked, realm, source, message, &nothing);
}

struct ipc_target_view target(const struct asked *asked, unsigned number)
{
	struct ipc_target_view view = {0};
	uint32_t at = 0;

	for (unsigned i = 0; i <= number; i++)
		cr_assert(ipc_verdict_next_target(asked->verdict, &at, &view));
	return view;
}

void expect_span(struct span got, const char *wanted)
{
	cr_expect(span_eq(got, span_str(wanted)), "%.*s, not %s", SPAN_FMT(got), wanted);
}
