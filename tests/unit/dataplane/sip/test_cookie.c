/* SPDX-License-Identifier: BSD-3-Clause */
/* Cookies: read back what was put, under the same keys and kind alone; every changed character is
 * noticed. */
#include "dataplane/sip/cookie.h"

#include <criterion/criterion.h>

static const struct cookie_keys keys = {{{1, 2}}, {{3, 4}}, 0};

static struct span put(char *buf, uint64_t handle)
{
	struct cursor out = cursor_on(buf, COOKIE_CHARS);

	cookie_put(&out, &keys, COOKIE_LEG, handle);
	cr_assert(!out.full && out.len == COOKIE_CHARS);
	return cursor_span(&out);
}

Test(cookie, round_trip)
{
	static const uint64_t handles[] = {0, 1, 0x100000000ull, 0xfffffffffffffffeull,
					   0x0123456789abcdefull};
	char buf[COOKIE_CHARS];
	uint64_t handle;

	for (unsigned i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
		struct span text = put(buf, handles[i]);

		cr_expect_eq(cookie_read(&keys, COOKIE_LEG, text, &handle), COOKIE_GOOD);
		cr_expect_eq(handle, handles[i]);
		cr_expect_eq(cookie_read(&keys, COOKIE_TXN, text, &handle), COOKIE_FORGED,
			     "a tag is no branch");
	}
}

Test(cookie, any_changed_character_is_forged)
{
	char buf[COOKIE_CHARS];
	uint64_t handle;

	put(buf, 0x100000007ull);
	for (unsigned i = 0; i < COOKIE_CHARS; i++) {
		char was = buf[i];

		buf[i] = was == '0' ? '1' : '0';
		cr_expect_neq(cookie_read(&keys, COOKIE_LEG, span_of(buf, COOKIE_CHARS), &handle),
			      COOKIE_GOOD, "character %u", i);
		buf[i] = was;
	}
}

Test(cookie, survives_a_change_of_case)
{
	char buf[COOKIE_CHARS];
	uint64_t handle = 0;

	put(buf, 0x300000009ull);
	for (unsigned i = 0; i < COOKIE_CHARS; i++) {
		if (buf[i] >= 'a')
			buf[i] = (char)(buf[i] - 'a' + 'A');
	}
	cr_expect_eq(cookie_read(&keys, COOKIE_LEG, span_of(buf, COOKIE_CHARS), &handle),
		     COOKIE_GOOD);
	cr_expect_eq(handle, 0x300000009ull);
}

Test(cookie, other_texts_are_foreign)
{
	static const char *const texts[] = {"",
					    "abc",
					    "z9hG4bK-524287-1---7cc3e4ee",
					    "0123456789abcdefghijklmnow",
					    "0123456789abcdefghijklmnz-",
					    "00000000000000000000000009"};
	uint64_t handle;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_eq(cookie_read(&keys, COOKIE_LEG, span_str(texts[i]), &handle),
			     COOKIE_FOREIGN, "%s", texts[i]);
}

Test(cookie, handles_in_a_row_do_not_show)
{
	char a[COOKIE_CHARS], b[COOKIE_CHARS];
	unsigned same = 0;

	put(a, 0x100000000ull);
	put(b, 0x100000001ull);
	for (unsigned i = 0; i < COOKIE_CHARS; i++)
		same += a[i] == b[i];
	cr_expect_lt(same, 8, "%u of %u characters agree", same, COOKIE_CHARS);
}

/* All workers have the same keys and may have the same handle at the same time. */
Test(cookie, of_another_worker)
{
	static const enum cookie_kind kinds[] = {COOKIE_LEG, COOKIE_TXN};
	struct cookie_keys other = keys;
	char mine[COOKIE_CHARS], theirs[COOKIE_CHARS];
	struct cursor a, b;
	uint64_t handle;

	other.worker = 1;
	for (unsigned i = 0; i < 2; i++) {
		a = cursor_on(mine, sizeof(mine));
		b = cursor_on(theirs, sizeof(theirs));
		cookie_put(&a, &keys, kinds[i], 0x100000001ull);
		cookie_put(&b, &other, kinds[i], 0x100000001ull);
		cr_expect(!span_eq(cursor_span(&a), cursor_span(&b)));
		cr_expect_eq(cookie_read(&keys, kinds[i], cursor_span(&b), &handle), COOKIE_FORGED);
		cr_expect_eq(cookie_read(&other, kinds[i], cursor_span(&b), &handle), COOKIE_GOOD);
	}
	/* A leg's hidden name is written by one worker and read by another. */
	b = cursor_on(theirs, sizeof(theirs));
	cookie_put(&b, &other, COOKIE_REPLACES, 7);
	cr_expect_eq(cookie_read(&keys, COOKIE_REPLACES, cursor_span(&b), &handle), COOKIE_GOOD);
}
