/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP and RTCP header checks. Both processes, any thread. */
#include "common/rtp/rtp.h"

#define RTP_FIXED_BYTES 12u
#define RTP_VERSION     2u

bool rtp_header_is_valid(const uint8_t *pkt, uint32_t len)
{
	uint32_t need;
	uint8_t pt;

	if (len < RTP_FIXED_BYTES || pkt[0] >> 6 != RTP_VERSION)
		return false;
	pt = rtp_payload_type(pkt);
	if (pt >= 72 && pt <= 76)
		return false;
	need = RTP_FIXED_BYTES + 4u * (pkt[0] & 0x0f);
	if (pkt[0] & 0x10) {
		if (len < need + 4)
			return false;
		need += 4u + 4u * (uint32_t)(pkt[need + 2] << 8 | pkt[need + 3]);
	}
	return len >= need;
}

uint32_t rtp_header_bytes(const uint8_t *pkt, uint32_t len)
{
	uint32_t head = RTP_FIXED_BYTES + 4u * (pkt[0] & 0x0f);

	if (!(pkt[0] & 0x10))
		return head;
	if (head + 4 > len)
		return len + 1;
	return head + 4u + 4u * (uint32_t)(pkt[head + 2] << 8 | pkt[head + 3]);
}

bool rtp_is_valid(const uint8_t *pkt, uint32_t len)
{
	if (!rtp_header_is_valid(pkt, len))
		return false;
	return !(pkt[0] & 0x20) ||
	       (pkt[len - 1] != 0 && pkt[len - 1] <= len - rtp_header_bytes(pkt, len));
}

bool rtcp_is_valid(const uint8_t *pkt, uint32_t len)
{
	if (len < 8 || pkt[0] >> 6 != RTP_VERSION)
		return false;
	if (pkt[1] < 192 || pkt[1] > 223)
		return false;
	return 4u * ((uint32_t)(pkt[2] << 8 | pkt[3]) + 1) <= len;
}

uint32_t rtp_clock_hz(uint8_t payload_type)
{
	switch (payload_type) {
	case 6: /* DVI4 */
		return 16000;
	case 10: /* L16, stereo */
	case 11: /* L16 */
		return 44100;
	case 14: /* MPA */
	case 25: /* CelB */
	case 26: /* JPEG */
	case 28: /* nv */
	case 31: /* H261 */
	case 32: /* MPV */
	case 33: /* MP2T */
	case 34: /* H263 */
		return 90000;
	case 16: /* DVI4 */
		return 11025;
	case 17: /* DVI4 */
		return 22050;
	default:
		return 8000;
	}
}
