/* SPDX-License-Identifier: BSD-3-Clause */
/* The reference page of all keys, written from the schema. */
#include "common/conf/conf_schema.h"

static void put_str(struct cursor *out, const char *str)
{
	put_span(out, span_str(str));
}

/* "auto|require|never" as "`auto`, `require`, `never`": a bar would end the table's cell. */
static void put_choices(struct cursor *out, const char *choices)
{
	for (;;) {
		size_t len = strcspn(choices, "|");

		put_char(out, '`');
		put_bytes(out, choices, len);
		put_char(out, '`');
		if (!choices[len])
			return;
		put_lit(out, ", ");
		choices += len + 1;
	}
}

static void put_type(struct cursor *out, const struct conf_key *key)
{
	if (key->shape == CONF_LIST) {
		put_lit(out, "list of ");
		if (key->type == CONF_WORD)
			put_choices(out, key->unit);
		else
			put_str(out, conf_type_word(key->type));
		put_lit(out, ", at most ");
		put_u64(out, key->items_max);
	} else if (key->type == CONF_WORD) {
		put_choices(out, key->unit);
	} else {
		put_str(out, conf_type_word(key->type));
	}
}

static void put_range(struct cursor *out, const struct conf_key *key)
{
	if (key->type == CONF_UINT) {
		put_u64(out, key->low);
		put_lit(out, " to ");
		put_u64(out, key->high);
	} else if (key->type == CONF_PORT_RANGE) {
		put_lit(out, "1024 to 65535");
	} else if (key->type != CONF_WORD && key->type != CONF_BOOL) {
		put_lit(out, "up to ");
		put_u64(out, key->high);
		put_lit(out, " characters");
	}
}

static void put_key(struct cursor *out, const struct conf_key *key)
{
	put_lit(out, "| `");
	put_str(out, key->name);
	put_lit(out, "` | ");
	put_type(out, key);
	put_lit(out, " | ");
	if (key->type != CONF_WORD)
		put_str(out, key->unit);
	put_lit(out, " | ");
	if (!key->def) {
		put_lit(out, "required");
	} else if (!*key->def ||
		   (key->type == CONF_UINT && strcmp(key->def, "0") == 0 && key->low > 0)) {
		put_lit(out, "none");
	} else {
		put_choices(out, key->def);
	}
	put_lit(out, " | ");
	put_range(out, key);
	put_lit(out, " | ");
	put_str(out, key->effect == CONF_RESTART ? "restart" : "reload");
	put_lit(out, " | ");
	put_str(out, key->doc);
	put_lit(out, " |\n");
}

void conf_put_reference(struct cursor *out)
{
	put_lit(out, "# Configuration reference\n\n"
		     "Written by `limen-controlplane --config-reference` from the schema that the "
		     "file is checked\n"
		     "against; do not edit. `limen-controlplane --check --config FILE` only checks "
		     "a file.\n\n"
		     "\"reload\": a change takes effect when the control plane gets SIGHUP or "
		     "`limenctl reload`;\n"
		     "calls in progress keep what they began with. \"restart\": a change needs "
		     "both processes started again;\n"
		     "a reload of a file with such a change is refused as a whole.\n");
	for (unsigned i = 0; i < CONF_SECTIONS_END; i++) {
		const struct conf_section *section = &conf_sections[i];

		put_lit(out, "\n## `");
		put_str(out, section->name);
		put_lit(out, "`\n\n");
		put_str(out, section->doc);
		if (section->many) {
			put_lit(out, " A list, at most ");
			put_u64(out, section->items_max);
			put_lit(out, " items.");
		}
		put_str(out, section->required ? " Required.\n\n" : " Optional.\n\n");
		put_lit(out, "| key | type | unit | default | range | takes effect on | |\n"
			     "|---|---|---|---|---|---|---|\n");
		for (unsigned k = 0; k < section->nkeys; k++)
			put_key(out, &section->keys[k]);
	}
}
