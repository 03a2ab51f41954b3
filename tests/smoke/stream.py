# SPDX-License-Identifier: BSD-3-Clause
"""A peer as in peer.py that speaks SIP over TCP: it connects, listens, or both, and sends over the connection it was
heard by last unless a scenario says otherwise."""

import select
import socket
import time

import peer


class Connection:
    def __init__(self, sock):
        self.sock, self.data, self.pongs, self.ended = sock, b"", 0, False

    def messages(self, source):
        """What is whole of what came."""
        while True:
            while self.data[:2] == b"\r\n":
                self.data, self.pongs = self.data[2:], self.pongs + 1
            head, found, rest = self.data.partition(b"\r\n\r\n")
            if not found:
                return
            length = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
            assert length, f"no Content-Length over TCP: {head}"
            if len(rest) < int(length[0]):
                return
            self.data = rest[int(length[0]):]
            yield peer.Message(head + found + rest[:int(length[0])], source)

    def read(self):
        """Messages that came now."""
        try:
            part = self.sock.recv(65536)
        except ConnectionError:
            part = b""
        self.ended = not part
        self.data += part
        return list(self.messages(self))


class StreamPeer(peer.Peer):
    TRANSPORT = "TCP"

    def __init__(self, side, address=None, port=5060, ipv6=False, user="peer", listen=True):
        self.side, self.user = side, user
        self.address = address or peer.ADDRESS[side][ipv6]
        self.limen = (peer.LIMEN[side][":" in self.address], 5060)
        self.port, self.alias = port, False
        self.seen, self.waiting = [], []
        self.connections, self.current = [], None
        self.listener = None
        if listen:
            self.listen()

    def listen(self):
        self.listener = peer.socket_in(self.side, self.address, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.address, self.port))
        self.listener.listen(256)

    def connect(self):
        """A connection to limen, used from now on."""
        sock = peer.socket_in(self.side, self.address, socket.SOCK_STREAM)
        sock.bind((self.address, 0))
        sock.settimeout(5)
        sock.connect(self.limen)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.current = Connection(sock)
        self.connections.append(self.current)
        return self.current

    def drop(self, connection=None, reset=False):
        """End one, or all."""
        for one in [connection] if connection else list(self.connections):
            if reset:
                one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            one.sock.close()
            self.connections.remove(one)
        self.current = self.connections[-1] if self.connections else None

    def close(self):
        self.drop()
        if self.listener:
            self.listener.close()
            self.listener = None

    def send(self, text, to=None):
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        connection = to if isinstance(to, Connection) and to in self.connections else self.current or self.connect()
        connection.sock.sendall(data)

    def recv(self, timeout):
        until = time.monotonic() + max(0, timeout)
        while not self.waiting:
            socks = {c.sock: c for c in self.connections if not c.ended}
            ready = select.select([*socks, *([self.listener] if self.listener else [])], [], [],
                                  max(0, until - time.monotonic()))[0]
            if not ready and time.monotonic() >= until:
                return None
            for sock in ready:
                if sock is self.listener:
                    self.current = Connection(sock.accept()[0])
                    self.connections.append(self.current)
                    continue
                came = socks[sock].read()
                if came:
                    self.current = socks[sock]
                self.waiting += came
            for gone in [c for c in self.connections if c.ended]:
                self.drop(gone)
        message = self.waiting.pop(0)
        self.seen.append(message)
        return message

    def via(self, branch=None):
        return super().via(branch).replace("/UDP", f"/{self.TRANSPORT}") + (";alias" if self.alias else "")

    def contact(self):
        return f"<sip:{self.user}@{peer.host(self.address)}:{self.port};transport={self.TRANSPORT.lower()}>"


