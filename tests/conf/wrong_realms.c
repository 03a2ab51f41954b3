/* SPDX-License-Identifier: BSD-3-Clause */
/* Wrong configs: realms. */
#include "wrong.h"

#include <stddef.h>

const struct wrong wrong_realms[] = {
	{"no name", 19, "  - dscp_sip: 0",
	 {{19, "realms[1].name", "missing"}, {29, "trunks[1].realm", "no such realm: \"in\""}}},
	{"two realms of one name", 19, "  - name: out",
	 {{19, "realms[1].name", "\"out\" is already the name of realms[0]"},
	  {29, "trunks[1].realm", "no such realm: \"in\""}}},
	{"no port", 20, NULL, {{19, "realms[1].port", "missing"}}},
	{"a port that is not there", 20, "    port: p2",
	 {{20, "realms[1].port", "no such port: \"p2\""}}},
	{"no addresses", 21, NULL, {{19, "realms[1].addresses", "missing"}}},
	{"addresses empty", 21, "    addresses: []",
	 {{21, "realms[1].addresses", "must not be empty"}}},
	{"addresses no list", 21, "    addresses: 10.0.0.1/8",
	 {{21, "realms[1].addresses", "must be a list, as in [x, y]"}}},
	{"an address cut short", 21, "    addresses: [10.0.1/8]",
	 {{21, "realms[1].addresses[0]", "not an address with a subnet length: \"10.0.1/8\""}}},
	{"a part above 255", 21, "    addresses: [10.0.0.256/8]",
	 {{21, "realms[1].addresses[0]", "not an address with a subnet length: \"10.0.0.256/8\""}}},
	{"no subnet length", 21, "    addresses: [10.0.0.1]",
	 {{21, "realms[1].addresses[0]", "no subnet length: \"10.0.0.1\"; write it as in "
	   "192.0.2.1/24"}}},
	{"a subnet length too long", 21, "    addresses: [10.0.0.1/33]",
	 {{21, "realms[1].addresses[0]", "not an address with a subnet length: \"10.0.0.1/33\""}}},
	{"the network itself", 21, "    addresses: [10.0.0.0/8]",
	 {{21, "realms[1].addresses[0]", "not the address of a host in its subnet: "
	   "\"10.0.0.0/8\""}}},
	{"the broadcast address", 21, "    addresses: [10.255.255.255/8]",
	 {{21, "realms[1].addresses[0]", "not the address of a host in its subnet: "
	   "\"10.255.255.255/8\""}}},
	{"loopback", 21, "    addresses: [127.0.0.1/8]",
	 {{21, "realms[1].addresses[0]", "not the address of a host in its subnet: "
	   "\"127.0.0.1/8\""}}},
	{"multicast", 21, "    addresses: [224.0.0.5/24]",
	 {{21, "realms[1].addresses[0]", "not the address of a host in its subnet: "
	   "\"224.0.0.5/24\""}}},
	{"a host name", 21, "    addresses: [limen.example.com/24]",
	 {{21, "realms[1].addresses[0]", "not an address with a subnet length: "
	   "\"limen.example.com/24\""}}},
	{"two IPv4 addresses", 21, "    addresses: [10.0.0.1/8, 10.0.0.2/8]",
	 {{21, "realms[1].addresses[1]", "second IPv4 address; a realm has one of each family"}}},
	{"two IPv6 addresses", 21, "    addresses: [\"fd00::1/64\", \"fd00::2/64\"]",
	 {{21, "realms[1].addresses[1]", "second IPv6 address; a realm has one of each family"}}},
	{"three addresses", 21, "    addresses:\n      - 10.0.0.1/8\n      - fd00::1/64\n      - "
	 "10.0.0.2/8",
	 {{24, "realms[1].addresses[2]", "one too many: at most 2 are allowed"}}},
	{"an address of another realm", 21, "    addresses: [192.0.2.1/8]",
	 {{21, "realms[1].addresses[0]", "192.0.2.1 is already an address of realms[0]"}}},
	{"a gateway that is no address", 16, "    gateways: [router]",
	 {{16, "realms[0].gateways[0]", "not an IP address: \"router\""}}},
	{"a gateway with a length", 16, "    gateways: [192.0.2.254/24]",
	 {{16, "realms[0].gateways[0]", "not an IP address: \"192.0.2.254/24\""}}},
	{"a multicast gateway", 16, "    gateways: [224.0.0.1]",
	 {{16, "realms[0].gateways[0]", "not the address of a host: \"224.0.0.1\""}}},
	{"a gateway outside the subnet", 16, "    gateways: [192.0.3.254]",
	 {{16, "realms[0].gateways[0]", "outside the realm's subnet 192.0.2.0/24"}}},
	{"a gateway that is limen", 16, "    gateways: [192.0.2.1]",
	 {{16, "realms[0].gateways[0]", "192.0.2.1 is limen's own address"}}},
	{"a second gateway", 16, "    gateways: [192.0.2.254, 192.0.2.253]",
	 {{16, "realms[0].gateways[1]", "second IPv4 gateway; only one is possible"}}},
	{"a gateway of the wrong family", 21, "    addresses: [10.0.0.1/8]\n    gateways: "
	 "[\"fd00::1\"]",
	 {{22, "realms[1].gateways[0]", "the realm has no IPv6 address to reach it from"}}},
	{"SIP port 0", 17, "    sip_port: 0",
	 {{17, "realms[0].sip_port", "out of range: 0; must be from 1 to 65535"}}},
	{"SIP port too high", 17, "    sip_port: 65536",
	 {{17, "realms[0].sip_port", "out of range: 65536; must be from 1 to 65535"}}},
	{"SIP port among the media's", 17, "    sip_port: 20002",
	 {{17, "realms[0].sip_port", "20002 lies within media_ports 20000-29999"}}},
	{"media over the default SIP port", 21, "    addresses: [10.0.0.1/8]\n    media_ports: "
	 "5000-5999",
	 {{19, "realms[1].sip_port", "5060 lies within media_ports 5000-5999"}}},
	{"one media port", 18, "    media_ports: 20000",
	 {{18, "realms[0].media_ports",
	   "not a range of media ports: \"20000\"; write it as in 20000-59999: from an even port, "
	   "1024 at least, to an odd one, 65535 at most"}}},
	{"media ports the wrong way", 18, "    media_ports: 29998-20001",
	 {{18, "realms[0].media_ports",
	   "not a range of media ports: \"29998-20001\"; write it as in 20000-59999: from an even "
	   "port, 1024 at least, to an odd one, 65535 at most"}}},
	{"an odd first media port", 18, "    media_ports: 20001-29999",
	 {{18, "realms[0].media_ports",
	   "not a range of media ports: \"20001-29999\"; write it as in 20000-59999: from an even "
	   "port, 1024 at least, to an odd one, 65535 at most"}}},
	{"an even last media port", 18, "    media_ports: 20000-29998",
	 {{18, "realms[0].media_ports",
	   "not a range of media ports: \"20000-29998\"; write it as in 20000-59999: from an even "
	   "port, 1024 at least, to an odd one, 65535 at most"}}},
	{"privileged media ports", 18, "    media_ports: 1000-1999",
	 {{18, "realms[0].media_ports",
	   "not a range of media ports: \"1000-1999\"; write it as in 20000-59999: from an even "
	   "port, 1024 at least, to an odd one, 65535 at most"}}},
	{"media ports as a list", 18, "    media_ports: [20000, 29999]",
	 {{18, "realms[0].media_ports", "must be one value, is a list (text that begins with [ "
	   "needs quotes)"}}},
	{"too few media ports", 18, "    media_ports: 20000-20005",
	 {{18, "realms[0].media_ports", "6 ports for 2 workers: each needs 4 at least"}}},
	{"DSCP above 63", 18, "    dscp_media: 64",
	 {{18, "realms[0].dscp_media", "out of range: 64; must be from 0 to 63"}}},
	{"a device name that the kernel would not take", 18,
	 "    kernel_device: limen-of-the-carrier",
	 {{18, "realms[0].kernel_device", "too long: 20 characters, at most 15"}}},
	{"a device name that is a path", 18, "    kernel_device: net/tun",
	 {{18, "realms[0].kernel_device",
	   "not a name: \"net/tun\"; only letters, digits and _ - . make one"}}},
	{"one kernel device for two realms", 18,
	 "    kernel_device: sip\n  - name: third\n    port: p1\n"
	 "    addresses: [10.1.0.1/16]\n    media_ports: 30000-39999\n    kernel_device: sip",
	 {{23, "realms[1].kernel_device", "\"sip\" is already realms[0]'s"}}},
	{"no connections at all", 18, "    kernel_new_per_s: 0",
	 {{18, "realms[0].kernel_new_per_s", "out of range: 0; must be from 1 to 1000000"}}},
	{"no packets at all", 18, "    kernel_pkts_per_s: none",
	 {{18, "realms[0].kernel_pkts_per_s",
	   "not a whole number: \"none\"; must be from 1 to 10000000"}}},
	{"DSCP by name", 18, "    dscp_sip: CS3",
	 {{18, "realms[0].dscp_sip", "not a whole number: \"CS3\"; must be from 0 to 63"}}},
	{NULL},
};
