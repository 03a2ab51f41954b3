# SPDX-License-Identifier: BSD-3-Clause
"""drop_words.py DROP_H: limenctl's words for the dataplane's drop reasons, taken from the list that the dataplane counts by."""

import re
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read().replace("\\\n", " ")
block = re.search(r"#define DROP_REASONS\(X\)(.*)", text).group(1)
entry = re.compile(r'X\(\s*\w+\s*,\s*("(?:[^"\\]|\\.)*")\s*,\s*("(?:[^"\\]|\\.)*")\s*\)')
words = entry.findall(block)
if not words or len(words) != len(re.findall(r"\bX\(", block)):
    sys.exit(f"{sys.argv[1]}: cannot read DROP_REASONS")
print("/* SPDX-License-Identifier: BSD-3-Clause */")
print("/* Names and meanings of the dataplane's drop reasons. Written by drop_words.py. */")
print("#pragma once\n")
print("#define DROP_WORDS " + ", ".join(f"{{{name}, {meaning}}}" for name, meaning in words))
