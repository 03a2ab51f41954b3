#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A user behind NAT registers through limen: the registrar sees a token at limen's address, challenges, is answered, and calls the
user by the token; neither the control plane's end nor its start in between is noticed."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

lab.lab_up()
user, other, registrar = peer.Peer("a", port=5070, user="kim"), peer.Peer("a", port=5071, user="kim"), peer.Peer("b")
OWN = "sip:kim@192.168.77.7:5062;line=x1"  # behind the NAT
CREDENTIALS = 'Digest username="kim", realm="core", nonce="n0", uri="sip:10.99.1.1", response="0123456789abcdef0123456789abcdef"'
cseq = 0


def register(contact, extra=(), at=user):
    """Send one; what the registrar gets of it."""
    global cseq
    cseq += 1
    lines = ["REGISTER sip:10.99.1.1 SIP/2.0", f"Via: {at.via()}", "From: <sip:kim@10.99.1.1>;tag=k1", "To: <sip:kim@10.99.1.1>",
             f"Call-ID: registration{os.getpid()}@192.168.77.7", f"CSeq: {cseq} REGISTER", "Max-Forwards: 70", f"Contact: {contact}",
             *extra, "Content-Length: 0", "", ""]
    at.send("\r\n".join(lines))
    return registrar.expect("REGISTER")


def token_of(request):
    found = re.fullmatch(r"<sip:(u[a-z2-7]{26})@10\.99\.2\.1:5060>(?:;expires=\d+)?", request.get("Contact"))
    assert found, f"Contact: {request.get('Contact')}"
    return found.group(1)


def grant(request, seconds):
    registrar.answer(request, 200, tag="r1", extra=(f"Contact: <sip:{token_of(request)}@10.99.2.1:5060>;expires={seconds}",))


def bindings():
    return json.loads(lab.ctl("show", "users", "--json"))


def call_token(to):
    """The registrar's network calls the token: the INVITE as it comes to the user, or the refusal."""
    call = peer.Call(registrar, token)
    if not to:
        return call.ack_failure(call.expect(404))
    invite = to.expect("INVITE")
    to.answer(invite, 486, tag="busy")
    call.ack_failure(call.expect(486))
    return invite


def registered():
    """the registrar sees limen's address and a token; its challenge and the answer cross unaltered; the user hears of his own contact"""
    global token
    first = register(f"<{OWN}>;expires=600")
    for word in ("10.99.1.", "192.168.", "line=x1"):
        assert word not in first.text, f"{word} in {first.text}"
    assert first.get("To") == "<sip:kim@10.99.2.2>" and "sip:kim@10.99.2.2" in first.get("From"), first.text
    token = token_of(first)
    challenge = 'Digest realm="core", nonce="n0", algorithm=MD5, qop="auth"'
    registrar.answer(first, 401, tag="r0", extra=(f"WWW-Authenticate: {challenge}",))
    heard = user.expect(401)
    assert heard.get("WWW-Authenticate") == challenge, heard.text
    assert not bindings(), "a binding before the registrar granted one"
    second = register(f"<{OWN}>;expires=600", (f"Authorization: {CREDENTIALS}",))
    assert second.get("Authorization") == CREDENTIALS, second.text
    assert token_of(second) == token, "another token for the same contact"
    grant(second, 300)
    heard = user.expect(200)
    assert heard.all("Contact") == [f"<{OWN}>;expires=300"], heard.text
    assert "10.99.2." not in heard.text and token not in heard.text, heard.text


def called():
    """a call to the token goes to the user's own URI, at the address and port that he registered from"""
    invite = call_token(user)
    assert invite.uri == OWN, invite.start
    assert "10.99.2." not in invite.text, invite.text
    row, = bindings()
    assert (row["user"], row["source"], row["contact"]) == ("kim", "10.99.1.2:5070", OWN), f"{row}"


def moved():
    """the NAT gives him another port: his next REGISTER leads calls there, one that is refused leads them nowhere else"""
    registrar.answer(register(f"<{OWN}>;expires=600", at=other), 403, tag="r2")
    other.expect(403)
    call_token(user)
    grant(register(f"<{OWN}>;expires=600", at=other), 300)
    other.expect(200)
    call_token(other)


def restarted():
    """the control plane is killed and started: he is known, by the same token"""
    lab.run(lab.LAB, "kill", "controlplane")
    lab.run(lab.LAB, "start", "controlplane")
    assert lab.wait_until(5, bindings), "nobody is known"
    call_token(other)
    request = register(f"<{OWN}>;expires=600", at=other)
    assert token_of(request) == token, "another token after a restart"
    grant(request, 300)
    other.expect(200)


def gone():
    """he takes his registration back: the token leads nowhere"""
    request = register(f"<{OWN}>;expires=0", at=other)
    assert request.get("Contact").endswith(";expires=0"), request.get("Contact")
    registrar.answer(request, 200, tag="r3")
    other.expect(200)
    assert lab.wait_until(2, lambda: not bindings()), f"{bindings()}"
    call_token(None)


token = None
lab.each(registered, called, moved, restarted, gone)
