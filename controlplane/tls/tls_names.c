/* SPDX-License-Identifier: BSD-3-Clause */
/* Who a certificate says that somebody is. limen-controlplane, any thread. */
#include "controlplane/tls/tls_names.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

#include "common/net/addr.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static struct span text_of(const ASN1_STRING *string)
{
	int len = string ? ASN1_STRING_length(string) : 0;

	return len > 0 ? span_of((const char *)ASN1_STRING_get0_data(string), (size_t)len)
		       : SPAN_NONE;
}

/* Letters, digits, hyphens and dots in labels; as IDs are resolved underscores too. What has a NUL
 * or anything else within is no name. */
static bool is_domain(struct span name, bool wildcards)
{
	size_t label = 0;

	if (wildcards && name.len > 2 && name.ptr[0] == '*' && name.ptr[1] == '.')
		name = span_of(name.ptr + 2, name.len - 2);
	for (size_t i = 0; i < name.len; i++) {
		char c = lower(name.ptr[i]);

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
		} else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			   c == '_') {
			if (++label > 63)
				return false;
		} else {
			return false;
		}
	}
	return label > 0;
}

static void add(struct tls_names *names, struct span name)
{
	char *to;

	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	if (!name.len || name.len > TLS_NAME_BYTES_MAX || names->n == TLS_NAMES_MAX ||
	    tls_names_have(names, name))
		return;
	to = names->list[names->n++];
	for (size_t i = 0; i < name.len; i++)
		to[i] = lower(name.ptr[i]);
	to[name.len] = '\0';
}

static void add_domain(struct tls_names *names, struct span name, bool wildcards)
{
	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	if (is_domain(name, wildcards))
		add(names, name);
}

static void add_address(struct tls_names *names, uint8_t family, const struct net_addr *addr)
{
	char text[64];
	struct cursor out = cursor_on(text, sizeof(text));

	put_addr(&out, family, addr);
	add(names, cursor_span(&out));
}

/* An address is kept as limen writes it, so that it is compared as text. */
static void add_host(struct tls_names *names, struct span host)
{
	struct net_addr addr;
	uint8_t family;

	if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = span_of(host.ptr + 1, host.len - 2);
	if (!net_addr_parse(host, &addr, &family))
		add_address(names, family, &addr);
	else
		add_domain(names, host, false);
}

/* The host of "sip:host"; one with a user is a person's, not a domain's. */
static bool sip_host(struct span uri, struct span *host)
{
	size_t len;

	if (uri.len < 5 || !span_ieq(span_of(uri.ptr, 4), SPAN("sip:")) ||
	    memchr(uri.ptr, '@', uri.len))
		return false;
	*host = span_of(uri.ptr + 4, uri.len - 4);
	for (len = 0; len < host->len && host->ptr[len] != ';' && host->ptr[len] != '?'; len++)
		;
	host->len = len;
	if (host->len && host->ptr[0] == '[') { /* [fd00::1]:5061 */
		const char *end = memchr(host->ptr, ']', host->len);

		if (!end)
			return false;
		host->len = (size_t)(end - host->ptr) + 1;
		return true;
	}
	for (len = 0; len < host->len && host->ptr[len] != ':'; len++)
		;
	host->len = len;
	return host->len > 0;
}

static void add_ip(struct tls_names *names, const ASN1_OCTET_STRING *octets)
{
	struct span bytes = text_of(octets);
	struct net_addr addr = {0};

	if (bytes.len != 4 && bytes.len != 16)
		return;
	memcpy(addr.ip, bytes.ptr, bytes.len);
	add_address(names, bytes.len == 4 ? NET_IP4 : NET_IP6, &addr);
}

/* Of one type. Whether there was any. */
static bool add_of_type(struct tls_names *names, const GENERAL_NAMES *sans, int type,
			bool wildcards)
{
	bool any = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++) {
		const GENERAL_NAME *san = sk_GENERAL_NAME_value(sans, i);
		struct span host;

		if (san->type != type)
			continue;
		if (type == GEN_URI) {
			if (!sip_host(text_of(san->d.uniformResourceIdentifier), &host))
				continue;
			add_host(names, host);
		} else if (type == GEN_DNS) {
			add_domain(names, text_of(san->d.dNSName), wildcards);
		} else {
			add_ip(names, san->d.iPAddress);
		}
		any = true;
	}
	return any;
}

/* The last of them is the most specific one. */
static void add_common_name(struct tls_names *names, const X509 *certificate, bool wildcards)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = -1, next;
	unsigned char *utf8;
	int len;

	while ((next = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
		at = next;
	if (at < 0)
		return;
	len = ASN1_STRING_to_UTF8(
		&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len < 0)
		return;
	add_domain(names, span_of((const char *)utf8, (size_t)len), wildcards);
	OPENSSL_free(utf8);
}

static struct tls_names *read_names(const X509 *certificate, bool served)
{
	size_t most = sizeof(struct tls_names) + (size_t)TLS_NAMES_MAX *
							 (TLS_NAME_BYTES_MAX + 1);
	struct tls_names *names = calloc(1, most), *fitting;
	int critical;
	GENERAL_NAMES *sans;

	if (!names)
		return NULL;
	sans = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
	if (sans) {
		bool sip = add_of_type(names, sans, GEN_URI, served);

		if (!sip || served)
			add_of_type(names, sans, GEN_DNS, served);
		add_of_type(names, sans, GEN_IPADD, served);
		GENERAL_NAMES_free(sans);
	} else if (critical == -1) { /* there is none, rather than a broken one */
		add_common_name(names, certificate, served);
	}
	fitting = realloc(names, sizeof(*names) + names->n * sizeof(names->list[0]));
	return fitting ? fitting : names;
}

struct tls_names *tls_names_of(const X509 *certificate)
{
	return read_names(certificate, false);
}

struct tls_names *tls_names_served(const X509 *certificate)
{
	return read_names(certificate, true);
}

bool tls_names_have(const struct tls_names *names, struct span host)
{
	if (host.len && host.ptr[host.len - 1] == '.')
		host.len--;
	for (unsigned i = 0; names && i < names->n; i++) {
		if (span_ieq(span_str(names->list[i]), host))
			return true;
	}
	return false;
}
