#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who may send media, and what becomes of a call without any."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402
from lab import drops  # noqa: E402

lab.lab_up("--config", os.path.join(lab.SMOKE, "flows.yaml"))
a, b = peer.Peer("a"), peer.Peer("b")


def arrived(sock, seconds=0.3):
    """How many packets come within that time."""
    sock.settimeout(seconds)
    count = 0
    try:
        while True:
            sock.recv(2048)
            count += 1
    except TimeoutError:
        return count


def talk(a_media, b_media, call_answer, callee, count=10):
    for seq in range(count):
        a_media.sendto(peer.rtp(seq, 1), call_answer.media())
        b_media.sendto(peer.rtp(seq, 2), callee.invite.media())
    return arrived(b_media), arrived(a_media)


def injection():
    """media of a third host, or from a third port, reaches nobody and is counted; the call's own goes on"""
    a_media, b_media = peer.udp("a", a.address, 40000), peer.udp("b", b.address, 50000)
    call, callee, answer = peer.answered_call(a, b)
    assert talk(a_media, b_media, answer, callee) == (10, 10), "the call's own media"
    before = drops("media-source")
    lab.run("ip", "-n", "limen-a", "addr", "add", "10.99.1.66/24", "dev", "to-limen")
    third_host, third_port = peer.udp("a", "10.99.1.66", 40000), peer.udp("a", a.address, 40100)
    for seq in range(100):
        third_host.sendto(peer.rtp(seq, 1), answer.media())
        third_port.sendto(peer.rtp(seq, 1), answer.media())
    assert arrived(b_media) == 0, "the callee heard a stranger"
    grown = lab.wait_until(3, lambda: drops("media-source") - before == 200)
    assert grown, f"{drops('media-source') - before} counted of 200"
    assert talk(a_media, b_media, answer, callee) == (10, 10), "the call's own media after that"
    peer.end_call(call, callee)
    for sock in (a_media, b_media, third_host, third_port):
        sock.close()


def strays():
    """packets to ports without a call, and what is neither RTP nor RTCP, are counted by name"""
    stray = peer.udp("a", a.address, 40300)
    before = drops("media-no-stream"), drops("udp-port")
    for _ in range(50):
        stray.sendto(peer.rtp(1, 1), ("10.99.1.1", 29998))
        stray.sendto(b"x", ("10.99.1.1", 9))
    assert lab.wait_until(3, lambda: drops("media-no-stream") - before[0] == 50 and drops("udp-port") - before[1] == 50), \
        f"counted: {drops('media-no-stream') - before[0]} and {drops('udp-port') - before[1]} of 50 each"
    media = peer.udp("a", a.address, 40000)
    call, callee, answer = peer.answered_call(a, b)
    invalid = drops("media-invalid")
    for _ in range(50):
        media.sendto(b"no RTP at all, but as long as it", answer.media())
    assert lab.wait_until(3, lambda: drops("media-invalid") - invalid == 50), f"{drops('media-invalid') - invalid} of 50 invalid"
    peer.end_call(call, callee)
    shown = lab.ctl("show", "drops")
    for name in ("media-no-stream", "udp-port", "media-invalid", "media-source"):
        assert name in shown, f"limenctl show drops does not tell of {name}"
    stray.close()
    media.close()


def media_after_end():
    """once the call has ended its ports relay nothing"""
    a_media, b_media = peer.udp("a", a.address, 40000), peer.udp("b", b.address, 50000)
    call, callee, answer = peer.answered_call(a, b)
    assert talk(a_media, b_media, answer, callee) == (10, 10), "the call's own media"
    peer.end_call(call, callee)
    assert talk(a_media, b_media, answer, callee) == (0, 0), "media went on"
    a_media.close()
    b_media.close()


def rtcp():
    """RTCP goes both ways beside RTP"""
    socks = [peer.udp("a", a.address, 40001), peer.udp("b", b.address, 50001)]
    call, callee, answer = peer.answered_call(a, b)
    report = b"\x80\xc9\x00\x01\x00\x00\x00\x07"  # receiver report without blocks
    for sock, message in zip(socks, (answer, callee.invite)):
        address, port = message.media()
        sock.sendto(report, (address, port + 1))
    assert [arrived(sock) for sock in socks] == [1, 1], "lost"
    peer.end_call(call, callee)
    for sock in socks:
        sock.close()


def timeout():
    """a call without media for media_timeout_s ends with BYE both ways, and its record says so"""
    a_media, b_media = peer.udp("a", a.address, 40000), peer.udp("b", b.address, 50000)
    call, callee, answer = peer.answered_call(a, b)
    for _ in range(12):  # media keeps it alive past the limit of 6 s
        assert talk(a_media, b_media, answer, callee, 2) == (2, 2), "the call's own media"
    quiet = time.monotonic()
    byes = [p.expect("BYE", 10) for p in (a, b)]
    took = byes[0].at - quiet
    for p, bye in zip((a, b), byes):
        p.answer(bye, 200)
    assert 4 < took < 8, f"after {took:.1f} s without media"
    assert byes[0].get("Call-ID") == call.call_id, "the caller's BYE has another Call-ID"
    assert lab.wait_until(5, lambda: lab.records() and lab.records()[-1]["ended_by"] == "media-timeout"), lab.records()[-1:]
    a_media.close()
    b_media.close()


lab.each(injection, strays, media_after_end, rtcp, timeout)
