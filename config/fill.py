#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fill a template: @NAME@ becomes VALUE, or for one of them the output of a command.

usage: fill.py INPUT OUTPUT NAME=VALUE... [NAME=! COMMAND ARG...]
"""
import re
import subprocess
import sys


def main():
    source, target, *settings = sys.argv[1:]
    values = {}
    for i, setting in enumerate(settings):
        name, value = setting.split("=", 1)
        if value == "!":
            command = settings[i + 1:]
            values[name] = subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip("\n")
            break
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
