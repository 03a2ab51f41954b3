/* SPDX-License-Identifier: BSD-3-Clause */
/* Two sides of a TLS connection in memory. */
#include "handshake.h"

#include <criterion/criterion.h>
#include <openssl/err.h>

static void give_ssl(struct side *side, SSL_CTX *ctx, bool server)
{
	side->ssl = SSL_new(ctx);
	cr_assert_not_null(side->ssl);
	if (server)
		SSL_set_accept_state(side->ssl);
	else
		SSL_set_connect_state(side->ssl);
}

struct side side_of(SSL_CTX *ctx, bool server)
{
	struct side side = {0};

	give_ssl(&side, ctx, server);
	return side;
}

static struct side of_limen(struct tls_store *store, bool server)
{
	struct side side = {.conn = {.store = tls_store_hold(store),
				     .profile = &store->profiles[0],
				     .accepted = server,
				     .failure = -1}};

	give_ssl(&side, server ? store->profiles[0].groups[0].server : store->profiles[0].client,
		 server);
	return side;
}

struct side side_server(struct tls_store *store)
{
	return of_limen(store, true);
}

struct side side_client(struct tls_store *store, const char *server_name)
{
	struct side side = of_limen(store, false);
	SSL_SESSION *session;

	strcpy(side.conn.server_name, server_name);
	if (*server_name)
		SSL_set_tlsext_host_name(side.ssl, server_name);
	session = tls_sessions_take(store->sessions, &side.conn.peer, 0, server_name);
	if (session)
		SSL_set_session(side.ssl, session);
	SSL_SESSION_free(session);
	return side;
}

void side_free(struct side *side)
{
	SSL_free(side->ssl);
	tls_store_drop(side->conn.store);
}

static void step(struct side *side)
{
	if (side->result == 1)
		return;
	ERR_clear_error();
	side->result = SSL_do_handshake(side->ssl);
	if (side->result != 1 && SSL_get_error(side->ssl, side->result) == SSL_ERROR_SSL)
		side->error = ERR_peek_error();
}

bool handshake(struct side *server, struct side *client)
{
	BIO *inner, *outer;

	cr_assert_eq(BIO_new_bio_pair(&inner, 65536, &outer, 65536), 1);
	SSL_set_bio(server->ssl, inner, inner);
	SSL_set_bio(client->ssl, outer, outer);
	if (server->conn.store)
		SSL_set_app_data(server->ssl, &server->conn);
	if (client->conn.store)
		SSL_set_app_data(client->ssl, &client->conn);
	for (unsigned i = 0; i < 20 && !server->error && !client->error; i++) {
		step(client);
		step(server);
	}
	if (server->result == 1 && client->result == 1)
		exchange(server, client);
	/* a refusal that the other learns of afterwards (TLS 1.3, a client's certificate) */
	return server->result == 1 && client->result == 1;
}

void exchange(struct side *from, struct side *to)
{
	char byte = 'x', got;

	cr_assert_eq(SSL_write(from->ssl, &byte, 1), 1);
	cr_assert_eq(SSL_read(to->ssl, &got, 1), 1);
}
