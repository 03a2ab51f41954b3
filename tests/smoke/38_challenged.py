#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A carrier that asks limen who it is, call by call: limen answers with its trunk's account, at the beginning and inside the
dialog, and the caller hears of nothing."""

import hashlib
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

REALM, USER, PASSWORD = "carrier.example", "4930", "secret-of-4930"
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def hashed(algorithm, *parts):
    return HASHES[algorithm](":".join(parts).encode()).hexdigest()


scratch = tempfile.mkdtemp(prefix="limen-challenged-")
os.chmod(scratch, 0o755)
with open(f"{scratch}/credentials.csv", "w", encoding="utf-8") as made:
    for name in HASHES:
        made.write(f"{USER},{REALM},{name},{hashed(name, USER, REALM, PASSWORD)}\n")
with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as template:
    text = template.read()
first_b = '  - name: b\n    realm: b\n    peers: ["10.99.2.2:5060"]\n'
assert first_b in text
text = text.replace(first_b, f'{first_b}    account_auth_user: "{USER}"\n')
text = text.replace("\nlog:\n", f"\nauth:\n  credentials_file: {scratch}/credentials.csv\n\nlog:\n")
with open(f"{scratch}/limen.yaml", "w", encoding="utf-8") as made:
    made.write(text)
lab.lab_up("--config", f"{scratch}/limen.yaml")
caller, carrier = peer.Peer("a"), peer.Peer("b")


def refuse(request, status, nonce, *algorithms, more="", realm=REALM):
    """A 401 or 407 with a challenge for each algorithm, and the ACK of it."""
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    carrier.answer(request, status, tag=f"refused{nonce}",
                   extra=[f'{name}: Digest realm="{realm}", nonce="{nonce}", algorithm={a}, qop="auth"{more}' for a in algorithms])
    if request.method == "INVITE":
        carrier.expect("ACK")


def proves(request, status, algorithm, nonce):
    """That its credentials are right; how often it has used the nonce."""
    lines = request.all("Authorization" if status == 401 else "Proxy-Authorization")
    assert len(lines) == 1, request.text
    values = dict(re.findall(r'(\w+)="?([^",]*)"?', lines[0]))
    assert (values["algorithm"], values["nonce"], values["realm"], values["username"]) == (algorithm, nonce, REALM, USER), lines
    wanted = hashed(algorithm, hashed(algorithm, USER, REALM, PASSWORD), nonce, values["nc"], values["cnonce"], values["qop"],
                    hashed(algorithm, request.method, values["uri"]))
    assert values["response"] == wanted and values["uri"] == request.uri, lines
    return int(values["nc"], 16)


def cseq(message):
    return int(message.get("CSeq").split()[0])


def called():
    """an INVITE that is challenged goes again with credentials, by SHA-256 though MD5 is offered first; so does its ACK"""
    global call, callee
    call = caller.call("2")
    first = carrier.expect("INVITE", having=f"sip:{call.user}@")
    assert not first.all("Proxy-Authorization")
    refuse(first, 407, "n1", "MD5", "SHA-256")
    callee = peer.Callee(carrier, call)
    assert proves(callee.invite, 407, "SHA-256", "n1") == 1
    assert callee.invite.get("Call-ID") == first.get("Call-ID") and cseq(callee.invite) == cseq(first) + 1
    assert callee.invite.body == first.body
    callee.answer(180)
    callee.answer(200, 50000)
    call.expect(200)
    call.ack()
    ack = carrier.expect("ACK")
    assert ack.all("Proxy-Authorization") == callee.invite.all("Proxy-Authorization"), ack.text
    told = [m.text for m in caller.seen if m.status]
    assert told and not [t for t in told if REALM in t or "401" in t.split("\r\n")[0] or "407" in t.split("\r\n")[0]], f"{told}"


def again():
    """a re-INVITE is challenged with the same nonce: counted; then with one that is stale"""
    call.in_dialog("INVITE", peer.sdp(caller.address, 40000, 2))
    first = carrier.expect("INVITE")
    refuse(first, 407, "n1", "SHA-256")
    second = carrier.expect("INVITE")
    assert proves(second, 407, "SHA-256", "n1") == 2
    refuse(second, 407, "n2", "SHA-256", more=", stale=true")
    third = carrier.expect("INVITE")
    assert proves(third, 407, "SHA-256", "n2") == 1 and cseq(third) == cseq(first) + 2
    carrier.answer(third, 200, body=peer.sdp(carrier.address, 50000, 2))
    call.expect(200)
    call.ack()
    carrier.expect("ACK")


def ended():
    """a BYE too, by MD5 where there is nothing else; the call's record knows of no trouble"""
    call.in_dialog("BYE")
    call.expect(200)
    bye = carrier.expect("BYE")
    refuse(bye, 401, "n3", "MD5")
    bye = carrier.expect("BYE")
    assert proves(bye, 401, "MD5", "n3") == 1
    carrier.answer(bye, 200)
    assert lab.wait_until(3, lambda: [r for r in lab.records() if r["status"] == 200 and r["ended_by"] == "caller"]), lab.records()


def refused():
    """credentials that the carrier does not take, and a realm that limen knows nothing of: 403, and the carrier's secret stays"""
    before = lab.stats()
    bad = caller.call("2")
    first = carrier.expect("INVITE", having=f"sip:{bad.user}@")
    refuse(first, 407, "n4", "SHA-256")
    second = carrier.expect("INVITE")
    proves(second, 407, "SHA-256", "n4")
    refuse(second, 407, "n5", "SHA-256")
    answer = bad.expect(403)
    assert REALM not in answer.text, answer.text
    bad.ack_failure(answer)
    other = caller.call("2")
    refuse(carrier.expect("INVITE", having=f"sip:{other.user}@"), 401, "n6", "SHA-256", realm="elsewhere.example")
    answer = other.expect(403)
    other.ack_failure(answer)
    after = lab.stats()
    assert after["control", "accounts", "no_credentials"] == before["control", "accounts", "no_credentials"] + 2
    assert lab.total("sip", "challenges_unanswered", after) == lab.total("sip", "challenges_unanswered", before) + 2
    log = lab.run(lab.LAB, "log").stdout
    assert hashed("SHA-256", USER, REALM, PASSWORD) not in log and PASSWORD not in log


def restarted():
    """a control plane that was killed answers again as soon as it is back"""
    lab.run(lab.LAB, "kill", "controlplane")
    lab.run(lab.LAB, "start", "controlplane")
    assert lab.wait_until(5, lambda: lab.ctl("show", "alarms", "--json"))
    next_call = caller.call("2")
    refuse(carrier.expect("INVITE", having=f"sip:{next_call.user}@"), 407, "n7", "SHA-256")
    invite = carrier.expect("INVITE")
    assert proves(invite, 407, "SHA-256", "n7") == 1
    carrier.answer(invite, 486, tag="busy")
    next_call.ack_failure(next_call.expect(486))


call = callee = None
lab.each(called, again, ended, refused, restarted)
