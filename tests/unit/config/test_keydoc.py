#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The tree's sand.conf is what keydoc prints from the list of keys.

usage: test_keydoc.py KEYDOC SAND.CONF
"""
import difflib
import subprocess
import sys

keydoc, path = sys.argv[1:]
want = subprocess.run([keydoc, "conf"], check=True, capture_output=True, text=True).stdout
with open(path, encoding="utf-8") as f:
    diff = list(difflib.unified_diff(f.read().splitlines(), want.splitlines(), path, "keydoc conf", lineterm=""))
print("\n".join(diff))
if diff:
    sys.exit("print it anew: keydoc conf > config/sand.conf")
