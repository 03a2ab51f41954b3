#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control plane at work, over net_memif, driven by limen-load.

    policy.py tables|users|all [--build DIR] [--quick] [--json FILE] [--polite]

tables: calls by a table of 1,000,000 prefixes that is loaded anew, changed each time, while they go on; none may fail.
users: 100,000 users register, then refresh at 5,000/s, which limen answers itself; what a user costs in memory; then the
control plane is killed, and all users are there when it is back. Ends with 1 where a bar is missed."""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bed import Bed, cpu_ns, rss_kb  # noqa: E402
from measure import LATENCIES, busy_text  # noqa: E402

PREFIXES = 1_000_000
CALLED = "4930"  # limen-load's users begin with it


def write_table(path, prefixes, seed):
    """Ranges of 8 to 10 digits behind CALLED and elsewhere; the trunk to go to, and one that costs more."""
    rng = random.Random(seed)
    rows = {f"{CALLED}"}
    while len(rows) < prefixes:
        rows.add(f"{CALLED if rng.random() < 0.3 else rng.randrange(1, 99)}{rng.randrange(10 ** 6):06}")
    with open(path, "w") as file:
        file.write("prefix,trunk,cost\n")
        file.writelines(f"{row},b0,0.{rng.randrange(10 ** 4):04}\n" for row in rows)


def put_table(made, path):
    """In place of the one there is, whole: as whoever brings rates should."""
    os.link(made, f"{path}.new")
    os.rename(f"{path}.new", path)


class PolicyBed(Bed):
    """As Bed, with keys of its own in the config."""

    more, trunk_keys, routes = "", "", ""

    def config(self, pairs, max_calls):
        text = super().config(pairs, max_calls)
        if self.routes:
            text = text.replace("  - {from: a0, to: b0}\n", self.routes)
        return text.replace("peers: [10.99.0.2]}", f"peers: [10.99.0.2]{self.trunk_keys}}}") + self.more

    def ctl(self, *args, check=True):
        return subprocess.run([f"{self.build}/controlplane/limenctl", "--run-dir", self.dir, *args], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=check).stdout.decode()

    def restart_control(self):
        """kill -9, and a new one: seconds until it answers with all that it knew."""
        name, process = self.running.pop()
        assert name == "control"
        process.kill()
        process.wait()
        began = time.monotonic()
        self.start("control", ["taskset", "-c", "0", f"{self.build}/controlplane/limen-controlplane", "--config",
                               f"{self.dir}/limen.yaml"])
        return began


def tables(bed, options):
    table, prefixes = f"{bed.dir}/rates.csv", PREFIXES
    cps, seconds = 500, 15 if options.quick else 60
    for n in range(2):
        write_table(f"{table}.{n}", prefixes, n)
    put_table(f"{table}.0", table)
    bed.idle_sleep_us = 20
    bed.more = f"tables: [{{name: rates, file: {table}}}]\n"
    bed.routes = "  - {from: a0, table: rates}\n"
    pid = bed.start_limen(1, 16384)[1]
    reloads, done = [], threading.Event()

    def reload_again():
        while not done.wait(1):
            put_table(f"{table}.{(len(reloads) + 1) % 2}", table)
            began = time.monotonic()
            answer = bed.ctl("reload", check=False)
            reloads.append((time.monotonic() - began, answer.strip()))

    thread = threading.Thread(target=reload_again)
    print(f"\n{cps} calls/s for {seconds} s by a table of {prefixes} prefixes that is reloaded all the while; {busy_text()}", flush=True)
    try:
        thread.start()
        try:
            result = bed.load([*bed.calls_args(1), "--calls", "8192", "--cps", str(cps), "--duration", str(seconds), "--user", CALLED,
                               "--idle-us", "100"], seconds + 120)
        finally:
            done.set()
            thread.join()
        rss = rss_kb(pid)
    finally:
        bed.stop()
    calls, loads = result["calls"], [int(found) for found in re.findall(r'load_ms"?[=:] ?(\d+)', bed.log("control"))]
    good = sum(answer == "reloaded" for _, answer in reloads)
    print(f"calls {calls['attempted']}, failed {calls['failed']}, unfinished {calls['callee_unfinished']}, retransmitted "
          f"{calls['retransmitted']}, status {calls['status']}; INVITE to 200 "
          + ", ".join(f"{q} {calls['setup_us'][q] / 1000:.1f} ms" for q in LATENCIES + ("max",)))
    print(f"{len(reloads)} reloads, {good} good, each {min((s for s, _ in reloads), default=0):.1f} to "
          f"{max((s for s, _ in reloads), default=0):.1f} s beside the calls; the table by itself {loads} ms; control plane {rss / 1024:.0f} MB")
    for _, answer in reloads:
        if answer != "reloaded":
            print(f"  {answer}")
    return {"tables.calls": calls["attempted"], "tables.failed": calls["failed"] + calls["callee_unfinished"],
            "tables.reloads": good, "tables.reload_s_max": round(max((s for s, _ in reloads), default=0), 2),
            "tables.setup_ms_max": round(calls["setup_us"]["max"] / 1000, 1)}, \
        not calls["failed"] and not calls["callee_unfinished"] and good == len(reloads) > 0


def bindings(bed):
    return bed.stats().get(("control", "registrar", "bindings"), 0)


def users(bed, options):
    n, rate, seconds = (20_000 if options.quick else 100_000), 5000, 10 if options.quick else 30
    bed.idle_sleep_us = 20
    bed.trunk_keys = ", methods: [INVITE, REGISTER]"
    bed.more = f"registrar: {{file: {bed.state}/bindings.sqlite, absorb: yes, core_expires_s: 3600, bindings_max: {n}}}\n"
    pid = bed.start_limen(1, 131072)[1]
    print(f"\n{n} users, {rate} refreshes/s for {seconds} s; {busy_text()}", flush=True)
    args = [*bed.calls_args(1), "--register", str(n), "--refresh", str(rate), "--duration", str(seconds), "--user", CALLED,
            "--expires", "600", "--session", "4711", "--idle-us", "100"]
    try:
        before = rss_kb(pid)
        first = bed.load([*args, "--cps", "2500"], 200)["users"]
        per_user = (rss_kb(pid) - before) * 1024 / n
        cpu = cpu_ns(pid)
        time.sleep(1)
        absorbed = bed.stats()[("control", "registrar", "absorbed")]
        began = bed.restart_control()
        bed.wait_for("control", "is connected")
        while bindings(bed) < n and time.monotonic() < began + 30:
            time.sleep(0.02)
        back_s, back = time.monotonic() - began, bindings(bed)
        second = bed.load([*args, "--cps", str(rate)], 200)["users"]
    finally:
        bed.stop()
    for name, run in (("first", first), ("after kill -9", second)):
        print(f"{name}: registered {run['registered']} in {run['register_seconds']:.1f} s, refreshed {run['refreshed']} "
              f"({run['refreshed_per_s']:.0f}/s), failed {run['failed']} {run['status']}, retransmitted {run['retransmitted']}, not asked "
              f"{run['forgone'] + run['late']}, at the registrar {run['at_registrar']}; REGISTER to 200 "
              + ", ".join(f"{q} {run['refresh_us'][q] / 1000:.1f} ms" for q in LATENCIES + ("max",)))
    print(f"absorbed {absorbed}; {per_user:.0f} bytes a user (RSS), {cpu / max(1, n + first['refreshed']) / 1000:.1f} us of the control plane's CPU "
          f"a REGISTER; {back} of {n} there {back_s:.2f} s after kill -9")
    figures = {"users.registered": first["registered"], "users.refreshes_per_s": round(first["refreshed_per_s"]),
               "users.failed": first["failed"] + second["failed"], "users.bytes": round(per_user), "users.back": back,
               "users.back_s": round(back_s, 2)}
    return figures, (not first["failed"] and not second["failed"] and back == n and per_user <= 1024
                     and absorbed >= first["refreshed"] and min(run["refreshed_per_s"] for run in (first, second)) > 0.98 * rate)


GROUPS = {"tables": tables, "users": users}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=(*GROUPS, "all"))
    parser.add_argument("--build", default=os.path.join(here, "..", "..", "build"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--polite", action="store_true")
    options = parser.parse_args()
    figures, good = {}, True
    for group in GROUPS if options.group == "all" else (options.group,):
        with PolicyBed(os.path.abspath(options.build), not options.polite) as bed:
            own, met = GROUPS[group](bed, options)
        figures |= own
        good = good and met
    for key, value in figures.items():
        print(f"{key:34} {value}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(figures, file, indent=1)
            file.write("\n")
    sys.exit(not good)


if __name__ == "__main__":
    main()
