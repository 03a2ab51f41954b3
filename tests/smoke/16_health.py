#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Peers are asked by OPTIONS whether they are there; who is not gets no calls while another of the trunk is."""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as file:
    CONFIG = file.read().replace('peers: ["10.99.2.2:5060"]', 'peers: ["10.99.2.2:5060", "10.99.2.2:5062"]\n    options_interval_s: 1')

with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
    config.write(CONFIG)
    config.flush()
    lab.lab_up("--config", config.name)
a, first, second = peer.Peer("a"), peer.Peer("b"), peer.Peer("b", port=5062)


def states():
    return {row["peer"]: row["state"] for row in json.loads(lab.ctl("show", "trunks", "--json")) if row["trunk"] == "b"}


def answer_probes(seconds, status, until=lambda: False):
    """Both peers answer what limen asks, the first with that status, until `until` holds."""
    for _ in range(int(seconds * 5)):
        for at, code in ((first, status), (second, 200)):
            for m in at.drain(0.1):
                if m.method == "OPTIONS":
                    at.answer(m, code, tag="probed")
        if until():
            return True
    return False


def who_is_called():
    """The port of the peer that gets a new call; the call is refused."""
    call = a.call("2")
    for _ in range(20):
        for at in (first, second):
            for m in at.drain(0.1):
                if m.method == "OPTIONS":
                    at.answer(m, 200 if at is second else status_of_first, tag="probed")
                if m.method == "INVITE":
                    at.answer(m, 486, tag="busy")
                    call.ack_failure(call.expect(486))
                    return at.port
    raise AssertionError("nobody was called")


status_of_first = 200


def both_up():
    """peers that answer are up, and what limen asks with says nothing of anybody"""
    for at in (first, second):
        probe = at.expect("OPTIONS", 5)
        assert probe.uri.startswith("sip:10.99.2.2:") and probe.tag("From") and probe.get("Max-Forwards"), probe.text
        assert "10.99.1." not in probe.text and not probe.get("User-Agent"), probe.text
        at.answer(probe, 200, tag="probed")
    assert answer_probes(5, 200, lambda: set(states().values()) == {"up"}), f"{states()}"
    assert who_is_called() == 5060, "not the first peer"


def first_down():
    """a peer that answers 503 twice is down: limenctl says so, and the other gets the calls"""
    global status_of_first
    status_of_first = 503
    assert answer_probes(8, 503, lambda: states().get("10.99.2.2:5060") == "down"), f"{states()}"
    assert states()["10.99.2.2:5062"] == "up", f"{states()}"
    assert who_is_called() == 5062, "the peer that is down was called"


def first_back():
    """one answer and it is up again, and gets the calls"""
    global status_of_first
    status_of_first = 200
    assert answer_probes(5, 200, lambda: states().get("10.99.2.2:5060") == "up"), f"{states()}"
    assert who_is_called() == 5060, "not the first peer"


lab.each(both_up, first_down, first_back)
