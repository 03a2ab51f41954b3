/* SPDX-License-Identifier: BSD-3-Clause */
/* a=crypto: keys read and written as RFC 4568 has them, and what is refused. */
#include "common/sdp/crypto.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "../../../rng.h"

#define KEY30 "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz" /* RFC 4568 section 4.2 */

/* Flush at the end of its allocation, so that the sanitizer sees a read beyond. */
static int parse(struct sdp_crypto *crypto, const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, text, len);
	rc = sdp_crypto_parse(crypto, span_of(copy, len));
	free(copy);
	return rc;
}

Test(sdp_crypto, the_example_of_the_rfc)
{
	struct sdp_crypto c;

	cr_assert_eq(parse(&c, "1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30), 0);
	cr_expect_eq(c.tag, 1);
	cr_expect_eq(c.key.suite, SECURE_AES_CM_128_HMAC_SHA1_80);
	cr_expect_eq(c.lifetime_log2, 48);
	cr_expect_eq(memcmp(c.key.key, "YS___semctl () {", 16), 0);
	cr_expect_eq(memcmp(c.key.salt, "\t220;}\n}\nunles", 14), 0);
	cr_assert_eq(parse(&c, "999999999  aes_cm_128_hmac_sha1_32\tinline:" KEY30 "|2^20 WSH=64"),
		     0);
	cr_expect_eq(c.tag, 999999999);
	cr_expect_eq(c.key.suite, SECURE_AES_CM_128_HMAC_SHA1_32);
	cr_expect_eq(c.lifetime_log2, 20);
	cr_assert_eq(parse(&c, "2 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|1048577 -X=1"), 0);
	cr_expect_eq(c.lifetime_log2, 20);
}

Test(sdp_crypto, what_is_none_and_what_is_not_for_limen)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{"", -EINVAL},
		{"1", -EINVAL},
		{"x AES_CM_128_HMAC_SHA1_80 inline:" KEY30, -EINVAL},
		{"1234567890 AES_CM_128_HMAC_SHA1_80 inline:" KEY30, -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80", -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80 inline", -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:", -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "A", -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "AAAA", -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGV!",
		 -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubG==",
		 -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|", -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|0", -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|2^49", -EINVAL},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|2^", -EINVAL},
		{"1 F8_128_HMAC_SHA1_80 inline:" KEY30, -ENOTSUP},
		{"1 AES_CM_128_HMAC_SHA1_80 other:" KEY30, -ENOTSUP},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|2^20|1:4", -ENOTSUP},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 "|1:4", -ENOTSUP},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 ";inline:" KEY30, -ENOTSUP},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " KDR=1", -ENOTSUP},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " UNENCRYPTED_SRTP", -ENOTSUP},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " UNENCRYPTED_SRTCP", -ENOTSUP},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " UNAUTHENTICATED_SRTP", -ENOTSUP},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " WSH=x", -ENOTSUP},
		{"1 AES_CM_128_HMAC_SHA1_80 inline:" KEY30 " FEC_ORDER=FEC_SRTP", -ENOTSUP},
	};
	static const struct sdp_crypto none;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sdp_crypto c;

		cr_expect_eq(parse(&c, cases[i].text), cases[i].rc, "%s", cases[i].text);
		cr_expect_eq(memcmp(&c.key, &none.key, sizeof(c.key)), 0, "nothing is left of it");
	}
}

Test(sdp_crypto, every_suite_comes_back_as_it_was_written)
{
	struct rng rng = {.state = 5};

	for (unsigned n = 0; n < 2000; n++) {
		unsigned suite = 1 + (unsigned)rng_below(&rng, SECURE_SUITES - 1);
		const struct secure_suite_info *info = secure_suite_info(suite);
		struct secure_key key = {.suite = (uint8_t)suite};
		struct sdp_crypto c;
		char text[160];
		struct cursor out = cursor_on(text, sizeof(text));

		for (unsigned i = 0; i < info->key_bytes; i++)
			key.key[i] = (uint8_t)rng_next(&rng);
		for (unsigned i = 0; i < info->salt_bytes; i++)
			key.salt[i] = (uint8_t)rng_next(&rng);
		sdp_crypto_put(&out, n, &key);
		cr_assert_not(out.full);
		cr_assert_eq(memcmp(text, "a=crypto:", 9), 0);
		cr_assert_eq(memcmp(text + out.len - 2, "\r\n", 2), 0);
		/* Without its padding as well. */
		for (unsigned pad = 0; pad < 2; pad++) {
			struct span value = span_of(text + 9, out.len - 11);

			while (pad && value.ptr[value.len - 1] == '=')
				value.len--;
			cr_assert_eq(sdp_crypto_parse(&c, value), 0, "%.*s", SPAN_FMT(value));
			cr_expect_eq(c.tag, n);
			cr_expect(secure_key_eq(&c.key, &key));
		}
	}
}
