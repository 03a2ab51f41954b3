/* SPDX-License-Identifier: BSD-3-Clause */
/* limenctl explain. limen-rehearse runs the message through an engine; the engine's question is
 * answered by the control plane's config in force, or by one that is compiled here. limenctl. */
#include "controlplane/ctl/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log/json.h"
#include "controlplane/ctl/client.h"
#include "controlplane/ctl/rehearsal.h"
#include "controlplane/dispatch/rehearse.h"

#define MESSAGE_BYTES_MAX 65536u
#define REQUEST_BYTES_MAX (2u * IPC_FRAME_MAX + 256u)

struct explaining {
	const struct explain_options *options;
	struct generation *gen; /* of options->config */
	char config[512];	/* path */
	char realm[64];
	char source[80];
	struct net_endpoint from;
	unsigned realm_index;
	struct conf *conf; /* of `config`: names of realms */
	struct rehearsal child;
	unsigned nitems; /* JSON: objects printed so far */
	char message[MESSAGE_BYTES_MAX * 2];
	size_t message_len;
	char part[REHEARSAL_BYTES_MAX] __attribute__((aligned(8)));
	struct rehearsed rehearsed;
};

static bool complain(const char *what, const char *which)
{
	fprintf(stderr, "limenctl: %s%s%s\n", what, which ? ": " : "", which ? which : "");
	return false;
}

/* ---- the message ---- */

/* A text file whose lines end in LF alone is taken as what it would be on the wire. */
static void end_lines(struct explaining *x)
{
	size_t n = x->message_len, lines = 0;

	for (size_t i = 0; i < n; i++) {
		if (x->message[i] == '\r')
			return;
		lines += x->message[i] == '\n';
	}
	if (n + lines > sizeof(x->message))
		return;
	x->message_len = n + lines;
	for (size_t i = n, to = n + lines; i--;) {
		x->message[--to] = x->message[i];
		if (x->message[i] == '\n')
			x->message[--to] = '\r';
	}
}

static bool read_message(struct explaining *x)
{
	const char *path = x->options->message;
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

	if (!in)
		return complain(strerror(errno), path);
	x->message_len = fread(x->message, 1, MESSAGE_BYTES_MAX + 1, in);
	if (in != stdin)
		fclose(in);
	if (!x->message_len || x->message_len > MESSAGE_BYTES_MAX)
		return complain(x->message_len ? "larger than a SIP message can be" : "is empty",
				path);
	end_lines(x);
	if (x->message_len > MESSAGE_BYTES_MAX)
		return complain("larger than a SIP message can be", path);
	return true;
}

/* ---- who sends it ---- */

static struct span given(const char *text)
{
	return text ? span_str(text) : SPAN_NONE;
}

static bool find_sender_here(struct explaining *x)
{
	const struct explain_options *o = x->options;
	struct conf *conf = conf_load_or_tell(o->config);
	struct rehearsed_sender sender;
	char why[256];

	if (!conf)
		return false;
	x->gen = generation_new(conf, NULL); /* takes the conf over */
	if (!x->gen)
		return complain("out of memory", NULL);
	if (!rehearse_sender(x->gen, given(o->from), given(o->source), given(o->realm), &sender,
			     why, sizeof(why)))
		return complain(why, NULL);
	snprintf(x->config, sizeof(x->config), "%s", o->config);
	x->conf = conf;
	x->realm_index = sender.realm;
	x->from = sender.source;
	return true;
}

static void put_given(struct cursor *out, const char *key, const char *text)
{
	if (text)
		put_json_text(out, key, span_str(text));
}

static bool take_text(const struct json_node *row, struct span name, char *buf, uint32_t bytes)
{
	const struct json_node *node = json_get(row, name);
	struct cursor out = cursor_on(buf, bytes - 1);

	if (!node || node->kind != JSON_STRING)
		return false;
	put_json_plain(&out, node);
	buf[out.len] = '\0';
	return !out.full;
}

/* Ask the control plane; false after its complaint was printed. */
static bool ask(const struct explaining *x, struct span request, struct answer *answer)
{
	bool good;

	client_ask(x->options->socket, request, answer);
	good = !answer->error;
	if (!good)
		complain(answer->error, NULL);
	return good;
}

static bool find_sender_there(struct explaining *x)
{
	const struct explain_options *o = x->options;
	char request[1024];
	struct cursor out = cursor_on(request, sizeof(request));
	struct answer answer = {0};
	bool good;

	put_char(&out, '{');
	put_json_text(&out, "command", SPAN("explain"));
	put_given(&out, "from", o->from);
	put_given(&out, "source", o->source);
	put_given(&out, "realm", o->realm);
	put_char(&out, '}');
	if (out.full)
		return complain("too long a name", NULL);
	good = ask(x, cursor_span(&out), &answer) && answer.nrows == 1 &&
	       take_text(answer.rows[0].nodes, SPAN("config"), x->config, sizeof(x->config)) &&
	       take_text(answer.rows[0].nodes, SPAN("realm"), x->realm, sizeof(x->realm)) &&
	       take_text(answer.rows[0].nodes, SPAN("source"), x->source, sizeof(x->source)) &&
	       net_endpoint_parse(span_str(x->source), 5060, &x->from) == 0;
	answer_free(&answer);
	if (!good)
		return false;
	x->conf = conf_load_or_tell(x->config);
	for (unsigned i = 0; x->conf && i < x->conf->nrealms; i++) {
		if (strcmp(x->conf->realms[i].name, x->realm) == 0) {
			x->realm_index = i;
			return true;
		}
	}
	return complain("the config file has changed since limen read it", x->config);
}

/* ---- what is printed ---- */

static void print_object(struct explaining *x, struct cursor *object)
{
	put_char(object, '}');
	printf("%s\n%.*s", x->nitems++ ? "," : "[", (int)object->len, object->buf);
}

static void print_step(struct explaining *x, struct span what, struct span text)
{
	char buf[8 * EXPLAIN_TEXT_MAX];
	struct cursor out = cursor_on(buf, sizeof(buf));

	if (!x->options->json) {
		printf("%-10.*s %.*s\n", SPAN_FMT(what), SPAN_FMT(text));
		return;
	}
	put_char(&out, '{');
	put_json_text(&out, "step", what);
	put_json_text(&out, "text", text);
	print_object(x, &out);
}

/* A message that goes out, fit for a terminal: control characters but line ends are shown as '?'. */
static void print_text(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\r')
			continue;
		putchar(((uint8_t)c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ? '?' : c);
	}
	if (!text.len || text.ptr[text.len - 1] != '\n')
		putchar('\n');
}

static void print_send(struct explaining *x, const struct rehearsal_head *head)
{
	static char buf[REHEARSAL_BYTES_MAX * 2 + 512];
	struct cursor out = cursor_on(buf, sizeof(buf));
	const char *realm =
		head->realm < x->conf->nrealms ? x->conf->realms[head->realm].name : "?";
	bool back = net_endpoint_eq(&head->peer, &x->from) && head->realm == x->realm_index;
	struct span text = span_of(x->part, head->len);
	static const struct span trying = {"SIP/2.0 100 ", 12};
	char peer[80];
	struct cursor c = cursor_on(peer, sizeof(peer));

	if (text.len > trying.len && memcmp(text.ptr, trying.ptr, trying.len) == 0)
		return; /* says nothing of the decision */
	put_endpoint(&c, &head->peer);
	if (!x->options->json) {
		printf("\n--- %s %.*s in realm %s ---\n",
		       back ? "the sender would be answered:" : "would go out to",
		       SPAN_FMT(cursor_span(&c)), realm);
		print_text(text);
		return;
	}
	put_char(&out, '{');
	put_json_text(&out, "to", cursor_span(&c));
	put_json_text(&out, "realm", span_str(realm));
	put_json_bool(&out, "answer", back);
	put_json_text(&out, "message", text);
	print_object(x, &out);
}

/* ---- the question ---- */

static bool answer_here(struct explaining *x, uint32_t len)
{
	struct rehearsed *r = &x->rehearsed;

	if (rehearse_ask(x->gen, x->part, len, r))
		return complain("the engine's question cannot be read", NULL);
	for (unsigned i = 0; i < r->explain.n; i++)
		print_step(x, span_str(r->explain.steps[i].what),
			   span_str(explain_text(&r->explain, i)));
	return true;
}

static void print_row(struct explaining *x, const struct json_node *row)
{
	char what[64], text[EXPLAIN_TEXT_MAX + 1];

	if (take_text(row, SPAN("step"), what, sizeof(what)) &&
	    take_text(row, SPAN("text"), text, sizeof(text)))
		print_step(x, span_str(what), span_str(text));
}

static bool answer_there(struct explaining *x, uint32_t len)
{
	char *request = malloc(REQUEST_BYTES_MAX);
	struct cursor out = cursor_on(request, request ? REQUEST_BYTES_MAX : 0);
	struct answer answer = {0};
	int got = -1;

	put_lit(&out, "{\"command\":\"explain\",\"ask\":\"");
	put_hex_bytes(&out, span_of(x->part, len));
	put_lit(&out, "\"}");
	if (!out.full && ask(x, cursor_span(&out), &answer)) {
		for (size_t i = 0; i < answer.nrows; i++) {
			const struct json_node *row = answer.rows[i].nodes,
					       *verdict = json_get(row, SPAN("verdict"));

			print_row(x, row);
			if (verdict)
				got = hex_read(verdict->text, x->rehearsed.verdict,
					       sizeof(x->rehearsed.verdict));
		}
	}
	answer_free(&answer);
	free(request);
	x->rehearsed.verdict_len = got > 0 ? (uint32_t)got : 0;
	return got > 0;
}

static bool on_ask(struct explaining *x, uint32_t len)
{
	struct rehearsal_head verdict = {.part = REHEARSAL_VERDICT};

	if (!(x->gen ? answer_here(x, len) : answer_there(x, len)))
		return false;
	verdict.len = x->rehearsed.verdict_len;
	return rehearsal_give(&x->child, &verdict,
			      span_of(x->rehearsed.verdict, x->rehearsed.verdict_len));
}

/* ---- all of it ---- */

static bool play(struct explaining *x)
{
	struct rehearsal_head head = {.part = REHEARSAL_MESSAGE,
				      .len = (uint32_t)x->message_len,
				      .peer = x->from,
				      .realm = (uint8_t)x->realm_index};

	if (!rehearsal_give(&x->child, &head, span_of(x->message, x->message_len)))
		return complain("limen-rehearse ended early", NULL);
	while (rehearsal_next(&x->child, &head, x->part)) {
		switch (head.part) {
		case REHEARSAL_ASK:
			if (!on_ask(x, head.len))
				return false;
			break;
		case REHEARSAL_SEND:
			print_send(x, &head);
			break;
		case REHEARSAL_DROP:
			print_step(x, SPAN("dropped"), span_of(x->part, head.len));
			break;
		case REHEARSAL_END:
			if (x->options->json)
				puts(x->nitems ? "\n]" : "[]");
			return true;
		default:
			return complain("limen-rehearse is of another version", NULL);
		}
	}
	return complain("limen-rehearse ended early", NULL);
}

int explain_message(const struct explain_options *options)
{
	struct explaining *x = calloc(1, sizeof(*x));
	bool good = false;

	if (!x) {
		complain("out of memory", NULL);
		return EXIT_FAILURE;
	}
	x->options = options;
	if (read_message(x) &&
	    (options->config ? find_sender_here(x) : find_sender_there(x)) &&
	    rehearsal_start(&x->child, x->config)) {
		good = play(x);
		rehearsal_end(&x->child);
	}
	if (x->gen)
		generation_free(x->gen);
	else if (x->conf)
		conf_free(x->conf);
	free(x);
	return good && !fflush(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
