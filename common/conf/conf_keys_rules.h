/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of rules: headers, response codes, identities, topology, codecs. As conf_keys.h, which
 * includes it. Private to common/conf. */
#pragma once

#define CONF_SECTIONS_RULES(X)                                                                     \
	X(header_rules, MAPS, HEADER_RULE, false, 4096,                                            \
	  "What is done to single headers. Rules of one set apply in the order they stand here, "  \
	  "where a trunk names the set in header_rules_in or header_rules_out.")                   \
	X(answer_rules, MAPS, ANSWER_RULE, false, 4096,                                            \
	  "Response codes that become others. Of the rules of a set the first that has the code "  \
	  "decides. Codes that SIP itself works by never change: 100, 2xx, 3xx, 401, 407, 412, "   \
	  "415, 416, 420 to 423, 481, 487, 489, 491, 494.")                                        \
	X(topology_profiles, MAPS, TOPOLOGY_PROFILE, false, 1024,                                  \
	  "What of the other side a trunk's peers are shown; without one everything is hidden. "   \
	  "Call-IDs, tags, Via, Contact, routes and media addresses are always limen's own.")

#define CONF_KEYS_HEADER_RULE(X)                                                                   \
	X(ONE, NAME, set, 0, "", NULL, 1, 63, RELOAD, "The set it belongs to.")                    \
	X(ONE, WORD, action, 0, "add|remove|replace|set", NULL, 1, 16, RELOAD,                     \
	  "A line beside what crosses; no line of that name; a line in place of those there "      \
	  "were; a line in any case.")                                                             \
	X(ONE, HEADER, header, 0, "", NULL, 1, 40, RELOAD,                                         \
	  "The header. Not one that limen writes itself, that tells how the body is to be read, "  \
	  "or that a message means something else without.")                                       \
	X(ONE, TEXT, value, 0, "", "", 1, 200, RELOAD,                                             \
	  "The line's value. `${from.user}`, `${from.host}`, `${from.display}`, `${to.user}`, "    \
	  "`${to.host}`, `${ruri.user}`, `${ruri.host}`, `${source.addr}`, `${source.port}`, "     \
	  "`${trunk}`, `${trunk.to}`, `${method}` and `${call_id}` are of the request that began " \
	  "the call; `${header:NAME}` is of the message itself, as it came; `${0}` to `${9}` are " \
	  "what the pattern of the last `matches` found.")                                         \
	X(LIST, WORD, on, 3, "initial|requests|responses", "requests|responses", 1, 16, RELOAD,    \
	  "Messages it is about: the request that begins a call, all requests, responses.")        \
	X(LIST, WORD, methods, 14,                                                                 \
	  "INVITE|ACK|BYE|CANCEL|OPTIONS|REGISTER|PRACK|UPDATE|INFO|REFER|NOTIFY|SUBSCRIBE|"       \
	  "PUBLISH|MESSAGE",                                                                       \
	  "", 1, 16, RELOAD, "Requests with these methods, and responses to them; without: all.")  \
	X(LIST, TEXT, when, CONF_CONDITIONS_MAX, "", "", 1, 200, RELOAD,                           \
	  "Conditions on the message as it came, all of which must hold: `NAME present`, `NAME "   \
	  "absent`, `NAME equals VALUE`, `NAME begins VALUE` (in any case), and with `on: "        \
	  "[initial]` alone `NAME matches PATTERN` (PCRE2).")

#define CONF_KEYS_ANSWER_RULE(X)                                                                   \
	X(ONE, NAME, set, 0, "", NULL, 1, 63, RELOAD, "The set it belongs to.")                    \
	X(ONE, UINT, code, 0, "SIP status", NULL, 180, 699, RELOAD,                                \
	  "The code, or the first one: 180 to 189, or 400 to 699.")                                \
	X(ONE, UINT, last, 0, "SIP status", "0", 180, 699, RELOAD,                                 \
	  "The last one of a range; without it there is only `code`.")                             \
	X(ONE, UINT, to, 0, "SIP status", NULL, 180, 699, RELOAD,                                  \
	  "What it becomes: ringing stays ringing, a refusal a refusal.")                          \
	X(ONE, TEXT, phrase, 0, "", "", 1, 60, RELOAD, "Reason phrase; without it the usual one.") \
	X(ONE, TEXT, reason, 0, "", "", 1, 120, RELOAD,                                            \
	  "Value of a Reason header (RFC 3326) in place of the response's own, as in "             \
	  "`Q.850;cause=17`.")

#define CONF_KEYS_TOPOLOGY_PROFILE(X)                                                              \
	X(ONE, NAME, name, 0, "", NULL, 1, 63, RELOAD, "The profile's name, for trunks.")          \
	X(ONE, TEXT, ruri_host, 0, "", "peer", 1, 120, RELOAD,                                     \
	  "Host in Request-URIs to the trunk: `peer` (the peer's address), `keep` (as it came, "   \
	  "where the other trunk's profile keeps it too), or a host name.")                        \
	X(ONE, TEXT, from_host, 0, "", "limen", 1, 120, RELOAD,                                    \
	  "Host in From: `limen` (limen's address), `keep`, or a host name.")                      \
	X(ONE, TEXT, to_host, 0, "", "peer", 1, 120, RELOAD,                                       \
	  "Host in To: `peer`, `keep`, or a host name.")                                           \
	X(ONE, TEXT, identity_host, 0, "", "limen", 1, 120, RELOAD,                                \
	  "Host in P-Asserted-Identity and Remote-Party-ID that limen writes: `limen` or a host "  \
	  "name; `keep`: P-Asserted-Identity crosses as it is, where both trunks are trusted and " \
	  "keep it.")                                                                              \
	X(ONE, WORD, display_names, 0, "keep|drop", "keep", 1, 16, RELOAD,                         \
	  "Whether the caller's display name is shown in From.")                                   \
	X(ONE, WORD, products, 0, "drop|keep", "drop", 1, 16, RELOAD,                              \
	  "User-Agent and Server; they cross where both trunks' profiles keep them.")

#define CONF_KEYS_TRUNK_RULES(X)                                                                   \
	X(LIST, NAME, header_rules_in, 8, "", "", 1, 63, RELOAD,                                   \
	  "Sets of header rules for what comes from this trunk.")                                  \
	X(LIST, NAME, header_rules_out, 8, "", "", 1, 63, RELOAD,                                  \
	  "Sets of header rules for what goes to this trunk; they apply after those of the "       \
	  "trunk it came from.")                                                                   \
	X(LIST, NAME, answer_rules_in, 8, "", "", 1, 63, RELOAD,                                   \
	  "Sets of rules for response codes of this trunk's peers.")                               \
	X(LIST, NAME, answer_rules_out, 8, "", "", 1, 63, RELOAD,                                  \
	  "Sets of rules for response codes to this trunk's peers, limen's own too.")              \
	X(ONE, NAME, topology, 0, "", "", 1, 63, RELOAD,                                           \
	  "Topology profile: what of the other side its peers are shown. Without: nothing.")       \
	X(ONE, WORD, caller, 0, "from|asserted|preferred", "from", 1, 16, RELOAD,                  \
	  "Who calls, in requests of this trunk: From, or P-Asserted-Identity (only of a trusted " \
	  "trunk) or P-Preferred-Identity where there is one, which is then what the other side "  \
	  "has in From.")                                                                          \
	X(ONE, WORD, asserted_identity, 0, "pass|drop|from|number", "pass", 1, 16, RELOAD,         \
	  "P-Asserted-Identity to this trunk: of a trusted trunk, where this one is too; none; "   \
	  "or limen's own with the caller, or with asserted_number.")                              \
	X(ONE, USER, asserted_number, 0, "", "", 1, 63, RELOAD,                                    \
	  "User part that limen asserts with `asserted_identity: number`.")                        \
	X(ONE, USER, from_number, 0, "", "", 1, 63, RELOAD,                                        \
	  "User part in From of requests to this trunk, whoever calls; without: the caller's.")    \
	X(ONE, WORD, privacy, 0, "honour|always|never", "honour", 1, 16, RELOAD,                   \
	  "Towards this trunk a caller is anonymous where he asks for it (and the trunk is not "   \
	  "trusted), always, or never, as towards an emergency service.")                          \
	X(ONE, BOOL, remote_party_id, 0, "", "no", 2, 8, RELOAD,                                   \
	  "limen writes Remote-Party-ID with the caller into requests to this trunk.")             \
	X(LIST, TEXT, codecs_allow, CONF_CODECS_MAX, "", "", 1, 40, RELOAD,                        \
	  "Codecs in offers and answers from and to this trunk, as in `PCMA`, `opus/48000/2` or "  \
	  "`video/*`; others are taken out. telephone-event, CN, red, rtx and FEC need not be "    \
	  "named. Without: all.")                                                                  \
	X(LIST, TEXT, codecs_deny, CONF_CODECS_MAX, "", "", 1, 40, RELOAD,                         \
	  "Codecs that are taken out. An offer without an audio codec left is refused with 488; "  \
	  "another section without one loses its port.")                                           \
	X(LIST, TEXT, codecs_order, CONF_CODECS_MAX, "", "", 1, 40, RELOAD,                        \
	  "Codecs that come first, in this order, in what is sent to this trunk.")                 \
	X(ONE, UINT, ptime_ms, 0, "ms", "0", 5, 200, RELOAD,                                       \
	  "a=ptime of audio in what is sent to this trunk: how it shall packetise; without: as "   \
	  "the other side has it.")                                                                \
	X(ONE, UINT, maxptime_ms, 0, "ms", "0", 5, 200, RELOAD, "a=maxptime, likewise.")
