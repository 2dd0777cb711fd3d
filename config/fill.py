#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fill a template: @NAME@ becomes VALUE, or what a command prints.

usage: fill.py INPUT OUTPUT NAME=VALUE... [NAME=! COMMAND ARG... [--]]...
"""
import re
import subprocess
import sys


def output_of(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip("\n")


def main():
    source, target, *settings = sys.argv[1:]
    values = {}
    while settings:
        name, value = settings.pop(0).split("=", 1)
        if value == "!":
            end = settings.index("--") if "--" in settings else len(settings)
            value = output_of(settings[:end])
            settings = settings[end + 1:]
        values[name] = value
    with open(source, encoding="utf-8") as f:
        text = f.read()
    for name in values:
        if f"@{name}@" not in text:
            sys.exit(f"{source}: no @{name}@")
    text = re.sub(r"@([A-Z]+)@", lambda m: values[m.group(1)], text)
    with open(target, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()
