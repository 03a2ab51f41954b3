/* SPDX-License-Identifier: BSD-3-Clause */
/* Who a certificate says that somebody is: RFC 5922 section 7. */
#include "controlplane/tls/tls_names.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "paper.h"

static void expect(const char *subject, const char *san, const char *wanted)
{
	const struct paper paper = {.subject = subject, .san = san};
	struct signer signer = paper_make(&paper, NULL);
	struct tls_names *names = tls_names_of(signer.certificate);
	char got[1024] = "";

	cr_assert_not_null(names);
	for (unsigned i = 0; i < names->n; i++) {
		strcat(got, i ? " " : "");
		strcat(got, names->list[i]);
	}
	cr_expect_str_eq(got, wanted, "CN=%s SAN=%s", subject, san);
	free(names);
	signer_free(&signer);
}

Test(tls_names, sip_uris_come_first_and_alone)
{
	expect("cn.example", "URI:sip:a.example", "a.example");
	expect("cn.example", "URI:SIP:A.Example,DNS:b.example", "a.example");
	expect(NULL, "DNS:b.example,URI:sip:a.example,URI:sip:c.example", "a.example c.example");
	expect(NULL, "URI:sip:a.example:5061;transport=tls", "a.example");
	expect(NULL, "URI:sip:[fd00::1]:5061", "fd00::1");
	expect(NULL, "URI:sip:192.0.2.1", "192.0.2.1");
}

Test(tls_names, uris_of_users_and_of_other_schemes_are_no_domains)
{
	expect(NULL, "URI:sip:alice@a.example,DNS:b.example", "b.example");
	expect(NULL, "URI:sips:a.example,DNS:b.example", "b.example");
	expect(NULL, "URI:https://a.example", "");
	expect(NULL, "URI:sip:", "");
}

Test(tls_names, dns_names_where_there_is_no_sip_uri)
{
	expect("cn.example", "DNS:A.example,DNS:b.example,DNS:a.EXAMPLE", "a.example b.example");
	expect("cn.example", "DNS:a.example.", "a.example");
	expect("cn.example", "IP:192.0.2.7,IP:fd00:0:0::1", "192.0.2.7 fd00::1");
	expect("cn.example", "email:x@y.example", "");
}

Test(tls_names, the_common_name_only_without_an_alternative)
{
	expect("CN.example", NULL, "cn.example");
	expect("Carrier A, Inc.", NULL, "");
	expect("*.cn.example", NULL, "");
	expect(NULL, NULL, "");
}

Test(tls_names, no_wildcards_and_no_odd_names)
{
	expect(NULL, "DNS:*.a.example,DNS:b.example", "b.example");
	expect(NULL, "DNS:a..example,DNS:.b.example,DNS:c_1.example", "c_1.example");
	expect(NULL, "DNS:a b.example", "");
}

/* A name with a NUL in it is another name to those who read it as C does. */
Test(tls_names, a_nul_in_a_name)
{
	static const char bytes[] = "good.example\0.evil.example";
	const struct paper paper = {.subject = "x"};
	struct signer signer = paper_make(&paper, NULL);
	GENERAL_NAMES *sans = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *san = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	struct tls_names *names;

	ASN1_STRING_set(text, bytes, sizeof(bytes) - 1);
	GENERAL_NAME_set0_value(san, GEN_DNS, text);
	sk_GENERAL_NAME_push(sans, san);
	cr_assert_eq(X509_add1_ext_i2d(signer.certificate, NID_subject_alt_name, sans, 0, 0), 1);
	names = tls_names_of(signer.certificate);
	cr_expect_eq(names->n, 0);
	free(names);
	GENERAL_NAMES_free(sans);
	signer_free(&signer);
}

Test(tls_names, are_compared_whole_and_in_any_case)
{
	const struct paper paper = {.san = "DNS:sip.a.example,IP:fd00::1"};
	struct signer signer = paper_make(&paper, NULL);
	struct tls_names *names = tls_names_of(signer.certificate);

	cr_expect(tls_names_have(names, SPAN("sip.a.example")));
	cr_expect(tls_names_have(names, SPAN("SIP.A.Example.")));
	cr_expect(tls_names_have(names, SPAN("fd00::1")));
	cr_expect_not(tls_names_have(names, SPAN("a.example")));
	cr_expect_not(tls_names_have(names, SPAN("x.sip.a.example")));
	cr_expect_not(tls_names_have(names, SPAN("*.a.example")));
	cr_expect_not(tls_names_have(names, SPAN("")));
	cr_expect_not(tls_names_have(NULL, SPAN("a.example")));
	free(names);
	signer_free(&signer);
}

Test(tls_names, a_server_is_asked_for_all_of_them)
{
	const struct paper paper = {.san = "URI:sip:a.example,DNS:*.b.example,DNS:c.example"};
	struct signer signer = paper_make(&paper, NULL);
	struct tls_names *names = tls_names_served(signer.certificate);

	cr_expect_eq(names->n, 3);
	cr_expect_str_eq(names->list[0], "a.example");
	cr_expect_str_eq(names->list[1], "*.b.example");
	free(names);
	signer_free(&signer);
}
