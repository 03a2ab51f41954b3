#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A hundred calls at once, G.711 both ways for 20 seconds: every packet sent arrives once, as it was sent, and limen's own
counters say the same."""

import os
import select
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

CALLS, SECONDS, INTERVAL = int(os.environ.get("SMOKE_CALLS", 100)), int(os.environ.get("SMOKE_SECONDS", 20)), 0.02
PAYLOAD = bytes(range(160))


class End:
    """One end of one call's media."""

    def __init__(self, side, port, ssrc):
        self.sock = peer.udp(side, peer.ADDRESS[side][0], port)
        self.sock.setblocking(False)
        self.ssrc, self.sent, self.wrong = ssrc, 0, 0
        self.heard = set()
        self.far = self.to = None

    def send(self):
        self.sock.sendto(peer.rtp(self.sent, self.ssrc, payload=PAYLOAD), self.to)
        self.sent += 1

    def hear(self):
        while True:
            try:
                data, source = self.sock.recvfrom(2048)
            except BlockingIOError:
                return
            seq, = struct.unpack_from("!H", data, 2)
            if seq in self.heard or source != self.to or data != peer.rtp(seq, self.far.ssrc, payload=PAYLOAD):
                self.wrong += 1
            self.heard.add(seq)


def set_up(a, b):
    ends, calls = [], []
    for n in range(CALLS):
        one, two = End("a", 30000 + 2 * n, 1000 + n), End("b", 40000 + 2 * n, 5000 + n)
        one.far, two.far = two, one
        call, callee, answer = peer.answered_call(a, b, a_media=30000 + 2 * n, b_media=40000 + 2 * n)
        one.to, two.to = answer.media(), callee.invite.media()
        ends += [one, two]
        calls.append((call, callee))
    return ends, calls


def talk(ends):
    """Each end sends every 20 ms, spread over the interval; what has come is taken in between."""
    poll = select.epoll()
    by_fd = {end.sock.fileno(): end for end in ends}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)

    def hear(timeout):
        for fd, _ in poll.poll(max(0, timeout), 256):
            by_fd[fd].hear()

    start = time.monotonic()
    for n in range(int(SECONDS / INTERVAL) * len(ends)):
        due = start + n * INTERVAL / len(ends)
        while (left := due - time.monotonic()) > 0:
            hear(left)
        ends[n % len(ends)].send()
        if n % 64 == 0:
            hear(0)
    until = time.monotonic() + 1
    while (left := until - time.monotonic()) > 0:
        hear(left)


def main():
    lab.lab_up()
    a, b = peer.Peer("a"), peer.Peer("b")
    ends, calls = set_up(a, b)
    before = lab.stats()
    talk(ends)
    after = lab.stats()
    sent, heard = sum(e.sent for e in ends), sum(len(e.heard) for e in ends)
    lab.result(f"{CALLS} calls talked for {SECONDS} s", sent >= CALLS * 2 * SECONDS / INTERVAL, f"{sent} packets sent")
    lab.same(f"{sent} packets sent, lost", sent - heard, 0)
    lab.same("altered, from a wrong source, or twice", sum(e.wrong for e in ends), 0)
    for call, callee in calls:
        peer.end_call(call, callee)
    # While nobody signals, what limen's ports take and give is media, but for a few ARP and neighbour probes.
    grown = {name: lab.total("port", name, after) - lab.total("port", name, before) for name in ("rx_pkts", "tx_pkts")}
    lab.result("limen's ports took what was sent, and gave as much", all(sent <= n <= sent + 16 for n in grown.values()), grown)
    dropped = {k[1]: v - before[k] for k, v in after.items() if k[0] == "drops" and v > before[k] and k[1] != "ip-dst"}
    lab.same("drops, multicast of the hosts aside", dropped, {})
    lab.wait_until(5, lambda: len(lab.records()) == CALLS)
    lab.same("records", len(lab.records()), CALLS)
    sides = [side for record in lab.records() for side in record["media"]]
    lab.same("received and relayed, by the records", sum(side["rx_pkts"] for side in sides), sent)
    lab.same("lost or dropped, by the records", sum(side["lost_pkts"] + side["dropped_pkts"] for side in sides), 0)
    sys.exit(1 if lab.failures else 0)


main()
