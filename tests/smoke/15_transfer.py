#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""One call takes another's place: dialogs named across limen must be the ones that the far side knows."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

lab.lab_up()
a, b = peer.Peer("a"), peer.Peer("b")
third = peer.Peer("b", port=5062, user="third")


def replaces(call_id, to_tag, from_tag):
    return f"Replaces: {call_id};to-tag={to_tag};from-tag={from_tag}"


def named(message):
    """(Call-ID, to-tag, from-tag) of a Replaces header."""
    value = message.get("Replaces") or ""
    return value.split(";")[0], *(re.search(rf";{name}=([^;\s]+)", value)[1] for name in ("to-tag", "from-tag"))


def taken_over():
    """an INVITE with Replaces from the callee's network names the caller's own dialog when it arrives there (RFC 3891)"""
    call, callee, ok = peer.answered_call(a, b)
    limens = callee.invite.tag("From")
    other = peer.Call(third, "1001", extra=[replaces(callee.call_id, limens, callee.tag), "Require: replaces"])
    came = peer.Callee(a, other)
    tag = re.search(r"tag=(.*)", call.local)[1]
    assert named(came.invite) == (call.call_id, tag, ok.tag("To")), f"{came.invite.get('Replaces')}"
    for secret in (callee.call_id, limens, callee.tag):
        assert secret not in came.invite.text, f"{secret} is to be seen"
    came.answer(200, 40002)
    other.expect(200)
    other.ack()
    a.expect("ACK")
    call.in_dialog("BYE")
    bye = b.expect("BYE")
    assert bye.get("Call-ID") == callee.call_id
    b.answer(bye, 200)
    call.expect(200)
    peer.end_call(other, came)


def not_there():
    """a Replaces that names no dialog of limen's is refused with 481, and nobody is called"""
    call, callee, _ = peer.answered_call(a, b)
    limens = callee.invite.tag("From")
    for wrong in ((callee.call_id + "x", limens, callee.tag), (callee.call_id, limens[:-1] + ("0" if limens[-1] != "0" else "1"), callee.tag),
                  (callee.call_id, limens, callee.tag + "x")):
        other = peer.Call(third, "1001", extra=[replaces(*wrong)])
        other.ack_failure(other.expect(481))
    assert not [m for m in a.drain(0.3) if m.method == "INVITE"], "the caller was called"
    peer.end_call(call, callee)


def another_network():
    """a dialog of one network is not named to another one's user: what the caller's network knows is nothing to the callee's"""
    call, callee, ok = peer.answered_call(a, b)
    tag = re.search(r"tag=(.*)", call.local)[1]
    other = peer.Call(third, "1001", extra=[replaces(call.call_id, ok.tag("To"), tag)])
    answer = third.expect(481)
    other.ack_failure(answer)
    assert not [m for m in a.drain(0.3) if m.method == "INVITE"], "the caller was called"
    peer.end_call(call, callee)


lab.each(taken_over, not_there, another_network)
