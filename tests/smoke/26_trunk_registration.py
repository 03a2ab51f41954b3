#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""limen registers with a carrier: by digest, again before its time is up, with the next peer where one is silent; calls that the
carrier sends to its contact come in by that trunk."""

import hashlib
import json
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

REALM, PASSWORD, DOMAIN = "carrier.example", "secret-of-4930", "sip.carrier.example"
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def hashed(algorithm, *parts):
    return HASHES[algorithm](":".join(parts).encode()).hexdigest()


scratch = tempfile.mkdtemp(prefix="limen-account-")
os.chmod(scratch, 0o755)
with open(f"{scratch}/credentials.csv", "w", encoding="utf-8") as made:
    for name in HASHES:
        made.write(f"4930,{REALM},{name},{hashed(name, '4930', REALM, PASSWORD)}\n")
with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as template:
    text = template.read()
first_b = '  - name: b\n    realm: b\n    peers: ["10.99.2.2:5060"]\n'
assert first_b in text
text = text.replace(first_b, f'  - name: b\n    realm: b\n    peers: ["10.99.2.2:5060", "10.99.2.2:5070"]\n    account_user: "4930"\n'
                             f"    account_domain: {DOMAIN}\n    account_expires_s: 60\n")
text = text.replace("\nlog:\n", f"\nauth:\n  credentials_file: {scratch}/credentials.csv\n\nlog:\n")
with open(f"{scratch}/limen.yaml", "w", encoding="utf-8") as made:
    made.write(text)
lab.lab_up("--config", f"{scratch}/limen.yaml")
carrier, second, pbx = peer.Peer("b"), peer.Peer("b", port=5070), peer.Peer("a")


def registrations():
    return json.loads(lab.ctl("show", "registrations", "--json"))


def respond(at, request, status, *extra):
    lines = [f"SIP/2.0 {status} Answer", *(f"Via: {v}" for v in request.all("Via")), f"From: {request.get('From')}",
             f"To: {request.get('To')};tag=reg", f"Call-ID: {request.get('Call-ID')}", f"CSeq: {request.get('CSeq')}", *extra]
    at.send("\r\n".join([*lines, "Content-Length: 0", "", ""]), to=request.source)


def proves(request, algorithm, nonce):
    """Whether its credentials are right."""
    line = request.get("Authorization") or ""
    values = dict(re.findall(r'(\w+)="?([^",]*)"?', line))
    assert values.get("algorithm") == algorithm and values.get("nonce") == nonce and values.get("realm") == REALM, line
    wanted = hashed(algorithm, hashed(algorithm, "4930", REALM, PASSWORD), nonce, values["nc"], values["cnonce"], values["qop"],
                    hashed(algorithm, "REGISTER", values["uri"]))
    assert values["response"] == wanted and values["uri"] == request.uri, line
    return int(values["nc"], 16)


def challenge(at, request, nonce, algorithms, *more):
    respond(at, request, 401, *(f'WWW-Authenticate: Digest realm="{REALM}", nonce="{nonce}", algorithm={a}, qop="auth"{"".join(more)}'
                                for a in algorithms))


def registers():
    """limen registers by SHA-256 where the carrier prefers it, and says so"""
    global contact, call_id
    came = carrier.expect("REGISTER", timeout=10)
    assert came.uri == f"sip:{DOMAIN}" and f"<sip:4930@{DOMAIN}>" in came.get("From") and came.get("To") == f"<sip:4930@{DOMAIN}>"
    assert not came.all("Authorization"), came.text
    for word in ("limen", "10.99.1."):
        assert word not in came.text, came.text
    call_id, contact = came.get("Call-ID"), re.search(r"<([^>]*)>", came.get("Contact"))[1]
    challenge(carrier, came, "n1", ["SHA-256", "MD5"])
    again = carrier.expect("REGISTER")
    assert proves(again, "SHA-256", "n1") == 1
    assert again.get("Call-ID") == call_id and int(again.get("CSeq").split()[0]) == int(came.get("CSeq").split()[0]) + 1
    respond(carrier, again, 200, f"Contact: <{contact}>;expires=12")
    assert lab.wait_until(3, lambda: registrations()[0]["state"] == "registered"), f"{registrations()}"
    row, = registrations()
    assert (row["trunk"], row["user"], row["peer"], row["status"]) == ("b", "4930", "10.99.2.2:5060", 200), f"{row}"


def called():
    """the carrier calls the contact: the call comes in by the trunk"""
    with open("/run/limen-lab/limen.yaml", encoding="utf-8") as file:
        config = file.read()
    with open("/run/limen-lab/limen.yaml", "w", encoding="utf-8") as file:
        file.write(config.replace('routes:\n', 'routes:\n  - from: b\n    prefix: "4930"\n    to: a\n'))
    lab.ctl("reload")
    assert registrations()[0]["state"] == "registered", "a reload keeps it"
    call = carrier.call("", uri=contact)
    invite = pbx.expect("INVITE")
    assert invite.uri.startswith("sip:4930@10.99.1.2"), invite.uri
    pbx.answer(invite, 486, tag="busy")
    call.ack_failure(call.expect(486))


def refreshed():
    """it is refreshed before its time is up, with the nonce of before; one that is stale is replaced"""
    began = time.monotonic()
    came = carrier.expect("REGISTER", timeout=15)
    assert time.monotonic() - began < 12
    assert proves(came, "SHA-256", "n1") == 2 and came.get("Call-ID") == call_id
    challenge(carrier, came, "n2", ["MD5"], ", stale=true")
    again = carrier.expect("REGISTER")
    assert proves(again, "MD5", "n2") == 1
    respond(carrier, again, 200, f"Contact: <{contact}>;expires=10")


def moved():
    """a carrier that is overloaded: the next peer is asked at once; all the while it counts as registered"""
    came = carrier.expect("REGISTER", timeout=15)
    respond(carrier, came, 503)
    came = second.expect("REGISTER", timeout=3)
    challenge(second, came, "n3", ["SHA-256"])
    again = second.expect("REGISTER")
    proves(again, "SHA-256", "n3")
    assert registrations()[0]["state"] == "registered"
    respond(second, again, 200, f"Contact: <{contact}>;expires=3600")
    assert lab.wait_until(3, lambda: registrations()[0]["peer"] == "10.99.2.2:5070"), f"{registrations()}"


def restarted():
    """after a restart of the control plane it registers anew"""
    lab.run(lab.LAB, "kill", "controlplane")
    lab.run(lab.LAB, "start", "controlplane")
    came = carrier.expect("REGISTER", timeout=10)
    respond(carrier, came, 200, f"Contact: <{contact}>;expires=3600")
    assert lab.wait_until(3, lambda: registrations()[0]["state"] == "registered"), f"{registrations()}"
    assert "secret" not in lab.run(lab.LAB, "log").stdout


contact = call_id = None
lab.each(registers, called, refreshed, moved, restarted)
