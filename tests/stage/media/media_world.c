/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets made by hand, as classify would leave them, and a send stage that keeps what it gets. */
#include "media_world.h"

#include "dataplane/io/csum.h"

#include <criterion/criterion.h>
#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

enum { POOL_MBUFS = 511, NEIGH_NOTE = 4711 };

struct net_endpoint endpoint(const char *text)
{
	struct net_endpoint at;

	cr_assert_eq(net_endpoint_parse(span_str(text), 0, &at), 0, "%s", text);
	return at;
}

void tx_udp(struct tx *tx, struct rte_mbuf *m, struct tx_flow *flow, uint32_t payload_sum)
{
	struct sent *sent = &tx->sent[tx->nsent++];
	const void *payload;

	cr_assert_leq(tx->nsent, SENT_MAX);
	cr_assert_leq(m->pkt_len, PAYLOAD_MAX);
	cr_assert_geq(rte_pktmbuf_headroom(m), RTE_ETHER_HDR_LEN + 20 + 8,
		      "room for the headers that were there");
	sent->flow = *flow;
	sent->sum = payload_sum;
	sent->len = m->pkt_len;
	payload = rte_pktmbuf_read(m, 0, m->pkt_len, sent->payload);
	cr_assert_not_null(payload);
	if (payload != sent->payload)
		memcpy(sent->payload, payload, sent->len);
	flow->neigh = NEIGH_NOTE;
	rte_pktmbuf_free(m);
}

/* As the real one sends it: told by the payload's sum, so that tests need not know which it was. */
void tx_relay4(struct tx *tx, struct rte_mbuf *m, struct tx_flow *flow, uint16_t len,
	       uint16_t udp_csum)
{
	uint32_t udp_len = len + 8u;
	uint64_t headers =
		csum_pseudo(NET_IP4, flow->src.addr.ip, flow->dst.addr.ip, IPPROTO_UDP, udp_len) +
		rte_cpu_to_be_16(flow->src.port) + rte_cpu_to_be_16(flow->dst.port) +
		rte_cpu_to_be_16((uint16_t)udp_len);

	cr_assert_eq(flow->family, NET_IP4);
	cr_assert_eq(m->nb_segs, 1);
	cr_assert_geq(m->data_len, RTE_ETHER_HDR_LEN + 20 + udp_len);
	cr_assert_neq(udp_csum, 0, "none");
	m->data_off = (uint16_t)(m->data_off + RTE_ETHER_HDR_LEN + 28);
	m->data_len = len;
	m->pkt_len = len;
	tx->nrelayed++;
	tx_udp(tx, m, flow,
	       csum_fold((uint16_t)~udp_csum + (uint64_t)(uint16_t)~csum_fold(headers)));
}

/* Here all packets go the long way. */
bool tx_lane_make(struct tx *tx, const struct tx_flow *flow, struct tx_lane *out)
{
	return false;
}

static struct rte_mempool *pool_new(void)
{
	static char *args[] = {"stage", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
			       "-m",	"64",	     "--lcores", "0",		"--log-level",
			       "error"};
	struct rte_mempool *pool;

	cr_assert_geq(rte_eal_init(sizeof(args) / sizeof(args[0]), args), 0);
	pool = rte_pktmbuf_pool_create("stage", POOL_MBUFS, 0, PKT_PRIV_BYTES,
				       RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	cr_assert_not_null(pool);
	return pool;
}

void world_open(struct world *w)
{
	struct media_realm r[2] = {
		{.ip4 = endpoint("10.99.1.1").addr,
		 .ip6 = endpoint("fd99:1::1").addr,
		 .has_ip4 = true,
		 .has_ip6 = true,
		 .dscp = 46,
		 .port_low = 10000,
		 .port_high = 10199},
		{.ip4 = endpoint("10.99.2.1").addr,
		 .ip6 = endpoint("fd99:2::1").addr,
		 .has_ip4 = true,
		 .has_ip6 = true,
		 .dscp = 0,
		 .port_low = 20000,
		 .port_high = 20199},
	};
	struct media_conf conf = {.nworkers = 1, .nrealms = 2, .realms = r, .max_pairs = 64};
	struct arena_slab_def defs[ARENA_SLABS_MAX];
	const char *why;

	memset(w, 0, sizeof(*w));
	w->pool = pool_new();
	cr_assert_eq(arena_open(&w->arena, NULL, defs, media_slab_defs(defs, 0, conf.max_pairs),
				true, false, &why),
		     0);
	w->media = media_new(&conf, &w->arena, 0, 0);
	cr_assert_not_null(w->media);
	w->now_ns = 1000000000;
}

void world_close(struct world *w)
{
	cr_assert_eq(rte_mempool_avail_count(w->pool), POOL_MBUFS, "a packet was kept");
	media_free(w->media);
	arena_close(&w->arena);
	rte_mempool_free(w->pool);
	rte_eal_cleanup();
}

static void put_ip4(uint8_t *l3, const struct draft *d, const struct rte_udp_hdr *udp,
		    uint16_t *csum)
{
	struct rte_ipv4_hdr *ip = (void *)l3;

	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + sizeof(*udp) + d->len)),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
	};
	memcpy(&ip->src_addr, d->src.addr.ip, 4);
	memcpy(&ip->dst_addr, d->dst.addr.ip, 4);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*csum = d->no_csum ? 0 : rte_ipv4_udptcp_cksum(ip, udp);
}

static void put_ip6(uint8_t *l3, const struct draft *d, const struct rte_udp_hdr *udp,
		    uint16_t *csum)
{
	struct rte_ipv6_hdr *ip = (void *)l3;

	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(6u << 28),
		.payload_len = rte_cpu_to_be_16((uint16_t)(sizeof(*udp) + d->len)),
		.proto = IPPROTO_UDP,
		.hop_limits = 64,
	};
	memcpy(ip->src_addr, d->src.addr.ip, 16);
	memcpy(ip->dst_addr, d->dst.addr.ip, 16);
	*csum = rte_ipv6_udptcp_cksum(ip, udp);
}

/* The frame in `frame`; where its UDP header begins. */
static uint16_t put_frame(uint8_t *frame, const struct draft *d)
{
	uint16_t l3_bytes = d->src.family == NET_IP4 ? sizeof(struct rte_ipv4_hdr)
						     : sizeof(struct rte_ipv6_hdr);
	uint16_t l4_off = (uint16_t)(RTE_ETHER_HDR_LEN + l3_bytes);
	struct rte_udp_hdr *udp = (void *)(frame + l4_off);
	uint16_t csum;

	*udp = (struct rte_udp_hdr){
		.src_port = rte_cpu_to_be_16(d->src.port),
		.dst_port = rte_cpu_to_be_16(d->dst.port),
		.dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(*udp) + d->len)),
	};
	memcpy(udp + 1, d->payload, d->len);
	memset((uint8_t *)(udp + 1) + d->len, 0xee, d->trailer);
	if (d->src.family == NET_IP4)
		put_ip4(frame + RTE_ETHER_HDR_LEN, d, udp, &csum);
	else
		put_ip6(frame + RTE_ETHER_HDR_LEN, d, udp, &csum);
	udp->dgram_cksum = csum;
	return l4_off;
}

struct rte_mbuf *world_packet(struct world *w, const struct draft *d)
{
	static uint8_t frame[PAYLOAD_MAX + 128];
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->pool);
	uint16_t l4_off = put_frame(frame, d);
	uint32_t whole = l4_off + sizeof(struct rte_udp_hdr) + d->len + (uint32_t)d->trailer;
	uint32_t first =
		d->first_seg ? l4_off + (uint32_t)sizeof(struct rte_udp_hdr) + d->first_seg : whole;
	struct pkt *p;

	cr_assert_not_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)first), frame, first);
	if (first < whole) {
		struct rte_mbuf *second = rte_pktmbuf_alloc(w->pool);

		cr_assert_not_null(second);
		memcpy(rte_pktmbuf_append(second, (uint16_t)(whole - first)), frame + first,
		       whole - first);
		cr_assert_eq(rte_pktmbuf_chain(m, second), 0);
	}
	p = pkt_of(m);
	*p = (struct pkt){
		.realm = d->realm,
		.family = d->src.family,
		.l3_off = RTE_ETHER_HDR_LEN,
		.l4_off = l4_off,
		.payload_off = (uint16_t)(l4_off + sizeof(struct rte_udp_hdr)),
		.payload_len = d->len,
		.src_port = d->src.port,
		.dst_port = d->dst.port,
		.udp_csum =
			((const struct rte_udp_hdr *)(const void *)(frame + l4_off))->dgram_cksum,
		.src = d->src.addr,
		.dst = d->dst.addr,
	};
	return m;
}

void world_feed(struct world *w, const struct draft *draft)
{
	struct rte_mbuf *m = world_packet(w, draft);

	media_stage(w->media, &w->tx, &w->drops, &m, 1, w->now_ns);
}

uint64_t world_dropped(const struct world *w, enum drop_reason reason)
{
	return w->drops.count[reason];
}

uint64_t world_dropped_all(const struct world *w)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DROP_REASONS_END; i++)
		sum += w->drops.count[i];
	return sum;
}

const struct sent *world_last(const struct world *w)
{
	cr_assert_gt(w->tx.nsent, 0, "nothing was sent");
	return &w->tx.sent[w->tx.nsent - 1];
}
