#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Flows of users (RFC 5626) with the registrar told by Path (RFC 3327), GRUUs (RFC 5627), and keep-alives by STUN: the registrar sees
neither phone nor flow, the user neither the registrar's domain nor its GRUU's; what is gone is answered with 430."""

import os
import re
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

with open(os.path.join(lab.SMOKE, "registrar.yaml"), encoding="utf-8") as template:
    text = template.read()
for was, now in (("    auth: digest\n    auth_realm: lab.example\n", ""), ("auth:\n  users_file: /run/limen-lab/users.csv\n\n", ""),
                 ("  absorb: yes\n", "  absorb: yes\n  flow_timer_s: 25\n"),
                 ('    peers: ["10.99.2.2:5060"]\n', '    peers: ["10.99.2.2:5060"]\n    register_path: yes\n')):
    assert was in text, was
    text = text.replace(was, now)
scratch = tempfile.mkdtemp(prefix="limen-outbound-")
with open(f"{scratch}/limen.yaml", "w", encoding="utf-8") as made:
    made.write(text)
os.chmod(scratch, 0o755)
lab.lab_up("--config", f"{scratch}/limen.yaml")
core = peer.Peer("b")
phones = [peer.Peer("a", port=port, user="1001") for port in (5071, 5072)]
INSTANCE = "urn:uuid:00000000-0000-1000-8000-000A95A0E128"
cseq = 0


def register(phone, reg_id, expires=600, extra=("Supported: path, outbound, gruu",), vias=()):
    global cseq
    cseq += 1
    phone.send("\r\n".join([
        "REGISTER sip:10.99.1.1 SIP/2.0", f"Via: {phone.via()}", *vias, f"From: <sip:1001@10.99.1.1>;tag=t{cseq}",
        "To: <sip:1001@10.99.1.1>", f"Call-ID: flow{reg_id}x{os.getpid()}@phone", f"CSeq: {cseq} REGISTER", "Max-Forwards: 70",
        f'Contact: <sip:1001@192.168.7.7:5060;line=a>;reg-id={reg_id};+sip.instance="<{INSTANCE}>";expires={expires}', *extra,
        "Content-Length: 0", "", ""]))


def at_core(gruu=False):
    """What the core gets; granted as it was asked for."""
    came = core.expect("REGISTER")
    more = f';pub-gruu="sip:1001@core.example;gr={instance_of(came)}";temp-gruu="sip:tgruu.1@core.example;gr"' if gruu else ""
    core.answer(came, 200, tag="core", extra=[f"Contact: {came.get('Contact')}{more}"])
    return came


def instance_of(came):
    return re.search(r'\+sip\.instance="<([^>]*)>"', came.get("Contact"))[1]


def flow_of(came):
    return re.match(r"<sip:(f[a-z2-7]{26})@10\.99\.2\.1:5060>", came.get("Contact"))[1]


flows, path = [], None


def registered():
    """each flow of the phone has its own token and Path; its instance has one name of limen's; the phone hears that its flows are kept"""
    global path
    names = set()
    for number, phone in enumerate(phones, 1):
        register(phone, number)
        came = at_core(gruu=True)
        names.add(instance_of(came))
        assert f";reg-id={number}" in came.get("Contact"), came.text
        assert INSTANCE not in came.text and "192.168." not in came.text and "10.99.1." not in came.text, came.text
        flows.append(flow_of(came))
        assert came.get("Path") == f"<sip:{flows[-1]}@10.99.2.1:5060;lr;ob>", came.text
        assert came.get("Supported") == "path, outbound, gruu", came.text
        heard = phone.expect(200)
        assert heard.get("Require") == "outbound" and heard.get("Flow-Timer") == "25", heard.text
        contact = next(c for c in heard.all("Contact") if "gruu" in c)
        name = instance_of(came)
        assert f'pub-gruu="sip:1001@10.99.1.1;gr={name}"' in contact and 'temp-gruu="sip:tgruu.1@10.99.1.1;gr"' in contact, heard.text
        assert f'+sip.instance="<{INSTANCE}>"' in contact and "core.example" not in heard.text, heard.text
        path = came.get("Path")
    assert len(names) == 1 and len(set(flows)) == 2, f"{names} {flows}"


def called():
    """a call comes by the flow that its token names, or its Route by the Path"""
    for flow, phone in zip(flows, phones):
        call = core.call("", uri=f"sip:{flow}@10.99.2.1:5060")
        invite = phone.expect("INVITE")
        assert invite.uri == "sip:1001@192.168.7.7:5060;line=a", invite.start
        phone.answer(invite, 486, tag="busy")
        call.ack_failure(call.expect(486))
    call = peer.Call(core, "", uri="sip:somebody@10.99.2.1:5060", extra=(f"Route: {path}",))
    phones[1].answer(phones[1].expect("INVITE"), 486, tag="busy")
    call.ack_failure(call.expect(486))


def gruu():
    """a GRUU that the phone was told leads to the registrar's domain again, its name with it"""
    call = peer.Call(phones[0], "", uri="sip:1001@10.99.1.1;gr=urn:uuid:1")
    invite = core.expect("INVITE")
    assert invite.uri == "sip:1001@10.99.2.2:5060;gr=urn:uuid:1", invite.start
    core.answer(invite, 486, tag="busy")
    call.ack_failure(call.expect(486))


def stun(phone):
    phone.drain(0.2)  # ACKs of the calls before
    transaction = os.urandom(12)
    phone.sock.sendto(struct.pack("!HHI", 1, 0, 0x2112A442) + transaction, phone.limen)
    phone.sock.settimeout(3)
    data = phone.sock.recv(2048)
    kind, length, cookie = struct.unpack("!HHI", data[:8])
    attribute, size, _, family, port = struct.unpack("!HHBBH", data[20:28])
    assert (kind, length, cookie, data[8:20]) == (0x0101, 12, 0x2112A442, transaction), data
    assert (attribute, size, family) == (0x0020, 8, 1), data
    address = bytes(a ^ b for a, b in zip(data[28:32], struct.pack("!I", 0x2112A442)))
    return ".".join(map(str, address)), port ^ 0x2112


def kept_alive():
    """STUN on the SIP port tells the phone where it is seen"""
    before = lab.total("sip", "stun_answered")
    for phone in phones:
        assert stun(phone) == ("10.99.1.2", phone.port)
    assert lab.total("sip", "stun_answered") == before + 2


def refused():
    """with a proxy in between: 439; two contacts at once: 400; without asking for a flow: none is told"""
    register(phones[0], 1, vias=("Via: SIP/2.0/UDP 192.168.7.9;branch=z9hG4bKphone",))
    phones[0].expect(439)
    register(phones[0], 1, extra=("Supported: outbound", "Contact: <sip:other@192.168.7.7>"))
    phones[0].expect(400)
    register(phones[0], 9, extra=("Supported: path",))
    came = at_core()
    assert came.get("Supported") == "path" and came.get("Path").endswith(";lr>"), came.text
    assert "instance" not in came.get("Contact") and "reg-id" not in came.get("Contact"), came.text
    heard = phones[0].expect(200)
    assert not heard.all("Require") and not heard.all("Flow-Timer"), heard.text


def gone():
    """a flow that is gone is answered with 430, the other is there; after a restart of the control plane too"""
    register(phones[0], 1, expires=0)
    at_core()
    phones[0].expect(200)
    for _ in range(2):
        call = core.call("", uri=f"sip:{flows[0]}@10.99.2.1:5060")
        call.ack_failure(call.expect(430))
        call = core.call("", uri=f"sip:{flows[1]}@10.99.2.1:5060")
        phones[1].answer(phones[1].expect("INVITE"), 486, tag="busy")
        call.ack_failure(call.expect(486))
        lab.run(lab.LAB, "kill", "controlplane")
        lab.run(lab.LAB, "start", "controlplane")


lab.each(registered, called, gruu, kept_alive, refused, gone)
