/* SPDX-License-Identifier: BSD-3-Clause */
/* An answer of the DNS taken apart. limen-controlplane, any thread. */
#include "controlplane/dns/answer.h"

#include <errno.h>
#include <string.h>

#define CLASS_IN	1
#define TYPE_CNAME	5
#define TYPE_SOA	6
#define RCODE_NXDOMAIN	3
#define POINTERS_MAX	16 /* in one name: more is a circle, or might as well be */
#define TTL_MAX_S	(7u * 24 * 3600)
#define FLAGS_RESPONSE	0x8000u
#define FLAGS_TRUNCATED 0x0200u

struct reader {
	const uint8_t *bytes;
	size_t len, at;
	bool bad;
};

static uint16_t get16(struct reader *r)
{
	uint16_t v;

	if (r->len - r->at < 2) {
		r->bad = true;
		r->at = r->len;
		return 0;
	}
	v = (uint16_t)(r->bytes[r->at] << 8 | r->bytes[r->at + 1]);
	r->at += 2;
	return v;
}

static uint32_t get32(struct reader *r)
{
	uint32_t high = get16(r);

	return high << 16 | get16(r);
}

/* A byte of a name as it is kept: what could not be in a host's name, or would be a dot within a
 * label, makes the name unfit. */
static bool keep(char *c)
{
	if (*c >= 'A' && *c <= 'Z')
		*c = (char)(*c | 0x20);
	return (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
}

static bool add_label(char name[DNS_NAME_MAX], size_t *len, const uint8_t *label, size_t n)
{
	if (*len + n + 2 > DNS_NAME_MAX)
		return false;
	if (*len)
		name[(*len)++] = '.';
	for (size_t i = 0; i < n; i++) {
		char c = (char)label[i];

		if (!keep(&c))
			return false;
		name[(*len)++] = c;
	}
	return true;
}

/* RFC 1035 section 4.1.4. A name that cannot be kept reads as "?", which no name is. */
static void get_name(struct reader *r, char name[DNS_NAME_MAX])
{
	size_t at = r->at, len = 0, end = 0;
	unsigned pointers = 0;
	bool fits = true;

	for (;;) {
		uint8_t n;

		if (at >= r->len || pointers > POINTERS_MAX)
			goto bad;
		n = r->bytes[at];
		if (n >= 0xc0) {
			if (at + 1 >= r->len)
				goto bad;
			if (!pointers++)
				end = at + 2;
			at = (size_t)(n & 0x3f) << 8 | r->bytes[at + 1];
			continue;
		}
		if (n > 63 || at + 1 + n > r->len)
			goto bad;
		at += 1;
		if (!n)
			break;
		fits = fits && add_label(name, &len, r->bytes + at, n);
		at += n;
	}
	name[len] = '\0';
	if (!fits)
		strcpy(name, "?");
	r->at = pointers ? end : at;
	return;
bad:
	r->bad = true;
	r->at = r->len;
	strcpy(name, "?");
}

static void get_text(struct reader *r, size_t end, char *text, size_t bytes)
{
	size_t n;

	text[0] = '\0';
	if (r->at >= end || r->at + 1 + r->bytes[r->at] > end) {
		r->bad = true;
		return;
	}
	n = r->bytes[r->at++];
	for (size_t i = 0; i < n && i + 1 < bytes; i++) {
		char c = (char)r->bytes[r->at + i];

		text[i] = c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
		text[i + 1] = '\0';
	}
	r->at += n;
}

static void get_naptr(struct reader *r, size_t end, struct dns_record *record)
{
	char flags[4], regexp[4];

	record->priority = get16(r);
	record->weight = get16(r);
	get_text(r, end, flags, sizeof(flags));
	get_text(r, end, record->service, sizeof(record->service));
	get_text(r, end, regexp, sizeof(regexp));
	record->flags = flags[0] && !flags[1] ? (char)(flags[0] | 0x20) : 0;
	get_name(r, record->target);
}

/* The data of a record of the type asked for. False: it is of no use. */
static bool get_data(struct reader *r, enum dns_type type, size_t end, struct dns_record *record)
{
	size_t addr_bytes = type == DNS_A ? 4 : 16;

	memset(record, 0, sizeof(*record));
	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		if (end - r->at != addr_bytes)
			return false;
		memcpy(record->addr.ip, r->bytes + r->at, addr_bytes);
		return true;
	case DNS_SRV:
		record->priority = get16(r);
		record->weight = get16(r);
		record->port = get16(r);
		get_name(r, record->target);
		break;
	case DNS_NAPTR:
		get_naptr(r, end, record);
		break;
	}
	return !r->bad && r->at == end && strcmp(record->target, "?") != 0;
}

struct section {
	char wanted[DNS_NAME_MAX]; /* whose records count; moves along aliases */
	enum dns_type type;
	struct dns_answer *answer;
	uint32_t negative_ttl_s;
};

/* One record of any section. */
static void take_record(struct reader *r, struct section *s)
{
	char name[DNS_NAME_MAX];
	uint16_t type, class, n;
	uint32_t ttl;
	size_t end;

	get_name(r, name);
	type = get16(r);
	class = get16(r);
	ttl = get32(r);
	n = get16(r);
	if (r->bad || r->len - r->at < n) {
		r->bad = true;
		return;
	}
	end = r->at + n;
	if (ttl > TTL_MAX_S)
		ttl = ttl > INT32_MAX ? 0 : TTL_MAX_S; /* RFC 2181 section 8 */
	if (class == CLASS_IN && type == TYPE_SOA && n >= 22) {
		struct reader last = {r->bytes, r->len, end - 4, false};
		uint32_t minimum = get32(&last);

		s->negative_ttl_s = minimum < ttl ? minimum : ttl;
	} else if (class == CLASS_IN && type == TYPE_CNAME && strcmp(name, s->wanted) == 0) {
		get_name(r, s->wanted);
		if (ttl < s->answer->ttl_s)
			s->answer->ttl_s = ttl;
	} else if (class == CLASS_IN && type == (uint16_t)s->type && strcmp(name, s->wanted) == 0 &&
		   s->answer->n < DNS_RECORDS_MAX &&
		   get_data(r, s->type, end, &s->answer->records[s->answer->n])) {
		s->answer->n++;
		if (ttl < s->answer->ttl_s)
			s->answer->ttl_s = ttl;
	}
	r->at = end;
}

int dns_answer_read(const uint8_t *bytes, size_t len, enum dns_type type,
		    struct dns_answer *answer)
{
	struct reader r = {bytes, len, 0, false};
	struct section s = {.type = type, .answer = answer};
	unsigned flags, questions, records;

	answer->n = 0;
	answer->ttl_s = TTL_MAX_S;
	(void)get16(&r);
	flags = get16(&r);
	questions = get16(&r);
	records = get16(&r);
	records += get16(&r);
	(void)get16(&r); /* what is additional is asked for by itself */
	if (r.bad || !(flags & FLAGS_RESPONSE) || flags & FLAGS_TRUNCATED || questions != 1)
		return -EPROTO;
	if ((flags & 15) != 0 && (flags & 15) != RCODE_NXDOMAIN)
		return -EPROTO;
	get_name(&r, s.wanted);
	(void)get32(&r);
	for (unsigned i = 0; i < records && !r.bad; i++)
		take_record(&r, &s);
	if (r.bad)
		return -EPROTO;
	if (!answer->n)
		answer->ttl_s = s.negative_ttl_s;
	return 0;
}

bool dns_name_normal(const char *text, char name[DNS_NAME_MAX])
{
	size_t len = strlen(text), label = 0;

	if (len && text[len - 1] == '.')
		len--;
	if (!len || len + 1 > DNS_NAME_MAX - 2)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
		} else if (!keep(&c) || ++label > 63) {
			return false;
		}
		name[i] = c;
	}
	name[len] = '\0';
	return label > 0;
}

const char *dns_type_name(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_AAAA:
		return "AAAA";
	case DNS_SRV:
		return "SRV";
	case DNS_NAPTR:
		return "NAPTR";
	}
	return "?";
}
