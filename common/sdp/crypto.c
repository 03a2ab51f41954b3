/* SPDX-License-Identifier: BSD-3-Clause */
/* a=crypto read and written. Both processes, any thread. */
#include "common/sdp/crypto.h"
#include "common/sdp/sdp_line.h"

#include <errno.h>

#define TAG_DIGITS_MAX	  9u
#define LIFETIME_LOG2_MAX 48u /* RFC 3711 section 9.2 */
#define MATERIAL_MAX	  (SECURE_KEY_MAX + SECURE_SALT_MAX)

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of *rest, which then begins behind it. */
static struct span take_word(struct span *rest)
{
	struct span word = *rest;

	while (word.len && is_space(word.ptr[0]))
		word.ptr++, word.len--;
	rest->ptr = word.ptr;
	rest->len = word.len;
	while (rest->len && !is_space(rest->ptr[0]))
		rest->ptr++, rest->len--;
	word.len -= rest->len;
	return word;
}

/* What comes before `mark`; *rest then begins behind it. All of it where there is none. */
static struct span take_until(struct span *rest, char mark)
{
	const char *at = rest->len ? memchr(rest->ptr, mark, rest->len) : NULL;
	struct span part = *rest;

	if (!at) {
		*rest = SPAN_NONE;
		return part;
	}
	part.len = (size_t)(at - part.ptr);
	*rest = span_of(at + 1, rest->len - part.len - 1);
	return part;
}

static bool read_digits(struct span text, unsigned digits_max, uint64_t *value)
{
	*value = 0;
	if (text.len == 0 || text.len > digits_max)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		*value = 10 * *value + (uint64_t)(text.ptr[i] - '0');
	}
	return true;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Exactly `bytes` of them (RFC 4648 section 4); the padding may be missing, as some senders have
 * it. */
static bool read_base64(struct span text, uint8_t *out, unsigned bytes)
{
	unsigned chars = (bytes * 8 + 5) / 6, padded = (bytes + 2) / 3 * 4;
	uint32_t bits = 0;
	unsigned nbits = 0, at = 0;

	if (text.len != chars && text.len != padded)
		return false;
	for (unsigned i = 0; i < text.len; i++) {
		int value = base64_value(text.ptr[i]);

		if (i >= chars) {
			if (text.ptr[i] != '=')
				return false;
			continue;
		}
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		nbits += 6;
		if (nbits >= 8 && at < bytes) {
			nbits -= 8;
			out[at++] = (uint8_t)(bits >> nbits);
		}
	}
	return at == bytes;
}

/* "2^20" or "1048576": its logarithm, rounded down. */
static bool read_lifetime(struct span text, uint8_t *log2)
{
	uint64_t value;

	if (text.len > 2 && memcmp(text.ptr, "2^", 2) == 0) {
		if (!read_digits(span_of(text.ptr + 2, text.len - 2), 2, &value) ||
		    value > LIFETIME_LOG2_MAX)
			return false;
		*log2 = (uint8_t)value;
		return true;
	}
	if (!read_digits(text, 15, &value) || value == 0 || value > 1ull << LIFETIME_LOG2_MAX)
		return false;
	*log2 = (uint8_t)(63 - __builtin_clzll(value));
	return true;
}

/* "inline:" key||salt [ "|" lifetime ] [ "|" MKI ":" length ], and perhaps ";" another one. */
static int read_key(struct sdp_crypto *crypto, struct span params)
{
	const struct secure_suite_info *suite = secure_suite_info(crypto->key.suite);
	uint8_t material[MATERIAL_MAX];
	struct span first = take_until(&params, ';'), part;

	if (params.len)
		return -ENOTSUP;
	part = take_until(&first, ':');
	if (!span_ieq(part, SPAN("inline")))
		return first.len ? -ENOTSUP : -EINVAL;
	part = take_until(&first, '|');
	if (!read_base64(part, material, suite->key_bytes + suite->salt_bytes))
		return -EINVAL;
	memcpy(crypto->key.key, material, suite->key_bytes);
	memcpy(crypto->key.salt, material + suite->key_bytes, suite->salt_bytes);
	explicit_bzero(material, sizeof(material));
	crypto->lifetime_log2 = LIFETIME_LOG2_MAX;
	while (first.ptr) {
		part = take_until(&first, '|');
		if (part.len && memchr(part.ptr, ':', part.len))
			return -ENOTSUP;
		if (!read_lifetime(part, &crypto->lifetime_log2))
			return -EINVAL;
	}
	return 0;
}

static bool param_is_harmless(struct span param)
{
	uint64_t size;

	if (param.ptr[0] == '-')
		return true;
	return param.len > 4 && strncasecmp(param.ptr, "WSH=", 4) == 0 &&
	       read_digits(span_of(param.ptr + 4, param.len - 4), 6, &size);
}

int sdp_crypto_parse(struct sdp_crypto *crypto, struct span value)
{
	struct span word = take_word(&value);
	uint64_t tag;
	int err;

	memset(crypto, 0, sizeof(*crypto));
	if (!read_digits(word, TAG_DIGITS_MAX, &tag))
		return -EINVAL;
	crypto->tag = (uint32_t)tag;
	word = take_word(&value);
	crypto->key.suite = (uint8_t)secure_suite_of(word);
	word = take_word(&value);
	if (!word.len)
		err = -EINVAL;
	else
		err = crypto->key.suite == SECURE_NONE ? -ENOTSUP : read_key(crypto, word);
	for (word = take_word(&value); !err && word.len; word = take_word(&value))
		if (!param_is_harmless(word))
			err = -ENOTSUP;
	if (err)
		explicit_bzero(crypto, sizeof(*crypto));
	return err;
}

bool sdp_crypto_next(struct span *rest, struct sdp_crypto *crypto)
{
	struct sdp_line line;

	while (sdp_line_next(rest, &line)) {
		struct sdp_attr attr;

		if (line.type != 'a')
			continue;
		attr = sdp_attr_of(line.value);
		if (span_ieq(attr.name, SPAN("crypto")) && sdp_crypto_parse(crypto, attr.value) == 0)
			return true;
	}
	return false;
}

static void put_base64(struct cursor *out, const uint8_t *bytes, unsigned n)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (unsigned i = 0; i < n; i += 3) {
		unsigned left = n - i;
		uint32_t bits = (uint32_t)bytes[i] << 16 |
				(left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
				(left > 2 ? bytes[i + 2] : 0u);

		put_char(out, letters[bits >> 18]);
		put_char(out, letters[bits >> 12 & 63]);
		put_char(out, left > 1 ? letters[bits >> 6 & 63] : '=');
		put_char(out, left > 2 ? letters[bits & 63] : '=');
	}
}

void sdp_crypto_put(struct cursor *out, uint32_t tag, const struct secure_key *key)
{
	const struct secure_suite_info *suite = secure_suite_info(key->suite);
	uint8_t material[MATERIAL_MAX];

	memcpy(material, key->key, suite->key_bytes);
	memcpy(material + suite->key_bytes, key->salt, suite->salt_bytes);
	put_lit(out, "a=crypto:");
	put_u64(out, tag);
	put_char(out, ' ');
	put_span(out, span_str(suite->name));
	put_lit(out, " inline:");
	put_base64(out, material, suite->key_bytes + suite->salt_bytes);
	put_lit(out, "\r\n");
	explicit_bzero(material, sizeof(material));
}

void sdp_keys_put(struct cursor *out, const struct sdp_keys *keys)
{
	struct secure_key key;

	for (unsigned i = 0; i < keys->nsuites; i++) {
		secure_key_make(&key, keys->suites[i], keys->secret);
		sdp_crypto_put(out, keys->tag[i], &key);
	}
	explicit_bzero(&key, sizeof(key));
}
