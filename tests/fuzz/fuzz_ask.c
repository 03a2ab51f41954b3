/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions of the dataplane, whatever peers put into them: each gets a verdict that the dataplane
 * takes, which never names an address that the config does not. The first three bytes choose kind,
 * source and redirects; then the message, and behind a NUL the contacts of a redirection or a
 * registrar's answer. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controlplane/dispatch/ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOTE	      "2 a b ra rb 1001 2001  "
#define CONTACTS_BYTES_MAX 8192u

static const char config[] =
	"machine: {workers: [1]}\n"
	"ports: [{name: pa, device: net_null0}, {name: pb, device: net_null1}]\n"
	"realms:\n"
	"  - {name: ra, port: pa, addresses: [10.99.1.1/24, \"fd99:1::1/64\"]}\n"
	"  - {name: rb, port: pb, addresses: [10.99.2.1/24, \"fd99:2::1/64\"]}\n"
	"trunks:\n"
	"  - {name: a, realm: ra, peers: [10.99.1.2, \"fd99:1::2\"], sources: [10.99.1.0/24, "
	"\"fd99:1::/64\"], trusted: yes, headers_hide: [Diversion, X-A], methods: [INVITE, "
	"MESSAGE, "
	"SUBSCRIBE, PUBLISH, REGISTER, OPTIONS, NOTIFY, REFER]}\n"
	"  - {name: b, realm: rb, peers: [10.99.2.2], sources: [10.99.2.0/24], challenges: pass, "
	"headers_pass: [X-A], methods: [INVITE, MESSAGE, SUBSCRIBE, PUBLISH, REGISTER, OPTIONS, "
	"NOTIFY, REFER]}\n"
	"  - {name: c, realm: rb, peers: [\"fd99:2::2\"], trusted: yes, headers_pass: "
	"[Diversion]}\n"
	"routes:\n"
	"  - {prefix: \"9\", status: 403}\n"
	"  - {prefix: \"urn:service:sos\", to: c}\n"
	"  - {from: a, prefix: \"3\", to: c}\n"
	"  - {from: a, to: b}\n"
	"  - {to: a}\n";

static struct generation *generation;
static struct registrar *registrar;

static void start(void)
{
	static const struct conf_registrar users = {.file = "", .bindings_max = 100};
	struct conf_error errors[4];
	int fd = memfd_create("config", MFD_CLOEXEC);
	unsigned nerrors;
	struct conf *conf;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, config, sizeof(config) - 1) != sizeof(config) - 1 ||
	    conf_load(path, &conf, errors, 4, &nerrors) ||
	    registrar_new(&registrar, event_base_new(), &users))
		abort();
	close(fd);
	generation = generation_new(conf, registrar);
	if (!generation)
		abort();
}

static bool is_ours(const struct net_endpoint *peer)
{
	return peer->family == NET_IP4 ? peer->addr.ip[0] == 10 && peer->addr.ip[1] == 99
				       : peer->addr.ip[0] == 0xfd && peer->addr.ip[1] == 0x99;
}

static void check_verdict(const char *frame, uint32_t len)
{
	const struct ipc_verdict *verdict = (const struct ipc_verdict *)(const void *)frame;
	struct ipc_target_view target;
	uint32_t at = 0;

	if (ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_VERDICT, frame, len))
		abort();
	if (verdict->ask_id != 7 || (!verdict->status && !verdict->ntargets))
		abort();
	while (ipc_verdict_next_target(verdict, &at, &target)) {
		if (!is_ours(&target.head->peer))
			abort();
	}
}

static struct net_endpoint source_of(uint8_t choice)
{
	static const char *const sources[] = {"10.99.1.2", "10.99.2.2:5070", "[fd99:1::2]:5060",
					      "[fd99:2::2]:5060", "172.16.0.1"};
	struct net_endpoint source;

	if (net_endpoint_parse(span_str(sources[choice % 5]), 5060, &source))
		abort();
	return source;
}

static void ask(const uint8_t *data, struct span message, struct span contacts)
{
	static char in[IPC_FRAME_MAX] __attribute__((aligned(8)));
	static char out[IPC_FRAME_MAX] __attribute__((aligned(8)));
	struct cursor frame = cursor_on(in, sizeof(in)), verdict = cursor_on(out, sizeof(out));
	struct ipc_ask head = {
		.ask_id = 7,
		.source = source_of(data[1]),
		.realm = data[1] % 5 == 1 || data[1] % 5 == 3,
		.kind = data[0] % IPC_ASK_KINDS,
		.redirects = data[2],
		.msg_len = (uint32_t)message.len,
	};
	struct ask_answer answer;

	head.local = head.source;
	if (head.kind == IPC_ASK_REDIRECT) {
		head.context_len = sizeof(NOTE) - 1;
		head.contacts_len = (uint16_t)contacts.len;
	}
	put_bytes(&frame, &head, sizeof(head));
	put_span(&frame, message);
	if (head.kind == IPC_ASK_REDIRECT) {
		put_lit(&frame, NOTE);
		put_span(&frame, contacts);
	}
	if (frame.full ||
	    ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_ASK, in, frame.len))
		return;
	ask_decide(generation, 3, (const struct ipc_ask *)(const void *)in, &verdict, &answer);
	if (verdict.full)
		abort();
	check_verdict(out, verdict.len);
}

/* What came for a registrar's answer; if it is none, the registration fails. */
static void end_registration(struct span bytes)
{
	static const struct registration_id id = {7, 3};
	static struct sip_msg msg;
	bool good = sip_parse(&msg, bytes.ptr, bytes.len, SIP_DATAGRAM) == SIP_PARSE_OK &&
		    !msg.is_request;

	registrar_end(registrar, &id, good ? msg.status : 408, good ? &msg : NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest, message, more = SPAN_NONE;
	const char *nul;

	if (!generation)
		start();
	if (size < 3)
		return 0;
	rest = message = span_of(data + 3, size - 3);
	nul = rest.len ? memchr(rest.ptr, '\0', rest.len) : NULL;
	if (nul) {
		message.len = (size_t)(nul - rest.ptr);
		more = span_of(nul + 1, rest.len - message.len - 1);
		if (more.len > CONTACTS_BYTES_MAX)
			more.len = CONTACTS_BYTES_MAX;
	}
	ask(data, message, more);
	end_registration(more);
	return 0;
}
