/* SPDX-License-Identifier: BSD-3-Clause */
/* The schema as data: sections and keys described for the checks and the reference, and the raw
 * tree that libcyaml fills: every value as the text in the file, NULL where a key is absent.
 * Private to common/conf. */
#pragma once

#include <cyaml/cyaml.h>

#include "common/base/span.h"
#include "common/conf/conf.h"
#include "common/conf/conf_keys.h"

enum conf_type {
#define X(sym, word) CONF_##sym,
	CONF_TYPES(X)
#undef X
};

enum conf_shape { CONF_ONE, CONF_LIST };
enum conf_effect { CONF_RELOAD, CONF_RESTART };

struct conf_key {
	const char *name;
	const char *unit; /* of a WORD: its choices */
	const char *def;  /* NULL: required; "": none, or an empty list */
	const char *doc;
	uint64_t low, high;
	size_t offset;       /* in the section's raw struct: char *, or char ** */
	size_t count_offset; /* of a list: its count, uint32_t */
	uint32_t items_max;
	uint8_t shape;  /* enum conf_shape */
	uint8_t type;   /* enum conf_type */
	uint8_t effect; /* enum conf_effect */
};

struct conf_section {
	const char *name;
	const char *doc;
	const struct conf_key *keys;
	unsigned nkeys;
	size_t offset;       /* in struct raw_conf: pointer to the raw struct or structs */
	size_t count_offset; /* where many: their count, uint32_t */
	size_t raw_bytes;    /* of one raw struct */
	unsigned items_max;
	bool many; /* a list of mappings */
	bool required;
};

/* Raw values by shape. */
#define CONF_RAW_ONE(name)  char *name;
#define CONF_RAW_LIST(name) char **name; uint32_t name##_count;
#define CONF_RAW_FIELD(shape, type, name, ...) CONF_RAW_##shape(name)

/* One struct and one list of key numbers for each section: struct raw_realms, REALM_sip_port. */
#define X(section, shape, keys, ...) struct raw_##section { CONF_KEYS_##keys(CONF_RAW_FIELD) };
CONF_SECTIONS(X)
#undef X

#define CONF_KEY_NUMBER(shape, type, name, ...) CONF_KEY_JOIN(CONF_KEY_SECTION, name),
#define CONF_KEY_JOIN(section, name) CONF_KEY_JOIN2(section, name)
#define CONF_KEY_JOIN2(section, name) section##_##name

#define CONF_KEY_SECTION MACHINE
enum { CONF_KEYS_MACHINE(CONF_KEY_NUMBER) MACHINE_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION PORT
enum { CONF_KEYS_PORT(CONF_KEY_NUMBER) PORT_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION REALM
enum { CONF_KEYS_REALM(CONF_KEY_NUMBER) REALM_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION TRUNK
enum { CONF_KEYS_TRUNK(CONF_KEY_NUMBER) TRUNK_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION ROUTE
enum { CONF_KEYS_ROUTE(CONF_KEY_NUMBER) ROUTE_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION HEADER_RULE
enum { CONF_KEYS_HEADER_RULE(CONF_KEY_NUMBER) HEADER_RULE_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION ANSWER_RULE
enum { CONF_KEYS_ANSWER_RULE(CONF_KEY_NUMBER) ANSWER_RULE_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION TOPOLOGY_PROFILE
enum { CONF_KEYS_TOPOLOGY_PROFILE(CONF_KEY_NUMBER) TOPOLOGY_PROFILE_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION TABLE
enum { CONF_KEYS_TABLE(CONF_KEY_NUMBER) TABLE_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION NUMBER_RULE
enum { CONF_KEYS_NUMBER_RULE(CONF_KEY_NUMBER) NUMBER_RULE_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION REGISTRAR
enum { CONF_KEYS_REGISTRAR(CONF_KEY_NUMBER) REGISTRAR_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION AUTH
enum { CONF_KEYS_AUTH(CONF_KEY_NUMBER) AUTH_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION SRTP
enum { CONF_KEYS_SRTP(CONF_KEY_NUMBER) SRTP_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION SCREENING
enum { CONF_KEYS_SCREENING(CONF_KEY_NUMBER) SCREENING_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION CERTIFICATE
enum { CONF_KEYS_CERTIFICATE(CONF_KEY_NUMBER) CERTIFICATE_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION TLS
enum { CONF_KEYS_TLS(CONF_KEY_NUMBER) TLS_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION OVERLOAD
enum { CONF_KEYS_OVERLOAD(CONF_KEY_NUMBER) OVERLOAD_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION EMERGENCY
enum { CONF_KEYS_EMERGENCY(CONF_KEY_NUMBER) EMERGENCY_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION CONNECTIONS
enum { CONF_KEYS_CONNECTIONS(CONF_KEY_NUMBER) CONNECTIONS_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION DNS
enum { CONF_KEYS_DNS(CONF_KEY_NUMBER) DNS_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION LOG
enum { CONF_KEYS_LOG(CONF_KEY_NUMBER) LOG_KEYS };
#undef CONF_KEY_SECTION
#define CONF_KEY_SECTION CDR
enum { CONF_KEYS_CDR(CONF_KEY_NUMBER) CDR_KEYS };
#undef CONF_KEY_SECTION

#define CONF_RAW_MAP(section)  struct raw_##section *section;
#define CONF_RAW_MAPS(section) struct raw_##section *section; uint32_t section##_count;

struct raw_conf {
#define X(section, shape, ...) CONF_RAW_##shape(section)
	CONF_SECTIONS(X)
#undef X
};

enum conf_section_number {
#define X(section, ...) SECTION_##section,
	CONF_SECTIONS(X)
#undef X
	CONF_SECTIONS_END,
};

extern const struct conf_section conf_sections[CONF_SECTIONS_END];
extern const cyaml_schema_value_t conf_cyaml_schema;

/* The reference's word for a type. */
const char *conf_type_word(enum conf_type type);
