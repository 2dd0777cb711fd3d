#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""sand-run with a library that only says that it was loaded.

usage: test_sand_run.py SAND-RUN LIBRARY LIBDIR-FROM-BINDIR [unittest options]
"""
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import unittest

SCRIPT, LIBRARY, FROM_BINDIR = sys.argv[1:4]


def elf(kind=2, segment=1):
    """The head of an ELF file with one program header."""
    ident = b"\x7fELF" + bytes([kind, 1, 1]) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return ident + header + struct.pack("<I", segment) + bytes(52)


class SandRun(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sand-test-")
        self.addCleanup(folder.cleanup)
        self.root = os.path.realpath(folder.name)
        self.script = self.install("control", "../shim/preload")
        self.library = self.root + "/shim/preload/libsand-preload.so"
        self.env = {"PATH": os.environ["PATH"]}

    def install(self, bindir, libdir):
        """Copy script and library as `bindir` and, relative to it, `libdir` under the root."""
        script = os.path.join(self.root, bindir, "sand-run")
        library = os.path.normpath(os.path.join(self.root, bindir, libdir))
        os.makedirs(os.path.dirname(script), exist_ok=True)
        os.makedirs(library, exist_ok=True)
        shutil.copy(SCRIPT, script)
        shutil.copy(LIBRARY, library + "/libsand-preload.so")
        return script

    def file(self, name, content, mode=0o755):
        path = os.path.join(self.root, name)
        with open(path, "wb") as f:
            f.write(content)
        os.chmod(path, mode)
        return path

    def run_it(self, *args, script=None, **env):
        return subprocess.run([script or self.script, *args], env=dict(self.env, **env), capture_output=True, text=True,
                              timeout=20)

    def test_program_gets_library_and_arguments(self):
        done = self.run_it("sh", "-c", 'echo "$LD_PRELOAD"; printf "<%s>" "$@"', "x", "-v", "a  b", "")
        self.assertEqual((done.returncode, done.stdout), (0, self.library + "\n<-v><a  b><>"))
        self.assertIn("[loaded]", done.stderr)

    def test_exit_status(self):
        self.assertEqual(self.run_it("sh", "-c", "exit 7").returncode, 7)
        self.assertEqual(self.run_it("/nonexistent/program").returncode, 127)
        self.assertEqual(self.run_it("/").returncode, 126)
        for wrong in ([], ["-x", "true"], ["-s"]):
            self.assertEqual(self.run_it(*wrong).returncode, 125, wrong)
        for args in (["--help"], ["-h"]):
            self.assertIn("usage: sand-run", self.run_it(*args).stdout)

    def test_environment_is_kept(self):
        show = ["sh", "-c", 'echo "$LD_PRELOAD,$SAND,$SAND_LOG"']
        self.assertEqual(self.run_it(*show, SAND="/a", SAND_LOG="3").stdout, f"{self.library},/a,3\n")
        self.assertEqual(self.run_it("-s", "/b", *show, SAND="/a").stdout, f"{self.library},/b,\n")
        self.assertEqual(self.run_it("-v", *show).stdout, f"{self.library},,1\n")
        self.assertEqual(self.run_it("-v", *show, SAND_LOG="3").stdout, f"{self.library},,3\n")
        other = self.root + "/other.so"
        shutil.copy(LIBRARY, other)
        self.assertEqual(self.run_it(*show, LD_PRELOAD=other).stdout, f"{self.library}:{other},,\n")
        # Run by itself, it names the library once.
        self.assertEqual(self.run_it(self.script, *show).stdout, f"{self.library},,\n")
        both = f"{other} {self.library}"
        self.assertEqual(self.run_it(*show, LD_PRELOAD=both).stdout, f"{both},,\n")

    def test_installed_moved_and_linked(self):
        script = self.install("usr/bin", FROM_BINDIR)
        want = os.path.normpath(os.path.join(self.root, "usr/bin", FROM_BINDIR)) + "/libsand-preload.so\n"
        self.assertEqual(self.run_it("sh", "-c", 'echo "$LD_PRELOAD"', script=script).stdout, want)
        link = self.root + "/link"
        os.symlink(script, link)
        self.assertEqual(self.run_it("sh", "-c", 'echo "$LD_PRELOAD"', script=link).stdout, want)

    def test_no_library(self):
        os.unlink(self.library)
        done = self.run_it("true")
        if done.returncode == 0:
            self.skipTest("Sand is installed on this machine")
        self.assertEqual(done.returncode, 125)
        self.assertIn("libsand-preload.so is neither", done.stderr)

    def test_library_in_a_folder_that_cannot_be_preloaded(self):
        done = self.run_it("true", script=self.install("a b/control", "../shim/preload"))
        self.assertEqual(done.returncode, 125)
        self.assertIn("blank or colon", done.stderr)

    def test_verbose_explains(self):
        path = self.root + "/sand.sock"
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            done = self.run_it("-v", "-s", path, "true")
        self.assertEqual(done.stderr.count("sand-run: "), 2)
        self.assertIn("library " + self.library, done.stderr)
        self.assertIn("no such socket", self.run_it("-v", "-s", "/nonexistent", "true").stderr)
        setuid = self.file("setuid", elf(), 0o4755)
        for program, why in [
                (setuid, "gains rights"),
                (self.file("static", elf()), "static programs cannot be accelerated"),
                (self.file("small", elf(kind=1)), "32-bit"),
                (self.file("text", b"echo x\n"), "no ELF program"),
                (self.file("script", b"#! " + setuid.encode() + b" -x\n"), "gains rights"),
                (self.file("cut", b"\x7fELF\x02"), "static"),
                (self.file("empty", b""), "no ELF program")]:
            self.assertTrue(os.stat(program).st_mode & stat.S_IXUSR)
            done = self.run_it("-v", program)
            self.assertIn(why, done.stderr, program)
            self.assertNotIn(why, self.run_it(program).stderr, program)
        self.assertNotIn("cannot be", self.run_it("-v", self.file("good", elf(segment=3))).stderr)
        self.assertNotIn("cannot be", self.run_it("-v", "sh", "-c", "true").stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
