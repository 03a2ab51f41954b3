#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the benchmarks say, without running one: the scripts run on a bed that gives made-up figures, and all keys that are
promised come out of scripts/bench.sh --json, as numbers."""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path[:0] = [os.path.join(TOP, "bench/load"), os.path.join(TOP, "bench/peers")]
import measure  # noqa: E402

BENCH = os.path.join(TOP, "scripts/bench.sh")
KEYS = {
    "parse": ["msgs_per_s", "ratio_osip2", "ratio_libre"],
    "media": ["rtp_1k_mpps", "rtp_1k_ratio_testpmd", "rtp_100k_mpps", "rtp_100k_ratio_testpmd", "nogen_mpps",
              "nogen_ratio_testpmd", "two_workers_ratio"],
    "srtp": ["cm_sha1_80_mpps", "gcm_128_mpps", "ratio_libsrtp2"],
    "sip": ["calls_per_s", "failed", "worker_cycles_per_call", "control_cycles_per_call"],
    "tls": ["handshakes_per_s", "ratio_s_server", "idle_kib"],
    "peers": ["rtpengine_kpps", "limen_veth_kpps", "kamailio_calls_per_s"],
}
LATENCY = {"p50": 1.5, "p90": 2.0, "p99": 3.0, "p99.9": 4.0, "p99.99": 5.0}
failures = 0


def check(what, good, detail=""):
    global failures
    failures += not good
    print(f"ok - {what}" if good else f"not ok - {what}: {detail}")


class Bed:
    """As bench/load/bed.py, and nothing is started."""
    state = tempfile.gettempdir() + "/limen-no-such-directory"
    ticks = 0

    def relay(self, workers, _seconds, *_args):
        return {"mpps_per_cpu_time": 20.5 * workers, "dropped": 0}

    def testpmd_on_frames(self, _seconds):
        return 40.25

    def start_testpmd(self):
        pass

    def stop(self):
        pass

    def start_limen(self, _pairs, _max_calls):
        return os.getpid(), os.getpid()

    def calls_args(self, _pairs):
        return []

    def distance(self):
        return 180

    def stats(self):
        Bed.ticks += 1000
        return {("worker", "0", "busy_cycles"): Bed.ticks, ("drops", "", "tx-full"): 0, ("media", "", "pairs"): 10}

    def load(self, args, _seconds):
        phases = args[args.index("--phases") + 1].split(",") if "--phases" in args else []
        return {"phases": [{"received_pps": 5e6, "lost": 3, "sent": 1000000, "latency_us": LATENCY} for _ in phases],
                "calls": {"attempted": 1000, "completed": 1000, "failed": 0, "callee_unfinished": 0, "retransmitted": 0, "seconds": 1.0,
                          "cpu_s": 0.5, "setup_us": LATENCY},
                "rtp": {"lost": 0, "misled": 0, "sent": 1000, "reordered": 0, "latency_us": LATENCY}, "tsc_hz": 2.6e9}


def options(**other):
    values = {"quick": True, "rounds": 2, "cps": [1000], "streams": [1000, 100000], "calls": 100, "seconds": 1, "json": None}
    return argparse.Namespace(**{**values, **other})


def figures_of(group):
    with contextlib.redirect_stdout(io.StringIO()):
        return measure.GROUPS[group](Bed(), options())


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def to_json(group, lines):
    """bench.sh's JSON of these lines, or None where it says that something is missing."""
    with tempfile.TemporaryDirectory() as where:
        with open(f"{where}/kept", "w", encoding="utf-8") as file:
            file.write("".join(f"{row[0]}\t{row[1]}\t{row[2]}\n" for row in lines))
        done = subprocess.run([BENCH, group, "--from", f"{where}/kept", "--json", f"{where}/json"], capture_output=True, text=True, check=False)
        if done.returncode:
            return None
        with open(f"{where}/json", encoding="utf-8") as file:
            return json.load(file)


measured = {}
for name in ("media", "srtp", "sip", "soak"):
    measured.update(figures_of(name))
wanted = [f"{group}.{key}" for group in ("media", "sip") for key in KEYS[group]]
check("measure.py gives each key of its groups, as a number", all(is_number(measured.get(key)) for key in wanted),
      [key for key in wanted if not is_number(measured.get(key))])
check("and is right about them", measured["media.nogen_mpps"] == 20.5 and measured["media.two_workers_ratio"] == 2 and
      measured["media.rtp_1k_mpps"] == 5 and measured["media.rtp_1k_ratio_testpmd"] == 1 and measured["sip.calls_per_s"] == 1000 and
      measured["sip.worker_cycles_per_call"] == 1, measured)
curve = figures_of("load")
rows = [row for who in ("limen", "testpmd") for row in curve["delay_over_load"][who]] + curve["rate_over_streams"]
check("what plot.py reads", len(rows) > 20 and all(is_number(value) for row in rows for value in row.values()), rows[:2])
with tempfile.TemporaryDirectory() as scratch:
    with open(f"{scratch}/data", "w", encoding="utf-8") as data:
        for n, row in enumerate(rows):
            row.update({"mpps": 0.1 * (n + 1)} if "mpps" in row else {})
        json.dump(curve, data)
    subprocess.run([sys.executable, os.path.join(TOP, "bench/plot.py"), f"{scratch}/data", f"{scratch}/plot"], check=True)
    for name in ("streams", "delay"):
        with open(f"{scratch}/plot-{name}.svg", encoding="utf-8") as svg:
            text = svg.read()
        check(f"the plot of {name}", text.startswith("<svg ") and text.count("<polyline ") >= 2 and "nan" not in text, text[:200])

every = [(group, "measure", f"{group}.{key:34} {n + 0.5}") for group in KEYS for n, key in enumerate(KEYS[group])]
shape = to_json("all", [("parse", "bench_parse", "INVITE   941 bytes: 3259956 messages/s"), *every])
check("bench.sh's JSON: date, lines, figures", shape is not None and isinstance(shape["date"], str) and isinstance(shape["lines"], list))
check("each line says group, program and text", all(sorted(row) == ["group", "line", "program"] and all(isinstance(v, str) for v in row.values())
                                                    for row in shape["lines"]) and len(shape["lines"]) == 1 + len(every))
check("all keys, as numbers, and no others", {key: value for key, value in shape.items() if key not in ("date", "lines")} ==
      {f"{group}.{key}": n + 0.5 for group in KEYS for n, key in enumerate(KEYS[group])}, shape)
for group, keys in KEYS.items():
    for gone in keys:
        rest = [row for row in every if not row[2].startswith(f"{group}.{gone} ")]
        if to_json(group, rest) is not None or len(rest) != len(every) - 1:
            check(f"without {group}.{gone} there is no JSON", False)
check("a figure that is missing, or no number, is an error", to_json("sip", [(g, p, line.replace("0.5", "nan")) for g, p, line in every]) is None)
sys.exit(1 if failures else 0)
