#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Turns captures of Linux's soft-RoCE into starting points for the targets that take scripts.

usage: seeds.py [CAPTURE.pcap...]       default: all of tests/data/rxe

For each queue pair of a capture corpus/rc/rxe-CAPTURE-QPN: what its peer sent it, and what it was asked to send
itself, in the order seen. For each host of a capture corpus/cm_mad/rxe-CAPTURE-N: the CM datagrams it received.
The scripts' form is that of fuzz_rc.c and fuzz_cm_mad.c.
"""
import glob
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import icrc_check  # noqa: E402

UDP_LEN, BTH_LEN, ICRC_LEN, DETH_LEN, RETH_LEN, PMTU = 8, 12, 4, 8, 16, 1024
RESPONSES = range(0x0d, 0x13)
STEP_MAD = 1  # fuzz_cm_mad.c
STEP_POST, STEP_SETTLE, STEP_PACKET = 0, 4, 6  # fuzz_rc.c
STEPS_MAX = 150
# Messages of ours by the opcode of their first packet: index into the list of kinds in rc.h.
KINDS = {0x00: 0, 0x04: 0, 0x05: 1, 0x17: 2, 0x06: 3, 0x0a: 3, 0x0b: 4, 0x0c: 6, 0x13: 7, 0x14: 8}
FIRST_PSNS = struct.pack("!II", 0xfffff0, 0xfffff8)  # about to wrap around
SAME, DUE_CODE, FULL, PARTIAL_MAX = 0, 224, 128, 127


class Packet:
    """One RoCEv2 packet: addresses, BTH, what follows."""

    def __init__(self, packet, header):
        self.source, self.target = (packet[12:16], packet[16:20]) if header == 20 else (packet[8:24], packet[24:40])
        bth = packet[header + UDP_LEN:]
        self.opcode, flags = bth[0], bth[1]
        self.qp = int.from_bytes(bth[5:8], "big")
        self.ackreq = bth[8] >> 7
        self.psn = int.from_bytes(bth[9:12], "big")
        self.rest = bth[BTH_LEN:-ICRC_LEN]
        self.pad = flags >> 4 & 3
        self.solicited = flags >> 7

    def payload_len(self):
        names = {3: 4, 5: 4, 6: 16, 9: 4, 10: 16, 11: 20, 12: 16, 13: 4, 15: 4, 16: 4, 17: 4, 18: 12, 19: 28, 20: 28,
                 22: 4, 23: 4}
        return len(self.rest) - names.get(self.opcode, 0) - self.pad

    def dma_len(self):
        return struct.unpack_from("!I", self.rest, 12)[0]


def packets(path):
    with open(path, "rb") as file:
        for frame in icrc_check.frames(file.read()):
            found = icrc_check.roce_packet(frame)
            if found:
                yield Packet(*found)


def length_code(length):
    return FULL if length >= PMTU else min(length, PARTIAL_MAX)


def total_code(length):
    """Of a RETH, in quarters of a path MTU."""
    return min(FULL + -(-length // PMTU) * 4, 254)


class Side:
    """One queue pair, and the script it will be."""

    def __init__(self):
        self.expected = self.una = None
        self.steps = []

    def heard(self, p):
        """The peer sent it `p`."""
        response = p.opcode in RESPONSES
        due = self.una if response else self.expected
        ahead = 0 if due is None else (p.psn - due + 2 ** 23) % 2 ** 24 - 2 ** 23
        psn = SAME if ahead == 0 else DUE_CODE + max(-32, min(30, ahead))
        has_total = p.opcode in (0x06, 0x0a, 0x0b, 0x0c)
        total = total_code(p.dma_len()) if has_total and p.dma_len() != p.payload_len() else 0
        syndrome = p.rest[0] if response and p.opcode != 0x0e else 0
        self.steps += [bytes((STEP_PACKET, p.opcode, psn, length_code(p.payload_len()), 0, 0, total, syndrome,
                              p.ackreq | p.solicited << 1, 2)), bytes((STEP_SETTLE,))]
        if response:
            self.una = p.psn + 1 if syndrome >> 5 == 0 else p.psn
        elif ahead == 0:
            taken = max(1, -(-p.dma_len() // PMTU)) if p.opcode == 0x0c else 1
            self.expected = (p.psn + taken) % 2 ** 24

    def said(self, p):
        """It sent `p`: the first packet of a message is the wish to send all of it."""
        if self.una is None:
            self.una = p.psn
        if p.opcode not in KINDS:
            return
        length = p.dma_len() if p.opcode in (0x06, 0x0a, 0x0b, 0x0c) else p.payload_len()
        if p.opcode == 0x00:
            length = 4 * PMTU
        many = min(8, max(1, length // PMTU))
        self.steps += [bytes((STEP_POST, KINDS[p.opcode], length_code(length), many - 1 << 4 | p.solicited << 2)),
                       bytes((STEP_SETTLE,))]

    def script(self):
        # Path MTU 256, then as fuzz_rc.c reads them: patient, with room for everything.
        patient = bytes((0, 255, 255, 4, 4, 7, 7, 12, 255, 255, 255, 255, 24, 10, 14))
        return FIRST_PSNS + patient + b"".join(self.steps[:STEPS_MAX])


def rc_scripts(path):
    sides, peers = {}, {}
    seen = [p for p in packets(path) if p.opcode < 0x20]
    # Who talks to whom: two queue pairs, in opposite directions, between the same hosts.
    for p in seen:
        sides.setdefault((p.target, p.qp), Side())
    for p in seen:
        back = [key for key in sides if key[0] == p.source]
        if len(back) == 1:
            peers[p.target, p.qp] = back[0]
    for p in seen:
        sides[p.target, p.qp].heard(p)
        if p.opcode not in RESPONSES and (p.target, p.qp) in peers:
            sides[peers[p.target, p.qp]].said(p)
    return {f"{qp:06x}": side.script() for (_, qp), side in sides.items()}


def cm_scripts(path):
    hosts = {}
    for p in packets(path):
        if p.opcode == 0x64 and p.qp == 1:
            hosts.setdefault(p.target, []).append(bytes((STEP_MAD, len(hosts) & 1)) + p.rest[DETH_LEN:])
    return {str(n): b"".join(steps[:14]) for n, steps in enumerate(hosts.values())}


def write(target, name, scripts):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    for suffix, script in scripts.items():
        with open(os.path.join(folder, f"rxe-{name}-{suffix}"), "wb") as file:
            file.write(script)


def main(arguments):
    for path in arguments or sorted(glob.glob(os.path.join(HERE, "..", "data", "rxe", "*.pcap"))):
        name = os.path.basename(path).removesuffix(".pcap")
        write("rc", name, rc_scripts(path))
        write("cm_mad", name, cm_scripts(path))


if __name__ == "__main__":
    main(sys.argv[1:])
