# SPDX-License-Identifier: BSD-3-Clause
"""The plumbing of the smoke tests in Python, as _init.sh is for those in the shell: the lab, limen's counters, results."""

import json
import os
import subprocess
import sys
import time
import traceback

SMOKE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(SMOKE, "../../scripts/lab.sh")
failures = 0


def result(what, good, detail=""):
    global failures
    failures += not good
    print(f"ok - {what}" if good else f"not ok - {what}: {detail}", flush=True)
    return good


def same(what, got, wanted):
    return result(what, got == wanted, f"got {got}, not {wanted}")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def lab_up(*args):
    run(LAB, "down")
    done = run(LAB, "up", "--device", os.environ.get("SMOKE_DEVICE", "af_xdp"), *args)
    if done.returncode:
        sys.exit(f"not ok - the lab comes up\n{done.stdout}{done.stderr}")


def ctl(*args):
    done = run(LAB, "ctl", *args)
    if done.returncode:
        raise AssertionError(f"limenctl {' '.join(args)}: {done.stdout}{done.stderr}")
    return done.stdout


def stats():
    """All of limen's counters: (group, object, name) -> value."""
    return {(row["group"], row["object"], row["name"]): row["value"] for row in json.loads(ctl("show", "stats", "--json"))}


def total(group, name, rows=None):
    """One counter, summed over its objects."""
    return sum(v for (g, _, n), v in (rows or stats()).items() if (g, n) == (group, name))


def drops(name):
    """How many packets were dropped for that reason."""
    return stats()["drops", name, "pkts"]


def wait_until(seconds, condition):
    until = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > until:
            return value
        time.sleep(0.2)
    return value


def records():
    try:
        with open("/run/limen-lab/cdr.jsonl", encoding="utf-8") as file:
            # one that is being written may be there up to the end of a page
            return [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


def tell_state():
    """What limen counted: for whoever reads of a failure."""
    try:
        print("#", ", ".join(f"{'.'.join(k)} {v}" for k, v in stats().items() if v and k[0] in ("drops", "sip", "neigh", "media")))
    except Exception as error:  # pylint: disable=broad-except
        print("#", error)


def each(*steps):
    """Run the steps of a scenario, each told on by its docstring."""
    for step in steps:
        try:
            step()
            result(step.__doc__, True)
        except AssertionError as error:
            result(step.__doc__, False, error)
            tell_state()
        except Exception:  # pylint: disable=broad-except
            result(step.__doc__, False, traceback.format_exc())
            tell_state()
    sys.exit(1 if failures else 0)
