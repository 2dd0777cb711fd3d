#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Linux TCP as the oracle: posix_behaviour over the kernel and over the SAN must say the same, line by line.

usage: posix_compare.py PROGRAM PRELOAD.so [--daemon FAKE_DAEMON] [--address A] [--without SCENARIO]...
"""
import argparse
import difflib
import os
import subprocess
import sys
import tempfile
import time


def run(arguments, address, env=None):
    command = [arguments.program, address, *("-" + name for name in arguments.without)]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, timeout=300, check=False)
    return done.stdout.splitlines()


def daemon_start(path, folder):
    """The fake daemon and its socket, ready."""
    sock = os.path.join(folder, "sand.sock")
    daemon = subprocess.Popen([path, "--socket", sock, "--rule", "10.77.0.0/24"], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not os.path.exists(sock):
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the fake daemon did not start")
        time.sleep(0.02)
    return daemon, sock


def preload_env(arguments, sock):
    env = dict(os.environ, LD_PRELOAD=arguments.preload)
    if sock:
        env["SAND"] = sock
    # The sanitizers' run-time wants to be first; a preloaded library cannot be second otherwise.
    env["ASAN_OPTIONS"] = "verify_asan_link_order=0:" + env.get("ASAN_OPTIONS", "")
    return env


def over_san(arguments):
    if not arguments.daemon:
        return run(arguments, arguments.address, preload_env(arguments, None))
    with tempfile.TemporaryDirectory() as folder:
        daemon, sock = daemon_start(arguments.daemon, folder)
        try:
            return run(arguments, arguments.address, preload_env(arguments, sock))
        finally:
            daemon.terminate()
            daemon.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("preload")
    parser.add_argument("--daemon")
    parser.add_argument("--address", default="10.77.0.1")
    parser.add_argument("--without", action="append", default=[])
    arguments = parser.parse_args()
    kernel, san = run(arguments, "127.0.0.1"), over_san(arguments)
    difference = list(difflib.unified_diff(kernel, san, "kernel", "san", lineterm="", n=1))
    print("\n".join(difference) or f"{len(kernel)} lines, all equal")
    if len(kernel) < 250:
        print(f"only {len(kernel)} lines: the program did not run to its end")
        return 1
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
