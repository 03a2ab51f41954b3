# SPDX-License-Identifier: BSD-3-Clause
"""A system call made by another process, from outside of it: what an attacker who took it over would ask of the kernel.

Root alone can do this (ptrace); the programs have no way of their own to be asked for it."""

import ctypes
import os
import struct
import time

PTRACE_PEEKTEXT, PTRACE_SINGLESTEP, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_ATTACH, PTRACE_DETACH = 1, 9, 12, 13, 16, 17
REGISTERS = ("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax",
             "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs")
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
SYSCALL = b"\x0f\x05"
WALL = 0x40000000

# x86-64
CALLS = {"openat": 257, "socket": 41, "execve": 59, "ptrace": 101, "setuid": 105, "clone": 56, "mount": 165, "unshare": 272,
         "process_vm_readv": 310, "bpf": 321, "io_uring_setup": 425, "mmap": 9, "getpid": 39, "kill": 62}

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, pid, address=0, data=None):
    ctypes.set_errno(0)
    value = libc.ptrace(request, pid, address, data)
    if value == -1 and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), f"ptrace {request}: {os.strerror(ctypes.get_errno())}")
    return value


class Killed(Exception):
    """The process is no more; the signal."""


def wait(pid):
    _, status = os.waitpid(pid, WALL)
    if os.WIFSIGNALED(status):
        raise Killed(os.WTERMSIG(status))
    assert os.WIFSTOPPED(status), f"process {pid} ended: {status}"


def registers(pid):
    space = ctypes.create_string_buffer(8 * len(REGISTERS))
    ptrace(PTRACE_GETREGS, pid, 0, ctypes.addressof(space))
    return dict(zip(REGISTERS, struct.unpack(f"{len(REGISTERS)}Q", space.raw)))


def set_registers(pid, values):
    space = ctypes.create_string_buffer(struct.pack(f"{len(REGISTERS)}Q", *(values[name] for name in REGISTERS)))
    ptrace(PTRACE_SETREGS, pid, 0, ctypes.addressof(space))


def stop_in_call(pid):
    """Stop it where it waits in a system call; its registers."""
    for _ in range(1000):
        ptrace(PTRACE_ATTACH, pid)
        wait(pid)
        was = registers(pid)
        code = struct.pack("q", ptrace(PTRACE_PEEKTEXT, pid, was["rip"] - len(SYSCALL)))
        if code.startswith(SYSCALL):
            return was
        ptrace(PTRACE_DETACH, pid)
        time.sleep(0.002)
    raise AssertionError("the process never waits in a system call")


def call(pid, name, *arguments):
    """What that system call gives (negative: -errno) when the process's first thread makes it; Killed if that ends it."""
    was = stop_in_call(pid)
    # its instruction is used again
    at = was["rip"] - len(SYSCALL)
    now = dict(was, rip=at, rax=CALLS[name], orig_rax=2 ** 64 - 1)
    now.update(zip(ARGUMENTS, (value % 2 ** 64 for value in arguments)))
    set_registers(pid, now)
    ptrace(PTRACE_SINGLESTEP, pid)
    wait(pid)
    result = registers(pid)["rax"]
    # its own call goes on
    if was["rax"] >= 2 ** 64 - 4095 and was["orig_rax"] < 2 ** 63:
        was.update(rip=at, rax=was["orig_rax"])
    set_registers(pid, was)
    ptrace(PTRACE_DETACH, pid)
    return result - 2 ** 64 if result >= 2 ** 63 else result
