#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A worker without time to spare refuses new calls with 503 and Retry-After: not what is under way, and not emergency calls."""

import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

# One percent of its cycles is all that the worker may use, so that a flood of requests is too much.
with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as file:
    CONFIG = file.read() + '\noverload:\n  busy_percent_max: 1\n  retry_after_s: 7\n\nemergency:\n  services: ["2112"]\n'
with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
    config.write(CONFIG)
    config.flush()
    lab.lab_up("--config", config.name)
a, b, noise = peer.Peer("a"), peer.Peer("b"), peer.Peer("a", port=5070)


class Flood(threading.Thread):
    """OPTIONS to limen as fast as this machine makes them."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ends = threading.Event()

    def run(self):
        head = f"OPTIONS sip:{noise.limen[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {noise.address}:{noise.port};branch=z9hG4bKflood"
        tail = f"\r\nMax-Forwards: 70\r\nFrom: <sip:f@f.invalid>;tag=f\r\nTo: <sip:{noise.limen[0]}>\r\nCSeq: 1 OPTIONS\r\n" \
               "Content-Length: 0\r\nCall-ID: flood"
        n = 0
        while not self.ends.is_set():
            n += 1
            noise.sock.sendto(f"{head}{n}{tail}{n}\r\n\r\n".encode(), noise.limen)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join()


def outcome(number=None):
    """What becomes of a call now: the refusal's message, or None when the callee was called (which is busy). Both send again
    what may have got lost in the flood."""
    call = peer.Call(a, number) if number else a.call("2")
    until, again = time.monotonic() + 5, time.monotonic() + 0.5
    while (now := time.monotonic()) < until:
        if now > again:
            a.send(call.invite)
            again = now + 0.5
        invite = b.recv(0.02)
        if invite and invite.is_a("INVITE") and call.user in invite.uri:
            b.answer(invite, 486, tag="busy")
        answer = a.recv(0.02)
        if answer and answer.status and answer.status >= 200 and answer.get("Call-ID") == call.call_id:
            call.ack_failure(answer)
            return None if answer.status == 486 else answer
    raise AssertionError("no answer")


def hung_up(call):
    """Whether a call that is under way can be ended: the BYE goes through and is answered."""
    bye, until, again = call.in_dialog("BYE"), time.monotonic() + 5, time.monotonic() + 0.5
    while (now := time.monotonic()) < until:
        if now > again:
            a.send(bye)
            again = now + 0.5
        request = b.recv(0.02)
        if request and request.is_a("BYE"):
            b.answer(request, 200)
        answer = a.recv(0.02)
        if answer and answer.status == 200 and answer.get("CSeq").endswith("BYE"):
            return True
    return False


def refused():
    return lab.wait_until(10, outcome)


def overloaded():
    """new calls are refused with 503 and Retry-After, a call under way is not disturbed, an emergency call goes through"""
    assert outcome() is None, "refused before there was a load"
    call, _, _ = peer.answered_call(a, b)
    with Flood():
        answer = refused()
        assert answer and answer.status == 503, f"{answer}"
        assert answer.get("Retry-After") == "7", f"Retry-After: {answer.get('Retry-After')}"
        for _ in range(5):
            emergency = outcome("2112")
            assert emergency is None, f"an emergency call was refused: {emergency}"
        assert hung_up(call), "the BYE of a call under way is not answered"
        answer = refused()
        assert answer and answer.status == 503, f"{answer}"


def over():
    """when the load is gone calls are taken again"""
    # One percent is little: what else this machine does may cost the worker a call now and then.
    assert lab.wait_until(30, lambda: all(outcome() is None for _ in range(3))), "still refused"


lab.each(overloaded, over)
