/* SPDX-License-Identifier: BSD-3-Clause */
/* Looks at every byte that the accessors of a checked message give, and at what a reader may rely
 * on: for the fuzzer and the tests. Aborts where a promise of ipc_msg_check does not hold. */
#pragma once

#include "common/ipc/ipc_msg.h"
#include "common/sip/edit_plan.h"

#include <stdlib.h>

#define PROMISE(cond)                                                                              \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

static inline void walk_span(const void *frame, uint32_t len, struct span s, const char *never)
{
	PROMISE(s.len <= len);
	if (s.len == 0)
		return;
	PROMISE(s.ptr >= (const char *)frame && s.ptr + s.len <= (const char *)frame + len);
	for (const char *ch = never; *ch; ch++)
		PROMISE(!memchr(s.ptr, *ch, s.len));
	PROMISE(!memchr(s.ptr, 0, s.len));
}

static inline void walk_plan(struct span plan)
{
	PROMISE(edit_plan_check(plan) == 0);
	for (unsigned direction = 0; direction < EDIT_DIRECTIONS; direction++) {
		struct span name, value;
		uint32_t at = 0;

		while (edit_plan_next_set(plan, direction, &at, &name, &value))
			PROMISE(!memchr(value.ptr ? value.ptr : "", '\n', value.len));
		for (unsigned hdr = 0; hdr < SIP_HDR_IDS_END; hdr++)
			PROMISE(edit_plan_action(plan, direction, hdr, SPAN("X-Any"), &value) <
				EDIT_ACTIONS);
	}
}

static inline void walk_verdict(const struct ipc_verdict *verdict, uint32_t len)
{
	struct ipc_target_view target;
	unsigned targets = 0;
	uint32_t at = 0;

	walk_span(verdict, len, ipc_verdict_reason(verdict), "\r\n");
	walk_span(verdict, len, ipc_verdict_context(verdict), "\r\n");
	while (ipc_verdict_next_target(verdict, &at, &target)) {
		PROMISE((uintptr_t)target.head % _Alignof(struct ipc_target) == 0);
		PROMISE((const char *)(target.head + 1) <= (const char *)verdict + len);
		PROMISE(target.head->realm < IPC_REALMS_MAX && target.head->peer.port != 0 &&
			target.head->side.source_policy < IPC_SOURCES);
		PROMISE(target.ruri.len && target.from.len && target.to.len);
		PROMISE(target.plan.len <= EDIT_PLAN_BYTES_MAX);
		if (target.plan.len)
			walk_plan(target.plan);
		walk_span(verdict, len, target.ruri, "\r\n \t");
		walk_span(verdict, len, target.from, "\r\n");
		walk_span(verdict, len, target.to, "\r\n");
		walk_span(verdict, len, target.contact, "\r\n");
		targets++;
	}
	PROMISE(targets == verdict->ntargets);
	if (verdict->status == 0) {
		PROMISE(targets >= 1 && targets <= IPC_TARGETS_MAX);
		PROMISE(ipc_verdict_plan(verdict).len <= len);
		walk_plan(ipc_verdict_plan(verdict));
	} else {
		struct span headers = ipc_verdict_headers(verdict);

		PROMISE(targets == 0 && verdict->status >= 200 && verdict->status <= 699);
		PROMISE(headers.len <= IPC_HEADERS_MAX && headers.len <= len);
		PROMISE(headers.len == 0 ||
			(headers.len > 4 && memcmp(headers.ptr + headers.len - 2, "\r\n", 2) == 0));
		PROMISE(!memmem(headers.ptr ? headers.ptr : "", headers.len, "\r\n\r\n", 4) &&
			!memmem(headers.ptr ? headers.ptr : "", headers.len, "\r\n ", 3));
	}
}

static inline void walk_msg(uint16_t type, const void *frame, uint32_t len)
{
	switch (type) {
	case IPC_ASK: {
		struct span msg = ipc_ask_msg(frame), contacts = ipc_ask_contacts(frame);

		PROMISE(msg.len > 0 && contacts.ptr + contacts.len == (const char *)frame + len);
		walk_span(frame, len, ipc_ask_context(frame), "\r\n\033");
		break;
	}
	case IPC_VERDICT:
		walk_verdict(frame, len);
		break;
	case IPC_CALL_END:
		for (unsigned side = 0; side < 2; side++)
			walk_span(frame, len, ipc_call_end_call_id(frame, side), "\r\n\033");
		for (unsigned side = 0; side < 2; side++) {
			walk_span(frame, len, ipc_call_end_tag(frame, side, 0), "\r\n\033");
			walk_span(frame, len, ipc_call_end_tag(frame, side, 1), "\r\n\033");
			walk_span(frame, len, ipc_call_end_agent(frame, side), "\r\n\033");
			walk_span(frame, len, ipc_call_end_reason(frame, side), "\r\n\033");
		}
		walk_span(frame, len, ipc_call_end_context(frame), "\r\n\033");
		PROMISE(strcmp(ipc_ended_by_name(((const struct ipc_call_end *)frame)->ended_by),
			       "unknown") != 0);
		break;
	case IPC_CALL_ROW:
		for (unsigned side = 0; side < 2; side++)
			walk_span(frame, len, ipc_call_row_call_id(frame, side), "\r\n\033");
		walk_span(frame, len, ipc_call_row_context(frame), "\r\n\033");
		PROMISE(strcmp(ipc_call_state_name(((const struct ipc_call_row *)frame)->state),
			       "unknown") != 0);
		break;
	case IPC_STAT_ROW:
		walk_span(frame, len, ipc_stat_group(frame), "\r\n\033\177");
		walk_span(frame, len, ipc_stat_object(frame), "\r\n\033\177");
		walk_span(frame, len, ipc_stat_name(frame), "\r\n\033\177");
		break;
	case IPC_ANSWER:
		walk_span(frame, len, ipc_answer_context(frame), "\r\n\033");
		PROMISE(ipc_answer_msg(frame).len <= len);
		break;
	case IPC_PROBE:
		walk_span(frame, len, ipc_probe_ruri(frame), "\r\n \t");
		walk_span(frame, len, ipc_probe_from(frame), "\r\n");
		walk_span(frame, len, ipc_probe_to(frame), "\r\n");
		PROMISE(ipc_probe_headers(frame).len <= IPC_HEADERS_MAX);
		break;
	case IPC_PROBE_END:
		PROMISE(ipc_probe_end_msg(frame).len < len);
		break;
	case IPC_SETTINGS:
		PROMISE(ipc_settings_emergency(frame).len <= IPC_EMERGENCY_MAX);
		break;
	case IPC_SCREEN: {
		struct span agents = ipc_screen_agents(frame);

		walk_span(frame, len, agents, "\rAZ\033");
		PROMISE(((const struct ipc_screen *)frame)->burst_ms &&
			((const struct ipc_screen *)frame)->window_s);
		break;
	}
	case IPC_SCREEN_TRUNKS:
		for (uint32_t i = 0; i < ((const struct ipc_trunks *)frame)->count; i++) {
			const struct ipc_trunk *trunk = ipc_trunks_at(frame, i);

			PROMISE((const char *)(trunk + 1) <= (const char *)frame + len);
			PROMISE(trunk->id && strlen(trunk->name) <= IPC_NAME_MAX);
		}
		break;
	case IPC_SCREEN_SOURCES:
		for (uint32_t i = 0; i < ((const struct ipc_sources *)frame)->count; i++) {
			const struct ipc_source *source = ipc_sources_at(frame, i);

			PROMISE((const char *)(source + 1) <= (const char *)frame + len);
			PROMISE(source->bits <= (source->family == NET_IP4 ? 32 : 128));
		}
		break;
	case IPC_SOURCE_SET:
	case IPC_SOURCE_ROW:
		PROMISE(len <= 32);
		break;
	case IPC_SUSPECT:
		PROMISE(strcmp(ipc_deed_name(((const struct ipc_suspect *)frame)->deed),
			       "unknown") != 0);
		break;
	case IPC_SIP_IN:
		PROMISE(ipc_sip_in_msg(frame).len && ipc_sip_in_msg(frame).len < len);
		PROMISE(((const struct ipc_sip_in *)frame)->flow);
		break;
	case IPC_SIP_OUT:
		PROMISE(ipc_sip_out_msg(frame).len && ipc_sip_out_msg(frame).len < len);
		break;
	case IPC_SIP_FAIL:
		PROMISE(strcmp(ipc_sip_fail_name(((const struct ipc_sip_fail *)frame)->reason),
			       "unknown") != 0);
		break;
	case IPC_CHALLENGE:
		walk_span(frame, len, ipc_challenge_method(frame), " \r\n\177");
		walk_span(frame, len, ipc_challenge_uri(frame), " \r\n\177");
		PROMISE(ipc_challenge_answer(frame).len && ipc_challenge_answer(frame).len < len);
		break;
	case IPC_CREDENTIALS:
		walk_span(frame, len, ipc_credentials_headers(frame), "\t\177");
		break;
	case IPC_NOTICE:
		walk_span(frame, len, ipc_notice_text(frame), "\r\n\033\177\200\377");
		break;
	default:
		PROMISE(len <= 16);
		break;
	}
}
