/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two halves of the control plane share: what it does (control.c) and what it makes of the
 * engine's reports (report.c). */
#pragma once

#include "ua.h"

enum control_kind {
	CONTROL_VERDICT,
	CONTROL_ACK,
	CONTROL_LIST,
	CONTROL_HANGUP,
	CONTROL_LINK_DOWN,
	CONTROL_LINK_UP,
	CONTROL_PROBE,
	CONTROL_SEND_FAILS,
	CONTROL_CREDENTIALS,
	CONTROL_LOAD, /* not of the control plane: how busy a worker is */
};

struct control_event {
	uint8_t kind;
	uint32_t epoch; /* of the link it belongs to: what was under way when the link went is gone
			 */
	uint32_t call;	/* VERDICT */
	uint8_t worker; /* index of the worker it is for */
	uint8_t ask;	/* VERDICT: enum ipc_ask_kind */
	uint8_t from;	/* VERDICT: slot that asks */
	uint8_t slots;	/* VERDICT: places that request or redirection names, as bits */
	uint64_t id;	/* ask id, call handle, cursor, token */
	char lines[512]; /* CREDENTIALS */
};

bool control_chance(struct sim *sim, uint32_t thousandths);
/* For the worker whose input is in work. */
struct control_event *control_schedule(struct sim *sim, uint64_t at_ns, enum control_kind kind,
				       uint32_t call, uint64_t id);

/* What is remembered of a question or a call, by the id that its worker gave it. */
static inline uint64_t control_key(const struct sim *sim, char what, uint64_t id)
{
	return map_key(what, span_of(&id, sizeof(id)), SPAN_NONE, sim->at->number);
}
