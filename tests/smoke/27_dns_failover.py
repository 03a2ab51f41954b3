#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Peers by name: a real DNS server beside limen says where they are, by weight and priority; it moves them, and dies."""

import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

DNS_PORT = 5353
IN_FORCE = "/run/limen-lab/limen.yaml"  # the lab's copy of the config
ZONE = """no-resolv
no-hosts
bind-interfaces
listen-address=127.0.0.1
port={port}
local-ttl=2
auth-ttl=2
neg-ttl=2
domain-needed
local=/example/
srv-host=_sip._udp.sip.example,one.example,{one_port},10,75
srv-host=_sip._udp.sip.example,two.example,5062,10,25
srv-host=_sip._udp.sip.example,last.example,5064,20,0
host-record=one.example,{one}
host-record=two.example,10.99.2.2
host-record=last.example,10.99.2.2
"""

with open(os.path.join(lab.SMOKE, "flows.yaml"), encoding="utf-8") as file:
    CONFIG = file.read().replace(
        'peers: ["10.99.2.2:5060"]',
        'peers: [sip.example]\n    failover_codes: [486, 503]\n    failover_timeout_ms: 700') + \
        f"\ndns:\n  servers: [\"127.0.0.1:{DNS_PORT}\"]\n  ttl_min_s: 1\n  timeout_ms: 300\n  tries: 1\n"

directory = tempfile.TemporaryDirectory()
conf_file = os.path.join(directory.name, "limen.yaml")
zone_file = os.path.join(directory.name, "zone.conf")
server = None


def dns_up(**words):
    """The DNS server in limen's own namespace, with what it says of the names."""
    global server
    dns_down()
    with open(zone_file, "w", encoding="utf-8") as out:
        out.write(ZONE.format(**{"port": DNS_PORT, "one": "10.99.2.2", "one_port": 5060, **words}))
    server = subprocess.Popen([lab.LAB, "exec", "s", "dnsmasq", "--keep-in-foreground", "--user=root", "--pid-file=",
                               f"--conf-file={zone_file}"], stderr=subprocess.PIPE)


def dns_down():
    global server
    if server:
        server.kill()
        server.wait()
    server = None


with open(conf_file, "w", encoding="utf-8") as out:
    out.write(CONFIG)
lab.lab_up("--config", conf_file)
lab.run(lab.LAB, "exec", "s", "ip", "link", "set", "lo", "up")
a = peer.Peer("a")
places = {port: peer.Peer("b", port=port) for port in (5060, 5062, 5064)}


def trunk():
    return [row for row in json.loads(lab.ctl("show", "trunks", "--json")) if row["trunk"] == "b"]


def ports():
    return [int(row["peer"].rsplit(":", 1)[1]) for row in trunk()]


def dns_states():
    return {(row["name"], row["type"]): row["state"] for row in json.loads(lab.ctl("show", "dns", "--json"))}


def call(answers, seconds=4):
    """A call; `answers` says which port answers what (None: nothing). Returns the ports it was at, and what the caller got."""
    for at in places.values():
        at.drain(0.01)
    began = a.call("2")
    tried, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        for port, at in places.items():
            for m in at.drain(0.02):
                if m.method != "INVITE":
                    continue
                if port not in tried:
                    tried.append(port)
                if answers.get(port):
                    at.answer(m, answers[port], tag=f"tag{port}")
        for m in a.drain(0.02):
            status = m.status or 0
            if status >= 200:
                began.ack_failure(m)
                return tried, status
    return tried, None


def nobody_yet():
    """without a DNS server that answers, a call to the trunk is 503, and limen says why"""
    assert not trunk(), trunk()
    tried, status = call({})
    assert (tried, status) == ([], 503), (tried, status)
    assert lab.stats()["control", "policy", "no_peer"] == 1


def found():
    """NAPTR, SRV and A lead to three addresses, in the order of their priorities"""
    dns_up()
    assert lab.wait_until(40, lambda: sorted(ports()) == [5060, 5062, 5064]), f"{trunk()} {dns_states()}"
    assert ports()[-1] == 5064, "the last priority comes last"
    assert dns_states()["_sip._udp.sip.example", "SRV"] == "good"


def by_weight():
    """of two equals one gets three calls of four, the last none while they answer"""
    first = {}
    for _ in range(60):
        tried, status = call({5060: 404, 5062: 404, 5064: 404})
        assert status == 404 and len(tried) == 1, (tried, status)
        first[tried[0]] = first.get(tried[0], 0) + 1
    assert 5064 not in first, first
    assert 28 <= first.get(5060, 0) <= 58, first


def by_code():
    """a code that is chosen goes on to the next, the last priority at last; another code does not"""
    tried, status = call({5060: 503, 5062: 486, 5064: 404})
    assert status == 404 and len(tried) == 3 and tried[2] == 5064, (tried, status)
    tried, status = call({5060: 500, 5062: 500, 5064: 404})
    assert status == 500 and len(tried) == 1, (tried, status)


def by_silence():
    """peers that say nothing at all are left after the time given"""
    began = time.monotonic()
    tried, status = call({5064: 404})
    assert status == 404 and len(tried) == 3 and tried[2] == 5064, (tried, status)
    assert 1.2 < time.monotonic() - began < 3, time.monotonic() - began


def sources_follow():
    """whoever is at an address of the name may call as the trunk, and is explained"""
    answer = places[5060].call("1")
    invite = a.expect("INVITE")
    a.answer(invite, 486, tag="busy")
    answer.ack_failure(answer.expect(486))


def moves():
    """when the TTL is over the new answer is taken, without a restart"""
    dns_up(one_port=5062, one="10.99.2.2")
    assert lab.wait_until(15, lambda: sorted(ports()) == [5062, 5064]), f"{trunk()} {dns_states()}"
    dns_up()
    assert lab.wait_until(15, lambda: sorted(ports()) == [5060, 5062, 5064]), f"{trunk()} {dns_states()}"


def stays_while_down():
    """with the DNS server dead and all TTLs over, what was known is used"""
    dns_down()
    assert lab.wait_until(15, lambda: dns_states()["_sip._udp.sip.example", "SRV"] == "stale"), f"{dns_states()}"
    assert sorted(ports()) == [5060, 5062, 5064], trunk()
    tried, status = call({5060: 404, 5062: 404})
    assert status == 404 and len(tried) == 1, (tried, status)
    assert lab.stats()["control", "dns", "failed"] > 0 and lab.stats()["control", "dns", "stale"] > 0


def back():
    """and when it is back, its answers are good again"""
    dns_up()
    assert lab.wait_until(40, lambda: dns_states()["_sip._udp.sip.example", "SRV"] == "good"), f"{dns_states()}"


def reloaded():
    """a reload takes other peers and another priority at once, without a restart"""
    with open(IN_FORCE, encoding="utf-8") as file:
        text = file.read()
    assert "peers: [sip.example]" in text, text
    with open(IN_FORCE, "w", encoding="utf-8") as out:
        out.write(text.replace("peers: [sip.example]", 'peers: ["two.example:5064", "10.99.2.2:5062;priority=1"]'))
    assert "reloaded" in lab.ctl("reload")
    assert lab.wait_until(5, lambda: ports() == [5064, 5062]), f"{trunk()}"
    tried, status = call({5064: 404})
    assert (tried, status) == ([5064], 404), (tried, status)


try:
    lab.each(nobody_yet, found, by_weight, by_code, by_silence, sources_follow, moves, stays_while_down, back, reloaded)
finally:
    dns_down()
