/* SPDX-License-Identifier: BSD-3-Clause */
/* Random messages written from a list of headers: the parse gives back that list, whatever their
 * names, lengths, white space and folds. */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>
#include <ctype.h>

#include "guarded.h"
#include "../../../rng.h"
#include "../../../sip_check.h"

enum { TEXT_MAX = 60000, HDRS_MAX = 40 };

struct expected {
	struct sip_slice name, value;
	unsigned id;
	bool folded;
};

static struct {
	char text[TEXT_MAX];
	size_t len;
	struct expected hdrs[HDRS_MAX];
	unsigned nhdrs;
} model;

static void put(const char *text)
{
	size_t len = strlen(text);

	memcpy(model.text + model.len, text, len);
	model.len += len;
}

static void put_blanks(struct rng *rng)
{
	for (uint64_t n = rng_below(rng, 4); n > 1; n--)
		put(rng_below(rng, 3) ? " " : "\t");
}

/* White space around a value, with or without a fold. */
static bool put_lws(struct rng *rng)
{
	bool fold = rng_below(rng, 12) == 0;

	put_blanks(rng);
	if (fold) {
		put("\r\n");
		put(rng_below(rng, 2) ? " " : "\t");
		put_blanks(rng);
	}
	return fold;
}

static struct sip_slice since(size_t from)
{
	return (struct sip_slice){(uint16_t)from, (uint16_t)(model.len - from)};
}

static const char *const known[] = {
#define X(sym, name, compact) name,
	SIP_HDRS(X)
#undef X
};

/* Not one of the headers that the parse itself looks into. */
static unsigned put_name(struct rng *rng)
{
	unsigned id = (unsigned)(SIP_HDR_CONTENT_TYPE +
				 rng_below(rng, SIP_HDR_IDS_END - SIP_HDR_CONTENT_TYPE));
	size_t from = model.len;

	if (rng_below(rng, 4) == 0) {
		put("Xq");
		for (uint64_t n = rng_below(rng, 50); n; n--)
			put((const char[2]){"abcXYZ-.!%*_+`'~019"[rng_below(rng, 19)]});
		return SIP_HDR_OTHER;
	}
	put(known[id - 1]);
	for (size_t i = from; i < model.len; i++)
		if (rng_below(rng, 3) == 0)
			model.text[i] = (char)(islower((unsigned char)model.text[i])
						       ? toupper(model.text[i])
						       : tolower(model.text[i]));
	return id;
}

/* Text with no white space at its ends. */
static bool put_value(struct rng *rng)
{
	static const char *const pieces[] = {" ", "\t", "\xc3\xa9", "\xe6\x9d\xb1", "\"\\\a\\\0x\"",
					     ",", ":",	"<a>",	    "\"b, c\""};
	size_t len = rng_below(rng, 8) ? rng_below(rng, 60) : rng_below(rng, 400), from = model.len;
	bool folded = false;

	if (len == 0)
		return false;
	put("v");
	while (model.len - from < len) {
		uint64_t piece = rng_below(rng, 60);

		if (piece < sizeof(pieces) / sizeof(pieces[0]))
			put(pieces[piece]);
		else if (piece == 20)
			put("\r\n "), folded = true;
		else
			put((const char[2]){(char)('!' + rng_below(rng, '~' - '!' + 1))});
	}
	put("w");
	return folded;
}

static void put_header(struct rng *rng)
{
	struct expected *hdr = &model.hdrs[model.nhdrs++];
	size_t from = model.len;

	hdr->id = put_name(rng);
	hdr->name = since(from);
	if (rng_below(rng, 8) == 0)
		put_blanks(rng);
	put(":");
	hdr->folded = put_lws(rng);
	from = model.len;
	hdr->folded |= put_value(rng);
	hdr->value = since(from);
	hdr->folded |= rng_below(rng, 4) == 0 && put_lws(rng);
	put("\r\n");
}

static void put_known(const char *name, unsigned id, const char *value)
{
	struct expected *hdr = &model.hdrs[model.nhdrs++];
	size_t from = model.len;

	put(name);
	hdr->id = id;
	hdr->folded = false;
	hdr->name = since(from);
	put(": ");
	from = model.len;
	put(value);
	hdr->value = since(from);
	put("\r\n");
}

static void put_some(struct rng *rng)
{
	for (uint64_t n = rng_below(rng, 6); n; n--)
		put_header(rng);
}

static void model_make(struct rng *rng)
{
	model.len = 0;
	model.nhdrs = 0;
	put("MESSAGE sip:h SIP/2.0\r\n");
	put_some(rng);
	put_known("Via", SIP_HDR_VIA, "SIP/2.0/UDP h");
	put_some(rng);
	put_known("From", SIP_HDR_FROM, "<sip:a@h>;tag=1");
	put_known("t", SIP_HDR_TO, "<sip:b@h>");
	put_some(rng);
	put_known("Call-ID", SIP_HDR_CALL_ID, "c");
	put_some(rng);
	put_known("CSeq", SIP_HDR_CSEQ, "1 MESSAGE");
	put_known("Content-Length", SIP_HDR_CONTENT_LENGTH, "4");
	put_some(rng);
	put("\r\nbody");
}

/* A slice, or an empty one at any place. */
static bool same(struct sip_slice a, struct sip_slice b)
{
	return a.len == b.len && (a.len == 0 || a.off == b.off);
}

static void model_compare(const struct sip_msg *msg, unsigned round)
{
	cr_assert_eq(msg->nhdrs, model.nhdrs, "round %u", round);
	for (unsigned i = 0; i < model.nhdrs; i++) {
		const struct expected *hdr = &model.hdrs[i];

		cr_assert(same(msg->hdrs[i].name, hdr->name), "round %u, name %u", round, i);
		cr_assert(same(msg->hdrs[i].value, hdr->value), "round %u, value %u", round, i);
		cr_assert_eq(msg->hdrs[i].id, hdr->id, "round %u, id %u", round, i);
		cr_assert_eq(msg->hdrs[i].folded, hdr->folded, "round %u, fold %u", round, i);
	}
	cr_assert_eq(msg->body.len, 4);
	cr_assert_eq(msg->len, model.len);
}

Test(parse_model, headers_come_back_as_they_were_written)
{
	static struct sip_msg msg;
	struct rng rng = {7};

	for (unsigned round = 0; round < 5000; round++) {
		enum sip_framing framing = round & 1 ? SIP_STREAM : SIP_DATAGRAM;
		enum sip_parse_result result;

		model_make(&rng);
		result = sip_parse(&msg, guard_behind(model.text, model.len), model.len, framing);
		cr_assert_eq(result, SIP_PARSE_OK, "round %u: %s\n%.*s", round, msg.why,
			     (int)model.len, model.text);
		cr_assert_null(sip_check(&msg, model.len, framing, result));
		model_compare(&msg, round);
	}
}
