"""A small operator's network in network namespaces: phones -- gmedge -- core.

    phones 198.18.0.2 ---- gm ---- 198.18.0.1  edge  203.0.113.1 ---- 203.0.113.2  core
           2001:db8:1::2           2001:db8:1::1     2001:db8:2::1     2001:db8:2::2

Every address of 198.19.0.0/16 and 2001:db8:19::/64 is a phone: the whole ranges are local to the
namespace of the phones. Needs CAP_NET_ADMIN and CAP_SYS_ADMIN (root, or inside unshare -rmn, or in
the kernel lab). Used by tools/demo.py and tests/lab.
"""

import contextlib
import ctypes
import dataclasses
import os
import re
import socket
import subprocess

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


@dataclasses.dataclass(frozen=True)
class Addresses:
    """Who is where, for one IP version."""
    phones: str  # The first phone's; the next phones follow it.
    gm: str      # gmedge, towards the phones.
    edge: str    # gmedge, towards the core.
    core: str


IPV4 = Addresses(phones="198.19.0.1", gm="198.18.0.1", edge="203.0.113.1", core="203.0.113.2")
IPV6 = Addresses(phones="2001:db8:19::1", gm="2001:db8:1::1", edge="2001:db8:2::1",
                 core="2001:db8:2::2")

_LINKS = """
link add gm netns phones type veth peer name gm netns edge
link add core netns edge type veth peer name core netns core
"""
_PHONES = """
address add 198.18.0.2/24 dev gm
address add 2001:db8:1::2/64 dev gm nodad
link set lo up
link set gm up
route add local 198.19.0.0/16 dev lo
route add local 2001:db8:19::/64 dev lo
"""
_EDGE = """
address add 198.18.0.1/24 dev gm
address add 2001:db8:1::1/64 dev gm nodad
address add 203.0.113.1/24 dev core
address add 2001:db8:2::1/64 dev core nodad
link set lo up
link set gm up
link set core up
route add 198.19.0.0/16 via 198.18.0.2
route add 2001:db8:19::/64 via 2001:db8:1::2
"""
_CORE = """
address add 203.0.113.2/24 dev core
address add 2001:db8:2::2/64 dev core nodad
link set lo up
link set core up
"""


class Network:
    """The three namespaces, made anew; `phones`, `edge` and `core` are Namespaces."""

    def __init__(self):
        for name in ("phones", "edge", "core"):
            subprocess.run(["ip", "netns", "add", name], check=True)
            setattr(self, name, Namespace(name))
        batch(["ip"], _LINKS)
        for name, lines in (("phones", _PHONES), ("edge", _EDGE), ("core", _CORE)):
            batch(["ip", "-n", name], lines)
        # A phone's address is on no interface, so that there may be many.
        self.phones.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind")

    def flush(self):
        """Removes every SA and policy."""
        for name in ("phones", "edge"):
            batch(["ip", "-n", name], "xfrm state flush\nxfrm policy flush\n")

    def delete(self):
        for name in ("phones", "edge", "core"):
            subprocess.run(["ip", "netns", "delete", name], check=True)


def batch(ip, lines):
    subprocess.run([*ip, "-batch", "-"], input=lines.lstrip(), text=True, check=True)


class Namespace:
    """Runs things in one network namespace and reads its XFRM state."""

    def __init__(self, name):
        self.name = name
        self._path = f"/run/netns/{name}"

    def start(self, *command, **options):
        """subprocess.Popen there."""
        return subprocess.Popen(command, preexec_fn=self._enter, **options)

    def run(self, *command, check=True):
        """Runs to the end; its output, standard error included."""
        done = subprocess.run(command, preexec_fn=self._enter, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)} in {self.name}: {done.stdout}")
        return done.stdout

    @contextlib.contextmanager
    def entered(self):
        """For this thread: what opens a socket inside `with` opens it there."""
        with open("/proc/thread-self/ns/net", "rb") as here:
            self._enter()
            try:
                yield
            finally:
                _set_namespace(here.fileno())

    def socket(self, kind, address, port):
        """A bound socket that lives there; SOCK_DGRAM or SOCK_STREAM."""
        with self.entered():
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        return made

    def counters(self):
        """/proc/net/xfrm_stat: {"XfrmInTmplMismatch": 3, ...}."""
        lines = self.run("cat", "/proc/net/xfrm_stat").split("\n")
        return {name: int(value) for name, value in (line.split() for line in lines if line)}

    def states(self):
        return [State(text) for text in _blocks(self.run("ip", "-s", "xfrm", "state"))]

    def policies(self):
        """The selector and template lines of each policy that is not a socket's own."""
        text = self.run("ip", "xfrm", "policy")
        return [block for block in _blocks(text) if "\tsocket " not in block]

    def _enter(self):
        with open(self._path, "rb") as namespace:
            _set_namespace(namespace.fileno())


class State:
    """One SA, as `ip -s xfrm state` shows it. Keys are not kept."""

    def __init__(self, text):
        self.source, self.destination = re.search(r"src (\S+) dst (\S+)", text).groups()
        self.spi = int(re.search(r"spi 0x[0-9a-f]+\((\d+)\)", text)[1])
        self.reqid = int(re.search(r"reqid (\d+)", text)[1])
        self.algorithms = tuple(re.findall(r"^\t(?:auth-trunc|auth|enc|aead) (\S+)", text, re.M))
        selector = re.search(r"\tsel .*?(?:sport (\d+) )?(?:dport (\d+) .*)?$", text, re.M)
        self.ports = (int(selector[1] or 0), int(selector[2] or 0))
        tunnel = re.search(r"encap type espinudp sport (\d+) dport (\d+)", text)
        self.udp_ports = (int(tunnel[1]), int(tunnel[2])) if tunnel else None
        self.hard_seconds = int(re.search(r"expire add: soft \d+\(sec\), hard (\d+)", text)[1])
        current = text.split("lifetime current:")[1]
        self.packets = int(re.search(r"(\d+)\(packets\)", current)[1])

    def __str__(self):
        return (f"{self.source}:{self.ports[0]} -> {self.destination}:{self.ports[1]} "
                f"spi {self.spi} {'+'.join(self.algorithms)} {self.packets} packets, "
                f"{self.hard_seconds} s")


def _blocks(text):
    return [block for block in re.split(r"^(?=src )", text, flags=re.M) if block.strip()]


def _set_namespace(descriptor):
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
