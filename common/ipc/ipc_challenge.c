/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks and accessors of the messages about challenges. */
#include "common/ipc/ipc_msg.h"

static bool starts(struct span text, struct span with)
{
	return text.len >= with.len && memcmp(text.ptr, with.ptr, with.len) == 0;
}

struct span ipc_challenge_method(const struct ipc_challenge *challenge)
{
	return span_of((const char *)(challenge + 1), challenge->method_len);
}

struct span ipc_challenge_uri(const struct ipc_challenge *challenge)
{
	return span_of((const char *)(challenge + 1) + challenge->method_len, challenge->uri_len);
}

struct span ipc_challenge_answer(const struct ipc_challenge *challenge)
{
	return span_of((const char *)(challenge + 1) + challenge->method_len + challenge->uri_len,
		       challenge->answer_len);
}

struct span ipc_credentials_headers(const struct ipc_credentials *credentials)
{
	return span_of((const char *)(credentials + 1), credentials->headers_len);
}

static bool has_no_space(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((uint8_t)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
			return false;
	}
	return text.len != 0;
}

bool ipc_challenge_check(const struct ipc_challenge *challenge, uint32_t len)
{
	return sizeof(*challenge) + (uint64_t)challenge->method_len + challenge->uri_len +
			       challenge->answer_len ==
		       len &&
	       challenge->answer_len && !(challenge->answered & ~IPC_ANSWERED) &&
	       has_no_space(ipc_challenge_method(challenge)) &&
	       has_no_space(ipc_challenge_uri(challenge));
}

/* One line of the two kinds that there are. */
static bool take_line(struct span *text)
{
	const char *end = memchr(text->ptr, '\r', text->len);
	struct span line;

	if (!end || (size_t)(end - text->ptr) + 2 > text->len || end[1] != '\n')
		return false;
	line = span_of(text->ptr, (size_t)(end - text->ptr));
	*text = span_of(end + 2, text->len - line.len - 2);
	for (size_t i = 0; i < line.len; i++) {
		if ((uint8_t)line.ptr[i] < ' ' || line.ptr[i] == 0x7f)
			return false;
	}
	return starts(line, SPAN("Authorization: ")) ||
	       starts(line, SPAN("Proxy-Authorization: "));
}

bool ipc_credentials_check(const struct ipc_credentials *credentials, uint32_t len)
{
	struct span text = ipc_credentials_headers(credentials);

	if (sizeof(*credentials) + (uint64_t)credentials->headers_len != len ||
	    credentials->headers_len > IPC_HEADERS_MAX)
		return false;
	while (text.len) {
		if (!take_line(&text))
			return false;
	}
	return true;
}
