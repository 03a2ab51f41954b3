/* SPDX-License-Identifier: BSD-3-Clause */
/* What a verdict costs in the control plane: from the dataplane's question to the frame that
 * answers it, with few trunks and with many, by prefix routes and by a table of a million
 * prefixes; and how long a config of many trunks takes, beside calls and in their way. Prints the
 * median of several rounds in nanoseconds and, where there is a time stamp counter, in its cycles. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "bench/micro/made_table.h"
#include "common/base/clock.h"
#include "controlplane/dispatch/ask.h"

#define ROUNDS	 9u
#define ASKS	 20000u
#define PREFIXES 1000000u
/* Questions in turn: each between its own two trunks, and of its own number. */
#define KINDS	    512u
#define KINDS_TABLE 20000u

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

/* As many trunks, each with its source; a route for each, or all by the table. */
static struct conf *make_conf(unsigned ntrunks, const char *table)
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
	if (table)
		fprintf(file,
			"tables: [{name: rates, file: %s}]\nroutes:\n  - {table: rates}\n"
			"  - {to: t0}\n",
			table);
	for (unsigned i = 0; i < ntrunks && !table; i++)
		fprintf(file, "%s  - {prefix: \"49%05u\", to: t%u}\n", i ? "" : "routes:\n", i, i);
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

static struct ipc_ask *make_ask(unsigned trunk, const char *number)
{
	struct ipc_ask *ask = calloc(1, sizeof(*ask) + 2048);

	if (!ask)
		die("out of memory");
	ask->source = (struct net_endpoint){
		.addr = {{10, 1, (uint8_t)(trunk / 250), (uint8_t)(2 + trunk % 250)}},
		.family = NET_IP4,
		.port = 5060};
	ask->local = ask->source;
	ask->msg_len = (uint32_t)snprintf((char *)(ask + 1), 2048, invite, number, number);
	return ask;
}

/* One after the other: between so many pairs of trunks, or numbers of the table. */
static struct ipc_ask **make_asks(unsigned n, unsigned ntrunks, bool table)
{
	struct ipc_ask **asks = calloc(n, sizeof(struct ipc_ask *));
	uint64_t state = 7;

	for (unsigned i = 0; asks && i < n; i++) {
		char number[32];

		if (table)
			(void)made_number(&state, number);
		else
			snprintf(number, sizeof(number), "49%05u123456", i * 104729u % ntrunks);
		asks[i] = make_ask(i * 7919u % ntrunks, number);
	}
	if (!asks)
		die("out of memory");
	return asks;
}

static uint64_t cycles_now(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return 0;
#endif
}

static struct generation *make_generation(unsigned ntrunks, const char *table)
{
	struct generation *generation = generation_new(make_conf(ntrunks, table), NULL);

	if (!generation)
		die("no generation: out of memory, or a wrong table");
	return generation;
}

static void run(unsigned ntrunks, const char *table, unsigned rounds)
{
	static char frame[IPC_FRAME_MAX] __attribute__((aligned(8)));
	struct generation *generation = make_generation(ntrunks, table);
	unsigned n = table ? KINDS_TABLE : KINDS;
	struct ipc_ask **asks = make_asks(n, ntrunks, table != NULL);
	double ns[ROUNDS], cycles[ROUNDS];

	for (unsigned round = 0; round < rounds; round++) {
		uint64_t from_ns = clock_mono_ns(), from = cycles_now();

		for (unsigned i = 0; i < ASKS; i++) {
			struct cursor out = cursor_on(frame, sizeof(frame));
			struct ask_answer answer;

			ask_decide(generation, 0, asks[i % n], &out, &answer);
			if (answer.status || out.full)
				die(answer.why);
		}
		cycles[round] = (double)(cycles_now() - from) / ASKS;
		ns[round] = (double)(clock_mono_ns() - from_ns) / ASKS;
	}
	qsort(ns, rounds, sizeof(double), compare);
	qsort(cycles, rounds, sizeof(double), compare);
	printf("verdict, %5u trunks, %-28s %8.0f ns %9.0f cycles\n", ntrunks,
	       table ? "a table of 1,000,000 prefixes" : "as many routes", ns[rounds / 2],
	       cycles[rounds / 2]);
	for (unsigned i = 0; i < n; i++)
		free(asks[i]);
	free(asks);
	generation_free(generation);
}

static double ms_since(uint64_t from_ns)
{
	return (double)(clock_mono_ns() - from_ns) / 1e6;
}

/* A reload reads in a thread of its own; what is compiled then, and freed, is in the calls' way. */
static void load(unsigned ntrunks, const char *table)
{
	struct conf_error error;
	struct tables *tables;
	struct generation *generation;
	uint64_t from_ns = clock_mono_ns();
	struct conf *conf = make_conf(ntrunks, table);
	double read_ms = ms_since(from_ns), tables_ms, compile_ms;
	unsigned nerrors;

	from_ns = clock_mono_ns();
	if (tables_load(conf, NULL, &tables, &error, 1, &nerrors))
		die(error.reason);
	tables_ms = ms_since(from_ns);
	from_ns = clock_mono_ns();
	generation = generation_with(conf, NULL, tables);
	if (!generation)
		die("out of memory");
	compile_ms = ms_since(from_ns);
	from_ns = clock_mono_ns();
	generation_free(generation);
	printf("config of %u trunks, %s: read %.0f ms, its tables %.0f ms; compiled %.1f ms, "
	       "freed %.1f ms\n",
	       ntrunks, table ? "a table" : "as many routes", read_ms, tables_ms, compile_ms,
	       ms_since(from_ns));
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 3 : ROUNDS;
	char table[] = "/tmp/limen-table-XXXXXX";
	int fd = mkstemp(table);

	if (fd < 0)
		die("no temporary file");
	close(fd);
	run(2, NULL, rounds);
	run(10000, NULL, rounds);
	made_table_write(table, PREFIXES, 10000);
	run(10000, table, rounds);
	load(10000, NULL);
	load(10000, table);
	unlink(table);
	return 0;
}
