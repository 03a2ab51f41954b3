/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line. While starting; libc only. */
#include "bench/load/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define STAMP_BYTES 20u /* of each payload: see flow.h */
#define EXIT_USAGE  2

static const char usage[] =
	"Usage: limen-load --port DEVICE... [OPTION...]\n"
	"Calls with media through a SIP element under test, or bare RTP through a forwarder.\n"
	"\n"
	"Where\n"
	"  --port DEVICE          a DPDK device: a PCI address or a driver with its arguments, such as\n"
	"                         net_memif0,role=client,id=0,socket=/run/a.sock; ports count from 0\n"
	"  --local PORT=ADDR/BITS one of our own addresses: ARP and ND are answered for it\n"
	"  --gateway ADDR         next hop of the local address named last, for all outside its subnet\n"
	"  --call FROM,TO[:PORT]  calls go from this local address to that SIP address; several share the calls evenly\n"
	"  --cpu N                where the loop runs (0)\n"
	"  --mbufs N              packet buffers to send from, and as many to receive into (16383)\n"
	"  --no-huge              do without hugepages;  --eal ARG  one more argument for DPDK\n"
	"SIP\n"
	"  --calls N              concurrent calls (1000);  --cps N  calls begun a second (1000)\n"
	"  --hold S               from the answer to BYE (0);  --ring S  from 180 to 200 (0)\n"
	"  --duration S           how long calls are begun (10); with --phases all calls stay up through them\n"
	"  --give-up S            a request not answered by then has failed (32)\n"
	"  --user TEXT            the called user part begins with it (88); 12 digits follow\n"
	"  --sip-port PORT        ours (5060);  --rtp-ports LOW-HIGH  ours (10000-65535)\n"
	"Users, instead of calls\n"
	"  --register N           users that register, --cps of them a second\n"
	"  --refresh N            REGISTERs a second once all have, for --duration, each user in his turn (5000)\n"
	"  --expires S            what they ask for (3600);  --session N  in their Call-IDs: another run with the same one refreshes\n"
	"RTP\n"
	"  --media RATE           of calls without --phases: none (default), ptime, flat, or packets a second over all\n"
	"  --phases RATE:S,...    one after the other over the same flows; a RATE may also be N% of what came\n"
	"                         through in the first: flat:5,90%:5,50%:5\n"
	"  --payload BYTES        of RTP (160), at least 20;  --pt N  payload type (8);  --ptime MS  (20)\n"
	"  --linger S             keep the ports open after the report, at most so long: until the far side has gone (0)\n"
	"  --drain S              what has not come after so long without any other is lost (0.5)\n"
	"  --burst N              packets handed to a port at a time (32)\n"
	"  --raw N                N flows that nobody set up, from each port to the next, both ways: for forwarders\n"
	"  --raw-mac MAC          their destination (broadcast);  --raw-ip6  over IPv6\n"
	"Report\n"
	"  --json FILE            the results as JSON (-: standard output);  --quiet  no table, no progress\n"
	"  --progress S           a line every so often (1);  --idle-us N  sleep when there is nothing to do (0: never)\n";

enum {
	OPT_PORT = 256, OPT_LOCAL, OPT_GATEWAY, OPT_CALL, OPT_CPU, OPT_MBUFS, OPT_NO_HUGE, OPT_EAL, OPT_CALLS, OPT_CPS,
	OPT_HOLD, OPT_RING, OPT_DURATION, OPT_GIVE_UP, OPT_USER, OPT_SIP_PORT, OPT_REGISTER, OPT_REFRESH, OPT_EXPIRES,
	OPT_SESSION, OPT_RTP_PORTS, OPT_MEDIA, OPT_PHASES,
	OPT_PAYLOAD, OPT_PT, OPT_PTIME, OPT_LINGER, OPT_DRAIN, OPT_BURST, OPT_RAW, OPT_RAW_MAC, OPT_RAW_IP6, OPT_JSON, OPT_QUIET,
	OPT_PROGRESS, OPT_IDLE, OPT_HELP, OPT_VERSION,
};

static const struct option words[] = {
	{"port", 1, NULL, OPT_PORT}, {"local", 1, NULL, OPT_LOCAL}, {"gateway", 1, NULL, OPT_GATEWAY},
	{"call", 1, NULL, OPT_CALL}, {"cpu", 1, NULL, OPT_CPU}, {"mbufs", 1, NULL, OPT_MBUFS},
	{"no-huge", 0, NULL, OPT_NO_HUGE}, {"eal", 1, NULL, OPT_EAL}, {"calls", 1, NULL, OPT_CALLS},
	{"cps", 1, NULL, OPT_CPS}, {"hold", 1, NULL, OPT_HOLD}, {"ring", 1, NULL, OPT_RING},
	{"duration", 1, NULL, OPT_DURATION}, {"give-up", 1, NULL, OPT_GIVE_UP}, {"user", 1, NULL, OPT_USER},
	{"sip-port", 1, NULL, OPT_SIP_PORT}, {"rtp-ports", 1, NULL, OPT_RTP_PORTS}, {"media", 1, NULL, OPT_MEDIA},
	{"register", 1, NULL, OPT_REGISTER}, {"refresh", 1, NULL, OPT_REFRESH}, {"expires", 1, NULL, OPT_EXPIRES},
	{"session", 1, NULL, OPT_SESSION},
	{"phases", 1, NULL, OPT_PHASES}, {"payload", 1, NULL, OPT_PAYLOAD}, {"pt", 1, NULL, OPT_PT},
	{"ptime", 1, NULL, OPT_PTIME}, {"linger", 1, NULL, OPT_LINGER}, {"drain", 1, NULL, OPT_DRAIN}, {"burst", 1, NULL, OPT_BURST},
	{"raw", 1, NULL, OPT_RAW}, {"raw-mac", 1, NULL, OPT_RAW_MAC}, {"raw-ip6", 0, NULL, OPT_RAW_IP6},
	{"json", 1, NULL, OPT_JSON}, {"quiet", 0, NULL, OPT_QUIET}, {"progress", 1, NULL, OPT_PROGRESS},
	{"idle-us", 1, NULL, OPT_IDLE}, {"help", 0, NULL, OPT_HELP}, {"version", 0, NULL, OPT_VERSION}, {0},
};

static bool read_uint(const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*value = strtoull(text, &end, 10);
	return *end == '\0' && *value >= low && *value <= high;
}

static bool read_real(const char *text, double low, double high, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && *end == '\0' && *value >= low && *value <= high;
}

static bool read_local(struct options *o, const char *text)
{
	struct local *local = &o->locals[o->nlocals];
	const char *eq = strchr(text, '=');
	char *end;
	unsigned long port;

	if (!eq || o->nlocals == LOCALS_MAX)
		return false;
	port = strtoul(text, &end, 10);
	if (end != eq || port >= PORTS_MAX || net_prefix_parse(span_str(eq + 1), &local->prefix))
		return false;
	local->port = (uint8_t)port;
	o->nlocals++;
	return true;
}

static bool read_gateway(struct options *o, const char *text)
{
	struct local *local;

	if (!o->nlocals)
		return false;
	local = &o->locals[o->nlocals - 1];
	return net_endpoint_parse(span_str(text), 0, &local->gateway) == 0 && local->gateway.family == local->prefix.family;
}

static bool read_path(struct options *o, const char *text)
{
	struct path *path = &o->paths[o->npaths];
	const char *comma = strchr(text, ',');

	if (!comma || o->npaths == PATHS_MAX ||
	    net_endpoint_parse(span_of(text, (size_t)(comma - text)), 0, &path->from) ||
	    net_endpoint_parse(span_str(comma + 1), 5060, &path->to) || path->from.family != path->to.family)
		return false;
	for (unsigned i = 0; i < o->nlocals; i++) {
		if (o->locals[i].prefix.family != path->from.family ||
		    !net_addr_eq(&o->locals[i].prefix.addr, &path->from.addr))
			continue;
		path->local = (uint8_t)i;
		o->npaths++;
		return true;
	}
	return false;
}

static bool read_rate(const char *text, size_t len, struct rate *rate)
{
	char word[sizeof(rate->text)];
	char *end;

	*rate = (struct rate){0};
	if (len == 0 || len >= sizeof(word))
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	memcpy(rate->text, word, len + 1);
	if (strcmp(word, "none") == 0)
		rate->kind = RATE_NONE;
	else if (strcmp(word, "flat") == 0)
		rate->kind = RATE_FLAT;
	else if (strcmp(word, "ptime") == 0)
		rate->kind = RATE_PTIME;
	else {
		rate->value = strtod(word, &end);
		rate->kind = *end == '%' ? RATE_SHARE : RATE_PPS;
		if (*end == '%') {
			rate->value /= 100;
			end++;
		}
		return end != word && *end == '\0' && rate->value > 0;
	}
	return true;
}

static bool read_phases(struct options *o, const char *text)
{
	while (*text) {
		struct phase_plan *phase = &o->phases[o->nphases];
		const char *colon = strchr(text, ':');
		char *end;

		if (!colon || o->nphases == PHASES_MAX || !read_rate(text, (size_t)(colon - text), &phase->rate) ||
		    phase->rate.kind == RATE_NONE || (o->nphases == 0 && phase->rate.kind == RATE_SHARE))
			return false;
		phase->seconds = strtod(colon + 1, &end);
		if (end == colon + 1 || phase->seconds <= 0 || (*end && *end != ','))
			return false;
		o->nphases++;
		text = *end ? end + 1 : end;
	}
	return o->nphases > 0;
}

static bool read_ports(struct options *o, const char *text)
{
	unsigned low, high;
	int end = 0;

	if (sscanf(text, "%u-%u%n", &low, &high, &end) != 2 || text[end] || low < 1024 || high > 65535 || low + 3 > high)
		return false;
	o->rtp_low = (uint16_t)(low + (low & 1));
	o->rtp_high = (uint16_t)high;
	return true;
}

static bool read_mac(struct options *o, const char *text)
{
	int end = 0;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &o->raw_mac[0], &o->raw_mac[1], &o->raw_mac[2],
		      &o->raw_mac[3], &o->raw_mac[4], &o->raw_mac[5], &end) == 6 && text[end] == '\0';
}

static bool read_where(struct options *o, int word, const char *arg)
{
	uint64_t n = 0;

	switch (word) {
	case OPT_PORT:
		if (o->nports == PORTS_MAX)
			return false;
		o->ports[o->nports++] = arg;
		return true;
	case OPT_EAL:
		if (o->neal == EAL_MAX)
			return false;
		o->eal[o->neal++] = arg;
		return true;
	case OPT_LOCAL: return read_local(o, arg);
	case OPT_GATEWAY: return read_gateway(o, arg);
	case OPT_CALL: return read_path(o, arg);
	case OPT_NO_HUGE: return o->no_huge = true;
	case OPT_CPU:
		if (!read_uint(arg, 0, 1023, &n))
			return false;
		o->cpu = (unsigned)n;
		return true;
	default: /* OPT_MBUFS */
		if (!read_uint(arg, 1023, 4194303, &n))
			return false;
		o->mbufs = (unsigned)n;
		return true;
	}
}

static bool read_sip(struct options *o, int word, const char *arg)
{
	uint64_t n = 0;

	switch (word) {
	case OPT_CALLS:
		if (!read_uint(arg, 1, 1000000, &n))
			return false;
		o->calls = (uint32_t)n;
		return true;
	case OPT_CPS: return read_real(arg, 0.001, 1e7, &o->cps);
	case OPT_HOLD: return read_real(arg, 0, 1e6, &o->hold_s);
	case OPT_RING: return read_real(arg, 0, 180, &o->ring_s);
	case OPT_DURATION: return read_real(arg, 0.001, 1e6, &o->duration_s);
	case OPT_GIVE_UP: return read_real(arg, 0.1, 600, &o->give_up_s);
	case OPT_USER:
		o->user = arg;
		return strlen(arg) <= 32 && strpbrk(arg, "<>@;?, \"\r\n") == NULL;
	case OPT_SIP_PORT:
		if (!read_uint(arg, 1, 65535, &n))
			return false;
		o->sip_port = (uint16_t)n;
		return true;
	case OPT_REFRESH: return read_real(arg, 0.001, 1e7, &o->refresh_per_s);
	case OPT_REGISTER:
		if (!read_uint(arg, 1, 9999999, &n))
			return false;
		o->users = (uint32_t)n;
		return true;
	case OPT_EXPIRES:
	case OPT_SESSION:
		if (!read_uint(arg, 1, 9999999, &n))
			return false;
		*(word == OPT_EXPIRES ? &o->expires_s : &o->session) = (uint32_t)n;
		return true;
	default: return read_ports(o, arg);
	}
}

static bool read_rtp(struct options *o, int word, const char *arg)
{
	uint64_t n = 0;
	bool good = true;

	switch (word) {
	case OPT_MEDIA: return read_rate(arg, strlen(arg), &o->media) && o->media.kind != RATE_SHARE;
	case OPT_PHASES: return read_phases(o, arg);
	case OPT_LINGER: return read_real(arg, 0, 600, &o->linger_s);
	case OPT_DRAIN: return read_real(arg, 0, 60, &o->drain_s);
	case OPT_RAW_MAC: return read_mac(o, arg);
	case OPT_RAW_IP6:
		o->raw_family = NET_IP6;
		return true;
	case OPT_PTIME:
		good = read_real(arg, 1, 1000, &o->ptime_s);
		o->ptime_s /= 1000;
		return good;
	case OPT_PAYLOAD:
		good = read_uint(arg, STAMP_BYTES, 1400, &n);
		o->payload = (uint32_t)n;
		return good;
	case OPT_PT:
		good = read_uint(arg, 0, 127, &n);
		o->payload_type = (uint8_t)n;
		return good;
	case OPT_BURST:
		good = read_uint(arg, 1, 256, &n);
		o->burst = (unsigned)n;
		return good;
	default: /* OPT_RAW */
		good = read_uint(arg, 1, 10000000, &n);
		o->raw_flows = (uint32_t)n;
		return good;
	}
}

static bool read_report(struct options *o, int word, const char *arg)
{
	uint64_t n = 0;

	switch (word) {
	case OPT_JSON:
		o->json = arg;
		return true;
	case OPT_QUIET: return o->quiet = true;
	case OPT_PROGRESS: return read_real(arg, 0.1, 3600, &o->progress_s);
	default: /* OPT_IDLE */
		if (!read_uint(arg, 0, 1000000, &n))
			return false;
		o->idle_us = (unsigned)n;
		return true;
	}
}

static bool read_word(struct options *o, int word, const char *arg)
{
	if (word <= OPT_EAL)
		return read_where(o, word, arg);
	if (word <= OPT_RTP_PORTS)
		return read_sip(o, word, arg);
	return word <= OPT_RAW_IP6 ? read_rtp(o, word, arg) : read_report(o, word, arg);
}

/* What fits each by itself and not together; NULL: nothing. */
static const char *contradiction(const struct options *o)
{
	if (!o->nports)
		return "at least one --port";
	for (unsigned i = 0; i < o->nlocals; i++)
		if (o->locals[i].port >= o->nports)
			return "--local names a port that is not there";
	if (o->raw_flows)
		return o->npaths ? "--raw or --call, not both" : o->nphases ? NULL : "--raw needs --phases";
	if (o->users && (o->nphases || o->media.kind != RATE_NONE))
		return "--register has no media";
	if (!o->npaths)
		return "--call or --raw: nothing to do";
	return o->nphases && o->media.kind != RATE_NONE ? "--media or --phases, not both" : NULL;
}

int options_read(struct options *options, int argc, char **argv)
{
	const char *why;
	int word, index = 0;

	*options = (struct options){
		.mbufs = 16383, .calls = 1000, .cps = 1000, .duration_s = 10, .drain_s = 0.5, .give_up_s = 32,
		.sip_port = 5060, .refresh_per_s = 5000, .expires_s = 3600, .rtp_low = 10000, .rtp_high = 65535, .user = "88", .raw_family = NET_IP4,
		.raw_mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, .payload = 160, .payload_type = 8, .ptime_s = 0.02,
		.burst = 32, .progress_s = 1,
	};
	while ((word = getopt_long(argc, argv, "h", words, &index)) != -1) {
		if (word == OPT_HELP || word == 'h') {
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
		if (word == OPT_VERSION) {
			puts("limen-load " LIMEN_VERSION);
			return EXIT_SUCCESS;
		}
		if (word == '?')
			return EXIT_USAGE;
		if (!read_word(options, word, optarg)) {
			fprintf(stderr, "limen-load: --%s %s: not understood, too many, or out of range (--help)\n",
				words[index].name, optarg ? optarg : "");
			return EXIT_USAGE;
		}
	}
	why = optind < argc ? "an argument without an option" : contradiction(options);
	if (!why)
		return -1;
	fprintf(stderr, "limen-load: %s (--help)\n", why);
	return EXIT_USAGE;
}
