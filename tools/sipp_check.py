#!/usr/bin/env python3
"""sipp's standard calls through gmedge, in clear, over UDP and TCP: none may fail.

    sipp_check.py --build DIR [--calls N] [--rate PER-SECOND]

Four runs of N calls (INVITE, 180, 200, ACK, BYE, 200). One side is a phone that registers in clear
(gm.sec_agree = "off"), the other the IMS core. sipp's own scenarios uac and uas are used as they
are, but for two of the four uac: over TCP each call registers first, since a registration in clear
belongs to its connection; and one that calls the phone has the phone's Path as its Route.
Needs sipp (Debian: sip-tester). Exit status: 0 all calls went well, 1 not, 77 no sipp.
"""

import argparse
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SCENARIOS = pathlib.Path(__file__).resolve().parent.parent / "tests/data/sipp"
HOST = "127.0.0.1"
SKIPPED = 77


def main():
    options = parse_arguments()
    if shutil.which("sipp") is None:
        print("sipp_check: no sipp here (Debian: apt-get install sip-tester)")
        return SKIPPED
    print(f"{options.calls} calls each, {options.rate} a second:")
    for title, phone_calls, phone, core in (("phone calls, UDP", True, "UDP", "UDP"),
                                            ("phone calls, TCP", True, "TCP", "TCP"),
                                            ("phone is called, UDP", False, "UDP", "UDP"),
                                            ("phone is called, TCP from the core", False, "UDP",
                                             "TCP")):
        with tempfile.TemporaryDirectory(prefix="gmedge-sipp-") as folder:
            run = Run(options, pathlib.Path(folder), phone, core)
            try:
                run.begin()
                started = time.monotonic()
                ok, failed = run.calls_from_phone() if phone_calls else run.calls_to_phone()
                seconds = time.monotonic() - started
                print(f"  {title:36} {ok:6} ok  {failed:3} failed  {seconds:5.1f} s", flush=True)
                if (ok, failed) != (options.calls, 0):
                    raise Failed("not all calls went well")
            except Failed as failure:
                print(f"sipp_check: FAILED: {failure}")
                run.show_logs()
                return 1
            finally:
                run.end()
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="where gmedge is")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=500)
    return parser.parse_args()


class Failed(Exception):
    pass


class Run:
    """One gmedge, a registrar behind it, and sipp on both sides."""

    def __init__(self, options, folder, phone_transport, core_transport):
        self.options, self.folder = options, folder
        self.phone_transport, self.core_transport = phone_transport, core_transport
        self.gm, self.core, self.registrar, self.server, self.phone, *protected = free_ports(7)
        self.started = []
        self.protected = protected

    def begin(self):
        settings = self.folder / "gmedge.toml"
        settings.write_text(
            f'[ipsec]\nsocket = ["ipsec:{HOST}:{self.protected[0]}", '
            f'"ipsec:{HOST}:{self.protected[1]}"]\n'
            f'[gm]\nlisten = "{HOST}:{self.gm}"\nsec_agree = "off"\n'
            f'[core]\nlisten = "{HOST}:{self.core}"\nnext_hop = "{HOST}:{self.registrar}"\n'
            f'transport = "{self.core_transport.lower()}"\n')
        gmedge = self.options.build.resolve() / "gmedge"
        self.start("gmedge", [gmedge, "--config", settings, "--xfrm=sim"])
        self.await_listener(self.gm)
        self.start_sipp("registrar", self.core_transport, self.registrar, "-sf",
                        SCENARIOS / "registrar.xml", "-key", "service_port", self.server,
                        "-trace_logs", "-log_file", self.folder / "paths.log")
        self.await_server(self.core_transport, self.registrar)

    def calls_from_phone(self):
        """uac -> gmedge -> uas at the Service-Route."""
        self.start_sipp("uas", self.core_transport, self.server, "-sn", "uas")
        self.await_server(self.core_transport, self.server)
        to_server = [f"{HOST}:{self.server}", "-rsa", f"{HOST}:{self.gm}"]
        if self.phone_transport == "TCP":
            scenario = self.variant("uac", prelude=body_of(SCENARIOS / "register.xml"))
            return self.call("uac", self.phone_transport, self.phone, "-sf", scenario, *to_server)
        self.register()
        return self.call("uac", self.phone_transport, self.phone, "-sn", "uac", *to_server)

    def calls_to_phone(self):
        """uac at the core -> gmedge -> uas, the phone."""
        self.register()
        path = (self.folder / "paths.log").read_text().split("\n")[0]  # sip:TOKEN@...
        self.start_sipp("uas", self.phone_transport, self.phone, "-sn", "uas")
        self.await_server(self.phone_transport, self.phone)
        scenario = self.variant("uac", route=f"<{path};lr>")
        return self.call("uac", self.core_transport, self.server, "-sf", scenario,
                         f"{HOST}:{self.phone}", "-rsa", f"{HOST}:{self.core}")

    def register(self):
        self.call("register", self.phone_transport, self.phone, "-sf",
                  SCENARIOS / "register.xml", f"{HOST}:{self.gm}", calls=1)

    def variant(self, name, prelude="", route=""):
        """sipp's own scenario of that name, with something before it or a Route in each request."""
        shown = subprocess.run(["sipp", "-sd", name], capture_output=True, text=True, check=False)
        text = re.sub(r"<scenario [^>]*>", lambda found: found[0] + prelude, shown.stdout, count=1)
        if route:
            text = re.sub(r"( *)Max-Forwards: 70\n",
                          lambda found: f"{found[0]}{found[1]}Route: {route}\n", text)
        path = self.folder / f"{name}.xml"
        path.write_text(text)
        return path

    def call(self, name, transport, port, *arguments, calls=None):
        """Runs a sipp to its end; how many calls went well, and how many failed."""
        calls = calls or self.options.calls
        process = self.start_sipp(name, transport, port, *arguments, "-m", calls, "-r",
                                  self.options.rate, "-l", 2 * self.options.rate, "-timeout_error",
                                  "-timeout", 60 + 4 * calls // self.options.rate)
        status = process.wait()
        shown = (self.folder / f"{name}.log").read_text()
        ok = re.findall(r"Successful call +\| +\d+ +\| +(\d+)", shown)
        failed = re.findall(r"Failed call +\| +\d+ +\| +(\d+)", shown)
        if not ok or not failed or (status != 0 and failed[-1] == "0"):
            raise Failed(f"sipp {name} ended with status {status}")
        return int(ok[-1]), int(failed[-1])

    def start_sipp(self, name, transport, port, *arguments):
        return self.start(name, ["sipp", *arguments, "-t", "t1" if transport == "TCP" else "u1",
                                 "-i", HOST, "-p", port, "-nostdin", "-trace_err", "-error_file",
                                 self.folder / f"{name}.errors.log", "-buff_size", 4 << 20])

    def start(self, name, command):
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, cwd=self.folder,
                                       env={**os.environ, "TERM": "dumb"})
        self.started.append(process)
        return process

    def await_server(self, transport, port):
        self.await_listener(port, udp=transport == "UDP")

    def await_listener(self, port, udp=False):
        """Until the kernel has a socket there."""
        table = "/proc/net/udp" if udp else "/proc/net/tcp"
        wanted = re.compile(f": (0100007F|00000000):{port:04X} 0+:0000 {'07' if udp else '0A'} ")
        for _ in range(200):
            if wanted.search(pathlib.Path(table).read_text()):
                return
            time.sleep(0.05)
        raise Failed(f"nobody listens at {HOST}:{port}")

    def end(self):
        for process in reversed(self.started):
            process.terminate()
        for process in self.started:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def show_logs(self):
        for log in sorted(self.folder.glob("*.log")):
            print(f"--- end of {log.name}", *log.read_text().split("\n")[-40:], sep="\n")


def free_ports(count):
    """Ports that nobody has, UDP and TCP, and that the kernel gives to nobody meanwhile."""
    found = []
    candidate = 20_000 + os.getpid() % 1_000 * 10
    while len(found) < count:
        candidate += 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
                socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            try:
                udp.bind((HOST, candidate))
                tcp.bind((HOST, candidate))
            except OSError:
                continue
        found.append(candidate)
    return found


def body_of(scenario):
    return re.search(r"<scenario [^>]*>(.*)</scenario>", scenario.read_text(), re.DOTALL)[1]


if __name__ == "__main__":
    sys.exit(main())
