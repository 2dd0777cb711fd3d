#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `meson install` puts where, whether manual pages are good roff, and what the texts point at exists.

usage: test_installed.py BUILD-FOLDER
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest

BUILD = sys.argv.pop(1)
WANT = """
sbin/sand sbin/sandctl bin/sand-run etc/sand/sand.conf lib/systemd/system/sand.service
LIB/libsand.so LIB/libsand.so.0 LIB/libsand.so.0.1.0 LIB/libsand-preload.so LIB/pkgconfig/libsand.pc
include/sand/wsp.h include/sand/san.h include/sand/upcall.h
share/man/man1/sand-run.1 share/man/man3/libsand.3 share/man/man5/sand.conf.5 share/man/man8/sand.8
share/man/man8/sandctl.8
""".split()


def meson(*args):
    command = shlex.split(os.environ.get("MESONINTROSPECT", "meson introspect"))
    return json.loads(subprocess.run([*command, *args, BUILD], check=True, capture_output=True, text=True).stdout)


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        options = {o["name"]: o["value"] for o in meson("--buildoptions")}
        cls.prefix = options["prefix"]
        cls.lib = options["libdir"]
        cls.sysconf = os.path.join(cls.prefix, options["sysconfdir"])
        cls.files = meson("--installed")

    def place(self, path):
        """An installed path as WANT names it."""
        if path.startswith(self.sysconf + "/"):
            return "etc" + path[len(self.sysconf):]
        path = os.path.relpath(path, self.prefix)
        return "LIB" + path[len(self.lib):] if path.startswith(self.lib + "/lib") or \
            path.startswith(self.lib + "/pkgconfig") else path

    def page(self, name):
        (source,) = [s for s, to in self.files.items() if to.endswith("/" + name)]
        with open(source, encoding="utf-8") as f:
            return source, f.read()

    def test_everything_has_its_place(self):
        self.assertEqual(sorted(map(self.place, self.files.values())), sorted(WANT))

    def test_templates_are_filled(self):
        for name in ("sand.8", "sandctl.8", "sand-run.1", "libsand.3", "sand.conf.5", "sand.service", "sand-run"):
            _, text = self.page(name)
            self.assertIsNone(re.search(r"@[A-Z_]+@", text), name)
        start = f"ExecStart={self.prefix}/sbin/sand -c {self.sysconf}/sand/sand.conf\n"
        self.assertIn(start, self.page("sand.service")[1])

    def test_pages_refer_to_pages_that_exist(self):
        ours = {os.path.basename(p) for p in WANT if "/man/" in p}
        for name in ours:
            text = self.page(name)[1].replace("\\-", "-")
            for other, section in re.findall(r"^\.BR ([\w.-]+) \((\d)\)", text, re.M):
                if not other.startswith("ld.so"):
                    self.assertIn(f"{other}.{section}", ours, name)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_pages_are_good_roff(self):
        for name in (p for p in WANT if "/man/" in p):
            source, _ = self.page(os.path.basename(name))
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", source], capture_output=True, text=True,
                                  check=True)
            self.assertEqual(done.stderr, "", name)


if __name__ == "__main__":
    unittest.main()
