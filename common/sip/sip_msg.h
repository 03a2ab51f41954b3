/* SPDX-License-Identifier: BSD-3-Clause */
/* A SIP message parsed in one pass without copy or allocation: everything is a slice of the
 * caller's buffer (RFC 3261). Both processes, any thread; the buffer must outlive the message. */
#pragma once

#include "common/base/span.h"
#include "common/net/addr.h"

#define SIP_MSG_BYTES_MAX 65535u /* slices are 16 bits; a UDP datagram cannot be larger */
#define SIP_HDRS_MAX      256u   /* a message with more header lines is answered 513 */
#define SIP_HDR_NONE      0xffffu

/* X(symbol, name): methods limen knows by number. Any other token is SIP_METHOD_OTHER. */
#define SIP_METHODS(X)                                                                             \
	X(INVITE) X(ACK) X(BYE) X(CANCEL) X(OPTIONS) X(REGISTER) X(PRACK) X(UPDATE) X(INFO)        \
	X(REFER) X(NOTIFY) X(SUBSCRIBE) X(PUBLISH) X(MESSAGE)

enum sip_method {
	SIP_METHOD_OTHER = 0,
#define X(m) SIP_METHOD_##m,
	SIP_METHODS(X)
#undef X
	SIP_METHODS_END,
};

/* X(symbol, canonical name, compact form or 0): headers limen knows by number. */
#define SIP_HDRS(X)                                                                                \
	X(VIA, "Via", 'v')                                                                         \
	X(FROM, "From", 'f')                                                                       \
	X(TO, "To", 't')                                                                           \
	X(CALL_ID, "Call-ID", 'i')                                                                 \
	X(CSEQ, "CSeq", 0)                                                                         \
	X(CONTACT, "Contact", 'm')                                                                 \
	X(MAX_FORWARDS, "Max-Forwards", 0)                                                         \
	X(CONTENT_LENGTH, "Content-Length", 'l')                                                   \
	X(CONTENT_TYPE, "Content-Type", 'c')                                                       \
	X(ROUTE, "Route", 0)                                                                       \
	X(RECORD_ROUTE, "Record-Route", 0)                                                         \
	X(REQUIRE, "Require", 0)                                                                   \
	X(PROXY_REQUIRE, "Proxy-Require", 0)                                                       \
	X(SUPPORTED, "Supported", 'k')                                                             \
	X(UNSUPPORTED, "Unsupported", 0)                                                           \
	X(ALLOW, "Allow", 0)                                                                       \
	X(ACCEPT, "Accept", 0)                                                                     \
	X(ACCEPT_ENCODING, "Accept-Encoding", 0)                                                   \
	X(ACCEPT_LANGUAGE, "Accept-Language", 0)                                                   \
	X(ALERT_INFO, "Alert-Info", 0)                                                             \
	X(ALLOW_EVENTS, "Allow-Events", 'u')                                                       \
	X(AUTHENTICATION_INFO, "Authentication-Info", 0)                                           \
	X(AUTHORIZATION, "Authorization", 0)                                                       \
	X(CALL_INFO, "Call-Info", 0)                                                               \
	X(CONTENT_DISPOSITION, "Content-Disposition", 0)                                           \
	X(CONTENT_ENCODING, "Content-Encoding", 'e')                                               \
	X(CONTENT_LANGUAGE, "Content-Language", 0)                                                 \
	X(DATE, "Date", 0)                                                                         \
	X(DIVERSION, "Diversion", 0)                                                               \
	X(ERROR_INFO, "Error-Info", 0)                                                             \
	X(EVENT, "Event", 'o')                                                                     \
	X(EXPIRES, "Expires", 0)                                                                   \
	X(HISTORY_INFO, "History-Info", 0)                                                         \
	X(IN_REPLY_TO, "In-Reply-To", 0)                                                           \
	X(JOIN, "Join", 0)                                                                         \
	X(MAX_BREADTH, "Max-Breadth", 0)                                                           \
	X(MIME_VERSION, "MIME-Version", 0)                                                         \
	X(MIN_EXPIRES, "Min-Expires", 0)                                                           \
	X(MIN_SE, "Min-SE", 0)                                                                     \
	X(ORGANIZATION, "Organization", 0)                                                         \
	X(PATH, "Path", 0)                                                                         \
	X(PRIORITY, "Priority", 0)                                                                 \
	X(PRIVACY, "Privacy", 0)                                                                   \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0)                                             \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0)                                           \
	X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0)                                           \
	X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0)                                         \
	X(P_ACCESS_NETWORK_INFO, "P-Access-Network-Info", 0)                                       \
	X(P_CHARGING_VECTOR, "P-Charging-Vector", 0)                                               \
	X(P_CHARGING_FUNCTION_ADDRESSES, "P-Charging-Function-Addresses", 0)                       \
	X(P_ASSOCIATED_URI, "P-Associated-URI", 0)                                                 \
	X(P_CALLED_PARTY_ID, "P-Called-Party-ID", 0)                                               \
	X(P_VISITED_NETWORK_ID, "P-Visited-Network-ID", 0)                                         \
	X(P_EARLY_MEDIA, "P-Early-Media", 0)                                                       \
	X(RACK, "RAck", 0)                                                                         \
	X(RSEQ, "RSeq", 0)                                                                         \
	X(REASON, "Reason", 0)                                                                     \
	X(REFER_TO, "Refer-To", 'r')                                                               \
	X(REFERRED_BY, "Referred-By", 'b')                                                         \
	X(REMOTE_PARTY_ID, "Remote-Party-ID", 0)                                                   \
	X(REPLACES, "Replaces", 0)                                                                 \
	X(REPLY_TO, "Reply-To", 0)                                                                 \
	X(RETRY_AFTER, "Retry-After", 0)                                                           \
	X(SERVER, "Server", 0)                                                                     \
	X(SERVICE_ROUTE, "Service-Route", 0)                                                       \
	X(SESSION_EXPIRES, "Session-Expires", 'x')                                                 \
	X(SESSION_ID, "Session-ID", 0)                                                             \
	X(SIP_ETAG, "SIP-ETag", 0)                                                                 \
	X(SIP_IF_MATCH, "SIP-If-Match", 0)                                                         \
	X(SUBJECT, "Subject", 's')                                                                 \
	X(SUBSCRIPTION_STATE, "Subscription-State", 0)                                             \
	X(TARGET_DIALOG, "Target-Dialog", 0)                                                       \
	X(TIMESTAMP, "Timestamp", 0)                                                               \
	X(USER_AGENT, "User-Agent", 0)                                                             \
	X(WARNING, "Warning", 0)                                                                   \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", 0)

enum sip_hdr_id {
	SIP_HDR_OTHER = 0,
#define X(sym, name, compact) SIP_HDR_##sym,
	SIP_HDRS(X)
#undef X
	SIP_HDR_IDS_END,
};

/* Bytes [off, off + len) of the message's buffer. */
struct sip_slice {
	uint16_t off;
	uint16_t len;
};

/* One header line. The value is trimmed of surrounding white space; folds stay inside it as they
 * came
 * (`folded`). Several lines of one name are chained by `next` in the order received. */
struct sip_hdr {
	struct sip_slice name;
	struct sip_slice value;
	uint16_t next; /* index of the next line with the same id (ids other than OTHER), or
			  SIP_HDR_NONE */
	uint8_t id;    /* enum sip_hdr_id */
	uint8_t folded;
};
_Static_assert(sizeof(struct sip_hdr) == 12,
	       "headers lie packed: a long message's must stay in L1");

/* How the message's end is known. */
enum sip_framing {
	SIP_DATAGRAM, /* body runs to Content-Length, or to the end of the datagram where there is
			 none */
	SIP_STREAM,   /* Content-Length decides; without it INVALID */
};

enum sip_parse_result {
	SIP_PARSE_OK = 0,
	SIP_PARSE_INCOMPLETE, /* stream only: more bytes may make it whole */
	SIP_PARSE_INVALID,    /* see status, why and answerable */
	SIP_PARSE_KEEPALIVE,  /* only CR and LF (RFC 5626 section 4.4.1), or in a datagram NUL, or
				 nothing;  len tells how much of a stream can be forgotten */
};

/* Slices that every message needs are filled by the parse itself; a slice of length 0 was not
 * there. From/To: `uri` is without <>; `tag` is the parameter's value. */
struct sip_msg {
	const char *buf; /* borrowed */
	uint32_t len;    /* bytes of this message, body included (a stream may hold more behind it);
	                    after INVALID 0 where a stream's next message cannot be found */

	bool is_request;
	uint8_t method;  /* enum sip_method; of a response: the CSeq's */
	uint16_t status; /* of a response: 100..699. After INVALID: the code to answer with */
	struct sip_slice method_name; /* of a request */
	struct sip_slice ruri;        /* of a request */
	struct sip_slice reason;      /* of a response */

	struct sip_slice call_id;
	struct sip_slice from_uri, from_tag;
	struct sip_slice to_uri, to_tag;
	struct sip_slice cseq_method;
	uint32_t cseq;
	uint32_t content_length; /* the header's value; body.len where there is none */
	int16_t max_forwards;    /* 0..255, -1 where there is none */

	/* The topmost Via (RFC 3261 section 20.42). */
	struct sip_slice via_host; /* sent-by host, an IPv6 reference with its brackets */
	struct sip_slice via_branch;
	uint16_t via_port;     /* 0 where none is given */
	uint8_t via_transport; /* enum net_transport, NET_TRANSPORTS when unknown */
	bool via_rport;        /* an empty ;rport (RFC 3581) */

	struct sip_slice body;

	bool answerable; /* after INVALID: Via, From, To, Call-ID and CSeq were good enough to
			    answer */
	const char *why; /* after INVALID: a short static reason, also used as the reason phrase */

	uint16_t nhdrs;
	uint16_t first[SIP_HDR_IDS_END]; /* index of the first line of each id, or SIP_HDR_NONE */
	struct sip_hdr hdrs[SIP_HDRS_MAX]; /* only [0, nhdrs) is written */
};

/* Parse one message at the start of buf. Checks everything RFC 3261 makes mandatory (start line,
 * the six mandatory headers once each, CSeq method, Content-Length, Via, name-addr quoting) and
 * nothing that only a consumer of one header needs. Never reads past buf + len. */
enum sip_parse_result sip_parse(struct sip_msg *msg, const char *buf, size_t len,
				enum sip_framing framing);

static inline struct span sip_span(const struct sip_msg *msg, struct sip_slice slice)
{
	return span_of(msg->buf + slice.off, slice.len);
}

/* The value of the first header line of that id; SPAN_NONE where there is none. */
static inline struct span sip_hdr_value(const struct sip_msg *msg, enum sip_hdr_id id)
{
	uint16_t at = msg->first[id];

	return at == SIP_HDR_NONE ? SPAN_NONE : sip_span(msg, msg->hdrs[at].value);
}

/* Walk a header's values over all its lines and commas, in order:
 *   struct sip_values it = sip_values(msg, SIP_HDR_ROUTE); struct span value;
 *   while (sip_values_next(&it, &value)) ...
 * Commas inside quotes, <> and comments do not separate. */
struct sip_values {
	const struct sip_msg *msg;
	uint16_t hdr;     /* current line, SIP_HDR_NONE at the end */
	struct span rest; /* of the current line */
};
struct sip_values sip_values(const struct sip_msg *msg, enum sip_hdr_id id);
bool sip_values_next(struct sip_values *it, struct span *value);

/* The same over one piece of text. */
bool sip_list_next(struct span *rest, struct span *value);

/* Whether a token is in a comma-separated header (Require, Supported, Allow, ...), on any of its
 * lines. */
bool sip_hdr_has_token(const struct sip_msg *msg, enum sip_hdr_id id, struct span token);

/* name-addr or addr-spec with header parameters (RFC 3261 section 20.10): Contact, From, Route,
 * ... */
struct sip_name_addr {
	struct span display; /* as it came, with its quotes; may be empty */
	struct span uri;     /* without <> */
	struct span params;  /* header parameters from the first ';' on; may be empty */
	bool star;           /* Contact: * */
};
/* 0, or -EINVAL for text that is not one. */
int sip_name_addr_parse(struct span text, struct sip_name_addr *out);

/* A SIP or SIPS URI (RFC 3261 section 19.1); for other schemes only `scheme` and `opaque` are
 * set. */
struct sip_uri {
	struct span scheme;
	struct span user;     /* with its escapes, without password */
	struct span password;
	struct span host;     /* an IPv6 reference with its brackets */
	struct span params;   /* from the first ';' on */
	struct span headers;  /* behind '?' */
	struct span opaque;   /* all that follows the scheme's colon */
	uint16_t port;        /* 0 where none is given */
	bool is_sip;          /* sip or sips */
	bool is_sips;
};
/* 0, or -EINVAL. */
int sip_uri_parse(struct span text, struct sip_uri *out);

/* One Via value (RFC 3261 section 20.42). 0, or -EINVAL. */
struct sip_via {
	struct span transport; /* as it came */
	struct span host;
	uint16_t port; /* 0 where none is given */
	struct span params;
};
int sip_via_parse(struct span text, struct sip_via *out);

/* Find ;name or ;name=value in parameters that begin with ';'. The value is as it came (quotes and
 * all), empty for a flag. False where it is not there. */
bool sip_param_find(struct span params, struct span name, struct span *value);

/* Decimal digits only, at most `max`. 0, or -EINVAL. */
int sip_number_parse(struct span text, uint64_t max, uint64_t *value);

enum sip_method sip_method_from(struct span token); /* case-sensitive (section 7.1) */
const char *sip_method_name(enum sip_method method);
enum sip_hdr_id sip_hdr_id_from(struct span name); /* any case, compact forms too */
const char *sip_hdr_name(enum sip_hdr_id id);      /* canonical long form */

/* RFC 3261 section 21's phrase for a code (and those of the extensions limen speaks), or that of
 * its class. */
const char *sip_reason_phrase(uint16_t status);
