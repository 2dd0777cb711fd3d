# SPDX-License-Identifier: BSD-3-Clause
"""The project's files, and C text without comments and literals: what all checks in this folder share."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def files(*endings):
    """Paths relative to the root of all files that are (or could be) committed; sorted."""
    try:
        out = subprocess.run(
            ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True, text=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        out = walk()
    out = [p for p in out if os.path.isfile(os.path.join(ROOT, p))]
    return sorted(p for p in out if not endings or p.endswith(endings))


def walk():
    """Without git (a tarball): everything but build folders."""
    out = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith((".git", "build"))]
        out += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
    return out


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)


def code(source, keep_strings=False):
    """C source with comments (and contents of literals) blanked; line numbers stay."""
    def blank(match):
        token = match.group()
        if token[0] in "\"'":
            return token if keep_strings else token[0] * 2
        return re.sub(r"[^\n]", " ", token)
    return TOKEN.sub(blank, source)


def report(findings):
    """Print findings, one a line; the exit status of the check."""
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings" if findings else "clean", file=sys.stderr)
    return 1 if findings else 0
