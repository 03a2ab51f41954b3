/* SPDX-License-Identifier: BSD-3-Clause */
/* What is due: each connection is looked at once a second, those that are being opened more often.
 * No timer for each. limen-controlplane, loop thread. */
#include <event2/event.h>

#include "controlplane/transport/transport_priv.h"

#define PARTS (1000u / TICK_MS) /* ticks in which all are looked at */

static bool over(uint64_t since_ns, uint64_t now_ns, uint32_t ms)
{
	return ms && now_ns - since_ns >= ms * CLOCK_NS_PER_MS && now_ns > since_ns;
}

/* Own pings (RFC 5626 section 3.5.1): whoever has answered one is taken to be gone when he does not
 * answer another; who never has may just not know them. */
static void keep_alive(struct conn *conn, uint64_t now_ns)
{
	struct transport *transport = conn->transport;
	uint64_t last_ns = conn->out_ns > conn->in_ns ? conn->out_ns : conn->in_ns;

	if (conn->info.accepted || !transport->limits.keepalive_ms)
		return;
	if (conn->pinged_ns) {
		if (!over(conn->pinged_ns, now_ns, transport->limits.pong_ms))
			return;
		conn->pinged_ns = 0;
		if (conn->answers_pings) {
			conn_close(conn, &transport->stats.pong_late, CONN_LOST);
			return;
		}
	}
	if (!over(last_ns, now_ns, transport->limits.keepalive_ms))
		return;
	if (!conn_give(conn, SPAN("\r\n\r\n"), NULL))
		return;
	transport->stats.own_pings++;
	conn->pinged_ns = now_ns;
}

static void look_at(struct conn *conn, uint64_t now_ns)
{
	struct transport *transport = conn->transport;
	const struct transport_limits *limits = &transport->limits;
	struct transport_stats *stats = &transport->stats;

	if (conn->state == CONN_FAREWELL) {
		if (now_ns >= conn->farewell_ns)
			conn_close(conn, NULL, CONN_LOST);
		return;
	}
	if (conn->info.accepted && !conn->rx_messages && !conn->in_stalled &&
	    over(conn->opened_ns, now_ns, limits->first_message_ms)) {
		conn_close(conn, &stats->first_message_late, CONN_LOST);
		return;
	}
	if (conn->state != CONN_READY)
		return;
	if (conn->begun_ns && over(conn->begun_ns, now_ns, limits->message_ms)) {
		conn_close(conn, &stats->message_late, CONN_LOST);
		return;
	}
	if (over(conn->in_ns, now_ns, limits->idle_ms) &&
	    over(conn->out_ns, now_ns, limits->idle_ms)) {
		conn_close(conn, &stats->idle, CONN_LOST);
		return;
	}
	sent_forget_acked(conn);
	keep_alive(conn, now_ns);
}

void sweep(struct transport *transport, uint64_t now_ns)
{
	uint32_t n = transport->nconns / PARTS + 1;
	struct conn *conn;

	/* in the order they were begun */
	while ((conn = TAILQ_FIRST(&transport->opening)) &&
	       over(conn->opened_ns, now_ns, transport->limits.connect_ms))
		conn_close(conn, &transport->stats.open_failed, CONN_LATE);
	while (n-- && transport->nconns) {
		conn = transport->sweep_at ? transport->sweep_at : TAILQ_FIRST(&transport->conns);
		transport->sweep_at = TAILQ_NEXT(conn, all);
		look_at(conn, now_ns);
	}
}
