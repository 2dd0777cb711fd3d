#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Are the invariant CRCs of the RoCEv2 packets in these captures right?

usage: icrc_check.py [-v] FILE...

One line a file; with -v also one for each wrong packet. Exit status 1 if one is wrong, 2 if there is no RoCEv2 packet.

The ICRC (InfiniBand Architecture volume 1, annex A17) is Ethernet's CRC-32 over 8 bytes of ones and the packet from its
IP header to the end of the padding, with ones for what routers change: IPv4 type of service, time to live and checksum;
IPv6 traffic class, flow label and hop limit; UDP checksum; fifth byte of the BTH. Written independently of the daemon's
code, with zlib's CRC, so that both being wrong in the same way is unlikely.
"""
import struct
import sys
import zlib

UDP, ROCE_PORT = 17, 4791
IPV4, IPV6, VLANS = 0x0800, 0x86DD, (0x8100, 0x88A8)
UDP_LEN, BTH_LEN, ICRC_LEN = 8, 12, 4


def pcap_frames(data):
    magics = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
    order, at = magics[data[:4]], 24
    while at + 16 <= len(data):
        length, = struct.unpack_from(order + "I", data, at + 8)
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def pcapng_frames(data):
    order, at = "<", 0
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        kind, length = struct.unpack_from(order + "II", data, at)
        if length < 12:
            raise ValueError("a block without length")
        if kind == 6:
            captured, = struct.unpack_from(order + "I", data, at + 20)
            yield data[at + 28:at + 28 + captured]
        at += length


def frames(data):
    return pcapng_frames(data) if data[:4] == b"\x0a\x0d\x0d\x0a" else pcap_frames(data)


def roce_packet(frame):
    """(packet from the IP header to the ICRC, length of the IP header), or None for other frames."""
    kind, at = struct.unpack_from("!H", frame, 12)[0], 14
    while kind in VLANS:
        kind, at = struct.unpack_from("!H", frame, at + 2)[0], at + 4
    if kind == IPV4:
        header, protocol = (frame[at] & 15) * 4, frame[at + 9]
        length, fragment = struct.unpack_from("!H2xH", frame, at + 2)
        if fragment & 0x3FFF:
            return None
    elif kind == IPV6:
        header, protocol = 40, frame[at + 6]
        length = 40 + struct.unpack_from("!H", frame, at + 4)[0]
    else:
        return None
    packet = frame[at:at + length]
    if protocol != UDP or length < header + UDP_LEN + BTH_LEN + ICRC_LEN:
        return None
    if struct.unpack_from("!H", packet, header + 2)[0] != ROCE_PORT:
        return None
    if len(packet) < length:
        raise ValueError("the capture cut a packet short")
    return packet, header


def icrc(packet, header):
    masked = bytearray(packet[:-ICRC_LEN])
    if masked[0] >> 4 == 6:
        masked[0] |= 0x0F
        masked[1:4] = b"\xff" * 3
        masked[7] = 0xFF
    else:
        masked[1] = masked[8] = 0xFF
        masked[10:12] = b"\xff" * 2
    masked[header + 6:header + 8] = b"\xff" * 2
    masked[header + UDP_LEN + 4] = 0xFF
    return struct.pack("<I", zlib.crc32(b"\xff" * 8 + masked))


def check_file(path, verbose):
    """(RoCEv2 packets, right ones)"""
    with open(path, "rb") as file:
        data = file.read()
    seen = right = 0
    for number, frame in enumerate(frames(data), 1):
        found = roce_packet(frame)
        if not found:
            continue
        packet, header = found
        seen += 1
        if icrc(packet, header) == packet[-ICRC_LEN:]:
            right += 1
        elif verbose:
            print(f"{path}: frame {number}: has {packet[-4:].hex()}, ought to have {icrc(packet, header).hex()}")
    print(f"{path}: {seen} RoCEv2 packets, {right} right")
    return seen, right


def main(arguments):
    verbose = arguments[:1] == ["-v"]
    results = [check_file(path, verbose) for path in arguments[1 if verbose else 0:]]
    if not results:
        sys.exit(__doc__.strip())
    seen, right = (sum(column) for column in zip(*results))
    return 2 if not seen else int(seen != right)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
