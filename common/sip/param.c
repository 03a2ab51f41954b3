/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking one parameter up. Both processes, any thread. */
#include "common/sip/param.h"
#include "common/sip/sip_msg.h"

bool sip_param_find(struct span params, struct span name, struct span *value)
{
	const char *p = params.ptr, *end;
	struct param param;

	if (params.len == 0)
		return false;
	end = p + params.len;
	while (param_next(&p, end, &param) > 0) {
		if (span_ieq(param.name, name)) {
			*value = param.value;
			return true;
		}
	}
	return false;
}
