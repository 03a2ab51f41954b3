/* SPDX-License-Identifier: BSD-3-Clause */
/* Codec plans as bytes: written, checked and looked up. Both processes, any thread. */
#include "common/sdp/codec_plan.h"

#include <errno.h>

static const struct span type_names[CODEC_TYPES] = {
	{"", 0}, {"audio", 5}, {"video", 5}, {"text", 4}};

/* token of RFC 8866 section 9 (RFC 4855: names of media subtypes). */
static bool is_token(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c && strchr("-.+_!#$&^", c))))
			return false;
	}
	return text.len > 0 && text.len <= CODEC_NAME_MAX;
}

static int number_read(struct span text, uint32_t max, uint32_t *number)
{
	*number = 0;
	if (text.len == 0 || text.len > 7)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -EINVAL;
		*number = *number * 10 + (uint32_t)(text.ptr[i] - '0');
	}
	return *number && *number <= max ? 0 : -EINVAL;
}

/* What stands before the next '/'. */
static struct span cut_next(struct span *rest)
{
	const char *slash = rest->len ? memchr(rest->ptr, '/', rest->len) : NULL;
	struct span word = *rest;

	if (slash) {
		word.len = (size_t)(slash - rest->ptr);
		*rest = span_of(slash + 1, rest->len - word.len - 1);
	} else {
		*rest = SPAN_NONE;
	}
	return word;
}

int codec_name_read(struct span text, struct codec_name *name)
{
	bool has_rate, has_channels;
	struct span rest = text;
	uint32_t channels = 0;

	*name = (struct codec_name){.name = cut_next(&rest)};
	if (span_eq(rest, SPAN("*"))) {
		for (unsigned type = CODEC_AUDIO; type < CODEC_TYPES; type++)
			if (span_ieq(name->name, type_names[type]))
				name->type = (uint8_t)type;
		name->name = SPAN_NONE;
		return name->type ? 0 : -EINVAL;
	}
	has_rate = name->name.len < text.len;
	if (!is_token(name->name) ||
	    (has_rate && number_read(cut_next(&rest), 1000000, &name->rate)))
		return -EINVAL;
	has_channels = has_rate && rest.ptr != NULL;
	if (has_channels && number_read(cut_next(&rest), 16, &channels))
		return -EINVAL;
	name->channels = (uint8_t)channels;
	return rest.ptr ? -EINVAL : 0;
}

bool codec_name_means(const struct codec_name *name, struct span type, struct span encoding,
		      uint32_t rate, unsigned channels)
{
	if (name->type && !span_ieq(type, type_names[name->type]))
		return false;
	if (name->name.len == 0)
		return true;
	return span_ieq(name->name, encoding) && (!name->rate || name->rate == rate) &&
	       (!name->channels || name->channels == channels);
}

/* ---- the part: it lies at any alignment ---- */

struct codec_plan_head codec_plan_head(struct span part)
{
	struct codec_plan_head head;

	memcpy(&head, part.ptr, sizeof(head));
	return head;
}

static struct codec_item item_load(struct span part, unsigned number)
{
	struct codec_item item;

	memcpy(&item, part.ptr + sizeof(struct codec_plan_head) + number * sizeof(item),
	       sizeof(item));
	return item;
}

static struct codec_name item_name(struct span part, const struct codec_item *item)
{
	return (struct codec_name){.name = span_of(part.ptr + item->text_off, item->name_len),
				   .rate = item->rate,
				   .channels = item->channels,
				   .type = item->type};
}

static int item_check(struct span part, size_t texts, const struct codec_item *item)
{
	if (item->type >= CODEC_TYPES || item->pad[0] || item->pad[1] || item->pad[2] ||
	    item->text_off < texts || (size_t)item->text_off + item->name_len > part.len)
		return -EINVAL;
	if (item->name_len == 0)
		return item->type && !item->rate && !item->channels ? 0 : -EINVAL;
	return is_token(item_name(part, item).name) ? 0 : -EINVAL;
}

int codec_plan_check(struct span part)
{
	struct codec_plan_head head;
	unsigned n = 0;
	size_t texts;

	if (part.len == 0)
		return 0;
	if (part.len < sizeof(head) || part.len > CODEC_PLAN_BYTES_MAX)
		return -EINVAL;
	head = codec_plan_head(part);
	if (head.pad[0] || head.pad[1] || head.pad[2])
		return -EINVAL;
	for (unsigned list = 0; list < CODEC_LISTS; list++) {
		/* both trunks' names meet in the list of what neither gets */
		if (head.nitems[list] > (list == CODEC_DENY ? 2 : 1) * CODEC_LIST_MAX)
			return -EINVAL;
		n += head.nitems[list];
	}
	texts = sizeof(head) + n * sizeof(struct codec_item);
	if (texts > part.len)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		struct codec_item item = item_load(part, i);

		if (item_check(part, texts, &item))
			return -EINVAL;
	}
	return 0;
}

int codec_plan_put(struct cursor *out, const struct codec_plan_text *text)
{
	struct codec_plan_head head = {.pad = {0}};
	uint32_t start = out->len, off = sizeof(head);

	memcpy(head.ptime_ms, text->ptime_ms, sizeof(head.ptime_ms));
	memcpy(head.maxptime_ms, text->maxptime_ms, sizeof(head.maxptime_ms));
	for (unsigned list = 0; list < CODEC_LISTS; list++) {
		if (text->nnames[list] > 2 * CODEC_LIST_MAX)
			return -ENOSPC;
		head.nitems[list] = (uint8_t)text->nnames[list];
		off += text->nnames[list] * (uint32_t)sizeof(struct codec_item);
	}
	put_bytes(out, &head, sizeof(head));
	for (unsigned list = 0; list < CODEC_LISTS; list++) {
		for (unsigned i = 0; i < text->nnames[list]; i++) {
			const struct codec_name *name = &text->names[list][i];
			struct codec_item item = {.rate = name->rate,
						  .text_off = (uint16_t)off,
						  .name_len = (uint8_t)name->name.len,
						  .channels = name->channels,
						  .type = name->type};

			put_bytes(out, &item, sizeof(item));
			off += (uint32_t)name->name.len;
		}
	}
	for (unsigned list = 0; list < CODEC_LISTS; list++)
		for (unsigned i = 0; i < text->nnames[list]; i++)
			put_span(out, text->names[list][i].name);
	if (out->full || out->len - start > CODEC_PLAN_BYTES_MAX)
		return -ENOSPC;
	return codec_plan_check(span_of(out->buf + start, out->len - start));
}

int codec_plan_find(struct span part, enum codec_list list, struct span type, struct span encoding,
		    uint32_t rate, unsigned channels)
{
	struct codec_plan_head head = codec_plan_head(part);
	unsigned first = 0;

	for (unsigned i = 0; i < list; i++)
		first += head.nitems[i];
	for (unsigned i = 0; i < head.nitems[list]; i++) {
		struct codec_item item = item_load(part, first + i);
		struct codec_name name = item_name(part, &item);

		if (codec_name_means(&name, type, encoding, rate, channels))
			return (int)i;
	}
	return -1;
}
