/* SPDX-License-Identifier: BSD-3-Clause */
/* The form of messages between owners. Any worker thread; libc only. */
#include "dataplane/sip/owner_msg.h"

bool owner_msg_put(struct cursor *out, const struct owner_msg *head,
		   const struct sip_replaces *texts)
{
	struct owner_msg msg = *head;

	if (texts->call_id.len > OWNER_TEXTS_MAX || texts->to_tag.len > OWNER_TEXTS_MAX ||
	    texts->call_id.len + texts->to_tag.len + texts->from_tag.len > OWNER_TEXTS_MAX)
		return false;
	msg.call_id_len = (uint16_t)texts->call_id.len;
	msg.to_tag_len = (uint16_t)texts->to_tag.len;
	msg.from_tag_len = (uint16_t)texts->from_tag.len;
	msg.early_only = texts->early_only;
	put_bytes(out, &msg, sizeof(msg));
	put_span(out, texts->call_id);
	put_span(out, texts->to_tag);
	put_span(out, texts->from_tag);
	return !out->full;
}

/* Visible characters, none that would end the text where it is put. */
static bool text_ok(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] == 127 || text.ptr[i] == ';')
			return false;
	}
	return text.len != 0;
}

bool owner_msg_read(struct span bytes, unsigned nworkers, struct owner_msg *head,
		    struct sip_replaces *texts)
{
	const char *text;

	memset(texts, 0, sizeof(*texts));
	if (bytes.len < sizeof(*head) || bytes.len > OWNER_MSG_MAX)
		return false;
	memcpy(head, bytes.ptr, sizeof(*head));
	if (head->kind == 0 || head->kind >= OWNER_MSG_KINDS_END || head->worker >= nworkers ||
	    head->early_only > 1 || head->pad || head->pad2 || head->pad3)
		return false;
	if (head->status && (head->kind == OWNER_FIND || head->status < 400 || head->status > 699))
		return false;
	if ((size_t)head->call_id_len + head->to_tag_len + head->from_tag_len !=
	    bytes.len - sizeof(*head))
		return false;
	/* A refusal says nothing of any dialog. */
	if (head->status)
		return bytes.len == sizeof(*head);
	text = bytes.ptr + sizeof(*head);
	texts->call_id = span_of(text, head->call_id_len);
	texts->to_tag = span_of(text + head->call_id_len, head->to_tag_len);
	texts->from_tag = span_of(texts->to_tag.ptr + head->to_tag_len, head->from_tag_len);
	texts->early_only = head->early_only;
	return text_ok(texts->call_id) && text_ok(texts->to_tag) && text_ok(texts->from_tag);
}
