/* SPDX-License-Identifier: BSD-3-Clause */
/* What a request asks of a privacy service. limen-controlplane, any thread. */
#include "controlplane/topology/privacy.h"

static void take_word(struct privacy *privacy, struct span word)
{
	if (span_ieq(word, SPAN("none")))
		privacy->none = true;
	else if (span_ieq(word, SPAN("history")))
		privacy->history = true;
	/* media never shows an address of the other side; that it must work is no matter for who
	 * always does it */
	else if (word.len && !span_ieq(word, SPAN("session")) && !span_ieq(word, SPAN("critical")))
		privacy->caller = true;
}

struct privacy privacy_read(const struct sip_msg *msg)
{
	struct sip_values values = sip_values(msg, SIP_HDR_PRIVACY);
	struct privacy privacy = {0};
	struct span value;

	while (sip_values_next(&values, &value)) {
		const char *at = value.ptr, *end = value.ptr + value.len;

		while (at < end) {
			const char *stop = memchr(at, ';', (size_t)(end - at));

			if (!stop)
				stop = end;
			take_word(&privacy, span_trim(span_of(at, (size_t)(stop - at))));
			at = stop + 1;
		}
	}
	if (privacy.none)
		privacy.caller = privacy.history = false;
	return privacy;
}
