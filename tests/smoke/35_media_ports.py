#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A realm with few media ports: what is asked beyond them is refused and counted, ports rest before they serve another call,
and none is lost, however calls end."""

import collections
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

PAIRS = 60      # of side B's ports; side A has as many as it likes
REST_S = 5      # before a port serves again
CYCLES = 5
used = collections.deque(maxlen=2 * PAIRS)  # (when it was given back, port of side B)


def config():
    with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as file:
        head, tail = file.read().split("  - name: b\n    port: to-b\n")
    return (head + "  - name: b\n    port: to-b\n" + tail.replace("20000-29999", f"20000-{20000 + 2 * PAIRS - 1}", 1)).replace(
        "media_timeout_s: 6", "media_timeout_s: 60")


def media(name):
    return lab.total("media", name)


def free():
    return {name: media(name) for name in ("ports_free", "pairs", "no_ports", "no_memory")}


class Calls:
    """Calls in progress, each with its port of side B."""

    def __init__(self):
        self.up = []

    def set_up(self, count):
        for _ in range(count):
            call, callee, _ = peer.answered_call(a, b)
            self.up.append((call, callee, callee.invite.media()[1]))
        return [port for _, _, port in self.up]

    def end(self, count=None):
        for _ in range(len(self.up) if count is None else count):
            call, callee, port = self.up.pop(0)
            peer.end_call(call, callee)
            used.append((time.monotonic(), port))


def refused(call):
    """The call gets 503 and reaches nobody."""
    answer = call.expect(503)
    call.ack_failure(answer)
    assert not b.drain(0.3), "the callee was called"
    return answer


def exhausted():
    """as many calls as there are ports; the next is refused with 503, counted, and reaches nobody; limen's record says so"""
    calls = Calls()
    ports = calls.set_up(PAIRS)
    assert len(set(ports)) == PAIRS and all(20000 <= p < 20000 + 2 * PAIRS and p % 2 == 0 for p in ports), sorted(ports)
    before = free()
    for _ in range(3):
        late = a.call("2")
        refused(late)
    after = free()
    assert after["no_ports"] - before["no_ports"] == 3, f"{after['no_ports'] - before['no_ports']} counted of 3"
    assert (after["ports_free"], after["pairs"]) == (before["ports_free"], before["pairs"]), f"{before} {after}"
    record = lab.wait_until(5, lambda: [r for r in lab.records() if late.call_id in r["call_ids"]])[0]
    assert (record["status"], record["ended_by"]) == (503, "limen"), record
    assert [row for row in lab.ctl("show", "stats").splitlines() if "no_ports" in row], "limenctl does not tell of it"
    calls.end()


def rest():
    """ports that were given back rest; then they serve again"""
    first, last = used[0][0], used[-1][0]
    if time.monotonic() < first + REST_S - 1:
        refused(a.call("2"))
    calls = Calls()
    assert lab.wait_until(REST_S + 3, lambda: time.monotonic() > last + REST_S + 0.2)
    ports = calls.set_up(PAIRS)
    assert sorted(ports) == sorted(port for _, port in list(used)[-PAIRS:]), f"other ports: {sorted(ports)}"
    calls.end(5)  # and these five rest again, while none else is free
    refused(a.call("2"))
    given = sorted(port for _, port in list(used)[-5:])
    time.sleep(REST_S + 0.2)
    again = Calls()
    assert sorted(again.set_up(5)) == given
    refused(a.call("2"))
    again.end()
    calls.end()


def odd_ends():
    """hundreds of calls that end in every manner: cancelled, refused, answered and hung up, put on hold; no port is lost"""
    start, total = free(), 0
    for _ in range(CYCLES):
        lab.wait_until(REST_S + 3, lambda: time.monotonic() > used[-1][0] + REST_S + 0.2)
        for n in range(PAIRS):
            total += 1
            (cancelled, denied, hung_up, held, answered_late)[n % 5]()
            used.append((time.monotonic(), 0))
    assert lab.wait_until(10, lambda: free()["pairs"] == start["pairs"]), f"{free()} after {total} calls, {start} before"
    end = free()
    assert end == start, f"{end} after {total} calls, {start} before"
    lab.wait_until(REST_S + 3, lambda: time.monotonic() > used[-1][0] + REST_S + 0.2)
    calls = Calls()
    calls.set_up(PAIRS)
    refused(a.call("2"))
    calls.end()


def cancelled():
    call = a.call("2")
    callee = peer.Callee(b, call)
    callee.answer(183, 50000)
    call.expect(183)
    call.cancel()
    callee.peer.answer(b.expect("CANCEL"), 200)
    callee.answer(487)
    b.expect("ACK")
    call.ack_failure(call.expect(487))


def denied():
    call = a.call("2")
    callee = peer.Callee(b, call)
    callee.answer(486)
    b.expect("ACK")
    call.ack_failure(call.expect(486))


def hung_up():
    call, callee, _ = peer.answered_call(a, b)
    callee.in_dialog("BYE")
    a.answer(a.expect("BYE"), 200)
    b.expect(200)
    assert call.call_id


def held():
    call, callee, _ = peer.answered_call(a, b)
    call.in_dialog("INVITE", peer.sdp(a.address, 40000, version=2, direction="sendonly"))
    again = b.expect("INVITE")
    b.answer(again, 200, body=peer.sdp(b.address, 50000, version=2, direction="recvonly"))
    call.expect(200)
    call.ack()
    b.expect("ACK")
    peer.end_call(call, callee)


def answered_late():
    """The answer and the CANCEL pass each other: the call is up, and is ended at once."""
    call = a.call("2")
    callee = peer.Callee(b, call)
    callee.answer(180)
    call.expect(180)
    call.cancel()
    cancel = b.expect("CANCEL")
    callee.answer(200, 50000)
    b.answer(cancel, 200)
    b.expect("ACK")
    b.answer(b.expect("BYE"), 200)
    call.ack_failure(call.expect(487))


with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
    file.write(config())
    file.flush()
    lab.lab_up("--config", file.name)
a, b = peer.Peer("a"), peer.Peer("b")
lab.each(exhausted, rest, odd_ends)
