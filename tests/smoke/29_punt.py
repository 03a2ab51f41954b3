#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""TCP to limen's addresses reaches sockets of its kernel and back, and a flood of connection attempts disturbs nobody."""

import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import peer  # noqa: E402

SO_BINDTODEVICE = 25
PORT = 5999  # nobody else's
BYTES = 1 << 20

lab.lab_up()


class Echo(threading.Thread):
    """A server of limen's machine that sends back what it gets, one connection after the other."""

    def __init__(self, address, device):
        super().__init__(daemon=True)
        self.listener = peer.socket_in("s", address, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, device.encode())
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, PORT))
        self.listener.listen(16)
        self.start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                while part := connection.recv(65536):
                    connection.sendall(part)


def talk(side, address, size, seconds=20):
    """How much of `size` bytes comes back."""
    data = os.urandom(size)
    with peer.socket_in(side, address, socket.SOCK_STREAM) as sock:
        sock.settimeout(seconds)
        sock.connect((address, PORT))

        def send():
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        back = bytearray()
        while part := sock.recv(65536):
            back += part
        sender.join()
    return back == data


def both_ways():
    """a megabyte comes back whole over IPv4 and IPv6, in both realms"""
    for side, address in (("a", "10.99.1.1"), ("a", "fd99:1::1"), ("b", "10.99.2.1"), ("b", "fd99:2::1")):
        Echo(address, f"sip-{side}")
        assert talk(side, address, BYTES), f"{address}: not what was sent"
    shown = lab.stats()
    for side in "ab":
        for name in ("to_kernel_pkts", "from_kernel_pkts"):
            assert shown["kernel", side, name] > 500, f"{side}: {name} is {shown['kernel', side, name]}"


def refused():
    """a port that nobody listens on is refused at once, as a kernel does"""
    with peer.socket_in("a", "10.99.1.1", socket.SOCK_STREAM) as sock:
        sock.settimeout(5)
        try:
            sock.connect(("10.99.1.1", PORT + 1))
        except ConnectionRefusedError:
            return
    raise AssertionError("somebody answered")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff


def syn(source, n):
    """An IPv4 packet with the SYN of a connection that nobody means."""
    addresses = socket.inet_aton(source) + socket.inet_aton("10.99.1.1")
    head = struct.pack("!HHIIBBHHH", 1024 + n % 60000, PORT, n, 0, 5 << 4, 2, 1024, 0, 0)
    total = checksum(addresses + struct.pack("!BBH", 0, 6, len(head)) + head)
    tcp = head[:16] + struct.pack("!H", total) + head[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), n & 0xffff, 0, 64, 6, 0) + addresses
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def flood():
    """20,000 SYNs of one source are counted and dropped, while calls and other connections go on"""
    a, b = peer.Peer("a"), peer.Peer("b")
    lab.run("ip", "-n", "limen-a", "addr", "add", "10.99.1.77/24", "dev", "to-limen")
    before = lab.drops("punt-new-rate")
    done = threading.Event()

    def send():
        with peer.socket_in("a", "10.99.1.77", socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for n in range(20000):
                raw.sendto(syn("10.99.1.77", n), ("10.99.1.1", 0))
                if n % 100 == 0:
                    time.sleep(0.005)
        done.set()

    threading.Thread(target=send, daemon=True).start()
    calls = 0
    while not done.is_set():
        call, callee, _ = peer.answered_call(a, b)
        peer.end_call(call, callee)
        assert talk("a", "10.99.1.1", 20000), "a connection of another source"
        calls += 1
    assert calls >= 3, f"only {calls} calls meanwhile"
    dropped = lab.drops("punt-new-rate") - before
    assert dropped > 15000, f"{dropped} dropped"
    assert lab.total("ring", "used") < 100, "rings do not empty"


lab.each(both_ways, refused, flood)
