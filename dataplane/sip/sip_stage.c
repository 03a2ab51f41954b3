/* SPDX-License-Identifier: BSD-3-Clause */
/* Between packets and the engine. A message's way takes no allocation, lock or system call: its
 * bytes are read where the packet holds them, answers are copied into packets of the worker's own
 * pool. */
#include "dataplane/sip/sip_stage.h"

#include "common/base/hash.h"

#include <rte_malloc.h>

#define FLOWS_MAX    4096u /* next hops remembered, by hash of the destination */
#define FRAMES_MAX   64u   /* taken from the control plane in one turn */
#define DATAGRAM_MAX 65535u

struct sip_stage {
	struct engine *engine;
	const struct engine_conf *conf;
	struct tx *tx;
	struct drops *drops;
	struct worker_link *link;
	sip_stage_hand *hand;
	void *hand_arg;
	uint64_t epoch;
	uint64_t now_ns; /* of the turn in work: the frame handler's */
	char linear[DATAGRAM_MAX]; /* a chained packet's payload */
	struct tx_flow flows[FLOWS_MAX];
};

struct sip_stage *sip_stage_new(struct engine *engine, const struct engine_conf *conf,
				struct tx *tx, struct drops *drops, struct worker_link *link)
{
	struct sip_stage *stage = rte_zmalloc("sip_stage", sizeof(*stage), 64);

	if (stage == NULL)
		return NULL;
	stage->engine = engine;
	stage->conf = conf;
	stage->tx = tx;
	stage->drops = drops;
	stage->link = link;
	return stage;
}

void sip_stage_free(struct sip_stage *stage)
{
	rte_free(stage);
}

void sip_stage_set_hand(struct sip_stage *stage, sip_stage_hand *hand, void *arg)
{
	stage->hand = hand;
	stage->hand_arg = arg;
}

/* ---- actions ---- */

/* The flow towards a destination, with the next hop found before. Two destinations of one hash take
 * turns. */
static struct tx_flow *stage_flow(struct sip_stage *stage, const struct engine_action *action)
{
	uint64_t hash = hash_fast(action->realm, span_of(&action->dst, sizeof(action->dst)));
	struct tx_flow *flow = &stage->flows[hash % FLOWS_MAX];

	if (flow->realm != action->realm || flow->family != action->dst.family ||
	    !net_endpoint_eq(&flow->dst, &action->dst)) {
		*flow = (struct tx_flow){
			.realm = action->realm,
			.family = action->dst.family,
			.dscp = stage->conf->realms[action->realm].dscp_sip,
			.dst = action->dst,
		};
	}
	flow->src = action->src;
	return flow;
}

/* Bytes into a packet, or a chain of them where they are more than one holds. NULL without packets
 * (counted by tx_alloc). */
static struct rte_mbuf *fill_packet(struct sip_stage *stage, struct span bytes)
{
	struct rte_mbuf *head = tx_alloc(stage->tx), *m = head, *next;
	size_t at = 0;

	while (m) {
		size_t room = rte_pktmbuf_tailroom(m),
		       part = bytes.len - at < room ? bytes.len - at : room;

		memcpy(rte_pktmbuf_mtod(m, char *), bytes.ptr + at, part);
		m->data_len = (uint16_t)part;
		head->pkt_len += (uint32_t)part;
		at += part;
		if (at == bytes.len)
			return head;
		next = tx_alloc(stage->tx);
		m->next = next;
		if (next) {
			next->data_off = 0; /* only the first needs room for headers */
			head->nb_segs++;
		}
		m = next;
	}
	rte_pktmbuf_free(head);
	return NULL;
}

/* To another worker. Without packets it is lost, as it may be on its way. */
static void hand_over(struct sip_stage *stage, const struct engine_action *action)
{
	struct rte_mbuf *m = stage->hand ? fill_packet(stage, action->bytes) : NULL;

	if (m == NULL)
		return;
	pkt_of(m)->stage = STAGE_OWNER;
	stage->hand(stage->hand_arg, action->worker, m);
}

/* The control plane has the connections. */
static int send_stream(struct sip_stage *stage, const struct engine_action *action)
{
	const struct ipc_sip_out head = {
		.flow = action->flow,
		.token = action->token,
		.local = action->src,
		.peer = action->dst,
		.realm = action->realm,
		.transport = action->transport,
		.msg_len = (uint32_t)action->bytes.len,
	};
	const struct span parts[] = {span_of(&head, sizeof(head)), action->bytes};

	return link_send(stage->link, IPC_SIP_OUT, parts, 2);
}

static void act(struct sip_stage *stage)
{
	const struct engine_action *actions;
	unsigned n = engine_actions(stage->engine, &actions);

	for (unsigned i = 0; i < n; i++) {
		const struct engine_action *action = &actions[i];

		if (action->kind == ACTION_SEND && action->transport != NET_UDP) {
			if (send_stream(stage, action))
				engine_send_blocked(stage->engine, action);
		} else if (action->kind == ACTION_SEND) {
			struct rte_mbuf *m = fill_packet(stage, action->bytes);

			if (m)
				tx_udp(stage->tx, m, stage_flow(stage, action), TX_SUM_UNKNOWN);
		} else if (action->kind == ACTION_OWNER) {
			hand_over(stage, action);
		} else if (link_send(stage->link, action->type, &action->bytes, 1)) {
			engine_report_blocked(stage->engine, action);
		}
	}
}

/* ---- packets ---- */

static const enum drop_reason fate_drops[] = {
	[FATE_PARSE] = DROP_SIP_PARSE,         [FATE_KEEPALIVE] = DROP_SIP_KEEPALIVE,
	[FATE_NO_DIALOG] = DROP_SIP_NO_DIALOG, [FATE_FORGED] = DROP_SIP_FORGED,
	[FATE_SCREENED] = DROP_SIP_SCREENED,
};

static const enum drop_reason screen_drops[GUARD_FATES] = {
	[GUARD_BLOCKED] = DROP_SIP_BLOCKED,
	[GUARD_RATE_UNKNOWN] = DROP_SIP_RATE_UNKNOWN,
	[GUARD_RATE_KNOWN] = DROP_SIP_RATE_KNOWN,
	[GUARD_RATE_TRUSTED] = DROP_SIP_RATE_TRUSTED,
	[GUARD_RATE_ALL] = DROP_SIP_RATE_ALL,
};

unsigned sip_stage_screen(struct sip_stage *stage, struct rte_mbuf **pkts, unsigned from,
			  unsigned n, uint64_t now_ns)
{
	unsigned kept = from;

	for (unsigned i = from; i < n; i++) {
		const struct pkt *pkt = pkt_of(pkts[i]);
		const struct net_endpoint peer = {
			.addr = pkt->src, .port = pkt->src_port, .family = pkt->family};
		enum guard_fate fate = engine_screen(stage->engine, now_ns, pkt->realm, &peer);

		if (fate == GUARD_PASS)
			pkts[kept++] = pkts[i];
		else
			pkt_drop(stage->drops, pkts[i], screen_drops[fate]);
	}
	return kept;
}

void sip_stage_run(struct sip_stage *stage, struct rte_mbuf **pkts, unsigned n, uint64_t now_ns)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct pkt *pkt = pkt_of(m);
		const struct engine_source source = {
			.peer = {.addr = pkt->src, .port = pkt->src_port, .family = pkt->family},
			.local = {.addr = pkt->dst, .port = pkt->dst_port, .family = pkt->family},
			.realm = pkt->realm,
			.transport = NET_UDP,
		};
		const char *bytes =
			rte_pktmbuf_read(m, pkt->payload_off, pkt->payload_len, stage->linear);
		enum engine_fate fate;

		if (bytes == NULL) {
			pkt_drop(stage->drops, m, DROP_TRUNCATED);
			continue;
		}
		fate = engine_message(stage->engine, now_ns, &source,
				      span_of(bytes, pkt->payload_len));
		act(stage);
		if (fate == FATE_TAKEN)
			rte_pktmbuf_free(m);
		else
			pkt_drop(stage->drops, m, fate_drops[fate]);
	}
}

void sip_stage_owner(struct sip_stage *stage, struct rte_mbuf **pkts, unsigned n, uint64_t now_ns)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = rte_pktmbuf_pkt_len(pkts[i]);
		const char *bytes =
			len <= sizeof(stage->linear)
				? rte_pktmbuf_read(pkts[i], 0, len, stage->linear)
				: NULL;

		engine_owner_message(stage->engine, now_ns, span_of(bytes, bytes ? len : 0));
		act(stage);
		rte_pktmbuf_free(pkts[i]);
	}
}

/* ---- control plane and time ---- */

/* A message that came by a connection: screened, read and counted like one in a packet. */
static void take_stream(struct sip_stage *stage, const struct ipc_sip_in *in)
{
	const struct engine_source source = {
		.peer = in->peer,
		.local = in->local,
		.realm = in->realm,
		.transport = in->transport,
		.flow = in->flow,
	};
	enum guard_fate screened =
		engine_screen(stage->engine, stage->now_ns, in->realm, &in->peer);
	enum engine_fate fate;

	if (screened != GUARD_PASS) {
		drop_count(stage->drops, screen_drops[screened]);
		return;
	}
	fate = engine_message(stage->engine, stage->now_ns, &source, ipc_sip_in_msg(in));
	act(stage);
	if (fate != FATE_TAKEN)
		drop_count(stage->drops, fate_drops[fate]);
}

static void on_frame(void *arg, uint16_t type, const void *frame, uint32_t len)
{
	struct sip_stage *stage = arg;

	if (type == IPC_SIP_IN) {
		take_stream(stage, frame);
		return;
	}
	engine_frame(stage->engine, stage->now_ns, type, frame, len);
	act(stage);
}

bool sip_stage_turn(struct sip_stage *stage, uint64_t now_ns)
{
	uint64_t epoch = link_epoch(stage->link);
	bool did = false, more;

	stage->now_ns = now_ns;
	if (epoch != stage->epoch) {
		stage->epoch = epoch;
		engine_link(stage->engine, now_ns, epoch != 0);
		act(stage);
		did = true;
	}
	if (epoch && link_receive(stage->link, on_frame, stage, FRAMES_MAX))
		did = true;
	if (engine_next_ns(stage->engine) > now_ns && !engine_has_news(stage->engine, now_ns))
		return did;
	do {
		more = engine_tick(stage->engine, now_ns);
		act(stage);
	} while (more);
	return true;
}

uint64_t sip_stage_next_ns(const struct sip_stage *stage)
{
	return engine_next_ns(stage->engine);
}
