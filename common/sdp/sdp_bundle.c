/* SPDX-License-Identifier: BSD-3-Clause */
/* Bundles of m= sections (RFC 8843): what a description says of them. Both processes, any thread. */
#include "common/sdp/sdp.h"
#include "common/sdp/sdp_line.h"

#define MID_URI	    SPAN("urn:ietf:params:rtp-hdrext:sdes:mid")
#define MID_LEN_MAX 16u /* RFC 8843 section 15.1: they are to be short */

struct span sdp_bundle_mids(const struct sdp_attr *attr)
{
	struct span rest = attr->value;

	if (!attr->has_value || !span_ieq(attr->name, SPAN("group")) ||
	    !span_ieq(sdp_word_next(&rest), SPAN("BUNDLE")))
		return SPAN_NONE;
	return rest;
}

bool sdp_is_mid(const struct sdp_line *line)
{
	return span_ieq(sdp_attr_of(line->value).name, SPAN("mid"));
}

/* "3 urn:..." or "3/sendrecv urn:..." (RFC 8285 section 5). 0: it is for something else. */
static uint8_t mid_extension(struct span value)
{
	struct span id = sdp_word_next(&value);
	unsigned number = 0;

	if (!span_ieq(sdp_word_next(&value), MID_URI))
		return 0;
	for (size_t i = 0; i < id.len && id.ptr[i] != '/'; i++) {
		if (id.ptr[i] < '0' || id.ptr[i] > '9')
			return 0;
		number = number * 10 + (unsigned)(id.ptr[i] - '0');
		if (number > UINT8_MAX)
			return 0;
	}
	return (uint8_t)number;
}

void sdp_bundle_line(struct sdp_media *media, const struct sdp_attr *attr)
{
	if (span_ieq(attr->name, SPAN("bundle-only"))) {
		media->bundle_only = true;
	} else if (attr->has_value && span_ieq(attr->name, SPAN("mid"))) {
		if (media->mid.len == 0)
			media->mid = span_trim(attr->value);
	} else if (attr->has_value && !media->mid_ext && span_ieq(attr->name, SPAN("extmap"))) {
		media->mid_ext = mid_extension(attr->value);
	}
}

static bool may_be_bundled(const struct sdp_media *media)
{
	return media->mid.len && media->mid.len <= MID_LEN_MAX && media->rtcp_mux &&
	       !media->hold_by_zero && media->nports == 1 &&
	       sdp_security(media->proto) == SDP_SECURITY_PLAIN;
}

/* The one section of that name; `max` when there is none, or more than one. */
static unsigned section_of(const struct sdp *sdp, struct span mid, unsigned max)
{
	unsigned found = max;

	for (unsigned i = 0; i < sdp->nmedia && i < max; i++) {
		if (!span_eq(sdp->media[i].mid, mid))
			continue;
		if (found != max)
			return max;
		found = i;
	}
	return found;
}

unsigned sdp_bundle_first(const struct sdp *sdp, unsigned among)
{
	struct span rest = sdp->bundle, mid;
	unsigned i;

	while ((mid = sdp_word_next(&rest)).len) {
		i = section_of(sdp, mid, SDP_MEDIA_MAX);
		if (i < SDP_MEDIA_MAX && among >> i & 1)
			return i;
	}
	for (i = 0; i < SDP_MEDIA_MAX && !(among >> i & 1);)
		i++;
	return i;
}

unsigned sdp_bundle_members(const struct sdp *sdp, unsigned max, unsigned *tag)
{
	unsigned members = 0, with_port = 0;
	struct span rest = sdp->bundle, mid;

	while ((mid = sdp_word_next(&rest)).len) {
		unsigned i = section_of(sdp, mid, max);

		if (i == max || !may_be_bundled(&sdp->media[i]) ||
		    (sdp->media[i].port == 0 && !sdp->media[i].bundle_only))
			continue;
		members |= 1u << i;
		with_port |= (sdp->media[i].port ? 1u : 0u) << i;
	}
	*tag = sdp_bundle_first(sdp, with_port);
	return with_port ? members : 0;
}

void sdp_bundle_share(struct sdp *sdp, unsigned members, unsigned tag)
{
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		struct sdp_media *media = &sdp->media[i];

		if (!(members >> i & 1) || media->port)
			continue;
		media->port = sdp->media[tag].port;
		media->rtp = sdp->media[tag].rtp;
		media->rtcp = media->rtp;
	}
}
