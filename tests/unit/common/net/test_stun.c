/* SPDX-License-Identifier: BSD-3-Clause */
/* Binding requests and their answers: the mapped addresses of RFC 5769's samples, and what is none. */
#include "common/net/stun.h"

#include <criterion/criterion.h>

#include "../../../guard.h"
#include "../../../rng.h"

#define REQUEST(type, len)                                                                         \
	"\0" type "\0" len "\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
#define TEXT(lit) span_of(lit, sizeof(lit) - 1)

static struct net_endpoint at(const char *text)
{
	struct net_endpoint endpoint;

	cr_assert_eq(net_endpoint_parse(span_str(text), 0, &endpoint), 0);
	return endpoint;
}

/* Read from memory that ends with the message. */
static bool answer(struct span request, const char *from, char *out, uint32_t *len)
{
	const struct net_endpoint peer = at(from);
	struct cursor c = cursor_on(out, 128);
	bool good = put_stun_answer(
		&c, span_of(guard_behind(request.ptr, request.len), request.len), &peer);

	*len = c.len;
	return good;
}

static void expect(struct span request, const char *from, struct span wanted)
{
	char out[128];
	uint32_t len;

	cr_assert(answer(request, from, out, &len));
	cr_assert_eq(len, wanted.len);
	cr_expect_arr_eq(out, wanted.ptr, wanted.len);
}

Test(stun, the_mapped_address_is_where_it_came_from)
{
	expect(TEXT(REQUEST("\x01", "\0")), "192.0.2.1:32853",
	       TEXT("\x01\x01\0\x0c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
		    "\0\x20\0\x08\0\x01\xa1\x47\xe1\x12\xa6\x43"));
	expect(TEXT(REQUEST("\x01", "\0")), "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
	       TEXT("\x01\x01\0\x18\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
		    "\0\x20\0\x14\0\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5"
		    "\xbe\xd2\xb9\xd9"));
}

Test(stun, attributes_that_need_not_be_understood_change_nothing)
{
	char out[128];
	uint32_t len;

	/* SOFTWARE, of three bytes and one of padding; USERNAME of one */
	cr_expect(answer(TEXT(REQUEST("\x01", "\x10") "\x80\x22\0\x03"
						      "abc\0"
						      "\0\x06\0\x01"
						      "a\0\0\0"),
			 "192.0.2.1:5060", out, &len));
	cr_expect_eq(out[0], 1);
	cr_expect_eq(out[1], 1);
}

Test(stun, what_must_be_understood_and_is_not_is_420)
{
	/* PRIORITY and USE-CANDIDATE: somebody checks a candidate for media here */
	expect(TEXT(REQUEST("\x01", "\x0c") "\0\x24\0\x04"
					    "abcd"
					    "\0\x25\0\0"),
	       "192.0.2.1:5060",
	       TEXT("\x01\x11\0\x24\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
		    "\0\x09\0\x15\0\0\x04\x14Unknown Attribute\0\0\0\0\x0a\0\x04\0\x24\0\x25"));
}

Test(stun, what_is_no_request_gets_no_answer)
{
	static const struct span texts[] = {
		{REQUEST("\x11", "\0"), 20},			  /* an indication */
		{REQUEST("\x03", "\0"), 20},			  /* another method */
		{REQUEST("\x01", "\x04"), 20},			  /* longer than it is */
		{REQUEST("\x01", "\0") "\0\0\0\0", 24},		  /* shorter */
		{REQUEST("\x01", "\0"), 19},
		{REQUEST("\x01", "\x04") "\0\x06\0\x01", 24},	  /* an attribute beyond the end */
		{"\0\x01\0\0\x21\x12\xa4\x43\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae", 20},
		{"\x01\x01\0\0\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae", 20},
		{"OPTIONS sip:a SIP/2.0", 21},
		{NULL, 0},
	};
	char out[128];
	uint32_t len;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect(!answer(texts[i], "192.0.2.1:5060", out, &len), "%zu", i);
}

Test(stun, noise_is_read_within_its_bounds)
{
	struct rng rng = {77};

	for (unsigned i = 0; i < 200000; i++) {
		char text[64] = REQUEST("\x01", "\0"), out[128];
		size_t n = 20 + rng_below(&rng, 11) * 4;
		uint32_t len;

		text[3] = (char)(n - 20);
		for (size_t b = 20; b < n; b++)
			text[b] = (char)(rng_below(&rng, 4) ? rng_below(&rng, 4) : rng_below(&rng, 256));
		(void)answer(span_of(text, n), "192.0.2.1:5060", out, &len);
		cr_expect(len <= 128);
	}
}
