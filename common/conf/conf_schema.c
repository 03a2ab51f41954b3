/* SPDX-License-Identifier: BSD-3-Clause */
/* The lists of conf_keys.h spelled out: as tables for the checks and the reference, and as
 * libcyaml's schema. Any thread. */
#include "common/conf/conf_schema.h"

#define COUNT_ONE(st, name)  0
#define COUNT_LIST(st, name) offsetof(st, name##_count)
#define KEY(shape_, type_, name_, items_, unit_, def_, low_, high_, effect_, doc_)                 \
	{.name = #name_, .unit = unit_, .def = def_, .doc = doc_, .low = low_, .high = high_,      \
	 .offset = offsetof(RAW, name_), .count_offset = COUNT_##shape_(RAW, name_),               \
	 .items_max = items_, .shape = CONF_##shape_, .type = CONF_##type_,                        \
	 .effect = CONF_##effect_},

#define RAW struct raw_machine
static const struct conf_key keys_MACHINE[] = {CONF_KEYS_MACHINE(KEY)};
#undef RAW
#define RAW struct raw_ports
static const struct conf_key keys_PORT[] = {CONF_KEYS_PORT(KEY)};
#undef RAW
#define RAW struct raw_realms
static const struct conf_key keys_REALM[] = {CONF_KEYS_REALM(KEY)};
#undef RAW
#define RAW struct raw_trunks
static const struct conf_key keys_TRUNK[] = {CONF_KEYS_TRUNK(KEY)};
#undef RAW
#define RAW struct raw_routes
static const struct conf_key keys_ROUTE[] = {CONF_KEYS_ROUTE(KEY)};
#undef RAW
#define RAW struct raw_header_rules
static const struct conf_key keys_HEADER_RULE[] = {CONF_KEYS_HEADER_RULE(KEY)};
#undef RAW
#define RAW struct raw_answer_rules
static const struct conf_key keys_ANSWER_RULE[] = {CONF_KEYS_ANSWER_RULE(KEY)};
#undef RAW
#define RAW struct raw_topology_profiles
static const struct conf_key keys_TOPOLOGY_PROFILE[] = {CONF_KEYS_TOPOLOGY_PROFILE(KEY)};
#undef RAW
#define RAW struct raw_tables
static const struct conf_key keys_TABLE[] = {CONF_KEYS_TABLE(KEY)};
#undef RAW
#define RAW struct raw_number_rules
static const struct conf_key keys_NUMBER_RULE[] = {CONF_KEYS_NUMBER_RULE(KEY)};
#undef RAW
#define RAW struct raw_registrar
static const struct conf_key keys_REGISTRAR[] = {CONF_KEYS_REGISTRAR(KEY)};
#undef RAW
#define RAW struct raw_auth
static const struct conf_key keys_AUTH[] = {CONF_KEYS_AUTH(KEY)};
#undef RAW
#define RAW struct raw_srtp
static const struct conf_key keys_SRTP[] = {CONF_KEYS_SRTP(KEY)};
#undef RAW
#define RAW struct raw_screening
static const struct conf_key keys_SCREENING[] = {CONF_KEYS_SCREENING(KEY)};
#undef RAW
#define RAW struct raw_certificates
static const struct conf_key keys_CERTIFICATE[] = {CONF_KEYS_CERTIFICATE(KEY)};
#undef RAW
#define RAW struct raw_tls
static const struct conf_key keys_TLS[] = {CONF_KEYS_TLS(KEY)};
#undef RAW
#define RAW struct raw_overload
static const struct conf_key keys_OVERLOAD[] = {CONF_KEYS_OVERLOAD(KEY)};
#undef RAW
#define RAW struct raw_emergency
static const struct conf_key keys_EMERGENCY[] = {CONF_KEYS_EMERGENCY(KEY)};
#undef RAW
#define RAW struct raw_connections
static const struct conf_key keys_CONNECTIONS[] = {CONF_KEYS_CONNECTIONS(KEY)};
#undef RAW
#define RAW struct raw_dns
static const struct conf_key keys_DNS[] = {CONF_KEYS_DNS(KEY)};
#undef RAW
#define RAW struct raw_log
static const struct conf_key keys_LOG[] = {CONF_KEYS_LOG(KEY)};
#undef RAW
#define RAW struct raw_cdr
static const struct conf_key keys_CDR[] = {CONF_KEYS_CDR(KEY)};
#undef RAW

#define MANY_MAP  false
#define MANY_MAPS true
#define COUNT_MAP(section)  0
#define COUNT_MAPS(section) offsetof(struct raw_conf, section##_count)

const struct conf_section conf_sections[CONF_SECTIONS_END] = {
#define X(section, shape, list, required_, most, doc_)                                             \
	{.name = #section, .doc = doc_, .keys = keys_##list, .nkeys = list##_KEYS,                 \
	 .offset = offsetof(struct raw_conf, section), .count_offset = COUNT_##shape(section),     \
	 .raw_bytes = sizeof(struct raw_##section), .items_max = most, .many = MANY_##shape,       \
	 .required = required_},
	CONF_SECTIONS(X)
#undef X
};

static const char *const type_words[] = {
#define X(sym, word) word,
	CONF_TYPES(X)
#undef X
};

const char *conf_type_word(enum conf_type type)
{
	return type_words[type];
}

/* libcyaml's view: presence and required keys are for the checks, which know the line; here all is
 * optional text. */
static const cyaml_schema_value_t text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

#define FIELD_ONE(st, name)                                                                        \
	CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, st, name, 0,       \
			       CYAML_UNLIMITED),
#define FIELD_LIST(st, name)                                                                       \
	CYAML_FIELD_SEQUENCE(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, st, name,            \
			     &text_entry, 0, CYAML_UNLIMITED),
#define FIELD(shape, type, name, ...) FIELD_##shape(RAW, name)

#define RAW struct raw_machine
static const cyaml_schema_field_t fields_MACHINE[] = {CONF_KEYS_MACHINE(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_ports
static const cyaml_schema_field_t fields_PORT[] = {CONF_KEYS_PORT(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_realms
static const cyaml_schema_field_t fields_REALM[] = {CONF_KEYS_REALM(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_trunks
static const cyaml_schema_field_t fields_TRUNK[] = {CONF_KEYS_TRUNK(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_routes
static const cyaml_schema_field_t fields_ROUTE[] = {CONF_KEYS_ROUTE(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_header_rules
static const cyaml_schema_field_t fields_HEADER_RULE[] = {
	CONF_KEYS_HEADER_RULE(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_answer_rules
static const cyaml_schema_field_t fields_ANSWER_RULE[] = {
	CONF_KEYS_ANSWER_RULE(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_topology_profiles
static const cyaml_schema_field_t fields_TOPOLOGY_PROFILE[] = {
	CONF_KEYS_TOPOLOGY_PROFILE(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_tables
static const cyaml_schema_field_t fields_TABLE[] = {CONF_KEYS_TABLE(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_number_rules
static const cyaml_schema_field_t fields_NUMBER_RULE[] = {CONF_KEYS_NUMBER_RULE(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_registrar
static const cyaml_schema_field_t fields_REGISTRAR[] = {CONF_KEYS_REGISTRAR(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_auth
static const cyaml_schema_field_t fields_AUTH[] = {CONF_KEYS_AUTH(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_srtp
static const cyaml_schema_field_t fields_SRTP[] = {CONF_KEYS_SRTP(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_screening
static const cyaml_schema_field_t fields_SCREENING[] = {CONF_KEYS_SCREENING(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_certificates
static const cyaml_schema_field_t fields_CERTIFICATE[] = {
	CONF_KEYS_CERTIFICATE(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_tls
static const cyaml_schema_field_t fields_TLS[] = {CONF_KEYS_TLS(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_overload
static const cyaml_schema_field_t fields_OVERLOAD[] = {CONF_KEYS_OVERLOAD(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_emergency
static const cyaml_schema_field_t fields_EMERGENCY[] = {CONF_KEYS_EMERGENCY(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_connections
static const cyaml_schema_field_t fields_CONNECTIONS[] = {
	CONF_KEYS_CONNECTIONS(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_dns
static const cyaml_schema_field_t fields_DNS[] = {CONF_KEYS_DNS(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_log
static const cyaml_schema_field_t fields_LOG[] = {CONF_KEYS_LOG(FIELD) CYAML_FIELD_END};
#undef RAW
#define RAW struct raw_cdr
static const cyaml_schema_field_t fields_CDR[] = {CONF_KEYS_CDR(FIELD) CYAML_FIELD_END};
#undef RAW

#define ENTRY_MAP(section, keys)
#define ENTRY_MAPS(section, keys)                                                                  \
	static const cyaml_schema_value_t entry_##section = {                                      \
		CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_##section, fields_##keys),      \
	};
#define X(section, shape, keys, ...) ENTRY_##shape(section, keys)
CONF_SECTIONS(X)
#undef X

#define SECTION_MAP(section, keys)                                                                 \
	CYAML_FIELD_MAPPING_PTR(#section, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                \
				struct raw_conf, section, fields_##keys),
#define SECTION_MAPS(section, keys)                                                                \
	CYAML_FIELD_SEQUENCE(#section, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_conf,  \
			     section, &entry_##section, 0, CYAML_UNLIMITED),

static const cyaml_schema_field_t fields_root[] = {
#define X(section, shape, keys, ...) SECTION_##shape(section, keys)
	CONF_SECTIONS(X)
#undef X
	CYAML_FIELD_END,
};

const cyaml_schema_value_t conf_cyaml_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_conf, fields_root),
};
