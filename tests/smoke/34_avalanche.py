#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The registrar goes away while its users refresh, and comes back: nobody is lost meanwhile, whoever is new waits as long
as he is told, and the registrar never sees more REGISTERs than it takes."""

import json
import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

USERS, RATE, GRANT_S, KEPT_S = 40, 10, 20, 15

scratch = tempfile.mkdtemp(prefix="limen-avalanche-")
with open(os.path.join(lab.SMOKE, "registrar.yaml"), encoding="utf-8") as template:
    text = template.read()
for was, now in (("    auth: digest\n    auth_realm: lab.example\n", ""), ("    register_nat_expires_s: 30\n", ""),
                 ("    register_min_expires_s: 20\n", ""), ("absorb: yes", f"outage_expires_s: {KEPT_S}"),
                 ("auth:\n  users_file: /run/limen-lab/users.csv\n", ""),
                 ('    peers: ["10.99.2.2:5060"]\n', f'    peers: ["10.99.2.2:5060"]\n    registrations_out_per_s: {RATE}\n')):
    assert was in text, was
    text = text.replace(was, now)
with open(f"{scratch}/limen.yaml", "w", encoding="utf-8") as made:
    made.write(text)
os.chmod(scratch, 0o755)
lab.lab_up("--config", f"{scratch}/limen.yaml")
core, phones = peer.Peer("b"), peer.Peer("a")


class Phone:
    """One of many at the same socket, each with a Call-ID of its own."""

    def __init__(self, number):
        self.user, self.call_id, self.cseq = f"1{number:03}", f"flock{number}x{os.getpid()}@phone", 0
        self.next_at, self.waits, self.refused, self.registered = 0, False, [], False

    def register(self):
        self.cseq, self.waits = self.cseq + 1, True
        aor = f"sip:{self.user}@10.99.1.1"
        phones.send("\r\n".join(["REGISTER sip:10.99.1.1 SIP/2.0", f"Via: {phones.via()}", f"From: <{aor}>;tag=t{self.cseq}",
                                 f"To: <{aor}>", f"Call-ID: {self.call_id}", f"CSeq: {self.cseq} REGISTER", "Max-Forwards: 70",
                                 f"Contact: <sip:{self.user}@{phones.address}:5060>;expires={GRANT_S}", "Content-Length: 0", "", ""]))

    def take(self, answer):
        self.waits = False
        if answer.status == 200:
            self.registered = True
            told = int(re.search(r"expires=(\d+)", answer.get("Contact"))[1])
            self.next_at = answer.at + told * 0.6
            return
        after = answer.get("Retry-After")
        self.refused.append((answer.status, after and int(after)))
        self.next_at = answer.at + (int(after) if after else 2)


flock = {p.call_id: p for p in (Phone(n) for n in range(USERS))}
came = []  # when each REGISTER came to the registrar, but those that were sent again


def turn(seconds, answers, until=lambda: False):
    """Phones refresh, the registrar answers or does not."""
    end, branches = time.monotonic() + seconds, set()
    while (now := time.monotonic()) < end and not until():
        for phone in flock.values():
            if not phone.waits and phone.next_at <= now:
                phone.register()
        while message := core.recv(0):
            if message.method != "REGISTER":
                continue
            if message.get("Via") not in branches:
                branches.add(message.get("Via"))
                came.append(message.at)
            if answers:
                core.answer(message, 200, tag="core", extra=[f"Contact: {c}" for c in message.all("Contact")])
        while message := phones.recv(0.005):
            if message.status and message.get("Call-ID") in flock:
                flock[message.get("Call-ID")].take(message)


STRANGERS = [Phone(998), Phone(999)]


def users():
    return [u for u in json.loads(lab.ctl("show", "users", "--json")) if u["user"] not in [s.user for s in STRANGERS]]


def most_at_once():
    """By how much more came in some time than the rate and its burst bring."""
    return max((j - i + 1) - RATE - RATE * (came[j] - came[i]) for i in range(len(came)) for j in range(i, len(came)))


def held():
    """all of them come at once: they are told to come again one after the other, and the registrar sees its rate"""
    turn(40, True, lambda: all(p.registered for p in flock.values()))
    assert len(users()) == USERS, f"{len(users())} users"
    assert most_at_once() <= 1, f"{most_at_once()} too many"
    refused = [r for p in flock.values() for r in p.refused]
    assert len(refused) >= USERS / 2 and all(s == 503 and a for s, a in refused), f"{refused}"
    assert len({a for _, a in refused}) >= 3, f"not spread: {refused}"


def kept():
    """the registrar is away, for longer than it had granted anything: all users are there"""
    begun, low = time.monotonic(), USERS
    while time.monotonic() < begun + 45:
        turn(3, False)
        low = min(low, len(users()))
    assert low == USERS, f"once there were {low} users"
    assert sum(u["kept"] == "yes" for u in users()) == USERS, f"{users()}"
    assert {a["alarm"] for a in json.loads(lab.ctl("show", "alarms", "--json"))} >= {"registrar"}
    stats = lab.stats()
    assert stats["control", "registrar core", "away"] == 1 and stats["control", "registrar", "kept"] >= USERS
    # one of two may be what limen tries the registrar with, and hears nothing
    flock.update({stranger.call_id: stranger for stranger in STRANGERS})
    turn(2, False)
    refused = [stranger.refused[0] for stranger in STRANGERS if stranger.refused]
    assert refused and all(status == 503 and after >= 10 for status, after in refused), f"{refused}"
    for stranger in STRANGERS:
        del flock[stranger.call_id]


def called():
    """a call to one of them goes through meanwhile"""
    call = core.call("", uri="sip:1007@10.99.2.1")
    invite = phones.expect("INVITE")
    phones.answer(invite, 486, tag="busy")
    call.ack_failure(call.expect(486))


def back():
    """it comes back: it hears of all users anew, at its rate"""
    del came[:]
    turn(60, True, lambda: len(came) > USERS and all(u["kept"] == "no" for u in users()))
    assert len(users()) == USERS and all(u["kept"] == "no" for u in users()), f"{users()}"
    assert most_at_once() <= 1, f"{most_at_once()} too many"
    assert lab.stats()["control", "registrar core", "outages"] == 1
    assert not [a for a in json.loads(lab.ctl("show", "alarms", "--json")) if a["alarm"] == "registrar"]


lab.each(held, kept, called, back)
