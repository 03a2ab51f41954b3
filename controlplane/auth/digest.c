/* SPDX-License-Identifier: BSD-3-Clause */
/* Digest access authentication: text in, hashes out. limen-controlplane, any thread. */
#include "controlplane/auth/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "common/sip/sip_msg.h"

static const struct {
	const char *name, *openssl;
	unsigned bytes;
} algorithms[DIGEST_ALGORITHMS_END] = {
#define X(sym, name_, bytes_, openssl_) {name_, openssl_, bytes_},
	DIGEST_ALGORITHMS(X)
#undef X
};

/* Fetched once: a fetch costs more than the hash. They live as long as the process. */
static const EVP_MD *fetched[DIGEST_ALGORITHMS_END];
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch_all(void)
{
	for (unsigned i = 0; i < DIGEST_ALGORITHMS_END; i++)
		fetched[i] = EVP_MD_fetch(NULL, algorithms[i].openssl, NULL);
}

const char *digest_name(enum digest_algorithm algorithm)
{
	return algorithms[algorithm].name;
}

unsigned digest_bytes(enum digest_algorithm algorithm)
{
	return algorithms[algorithm].bytes;
}

bool digest_from_name(struct span name, enum digest_algorithm *algorithm)
{
	*algorithm = DIGEST_MD5;
	for (unsigned i = 0; name.len && i < DIGEST_ALGORITHMS_END; i++) {
		*algorithm = (enum digest_algorithm)i;
		if (span_ieq(name, span_str(algorithms[i].name)))
			return true;
	}
	return name.len == 0;
}

bool digest_hash(enum digest_algorithm algorithm, const struct span *parts, unsigned nparts,
		 unsigned char hash[DIGEST_BYTES_MAX])
{
	static _Thread_local EVP_MD_CTX *context; /* kept: one for each thread that hashes */
	bool good;

	pthread_once(&fetch_once, fetch_all);
	if (!context)
		context = EVP_MD_CTX_new();
	good = context && fetched[algorithm] &&
	       EVP_DigestInit_ex2(context, fetched[algorithm], NULL);
	for (unsigned i = 0; i < nparts && good; i++)
		good = !parts[i].len || EVP_DigestUpdate(context, parts[i].ptr, parts[i].len);
	return good && EVP_DigestFinal_ex(context, hash, NULL);
}

bool digest_ha1(enum digest_algorithm algorithm, struct span user, struct span realm,
		struct span password, unsigned char ha1[DIGEST_BYTES_MAX])
{
	const struct span parts[] = {user, SPAN(":"), realm, SPAN(":"), password};

	return digest_hash(algorithm, parts, 5, ha1);
}

void put_hex(struct cursor *out, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		put_char(out, "0123456789abcdef"[bytes[i] >> 4]);
		put_char(out, "0123456789abcdef"[bytes[i] & 15]);
	}
}

static int hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

bool read_hex(struct span text, unsigned char *bytes, size_t len)
{
	if (text.len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text.ptr[2 * i]), low = hex_digit(text.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* A hash as its digits, which is how one goes into the next. */
struct hex {
	char text[DIGEST_HEX_MAX];
	unsigned len;
};

static struct span hex_of(struct hex *hex, const unsigned char *bytes, unsigned len)
{
	struct cursor out = cursor_on(hex->text, sizeof(hex->text));

	put_hex(&out, bytes, len);
	return cursor_span(&out);
}

/* RFC 7616 section 3.4.3. */
static bool hash_a2(const struct digest_request *r, unsigned char hash[DIGEST_BYTES_MAX])
{
	bool integrity = span_ieq(r->qop, SPAN("auth-int"));
	struct span a2[] = {r->method, SPAN(":"), r->uri, SPAN(":"), SPAN_NONE};
	struct hex body;

	if (integrity) {
		if (!digest_hash(r->algorithm, &r->body, 1, hash))
			return false;
		a2[4] = hex_of(&body, hash, digest_bytes(r->algorithm));
	}
	return digest_hash(r->algorithm, a2, integrity ? 5 : 3, hash);
}

bool digest_response(const struct digest_request *r, const unsigned char *ha1,
		     char text[DIGEST_HEX_MAX], unsigned *len)
{
	unsigned bytes = digest_bytes(r->algorithm);
	unsigned char hash[DIGEST_BYTES_MAX];
	struct hex first, second, last;
	struct span digits;

	if (!hash_a2(r, hash))
		return false;
	const struct span colon = SPAN(":"), h1 = hex_of(&first, ha1, bytes),
			  h2 = hex_of(&second, hash, bytes);
	const struct span with[] = {h1,    colon,  r->nonce, colon, r->nc, colon, r->cnonce, colon,
				    r->qop, colon, h2};
	const struct span without[] = {h1, colon, r->nonce, colon, h2};

	if (!(r->qop.len ? digest_hash(r->algorithm, with, 11, hash)
			 : digest_hash(r->algorithm, without, 5, hash)))
		return false;
	digits = hex_of(&last, hash, bytes);
	memcpy(text, digits.ptr, digits.len);
	*len = (unsigned)digits.len;
	return true;
}

/* ---- reading ---- */

/* The text between its quotes, or as it is. */
static struct span unquoted(struct span value)
{
	if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
		return span_of(value.ptr + 1, value.len - 2);
	return value;
}

/* The user's name without backslashes. False for one too long. */
static bool take_user(struct digest_params *params, struct span quoted)
{
	size_t len = 0;

	for (size_t i = 0; i < quoted.len; i++) {
		if (quoted.ptr[i] == '\\' && i + 1 < quoted.len)
			i++;
		if (len == sizeof(params->user_text))
			return false;
		params->user_text[len++] = quoted.ptr[i];
	}
	params->user = span_of(params->user_text, len);
	return true;
}

static bool take(struct digest_params *p, struct span name, struct span value)
{
	struct {
		struct span name, *into;
	} const known[] = {
		{SPAN("realm"), &p->realm},       {SPAN("nonce"), &p->nonce},
		{SPAN("uri"), &p->uri},           {SPAN("response"), &p->response},
		{SPAN("algorithm"), &p->algorithm}, {SPAN("cnonce"), &p->cnonce},
		{SPAN("nc"), &p->nc},             {SPAN("qop"), &p->qop},
		{SPAN("opaque"), &p->opaque},
	};

	value = unquoted(value);
	if (span_ieq(name, SPAN("username")))
		return p->user.ptr == NULL && take_user(p, value);
	if (span_ieq(name, SPAN("stale")))
		p->stale = span_ieq(value, SPAN("true"));
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!span_ieq(name, known[i].name))
			continue;
		if (known[i].into->ptr)
			return false; /* twice: which one is meant? */
		*known[i].into = value;
	}
	return true;
}

int digest_parse(struct span line, struct digest_params *params)
{
	struct span item;

	*params = (struct digest_params){0};
	line = span_trim(line);
	if (line.len < 8 || !span_ieq(span_of(line.ptr, 6), SPAN("Digest")) ||
	    (line.ptr[6] != ' ' && line.ptr[6] != '\t' && line.ptr[6] != '\r'))
		return -EINVAL;
	line = span_of(line.ptr + 7, line.len - 7);
	while (sip_list_next(&line, &item)) {
		const char *eq;
		struct span name, value;

		item = span_trim(item);
		eq = item.len ? memchr(item.ptr, '=', item.len) : NULL;
		if (!eq)
			return -EINVAL;
		name = span_trim(span_of(item.ptr, (size_t)(eq - item.ptr)));
		value = span_trim(span_of(eq + 1, item.len - (size_t)(eq + 1 - item.ptr)));
		if (!take(params, name, value))
			return -EINVAL;
	}
	return params->realm.ptr && params->nonce.len ? 0 : -EINVAL;
}

bool digest_offers(struct span qop, struct span word)
{
	struct span item;

	while (sip_list_next(&qop, &item)) {
		if (span_ieq(span_trim(item), word))
			return true;
	}
	return false;
}
