#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A phone in network a registers with a registrar in network b through limen: calls to it come back, whatever restarts."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

lab.lab_up()
registrar, phone = peer.Peer("b"), peer.Peer("a", port=5066, user="phone-in-a")


class Registration:
    """What limen registered for the phone, as the registrar has it."""

    def __init__(self):
        self.cseq, self.call_id, self.contact = 0, f"reg{os.getpid()}@{phone.address}", None

    def send(self, expires):
        self.cseq += 1
        aor = f"sip:2009@{phone.limen[0]}"
        phone.send("\r\n".join([
            f"REGISTER sip:{phone.limen[0]} SIP/2.0", f"Via: {phone.via()}", f"From: <{aor}>;tag=r", f"To: <{aor}>",
            f"Call-ID: {self.call_id}", f"CSeq: {self.cseq} REGISTER", f"Contact: {phone.contact()};expires={expires}", "Max-Forwards: 70",
            "Content-Length: 0", "", ""]))
        came = registrar.expect("REGISTER")
        for secret in (phone.address, "phone-in-a", self.call_id):
            assert secret not in came.text, f"{secret} is to be seen:\n{came.text}"
        self.contact = re.search(r"<([^>]*)>", came.get("Contact"))[1]
        assert f"@{registrar.limen[0]}" in self.contact, self.contact
        return came


def answer(request, status, contact=None):
    """Without the registrar's own Contact: in this answer they are bindings."""
    lines = [f"SIP/2.0 {status} Answer", *(f"Via: {v}" for v in request.all("Via")), f"From: {request.get('From')}",
             f"To: {request.get('To')};tag=reg", f"Call-ID: {request.get('Call-ID')}", f"CSeq: {request.get('CSeq')}"]
    lines += [f"Contact: {contact}"] if contact else []
    registrar.send("\r\n".join([*lines, "Content-Length: 0", "", ""]))


registration = Registration()


def call_the_phone():
    """From the registrar's network to the contact that it was given."""
    call = registrar.call("9", uri=registration.contact)
    callee = peer.Callee(phone, call, user="phone-in-a")
    assert callee.invite.uri.startswith(f"sip:phone-in-a@{phone.address}:5066"), callee.invite.uri
    callee.answer(200, 40000)
    call.expect(200)
    call.ack()
    phone.expect("ACK")
    peer.end_call(call, callee)


def users():
    return json.loads(lab.ctl("show", "users", "--json"))


def refused():
    """a registration that the registrar refuses binds nothing"""
    came = registration.send(300)
    answer(came, 403)
    phone.expect(403)
    assert not users(), f"{users()}"
    call = registrar.call("9", uri=registration.contact)
    call.ack_failure(call.expect(404))


def registered():
    """a phone that registered is called by the contact that limen gave for it, for as long as the registrar granted"""
    came = registration.send(300)
    answer(came, 200, f"<{registration.contact}>;expires=240, <sip:2009@{registrar.address}>;expires=77")
    ok = phone.expect(200)
    contacts = ok.all("Contact")
    assert len(contacts) == 1 and "phone-in-a" in contacts[0] and "expires=240" in contacts[0], f"{contacts}"
    assert registrar.address not in ok.text, ok.text
    assert len(users()) == 1, f"{users()}"
    call_the_phone()


def refreshed():
    """a refresh has the same contact and goes to the registrar under the same Call-ID, its CSeq one higher"""
    old, before = registration.contact, registrar.seen[-1]
    first = [m for m in registrar.seen if m.method == "REGISTER"][-1]
    came = registration.send(300)
    assert registration.contact == old, f"{registration.contact}, not {old}"
    assert came.get("Call-ID") == first.get("Call-ID"), f"{came.get('Call-ID')}, not {first.get('Call-ID')}, {before}"
    assert int(came.get("CSeq").split()[0]) == int(first.get("CSeq").split()[0]) + 1, came.get("CSeq")
    answer(came, 200, f"<{registration.contact}>;expires=240")
    phone.expect(200)
    call_the_phone()


def control_plane_dies():
    """a control plane that was killed knows the phone when it is back"""
    lab.run(lab.LAB, "kill", "controlplane")
    lab.run(lab.LAB, "start", "controlplane")
    assert lab.wait_until(10, lambda: len(users()) == 1), f"{users()}"
    call_the_phone()


def removed():
    """a phone that has signed off is not called any more: 404"""
    came = registration.send(0)
    answer(came, 200)
    phone.expect(200)
    assert lab.wait_until(3, lambda: not users()), f"{users()}"
    call = registrar.call("9", uri=registration.contact)
    call.ack_failure(call.expect(404))
    assert not [m for m in phone.drain(0.3) if m.method == "INVITE"], "the phone was called"


lab.each(refused, registered, refreshed, control_plane_dies, removed)
