# SPDX-License-Identifier: BSD-3-Clause
"""A peer as in stream.py that speaks SIP over TLS."""

import socket
import ssl
import time

import peer
from stream import Connection, StreamPeer


class Socket(ssl.SSLSocket):
    def recv(self, buflen=1024, flags=0):
        """All that is there: what TLS holds back nobody is told of by select."""
        data = super().recv(buflen, flags)
        while self.pending():
            data += super().recv(buflen, flags)
        return data


class TlsPeer(StreamPeer):
    TRANSPORT = "TLS"

    def __init__(self, side, ca=None, cert=None, name=None, **more):
        """ca: whom it trusts, None: everybody; cert: (chain, key) that it shows; name: whom it expects limen to be."""
        self.ca, self.cert, self.name = ca, cert, name
        self.refused = []  # why handshakes of those who connected failed
        super().__init__(side, port=more.pop("port", 5061), **more)
        self.limen = (self.limen[0], 5061)

    def context(self, server):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.sslsocket_class = Socket
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if self.ca:
            context.load_verify_locations(self.ca)
            context.verify_mode = ssl.CERT_REQUIRED
            context.check_hostname = bool(self.name) and not server
        if self.cert:
            context.load_cert_chain(*self.cert)
        return context

    def listen(self):
        super().listen()
        self.listener = self.context(True).wrap_socket(self.listener, server_side=True)

    def connect(self):
        sock = peer.socket_in(self.side, self.address, socket.SOCK_STREAM)
        sock.bind((self.address, 0))
        sock.settimeout(5)
        sock.connect(self.limen)
        self.current = Connection(self.context(False).wrap_socket(sock, server_hostname=self.name))
        self.connections.append(self.current)
        return self.current

    def recv(self, timeout):
        until = time.monotonic() + timeout
        while True:
            try:
                return super().recv(until - time.monotonic())
            except ssl.SSLError as why:
                self.refused.append(str(why))
