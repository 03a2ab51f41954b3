/* SPDX-License-Identifier: BSD-3-Clause */
/* What a registration costs the control plane's loop, with the file of bindings behind it: each user
 * registers, then refreshes as fast as the loop goes; and how long a start with all of them takes.
 * Arguments: users (100000), directory of the file (/tmp). */
#include <event2/event.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "controlplane/registrar/registrar.h"

#define REFRESHES  3u
#define TURN	   64u /* REGISTERs between two turns of the loop */

static void die(const char *what)
{
	fprintf(stderr, "bench_registrar: %s\n", what);
	exit(1);
}

static void parse(struct sip_msg *msg, const char *text, int len)
{
	if (sip_parse(msg, text, (size_t)len, SIP_DATAGRAM) != SIP_PARSE_OK)
		die("a message does not parse");
}

/* REGISTER, and the 200 that grants an hour. */
static void register_user(struct registrar *registrar, unsigned i)
{
	static struct sip_msg msg;
	const struct net_endpoint limen = {.addr = {{10, 0, 0, 1}}, .family = NET_IP4, .port = 5060};
	const struct net_endpoint source = {.addr = {{100, 64, (uint8_t)(i >> 8), (uint8_t)i}},
					    .family = NET_IP4,
					    .port = 40000};
	char text[1024], user[32], contact[256];
	struct registering to;
	struct cursor out = cursor_on(contact, sizeof(contact));
	struct registration registration = {
		.id = {i + 1, 0}, .trunk = SPAN("access"), .msg = &msg, .source = &source,
		.nat_expires_s = 60};
	int len = snprintf(text, sizeof(text),
			   "REGISTER sip:example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.%u:5060;"
			   "branch=z9hG4bK-%u;rport\r\nMax-Forwards: 70\r\nFrom: "
			   "<sip:+4930%07u@example.net>;tag=%u\r\nTo: <sip:+4930%07u@example.net>\r\n"
			   "Call-ID: %u-4f5e6d7c@192.168.1.2\r\nCSeq: 1 REGISTER\r\nContact: "
			   "<sip:+4930%07u@192.168.1.%u:5060;line=a7b3c5d9e1f2>;expires=3600\r\n"
			   "Content-Length: 0\r\n\r\n",
			   i % 250, i, i, i, i, i, i, i % 250);

	parse(&msg, text, len);
	registration.user = span_of(user, (size_t)snprintf(user, sizeof(user), "+4930%07u", i));
	switch (registrar_begin(registrar, &registration, &to)) {
	case REGISTRAR_ABSORBED:
		return; /* answered: the registrar does not hear of it */
	case REGISTRAR_TOKEN:
		break;
	default:
		die("a REGISTER is refused");
	}
	put_registrar_contact(&out, &to, &limen, false);
	len = snprintf(text, sizeof(text),
		       "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK-%u\r\nFrom: "
		       "<sip:+4930%07u@core>;tag=%u\r\nTo: <sip:+4930%07u@core>;tag=x\r\nCall-ID: "
		       "%u\r\nCSeq: 1 REGISTER\r\nContact: %.*s\r\nContent-Length: 0\r\n\r\n",
		       i, i, i, i, i, (int)out.len, out.buf);
	parse(&msg, text, len);
	registrar_end(registrar, &registration.id, 200, &msg);
}

static void all(struct registrar *registrar, struct event_base *base, unsigned users,
		const char *what)
{
	uint64_t from_ns = clock_mono_ns(), ns;

	for (unsigned i = 0; i < users; i++) {
		register_user(registrar, i);
		if (i % TURN == 0)
			event_base_loop(base, EVLOOP_NONBLOCK);
	}
	ns = clock_mono_ns() - from_ns;
	printf("%-40s %8.0f ns each %10.0f/s\n", what, (double)ns / users, users * 1e9 / (double)ns);
}

int main(int argc, char **argv)
{
	unsigned users = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
	const char *dir = argc > 2 ? argv[2] : "/tmp";
	struct event_base *base = event_base_new();
	struct registrar_stats stats;
	struct registrar *registrar;
	char path[256], more[264];
	struct conf_registrar conf = {.file = path, .bindings_max = users};
	uint64_t from_ns;
	size_t before;

	snprintf(path, sizeof(path), "%s/limen-bench-bindings-%d.sqlite", dir, (int)getpid());
	if (!base || !users || registrar_new(&registrar, base, &conf))
		die("the registrar cannot be made");
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	all(registrar, base, users, "registered, with the file behind");
	printf("%-40s %8.0f bytes\n", "memory of a user",
	       (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / users);
	for (unsigned i = 0; i < REFRESHES; i++)
		all(registrar, base, users, "refreshed");
	conf.absorb = true;
	conf.core_expires_s = 3600;
	if (registrar_configure(registrar, &conf))
		die("the config is refused");
	for (unsigned i = 0; i < REFRESHES; i++)
		all(registrar, base, users, "refreshed, absorbed");
	from_ns = clock_mono_ns();
	registrar_stats(registrar, &stats);
	registrar_free(registrar);
	printf("%-40s %8llu rows in %llu batches, %.1f s after the last\n", "written meanwhile",
	       (unsigned long long)stats.rows, (unsigned long long)stats.batches,
	       (double)(clock_mono_ns() - from_ns) / 1e9);
	from_ns = clock_mono_ns();
	if (registrar_new(&registrar, base, &conf))
		die("the file cannot be opened again");
	registrar_stats(registrar, &stats);
	printf("%-40s %8.0f ms for %llu users\n", "start with all of them",
	       (double)(clock_mono_ns() - from_ns) / 1e6, (unsigned long long)stats.bindings);
	registrar_free(registrar);
	event_base_free(base);
	unlink(path);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(more, sizeof(more), "%s%s", path, i ? "-shm" : "-wal");
		unlink(more);
	}
	return stats.bindings == users ? 0 : 1;
}
