#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""sandctl, control socket and prompt, end to end around the fake daemon.

usage: test_cli_server.py CLI_HOST SANDCTL [unittest options]
"""
import json
import os
import pty
import re
import select
import socket
import stat
import subprocess
import sys
import tempfile
import termios
import time
import unittest

HOST, SANDCTL = sys.argv[1:3]
SHOWS = ["show port info", "show port stats", "show port xstats", "show socket", "show socket 104", "show listener",
         "show session", "show neighbour", "show rule", "show memory", "show counters", "show poll", "show closing",
         "show version", "help"]
TIMEOUT = 20


def cell(value):
    """A JSON value as the text output writes it."""
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, list):
        value = ", ".join(value)
    return str(value) if value != "" else "-"


def rows_of_records(text):
    return [{k: v.strip() for k, v in (line.split(":", 1) for line in block.split("\n"))}
            for block in text.rstrip("\n").split("\n\n")]


class Host:
    """cli_host with its control socket in a folder of its own."""

    def __init__(self, sockets=9):
        self.folder = tempfile.TemporaryDirectory(prefix="sand-test-")
        os.chmod(self.folder.name, 0o755)
        self.path = os.path.join(self.folder.name, "ctl.sock")
        self.process = subprocess.Popen([HOST, self.path, str(sockets)])
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.01)
        raise AssertionError("cli_host did not come up")

    def connect(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.settimeout(TIMEOUT)
        try:
            s.connect(self.path)
        except OSError:
            s.close()
            raise
        return s

    def ctl(self, *args, **kwargs):
        return subprocess.run([SANDCTL, "-s", self.path, *args], capture_output=True, text=True, timeout=TIMEOUT,
                              **kwargs)

    def close(self):
        if self.process.poll() is None:
            self.ctl("quit")
        status = self.process.wait(TIMEOUT)
        self.folder.cleanup()
        return status


def answer(s):
    """One answer: (status, bytes)."""
    header = b""
    while not header.endswith(b"\n"):
        byte = s.recv(1)
        if not byte:
            return None
        header += byte
    status, length = map(int, header.split())
    body = b""
    while len(body) < length:
        chunk = s.recv(length - len(body))
        if not chunk:
            return None
        body += chunk
    return status, body


class Server(unittest.TestCase):
    def setUp(self):
        self.host = Host()

    def tearDown(self):
        self.assertEqual(self.host.close(), 0)

    def test_text_and_json_agree(self):
        for command in SHOWS:
            text, data = self.host.ctl(*command.split()), self.host.ctl("--json", *command.split())
            self.assertEqual((text.returncode, data.returncode), (0, 0), command)
            (content,) = json.loads(data.stdout).values()
            content = content if isinstance(content, list) else [content]
            self.assertTrue(content, command)
            want = [{k: cell(v) for k, v in row.items()} for row in content]
            # Columns of right-aligned numbers do not start below their name: compare these as words.
            records = re.match(r"\w+: ", text.stdout)
            if records:
                self.assertEqual(rows_of_records(text.stdout), want, command)
            else:
                self.assertEqual(text.stdout.split("\n")[0].split(), list(want[0]), command)
                got = [re.sub(r"\s+", " ", line).strip() for line in text.stdout.rstrip("\n").split("\n")[1:]]
                self.assertEqual(got, [re.sub(r"\s+", " ", " ".join(r.values())) for r in want], command)

    def test_exit_status(self):
        for args, status, out, err in [
                (["show", "version"], 0, "fake", ""),
                (["show version"], 0, "fake", ""),
                (["show", "socket", "5"], 1, "", "error: there is no socket 5\n"),
                (["--json", "show", "socket", "5"], 1, '{"error":{"code":"NOENT"', ""),
                (["shwo"], 2, "", "error: expected show,"),
                (["x" * 600], 2, "", "at most 480 bytes"),
                (["show\nquit"], 2, "", "without line end"),
                (["clear", "stats"], 0, "", ""),
                (["--json", "clear", "stats"], 0, "{}\n", ""),
                (["--nonsense"], 2, "", "sandctl --help"),
                (["-s", "/" * 200, "help"], 2, "", "socket path of less than 108 bytes"),
                (["-s", "/nonexistent/ctl.sock", "help"], 3, "", "no daemon at /nonexistent/ctl.sock"),
                (["--help"], 0, "usage:", "")]:
            done = self.host.ctl(*args)
            self.assertEqual(done.returncode, status, (args, done))
            self.assertIn(out, done.stdout, args)
            self.assertIn(err, done.stderr, args)

    def test_lines_from_standard_input(self):
        done = self.host.ctl(input="show version\n\n# nothing\nshow socket 5\nset log level debug")
        self.assertEqual(done.returncode, 1)
        self.assertIn("fake", done.stdout)
        self.assertEqual(done.stderr, "error: there is no socket 5\n")
        self.assertEqual(self.host.ctl(input="").returncode, 0)

    def test_default_path_is_beside_the_program_socket(self):
        env = dict(os.environ, SAND=os.path.join(self.host.folder.name, "sand.sock"))
        done = subprocess.run([SANDCTL, "show", "version"], env=env, capture_output=True, timeout=TIMEOUT)
        self.assertEqual(done.returncode, 0)

    def test_requests_one_after_the_other_and_at_once(self):
        s = self.host.connect()
        for _ in range(3):
            s.sendall(b"text show version\n")
            self.assertEqual(answer(s)[0], 0)
        s.sendall(b"text show version\njson help\ntext nonsense\n")
        self.assertEqual([answer(s)[0] for _ in range(3)], [0, 0, 2])
        for piece in (b"te", b"xt sho", b"w version", b"\n"):
            s.sendall(piece)
            time.sleep(0.01)
        self.assertEqual(answer(s)[0], 0)
        s.sendall(b"text show version\n")
        s.shutdown(socket.SHUT_WR)
        self.assertEqual(answer(s)[0], 0)
        self.assertIsNone(answer(s))
        s.close()

    def test_garbage_is_answered_and_survived(self):
        for request in (b"\n", b"show version\n", b"xml show version\n", b"text\n", b"\0\0\0\n", b"text \xff\xfe\n"):
            s = self.host.connect()
            s.sendall(request)
            self.assertEqual(answer(s)[0], 2, request)
            s.close()
        s = self.host.connect()
        s.sendall(b"text " + b"x" * 5000)
        self.assertEqual(answer(s)[0], 2)
        s.close()
        s = self.host.connect()
        s.sendall(b"text half a request")
        s.close()
        self.assertEqual(self.host.ctl("show", "version").returncode, 0)

    def test_too_many_clients(self):
        clients = [self.host.connect() for _ in range(16)]
        for s in clients:
            s.sendall(b"text show version\n")
            self.assertEqual(answer(s)[0], 0)
        done = self.host.ctl("show", "version")
        self.assertEqual((done.returncode, done.stderr), (1, "error: too many clients\n"))
        for s in clients:
            s.close()
        time.sleep(0.05)
        self.assertEqual(self.host.ctl("show", "version").returncode, 0)

    def test_socket_permissions(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.host.path).st_mode), 0o666)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_others_may_only_look(self):
        def ctl(*args):
            # Called through a descriptor: the build folder may be closed to others.
            fd = os.open(SANDCTL, os.O_RDONLY)
            try:
                return subprocess.run([f"/proc/self/fd/{fd}", "-s", self.host.path, *args], capture_output=True,
                                      text=True, timeout=TIMEOUT, user=65534, group=65534, pass_fds=[fd], cwd="/",
                                      extra_groups=[])
            finally:
                os.close(fd)
        self.assertEqual(ctl("show", "version").returncode, 0)
        done = ctl("stop", "port", "0")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "error: only root and the daemon's own user may do this\n")
        self.assertEqual(ctl("quit").returncode, 1)

    def test_socket_is_gone_afterwards(self):
        path = self.host.path
        self.assertEqual(self.host.ctl("quit").returncode, 0)
        self.host.process.wait(TIMEOUT)
        self.assertFalse(os.path.exists(path))


class Large(unittest.TestCase):
    def test_slow_reader_keeps_nobody_waiting(self):
        host = Host(sockets=30000)
        slow = host.connect()
        slow.sendall(b"json show socket\n")
        time.sleep(0.2)
        start = time.monotonic()
        self.assertEqual(host.ctl("show", "version").returncode, 0)
        self.assertLess(time.monotonic() - start, 5)
        status, body = answer(slow)
        self.assertEqual((status, len(json.loads(body)["sockets"])), (0, 30000))
        gone = host.connect()
        gone.sendall(b"json show socket\n")
        gone.recv(10)
        gone.close()
        self.assertEqual(host.ctl("show", "version").returncode, 0)
        slow.close()
        self.assertEqual(host.close(), 0)

    def test_answer_beyond_the_limit_is_an_error(self):
        host = Host(sockets=1000000)
        done = host.ctl("show", "socket")
        self.assertEqual((done.returncode, done.stderr), (1, "error: the answer is too large\n"))
        self.assertEqual(host.close(), 0)


class Prompt(unittest.TestCase):
    def run_lines(self, text, *args):
        return subprocess.run([HOST, "-i", *args], input=text, capture_output=True, text=True, timeout=TIMEOUT)

    def test_lines_from_a_pipe(self):
        done = self.run_lines("show port info all\nnonsense\nquit\nshow version\n")
        self.assertEqual(done.returncode, 0)
        self.assertIn("net_fake0", done.stdout)
        self.assertIn("error: expected show", done.stdout)
        self.assertNotIn("sand>", done.stdout)
        self.assertNotIn("1.2.3-fake", done.stdout)

    def test_end_of_input_ends_the_daemon(self):
        self.assertEqual(self.run_lines("").returncode, 0)
        done = self.run_lines("show version")
        self.assertEqual(done.returncode, 0)
        self.assertIn("1.2.3-fake", done.stdout)

    def test_lines_from_a_file(self):
        with tempfile.TemporaryFile("w+") as commands, tempfile.TemporaryFile("w+") as out:
            commands.write("show version\n" * 100 + "x" * 10000 + "\r\nshow rule\r\n")
            commands.seek(0)
            self.assertEqual(subprocess.run([HOST, "-i"], stdin=commands, stdout=out, timeout=TIMEOUT).returncode, 0)
            out.seek(0)
            text = out.read()
        self.assertEqual(text.count("1.2.3-fake"), 100)
        self.assertIn("at most 480 bytes", text)
        self.assertIn("san-only", text)

    def test_slow_reader_gets_everything(self):
        process = subprocess.Popen([HOST, "-i", "5000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(b"show socket\n" * 3 + b"quit\n")
        process.stdin.close()
        time.sleep(0.3)
        text = process.stdout.read()
        process.stdout.close()
        self.assertEqual(process.wait(TIMEOUT), 0)
        self.assertEqual(text.count(b"\n"), 3 * 5001)

    def test_terminal(self):
        controller, terminal = pty.openpty()
        before = termios.tcgetattr(terminal)
        process = subprocess.Popen([HOST, "-i"], stdin=terminal, stdout=terminal)
        seen = b""

        def wait_for(text, times=1):
            nonlocal seen
            end = time.monotonic() + TIMEOUT
            while seen.count(text) < times:
                self.assertLess(time.monotonic(), end, seen)
                if select.select([controller], [], [], 0.1)[0]:
                    seen += os.read(controller, 4096)

        wait_for(b"sand> ")
        os.write(controller, b"sh\tver\t\n")
        wait_for(b"1.2.3-fake")
        wait_for(b"sand> ", 2)
        os.write(controller, b"rubbish\x03show rule\n")
        wait_for(b"san-only")
        os.write(controller, b"\x1b[A\n")
        wait_for(b"san-only", 2)
        os.write(controller, b"\x04")
        self.assertEqual(process.wait(TIMEOUT), 0)
        self.assertEqual(termios.tcgetattr(terminal), before)
        os.close(controller)
        os.close(terminal)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
