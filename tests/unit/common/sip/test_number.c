/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers and their ceilings. */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "guarded.h"

Test(number, up_to_the_ceiling_and_not_beyond)
{
	static const struct {
		const char *text;
		uint64_t max, value;
		int result;
	} cases[] = {
		{"0", 0, 0, 0},
		{"1", 0, 0, -EINVAL},
		{"255", 255, 255, 0},
		{"256", 255, 0, -EINVAL},
		{"0068", 255, 68, 0},
		{"0000000000000000000000000000000000000000000000001", 1, 1, 0},
		{"2147483647", INT32_MAX, INT32_MAX, 0},
		{"2147483648", INT32_MAX, 0, -EINVAL},
		{"4294967296", UINT32_MAX, 0, -EINVAL},
		{"18446744073709551615", UINT64_MAX - 6, 0, -EINVAL},
		{"36893488147419103232", UINT64_MAX, 0, -EINVAL}, /* 2^65: wraps to 0 */
		{"184467440737095516160", UINT64_MAX, 0, -EINVAL},
		{"18446744073709551609", UINT64_MAX, UINT64_C(18446744073709551609), 0},
		{"", 10, 0, -EINVAL},
		{"-1", 10, 0, -EINVAL},
		{"+1", 10, 0, -EINVAL},
		{" 1", 10, 0, -EINVAL},
		{"1 ", 10, 0, -EINVAL},
		{"1a", 100, 0, -EINVAL},
		{"1:", 100, 0, -EINVAL},
		{"1/", 100, 0, -EINVAL},
		{"0x1", 100, 0, -EINVAL},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 77;

		cr_expect_eq(sip_number_parse(guarded(cases[i].text), cases[i].max, &value),
			     cases[i].result, "%s", cases[i].text);
		cr_expect_eq(value, cases[i].result ? 77 : cases[i].value, "%s", cases[i].text);
	}
}
