/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP over TLS as a layer of controlplane/transport: connections with the certificates of their
 * realm, who the peer has proved to be, and why a handshake failed. limen-controlplane, loop
 * thread. */
#include "controlplane/tls/tls.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/log/json.h"
#include "common/log/log.h"
#include "controlplane/tls/tls_priv.h"

#define FAILURE_LINES_A_MINUTE 60u

struct tls {
	const struct tls_hooks *hooks; /* borrowed */
	void *arg;
	struct tls_store *store; /* held; NULL: none yet */
	struct tls_stats stats;
	struct log_limit lines;
};

struct tls *tls_new(const struct tls_hooks *hooks, void *arg)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return NULL;
	tls->hooks = hooks;
	tls->arg = arg;
	tls->lines = (struct log_limit){.window_ns = 60 * CLOCK_NS_PER_S,
					.burst = FAILURE_LINES_A_MINUTE};
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	tls_store_drop(tls->store);
	free(tls);
}

void tls_use(struct tls *tls, struct tls_store *store)
{
	struct tls_store *before = tls->store;

	tls->store = store ? tls_store_hold(store) : NULL;
	tls_store_drop(before);
}

void tls_stats(const struct tls *tls, struct tls_stats *stats)
{
	*stats = tls->stats;
}

/* ---- a connection ---- */

static void free_conn(struct tls_conn *conn)
{
	tls_store_drop(conn->store);
	free(conn);
}

static struct tls_conn *new_conn(struct tls *tls, const struct conn_info *info)
{
	struct tls_store *store = tls->store;
	int profile = store && info->realm < store->nrealms ? store->profile_of[info->realm] : -1;
	struct tls_conn *conn;

	if (profile < 0 || (info->accepted && !store->profiles[profile].ngroups))
		return NULL;
	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return NULL;
	conn->tls = tls;
	conn->store = tls_store_hold(store);
	conn->profile = &store->profiles[profile];
	conn->peer = info->peer;
	conn->realm = info->realm;
	conn->accepted = info->accepted;
	conn->failure = -1;
	return conn;
}

/* Told whom it is spoken to; and perhaps a session of before. */
static bool aim(struct tls_conn *conn, const struct conn_info *info, SSL *ssl)
{
	struct net_addr addr;
	SSL_SESSION *session;
	uint8_t family;

	conn->tls->hooks->server_name(conn->tls->arg, info, conn->server_name);
	/* an address is no name (RFC 6066 section 3) */
	if (*conn->server_name &&
	    net_addr_parse(span_str(conn->server_name), &addr, &family) != 0 &&
	    SSL_set_tlsext_host_name(ssl, conn->server_name) != 1)
		return false;
	session = tls_sessions_take(conn->store->sessions, &conn->peer, conn->realm,
				    conn->server_name);
	if (session) {
		SSL_set_session(ssl, session); /* one that does not fit is passed over */
		SSL_SESSION_free(session);
	}
	return true;
}

static SSL *new_ssl(struct tls_conn *conn, const struct conn_info *info)
{
	const struct tls_profile *profile = conn->profile;
	SSL *ssl = SSL_new(info->accepted ? profile->groups[0].server : profile->client);

	if (!ssl)
		return NULL;
	if (!SSL_set_app_data(ssl, conn) || (!info->accepted && !aim(conn, info, ssl))) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

static struct bufferevent *open_bev(void *arg, struct event_base *base, int fd,
				    struct conn *transport_conn)
{
	struct bufferevent *bev = NULL;
	struct tls_conn *conn;
	struct conn_info info;
	SSL *ssl;

	conn_info_get(transport_conn, &info);
	conn = new_conn(arg, &info);
	ssl = conn ? new_ssl(conn, &info) : NULL;
	ERR_clear_error();
	if (ssl)
		bev = bufferevent_openssl_socket_new(base, fd, ssl,
						     info.accepted ? BUFFEREVENT_SSL_ACCEPTING
								   : BUFFEREVENT_SSL_CONNECTING,
						     BEV_OPT_CLOSE_ON_FREE);
	if (!bev) { /* which frees the SSL, but not the fd */
		if (conn)
			free_conn(conn);
		close(fd);
		return NULL;
	}
	/* a SIP message tells its own length: nothing can be cut off unseen */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

static struct tls_conn *conn_of(struct bufferevent *bev, SSL **ssl)
{
	*ssl = bufferevent_openssl_get_ssl(bev);
	return *ssl ? SSL_get_app_data(*ssl) : NULL;
}

/* ---- who it is ---- */

static bool give_names(struct conn *conn, const struct tls_names *names)
{
	char *text = malloc(names->n * sizeof(names->list[0]) + 1);
	size_t len = 0;
	int err;

	if (!text)
		return false;
	for (unsigned i = 0; i < names->n; i++) {
		size_t bytes = strlen(names->list[i]) + 1;

		memcpy(text + len, names->list[i], bytes);
		len += bytes;
	}
	err = conn_set_names(conn, span_of(text, len));
	free(text);
	return err == 0;
}

/* -1: he is who he should be, as far as that is asked; else an enum tls_failure. */
static int look_at(struct tls_conn *conn, struct conn *transport_conn, SSL *ssl)
{
	bool verified = conn->accepted ? conn->profile->verify_client != CONF_VERIFY_NONE
				       : conn->profile->verify_peer;
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	struct tls_names *names;
	struct conn_info info;
	int failure = -1;

	if (!verified || (!certificate && conn->accepted))
		return -1;
	if (!certificate)
		return TLS_NO_CERTIFICATE;
	if (SSL_get_verify_result(ssl) != X509_V_OK)
		return TLS_UNTRUSTED;
	if (!tls_certificate_usable(certificate))
		return TLS_PURPOSE;
	names = tls_names_of(certificate);
	conn_info_get(transport_conn, &info);
	if (!names || !give_names(transport_conn, names))
		failure = TLS_OTHER;
	else if (!conn->accepted && !conn->tls->hooks->is_server(conn->tls->arg, &info, names))
		failure = TLS_NAME;
	else
		conn->tls->stats.clients_verified += conn->accepted;
	free(names);
	return failure;
}

static bool on_ready(void *arg, struct conn *transport_conn, struct bufferevent *bev,
		     const char **why)
{
	struct tls *tls = arg;
	struct tls_stats *stats = &tls->stats;
	SSL *ssl;
	struct tls_conn *conn = conn_of(bev, &ssl);

	if (!conn) {
		*why = tls_failure_text(TLS_OTHER);
		return false;
	}
	conn->failure = (int16_t)look_at(conn, transport_conn, ssl);
	if (conn->failure >= 0) {
		*why = tls_failure_text((enum tls_failure)conn->failure);
		return false;
	}
	conn->done = true;
	stats->accepted += conn->accepted;
	stats->opened += !conn->accepted;
	stats->resumed += SSL_session_reused(ssl) != 0;
	stats->tls_1_2 += SSL_version(ssl) == TLS1_2_VERSION;
	stats->tls_1_3 += SSL_version(ssl) == TLS1_3_VERSION;
	ERR_clear_error();
	return true;
}

/* ---- why it failed ---- */

static enum tls_failure of_verification(long result)
{
	switch (result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLS_EXPIRED;
	case X509_V_ERR_CERT_REVOKED:
		return TLS_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
		return TLS_NO_CRL;
	case X509_V_ERR_INVALID_PURPOSE:
		return TLS_PURPOSE;
	}
	return TLS_UNTRUSTED;
}

static enum tls_failure of_error(unsigned long error, const SSL *ssl)
{
	int reason = ERR_GET_REASON(error);

	if (reason >= SSL_AD_REASON_OFFSET)
		return TLS_ALERT;
	switch (reason) {
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
		return of_verification(SSL_get_verify_result(ssl));
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return TLS_NO_CERTIFICATE;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_NO_PROTOCOLS_AVAILABLE:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_WRONG_SSL_VERSION:
		return TLS_VERSION;
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
		return TLS_CIPHER;
	case SSL_R_NO_APPLICATION_PROTOCOL:
		return TLS_PROTOCOL;
	case SSL_R_INVALID_STATUS_RESPONSE:
		return TLS_STAPLE;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_UNKNOWN_PROTOCOL:
	case SSL_R_BAD_RECORD_TYPE:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
	case SSL_R_DATA_LENGTH_TOO_LONG:
	case SSL_R_LENGTH_MISMATCH:
	case SSL_R_LENGTH_TOO_SHORT:
	case SSL_R_UNEXPECTED_MESSAGE:
	case SSL_R_BAD_PROTOCOL_VERSION_NUMBER:
		return TLS_NOT_TLS;
	}
	return TLS_OTHER;
}

/* No error of TLS: the peer went, or it is waited for no longer. */
static enum tls_failure of_silence(struct bufferevent *bev)
{
	evutil_socket_t fd = bufferevent_getfd(bev);
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
			       (errno == EAGAIN || errno == EWOULDBLOCK)
		       ? TLS_LATE
		       : TLS_CLOSED;
}

static void tell(struct tls *tls, const struct tls_conn *conn, const SSL *ssl,
		 enum tls_failure failure, unsigned long error)
{
	const char *detail = failure == TLS_ALERT || failure == TLS_OTHER
				     ? ERR_reason_error_string(error)
			     : failure == TLS_UNTRUSTED || failure == TLS_NO_CRL
				     ? X509_verify_cert_error_string(SSL_get_verify_result(ssl))
				     : "";
	uint64_t held;

	if (!log_limit_pass(&tls->lines, clock_mono_ns(), &held))
		return;
	LOG(WARN, "tls", "no TLS with a peer", LOG_ENDPOINT("peer", &conn->peer),
	    LOG_STR("side", conn->accepted ? "it connected" : "limen connected"),
	    LOG_STR("why", tls_failure_text(failure)), LOG_STR("detail", detail ? detail : ""),
	    LOG_STR("server_name", conn->server_name), LOG_STR("tls", conn->profile->name),
	    LOG_U64("held_back", held));
}

static void on_closing(void *arg, struct conn *transport_conn, struct bufferevent *bev)
{
	struct tls *tls = arg;
	SSL *ssl;
	struct tls_conn *conn = conn_of(bev, &ssl);

	if (!conn)
		return;
	if (!conn->done) {
		unsigned long error = bufferevent_get_openssl_error(bev);
		enum tls_failure failure = conn->failure >= 0 ? (enum tls_failure)conn->failure
					   : error	      ? of_error(error, ssl)
							      : of_silence(bev);

		tls->stats.failed[failure]++;
		tell(tls, conn, ssl, failure, error);
	}
	SSL_set_app_data(ssl, NULL);
	free_conn(conn);
	ERR_clear_error();
}

/* ---- what limenctl shows ---- */

static void on_show(void *arg, const struct conn *transport_conn, struct bufferevent *bev,
		    struct cursor *out)
{
	SSL *ssl;
	const struct tls_conn *conn = conn_of(bev, &ssl);

	if (!conn || !conn->done)
		return;
	put_json_text(out, "tls_version", span_str(SSL_get_version(ssl)));
	put_json_text(out, "tls_cipher", span_str(SSL_get_cipher_name(ssl)));
	put_json_text(out, "tls_profile", span_str(conn->profile->name));
	put_json_u64(out, "tls_resumed", SSL_session_reused(ssl) != 0);
}

const struct transport_layer *tls_layer(void)
{
	static const struct transport_layer layer = {
		.open = open_bev, .ready = on_ready, .show = on_show, .closing = on_closing};

	return &layer;
}

const char *tls_failure_name(enum tls_failure failure)
{
	static const char *const names[TLS_FAILURES_END] = {
#define X(sym, name, text) #name,
		TLS_FAILURES(X)
#undef X
	};

	return names[failure];
}

const char *tls_failure_text(enum tls_failure failure)
{
	static const char *const texts[TLS_FAILURES_END] = {
#define X(sym, name, text) text,
		TLS_FAILURES(X)
#undef X
	};

	return texts[failure];
}
