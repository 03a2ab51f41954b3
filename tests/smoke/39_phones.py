#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real phones (baresip) call each other through limen, with SRTP by keys in SDP on both sides, on one, or beside plain RTP: each
hears the other's tone, and the record names the suites."""

import glob
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import wave

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

TONE_HZ = {"a": 440, "b": 700}
TALK_S = 4
SUITE = "AES_CM_128_HMAC_SHA1_80"
scratch = tempfile.mkdtemp(prefix="limen-phones.")


def config(modes):
    """Trunk a has the first mode, trunk b the second."""
    with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as file:
        text = file.read()
    for side, mode in zip("ab", modes):
        text = text.replace(f"  - name: {side}\n    realm: {side}\n", f"  - name: {side}\n    realm: {side}\n    srtp: {mode}\n")
    path = f"{scratch}/limen.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("answer_max_s: 3", "answer_max_s: 10"))
    return path


def tone(path, hertz, seconds=60):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        second = b"".join(struct.pack("<h", int(8000 * math.sin(2 * math.pi * hertz * n / 8000))) for n in range(8000))
        file.writeframes(second * seconds)


def loudness(samples, hertz):
    """How much of that frequency is in them (Goertzel), by their own energy: 1 is a pure tone."""
    coefficient, before, last = 2 * math.cos(2 * math.pi * hertz / 8000), 0.0, 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = last * last + before * before - coefficient * last * before
    energy = sum(sample * sample for sample in samples)
    return 2 * power / (len(samples) * energy) if energy else 0


class Phone:
    def __init__(self, side, user, encryption, dial=None):
        self.home = tempfile.mkdtemp(dir=scratch)
        self.side = side
        tone(f"{self.home}/tone.wav", TONE_HZ[side])
        here, limen = peer.ADDRESS[side][0], peer.LIMEN[side][0]
        with open(f"{self.home}/config", "w", encoding="utf-8") as file:
            file.write(f"sip_listen {here}:5060\nrtp_ports 40000-40100\naudio_source aufile,{self.home}/tone.wav\n"
                       f"snd_path {self.home}\naudio_srate 8000\naudio_channels 1\nmodule_path /usr/lib/baresip/modules\n"
                       "module g711.so\nmodule srtp.so\nmodule aufile.so\nmodule sndfile.so\nmodule_app account.so\nmodule_app menu.so\n")
        with open(f"{self.home}/contacts", "w", encoding="utf-8"):
            pass
        media = f";mediaenc={encryption}" if encryption else ""
        with open(f"{self.home}/accounts", "w", encoding="utf-8") as file:
            file.write(f"<sip:{user}@{limen}>;regint=0;audio_codecs=PCMA;answermode=auto{media}\n")
        command = ["ip", "netns", "exec", f"limen-{side}", "baresip", "-f", self.home] + (["-e", f"/dial {dial}"] if dial else [])
        with open(f"{self.home}/log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)

    def log(self):
        with open(f"{self.home}/log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_for(self, text):
        assert lab.wait_until(10, lambda: text in self.log()), f"the phone in {self.side}: no '{text}' in {self.log()[-1500:]}"

    def hang_up(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def heard(self):
        """What it decoded, the first half second and what is behind the call's end left out."""
        name, = glob.glob(f"{self.home}/*-dec.wav")
        with wave.open(name, "rb") as file:
            assert file.getframerate() == 8000, file.getparams()
            samples = struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))
        assert len(samples) >= 8000 * 2, f"{len(samples)} samples heard in {self.side}"
        return samples[4000:12000]


def talk(modes, encryption, suites):
    """A call between two phones with that encryption; the trunks have these modes."""
    before = len(lab.records())
    lab.lab_up("--config", config(modes))
    phones = []
    try:
        phones.append(Phone("b", "2000", encryption[1]))
        phones[0].wait_for("baresip is ready")
        phones.append(Phone("a", "1000", encryption[0], dial="sip:2000@10.99.1.1"))
        for phone in phones:
            phone.wait_for("Call established")
        lab.wait_until(TALK_S, lambda: False)
    finally:
        for phone in reversed(phones):
            phone.hang_up()
    record = lab.wait_until(8, lambda: lab.records()[-1:])
    assert record, f"no record; before there were {before}"
    media = record[0]["media"]
    assert record[0]["status"] == 200, record[0]
    assert [side["srtp"] for side in media] == suites, [side["srtp"] for side in media]
    assert all(side["rx_pkts"] > 50 * TALK_S / 2 and side["lost_pkts"] <= 5 and side["codec"] == "PCMA" for side in media), media
    for phone, hertz in ((phones[1], TONE_HZ["b"]), (phones[0], TONE_HZ["a"])):
        there = loudness(phone.heard(), hertz)
        assert there > 0.8, f"the phone in {phone.side} hears {hertz} Hz at {there:.2f}"


def both():
    """SRTP on both sides, each with keys of its own: both hear the other"""
    talk(("require", "require"), ("srtp-mand", "srtp-mand"), [SUITE, SUITE])


def one():
    """SRTP on the caller's side alone"""
    talk(("require", "forbid"), ("srtp-mand", None), [SUITE, None])


def other():
    """SRTP on the callee's side alone"""
    talk(("forbid", "require"), (None, "srtp-mand"), [None, SUITE])


def beside():
    """keys beside RTP/AVP: taken from a phone that has them, and not missed where there are none"""
    talk(("allow", "allow"), ("srtp", "srtp"), [SUITE, SUITE])


def plain():
    """two phones that know nothing of it"""
    talk(("allow", "allow"), (None, None), [None, None])


try:
    lab.each(both, one, other, beside, plain)
finally:
    shutil.rmtree(scratch, ignore_errors=True)
