/* SPDX-License-Identifier: BSD-3-Clause */
/* What needs no packets: realms, device strings, the clock. */
#include "dataplane/io/device.h"
#include "dataplane/io/drop.h"
#include "dataplane/io/realm.h"
#include "dataplane/io/tsc.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define SECOND 1000000000ull

static struct conf_addr addr_of(const char *prefix, const char *gateway)
{
	struct conf_addr addr = {.has_gateway = gateway != NULL};
	uint8_t family;

	cr_assert_eq(net_prefix_parse(span_str(prefix), &addr.prefix), 0);
	if (gateway)
		cr_assert_eq(net_addr_parse(span_str(gateway), &addr.gateway, &family), 0);
	return addr;
}

static struct net_addr ip(const char *text)
{
	struct net_addr addr;
	uint8_t family;

	cr_assert_eq(net_addr_parse(span_str(text), &addr, &family), 0);
	return addr;
}

static char name_a[] = "a", name_b[] = "b", name_port[] = "p";
static struct conf_realm conf_realms[2];
static struct conf_port conf_ports[2] = {{.name = name_port}, {.name = name_port}};
static struct conf conf = {.nports = 2, .ports = conf_ports, .nrealms = 2, .realms = conf_realms};
static struct realms realms;

static void set_up_realms(void)
{
	conf_realms[0] =
		(struct conf_realm){.name = name_a, .port = 0, .naddrs = 2, .sip_port = 5060};
	conf_realms[0].addrs[0] = addr_of("10.0.0.1/23", "10.0.1.254");
	conf_realms[0].addrs[1] = addr_of("2001:db8::1/64", "fe80::1");
	conf_realms[1] =
		(struct conf_realm){.name = name_b, .port = 0, .naddrs = 1, .sip_port = 5060};
	conf_realms[1].addrs[0] = addr_of("192.0.2.1/31", NULL);
}

Test(realm, found_by_port_and_address)
{
	struct net_addr a = ip("10.0.0.1"), b = ip("192.0.2.1"), c = ip("2001:db8::1"),
			d = ip("10.0.0.2");
	struct fault fault;

	set_up_realms();
	cr_assert_eq(realms_init(&realms, &conf, &fault), 0);
	cr_expect_eq(realm_find(&realms, 0, NET_IP4, &a), 0);
	cr_expect_eq(realm_find(&realms, 0, NET_IP4, &b), 1);
	cr_expect_eq(realm_find(&realms, 0, NET_IP6, &c), 0);
	cr_expect_eq(realm_find(&realms, 0, NET_IP4, &d), REALM_NONE);
	cr_expect_eq(realm_find(&realms, 1, NET_IP4, &a), REALM_NONE);
	cr_expect_eq(realm_find(&realms, 0, NET_IP6, &a), REALM_NONE,
		     "the same bytes in the other family");
	cr_expect(realm_is_own(&realms, NET_IP4, &b));
	cr_expect_not(realm_is_own(&realms, NET_IP4, &d));
	d = ip("172.16.0.1"); /* ends as one of ours */
	cr_expect(realm_may_be_own(&realms, NET_IP4, &d));
	cr_expect_not(realm_is_own(&realms, NET_IP4, &d));
}

Test(realm, one_address_in_two_realms_of_a_port_is_refused)
{
	struct fault fault;

	set_up_realms();
	conf_realms[1].addrs[0] = addr_of("10.0.0.1/8", NULL);
	cr_expect_neq(realms_init(&realms, &conf, &fault), 0);
	cr_expect_not_null(strstr(fault.text, "realms[1].addresses"), "%s", fault.text);
	conf_realms[1].port = 1; /* on another port it is another network */
	cr_expect_eq(realms_init(&realms, &conf, &fault), 0);
}

Test(realm, next_hops)
{
	static const struct {
		unsigned realm;
		uint8_t family;
		const char *dst, *hop; /* NULL: no route */
	} cases[] = {
		{0, NET_IP4, "10.0.0.7", "10.0.0.7"},
		{0, NET_IP4, "10.0.1.7", "10.0.1.7"},
		{0, NET_IP4, "10.0.2.7", "10.0.1.254"},
		{0, NET_IP4, "10.0.1.255", NULL},
		{0, NET_IP4, "10.0.0.255", "10.0.0.255"},
		{0, NET_IP4, "239.1.1.1", NULL},
		{0, NET_IP4, "255.255.255.255", NULL},
		{0, NET_IP4, "0.0.0.0", NULL},
		{0, NET_IP6, "2001:db8::7", "2001:db8::7"},
		{0, NET_IP6, "2001:db8:1::7", "fe80::1"},
		{0, NET_IP6, "fe80::7", "fe80::7"},
		{0, NET_IP6, "ff02::1", NULL},
		{1, NET_IP4, "192.0.2.0", "192.0.2.0"},
		{1, NET_IP4, "192.0.2.2", NULL},
		{1, NET_IP6, "2001:db8::7", NULL},
	};
	struct fault fault;

	set_up_realms();
	cr_assert_eq(realms_init(&realms, &conf, &fault), 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_addr dst = ip(cases[i].dst), hop, want;
		bool found =
			realm_next_hop(&realms.realm[cases[i].realm], cases[i].family, &dst, &hop);

		cr_assert_eq(found, cases[i].hop != NULL, "%s", cases[i].dst);
		if (!found)
			continue;
		want = ip(cases[i].hop);
		cr_expect(net_addr_eq(&hop, &want), "%s", cases[i].dst);
	}
}

Test(device, strings)
{
	struct device device;
	const char *why;
	char args[200];

	cr_assert_eq(device_parse("net_af_xdp0,iface=eth1", &device, &why), 0);
	cr_expect_eq(device.kind, DEVICE_AF_XDP);
	cr_expect_str_eq(device.name, "net_af_xdp0");
	cr_expect_str_eq(device.iface, "eth1");
	device_put_args(args, sizeof(args), "net_af_xdp0,iface=eth1", &device, 3);
	cr_expect_str_eq(args, "net_af_xdp0,iface=eth1,queue_count=3");
	device_put_args(args, sizeof(args), "net_af_xdp0,iface=eth1,queue_count=1", &device, 3);
	cr_expect_str_eq(args, "net_af_xdp0,iface=eth1,queue_count=1");
	cr_assert_eq(device_parse("net_af_packet1,framesz=2048,iface=e.1", &device, &why), 0);
	cr_expect_eq(device.kind, DEVICE_AF_PACKET);
	cr_expect_str_eq(device.iface, "e.1");
	device_put_args(args, sizeof(args), "net_af_packet1,iface=e", &device, 2);
	cr_expect_str_eq(args, "net_af_packet1,iface=e,qpairs=2,framecnt=4096");
	device_put_args(args, sizeof(args), "net_af_packet1,iface=e,qpairs=1,framecnt=64", &device,
			2);
	cr_expect_str_eq(args, "net_af_packet1,iface=e,qpairs=1,framecnt=64");
	cr_assert_eq(device_parse("0000:03:00.0", &device, &why), 0);
	cr_expect_eq(device.kind, DEVICE_PCI);
	cr_assert_eq(device_parse("3b:00.1", &device, &why), 0);
	cr_expect_eq(device.kind, DEVICE_PCI);
	cr_assert_eq(device_parse("net_memif0,role=client,id=0", &device, &why), 0);
	cr_expect_eq(device.kind, DEVICE_OTHER);
	device_put_args(args, sizeof(args), "net_memif0,role=client,id=0", &device, 2);
	cr_expect_str_eq(args, "net_memif0,role=client,id=0");
}

Test(device, refused)
{
	static const char *const bad[] = {"",
					  ",",
					  "eth1",
					  "net_af_xdp0",
					  "net_af_packet0,iface=",
					  "net_af_xdp0,iface=averylongname16c",
					  "0000:03:00",
					  "0000:03:00.0x",
					  "net_af_xdp0,xiface=eth1"};
	struct device device;
	const char *why = NULL;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_neq(device_parse(bad[i], &device, &why), 0, "%s", bad[i]);
		cr_expect_not_null(why);
	}
}

Test(drop, every_reason_has_its_name)
{
	for (unsigned i = 0; i < DROP_REASONS_END; i++) {
		cr_assert_not_null(drop_name((enum drop_reason)i));
		cr_assert_not_null(drop_meaning((enum drop_reason)i));
		for (unsigned j = 0; j < i; j++)
			cr_expect_str_neq(drop_name((enum drop_reason)i),
					  drop_name((enum drop_reason)j));
	}
	cr_expect_null(drop_name(DROP_REASONS_END));
}

/* A counter that runs `ppm` faster than the kernel says, adjusted once a second. */
static void clock_holds(int ppm)
{
	const uint64_t hz = 2600000000, mono = 5000 * SECOND;
	double real_hz = (double)hz * (1 + ppm / 1e6);
	struct tsc_clock clock;
	uint64_t last = 0;

	tsc_start(&clock, 1000, mono, hz);
	for (unsigned s = 1; s < 3600; s++) {
		for (unsigned part = 0; part < 10; part++) {
			uint64_t tsc = 1000 + (uint64_t)((s - 1 + part / 10.0) * real_hz),
				 now = tsc_ns(&clock, tsc);

			cr_assert_geq(now, last, "time goes back at %u s", s);
			last = now;
		}
		tsc_adjust(&clock, 1000 + (uint64_t)(s * real_hz), mono + s * SECOND);
	}
	cr_expect_lt(llabs((int64_t)(last - (3598 * SECOND + 9 * SECOND / 10))), 2000,
		     "off by %ld ns at %d ppm", (long)(last - (3598 * SECOND + 9 * SECOND / 10)),
		     ppm);
}

Test(tsc, holds_to_the_kernels_clock)
{
	clock_holds(0);
	clock_holds(50);
	clock_holds(-300);
	clock_holds(2000); /* a bad figure from the kernel */
}

Test(tsc, catches_up_after_a_gap)
{
	const uint64_t hz = 1000000000;
	struct tsc_clock clock;

	tsc_start(&clock, 0, 0, hz);
	for (unsigned s = 1; s < 10; s++)
		tsc_adjust(&clock, s * hz, s * SECOND);
	tsc_adjust(&clock, 10 * hz, 100 * SECOND); /* 90 s without cycles */
	cr_expect_eq(tsc_ns(&clock, 10 * hz), 100 * SECOND);
	for (unsigned s = 11; s < 30; s++)
		tsc_adjust(&clock, s * hz, (90 + s) * SECOND);
	cr_expect_lt(llabs((int64_t)(tsc_ns(&clock, 29 * hz) - 119 * SECOND)), 1000);
	cr_expect_eq(tsc_ns(&clock, 1), tsc_ns(&clock, 0),
		     "a core's counter that is behind does not go back in time");
}
