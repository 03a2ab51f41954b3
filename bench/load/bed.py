# SPDX-License-Identifier: BSD-3-Clause
"""The bed that limen-load measures on: limen, or dpdk-testpmd, behind two net_memif ports, one started after the other.

Everything lies in a directory of its own and is gone afterwards, hugepages included."""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HUGEPAGES = "/proc/sys/vm/nr_hugepages"
HUGEPAGES_MIN = 640  # of 2 MiB: generator, limen or testpmd, and the rings between them
RING_LOG2 = 11
WORKER_CPU, LOAD_CPU = 1, 0
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


class Bed:
    def __init__(self, build, urgent):
        self.build = build
        self.dir = tempfile.mkdtemp(prefix="limen-bed.")
        self.state = tempfile.mkdtemp(prefix="limen-bed.", dir="/dev/shm")
        self.running = []
        self.lingering = None
        self.idle_sleep_us = 0
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("measure: stopped"))  # and leaves the bed as it was
        with open(HUGEPAGES) as file:
            self.hugepages = int(file.read())
        if self.hugepages < HUGEPAGES_MIN:
            with open(HUGEPAGES, "w") as file:
                file.write(str(HUGEPAGES_MIN))
        if urgent:
            make_urgent()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        with open(HUGEPAGES, "w") as file:
            file.write(str(self.hugepages))
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)

    def device(self, index, role, more=""):
        return (f"net_memif{index},role={role},id={index},socket={self.dir}/{'ab'[index]}.sock,socket-abstract=no,"
                f"rsize={RING_LOG2}{more}")

    def start(self, name, argv):
        log = open(f"{self.dir}/{name}.log", "w")
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
        log.close()
        self.running.append((name, process))
        return process

    def log(self, name):
        with open(f"{self.dir}/{name}.log", errors="replace") as file:
            return file.read()

    def wait_for(self, name, text, seconds=120):  # an arena of gigabytes is written whole at the start
        end = time.monotonic() + seconds
        while text not in self.log(name):
            if time.monotonic() > end or self.running[-1][1].poll() is not None:
                raise RuntimeError(f"{name} did not come up:\n{self.log(name)[-2000:]}")
            time.sleep(0.05)

    def stop(self):
        for _, process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running = []
        self.let_go()
        for name in "ab":
            if os.path.exists(f"{self.dir}/{name}.sock"):
                os.unlink(f"{self.dir}/{name}.sock")

    def start_testpmd(self):
        """macswap between the two ports on the worker's CPU."""
        self.start("testpmd", [
            "dpdk-testpmd", "--in-memory", "--no-pci", "--iova-mode=va", f"--file-prefix=bed-{os.getpid()}",
            "--no-telemetry", f"--lcores=0@{LOAD_CPU},1@{WORKER_CPU}", "--main-lcore=0",
            f"--vdev={self.device(0, 'server')}", f"--vdev={self.device(1, 'server')}", "--",
            "--nb-cores=1", "--forward-mode=macswap", "--total-num-mbufs=16383", "--rxd=1024", "--txd=1024",
            "--stats-period=3600"])
        self.wait_for("testpmd", "start packet forwarding")

    def relay(self, workers, seconds, *args):
        """bench_relay: limen's workers fed by net_pcap, which costs no other CPU. Its figures by name."""
        frames = f"{self.dir}/frames{workers}"
        os.makedirs(frames, exist_ok=True)
        out = subprocess.run([f"{self.build}/bench/micro/bench_relay", "--dir", frames, "--workers", str(workers),
                              "--seconds", str(seconds), *args], stdout=subprocess.PIPE, check=True, timeout=60 + seconds,
                             preexec_fn=die_with_parent).stdout
        words = out.decode().split()
        return {words[i]: float(words[i + 1]) for i in range(0, len(words), 2)}

    def testpmd_on_frames(self, seconds):
        """macswap on the ports and frames of relay(1): Mpps for each second that its thread had the CPU."""
        vdevs = [f"--vdev=net_pcap{p},rx_pcap={self.dir}/frames1/{p}-0.pcap,infinite_rx=1" for p in range(2)]
        testpmd = self.start("testpmd", [
            "dpdk-testpmd", "--in-memory", "--no-pci", "--iova-mode=va", f"--file-prefix=bed-{os.getpid()}",
            "--no-telemetry", f"--lcores=0@{LOAD_CPU},1@{WORKER_CPU}", "--main-lcore=0", *vdevs, "--", "--nb-cores=1",
            "--forward-mode=macswap", "--total-num-mbufs=16383", "--rxd=1024", "--txd=1024", "--stats-period=1"])
        self.wait_for("testpmd", "start packet forwarding")
        samples = []
        while len(samples) < seconds + 2:
            blocks = self.log("testpmd").split("NIC statistics for port 1")
            if len(blocks) - 1 > len(samples) and "TX-packets" in blocks[-1]:
                received = sum(int(line.split()[1]) for line in self.log("testpmd").split("Port statistics")[-1].splitlines()
                               if "RX-packets:" in line)
                samples.append((received, thread_cpu_ns(testpmd.pid, "rte-worker-1")))
            time.sleep(0.002)
        self.stop()
        (first, first_ns), (last, last_ns) = samples[1], samples[-1]
        return (last - first) * 1e3 / (last_ns - first_ns)

    def start_limen(self, pairs, max_calls):
        """limen with `pairs` realms on each port: 10.99.N.1 on port 0, 10.100.N.1 on port 1, joined N to N."""
        config = f"{self.dir}/limen.yaml"
        with open(config, "w") as file:
            file.write(self.config(pairs, max_calls))
        dataplane = self.start("dataplane", [f"{self.build}/dataplane/limen-dataplane", "--config", config])
        self.wait_for("dataplane", "ready")
        control = self.start("control", ["taskset", "-c", str(LOAD_CPU),
                                         f"{self.build}/controlplane/limen-controlplane", "--config", config])
        self.wait_for("control", "is connected")
        return dataplane.pid, control.pid

    def config(self, pairs, max_calls):
        realms = trunks = routes = ""
        for n in range(pairs):
            for side, port in enumerate("ab"):
                net = f"10.{99 + side}.{n}"
                realms += f"  - {{name: {port}{n}, port: {port}, addresses: [{net}.1/24], media_ports: 10000-65535}}\n"
                trunks += f"  - {{name: {port}{n}, realm: {port}{n}, peers: [{net}.2]}}\n"
            routes += f"  - {{from: a{n}, to: b{n}}}\n  - {{from: b{n}, to: a{n}}}\n"
        return f"""machine:
  main_cpu: {LOAD_CPU}
  workers: [{WORKER_CPU}]
  idle_sleep_us: {self.idle_sleep_us}
  hugepages: require
  memory_mb: 256
  max_calls: {max_calls}
  state_dir: {self.state}
  run_dir: {self.dir}
ports:
  - {{name: a, device: '{self.device(0, "server")}'}}
  - {{name: b, device: '{self.device(1, "server")}'}}
realms:
{realms}trunks:
{trunks}routes:
{routes}cdr:
  file: {self.state}/cdr.jsonl
"""

    def calls_args(self, pairs):
        """Where limen-load is and whom it calls on such a limen."""
        args = []
        for n in range(pairs):
            args += ["--local", f"0=10.99.{n}.2/24", "--local", f"1=10.100.{n}.2/24", "--call", f"10.99.{n}.2,10.99.{n}.1"]
        return args

    def load(self, args, seconds):
        """One run of limen-load; its JSON."""
        path = f"{self.dir}/load.json"
        argv = [f"{self.build}/bench/limen-load", "--cpu", str(LOAD_CPU), "--quiet", "--json", path,
                "--port", self.device(0, "client", ",zero-copy=yes"), "--port", self.device(1, "client", ",zero-copy=yes"),
                *args]
        self.let_go()
        with open(f"{self.dir}/load.log", "w") as log:
            self.lingering = subprocess.Popen([*argv, "--linger", "60"], stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        end = time.monotonic() + seconds
        while not os.path.exists(path):
            if self.lingering.poll() is not None or time.monotonic() > end:
                ended = self.lingering.poll() is not None
                self.let_go()
                if not os.path.exists(path):
                    raise RuntimeError(f"limen-load {'ended' if ended else 'is not done'}: {self.log('load')[-2000:]}")
            time.sleep(0.02)
        with open(path) as file:
            result = json.load(file)
        os.unlink(path)
        return result

    def let_go(self):
        """The last run of limen-load, which keeps its ports until whoever polls the other ends has gone: net_memif unmaps its rings
        under a poller that loses its peer."""
        if self.lingering:
            self.lingering.terminate()
            try:
                self.lingering.wait(10)
            except subprocess.TimeoutExpired:
                self.lingering.kill()
                self.lingering.wait()
        self.lingering = None

    def distance(self):
        """TSC cycles for a cache line to go from one CPU to the other and back, now."""
        return int(subprocess.run([f"{self.build}/bench/limen-distance", str(LOAD_CPU), str(WORKER_CPU)],
                                  stdout=subprocess.PIPE, check=True).stdout)

    def stats(self):
        """limenctl show stats as {(group, object, name): value}."""
        out = subprocess.run([f"{self.build}/controlplane/limenctl", "--run-dir", self.dir, "--json", "show", "stats"],
                             stdout=subprocess.PIPE, check=True).stdout
        return {(row["group"], row["object"], row["name"]): row["value"] for row in json.loads(out)}


def die_with_parent():
    """In a child: it gets SIGTERM when this process has ended, however it did. A worker that polls on would keep its CPU for good."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def make_urgent():
    """A session of our own before all others of the machine: on one that is shared, figures are of the others' work else."""
    if os.getsid(0) != os.getpid():
        os.setsid()
    try:
        with open("/proc/self/autogroup", "w") as file:
            file.write("-20")
    except OSError:
        pass
    os.nice(-20)


def thread_cpu_ns(pid, name):
    """CPU time of the threads of that name."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm") as file:
            if file.read().strip() != name:
                continue
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total


def cpu_ns(pid):
    """CPU time of all threads of a process that live."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total


def rss_kb(pid):
    """Memory of a process that is resident and its own, huge pages and shared mappings not counted."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


def disk_kb(path):
    """What lies in a directory, as the file system has it."""
    return sum(os.lstat(os.path.join(where, name)).st_blocks // 2 for where, _, names in os.walk(path) for name in names)
