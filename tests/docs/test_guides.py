#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every piece of config in the guides is one that limen takes: put together in their order, each checked with all before it.

Usage: test_guides.py LIMEN_CONTROLPLANE SOURCE_ROOT. Standard library only.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

CONTROLPLANE, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
GUIDES = ("docs/guide-first-trunk.md", "docs/guide-access.md")


def sections(text):
    """The top-level sections of a piece, each with its name."""
    parts = re.split(r"^(?=[a-z_]+:)", text, flags=re.M)
    return {part.split(":", 1)[0]: part for part in parts if part.strip()}


def check(config, what):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(config)
        file.flush()
        done = subprocess.run([CONTROLPLANE, "--check", "--config", file.name], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{what}: {done.stderr}\n{config}"
    return done


def main():
    for guide in GUIDES:
        pieces = re.findall(r"^```yaml\n(.*?)^```", (ROOT / guide).read_text(), flags=re.S | re.M)
        assert len(pieces) >= 2, f"{guide}: {len(pieces)} pieces"
        whole = {}
        for number, piece in enumerate(pieces):
            whole.update(sections(piece))
            check("".join(whole.values()), f"{guide}, piece {number + 1}")
            print(f"ok {guide} {number + 1}")
    # and the check can fail
    try:
        check("".join(whole.values()) + "\nnosuch: 1\n", "wrong")
    except AssertionError:
        return
    raise AssertionError("a wrong config was taken")


main()
