"""Looks at what passes on the link between phones and gmedge, packet by packet."""

import dataclasses
import re
import socket
import struct

ESP, UDP, TCP = 50, 17, 6
_FRAGMENT = 44
_ANY_PROTOCOL = 3  # ETH_P_ALL
_ROOM = 8 << 20
_SO_RCVBUFFORCE = 33


@dataclasses.dataclass(frozen=True)
class Packet:
    source: str
    destination: str
    protocol: int       # ESP, UDP, TCP, ...
    source_port: int    # 0 where there is none (ESP, later fragments)...
    destination_port: int
    spi: int            # ...and this too.
    payload: str        # Of UDP.


class Wire:
    """Records from now on. Packets are kept in the socket: look before there are thousands."""

    def __init__(self, edge, link="gm"):
        with edge.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                         socket.htons(_ANY_PROTOCOL))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        self._socket.bind((link, _ANY_PROTOCOL))
        self._socket.setblocking(False)

    def close(self):
        self._socket.close()

    def packets(self):
        """What has passed since the last call, IP only."""
        found = []
        while True:
            try:
                data, (_, ethernet_type, *_) = self._socket.recvfrom(65536)
            except BlockingIOError:
                return found
            if ethernet_type == 0x0800:
                found.append(_read(data, socket.AF_INET))
            elif ethernet_type == 0x86DD:
                found.append(_read(data, socket.AF_INET6))


def _read(data, family):
    if family == socket.AF_INET:
        protocol, source, destination = data[9], data[12:16], data[16:20]
        offset = struct.unpack("!H", data[6:8])[0] & 0x1FFF
        body = data[(data[0] & 15) * 4:]
    else:
        protocol, source, destination, offset, body = data[6], data[8:24], data[24:40], 0, data[40:]
        if protocol == _FRAGMENT:
            protocol, offset, body = body[0], struct.unpack("!H", body[2:4])[0] >> 3, body[8:]
    is_first = offset == 0  # A later fragment begins in the middle of something.
    ports, spi, payload = (0, 0), 0, ""
    if protocol in (UDP, TCP) and is_first:
        ports = struct.unpack("!HH", body[:4])
    if protocol == UDP:
        payload = body[8 if is_first else 0:].decode(errors="replace")
    if protocol == ESP and is_first:
        spi = struct.unpack("!I", body[:4])[0]
    return Packet(socket.inet_ntop(family, source), socket.inet_ntop(family, destination),
                  protocol, *ports, spi, payload)


def security_header(packets, name):
    """The first mechanism of the first Security-* header that passed in clear, as a dict."""
    text = "".join(packet.payload for packet in packets)
    mechanism = re.search(rf"^{name}:\s*([^,\r]+)", text, re.M | re.I)
    assert mechanism, f"no {name} passed in clear"
    return dict(part.strip().split("=") for part in mechanism[1].split(";") if "=" in part)
