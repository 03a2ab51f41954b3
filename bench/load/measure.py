#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""limen over net_memif, driven by limen-load, beside dpdk-testpmd on the same ports in the same run.

    measure.py media|nogen|srtp|sip|soak|load [--build DIR] [--quick] [--rounds N] [--json FILE] [--polite]

media: RTP of 214-byte frames over 1,000 and 100,000 streams that SIP set up: the most that comes through, losses at 90 % of
it, added delay at half of it; and nogen, workers fed by a source that costs no other CPU. srtp: the same source, limen
encrypts. soak: 20,000 calls at a time with media both ways, for 10 minutes. load: delay over load, for a plot. sip: basic calls without media, calls a second and what each costs. Runs before everything
else on the machine, so that others' work counts less (--polite: as anybody)."""
import argparse
import json
import os
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bed import Bed, cpu_ns, disk_kb, rss_kb  # noqa: E402

# Beyond this many TSC cycles a cache line's way to the other CPU and back is one between groups of cores.
FAR_CYCLES = 400
PHASES = "flat:{0},90%:{0},50%:{0}"
LATENCIES = ("p50", "p99", "p99.9")


def busy_text():
    with open("/proc/loadavg") as file:
        return "load average " + " ".join(file.read().split()[:3])


def testpmd_round(bed, streams, seconds):
    bed.start_testpmd()
    try:
        return bed.load(["--raw", str(streams), "--phases", PHASES.format(seconds)], 60 + 4 * seconds)["phases"]
    finally:
        bed.stop()


def limen_round(bed, streams, seconds):
    calls = streams // 2
    pairs = -(-calls // 25000)
    bed.start_limen(pairs, max(10000, calls))
    try:
        before = bed.stats()
        result = bed.load([*bed.calls_args(pairs), "--calls", str(calls), "--cps", "10000", "--give-up", "10",
                           "--phases", PHASES.format(seconds)], 120 + 4 * seconds)
        after = bed.stats()
    finally:
        bed.stop()
    if result["calls"]["failed"] or result["rtp"]["misled"]:
        raise RuntimeError(f"not all calls were good: {result['calls']}")
    drops = {key[1]: after[key] - before.get(key, 0) for key in after if key[0] == "drops" and after[key] > before.get(key, 0)}
    # What limen took and did not pass on is among its drops, or it is limen's fault.
    result["unexplained"] = result["rtp"]["lost"] - sum(drops.values())
    return result["phases"], drops


def row(who, phases):
    flat, ninety, half = phases
    latency = " ".join(f"{half['latency_us'][q]:9.1f}" for q in LATENCIES)
    print(f"{who:10} {flat['received_pps'] / 1e6:8.3f} {flat['lost']:9} {ninety['received_pps'] / 1e6:9.3f} "
          f"{ninety['lost']:9} {ninety['lost'] * 1e6 / max(1, ninety['sent']):9.2f} {half['received_pps'] / 1e6:9.3f} {latency}",
          flush=True)


def media_rounds(bed, streams, rounds, seconds, end):
    """Each round testpmd, then limen; told apart by how far the two CPUs were from each other all the while. Rounds in which that
    changed are made up for, as long as there is time until `end`."""
    done = {"near": [], "far": [], "moved": []}
    for _ in range(2 * rounds):
        distances = [bed.distance()]
        testpmd = testpmd_round(bed, streams, seconds)
        distances.append(bed.distance())
        row("testpmd", testpmd)
        limen, drops = limen_round(bed, streams, seconds)
        distances.append(bed.distance())
        row("limen", limen)
        far = [distance > FAR_CYCLES for distance in distances]
        where = "far" if all(far) else "moved" if any(far) else "near"
        rate, yardstick = limen[0]["received_pps"] / 1e6, testpmd[0]["received_pps"] / 1e6
        print(f"{'':10} ratio {rate / yardstick:.2f}; CPUs {where}: {distances} cycles" + (f"; drops {drops}" if drops else ""),
              flush=True)
        done[where].append({"rate": rate, "ratio": rate / yardstick, "yardstick": yardstick,
                            "lost": limen[1]["lost"] * 1e6 / max(1, limen[1]["sent"])})
        if len(done["near"]) == rounds or sum(map(len, done.values())) >= rounds and not done["moved"] or time.monotonic() > end:
            break
    return done


def nogen(bed, options):
    """No generator: net_pcap gives the same frames again and again, and drops what is sent. All per second of CPU time that the
    thread had, so that others' work on the machine counts less; two workers need both CPUs."""
    rounds, seconds = options.rounds or (2 if options.quick else 5), 1 if options.quick else 2
    done = []
    print(f"\nfrom net_pcap, 1000 streams, Mpps for each second of CPU time; {busy_text()}\n"
          f"{'one worker':>12} {'testpmd':>12} {'ratio':>8} {'two workers':>12} {'ratio':>8}")
    for _ in range(rounds):
        one = bed.relay(1, seconds)
        testpmd = bed.testpmd_on_frames(seconds)
        two = bed.relay(2, seconds)
        if one["dropped"] or two["dropped"]:
            raise RuntimeError(f"packets were dropped: {one} {two}")
        rate, both = one["mpps_per_cpu_time"], two["mpps_per_cpu_time"]
        done.append((rate, rate / testpmd, both / rate))
        print(f"{rate:12.3f} {testpmd:12.3f} {rate / testpmd:8.2f} {both:12.3f} {both / rate:8.2f}", flush=True)
    return {key: round(statistics.median(row[i] for row in done), 3)
            for i, key in enumerate(("media.nogen_mpps", "media.nogen_ratio_testpmd", "media.two_workers_ratio"))}


SUITES = {"cm_sha1_80": "AES_CM_128_HMAC_SHA1_80", "gcm_128": "AEAD_AES_128_GCM"}


def srtp(bed, options):
    """A whole worker, plain peers on one side, peers with keys on the other."""
    rounds = options.rounds or (2 if options.quick else 5)
    print(f"\nfrom net_pcap, 500 streams that limen encrypts, Mpps for each second of CPU time; {busy_text()}")
    figures = {}
    for key, suite in SUITES.items():
        rates = [bed.relay(1, 1 if options.quick else 2, "--srtp", suite) for _ in range(rounds)]
        if any(rate["dropped"] for rate in rates):
            raise RuntimeError(f"packets were dropped: {rates}")
        rates = [rate["mpps_per_cpu_time"] for rate in rates]
        print(f"{suite:26} " + " ".join(f"{rate:8.3f}" for rate in rates), flush=True)
        figures[f"srtp.worker_{key}_mpps"] = round(statistics.median(rates), 3)
    return figures


def soak(bed, options):
    """20,000 calls at a time, each 60 s, G.711 both ways: 2 Mpps in all. Memory is looked at all the while."""
    calls, hold, seconds = options.calls, 60, options.seconds or 600
    pairs, bed.idle_sleep_us = 2, 20  # the machine is others' as well: a worker with nothing to do sleeps
    pids = bed.start_limen(pairs, calls * 2)
    print(f"\n{calls} calls at a time with media, {seconds} s; {busy_text()}\n"
          f"{'s':>6} {'Mpps':>6} {'pairs open':>10} {'dataplane MB':>12} {'control MB':>10} {'arenas MB':>10} {'mbufs':>7}")
    samples, done = [], threading.Event()

    def watch():
        start = last = time.monotonic()
        relayed = 0
        while not done.wait(10):
            stats, now = bed.stats(), time.monotonic()
            sent = sum(value for key, value in stats.items() if key[0] == "port" and key[2] == "tx_pkts")
            mpps, relayed, last = (sent - relayed) / (now - last) / 1e6, sent, now
            sample = [round(now - start), round(mpps, 2), stats.get(("media", "", "pairs"), 0),
                      *(rss_kb(pid) / 1024 for pid in pids), disk_kb(bed.state) / 1024, sum(value for key, value in stats.items() if key[0] == "pool" and key[2] == "used")]
            samples.append(sample)
            if len(samples) % 3 == 0:
                print("{:6} {:6.2f} {:10} {:12.1f} {:10.1f} {:10.1f} {:7}".format(*sample), flush=True)

    try:
        before = bed.stats()
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            result = bed.load([*bed.calls_args(pairs), "--calls", str(calls), "--cps", str(round(calls / hold * 1.05)), "--hold",
                               str(hold), "--duration", str(seconds), "--media", "ptime", "--give-up", "32"], seconds + hold + 180)
        finally:
            done.set()
            thread.join()
        after = bed.stats()
    finally:
        bed.stop()
    drops = {key[1]: after[key] - before.get(key, 0) for key in after if key[0] == "drops" and after[key] > before.get(key, 0)}
    rtp, count = result["rtp"], result["calls"]
    print(f"calls {count['attempted']}, failed {count['failed']}, unfinished {count['callee_unfinished']}; "
          f"RTP sent {rtp['sent']}, lost {rtp['lost']}, reordered {rtp['reordered']}; limen's drops {drops or 'none'}; delay "
          + " ".join(f"{q} {rtp['latency_us'][q]:.1f}" for q in LATENCIES) + " us")
    full = [sample for sample in samples if sample[0] > hold + 20]
    growth = {name: round(full[-1][at] - full[0][at], 1) for at, name in ((3, "dataplane"), (4, "control"))} if len(full) > 1 else {}
    return {"soak.calls": count["attempted"], "soak.failed": count["failed"] + count["callee_unfinished"],
            "soak.mpps": sorted(sample[1] for sample in full)[len(full) // 2] if full else 0,
            "soak.rtp_sent": rtp["sent"], "soak.rtp_lost": rtp["lost"],
            "soak.rtp_lost_not_in_drops": rtp["lost"] - sum(drops.values()),
            **{f"soak.{name}_growth_mb": value for name, value in growth.items()}}


def load_curve(bed, options):
    """Delay over load, limen and testpmd in turn, each with the rates that it can; and what comes through over streams."""
    seconds = 1 if options.quick else 2
    phases = ",".join([f"flat:{seconds}"] + [f"{share}%:{seconds}" for share in range(10, 100, 10)])
    curves = {}
    for who in ("testpmd", "limen"):
        if who == "testpmd":
            bed.start_testpmd()
            args = ["--raw", "1000"]
        else:
            bed.start_limen(1, 10000)
            args = [*bed.calls_args(1), "--calls", "500", "--cps", "10000", "--give-up", "10"]
        try:
            rows = bed.load([*args, "--phases", phases], 120)["phases"]
        finally:
            bed.stop()
        curves[who] = [{"mpps": round(row["received_pps"] / 1e6, 3), **{q: row["latency_us"][q] for q in LATENCIES}}
                       for row in rows[1:]]
        for row in curves[who]:
            print(f"{who:10} {row['mpps']:8.3f} " + " ".join(f"{row[q]:9.1f}" for q in LATENCIES), flush=True)
    over_streams = []
    for streams in options.streams if len(options.streams) > 2 else [10, 100, 1000, 10000, 50000, 100000]:
        yardstick = testpmd_round(bed, streams, seconds)[0]["received_pps"] / 1e6
        rate = limen_round(bed, streams, seconds)[0][0]["received_pps"] / 1e6
        over_streams.append({"streams": streams, "limen": round(rate, 3), "testpmd": round(yardstick, 3)})
        print(f"{streams:8} streams: limen {rate:7.3f} Mpps, testpmd {yardstick:7.3f}", flush=True)
    return {"cpu_distance_cycles": bed.distance(), "delay_over_load": curves, "rate_over_streams": over_streams}


def media(bed, options):
    figures = nogen(bed, options)
    for streams in options.streams:
        name = f"{streams // 1000}k"
        rounds = options.rounds or (5 if not options.quick else 2 if streams == 1000 else 1)
        print(f"\n{streams} streams; {busy_text()}\n"
              f"{'':10} {'max Mpps':>8} {'lost':>9} {'90% Mpps':>9} {'lost':>9} {'ppm':>9} {'50% Mpps':>9} "
              + " ".join(f"{q + ' us':>9}" for q in LATENCIES))
        done = media_rounds(bed, streams, rounds, 0.7 if options.quick else 3,
                            time.monotonic() + (10 if options.quick else 600))
        for where, results in done.items():
            if results:
                print(f"CPUs {where:5}: {len(results)} rounds, medians: " + ", ".join(
                    f"{key} {statistics.median(result[key] for result in results):.3f}" for key in results[0]))
        chosen = done["near"] or done["far"] or done["moved"]
        figures[f"media.rtp_{name}_mpps"] = round(statistics.median(result["rate"] for result in chosen), 3)
        figures[f"media.rtp_{name}_ratio_testpmd"] = round(statistics.median(result["ratio"] for result in chosen), 3)
        figures[f"media.rtp_{name}_lost_ppm_at_90"] = round(statistics.median(result["lost"] for result in chosen), 2)
    return figures


def sip_step(bed, control, cps, seconds, pairs):
    before, cpu = bed.stats(), cpu_ns(control)
    result = bed.load([*bed.calls_args(pairs), "--calls", "100000", "--cps", str(cps), "--duration", str(seconds),
                       "--idle-us", "100", "--give-up", "32"], seconds + 120)
    after, cpu = bed.stats(), cpu_ns(control) - cpu
    calls = result["calls"]
    done = max(1, calls["completed"])
    busy = after[("worker", "0", "busy_cycles")] - before[("worker", "0", "busy_cycles")]
    ghz = result["tsc_hz"] / 1e9
    step = {"calls_per_s": round(calls["attempted"] / calls["seconds"]), "failed": calls["failed"] + calls["callee_unfinished"],
            "retransmitted": calls["retransmitted"], "worker": round(busy / done), "control": round(cpu * ghz / done),
            "load": round(calls["cpu_s"] * 1e9 * ghz / done), "completed": calls["completed"]}
    setup = " ".join(f"{calls['setup_us'][q] / 1000:8.2f}" for q in LATENCIES)
    print(f"{step['calls_per_s']:8} {step['completed']:9} {step['failed']:7} {step['retransmitted']:7} {step['worker']:9} "
          f"{step['control']:9} {step['load']:9} {setup}", flush=True)
    return step


def sip(bed, options):
    """Ports rest 5 s after each call, so the media ports of several realms are needed to begin calls so fast."""
    pairs, seconds = 12, 8 if options.quick else 60
    # Transactions linger for 32 s (RFC 3261 timers H, J): four a call, and there are eight for each of max_calls.
    max_calls = int(max(options.cps) * min(seconds * len(options.cps), 33) / 2 * 1.1)
    print(f"\nbasic calls without media; {busy_text()}\n{'calls/s':>8} {'completed':>9} {'failed':>7} {'resent':>7} {'worker':>9} "
          f"{'control':>9} {'load':>9} " + " ".join(f"{q + ' ms':>8}" for q in LATENCIES) + "   cycles a call; INVITE to 200")
    bed_pids = bed.start_limen(pairs, max_calls)
    try:
        best = None
        for cps in options.cps:
            step = sip_step(bed, bed_pids[1], cps, seconds, pairs)
            if step["failed"]:
                best = best or step
                break
            best = step
    finally:
        bed.stop()
    return {"sip.calls_per_s": best["calls_per_s"], "sip.failed": best["failed"],
            "sip.worker_cycles_per_call": best["worker"], "sip.control_cycles_per_call": best["control"]}


GROUPS = {"media": media, "nogen": nogen, "srtp": srtp, "sip": sip, "soak": soak, "load": load_curve}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=tuple(GROUPS))
    parser.add_argument("--build", default=os.path.join(here, "..", "..", "build"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--cps", type=int, nargs="+", default=[30000])
    parser.add_argument("--streams", type=int, nargs="+", default=[1000, 100000])
    parser.add_argument("--calls", type=int, default=20000, help="of soak, at a time")
    parser.add_argument("--seconds", type=int, help="of soak")
    parser.add_argument("--json")
    parser.add_argument("--polite", action="store_true")
    options = parser.parse_args()
    with Bed(os.path.abspath(options.build), not options.polite) as bed:
        figures = GROUPS[options.group](bed, options)
    for key, value in figures.items():
        if not isinstance(value, (dict, list)):
            print(f"{key:34} {value}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(figures, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
