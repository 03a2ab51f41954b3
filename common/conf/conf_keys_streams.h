/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of transports with connections. As conf_keys.h, which includes it. Private to
 * common/conf. */
#pragma once

#define CONF_SECTIONS_STREAMS(X)                                                                   \
	X(connections, MAP, CONNECTIONS, false, 1,                                                 \
	  "Bounds of SIP over transports with connections (TCP, TLS, SCTP). A reload closes none.")

#define CONF_KEYS_REALM_STREAMS(X)                                                                 \
	X(ONE, UINT, tcp_port, 0, "port", "0", 0, 65535, RESTART,                                  \
	  "Port on which limen speaks SIP over TCP, 5060 as a rule; 0: it speaks none in this "    \
	  "realm. Needs kernel_device or stream_addresses.")                                       \
	X(LIST, ADDRESS, stream_addresses, CONF_ADDRS_MAX, "", "", 1, 64, RESTART,                 \
	  "limen's addresses for transports with connections, one for each family, where these "   \
	  "are the kernel's own on an ordinary interface and not those in `addresses` by way of "  \
	  "kernel_device.")

#define CONF_KEYS_CONNECTIONS(X)                                                                   \
	X(ONE, UINT, total_max, 0, "connections", "20000", 1, 1000000, RELOAD,                     \
	  "Connections at a time; sources that no trunk names get three quarters of them. One "    \
	  "more is closed at once.")                                                               \
	X(ONE, UINT, source_max, 0, "connections", "50", 1, 1000000, RELOAD,                       \
	  "From one source that no trunk names: an IPv4 address, or an IPv6 /64.")                 \
	X(ONE, UINT, known_source_max, 0, "connections", "2000", 1, 1000000, RELOAD,               \
	  "From one source of a trunk, unless its source_class is unknown.")                       \
	X(ONE, UINT, first_message_s, 0, "s", "30", 1, 86400, RELOAD,                              \
	  "A connection on which no whole message came by then, since it was made, is closed; a "  \
	  "TLS handshake is part of that time.")                                                   \
	X(ONE, UINT, message_s, 0, "s", "10", 1, 3600, RELOAD,                                     \
	  "A message that was begun is whole by then, or the connection is closed.")               \
	X(ONE, UINT, idle_s, 0, "s", "3600", 0, 604800, RELOAD,                                    \
	  "A connection on which nothing comes and nothing goes for so long, pings neither, is "   \
	  "closed; 0: never.")                                                                     \
	X(ONE, UINT, connect_timeout_ms, 0, "ms", "4000", 100, 60000, RELOAD,                      \
	  "A connection that limen opens stands by then, TLS and all, or what should go over it "  \
	  "counts as not sent: 503, and the next peer.")                                           \
	X(ONE, UINT, keepalive_s, 0, "s", "0", 0, 3600, RELOAD,                                    \
	  "After so long a silence limen pings over connections that it opened (RFC 5626); a "     \
	  "peer that has answered one and does not answer another within 10 s is gone; 0: never. " \
	  "Pings of peers are always answered.")                                                   \
	X(ONE, UINT, message_bytes_max, 0, "bytes", "65535", 1024, 65535, RELOAD,                  \
	  "Longest message, head and body; a longer one is answered 513 and ends the connection.") \
	X(ONE, UINT, output_kb_max, 0, "KiB", "1024", 128, 65536, RELOAD,                          \
	  "A peer that has not taken so much of what was sent to it is left: the connection is "   \
	  "closed.")                                                                               \
	X(ONE, BOOL, alias, 0, "", "yes", 2, 8, RELOAD,                                            \
	  "What goes to a trunk's peer that says `alias` in its Via (RFC 5923) uses the "          \
	  "connection that the peer opened, instead of one of limen's own.")
