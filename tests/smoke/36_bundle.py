#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A caller that sends audio and video by one port (BUNDLE, RFC 8843) and a callee that has a port for each, and the other way
round: each packet arrives at its section, in both directions, RTCP too, and while the control plane is away."""

import os
import re
import select
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

EXT = "a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:mid"
lab.lab_up("--config", os.path.join(lab.SMOKE, "flows.yaml"))
a, b = peer.Peer("a"), peer.Peer("b")


def description(who, ports, bundled, version=1):
    """Audio and video at these ports."""
    lines = ["v=0", f"o=peer 77 {version} IN IP4 {who.address}", "s=-", f"c=IN IP4 {who.address}", "t=0 0"]
    lines += ["a=group:BUNDLE sound picture"] if bundled else []
    for kind, port, formats, mid in (("audio", ports[0], "8", "sound"), ("video", ports[1], "96", "picture")):
        lines.append(f"m={kind} {port} RTP/AVP {formats}")
        lines += [f"a=mid:{mid}", "a=rtcp-mux", EXT] if bundled else []
        lines += ["a=rtpmap:96 VP8/90000"] if kind == "video" else []
        lines += ["a=bundle-only"] if bundled and port == 0 else []
    return "\r\n".join(lines) + "\r\n"


def ports_of(body):
    return [int(port) for port in re.findall(r"^m=\w+ (\d+) ", body, re.M)]


def rtp(kind, seq, ssrc, mid=None):
    head = struct.pack("!BBHII", 0x90 if mid else 0x80, kind, seq, seq * 160, ssrc)
    if mid:
        element = bytes([5 << 4 | len(mid) - 1]) + mid.encode()
        element += bytes(-len(element) % 4)
        head += struct.pack("!HH", 0xbede, len(element) // 4) + element
    return head + bytes([kind]) * 100


def hear(sock, seconds=0.3):
    """[(packet, source)] that come within that time."""
    came, until = [], time.monotonic() + seconds
    while select.select([sock], [], [], max(0, until - time.monotonic()))[0]:
        came.append(sock.recvfrom(2048))
    return came


class Bundled:
    """A call whose peer on side `near` has a bundle at one port, and the other one a port for each section."""
    ports = 30000

    def __init__(self, near_is_caller, only=False):
        base = Bundled.ports = Bundled.ports + 10
        caller, callee = (a, b) if near_is_caller else (b, a)
        near, far = caller, callee
        self.sock = peer.udp(near.side, near.address, base)
        self.far = [peer.udp(far.side, far.address, base + 2 * n) for n in (1, 2)]
        self.far_rtcp = [peer.udp(far.side, far.address, base + 2 * n + 1) for n in (1, 2)]
        self.call = caller.call("2" if near_is_caller else "1", body=description(near, (base, 0 if only else base + 6), True))
        self.callee = peer.Callee(callee, self.call)
        assert "BUNDLE" not in self.callee.invite.body and "bundle-only" not in self.callee.invite.body, self.callee.invite.body
        self.to_far = ports_of(self.callee.invite.body)
        assert self.to_far[0] != self.to_far[1] and all(self.to_far), self.to_far
        callee.answer(self.callee.invite, 200, tag=self.callee.tag, body=description(far, (base + 2, base + 4), False))
        ok = self.call.expect(200)
        self.call.ack()
        callee.expect("ACK")
        assert "a=group:BUNDLE sound picture\r\n" in ok.body and ok.body.count("a=rtcp-mux") == 2 and ok.body.count(EXT) == 2, ok.body
        port, = set(ports_of(ok.body))
        self.to_near = (near.limen[0], port)
        self.far_host = far.limen[0]
        self.seq = 0

    def talk(self, count=40):
        """Both sections both ways: by payload type, and where both have the same one by what came before, or by the mid."""
        wanted = [[], []]
        for _ in range(count):
            self.seq += 1
            for n, (kind, mid) in enumerate(((8, "sound"), (96, "picture"))):
                with_mid = self.seq % 4 == 0
                packet = rtp(13 if with_mid else kind, self.seq, 100 + n, mid if with_mid else None)
                self.sock.sendto(packet, self.to_near)
                wanted[n].append(packet)
        for n in (0, 1):
            came = [packet for packet, _ in hear(self.far[n])]
            assert came == wanted[n], f"section {n}: {len(came)} packets of {count}"
        sent = set()
        for n, kind in enumerate((8, 96)):
            for i in range(count):
                packet = rtp(kind, self.seq + i, 200 + n)
                self.far[n].sendto(packet, (self.far_host, self.to_far[n]))
                sent.add(packet)
        came = hear(self.sock)
        assert {packet for packet, _ in came} == sent and len(came) == 2 * count, f"back: {len(came)} of {2 * count}"
        assert {source for _, source in came} == {self.to_near}, "not all by the bundle's port"

    def rtcp(self):
        for n in (0, 1):
            report = struct.pack("!BBHIIIIII", 0x80, 200, 6, 100 + n, 1, 2, 3, 4, 5)
            self.sock.sendto(report, self.to_near)
            assert [packet for packet, _ in hear(self.far_rtcp[n])] == [report], f"RTCP of section {n}"
            report = struct.pack("!BBHIIIIII", 0x80, 200, 6, 200 + n, 1, 2, 3, 4, 5)
            self.far_rtcp[n].sendto(report, (self.far_host, self.to_far[n] + 1))
            assert hear(self.sock) == [(report, self.to_near)], f"RTCP of section {n}, back"

    def end(self):
        peer.end_call(self.call, self.callee)
        for sock in (self.sock, *self.far, *self.far_rtcp):
            sock.close()
        return lab.wait_until(5, lambda: [r for r in lab.records() if self.call.call_id in r["call_ids"]])[0]


def of_the_caller():
    """a bundled caller and a callee with a port for each: every packet reaches its section, RTCP too, and comes back by one port"""
    call = Bundled(True)
    call.talk()
    call.rtcp()
    record = call.end()
    sections = [[side["rx_pkts"] for side in stream] for stream in record["streams"]]
    assert sections == [[40, 40], [40, 40]], sections
    assert [stream[0]["lost_pkts"] + stream[0]["restarts"] for stream in record["streams"]] == [0, 0], record["streams"]


def of_the_callee_side():
    """the same from the other network, with video that is offered in the bundle alone"""
    call = Bundled(False, only=True)
    call.talk()
    call.end()


def none_of_it():
    """what is of no section, or of a stranger, goes nowhere and is counted"""
    call = Bundled(True)
    call.talk(5)
    before = lab.drops("media-section"), lab.drops("media-source")
    stranger = peer.udp("a", a.address, 39990)
    for n in range(20):
        call.sock.sendto(rtp(111, n, 999), call.to_near)
        call.sock.sendto(rtp(8, n, 998, "nobody"), call.to_near)
        stranger.sendto(rtp(8, n, 100, "picture"), call.to_near)
    assert not hear(call.far[0]) and not hear(call.far[1]), "it was relayed"
    assert lab.wait_until(3, lambda: (lab.drops("media-section") - before[0], lab.drops("media-source") - before[1]) == (40, 20)), \
        f"{lab.drops('media-section') - before[0]} and {lab.drops('media-source') - before[1]} counted"
    call.talk(5)  # and the stranger has moved no source to another section
    stranger.close()
    call.end()


def without_a_control_plane():
    """the control plane is killed and comes back: the bundle goes on"""
    call = Bundled(True)
    call.talk()
    lab.run(lab.LAB, "kill", "controlplane")
    call.talk()
    lab.run(lab.LAB, "start", "controlplane")
    call.talk()
    call.end()


lab.each(of_the_caller, of_the_callee_side, none_of_it, without_a_control_plane)
