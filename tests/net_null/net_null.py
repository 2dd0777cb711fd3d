#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The daemon on DPDK's null device: it eats what is sent and, unless told not to, delivers endless frames of zeros.

usage: net_null.py CASE --sand PATH --sandctl PATH --preload PATH --patience PATH --switch PATH --silence FILE

CASE garbage  frames of zeros are counted as malformed, one for one, and change nothing else
     copy     the same with the device copying, which makes it slower
     no_rx    nothing arrives and nothing is counted
     connect  a program's connect ends with ETIMEDOUT after the configured time, blocking and polled, and closes
     close    a program that is its own switch closes while its connect is under way: it sees what FILE says, at once,
              and `show closed` remembers it
     signal   SIGTERM stops the daemon as cleanly as `quit`
     user     garbage again, as the user nobody

In each case the command line answers throughout, and the daemon stops with status 0 and nothing left behind. Needs no
root, no hugepages and no network.
"""
import argparse
import contextlib
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time

CONNECT_MS = 700
DEVICES = {"garbage": "net_null0", "copy": "net_null0,copy=1", "no_rx": "net_null0,no-rx=1",
           "connect": "net_null0,no-rx=1",
           "close": "net_null0,no-rx=1", "signal": "net_null0", "user": "net_null0"}
SKIP = 77
ANSWER_SECONDS = 5


def expect(good, what):
    if not good:
        raise AssertionError(what)


def wait(seconds, condition, what):
    end = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < end, f"{what}: not within {seconds} s")
        time.sleep(0.05)


class Daemon:
    """One daemon in a folder of its own, started and stopped; its user may be another than ours."""

    def __init__(self, tools, folder, device, user=None):
        self.tools, self.folder, self.device, self.user = tools, folder, device, user
        self.run = os.path.join(folder, "run")
        self.socket = os.path.join(self.run, "sand.sock")
        config = os.path.join(folder, "sand.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"[daemon]\nname = null{os.getpid()}\nruntime_dir = {self.run}\nhugepages = no\n"
                       f"memory_mb = 64\n[transport]\nconnect_timeout_ms = {CONNECT_MS}\n"
                       f"[port.null]\ndevice = {device}\naddress = 10.66.0.1/24\n"
                       "[rule.all]\nto = 10.66.0.0/24\naction = san-only\n")
        if user:
            for path in (folder, config):
                os.chown(path, user.pw_uid, user.pw_gid)
        self.log = open(os.path.join(folder, "log"), "w+", encoding="utf-8", errors="replace")
        # The EAL puts its own files here instead of a folder of the whole machine.
        env = dict(os.environ, XDG_RUNTIME_DIR=folder)
        self.process = subprocess.Popen([tools.sand, "-c", config], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, env=env, **self.as_user())

    def as_user(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def ctl(self, *words):
        """The answer to one command, which must come soon."""
        begin = time.monotonic()
        done = subprocess.run([self.tools.sandctl, "-j", "-s", os.path.join(self.run, "ctl.sock"), *words],
                              capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
        expect(done.returncode == 0, f"sandctl {' '.join(words)}: {done.stdout}{done.stderr}")
        expect(time.monotonic() - begin < ANSWER_SECONDS, f"sandctl {' '.join(words)} is slow")
        return json.loads(done.stdout)

    def wait_ready(self):
        def ready():
            expect(self.process.poll() is None, f"the daemon ended with {self.process.returncode}")
            try:
                return self.ctl("show", "port", "info")["ports"][0]["link"] == "up"
            except AssertionError:
                return False
        wait(30, ready, "daemon ready")

    def counters(self):
        """{name: value} of poll thread 0; what is zero is not listed."""
        listed = self.ctl("show", "counters", "poll0")["counters"]
        return {c["counter"]: c["value"] for c in listed}

    def stop(self, by_signal):
        if by_signal:
            self.process.terminate()
        else:
            self.ctl("quit")
        expect(self.process.wait(20) == 0, f"the daemon ended with {self.process.returncode}")
        expect(not re.search(r"Sanitizer|runtime error|check failed", self.said()), "a sanitizer or check spoke")
        left = os.listdir(self.run) if os.path.isdir(self.run) else []
        expect(left == [], f"left behind: {left}")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


def check_polls(daemon):
    """The poll thread's loop turns."""
    first = daemon.counters()["iterations"]
    wait(5, lambda: daemon.counters()["iterations"] > first, "poll thread running")


def check_garbage(daemon):
    wait(10, lambda: daemon.counters().get("rx_malformed", 0) > 10000, "garbage counted")
    for words in (("show", "port", "stats"), ("show", "port", "xstats"), ("show", "neighbour"), ("show", "memory"),
                  ("show", "socket", "all"), ("show", "listener"), ("show", "session"), ("show", "rule"),
                  ("show", "poll"), ("show", "counters"), ("show", "closing"), ("show", "version"), ("help",)):
        daemon.ctl(*words)
    daemon.ctl("stop", "port", "0")
    time.sleep(0.3)
    counted = daemon.counters()
    # Without copy the device delivers used buffers as they are: now and then one of our own ARP requests.
    own = 0 if "copy=1" in daemon.device else counted.get("rx_arp", 0)
    expect(own <= counted["rx_frames"] / 1000, f"too much ARP: {counted}")
    expect(counted["rx_malformed"] + own == counted["rx_frames"], f"other verdicts than malformed: {counted}")
    expect(daemon.ctl("show", "neighbour")["neighbours"] == [], "zeros became a neighbour")
    daemon.ctl("start", "port", "0")
    wait(5, lambda: daemon.counters()["rx_malformed"] > counted["rx_malformed"], "garbage again after a restart")


def check_silence(daemon):
    time.sleep(0.5)
    counted = daemon.counters()
    expect(counted.get("rx_frames", 0) == 0, f"frames from a device without any: {counted}")


def patience(daemon, how):
    """Run the program; the command line is asked while it waits."""
    asan = re.search(r"=> (\S*libasan\S*)", subprocess.run(["ldd", daemon.tools.preload], capture_output=True,
                                                          text=True, check=False).stdout)
    preload = f"{asan.group(1)}:{daemon.tools.preload}" if asan else daemon.tools.preload
    env = dict(os.environ, LD_PRELOAD=preload, SAND=daemon.socket, SAND_LOG="1")
    program = subprocess.Popen([daemon.tools.patience, how, "10.66.0.2", "7"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    asked = 0
    try:
        while program.poll() is None and asked < 200:
            daemon.ctl("show", "socket", "all")
            asked += 1
            time.sleep(0.05)
        out, err = program.communicate(timeout=10)
    finally:
        program.kill()
        program.wait()
    expect(program.returncode == 0, f"patience {how} ended with {program.returncode}: {err}")
    expect(asked >= 3, "the command line was not asked while the program waited")
    return json.loads(out), err


def check_connect(daemon):
    for how in ("block", "poll"):
        result, said = patience(daemon, how)
        expect(result["error"] == "ETIMEDOUT", f"{how}: {result}\n{said}")
        expect(CONNECT_MS * 0.5 <= result["ms"] <= CONNECT_MS * 3 + 500, f"{how}: not when configured: {result}")
        expect(result["close_error"] == 0 and result["close_ms"] < 1000, f"{how}: {result}")
    wait(5, lambda: daemon.ctl("show", "socket", "all")["sockets"] == [], "sockets freed")
    wait(5, lambda: daemon.ctl("show", "session")["sessions"] == [], "sessions freed")
    control = {c["counter"]: c["value"] for c in daemon.ctl("show", "counters", "control")["counters"]}
    expect(control.get("connects_timedout") == 2, f"two connects timed out: {control}")


def check_close(daemon):
    begin = time.monotonic()
    done = subprocess.run([daemon.tools.switch, "silence", "10.66.0.2", "7"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20, check=False,
                          env=dict(os.environ, SAND=daemon.socket))
    took = time.monotonic() - begin
    with open(daemon.tools.silence, encoding="ascii") as file:
        expect(done.stdout == file.read(), f"the program saw another order: {done.stdout}{done.stderr}")
    expect(took < CONNECT_MS / 1000 + 5, f"the close took {took} s")
    # The program may be gone before its socket's last step.
    wait(5, lambda: daemon.ctl("show", "closed")["closed_sockets"] != [], "socket freed")
    expect(daemon.ctl("show", "socket", "all")["sockets"] == [], "a socket is left")
    closed = daemon.ctl("show", "closed")["closed_sockets"]
    expect(len(closed) == 1 and closed[0]["peer"] == "10.66.0.2:7", f"remembered: {closed}")
    expect(closed[0]["how"] == "orderly", f"closed, not died: {closed}")
    steps = daemon.ctl("show", "closed", str(closed[0]["id"]))["closed_socket"]["steps"]
    # Who closes and is gone at once may be seen to be gone first.
    expect(steps[0].split()[0] in ("CLOSE", "APP_DIED"), f"steps of the close: {steps}")


CHECKS = {"garbage": check_garbage, "copy": check_garbage, "user": check_garbage, "signal": check_garbage,
          "no_rx": check_silence, "connect": check_connect, "close": check_close}


def nobody(tools):
    """The user nobody if we may become it and it may run the build, else a reason."""
    if os.geteuid() != 0:
        return None, "not root: the other cases ran without privileges already"
    user = pwd.getpwnam("nobody")
    tried = subprocess.run([tools.sand, "-V"], user=user.pw_uid, group=user.pw_gid, extra_groups=[],
                           capture_output=True, check=False) if reachable(tools.sand, user) else None
    return (user, "") if tried and tried.returncode == 0 else (None, "the build folder is closed to other users")


def reachable(path, user):
    done = subprocess.run(["test", "-x", path], user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=False)
    return done.returncode == 0


def run(case, tools):
    user = None
    if case == "user":
        user, why = nobody(tools)
        if user is None:
            print(why)
            return SKIP
    with contextlib.ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix="sand-null-")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        daemon = Daemon(tools, folder, DEVICES[case], user)
        stack.callback(daemon.close)
        try:
            daemon.wait_ready()
            check_polls(daemon)
            CHECKS[case](daemon)
            daemon.stop(by_signal=case == "signal")
        except (AssertionError, subprocess.TimeoutExpired, KeyError, ValueError) as error:
            print(f"{case}: {type(error).__name__}: {error}\nthe daemon said:\n{daemon.said()[-4000:]}")
            return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=sorted(CHECKS))
    for tool in ("sand", "sandctl", "preload", "patience", "switch", "silence"):
        parser.add_argument("--" + tool, required=True)
    tools = parser.parse_args()
    return run(tools.case, tools)


if __name__ == "__main__":
    sys.exit(main())
