/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP and SCTP on their way to the main thread: what goes, what is dropped and under which name. */
#include "../stage_world.h"

#include "dataplane/punt/punt.h"

#include <criterion/criterion.h>
#include <rte_ring.h>
#include <rte_tcp.h>

#define A4     "10.99.1.2"
#define A6     "[fd99:1::2]"
#define LIMEN4 "10.99.1.1"
#define LIMEN6 "[fd99:1::1]"

static struct world world;
static struct punt *punt;
static struct frame frame;

static void setup(void)
{
	world_open(&world, 1, 1500);
	world.realms.realm[0].has_kernel = true;
	world.realms.realm[0].kernel_new_per_s = 3;
	world.realms.realm[0].kernel_pkts_per_s = 20;
	punt = calloc(1, sizeof(*punt));
	punt->realms = &world.realms;
	punt->drops = &world.drops;
	punt->to_main = rte_ring_create("punt-test", 16, SOCKET_ID_ANY,
					RING_F_SP_ENQ | RING_F_SC_DEQ);
	cr_assert(punt->to_main);
}

static void teardown(void)
{
	struct rte_mbuf *m;

	while (rte_ring_sc_dequeue(punt->to_main, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(punt->to_main);
	free(punt);
	world_close(&world);
}

TestSuite(punt, .init = setup, .fini = teardown);

static void put_tcp(bool ip6, uint8_t flags, uint32_t len)
{
	uint8_t tcp[sizeof(struct rte_tcp_hdr)] = {[12] = 5 << 4, [13] = flags};

	frame_ip(&frame, ip6 ? A6 : A4, ip6 ? LIMEN6 : LIMEN4, IPPROTO_TCP, tcp, len);
}

static void put_sctp(uint8_t chunk, uint32_t len)
{
	uint8_t sctp[16] = {[12] = chunk};

	frame_ip(&frame, A4, LIMEN4, IPPROTO_SCTP, sctp, len);
}

/* Whether it went to main; else it was dropped, and only for this reason. */
static bool goes(unsigned port, enum drop_reason reason)
{
	unsigned before = rte_ring_count(punt->to_main), drops = world_drops(&world.drops);
	uint64_t named = world.drops.count[reason];
	struct rte_mbuf *m;

	cr_assert_eq(world_classify(&world, port, &frame, &m), STAGE_PUNT);
	punt_stage(punt, &m, 1, world.now_ns);
	if (rte_ring_count(punt->to_main) == before + 1) {
		cr_assert_eq(world_drops(&world.drops), drops);
		return true;
	}
	cr_expect_eq(world_drops(&world.drops), drops + 1);
	cr_expect_eq(world.drops.count[reason], named + 1);
	return false;
}

Test(punt, what_is_of_a_connection_goes_to_main)
{
	put_tcp(false, RTE_TCP_ACK_FLAG, sizeof(struct rte_tcp_hdr));
	cr_expect(goes(0, 0));
	put_tcp(true, RTE_TCP_SYN_FLAG, sizeof(struct rte_tcp_hdr));
	cr_expect(goes(0, 0));
	put_sctp(0, 16);
	cr_expect(goes(0, 0));
}

Test(punt, not_in_a_realm_without_a_device)
{
	uint8_t tcp[sizeof(struct rte_tcp_hdr)] = {0};

	frame_ip(&frame, "10.99.2.2", "10.99.2.1", IPPROTO_TCP, tcp, sizeof(tcp));
	cr_expect_not(goes(1, DROP_PUNT_UNWIRED));
}

Test(punt, nor_what_is_too_short_to_tell)
{
	put_tcp(false, 0, sizeof(struct rte_tcp_hdr) - 1);
	cr_expect_not(goes(0, DROP_TRUNCATED));
	put_sctp(1, 15);
	cr_expect_not(goes(0, DROP_TRUNCATED));
}

Test(punt, attempts_are_limited_by_source)
{
	for (unsigned i = 0; i < 3; i++) {
		put_tcp(false, RTE_TCP_SYN_FLAG, sizeof(struct rte_tcp_hdr));
		cr_expect(goes(0, 0));
	}
	put_tcp(false, RTE_TCP_SYN_FLAG, sizeof(struct rte_tcp_hdr));
	cr_expect_not(goes(0, DROP_PUNT_NEW_RATE));
	put_sctp(1, 16);
	cr_expect_not(goes(0, DROP_PUNT_NEW_RATE), "an INIT is one of them");
	put_tcp(false, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, sizeof(struct rte_tcp_hdr));
	cr_expect(goes(0, 0), "an answer is none");
	put_tcp(true, RTE_TCP_SYN_FLAG, sizeof(struct rte_tcp_hdr));
	cr_expect(goes(0, 0), "another source's");
}

Test(punt, packets_are_limited_too_and_a_full_ring_is_counted)
{
	unsigned gone = 0;

	put_tcp(false, RTE_TCP_ACK_FLAG, sizeof(struct rte_tcp_hdr));
	while (gone < 15 && goes(0, DROP_MAIN_FULL))
		gone++;
	cr_expect_eq(gone, 15);
	cr_expect_not(goes(0, DROP_MAIN_FULL));
	for (unsigned i = 16; i < 20; i++)
		cr_expect_not(goes(0, DROP_MAIN_FULL));
	cr_expect_not(goes(0, DROP_PUNT_RATE));
}
