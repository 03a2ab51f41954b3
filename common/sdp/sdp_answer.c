/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers held against the offer they belong to, of which only the types of its sections are kept,
 * and which of them had no port.
 * Both processes, any thread. */
#include "common/sdp/sdp.h"

#include <errno.h>

/* Type 0 is any other. */
static const struct {
	struct span type, proto, format; /* as a section that is refused may look */
} known[] = {
	{{"x-none", 6}, {"RTP/AVP", 7}, {"0", 1}},
	{{"audio", 5}, {"RTP/AVP", 7}, {"0", 1}},
	{{"video", 5}, {"RTP/AVP", 7}, {"31", 2}},
	{{"image", 5}, {"udptl", 5}, {"t38", 3}},
	{{"text", 4}, {"RTP/AVP", 7}, {"98", 2}},
	{{"message", 7}, {"TCP/MSRP", 8}, {"*", 1}},
	{{"application", 11}, {"TCP/BFCP", 8}, {"*", 1}},
};
#define COUNT (sizeof(known) / sizeof(known[0]))
#define NO_PORT (1u << (SDP_TYPE_BITS - 1)) /* beside the type */
_Static_assert(COUNT <= NO_PORT, "types of a description");
_Static_assert(SDP_MEDIA_MAX * SDP_TYPE_BITS <= 64, "types of a description");

static unsigned type_of(const struct sdp_media *media)
{
	for (unsigned i = 1; i < COUNT; i++)
		if (span_ieq(media->type, known[i].type))
			return i;
	return 0;
}

uint64_t sdp_types(const struct sdp *sdp)
{
	uint64_t types = 0;

	for (unsigned i = 0; i < sdp->nmedia; i++) {
		uint64_t type = type_of(&sdp->media[i]) | (sdp->media[i].port ? 0 : NO_PORT);

		types |= type << (i * SDP_TYPE_BITS);
	}
	return types;
}

int sdp_fit_answer(struct sdp *sdp, unsigned offered, uint64_t types)
{
	if (sdp->nmedia > offered)
		sdp->nmedia = (uint16_t)offered;
	for (unsigned i = 0; i < offered; i++) {
		unsigned kept = types >> (i * SDP_TYPE_BITS) & ((1u << SDP_TYPE_BITS) - 1);
		unsigned type = kept & (NO_PORT - 1);

		if (i < sdp->nmedia) {
			if (type_of(&sdp->media[i]) != type)
				return -EINVAL;
			if (kept & NO_PORT)
				sdp->media[i].port = 0;
			continue;
		}
		sdp->media[i] = (struct sdp_media){
			.type = known[type].type,
			.proto = known[type].proto,
			.formats = known[type].format,
			.nports = 1,
		};
	}
	sdp->nmedia = (uint16_t)offered;
	return 0;
}
