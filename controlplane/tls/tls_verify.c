/* SPDX-License-Identifier: BSD-3-Clause */
/* What OpenSSL does not look at by itself: what a certificate is for, and the OCSP response that
 * came with it. limen-controlplane, loop thread. */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "controlplane/tls/tls_priv.h"

#define SIP_DOMAIN     "1.3.6.1.5.5.7.3.20" /* id-kp-sipDomain, RFC 5924 */
#define STATUS_REQUEST 5		    /* RFC 7633: the extension that must be answered */
#define CLOCK_SKEW_S   300L

static bool for_sip(const ASN1_OBJECT *usage)
{
	char text[64];

	switch (OBJ_obj2nid(usage)) {
	case NID_server_auth:
	case NID_client_auth:
	case NID_anyExtendedKeyUsage:
		return true;
	}
	OBJ_obj2txt(text, sizeof(text), usage, 1);
	return strcmp(text, SIP_DOMAIN) == 0;
}

bool tls_certificate_usable(X509 *certificate)
{
	int critical;
	EXTENDED_KEY_USAGE *usages =
		X509_get_ext_d2i(certificate, NID_ext_key_usage, &critical, NULL);
	bool usable = !usages && critical == -1;

	for (int i = 0; usages && i < sk_ASN1_OBJECT_num(usages); i++)
		usable |= for_sip(sk_ASN1_OBJECT_value(usages, i));
	sk_ASN1_OBJECT_pop_free(usages, ASN1_OBJECT_free);
	return usable;
}

static bool must_staple(const X509 *certificate)
{
	TLS_FEATURE *features = X509_get_ext_d2i(certificate, NID_tlsfeature, NULL, NULL);
	bool must = false;

	for (int i = 0; features && i < sk_ASN1_INTEGER_num(features); i++)
		must |= ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == STATUS_REQUEST;
	sk_ASN1_INTEGER_pop_free(features, ASN1_INTEGER_free);
	return must;
}

enum staple { STAPLE_NONE, STAPLE_GOOD, STAPLE_REVOKED };

static enum staple status_of(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer)
{
	ASN1_GENERALIZEDTIME *revoked, *this_update, *next_update;
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, leaf, issuer);
	int status = V_OCSP_CERTSTATUS_UNKNOWN, reason;
	bool found = id && OCSP_resp_find_status(basic, id, &status, &reason, &revoked,
						 &this_update, &next_update) == 1;

	OCSP_CERTID_free(id);
	if (!found || OCSP_check_validity(this_update, next_update, CLOCK_SKEW_S, -1) != 1)
		return STAPLE_NONE;
	if (status == V_OCSP_CERTSTATUS_REVOKED)
		return STAPLE_REVOKED;
	return status == V_OCSP_CERTSTATUS_GOOD ? STAPLE_GOOD : STAPLE_NONE;
}

/* What the response proves, about the leaf of a chain that has been verified. */
static enum staple read_staple(SSL *ssl, const unsigned char *bytes, long len)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &bytes, len);
	OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
	X509_STORE *roots = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
	enum staple staple = STAPLE_NONE;

	if (basic && sk_X509_num(chain) > 1 &&
	    OCSP_basic_verify(basic, chain, roots, OCSP_TRUSTOTHER) == 1)
		staple = status_of(basic, sk_X509_value(chain, 0), sk_X509_value(chain, 1));
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return staple;
}

int tls_verify_staple(SSL *ssl, void *arg)
{
	struct tls_conn *conn = SSL_get_app_data(ssl);
	const X509 *leaf = SSL_get0_peer_certificate(ssl);
	enum staple staple = STAPLE_NONE;
	const unsigned char *bytes;
	long len;

	/* the response came with the session's first handshake */
	if (SSL_session_reused(ssl) || !leaf)
		return 1;
	len = SSL_get_tlsext_status_ocsp_resp(ssl, &bytes);
	if (bytes && len > 0)
		staple = read_staple(ssl, bytes, len);
	if (staple == STAPLE_GOOD || (staple == STAPLE_NONE && !must_staple(leaf)))
		return 1;
	if (conn)
		conn->failure = staple == STAPLE_REVOKED ? TLS_REVOKED : TLS_STAPLE;
	return 0;
}
