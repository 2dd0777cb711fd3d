#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Other people's checkers over the whole tree: clang-format for C, shellcheck for shell scripts.

usage: outside.py format|shell [FILE...]

Exit status 77 (skipped) when the program is not installed or, for clang-format, is another version
than 14: versions format differently.
"""
import os
import re
import shutil
import subprocess
import sys

import tree

SKIP = 77


def shell_scripts():
    for path in tree.files():
        if path.endswith(".sh") or re.match(r"#!.*\b(ba|da)?sh\b", tree.text(path)[:80]):
            yield path


def format_command():
    for name in ("clang-format-14", "clang-format"):
        if shutil.which(name):
            version = subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout
            if " version 14." in version:
                return [name, "--dry-run", "-Werror", "--ferror-limit=3"]
    return None


def main(arguments):
    if arguments[:1] == ["format"]:
        command, paths = format_command(), arguments[1:] or tree.files(".c", ".h")
    elif arguments[:1] == ["shell"]:
        command = ["shellcheck", "-x", "-P", "SCRIPTDIR"] if shutil.which("shellcheck") else None
        paths = arguments[1:] or list(shell_scripts())
    else:
        sys.exit(__doc__.strip())
    if command is None:
        print("not installed: skipped")
        return SKIP
    if not paths:
        return tree.report(["no files to look at: something is wrong with the list"])
    return 1 if subprocess.run(command + [os.path.join(tree.ROOT, p) for p in paths], check=False).returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
