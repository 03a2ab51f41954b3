/* SPDX-License-Identifier: BSD-3-Clause */
/* Aligned columns for people. limenctl. */
#include "controlplane/ctl/table.h"

#include <stdlib.h>

/* Characters shown: bytes that begin one, in UTF-8. */
static unsigned width_of(const char *text)
{
	unsigned width = 0;

	for (; *text; text++)
		width += ((uint8_t)*text & 0xc0) != 0x80;
	return width;
}

static void add(struct table *table, struct span text)
{
	size_t len = 0;
	char *cell;

	if (table->ncells == table->room) {
		size_t room = table->room ? table->room * 2 : 256;
		char **cells = realloc(table->cells, room * sizeof(*cells));

		if (!cells) {
			table->no_memory = true;
			return;
		}
		table->cells = cells;
		table->room = room;
	}
	if (!text.len)
		text = SPAN("-");
	cell = malloc(text.len + 1);
	if (!cell) {
		table->no_memory = true;
		return;
	}
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.ptr[i];
		/* the C1 controls, as UTF-8 writes them: c2 80..9f */
		bool c1 = c == 0xc2 && i + 1 < text.len && (uint8_t)text.ptr[i + 1] < 0xa0;

		cell[len++] = c < 0x20 || c == 0x7f || c1 ? '?' : (char)c;
		i += c1;
	}
	cell[len] = '\0';
	table->cells[table->ncells++] = cell;
}

void table_head(struct table *table, const char *head)
{
	if (table->ncolumns == TABLE_COLUMNS_MAX)
		return;
	table->right[table->ncolumns++] = *head == '>';
	add(table, span_str(head + (*head == '>')));
}

void table_text(struct table *table, struct span text)
{
	add(table, text);
}

void table_u64(struct table *table, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	add(table, span_str(text));
}

bool table_print(const struct table *table, FILE *out)
{
	unsigned widths[TABLE_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < table->ncells; i++) {
		unsigned width = width_of(table->cells[i]);

		if (width > widths[i % table->ncolumns])
			widths[i % table->ncolumns] = width;
	}
	for (size_t i = 0; i < table->ncells; i++) {
		unsigned column = (unsigned)(i % table->ncolumns);
		bool last = column + 1 == table->ncolumns;
		int pad = (int)(widths[column] - width_of(table->cells[i]));

		if (table->right[column])
			fprintf(out, "%*s%s%s", pad, "", table->cells[i], last ? "\n" : "  ");
		else
			fprintf(out, "%s%*s", table->cells[i], last ? 0 : pad, "");
		if (!table->right[column])
			fputs(last ? "\n" : "  ", out);
	}
	return !table->no_memory;
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->ncells; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){0};
}
