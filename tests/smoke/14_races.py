#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What SIPp cannot play: messages that cross on their way, answers that come twice, requests that go in a circle."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

lab.lab_up("--config", os.path.join(lab.SMOKE, "flows.yaml"))
a, b = peer.Peer("a"), peer.Peer("b")


def fork_answer(callee, status, tag, media_port=None, extra=()):
    """The answer of one of several phones behind the callee's proxy."""
    body = peer.sdp(b.address, media_port) if media_port else ""
    return b.answer(callee.invite, status, tag=tag, body=body, extra=extra)


def cancel_behind_200():
    """a CANCEL that meets the 200 on its way changes nothing: 200 for it, and the call is there to be ended"""
    call = a.call("2")
    callee = peer.Callee(b, call)
    callee.answer(180)
    call.expect(180)
    callee.answer(200, 50000)
    ok = call.expect(200)
    call.cancel()
    answer = a.expect(200)
    assert answer.get("CSeq") == "1 CANCEL", f"{answer}"
    call.ack()
    b.expect("ACK")
    came = b.drain(0.5)
    assert not came, f"the callee was told {[str(m) for m in came]}"
    assert not [m for m in a.drain(0.3) if m.status == 487], "487 after 200"
    assert ok.tag("To") in call.remote
    peer.end_call(call, callee)


def cancel_before_100():
    """a CANCEL waits until the callee has said something (RFC 3261 section 9.1), then goes out once"""
    call = a.call("2")
    callee = peer.Callee(b, call)
    call.cancel()
    a.expect(200)
    call.ack_failure(call.expect(487))
    assert not [m for m in b.drain(0.4) if m.method == "CANCEL"], "CANCEL before any answer"
    callee.answer(100)
    cancel = b.expect("CANCEL")
    assert cancel.get("Via") == callee.invite.get("Via"), "not the INVITE's branch"
    b.answer(cancel, 200)
    callee.answer(487)
    ack = b.expect("ACK")
    assert ack.get("Via") == callee.invite.get("Via"), "not the INVITE's branch"
    assert not b.drain(0.7), "more after the ACK"


def cancel_repeated():
    """a CANCEL that comes again is answered again, and the callee hears one"""
    call = a.call("2")
    callee = peer.Callee(b, call)
    callee.answer(180)
    call.expect(180)
    for _ in range(2):
        call.cancel()
        a.expect(200, 2)
    cancels = [m for m in b.drain(0.3) if m.method == "CANCEL"]
    assert len(cancels) == 1, f"{len(cancels)} CANCELs"
    b.answer(cancels[0], 200)
    callee.answer(487)
    b.expect("ACK")
    a.drain(0.2)
    call.ack_failure(next(m for m in reversed(a.seen) if m.status == 487))


def loser_repeats():
    """a phone that lost and repeats its 200 has its ACK each time, one BYE, and the caller hears nothing of it"""
    call = a.call("2")
    callee = peer.Callee(b, call)
    fork_answer(callee, 180, "one")
    fork_answer(callee, 180, "two")
    first, second = call.expect(180), call.expect(180)
    assert first.tag("To") != second.tag("To"), "one tag for two phones"
    fork_answer(callee, 200, "two", 50000)
    ok = call.expect(200)
    assert ok.tag("To") == second.tag("To"), "the 200 is of another early dialog than its phone's 180"
    call.ack()
    assert b.expect("ACK").tag("To") == "two"
    byes = []
    for _ in range(3):
        fork_answer(callee, 200, "one", 50002)
        ack = b.expect("ACK", 2)
        assert ack.tag("To") == "one" and ack.get("CSeq").split()[0] == callee.invite.get("CSeq").split()[0], f"{ack}"
        byes += [m for m in b.drain(0.1) if m.method == "BYE"]
    assert byes and all(m.tag("To") == "one" for m in byes), f"BYE for {[m.tag('To') for m in byes]}"
    b.answer(byes[0], 200)
    assert len({m.get("CSeq") for m in byes}) == 1, f"BYEs {[m.get('CSeq') for m in byes]}"
    came = a.drain(0.3)
    assert not came, f"the caller heard {[str(m) for m in came]}"
    call.in_dialog("BYE")
    bye = b.expect("BYE")
    assert bye.tag("To") == "two", f"the wrong phone was told: {bye.tag('To')}"
    b.answer(bye, 200)
    call.expect(200)


def prack_lost():
    """a reliable 183 that comes again is the same for the caller; a PRACK that comes again reaches the callee once"""
    call = a.call("2", extra=["Supported: 100rel"])
    callee = peer.Callee(b, call)
    for _ in range(2):
        fork_answer(callee, 183, "one", 50000, ["Require: 100rel", "RSeq: 41"])
    first = call.expect(183)
    again = [m for m in a.drain(0.3) if m.status == 183]
    assert all(m.get("RSeq") == first.get("RSeq") and m.tag("To") == first.tag("To") for m in again), "the repeated 183 differs"
    call.remote, call.target = first.get("To"), first.target()
    text = call.in_dialog("PRACK", extra=[f"RAck: {first.get('RSeq')} 1 INVITE"])
    prack = b.expect("PRACK")
    assert prack.get("RAck") == f"41 {callee.invite.get('CSeq').split()[0]} INVITE", prack.get("RAck")
    b.answer(prack, 200)
    assert "PRACK" in a.expect(200).get("CSeq")
    a.send(text)
    assert "PRACK" in a.expect(200, 2).get("CSeq"), "the repeated PRACK was not answered"
    assert not [m for m in b.drain(0.3) if m.method == "PRACK"], "the callee heard it twice"
    fork_answer(callee, 200, "one")
    call.expect(200)
    # The INVITE's own number, not that of the PRACK behind it.
    a.send(a.request("ACK", call.target, call, call.remote, "1 ACK"))
    b.expect("ACK")
    callee.tag = "one"
    peer.end_call(call, callee)


def sent_on(where, invite, number):
    """The text of that INVITE as a new call by the same peer, as a switch would send it on that routes it back."""
    text = re.sub(r"^INVITE \S+", f"INVITE sip:{number}@{where.limen[0]}:5060", invite.text)
    text = re.sub(r"\nVia: [^\r]*", f"\nVia: {where.via()}", text)
    text = re.sub(r"\nCall-ID: [^\r]*", f"\nCall-ID: circle{invite.get('Max-Forwards')}x{os.getpid()}", text)
    text = re.sub(r"\nContact: [^\r]*", f"\nContact: {where.contact()}", text)
    return text.replace("Max-Forwards: 69", "Max-Forwards: 4")  # not seventy times round


def in_a_circle():
    """a call that two peers send back and forth through limen ends with 483 when its hops are used up"""
    call = peer.Call(a, "2777")
    hops, legs = [], []
    for side, other, number, back in [(b, a, "2777", "1777"), (a, b, "1777", "2777")] * 5:
        came = side.expect("INVITE", 2, number)
        side.answer(came, 100)
        hops.append(int(came.get("Max-Forwards")))
        legs.append((side, came))
        side.send(sent_on(side, came, back))
        if hops[-1] == 0:
            break
    assert hops == [69, 3, 2, 1, 0], f"Max-Forwards {hops}"
    side.expect(483)
    assert not [m for m in other.drain(0.3) if m.method == "INVITE"], "it goes on"
    # The refusal goes back the whole way.
    for where, invite in reversed(legs):
        where.answer(invite, 483, tag="circle")
    call.ack_failure(call.expect(483))
    a.drain(0.3)


def one_cycle():
    """a request that comes by two ways is refused with 482 (RFC 3261 section 8.2.2.2)"""
    call = a.call("2")
    callee = peer.Callee(b, call)
    callee.answer(180)
    call.expect(180)
    a.send(re.sub(r"branch=[^;]*", "branch=z9hG4bKother" + str(os.getpid()), call.invite))
    merged = a.expect(482)
    assert "z9hG4bKother" in merged.get("Via")
    assert not [m for m in b.drain(0.3) if m.method == "INVITE"], "the callee was called twice"
    callee.answer(486)
    b.expect("ACK")
    call.ack_failure(call.expect(486))


lab.each(cancel_behind_200, cancel_before_100, cancel_repeated, loser_repeats, prack_lost, in_a_circle, one_cycle)
