#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The same work on limen and on its peers, one after the other over the same pair of veths, driven by limen-load.

    peers.py sip|media [--build DIR] [--quick] [--rounds N] [--json FILE] [--polite]

sip: basic calls at one rate through limen (AF_XDP) and through Kamailio with tm and topoh (`-x fm -X fm`): the CPU time of each
call. media: G.711 at rising rates through limen (AF_XDP) and through rtpengine (userspace, one thread, set up by Kamailio):
offered, relayed, lost, CPU. Everything lies in two namespaces of its own, bench-load and bench-sbc."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "load"))
from bed import LOAD_CPU, WORKER_CPU, Bed, cpu_ns  # noqa: E402

LOAD, SBC = "bench-load", "bench-sbc"
SIDES = {"a": "10.99.0", "b": "10.100.0"}


def run(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


class Veths(Bed):
    """limen-load's two ends in bench-load, those of the element under test in bench-sbc."""

    def __enter__(self):
        self.idle_sleep_us = 20
        self.remove()
        for name in (LOAD, SBC):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                "net.ipv6.conf.default.disable_ipv6=1")
        for side in SIDES:
            run("ip", "-n", SBC, "link", "add", f"s{side}", "type", "veth", "peer", "name", f"l{side}", "netns", LOAD)
            for name, end in ((SBC, "s"), (LOAD, "l")):
                run("ip", "netns", "exec", name, "ethtool", "-K", end + side, "tx", "off")
                run("ip", "-n", name, "link", "set", end + side, "up")
        return super().__enter__()

    def __exit__(self, *args):
        super().__exit__(*args)
        self.remove()

    @staticmethod
    def remove():
        for name in (LOAD, SBC):
            if os.path.exists(f"/run/netns/{name}"):
                run("ip", "netns", "del", name)

    def device(self, index, role, more=""):
        return f"net_af_xdp{index},iface={'s' if role == 'server' else 'l'}{'ab'[index]}"

    def start(self, name, argv):
        return super().start(name, ["ip", "netns", "exec", SBC, *argv])

    def addresses(self, present):
        """The kernel of bench-sbc has the element's addresses, or limen has them."""
        for side, net in SIDES.items():
            run("ip", "-n", SBC, "addr", "flush", "dev", f"s{side}")
            if present:
                run("ip", "-n", SBC, "addr", "add", f"{net}.1/24", "dev", f"s{side}")

    def load(self, args, seconds):
        path = f"{self.dir}/load.json"
        argv = ["ip", "netns", "exec", LOAD, f"{self.build}/bench/limen-load", "--cpu", str(LOAD_CPU), "--quiet", "--json", path,
                "--port", self.device(0, "client"), "--port", self.device(1, "client"), *args]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, check=False)
        if not os.path.exists(path):
            raise RuntimeError(f"limen-load: {done.stdout.decode(errors='replace')[-2000:]}")
        with open(path) as file:
            result = json.load(file)
        os.unlink(path)
        return result

    def start_kamailio(self, media):
        run_dir = f"{self.dir}/kamailio"
        os.makedirs(run_dir, exist_ok=True)
        argv = ["taskset", "-c", str(WORKER_CPU), "kamailio", "-DD", "-E", "-f", f"{HERE}/kamailio.cfg", "-Y", run_dir, "-m", "512",
                "-M", "16", "-x", "fm", "-X", "fm"]
        self.start("kamailio", argv + (["-A", "WITH_RTPENGINE"] if media else []))
        self.wait_for_port(5060)

    def start_rtpengine(self):
        self.start("rtpengine", ["taskset", "-c", str(WORKER_CPU), "rtpengine", "--foreground", "--log-stderr", "--log-level=3",
                                 "--table=-1", "--num-threads=1", "--listen-ng=127.0.0.1:2223", "--no-fallback",
                                 "--interface=a/10.99.0.1", "--interface=b/10.100.0.1", "--port-min=10000", "--port-max=60000",
                                 "--pidfile=" + self.dir + "/rtpengine.pid"])
        self.wait_for_port(2223)

    def wait_for_port(self, port, seconds=20):
        end = time.monotonic() + seconds
        while not subprocess.run(["ip", "netns", "exec", SBC, "ss", "-Huln", f"sport = :{port}"], stdout=subprocess.PIPE,
                                 check=True).stdout:
            name, process = self.running[-1]
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError(f"{name} did not come up:\n{self.log(name)[-2000:]}")
            time.sleep(0.05)

    def cpu_s(self, name):
        """CPU time of a started program with all its children."""
        pids = [process.pid for what, process in self.running if what == name]
        for pid in pids:
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                pids += map(int, file.read().split())
        return sum(map(cpu_ns, pids)) / 1e9


class Limen:
    name = "limen"

    def __init__(self, bed, _media):
        self.bed = bed
        bed.addresses(False)
        bed.start_limen(1, 40000)

    def cpu_s(self):
        """What the worker's turns with work took, and all of the control plane's."""
        stats = self.bed.stats()
        return stats[("worker", "0", "busy_cycles")] / tsc_hz() + self.bed.cpu_s("control")


class Peer:
    name = "kamailio"

    def __init__(self, bed, media):
        self.bed = bed
        bed.addresses(True)
        if media:
            self.name = "rtpengine"
            bed.start_rtpengine()
        bed.start_kamailio(media)

    def cpu_s(self):
        return self.bed.cpu_s(self.name)


def tsc_hz():
    """Ticks of the TSC in a second, over 200 ms of the monotonic clock, once."""
    if not hasattr(tsc_hz, "value"):
        raise RuntimeError("limen-load has not run yet")
    return tsc_hz.value


def measure(bed, kind, media, args, seconds):
    element = kind(bed, media)
    try:
        # A second of calls first: neighbours are known and caches warm; and limen-load tells the TSC's rate.
        if not media or not hasattr(tsc_hz, "value"):
            tsc_hz.value = bed.load([*bed.calls_args(1), "--calls", "100", "--cps", "100", "--duration", "1"], 60)["tsc_hz"]
        cpu = element.cpu_s()
        result = bed.load([*bed.calls_args(1), *args], seconds)
        cpu = element.cpu_s() - cpu
    finally:
        bed.stop()
    return element.name, result, cpu


def sip(bed, options):
    seconds, rounds = (5, 1) if options.quick else (20, options.rounds or 3)
    figures = {"limen": [], "kamailio": []}
    print(f"\nbasic calls at {options.cps}/s over veth\n{'':10} {'calls':>8} {'failed':>7} {'resent':>7} {'CPU us/call':>12}")
    for _ in range(rounds):
        for kind in (Limen, Peer):
            name, result, cpu = measure(bed, kind, False, ["--calls", "20000", "--cps", str(options.cps), "--duration", str(seconds),
                                                           "--idle-us", "50"], seconds + 120)
            calls = result["calls"]
            each = cpu * 1e6 / max(1, calls["completed"])
            print(f"{name:10} {calls['completed']:8} {calls['failed']:7} {calls['retransmitted']:7} {each:12.1f}", flush=True)
            if not calls["failed"]:
                figures[name].append(each)
    return {"peers.kamailio_calls_per_s": round(1e6 / statistics.median(figures["kamailio"])),
            "peers.limen_veth_calls_per_s": round(1e6 / statistics.median(figures["limen"])),
            "peers.ratio_kamailio": round(statistics.median(figures["kamailio"]) / statistics.median(figures["limen"]), 2)}


def media(bed, options):
    """Each rate by itself, so that each has its CPU time; with --quick one after the other in one run."""
    seconds, rounds = (1, 1) if options.quick else (5, options.rounds or 3)
    runs = [options.kpps[1::2]] if options.quick else [[kpps] for kpps in options.kpps]
    best = {"limen": [], "rtpengine": []}
    print(f"\nRTP of {options.calls} calls over veth, both ways\n{'':10} {'offered kpps':>12} {'relayed kpps':>12} {'lost':>9} "
          f"{'CPU %':>6} {'p50 us':>8} {'p99 us':>8}")
    for _ in range(rounds):
        for kind in (Limen, Peer):
            top = 0
            for rates in runs:
                # The first second is not counted: rtpengine loses some packets of each stream at its beginning.
                phases = "20000:1," + ",".join(f"{kpps * 1000}:{seconds}" for kpps in rates)
                name, result, cpu = measure(bed, kind, True, ["--calls", str(options.calls), "--cps", "200", "--phases", phases],
                                            seconds * len(rates) + 120)
                share = f"{100 * cpu / (seconds + 1):6.0f}" if len(rates) == 1 else f"{'':6}"
                for phase in result["phases"][1:]:
                    relayed = phase["received_pps"] / 1e3
                    print(f"{name:10} {phase['sent'] / phase['seconds'] / 1e3:12.1f} {relayed:12.1f} {phase['lost']:9} "
                          f"{share} {phase['latency_us']['p50']:8.1f} {phase['latency_us']['p99']:8.1f}", flush=True)
                    if phase["lost"] * 1000 <= phase["sent"]:
                        top = max(top, relayed)
            best[name].append(top)
    return {"peers.rtpengine_kpps": round(statistics.median(best["rtpengine"]), 1),
            "peers.limen_veth_kpps": round(statistics.median(best["limen"]), 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=("sip", "media"))
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--cps", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=200, help="with media")
    parser.add_argument("--kpps", type=int, nargs="+", default=[20, 40, 60, 80, 100, 130, 160, 190])
    parser.add_argument("--json")
    parser.add_argument("--polite", action="store_true")
    options = parser.parse_args()
    with Veths(os.path.abspath(options.build), not options.polite) as bed:
        figures = sip(bed, options) if options.group == "sip" else media(bed, options)
    for key, value in figures.items():
        print(f"{key:34} {value}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(figures, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
