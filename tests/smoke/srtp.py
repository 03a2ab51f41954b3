# SPDX-License-Identifier: BSD-3-Clause
"""SRTP for peers of our own: libsrtp2 by ctypes, keys as a=crypto writes them. What limen encrypts is opened by somebody else's code."""

import base64
import ctypes
import os

# name: bytes of key and salt, what libsrtp2 calls its policy for RTP and for RTCP
SUITES = {
    "AES_CM_128_HMAC_SHA1_80": (30, "rtp_default", "rtp_default"),
    "AES_CM_128_HMAC_SHA1_32": (30, "aes_cm_128_hmac_sha1_32", "rtp_default"),
    "AES_256_CM_HMAC_SHA1_80": (46, "aes_cm_256_hmac_sha1_80", "aes_cm_256_hmac_sha1_80"),
    "AES_256_CM_HMAC_SHA1_32": (46, "aes_cm_256_hmac_sha1_32", "aes_cm_256_hmac_sha1_80"),
    "AEAD_AES_128_GCM": (28, "aes_gcm_128_16_auth", "aes_gcm_128_16_auth"),
    "AEAD_AES_256_GCM": (44, "aes_gcm_256_16_auth", "aes_gcm_256_16_auth"),
}


class CryptoPolicy(ctypes.Structure):
    _fields_ = [("cipher", ctypes.c_uint32), ("cipher_key_len", ctypes.c_int), ("auth", ctypes.c_uint32),
                ("auth_key_len", ctypes.c_int), ("auth_tag_len", ctypes.c_int), ("services", ctypes.c_int)]


class Policy(ctypes.Structure):
    _fields_ = [("ssrc_type", ctypes.c_int), ("ssrc", ctypes.c_uint), ("rtp", CryptoPolicy), ("rtcp", CryptoPolicy),
                ("key", ctypes.c_char_p), ("keys", ctypes.c_void_p), ("nkeys", ctypes.c_ulong), ("ekt", ctypes.c_void_p),
                ("window", ctypes.c_ulong), ("repeat", ctypes.c_int), ("xtn", ctypes.c_void_p), ("nxtn", ctypes.c_int),
                ("next", ctypes.c_void_p)]


_lib = ctypes.CDLL("libsrtp2.so.1")
if _lib.srtp_init():
    raise OSError("libsrtp2 does not start")


class Key:
    """One direction's key, as a=crypto has it."""

    def __init__(self, suite, material=None):
        self.suite = suite
        self.material = material or os.urandom(SUITES[suite][0])
        self.text = base64.b64encode(self.material).decode()

    def line(self, tag):
        return f"a=crypto:{tag} {self.suite} inline:{self.text}"


def lines(body):
    """The crypto lines of a description: tag -> Key."""
    found = {}
    for line in body.splitlines():
        if line.startswith("a=crypto:"):
            tag, suite, params = line[9:].split(" ")[:3]
            found[int(tag)] = Key(suite, base64.b64decode(params.removeprefix("inline:").split("|")[0]))
    return found


class Session:
    """Packets under one key, one way."""

    def __init__(self, key, sends):
        size, rtp, rtcp = SUITES[key.suite]
        if len(key.material) != size:
            raise ValueError(f"a key of {len(key.material)} bytes for {key.suite}")
        policy = Policy(ssrc_type=3 if sends else 2, key=key.material, window=1024)
        getattr(_lib, f"srtp_crypto_policy_set_{rtp}")(ctypes.byref(policy.rtp))
        getattr(_lib, f"srtp_crypto_policy_set_{rtcp}")(ctypes.byref(policy.rtcp))
        self.handle = ctypes.c_void_p()
        if status := _lib.srtp_create(ctypes.byref(self.handle), ctypes.byref(policy)):
            raise OSError(f"libsrtp2 does not take a key of {key.suite}: {status}")

    def _run(self, function, packet):
        buffer = ctypes.create_string_buffer(packet, len(packet) + 64)
        length = ctypes.c_int(len(packet))
        return None if function(self.handle, buffer, ctypes.byref(length)) else buffer.raw[:length.value]

    def protect(self, packet):
        return self._run(_lib.srtp_protect, packet)

    def unprotect(self, packet):
        """The packet, or None: it is not authentic."""
        return self._run(_lib.srtp_unprotect, packet)

    def protect_rtcp(self, packet):
        return self._run(_lib.srtp_protect_rtcp, packet)

    def unprotect_rtcp(self, packet):
        return self._run(_lib.srtp_unprotect_rtcp, packet)
