/* SPDX-License-Identifier: BSD-3-Clause */
/* After which answers the next target is tried. Both processes, any thread. */
#include "common/sip/failover.h"

#include <stddef.h>

/* Never changed in order: the numbers cross the process boundary. Not here: challenges and what is
 * answered to limen itself (401, 407, 421, 422, 423, 428, 494), what ended by the caller (487), what
 * is of a dialog (481, 489, 491). */
static const uint16_t codes[] = {
	400, 402, 403, 404, 405, 406, 408, 410, 412, 413, 414, 415, 416, 420, 424, 429,
	430, 433, 436, 437, 438, 439, 440, 469, 470, 480, 482, 483, 484, 485, 486, 488,
	493, 500, 501, 502, 503, 504, 505, 513, 555, 580, 600, 603, 604, 606, 607, 608,
};
_Static_assert(sizeof(codes) / sizeof(codes[0]) <= 32 * SIP_FAILOVER_WORDS, "a bit for each");

int sip_failover_bit(unsigned status)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i] == status)
			return (int)i;
	}
	return -1;
}

bool sip_failover_after(const uint32_t bits[SIP_FAILOVER_WORDS], unsigned status)
{
	int bit;

	if (!bits[0] && !bits[1])
		return status == 408 || status == 430 ||
		       (status >= 500 && status < 600 && status != 501);
	bit = sip_failover_bit(status);
	return bit >= 0 && bits[bit / 32] >> bit % 32 & 1;
}
