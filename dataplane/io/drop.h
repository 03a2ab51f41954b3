/* SPDX-License-Identifier: BSD-3-Clause */
/* Every drop has a name and a counter. The counters are one worker's own; the main thread reads
 * them. */
#pragma once

#include "dataplane/io/pkt.h"

/* X(symbol, name shown to operators, what it means) */
#define DROP_REASONS(X)                                                                            \
	X(ETH_TYPE, "eth-type", "neither IPv4, IPv6 nor ARP")                                      \
	X(ETH_DST, "eth-dst", "sent to another machine's MAC address, or IP to a broadcast one")   \
	X(TRUNCATED, "truncated", "shorter than its headers say")                                  \
	X(IP_HEADER, "ip-header", "bad version, length, checksum or options")                      \
	X(IP_DST, "ip-dst", "not addressed to limen")                                              \
	X(IP_SRC, "ip-src", "source unspecified, loopback, multicast, broadcast or limen itself")  \
	X(IP_PROTO, "ip-proto", "IP protocol that limen does not speak")                           \
	X(UDP_CSUM, "udp-csum", "wrong UDP checksum, or none over IPv6")                           \
	X(UDP_PORT, "udp-port", "no service at that UDP port")                                     \
	X(FRAGMENT, "fragment", "unusable fragment: overlapping, too many, timed out")             \
	X(ARP_INVALID, "arp-invalid", "malformed ARP or neighbour discovery")                      \
	X(ICMP_TYPE, "icmp-type", "ICMP that limen does not answer")                               \
	X(ICMP_RATE, "icmp-rate", "more echo requests than limen answers")                         \
	X(PUNT_UNWIRED, "punt-unwired", "TCP or SCTP in a realm without kernel_device")            \
	X(PUNT_NEW_RATE, "punt-new-rate", "more TCP or SCTP connections than a source may begin")  \
	X(PUNT_RATE, "punt-rate", "more TCP or SCTP than a source may send")                       \
	X(KERNEL, "kernel", "the kernel's device did not take the packet")                         \
	X(MEDIA_NO_STREAM, "media-no-stream", "media port without a call")                         \
	X(MEDIA_SOURCE, "media-source", "media from a source that the call does not know")         \
	X(MEDIA_INVALID, "media-invalid", "neither RTP nor RTCP")                                  \
	X(MEDIA_SECTION, "media-section", "of no m= section of its bundle (RFC 8843)")             \
	X(MEDIA_HOLD, "media-hold", "media against the negotiated direction")                      \
	X(MEDIA_POLICED, "media-policed", "more than the call's negotiated codecs take")           \
	X(MEDIA_NO_PEER, "media-no-peer", "far side's media address is not known yet, or on hold") \
	X(SRTP_FORGED, "srtp-forged", "SRTP that is not authentic under the call's keys")          \
	X(SRTP_REPLAYED, "srtp-replayed", "SRTP that was there before, or too late to tell")       \
	X(SRTP_SOURCES, "srtp-sources", "more synchronization sources than a key may have")        \
	X(SRTP_ENGINE, "srtp-engine", "no SRTP engine, or it failed")                              \
	X(SIP_PARSE, "sip-parse", "not a SIP message that can be answered")                        \
	X(SIP_KEEPALIVE, "sip-keepalive", "CRLF keepalive, or STUN of a stranger")                 \
	X(SIP_NO_DIALOG, "sip-no-dialog", "response or ACK that belongs to nothing")               \
	X(SIP_FORGED, "sip-forged", "cookie with a wrong MAC")                                     \
	X(SIP_BLOCKED, "sip-blocked", "SIP from a source that is blocked")                         \
	X(SIP_RATE_UNKNOWN, "sip-rate-unknown", "more packets than an unknown source may send")    \
	X(SIP_RATE_KNOWN, "sip-rate-known", "more packets than a known source may send")           \
	X(SIP_RATE_TRUSTED, "sip-rate-trusted", "more packets than a trusted source may send")     \
	X(SIP_RATE_ALL, "sip-rate-all", "more packets than all unknown sources may send")          \
	X(SIP_SCREENED, "sip-screened", "of a scanner, or more than a stranger may begin")         \
	X(HANDOFF_FULL, "handoff-full", "the owner's handoff ring was full")                       \
	X(NEIGH_FULL, "neigh-full", "neighbour table or queue full")                               \
	X(NEIGH_FAILED, "neigh-failed", "next hop does not answer")                                \
	X(NO_ROUTE, "no-route", "destination outside the subnet and no gateway")                   \
	X(TX_FULL, "tx-full", "port did not take the packet")                                      \
	X(TX_SIZE, "tx-size", "too large to send, even in fragments")                              \
	X(NO_MBUF, "no-mbuf", "packet pool empty")                                                 \
	X(MAIN_FULL, "main-full", "ring to the main thread full")

enum drop_reason {
#define X(sym, name, what) DROP_##sym,
	DROP_REASONS(X)
#undef X
		DROP_REASONS_END,
};

struct drops {
	uint64_t count[DROP_REASONS_END]; /* written by the worker, read by main: relaxed */
};

const char *drop_name(enum drop_reason reason);
const char *drop_meaning(enum drop_reason reason);

static inline void drop_count(struct drops *drops, enum drop_reason reason)
{
	drops->count[reason]++;
}

/* End of a packet's walk: freed and counted. */
static inline void pkt_drop(struct drops *drops, struct rte_mbuf *m, enum drop_reason reason)
{
	drop_count(drops, reason);
	rte_pktmbuf_free(m);
}
