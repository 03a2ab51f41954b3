#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""SIP over TCP: calls between all transports and address families, connections that break and come again, and streams that
are cut in any way or mean no good."""

import json
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402
from stream import Connection, StreamPeer  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
lab.lab_up("--config", os.path.join(HERE, "tcp.yaml"))


def connections():
    return json.loads(lab.ctl("show", "connections", "--json"))


def counter(name):
    return lab.stats()["control", "streams", name]


def media_flows(a_side, ok, callee, invite, b_side):
    """Twenty packets each way, over the addresses that the SDPs name."""
    pairs = ((a_side, 40000, ok.media()), (b_side, 50000, invite.media()))
    socks = [peer.udp(side.side, side.address, port) for side, port, _ in pairs]
    try:
        for n in range(20):
            for (_, _, to), sock in zip(pairs, socks):
                sock.sendto(peer.rtp(n, 7), to)
            time.sleep(0.005)
        for sock in socks:
            sock.settimeout(2)
            for _ in range(20):
                assert len(sock.recv(2048)) == 172
    finally:
        for sock in socks:
            sock.close()


def whole_call(a, b, prefix):
    call, callee, ok = peer.answered_call(a, b, prefix)
    media_flows(a, ok, callee, callee.invite, b)
    peer.end_call(call, callee)
    return call, callee


def all_ways():
    """calls from TCP and UDP, IPv4 and IPv6, to each of them, with media both ways"""
    for ipv6 in (False, True):
        for kind in (StreamPeer, peer.Peer):
            a = kind("a", ipv6=ipv6)
            for prefix, far, far6 in (("30", StreamPeer, False), ("36", StreamPeer, True), ("40", peer.Peer, False),
                                      ("46", peer.Peer, True)):
                b = far("b", ipv6=far6)
                _, callee = whole_call(a, b, prefix)
                over = "TCP" if far is StreamPeer else "UDP"
                assert f"SIP/2.0/{over} " in callee.invite.get("Via"), callee.invite.get("Via")
                assert ("transport=tcp" in callee.invite.get("Contact")) == (far is StreamPeer)
                assert "10.99.1" not in callee.invite.text and "fd99:1" not in callee.invite.text, "not hidden"
                b.close()
            a.close()
    assert not [row for row in lab.records()[:16] if row["status"] != 200], "records"


def reused():
    """ten calls use one connection each way; the peer's own one where it says alias"""
    a, b = StreamPeer("a"), StreamPeer("b")
    before = counter("opened"), counter("accepted")
    for _ in range(10):
        peer.end_call(*peer.answered_call(a, b, "30")[:2])
    assert counter("opened") - before[0] <= 1, counter("opened") - before[0]
    assert counter("accepted") - before[1] == 1
    b.drop()
    lab.wait_until(3, lambda: len(connections()) == 1)
    b.alias = True
    b.connect()
    b.send(b.request("OPTIONS", "sip:10.99.2.1", FakeDialog(b), "<sip:10.99.2.1>", "1 OPTIONS"))
    assert b.recv(5), "no answer to OPTIONS"
    opened = counter("opened")
    peer.end_call(*peer.answered_call(a, b, "30")[:2])
    assert counter("opened") == opened and len(b.connections) == 1, "another connection"
    a.close()
    b.close()


class FakeDialog:
    """What Peer.request wants of a dialog, for a request outside of any."""

    def __init__(self, side):
        self.local = f"<sip:{side.user}@{peer.host(side.address)}>;tag=o{time.monotonic_ns()}"
        self.call_id = f"outside{time.monotonic_ns()}@{side.address}"


def options(side):
    """The text of an OPTIONS to limen."""
    return side.request("OPTIONS", "sip:10.99.1.1", FakeDialog(side), "<sip:10.99.1.1>", "1 OPTIONS")


def lost_and_back():
    """connections lost in the middle of a call: peers connect anew, and re-INVITE and BYE go over the new ones"""
    for reset in (False, True):
        a, b = StreamPeer("a"), StreamPeer("b")
        call, callee, _ = peer.answered_call(a, b, "30")
        a.drop(reset=reset)
        b.drop(reset=reset)
        assert lab.wait_until(5, lambda: not connections()), connections()
        a.connect()
        call.in_dialog("INVITE", peer.sdp(a.address, 40000, 2))
        again = b.expect("INVITE")
        b.answer(again, 200, tag=callee.tag, body=peer.sdp(b.address, 50000, 2))
        call.expect(200)
        call.ack()
        b.expect("ACK")
        # and what limen begins goes by the connection that is there
        callee.in_dialog("BYE")
        a.answer(a.expect("BYE"), 200)
        b.expect(200)
        a.close()
        b.close()


def late_answer():
    """an answer whose connection is gone goes to the port of the Via"""
    a, b = StreamPeer("a"), StreamPeer("b")
    call = a.call("30")
    callee = peer.Callee(b, call)
    a.drop()
    assert lab.wait_until(5, lambda: not [c for c in connections() if c["realm"] == "a"])
    callee.answer(200, 50000)
    call.expect(200)
    call.ack()
    b.expect("ACK")
    peer.end_call(call, callee)
    a.close()
    b.close()


def nobody_there():
    """a peer that refuses connections is left for the next one; where there is none the caller hears 503"""
    a, b = StreamPeer("a"), StreamPeer("b")
    began = time.monotonic()
    peer.end_call(*peer.answered_call(a, b, "37")[:2])
    assert time.monotonic() - began < 4, "it took too long"
    b.close()
    call = a.call("30")
    call.ack_failure(call.expect(503, timeout=4))
    a.close()


def in_pieces():
    """one byte at a time; two messages in one segment; a message cut in the middle of its body"""
    a = StreamPeer("a")
    connection = a.connect()
    for byte in options(a).encode():
        connection.sock.send(bytes((byte,)))
    a.expect(200)
    a.send(options(a) + options(a))
    a.expect(200)
    a.expect(200)
    b = peer.Peer("b")
    call = a.request("INVITE", "sip:4711@10.99.1.1", FakeDialog(a), "<sip:4711@10.99.1.1>", "1 INVITE",
                     body=peer.sdp(a.address, 40000))
    a.send(call[:-40])
    time.sleep(0.3)
    a.send(call[-40:])
    b.answer(b.expect("INVITE"), 603, tag="no")
    a.expect(603)
    a.close()
    b.close()


def pings():
    """a ping is answered, in any pieces"""
    a = StreamPeer("a")
    connection = a.connect()
    for parts in ((b"\r\n\r\n",), (b"\r\n", b"\r\n"), (b"\r", b"\n\r", b"\n")):
        for part in parts:
            connection.sock.send(part)
            time.sleep(0.1)
        assert connection.sock.recv(100) == b"\r\n"
    a.close()


def ends_with(connection, seconds=5):
    """What came until the other side ended it; None if it did not."""
    data = b""
    connection.sock.settimeout(seconds)
    try:
        while part := connection.sock.recv(65536):
            data += part
    except ConnectionError:
        pass
    except TimeoutError:
        return None
    return data.decode()


def bad_streams():
    """no Content-Length: 400; too large: 513; endless headers, other protocols: cut off; each ends the connection"""
    a = StreamPeer("a")
    whole = options(a)
    for text, status in ((whole.replace("Content-Length: 0\r\n", ""), "400 Missing Content-Length"),
                         (whole.replace("Content-Length: 0", "Content-Length: 20000"), "513 Message Too Large"),
                         (whole.replace("Content-Length: 0", "Content-Length: -5"), "400 Malformed Content-Length"),
                         (whole[:-4] + "\r\nX: " + "x" * 17000, "513 Message Too Large")):
        connection = a.connect()
        connection.sock.sendall(text.encode())
        heard = ends_with(connection)
        assert heard and heard.startswith(f"SIP/2.0 {status}\r\n"), f"{status}: {heard!r}"
        assert "limen" not in heard.lower()
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(100)):
        connection = a.connect()
        connection.sock.sendall(data)
        assert ends_with(connection) == "", data
    assert counter("broken") >= 4 and counter("too_large") >= 2
    a.close()


def slow():
    """a connection on which nothing comes, and one that dribbles, are closed in their time"""
    a = StreamPeer("a")
    silent, dribble = a.connect(), a.connect()
    began, at = time.monotonic(), 0
    text = (options(a) + " " * 1000).encode()
    while time.monotonic() - began < 8:
        try:
            dribble.sock.send(text[at:at + 1])
            at += 1
        except ConnectionError:
            break
        time.sleep(0.05)
    assert 1.5 < time.monotonic() - began < 5, "the dribble"
    assert ends_with(silent) == "" and time.monotonic() - began < 8, "the silent one"
    assert counter("message_late") >= 1 and counter("first_message_late") >= 1
    a.close()


def limited():
    """one source gets so many connections and no more; others get theirs, and calls go on"""
    a, b = StreamPeer("a"), StreamPeer("b")
    a.connect()
    whole_call(a, b, "30")
    many, closed = [], 0
    for _ in range(60):
        try:
            many.append(a.connect())
        except ConnectionError:  # so soon that connect() hears of it
            closed += 1
    time.sleep(0.5)
    for one in many:
        one.sock.settimeout(0.01)
        try:
            closed += one.sock.recv(1) == b""
        except ConnectionError:
            closed += 1
        except TimeoutError:
            pass
    assert 9 <= closed <= 12, f"{closed} of 60 were closed"
    assert counter("over_source") >= 9
    a.current = a.connections[0]
    whole_call(a, b, "30")
    a.close()
    b.close()
    assert lab.wait_until(8, lambda: not connections()), connections()


def restart():
    """the control plane is killed in the middle of a call: media goes on, and so does the call over new connections"""
    a, b = StreamPeer("a"), StreamPeer("b")
    call, callee, ok = peer.answered_call(a, b, "30")
    lab.run(lab.LAB, "kill", "controlplane")
    media_flows(a, ok, callee, callee.invite, b)
    lab.run(lab.LAB, "start", "controlplane")
    assert a.recv(1) is None and b.recv(1) is None
    a.drop()
    a.connect()
    peer.end_call(call, callee)
    assert lab.wait_until(5, lambda: [r for r in lab.records() if r["calls"][0]["call_id"] == call.call_id]
                          if lab.records() and "calls" in lab.records()[0] else True)
    a.close()
    b.close()


def sipp():
    """two hundred calls of SIPp over one connection and over a connection each, to TCP and to UDP"""
    for mode in ("t1", "tn"):
        for prefix, far in (("31", "t1"), ("41", "u1")):
            server = lab.run(lab.LAB, "exec", "b", "sipp", "-sn", "uas", "-i", "10.99.2.2", "-p", "5060", "-t", far, "-bg")
            pid = re.search(r"PID=\[(\d+)\]", server.stdout + server.stderr)
            done = lab.run(lab.LAB, "exec", "a", "sipp", "-sn", "uac", "-i", "10.99.1.2", "-p", "5099", "-t", mode, "-s",
                           prefix, "-m", "200", "-r", "40", "-d", "100", "-l", "40", "-timeout", "60", "-max_socket", "64",
                           "-nostdin", "10.99.1.1:5060")
            lab.run("kill", pid.group(1))
            assert done.returncode == 0, f"{mode} to {far}: {done.returncode} {done.stdout[-1500:]} {done.stderr[-500:]}"


def told():
    """show connections and disconnect"""
    a = StreamPeer("a")
    a.connect()
    a.send(options(a))
    a.expect(200)
    rows = connections()
    assert len(rows) == 1 and rows[0]["realm"] == "a" and rows[0]["transport"] == "tcp", rows
    assert rows[0]["rx_messages"] == 1 and rows[0]["tx_messages"] == 1 and rows[0]["by"] == "peer", rows
    assert "10.99.1.2:" in lab.ctl("show", "connections")
    lab.ctl("disconnect", str(rows[0]["id"]))
    assert ends_with(a.current) == ""
    assert not connections()
    a.close()


lab.each(told, all_ways, reused, lost_and_back, late_answer, nobody_there, in_pieces, pings, bad_streams, slow, limited,
         restart, sipp)
