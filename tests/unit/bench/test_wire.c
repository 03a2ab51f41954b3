/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-load's headers: what is written is read back, and its checksums are right by RFC 1071's own
 * test. */
#include "bench/load/wire.h"

#include <criterion/criterion.h>

static struct wire_way way_of(const char *src, const char *dst)
{
	struct wire_way way = {.src_mac = {2, 1}, .dst_mac = {2, 2}, .dscp = 46};

	cr_assert_eq(net_endpoint_parse(span_str(src), 0, &way.src), 0);
	cr_assert_eq(net_endpoint_parse(span_str(dst), 0, &way.dst), 0);
	return way;
}

static const char *const pairs[][2] = {{"192.0.2.1:5060", "198.51.100.7:40000"},
				       {"[2001:db8::1]:1", "[2001:db8::2]:65535"}};

Test(wire, what_is_written_is_read_back)
{
	for (unsigned i = 0; i < 2; i++) {
		for (uint32_t len = 0; len < 70; len++) {
			struct wire_way way = way_of(pairs[i][0], pairs[i][1]);
			uint8_t frame[256];
			uint32_t head = wire_put_udp(frame, &way, len);
			struct wire_udp udp;

			cr_assert_eq(head, wire_head_bytes(way.src.family));
			for (uint32_t at = 0; at < len; at++)
				frame[head + at] = (uint8_t)(at * 7 + 1);
			wire_finish_udp(frame, &way, len);
			cr_assert(wire_read_udp(frame, head + len, &udp));
			cr_assert(net_endpoint_eq(&udp.src, &way.src) &&
				  net_endpoint_eq(&udp.dst, &way.dst));
			cr_assert_eq(udp.len, len);
			cr_assert_eq(udp.payload, frame + head);
			/* Sum of all with the checksum in it: all ones. */
			cr_assert_eq(wire_fold(wire_pseudo(way.src.family, &way.src.addr,
							   &way.dst.addr, 17, len + 8) +
					       wire_sum(frame + head - 8, len + 8)),
				     0xffff, "UDP, %u bytes", len);
			if (i == 0)
				cr_assert_eq(wire_fold(wire_sum(frame + 14, 20)), 0xffff);
		}
	}
}

Test(wire, a_frame_cut_anywhere_is_refused)
{
	for (unsigned i = 0; i < 2; i++) {
		struct wire_way way = way_of(pairs[i][0], pairs[i][1]);
		uint8_t frame[256] = {0};
		uint32_t bytes = wire_put_udp(frame, &way, 30) + 30;
		struct wire_udp udp;

		for (uint32_t cut = 0; cut < bytes; cut++)
			cr_assert_not(wire_read_udp(frame, cut, &udp), "%u of %u bytes", cut,
				      bytes);
		cr_assert(wire_read_udp(frame, bytes, &udp));
	}
}

Test(wire, fragments_and_other_protocols_are_not_udp)
{
	struct wire_way way = way_of(pairs[0][0], pairs[0][1]);
	uint8_t frame[256] = {0};
	uint32_t bytes = wire_put_udp(frame, &way, 30) + 30;
	struct wire_udp udp;

	frame[20] = 0x20; /* more fragments */
	cr_assert_not(wire_read_udp(frame, bytes, &udp));
	frame[20] = 0;
	frame[21] = 1; /* the second piece */
	cr_assert_not(wire_read_udp(frame, bytes, &udp));
	frame[21] = 0;
	frame[23] = 6;
	cr_assert_not(wire_read_udp(frame, bytes, &udp));
}
