/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters, one after the other or one by name. Both processes, any thread. */
#include "common/sip/param.h"
#include "common/sip/sip_msg.h"

int param_next(const char **p, const char *end, const char *limit, struct param *out)
{
	const char *at = skip_lws(*p, end), *from;

	if (at == end || *at != ';') {
		*p = at;
		return 0;
	}
	from = at = skip_lws(at + 1, end);
	/* A URI's parameters may be named with a few more characters than a token has. */
	while (at < end && *at != '=' && char_is(*at, CHAR_VALUE))
		at++;
	if (at == from)
		return -EINVAL;
	out->name = span_between(from, at);
	out->value = SPAN_NONE;
	at = skip_lws(at, end);
	if (at < end && *at == '=') {
		from = at = skip_lws(at + 1, end);
		at = at < end && *at == '"' ? skip_quoted(at, end, limit)
					    : skip_class(at, end, limit, CHAR_VALUE);
		if (!at || at == from)
			return -EINVAL;
		out->value = span_between(from, at);
		at = skip_lws(at, end);
	}
	*p = at;
	return 1;
}

bool sip_param_find(struct span params, struct span name, struct span *value)
{
	const char *p = params.ptr, *end;
	struct param param;

	if (params.len == 0)
		return false;
	end = p + params.len;
	while (param_next(&p, end, end, &param) > 0) {
		if (span_ieq(param.name, name)) {
			*value = param.value;
			return true;
		}
	}
	return false;
}
