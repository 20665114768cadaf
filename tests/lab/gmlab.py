"""What every scenario of the kernel lab needs: the network, the programs, ways to look at them.

A scenario is a unittest.TestCase that runs inside the guest (lab.py), as root of a kernel that has
ESP. It treats the programs the way an operator does: settings, command lines, signals, logs.
"""

import contextlib
import itertools
import json
import pathlib
import re
import signal
import socket
import sqlite3
import sys
import time
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import netns  # noqa: E402
from netns import IPV4, IPV6  # noqa: E402,F401

SCRATCH = pathlib.Path("/run/gmedge")
FIRST_IMSI = 1010000000001
SETTINGS = tomllib.loads((ROOT / "tools/quickstart.toml").read_text())
# Of the phones' end of an SA, whatever the phone (gmue's defaults).
PORT_UC, PORT_US = 37001, 37002
# What in_every_way() serves with: enough for a set of each age on ports of its own.
EVERY_WAY_PORTS = (5062, 5064, 5066, 5068)
CONTROL_PORT = 5099  # Of the core.
COUNTS = re.compile(r"kernel put right: SAs: (\d+) kept, \d+ of them extended, (\d+) installed, "
                    r"(\d+) removed, \d+ blocked by foreign ones, (\d+) foreign left alone; "
                    r"policies: (\d+) removed, (\d+) foreign left alone")


def main():
    """Runs the tests of the calling program; its first argument is where the programs are."""
    global BUILD
    BUILD = pathlib.Path(sys.argv.pop(1))
    unittest.main(module="__main__", verbosity=2)


class LabCase(unittest.TestCase):
    """One network for all tests of a class; a program ends with the test that started it."""

    @classmethod
    def setUpClass(cls):
        SCRATCH.mkdir(exist_ok=True)
        cls.network = netns.Network()

    @classmethod
    def tearDownClass(cls):
        cls.network.delete()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for log in sorted(SCRATCH.glob("*.log")):
                print(f"--- end of {log.name}", *log.read_text().split("\n")[-40:], sep="\n")
        for log in SCRATCH.glob("*.log"):
            log.unlink()
        self.network.flush()  # A program that was killed leaves its policies behind.

    # --- The programs ---

    def start(self, space, log, *command):
        """Starts a command in a namespace; its words go to SCRATCH/log."""
        with open(SCRATCH / log, "w") as output:
            process = space.start(*map(str, command), stdout=output, stderr=output)
        self.addCleanup(stop, process, signal.SIGKILL)
        return process

    def start_core(self, version=IPV4, **options):
        core = self.start(self.network.core, "gmcore.log", BUILD / "gmcore",
                          f"--listen={endpoint(version.core, 5060)}", f"--imsi={imsi(0)}",
                          *flags(options))
        self.wait_for_word("gmcore.log", ": ready on ", core)
        return core

    def start_edge(self, *, wrapper=(), takes_over=0, **settings):
        """gmedge with tools/quickstart.toml and changes: start_edge(ipsec={"port": 7}, ...).
        takes_over=N: the Nth that takes over from the one before; its log is gmedgeN.log."""
        log = f"gmedge{takes_over or ''}.log"
        edge = self.start(self.network.edge, log, *wrapper, BUILD / "gmedge",
                          f"--config={write_settings(settings)}", "--xfrm=kernel",
                          *(["--takeover"] if takes_over else []))
        self.wait_for_word(log, " ready: ", edge)
        return edge

    def start_phones(self, version, scenario, first=0, **options):
        """Phones from number `first` on go through a scenario."""
        return self.start(self.network.phones, "gmue.log", BUILD / "gmue",
                          f"--pcscf={endpoint(version.gm, 5060)}",
                          f"--address={phone(version, first)}", f"--imsi={imsi(first)}",
                          f"--scenario={scenario}", "--json", *flags(options))

    def finish_phones(self, phones, seconds=30):
        """The report of phones that went through their scenario."""
        status = phones.wait(seconds)
        report = json.loads((SCRATCH / "gmue.log").read_text().strip().split("\n")[-1])
        self.assertEqual(status == 0, report["ok"])
        return report

    def run_phones(self, *arguments, **options):
        return self.finish_phones(self.start_phones(*arguments, **options))

    def counters_of(self, edge, log="gmedge.log"):
        """Ends gmedge; what it counted (what is missing is 0)."""
        self.assertEqual(stop(edge), 0, "gmedge did not end well")
        line = re.search(r" counters:(.*)", (SCRATCH / log).read_text())[1]
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}

    def log_of_edge(self):
        return (SCRATCH / "gmedge.log").read_text()

    def new_journal(self):
        """Settings of one, in a file that is not there yet."""
        for file in SCRATCH.glob("journal*"):
            file.unlink()
        return {"file": str(SCRATCH / "journal"), "synchronous": "off"}

    def records(self, journal):
        """Registrations and sets in it."""
        with contextlib.closing(sqlite3.connect(journal["file"])) as store:
            return tuple(store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                         for table in ("registration", "sa_set"))

    def packets(self):
        """What each SA has carried, by SPI and destination."""
        return {(state.destination, state.spi): state.packets
                for state in self.network.edge.states()}

    def sas_put_right(self):
        """Of the one line that the last start said: SAs kept, installed, removed, foreign; then
        policies removed, foreign."""
        lines = COUNTS.findall(self.log_of_edge())
        self.assertEqual(len(lines), 1, self.log_of_edge())
        return tuple(map(int, lines[0]))

    def in_every_way(self, check, core=None, **ipsec):
        """check(version, transport, edge) over UDP and TCP, IPv4 and IPv6, with a gmedge and a
        core of its own each time; each must end well and leave nothing behind."""
        for version, transport in itertools.product((IPV4, IPV6), ("udp", "tcp")):
            with self.subTest(f"IPv{version.gm.count(':') and 6 or 4} {transport}"):
                gmcore = self.start_core(
                    version, mt_transport=transport,
                    control=endpoint(version.core, CONTROL_PORT), **(core or {}))
                try:
                    sockets = [f"ipsec:{endpoint(version.gm, port)}" for port in EVERY_WAY_PORTS]
                    edge = self.start_edge(
                        ipsec={"socket": sockets, **ipsec},
                        gm={"listen": [endpoint(version.gm, 5060)]},
                        # The phones here share one /64, which elsewhere each has to itself.
                        limits={"connections_per_source_max": 1000},
                        process={"drain": 0},
                        core={"listen": endpoint(version.edge, 5060),
                              "next_hop": endpoint(version.core, 5060)})
                    try:
                        check(version, transport, edge)
                    finally:
                        stop(edge)
                    self.assertEqual(self.network.edge.states(), [], "gmedge left SAs behind")
                finally:
                    status = stop(gmcore)
                self.assertEqual(status, 0, "gmedge broke rules towards the core: gmcore.log")

    # --- What becomes of it ---

    def ask_core(self, version, line, seconds=5):
        """The core's answer to a line of its control socket."""
        with self.network.core.entered():
            asking = socket.socket(family(version.core), socket.SOCK_DGRAM)
        with asking:
            asking.settimeout(seconds)
            asking.sendto(line.encode(), (version.core, CONTROL_PORT))
            return asking.recv(2048)

    def core_counts(self, version):
        """What the core has counted: {"mt_answered": 2, ...}."""
        words = self.ask_core(version, "stats").decode().split()
        return {name: int(value) for name, value in (word.split("=") for word in words)}

    def wait_until(self, what, condition, seconds=5.0):
        """Waits for a condition and yields it; it is a failure if it does not come about."""
        end = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > end:
                self.fail(f"not within {seconds} s: {what}")
            time.sleep(0.02)
        return value

    def wait_for_word(self, log, word, process):
        def said():
            if word in (SCRATCH / log).read_text():
                return True
            self.assertIsNone(process.poll(), f"ended early: see {log}")
        self.wait_until(f"\"{word}\" in {log}", said, seconds=20)  # On a busy machine.

    def states_of(self, address):
        """SAs in gmedge's kernel from or to a phone's address."""
        return [state for state in self.network.edge.states()
                if address in (state.source, state.destination)]

    def wait_for_set(self, address, confirmed):
        """Waits for a phone's four SAs: temporary ones, or with the lifetime of a registration."""
        limit = SETTINGS["ipsec"]["temporary_timeout"] + 60

        def there():
            states = self.states_of(address)
            is_confirmed = all(state.hard_seconds > limit for state in states)
            return states if len(states) == 4 and is_confirmed == confirmed else None
        return self.wait_until(f"four SAs of {address}", there)


def stop(process, how=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(how)
    return process.wait(10)


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def imsi(index):
    return f"{FIRST_IMSI + index:015d}"


def phone(version, index):
    """The address of a phone; below 100 of them."""
    return f"{version.phones[:-1]}{index + 1:{'x' if ':' in version.phones else 'd'}}"


def flags(options):
    return [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]


def write_settings(changes):
    """tools/quickstart.toml with some settings changed, as a file."""
    lines = []
    for table in {**SETTINGS, **changes}:
        lines.append(f"[{table}]")
        # JSON's strings, numbers, booleans and lists are TOML's too.
        lines += [f"{key} = {json.dumps(value)}" for key, value in
                  {**SETTINGS.get(table, {}), **changes.get(table, {})}.items()]
    file = SCRATCH / "gmedge.toml"
    file.write_text("\n".join(lines) + "\n")
    return file
