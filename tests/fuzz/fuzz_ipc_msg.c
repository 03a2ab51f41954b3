/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a message between the processes: refused, or all that the accessors give lies inside
 * the frame and keeps the promises of ipc_msg_check. Input: type, bit 0 sender and bit 1 ring,
 * frame. */
#include "../ipc/walk_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len = (uint32_t)size - 2;
	char *frame;

	if (size < 2 || len > IPC_FRAME_MAX + 8)
		return 0;
	/* Exactly as long as the frame, so that a step outside is seen. */
	frame = malloc(len ? len : 1);
	if (!frame)
		return 0;
	memcpy(frame, data + 2, len);
	if (ipc_msg_check(data[1] & 1 ? IPC_SIDE_CONTROLPLANE : IPC_SIDE_DATAPLANE,
			  data[1] & 2 ? IPC_RING_WORKER : IPC_RING_MAIN, data[0], frame, len) == 0)
		walk_msg(data[0], frame, len);
	free(frame);
	return 0;
}
