# SPDX-License-Identifier: BSD-3-Clause
"""A SIP and RTP peer for scenarios that need exact control of what is on the wire: sockets inside the lab's
namespaces, messages as text. Nothing is automatic: what a scenario does not send is not sent."""

import ctypes
import itertools
import os
import re
import select
import socket
import struct
import time

ADDRESS = {"a": ("10.99.1.2", "fd99:1::2"), "b": ("10.99.2.2", "fd99:2::2")}
LIMEN = {"a": ("10.99.1.1", "fd99:1::1"), "b": ("10.99.2.1", "fd99:2::1")}
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_counter = itertools.count(1)


def socket_in(side, address, kind, protocol=0):
    """A socket of the address' family in network a, b or s."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/limen-{side}") as there:
        for ns, act in ((there, True), (home, False)):
            if _libc.setns(ns.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns to limen-{side}")
            if act:
                sock = socket.socket(family, kind, protocol)
    return sock


def udp(side, address, port):
    """A UDP socket in network a or b."""
    sock = socket_in(side, address, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((address, port))
    return sock


def host(address):
    return f"[{address}]" if ":" in address else address


def sdp(address, port, version=1, direction=None):
    ip = "IP6" if ":" in address else "IP4"
    lines = ["v=0", f"o=peer 77 {version} IN {ip} {address}", "s=-", f"c=IN {ip} {address}", "t=0 0",
             f"m=audio {port} RTP/AVP 8", "a=rtpmap:8 PCMA/8000"]
    return "\r\n".join(lines + ([f"a={direction}"] if direction else [])) + "\r\n"


class Message:
    def __init__(self, data, source):
        self.text = data.decode("utf-8", "surrogateescape")
        self.source = source
        self.at = time.monotonic()
        head, _, self.body = self.text.partition("\r\n\r\n")
        self.start, *lines = head.split("\r\n")
        self.headers = [(n.strip().lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines)]
        words = self.start.split(" ", 2)
        self.status = int(words[1]) if words[0] == "SIP/2.0" else None
        self.method = None if self.status else words[0]
        self.uri = None if self.status else words[1]

    def all(self, name):
        return [v for n, v in self.headers if n == name.lower()]

    def get(self, name):
        return (self.all(name) or [None])[0]

    def tag(self, name):
        found = re.search(r";tag=([^;>\s]+)", self.get(name) or "")
        return found and found.group(1)

    def target(self):
        """The URI of the Contact."""
        return re.search(r"<([^>]*)>", self.get("Contact")).group(1)

    def media(self):
        """(address, port) of the first audio section."""
        port = int(re.search(r"^m=audio (\d+)", self.body, re.M).group(1))
        return re.search(r"^c=IN IP[46] (\S+)", self.body, re.M).group(1), port

    def is_a(self, what):
        """what: a method, or a status."""
        return what == (self.status if isinstance(what, int) else self.method)

    def __str__(self):
        return f"{self.start} ({self.get('CSeq')})"


class Peer:
    """One SIP peer in network a or b."""

    def __init__(self, side, address=None, port=5060, ipv6=False, user="peer"):
        self.side, self.user = side, user
        self.address = address or ADDRESS[side][ipv6]
        self.limen = (LIMEN[side][":" in self.address], 5060)
        self.sock = udp(side, self.address, port)
        self.port = port
        self.seen = []

    def close(self):
        self.sock.close()

    def send(self, text, to=None):
        self.sock.sendto(text.encode("utf-8", "surrogateescape"), to or self.limen)

    def recv(self, timeout):
        """The next message, or None."""
        if not select.select([self.sock], [], [], max(0, timeout))[0]:
            return None
        data, source = self.sock.recvfrom(65535)
        message = Message(data, source)
        self.seen.append(message)
        return message

    def expect(self, what, timeout=5, having=""):
        """The next message that is `what` and has that text in its start line; others are passed over (they stay in seen)."""
        until, others = time.monotonic() + timeout, []
        while (left := until - time.monotonic()) > 0:
            message = self.recv(left)
            if message and message.is_a(what) and having in message.start:
                return message
            if message:
                others.append(str(message))
        raise AssertionError(f"peer {self.side}: no {what} within {timeout} s; came: {others or 'nothing'}")

    def drain(self, seconds):
        """All that comes within that time."""
        until, came = time.monotonic() + seconds, []
        while (left := until - time.monotonic()) > 0:
            if message := self.recv(left):
                came.append(message)
        return came

    def via(self, branch=None):
        return f"SIP/2.0/UDP {host(self.address)}:{self.port};branch={branch or f'z9hG4bKp{os.getpid()}x{next(_counter)}'};rport"

    def contact(self):
        return f"<sip:{self.user}@{host(self.address)}:{self.port}>"

    def request(self, method, uri, call, to, cseq, via=None, extra=(), body=""):
        lines = [f"{method} {uri} SIP/2.0", f"Via: {via or self.via()}", f"From: {call.local}", f"To: {to}",
                 f"Call-ID: {call.call_id}", f"CSeq: {cseq}", f"Contact: {self.contact()}", "Max-Forwards: 70", *extra]
        if body:
            lines.append("Content-Type: application/sdp")
        return "\r\n".join(lines + [f"Content-Length: {len(body)}", "", body])

    def answer(self, request, status, phrase="Answer", tag=None, body="", extra=()):
        """The text of a response to a request that came, sent to where it came from."""
        to = request.get("To")
        lines = [f"SIP/2.0 {status} {phrase}", *(f"Via: {v}" for v in request.all("Via")), f"From: {request.get('From')}",
                 f"To: {to if ';tag=' in to or not tag else f'{to};tag={tag}'}", f"Call-ID: {request.get('Call-ID')}",
                 f"CSeq: {request.get('CSeq')}", f"Contact: {self.contact()}", *extra]
        if body:
            lines.append("Content-Type: application/sdp")
        text = "\r\n".join(lines + [f"Content-Length: {len(body)}", "", body])
        self.send(text, request.source)
        return text

    def call(self, prefix, **args):
        """A call to a number of its own that begins so."""
        return Call(self, f"{prefix}{next(_counter):04}", **args)


class Call:
    """The caller's view of one call."""

    def __init__(self, peer, user, media_port=40000, extra=(), body=None, uri=None):
        n = next(_counter)
        self.peer, self.cseq, self.user = peer, 1, user
        self.call_id = f"call{n}x{os.getpid()}@{peer.address}"
        self.local = f"<sip:{peer.user}@{host(peer.address)}:{peer.port}>;tag=t{n}x{os.getpid()}"
        self.to = self.uri = uri or f"sip:{user}@{host(peer.limen[0])}:5060"
        self.to = f"<{self.to}>"
        self.via = peer.via()
        self.invite = peer.request("INVITE", self.uri, self, self.to, "1 INVITE", self.via, extra,
                                   sdp(peer.address, media_port) if body is None else body)
        peer.send(self.invite)

    def expect(self, what, timeout=5):
        message = self.peer.expect(what, timeout)
        if message.status and 200 <= message.status < 300 and "INVITE" in message.get("CSeq"):
            self.remote, self.target = message.get("To"), message.target()
        return message

    def ack(self):
        """For a 2xx: within the dialog, a transaction of its own (RFC 3261 section 13.2.2.4)."""
        self.peer.send(self.peer.request("ACK", self.target, self, self.remote, f"{self.cseq} ACK"))

    def ack_failure(self, response):
        """For a failure: hop by hop, with the INVITE's branch (section 17.1.1.3)."""
        self.peer.send(self.peer.request("ACK", self.uri, self, response.get("To"), "1 ACK", self.via))

    def cancel(self):
        self.peer.send(self.peer.request("CANCEL", self.uri, self, self.to, "1 CANCEL", self.via))

    def in_dialog(self, method, body="", extra=()):
        self.cseq += 1
        text = self.peer.request(method, self.target, self, self.remote, f"{self.cseq} {method}", extra=extra, body=body)
        self.peer.send(text)
        return text


class Callee:
    """The callee's view of one call, from its INVITE as it comes."""

    def __init__(self, peer, call, timeout=5, user=None):
        self.peer = peer
        self.invite = peer.expect("INVITE", timeout, f"sip:{user or call.user}@")
        self.call_id, self.cseq = self.invite.get("Call-ID"), 500
        self.tag = f"u{next(_counter)}x{os.getpid()}"
        self.local, self.remote, self.target = f"{self.invite.get('To')};tag={self.tag}", self.invite.get("From"), self.invite.target()

    def answer(self, status, media_port=None):
        return self.peer.answer(self.invite, status, tag=self.tag, body=sdp(self.peer.address, media_port) if media_port else "")

    def in_dialog(self, method):
        self.cseq += 1
        self.peer.send(self.peer.request(method, self.target, self, self.remote, f"{self.cseq} {method}"))


def answered_call(a, b, prefix="2", a_media=40000, b_media=50000):
    """A call set up between two peers: (call, callee, 200 at the caller)."""
    call = a.call(prefix, media_port=a_media)
    callee = Callee(b, call)
    callee.answer(180)
    callee.answer(200, b_media)
    ok = call.expect(200)
    call.ack()
    b.expect("ACK")
    return call, callee, ok


def end_call(call, callee):
    call.in_dialog("BYE")
    bye = callee.peer.expect("BYE")
    callee.peer.answer(bye, 200)
    call.expect(200)


def rtp(seq, ssrc, timestamp=None, payload=b"\xd5" * 160):
    """A packet of 20 ms of G.711 A-law."""
    return struct.pack("!BBHII", 0x80, 8, seq & 0xffff, timestamp if timestamp is not None else seq * 160, ssrc) + payload
