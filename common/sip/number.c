/* SPDX-License-Identifier: BSD-3-Clause */
/* Decimal numbers with a ceiling: RFC 4475 is full of those that wrap around. Both processes, any
 * thread. */
#include "common/sip/chars.h"
#include "common/sip/sip_msg.h"

int sip_number_parse(struct span text, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (text.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned char)(text.ptr[i] - '0');

		if (digit > 9 || v > (UINT64_MAX - 9) / 10)
			return -EINVAL;
		v = v * 10 + digit;
	}
	if (v > max)
		return -EINVAL;
	*value = v;
	return 0;
}
