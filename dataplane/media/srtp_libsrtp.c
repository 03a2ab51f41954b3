/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine that libsrtp2 is: one packet at a time, every suite, and all SRTCP. Worker threads. */
#include "dataplane/media/srtp_priv.h"

#include "common/rtp/rtp.h"

#include <endian.h>
#include <errno.h>

static void policy_suite(srtp_policy_t *policy, unsigned suite)
{
	/* SRTCP has the long tag whatever RTP has (RFC 4568 section 6.2). */
	switch (suite) {
	case SECURE_AEAD_AES_256_GCM:
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
		break;
	case SECURE_AEAD_AES_128_GCM:
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
		break;
	case SECURE_AES_256_CM_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtp);
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtcp);
		break;
	case SECURE_AES_256_CM_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&policy->rtp);
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtcp);
		break;
	case SECURE_AES_CM_128_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy->rtp);
		srtp_crypto_policy_set_rtcp_default(&policy->rtcp);
		break;
	default:
		srtp_crypto_policy_set_rtp_default(&policy->rtp);
		srtp_crypto_policy_set_rtcp_default(&policy->rtcp);
		break;
	}
}

/* What libsrtp2 loads for a suite (NSS and its modules) can be loaded while the process starts only:
 * later it may make no code any more. It would be unloaded with the last session, so one of each suite
 * stays. */
static bool hold(unsigned suite)
{
	static srtp_t held[SECURE_SUITES];
	uint8_t material[SECURE_KEY_MAX + SECURE_SALT_MAX] = {1};
	/* two RTCP words (RFC 3550 section 6.4.2), and an SSRC */
	uint32_t packet[64] = {htobe32(0x80c90001), htobe32(1)};
	srtp_policy_t policy = {.ssrc.type = ssrc_any_outbound,
				.key = material,
				.window_size = SECURE_WINDOW};
	int len = 8;

	policy_suite(&policy, suite);
	return srtp_create(&held[suite], &policy) == srtp_err_status_ok &&
	       srtp_protect_rtcp(held[suite], packet, &len) == srtp_err_status_ok;
}

int secure_lib_init(void)
{
	static bool is_ready;

	if (is_ready)
		return 0;
	if (srtp_init() != srtp_err_status_ok)
		return -ENOMEM;
	for (unsigned suite = 0; suite < SECURE_SUITES; suite++) {
		if (secure_suite_info(suite) && !hold(suite))
			return -ENOMEM;
	}
	is_ready = true;
	return 0;
}

/* A process that was killed left the roll-over counters of these sources behind. */
static srtp_err_status_t go_on(srtp_t lib, srtp_policy_t *policy, const struct secure_dir *dir)
{
	for (unsigned i = 0; i < SECURE_SOURCES && dir->sources[i].used; i++) {
		srtp_err_status_t status;

		if (dir->sources[i].index >> 16 == 0)
			continue;
		policy->ssrc = (srtp_ssrc_t){.type = ssrc_specific, .value = dir->sources[i].ssrc};
		status = srtp_add_stream(lib, policy);
		if (status == srtp_err_status_ok)
			status = srtp_set_stream_roc(lib, dir->sources[i].ssrc,
						     (uint32_t)(dir->sources[i].index >> 16));
		if (status != srtp_err_status_ok)
			return status;
	}
	return srtp_err_status_ok;
}

int secure_lib_key(struct secure_slot *slot, const struct secure_dir *dir, bool protect)
{
	const struct secure_suite_info *suite = secure_suite_info(dir->key.suite);
	uint8_t material[SECURE_KEY_MAX + SECURE_SALT_MAX];
	srtp_policy_t policy = {
		.ssrc.type = protect ? ssrc_any_outbound : ssrc_any_inbound,
		.key = material,
		.window_size = SECURE_WINDOW,
	};
	srtp_err_status_t status;

	memcpy(material, dir->key.key, suite->key_bytes);
	memcpy(material + suite->key_bytes, dir->key.salt, suite->salt_bytes);
	policy_suite(&policy, dir->key.suite);
	status = srtp_create(&slot->lib, &policy);
	if (status != srtp_err_status_ok)
		slot->lib = NULL;
	else
		status = go_on(slot->lib, &policy, dir);
	explicit_bzero(material, sizeof(material));
	return status == srtp_err_status_ok ? 0 : -ENOMEM;
}

enum secure_result secure_lib_result(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_ok:
		return SECURE_OK;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return SECURE_REPLAYED;
	case srtp_err_status_auth_fail:
	case srtp_err_status_cipher_fail:
		return SECURE_FORGED;
	case srtp_err_status_bad_param:
	case srtp_err_status_parse_err:
		return SECURE_INVALID;
	default:
		return SECURE_FAULT;
	}
}

enum secure_result secure_lib_run(struct secure_slot *slot, struct secure_job *job, bool protect)
{
	uint8_t *rtp = rte_pktmbuf_mtod_offset(job->m, uint8_t *, job->off);
	int len = job->len;
	srtp_err_status_t status =
		protect ? srtp_protect(slot->lib, rtp, &len) : srtp_unprotect(slot->lib, rtp, &len);

	if (status == srtp_err_status_ok)
		job->len = (uint16_t)len;
	return secure_lib_result(status);
}

void secure_lib_forget(struct secure_slot *slot)
{
	(void)srtp_dealloc(slot->lib);
	slot->lib = NULL;
}
