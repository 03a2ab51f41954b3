/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast limen, libosip2 and libre take the same SIP messages apart: bench_parse [--json]
 * [--quick] [--rounds N] [--ms N]. One program, one core, the parsers in turn within each round,
 * the median of the rounds; cycles are of the time stamp counter. "mix" takes all messages in an
 * order that branch predictors cannot learn. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "bench/micro/messages.h"
#include "bench/micro/parsers.h"
#include "common/base/clock.h"

#define NPARSERS   3u
#define ROUNDS_MAX 101u
#define MIX_LEN	   4096u
#define MIX_PAD	   64u /* where in a cache line a message begins is as random as its kind */

static const struct bench_parser *const parsers[NPARSERS] = {&bench_limen, &bench_osip, &bench_re};

struct text {
	const char *ptr;
	size_t len;
};

/* A set of texts parsed in turn. */
struct load {
	const char *name;
	const struct text *texts;
	unsigned ntexts;
	size_t bytes; /* of all texts */
};

struct figure {
	double ns;
	double cycles;
};

static volatile uint64_t sink; /* what was found: the compiler may leave nothing out */

static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* All parsers must find the same in a text, or the comparison means nothing. */
static int agree_check(const struct bench_message *message)
{
	struct bench_found found[NPARSERS];
	size_t len = strlen(message->text);

	memset(found, 0, sizeof(found));
	for (unsigned i = 0; i < NPARSERS; i++) {
		if (!parsers[i]->parse(message->text, len, &found[i])) {
			fprintf(stderr, "bench_parse: %s refuses \"%s\"\n", parsers[i]->name,
				message->name);
			return -1;
		}
		if (found[i].lengths != found[0].lengths || found[i].cseq != found[0].cseq ||
		    found[i].content_length != found[0].content_length ||
		    found[i].max_forwards != found[0].max_forwards ||
		    found[i].contact_port != found[0].contact_port) {
			fprintf(stderr, "bench_parse: %s and %s find different things in \"%s\"\n",
				parsers[0]->name, parsers[i]->name, message->name);
			return -1;
		}
	}
	return 0;
}

static uint64_t load_run(const struct bench_parser *parser, const struct load *load)
{
	struct bench_found found = {0};
	uint64_t sum = 0;

	for (unsigned i = 0; i < load->ntexts; i++) {
		parser->parse(load->texts[i].ptr, load->texts[i].len, &found);
		sum += found.lengths + found.cseq;
	}
	return sum;
}

/* Repeat the load for about that long; the cost of one message. Processor time: on a shared machine
 * the wall's clock would count others' work. */
static struct figure load_time(const struct bench_parser *parser, const struct load *load,
			       uint64_t for_ns)
{
	uint64_t begin_ns = clock_mono_ns(), cpu_begin_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID),
		 begin = __rdtsc();
	uint64_t now_ns, cpu_ns, runs = 0;
	double msgs, cycles;

	do {
		for (unsigned i = 0; i < 1 + 1000 / load->ntexts; i++, runs++)
			sink += load_run(parser, load);
		now_ns = clock_mono_ns();
	} while (now_ns - begin_ns < for_ns);
	cycles = (double)(__rdtsc() - begin);
	cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_begin_ns;
	msgs = (double)runs * load->ntexts;
	return (struct figure){
		.ns = (double)cpu_ns / msgs,
		.cycles = cycles * (double)cpu_ns / (double)(now_ns - begin_ns) / msgs,
	};
}

static int figure_compare(const void *a, const void *b)
{
	const struct figure *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static void load_measure(const struct load *load, unsigned rounds, uint64_t for_ns,
			 struct figure medians[NPARSERS])
{
	static struct figure figures[NPARSERS][ROUNDS_MAX];

	for (unsigned i = 0; i < NPARSERS; i++)
		load_time(parsers[i], load, for_ns / 4); /* warm */
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < NPARSERS; i++)
			figures[i][round] = load_time(parsers[i], load, for_ns);
	for (unsigned i = 0; i < NPARSERS; i++) {
		qsort(figures[i], rounds, sizeof(figures[i][0]), figure_compare);
		medians[i] = figures[i][rounds / 2];
	}
}

static void print_text(const struct load *load, const struct figure figures[NPARSERS])
{
	printf("%-11s %5zu", load->name, load->bytes / load->ntexts);
	for (unsigned i = 0; i < NPARSERS; i++)
		printf("  %9.0f %7.0f", 1e9 / figures[i].ns, figures[i].cycles);
	for (unsigned i = 1; i < NPARSERS; i++)
		printf("  %6.1f", figures[i].ns / figures[0].ns);
	printf("\n");
}

/* The figures that have names: scripts/bench.sh --json takes them from here. */
static void print_summary(const struct figure figures[NPARSERS])
{
	printf("parse.msgs_per_s %.0f\n", 1e9 / figures[0].ns);
	printf("parse.ratio_osip2 %.1f\n", figures[1].ns / figures[0].ns);
	printf("parse.ratio_libre %.1f\n", figures[2].ns / figures[0].ns);
}

static void print_json(const struct load *load, const struct figure figures[NPARSERS], bool last)
{
	printf("    {\"message\": \"%s\", \"bytes\": %zu", load->name, load->bytes / load->ntexts);
	for (unsigned i = 0; i < NPARSERS; i++)
		printf(", \"%s\": {\"msgs_per_s\": %.0f, \"ns\": %.1f, \"tsc_cycles\": %.0f}",
		       parsers[i]->name, 1e9 / figures[i].ns, figures[i].ns, figures[i].cycles);
	printf("}%s\n", last ? "" : ",");
}

static void print_head(bool json, unsigned rounds)
{
	if (json) {
		printf("{\n  \"rounds\": %u,\n  \"parsers\": {", rounds);
		for (unsigned i = 0; i < NPARSERS; i++)
			printf("%s\"%s\": \"%s\"", i ? ", " : "", parsers[i]->name,
			       parsers[i]->version());
		printf("},\n  \"results\": [\n");
		return;
	}
	printf("%-11s %5s", "message", "bytes");
	for (unsigned i = 0; i < NPARSERS; i++)
		printf("  %9s %7s", parsers[i]->name, "cycles");
	printf("  ratios\n");
}

/* Every message many times over at random places, so that neither branches nor cache lines
 * repeat. */
static struct load mix_make(void)
{
	static struct text texts[MIX_LEN];
	struct load mix = {"mix", texts, MIX_LEN, 0};
	uint64_t state = 1;
	char *store, *at;

	for (unsigned i = 0; i < MIX_LEN; i++) {
		texts[i].ptr = bench_messages[random_next(&state) % bench_nmessages].text;
		texts[i].len = strlen(texts[i].ptr);
		mix.bytes += texts[i].len;
	}
	store = at = malloc(mix.bytes + MIX_LEN * MIX_PAD);
	if (!store) {
		fprintf(stderr, "bench_parse: no memory\n");
		exit(1);
	}
	for (unsigned i = 0; i < MIX_LEN; i++) {
		at += random_next(&state) % MIX_PAD;
		memcpy(at, texts[i].ptr, texts[i].len);
		texts[i].ptr = at;
		at += texts[i].len;
	}
	return mix;
}

struct options {
	bool json;
	unsigned rounds;
	uint64_t round_ns;
};

static int options_read(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'},
		{"quick", no_argument, NULL, 'q'},
		{"rounds", required_argument, NULL, 'r'},
		{"ms", required_argument, NULL, 'm'},
		{0},
	};
	int c;

	*options = (struct options){.rounds = 15, .round_ns = 20 * CLOCK_NS_PER_MS};
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'j':
			options->json = true;
			break;
		case 'q':
			options->rounds = 3;
			options->round_ns = 5 * CLOCK_NS_PER_MS;
			break;
		case 'r':
			options->rounds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			options->round_ns = strtoul(optarg, NULL, 10) * CLOCK_NS_PER_MS;
			break;
		default:
			return -1;
		}
	}
	return options->rounds >= 1 && options->rounds <= ROUNDS_MAX && optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct figure figures[NPARSERS];
	struct options options;
	struct load mix;

	if (options_read(argc, argv, &options)) {
		fprintf(stderr,
			"usage: bench_parse [--json] [--quick] [--rounds 1..%u] [--ms "
			"MILLISECONDS]\n",
			ROUNDS_MAX);
		return 2;
	}
	for (unsigned i = 0; i < NPARSERS; i++) {
		if (parsers[i]->start()) {
			fprintf(stderr, "bench_parse: %s does not start\n", parsers[i]->name);
			return 1;
		}
	}
	for (unsigned i = 0; i < bench_nmessages; i++)
		if (agree_check(&bench_messages[i]))
			return 1;
	mix = mix_make();
	print_head(options.json, options.rounds);
	for (unsigned i = 0; i <= bench_nmessages; i++) {
		struct text one;
		struct load load = mix;

		if (i < bench_nmessages) {
			one = (struct text){bench_messages[i].text, strlen(bench_messages[i].text)};
			load = (struct load){bench_messages[i].name, &one, 1, one.len};
		}
		load_measure(&load, options.rounds, options.round_ns, figures);
		if (options.json)
			print_json(&load, figures, i == bench_nmessages);
		else
			print_text(&load, figures);
	}
	if (options.json)
		printf("  ]\n}\n");
	else
		print_summary(figures); /* of the mix, measured last */
	return 0;
}
