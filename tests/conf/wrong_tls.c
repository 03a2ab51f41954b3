/* SPDX-License-Identifier: BSD-3-Clause */
/* Wrong configs: TLS. What its files hold is checked where they are read: see the unit tests of
 * tls_store. */
#include "wrong.h"

#include <stddef.h>

#define CERTIFICATES "certificates: [{name: c, chain: /etc/c.pem, key: /etc/c.key}]\n"

const struct wrong wrong_tls[] = {
	{"a certificate without a name", 37,
	 "certificates: [{chain: /c.pem, key: /c.key}]\nlog:",
	 {{37, "certificates[0].name", "missing"}}},
	{"a certificate without a chain", 37, "certificates: [{name: c, key: /c.key}]\nlog:",
	 {{37, "certificates[0].chain", "missing"}}},
	{"a certificate without a key", 37, "certificates: [{name: c, chain: /c.pem}]\nlog:",
	 {{37, "certificates[0].key", "missing"}}},
	{"a relative path", 37,
	 "certificates: [{name: c, chain: c.pem, key: /c.key}]\nlog:",
	 {{37, "certificates[0].chain", "not an absolute path: \"c.pem\""}}},
	{"two certificates of one name", 37,
	 "certificates:\n"
	 "  - {name: c, chain: /c.pem, key: /c.key}\n"
	 "  - {name: c, chain: /d.pem, key: /d.key}\nlog:",
	 {{39, "certificates[1].name", "\"c\" is already the name of certificates[0]"}}},
	{"an unknown key of a certificate", 37,
	 "certificates: [{name: c, chain: /c.pem, key: /c.key, ocsp: /c.ocsp}]\nlog:",
	 {{37, "certificates[0].ocsp", "unknown key"}}},
	{"a tls without a name", 37, CERTIFICATES "tls: [{certificates: [c]}]\nlog:",
	 {{38, "tls[0].name", "missing"}}},
	{"two tls of one name", 37, CERTIFICATES "tls:\n  - {name: t}\n  - {name: t}\nlog:",
	 {{40, "tls[1].name", "\"t\" is already the name of tls[0]"}}},
	{"a certificate that is not there", 37, CERTIFICATES
	 "tls: [{name: t, certificates: [c, d]}]\nlog:",
	 {{38, "tls[0].certificates[1]", "no such certificate: \"d\""}}},
	{"a certificate twice", 37, CERTIFICATES "tls: [{name: t, certificates: [c, c]}]\nlog:",
	 {{38, "tls[0].certificates[1]", "the same as certificates[0]"}}},
	{"clients held against nobody", 37,
	 CERTIFICATES "tls: [{name: t, certificates: [c], verify_client: require}]\nlog:",
	 {{38, "tls[0].verify_client",
	   "needs ca_file: clients are not held against the system's roots"}}},
	{"verify_client unknown", 37,
	 "tls: [{name: t, verify_client: always, ca_file: /ca.pem}]\nlog:",
	 {{37, "tls[0].verify_client", "not one of none|optional|require: \"always\""}}},
	{"lists that nobody looks at", 37,
	 "tls: [{name: t, verify_peer: no, crl_file: /crl.pem}]\nlog:",
	 {{37, "tls[0].crl_file", "never used: verify_client is none and verify_peer is no"}}},
	{"an old version", 37, "tls: [{name: t, min_version: \"1.1\"}]\nlog:",
	 {{37, "tls[0].min_version", "not one of 1.2|1.3: \"1.1\""}}},
	{"tickets no bool", 37, "tls: [{name: t, tickets: sometimes}]\nlog:",
	 {{37, "tls[0].tickets", "neither yes nor no: \"sometimes\""}}},
	{"keys rotated too fast", 37, "tls: [{name: t, ticket_rotate_s: 59}]\nlog:",
	 {{37, "tls[0].ticket_rotate_s", "out of range: 59; must be from 60 to 172800"}}},
	{"an alarm far ahead", 37, "tls: [{name: t, expiry_alarm_days: 3651}]\nlog:",
	 {{37, "tls[0].expiry_alarm_days", "out of range: 3651; must be from 0 to 3650"}}},
	{"a port without tls", 20, "    port: p1\n    tls_port: 5061\n    kernel_device: d",
	 {{21, "realms[1].tls_port", "needs `tls`: certificates and how they are used"}}},
	{"a port too high", 20, "    port: p1\n    tls_port: 65536",
	 {{21, "realms[1].tls_port", "out of range: 65536; must be from 0 to 65535"}}},
	{"a port that is taken", 20, "    port: p1\n    tls: t\n    kernel_device: d\n    tcp_port: 5061\n    tls_port: 5061",
	 {{21, "realms[1].tls", "no such `tls`: \"t\""},
	  {24, "realms[1].tls_port", "5061 is tcp_port; TLS needs a port of its own"}}},
	{"a tls that is not there", 20, "    port: p1\n    tls: u",
	 {{21, "realms[1].tls", "no such `tls`: \"u\""}}},
	{"a server without certificates", 21,
	 "    addresses: [10.0.0.1/8]\n    tls: t\n    tls_port: 5061\n    kernel_device: d\ntls: [{name: t}]",
	 {{22, "realms[1].tls", "\"t\" has no certificates, and tls_port listens with them"}}},
	{"a port that no connection comes to", 21,
	 "    addresses: [10.0.0.1/8]\n    tls: t\n    tls_port: 5061\n" CERTIFICATES
	 "tls: [{name: t, certificates: [c]}]",
	 {{23, "realms[1].tls_port",
	   "connections are the kernel's: the realm needs kernel_device, or stream_addresses"}}},
	{"a name of two trunks", 26,
	 "    tls_names: [a.example]\n  - name: t2\n    realm: out\n    peers: [192.0.2.99]\n"
	 "    tls_names: [b.example, A.EXAMPLE]",
	 {{30, "trunks[1].tls_names[1]", "\"a.example\" is already a name of trunks[0]"}}},
	{"a name that is none", 26, "    tls_names: [\"*.carrier.example\"]",
	 {{26, "trunks[0].tls_names[0]", "not a host: \"*.carrier.example\""}}},
	{"a name too long for one", 26,
	 "    tls_names: "
	 "[a1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
	 "9012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	 "01234567890123456789012345678901234567890123456789012345678901234567890123456789]",
	 {{26, "trunks[0].tls_names[0]", "too long: 260 characters, at most 253"}}},
	{NULL},
};
