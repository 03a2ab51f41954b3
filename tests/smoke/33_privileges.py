#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What is left to both processes: no root, no capability, no system call that they do not need; and what becomes of one that is
taken over."""

import glob
import os
import re
import signal
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import inject  # noqa: E402
import lab  # noqa: E402
import peer  # noqa: E402

AF_INET, AF_PACKET, AF_NETLINK, NETLINK_NETFILTER = 2, 17, 16, 12
SOCK_RAW, O_RDONLY = 3, 0
PROT_RWX, MAP_PRIVATE_ANONYMOUS = 7, 0x22
CAP_NET_ADMIN = 1 << 12
CONTROL, DATA = 64099, 64098  # users of scripts/lab.sh
RUN = "/run/limen-lab/run"

lab.lab_up()
a, b = peer.Peer("a"), peer.Peer("b")
is_sanitized = b"__asan_init" in open(f"{open('/run/limen-lab/build').read().strip()}/dataplane/limen-dataplane", "rb").read()


def pid(name):
    with open(f"/run/limen-lab/{name}.pid", encoding="ascii") as file:
        return int(file.read().split()[0])


def threads(name):
    """Each thread's /proc status."""
    for path in glob.glob(f"/proc/{pid(name)}/task/*/status"):
        with open(path, encoding="utf-8") as file:
            yield dict(re.findall(r"^(\w+):\t(.*)$", file.read(), re.M))


def is_without(status, name, allowed=0):
    assert status["Uid"].split() == [str(DATA if name == "dataplane" else CONTROL)] * 4, f"{name}: users {status['Uid']}"
    assert status["Gid"].split() == [str(CONTROL)] * 4, f"{name}: groups {status['Gid']}"
    assert "0" not in status["Groups"].split(), f"{name}: is in root's group: {status['Groups']}"
    for caps in ("CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"):
        left = int(status[caps], 16) & ~(allowed if caps in ("CapPrm", "CapEff") else 0)
        assert left == 0 or caps == "CapBnd", f"{name}, thread {status['Name']}: {caps} {status[caps]}"
    assert status["NoNewPrivs"] == "1", f"{name}, thread {status['Name']}: may get new privileges"
    assert status["Seccomp"] == "2", f"{name}, thread {status['Name']}: Seccomp {status['Seccomp']}"


def nothing_left():
    """no thread of the control plane has a capability, root's user or group, or an unfiltered system call"""
    seen = list(threads("controlplane"))
    assert len(seen) >= 2, "it has threads"
    for status in seen:
        is_without(status, "controlplane")


def nothing_left_in_dataplane():
    """nor has the dataplane, but for CAP_NET_ADMIN of the main thread where a port is AF_XDP's"""
    xdp = os.environ.get("SMOKE_DEVICE", "af_xdp") == "af_xdp"
    for status in threads("dataplane"):
        main = status["Pid"] == str(pid("dataplane"))
        is_without(status, "dataplane", CAP_NET_ADMIN if xdp and main else 0)


def shown():
    """limenctl and both logs tell so"""
    rows = lab.stats()
    for key in (("privileges", ""), ("control", "privileges")):
        assert rows[(*key, "uid")] == (CONTROL if key[0] == "control" else DATA), f"{key}: {rows[(*key, 'uid')]}"
        assert rows[(*key, "no_new_privs")] == 1 and rows[(*key, "seccomp")] == 2, key
    assert rows["control", "privileges", "capabilities"] == 0
    for name in ("dataplane", "controlplane"):
        with open(f"/run/limen-lab/{name}.log", encoding="utf-8") as file:
            assert "privileges given up" in file.read(), f"the log of the {name}"


def files():
    """sockets and files of state are their user's and group's alone, run_dir is sticky, memory is dumped nowhere"""
    for name, owner, mode in (("dataplane.sock", DATA, 0o660), ("limenctl.sock", CONTROL, 0o660), ("dataplane.sock.lock", 0, 0o600)):
        found = os.stat(f"{RUN}/{name}")
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (owner, mode), f"{name}: {found}"
    assert os.stat(RUN).st_uid == 0 and os.stat(RUN).st_mode & stat.S_ISVTX, "run_dir"
    for path in glob.glob("/run/limen-lab/bindings.sqlite*") + glob.glob("/run/limen-lab/cdr.jsonl"):
        found = os.stat(path)
        assert found.st_uid == CONTROL and not found.st_mode & 0o007, f"{path}: {found}"
    for path in glob.glob("/dev/shm/limen-lab/*"):
        assert not os.stat(path).st_mode & 0o077, f"{path} can be read by others"
    for name in ("dataplane", "controlplane"):
        with open(f"/proc/{pid(name)}/limits", encoding="ascii") as file:
            assert re.search(r"Max core file size +0 +0", file.read()), f"{name} may dump core"
        # of a process that is not dumpable these are root's
        assert os.stat(f"/proc/{pid(name)}/mem").st_uid == 0, f"{name}: its own user may read its memory"


def inherited():
    """no descriptor of whoever started limen is open in it but the first three"""
    read, write = os.pipe()
    os.set_inheritable(read, True)
    lab.run(lab.LAB, "stop", "controlplane")
    done = subprocess.run([lab.LAB, "start", "controlplane"], pass_fds=(read,), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    pipe = os.readlink(f"/proc/self/fd/{read}")
    for name in ("dataplane", "controlplane"):
        found = [os.readlink(f"/proc/{pid(name)}/fd/{fd}") for fd in os.listdir(f"/proc/{pid(name)}/fd") if int(fd) > 2]
        assert pipe not in found, f"{name} has it: {found}"
    os.close(read)
    os.close(write)


def media_flows(a_media, b_media, answer, callee, seq):
    for n in range(seq, seq + 10):
        a_media.sendto(peer.rtp(n, 1), answer.media())
        b_media.sendto(peer.rtp(n, 2), callee.invite.media())
    counts = []
    for sock in (b_media, a_media):
        sock.settimeout(0.5)
        n = 0
        try:
            while n < 10:
                sock.recv(2048)
                n += 1
        except TimeoutError:
            pass
        counts.append(n)
    return counts == [10, 10]


def ends(name, call, *arguments):
    """The system call must end the process."""
    victim = pid(name)
    try:
        result = inject.call(victim, call, *arguments)
    except inject.Killed as killed:
        assert killed.args[0] == signal.SIGSYS, f"{call} ended {name} by signal {killed.args[0]}"
        lab.wait_until(5, lambda: not os.path.exists(f"/proc/{victim}") or "Z" in open(f"/proc/{victim}/stat").read().split(")")[1])
        return
    raise AssertionError(f"{name} may call {call}: {result}")


def forbidden_calls():
    """a forbidden system call of the control plane ends it, and the dataplane and its call live on"""
    a_media, b_media = peer.udp("a", a.address, 40000), peer.udp("b", b.address, 50000)
    call, callee, answer = peer.answered_call(a, b)
    data = pid("dataplane")
    assert media_flows(a_media, b_media, answer, callee, 0), "media before"
    assert inject.call(pid("controlplane"), "getpid") == pid("controlplane"), "a call that it needs"
    seq = 10
    for name, *arguments in (("execve", 0, 0, 0), ("ptrace", 16, 1), ("socket", AF_PACKET, SOCK_RAW, 0),
                             ("socket", AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), ("clone", 0x11), ("process_vm_readv", data),
                             ("kill", data, 9), ("io_uring_setup", 1, 0), ("setuid", 0), ("unshare", 0x10000000), ("mount", 0, 0, 0)):
        ends("controlplane", name, *arguments)
        assert media_flows(a_media, b_media, answer, callee, seq), f"media after {name}"
        seq += 10
        lab.run(lab.LAB, "start", "controlplane")
        assert lab.wait_until(10, lambda: lab.run(lab.LAB, "ctl", "show", "calls").returncode == 0), "the control plane comes back"
    assert pid("dataplane") == data and os.path.exists(f"/proc/{data}"), "the dataplane is another"
    peer.end_call(call, callee)
    assert lab.wait_until(5, lambda: len(lab.records()) == 1), f"{len(lab.records())} records of one call"
    again, callee, _ = peer.answered_call(a, b)
    peer.end_call(again, callee)
    a_media.close()
    b_media.close()


def refused_by_rights():
    """the control plane may open files, but not those of others; nor a port below 1024 or a raw socket"""
    control = pid("controlplane")
    space = inject.call(control, "mmap", 0, 4096, 3, MAP_PRIVATE_ANONYMOUS, -1, 0)
    assert space > 0, f"memory: {space}"
    with open(f"/proc/{control}/mem", "r+b", buffering=0) as memory:
        memory.seek(space)
        memory.write(b"/etc/shadow\0")
    assert inject.call(control, "openat", -100, space, O_RDONLY, 0) == -13, "it may read /etc/shadow"
    with open(f"/proc/{control}/mem", "r+b", buffering=0) as memory:
        memory.seek(space)
        memory.write(f"/proc/{pid('dataplane')}/mem\0".encode())
    assert inject.call(control, "openat", -100, space, O_RDONLY, 0) == -13, "it may read the dataplane's memory"
    assert inject.call(control, "socket", AF_INET, SOCK_RAW, 1) == -1, "it may make raw sockets"
    assert lab.ctl("show", "calls") is not None


def dataplane_calls():
    """a forbidden system call of the dataplane ends it, and the control plane finds the next one"""
    control = pid("controlplane")
    for name, *arguments in (("execve", 0, 0, 0), ("mmap", 0, 4096, PROT_RWX, MAP_PRIVATE_ANONYMOUS, -1, 0),
                             ("socket", AF_PACKET, SOCK_RAW, 0), ("bpf", 5, 0, 0), ("kill", control, 9)):
        ends("dataplane", name, *arguments)
        assert lab.wait_until(20, lambda: lab.run(lab.LAB, "start", "dataplane").returncode == 0), "the dataplane comes back"
    assert pid("controlplane") == control, "the control plane is another"
    call, callee, _ = peer.answered_call(a, b)
    peer.end_call(call, callee)


if is_sanitized:
    print("skip - the sanitizers' runtimes make system calls of their own: the filter only logs")
    lab.each(nothing_left, shown, files)
lab.each(nothing_left, nothing_left_in_dataplane, shown, files, inherited, refused_by_rights, forbidden_calls, dataplane_calls)
