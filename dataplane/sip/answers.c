/* SPDX-License-Identifier: BSD-3-Clause */
/* Codes of responses under the call's answer map: as they come from a side, and as they go to one.
 * One worker thread; libc only. */
#include "dataplane/sip/core.h"

static struct answer find(const struct engine *e, const struct sip_call *call, enum answer_way way,
			  const struct sip_leg *leg, uint16_t status)
{
	struct span map = edit_plan_part(call_plan(e, call), EDIT_PART_ANSWERS);

	if (map.len == 0)
		return (struct answer){.status = status};
	return answer_map_find(map, way, leg->side == SIDE_B, status);
}

/* What a rule says of the same answer before stays where a later one says nothing of it. */
static void go_on(struct answer *answer, const struct answer *next)
{
	if (next->status == answer->status && !next->phrase.len && !next->reason.len)
		return;
	if (next->status != answer->status)
		answer->phrase = SPAN_NONE;
	answer->status = next->status;
	if (next->phrase.len)
		answer->phrase = next->phrase;
	if (next->reason.len)
		answer->reason = next->reason;
}

struct answer answer_told(const struct engine *e, const struct sip_leg *from,
			  const struct sip_leg *to, uint16_t status)
{
	struct answer answer = {.status = status}, next;
	const struct sip_call *call = to ? call_get(e, to->call) : NULL;

	if (call == NULL || !answer_is_mapped(status))
		return answer;
	if (from)
		answer = find(e, call, ANSWER_CAME, from, status);
	next = find(e, call, ANSWER_GOES, to, answer.status);
	go_on(&answer, &next);
	return answer;
}
