/* SPDX-License-Identifier: BSD-3-Clause */
/* Header names: every spelling of every name finds its number, and nothing that is one letter
 * off. */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>
#include <ctype.h>

#include "guarded.h"
#include "../../../rng.h"

static const struct {
	enum sip_hdr_id id;
	const char *name;
	char compact;
} hdrs[] = {
#define X(sym, name, compact) {SIP_HDR_##sym, name, compact},
	SIP_HDRS(X)
#undef X
};

enum { NHDRS = sizeof(hdrs) / sizeof(hdrs[0]) };

Test(hdr_table, every_name_in_any_case)
{
	struct rng rng = {6};

	cr_assert_eq(NHDRS, SIP_HDR_IDS_END - 1);
	for (unsigned i = 0; i < NHDRS; i++) {
		for (unsigned round = 0; round < 20; round++) {
			char name[64];

			strcpy(name, hdrs[i].name);
			for (char *p = name; round && *p; p++)
				*p = (char)(rng_below(&rng, 2) ? toupper(*p) : tolower(*p));
			cr_expect_eq(sip_hdr_id_from(guarded(name)), hdrs[i].id, "%s", name);
		}
		cr_expect_str_eq(sip_hdr_name(hdrs[i].id), hdrs[i].name);
	}
}

Test(hdr_table, every_compact_form)
{
	unsigned known = 0;

	for (unsigned i = 0; i < NHDRS; i++) {
		char form[2] = {hdrs[i].compact};

		if (!form[0])
			continue;
		known++;
		cr_expect_eq(sip_hdr_id_from(guarded(form)), hdrs[i].id, "%s", form);
		form[0] = (char)toupper(form[0]);
		cr_expect_eq(sip_hdr_id_from(guarded(form)), hdrs[i].id, "%s", form);
	}
	for (unsigned c = 0; c < 256; c++) {
		char form = (char)c;

		known -= sip_hdr_id_from(span_of(&form, 1)) != SIP_HDR_OTHER && islower((int)c);
	}
	cr_expect_eq(known, 0, "forms that nobody listed");
}

static bool is_listed(const char *name)
{
	for (unsigned i = 0; i < NHDRS; i++)
		if (strcasecmp(hdrs[i].name, name) == 0 ||
		    (name[1] == '\0' && tolower(name[0]) == hdrs[i].compact))
			return true;
	return false;
}

Test(hdr_table, one_letter_off_is_another_header)
{
	for (unsigned i = 0; i < NHDRS; i++) {
		size_t len = strlen(hdrs[i].name);
		char name[64];

		for (size_t at = 0; at < len; at++) {
			for (unsigned c = 1; c < 256; c++) {
				strcpy(name, hdrs[i].name);
				name[at] = (char)c;
				cr_assert_eq(sip_hdr_id_from(span_of(name, len)) != SIP_HDR_OTHER,
					     is_listed(name), "%s", name);
			}
		}
		snprintf(name, sizeof(name), "%sx", hdrs[i].name);
		cr_expect_eq(sip_hdr_id_from(guarded(name)), SIP_HDR_OTHER, "%s", name);
		name[len - 1] = '\0';
		cr_expect_eq(sip_hdr_id_from(guarded(name)) != SIP_HDR_OTHER, is_listed(name), "%s",
			     name);
	}
}

Test(hdr_table, strangers)
{
	static const char *const others[] = {
		"",	    "X-Token",
		"z",	    "Content",
		"-",	    "Viaa",
		"Identity", "A-Name-That-Is-Longer-Than-Any-That-Limen-Knows-By-Number"};

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_eq(sip_hdr_id_from(guarded(others[i])), SIP_HDR_OTHER, "%s", others[i]);
	cr_expect_eq(sip_hdr_id_from(SPAN_NONE), SIP_HDR_OTHER);
	cr_expect_str_eq(sip_hdr_name(SIP_HDR_OTHER), "");
	cr_expect_str_eq(sip_hdr_name(SIP_HDR_IDS_END), "");
}
