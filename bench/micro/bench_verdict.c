/* SPDX-License-Identifier: BSD-3-Clause */
/* What a verdict costs in the control plane: from the dataplane's question to the frame that
 * answers it, with few trunks and with many. Prints the median of several rounds in nanoseconds
 * and, where there is a time stamp counter, in its cycles. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "common/base/clock.h"
#include "controlplane/dispatch/ask.h"

#define ROUNDS 9u
#define ASKS   20000u

static const char invite[] =
	"INVITE sip:%s@192.0.2.1:5060 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK-524287-1-a7b3c5d9e1f2;rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: \"Alice Liddell\" <sip:+4930123456@10.0.0.2:5060;user=phone>;tag=8a7b6c5d4e3f\r\n"
	"To: <sip:%s@192.0.2.1:5060>\r\n"
	"Call-ID: 4f5e6d7c-8b9a-0f1e-2d3c-4b5a69788796@10.0.0.2\r\n"
	"CSeq: 1 INVITE\r\n"
	"Contact: <sip:+4930123456@10.0.0.2:5060;transport=udp>\r\n"
	"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY\r\n"
	"Supported: timer, 100rel, replaces, norefersub\r\n"
	"Session-Expires: 1800;refresher=uac\r\n"
	"Min-SE: 90\r\n"
	"User-Agent: example-switch/4.2\r\n"
	"P-Asserted-Identity: <sip:+4930123456@10.0.0.2>\r\n"
	"Content-Type: application/sdp\r\n"
	"Content-Length: 231\r\n\r\n"
	"v=0\r\no=alice 2890844526 2890844526 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 "
	"0\r\n"
	"m=audio 49170 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 "
	"PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
	"a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

static void die(const char *what)
{
	fprintf(stderr, "bench_verdict: %s\n", what);
	exit(1);
}

/* As many trunks, a source and a route for each. */
static struct conf *make_conf(unsigned ntrunks)
{
	char path[] = "/tmp/limen-bench-XXXXXX";
	struct conf_error error;
	struct conf *conf;
	unsigned nerrors;
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file)
		die("no temporary file");
	fputs("machine: {workers: [1]}\nports: [{name: p, device: net_null0}]\n"
	      "realms: [{name: r, port: p, addresses: [10.0.0.1/8]}]\ntrunks:\n", file);
	for (unsigned i = 0; i < ntrunks; i++)
		fprintf(file, "  - {name: t%u, realm: r, peers: [10.1.%u.%u]}\n", i, i / 250,
			2 + i % 250);
	fputs("routes:\n", file);
	for (unsigned i = 0; i < ntrunks; i++)
		fprintf(file, "  - {prefix: \"49%05u\", to: t%u}\n", i, i);
	fclose(file);
	if (conf_load(path, &conf, &error, 1, &nerrors))
		die(error.reason);
	unlink(path);
	return conf;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct ipc_ask *make_ask(unsigned trunk, unsigned called)
{
	struct ipc_ask *ask = calloc(1, sizeof(*ask) + 4096);
	char number[32];

	if (!ask)
		die("out of memory");
	snprintf(number, sizeof(number), "49%05u123456", called);
	ask->source = (struct net_endpoint){
		.addr = {{10, 1, (uint8_t)(trunk / 250), (uint8_t)(2 + trunk % 250)}},
		.family = NET_IP4,
		.port = 5060};
	ask->local = ask->source;
	ask->msg_len = (uint32_t)snprintf((char *)(ask + 1), 4096, invite, number, number);
	return ask;
}

static uint64_t cycles_now(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return 0;
#endif
}

static void run(unsigned ntrunks, unsigned rounds)
{
	enum { KINDS = 512 }; /* calls between so many pairs of trunks, in turn */
	static char frame[IPC_FRAME_MAX] __attribute__((aligned(8)));
	struct generation *generation = generation_new(make_conf(ntrunks), NULL);
	struct ipc_ask *asks[KINDS];
	double ns[ROUNDS], cycles[ROUNDS];

	if (!generation)
		die("out of memory");
	for (unsigned i = 0; i < KINDS; i++)
		asks[i] = make_ask(i * 7919u % ntrunks, i * 104729u % ntrunks);
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t from_ns = clock_mono_ns(), from = cycles_now();

		for (unsigned i = 0; i < ASKS; i++) {
			struct cursor out = cursor_on(frame, sizeof(frame));
			struct ask_answer answer;

			ask_decide(generation, 0, asks[i % KINDS], &out, &answer);
			if (answer.status || out.full)
				die(answer.why);
		}
		cycles[round] = (double)(cycles_now() - from) / ASKS;
		ns[round] = (double)(clock_mono_ns() - from_ns) / ASKS;
	}
	qsort(ns, rounds, sizeof(double), compare);
	qsort(cycles, rounds, sizeof(double), compare);
	printf("verdict, %5u trunks and routes %27.0f ns %9.0f cycles\n", ntrunks, ns[rounds / 2],
	       cycles[rounds / 2]);
	for (unsigned i = 0; i < KINDS; i++)
		free(asks[i]);
	generation_free(generation);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 3 : ROUNDS;
	uint64_t from_ns;

	run(2, rounds);
	run(10000, rounds);
	from_ns = clock_mono_ns();
	generation_free(generation_new(make_conf(10000), NULL));
	printf("config of 10000 trunks and routes, file to generation %8.0f ms\n",
	       (double)(clock_mono_ns() - from_ns) / 1e6);
	return 0;
}
