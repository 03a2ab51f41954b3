/* SPDX-License-Identifier: BSD-3-Clause */
/* A generation of a config, and questions put to it. For the tests of ask.c. */
#pragma once

#include "controlplane/dispatch/ask.h"

#include "../conf_text.h"

struct asked {
	struct event_base *base;
	struct registrar *registrar;
	struct generation *generation;
	_Alignas(8) char ask[16384];
	_Alignas(8) char frame[IPC_FRAME_MAX];
	uint32_t len;
	struct ask_answer answer;
	const struct ipc_verdict *verdict;
};

struct asked *start(const char *conf);
void stop(struct asked *asked);

/* What a question may have besides: kind, redirects, note and contacts. */
struct further {
	uint8_t kind, redirects;
	struct span context;
	const char *contacts;
	uint8_t transport; /* enum net_transport */
};

/* Ask; the verdict is checked as the dataplane would, and that explain would tell the same. */
void ask_further(struct asked *asked, uint8_t realm, const char *source, const char *message,
		 const struct further *further);
void ask(struct asked *asked, uint8_t realm, const char *source, const char *message);

/* The verdict's target of that number, which must be there. */
struct ipc_target_view target(const struct asked *asked, unsigned number);
void expect_span(struct span got, const char *wanted);

#define INVITE(ruri, from, to, more)                                                               \
	"INVITE " ruri " SIP/2.0\r\nVia: SIP/2.0/UDP 10.99.1.2:5060;branch=z9hG4bKsecret\r\n"      \
	"From: " from ";tag=secrettag\r\nTo: " to "\r\nCall-ID: secret-call-id@10.99.1.2\r\n"      \
	"CSeq: 1 INVITE\r\nContact: <sip:secret@10.99.1.2>\r\nMax-Forwards: 70\r\n" more           \
	"Content-Length: 0\r\n\r\n"
