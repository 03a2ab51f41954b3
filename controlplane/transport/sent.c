/* SPDX-License-Identifier: BSD-3-Clause */
/* What was given to a connection, and who is to be told when the peer did not get it. A message is
 * the peer's once its kernel has acknowledged the bytes: a connection that a peer which started
 * anew knows nothing of takes them and then is reset (RFC 3261 section 18.4). limen-controlplane,
 * loop thread. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>

#include "controlplane/transport/transport_priv.h"

#define ROOM_FIRST 8u
#define ROOM_MAX   4096u

void token_fail(struct transport *transport, const struct conn_token *token,
		enum conn_failure failure)
{
	if (!token || !token->token)
		return;
	transport->stats.tokens_failed++;
	transport->events->failed(transport->arg, token, failure);
}

/* Bytes given that the peer has for certain. Where a layer makes other bytes of them there is no
 * telling but when all is through. */
static uint64_t acked(const struct conn *conn)
{
	uint64_t waiting = conn_output(conn), on_way;

	if (!conn->bev)
		return 0;
	on_way = socket_unacked(bufferevent_getfd(conn->bev));
	if (conn->layer)
		return waiting || on_way ? 0 : conn->given_bytes;
	waiting += on_way;
	return waiting < conn->given_bytes ? conn->given_bytes - waiting : 0;
}

static struct sent *nth(const struct conn *conn, uint32_t n)
{
	return &conn->sent[(conn->sent_first + n) & (conn->sent_room - 1)];
}

static void drop_first(struct conn *conn)
{
	conn->sent_first = (conn->sent_first + 1) & (conn->sent_room - 1);
	conn->sent_n--;
}

void sent_forget_acked(struct conn *conn)
{
	uint64_t upto = conn->sent_n ? acked(conn) : 0;

	while (conn->sent_n && nth(conn, 0)->end <= upto)
		drop_first(conn);
}

void sent_fail(struct conn *conn, enum conn_failure failure)
{
	sent_forget_acked(conn);
	for (uint32_t n = 0; n < conn->sent_n; n++)
		token_fail(conn->transport, &nth(conn, n)->token, failure);
	free(conn->sent);
	conn->sent = NULL;
	conn->sent_n = conn->sent_room = conn->sent_first = 0;
}

/* Without memory the sender's own timer has to tell him. */
static void make_room(struct conn *conn)
{
	uint32_t room = conn->sent_room ? 2 * conn->sent_room : ROOM_FIRST;
	struct sent *sent;

	if (conn->sent_n < conn->sent_room)
		return;
	sent_forget_acked(conn);
	if (conn->sent_n < conn->sent_room || room > ROOM_MAX)
		return;
	sent = malloc(room * sizeof(*sent));
	if (!sent)
		return;
	for (uint32_t n = 0; n < conn->sent_n; n++)
		sent[n] = *nth(conn, n);
	free(conn->sent);
	conn->sent = sent;
	conn->sent_room = room;
	conn->sent_first = 0;
}

static void note(struct conn *conn, const struct conn_token *token)
{
	make_room(conn);
	if (conn->sent_n && conn->sent_n == conn->sent_room)
		drop_first(conn);
	if (conn->sent_n < conn->sent_room)
		*nth(conn, conn->sent_n++) = (struct sent){conn->given_bytes, *token};
}

bool conn_give(struct conn *conn, struct span bytes, const struct conn_token *token)
{
	struct transport *transport = conn->transport;
	int err;

	if (conn_output(conn) + bytes.len > transport->limits.output_bytes_max) {
		conn_close(conn, &transport->stats.output_full, CONN_FULL);
		return false;
	}
	if (conn->state == CONN_READY || conn->state == CONN_FAREWELL) {
		err = bufferevent_write(conn->bev, bytes.ptr, bytes.len);
	} else {
		if (!conn->early)
			conn->early = evbuffer_new();
		err = conn->early ? evbuffer_add(conn->early, bytes.ptr, bytes.len) : -1;
	}
	if (err) {
		conn_close(conn, &transport->stats.output_full, CONN_FULL);
		return false;
	}
	conn->given_bytes += bytes.len;
	conn->out_ns = clock_mono_ns();
	if (token && token->token)
		note(conn, token);
	return true;
}
