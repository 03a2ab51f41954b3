/* SPDX-License-Identifier: BSD-3-Clause */
/* Codec policy: what the call's plan leaves of the formats of the description in work. One worker
 * thread; libc only. */
#include "dataplane/sip/core.h"

#include <errno.h>

/* What became of a description's sections. */
struct outcome {
	bool audio_came, audio_left;
	bool emptied; /* a section lost all of its formats */
	bool left;    /* a section with a port is there still */
};

static void choose(struct engine *e, struct span plan, unsigned side, bool answer,
		   struct outcome *outcome)
{
	for (unsigned i = 0; i < e->sdp.nmedia; i++) {
		struct sdp_media *media = &e->sdp.media[i];
		bool audio = span_ieq(media->type, SPAN("audio"));

		if (media->port == 0)
			continue;
		outcome->audio_came |= audio;
		if (sdp_codecs_choose(plan, side, media, answer, &e->codecs[i])) {
			if (e->codecs[i].n == 0) {
				/* as if its sender had refused it (RFC 3264 section 6) */
				media->port = 0;
				outcome->emptied = true;
				continue;
			}
			e->chosen |= (uint16_t)(1u << i);
		}
		outcome->left = true;
		outcome->audio_left |= audio;
	}
}

int codecs_choose(struct engine *e, const struct sip_call *call, const struct sip_leg *to,
		  bool answer, const char **why)
{
	struct span plan = edit_plan_part(call_plan(e, call), EDIT_PART_CODECS);
	struct outcome outcome = {.left = false};

	_Static_assert(SDP_MEDIA_MAX <= 16, "a bit for each section");
	e->chosen = 0;
	if (plan.len == 0)
		return 0;
	choose(e, plan, to->side == SIDE_B, answer, &outcome);
	if (!outcome.emptied)
		return 0;
	e->stats.codecs_emptied++;
	if (outcome.left && (outcome.audio_left || !outcome.audio_came))
		return 0;
	*why = "No Codec Allowed";
	e->stats.codecs_refused++;
	return answer ? -EINVAL : -EOVERFLOW;
}

void codecs_mark(const struct engine *e, struct sdp_rewrite *rewrite)
{
	for (unsigned i = 0; i < rewrite->nanchors; i++)
		rewrite->anchors[i].codecs = e->chosen >> i & 1 ? &e->codecs[i] : NULL;
}
