# SPDX-License-Identifier: BSD-3-Clause
"""RTP over a bad network: what a sender's packets become on their way (loss, order, copies, delay), and what a receiver's
own arithmetic makes of what arrived (RFC 3550 appendix A). The kernel stamps each arrival, so that a busy machine does not
pass for jitter."""

import dataclasses
import random
import select
import socket
import struct
import time

import peer

INTERVAL = 0.02
SO_TIMESTAMPNS = 35


@dataclasses.dataclass
class Network:
    """What befalls packets, as tc netem has it; each of them drawn from a generator of its own, so that a run can be repeated."""
    loss: float = 0         # share of the packets
    burst: float = 1        # mean length of a run of losses
    duplicate: float = 0
    reorder: float = 0      # share that comes after the three behind it
    jitter_s: float = 0     # delays are spread over this much, the order kept
    seed: int = 1

    def plan(self, count):
        """[(when, number)] as they reach limen, by time; and which were lost."""
        rng, out, lost, last = random.Random(self.seed), [], set(), 0.0
        in_loss = False
        enter = self.loss / self.burst / (1 - self.loss) if self.loss else 0
        for seq in range(count):
            in_loss = rng.random() >= 1 / self.burst if in_loss else rng.random() < enter
            if in_loss and 0 < seq < count - 1:  # the ends are not lost: nobody could know of them
                lost.add(seq)
                continue
            due = seq * INTERVAL + rng.random() * self.jitter_s
            if self.reorder and rng.random() < self.reorder and seq < count - 5:
                out.append((seq * INTERVAL + 3.5 * INTERVAL, seq))
                continue
            due = last = max(due, last)
            out.append((due, seq))
            if self.duplicate and rng.random() < self.duplicate:
                out.append((due + INTERVAL / 4, seq))
        return sorted(out), lost


class Received:
    """Reception by the book (RFC 3550 appendices A.1, A.3, A.8; one source, no restart), of G.711."""

    def __init__(self):
        self.seqs, self.first, self.highest = set(), None, None
        self.late = self.copies = self.total = 0
        self.transit = None
        self.jitter_s = self.jitter_max_s = 0.0

    def take(self, data, arrived_s):
        seq, stamp = struct.unpack_from("!HI", data, 2)
        self.total += 1
        if seq in self.seqs:
            self.copies += 1
            return
        self.seqs.add(seq)
        if self.highest is not None and seq < self.highest:
            self.late += 1
        self.highest = max(seq, self.highest or 0)
        self.first = seq if self.first is None else min(seq, self.first)
        transit = arrived_s - stamp / 8000
        if self.transit is not None:
            self.jitter_s += (abs(transit - self.transit) - self.jitter_s) / 16
            self.jitter_max_s = max(self.jitter_s, self.jitter_max_s)
        self.transit = transit

    def expected(self):
        return self.highest - self.first + 1

    def lost(self):
        return self.expected() - len(self.seqs)

    def loss_runs(self):
        """(how many runs, the longest)"""
        runs, length = [], 0
        for seq in range(self.first, self.highest + 2):
            if seq in self.seqs or seq > self.highest:
                if length:
                    runs.append(length)
                length = 0
            else:
                length += 1
        return len(runs), max(runs, default=0)


class End:
    """One end of a call's media: RTP, and RTCP on the port behind it."""

    def __init__(self, side, port, ssrc):
        address = peer.ADDRESS[side][0]
        self.port, self.ssrc, self.to = port, ssrc, None
        self.sock, self.rtcp = peer.udp(side, address, port), peer.udp(side, address, port + 1)
        for sock in (self.sock, self.rtcp):
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sent, self.got, self.reports = 0, Received(), []

    def send(self, seq):
        self.sent += 1
        self.sock.sendto(peer.rtp(seq, self.ssrc), self.to)

    def send_rtcp(self, packet):
        self.rtcp.sendto(packet, (self.to[0], self.to[1] + 1))

    def hear(self, sock):
        """All that has come there, with the kernel's times."""
        while True:
            try:
                data, controls, _, _ = sock.recvmsg(2048, 64)
            except BlockingIOError:
                return
            (seconds, nanoseconds), = (struct.unpack("qq", value[:16]) for level, kind, value in controls
                                       if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS))
            if sock is self.sock:
                self.got.take(data, seconds + nanoseconds / 1e9)
            else:
                self.reports.append((time.time() - seconds - nanoseconds / 1e9, data))

    def close(self):
        self.sock.close()
        self.rtcp.close()


def play(events, ends, after_s=0.5):
    """Do each of events = [(when, function)] at its time, and hear what comes to the ends in between. By how much the latest of
    them was late."""
    by_fd = {sock.fileno(): (end, sock) for end in ends for sock in (end.sock, end.rtcp)}
    poll, late, start = select.epoll(), 0, time.monotonic()
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    def hear(until):
        while True:
            for fd, _ in poll.poll(max(0, until - time.monotonic()), 64):
                end, sock = by_fd[fd]
                end.hear(sock)
            if time.monotonic() >= until:
                return

    for when, function in sorted(events, key=lambda event: event[0]):
        hear(start + when)
        late = max(late, time.monotonic() - start - when)
        function()
    hear(time.monotonic() + after_s)
    poll.close()
    return late


def sender_report(ssrc, ntp, stamp, packets):
    """With a name, as any compound packet has to be (RFC 3550 section 6.1)."""
    return struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, ntp, stamp & 0xffffffff, packets, packets * 160) + name(ssrc)


def receiver_report(ssrc, about, lost, highest, jitter, mark, delay_s):
    fields = struct.pack("!II", about, lost & 0xffffff) + struct.pack("!IIII", highest, jitter, mark, int(delay_s * 65536))
    return struct.pack("!BBHI", 0x81, 201, 7, ssrc) + fields + name(ssrc)


def name(ssrc):
    return struct.pack("!BBHIBB", 0x81, 202, 3, ssrc, 1, 4) + b"peer" + b"\0\0"


def digit(number, first_seq, stamp, ssrc, lose=(), duration=160):
    """The packets of one key pressed (RFC 4733): updates, then the end three times. `lose`: which of them are lost."""
    packets = []
    for n in range(8):
        last, passed = n >= 5, min(n + 1, 6) * duration
        head = struct.pack("!BBHII", 0x80, (0x80 if n == 0 else 0) | 101, (first_seq + n) & 0xffff, stamp, ssrc)
        packets.append(head + struct.pack("!BBH", number, (0x80 if last else 0) | 10, passed))
    return [packet for n, packet in enumerate(packets) if n not in lose]
