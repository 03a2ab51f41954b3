/* SPDX-License-Identifier: BSD-3-Clause */
/* From the raw tree to struct conf: certificates, and how TLS is spoken. */
#include "common/conf/conf_resolve_priv.h"

void resolve_certificates(struct resolve *r)
{
	unsigned n = r->raw->certificates_count;

	r->conf->certificates = get(r, n, sizeof(*r->conf->certificates));
	r->certificates.sorted = get(r, n, sizeof(*r->certificates.sorted));
	if (r->no_memory)
		return;
	r->conf->ncertificates = n;
	for (unsigned i = 0; i < n; i++) {
		const struct raw_certificates *raw = &r->raw->certificates[i];
		struct conf_certificate *certificate = &r->conf->certificates[i];

		certificate->name = text(r, SECTION_certificates, CERTIFICATE_name, raw->name);
		certificate->chain = text(r, SECTION_certificates, CERTIFICATE_chain, raw->chain);
		certificate->key = text(r, SECTION_certificates, CERTIFICATE_key, raw->key);
		certificate->ocsp_file =
			text(r, SECTION_certificates, CERTIFICATE_ocsp_file, raw->ocsp_file);
		names_add(&r->certificates, raw->name, i);
	}
	names_close(r, &r->certificates, SECTION_certificates);
}

static void resolve_shown(struct resolve *r, const struct raw_tls *raw, unsigned index,
			  struct conf_tls *tls)
{
	char path[CONF_KEY_BYTES];

	for (unsigned i = 0; i < raw->certificates_count; i++) {
		int at;

		if (tls->ncertificates == CONF_TLS_CERTIFICATES_MAX)
			return;
		conf_path(path, "tls[%u].certificates[%u]", index, i);
		at = refer(r, &r->certificates, SECTION_certificates, raw->certificates[i], path);
		for (unsigned j = 0; at >= 0 && j < tls->ncertificates; j++) {
			if (tls->certificates[j] == (unsigned)at) {
				conf_fault_at(r->doc, path, "the same as certificates[%u]", j);
				break;
			}
		}
		if (at >= 0)
			tls->certificates[tls->ncertificates++] = (unsigned)at;
	}
}

static void resolve_one(struct resolve *r, unsigned index)
{
	const struct raw_tls *raw = &r->raw->tls[index];
	struct conf_tls *tls = &r->conf->tls[index];

#define STRING(field) tls->field = text(r, SECTION_tls, TLS_##field, raw->field)
#define NUMBER(field) tls->field = number(SECTION_tls, TLS_##field, raw->field)
	STRING(name);
	resolve_shown(r, raw, index, tls);
	STRING(ca_file);
	STRING(crl_file);
	tls->verify_client = (uint8_t)choice(SECTION_tls, TLS_verify_client, raw->verify_client);
	tls->verify_peer = yes(SECTION_tls, TLS_verify_peer, raw->verify_peer);
	tls->only_1_3 = choice(SECTION_tls, TLS_min_version, raw->min_version) == 1;
	STRING(ciphers);
	STRING(ciphersuites);
	STRING(curves);
	tls->tickets = yes(SECTION_tls, TLS_tickets, raw->tickets);
	NUMBER(ticket_rotate_s);
	NUMBER(expiry_alarm_days);
	STRING(keylog_file);
#undef STRING
#undef NUMBER
}

void resolve_tls(struct resolve *r)
{
	unsigned n = r->raw->tls_count;

	r->conf->tls = get(r, n, sizeof(*r->conf->tls));
	r->tls.sorted = get(r, n, sizeof(*r->tls.sorted));
	if (r->no_memory)
		return;
	r->conf->ntls = n;
	for (unsigned i = 0; i < n; i++) {
		resolve_one(r, i);
		names_add(&r->tls, r->raw->tls[i].name, i);
	}
	names_close(r, &r->tls, SECTION_tls);
}

void resolve_realm_tls(struct resolve *r, unsigned index)
{
	const struct raw_realms *raw = &r->raw->realms[index];
	struct conf_realm *realm = &r->conf->realms[index];
	char path[CONF_KEY_BYTES];

	realm->tls_port = (uint16_t)number(SECTION_realms, REALM_tls_port, raw->tls_port);
	conf_path(path, "realms[%u].tls", index);
	realm->tls = raw->tls ? refer(r, &r->tls, SECTION_tls, raw->tls, path) : -1;
}

/* In lower case, as they are compared. */
void resolve_tls_names(struct resolve *r, unsigned index)
{
	const struct raw_trunks *raw = &r->raw->trunks[index];
	struct conf_trunk *trunk = &r->conf->trunks[index];

	trunk->tls_names = get(r, raw->tls_names_count, sizeof(*trunk->tls_names));
	if (!trunk->tls_names)
		return;
	for (unsigned i = 0; i < raw->tls_names_count; i++) {
		char *name = raw->tls_names[i];

		for (char *c = name; *c; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
		trunk->tls_names[trunk->ntls_names++] = name;
	}
}
