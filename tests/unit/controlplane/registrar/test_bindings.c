/* SPDX-License-Identifier: BSD-3-Clause */
/* Tokens, bindings and REGISTERs on their way, against plain ones. */
#include "controlplane/registrar/bindings.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../rng.h"
#include "controlplane/registrar/pending.h"
#include "controlplane/registrar/token.h"

static const struct hash_key keys[2] = {{{1, 2}}, {{3, 4}}};

Test(token, is_read_as_written_and_nothing_else)
{
	struct rng rng = {5};
	char text[REGISTRAR_TOKEN_CHARS], odd[REGISTRAR_TOKEN_CHARS];

	for (unsigned i = 0; i < 1000; i++) {
		struct binding_id id = {{rng_next(&rng), rng_next(&rng)}}, back;
		unsigned at = (unsigned)rng_below(&rng, REGISTRAR_TOKEN_CHARS);

		token_write(&id, false, text);
		cr_assert(token_read(span_of(text, sizeof(text)), &back));
		cr_assert(binding_id_eq(&id, &back));
		memcpy(odd, text, sizeof(odd));
		odd[at] = "A1@\0 "[rng_below(&rng, 5)];
		cr_assert_not(token_read(span_of(odd, sizeof(odd)), &back));
	}
	cr_expect_not(token_read(span_of(text, sizeof(text) - 1), &(struct binding_id){{0}}));
	memcpy(odd, text, sizeof(odd));
	odd[REGISTRAR_TOKEN_CHARS - 1] = 'z';
	cr_expect_not(token_read(span_of(odd, sizeof(odd)), &(struct binding_id){{0}}),
		      "more bits than there are");
	cr_expect_not(token_read(SPAN("2001"), &(struct binding_id){{0}}));
}

Test(token, depends_on_every_part)
{
	struct binding_id one = token_id(keys, SPAN("t"), SPAN("u"), SPAN("sip:u@h"));
	struct hash_key other[2] = {keys[0], keys[1]};
	const struct binding_id differ[] = {
		token_id(keys, SPAN("t2"), SPAN("u"), SPAN("sip:u@h")),
		token_id(keys, SPAN("t"), SPAN("u2"), SPAN("sip:u@h")),
		token_id(keys, SPAN("t"), SPAN("u"), SPAN("sip:u@h2")),
		token_id(keys, SPAN("tu"), SPAN(""), SPAN("sip:u@h")),
	};
	struct binding_id same = token_id(keys, SPAN("t"), SPAN("u"), SPAN("sip:u@h"));

	cr_expect(binding_id_eq(&one, &same));
	for (size_t i = 0; i < sizeof(differ) / sizeof(differ[0]); i++)
		cr_expect_not(binding_id_eq(&one, &differ[i]), "%zu", i);
	other[1].k[0]++;
	same = token_id(other, SPAN("t"), SPAN("u"), SPAN("sip:u@h"));
	cr_expect_not(binding_id_eq(&one, &same), "both keys count");
}

#define USERS 300u

struct plain {
	bool in[USERS];
	uint64_t expires_s[USERS];
	unsigned source[USERS];
};

/* Every third shares its user with the one before. */
static struct binding make(unsigned i, char text[3][64])
{
	struct binding binding = {.id = {{i * 7919u, i}}};

	snprintf(text[0], 64, "trunk%u", i % 5);
	snprintf(text[1], 64, "user%u", i - i % 3 / 2);
	snprintf(text[2], 64, "sip:user%u@192.0.2.%u", i, i % 250);
	binding.trunk = span_str(text[0]);
	binding.user = span_str(text[1]);
	binding.contact = span_str(text[2]);
	return binding;
}

static void expect_same(const struct bindings *bindings, const struct plain *plain)
{
	uint64_t first = UINT64_MAX, told;
	unsigned count = 0;
	uint32_t number;

	for (unsigned i = 0; i < USERS; i++) {
		char text[3][64];
		struct binding wanted = make(i, text), got;

		cr_assert_eq(bindings_find(bindings, &wanted.id, &number), plain->in[i]);
		if (!plain->in[i])
			continue;
		count++;
		first = plain->expires_s[i] < first ? plain->expires_s[i] : first;
		cr_assert(bindings_get(bindings, number, &got));
		cr_assert(span_eq(got.trunk, wanted.trunk) && span_eq(got.user, wanted.user) &&
			  span_eq(got.contact, wanted.contact));
		cr_assert_eq(got.expires_s, plain->expires_s[i]);
		cr_assert_eq(got.source.port, plain->source[i]);
	}
	cr_assert_eq(bindings_count(bindings), count);
	cr_assert_eq(bindings_first(bindings, &number, &told), count > 0);
	cr_assert(!count || told == first);
}

static unsigned remove_user(struct bindings *bindings, struct plain *plain, unsigned i)
{
	char text[3][64];
	struct binding of = make(i, text), got;
	uint32_t at = 0, number;
	unsigned n = 0;

	while (bindings_of_user(bindings, of.trunk, of.user, &at, &number)) {
		cr_assert(bindings_get(bindings, number, &got));
		cr_assert(span_eq(got.user, of.user) && span_eq(got.trunk, of.trunk));
		plain->in[got.id.words[1]] = false;
		bindings_remove(bindings, number);
		n++;
	}
	return n;
}

Test(bindings, do_as_a_plain_list_does)
{
	struct bindings *bindings = bindings_new(&keys[0]);
	struct plain plain = {0};
	struct rng rng = {11};
	unsigned together = 0;

	for (unsigned turn = 0; turn < 6000; turn++) {
		unsigned i = (unsigned)rng_below(&rng, USERS);
		char text[3][64];
		struct binding binding = make(i, text);
		uint32_t number;

		switch (rng_below(&rng, 8)) {
		case 0:
			together += remove_user(bindings, &plain, i) > 1;
			break;
		case 1:
			if (bindings_find(bindings, &binding.id, &number)) {
				bindings_remove(bindings, number);
				plain.in[i] = false;
			}
			break;
		default:
			binding.expires_s = rng_below(&rng, 10000);
			binding.source.port = (uint16_t)turn;
			cr_assert_eq(bindings_put(bindings, &binding, &number), 0);
			plain.in[i] = true;
			plain.expires_s[i] = binding.expires_s;
			plain.source[i] = binding.source.port;
		}
		if (turn % 20 == 0)
			expect_same(bindings, &plain);
	}
	cr_expect_eq(together, 0, "trunks differ");
	expect_same(bindings, &plain);
	bindings_free(bindings);
}

/* One user at two phones: both are his. */
Test(bindings, a_user_may_have_several)
{
	struct bindings *bindings = bindings_new(&keys[0]);
	struct binding binding = {
		.trunk = SPAN("t"), .user = SPAN("kim"), .contact = SPAN("sip:1")};
	uint32_t number, at = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < 5; i++) {
		binding.id.words[0] = i;
		binding.user = i == 4 ? SPAN("lee") : SPAN("kim");
		cr_assert_eq(bindings_put(bindings, &binding, &number), 0);
	}
	while (bindings_of_user(bindings, SPAN("t"), SPAN("kim"), &at, &number)) {
		bindings_remove(bindings, number);
		n++;
	}
	cr_expect_eq(n, 4);
	cr_expect_eq(bindings_count(bindings), 1);
	bindings_free(bindings);
}

/* The bar: 100,000 users, at most 1 KiB each. */
Test(bindings, many_users_take_little_memory)
{
	enum { N = 100000 };
	struct bindings *bindings = bindings_new(&keys[0]);
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, bytes;
	uint32_t number;

	for (unsigned i = 0; i < N; i++) {
		char user[32], contact[128];
		struct binding binding = {.trunk = SPAN("customers"), .expires_s = i};

		snprintf(user, sizeof(user), "+4930%07u", i);
		snprintf(contact, sizeof(contact),
			 "sip:+4930%07u@192.168.100.%u:5060;transport=udp;line=abcdef0123456789", i,
			 i % 250);
		binding.user = span_str(user);
		binding.contact = span_str(contact);
		binding.id = token_id(keys, binding.trunk, binding.user, binding.contact);
		cr_assert_eq(bindings_put(bindings, &binding, &number), 0);
	}
	bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	cr_expect_lt(bytes / N, 1024, "%zu bytes a user", bytes / N);
	bindings_free(bindings);
}

Test(pending, found_once_and_timed_out_in_order)
{
	struct pendings *pendings = pendings_new();
	char contact[32];
	struct pending got, pending = {.trunk = SPAN("t"), .user = SPAN("u"), .n = 1};
	struct registration_id id, wanted = {UINT64_C(77) << 32, 1};
	uint64_t deadline;

	for (uint64_t i = 1; i <= 10000; i++) {
		pending.id = (struct registration_id){i << 32, (unsigned)i % 2};
		snprintf(contact, sizeof(contact), "sip:%llu@h", (unsigned long long)i);
		pending.contacts[0].uri = span_str(contact);
		cr_assert_eq(pendings_add(pendings, &pending, 20000 - i), 0);
	}
	cr_expect_eq(pendings_count(pendings), 10000);
	cr_assert(pendings_find(pendings, &wanted, &got));
	cr_expect(span_eq(got.contacts[0].uri, SPAN("sip:77@h")));
	pendings_remove(pendings, &wanted);
	pendings_remove(pendings, &wanted);
	cr_expect_not(pendings_find(pendings, &wanted, &got));
	wanted = (struct registration_id){UINT64_C(78) << 32, 1};
	cr_expect_not(pendings_find(pendings, &wanted, &got), "another worker's");
	pending.id = (struct registration_id){UINT64_C(9999) << 32, 1};
	cr_assert_eq(pendings_add(pendings, &pending, 1), 0, "asked again");
	cr_expect_eq(pendings_count(pendings), 9999);
	cr_assert(pendings_first(pendings, &id, &deadline));
	cr_expect_eq(id.ask_id, UINT64_C(9999) << 32);
	pendings_remove(pendings, &id);
	cr_assert(pendings_first(pendings, &id, &deadline));
	cr_expect_eq(deadline, 10000);
	pendings_free(pendings);
}
