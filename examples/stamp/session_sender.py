#!/usr/bin/python3
"""A STAMP Session-Sender (RFC 8762) that examines each reply; run without arguments for usage.

Scapy makes and reads the packets. The kernel sends and receives them, so that a reply with a wrong checksum does not
count.
"""

import argparse
import fractions
import select
import socket
import struct
import sys
import time
from typing import NamedTuple

from scapy.contrib.stamp import ErrorEstimate
from scapy.contrib.stamp import STAMPSessionReflectorTestUnauthenticated as Reflected
from scapy.contrib.stamp import STAMPSessionSenderTestUnauthenticated as Test
from scapy.contrib.stamp import STAMPTestTLV
from scapy.layers.inet import UDP

LENGTH = 44
PATIENCE = 30  # seconds, for a reply that does not come
HEADER = struct.calcsize("!HHHH")
ECT_0 = 2
SECONDS_1900_TO_1970 = 2208988800
IP_RECVTTL = getattr(socket, "IP_RECVTTL", 12)  # Python 3.11 lacks the name

# By family: level, hop limit to send with, traffic class to send with, their reports, and the types of the reports.
OPTIONS = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TTL, socket.IP_TOS,
                     (IP_RECVTTL, socket.IP_RECVTOS), (socket.IP_TTL, socket.IP_TOS)),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, socket.IPV6_TCLASS,
                      (socket.IPV6_RECVHOPLIMIT, socket.IPV6_RECVTCLASS), (socket.IPV6_HOPLIMIT, socket.IPV6_TCLASS)),
}


class Wrong(Exception):
    """Tells in which respect a reply is not as it should be."""


class Reply(NamedTuple):
    """A reply, with what the kernel tells about it."""
    source: tuple
    hop_limit: int
    traffic_class: int
    time: int
    payload: bytes
    packet: Reflected


def ntp_now():
    """Returns the system's time in NTP's format, as a whole number of 2^-32 seconds since 1900."""
    nanos = time.time_ns()
    return (nanos // 10**9 + SECONDS_1900_TO_1970) % 2**32 << 32 | (nanos % 10**9 << 32) // 10**9


def expect(name, is_, should):
    """Fails unless two values are equal."""
    if is_ != should:
        raise Wrong(f"{name}: {is_}, should be {should}")


class Session:
    """A test session: a socket and the address that it tests."""

    def __init__(self, target, own_port=0):
        self.target = target
        family = socket.getaddrinfo(target.address, None, flags=socket.AI_NUMERICHOST)[0][0]
        self.level, self.send_ttl, self.send_class, reports, (self.ttl, self.traffic_class) = OPTIONS[family]
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(("", own_port))
        self.socket.settimeout(PATIENCE)
        for report in reports:
            self.socket.setsockopt(self.level, report, 1)

    def send(self, payload, hop_limit=255, dscp=0):
        """Sends a datagram with an ECN field that is not to come back."""
        self.socket.setsockopt(self.level, self.send_ttl, hop_limit)
        self.socket.setsockopt(self.level, self.send_class, dscp << 2 | ECT_0)
        self.socket.sendto(payload, (self.target.address, self.target.port))

    def receive(self):
        """Waits for a reply."""
        payload, control, _, source = self.socket.recvmsg(65535, 1024)
        now = ntp_now()
        if len(payload) < LENGTH:
            raise Wrong(f"a reply of {len(payload)} bytes")
        # An IP_TOS is one byte, the others are an int.
        told = {kind: int.from_bytes(data, sys.byteorder) for level, kind, data in control if level == self.level}
        # Scapy 2.5.0 finds the length of the TLVs by the parent, which it does not set when it reads a whole packet.
        packet = Reflected(payload, _parent=UDP(len=HEADER + len(payload)))
        return Reply(source[:2], told[self.ttl], told[self.traffic_class], now, payload, packet)

    def expect_nothing(self, what):
        """Fails if there is a reply already. For datagrams sent before one that was answered since."""
        if select.select([self.socket], [], [], 0)[0]:
            raise Wrong(f"{what} was answered")

    def ask(self, number, expected, hop_limit=255, dscp=0, tlvs=()):
        """Sends a test packet and examines the reply. Returns it."""
        before = ntp_now()
        estimate = ErrorEstimate(S=1, scale=number % 64, multiplier=1 + number % 255)
        # Scapy multiplies by 2^32: a float would lose bits.
        packet = Test(seq=number, ts=fractions.Fraction(before, 2**32), err_estimate=estimate, ssid=0,
                      tlv_objects=list(tlvs))
        request = bytes(packet)
        self.send(request, hop_limit, dscp)
        reply = self.receive()
        self.examine(reply, before, number, expected, hop_limit, dscp)
        expect("Session-Sender Error Estimate", bytes(reply.packet.err_estimate_sender), bytes(estimate))
        expect("length", len(reply.payload), len(request))
        expect("TLVs", [bytes(tlv) for tlv in reply.packet.tlv_objects], [bytes(tlv) for tlv in tlvs])
        return reply

    def examine(self, reply, before, number, expected, hop_limit, dscp):
        """Fails unless the reply is what RFC 8762 asks for."""
        target, packet = self.target, reply.packet
        expect("reply from", reply.source, (target.address, target.port))
        expect("hop limit on arrival", reply.hop_limit, 255 - target.hops)
        expect("traffic class", reply.traffic_class, dscp << 2)
        expect("Session-Sender TTL", packet.ttl_sender, hop_limit - target.hops)
        expect("Session-Sender Sequence Number", packet.seq_sender, number)
        expect("Sequence Number", packet.seq, expected)
        expect("fields that must be zero", (packet.ssid, packet.mbz1, packet.mbz2), (0, 0, 0))
        expect("Error Estimate", bytes(packet.err_estimate).hex(), target.estimate)
        # The fields' own values are exact; as attributes they are rounded.
        expect("Session-Sender Timestamp", packet.fields["ts_sender"], before)
        times = [before, packet.fields["ts_rx"], packet.fields["ts"], reply.time]
        if times != sorted(times):
            raise Wrong(f"sent, received, sent back, received: {times} are not in this order")


class Target(NamedTuple):
    """An address of the reflector, and what is known of it."""
    address: str
    hops: int
    port: int
    estimate: str
    stateful: bool


def examine(target):
    """Tests one address in two sessions at once. Returns the last reply."""
    one, other = Session(target), Session(target)
    from_port = Session(target, target.port)

    def expected(number, counted):
        return counted if target.stateful else number

    one.ask(1000, expected(1000, 0), dscp=46)
    for short in (b"", b"\0", bytes(LENGTH - 1)):
        one.send(short)
    from_port.send(bytes(Test(seq=1, ssid=0)))
    other.ask(7, expected(7, 0), hop_limit=64, dscp=0)
    one.ask(1003, expected(1003, 1), hop_limit=77, dscp=10)  # two were lost
    one.expect_nothing("a packet shorter than a test packet")
    from_port.expect_nothing("a packet from the reflector's own port")
    other.ask(2**32 - 1, expected(2**32 - 1, 1), hop_limit=2, dscp=63)
    padding = STAMPTestTLV(type=1, len=60, value=bytes(range(60)))
    return one.ask(1004, expected(1004, 2), hop_limit=100, dscp=34, tlvs=[padding])


def main():
    parser = argparse.ArgumentParser(description="Tests a STAMP Session-Reflector.")
    parser.add_argument("mode", choices=["stateless", "stateful"])
    parser.add_argument("port", type=int)
    parser.add_argument("estimate", help="the reflector's Error Estimate, in hexadecimal")
    parser.add_argument("targets", nargs="+", metavar="ADDRESS/ROUTERS", help="and the number of routers before it")
    arguments = parser.parse_args()
    wrong = 0
    for name in arguments.targets:
        address, hops = name.split("/")
        target = Target(address, int(hops), arguments.port, arguments.estimate, arguments.mode == "stateful")
        try:
            reply = examine(target)
            says = "%-16s  %10d  %10d  %4d  %8d" % (reply.source[0], reply.packet.ttl_sender, reply.hop_limit,
                                                    reply.traffic_class >> 2, reply.packet.seq)
        except (Wrong, socket.timeout) as reason:
            wrong += 1
            says = f"wrong: {reason or 'no reply'}"
        print(f"{arguments.mode:9}  {address:16}  {says}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
