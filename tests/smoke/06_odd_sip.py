#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a network does to SIP, and what an attacker does: lost and repeated messages, fragments, strangers, forgeries."""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402
from lab import drops  # noqa: E402

lab.lab_up("--config", os.path.join(lab.SMOKE, "flows.yaml"))
a, b = peer.Peer("a"), peer.Peer("b")


def repeated_invite():
    """an INVITE that comes three times is one call for the callee, and the caller hears the last answer again"""
    call = a.call("2")
    callee = peer.Callee(b, call)
    callee.answer(180)
    call.expect(180)
    for _ in range(2):
        a.send(call.invite)
        again = call.expect(180, 2)
        assert again.tag("To"), "the repeated 180 has no tag"
    assert not [m for m in b.drain(0.5) if m.method == "INVITE"], "the callee was called again"
    callee.answer(486)
    call.ack_failure(call.expect(486))
    b.expect("ACK")


def lost_200():
    """a 200 that the caller does not acknowledge is sent again until it is"""
    call = a.call("2")
    callee = peer.Callee(b, call)
    callee.answer(200, 50000)
    first = call.expect(200)
    second = call.expect(200, 2)
    third = call.expect(200, 3)
    assert first.text == second.text == third.text, "the repeated 200 differs"
    assert 0.4 < second.at - first.at < 0.8, f"first repeat after {second.at - first.at:.2f} s, not T1"
    call.ack()
    b.drain(0.5)
    assert not [m for m in a.drain(2.5) if m.status == 200], "200 again after the ACK"
    peer.end_call(call, callee)


def lost_ack():
    """a callee that repeats its 200 hears the ACK again, and the caller is not troubled"""
    call, callee, _ = peer.answered_call(a, b)
    for _ in range(2):
        callee.answer(200, 50000)
        b.expect("ACK", 2)
    assert not a.drain(0.5), "the caller heard of it"
    peer.end_call(call, callee)


def repeated_bye():
    """a BYE that comes again is answered again, and the far side hears one"""
    call, callee, _ = peer.answered_call(a, b)
    text = call.in_dialog("BYE")
    bye = b.expect("BYE")
    b.answer(bye, 200)
    call.expect(200)
    a.send(text)
    call.expect(200, 2)
    assert not [m for m in b.drain(0.5) if m.method == "BYE"], "the callee was told again"


def repeated_failure():
    """a failure is sent again until the caller acknowledges it"""
    call = a.call("2")
    callee = peer.Callee(b, call)
    callee.answer(486)
    b.expect("ACK")
    first, second = call.expect(486), call.expect(486, 2)
    assert 0.4 < second.at - first.at < 0.8, f"repeated after {second.at - first.at:.2f} s, not T1"
    call.ack_failure(second)
    a.drain(0.2)
    again = [str(m) for m in a.drain(2.5)]
    assert not again, f"after the ACK came {again}"


def limen_repeats_invite():
    """limen repeats its INVITE to a callee that does not answer, after T1 and 2 T1"""
    call = a.call("2")
    came = [b.expect("INVITE", 3, call.user) for _ in range(3)]
    assert came[0].text == came[1].text == came[2].text, "the repeated INVITE differs"
    gaps = [came[1].at - came[0].at, came[2].at - came[1].at]
    assert 0.4 < gaps[0] < 0.7 and 0.9 < gaps[1] < 1.2, f"after {gaps}"
    b.answer(came[0], 404, tag="late")
    b.expect("ACK")
    call.ack_failure(call.expect(404))


def stranger():
    """a host that no trunk names is refused with 403, and the callee hears nothing"""
    lab.run("ip", "-n", "limen-a", "addr", "add", "10.99.1.66/24", "dev", "to-limen")
    other = peer.Peer("a", "10.99.1.66")
    call = other.call("2")
    call.ack_failure(call.expect(403))
    assert not b.drain(0.5), "the callee heard of it"
    other.close()


def stranger_in_dialog():
    """in-dialog requests with wrong cookies are dropped or refused, and the call goes on"""
    call, callee, _ = peer.answered_call(a, b)
    dropped = drops("sip-forged") + drops("sip-no-dialog")
    right = call.remote, call.target
    tag = call.remote.split(";tag=")[1]
    forged = 0
    for at in range(0, len(tag), 3):
        wrong = tag[:at] + ("0" if tag[at] != "0" else "1") + tag[at + 1:]
        call.remote = call.remote.replace(tag, wrong)
        call.in_dialog("BYE")
        forged += 1
        call.remote, call.target = right
    call.remote = call.remote.split(";tag=")[0] + ";tag=guess"
    call.in_dialog("BYE")
    call.remote, call.target = right
    answers = [m for m in a.drain(1) if m.status]
    assert all(m.status in (481, 403) for m in answers), f"answered {[str(m) for m in answers]}"
    assert not b.drain(0.3), "the callee heard of a forged BYE"
    grown = drops("sip-forged") + drops("sip-no-dialog") - dropped
    assert grown + len(answers) >= forged, f"{forged} forged, {grown} counted and {len(answers)} refused"
    peer.end_call(call, callee)


def other_call_id():
    """a BYE with the right tags and another Call-ID does not end the call"""
    call, callee, _ = peer.answered_call(a, b)
    right, call.call_id = call.call_id, "other" + call.call_id
    call.in_dialog("BYE")
    call.call_id = right
    assert all(m.status in (481, 403) for m in a.drain(0.7)), "the BYE was taken"
    assert not b.drain(0.3), "the callee heard of it"
    peer.end_call(call, callee)


def old_cseq():
    """an in-dialog request with a lower CSeq than the last is refused with 500 (RFC 3261 section 12.2.2)"""
    call, callee, _ = peer.answered_call(a, b)
    call.cseq = -1
    call.in_dialog("INVITE", peer.sdp(a.address, 40000))
    refused = call.expect(500)
    a.send(a.request("ACK", call.target, call, call.remote, "0 ACK", via=refused.get("Via").split(";received")[0]))
    assert not b.drain(0.3), "the callee heard of it"
    call.cseq = 5
    peer.end_call(call, callee)


def fragments():
    """an INVITE of 3,000 bytes comes in fragments and leaves in fragments, both ways, whole"""
    for caller, called, prefix in ((a, b, "2"), (b, a, "1")):
        text = "".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=2300))
        body = peer.sdp(caller.address, 40000) + "".join(f"a=x-filler:{text[i:i + 100]}\r\n" for i in range(0, 2300, 100))
        call = caller.call(prefix, body=body)
        assert len(call.invite) > 3000, len(call.invite)
        callee = peer.Callee(called, call)
        assert len(callee.invite.text) > 2700, f"arrived with {len(callee.invite.text)} bytes"
        for i in range(0, 2300, 100):
            assert text[i:i + 100] in callee.invite.text, "damaged on its way"
        callee.answer(200, 50000)
        call.expect(200)
        call.ack()
        called.expect("ACK")
        peer.end_call(call, callee)


def garbage():
    """noise at the SIP port is dropped by name, and limen goes on"""
    before = drops("sip-parse") + drops("sip-keepalive")
    rng = random.Random(7)
    for n in range(300):
        a.sock.sendto(rng.randbytes(rng.randrange(1, 1400)), a.limen)
    a.sock.sendto(b"\r\n\r\n", a.limen)
    a.send("INVITE sip:x SIP/2.0\r\n\r\n")
    grown = lab.wait_until(3, lambda: drops("sip-parse") + drops("sip-keepalive") - before >= 302)
    assert grown, f"{drops('sip-parse') + drops('sip-keepalive') - before} counted of 302"
    peer.end_call(*peer.answered_call(a, b)[:2])


lab.each(repeated_invite, lost_200, lost_ack, repeated_bye, repeated_failure, limen_repeats_invite, stranger, stranger_in_dialog,
         other_call_id, old_cseq, fragments, garbage)
