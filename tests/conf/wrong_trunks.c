/* SPDX-License-Identifier: BSD-3-Clause */
/* Wrong configs: trunks and routes. */
#include "wrong.h"

#include <stddef.h>

const struct wrong wrong_trunks[] = {
	{"no name", 28, "  - duration_max_s: 0",
	 {{28, "trunks[1].name", "missing"},
	  {34, "routes[0].to", "no such trunk: \"t1\""},
	  {35, "routes[1].from", "no such trunk: \"t1\""}}},
	{"a name that is not one", 28, "  - name: \"t1;x\"",
	 {{28, "trunks[1].name", "not a name: \"t1;x\"; only letters, digits and _ - . make one"},
	  {34, "routes[0].to", "no such trunk: \"t1\""},
	  {35, "routes[1].from", "no such trunk: \"t1\""}}},
	{"a realm that is not there", 29, "    realm: inn",
	 {{29, "trunks[1].realm", "no such realm: \"inn\""}}},
	{"no realm", 29, NULL, {{28, "trunks[1].realm", "missing"}}},
	{"no peers", 30, NULL, {{28, "trunks[1].peers", "missing"}}},
	{"peers empty", 30, "    peers: []", {{30, "trunks[1].peers", "must not be empty"}}},
	{"a peer cut short", 30, "    peers: [10.99.1]",
	 {{30, "trunks[1].peers[0]", "not an address: \"10.99.1\"; write it as in 192.0.2.1:5060 "
	   "or \"[2001:db8::1]:5060\""}}},
	{"a peer by name", 30, "    peers: [sip.example.com]",
	 {{30, "trunks[1].peers[0]", "not an address: \"sip.example.com\"; write it as in "
	   "192.0.2.1:5060 or \"[2001:db8::1]:5060\""}}},
	{"IPv6 and port without quotes", 30, "    peers: [[fd00::1]:5060]",
	 {{30, "trunks[1].peers[0]", "must be one value, is a mapping (text with [ or \": \" in "
	   "it needs quotes)"}}},
	{"port 0", 30, "    peers: [10.0.0.10:0]",
	 {{30, "trunks[1].peers[0]", "not an address: \"10.0.0.10:0\"; write it as in "
	   "192.0.2.1:5060 or \"[2001:db8::1]:5060\""}}},
	{"port too high", 30, "    peers: [10.0.0.10:65536]",
	 {{30, "trunks[1].peers[0]", "not an address: \"10.0.0.10:65536\"; write it as in "
	   "192.0.2.1:5060 or \"[2001:db8::1]:5060\""}}},
	{"a multicast peer", 30, "    peers: [239.0.0.1]",
	 {{30, "trunks[1].peers[0]", "not the address of a host: \"239.0.0.1\""}}},
	{"an IPv4 peer dressed as IPv6", 30, "    peers: [\"[::ffff:10.0.0.9]:5060\"]",
	 {{30, "trunks[1].peers[0]", "not the address of a host: \"[::ffff:10.0.0.9]:5060\""}}},
	{"limen itself", 30, "    peers: [10.0.0.1:5070]",
	 {{30, "trunks[1].peers[0]", "10.0.0.1 is limen's own address"}}},
	{"a peer twice", 30, "    peers: [10.0.0.10, 10.0.0.11, 10.0.0.10:5060]",
	 {{30, "trunks[1].peers[2]", "the same as peers[0]"}}},
	{"a family that the realm lacks", 30, "    peers: [\"fd00::10\"]",
	 {{30, "trunks[1].peers[0]", "IPv6, but realm \"in\" has no IPv6 address"}}},
	{"outside, and no gateway", 30, "    peers: [192.168.0.1]",
	 {{30, "trunks[1].peers[0]", "outside the subnet 10.0.0.0/8 of realm \"in\", which has no "
	   "IPv4 gateway"}}},
	{"outside, and no gateway of that family", 25, "    peers: [\"2001:db8:9::1\"]",
	 {{25, "trunks[0].peers[0]", "outside the subnet 2001:db8:1::/64 of realm \"out\", which "
	   "has no IPv6 gateway"}}},
	{"nine peers", 30,
	 "    peers: [10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8, "
	 "10.0.0.9, 10.0.0.10]",
	 {{30, "trunks[1].peers[8]", "one too many: at most 8 are allowed"}}},
	{"two trunks from one peer", 30, "    peers: [10.0.0.10]\n  - name: t2\n    realm: in\n   "
	 " peers: [10.0.0.10:5070]",
	 {{33, "trunks[2].peers", "10.0.0.10/32 is already a source of trunks[1]; requests from "
	   "it could be either's"}}},
	{"a source with host bits", 26, "    sources: [192.0.2.1/24]",
	 {{26, "trunks[0].sources[0]", "bits set behind the prefix length: \"192.0.2.1/24\"; the "
	   "network is 192.0.2.0/24"}}},
	{"a source that is no network", 26, "    sources: [192.0.2.x]",
	 {{26, "trunks[0].sources[0]", "not a network: \"192.0.2.x\"; write it as in "
	   "192.0.2.0/24"}}},
	{"a source with a port", 26, "    sources: [\"192.0.2.1:5060\"]",
	 {{26, "trunks[0].sources[0]", "not a network: \"192.0.2.1:5060\"; write it as in "
	   "192.0.2.0/24"}}},
	{"a source twice", 26, "    sources: [192.0.2.0/24, 198.51.100.0/24, 192.0.2.0/24]",
	 {{26, "trunks[0].sources[2]", "the same as sources[0]"}}},
	{"a source of a family that the realm lacks", 30, "    peers: [10.0.0.10]\n    sources: "
	 "[\"fd00::/64\"]",
	 {{31, "trunks[1].sources[0]", "IPv6, but realm \"in\" has no IPv6 address"}}},
	{"two trunks of one source", 30,
	 "    peers: [10.0.0.10]\n    sources: [10.1.0.0/16]\n  - name: t2\n    realm: in\n    "
	 "peers: [10.0.0.11]\n    sources:\n      - 10.2.0.0/16\n      - 10.1.0.0/16",
	 {{37, "trunks[2].sources[1]", "10.1.0.0/16 is already a source of trunks[1]; requests "
	   "from it could be either's"}}},
	{"unknown media_source", 26, "    media_source: nat",
	 {{26, "trunks[0].media_source", "not one of pin|learn: \"nat\""}}},
	{"answer_max_s 0", 26, "    answer_max_s: 0",
	 {{26, "trunks[0].answer_max_s", "out of range: 0; must be from 1 to 3600"}}},
	{"answer_max_s in words", 26, "    answer_max_s: 3m",
	 {{26, "trunks[0].answer_max_s", "not a whole number: \"3m\"; must be from 1 to 3600"}}},
	{"a call of more than a week", 26, "    duration_max_s: 604801",
	 {{26, "trunks[0].duration_max_s", "out of range: 604801; must be from 0 to 604800"}}},
	{"media_timeout_s too long", 26, "    media_timeout_s: 86401",
	 {{26, "trunks[0].media_timeout_s", "out of range: 86401; must be from 0 to 86400"}}},
	{"a header with a colon", 27, "    headers_pass: [\"Subject:\"]",
	 {{27, "trunks[0].headers_pass[0]", "not a header name: \"Subject:\""}}},
	{"a header that limen renumbers", 27, "    headers_pass: [RSeq]",
	 {{27, "trunks[0].headers_pass[0]", "limen writes this header itself: \"RSeq\""}}},
	{"a header that limen writes", 27, "    headers_pass: [Subject, Via]",
	 {{27, "trunks[0].headers_pass[1]", "limen writes this header itself: \"Via\""}}},
	{"the same by its compact name", 27, "    headers_pass: [m]",
	 {{27, "trunks[0].headers_pass[0]", "limen writes this header itself: \"m\""}}},
	{"a header twice", 27, "    headers_pass: [Subject, X-A, SUBJECT]",
	 {{27, "trunks[0].headers_pass[2]", "the same as headers_pass[0]"}}},
	{"a header name too long", 27, "    headers_pass: "
	 "[X-0123456789012345678901234567890123456789]",
	 {{27, "trunks[0].headers_pass[0]", "too long: 42 characters, at most 40"}}},
	{"an empty header", 27, "    headers_pass: [\"\"]",
	 {{27, "trunks[0].headers_pass[0]", "has no value"}}},
	{"faults of every kind in one go", 26, "    sources: [x]\n    realms: out\n    "
	 "answer_max_s: -1\n    media_source: [pin]",
	 {{26, "trunks[0].sources[0]", "not a network: \"x\"; write it as in 192.0.2.0/24"},
	  {27, "trunks[0].realms", "unknown key; did you mean \"realm\"?"},
	  {28, "trunks[0].answer_max_s", "not a whole number: \"-1\"; must be from 1 to 3600"},
	  {29, "trunks[0].media_source", "must be one value, is a list (text that begins with [ "
	    "needs quotes)"}}},
	{NULL},
};

const struct wrong wrong_routes[] = {
	{"from a trunk that is not there", 32, "  - from: t9",
	 {{32, "routes[0].from", "no such trunk: \"t9\""}}},
	{"to a trunk that is not there", 34, "    to: t9",
	 {{34, "routes[0].to", "no such trunk: \"t9\""}}},
	{"to and status", 34, "    to: t1\n    status: 403",
	 {{32, "routes[0]", "has both `to` and `status`: only one can be"}}},
	{"neither to nor status", 34, NULL, {{32, "routes[0]", "has neither `to` nor `status`"}}},
	{"a status that is no refusal", 34, "    status: 200",
	 {{34, "routes[0].status", "out of range: 200; must be from 400 to 699"}}},
	{"a redirect", 34, "    status: 302",
	 {{34, "routes[0].status", "out of range: 302; must be from 400 to 699"}}},
	{"a prefix with a blank", 33, "    prefix: \"49 30\"",
	 {{33, "routes[0].prefix", "not the start of a user part: \"49 30\""}}},
	{"a prefix with a host", 33, "    prefix: 49@example.com",
	 {{33, "routes[0].prefix", "not the start of a user part: \"49@example.com\""}}},
	{"a prefix too long", 33,
	 "    prefix: \"0123456789012345678901234567890123456789012345678901234567890123\"",
	 {{33, "routes[0].prefix", "too long: 64 characters, at most 63"}}},
	{"never reached: the same again", 36, "    to: t0\n  - from: t1\n    to: t0",
	 {{37, "routes[2]", "never reached: routes[1] takes all of its calls"}}},
	{"never reached: a longer prefix behind a shorter", 36, "    to: t0\n  - from: t0\n    "
	 "prefix: \"4930\"\n    status: 403",
	 {{37, "routes[2]", "never reached: routes[0] takes all of its calls"}}},
	{"never reached: behind any trunk and any number", 32, "  - to: t1\n  - from: t0",
	 {{33, "routes[1]", "never reached: routes[0] takes all of its calls"},
	  {36, "routes[2]", "never reached: routes[0] takes all of its calls"}}},
	{"a trunk's key in a route", 33, "    peers: [10.0.0.1]",
	 {{33, "routes[0].peers", "unknown key"}}},
	{NULL},
};
