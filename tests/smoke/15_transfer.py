#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Transfer (RFC 5589): whom a REFER names is behind limen, and dialogs named across limen are the ones that the far side knows."""

import os
import re
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

# Numbers that begin with 3 are a third party's in network b; calls from b to b go through limen too.
with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as file:
    CONFIG = file.read()
CONFIG = CONFIG.replace("    answer_max_s: 3\n", "    refer: pass\n")
CONFIG = CONFIG.replace("\nroutes:\n", """
  - name: third
    realm: b
    peers: ["10.99.2.2:5062"]
    sources: [10.99.2.3]

routes:
  - prefix: "3"
    to: third
""")
with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
    config.write(CONFIG)
    config.flush()
    lab.lab_up("--config", config.name)
a, b = peer.Peer("a"), peer.Peer("b")
third = peer.Peer("b", port=5062, user="third")
other_phone = peer.Peer("b", port=5064, user="other")


def replaces(call_id, to_tag, from_tag):
    return f"Replaces: {call_id};to-tag={to_tag};from-tag={from_tag}"


def named(message):
    """(Call-ID, to-tag, from-tag) of a Replaces header."""
    value = message.get("Replaces") or ""
    return value.split(";")[0], *(re.search(rf";{name}=([^;\s]+)", value)[1] for name in ("to-tag", "from-tag"))


def refer(call, callee, target):
    """The caller refers the callee; the REFER as it came."""
    call.in_dialog("REFER", extra=[f"Refer-To: <{target}>", f"Referred-By: <sip:peer@{a.address}>"])
    came = b.expect("REFER")
    b.answer(came, 202)
    call.expect(202)
    assert a.address not in came.text and call.call_id not in came.text, came.text
    return came


def notify(call, callee, came, status, state):
    """The callee tells how its new call goes, with more of it than the caller is to see."""
    callee.cseq += 1
    body = f"SIP/2.0 {status} Progress\r\nContact: {b.contact()}\r\nServer: callee-switch/3.2\r\n"
    text = b.request("NOTIFY", callee.target, callee, callee.remote, f"{callee.cseq} NOTIFY",
                     extra=["Event: refer", f"Subscription-State: {state}", "Content-Type: message/sipfrag;version=2.0"], body=body)
    b.send(text.replace("Content-Type: application/sdp\r\n", ""))
    told = a.expect("NOTIFY")
    assert told.body.startswith(f"SIP/2.0 {status}") and "callee" not in told.text and b.address not in told.text, told.text
    a.answer(told, 200)
    b.expect(200)


def new_call(came):
    """The call that the callee makes as it was told: to the Refer-To, through limen."""
    uri, _, headers = re.search(r"<([^>]*)>", came.get("Refer-To"))[1].partition("?")
    extra = [f"{name}: {urllib.parse.unquote(value)}" for name, _, value in (part.partition("=") for part in headers.split("&")) if name]
    host = re.match(r"sip:(\w+)@([\d.]+)", uri)
    assert host[2] == b.limen[0], f"{uri} is not behind limen"
    return peer.Call(b, host[1], extra=extra), extra


def transferred():
    """a callee that is referred calls the new party through limen, and the first call ends (RFC 3515, RFC 5589 section 6.1)"""
    call, callee, _ = peer.answered_call(a, b)
    came = refer(call, callee, f"sip:3001@{a.limen[0]}")
    notify(call, callee, came, 100, "active;expires=60")
    fresh, extra = new_call(came)
    assert not extra, extra
    party = peer.Callee(third, fresh)
    party.answer(180)
    party.answer(200, 50010)
    fresh.expect(200)
    fresh.ack()
    third.expect("ACK")
    notify(call, callee, came, 200, "terminated;reason=noresource")
    peer.end_call(call, callee)
    peer.end_call(fresh, party)


def transferred_with_consultation():
    """attended transfer: the new call takes the place of the one between caller and third party, named as that party knows it"""
    call, callee, _ = peer.answered_call(a, b)
    asked = a.call("3")
    party = peer.Callee(third, asked)
    party.answer(200, 50010)
    ok = asked.expect(200)
    asked.ack()
    third.expect("ACK")
    tag = re.search(r"tag=(.*)", asked.local)[1]
    value = urllib.parse.quote(f"{asked.call_id};to-tag={ok.tag('To')};from-tag={tag}", safe="")
    came = refer(call, callee, f"sip:{asked.user}@{a.limen[0]}?Replaces={value}")
    for secret in (asked.call_id, tag, party.call_id):
        assert secret not in urllib.parse.unquote(came.get("Refer-To")), f"{secret} is to be seen"
    fresh, extra = new_call(came)
    assert any(line.startswith("Replaces:") for line in extra), extra
    taken = peer.Callee(third, fresh)
    assert named(taken.invite) == (party.call_id, party.tag, party.invite.tag("From")), taken.invite.get("Replaces")
    taken.answer(200, 50012)
    fresh.expect(200)
    fresh.ack()
    third.expect("ACK")
    party.in_dialog("BYE")
    bye = a.expect("BYE")
    assert bye.get("Call-ID") == asked.call_id, f"{bye}"
    a.answer(bye, 200)
    third.expect(200)
    notify(call, callee, came, 200, "terminated;reason=noresource")
    peer.end_call(call, callee)
    peer.end_call(fresh, taken)


def taken_over():
    """an INVITE with Replaces from the callee's network names the caller's own dialog when it arrives there (RFC 3891)"""
    call, callee, ok = peer.answered_call(a, b)
    limens = callee.invite.tag("From")
    other = peer.Call(other_phone, "1001", extra=[replaces(callee.call_id, limens, callee.tag), "Require: replaces"])
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
        other = peer.Call(other_phone, "1001", extra=[replaces(*wrong)])
        other.ack_failure(other.expect(481))
    assert not [m for m in a.drain(0.3) if m.method == "INVITE"], "the caller was called"
    peer.end_call(call, callee)


def another_network():
    """a dialog of one network is not named to another one's user: what the caller's network knows is nothing to the callee's"""
    call, callee, ok = peer.answered_call(a, b)
    tag = re.search(r"tag=(.*)", call.local)[1]
    other = peer.Call(other_phone, "1001", extra=[replaces(call.call_id, ok.tag("To"), tag)])
    answer = other_phone.expect(481)
    other.ack_failure(answer)
    assert not [m for m in a.drain(0.3) if m.method == "INVITE"], "the caller was called"
    peer.end_call(call, callee)


lab.each(transferred, transferred_with_consultation, taken_over, not_there, another_network)
