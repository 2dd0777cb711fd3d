#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""FIGURES.md is what `sim --figures` prints: every line that does not depend on a run must be there, in
order, and nothing else but rows of numbers.

usage: figures_doc.py SIM FIGURES.md
"""
import subprocess
import sys


def main():
    program, doc = sys.argv[1:]
    heads = subprocess.run([program, "--headings"], check=True, capture_output=True, text=True).stdout.splitlines()
    with open(doc, encoding="utf-8") as f:
        lines = f.read().splitlines()
    at = 0
    for number, line in enumerate(lines, 1):
        if at < len(heads) and line == heads[at]:
            at += 1
        elif not line.startswith("| "):
            print(f"{doc}:{number}: not printed by sim --figures: {line}")
            return 1
    if at < len(heads):
        print(f"{doc}: missing: {heads[at]}")
        return 1
    if not any(line.startswith("| 1e-3 ") for line in lines):
        print(f"{doc}: no rows")
        return 1
    return 0


sys.exit(main())
