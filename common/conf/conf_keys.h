/* SPDX-License-Identifier: BSD-3-Clause */
/* Every key of the configuration, once: the parser's schema, the checks, the defaults and the
 * reference page all come from these lists. Private to common/conf. */
#pragma once

#include "common/conf/conf_keys_rules.h"
#include "common/conf/conf_keys_tls.h"
#include "common/conf/conf_keys_streams.h"

/* X(symbol, word in the reference): what a value's text must be. */
#define CONF_TYPES(X)                                                                              \
	X(UINT, "number")                                                                          \
	X(WORD, "word")        /* one of the choices in `unit`, separated by '|' */                \
	X(BOOL, "`yes` or `no`") /* true and false are understood too */                           \
	X(NAME, "name")        /* letters, digits, '_', '-', '.' */                                \
	X(TEXT, "text")                                                                            \
	X(PATH, "absolute path")                                                                   \
	X(ADDRESS, "address")                                                                      \
	X(INTERFACE, "address/bits") /* limen's own address with the length of its subnet */       \
	X(PREFIX, "prefix")    /* a network; a bare address is a prefix of all bits */             \
	X(ENDPOINT, "address[:port]")                                                              \
	X(PEER, "peer")        /* address or host name, with port, priority and weight perhaps */  \
	X(SERVER, "address[:port]") /* of a DNS server */                                          \
	X(CODE, "SIP status")                                                                      \
	X(PORT_RANGE, "low-high")                                                                  \
	X(HEADER, "header name")                                                                   \
	X(USER, "start of a user part")                                                            \
	X(DIGITS, "digits")                                                                        \
	X(HOST, "host")                                                                            \
	X(FIELD, "header name") /* of any header, those that limen writes too */                   \
	X(PATTERN, "pattern (PCRE2)")                                                              \
	X(HOURS, "hh:mm-hh:mm") /* 24:00 is the day's end; past midnight where the end is first */ \
	X(ZONE, "time zone")                                                                       \
	X(CONTACT_URI, "sip: URI, its user perhaps `*`")                                           \
	X(SERVICE, "user or urn:service") /* a whole user part, or a service URN (RFC 5031) */     \
	X(REF_PORT, "name of a port")                                                              \
	X(REF_REALM, "name of a realm")                                                            \
	X(REF_TRUNK, "name of a trunk")                                                            \
	X(REF_TABLE, "name of a table")                                                            \
	X(REF_RULES, "name of a set of number rules")                                              \
	X(REF_CERTIFICATE, "name of a certificate")                                                \
	X(REF_TLS, "name of a `tls`")

/* X(section, shape, keys, required, at most, documentation). MAP: one mapping; MAPS: a list of
 * them. */
#define CONF_SECTIONS(X)                                                                           \
	X(machine, MAP, MACHINE, true, 1,                                                          \
	  "What the dataplane takes of the machine: CPUs, memory, directories.")                   \
	X(ports, MAPS, PORT, true, CONF_PORTS_MAX, "Network ports, each a DPDK device.")           \
	X(realms, MAPS, REALM, true, CONF_REALMS_MAX,                                              \
	  "Sides of the border: limen's addresses, SIP port and media ports on a port.")           \
	X(trunks, MAPS, TRUNK, false, 65536,                                                       \
	  "Peers that may call and be called. A request from a source that no trunk names is "     \
	  "refused.")                                                                              \
	X(routes, MAPS, ROUTE, false, 65536,                                                       \
	  "Where calls go: the first route that matches decides. A call that none matches is "     \
	  "refused with 404.")                                                                     \
	CONF_SECTIONS_RULES(X)                                                                     \
	X(tables, MAPS, TABLE, false, CONF_TABLES_MAX,                                             \
	  "Tables of prefixes for routes: which trunks take which numbers, at what cost. A file "  \
	  "that changed is loaded by a reload, beside the calls.")                                 \
	X(number_rules, MAPS, NUMBER_RULE, false, 65536,                                           \
	  "How numbers are rewritten: rules of one set apply in the order they stand in. Trunks "  \
	  "name sets for what comes from them and goes to them.")                                  \
	X(registrar, MAP, REGISTRAR, false, 1,                                                     \
	  "Users that register through limen: where each of them is.")                             \
	X(auth, MAP, AUTH, false, 1,                                                               \
	  "Users whom limen authenticates itself, where a trunk says `auth: digest`.")             \
	CONF_SECTIONS_TLS(X)                                                                       \
	X(srtp, MAP, SRTP, false, 1, "Who encrypts media.")                                        \
	X(screening, MAP, SCREENING, false, 1,                                                     \
	  "Who may send how much, and who may send nothing.")                                      \
	X(overload, MAP, OVERLOAD, false, 1,                                                       \
	  "When a worker has no time for more: new calls are refused with 503.")                   \
	X(emergency, MAP, EMERGENCY, false, 1,                                                     \
	  "Calls that are taken even then.")                                                       \
	CONF_SECTIONS_STREAMS(X)                                                                   \
	X(dns, MAP, DNS, false, 1, "Where the names of peers are looked up.")                      \
	X(log, MAP, LOG, false, 1, "The log of the control plane and the dataplane.")              \
	X(cdr, MAP, CDR, false, 1, "Call detail records: one JSON object a line for each call.")

/* X(shape, type, key, list's most items, unit or choices, default or NULL (required), low, high,
 *   takes effect on, documentation)
 * low and high: range of a number; of other types `high` is the longest text. The items of a list's
 * default are separated by '|'; a list that has one cannot be given empty. */
#define CONF_KEYS_MACHINE(X)                                                                       \
	X(ONE, UINT, main_cpu, 0, "CPU", "0", 0, 1023, RESTART,                                    \
	  "CPU of the dataplane's main thread; the control plane and the rest of the system "      \
	  "may share it.")                                                                         \
	X(LIST, UINT, workers, CONF_WORKERS_MAX, "CPU", NULL, 0, 1023, RESTART,                    \
	  "CPU of each polling worker; each should have a physical core to itself. One may be "    \
	  "main_cpu where idle_sleep_us is not 0.")                                                \
	X(ONE, WORD, hugepages, 0, "auto|require|never", "auto", 0, 16, RESTART,                   \
	  "Whether packet memory lies in hugepages: where there are some, always (else limen "     \
	  "does not start), never.")                                                               \
	X(ONE, UINT, memory_mb, 0, "MiB", "512", 64, 1048576, RESTART,                             \
	  "Memory for packets and DPDK itself.")                                                   \
	X(ONE, UINT, idle_sleep_us, 0, "us", "0", 0, 100000, RESTART,                              \
	  "A worker that found nothing to do sleeps this long; 0: it never sleeps, as wanted "     \
	  "where a CPU is its own.")                                                               \
	X(ONE, UINT, max_calls, 0, "calls", "10000", 1, 1000000, RESTART,                          \
	  "Concurrent calls of one worker; sizes its arena.")                                      \
	X(ONE, PATH, state_dir, 0, "", "/dev/shm/limen", 1, 200, RESTART,                          \
	  "Directory of the arenas that hold call state; on tmpfs or hugetlbfs.")                  \
	X(ONE, PATH, run_dir, 0, "", CONF_RUN_DIR_DEFAULT, 1, 80, RESTART,                         \
	  "Directory of the UNIX sockets.")                                                        \
	X(ONE, UINT, mbufs, 0, "packets", "16383", 1023, 4194303, RESTART,                         \
	  "Packet buffers of each worker; one less than a power of two wastes no memory.")         \
	X(ONE, NAME, user, 0, "", "", 1, 32, RESTART,                                              \
	  "User, or his number, as whom the control plane goes on when root started it. Without: " \
	  "`limen` where the machine has him, else root, with a warning.")                         \
	X(ONE, NAME, dataplane_user, 0, "", "", 1, 32, RESTART,                                    \
	  "The same of the dataplane, once its ports are open; in the group of `user`. Without: "  \
	  "`limen-dataplane` where the machine has him, else root without what root may.")         \
	X(ONE, WORD, sandbox, 0, "enforce|log|off", "enforce", 1, 16, RESTART,                     \
	  "System calls that neither process needs end it (enforce), are written to the kernel's " \
	  "log only, or are not looked at.")                                                       \
	X(ONE, BOOL, core_dumps, 0, "", "no", 2, 8, RESTART,                                       \
	  "Whether a process that crashes leaves a core dump, with all keys and calls that it "    \
	  "held, and may be looked into by a debugger of its own user.")

#define CONF_KEYS_PORT(X)                                                                          \
	X(ONE, NAME, name, 0, "", NULL, 1, 63, RESTART,                                            \
	  "The port's name, for realms, logs and counters.")                                       \
	X(ONE, TEXT, device, 0, "", NULL, 1, 255, RESTART,                                         \
	  "DPDK device string: a PCI address, or a driver with its arguments such as "             \
	  "`net_af_xdp0,iface=eth1`.")                                                             \
	X(ONE, UINT, queues, 0, "queues", "1", 1, CONF_WORKERS_MAX, RESTART,                       \
	  "Receive queues: the first of the workers poll one each; not more than there are "       \
	  "workers.")                                                                              \
	X(ONE, UINT, mtu, 0, "bytes", "1500", 1280, 9216, RESTART,                                 \
	  "Largest IP packet sent unfragmented.")

#define CONF_KEYS_REALM(X)                                                                         \
	X(ONE, NAME, name, 0, "", NULL, 1, 63, RESTART, "The realm's name.")                       \
	X(ONE, REF_PORT, port, 0, "", NULL, 1, 63, RESTART, "The port this realm lies behind.")    \
	X(LIST, INTERFACE, addresses, CONF_ADDRS_MAX, "", NULL, 1, 64, RESTART,                    \
	  "limen's addresses in this realm with their subnets: one IPv4, one IPv6, or both.")      \
	X(LIST, ADDRESS, gateways, CONF_ADDRS_MAX, "", "", 1, 64, RESTART,                         \
	  "Next hop for destinations outside the subnet, one for each family; without one they "   \
	  "are unreachable.")                                                                      \
	X(ONE, UINT, sip_port, 0, "port", "5060", 1, 65535, RESTART,                               \
	  "Port on which limen speaks SIP.")                                                       \
	X(ONE, PORT_RANGE, media_ports, 0, "ports", "20000-59999", 1, 16, RESTART,                 \
	  "Ports for media on each address, first even, last odd; shared out among the workers.")  \
	X(ONE, UINT, dscp_sip, 0, "DSCP", "24", 0, 63, RESTART,                                    \
	  "DiffServ code point of SIP packets that limen sends.")                                  \
	X(ONE, UINT, dscp_media, 0, "DSCP", "46", 0, 63, RESTART,                                  \
	  "DiffServ code point of media packets that limen sends.")                                \
	X(ONE, NAME, kernel_device, 0, "", "", 1, 15, RESTART,                                     \
	  "Network device (TUN) that limen makes in the kernel with its addresses in this realm, " \
	  "and by which TCP and SCTP go to and from it; without one they are dropped.")            \
	X(ONE, UINT, kernel_new_per_s, 0, "packets/s", "500", 1, 1000000, RESTART,                 \
	  "Connection attempts (TCP SYN, SCTP INIT) a second that one source may make; more are "  \
	  "dropped before they reach the kernel.")                                                 \
	X(ONE, UINT, kernel_pkts_per_s, 0, "packets/s", "20000", 1, 10000000, RESTART,             \
	  "Packets of TCP and SCTP a second that one source may send.")                            \
	X(ONE, UINT, tls_port, 0, "port", "0", 0, 65535, RESTART,                                  \
	  "Port on which limen speaks SIP over TLS, 5061 as a rule; 0: it takes no TLS "           \
	  "connections there. Needs `tls`.")                                                       \
	X(ONE, REF_TLS, tls, 0, "", "", 1, 63, RELOAD,                                             \
	  "How TLS is spoken in this realm: with those who connect, and with peers that have "     \
	  "`;transport=tls`.")                                                                     \
	CONF_KEYS_REALM_STREAMS(X)

#define CONF_KEYS_TRUNK(X)                                                                         \
	X(ONE, NAME, name, 0, "", NULL, 1, 63, RELOAD,                                             \
	  "The trunk's name, for routes, logs and records.")                                       \
	X(ONE, REF_REALM, realm, 0, "", NULL, 1, 63, RELOAD, "The realm its peers are in.")        \
	X(LIST, PEER, peers, CONF_PEERS_MAX, "", NULL, 1, 300, RELOAD,                             \
	  "Where calls to this trunk go: `address[:port]` or `name[:port]`, behind it perhaps "    \
	  "`;transport=udp` (or tcp, tls, sctp), `;priority=N` and `;weight=N`. The lowest "       \
	  "priority is tried first (0 where none is "                                              \
	  "given); among equals those of the calling side's address family, then each as its "     \
	  "weight among them, then those without weight in order. An address without port has "    \
	  "5060, with TLS 5061; a name without one is looked up by NAPTR and SRV (RFC 3263), with " \
	  "one by A and AAAA. Without transport: UDP, or what a name's NAPTR and SRV say, of the "  \
	  "transports that the realm has.")                                                                                 \
	X(LIST, PREFIX, sources, 256, "", "", 1, 64, RELOAD,                                       \
	  "Networks whose requests count as this trunk's; the longest match decides. Without "     \
	  "any: the peers' addresses, those of names as they are now.")                                                            \
	X(LIST, HOST, tls_names, CONF_TLS_NAMES_MAX, "", "", 1, 253, RELOAD,                       \
	  "Names (RFC 5922) of its peers' certificates. Whoever connects by TLS with a verified "  \
	  "certificate that has one of them is this trunk, whatever his address; and a peer "      \
	  "that limen connects to must have one. Without any the names in `peers` are what "       \
	  "peers must have.")                                                                      \
	X(ONE, WORD, media_source, 0, "pin|learn", "pin", 1, 16, RELOAD,                           \
	  "Where this trunk's media may come from: only the address in its SDP, or (behind "       \
	  "NAT) learned once from the first packet.")                                              \
	X(ONE, UINT, answer_max_s, 0, "s", "180", 1, 3600, RELOAD,                                 \
	  "A call to this trunk that is not answered within this time is given up (timer C of "    \
	  "RFC 3261).")                                                                            \
	X(ONE, UINT, duration_max_s, 0, "s", "0", 0, 604800, RELOAD,                               \
	  "An answered call from or to this trunk ends after this time; 0: never. Of both "        \
	  "trunks the shorter decides.")                                                           \
	X(ONE, UINT, media_timeout_s, 0, "s", "60", 0, 86400, RELOAD,                              \
	  "An answered call from or to this trunk without media (RTP or RTCP) from either side "   \
	  "for this time ends; 0: never. Of both trunks the shorter decides. Time on hold, or "    \
	  "with media in one direction only, does not count.")                                     \
	X(ONE, UINT, media_side_timeout_s, 0, "s", "0", 0, 86400, RELOAD,                          \
	  "The same of one side alone: it may send and sends nothing for this time; 0: never. "    \
	  "Endpoints that suppress silence and send no RTCP would lose calls by it.")              \
	X(ONE, BOOL, media_police, 0, "", "no", 2, 8, RELOAD,                                      \
	  "Media of this trunk's peers is held to what the other side's SDP takes: its b= line, "  \
	  "or else the hungriest of its codecs in packets of 10 ms; more is dropped.")             \
	X(ONE, UINT, media_police_headroom, 0, "%", "100", 0, 1000, RELOAD,                        \
	  "What media_police lets pass above that.")                                               \
	X(ONE, UINT, media_police_burst_ms, 0, "ms", "1000", 100, 10000, RELOAD,                   \
	  "How much of it may come at once, as so many ms of the rate; 64 KiB at least.")          \
	X(ONE, WORD, ssrc, 0, "keep|hide", "keep", 1, 16, RELOAD,                                  \
	  "The other side sees the SSRCs of this trunk's peers as they are, or by numbers of "     \
	  "limen's own, in RTP, RTCP and SDP; only of media that limen can read.")                 \
	X(LIST, HEADER, headers_pass, 32, "", "", 1, 40, RELOAD,                                   \
	  "Headers that cross to and from this trunk besides the safe ones; both trunks of a "     \
	  "call must name them.")                                                                  \
	X(LIST, HEADER, headers_hide, 32, "", "", 1, 40, RELOAD,                                   \
	  "As headers_pass, but with the URIs in them behind limen's address and without other "   \
	  "addresses. Of two trunks that let a header cross one is enough to hide it.")            \
	X(LIST, HEADER, headers_drop, 32, "", "", 1, 40, RELOAD,                                   \
	  "Headers of the safe set that do not cross to or from this trunk after all.")            \
	X(LIST, CODE, failover_codes, 32, "", "", 400, 699, RELOAD,                                \
	  "Answers of a peer after which the next one is tried. Without any: 408, 430, and 500 "   \
	  "to 599 but 501 (RFC 3261 section 16.7). 408 is that of a peer that does not answer, "   \
	  "503 that of one that cannot be reached.")                                               \
	X(ONE, UINT, failover_timeout_ms, 0, "ms", "0", 0, 31999, RELOAD,                          \
	  "A peer that has not answered an INVITE at all by then, not by 100 either, is left for " \
	  "the next one; 0: after 32 seconds (timer B of RFC 3261).")                              \
	X(ONE, BOOL, trusted, 0, "", "no", 2, 8, RELOAD,                                           \
	  "Its peers belong to limen's trust domain (RFC 3325): between two such trunks "          \
	  "P-Asserted-Identity and Privacy cross; towards others a caller who asks for privacy "   \
	  "is anonymous.")                                                                         \
	X(LIST, WORD, methods, 16,                                                                 \
	  "INVITE|MESSAGE|SUBSCRIBE|PUBLISH|REGISTER|OPTIONS|NOTIFY|REFER", "INVITE", 1, 16,       \
	  RELOAD,                                                                                  \
	  "What this trunk's peers may begin outside of a dialog; all else is refused with 405.")  \
	X(ONE, WORD, redirect, 0, "refuse|follow|pass", "refuse", 1, 16, RELOAD,                   \
	  "A 3xx that this trunk's peers answer is 480 to the caller, is followed by limen (its "  \
	  "Contacts are routed as the caller's own request), or goes to the caller with limen's "  \
	  "addresses in it.")                                                                      \
	X(ONE, WORD, refer, 0, "refuse|pass|local", "refuse", 1, 16, RELOAD,                       \
	  "A REFER of this trunk's peers is refused with 403, goes to the other side, or is "      \
	  "carried out by limen, which then calls the new party itself.")                          \
	X(ONE, UINT, session_expires_s, 0, "s", "1800", 0, 65535, RELOAD,                          \
	  "Session interval that limen asks this trunk's peers for (RFC 4028), 90 at least; 0: "   \
	  "no "                                                                                    \
	  "session timer towards them.")                                                           \
	X(ONE, UINT, min_se_s, 0, "s", "90", 90, 65535, RELOAD,                                    \
	  "The shortest session interval that limen takes of this trunk's peers: below, it "       \
	  "answers 422.")                                                                          \
	X(ONE, WORD, srtp, 0, "forbid|allow|require|best-effort", "allow", 1, 16, RELOAD,          \
	  "SRTP (RFC 4568) with this trunk's peers, whatever the other trunk of a call has. "      \
	  "forbid: plain RTP only. allow: what they offer is taken; they are offered SRTP where "  \
	  "the other side has it, and plain RTP when they refuse that with 488. require: RTP/SAVP " \
	  "is offered, all that is not SRTP is refused. best-effort: RTP/AVP with keys is offered " \
	  "(RFC 8643), either is taken.")                                                          \
	X(LIST, WORD, srtp_suites, 6,                                                              \
	  "AES_CM_128_HMAC_SHA1_80|AES_CM_128_HMAC_SHA1_32|AES_256_CM_HMAC_SHA1_80|"               \
	  "AES_256_CM_HMAC_SHA1_32|AEAD_AES_128_GCM|AEAD_AES_256_GCM",                             \
	  "AES_CM_128_HMAC_SHA1_80|AES_CM_128_HMAC_SHA1_32|AES_256_CM_HMAC_SHA1_80|"               \
	  "AES_256_CM_HMAC_SHA1_32|AEAD_AES_128_GCM|AEAD_AES_256_GCM",                             \
	  1, 32, RELOAD,                                                                           \
	  "Suites of SRTP, the preferred first: offered in this order, and of an offer the first " \
	  "of them that is in it is taken.")                                                       \
	X(ONE, BOOL, msrp, 0, "", "no", 2, 8, RELOAD,                                              \
	  "Media over TCP (MSRP) is passed, with the address it is at, where both trunks of a "    \
	  "call say yes.")                                                                         \
	X(ONE, WORD, challenges, 0, "drop|pass", "drop", 1, 16, RELOAD,                            \
	  "Digest challenges of this trunk's peers and the answers to them: dropped, or passed "   \
	  "unaltered so that they verify (realm, nonce and user name are seen by both sides).")    \
	X(ONE, WORD, auth, 0, "none|digest", "none", 1, 16, RELOAD,                                \
	  "Who sends a request as this trunk: a source address is enough, or limen asks for a "    \
	  "user and password of the table in `auth` (REGISTER: 401, others: 407). Emergency "      \
	  "calls are not asked.")                                                                  \
	X(ONE, NAME, auth_realm, 0, "", "", 1, 63, RELOAD,                                         \
	  "Realm of these challenges, as the table has it.")                                       \
	X(ONE, BOOL, auth_identity, 0, "", "yes", 2, 8, RELOAD,                                    \
	  "The user that was authenticated must be the one in From, and in a REGISTER's To; "      \
	  "else 403.")                                                                             \
	X(ONE, UINT, register_min_expires_s, 0, "s", "0", 0, 3600, RELOAD,                         \
	  "A REGISTER of this trunk's users for a shorter time is refused with 423 (RFC 3261 "     \
	  "section 10.3).")                                                                        \
	X(ONE, UINT, register_expires_s, 0, "s", "0", 0, 604800, RELOAD,                           \
	  "A user of this trunk is registered for so long at the most, whatever the registrar "    \
	  "grants; 0: as it grants.")                                                              \
	X(ONE, UINT, register_nat_expires_s, 0, "s", "0", 0, 604800, RELOAD,                       \
	  "The same for a user whose Contact is not where it registers from: short enough for "    \
	  "the NAT in between to stay open; 0: as for the others.")                                \
	X(ONE, BOOL, outbound, 0, "", "yes", 2, 8, RELOAD,                                         \
	  "Flows are kept for users of this trunk that ask for it (RFC 5626), and they are told "  \
	  "so; with a proxy between them and limen they are refused with 439.")                    \
	X(ONE, BOOL, register_path, 0, "", "no", 2, 8, RELOAD,                                     \
	  "REGISTER to this trunk carries a Path with a name of limen's for the user's flow (RFC " \
	  "3327), and tells instances and flows, under other names (RFC 5626).")                   \
	X(ONE, USER, account_user, 0, "", "", 0, 63, RELOAD,                                       \
	  "limen registers with this trunk's peers as this user: in To, From and Contact; "        \
	  "without it, it does not register.")                                                     \
	X(ONE, NAME, account_domain, 0, "", "", 1, 63, RELOAD,                                     \
	  "Domain that it registers in; without it the peer's address.")                           \
	X(ONE, USER, account_auth_user, 0, "", "", 0, 63, RELOAD,                                  \
	  "User in auth.credentials_file that challenges are answered for, of REGISTER and of all " \
	  "else that limen sends to this trunk; without it account_user. Alone, limen answers "    \
	  "challenges and does not register.")                                                     \
	X(ONE, UINT, account_expires_s, 0, "s", "3600", 60, 86400, RELOAD,                         \
	  "For how long it asks to be registered.")                                                \
	X(ONE, WORD, users, 0, "peers|registered", "peers", 1, 16, RELOAD,                         \
	  "A request that a route sends to this trunk goes to its peers, or to where the called "  \
	  "user registered, one Contact after the other by q; 480 where it did not.")              \
	X(ONE, UINT, options_interval_s, 0, "s", "0", 0, 3600, RELOAD,                             \
	  "Each peer is probed by OPTIONS this often, and left out while it does not answer and "  \
	  "another does; 0: never. An answer of 503 is none.")                                     \
	X(ONE, UINT, options_down_after, 0, "probes", "2", 1, 100, RELOAD,                         \
	  "Unanswered probes in a row after which a peer is down.")                                \
	X(ONE, UINT, options_up_after, 0, "probes", "1", 1, 100, RELOAD,                           \
	  "Answered probes in a row after which a peer is up.")                                    \
	X(ONE, REF_RULES, called_in_rules, 0, "", "", 1, 63, RELOAD,                       \
	  "Number rules for called numbers that come from this trunk, before routes see them.") \
	X(ONE, REF_RULES, calling_in_rules, 0, "", "", 1, 63, RELOAD,                      \
	  "Number rules for calling numbers that come from this trunk.")                   \
	X(ONE, REF_RULES, called_out_rules, 0, "", "", 1, 63, RELOAD,                      \
	  "Number rules for called numbers on their way to this trunk.")                   \
	X(ONE, REF_RULES, calling_out_rules, 0, "", "", 1, 63, RELOAD,                     \
	  "Number rules for calling numbers (From) on their way to this trunk.")           \
	X(ONE, DIGITS, country_code, 0, "", "", 1, 3, RELOAD,                              \
	  "Of numbers as this trunk writes them: what number rules add and take off on the way " \
	  "to and from E.164.")                                                            \
	X(ONE, DIGITS, national_prefix, 0, "", "0", 0, 4, RELOAD,                          \
	  "What it writes before a national number; `none`: nothing, so that a number "    \
	  "without any prefix is a national one.")                                         \
	X(ONE, DIGITS, international_prefix, 0, "", "00", 1, 5, RELOAD,                    \
	  "What it writes before an international number.")                                \
	X(ONE, WORD, source_class, 0, "auto|trusted|known|unknown", "auto", 1, 16, RELOAD,         \
	  "Class of its sources for screening: by `trusted` (auto), or this one. unknown "         \
	  "suits a trunk whose sources are the whole world: its users are strangers until "        \
	  "they have registered.")                                                                 \
	X(ONE, UINT, calls_max, 0, "calls", "0", 0, 1000000, RELOAD,                               \
	  "Calls at a time from and to this trunk; 0: no limit. One more is refused with "         \
	  "503, or goes to another trunk.")                                                        \
	X(ONE, UINT, calls_in_max, 0, "calls", "0", 0, 1000000, RELOAD,                            \
	  "Calls at a time from this trunk; 0: no limit.")                                         \
	X(ONE, UINT, calls_out_max, 0, "calls", "0", 0, 1000000, RELOAD,                           \
	  "Calls at a time to this trunk; 0: no limit.")                                           \
	X(ONE, UINT, calls_in_per_s, 0, "calls/s", "0", 0, 1000000, RELOAD,                        \
	  "New calls a second from this trunk, those above are refused with 503; 0: no "           \
	  "limit.")                                                                                \
	X(ONE, UINT, calls_out_per_s, 0, "calls/s", "0", 0, 1000000, RELOAD,                       \
	  "New calls a second to this trunk; 0: no limit.")                                        \
	X(ONE, UINT, messages_per_s, 0, "requests/s", "0", 0, 1000000, RELOAD,                     \
	  "Requests a second from this trunk that begin neither a call nor a registration "        \
	  "(MESSAGE, SUBSCRIBE and the like); 0: no limit.")                                       \
	X(ONE, UINT, registrations_per_s, 0, "requests/s", "0", 0, 1000000, RELOAD,                \
	  "REGISTERs a second from this trunk; 0: no limit.")                                      \
	X(ONE, UINT, registrations_out_per_s, 0, "requests/s", "0", 0, 1000000, RELOAD,            \
	  "REGISTERs a second that limen sends to this trunk, as a registrar can take them, with "   \
	  "what rate_burst_ms brings at once. Above, and while it does not answer, limen answers "   \
	  "refreshes of the users that it has granted (200, for a short time), and others with "     \
	  "503 and a Retry-After of their own; 0: no limit, and no such answers.")                   \
	X(ONE, UINT, subscriptions_max, 0, "subscriptions", "0", 0, 1000000, RELOAD,               \
	  "Subscriptions at a time from this trunk; 0: no limit.")                                 \
	X(ONE, UINT, user_calls_max, 0, "calls", "0", 0, 1000000, RELOAD,                          \
	  "Calls at a time of each calling number or user of this trunk (480), and to "            \
	  "each of its registered users (486); 0: no limit.")                                      \
	X(ONE, UINT, user_calls_per_s, 0, "calls/s", "0", 0, 1000000, RELOAD,                      \
	  "New calls a second of each of them; 0: no limit.")                                      \
	X(ONE, UINT, rate_burst_ms, 0, "ms", "1000", 1, 60000, RELOAD,                             \
	  "What these rates bring in this time may come at once.")                                 \
	CONF_KEYS_TRUNK_RULES(X)

#define CONF_KEYS_ROUTE(X)                                                                 \
	X(ONE, REF_TRUNK, from, 0, "", "", 1, 63, RELOAD,                                  \
	  "Only calls that came by this trunk; without it: any.")                          \
	X(ONE, REF_REALM, realm, 0, "", "", 1, 63, RELOAD,                                 \
	  "Only calls that came by a trunk of this realm.")                                \
	X(ONE, USER, prefix, 0, "", "", 0, 63, RELOAD,                                     \
	  "Only calls whose called user part begins with this; without it: any.")          \
	X(ONE, SERVICE, user, 0, "", "", 1, 63, RELOAD,                                    \
	  "Only calls whose called user part is this, whole.")                             \
	X(ONE, USER, calling_prefix, 0, "", "", 1, 63, RELOAD,                             \
	  "Only calls whose calling number begins with this: that of "                     \
	  "P-Asserted-Identity where the trunk is trusted and sends it, else "             \
	  "From's.")                                                                       \
	X(ONE, PATTERN, pattern, 0, "", "", 1, 250, RELOAD,                                \
	  "Only calls where this is found in what pattern_of names. A pattern that "       \
	  "takes too many steps counts as not found.")                                     \
	X(ONE, FIELD, pattern_of, 0, "", "called", 1, 40, RELOAD,                          \
	  "What the pattern is looked for in: `called` or `calling` (the numbers), "       \
	  "or the name of a header: then one of its lines is enough.")                     \
	X(ONE, HOST, domain, 0, "", "", 1, 128, RELOAD,                                    \
	  "Only requests whose Request-URI has this host.")                                \
	X(ONE, FIELD, header, 0, "", "", 1, 40, RELOAD,                                    \
	  "Only requests with this header.")                                               \
	X(ONE, TEXT, header_value, 0, "", "", 1, 200, RELOAD,                              \
	  "Only where one of its lines is exactly this.")                                  \
	X(LIST, WORD, methods, 8,                                                          \
	  "INVITE|MESSAGE|SUBSCRIBE|PUBLISH|REGISTER|OPTIONS|NOTIFY|REFER", "", 1, 16,     \
	  RELOAD,                                                                          \
	  "Only these; without any: all that the trunk may begin.")                        \
	X(LIST, WORD, days, 7, "mon|tue|wed|thu|fri|sat|sun", "", 1, 3, RELOAD,            \
	  "Only on these days of the week.")                                               \
	X(LIST, HOURS, hours, 8, "", "", 1, 11, RELOAD,                                    \
	  "Only within these times of the day. Those past midnight belong to the "         \
	  "day they begin on.")                                                            \
	X(ONE, ZONE, time_zone, 0, "", "UTC", 1, 63, RELOAD,                               \
	  "Where days and hours are reckoned, with its summer time.")                      \
	X(ONE, UINT, percent, 0, "%", "100", 1, 100, RELOAD,                               \
	  "Only this share of the calls that come so far, by their Call-ID.")              \
	X(ONE, BOOL, emergency, 0, "", "no", 2, 8, RELOAD,                                 \
	  "Only emergency calls (`emergency.services`). Such routes are tried "            \
	  "before all others.")                                                            \
	X(ONE, REF_TRUNK, to, 0, "", "", 1, 63, RELOAD,                                    \
	  "The trunk the call goes to.")                                                   \
	X(LIST, REF_TRUNK, failover, 7, "", "", 1, 63, RELOAD,                             \
	  "Trunks that are tried in this order when `to` cannot take the call.")           \
	X(LIST, UINT, weights, 8, "", "", 0, 65535, RELOAD,                                \
	  "How calls are shared out among `to` and `failover`, a weight for each in "      \
	  "this order; the trunks not chosen are tried after the chosen one.")             \
	X(ONE, REF_TABLE, table, 0, "", "", 1, 63, RELOAD,                                 \
	  "The table that says which trunks take the call, instead of `to`; a "            \
	  "number that has no prefix in it goes on to the next route.")                    \
	X(ONE, WORD, order, 0, "cost|quality", "cost", 1, 16, RELOAD,                      \
	  "Of several trunks in the table the cheapest first, or the best first.")         \
	X(ONE, UINT, status, 0, "SIP status", "0", 300, 699, RELOAD,                       \
	  "Refuse the call with this status, instead of `to`; or redirect it (302 "        \
	  "by default).")                                                                  \
	X(ONE, TEXT, reason, 0, "", "", 1, 80, RELOAD,                                     \
	  "The reason phrase with it, instead of the usual one.")                          \
	X(ONE, UINT, cause, 0, "cause", "0", 1, 127, RELOAD,                          \
	  "The Q.850 cause told with it (Reason, RFC 3326); without it: none.")            \
	X(LIST, CONTACT_URI, redirect, 4, "", "", 5, 200, RELOAD,                          \
	  "Answer with these Contacts, in this order (3xx); `*` stands for the "           \
	  "called user.")

#define CONF_KEYS_TABLE(X)                                                                 \
	X(ONE, NAME, name, 0, "", NULL, 1, 63, RELOAD,                                     \
	  "The table's name, for routes.")                                                 \
	X(ONE, PATH, file, 0, "", NULL, 1, 200, RELOAD,                                    \
	  "CSV: prefix,trunk[,cost[,quality[,strip[,add]]]]; or a SQLite file. One "       \
	  "wrong row refuses the whole file.")                                             \
	X(ONE, NAME, sqlite_table, 0, "", "", 1, 63, RELOAD,                               \
	  "The table in the SQLite file, with columns of these names; without it "         \
	  "the file is CSV.")

#define CONF_KEYS_NUMBER_RULE(X)                                                           \
	X(ONE, NAME, set, 0, "", NULL, 1, 63, RELOAD,                                      \
	  "The set the rule belongs to.")                                                  \
	X(ONE, USER, prefix, 0, "", "", 1, 63, RELOAD,                                     \
	  "Only numbers that begin with this.")                                            \
	X(ONE, PATTERN, pattern, 0, "", "", 1, 250, RELOAD,                                \
	  "Only numbers that this is found in.")                                           \
	X(ONE, WORD, convert, 0, "none|e164|national|international", "none", 1, 16, RELOAD, \
	  "After `replace` and `strip`, before `add`: to E.164 (+...) or from it, as the "   \
	  "trunk writes numbers. A number that is neither national nor international "        \
	  "stays.")                      \
	X(ONE, UINT, strip, 0, "characters", "0", 0, 31, RELOAD,                           \
	  "Take so many off the start.")                                                   \
	X(ONE, USER, add, 0, "", "", 1, 63, RELOAD,                                        \
	  "Put this before the number.")                                                   \
	X(ONE, TEXT, replace, 0, "", "", 1, 120, RELOAD,                                   \
	  "Put this in place of what the pattern found; `$1` to `$9` are its "             \
	  "captures, `$0` all of it, `$$` a dollar.")                                      \
	X(ONE, WORD, then, 0, "stop|next", "stop", 1, 8, RELOAD,                           \
	  "After a rule that applied: the set is done, or its next rule sees the "         \
	  "new number.")

#define CONF_KEYS_REGISTRAR(X)                                                                     \
	X(ONE, PATH, file, 0, "", "", 1, 200, RELOAD,                                              \
	  "SQLite file that bindings are kept in, so that a restart of the control plane forgets " \
	  "nobody; without it they are kept in memory only.")                                      \
	X(ONE, BOOL, absorb, 0, "", "no", 2, 8, RELOAD,                                            \
	  "limen answers a refresh itself while the registrar still keeps what it granted: same "  \
	  "user, Contact, Call-ID and source. All else goes to the registrar.")                    \
	X(ONE, UINT, core_expires_s, 0, "s", "3600", 60, 604800, RELOAD,                           \
	  "With absorb: for how long limen asks the registrar at least, whatever the user asks.")  \
	X(ONE, UINT, outage_expires_s, 0, "s", "120", 10, 3600, RELOAD,                            \
	  "While a registrar takes no more (trunks' registrations_out_per_s) a refresh that limen "  \
	  "answers is good for two thirds to all of this.")                                          \
	X(ONE, UINT, outage_keep_s, 0, "s", "3600", 0, 604800, RELOAD,                             \
	  "While it does not answer, and until it has been asked again, its users are kept for so "  \
	  "long beyond what it had granted.")                                                        \
	X(ONE, UINT, flow_timer_s, 0, "s", "0", 0, 3600, RELOAD,                                   \
	  "Users that keep a flow are told to send a keep-alive at least this often (Flow-Timer, " \
	  "RFC 5626 section 5.4); 0: they are not told.")                                          \
	X(ONE, UINT, bindings_max, 0, "bindings", "100000", 1, 10000000, RELOAD,                   \
	  "Bindings at the same time; a REGISTER for one more is refused with 503.")

#define CONF_KEYS_AUTH(X)                                                                          \
	X(ONE, PATH, users_file, 0, "", "", 1, 200, RELOAD,                                        \
	  "CSV file of users: `USER,REALM,ALGORITHM,HA1`, a line for each algorithm, with HA1 the " \
	  "hash of `USER:REALM:PASSWORD` in hexadecimal digits. Read again on reload.")            \
	X(ONE, NAME, users_table, 0, "", "", 1, 63, RELOAD,                                        \
	  "users_file is a SQLite file, and the users are in its table of this name, with columns " \
	  "user, realm, algorithm and ha1; without it the file is CSV.")                           \
	X(ONE, BOOL, integrity, 0, "", "no", 2, 8, RELOAD,                                         \
	  "Challenges offer auth-int beside auth: credentials over the body as well (RFC 7616 "    \
	  "section 3.4.3).")                                                                       \
	X(ONE, PATH, credentials_file, 0, "", "", 1, 200, RELOAD,                                  \
	  "The same for what limen answers others' challenges with: the realm is theirs.")        \
	X(LIST, WORD, algorithms, 3, "SHA-256|MD5|SHA-512-256", "SHA-256|MD5", 1, 16, RELOAD,      \
	  "Algorithms that are offered, the preferred one first (RFC 8760).")                      \
	X(ONE, UINT, nonce_s, 0, "s", "300", 10, 86400, RELOAD,                                    \
	  "How long a nonce can be used; after that the user's next request is challenged anew "   \
	  "(stale).")

#define CONF_KEYS_SRTP(X)                                                                          \
	X(ONE, WORD, engine, 0, "auto|cryptodev|libsrtp2", "auto", 1, 16, RESTART,                 \
	  "A crypto device of DPDK, in bursts, where there is one or a software one can be made "  \
	  "(else libsrtp2); a device, or limen does not start; or libsrtp2 alone.")                \
	X(ONE, UINT, sessions, 0, "keys", "4096", 1, 1048576, RESTART,                             \
	  "Keys that each worker's part of the device holds, two for each side of a call that is " \
	  "SRTP; further ones are libsrtp2's.")

#define CONF_KEYS_SCREENING(X)                                                                     \
	X(ONE, WORD, learn, 0, "nobody|unknown|known", "unknown", 1, 16, RELOAD,                   \
	  "Whose deeds are counted, and blocked where they are a scanner's: unknown "              \
	  "sources alone, or known ones too. Trusted ones never.")                                 \
	X(LIST, PREFIX, never_blocked, 256, "", "", 1, 64, RELOAD,                                 \
	  "Networks that are never blocked by what was learned.")                                  \
	X(LIST, PREFIX, blocked_sources, 4096, "", "", 1, 64, RELOAD,                              \
	  "Networks whose packets are dropped unread; a trunk's source within one that is "        \
	  "longer is not.")                                                                        \
	X(LIST, USER, blocked_called, 4096, "", "", 1, 63, RELOAD,                                 \
	  "Calls and requests to users or numbers that begin so are refused with 403.")            \
	X(LIST, USER, blocked_calling, 4096, "", "", 1, 63, RELOAD,                                \
	  "Calls and requests of users or numbers that begin so are refused with 403.")            \
	X(LIST, TEXT, scanner_agents, 64, "",                                                      \
	  "friendly-scanner|sipvicious|sipcli|sip-scan|sundayddr|pplsip|vaxsipuseragent|sipscan",   \
	  1, 63, RELOAD,                                                                           \
	  "Parts of the User-Agent of scanners, in any case: requests of unknown sources "         \
	  "that have one are dropped.")                                                            \
	X(ONE, PATH, file, 0, "", "", 1, 200, RELOAD,                                              \
	  "File of more to block, a line each: `source`, `called`, `calling` or "                  \
	  "`user-agent`, and what; read on reload.")                                               \
	X(ONE, UINT, trusted_packets_per_s, 0, "packets/s", "0", 0, 1000000, RELOAD,               \
	  "SIP packets a second of each trusted source (an IPv6 /64 counts as one, unless "        \
	  "a longer prefix names it); 0: no limit. Each worker counts by itself what it "          \
	  "receives.")                                                                             \
	X(ONE, UINT, known_packets_per_s, 0, "packets/s", "0", 0, 1000000, RELOAD,                 \
	  "The same of each known source: of a trunk, or of a registered user.")                   \
	X(ONE, UINT, unknown_packets_per_s, 0, "packets/s", "100", 0, 1000000, RELOAD,             \
	  "The same of each unknown source. What is above is dropped unread.")                     \
	X(ONE, UINT, unknown_total_packets_per_s, 0, "packets/s", "10000", 0, 1000000, RELOAD,     \
	  "The same of all unknown sources together.")                                             \
	X(ONE, UINT, trusted_requests_per_s, 0, "requests/s", "0", 0, 1000000, RELOAD,             \
	  "Requests a second of each trusted source that begin something; 0: no limit. "           \
	  "Those above are refused with 503.")                                                     \
	X(ONE, UINT, known_requests_per_s, 0, "requests/s", "0", 0, 1000000, RELOAD,               \
	  "The same of each known source.")                                                        \
	X(ONE, UINT, unknown_requests_per_s, 0, "requests/s", "20", 0, 1000000, RELOAD,            \
	  "The same of each unknown source; those above are dropped.")                             \
	X(ONE, UINT, burst_ms, 0, "ms", "1000", 1, 60000, RELOAD,                                  \
	  "What these rates bring in this time may come at once.")                                 \
	X(ONE, UINT, window_s, 0, "s", "60", 1, 86400, RELOAD,                                     \
	  "The time in which the deeds of a source are counted.")                                  \
	X(ONE, UINT, auth_failures_max, 0, "failures", "10", 0, 65535, RELOAD,                     \
	  "Failed authentications in it for which a source is blocked; 0: never for that.")        \
	X(ONE, UINT, refused_users_max, 0, "users", "20", 0, 200, RELOAD,                          \
	  "Different called users that were refused; 0: never for that.")                          \
	X(ONE, UINT, refused_max, 0, "requests", "60", 0, 65535, RELOAD,                           \
	  "Requests refused with 403, 404 or the like; 0: never for that.")                        \
	X(ONE, UINT, malformed_max, 0, "messages", "60", 0, 65535, RELOAD,                         \
	  "Messages that are not SIP; 0: never for that.")                                         \
	X(ONE, UINT, options_max, 0, "requests", "120", 0, 65535, RELOAD,                          \
	  "OPTIONS to limen itself; 0: never for that.")                                           \
	X(ONE, UINT, block_s, 0, "s", "3600", 1, 31536000, RELOAD,                                 \
	  "How long a source is blocked that has shown that it is where it says.")                 \
	X(ONE, UINT, block_unproven_s, 0, "s", "300", 1, 31536000, RELOAD,                         \
	  "How long one whose address may have been forged.")

#define CONF_KEYS_OVERLOAD(X)                                                                      \
	X(ONE, UINT, busy_percent_max, 0, "%", "95", 1, 100, RELOAD,                               \
	  "Share of a worker's cycles spent on work above which it refuses new calls; 100: it "    \
	  "never does.")                                                                           \
	X(ONE, UINT, retry_after_s, 0, "s", "5", 1, 3600, RELOAD, "Retry-After in these refusals.")

#define CONF_KEYS_EMERGENCY(X)                                                                     \
	X(LIST, SERVICE, services, CONF_EMERGENCY_MAX, "", "112|911|urn:service:sos", 1, 60,       \
	  RELOAD,                                                                                  \
	  "Called users, and service URNs with all that is below them, of emergency calls.")       \
	X(ONE, BOOL, over_limits, 0, "", "yes", 2, 8, RELOAD,                                      \
	  "Emergency calls go past the limits of trunks and users.")                               \
	X(ONE, BOOL, of_unknown, 0, "", "no", 2, 8, RELOAD,                                        \
	  "Calls of unknown sources may be emergencies too.")

#define CONF_KEYS_DNS(X)                                                                           \
	X(LIST, SERVER, servers, CONF_DNS_SERVERS_MAX, "", "", 1, 64, RELOAD,                      \
	  "DNS servers, asked in order; port 53 where none is given. Without any: those of "       \
	  "/etc/resolv.conf.")                                                                     \
	X(ONE, UINT, timeout_ms, 0, "ms", "2000", 100, 30000, RELOAD,                              \
	  "A server that has not answered by then is asked again, or the next one; longer each "   \
	  "round.")                                                                                \
	X(ONE, UINT, tries, 0, "times", "2", 1, 10, RELOAD,                                        \
	  "How often each server is asked before the look-up has failed; it is tried again after " \
	  "1 to 30 s, and what was known stays in use.")                                           \
	X(ONE, UINT, ttl_min_s, 0, "s", "5", 1, 3600, RELOAD,                                      \
	  "An answer is kept this long at least, whatever its TTL.")                               \
	X(ONE, UINT, ttl_max_s, 0, "s", "3600", 1, 604800, RELOAD,                                 \
	  "And this long at most.")                                                                \
	X(ONE, UINT, negative_ttl_max_s, 0, "s", "60", 1, 86400, RELOAD,                           \
	  "That a name does not exist is believed this long at most (RFC 2308).")

#define CONF_KEYS_LOG(X)                                                                           \
	X(ONE, WORD, level, 0, "debug|info|warn|error", "info", 1, 16, RELOAD,                     \
	  "What is logged: this level and worse.")                                                 \
	X(ONE, WORD, format, 0, "text|json", "text", 1, 16, RELOAD,                                \
	  "A line of `key=value` pairs, or a JSON object a line.")                                 \
	X(ONE, PATH, file, 0, "", "", 1, 200, RELOAD,                                              \
	  "Log file, opened again on SIGHUP; without it: standard error.")

#define CONF_KEYS_CDR(X)                                                                           \
	X(ONE, PATH, file, 0, "", "", 1, 200, RELOAD,                                              \
	  "File the records are appended to, opened again on SIGHUP; without it no records are "   \
	  "written.")                                                                              \
	X(ONE, UINT, rotate_mb, 0, "MiB", "0", 0, 1048576, RELOAD,                                 \
	  "The file is put aside once it is so large, as FILE.YYYYMMDDTHHMMSSZ; 0: never by its "  \
	  "size.")                                                                                 \
	X(ONE, UINT, rotate_s, 0, "s", "0", 0, 2678400, RELOAD,                                    \
	  "And at each multiple of this time, in UTC (86400: at midnight), if there is a record "  \
	  "in it; 0: never by time.")                                                              \
	X(ONE, UINT, keep, 0, "files", "0", 0, 100000, RELOAD,                                     \
	  "So many of the files put aside are kept, the oldest are removed; 0: all.")
