/* SPDX-License-Identifier: BSD-3-Clause */
/* Credit of a policed stream. Between two looks at the clock the bucket is not filled, so that after
 * silence a sender may have what was left and a full bucket: twice the burst at most. One worker
 * thread. */
#include "dataplane/media/police.h"

#define NS_PER_S     1000000000ull
#define BURST_MIN    65535u /* a datagram of any size fits */
#define REFILL_NS_MAX (60 * NS_PER_S)

void police_update(const struct media *media, uint64_t now_ns, struct stream_pair *pair)
{
	struct stream_pair_cold *cold = stream_cold(media, &pair->from[SIDE_A]);

	for (unsigned side = SIDE_A; side <= SIDE_B; side++) {
		struct stream_police *police = &cold->side[side].police;
		/* What a side may send is what the other has said it takes. */
		const struct sdp_formats *formats = &cold->side[!side].formats;
		uint64_t rate, burst;

		if (police->burst_ms == 0 || formats->ntypes == 0) {
			police->bytes_per_s = 0;
			continue;
		}
		rate = sdp_formats_rate(formats, POLICE_HEADER_BYTES) / 8;
		rate += rate * police->headroom_percent / 100;
		rate = rate < UINT32_MAX / 2 ? rate : UINT32_MAX / 2;
		burst = rate * police->burst_ms / 1000;
		burst = burst < BURST_MIN ? BURST_MIN : burst;
		if (rate == police->bytes_per_s)
			continue;
		police->bytes_per_s = (uint32_t)rate;
		police->burst_bytes = (uint32_t)(burst < UINT32_MAX ? burst : UINT32_MAX);
		police->refilled_ns = now_ns;
		pair->from[side].credit_bytes = police->burst_bytes;
	}
}

/* The engine tells the operator, once for each call. */
static void note(struct media *media, const struct stream_hot *in)
{
	uint64_t pair = stream_cold(media, in)->pair;

	for (unsigned i = 0; i < media->npoliced; i++)
		if (media->policed[i] == pair)
			return;
	if (media->npoliced < MEDIA_POLICED_MAX)
		media->policed[media->npoliced++] = pair;
}

bool police_refill(struct media *media, uint64_t now_ns, struct stream_hot *in,
		   enum stream_side side, uint32_t bytes)
{
	struct stream_police *police = &stream_cold(media, in)->side[side].police;
	uint64_t passed_ns, earned, credit;

	if (police->bytes_per_s == 0) {
		in->credit_bytes = UINT32_MAX;
		return true;
	}
	/* The arena may be older than this process' clock. */
	passed_ns = now_ns > police->refilled_ns ? now_ns - police->refilled_ns : 0;
	if (passed_ns > REFILL_NS_MAX)
		passed_ns = REFILL_NS_MAX;
	earned = passed_ns * police->bytes_per_s / NS_PER_S;
	credit = in->credit_bytes + earned;
	if (credit > police->burst_bytes)
		credit = police->burst_bytes;
	/* Time worth less than a byte is not lost. */
	police->refilled_ns = now_ns - (passed_ns - earned * NS_PER_S / police->bytes_per_s);
	in->credit_bytes = (uint32_t)credit;
	if (credit < bytes) {
		if (police->policed_pkts++ == 0)
			note(media, in);
		return false;
	}
	in->credit_bytes -= bytes;
	return true;
}
