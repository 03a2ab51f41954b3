/* SPDX-License-Identifier: BSD-3-Clause */
/* What the config says of TLS. Part of struct conf: see conf.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CONF_CERTIFICATES_MAX     256u
#define CONF_TLS_MAX              64u
#define CONF_TLS_CERTIFICATES_MAX 64u /* of one `tls` */
#define CONF_TLS_NAMES_MAX        16u /* of a trunk */

struct conf_certificate {
	char *name;
	char *chain, *key;
	char *ocsp_file; /* "" : none */
};

enum conf_verify_client { CONF_VERIFY_NONE = 0, CONF_VERIFY_OPTIONAL, CONF_VERIFY_REQUIRE };

struct conf_tls {
	char *name;
	unsigned ncertificates;
	unsigned certificates[CONF_TLS_CERTIFICATES_MAX]; /* indexes */
	char *ca_file;	/* "" : the system's, for servers */
	char *crl_file; /* "" : none */
	uint8_t verify_client; /* enum conf_verify_client */
	bool verify_peer;
	bool only_1_3;
	char *ciphers, *ciphersuites, *curves;
	bool tickets;
	unsigned ticket_rotate_s;
	unsigned expiry_alarm_days;
	char *keylog_file; /* "" : none */
};
