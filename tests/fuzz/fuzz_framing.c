/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a stream, cut into pieces by the first of them: what comes out is the same however it
 * was cut, lies inside what went in, and always ends. */
#include "controlplane/transport/framing.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define MAX	 8192u
#define THINGS	 64u

/* What came out of a stream: where each message ended, and how it ended itself. */
struct story {
	unsigned n;
	size_t ends[THINGS];
	bool broken;
};

static struct story play(const char *bytes, size_t size, size_t piece)
{
	static struct sip_msg msg;
	struct framing framing = {0};
	struct story story = {0};
	size_t start = 0, have = 0;

	while (have < size && !story.broken) {
		enum framing_result result;

		have += piece < size - have ? piece : size - have;
		do {
			/* flush at its end, so that a read behind it is seen */
			char *copy = malloc(have - start + (have == start));
			uint32_t used;

			memcpy(copy, bytes + start, have - start);
			result = framing_next(&framing, copy, have - start, MAX, &msg, &used);
			CHECK(used <= have - start);
			CHECK(result == FRAMING_MORE || result == FRAMING_BROKEN || used);
			start += used;
			if (result == FRAMING_MESSAGE) {
				CHECK(msg.len && msg.len <= MAX && msg.buf >= copy);
				CHECK(msg.buf + msg.len == copy + used);
				story.ends[story.n++ % THINGS] = start;
			}
			story.broken = result == FRAMING_BROKEN;
			CHECK(!story.broken || (msg.why && msg.status >= 400));
			free(copy);
		} while (result != FRAMING_MORE && !story.broken);
	}
	return story;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story whole, cut;

	if (size < 2)
		return 0;
	whole = play((const char *)data + 1, size - 1, size);
	cut = play((const char *)data + 1, size - 1, data[0] % 97 + 1u);
	CHECK(cut.n == whole.n && cut.broken == whole.broken);
	for (unsigned i = 0; i < cut.n && i < THINGS; i++)
		CHECK(cut.ends[i] == whole.ends[i]);
	return 0;
}
