/* SPDX-License-Identifier: BSD-3-Clause */
/* A link without a dataplane: the test plays the dataplane. Checks what is sent as the dataplane
 * would. */
#include "fake_link.h"

#include <criterion/criterion.h>
#include <errno.h>

struct fake_link fake_link;

int cp_link_new(struct cp_link **link, struct event_base *base, const struct cp_link_conf *conf)
{
	fake_link.conf = *conf;
	fake_link.nmade++;
	*link = (struct cp_link *)(void *)&fake_link;
	return 0;
}

void cp_link_free(struct cp_link *link)
{
	if (!link)
		return;
	fake_link.nfreed++;
	fake_link.up = false;
}

static bool check(unsigned ring, uint16_t type, const struct span *parts, unsigned nparts)
{
	_Alignas(8) static char whole[IPC_FRAME_MAX];
	struct cursor frame = cursor_on(whole, sizeof(whole));

	for (unsigned i = 0; i < nparts; i++)
		put_span(&frame, parts[i]);
	return !frame.full &&
	       !ipc_msg_check(IPC_SIDE_CONTROLPLANE, ring ? IPC_RING_WORKER : IPC_RING_MAIN, type,
			      whole, frame.len);
}

int cp_link_send(struct cp_link *link, unsigned ring, uint16_t type, const struct span *parts,
		 unsigned nparts)
{
	struct fake_sent *sent = &fake_link.sent[fake_link.nsent % FAKE_SENT_MAX];

	cr_assert(link && check(ring, type, parts, nparts), "%s would be refused",
		  ipc_msg_name(type));
	if (!fake_link.up || ring > FAKE_WORKERS)
		return -ENOTCONN;
	if (fake_link.full)
		return -EAGAIN;
	*sent = (struct fake_sent){.ring = ring, .type = type};
	for (unsigned i = 0; i < nparts; i++) {
		size_t room = sizeof(sent->frame) - sent->len;
		size_t len = parts[i].len < room ? parts[i].len : room;

		if (len)
			memcpy(sent->frame + sent->len, parts[i].ptr, len);
		sent->len += (uint32_t)len;
	}
	fake_link.nsent++;
	fake_link.ntype[type]++;
	return 0;
}

const struct ipc_hello *cp_link_hello(const struct cp_link *link)
{
	return fake_link.up ? &fake_link.hello : NULL;
}

void cp_link_stats(const struct cp_link *link, struct cp_link_stats *stats)
{
	*stats = (struct cp_link_stats){.sent = fake_link.nsent, .connects = 1};
}

void fake_link_up(uint64_t boot_id)
{
	fake_link.hello = (struct ipc_hello){
		.version = IPC_VERSION, .nworkers = FAKE_WORKERS, .boot_id = boot_id, .pid = 7};
	fake_link.up = true;
	fake_link.conf.events->up(fake_link.conf.arg, &fake_link.hello);
}

void fake_link_down(void)
{
	fake_link.up = false;
	fake_link.conf.events->down(fake_link.conf.arg, "the dataplane is gone", true);
}

void fake_link_say(unsigned ring, uint16_t type, const void *head, size_t head_bytes,
		   const char *text)
{
	_Alignas(8) static char frame[IPC_FRAME_MAX];
	size_t len = head_bytes + strlen(text);

	memcpy(frame, head, head_bytes);
	memcpy(frame + head_bytes, text, strlen(text));
	cr_assert_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, ring ? IPC_RING_WORKER : IPC_RING_MAIN, type,
				   frame, (uint32_t)len),
		     0);
	fake_link.conf.events->message(fake_link.conf.arg, ring, type, frame, (uint32_t)len);
}
