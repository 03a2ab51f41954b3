/* SPDX-License-Identifier: BSD-3-Clause */
/* What OpenSSL asks in a handshake. limen-controlplane, loop thread. */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "controlplane/tls/tls_priv.h"

/* ---- the name that is asked for ---- */

static int by_name(const void *left, const void *right)
{
	return strcmp(left, ((const struct tls_served *)right)->name);
}

static const struct tls_served *find(const struct tls_profile *profile, const char *name)
{
	return profile->nserved ? bsearch(name, profile->served, profile->nserved,
					  sizeof(*profile->served), by_name)
				: NULL;
}

/* In lower case, without a dot at the end; "" for what is no name. */
static void tidy(const char *asked, char name[TLS_NAME_BYTES_MAX + 1])
{
	size_t len = strlen(asked);

	if (len && asked[len - 1] == '.')
		len--;
	if (len > TLS_NAME_BYTES_MAX)
		len = 0;
	for (size_t i = 0; i < len; i++)
		name[i] = asked[i] >= 'A' && asked[i] <= 'Z' ? (char)(asked[i] | 0x20) : asked[i];
	name[len] = '\0';
}

/* The whole name, else one label of it by a wildcard, else the first group: a client that asks for
 * another name finds out by itself whether it wants what it gets. */
static unsigned group_for(const struct tls_profile *profile, const char *asked)
{
	char name[TLS_NAME_BYTES_MAX + 2];
	const struct tls_served *served;
	char *dot;

	tidy(asked, name);
	served = find(profile, name);
	dot = served ? NULL : strchr(name, '.');
	if (dot && dot > name) {
		dot[-1] = '*';
		served = find(profile, dot - 1);
	}
	return served ? served->group : 0;
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_profile *profile = arg;
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	unsigned group = asked ? group_for(profile, asked) : 0;

	if (group && !SSL_set_SSL_CTX(ssl, profile->groups[group].server))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

/* ---- the protocol inside ---- */

/* Whoever says what he speaks must speak SIP: what was meant for another server is not mixed up
 * with it (RFC 7301 section 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		   const unsigned char *in, unsigned in_len, void *arg)
{
	struct tls_conn *conn = SSL_get_app_data(ssl);
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_len, (const unsigned char *)TLS_ALPN,
				  sizeof(TLS_ALPN) - 1, in, in_len) == OPENSSL_NPN_NEGOTIATED) {
		*out = chosen;
		return SSL_TLSEXT_ERR_OK;
	}
	if (conn)
		conn->failure = TLS_PROTOCOL;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- sessions ---- */

static int on_ticket(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac, int seal)
{
	const struct tls_conn *conn = SSL_get_app_data(ssl);
	uint64_t now_ns = clock_mono_ns();
	int opened;

	if (!conn)
		return 0;
	if (seal)
		return tls_tickets_seal(conn->profile->keys, now_ns,
					conn->profile->ticket_rotate_ns, name, iv, cipher, mac);
	opened = tls_tickets_open(conn->profile->keys, now_ns, conn->profile->ticket_rotate_ns,
				  name, iv, cipher, mac);
	/* clients of TLS 1.3 use a ticket once (RFC 8446 appendix C.4): they get the next one */
	return opened == 1 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : opened;
}

/* Of a client. Non-zero: the session is kept. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	const struct tls_conn *conn = SSL_get_app_data(ssl);

	if (!conn || conn->accepted || !conn->profile->tickets ||
	    !SSL_SESSION_is_resumable(session))
		return 0;
	tls_sessions_put(conn->store->sessions, &conn->peer, conn->realm, conn->server_name,
			 session);
	return 1;
}

/* ---- the staple ---- */

static const struct tls_certificate *shown(const struct tls_profile *profile, const SSL *ssl)
{
	const X509 *leaf = SSL_get_certificate(ssl);

	for (unsigned g = 0; g < profile->ngroups; g++) {
		for (unsigned k = 0; k < TLS_KEY_KINDS; k++) {
			const struct tls_certificate *certificate = profile->groups[g].of[k];

			if (certificate && certificate->leaf == leaf)
				return certificate;
		}
	}
	return NULL;
}

static int on_status_request(SSL *ssl, void *arg)
{
	const struct tls_certificate *certificate = shown(arg, ssl);
	unsigned char *copy;

	if (!certificate || !tls_certificate_ocsp_good(certificate, (int64_t)time(NULL)))
		return SSL_TLSEXT_ERR_NOACK;
	copy = OPENSSL_memdup(certificate->ocsp, certificate->ocsp_len);
	if (!copy)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)certificate->ocsp_len);
	return SSL_TLSEXT_ERR_OK;
}

/* ---- for debugging ---- */

static void on_secret(const SSL *ssl, const char *line)
{
	const struct tls_conn *conn = SSL_get_app_data(ssl);
	char text[512];
	int len;

	if (!conn || conn->profile->keylog_fd < 0)
		return;
	len = snprintf(text, sizeof(text), "%s\n", line);
	if (len > 0 && (size_t)len < sizeof(text))
		(void)!write(conn->profile->keylog_fd, text, (size_t)len);
	OPENSSL_cleanse(text, sizeof(text));
}

void tls_callbacks_server(SSL_CTX *ctx, const struct tls_profile *profile)
{
	void *arg = (void *)(uintptr_t)profile; /* only looked at */

	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, arg);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_set_tlsext_status_cb(ctx, on_status_request);
	SSL_CTX_set_tlsext_status_arg(ctx, arg);
	if (profile->keylog_fd >= 0)
		SSL_CTX_set_keylog_callback(ctx, on_secret);
}

void tls_callbacks_client(SSL_CTX *ctx, const struct tls_profile *profile)
{
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	if (profile->verify_peer) {
		SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
		SSL_CTX_set_tlsext_status_cb(ctx, tls_verify_staple);
	}
	if (profile->keylog_fd >= 0)
		SSL_CTX_set_keylog_callback(ctx, on_secret);
}
